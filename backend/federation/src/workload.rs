//! Where the built-in kinds keep their pods and their numbers.
//!
//! Kinds that are not built in are read by the same rules when they look the same (`spec.replicas`,
//! `spec.template.spec`), which most custom workloads do.

use serde_json::{Map, Value, json};

use crate::object::Resource;

/// JSON pointer of the pod template (of the object that has `metadata` and `spec` of pods).
#[must_use]
pub fn pod_template_pointer(kind: &str) -> &'static str {
    match kind {
        "Pod" => "",
        "CronJob" => "/spec/jobTemplate/spec/template",
        _ => "/spec/template",
    }
}

/// The pod's own specification within an object.
#[must_use]
pub fn pod_spec<'a>(kind: &str, object: &'a Value) -> Option<&'a Value> {
    object.pointer(pod_template_pointer(kind))?.get("spec")
}

/// The field below `spec` that holds how many pods run: `replicas`, or `parallelism` of a Job.
#[must_use]
pub fn replicas_field(resource: &Resource) -> &'static str {
    if resource.is("batch", "Job") { "parallelism" } else { "replicas" }
}

/// Whether copies of this object have a number of replicas to divide.
#[must_use]
pub fn has_replicas(resource: &Resource, template: &Value) -> bool {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet") | ("batch", "Job") => true,
        ("", "ReplicationController") => true,
        ("apps" | "batch" | "" | "autoscaling" | "policy", _) => false,
        _ => template.pointer("/spec/replicas").is_some_and(Value::is_number),
    }
}

/// The number in the template, or what the member would default it to.
#[must_use]
pub fn template_replicas(resource: &Resource, template: &Value) -> i64 {
    template
        .pointer("/spec")
        .and_then(|spec| spec.get(replicas_field(resource)))
        .and_then(Value::as_i64)
        .unwrap_or(1)
}

/// Pods that a copy runs at the same time, for kinds of which that is a number of their own: a Job never runs more than
/// it has completions to make.
#[must_use]
pub fn pods(resource: &Resource, object: &Value) -> Option<i64> {
    if resource.is("", "Pod") {
        return Some(1);
    }
    if !has_replicas(resource, object) {
        return None;
    }
    let replicas = template_replicas(resource, object);
    let completions = object.pointer("/spec/completions").and_then(Value::as_i64);
    Some(match completions.filter(|_| resource.is("batch", "Job")) {
        Some(completions) => replicas.min(completions),
        None => replicas,
    })
}

/// What a scheduler has to find room for: how many pods, and what each demands of its node.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Pods that run at the same time.
    pub replicas: i64,
    /// `nodeClaim` (node selector, tolerations, required node affinity), empty when any node will do.
    pub requirements: Value,
}

/// What a workload demands. A Job never runs more pods than it has completions left to make.
#[must_use]
pub fn demand(kind: &str, object: &Value) -> Demand {
    let number =
        |field: &str| object.pointer("/spec").and_then(|spec| spec.get(field)).and_then(Value::as_i64);
    let replicas = match kind {
        "Pod" => 1,
        "Job" => {
            let parallelism = number("parallelism").unwrap_or(1);
            number("completions").map_or(parallelism, |completions| completions.min(parallelism))
        }
        _ => number("replicas").unwrap_or(0),
    };
    Demand { replicas, requirements: requirements(kind, object) }
}

fn requirements(kind: &str, object: &Value) -> Value {
    let Some(spec) = pod_spec(kind, object) else { return json!({}) };
    let mut claim = Map::new();
    let found = [
        ("nodeSelector", spec.get("nodeSelector")),
        ("tolerations", spec.get("tolerations")),
        (
            "hardNodeAffinity",
            spec.pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution"),
        ),
    ];
    for (name, value) in found {
        if let Some(value) = value.filter(|v| !v.is_null()) {
            claim.insert(name.to_owned(), value.clone());
        }
    }
    if claim.is_empty() { json!({}) } else { json!({ "nodeClaim": claim }) }
}
