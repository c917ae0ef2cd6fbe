//! Field differences between two manifests, for plans and previews.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::owned;

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// JSON pointer; items of lists that have names are numbered as in the new manifest.
    pub path: String,
    /// Before; null when it was not there.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub from: Value,
    /// After; null when it goes.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub to: Value,
}

/// What changes from one manifest to another.
#[must_use]
pub fn between(from: &Value, to: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(Some(from), Some(to), String::new(), &mut changes);
    changes
}

/// What sending a manifest would change in a live object: fields that are otherwise there, and fields of ours that
/// go because the manifest has them no more.
#[must_use]
pub fn against_live(manifest: &Value, live: &Value, manager: &str) -> Vec<Change> {
    let changed = owned::drifted_fields(manifest, live);
    let gone = owned::forgotten_fields(manifest, live, manager);
    changed
        .into_iter()
        .chain(gone)
        .map(|diff| Change { path: diff.path, from: diff.actual, to: diff.expected })
        .collect()
}

fn compare(from: Option<&Value>, to: Option<&Value>, path: String, changes: &mut Vec<Change>) {
    match (from, to) {
        (None, None) => {}
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => objects(from, to, &path, changes),
        (Some(Value::Array(from)), Some(Value::Array(to))) => arrays(from, to, path, changes),
        (from, to) => changes.push(Change {
            path,
            from: from.cloned().unwrap_or(Value::Null),
            to: to.cloned().unwrap_or(Value::Null),
        }),
    }
}

fn objects(from: &Map<String, Value>, to: &Map<String, Value>, path: &str, changes: &mut Vec<Change>) {
    let names: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    for name in names {
        compare(from.get(name), to.get(name), format!("{path}/{}", owned::escape(name)), changes);
    }
}

fn arrays(from: &[Value], to: &[Value], path: String, changes: &mut Vec<Change>) {
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    let names = |items: &[Value]| -> Option<Vec<String>> {
        let names: Vec<String> = items.iter().map(name).collect::<Option<_>>()?;
        let unique: BTreeSet<&String> = names.iter().collect();
        (unique.len() == names.len()).then_some(names)
    };
    if let (Some(before), Some(_)) = (names(from), names(to)) {
        for (index, item) in to.iter().enumerate() {
            let old = from.iter().find(|old| name(old) == name(item));
            compare(old, Some(item), format!("{path}/{index}"), changes);
        }
        for (index, old) in from.iter().enumerate() {
            if !to.iter().any(|item| name(item) == name(old)) {
                compare(Some(old), None, format!("{path}/{index}"), changes);
            }
        }
        let after: Vec<String> = to.iter().filter_map(name).collect();
        let stay = |names: &[String], others: &[String]| -> Vec<String> {
            names.iter().filter(|name| others.contains(name)).cloned().collect()
        };
        if stay(&before, &after) != stay(&after, &before) {
            changes.push(Change { path, from: Value::Array(from.to_vec()), to: Value::Array(to.to_vec()) });
        }
    } else if from.len() == to.len() {
        for (index, (from, to)) in from.iter().zip(to).enumerate() {
            compare(Some(from), Some(to), format!("{path}/{index}"), changes);
        }
    } else {
        changes.push(Change { path, from: Value::Array(from.to_vec()), to: Value::Array(to.to_vec()) });
    }
}
