//! Everything that a scenario federates, read by the adapters of both older generations.
//!
//! A federated object and the plain one of the same name may both be there, as at a KubeFed host: then the federated
//! one decides, and the plain one is the hub's own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{InputError, Scenario, unknown};
use crate::{
    FieldError,
    adapter::Parsed,
    fleet::ClusterView,
    kinds,
    placement::{self, Bounds},
    v1, v2, validate,
};

/// Groups whose kinds steer federation; nothing of them is a plain object that could be federated.
const STEERING: [&str; 4] = [v2::TYPES_GROUP, v2::SCHEDULING_GROUP, "core.kubefed.io", "simulate.hanse.io"];

/// One federated object of the scenario.
pub(super) struct Record {
    pub(super) parsed: Parsed,
    /// Accepted, and probably not meant.
    pub(super) warnings: Vec<FieldError>,
    federated: bool,
    path: String,
}

/// All of them.
pub(super) struct Records {
    /// In the scenario's order.
    pub(super) objects: Vec<Record>,
    /// About objects that are none of these.
    pub(super) warnings: Vec<FieldError>,
    /// Clusters of each namespace that has a record of its own.
    namespaces: BTreeMap<String, BTreeSet<String>>,
}

/// A replica preference and where it is.
struct Wish {
    preference: v2::SchedulingPreference,
    path: String,
    warnings: Vec<FieldError>,
}

impl Records {
    pub(super) fn read(scenario: &Scenario, fleet: &[ClusterView]) -> Result<Self, InputError> {
        let (mut objects, mut wishes) = (Vec::new(), Vec::new());
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for (path, value) in listed(scenario)? {
            let identity = if v2::SchedulingPreference::is(value) {
                let preference = v2::SchedulingPreference::parse(value, &path)?;
                let of = preference.namespace.as_deref().unwrap_or_default();
                let identity = format!("ReplicaSchedulingPreference {of}/{}", preference.name);
                wishes.push(Wish {
                    warnings: unknown::in_preference(value, &path),
                    preference,
                    path: path.clone(),
                });
                identity
            } else {
                let record = Record::read(scenario, fleet, value, &path)?;
                let form = if record.federated { "federated " } else { "" };
                let identity = format!("{form}{}", record.parsed.object.key());
                objects.push(record);
                identity
            };
            if let Some(first) = known.insert(identity.clone(), path.clone()) {
                let name = identity.strip_prefix("federated ").unwrap_or(&identity);
                return Err(FieldError::new(path, format!("{name} is given by {first} already")));
            }
        }
        let mut objects = twins(objects);
        let warnings = govern(wishes, &mut objects);
        let namespaces = objects
            .iter()
            .map(|record| &record.parsed)
            .filter(|parsed| parsed.object.resource.is("", "Namespace"))
            .map(|parsed| (parsed.object.name.clone(), namespace_clusters(fleet, parsed)))
            .collect();
        Ok(Self { objects, warnings, namespaces })
    }

    /// The clusters of an object's namespace; every one where the scenario does not hold it.
    pub(super) fn bounds(&self, parsed: &Parsed) -> Bounds<'_> {
        let namespace = parsed.object.namespace.as_ref();
        namespace.and_then(|name| self.namespaces.get(name)).map_or(Bounds::Unbounded, Bounds::Within)
    }
}

/// The objects with their paths; those in a `List` one by one.
fn listed(scenario: &Scenario) -> Result<Vec<(String, &Value)>, InputError> {
    let mut all = Vec::new();
    for (index, value) in scenario.objects.iter().enumerate() {
        let path = format!("spec.objects[{index}]");
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        match value.get("items").filter(|_| text("kind") == Some("List") && text("apiVersion") == Some("v1"))
        {
            None => all.push((path, value)),
            Some(Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    let path = format!("{path}.items[{at}]");
                    if !item.is_object() {
                        return Err(FieldError::new(path, "expected an object"));
                    }
                    all.push((path, item));
                }
            }
            Some(_) => return Err(FieldError::new(format!("{path}.items"), "expected a list")),
        }
    }
    Ok(all)
}

impl Record {
    fn read(
        scenario: &Scenario,
        fleet: &[ClusterView],
        value: &Value,
        path: &str,
    ) -> Result<Self, InputError> {
        let federated = v2::is_federated(value);
        let (mut parsed, mut warnings) = if federated {
            let resolve = |kind: &str, version: Option<&str>| scenario.resolve(kind, version, value);
            (v2::parse(value, path, &resolve)?, unknown::in_federated(value, path))
        } else {
            let resource = plain_resource(scenario, value, path)?;
            (v1::parse(value, path, &resource)?, unknown::in_plain(value, path))
        };
        let words = if federated { v2::field_path } else { v1::field_path };
        let here = |fault: FieldError| FieldError { path: words(&fault.path), ..fault }.under(path);
        for fault in validate::validate(&parsed.object, fleet).into_iter().map(here) {
            if !parsed.refusals.errors.contains(&fault) {
                parsed.refusals.errors.push(fault);
            }
        }
        warnings.extend(validate::unmatched(&parsed.object, fleet).into_iter().map(here));
        Ok(Self { parsed, warnings, federated, path: path.to_owned() })
    }
}

