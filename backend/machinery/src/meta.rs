//! Metadata: what a write may change of it, what the server fills in, and when an object goes.
//!
//! [`create`] and [`update`] take an object as a client sent it and answer with the one to be stored; ownership of
//! fields ([`crate::ssa`]) is computed before them, on what the client sent. [`delete`] decides what a deletion does.

use serde_json::{Map, Value, json};

use crate::{
    Descriptor, Status,
    go::quote,
    kinds::Generation,
    status::{FieldError, MODIFIED},
};

mod deletion;
pub mod names;
mod rules;

pub use deletion::{
    Collect, DeleteOptions, DeletionMark, OwnerState, Preconditions, Propagation, collect, delete,
    is_finished,
};
pub use rules::{faults, update_faults};

/// What a server adds to an object at its creation.
#[derive(Clone, Copy, Debug)]
pub struct Birth<'a> {
    /// Namespace of the request; empty for kinds without.
    pub namespace: &'a str,
    /// A fresh UID.
    pub uid: &'a str,
    /// Now, in RFC 3339 to the second.
    pub time: &'a str,
    /// Entropy for a generated name.
    pub entropy: u64,
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get(field))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn metadata(object: &mut Value) -> Result<&mut Map<String, Value>, Status> {
    let object = object.as_object_mut().ok_or_else(|| Status::bad_request("the object is not a map"))?;
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    if metadata.is_null() {
        *metadata = json!({});
    }
    metadata.as_object_mut().ok_or_else(|| Status::bad_request("metadata is not a map"))
}

fn name_type(kind: &Descriptor, object: &mut Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), kind.api_version().into());
        map.insert("kind".into(), kind.kind.as_str().into());
    }
}

/// Checks that a body is of the kind of its path; what it leaves out is taken from there.
///
/// # Errors
/// 400 when it names another kind or version.
pub fn check_type(kind: &Descriptor, object: &Value) -> Result<(), Status> {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, name) = (text("apiVersion"), text("kind"));
    let expected = kind.api_version();
    if (version.is_empty() || version == expected) && (name.is_empty() || name == kind.kind) {
        return Ok(());
    }
    if !kind.is_built_in() {
        return Err(Status::bad_request(if version.is_empty() || version == expected {
            format!("the kind in the data ({name}) does not match the expected kind ({})", kind.kind)
        } else {
            format!(
                "the API version in the data ({version}) does not match the expected API version ({expected})"
            )
        }));
    }
    let given = if version.is_empty() { &expected } else { version };
    let (_, short) = given.split_once('/').unwrap_or(("", given));
    let name = if name.is_empty() { &kind.kind } else { name };
    let why = if Descriptor::built_in(given, name).is_some() {
        let package = |group: &str| match group.split('.').next() {
            None | Some("") => "core".to_owned(),
            Some(first) => first.to_owned(),
        };
        let target = package(&kind.group);
        format!("converting ({short}.{name}) to ({target}.{}): unknown conversion", kind.kind)
    } else {
        let quoted = (quote(name), quote(given));
        format!(
            "no kind {} is registered for version {} in scheme \"pkg/runtime/scheme.go:111\"",
            quoted.0, quoted.1
        )
    };
    let kind = &kind.kind;
    Err(Status::bad_request(format!(
        "{name} in version {} cannot be handled as a {kind}: {why}",
        quote(short)
    )))
}

fn namespace_of_body(kind: &Descriptor, object: &mut Value, namespace: &str) -> Result<(), Status> {
    let given = text(object, "namespace").to_owned();
    let expected = if kind.namespaced { namespace } else { "" };
    if given.is_empty() && !expected.is_empty() {
        metadata(object)?.insert("namespace".into(), expected.into());
    } else if !expected.is_empty() && given != expected {
        let words = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Status::bad_request(words));
    } else if !kind.namespaced {
        metadata(object)?.remove("namespace");
    }
    Ok(())
}

