//! Who owns which field: server-side apply, and the bookkeeping of every other write.
//!
//! [`Fields`] stands for one endpoint of one kind. [`Fields::update`] is called for each create, update and patch,
//! [`Fields::apply`] for each apply patch; both answer with the object to be stored, `metadata.managedFields`
//! included. The object is seen as a typed server sees it ([`Schema::tidy`]), because ownership of structs that are
//! always there differs from that of optional ones.

use std::sync::Arc;

use serde_json::Value;

use crate::{Descriptor, Schema, Status, schema::Type, status::Cause};

mod last_applied;
mod managers;
mod merge;
pub mod path;
mod typed;
pub mod value;

pub use last_applied::LAST_APPLIED;
pub use managers::{Entry, Managed, Manager, Operation};
pub use path::{Element, Set};

use typed::{compare, field_set, reconcile, remove, with_named_fields};

/// Most entries of plain updates that are kept apart; older ones are joined.
const MOST_UPDATERS: usize = 10;
/// Owner of what was there before anything was tracked.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// Field ownership of one endpoint: a kind, and the subresource written through.
#[derive(Clone, Debug)]
pub struct Fields {
    schema: Arc<Schema>,
    of: Type,
    api_version: String,
    kind: String,
    subresource: String,
    typed: bool,
    ignored: Set,
    stripped: Set,
}

/// A write: who, and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The field manager: what the request names, otherwise the first part of its user agent.
    pub manager: &'a str,
    /// Now, in RFC 3339 to the second.
    pub time: &'a str,
}

/// The field manager of a request that names none.
#[must_use]
pub fn manager_of_user_agent(user_agent: &str) -> &str {
    let name = user_agent.split('/').next().unwrap_or_default();
    let end = name.char_indices().nth(128).map_or(name.len(), |(at, _)| at);
    let name = name.get(..end).unwrap_or_default();
    if name.is_empty() { "unknown" } else { name }
}

impl Fields {
    /// Of a kind of the table, or a custom one with the type that its definition gave.
    #[must_use]
    pub fn new(kind: &Descriptor, custom: Option<Type>, subresource: &str) -> Self {
        let schema = Schema::built_in();
        let api_version = kind.api_version();
        let known = schema.kind(&api_version, &kind.kind);
        let typed = custom.is_none() && known.is_some();
        let of = custom.or(known).unwrap_or_else(Schema::unknown);
        let ignored: &[&[&str]] = match (subresource, kind.status) {
            ("", true) => &[&["status"]],
            ("status", _) if typed && kind.group == "apps" => &[&["spec"], &["metadata", "labels"]],
            ("status", _) if typed => &[&["spec"]],
            ("status", _) => &[&["spec"], &["metadata"]],
            _ => &[],
        };
        Self {
            schema,
            of,
            api_version,
            kind: kind.kind.clone(),
            subresource: subresource.to_owned(),
            typed,
            ignored: Set::of(ignored),
            stripped: Set::of(&[
                &["apiVersion"],
                &["kind"],
                &["metadata"],
                &["metadata", "name"],
                &["metadata", "namespace"],
                &["metadata", "creationTimestamp"],
                &["metadata", "selfLink"],
                &["metadata", "uid"],
                &["metadata", "clusterName"],
                &["metadata", "generation"],
                &["metadata", "managedFields"],
                &["metadata", "resourceVersion"],
            ]),
        }
    }

    /// The object as the kind's server sees it: for a kind of the table decoded and encoded, otherwise as it is.
    #[must_use]
    pub fn tidy(&self, object: Value) -> Value {
        if !self.typed {
            let mut object = object;
            self.schema.prune_unknown(&self.of, &mut object);
            if let Some(metadata) = object.get_mut("metadata") {
                *metadata = self.schema.tidy(&Schema::metadata(), metadata.take());
            }
            return object;
        }
        let mut object = self.schema.tidy(&self.of, object);
        self.name_type(&mut object);
        object
    }

    fn settle(&self, object: &mut Value) {
        if self.typed {
            self.schema.settle(&self.of, object);
        }
    }

    fn name_type(&self, object: &mut Value) {
        if let Some(map) = object.as_object_mut() {
            map.insert("apiVersion".into(), self.api_version.as_str().into());
            map.insert("kind".into(), self.kind.as_str().into());
        }
    }

    fn empty(&self) -> Value {
        let mut object = if self.typed { self.schema.zero(&self.of) } else { serde_json::json!({}) };
        self.name_type(&mut object);
        object
    }

    fn manager(&self, name: &str, operation: Operation) -> Manager {
        Manager {
            name: if name.is_empty() { "unknown".to_owned() } else { name.to_owned() },
            operation,
            api_version: if operation == Operation::Update {
                self.api_version.clone()
            } else {
                String::new()
            },
            subresource: self.subresource.clone(),
        }
    }

