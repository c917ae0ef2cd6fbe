//! What metadata may be, and what of it may change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{names, text};
use crate::{Descriptor, go::quote, kinds::Names, status::FieldError};

/// Most bytes of all annotations together.
const MOST_ANNOTATION_BYTES: usize = 256 * 1024;

/// Everything that may not be so in the metadata of an object to be created.
#[must_use]
pub fn faults(kind: &Descriptor, object: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    let name = text(object, "name");
    if name.is_empty() {
        out.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        let faults = match kind.names {
            Names::Subdomain => names::subdomain_faults(name),
            Names::Label => names::label_faults(name),
            Names::Path => names::path_faults(name),
        };
        out.extend(faults.into_iter().map(|fault| FieldError::invalid("metadata.name", name, fault)));
    }
    let namespace = text(object, "namespace");
    if kind.namespaced && namespace.is_empty() {
        out.push(FieldError::required("metadata.namespace", ""));
    } else if kind.namespaced {
        let faults = names::label_faults(namespace);
        out.extend(
            faults.into_iter().map(|fault| FieldError::invalid("metadata.namespace", namespace, fault)),
        );
    }
    common(object, &mut out);
    finalizers(kind, object, &mut out);
    out
}

fn strings<'a>(object: &'a Value, field: &str) -> Vec<(&'a str, &'a str)> {
    let map = object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
        .collect()
}

fn common(object: &Value, out: &mut Vec<FieldError>) {
    for (name, value) in strings(object, "labels") {
        let keys = names::key_faults(name);
        out.extend(keys.into_iter().map(|fault| FieldError::invalid("metadata.labels", name, fault)));
        let values = names::value_faults(value);
        out.extend(values.into_iter().map(|fault| FieldError::invalid("metadata.labels", value, fault)));
    }
    let annotations = strings(object, "annotations");
    for (name, _) in &annotations {
        let keys = names::key_faults(&name.to_lowercase());
        out.extend(keys.into_iter().map(|fault| FieldError::invalid("metadata.annotations", *name, fault)));
    }
    if annotations.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MOST_ANNOTATION_BYTES
    {
        out.push(FieldError::too_long("metadata.annotations", MOST_ANNOTATION_BYTES));
    }
    owners(object, out);
}

fn owners(object: &Value, out: &mut Vec<FieldError>) {
    let path = "metadata.ownerReferences";
    let Some(owners) = object.pointer("/metadata/ownerReferences") else { return };
    let mut controller = None;
    for owner in owners.as_array().into_iter().flatten() {
        let field = |name: &str| owner.get(name).and_then(Value::as_str).unwrap_or_default();
        if field("apiVersion").rsplit('/').next().is_none_or(str::is_empty) {
            let detail = "version must not be empty";
            out.push(FieldError::invalid(format!("{path}.apiVersion"), field("apiVersion"), detail));
        }
        for name in ["kind", "name", "uid"] {
            if field(name).is_empty() {
                out.push(FieldError::invalid(format!("{path}.{name}"), "", "must not be empty"));
            }
        }
        if (field("apiVersion"), field("kind")) == ("v1", "Event") {
            let detail = "/v1, Kind=Event is disallowed from being an owner";
            out.push(FieldError::invalid(path, owner.clone(), detail));
        }
        if owner.get("controller") == Some(&Value::Bool(true)) {
            let this = format!("{}/{}", field("kind"), field("name"));
            match &controller {
                None => controller = Some(this),
                Some(first) => {
                    let detail = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                    );
                    out.push(FieldError::invalid(path, owners.clone(), detail));
                }
            }
        }
    }
}

fn finalizer_names(object: &Value) -> BTreeSet<&str> {
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn finalizers(kind: &Descriptor, object: &Value, out: &mut Vec<FieldError>) {
    let path = "metadata.finalizers";
    let names = finalizer_names(object);
    for name in &names {
        let faults = names::key_faults(name);
        out.extend(faults.into_iter().map(|fault| FieldError::invalid(path, *name, fault)));
    }
    let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
    for (index, name) in list.into_iter().flatten().filter_map(Value::as_str).enumerate() {
        let is_standard = matches!(name, "kubernetes" | "orphan" | "foregroundDeletion");
        if kind.is_built_in() && !name.contains('/') && !is_standard {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            out.push(FieldError::invalid(format!("{path}[{index}]"), name, detail));
        }
    }
    if names.contains("orphan") && names.contains("foregroundDeletion") {
        let value = object.pointer("/metadata/finalizers").cloned().unwrap_or_default();
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        out.push(FieldError::invalid(path, value, detail));
    }
}

/// Everything that an update may not change so.
#[must_use]
pub fn update_faults(kind: &Descriptor, live: &Value, object: &Value) -> Vec<FieldError> {
    let mut out = Vec::new();
    if !text(live, "deletionTimestamp").is_empty() {
        let (old, new) = (finalizer_names(live), finalizer_names(object));
        let extra: Vec<String> = new.difference(&old).map(|name| quote(name)).collect();
        if !extra.is_empty() {
            let detail = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                extra.join(", ")
            );
            out.push(FieldError::forbidden("metadata.finalizers", detail));
        }
    }
    if !kind.namespaced && !text(object, "namespace").is_empty() {
        out.push(FieldError::forbidden("metadata.namespace", "not allowed on this type"));
    }
    common(object, &mut out);
    finalizers(kind, object, &mut out);
    let fixed = immutable(kind);
    for field in fixed {
        let pointer = format!("/{}", field.replace('.', "/"));
        let (old, new) = (live.pointer(&pointer), object.pointer(&pointer));
        if old.is_some_and(|old| !old.is_null()) && old != new {
            out.push(FieldError::invalid(*field, new.cloned().unwrap_or_default(), "field is immutable"));
        }
    }
    out
}

/// Fields that clients know to be fixed: they delete and create on this very answer.
fn immutable(kind: &Descriptor) -> &'static [&'static str] {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") => &["spec.selector"],
        ("batch", "Job") => &["spec.selector", "spec.completionMode"],
        ("", "Secret") => &["type"],
        _ => &[],
    }
}
