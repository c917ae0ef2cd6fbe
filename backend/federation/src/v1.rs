//! Federation v1: plain objects with their settings in annotations.
//!
//! A plain object without any annotation goes to every cluster of its project. The native model has annotations of
//! its own (`hanse.io/…`), so that charts can carry it; they win over those of v1. A malformed annotation is a
//! refusal with its path, where v1 only logged it.

use std::collections::BTreeMap;

use hanse_machinery::json;
use serde_json::Value;

use crate::{
    FieldError,
    adapter::{Metadata, Parsed},
    field::Field,
    object::{
        self, FederatedObject, FederatedSpec, Placement, Preference, ReplicaMode, Replicas, Resource,
        Strategy,
    },
    plan::Refusals,
    selector::{Operator, Requirement, Selector},
    validate,
};

/// Where the settings are.
pub mod annotation {
    /// Preferences of a ReplicaSet.
    pub const REPLICA_SET: &str = "federation.kubernetes.io/replica-set-preferences";
    /// Preferences of a Deployment.
    pub const DEPLOYMENT: &str = "federation.kubernetes.io/deployment-preferences";
    /// Preferences of a Job.
    pub const JOB: &str = "federation.kubernetes.io/job-preferences";
    /// Which clusters, by label.
    pub const CLUSTER_SELECTOR: &str = "federation.alpha.kubernetes.io/cluster-selector";
    /// Clusters that the target of an autoscaler may use.
    pub const HPA_TARGETS: &str = "federation.kubernetes.io/hpa-target-cluster-list";
    /// Native placement as JSON, or `hub`.
    pub const PLACEMENT: &str = "hanse.io/placement";
    /// Native overrides as JSON.
    pub const OVERRIDES: &str = "hanse.io/overrides";
    /// Native replicas as JSON.
    pub const REPLICAS: &str = "hanse.io/replicas";
    /// Native policy as JSON.
    pub const POLICY: &str = "hanse.io/policy";
}

/// Reads a plain object of a kind that was found already.
///
/// # Errors
/// The first field of the object that has not the type that it must have, below `path`. Malformed annotations are
/// refusals of the answer.
pub fn parse(object: &Value, path: &str, resource: &Resource) -> Result<Parsed, FieldError> {
    let root = Field::root(object, path);
    root.required_object()?;
    let metadata = Metadata::read(&root)?;
    let annotations = Annotations { field: root.get("metadata").get("annotations") };
    let mut refusals = Refusals::default();
    let mut spec = FederatedSpec { template: object.clone(), ..FederatedSpec::default() };

    let kept_at_hub = kept_at_hub(resource, object, &metadata);
    if kept_at_hub.is_some() {
        spec.placement = Placement::named::<String>([]);
    } else {
        match annotations.placement() {
            Ok(placement) => spec.placement = placement,
            Err(fault) => refuse(&mut refusals, fault),
        }
    }
    match annotations.native(annotation::OVERRIDES) {
        Ok(overrides) => spec.overrides = overrides.unwrap_or_default(),
        Err(fault) => refuse(&mut refusals, fault),
    }
    match annotations.native(annotation::POLICY) {
        Ok(policy) => spec.policy = policy.unwrap_or_default(),
        Err(fault) => refuse(&mut refusals, fault),
    }
    match annotations.hpa_targets() {
        Ok(Some(names)) => {
            // The autoscalers decide where it is and how much.
            spec.placement = Placement::named(names);
            spec.retain_replicas = true;
        }
        Ok(None) => match annotations.replicas(resource) {
            Ok(replicas) => spec.replicas = replicas,
            Err(fault) => refuse(&mut refusals, fault),
        },
        Err(fault) => refuse(&mut refusals, fault),
    }
    let status = root.get("status").value().cloned();
    let object = FederatedObject {
        resource: resource.clone(),
        namespace: metadata.namespace.filter(|_| resource.namespaced),
        name: metadata.name,
        labels: metadata.labels,
        generation: metadata.generation,
        deleting: metadata.deleting,
        spec,
    };
    Ok(Parsed { object, refusals, kept_at_hub, status })
}