fn plain_resource(scenario: &Scenario, object: &Value, path: &str) -> Result<crate::Resource, InputError> {
    let fault = |field: &str, message: String| FieldError::new(format!("{path}.{field}"), message);
    let text = |field: &str| -> Result<&str, InputError> {
        match object.get(field) {
            None | Some(Value::Null) => Err(fault(field, "is required".to_owned())),
            Some(Value::String(text)) if text.is_empty() => Err(fault(field, "is required".to_owned())),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(fault(field, "must be text".to_owned())),
        }
    };
    let (kind, version) = (text("kind")?, text("apiVersion")?);
    let (group, _) = kinds::split_api_version(version);
    if STEERING.contains(&group) {
        let message = format!(
            "{kind} of {group} is nothing that can be federated; expected Federated<Kind>, FederatedNamespace, \
             ReplicaSchedulingPreference or a plain object"
        );
        return Err(fault("kind", message));
    }
    if !kinds::is_api_version(version) {
        return Err(fault("apiVersion", format!("{version:?} is neither a version nor group/version")));
    }
    if !kinds::is_kind(kind) {
        return Err(fault("kind", format!("{kind:?} is not the name of a kind")));
    }
    scenario.resolve(kind, Some(version), object).ok_or_else(|| fault("kind", format!("{kind} is not known")))
}

/// Leaves out the plain twins of federated objects. The template of a federated namespace is the hub's namespace.
fn twins(objects: Vec<Record>) -> Vec<Record> {
    let (governing, plain): (Vec<usize>, Vec<usize>) =
        (0..objects.len()).partition(|at| objects.get(*at).is_some_and(|record| record.federated));
    let by_key = |places: Vec<usize>| -> BTreeMap<String, usize> {
        let key = |at: usize| Some((objects.get(at)?.parsed.object.key(), at));
        places.into_iter().filter_map(key).collect()
    };
    let (governing, plain) = (by_key(governing), by_key(plain));
    let mut twins: BTreeMap<usize, (Value, String)> = BTreeMap::new();
    let mut hidden = BTreeSet::new();
    for (key, at) in &governing {
        if let Some((twin, record)) = plain.get(key).and_then(|twin| Some((twin, objects.get(*twin)?))) {
            hidden.insert(*twin);
            twins.insert(*at, (record.parsed.object.spec.template.clone(), record.path.clone()));
        }
    }
    let mut kept = Vec::new();
    for (at, mut record) in objects.into_iter().enumerate() {
        if hidden.contains(&at) {
            continue;
        }
        match twins.remove(&at) {
            None => {}
            Some((template, _)) if record.parsed.object.resource.is("", "Namespace") => {
                record.parsed.object.spec.template = template;
            }
            Some((_, twin)) => {
                let message =
                    format!("the plain object {twin} of the same name stays at the hub; this one is sent");
                record.warnings.push(FieldError::new(record.path.clone(), message));
            }
        }
        kept.push(record);
    }
    kept
}

/// Lets preferences decide about their targets; returns what is to be said of those that have none.
fn govern(wishes: Vec<Wish>, objects: &mut [Record]) -> Vec<FieldError> {
    let mut warnings = Vec::new();
    for Wish { preference, path, warnings: mut own } in wishes {
        let target =
            objects.iter_mut().find(|record| record.federated && preference.is_about(&record.parsed.object));
        match target {
            Some(record) => {
                preference.govern(&mut record.parsed.object);
                let refusal = record.parsed.refusals.placement.take();
                record.parsed.refusals.placement = refusal.filter(|_| preference.intersect);
                record.warnings.append(&mut own);
            }
            None => {
                let message = format!("there is no Federated{} of this name to spread", preference.target);
                warnings.append(&mut own);
                warnings.push(FieldError::new(path, message));
            }
        }
    }
    warnings
}

fn namespace_clusters(fleet: &[ClusterView], parsed: &Parsed) -> BTreeSet<String> {
    if parsed.refusals.placement.is_some() || parsed.object.deleting {
        return BTreeSet::new();
    }
    let choices = placement::select(&parsed.object.spec.placement, fleet, Bounds::Unbounded);
    choices.into_iter().filter(|choice| choice.selected).map(|choice| choice.name).collect()
}
