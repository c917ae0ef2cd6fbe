//! Federation v2 (KubeFed): federated kinds and replica preferences in the native model.
//!
//! Field names and meanings are KubeFed's. What KubeFed only reported in status after it had stored it is found
//! here, with its path, so that the hub can refuse it; where something is computed from such an object all the
//! same (`hanse simulate`), only what the mistake concerns fails.

use std::collections::{BTreeMap, BTreeSet};

use hanse_machinery::json;
use serde_json::{Value, json};

use crate::{
    FieldError,
    adapter::{Metadata, Parsed},
    field::Field,
    fleet::ClusterView,
    kinds,
    object::{
        DeleteOptions, Deletion, FederatedObject, FederatedSpec, Override, Patch, PatchOp, Placement, Policy,
        Resource,
    },
    overrides,
    plan::Refusals,
    prune,
    selector::Selector,
};

mod preference;

pub use preference::SchedulingPreference;

/// API group of the federated kinds.
pub const TYPES_GROUP: &str = "types.kubefed.io";
/// API group of [`SchedulingPreference`].
pub const SCHEDULING_GROUP: &str = "scheduling.kubefed.io";
/// Annotation that leaves the copies when the federated object is deleted.
pub const ORPHAN: &str = "kubefed.io/orphan";
/// Annotation with options for the deletion of copies.
pub const DELETE_OPTION: &str = "kubefed.io/deleteoption";

/// Finds the target kind of a federated kind: by its name without `Federated` and, where the template says so, its
/// `apiVersion`.
pub type Resolve<'a> = dyn Fn(&str, Option<&str>) -> Option<Resource> + 'a;

/// Whether an object is of a federated kind.
#[must_use]
pub fn is_federated(object: &Value) -> bool {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    kinds::split_api_version(text("apiVersion")).0 == TYPES_GROUP && text("kind").starts_with("Federated")
}

/// Reads an object of a federated kind.
///
/// # Errors
/// The first field that has not the type that it must have, below `path`, or an unknown target kind.
pub fn parse(object: &Value, path: &str, resolve: &Resolve<'_>) -> Result<Parsed, FieldError> {
    let root = Field::root(object, path);
    let target = root.get("kind").required_text()?;
    let target = target
        .strip_prefix("Federated")
        .filter(|target| !target.is_empty())
        .ok_or_else(|| root.get("kind").fault("must be Federated<Kind>"))?;
    let metadata = Metadata::read(&root)?;
    let spec = root.get("spec");
    spec.object()?;
    let template = spec.get("template");
    template.object()?;
    let version = template.get("apiVersion").text()?.filter(|version| !version.is_empty());
    let resource = resolve(target, version).ok_or_else(|| {
        let message = format!("is needed: the group of {target} is not known");
        template.get("apiVersion").fault(message)
    })?;
    let is_namespace = resource.is("", "Namespace");
    if is_namespace && metadata.namespace.as_ref().is_some_and(|namespace| *namespace != metadata.name) {
        let message = "a FederatedNamespace has the name of the namespace that it is in";
        return Err(root.get("metadata").get("name").fault(message));
    }

    let mut refusals = Refusals::default();
    let placement = placement(&spec.get("placement"), &mut refusals)?;
    let overrides = override_entries(&spec.get("overrides"), &mut refusals)?;
    let policy = policy(&root, &metadata, &mut refusals)?;
    let template_value = template.value().cloned().unwrap_or_else(|| json!({}));
    let status = template.get("status").value().cloned();
    let generation = match metadata.generation {
        0 => template.get("metadata").get("generation").integer()?.unwrap_or(0),
        generation => generation,
    };
    let namespace = metadata.namespace.filter(|_| resource.namespaced);
    let object = FederatedObject {
        resource,
        namespace,
        name: metadata.name,
        labels: metadata.labels,
        generation,
        deleting: metadata.deleting,
        spec: FederatedSpec {
            template: template_value,
            placement,
            overrides,
            replicas: None,
            retain_replicas: spec.get("retainReplicas").flag()?.unwrap_or(false),
            policy,
        },
    };
    Ok(Parsed { object, refusals, kept_at_hub: None, status })
}