/// The plain object of a record: its template, with annotations for whatever the template's own do not say.
#[must_use]
pub fn object(record: &FederatedObject) -> Value {
    let mut object = record.spec.template.clone();
    if !object.is_object() {
        object = Value::Object(serde_json::Map::new());
    }
    json::set(&mut object, &["apiVersion"], record.resource.api_version());
    json::set(&mut object, &["kind"], record.resource.kind.clone());
    if !object.get("metadata").is_some_and(Value::is_object) {
        json::set(&mut object, &["metadata"], Value::Object(serde_json::Map::new()));
    }
    json::set(&mut object, &["metadata", "name"], record.name.clone());
    let said = parse(&object, "", &record.resource).map(|parsed| parsed.object.spec).unwrap_or_default();
    let spec = &record.spec;
    let mut settings: Vec<(&str, Value)> = Vec::new();
    if said.placement != spec.placement {
        settings.push((annotation::PLACEMENT, to_json(&spec.placement)));
    }
    if said.overrides != spec.overrides {
        settings.push((annotation::OVERRIDES, to_json(&spec.overrides)));
    }
    // The same number everywhere is what a record says by saying nothing.
    if said.replicas.unwrap_or_default() != spec.replicas.clone().unwrap_or_default() {
        settings.push((annotation::REPLICAS, to_json(&spec.replicas.clone().unwrap_or_default())));
    }
    if said.policy != spec.policy {
        settings.push((annotation::POLICY, to_json(&spec.policy)));
    }
    if !settings.is_empty() {
        for (name, value) in settings {
            json::set(&mut object, &["metadata", "annotations", name], value.to_string());
        }
    }
    object
}

/// Turns a field path of the native model into this generation's words: the template is the object itself, all
/// else is in annotations.
#[must_use]
pub fn field_path(native: &str) -> String {
    if native == "name" || native == "namespace" {
        return format!("metadata.{native}");
    }
    if let Some(below) = native.strip_prefix("spec.template.") {
        return below.to_owned();
    }
    let settings = [
        ("spec.placement", annotation::PLACEMENT),
        ("spec.overrides", annotation::OVERRIDES),
        ("spec.replicas", annotation::REPLICAS),
        ("spec.policy", annotation::POLICY),
    ];
    settings
        .iter()
        .find_map(|(field, name)| {
            Some(format!("metadata.annotations[{name}]{}", native.strip_prefix(field)?))
        })
        .unwrap_or_else(|| native.to_owned())
}

/// Nothing can be placed by settings that cannot be read.
fn refuse(refusals: &mut Refusals, fault: FieldError) {
    refusals.placement.get_or_insert_with(|| format!("no placement can be computed: {fault}"));
    refusals.errors.push(fault);
}

/// What belongs to the hub and goes nowhere, with the reason.
fn kept_at_hub(resource: &Resource, object: &Value, metadata: &Metadata) -> Option<String> {
    let reason = match (resource.group.as_str(), resource.kind.as_str()) {
        _ if metadata.annotations.get(annotation::PLACEMENT).is_some_and(|value| value == "hub") => {
            "the annotation hanse.io/placement says so"
        }
        ("", "Secret") => match object.get("type").and_then(Value::as_str) {
            Some("helm.sh/release.v1") => "helm keeps its releases where it installs",
            Some("kubernetes.io/service-account-token") => {
                "a service account's token is valid in one cluster only"
            }
            _ => return None,
        },
        ("", "ConfigMap") if metadata.name == "kube-root-ca.crt" => {
            "every cluster has its own certificate authority"
        }
        ("coordination.k8s.io", "Lease") => "leases are for programs at the hub",
        ("" | "events.k8s.io", "Event") => "events tell about the hub itself",
        _ => return None,
    };
    Some(format!("kept at the hub: {reason}"))
}

struct Annotations<'a> {
    field: Field<'a>,
}

impl<'a> Annotations<'a> {
    fn json(&self, name: &str) -> Result<Option<(Field<'a>, Value)>, FieldError> {
        let field = self.field.key(name);
        match field.text()? {
            None => Ok(None),
            Some(text) => {
                let value = serde_json::from_str(text)
                    .map_err(|error| field.fault(format!("is not JSON: {error}")))?;
                Ok(Some((field, value)))
            }
        }
    }

    fn native<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FieldError> {
        let Some((field, value)) = self.json(name)? else { return Ok(None) };
        object::read(field.path(), &value).map(Some)
    }

    fn placement(&self) -> Result<Placement, FieldError> {
        if let Some(placement) = self.native(annotation::PLACEMENT)? {
            return Ok(placement);
        }
        let Some((field, value)) = self.json(annotation::CLUSTER_SELECTOR)? else {
            return Ok(Placement::everywhere());
        };
        let selector = cluster_selector(&Field::root(&value, field.path()))?;
        Ok(Placement { clusters: None, cluster_selector: Some(selector) })
    }

