//! Where a live object differs from what is wanted, and who made it differ.
//!
//! Lists are compared the way the apiserver merges them: by key fields or as sets where any manager's field set
//! says so, otherwise by `name`, otherwise place by place. What the manifest does not mention is not compared, so
//! defaults and other managers' fields are no drift, except inside what we own as one piece.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Places, applied_fields, is_identity, is_item, is_quantities, manifest_hash, owned_hash};

/// A field that is not as wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FieldDiff {
    /// JSON pointer; list items are numbered as in the manifest.
    pub path: String,
    /// What is wanted; null when the field should not be there.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub expected: Value,
    /// What is there; null when nothing is.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub actual: Value,
    /// The field manager that set it last, where known.
    pub manager: Option<String>,
}

/// Whether sending the manifest would change nothing.
#[must_use]
pub fn is_in_force(manifest: &Value, live: &Value, manager: &str) -> bool {
    owned_hash(live, manager) == Some(manifest_hash(manifest))
        || (drifted_fields(manifest, live).is_empty() && forgotten_fields(manifest, live, manager).is_empty())
}

/// Fields of the manifest that the live object has otherwise.
#[must_use]
pub fn drifted_fields(expected: &Value, live: &Value) -> Vec<FieldDiff> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let managers: Vec<Manager<'_>> = entries.into_iter().flatten().filter_map(Manager::of).collect();
    let sets: Vec<&Value> = managers.iter().map(|manager| manager.fields).collect();
    let mut walk = Walk { managers: &managers, found: Vec::new() };
    for (name, value) in expected.as_object().into_iter().flatten() {
        if matches!(name.as_str(), "apiVersion" | "kind" | "status") {
            continue;
        }
        let path = format!("/{}", escape(name));
        let actual = live.get(name);
        let below = descend(&sets, name);
        if name == "metadata" {
            for (field, value) in
                value.as_object().into_iter().flatten().filter(|(field, _)| !is_identity(field))
            {
                let actual = actual.and_then(|metadata| metadata.get(field));
                let at = At { name: field, parent: name, sets: &descend(&below, field), atomic: false };
                walk.compare(value, actual, &format!("{path}/{}", escape(field)), at);
            }
        } else {
            walk.compare(value, actual, &path, At { name, parent: "", sets: &below, atomic: false });
        }
    }
    walk.found
}

/// Fields that we own in the live object and that the manifest has no more.
#[must_use]
pub fn forgotten_fields(manifest: &Value, live: &Value, manager: &str) -> Vec<FieldDiff> {
    let mut found = Vec::new();
    if let Some(set) = applied_fields(live, manager) {
        forgotten(set, Some(manifest), Some(live), String::new(), &mut found);
    }
    for diff in &mut found {
        diff.manager = Some(manager.to_owned());
    }
    found
}

fn forgotten(
    set: &Value,
    manifest: Option<&Value>,
    live: Option<&Value>,
    path: String,
    found: &mut Vec<FieldDiff>,
) {
    let Some(live) = live.filter(|live| !live.is_null()) else { return };
    let Some(manifest) = manifest.filter(|manifest| !manifest.is_null()) else {
        found.push(FieldDiff { path, expected: Value::Null, actual: live.clone(), manager: None });
        return;
    };
    let Some(set) = set.as_object() else { return };
    match (manifest, live) {
        (Value::Object(manifest), Value::Object(live)) => {
            for (name, child) in super::field_children(set) {
                forgotten(
                    child,
                    manifest.get(name),
                    live.get(name),
                    format!("{path}/{}", escape(name)),
                    found,
                );
            }
        }
        (Value::Array(manifest), Value::Array(live)) if set.keys().any(|name| is_item(name)) => {
            let places = Places::of(set);
            let keys = places.keys();
            for (index, item) in live.iter().enumerate() {
                let Some(child) = places.find(index, item) else { continue };
                let ours = match &keys {
                    Some(keys) => find_by(manifest, item, keys),
                    None if places.is_set() => manifest.iter().find(|value| *value == item),
                    None => manifest.get(index),
                };
                forgotten(child, ours, Some(item), format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// A field manager's entry.
struct Manager<'a> {
    name: &'a str,
    time: &'a str,
    fields: &'a Value,
}

impl<'a> Manager<'a> {
    fn of(entry: &'a Value) -> Option<Self> {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        Some(Self { name: text("manager"), time: text("time"), fields: entry.get("fieldsV1")? })
    }
}

/// Where the comparison is: names, and what each field set has below here.
#[derive(Clone, Copy)]
struct At<'a> {
    name: &'a str,
    parent: &'a str,
    sets: &'a [&'a Value],
    /// Whether something further up is owned as one piece.
    atomic: bool,
}

impl At<'_> {
    /// Whether this is owned as one piece: every manager that has it has it as a leaf.
    fn is_atomic(&self) -> bool {
        let is_leaf = |set: &&Value| set.as_object().is_some_and(Map::is_empty);
        self.atomic || (!self.sets.is_empty() && self.sets.iter().all(is_leaf))
    }
}

struct Walk<'a> {
    managers: &'a [Manager<'a>],
    found: Vec<FieldDiff>,
}

