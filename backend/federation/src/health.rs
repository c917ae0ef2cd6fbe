//! Whether one copy is healthy, and its phase, from the copy alone.
//!
//! Built-in kinds by their own rules, all others as kstatus reads them: the observed generation, then the
//! conditions that controllers agree on (Reconciling, Stalled, Ready, Available, Established).

use hanse_types::federated::Phase;
use serde_json::Value;

use crate::{object::Resource, status};

/// How a copy is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it does what it is there for.
    pub healthy: bool,
    /// In the common vocabulary.
    pub phase: Phase,
    /// Why it is not healthy; empty when it is.
    pub message: String,
}

impl Health {
    fn ready() -> Self {
        Self { healthy: true, phase: Phase::Ready, message: String::new() }
    }

    fn not(phase: Phase, message: impl Into<String>) -> Self {
        Self { healthy: false, phase, message: message.into() }
    }
}

/// A live object as the rules read it.
struct Live<'a>(&'a Value);

impl<'a> Live<'a> {
    fn number(&self, pointer: &str) -> Option<i64> {
        self.0.pointer(pointer).and_then(Value::as_i64)
    }

    fn count(&self, field: &str) -> i64 {
        self.0.get("status").and_then(|status| status.get(field)).and_then(Value::as_i64).unwrap_or(0)
    }

    fn text(&self, pointer: &str) -> &'a str {
        self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn flag(&self, pointer: &str) -> bool {
        self.0.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    fn condition(&self, type_: &str) -> Option<Condition<'a>> {
        let conditions = self.0.pointer("/status/conditions").and_then(Value::as_array)?;
        let text =
            |value: &'a Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
        conditions.iter().find(|value| text(value, "type") == type_).map(|value| Condition {
            status: text(value, "status"),
            reason: text(value, "reason"),
            message: text(value, "message"),
        })
    }

    /// Whether the controller has seen what the apiserver holds.
    fn is_observed(&self) -> bool {
        self.count("observedGeneration") == self.number("/metadata/generation").unwrap_or(0)
    }
}

