//! The whole of a Deployment: sums, and conditions that clients may wait for.
//!
//! `Available` holds only where it holds in every placed cluster; one cluster that exceeded its deadline makes the
//! whole exceed it, which is what `kubectl rollout status` and `helm --wait` look for. Messages name the clusters.

use serde_json::{Value, json};

use super::{Member, Subject, condition, observed_generation, reflect, sums};

pub(super) fn aggregate(subject: &Subject<'_>, members: &[Member<'_>]) -> Value {
    let mut status = sums(members, reflect::DEPLOYMENT);
    status.insert("observedGeneration".to_owned(), json!(observed_generation(subject, members)));
    // As long as no cluster said anything there is nothing to conclude.
    if members.iter().any(|member| member.status.is_some_and(|status| status.get("conditions").is_some())) {
        let mut conditions = vec![available(members), progressing(members)];
        conditions.extend(replica_failure(members));
        status.insert("conditions".to_owned(), Value::Array(conditions));
    }
    Value::Object(status)
}

fn sources<'a>(members: &[Member<'a>], type_: &str) -> Vec<&'a Value> {
    members.iter().filter_map(|member| condition::find(member.status, type_)).collect()
}

fn names<'a>(members: &[Member<'a>], holds: impl Fn(&Member<'a>) -> bool) -> Vec<&'a str> {
    members.iter().filter(|member| holds(member)).map(|member| member.cluster).collect()
}

fn available(members: &[Member<'_>]) -> Value {
    let lacking = names(members, |member| !condition::is_true(member.status, "Available"));
    let sources = sources(members, "Available");
    let total = members.len();
    if lacking.is_empty() {
        let message = format!("Available in all {total} clusters");
        return condition::make("Available", "True", "MinimumReplicasAvailable", &message, &sources);
    }
    let message = format!("Not available in {} of {total} clusters: {}", lacking.len(), lacking.join(", "));
    condition::make("Available", "False", "MinimumReplicasUnavailable", &message, &sources)
}

fn progressing(members: &[Member<'_>]) -> Value {
    const TYPE: &str = "Progressing";
    let sources = sources(members, TYPE);
    let reason_of = |member: &Member<'_>| {
        condition::find(member.status, TYPE).map(|found| condition::field(found, "reason").to_owned())
    };
    let is_false = |member: &Member<'_>| {
        condition::find(member.status, TYPE).is_some_and(|found| condition::field(found, "status") == "False")
    };
    let late = names(members, |member| {
        is_false(member) && reason_of(member).as_deref() == Some("ProgressDeadlineExceeded")
    });
    if !late.is_empty() {
        let message = format!("Progress deadline exceeded in {}", late.join(", "));
        return condition::make(TYPE, "False", "ProgressDeadlineExceeded", &message, &sources);
    }
    if let Some(member) = members.iter().find(|member| is_false(member)) {
        let stuck = names(members, is_false);
        let reason = reason_of(member).unwrap_or_default();
        return condition::make(
            TYPE,
            "False",
            &reason,
            &format!("No progress in {}", stuck.join(", ")),
            &sources,
        );
    }
    let paused = names(members, |member| reason_of(member).as_deref() == Some("DeploymentPaused"));
    if !paused.is_empty() {
        let message = format!("Paused in {}", paused.join(", "));
        return condition::make(TYPE, "Unknown", "DeploymentPaused", &message, &sources);
    }
    let behind = names(members, |member| reason_of(member).as_deref() != Some("NewReplicaSetAvailable"));
    if behind.is_empty() {
        let message = format!("Rolled out in all {} clusters", members.len());
        return condition::make(TYPE, "True", "NewReplicaSetAvailable", &message, &sources);
    }
    condition::make(
        TYPE,
        "True",
        "ReplicaSetUpdated",
        &format!("Rolling out in {}", behind.join(", ")),
        &sources,
    )
}

fn replica_failure(members: &[Member<'_>]) -> Option<Value> {
    const TYPE: &str = "ReplicaFailure";
    let failing = names(members, |member| condition::is_true(member.status, TYPE));
    if failing.is_empty() {
        return None;
    }
    let sources = sources(members, TYPE);
    let reason =
        sources.iter().map(|source| condition::field(source, "reason")).find(|reason| !reason.is_empty());
    let message = format!("Replicas cannot be made in {}", failing.join(", "));
    Some(condition::make(TYPE, "True", reason.unwrap_or("FailedCreate"), &message, &sources))
}
