//! What a member may own in a copy.
//!
//! Server-side apply leaves alone whatever is not in the manifest, so most of this is a matter of leaving things
//! out. Two forms are made of the same rules: [`Form::Full`] has the member's values filled in (what the object
//! will look like, for people and for comparing with other systems), [`Form::Apply`] leaves out what the member
//! owns, or repeats the member's value where leaving it out would remove it.

use serde_json::{Value, json};

use crate::{object::Resource, observed::Compact, owned};

mod kinds;

/// Which manifest is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// With the member's values, as the object will be.
    #[default]
    Full,
    /// For server-side apply: without what the member owns.
    Apply,
}

/// Something that the member owns cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the copy's {path} cannot be kept: {reason}")]
pub struct RetentionError {
    /// Where, in the live object.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

impl RetentionError {
    fn new(path: &str, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }
}

/// The part of a live object that retention looks at, small enough to keep for every copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Retained {
    /// Fields of kinds that members own something of, in the places where they are in the live object.
    fields: Option<Compact>,
    /// `spec.replicas`, whatever it is.
    replicas: Option<Value>,
    /// Whether somebody else than us owns `spec.replicas`.
    replicas_taken: bool,
    /// Paths of the drift policy that members may change.
    ignored: Vec<Ignored>,
}

#[derive(Clone, Debug, PartialEq)]
struct Ignored {
    path: String,
    value: Option<Value>,
    taken: bool,
}

impl Retained {
    /// Takes from a live object what [`retain`] needs, with the values at `ignore_paths`.
    #[must_use]
    pub fn of(resource: &Resource, live: &Value, manager: &str, ignore_paths: &[String]) -> Self {
        let fields = Some(kinds::extract(resource, live)).filter(|fields| !fields.is_null());
        let replicas = live.pointer("/spec/replicas").filter(|replicas| !replicas.is_null()).cloned();
        let ignored = ignore_paths.iter().map(|path| Ignored {
            path: path.clone(),
            value: live.pointer(path).cloned(),
            taken: owned::owned_by_other(live, path, manager),
        });
        Self {
            fields: fields.as_ref().map(Compact::pack),
            replicas_taken: replicas.is_some() && owned::owned_by_other(live, "/spec/replicas", manager),
            replicas,
            ignored: ignored.collect(),
        }
    }
}

/// Puts the member's values into a manifest, or leaves them out.
///
/// # Errors
/// A value of the member that should be kept has not the type that it must have.
pub fn retain(
    resource: &Resource,
    manifest: &mut Value,
    live: &Retained,
    keep_replicas: bool,
    form: Form,
) -> Result<(), RetentionError> {
    if let Some(fields) = &live.fields {
        kinds::retain(resource, manifest, &fields.unpack(), form)?;
    }
    if keep_replicas {
        keep_replicas_of(resource, manifest, live, form)?;
    }
    for ignored in &live.ignored {
        ignore(manifest, ignored, form);
    }
    Ok(())
}

fn keep_replicas_of(
    resource: &Resource,
    manifest: &mut Value,
    live: &Retained,
    form: Form,
) -> Result<(), RetentionError> {
    let must_have = resource.group == "apps"
        && matches!(resource.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet");
    let replicas = match &live.replicas {
        Some(replicas) if replicas.is_i64() || replicas.is_u64() => replicas.clone(),
        Some(_) => return Err(RetentionError::new("spec.replicas", "it is not an integer")),
        None if must_have => return Err(RetentionError::new("spec.replicas", "the copy has none")),
        None => return Ok(()),
    };
    let Some(spec) = manifest.as_object_mut().map(|m| m.entry("spec").or_insert_with(|| json!({}))) else {
        return Ok(());
    };
    let Some(spec) = spec.as_object_mut() else { return Ok(()) };
    match form {
        // Leaving out a field that only we own would reset it to 1: then its value is repeated, until somebody
        // else writes it.
        Form::Apply if live.replicas_taken => {
            spec.remove("replicas");
        }
        Form::Full | Form::Apply => {
            spec.insert("replicas".to_owned(), replicas);
        }
    }
    Ok(())
}

/// A field that members may change is as it is there; what nobody but us would own is repeated.
fn ignore(manifest: &mut Value, ignored: &Ignored, form: Form) {
    let Some((parent, name)) = ignored.path.rsplit_once('/') else { return };
    let name = name.replace("~1", "/").replace("~0", "~");
    let Some(parent) = manifest.pointer_mut(parent) else { return };
    let keep = ignored.value.as_ref().filter(|_| form == Form::Full || !ignored.taken);
    match parent {
        Value::Object(map) => match keep {
            Some(value) if form == Form::Full || map.contains_key(&name) => {
                map.insert(name, value.clone());
            }
            Some(_) => {}
            None => {
                map.remove(&name);
            }
        },
        Value::Array(items) => {
            // Removing an item would renumber the others.
            if let (Some(item), Some(value)) = (name.parse().ok().and_then(|i: usize| items.get_mut(i)), keep)
            {
                *item = value.clone();
            }
        }
        _ => {}
    }
}
