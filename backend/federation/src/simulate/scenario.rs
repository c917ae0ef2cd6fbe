//! Reading a scenario.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::InputError;
use crate::{
    field::Field,
    fleet::{ClusterView, Facts},
    kinds,
    object::{FederatedObject, Resource},
};

/// API version of scenarios.
pub const API_VERSION: &str = "simulate.hanse.io/v1alpha1";

/// What is to be simulated.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Key of tie-breaks between clusters; `namespace/name` of each object when absent.
    pub tie_break_key: Option<String>,
    /// The clusters, in the order of the answer.
    pub clusters: Vec<ScenarioCluster>,
    /// Federated kinds, replica preferences, and plain objects.
    pub objects: Vec<Value>,
    /// When it happens; matters only to limits of autoscalers that just scaled. When absent, nothing just happened.
    pub now: Option<DateTime<Utc>>,
}

/// A cluster and what lives in it.
#[derive(Clone, Debug, Default)]
pub struct ScenarioCluster {
    /// What decisions see of it.
    pub view: ClusterView,
    /// Raw objects in it.
    pub live: Vec<Value>,
}

impl Scenario {
    /// Reads a parsed document.
    ///
    /// # Errors
    /// The first field that is not as it should be.
    pub fn from_value(document: &Value) -> Result<Self, InputError> {
        let root = Field::root(document, "");
        if !document.is_object() {
            return Err(root.fault("the document is not an object; expected a Scenario"));
        }
        root.only(&["apiVersion", "kind", "metadata", "spec"])?;
        let version = root.get("apiVersion");
        if version.required_text()? != API_VERSION {
            return Err(version.fault(format!("expected {API_VERSION}")));
        }
        let kind = root.get("kind");
        if kind.required_text()? != "Scenario" {
            return Err(kind.fault("expected Scenario"));
        }
        let spec = root.get("spec");
        spec.required_object()?;
        spec.only(&["tieBreakKey", "now", "clusters", "objects"])?;
        let mut clusters: Vec<ScenarioCluster> = Vec::new();
        for item in spec.get("clusters").items()? {
            let cluster = ScenarioCluster::read(&item)?;
            if clusters.iter().any(|other| other.view.name == cluster.view.name) {
                let message = format!("another cluster is named {:?}", cluster.view.name);
                return Err(item.get("name").fault(message));
            }
            clusters.push(cluster);
        }
        let mut objects = Vec::new();
        for item in spec.get("objects").items()? {
            objects.push(Value::Object(item.required_object()?.clone()));
        }
        let now = spec.get("now");
        let now = match now.text()? {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| now.fault("expected an RFC 3339 time"))?),
        };
        Ok(Self { tie_break_key: spec.get("tieBreakKey").text()?.map(str::to_owned), clusters, objects, now })
    }
}

impl ScenarioCluster {
    fn read(field: &Field<'_>) -> Result<Self, InputError> {
        field.required_object()?;
        field.only(&["name", "labels", "facts", "ready", "capacity", "live"])?;
        let mut view = ClusterView {
            name: field.get("name").required_text()?.to_owned(),
            ready: field.get("ready").flag()?.unwrap_or(true),
            ..ClusterView::default()
        };
        for (name, value) in field.get("labels").entries()? {
            view.labels.insert(name.to_owned(), value.text()?.unwrap_or_default().to_owned());
        }
        for (key, value) in field.get("capacity").entries()? {
            let capacity = value.integer()?.ok_or_else(|| value.fault("is required"))?;
            view.capacity.insert(key.to_owned(), capacity.max(0));
        }
        let facts = field.get("facts");
        facts.object()?;
        facts.only(&["region", "zone", "provider", "version"])?;
        let fact = |name: &str| facts.get(name).text().map(|text| text.map(str::to_owned));
        // A cluster may be in several.
        let facts_of = |name: &str| -> Result<Vec<String>, InputError> {
            let field = facts.get(name);
            if !field.value().is_some_and(Value::is_array) {
                return Ok(fact(name)?.into_iter().collect());
            }
            field.items()?.iter().map(|item| item.required_text().map(str::to_owned)).collect()
        };
        view.facts = Facts {
            regions: facts_of("region")?,
            zones: facts_of("zone")?,
            provider: fact("provider")?,
            version: fact("version")?,
        };
        let (mut live, mut known) = (Vec::new(), BTreeMap::new());
        for item in field.get("live").items()? {
            let object = item.required_object()?;
            let kind = item.get("kind").required_text()?;
            let name = item.get("metadata").get("name").required_text()?;
            let namespace = item.get("metadata").get("namespace").text()?.unwrap_or_default();
            let (group, _) = kinds::split_api_version(item.get("apiVersion").text()?.unwrap_or_default());
            if let Some(first) = known.insert((group, kind, namespace, name), item.path().to_owned()) {
                return Err(item.fault(format!("{kind} {name} is given by {first} already")));
            }
            live.push(Value::Object(object.clone()));
        }
        Ok(Self { view, live })
    }

    /// The live object of this identity, whatever version it was read in.
    #[must_use]
    pub fn find(&self, resource: &Resource, namespace: Option<&str>, name: &str) -> Option<&Value> {
        let text = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.live.iter().find(|value| {
            let version = text(value, "/apiVersion");
            let found = kinds::built_in(&resource.kind, Some(&version)).map(|resource| resource.group);
            let group = found.unwrap_or_else(|| kinds::split_api_version(&version).0.to_owned());
            text(value, "/kind") == resource.kind
                && text(value, "/metadata/name") == name
                && text(value, "/metadata/namespace") == namespace.unwrap_or_default()
                && (version.is_empty() || group == resource.group)
        })
    }

    /// Whether a HorizontalPodAutoscaler in this cluster targets the object.
    #[must_use]
    pub fn autoscales(&self, object: &FederatedObject) -> bool {
        let text = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        self.live.iter().any(|value| {
            text(value, "/kind") == "HorizontalPodAutoscaler"
                && text(value, "/metadata/namespace") == object.namespace.as_deref().unwrap_or_default()
                && text(value, "/spec/scaleTargetRef/kind") == object.resource.kind
                && text(value, "/spec/scaleTargetRef/name") == object.name
        })
    }
}
