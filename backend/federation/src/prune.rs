//! What is taken out of a template before it is sent anywhere.
//!
//! A template often comes from a live object (`kubectl get -o yaml`), and then holds what one apiserver or one
//! controller wrote for its own cluster. Sent to others that would be refused or, worse, believed.

use serde_json::{Map, Value};

use crate::{kinds, object::Resource};

/// Label that marks the copies of every view; with no other label or annotation of ours.
pub const MANAGED_LABEL: &str = "kubefed.io/managed";

/// Annotations below these belong to the host: they steer federation, or describe the host's object.
const HOST_ANNOTATIONS: [&str; 4] =
    ["kubefed.io/", "hanse.io/", "federation.kubernetes.io/", "federation.alpha.kubernetes.io/"];

/// `kubectl apply` keeps the whole object there; it describes the host's object and would double each copy.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Takes out everything that does not belong into a template.
pub fn template(resource: &Resource, object: &mut Value) {
    server_fields(object);
    // A group that the kind has left long ago; other versions of its own group are the template's choice.
    let version = object.get("apiVersion").and_then(Value::as_str);
    if version.is_some_and(|version| kinds::split_api_version(version).0 != resource.group) {
        object["apiVersion"] = Value::String(resource.api_version());
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("ownerReferences");
        metadata.remove("finalizers");
    }
    retain_annotations(object, |key| {
        key != LAST_APPLIED && !HOST_ANNOTATIONS.iter().any(|prefix| key.starts_with(prefix))
    });
    blank_creation_timestamps(object);
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment") => {
            retain_annotations(object, |key| !key.starts_with("deployment.kubernetes.io/"));
        }
        ("apps", "ReplicaSet") => {
            retain_annotations(object, |key| !key.starts_with("deployment.kubernetes.io/"));
        }
        ("apps", "DaemonSet") => {
            retain_annotations(object, |key| key != "deprecated.daemonset.template.generation");
        }
        ("batch", "Job") => job(object),
        ("", "ServiceAccount") => service_account(object),
        ("", "Secret") => secret(object),
        ("", "Service") => service(object),
        ("", "Namespace") => {
            if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                spec.remove("finalizers");
            }
        }
        ("", "PersistentVolumeClaim") => {
            // Which node and which volume is each cluster's own.
            retain_annotations(object, |key| {
                !["volume.kubernetes.io/selected-node", "pv.kubernetes.io/bind-completed"].contains(&key)
            });
        }
        _ => {}
    }
}

/// Takes out what only an apiserver writes; also done after overrides, which could bring it back.
pub fn server_fields(object: &mut Value) {
    let Some(object) = object.as_object_mut() else { return };
    object.remove("status");
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in [
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "managedFields",
            "resourceVersion",
            "selfLink",
            "uid",
        ] {
            metadata.remove(field);
        }
    }
}

/// Keeps the annotations that `keep` names, and no empty map.
fn retain_annotations(object: &mut Value, keep: impl Fn(&str) -> bool) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    let before = annotations.len();
    annotations.retain(|key, _| keep(key));
    if annotations.is_empty() && before > 0 {
        metadata.remove("annotations");
    }
}

/// Generated pod templates carry `creationTimestamp: null`, which is not a field that anybody could own.
fn blank_creation_timestamps(object: &mut Value) {
    for pointer in
        ["/spec/template/metadata", "/spec/jobTemplate/metadata", "/spec/jobTemplate/spec/template/metadata"]
    {
        if let Some(metadata) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            metadata.remove("creationTimestamp");
        }
    }
    let claims = object.pointer_mut("/spec/volumeClaimTemplates").and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten().filter_map(Value::as_object_mut) {
        claim.remove("status");
        if let Some(metadata) = claim.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("creationTimestamp");
        }
    }
}

/// The controller's labels name the uid that the Job has in one cluster; under `manualSelector` they are the user's.
/// The time to live is taken out because a Job that removes itself in a member would be made, and run, again.
fn job(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("ttlSecondsAfterFinished");
    }
    if object.pointer("/spec/manualSelector").and_then(Value::as_bool) == Some(true) {
        return;
    }
    for pointer in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
        if let Some(labels) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            for name in ["controller-uid", "job-name"] {
                labels.remove(name);
                labels.remove(&format!("batch.kubernetes.io/{name}"));
            }
        }
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        let selector = spec.get("selector");
        let generated = selector
            .is_some_and(|s| s.get("matchLabels").and_then(Value::as_object).is_some_and(Map::is_empty));
        if generated && selector.is_some_and(|s| s.get("matchExpressions").is_none()) {
            spec.remove("selector");
        }
    }
}

/// Token secrets are named after the account and made by each cluster for itself.
fn service_account(object: &mut Value) {
    let prefix =
        object.pointer("/metadata/name").and_then(Value::as_str).map(|name| format!("{name}-token-"));
    let (Some(prefix), Some(object)) = (prefix, object.as_object_mut()) else { return };
    if let Some(secrets) = object.get_mut("secrets").and_then(Value::as_array_mut) {
        secrets.retain(|secret| {
            !secret.get("name").and_then(Value::as_str).is_some_and(|name| name.starts_with(&prefix))
        });
        if secrets.is_empty() {
            object.remove("secrets");
        }
    }
}

/// A service account's token is valid in one cluster only.
fn secret(object: &mut Value) {
    if object.get("type").and_then(Value::as_str) != Some("kubernetes.io/service-account-token") {
        return;
    }
    retain_annotations(object, |key| key != "kubernetes.io/service-account.uid");
    if let Some(object) = object.as_object_mut() {
        object.remove("data");
    }
}

/// Addresses are each cluster's own; only the wish to have none (`None`) is the template's.
fn service(object: &mut Value) {
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let listed = spec.get("clusterIPs").and_then(Value::as_array).and_then(|ips| ips.first());
    let address = spec.get("clusterIP").filter(|ip| !ip.is_null()).or(listed);
    if address.and_then(Value::as_str) != Some("None") {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
}