    /// The new object with its managed fields, for a create (`live` is `None`), update or patch. Never fails: like an
    /// apiserver it drops managed fields that do not parse.
    ///
    /// An explicitly empty list of managed fields in `new` resets ownership; entries in `new` replace those of `live`.
    #[must_use]
    pub fn update(&self, live: Option<&Value>, new: Value, writer: Writer<'_>) -> Value {
        let mut new = self.tidy(without_empty(new));
        let given = managers::take(&mut new);
        let before = live.map_or_else(|| self.empty(), |live| self.tidy(live.clone()));
        let managed = match &given {
            _ if !self.subresource.is_empty() => Managed::of(&before).unwrap_or_default(),
            Some(given) if managers::is_reset(given) => Managed::default(),
            Some(given) => match Managed::parse(given) {
                Ok(managed) if !managed.is_empty() => managed,
                _ => Managed::of(&before).unwrap_or_default(),
            },
            None => Managed::of(&before).unwrap_or_default(),
        };
        // What was never tracked stays untracked until somebody applies.
        if managed.is_empty() && live.is_some_and(has_uid) {
            self.settle(&mut new);
            return new;
        }
        let mut before = before;
        managers::take(&mut before);
        let mut managed =
            self.track(&before, &new, managed, &self.manager(writer.manager, Operation::Update), writer.time);
        managed.cap(MOST_UPDATERS);
        self.settle(&mut new);
        managed.write(&mut new);
        new
    }

    /// Ownership after a plain write: what it changed is its manager's, and no one else's.
    fn track(
        &self,
        old: &Value,
        new: &Value,
        mut managed: Managed,
        manager: &Manager,
        time: &str,
    ) -> Managed {
        managed.map_sets(|set| reconcile(&self.schema, &self.of, set));
        let changes = compare(&self.schema, &self.of, old, new).without(&self.ignored);
        let taken = changes.modified.union(&changes.added);
        managed.map_sets(|set| set.difference(&taken).difference(&changes.removed));
        let mine = taken.without(&self.ignored).difference(&self.stripped);
        if !mine.is_empty() {
            managed.add(manager, &mine, &self.api_version, time);
        }
        managed
    }