    fn replicas(&self, resource: &Resource) -> Result<Option<Replicas>, FieldError> {
        if let Some(replicas) = self.native(annotation::REPLICAS)? {
            return Ok(Some(replicas));
        }
        let name = match (resource.group.as_str(), resource.kind.as_str()) {
            ("apps" | "extensions", "Deployment") => annotation::DEPLOYMENT,
            ("apps" | "extensions", "ReplicaSet") => annotation::REPLICA_SET,
            ("batch", "Job") => annotation::JOB,
            ("autoscaling", "HorizontalPodAutoscaler") => return Ok(Some(divided())),
            _ => return Ok(None),
        };
        let Some((field, value)) = self.json(name)? else { return Ok(Some(divided())) };
        preferences(&Field::root(&value, field.path())).map(Some)
    }

    fn hpa_targets(&self) -> Result<Option<Vec<String>>, FieldError> {
        let Some((field, value)) = self.json(annotation::HPA_TARGETS)? else { return Ok(None) };
        let root = Field::root(&value, field.path());
        let list = match &value {
            Value::Object(_) => root.any_case("names"),
            _ => root,
        };
        let names = list.items()?.into_iter().map(|item| item.required_text().map(str::to_owned));
        names.collect::<Result<Vec<String>, FieldError>>().map(Some)
    }
}

fn to_json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn divided() -> Replicas {
    Replicas { mode: ReplicaMode::Divided, strategy: Strategy::Preferences, ..Replicas::default() }
}

/// Reads preferences, whose keys may be written in any case.
fn preferences(field: &Field<'_>) -> Result<Replicas, FieldError> {
    let mut replicas = divided();
    field.required_object()?;
    for (name, entry) in field.members()? {
        match name.to_ascii_lowercase().as_str() {
            "rebalance" => replicas.rebalance = entry.flag()?.unwrap_or(false),
            "clusters" => {
                for (cluster, entry) in entry.entries()? {
                    replicas.clusters.insert(cluster.to_owned(), preference(&entry)?);
                }
            }
            _ => return Err(entry.fault("is not known here; expected rebalance or clusters")),
        }
    }
    let faults: Vec<FieldError> =
        validate::preference_faults(&replicas.clusters, &format!("{}.clusters", field.path()));
    faults.into_iter().next().map_or(Ok(replicas), Err)
}

fn preference(field: &Field<'_>) -> Result<Preference, FieldError> {
    let mut preference = Preference::default();
    for (name, entry) in field.members()? {
        match name.to_ascii_lowercase().as_str() {
            "weight" => preference.weight = entry.integer()?.unwrap_or(0),
            "minreplicas" => preference.min_replicas = entry.integer()?.unwrap_or(0),
            "maxreplicas" => preference.max_replicas = entry.integer()?,
            _ => return Err(entry.fault("is not known here; expected weight, minReplicas or maxReplicas")),
        }
    }
    Ok(preference)
}

/// Reads the list of requirements of [`annotation::CLUSTER_SELECTOR`], whose keys may be written in any case, too; all
/// must be met.
fn cluster_selector(field: &Field<'_>) -> Result<Selector, FieldError> {
    let mut selector = Selector { match_labels: BTreeMap::new(), match_expressions: Vec::new() };
    for item in field.items()? {
        item.required_object()?;
        let key = item.any_case("key").required_text()?;
        let operator = item.any_case("operator");
        let values: Vec<String> = item
            .any_case("values")
            .items()?
            .iter()
            .map(|value| Ok(value.text()?.unwrap_or_default().to_owned()))
            .collect::<Result<_, FieldError>>()?;
        let word = operator.required_text()?;
        let meaning = match word {
            "in" | "In" | "=" | "==" => Operator::In,
            "notin" | "NotIn" | "!=" => Operator::NotIn,
            "exists" | "Exists" => Operator::Exists,
            "!" | "DoesNotExist" => Operator::DoesNotExist,
            "gt" | "Gt" | ">" => Operator::Gt,
            "lt" | "Lt" | "<" => Operator::Lt,
            other => return Err(operator.fault(format!("{other:?} is not a valid operator"))),
        };
        if matches!(word, "=" | "==" | "!=") && values.len() != 1 {
            return Err(item.any_case("values").fault(format!("{word} needs exactly one value")));
        }
        selector.match_expressions.push(Requirement { key: key.to_owned(), operator: meaning, values });
    }
    match selector.faults("").into_iter().next() {
        None => Ok(selector),
        Some(fault) => {
            let below = fault.path.trim_start_matches(".matchExpressions");
            Err(FieldError::new(format!("{}{below}", field.path()), fault.message))
        }
    }
}
