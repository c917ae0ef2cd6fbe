//! Fields that nobody reads. A KubeFed host drops them in silence; whoever tries a policy wants to hear of a misspelt
//! one.

use serde_json::Value;

use crate::{FieldError, v1::annotation};

/// A field's known members, by name.
type Known = &'static [(&'static str, Below)];

/// What is below a known field.
#[derive(Clone, Copy)]
enum Below {
    /// Anything.
    Free,
    /// These fields.
    Fields(Known),
    /// A list of objects with these fields.
    List(Known),
    /// A map to objects with these fields.
    Map(Known),
}

const SELECTOR: Known = &[
    ("matchLabels", Below::Free),
    (
        "matchExpressions",
        Below::List(&[("key", Below::Free), ("operator", Below::Free), ("values", Below::Free)]),
    ),
];
const PATCH: Known = &[("op", Below::Free), ("path", Below::Free), ("value", Below::Free)];
const FEDERATED: Known = &[
    ("template", Below::Free),
    (
        "placement",
        Below::Fields(&[
            ("clusters", Below::List(&[("name", Below::Free)])),
            ("clusterSelector", Below::Fields(SELECTOR)),
        ]),
    ),
    ("overrides", Below::List(&[("clusterName", Below::Free), ("clusterOverrides", Below::List(PATCH))])),
    ("retainReplicas", Below::Free),
];
const PREFERENCE: Known = &[
    ("targetKind", Below::Free),
    ("totalReplicas", Below::Free),
    ("rebalance", Below::Free),
    ("intersectWithClusterSelector", Below::Free),
    (
        "clusters",
        Below::Map(&[("weight", Below::Free), ("minReplicas", Below::Free), ("maxReplicas", Below::Free)]),
    ),
];

/// Of a federated object's specification.
pub(super) fn in_federated(object: &Value, path: &str) -> Vec<FieldError> {
    in_spec(object, path, FEDERATED)
}

/// Of a replica preference's specification.
pub(super) fn in_preference(object: &Value, path: &str) -> Vec<FieldError> {
    in_spec(object, path, PREFERENCE)
}

/// Of the annotations of a plain object.
pub(super) fn in_plain(object: &Value, path: &str) -> Vec<FieldError> {
    let known = [annotation::PLACEMENT, annotation::OVERRIDES, annotation::REPLICAS, annotation::POLICY];
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let ours = annotations.into_iter().flatten().map(|(name, _)| name.as_str());
    ours.filter(|name| name.starts_with("hanse.io/") && !known.contains(name))
        .map(|name| {
            let message = format!("is not known here; expected one of {}", known.join(", "));
            FieldError::new(format!("{path}.metadata.annotations[{name}]"), message)
        })
        .collect()
}

fn in_spec(object: &Value, path: &str, known: Known) -> Vec<FieldError> {
    let mut found = Vec::new();
    if let Some(spec) = object.get("spec") {
        look(spec, Below::Fields(known), &format!("{path}.spec"), &mut found);
    }
    found
}

fn look(value: &Value, below: Below, path: &str, found: &mut Vec<FieldError>) {
    match (below, value) {
        (Below::Fields(known), Value::Object(fields)) => {
            for (name, value) in fields {
                let here = format!("{path}.{name}");
                match known.iter().find(|(field, _)| field == name) {
                    Some((_, below)) => look(value, *below, &here, found),
                    None => {
                        let names: Vec<&str> = known.iter().map(|(field, _)| *field).collect();
                        let message = format!("is not known here; expected one of {}", names.join(", "));
                        found.push(FieldError::new(here, message));
                    }
                }
            }
        }
        (Below::List(known), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                look(item, Below::Fields(known), &format!("{path}[{index}]"), found);
            }
        }
        (Below::Map(known), Value::Object(entries)) => {
            for (name, entry) in entries {
                look(entry, Below::Fields(known), &format!("{path}[{name}]"), found);
            }
        }
        _ => {}
    }
}
