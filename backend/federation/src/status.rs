//! Status of copies, and of all of them together.
//!
//! [`reflect`] trims a copy's status to what the whole is made from; that is what is kept in memory for every copy.
//! [`aggregate`] makes of those a status as the kind's own controller would write it, so that clients which know
//! only Kubernetes (`kubectl rollout status`, `helm --wait`, Argo CD) understand the whole as they understand a
//! single cluster.

use serde_json::{Map, Value, json};

use crate::object::Resource;

mod balancer;
mod condition;
mod deployment;
mod job;
mod reflect;
mod simple;

pub use balancer::merge_ingress;
pub use job::finished;
pub use reflect::reflect;

/// A status that has not the shape that its kind prescribes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("status{path}: {reason}")]
pub struct StatusError {
    /// Path below `status`, beginning with a dot; empty for the status itself.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl StatusError {
    fn new(field: &str, reason: impl Into<String>) -> Self {
        let path = if field.is_empty() { String::new() } else { format!(".{field}") };
        Self { path, reason: reason.into() }
    }
}

/// What an aggregate is about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The kind.
    pub resource: &'a Resource,
    /// The template.
    pub template: &'a Value,
    /// Generation of the federated object.
    pub generation: i64,
    /// The aggregate so far; a finished Job stays as it is, an older observed generation stays until all caught up.
    pub previous: Option<&'a Value>,
}

/// One placed cluster's reflected status; absent as long as none was seen.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// As [`reflect`] gave it.
    pub status: Option<&'a Value>,
}

/// The status over all placed clusters.
#[must_use]
pub fn aggregate(subject: &Subject<'_>, members: &[Member<'_>]) -> Value {
    match (subject.resource.group.as_str(), subject.resource.kind.as_str()) {
        ("apps", "Deployment") => deployment::aggregate(subject, members),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => counted(
            subject,
            members,
            &["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
        ),
        ("apps", "StatefulSet") => counted(subject, members, reflect::STATEFUL_SET),
        ("apps", "DaemonSet") => counted(subject, members, reflect::DAEMON_SET),
        ("batch", "Job") => job::aggregate(subject, members),
        ("batch", "CronJob") => simple::cron_job(members),
        ("", "Pod") => simple::pod(subject, members),
        ("", "Service") => balancer::service(subject, members),
        ("networking.k8s.io" | "extensions", "Ingress") => balancer::ingress(members),
        ("", "PersistentVolumeClaim") => simple::claim(members),
        ("", "PersistentVolume") => simple::volume(members),
        ("", "Namespace") => simple::namespace(members),
        ("policy", "PodDisruptionBudget") => simple::budget(members),
        ("autoscaling", "HorizontalPodAutoscaler") => {
            sums(members, &["currentReplicas", "desiredReplicas"]).into()
        }
        _ => json!({}),
    }
}

fn sums(members: &[Member<'_>], fields: &[&str]) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| {
            let sum: i64 =
                members.iter().map(|member| number(member.status, field)).fold(0, i64::saturating_add);
            ((*field).to_owned(), json!(sum))
        })
        .collect()
}

/// Sums and the observed generation, for kinds of which every cluster counts pods.
fn counted(subject: &Subject<'_>, members: &[Member<'_>], fields: &[&str]) -> Value {
    let mut status = sums(members, fields);
    status.insert("observedGeneration".to_owned(), json!(observed_generation(subject, members)));
    Value::Object(status)
}

/// The template's generation once every placed cluster has observed what was last sent, otherwise the older one.
fn observed_generation(subject: &Subject<'_>, members: &[Member<'_>]) -> i64 {
    let caught_up = members.iter().all(|member| {
        member.status.is_some()
            && number(member.status, "resourceTemplateGeneration") == subject.generation
            && number(member.status, "observedGeneration") >= number(member.status, "generation")
    });
    if caught_up { subject.generation } else { number(subject.previous, "observedGeneration") }
}

fn number(status: Option<&Value>, field: &str) -> i64 {
    status.and_then(|status| status.get(field)).and_then(Value::as_i64).unwrap_or(0)
}

fn text<'a>(status: Option<&'a Value>, field: &str) -> Option<&'a str> {
    status.and_then(|status| status.get(field)).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Which of two RFC 3339 times is later; text that is no time is the earliest.
pub(crate) fn time_order(a: &str, b: &str) -> std::cmp::Ordering {
    let parse = |text: &str| chrono::DateTime::parse_from_rfc3339(text).ok();
    parse(a).cmp(&parse(b))
}

fn latest<'a>(times: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    times.max_by(|a, b| time_order(a, b))
}

fn earliest<'a>(times: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    times.min_by(|a, b| time_order(a, b))
}