fn descend<'a>(sets: &[&'a Value], name: &str) -> Vec<&'a Value> {
    let name = format!("f:{name}");
    sets.iter().filter_map(|set| set.get(&name)).collect()
}

impl Walk<'_> {
    fn compare(&mut self, expected: &Value, actual: Option<&Value>, path: &str, at: At<'_>) {
        let actual = actual.filter(|value| !value.is_null());
        match (expected, actual) {
            (Value::Null, _) => {}
            (expected, None) => {
                if !may_be_left_out(expected, at) {
                    self.report(path, expected, None);
                }
            }
            (Value::Object(expected), Some(Value::Object(actual))) => self.object(expected, actual, path, at),
            (Value::Array(expected), Some(Value::Array(actual))) => self.array(expected, actual, path, at),
            (expected, Some(actual)) => {
                if !same_scalar(expected, actual, at) {
                    self.report(path, expected, Some(actual));
                }
            }
        }
    }

    fn object(&mut self, expected: &Map<String, Value>, actual: &Map<String, Value>, path: &str, at: At<'_>) {
        let atomic = at.is_atomic() && !expected.is_empty();
        for (name, value) in expected {
            let sets = descend(at.sets, name);
            let below = At { name, parent: at.name, sets: &sets, atomic };
            self.compare(value, actual.get(name), &format!("{path}/{}", escape(name)), below);
        }
        // Then what somebody added is ours to remove. Elsewhere in it defaults may have been filled in.
        if atomic && is_map_of_text(expected) {
            for (name, value) in actual.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                self.report(&format!("{path}/{}", escape(name)), &Value::Null, Some(value));
            }
        }
    }

    fn array(&mut self, expected: &[Value], actual: &[Value], path: &str, at: At<'_>) {
        let sets = at.sets.iter().filter_map(|set| set.as_object());
        let places: Vec<Places<'_>> = sets.map(Places::of).collect();
        let keys = places.iter().find_map(Places::keys).or_else(|| named(expected, actual));
        if let Some(keys) = keys {
            for (index, item) in expected.iter().enumerate() {
                let other = find_by(actual, item, &keys);
                let below: Vec<&Value> = match other {
                    Some(other) => places.iter().filter_map(|place| place.find(usize::MAX, other)).collect(),
                    None => Vec::new(),
                };
                let at = At { sets: &below, ..at };
                match other {
                    Some(other) => self.compare(item, Some(other), &format!("{path}/{index}"), at),
                    None => self.report(&format!("{path}/{index}"), item, None),
                }
            }
        } else if places.iter().any(Places::is_set) {
            for (index, item) in expected.iter().enumerate().filter(|(_, item)| !actual.contains(item)) {
                self.report(&format!("{path}/{index}"), item, None);
            }
        } else if expected.len() == actual.len() {
            for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
                let at = At { sets: &[], ..at };
                self.compare(expected, Some(actual), &format!("{path}/{index}"), at);
            }
        } else {
            self.report(path, &Value::Array(expected.to_vec()), Some(&Value::Array(actual.to_vec())));
        }
    }

    fn report(&mut self, path: &str, expected: &Value, actual: Option<&Value>) {
        let manager = self.owner(path, actual);
        let actual = actual.cloned().unwrap_or(Value::Null);
        self.found.push(FieldDiff { path: path.to_owned(), expected: expected.clone(), actual, manager });
    }

    /// Who set the field last: the latest of those whose field set has it, or something below or above it.
    fn owner(&self, path: &str, actual: Option<&Value>) -> Option<String> {
        actual?;
        let holds = |manager: &&Manager<'_>| reaches(manager.fields, path);
        let last =
            self.managers.iter().filter(holds).max_by(|a, b| crate::status::time_order(a.time, b.time))?;
        Some(last.name.to_owned()).filter(|name| !name.is_empty())
    }
}

