//! The whole of a Job: it is complete when every cluster's part is, failed when one is, and then final.

use serde_json::{Value, json};

use super::{Member, Subject, condition, earliest, latest, sums, text};

/// `Complete` or `Failed` once the Job is finished.
#[must_use]
pub fn finished(status: &Value) -> Option<&'static str> {
    let conditions = status.get("conditions").and_then(Value::as_array)?;
    conditions.iter().filter(|found| condition::field(found, "status") == "True").find_map(|found| {
        match condition::field(found, "type") {
            "Complete" => Some("Complete"),
            "Failed" => Some("Failed"),
            _ => None,
        }
    })
}

pub(super) fn aggregate(subject: &Subject<'_>, members: &[Member<'_>]) -> Value {
    if let Some(previous) = subject.previous.filter(|previous| finished(previous).is_some()) {
        return previous.clone();
    }
    let mut status = sums(members, &["active", "succeeded", "failed"]);
    let has_ready =
        members.iter().any(|member| member.status.is_some_and(|status| status.get("ready").is_some()));
    if has_ready {
        status.append(&mut sums(members, &["ready"]));
    }
    let conditions = conditions(members);
    if !conditions.is_empty() {
        status.insert("conditions".to_owned(), Value::Array(conditions));
    }
    let started: Vec<&str> = members.iter().filter_map(|member| text(member.status, "startTime")).collect();
    let start = match text(subject.previous, "startTime") {
        Some(known) => Some(known),
        None if started.len() == members.len() => earliest(started.into_iter()),
        None => None,
    };
    if let Some(start) = start {
        status.insert("startTime".to_owned(), json!(start));
    }
    let completed: Vec<&str> =
        members.iter().filter_map(|member| text(member.status, "completionTime")).collect();
    if completed.len() == members.len()
        && let Some(completion) = latest(completed.into_iter())
    {
        status.insert("completionTime".to_owned(), json!(completion));
    }
    Value::Object(status)
}

fn conditions(members: &[Member<'_>]) -> Vec<Value> {
    let those = |type_: &str| -> Vec<(&str, &Value)> {
        let found = members.iter().filter(|member| condition::is_true(member.status, type_));
        found.filter_map(|member| Some((member.cluster, condition::find(member.status, type_)?))).collect()
    };
    let sources = |found: &[(&str, &Value)]| -> Vec<String> {
        found.iter().map(|(cluster, _)| (*cluster).to_owned()).collect()
    };
    let make = |type_: &str, reason: &str, message: &str, found: &[(&str, &Value)]| {
        let values: Vec<&Value> = found.iter().map(|(_, value)| *value).collect();
        condition::make(type_, "True", reason, message, &values)
    };
    let mut conditions = Vec::new();
    let ends: Vec<(&str, &str)> =
        members.iter().filter_map(|member| Some((member.cluster, finished(member.status?)?))).collect();
    if ends.iter().any(|(_, end)| *end == "Failed") {
        let failed = those("Failed");
        let message = format!("Job executed failed in member clusters {}", sources(&failed).join(","));
        // Apiservers from 1.31 on want the target before the failure itself.
        let target = those("FailureTarget");
        if !target.is_empty() {
            conditions.push(make("FailureTarget", "JobFailed", &message, &target));
        }
        conditions.push(make("Failed", "JobFailed", &message, &failed));
    }
    let complete = ends.iter().filter(|(_, end)| *end == "Complete").count();
    if complete > 0 && complete == members.len() {
        conditions.push(make("Complete", "Completed", "Job completed", &those("Complete")));
        let met = those("SuccessCriteriaMet");
        if met.len() == members.len() {
            let message = "All member clusters have met success criteria";
            conditions.push(make("SuccessCriteriaMet", "CompletionsReached", message, &met));
        }
    }
    conditions
}
