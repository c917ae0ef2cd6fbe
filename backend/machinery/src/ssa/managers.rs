//! `metadata.managedFields` as a map from manager to what it owns.

use std::{
    collections::BTreeMap,
    fmt::{Display, Formatter, Result as Fmt},
};

use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::path::Set;
use crate::go::quote;

/// How a manager wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By create, update or another patch.
    Update,
}

impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who is told apart from whom. The same name by apply and by update are two.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager {
    /// Name.
    pub name: String,
    /// How it wrote.
    pub operation: Operation,
    /// Version that it wrote in; empty for apply, where it does not tell managers apart.
    pub api_version: String,
    /// Subresource that it wrote through.
    pub subresource: String,
}

impl Display for Manager {
    fn fmt(&self, f: &mut Formatter<'_>) -> Fmt {
        f.write_str(&quote(&self.name))?;
        if !self.subresource.is_empty() {
            write!(f, " with subresource {}", quote(&self.subresource))?;
        }
        if self.operation == Operation::Update {
            write!(f, " using {}", self.api_version)?;
        }
        Ok(())
    }
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The fields.
    pub set: Set,
    /// The version that the paths are of.
    pub api_version: String,
    /// When it changed last; absent where an apply changed nothing.
    pub time: Option<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managed(BTreeMap<Manager, Entry>);

/// Takes the managed fields out of an object.
pub(super) fn take(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Whether these managed fields are the request to forget all.
pub(super) fn is_reset(fields: &Value) -> bool {
    match fields.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([one]) => one.as_object().is_some_and(Map::is_empty),
        _ => false,
    }
}

impl Managed {
    /// Those of an object.
    ///
    /// # Errors
    /// The first entry that is malformed.
    pub fn of(object: &Value) -> Result<Self, String> {
        object.pointer("/metadata/managedFields").map_or_else(|| Ok(Self::default()), Self::parse)
    }

    /// Reads a list of entries.
    ///
    /// # Errors
    /// The first entry that is malformed.
    pub fn parse(fields: &Value) -> Result<Self, String> {
        let mut out = BTreeMap::new();
        for (index, entry) in fields.as_array().into_iter().flatten().enumerate() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let operation = match text("operation").as_str() {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err("operation must be `Apply` or `Update`".to_owned()),
            };
            let api_version = text("apiVersion");
            if api_version.is_empty() {
                return Err("apiVersion must not be empty".to_owned());
            }
            match text("fieldsType").as_str() {
                "FieldsV1" => {}
                "" => return Err(format!("missing fieldsType in managed fields entry {index}")),
                other => {
                    return Err(format!(
                        "invalid fieldsType {} in managed fields entry {index}",
                        quote(other)
                    ));
                }
            }
            let set = entry.get("fieldsV1").map_or_else(|| Ok(Set::default()), Set::from_fields_v1)?;
            let manager = Manager {
                name: text("manager"),
                operation,
                api_version: if operation == Operation::Update { api_version.clone() } else { String::new() },
                subresource: text("subresource"),
            };
            let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
            out.insert(manager, Entry { set, api_version, time });
        }
        Ok(Self(out))
    }

    /// Whether nobody owns anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Managers and what they own.
    pub fn iter(&self) -> impl Iterator<Item = (&Manager, &Entry)> {
        self.0.iter()
    }

    pub(super) fn sets(&self) -> impl Iterator<Item = &Set> {
        self.0.values().map(|entry| &entry.set)
    }

    pub(super) fn set_of(&self, manager: &Manager) -> Option<&Set> {
        self.0.get(manager).map(|entry| &entry.set)
    }

    pub(super) fn replace(&mut self, manager: &Manager, set: Set, api_version: &str) {
        let time = self.0.get(manager).and_then(|entry| entry.time.clone());
        self.0.insert(manager.clone(), Entry { set, api_version: api_version.to_owned(), time });
    }

    pub(super) fn add(&mut self, manager: &Manager, set: &Set, api_version: &str, time: &str) {
        let set = self.set_of(manager).map_or_else(|| set.clone(), |own| own.union(set));
        self.replace(manager, set, api_version);
        self.touch(manager, time);
    }