/// Whether a field set has the path; items of lists are not told apart.
fn reaches(set: &Value, path: &str) -> bool {
    let mut level = vec![set];
    for token in path.split('/').skip(1) {
        let name = format!("f:{}", token.replace("~1", "/").replace("~0", "~"));
        let is_index = token.bytes().all(|b| b.is_ascii_digit());
        let mut below: Vec<&Value> = level.iter().filter_map(|set| set.get(&name)).collect();
        if below.is_empty() && is_index {
            let maps = level.iter().filter_map(|set| set.as_object());
            below = maps.flatten().filter(|(name, _)| is_item(name)).map(|(_, child)| child).collect();
        }
        if below.is_empty() {
            // Owned as one piece further up.
            return level.iter().any(|set| set.as_object().is_some_and(Map::is_empty));
        }
        level = below;
    }
    true
}

/// Whether a field manager other than `manager` set the field at this path.
pub(crate) fn owned_by_other(live: &Value, path: &str, manager: &str) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let mut others =
        entries.into_iter().flatten().filter_map(Manager::of).filter(|entry| entry.name != manager);
    others.any(|entry| reaches(entry.fields, path))
}

/// `name`, when every item on both sides has one and no two are the same.
fn named(expected: &[Value], actual: &[Value]) -> Option<Vec<String>> {
    let unique = |items: &[Value]| {
        let names: Option<std::collections::BTreeSet<&str>> =
            items.iter().map(|item| item.get("name").and_then(Value::as_str)).collect();
        names.is_some_and(|names| names.len() == items.len())
    };
    (!expected.is_empty() && unique(expected) && unique(actual)).then(|| vec!["name".to_owned()])
}

/// The item with the same key fields; a key field that `like` has not may have any (defaulted) value.
fn find_by<'a>(items: &'a [Value], like: &Value, keys: &[String]) -> Option<&'a Value> {
    let matches = |item: &&Value| {
        keys.iter().all(|key| match (like.get(key), item.get(key)) {
            (Some(wanted), Some(have)) => wanted == have,
            (None, _) | (_, None) => true,
        }) && keys.iter().any(|key| like.get(key).is_some() && like.get(key) == item.get(key))
    };
    items.iter().find(matches)
}

/// Apiservers leave out what is empty, except in maps that people fill.
fn may_be_left_out(expected: &Value, at: At<'_>) -> bool {
    match expected {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0) && at.name != "replicas",
        Value::String(text) => text.is_empty() && !is_text_map(at.parent),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(Value::is_null),
    }
}

fn is_text_map(name: &str) -> bool {
    matches!(
        name,
        "data"
            | "binaryData"
            | "stringData"
            | "labels"
            | "annotations"
            | "matchLabels"
            | "nodeSelector"
            | "selector"
    )
}

fn is_map_of_text(map: &Map<String, Value>) -> bool {
    map.values().all(Value::is_string)
}

fn same_scalar(expected: &Value, actual: &Value, at: At<'_>) -> bool {
    if expected == actual {
        return true;
    }
    if let (Value::Number(a), Value::Number(b)) = (expected, actual) {
        return a.as_f64() == b.as_f64();
    }
    let amounts = is_quantities(at.parent) || matches!(at.name, "sizeLimit" | "averageValue" | "divisor");
    amounts && crate::quantity::nano(expected).is_some_and(|a| crate::quantity::nano(actual) == Some(a))
}

/// A name as a token of a JSON pointer.
pub(crate) fn escape(name: &str) -> String {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1") } else { name.to_owned() }
}