/// An object as it is stored at creation, but for the resource version.
///
/// # Errors
/// 400 or 500 for what an object to be created may not say, 422 with every field that may not be so.
pub fn create(kind: &Descriptor, mut object: Value, birth: Birth<'_>) -> Result<Value, Status> {
    check_type(kind, &object)?;
    namespace_of_body(kind, &mut object, birth.namespace)?;
    if !matches!(text(&object, "resourceVersion"), "" | "0") {
        return Err(Status::unexplained("resourceVersion should not be set on objects to be created"));
    }
    if text(&object, "name").is_empty() && !text(&object, "generateName").is_empty() {
        let name = names::generate(text(&object, "generateName"), birth.entropy);
        metadata(&mut object)?.insert("name".into(), name.into());
    }
    name_type(kind, &mut object);
    let map = metadata(&mut object)?;
    for gone in
        ["deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion", "selfLink", "generation"]
    {
        map.remove(gone);
    }
    map.insert("uid".into(), birth.uid.into());
    map.insert("creationTimestamp".into(), birth.time.into());
    if kind.generation != Generation::None {
        map.insert("generation".into(), 1.into());
    }
    dedup_owners(map);
    if kind.status {
        clear_status(&mut object, None);
    }
    let faults = faults(kind, &object);
    if faults.is_empty() {
        Ok(object)
    } else {
        Err(Status::invalid(kind.kind_in(), text(&object, "name"), &faults))
    }
}

/// Keeps status as it was: what a write to the object itself says about it does not count.
fn clear_status(object: &mut Value, old: Option<&Value>) {
    let old = old.and_then(|old| old.get("status")).cloned();
    if let Some(map) = object.as_object_mut() {
        match old {
            Some(status) => map.insert("status".into(), status),
            None => map.remove("status"),
        };
    }
}

fn dedup_owners(metadata: &mut Map<String, Value>) {
    if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
        let mut seen: Vec<Value> = Vec::new();
        owners.retain(|owner| {
            let is_new = !seen.contains(owner);
            if is_new {
                seen.push(owner.clone());
            }
            is_new
        });
    }
}

/// An object as it is stored after an update (or patch), but for the resource version. `subresource` is empty or
/// `status`. Equal to `live` means that nothing is to be stored.
///
/// # Errors
/// 400 when the body is about another object, 409 for a stale version or another UID, 422 with every field that may
/// not be so.
pub fn update(
    kind: &Descriptor,
    live: &Value,
    mut object: Value,
    subresource: &str,
) -> Result<Value, Status> {
    check_type(kind, &object)?;
    let name = text(live, "name");
    if text(&object, "name").is_empty() {
        metadata(&mut object)?.insert("name".into(), name.into());
    }
    if text(&object, "name") != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            text(&object, "name")
        )));
    }
    let namespace = text(live, "namespace").to_owned();
    namespace_of_body(kind, &mut object, &namespace)?;
    let (uid, version) = (text(&object, "uid").to_owned(), text(&object, "resourceVersion").to_owned());
    if !uid.is_empty() && uid != text(live, "uid") {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            text(live, "uid")
        );
        return Err(Status::conflict(kind.resource_in(), name, &why));
    }
    if version.is_empty() && !kind.unconditional_update {
        let fault = FieldError::invalid("metadata.resourceVersion", 0, "must be specified for an update");
        // The one place where the resource stands for the kind.
        return Err(Status::invalid(kind.resource_in(), name, &[fault]));
    }
    if !matches!(version.as_str(), "" | "0") && version != text(live, "resourceVersion") {
        return Err(Status::conflict(kind.resource_in(), name, MODIFIED));
    }
    name_type(kind, &mut object);
    let before = live.get("metadata");
    let map = metadata(&mut object)?;
    for kept in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
        "generation",
        "selfLink",
    ] {
        match before.and_then(|before| before.get(kept)) {
            Some(value) => map.insert(kept.to_owned(), value.clone()),
            None => map.remove(kept),
        };
    }
    dedup_owners(map);
    if subresource == "status" {
        object = status_only(kind, live, &object);
    } else if kind.status {
        clear_status(&mut object, Some(live));
    }
    if moves_generation(kind, live, &object, subresource) {
        let generation = live.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        metadata(&mut object)?.insert("generation".into(), (generation + 1).into());
    }
    let faults = update_faults(kind, live, &object);
    if faults.is_empty() { Ok(object) } else { Err(Status::invalid(kind.kind_in(), name, &faults)) }
}

