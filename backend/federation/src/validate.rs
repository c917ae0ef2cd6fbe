//! Everything about a federated object that can be refused when it is submitted.
//!
//! What passes here can still fail in a member, but not for a reason that could have been told before. Names of
//! clusters that do not exist are accepted, because a cluster may come later; [`unmatched`] lists them.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    FieldError,
    fleet::ClusterView,
    kinds,
    object::{FederatedObject, Policy, Preference, ReplicaMode, Replicas, Strategy},
    overrides, placement, prune, workload,
};

/// Replicas are 32-bit numbers in Kubernetes.
const MOST_REPLICAS: i64 = i32::MAX as i64;

/// What is wrong with an object, by field path. The overrides are tried on every cluster of `fleet`.
#[must_use]
pub fn validate(object: &FederatedObject, fleet: &[ClusterView]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    faults.extend(identity_faults(object));
    let spec = &object.spec;
    let template = template_faults(object);
    let sound = template.is_empty();
    faults.extend(template);
    faults.extend(placement::faults(&spec.placement, "spec.placement"));
    let malformed = overrides::faults(&spec.overrides, "spec.overrides");
    if sound && malformed.is_empty() {
        let mut pruned = spec.template.clone();
        prune::template(&object.resource, &mut pruned);
        faults.extend(overrides::trial(&pruned, &object.resource, &spec.overrides, fleet));
    }
    faults.extend(malformed);
    if let Some(replicas) = &spec.replicas {
        faults.extend(replica_faults(object, replicas));
    }
    if spec.retain_replicas && !may_have_replicas(object) {
        let message = format!("{} has no replicas to retain", object.resource.kind);
        faults.push(FieldError::new("spec.retainReplicas", message));
    }
    faults.extend(policy_faults(&spec.policy));
    faults
}

/// Field paths that name clusters which do not exist; for warnings.
#[must_use]
pub fn unmatched(object: &FederatedObject, fleet: &[ClusterView]) -> Vec<FieldError> {
    let unknown = |name: &str| !fleet.iter().any(|cluster| cluster.name == name);
    let warn = |path: String, name: &str| {
        FieldError::new(path, format!("no cluster is named {name:?}: matches nothing"))
    };
    let spec = &object.spec;
    let mut found: Vec<FieldError> = placement::unmatched(&spec.placement, fleet)
        .into_iter()
        .map(|name| warn("spec.placement.clusters".to_owned(), name))
        .collect();
    for (index, rule) in spec.overrides.iter().enumerate() {
        for name in rule.clusters.iter().flatten().filter(|name| unknown(name)) {
            found.push(warn(format!("spec.overrides[{index}].clusters"), name));
        }
    }
    for name in spec.replicas.iter().flat_map(|replicas| replicas.clusters.keys()) {
        if name != "*" && unknown(name) {
            found.push(warn(format!("spec.replicas.clusters[{name}]"), name));
        }
    }
    found
}

fn identity_faults(object: &FederatedObject) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let bad = |text: &str| text.len() > 253 || text.contains(['/', '%']) || text == "." || text == "..";
    if object.name.is_empty() {
        faults.push(FieldError::new("name", "is required"));
    } else if bad(&object.name) {
        faults.push(FieldError::new("name", "must have at most 253 characters, none of them \"/\" or \"%\""));
    }
    match (object.resource.namespaced, object.namespace.as_deref()) {
        (true, None | Some("")) => {
            faults.push(FieldError::new("namespace", format!("is required for {}", object.resource.kind)));
        }
        (false, Some(_)) => {
            faults.push(FieldError::new("namespace", format!("{} has no namespace", object.resource.kind)));
        }
        _ => {}
    }
    faults
}

fn template_faults(object: &FederatedObject) -> Vec<FieldError> {
    let (resource, template) = (&object.resource, &object.spec.template);
    if !template.is_object() {
        return vec![FieldError::new(
            "spec.template",
            "must be an object: the Kubernetes object to be federated",
        )];
    }
    let mut faults = Vec::new();
    let text = |field: &str| template.get(field).filter(|value| !value.is_null());
    match text("kind").map(Value::as_str) {
        Some(Some(kind)) if kind != resource.kind => {
            let message = format!("is {kind}, but the federated object is of kind {}", resource.kind);
            faults.push(FieldError::new("spec.template.kind", message));
        }
        Some(None) => faults.push(FieldError::new("spec.template.kind", "must be text")),
        _ => {}
    }
    match text("apiVersion").map(Value::as_str) {
        Some(Some(version)) => {
            let moved =
                kinds::built_in(&resource.kind, Some(version)).is_some_and(|r| r.group == resource.group);
            if kinds::split_api_version(version).0 != resource.group && !moved {
                let message =
                    format!("is {version}, but the federated object is of {}", resource.api_version());
                faults.push(FieldError::new("spec.template.apiVersion", message));
            }
        }
        Some(None) => faults.push(FieldError::new("spec.template.apiVersion", "must be text")),
        None => {}
    }
    for field in ["metadata", "spec"] {
        // Custom kinds may have any `spec`.
        let built_in = kinds::built_in(&resource.kind, Some(&resource.api_version())).is_some();
        if text(field).is_some_and(|value| !value.is_object()) && (field == "metadata" || built_in) {
            faults.push(FieldError::new(format!("spec.template.{field}"), "must be an object"));
        }
    }
    for field in ["labels", "annotations"] {
        let path = format!("spec.template.metadata.{field}");
        match template.pointer(&format!("/metadata/{field}")) {
            None | Some(Value::Null) => {}
            Some(Value::Object(map)) => {
                let wrong = map.iter().filter(|(_, value)| !value.is_string());
                faults
                    .extend(wrong.map(|(key, _)| FieldError::new(format!("{path}[{key}]"), "must be text")));
            }
            Some(_) => faults.push(FieldError::new(path, "must be an object")),
        }
    }
    faults
}