fn placement(field: &Field<'_>, refusals: &mut Refusals) -> Result<Placement, FieldError> {
    field.object()?;
    let list = field.get("clusters");
    let clusters = match list.value() {
        None => None,
        Some(_) => {
            let names = list.items()?.into_iter().map(|item| match item.value() {
                Some(Value::String(name)) => Ok(name.clone()),
                _ => item.get("name").required_text().map(str::to_owned),
            });
            Some(names.collect::<Result<Vec<String>, FieldError>>()?)
        }
    };
    let chosen = field.get("clusterSelector");
    chosen.object()?;
    let mut cluster_selector = None;
    if let Some(value) = chosen.value() {
        match selector(&chosen, value) {
            Ok(selector) => cluster_selector = Some(selector),
            Err(faults) => {
                // An explicit list wins: then the selector is never looked at.
                if clusters.is_none() {
                    let first = faults.first().map(ToString::to_string).unwrap_or_default();
                    refusals.placement = Some(format!("no placement can be computed: {first}"));
                }
                refusals.errors.extend(faults);
            }
        }
    }
    Ok(Placement { clusters, cluster_selector })
}

/// A label selector as Kubernetes defines it.
pub(crate) fn selector(field: &Field<'_>, value: &Value) -> Result<Selector, Vec<FieldError>> {
    for (index, requirement) in field.get("matchExpressions").items().map_err(|e| vec![e])?.iter().enumerate()
    {
        let operator = requirement.get("operator");
        let known = ["In", "NotIn", "Exists", "DoesNotExist"];
        match operator.text().map_err(|error| vec![error])? {
            Some(name) if known.contains(&name) => {}
            given => {
                let given = given.unwrap_or_default();
                let path = format!("{}.matchExpressions[{index}].operator", field.path());
                let message =
                    format!("{given:?} is not a valid operator; expected one of {}", known.join(", "));
                return Err(vec![FieldError::new(path, message)]);
            }
        }
    }
    let selector: Selector = crate::object::read(field.path(), value).map_err(|error| vec![error])?;
    let faults = selector.faults(field.path());
    if faults.is_empty() { Ok(selector) } else { Err(faults) }
}