    /// The live object with a configuration applied; `live` is `None` where the object is to be created. An object
    /// equal to `live` but for times means that nothing is to be stored: see [`keep_times`].
    ///
    /// # Errors
    /// 409 with one cause per field that another manager owns with another value, unless `force`; 400 or 500 in the
    /// words of an apiserver for a configuration that does not fit.
    pub fn apply(
        &self,
        live: Option<&Value>,
        config: &Value,
        force: bool,
        writer: Writer<'_>,
    ) -> Result<Value, Status> {
        self.check_type(config)?;
        if config.pointer("/metadata/managedFields").is_some_and(|fields| !fields.is_null()) {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let mut before = live.map_or_else(|| self.empty(), |live| self.tidy(live.clone()));
        let mut managed = Managed::of(&before)
            .map_err(|why| Status::unexplained(format!("failed to decode managed fields: {why}")))?;
        managers::take(&mut before);
        if managed.is_empty() && live.is_some() {
            let manager = self.manager(BEFORE_FIRST_APPLY, Operation::Update);
            managed = self.track(&self.empty(), &before, managed, &manager, writer.time);
        }
        let outcome = self.apply_as(&before, config, &managed, force, writer);
        let (object, managed) = match outcome {
            Err(Refusal::Conflicts(conflicts)) if writer.manager == last_applied::KUBECTL => {
                let allowed = last_applied::allowed(self, &before);
                let left: Vec<_> = conflicts
                    .iter()
                    .filter(|(_, path)| !allowed.as_ref().is_some_and(|set| set.has(path)))
                    .cloned()
                    .collect();
                if !left.is_empty() {
                    return Err(conflict_status(&left));
                }
                self.apply_as(&before, config, &managed, true, writer).map_err(Refusal::into_status)?
            }
            other => other.map_err(Refusal::into_status)?,
        };
        let mut object = self.tidy(object);
        self.settle(&mut object);
        managed.write(&mut object);
        if writer.manager == last_applied::KUBECTL {
            last_applied::refresh(&mut object, config);
        }
        Ok(object)
    }

    fn check_type(&self, config: &Value) -> Result<(), Status> {
        let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
        if (text("apiVersion"), text("kind")) == (self.api_version.as_str(), self.kind.as_str()) {
            return Ok(());
        }
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        let kind = text("kind");
        Err(Status::bad_request(format!("invalid object type: {group}/{version}, Kind={kind}")))
    }

    fn apply_as(
        &self,
        live: &Value,
        config: &Value,
        managed: &Managed,
        force: bool,
        writer: Writer<'_>,
    ) -> Result<(Value, Managed), Refusal> {
        let (schema, of) = (&self.schema, &self.of);
        let faults = typed::faults(schema, of, config, false);
        if !faults.is_empty() {
            return Err(Refusal::Status(self.misfit("failed to create typed patch object", config, &faults)));
        }
        let manager = self.manager(writer.manager, Operation::Apply);
        let mut managed = managed.clone();
        managed.map_sets(|set| reconcile(schema, of, set));
        let merged = merge::merge(schema, of, live, config)
            .map_err(|why| Refusal::Status(Status::unexplained(format!("failed to merge config: {why}"))))?;
        let last = managed.set_of(&manager).cloned();
        let applied = field_set(schema, of, config).without(&self.ignored);
        managed.replace(&manager, applied, &self.api_version);
        let new = match last.filter(|last| !last.is_empty()) {
            Some(last) => self.prune(&merged, &last, &managed),
            None => merged,
        };
        let changes = compare(schema, of, live, &new).without(&self.ignored);
        let touched = changes.modified.union(&changes.added);
        let mut conflicts = Vec::new();
        managed.map_others(&manager, |other, set| {
            let conflict = set.intersection(&touched);
            conflicts.extend(conflict.paths().into_iter().map(|path| (other.clone(), path)));
            set.difference(&conflict).difference(&changes.removed)
        });
        if !force && !conflicts.is_empty() {
            return Err(Refusal::Conflicts(conflicts));
        }
        managed.map_one(&manager, |set| set.difference(&self.stripped));
        if value::equal(live, &new) {
            return Ok((live.clone(), managed));
        }
        managed.touch(&manager, writer.time);
        Ok((new, managed))
    }

    /// Takes out what the manager applied last time and not now, unless somebody else owns it.
    fn prune(&self, merged: &Value, last: &Set, managed: &Managed) -> Value {
        let (schema, of) = (&self.schema, &self.of);
        let named = |set: &Set| with_named_fields(schema, of, set);
        let pruned = remove(schema, of, merged, &named(last));
        let owned = managed.sets().fold(Set::default(), |all, set| all.union(set));
        let merged_set = named(&field_set(schema, of, merged));
        let kept = named(&field_set(schema, of, &pruned)).union(&named(&owned));
        let pruned = remove(schema, of, merged, &merged_set.difference(&kept));
        let pruned_set = named(&field_set(schema, of, &pruned));
        remove(schema, of, merged, &merged_set.difference(&pruned_set).intersection(&named(last)))
    }

    fn misfit(&self, what: &str, config: &Value, faults: &[String]) -> Status {
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let faults = match faults {
            [one] => one.clone(),
            many => format!("errors:\n  {}", many.join("\n  ")),
        };
        let (group, version) = self.api_version.split_once('/').unwrap_or(("", &self.api_version));
        Status::unexplained(format!(
            "{what} ({}/{}; {group}/{version}, Kind={}): {faults}",
            text("/metadata/namespace"),
            text("/metadata/name"),
            self.kind
        ))
    }

    pub(crate) fn type_and_schema(&self) -> (&Schema, &Type, &str) {
        (&self.schema, &self.of, &self.api_version)
    }
}

enum Refusal {
    Conflicts(Vec<(Manager, Vec<Element>)>),
    Status(Status),
}

impl Refusal {
    fn into_status(self) -> Status {
        match self {
            Self::Conflicts(conflicts) => conflict_status(&conflicts),
            Self::Status(status) => status,
        }
    }
}

fn conflict_status(conflicts: &[(Manager, Vec<Element>)]) -> Status {
    let cause = |(manager, path): &(Manager, Vec<Element>)| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {manager}"),
        field: path::display(path),
    };
    let message = match conflicts {
        [(manager, path)] => {
            format!("Apply failed with 1 conflict: conflict with {manager}: {}", path::display(path))
        }
        many => {
            let mut lines = Vec::new();
            let mut last = None;
            for (manager, path) in many {
                if last != Some(manager) {
                    lines.push(format!("conflicts with {manager}:"));
                    last = Some(manager);
                }
                lines.push(format!("- {}", path::display(path)));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    Status::apply_conflict(message, conflicts.iter().map(cause).collect())
}

fn has_uid(object: &Value) -> bool {
    object.pointer("/metadata/uid").and_then(Value::as_str).is_some_and(|uid| !uid.is_empty())
}

/// An explicit `managedFields: [{}]` or `[]` has a meaning that tidying would lose; it is kept as a list.
fn without_empty(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && metadata.get("managedFields").is_some_and(|fields| fields.as_array().is_some_and(Vec::is_empty))
    {
        metadata.insert("managedFields".to_owned(), serde_json::json!([{}]));
    }
    object
}

/// Where `new` equals `live` except for times of managed fields, gives it those of `live`: then storing it changes
/// nothing, and whoever stores compares and leaves it.
pub fn keep_times(live: &Value, new: &mut Value) {
    let timeless = |object: &Value| {
        let mut object = object.clone();
        let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        object
    };
    if timeless(live) == timeless(new) {
        new.clone_from(live);
    }
}