fn may_have_replicas(object: &FederatedObject) -> bool {
    workload::has_replicas(&object.resource, &object.spec.template)
        || kinds::built_in(&object.resource.kind, Some(&object.resource.api_version())).is_none()
}

fn replica_faults(object: &FederatedObject, replicas: &Replicas) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if replicas.total.is_some_and(|total| !(0..=MOST_REPLICAS).contains(&total)) {
        faults.push(FieldError::new("spec.replicas.total", format!("must be between 0 and {MOST_REPLICAS}")));
    }
    faults.extend(preference_faults(&replicas.clusters, "spec.replicas.clusters"));
    faults.extend(spread_faults(replicas));
    if replicas.mode == ReplicaMode::Duplicated {
        if replicas.total.is_some() {
            faults.push(FieldError::new("spec.replicas.total", "is only for mode Divided"));
        }
        if !replicas.clusters.is_empty() {
            faults.push(FieldError::new("spec.replicas.clusters", "is only for mode Divided"));
        }
        return faults;
    }
    let scaler = object.resource.is("autoscaling", "HorizontalPodAutoscaler");
    if !scaler && !may_have_replicas(object) {
        let message = format!("{} has no replicas to divide", object.resource.kind);
        faults.push(FieldError::new("spec.replicas.mode", message));
    }
    let field = format!("/spec/{}", workload::replicas_field(&object.resource));
    for (index, rule) in object.spec.overrides.iter().enumerate() {
        let message = "the number is decided by spec.replicas (mode Divided); use its preferences instead";
        if rule.replicas.is_some() {
            faults.push(FieldError::new(format!("spec.overrides[{index}].replicas"), message));
        }
        for (at, _) in rule.patches.iter().enumerate().filter(|(_, patch)| patch.path == field) {
            faults.push(FieldError::new(format!("spec.overrides[{index}].patches[{at}].path"), message));
        }
    }
    faults
}

fn spread_faults(replicas: &Replicas) -> Vec<FieldError> {
    let Some(spread) = replicas.spread else { return Vec::new() };
    let mut faults = Vec::new();
    if replicas.strategy != Strategy::Spread {
        faults.push(FieldError::new("spec.replicas.spread", "is only for strategy Spread"));
    }
    for (field, groups) in [("minGroups", spread.min_groups), ("maxGroups", spread.max_groups)] {
        if groups.is_some_and(|groups| !(1..=MOST_REPLICAS).contains(&groups)) {
            let message = format!("must be between 1 and {MOST_REPLICAS}");
            faults.push(FieldError::new(format!("spec.replicas.spread.{field}"), message));
        }
    }
    if let (Some(least), Some(most)) = (spread.min_groups, spread.max_groups)
        && most < least
    {
        let message = format!("is less than minGroups ({least})");
        faults.push(FieldError::new("spec.replicas.spread.maxGroups", message));
    }
    faults
}

/// What is wrong with preferences of a divided total.
#[must_use]
pub fn preference_faults(clusters: &BTreeMap<String, Preference>, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (name, preference) in clusters {
        let here = format!("{path}[{name}]");
        if name.is_empty() {
            faults.push(FieldError::new(path, "a cluster's name is missing; \"*\" is every other cluster"));
        }
        if !(0..=MOST_REPLICAS).contains(&preference.weight) {
            faults.push(FieldError::new(
                format!("{here}.weight"),
                format!("must be between 0 and {MOST_REPLICAS}"),
            ));
        }
        if !(0..=MOST_REPLICAS).contains(&preference.min_replicas) {
            let message = format!("must be between 0 and {MOST_REPLICAS}");
            faults.push(FieldError::new(format!("{here}.minReplicas"), message));
        }
        match preference.max_replicas {
            Some(max) if max < 0 => {
                faults.push(FieldError::new(format!("{here}.maxReplicas"), "must not be negative"));
            }
            Some(max) if max < preference.min_replicas => {
                let message = format!("is less than minReplicas ({})", preference.min_replicas);
                faults.push(FieldError::new(format!("{here}.maxReplicas"), message));
            }
            _ => {}
        }
    }
    faults
}

fn policy_faults(policy: &Policy) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (index, path) in policy.drift.ignore_paths.iter().enumerate() {
        let here = format!("spec.policy.drift.ignorePaths[{index}]");
        if !path.starts_with('/') || path.len() < 2 {
            faults.push(FieldError::new(here, "must be a JSON pointer, such as /spec/replicas"));
        } else if ["/metadata", "/spec", "/metadata/labels", "/kind", "/apiVersion"].contains(&path.as_str())
        {
            faults.push(FieldError::new(
                here,
                format!("{path} is too much: name the fields that members may change"),
            ));
        }
    }
    let grace = policy.delete_options.as_ref().and_then(|options| options.grace_period_seconds);
    if grace.is_some_and(|seconds| seconds < 0) {
        faults.push(FieldError::new("spec.policy.deleteOptions.gracePeriodSeconds", "must not be negative"));
    }
    faults
}
