//! What we own of a member's object, and whether it is what we want.
//!
//! Server-side apply records in `metadata.managedFields` which fields each manager set last. From that the fields
//! that are ours are read and hashed with their values: [`owned_hash`]. [`manifest_hash`] hashes a manifest in the
//! same way, so that equal hashes mean that sending it would change nothing, and a hash that changes means drift.
//! Sixteen bytes per copy are all that has to be kept.
//!
//! Unequal hashes do not prove a difference: apiservers fill in defaults below empty objects and rewrite some
//! values. So whoever sends a manifest should remember the pair [`Sent`] from the answer and compare against that.

use hanse_machinery::ssa::Element;
use serde_json::{Map, Value};

mod drift;
mod hash;

pub use drift::{FieldDiff, drifted_fields, forgotten_fields, is_in_force};
pub use hash::Hash;

pub(crate) use drift::{escape, owned_by_other};

use hash::Digest;

/// The field manager of everything that Hanse applies.
pub const FIELD_MANAGER: &str = "hanse";

/// What was sent last to a cluster, and what was ours there right after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Hash of the manifest.
    pub manifest: Hash,
    /// Hash of the owned fields in the answer.
    pub owned: Hash,
}

/// The field set that a manager applied, from a live object.
pub(crate) fn applied_fields<'a>(live: &'a Value, manager: &str) -> Option<&'a Value> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let text = |entry: &'a Value, field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
    entries
        .iter()
        .find(|entry| {
            text(entry, "manager") == manager
                && text(entry, "operation") == "Apply"
                && text(entry, "subresource").is_empty()
        })
        .and_then(|entry| entry.get("fieldsV1"))
}

/// Hash of the fields that `manager` applied, with their values. `None` when it owns nothing there.
#[must_use]
pub fn owned_hash(live: &Value, manager: &str) -> Option<Hash> {
    let fields = applied_fields(live, manager)?;
    let mut root = hash::Unordered::default();
    if let (Some(fields), Some(live)) = (fields.as_object(), live.as_object()) {
        for (name, field) in field_children(fields) {
            if let Some(digest) = live.get(name).and_then(|value| owned(field, value, false)) {
                root.add(name, digest);
            }
        }
    }
    Some(root.finish().into())
}

/// Hash of a manifest, equal to [`owned_hash`] once it was applied and nothing interfered.
#[must_use]
pub fn manifest_hash(manifest: &Value) -> Hash {
    let mut root = hash::Unordered::default();
    for (name, value) in manifest.as_object().into_iter().flatten() {
        match name.as_str() {
            // Not fields in the sense of ownership.
            "apiVersion" | "kind" => {}
            "metadata" => {
                if let Some(metadata) = value.as_object().and_then(metadata) {
                    root.add(name, metadata);
                }
            }
            _ => {
                if let Some(digest) = whole(value, false) {
                    root.add(name, digest);
                }
            }
        }
    }
    root.finish().into()
}

/// Fields of `metadata` that belong to the apiserver or are the object's identity.
fn is_identity(field: &str) -> bool {
    matches!(
        field,
        "name"
            | "namespace"
            | "generateName"
            | "creationTimestamp"
            | "deletionTimestamp"
            | "deletionGracePeriodSeconds"
            | "selfLink"
            | "uid"
            | "generation"
            | "managedFields"
            | "resourceVersion"
    )
}

fn metadata(metadata: &Map<String, Value>) -> Option<Digest> {
    let mut digest = hash::Unordered::default();
    for (name, value) in metadata.iter().filter(|(name, _)| !is_identity(name)) {
        if let Some(value) = whole(value, false) {
            digest.add(name, value);
        }
    }
    (!digest.is_empty()).then(|| digest.finish())
}

/// The children that are fields of an object.
fn field_children(set: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    set.iter().filter_map(|(name, child)| Some((name.strip_prefix("f:")?, child)))
}

/// Digest of everything in a value; nothing for null. `quantities`: whether text below is an amount of a resource,
/// of which one has many spellings.
fn whole(value: &Value, quantities: bool) -> Option<Digest> {
    Some(match value {
        Value::Null => return None,
        Value::Object(map) => {
            let mut digest = hash::Unordered::default();
            for (name, value) in map {
                if let Some(value) = whole(value, is_quantities(name) || quantities) {
                    digest.add(name, value);
                }
            }
            digest.finish()
        }
        Value::Array(items) => {
            let mut digest = hash::Ordered::default();
            for item in items {
                digest.add(whole(item, false));
            }
            digest.finish()
        }
        scalar if quantities => hash::quantity(scalar),
        scalar => hash::scalar(scalar),
    })
}

/// Objects under these names map resources to amounts.
fn is_quantities(name: &str) -> bool {
    matches!(name, "limits" | "requests" | "hard")
}

/// Digest of the part of a live value that a field set names.
fn owned(set: &Value, live: &Value, quantities: bool) -> Option<Digest> {
    let Some(set) = set.as_object() else { return whole(live, quantities) };
    let presence_only = !set.is_empty() && set.keys().all(|name| name == ".");
    match live {
        Value::Object(_) if presence_only => Some(hash::Unordered::default().finish()),
        Value::Array(_) if presence_only => Some(hash::Ordered::default().finish()),
        Value::Object(map) if set.keys().any(|name| name.starts_with("f:")) => {
            let mut digest = hash::Unordered::default();
            for (name, field) in field_children(set) {
                let value = map.get(name);
                // A leaf under `limits` and the like is an amount itself.
                if let Some(value) =
                    value.and_then(|value| owned(field, value, is_quantities(name) || quantities))
                {
                    digest.add(name, value);
                }
            }
            Some(digest.finish())
        }
        Value::Array(items) if set.keys().any(|name| is_item(name)) => {
            let places = Places::of(set);
            let mut digest = hash::Ordered::default();
            for (index, item) in items.iter().enumerate() {
                if let Some(field) = places.find(index, item) {
                    digest.add(owned(field, item, false));
                }
            }
            Some(digest.finish())
        }
        _ => whole(live, quantities),
    }
}

fn is_item(name: &str) -> bool {
    name.starts_with("k:") || name.starts_with("v:") || name.starts_with("i:")
}

/// The items of a list that a field set names.
pub(crate) struct Places<'a> {
    items: Vec<(Element, &'a Value)>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(set: &'a Map<String, Value>) -> Self {
        let items = set.iter().filter_map(|(name, child)| match Element::parse(name)? {
            Element::Field(_) => None,
            place => Some((place, child)),
        });
        Self { items: items.collect() }
    }

    /// The field set of an item, when it is named.
    pub(crate) fn find(&self, index: usize, item: &Value) -> Option<&'a Value> {
        let is_it = |place: &Element| match place {
            Element::Key(keys) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
            Element::Value(value) => value == item,
            Element::Index(at) => *at == index,
            Element::Field(_) => false,
        };
        self.items.iter().find(|(place, _)| is_it(place)).map(|(_, child)| *child)
    }

    /// The names of the key fields, when items are found by keys.
    pub(crate) fn keys(&self) -> Option<Vec<String>> {
        self.items.iter().find_map(|(place, _)| match place {
            Element::Key(keys) => Some(keys.keys().cloned().collect()),
            _ => None,
        })
    }

    /// Whether items are found by their own value.
    pub(crate) fn is_set(&self) -> bool {
        self.items.iter().any(|(place, _)| matches!(place, Element::Value(_)))
    }
}