fn override_entries(field: &Field<'_>, refusals: &mut Refusals) -> Result<Vec<Override>, FieldError> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    for item in field.items()? {
        let cluster = item.get("clusterName").required_text()?;
        let mut refuse = |fault: FieldError| {
            let sentence = fault.message.clone();
            refusals.overrides.entry(cluster.to_owned()).or_insert(sentence);
            refusals.errors.push(fault);
        };
        if !seen.insert(cluster) {
            let message = format!("cluster {cluster:?} appears more than once");
            refuse(item.get("clusterName").fault(message));
        }
        let mut patches = Vec::new();
        let mut paths = BTreeSet::new();
        for patch in item.get("clusterOverrides").items()? {
            let op = patch.get("op");
            let op = match op.text()?.unwrap_or_default() {
                "" | "replace" => PatchOp::Replace,
                "add" => PatchOp::Add,
                "remove" => PatchOp::Remove,
                other => {
                    return Err(
                        op.fault(format!("{other:?} is not supported; expected add, remove or replace"))
                    );
                }
            };
            let at = patch.get("path");
            let path = at.text()?.ok_or_else(|| at.fault("is required"))?;
            if !paths.insert(path) {
                refuse(at.fault(format!("path {path:?} appears more than once for cluster {cluster:?}")));
            }
            // Null is a value here, so the field is read as it is.
            let value = patch.value().and_then(|patch| patch.get("value")).cloned();
            let value = if op == PatchOp::Remove { value } else { Some(value.unwrap_or(Value::Null)) };
            patches.push(Patch { op, path: path.to_owned(), value });
        }
        let entry = Override { clusters: Some(vec![cluster.to_owned()]), patches, ..Override::default() };
        let index = entries.len();
        for fault in overrides::faults(std::slice::from_ref(&entry), "") {
            // `[0].patches[1].path` in the words of this generation.
            let below = fault.path.trim_start_matches("[0].").replacen("patches", "clusterOverrides", 1);
            refuse(FieldError::new(format!("{}[{index}].{below}", field.path()), fault.message));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn policy(root: &Field<'_>, metadata: &Metadata, refusals: &mut Refusals) -> Result<Policy, FieldError> {
    let mut policy = Policy::default();
    if metadata.annotations.get(ORPHAN).is_some_and(|value| value == "true") {
        policy.deletion = Deletion::Orphan;
    }
    let annotation = root.get("metadata").get("annotations").key(DELETE_OPTION);
    if let Some(text) = annotation.text()? {
        match delete_options(text) {
            Ok(options) => policy.delete_options = Some(options),
            Err(reason) => refusals.errors.push(annotation.fault(reason)),
        }
    }
    Ok(policy)
}

/// Reads the JSON of [`DELETE_OPTION`].
///
/// # Errors
/// What is wrong with it.
pub fn delete_options(text: &str) -> Result<DeleteOptions, String> {
    let mut value: Value = serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    if let Some(options) = value.as_object_mut() {
        options.remove("apiVersion");
        options.remove("kind");
    }
    crate::object::read("", &value).map_err(|error| error.to_string())
}

/// The specification of a record in this generation's words. Differences that it has no words for (by selector, by
/// shorthand, divided replicas) are told as what they come to in each of these clusters; `replicas` is the number decided
/// for each, where one is.
#[must_use]
pub fn spec(record: &FederatedObject, clusters: &[ClusterView], replicas: &BTreeMap<String, i64>) -> Value {
    let own = &record.spec;
    let mut template = own.template.clone();
    prune::server_fields(&mut template);
    let mut placement = serde_json::Map::new();
    if let Some(names) = &own.placement.clusters {
        placement.insert("clusters".into(), names.iter().map(|name| json!({"name": name})).collect());
    }
    if let Some(selector) = &own.placement.cluster_selector {
        placement.insert("clusterSelector".into(), serde_json::to_value(selector).unwrap_or_default());
    }
    let mut entries = Vec::new();
    for cluster in clusters {
        let mut differing = template.clone();
        let changed = overrides::apply(&mut differing, &record.resource, &own.overrides, cluster);
        let patches = match changed {
            Ok(()) => json_patch::diff(&template, &differing),
            Err(_) => json_patch::Patch::default(),
        };
        let mut patches: Vec<Value> =
            patches.0.iter().filter_map(|patch| serde_json::to_value(patch).ok()).collect();
        if let Some(number) = replicas.get(&cluster.name) {
            let path = format!("/spec/{}", crate::workload::replicas_field(&record.resource));
            patches.retain(|patch| patch.get("path").and_then(Value::as_str) != Some(&path));
            patches.push(json!({"path": path, "value": number}));
        }
        if !patches.is_empty() {
            entries.push(json!({"clusterName": cluster.name, "clusterOverrides": patches}));
        }
    }
    let mut out = json!({"template": template, "placement": placement});
    if !entries.is_empty() {
        json::set(&mut out, &["overrides"], entries);
    }
    if own.retain_replicas {
        json::set(&mut out, &["retainReplicas"], true);
    }
    out
}

/// Turns a field path of the native model into this generation's words.
#[must_use]
pub fn field_path(native: &str) -> String {
    if native.starts_with("spec.overrides[") {
        native.replacen(".patches[", ".clusterOverrides[", 1).replacen("].clusters", "].clusterName", 1)
    } else if native == "name" || native == "namespace" {
        format!("metadata.{native}")
    } else {
        native.to_owned()
    }
}
