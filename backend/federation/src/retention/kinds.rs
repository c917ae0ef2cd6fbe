//! The kinds of which members own something, one function each.

use serde_json::{Map, Value, json};

use super::{Form, RetentionError};
use crate::object::Resource;

/// Sets a value deep in an object, making the objects on the way.
pub(super) fn put(object: &mut Value, path: &[&str], value: Value) {
    let mut at = object;
    for name in path {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(*name).or_insert(Value::Null);
    }
    *at = value;
}

/// Copies the fields at these paths.
fn copy(from: &Value, paths: &[&[&str]]) -> Value {
    let mut into = Value::Null;
    for path in paths {
        let found = path.iter().try_fold(from, |at, name| at.get(name)).filter(|value| !value.is_null());
        if let Some(value) = found {
            put(&mut into, path, value.clone());
        }
    }
    into
}

/// The fields of a live object that [`retain`] looks at.
pub(super) fn extract(resource: &Resource, live: &Value) -> Value {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => {
            let mut fields = copy(
                live,
                &[&["spec", "clusterIP"], &["spec", "clusterIPs"], &["spec", "healthCheckNodePort"]],
            );
            let ports = live.pointer("/spec/ports").and_then(Value::as_array);
            let ports: Vec<Value> = ports
                .into_iter()
                .flatten()
                .filter(|port| port.get("nodePort").is_some())
                .map(|port| copy(port, &[&["name"], &["protocol"], &["port"], &["nodePort"]]))
                .collect();
            if !ports.is_empty() {
                put(&mut fields, &["spec", "ports"], Value::Array(ports));
            }
            fields
        }
        ("", "ServiceAccount") => copy(live, &[&["secrets"], &["imagePullSecrets"]]),
        ("", "Secret") if is_token(live) => copy(live, &[&["type"], &["data"]]),
        ("", "PersistentVolumeClaim") => copy(live, &[&["spec", "volumeName"]]),
        ("", "PersistentVolume") => copy(live, &[&["spec", "claimRef"]]),
        ("", "Pod") => copy(
            live,
            &[
                &["spec", "nodeName"],
                &["spec", "serviceAccountName"],
                &["spec", "serviceAccount"],
                &["spec", "volumes"],
                &["spec", "initContainers"],
                &["spec", "containers"],
            ],
        ),
        ("batch", "Job") => {
            copy(live, &[&["spec", "selector", "matchLabels"], &["spec", "template", "metadata", "labels"]])
        }
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => copy(live, &[&["webhooks"]]),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => copy(live, &[CRD_BUNDLE]),
        ("apiregistration.k8s.io", "APIService") => copy(live, &[&["spec", "caBundle"]]),
        _ => Value::Null,
    }
}

const CRD_BUNDLE: &[&str] = &["spec", "conversion", "webhook", "clientConfig", "caBundle"];

pub(super) fn retain(
    resource: &Resource,
    manifest: &mut Value,
    live: &Value,
    form: Form,
) -> Result<(), RetentionError> {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Service") => service(manifest, live, form),
        ("", "ServiceAccount") => {
            union(manifest, live, "secrets", form)?;
            union(manifest, live, "imagePullSecrets", form)
        }
        ("", "Secret") => {
            token(manifest, live, form);
            Ok(())
        }
        ("", "PersistentVolumeClaim") => keep_text(manifest, live, &["spec", "volumeName"], form),
        ("", "PersistentVolume") => {
            keep(manifest, live, &["spec", "claimRef"], form);
            Ok(())
        }
        ("", "Pod") => pod(manifest, live, form),
        ("batch", "Job") => {
            job(manifest, live, form);
            Ok(())
        }
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => {
            webhooks(manifest, live, form);
            Ok(())
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            // Only where the template itself has a webhook to convert with.
            let asks =
                manifest.pointer("/spec/conversion/webhook/clientConfig").is_some_and(Value::is_object);
            bundle(manifest, live, CRD_BUNDLE, asks, form);
            Ok(())
        }
        ("apiregistration.k8s.io", "APIService") => {
            bundle(manifest, live, &["spec", "caBundle"], true, form);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn at<'a>(object: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(object, |at, name| at.get(name)).filter(|value| !value.is_null())
}

/// The member's value replaces the manifest's. To be applied, it stays out unless the manifest has one.
fn keep(manifest: &mut Value, live: &Value, path: &[&str], form: Form) {
    if let Some(value) = at(live, path)
        && (form == Form::Full || at(manifest, path).is_some())
    {
        put(manifest, path, value.clone());
    }
}

/// As [`keep`], for a field that must be text.
fn keep_text(manifest: &mut Value, live: &Value, path: &[&str], form: Form) -> Result<(), RetentionError> {
    match at(live, path) {
        None => Ok(()),
        Some(Value::String(text)) if text.is_empty() => Ok(()),
        Some(Value::String(_)) => {
            keep(manifest, live, path, form);
            Ok(())
        }
        Some(_) => Err(RetentionError::new(&path.join("."), "it is not a string")),
    }
}

fn service(manifest: &mut Value, live: &Value, form: Form) -> Result<(), RetentionError> {
    keep_text(manifest, live, &["spec", "clusterIP"], form)?;
    match at(live, &["spec", "clusterIPs"]) {
        None => {}
        Some(Value::Array(ips)) if ips.is_empty() => {}
        Some(Value::Array(ips)) if ips.iter().all(Value::is_string) => {
            keep(manifest, live, &["spec", "clusterIPs"], form);
        }
        Some(_) => return Err(RetentionError::new("spec.clusterIPs", "it is not a list of strings")),
    }
    match at(live, &["spec", "healthCheckNodePort"]) {
        None => {}
        Some(port) => match port.as_i64() {
            Some(port) if port > 0 => keep(manifest, live, &["spec", "healthCheckNodePort"], form),
            Some(_) => {}
            None => return Err(RetentionError::new("spec.healthCheckNodePort", "it is not an integer")),
        },
    }
    let (Some(ports), Some(kept)) = (
        manifest.pointer_mut("/spec/ports").and_then(Value::as_array_mut),
        live.pointer("/spec/ports").and_then(Value::as_array),
    ) else {
        return Ok(());
    };
    let protocol = |port: &Value| port.get("protocol").and_then(Value::as_str).unwrap_or("TCP").to_owned();
    for port in ports {
        let same = |other: &&Value| {
            let name = |port: &Value| port.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            name(other) == name(port)
                && protocol(other) == protocol(port)
                && other.get("port") == port.get("port")
        };
        let node_port = kept.iter().find(same).and_then(|other| other.get("nodePort")).cloned();
        let (Some(node_port), Some(port)) = (node_port, port.as_object_mut()) else { continue };
        if form == Form::Full || port.contains_key("nodePort") {
            port.insert("nodePort".to_owned(), node_port);
        }
    }
    Ok(())
}

/// References of both, the manifest's first, each name once. To be applied, an absent list stays absent.
fn union(manifest: &mut Value, live: &Value, field: &str, form: Form) -> Result<(), RetentionError> {
    let kept = match live.get(field) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(kept)) => kept,
        Some(_) => return Err(RetentionError::new(field, "it is not a list")),
    };
    let Some(manifest) = manifest.as_object_mut() else { return Ok(()) };
    if kept.is_empty() || (form == Form::Apply && !manifest.contains_key(field)) {
        return Ok(());
    }
    let list = manifest.entry(field).or_insert_with(|| json!([]));
    if list.is_null() {
        *list = json!([]);
    }
    let Some(list) = list.as_array_mut() else { return Ok(()) };
    for reference in kept {
        if !list.iter().any(|have| have.get("name") == reference.get("name")) {
            list.push(reference.clone());
        }
    }
    Ok(())
}