struct Condition<'a> {
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl Condition<'_> {
    fn is(&self, status: &str) -> bool {
        self.status == status
    }

    fn sentence(&self) -> String {
        match (self.reason, self.message) {
            ("", message) => message.to_owned(),
            (reason, "") => reason.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

/// Whether a live object has this condition.
pub(crate) fn is_true(live: &Value, type_: &str) -> bool {
    Live(live).condition(type_).is_some_and(|condition| condition.is("True"))
}

/// How a live object is doing.
#[must_use]
pub fn assess(resource: &Resource, live: &Value) -> Health {
    let object = Live(live);
    if !object.text("/metadata/deletionTimestamp").is_empty() {
        return Health::not(Phase::Progressing, "it is being deleted");
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment") => deployment(&object),
        ("apps", "StatefulSet") => stateful_set(&object),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set(&object),
        ("apps", "DaemonSet") => daemon_set(&object),
        ("batch", "Job") => job(&object),
        ("batch", "CronJob") if object.flag("/spec/suspend") => paused(Health::ready()),
        ("", "Pod") => pod(&object),
        ("", "Service") => service(&object),
        ("networking.k8s.io" | "extensions", "Ingress") => {
            balanced(&object, "the ingress has no address yet")
        }
        ("", "PersistentVolumeClaim") => claim(&object),
        ("", "PersistentVolume") => volume(&object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(&object),
        ("", "Namespace") if object.text("/status/phase") == "Terminating" => {
            Health::not(Phase::Progressing, "it is being deleted")
        }
        ("policy", "PodDisruptionBudget") => budget(&object),
        _ => other(&object),
    }
}

/// Stopped on purpose; healthy or not is another question.
fn paused(health: Health) -> Health {
    Health { phase: Phase::Paused, ..health }
}

fn unobserved() -> Health {
    Health::not(Phase::Progressing, "its controller has not seen the latest generation yet")
}

fn deployment(live: &Live<'_>) -> Health {
    let health = rolled_out(live, "updatedReplicas");
    if live.flag("/spec/paused") {
        return paused(health);
    }
    if health.healthy || !live.is_observed() {
        return health;
    }
    if let Some(failure) = live.condition("ReplicaFailure").filter(|c| c.is("True")) {
        return Health::not(Phase::Failed, failure.sentence());
    }
    match live.condition("Progressing") {
        Some(progress) if progress.is("False") => Health::not(Phase::Failed, progress.sentence()),
        // Rolled out before, and pods have gone missing since.
        Some(progress) if progress.reason == "NewReplicaSetAvailable" => {
            Health { phase: Phase::Degraded, ..health }
        }
        _ => health,
    }
}

fn rolled_out(live: &Live<'_>, updated: &str) -> Health {
    if !live.is_observed() {
        return unobserved();
    }
    let (updated, available) = (live.count(updated), live.count("availableReplicas"));
    match live.number("/spec/replicas") {
        Some(wanted) if updated < wanted => {
            Health::not(Phase::Progressing, format!("{updated} of {wanted} replicas are updated"))
        }
        _ if available < updated => Health::not(
            Phase::Progressing,
            format!("{available} of {updated} updated replicas are available"),
        ),
        _ => Health::ready(),
    }
}

fn stateful_set(live: &Live<'_>) -> Health {
    rolled_out(live, "updatedReplicas")
}

fn replica_set(live: &Live<'_>) -> Health {
    if !live.is_observed() {
        return unobserved();
    }
    let available = live.count("availableReplicas");
    match live.number("/spec/replicas") {
        Some(wanted) if available < wanted => match live.condition("ReplicaFailure").filter(|c| c.is("True"))
        {
            Some(failure) => Health::not(Phase::Failed, failure.sentence()),
            None => {
                Health::not(Phase::Progressing, format!("{available} of {wanted} replicas are available"))
            }
        },
        _ => Health::ready(),
    }
}

fn daemon_set(live: &Live<'_>) -> Health {
    if !live.is_observed() {
        return unobserved();
    }
    let (wanted, updated) = (live.count("desiredNumberScheduled"), live.count("updatedNumberScheduled"));
    let available = live.count("numberAvailable");
    if updated < wanted {
        return Health::not(Phase::Progressing, format!("{updated} of {wanted} nodes are updated"));
    }
    if available < updated {
        return Health::not(Phase::Progressing, format!("available on {available} of {updated} nodes"));
    }
    Health::ready()
}

fn job(live: &Live<'_>) -> Health {
    match live.0.get("status").and_then(status::finished) {
        Some("Complete") => Health::ready(),
        Some(_) => {
            let failure = live.condition("Failed").map(|condition| condition.sentence()).unwrap_or_default();
            Health::not(Phase::Failed, failure)
        }
        None if live.flag("/spec/suspend") => Health::not(Phase::Paused, "the job is suspended"),
        None => Health::not(
            Phase::Progressing,
            format!("{} succeeded, {} active", live.count("succeeded"), live.count("active")),
        ),
    }
}

fn pod(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "Succeeded" => Health::ready(),
        "Running" if live.condition("Ready").is_some_and(|ready| ready.is("True")) => Health::ready(),
        "Failed" => Health::not(
            Phase::Failed,
            [live.text("/status/reason"), live.text("/status/message")].join(" ").trim(),
        ),
        "Running" => Health::not(Phase::Degraded, "it runs and is not ready"),
        _ => Health::not(Phase::Progressing, "it does not run yet"),
    }
}

fn service(live: &Live<'_>) -> Health {
    if live.text("/spec/type") == "LoadBalancer" {
        return balanced(live, "the load balancer has no address yet");
    }
    Health::ready()
}

fn balanced(live: &Live<'_>, message: &str) -> Health {
    let entries = live.0.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    let has_address = |entry: &Value| {
        ["ip", "hostname"]
            .iter()
            .any(|field| entry.get(*field).and_then(Value::as_str).is_some_and(|a| !a.is_empty()))
    };
    if entries.into_iter().flatten().any(has_address) {
        Health::ready()
    } else {
        Health::not(Phase::Progressing, message)
    }
}

fn claim(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "Bound" => Health::ready(),
        "Lost" => Health::not(Phase::Failed, "its volume is lost"),
        _ => Health::not(Phase::Progressing, "it is not bound yet"),
    }
}

/// Only two of a volume's phases say that something is amiss.
fn volume(live: &Live<'_>) -> Health {
    match live.text("/status/phase") {
        "Failed" => Health::not(Phase::Failed, live.text("/status/message")),
        "Pending" => Health::not(Phase::Progressing, "it is not available yet"),
        _ => Health::ready(),
    }
}

/// As kstatus: established, or its names or its schema were refused, or still being installed.
fn definition(live: &Live<'_>) -> Health {
    if let Some(names) = live.condition("NamesAccepted").filter(|c| c.is("False")) {
        return Health::not(Phase::Failed, names.sentence());
    }
    match live.condition("Established") {
        Some(established) if established.is("True") => Health::ready(),
        Some(established) if established.is("False") && established.reason != "Installing" => {
            Health::not(Phase::Failed, established.sentence())
        }
        _ => Health::not(Phase::Progressing, "it is being installed"),
    }
}

fn budget(live: &Live<'_>) -> Health {
    let (current, desired) = (live.count("currentHealthy"), live.count("desiredHealthy"));
    if current >= desired {
        return Health::ready();
    }
    Health::not(Phase::Degraded, format!("{current} of {desired} needed pods are healthy"))
}

/// The rules of kstatus for kinds that nothing is known of.
fn other(live: &Live<'_>) -> Health {
    if let (Some(observed), Some(generation)) =
        (live.number("/status/observedGeneration"), live.number("/metadata/generation"))
        && observed != generation
    {
        return unobserved();
    }
    if let Some(stalled) = live.condition("Stalled").filter(|c| c.is("True")) {
        return Health::not(Phase::Failed, stalled.sentence());
    }
    if let Some(reconciling) = live.condition("Reconciling").filter(|c| c.is("True")) {
        return Health::not(Phase::Progressing, reconciling.sentence());
    }
    for type_ in ["Ready", "Available", "Established"] {
        if let Some(condition) = live.condition(type_) {
            return match condition.status {
                "True" => Health::ready(),
                _ => Health::not(Phase::Progressing, condition.sentence()),
            };
        }
    }
    Health::ready()
}
