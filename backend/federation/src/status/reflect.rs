//! Trimming a copy's status.

use serde_json::{Map, Value, json};

use super::{StatusError, condition};
use crate::object::Resource;

pub(super) const DEPLOYMENT: &[&str] =
    &["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"];
const REPLICA_SET: &[&str] = &["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"];
pub(super) const STATEFUL_SET: &[&str] =
    &["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"];
pub(super) const DAEMON_SET: &[&str] = &[
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
];

/// The part of a copy's status that the aggregate is made from; `None` when it has none worth keeping.
///
/// `template_generation` is the generation of the federated object that the copy is known to hold, where it is
/// known; together with the copy's own generations it says whether what was last sent has been observed. A status that
/// was reflected before (`resourceTemplateGeneration`, `generation`) keeps saying so.
///
/// # Errors
/// The status has not the shape that its kind prescribes.
pub fn reflect(
    resource: &Resource,
    live: &Value,
    template_generation: Option<i64>,
) -> Result<Option<Value>, StatusError> {
    let status = match live.get("status") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(status)) => status,
        Some(_) => return Err(StatusError::new("", "it is not an object")),
    };
    let reflected = match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment") => {
            let mut kept = counted(live, status, DEPLOYMENT, template_generation)?;
            conditions(status, &mut kept)?;
            kept
        }
        ("apps", "ReplicaSet") | ("", "ReplicationController") => {
            counted(live, status, REPLICA_SET, template_generation)?
        }
        ("apps", "StatefulSet") => counted(live, status, STATEFUL_SET, template_generation)?,
        ("apps", "DaemonSet") => counted(live, status, DAEMON_SET, template_generation)?,
        ("batch", "Job") => {
            let mut kept = integers(status, &["active", "ready", "succeeded", "failed"])?;
            texts(status, &["startTime", "completionTime"], &mut kept)?;
            conditions(status, &mut kept)?;
            kept
        }
        ("batch", "CronJob") => {
            let mut kept = Map::new();
            list(status, "active", &mut kept)?;
            texts(status, &["lastScheduleTime", "lastSuccessfulTime"], &mut kept)?;
            kept
        }
        ("", "Pod") => pod(status)?,
        ("", "Service") => {
            if live.pointer("/spec/type").and_then(Value::as_str) != Some("LoadBalancer") {
                return Ok(None);
            }
            load_balancer(status)?
        }
        ("networking.k8s.io" | "extensions", "Ingress") => load_balancer(status)?,
        ("", "PersistentVolumeClaim" | "PersistentVolume" | "Namespace") => {
            let mut kept = Map::new();
            texts(status, &["phase"], &mut kept)?;
            kept
        }
        ("policy", "PodDisruptionBudget") => {
            let mut kept = integers(
                status,
                &["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"],
            )?;
            match status.get("disruptedPods") {
                None | Some(Value::Null) => {}
                Some(pods @ Value::Object(_)) => {
                    kept.insert("disruptedPods".to_owned(), pods.clone());
                }
                Some(_) => return Err(StatusError::new("disruptedPods", "it is not an object")),
            }
            kept
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            integers(status, &["currentReplicas", "desiredReplicas"])?
        }
        _ => status.clone(),
    };
    Ok(Some(Value::Object(reflected)))
}

fn counted(
    live: &Value,
    status: &Map<String, Value>,
    fields: &[&str],
    template_generation: Option<i64>,
) -> Result<Map<String, Value>, StatusError> {
    let mut kept = integers(status, fields)?;
    kept.append(&mut integers(status, &["observedGeneration"])?);
    let said = |field: &str| status.get(field).and_then(Value::as_i64);
    let own = live.pointer("/metadata/generation").and_then(Value::as_i64).or_else(|| said("generation"));
    if let Some(generation) = own {
        kept.insert("generation".to_owned(), json!(generation));
    }
    let template_generation = template_generation.or_else(|| said("resourceTemplateGeneration"));
    if let Some(generation) = template_generation.filter(|generation| *generation != 0) {
        kept.insert("resourceTemplateGeneration".to_owned(), json!(generation));
    }
    Ok(kept)
}

fn integers(status: &Map<String, Value>, fields: &[&str]) -> Result<Map<String, Value>, StatusError> {
    let mut kept = Map::new();
    for field in fields {
        match status.get(*field) {
            None | Some(Value::Null) => {}
            Some(number) if number.is_i64() => {
                kept.insert((*field).to_owned(), number.clone());
            }
            Some(_) => return Err(StatusError::new(field, "it is not an integer")),
        }
    }
    Ok(kept)
}

fn texts(
    status: &Map<String, Value>,
    fields: &[&str],
    kept: &mut Map<String, Value>,
) -> Result<(), StatusError> {
    for field in fields {
        match status.get(*field) {
            None | Some(Value::Null) => {}
            Some(text @ Value::String(_)) => {
                kept.insert((*field).to_owned(), text.clone());
            }
            Some(_) => return Err(StatusError::new(field, "it is not a string")),
        }
    }
    Ok(())
}

fn list<'a>(
    status: &'a Map<String, Value>,
    field: &str,
    kept: &mut Map<String, Value>,
) -> Result<&'a [Value], StatusError> {
    match status.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => {
            kept.insert(field.to_owned(), json!(items));
            Ok(items)
        }
        Some(_) => Err(StatusError::new(field, "it is not a list")),
    }
}

fn conditions(status: &Map<String, Value>, kept: &mut Map<String, Value>) -> Result<(), StatusError> {
    let trimmed: Vec<Value> = list(status, "conditions", kept)?.iter().map(condition::trim).collect();
    if !trimmed.is_empty() {
        kept.insert("conditions".to_owned(), Value::Array(trimmed));
    }
    Ok(())
}

fn load_balancer(status: &Map<String, Value>) -> Result<Map<String, Value>, StatusError> {
    match status.get("loadBalancer") {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(balancer @ Value::Object(_)) => {
            Ok(Map::from_iter([("loadBalancer".to_owned(), balancer.clone())]))
        }
        Some(_) => Err(StatusError::new("loadBalancer", "it is not an object")),
    }
}

fn pod(status: &Map<String, Value>) -> Result<Map<String, Value>, StatusError> {
    let mut kept = Map::new();
    texts(status, &["phase"], &mut kept)?;
    for field in ["initContainerStatuses", "containerStatuses"] {
        let trimmed: Vec<Value> = list(status, field, &mut kept)?.iter().map(container).collect();
        if !trimmed.is_empty() {
            kept.insert(field.to_owned(), Value::Array(trimmed));
        }
    }
    Ok(kept)
}

/// Whether a container is ready and what it does.
pub(super) fn container(status: &Value) -> Value {
    let fields = ["ready", "state"].iter();
    let kept = fields.filter_map(|field| Some(((*field).to_owned(), status.get(*field)?.clone())));
    Value::Object(kept.collect())
}
