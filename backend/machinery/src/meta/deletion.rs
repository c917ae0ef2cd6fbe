//! What a deletion does: remove, or mark and wait for finalizers; and what happens to objects whose owners are gone.

use serde::Deserialize;
use serde_json::{Value, json};

use super::text;
use crate::{Descriptor, Status, status::In};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What happens to objects that the deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Propagation {
    /// They stay.
    Orphan,
    /// They go afterwards.
    Background,
    /// They go first.
    Foreground,
}

/// The body of a deletion, or its query.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteOptions {
    /// Seconds to end; only pods take any.
    pub grace_period_seconds: Option<i64>,
    /// What the object must be.
    pub preconditions: Option<Preconditions>,
    /// The older way to say orphan.
    pub orphan_dependents: Option<bool>,
    /// What happens to objects that it owns.
    pub propagation_policy: Option<Propagation>,
    /// `All`: do not do it.
    pub dry_run: Vec<String>,
}

impl DeleteOptions {
    /// Whether what is asked is the same whatever the object looks like: no condition, and nothing about what it owns but
    /// what is usual.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.preconditions.is_none()
            && self.orphan_dependents != Some(true)
            && matches!(self.propagation_policy, None | Some(Propagation::Background))
    }
}

/// What the object must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Preconditions {
    /// This object and no later one of its name.
    pub uid: Option<String>,
    /// This version of it.
    pub resource_version: Option<String>,
}

/// What a deletion leaves on an object. With finalizers it is stored so and goes when they are gone; without it goes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletionMark {
    /// Who holds it.
    pub finalizers: Vec<String>,
    /// When it was marked, unless it was marked before.
    at: Option<String>,
}

impl DeletionMark {
    /// Whether somebody's finalizer holds the object.
    #[must_use]
    pub fn is_held_by(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|name| name == finalizer)
    }

    /// Takes a finalizer away; says whether it was there.
    pub fn take(&mut self, finalizer: &str) -> bool {
        let before = self.finalizers.len();
        self.finalizers.retain(|name| name != finalizer);
        self.finalizers.len() < before
    }

    /// The object with it.
    #[must_use]
    pub fn on(&self, live: &Value) -> Value {
        let mut object = live.clone();
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            if self.finalizers.is_empty() {
                metadata.remove("finalizers");
            } else {
                metadata.insert("finalizers".into(), json!(self.finalizers));
            }
            if let Some(at) = &self.at {
                metadata.insert("deletionTimestamp".into(), at.as_str().into());
                if let Some(generation) =
                    metadata.get("generation").and_then(Value::as_i64).filter(|g| *g > 0)
                {
                    metadata.insert("generation".into(), (generation + 1).into());
                }
            }
            metadata.insert("deletionGracePeriodSeconds".into(), 0.into());
        }
        object
    }
}

/// Decides a deletion; `None` when the object is being deleted already and nothing changes. `time` is now, in RFC 3339.
///
/// # Errors
/// 409 when a precondition does not hold, 422 when the options contradict each other.
pub fn delete(
    kind: &Descriptor,
    live: &Value,
    options: &DeleteOptions,
    time: &str,
) -> Result<Option<DeletionMark>, Status> {
    if options.orphan_dependents.is_some() && options.propagation_policy.is_some() {
        let fault = crate::status::FieldError::invalid(
            "propagationPolicy",
            format!("{:?}", options.propagation_policy.unwrap_or(Propagation::Background)),
            "orphanDependents and deletionPropagation cannot be both set",
        );
        return Err(Status::invalid(In { group: "meta.k8s.io", kind: "DeleteOptions" }, "", &[fault]));
    }
    check(kind, live, options)?;
    let holders = live.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten();
    let before: Vec<String> = holders.filter_map(Value::as_str).map(str::to_owned).collect();
    let mut finalizers = before.clone();
    let asked = match (options.propagation_policy, options.orphan_dependents) {
        (Some(Propagation::Orphan), _) | (None, Some(true)) => Some(ORPHAN),
        (Some(Propagation::Foreground), _) => Some(FOREGROUND),
        (Some(Propagation::Background), _) | (None, Some(false)) => None,
        // Unasked, what a client put there stays.
        (None, None) => {
            finalizers.iter().find_map(|name| [ORPHAN, FOREGROUND].into_iter().find(|f| f == name))
        }
    };
    finalizers.retain(|name| name != ORPHAN && name != FOREGROUND);
    finalizers.extend(asked.map(str::to_owned));
    let is_marked = !text(live, "deletionTimestamp").is_empty();
    let is_same = is_marked
        && before == finalizers
        && live.pointer("/metadata/deletionGracePeriodSeconds").and_then(Value::as_i64) == Some(0);
    // Without anybody who holds it there is nothing to wait for, marked or not.
    let waits = is_same && !finalizers.is_empty();
    Ok((!waits).then(|| DeletionMark { finalizers, at: (!is_marked).then(|| time.to_owned()) }))
}