/// The live object with the status (and the managed fields) of another. Metadata is a client's to change through the
/// status subresource of Kubernetes' own kinds; of it an apiserver keeps labels only of the apps group's kinds.
fn status_only(kind: &Descriptor, live: &Value, object: &Value) -> Value {
    let mut out = live.clone();
    let built_in = kind.unconditional_update;
    if let (Some(out), Some(object)) = (out.as_object_mut(), object.as_object()) {
        match object.get("status") {
            Some(status) => out.insert("status".into(), status.clone()),
            None => out.remove("status"),
        };
        let new = object.get("metadata").and_then(Value::as_object);
        if let (Some(metadata), Some(new)) = (out.get_mut("metadata").and_then(Value::as_object_mut), new) {
            let taken: &[&str] = match (built_in, kind.group.as_str()) {
                (false, _) => &["managedFields"],
                (true, "apps") => &["managedFields", "annotations", "finalizers", "ownerReferences"],
                (true, _) => &["managedFields", "annotations", "finalizers", "ownerReferences", "labels"],
            };
            for field in taken {
                match new.get(*field) {
                    Some(value) => metadata.insert((*field).to_owned(), value.clone()),
                    None => metadata.remove(*field),
                };
            }
        }
    }
    out
}

fn moves_generation(kind: &Descriptor, live: &Value, new: &Value, subresource: &str) -> bool {
    let differs = |pointer: &str| live.pointer(pointer) != new.pointer(pointer);
    let others = |except: &[&str]| {
        let rest = |object: &Value| {
            let map = object.as_object().cloned().unwrap_or_default();
            map.into_iter().filter(|(name, _)| !except.contains(&name.as_str())).collect::<Map<_, _>>()
        };
        rest(live) != rest(new)
    };
    if subresource == "status" {
        return false;
    }
    match kind.generation {
        Generation::None => false,
        Generation::Spec => differs("/spec"),
        Generation::SpecAndAnnotations => differs("/spec") || differs("/metadata/annotations"),
        Generation::AllButStatus => others(&["metadata", "status"]),
        Generation::All => others(&["metadata"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIRTH: Birth<'_> =
        Birth { namespace: "default", uid: "u-1", time: "2026-01-01T00:00:00Z", entropy: 7 };

    fn deployment() -> (Descriptor, Value) {
        let kind = Descriptor::built_in("apps/v1", "Deployment").unwrap();
        let object = json!({"metadata": {"name": "web"}, "spec": {"replicas": 1}, "status": {"replicas": 9}});
        let mut live = create(&kind, object, BIRTH).unwrap();
        live["metadata"]["resourceVersion"] = json!("5");
        (kind, live)
    }

    #[test]
    fn creation_fills_in_identity_and_drops_status() {
        let (_, live) = deployment();
        assert_eq!(live["metadata"]["namespace"], json!("default"));
        assert_eq!(live["metadata"]["generation"], json!(1));
        assert_eq!(live["kind"], json!("Deployment"));
        assert!(live.get("status").is_none());
    }

    #[test]
    fn generation_moves_with_spec_and_not_with_labels() {
        let (kind, live) = deployment();
        let mut labelled = live.clone();
        labelled["metadata"]["labels"] = json!({"a": "b"});
        assert_eq!(update(&kind, &live, labelled, "").unwrap()["metadata"]["generation"], json!(1));
        let mut scaled = live.clone();
        scaled["spec"]["replicas"] = json!(2);
        assert_eq!(update(&kind, &live, scaled, "").unwrap()["metadata"]["generation"], json!(2));
    }

    #[test]
    fn an_update_leaves_status_and_a_status_update_leaves_the_rest() {
        let (kind, live) = deployment();
        let mut object = live.clone();
        object["status"] = json!({"replicas": 3});
        object["spec"]["replicas"] = json!(7);
        let by_status = update(&kind, &live, object.clone(), "status").unwrap();
        assert_eq!(
            (&by_status["spec"]["replicas"], &by_status["status"]["replicas"]),
            (&json!(1), &json!(3))
        );
        assert!(update(&kind, &live, object, "").unwrap().get("status").is_none());
    }

    #[test]
    fn a_stale_version_conflicts_and_none_is_current() {
        let (kind, live) = deployment();
        let mut object = live.clone();
        object["metadata"]["resourceVersion"] = json!("4");
        assert_eq!(update(&kind, &live, object.clone(), "").unwrap_err().reason, "Conflict");
        object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        assert!(update(&kind, &live, object, "").is_ok());
    }
}