fn is_token(object: &Value) -> bool {
    object.get("type").and_then(Value::as_str) == Some("kubernetes.io/service-account-token")
}

/// The token of a service account is the member's.
fn token(manifest: &mut Value, live: &Value, form: Form) {
    if !is_token(manifest) && !is_token(live) {
        return;
    }
    let Some(manifest) = manifest.as_object_mut() else { return };
    match (form, live.get("data")) {
        (Form::Full, Some(data)) => {
            manifest.insert("data".to_owned(), data.clone());
        }
        (Form::Full, None) => {}
        (Form::Apply, _) => {
            manifest.remove("data");
        }
    }
}

/// Selector and labels of a Job are immutable, and completed by the member's controller.
fn job(manifest: &mut Value, live: &Value, form: Form) {
    for path in [&["spec", "selector", "matchLabels"][..], &["spec", "template", "metadata", "labels"][..]] {
        let Some(kept) = at(live, path).and_then(Value::as_object) else { continue };
        match form {
            Form::Full => put(manifest, path, Value::Object(kept.clone())),
            Form::Apply => {
                let Some(ours) = at(manifest, path).and_then(Value::as_object) else { continue };
                let both: Map<String, Value> = kept
                    .iter()
                    .filter(|(key, _)| ours.contains_key(*key))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                put(manifest, path, Value::Object(both));
            }
        }
    }
}

/// Nothing of a running Pod's node, account, volumes and mounts can be changed.
fn pod(manifest: &mut Value, live: &Value, form: Form) -> Result<(), RetentionError> {
    keep_text(manifest, live, &["spec", "nodeName"], form)?;
    keep_text(manifest, live, &["spec", "serviceAccountName"], form)?;
    keep_text(manifest, live, &["spec", "serviceAccount"], form)?;
    // Applying merges volumes and mounts by name and path, and so leaves injected ones alone.
    if form == Form::Apply {
        return Ok(());
    }
    keep(manifest, live, &["spec", "volumes"], form);
    for list in ["initContainers", "containers"] {
        let kept = live.pointer(&format!("/spec/{list}")).and_then(Value::as_array);
        let ours = manifest.pointer_mut(&format!("/spec/{list}")).and_then(Value::as_array_mut);
        for container in ours.into_iter().flatten().filter_map(Value::as_object_mut) {
            let other = kept.into_iter().flatten().find(|other| other.get("name") == container.get("name"));
            if let Some(mounts) = other.and_then(|other| other.get("volumeMounts")) {
                container.insert("volumeMounts".to_owned(), mounts.clone());
            }
        }
    }
    Ok(())
}

/// A certificate bundle that the member's own tooling injected stays when the template has none.
fn bundle(manifest: &mut Value, live: &Value, path: &[&str], asks: bool, form: Form) {
    let ours = at(manifest, path).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    if ours || !asks {
        return;
    }
    if form == Form::Full {
        keep(manifest, live, path, form);
    } else if let Some((last, parents)) = path.split_last()
        && let Some(parent) =
            parents.iter().try_fold(manifest, |at, name| at.get_mut(*name)).and_then(Value::as_object_mut)
    {
        parent.remove(*last);
    }
}

fn webhooks(manifest: &mut Value, live: &Value, form: Form) {
    let kept = live.get("webhooks").and_then(Value::as_array);
    let ours = manifest.get_mut("webhooks").and_then(Value::as_array_mut);
    for webhook in ours.into_iter().flatten() {
        let other = kept.into_iter().flatten().find(|other| other.get("name") == webhook.get("name"));
        if let Some(other) = other {
            bundle(webhook, other, &["clientConfig", "caBundle"], true, form);
        }
    }
}