fn check(kind: &Descriptor, live: &Value, options: &DeleteOptions) -> Result<(), Status> {
    let Some(wanted) = &options.preconditions else { return Ok(()) };
    let name = text(live, "name");
    if let Some(uid) = wanted.uid.as_deref().filter(|uid| *uid != text(live, "uid")) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been \
             deleted and then recreated",
            text(live, "uid")
        );
        return Err(Status::conflict(kind.kind_in(), name, &why));
    }
    if let Some(version) = wanted.resource_version.as_deref().filter(|v| *v != text(live, "resourceVersion"))
    {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({}). \
             The object might have been modified",
            text(live, "resourceVersion")
        );
        return Err(Status::conflict(kind.kind_in(), name, &why));
    }
    Ok(())
}

/// Whether an update took the last finalizer of an object that is being deleted, so that it goes.
#[must_use]
pub fn is_finished(live: &Value, new: &Value) -> bool {
    let finalizers = new.pointer("/metadata/finalizers").and_then(Value::as_array);
    !text(live, "deletionTimestamp").is_empty() && finalizers.is_none_or(Vec::is_empty)
}

/// What is known of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerState {
    /// There.
    Present,
    /// There, but going, and its dependents first.
    GoingAfterDependents,
    /// Not there, or another object of its name is.
    Absent,
    /// It cannot be said: leave the dependent alone.
    Unknown,
}

/// What happens to an object by its owner references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collect {
    /// Nothing.
    Keep,
    /// References to these UIDs are taken out; the rest of its owners is there.
    Unlink(Vec<String>),
    /// It is deleted.
    Delete(Propagation),
}

/// Decides about an object whose owners may be gone; `state` answers for a reference.
#[must_use]
pub fn collect(object: &Value, state: impl Fn(&Value) -> OwnerState) -> Collect {
    let owners = object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let owners: Vec<(&Value, OwnerState)> =
        owners.into_iter().flatten().map(|owner| (owner, state(owner))).collect();
    let any = |wanted: OwnerState| owners.iter().any(|(_, state)| *state == wanted);
    if owners.is_empty() || any(OwnerState::Unknown) {
        return Collect::Keep;
    }
    if any(OwnerState::Present) {
        let gone: Vec<String> = owners
            .iter()
            .filter(|(_, state)| *state != OwnerState::Present)
            .filter_map(|(owner, _)| owner.get("uid").and_then(Value::as_str).map(str::to_owned))
            .collect();
        return if gone.is_empty() { Collect::Keep } else { Collect::Unlink(gone) };
    }
    let has = |finalizer: &str| {
        let list = object.pointer("/metadata/finalizers").and_then(Value::as_array);
        list.is_some_and(|list| list.iter().any(|name| name == finalizer))
    };
    if any(OwnerState::GoingAfterDependents) || has(FOREGROUND) {
        return Collect::Delete(Propagation::Foreground);
    }
    Collect::Delete(if has(ORPHAN) { Propagation::Orphan } else { Propagation::Background })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Value {
        json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "generation": 1,
            "ownerReferences": [{"uid": "x"}, {"uid": "y"}]}})
    }

    #[test]
    fn finalizers_hold_an_object_until_the_last_is_taken() {
        let kind = Descriptor::built_in("v1", "ConfigMap").unwrap();
        let options =
            DeleteOptions { propagation_policy: Some(Propagation::Foreground), ..Default::default() };
        let mut mark = delete(&kind, &object(), &options, "t").unwrap().unwrap();
        assert!(mark.is_held_by(FOREGROUND));
        let marked = mark.on(&object());
        assert_eq!(marked["metadata"]["deletionTimestamp"], json!("t"));
        assert_eq!(marked["metadata"]["finalizers"], json!([FOREGROUND]));
        assert_eq!(marked["metadata"]["generation"], json!(2));
        assert_eq!(delete(&kind, &marked, &DeleteOptions::default(), "t2").unwrap(), None);
        assert!(mark.take(FOREGROUND) && !mark.take(FOREGROUND));
        assert_eq!(mark.on(&object()).pointer("/metadata/finalizers"), None);
        let mut free = marked.clone();
        free["metadata"].as_object_mut().unwrap().remove("finalizers");
        assert!(is_finished(&marked, &free));
        let goes = delete(&kind, &object(), &DeleteOptions::default(), "t").unwrap().unwrap();
        assert_eq!(goes.finalizers, Vec::<String>::new());
    }

    #[test]
    fn an_object_goes_with_its_last_owner() {
        let by =
            |x: OwnerState, y: OwnerState| collect(&object(), move |o| if o["uid"] == "x" { x } else { y });
        assert_eq!(by(OwnerState::Absent, OwnerState::Present), Collect::Unlink(vec!["x".into()]));
        assert_eq!(by(OwnerState::Absent, OwnerState::Unknown), Collect::Keep);
        assert_eq!(by(OwnerState::Absent, OwnerState::Absent), Collect::Delete(Propagation::Background));
    }

    #[test]
    fn preconditions_name_both_versions() {
        let kind = Descriptor::built_in("v1", "ConfigMap").unwrap();
        let options = DeleteOptions {
            preconditions: Some(Preconditions { uid: Some("other".into()), resource_version: None }),
            ..Default::default()
        };
        assert_eq!(delete(&kind, &object(), &options, "t").unwrap_err().code, 409);
    }
}
