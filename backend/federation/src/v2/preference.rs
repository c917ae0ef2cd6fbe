//! ReplicaSchedulingPreference: replicas of a FederatedDeployment or FederatedReplicaSet of the same name.
//!
//! It takes the placement over: the replicas go to every Ready cluster (of the namespace), or with
//! `intersectWithClusterSelector` to those that the target's selector matches; a list of names counts for nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    FieldError,
    adapter::Metadata,
    field::Field,
    object::{FederatedObject, Placement, Preference, ReplicaMode, Replicas, Strategy},
    validate,
};

/// A ReplicaSchedulingPreference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulingPreference {
    /// Namespace of it and of its target.
    pub namespace: Option<String>,
    /// Name of it and of its target.
    pub name: String,
    /// Kind of its target, without `Federated`.
    pub target: String,
    /// How the replicas are divided.
    pub replicas: Replicas,
    /// Whether only clusters are used that the target's selector matches.
    pub intersect: bool,
}

impl SchedulingPreference {
    /// Whether an object is one.
    #[must_use]
    pub fn is(object: &Value) -> bool {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        text("kind") == "ReplicaSchedulingPreference"
            && crate::kinds::split_api_version(text("apiVersion")).0 == super::SCHEDULING_GROUP
    }

    /// Reads one.
    ///
    /// # Errors
    /// The first field that is wrong, below `path`.
    pub fn parse(object: &Value, path: &str) -> Result<Self, FieldError> {
        let root = Field::root(object, path);
        let metadata = Metadata::read(&root)?;
        let spec = root.get("spec");
        spec.required_object()?;
        let kind = spec.get("targetKind");
        let target = match kind.required_text()? {
            "FederatedDeployment" => "Deployment",
            "FederatedReplicaSet" => "ReplicaSet",
            other => {
                let message = format!(
                    "{other:?} is not supported; expected FederatedDeployment or FederatedReplicaSet"
                );
                return Err(kind.fault(message));
            }
        };
        let total = spec.get("totalReplicas");
        let count = total.integer()?.ok_or_else(|| total.fault("is required"))?;
        if !(0..=i64::from(i32::MAX)).contains(&count) {
            return Err(total.fault("must be between 0 and 2147483647"));
        }
        let clusters = preferences(&spec.get("clusters"))?;
        if let Some(fault) =
            validate::preference_faults(&clusters, spec.get("clusters").path()).into_iter().next()
        {
            return Err(fault);
        }
        Ok(Self {
            namespace: metadata.namespace,
            name: metadata.name,
            target: target.to_owned(),
            replicas: Replicas {
                mode: ReplicaMode::Divided,
                total: Some(count),
                strategy: Strategy::Preferences,
                rebalance: spec.get("rebalance").flag()?.unwrap_or(false),
                clusters,
                spread: None,
            },
            intersect: spec.get("intersectWithClusterSelector").flag()?.unwrap_or(false),
        })
    }

    /// Whether it is about this object.
    #[must_use]
    pub fn is_about(&self, object: &FederatedObject) -> bool {
        object.resource.is("apps", &self.target)
            && object.namespace == self.namespace
            && object.name == self.name
    }

    /// Lets it decide the placement and the replicas of its target.
    pub fn govern(&self, object: &mut FederatedObject) {
        let spec = &mut object.spec;
        spec.replicas = Some(self.replicas.clone());
        spec.placement = if self.intersect {
            Placement { clusters: None, cluster_selector: spec.placement.cluster_selector.take() }
        } else {
            Placement::everywhere()
        };
    }
}

fn preferences(field: &Field<'_>) -> Result<BTreeMap<String, Preference>, FieldError> {
    let mut clusters = BTreeMap::new();
    for (name, entry) in field.entries()? {
        entry.object()?;
        let preference = Preference {
            weight: entry.get("weight").integer()?.unwrap_or(0),
            min_replicas: entry.get("minReplicas").integer()?.unwrap_or(0),
            max_replicas: entry.get("maxReplicas").integer()?,
        };
        clusters.insert(name.to_owned(), preference);
    }
    Ok(clusters)
}
