//! Kinds whose whole is a phase by precedence, a sum or a concatenation.

use serde_json::{Map, Value, json};

use super::{Member, Subject, latest, reflect, sums, text};

/// The first of `precedence` that any cluster is in.
fn first_phase(members: &[Member<'_>], precedence: &[&str], missing: &str) -> Option<String> {
    let phases: Vec<&str> =
        members.iter().map(|member| text(member.status, "phase").unwrap_or(missing)).collect();
    let known = precedence.iter().find(|phase| phases.contains(*phase)).copied();
    known.or_else(|| phases.first().copied()).map(str::to_owned)
}

pub(super) fn pod(subject: &Subject<'_>, members: &[Member<'_>]) -> Value {
    let mut status = Map::new();
    let Some(phase) = first_phase(members, &["Failed", "Pending", "Running", "Succeeded"], "Pending") else {
        return subject.previous.cloned().unwrap_or_else(|| json!({}));
    };
    status.insert("phase".to_owned(), json!(phase));
    for field in ["initContainerStatuses", "containerStatuses"] {
        let lists = members.iter().filter_map(|member| member.status?.get(field)?.as_array());
        let all: Vec<Value> = lists.flatten().map(reflect::container).collect();
        if !all.is_empty() {
            status.insert(field.to_owned(), Value::Array(all));
        }
    }
    Value::Object(status)
}

pub(super) fn volume(members: &[Member<'_>]) -> Value {
    let precedence = ["Failed", "Pending", "Available", "Bound", "Released"];
    first_phase(members, &precedence, "Pending").map_or_else(|| json!({}), |phase| json!({ "phase": phase }))
}

/// Lost wins; otherwise the last that is not bound; a claim that was not seen yet does not count.
pub(super) fn claim(members: &[Member<'_>]) -> Value {
    let phases: Vec<&str> = members.iter().filter_map(|member| text(member.status, "phase")).collect();
    let phase = if phases.contains(&"Lost") {
        "Lost"
    } else {
        phases.iter().rev().find(|phase| **phase != "Bound").copied().unwrap_or("Bound")
    };
    json!({ "phase": phase })
}

pub(super) fn namespace(members: &[Member<'_>]) -> Value {
    let precedence = ["Terminating", "Active"];
    let seen: Vec<Member<'_>> = members.iter().copied().filter(|member| member.status.is_some()).collect();
    first_phase(&seen, &precedence, "Active").map_or_else(|| json!({}), |phase| json!({ "phase": phase }))
}

pub(super) fn cron_job(members: &[Member<'_>]) -> Value {
    let mut status = Map::new();
    let lists = members.iter().filter_map(|member| member.status?.get("active")?.as_array());
    let active: Vec<Value> = lists.flatten().cloned().collect();
    if !active.is_empty() {
        status.insert("active".to_owned(), Value::Array(active));
    }
    for field in ["lastScheduleTime", "lastSuccessfulTime"] {
        if let Some(time) = latest(members.iter().filter_map(|member| text(member.status, field))) {
            status.insert(field.to_owned(), json!(time));
        }
    }
    Value::Object(status)
}

pub(super) fn budget(members: &[Member<'_>]) -> Value {
    let mut status =
        sums(members, &["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"]);
    let mut disrupted = Map::new();
    for member in members {
        let pods = member.status.and_then(|status| status.get("disruptedPods")).and_then(Value::as_object);
        for (pod, since) in pods.into_iter().flatten() {
            disrupted.insert(format!("{}/{pod}", member.cluster), since.clone());
        }
    }
    if !disrupted.is_empty() {
        status.insert("disruptedPods".to_owned(), Value::Object(disrupted));
    }
    Value::Object(status)
}