    pub(super) fn touch(&mut self, manager: &Manager, time: &str) {
        if let Some(entry) = self.0.get_mut(manager) {
            entry.time = Some(time.to_owned());
        }
    }

    /// Changes every set; who owns nothing after that is forgotten.
    pub(super) fn map_sets(&mut self, change: impl Fn(&Set) -> Set) {
        self.0.retain(|_, entry| {
            entry.set = change(&entry.set);
            !entry.set.is_empty()
        });
    }

    /// The same for one manager.
    pub(super) fn map_one(&mut self, manager: &Manager, change: impl Fn(&Set) -> Set) {
        self.0.retain(|name, entry| {
            if name == manager {
                entry.set = change(&entry.set);
            }
            !entry.set.is_empty()
        });
    }

    /// The same for all but one, in the order in which messages name them.
    pub(super) fn map_others(&mut self, manager: &Manager, mut change: impl FnMut(&Manager, &Set) -> Set) {
        for (name, entry) in self.0.iter_mut().filter(|(name, _)| *name != manager) {
            entry.set = change(name, &entry.set);
        }
        self.0.retain(|_, entry| !entry.set.is_empty());
    }

    /// Joins the oldest updaters of a version into one entry until at most so many are left.
    pub(super) fn cap(&mut self, most: usize) {
        let mut updaters: Vec<(i64, Manager)> = self
            .0
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update)
            .map(|(manager, entry)| (seconds(entry.time.as_deref()), manager.clone()))
            .collect();
        updaters.sort();
        let mut length = updaters.len();
        let mut first: BTreeMap<String, Manager> = BTreeMap::new();
        for (_, manager) in updaters {
            if length <= most {
                break;
            }
            let Some(entry) = self.0.get(&manager).cloned() else { continue };
            let Some(oldest) = first.get(&entry.api_version).cloned() else {
                first.insert(entry.api_version, manager);
                continue;
            };
            let bucket = Manager {
                name: "ancient-changes".to_owned(),
                operation: Operation::Update,
                api_version: entry.api_version.clone(),
                subresource: String::new(),
            };
            if !self.0.contains_key(&bucket)
                && let Some(moved) = self.0.remove(&oldest)
            {
                self.0.insert(bucket.clone(), moved);
            }
            self.0.remove(&manager);
            length -= 1;
            let joined = self.set_of(&bucket).map_or_else(|| entry.set.clone(), |set| set.union(&entry.set));
            self.0.insert(bucket, Entry { set: joined, ..entry });
        }
    }

    /// Writes the list of entries into an object: by operation, then time, then manager.
    pub fn write(&self, object: &mut Value) {
        take(object);
        if self.0.is_empty() {
            return;
        }
        let mut entries: Vec<(&Manager, &Entry)> = self.0.iter().collect();
        entries.sort_by_key(|(manager, entry)| {
            let order = (manager.operation, seconds(entry.time.as_deref()), manager.name.clone());
            (order, entry.api_version.clone(), manager.subresource.clone())
        });
        let encode = |(manager, entry): (&Manager, &Entry)| {
            let mut map = Map::new();
            map.insert("manager".into(), manager.name.as_str().into());
            map.insert("operation".into(), manager.operation.as_str().into());
            map.insert("apiVersion".into(), entry.api_version.as_str().into());
            if let Some(time) = &entry.time {
                map.insert("time".into(), time.as_str().into());
            }
            map.insert("fieldsType".into(), "FieldsV1".into());
            map.insert("fieldsV1".into(), entry.set.to_fields_v1());
            if !manager.subresource.is_empty() {
                map.insert("subresource".into(), manager.subresource.as_str().into());
            }
            Value::Object(map)
        };
        let list: Vec<Value> = entries.into_iter().map(encode).collect();
        if let Some(object) = object.as_object_mut() {
            let metadata = object.entry("metadata").or_insert_with(|| json!({}));
            if let Some(metadata) = metadata.as_object_mut() {
                metadata.insert("managedFields".to_owned(), list.into());
            }
        }
    }
}

fn seconds(time: Option<&str>) -> i64 {
    time.and_then(|time| DateTime::parse_from_rfc3339(time).ok()).map_or(0, |time| time.timestamp())
}
