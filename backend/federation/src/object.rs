//! The federated object: template, placement, overrides, replicas and policy.
//!
//! These types are the native model. They are embedded in REST bodies, stored as JSON with every revision and
//! produced by the adapters of both older generations, so there is one meaning behind all three views. Unknown
//! fields are refused: a misspelt field must not be ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::selector::Selector;

mod lenient;

/// Which kind of Kubernetes object: everything needed to address it at a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// API version, such as `v1`.
    pub version: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Plural in lower case, such as `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// `group/version`, or only the version for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `plural.group`, or only the plural for the core group; the name a type is enabled by.
    #[must_use]
    pub fn type_name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Whether this is the kind `kind` of the group `group`, whatever the version.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

/// One object of a project (or of the platform), kept in the clusters its placement selects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FederatedObject {
    /// Its kind.
    #[serde(flatten)]
    pub resource: Resource,
    /// Namespace in every member, which is the project's name; absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name in every member.
    pub name: String,
    /// Labels of the federated object itself; those of the copies are in the template.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Grows by one with every change of the specification.
    #[serde(default)]
    pub generation: i64,
    /// Whether its deletion was asked for: copies are removed (or released) everywhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// What is wanted.
    pub spec: FederatedSpec,
}

impl FederatedObject {
    /// `plural.group/namespace/name`; the namespace is left out for cluster-scoped kinds.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.resource.type_name(), self.qualified_name())
    }

    /// `namespace/name`, or only the name; also the default key of tie-breaks between clusters.
    #[must_use]
    pub fn qualified_name(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// What is wanted of a federated object; a new revision is kept for each change of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederatedSpec {
    /// The Kubernetes object. Name, namespace and kind are forced from the record.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub template: Value,
    /// Where it goes.
    #[serde(default)]
    pub placement: Placement,
    /// What differs between clusters, applied in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// How replicas are spread, for kinds that have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<Replicas>,
    /// Whether `spec.replicas` belongs to each member, for example to an autoscaler there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain_replicas: bool,
    /// What to do about conflicts, deletion, drift and dependencies.
    #[serde(default)]
    pub policy: Policy,
}

/// Where an object goes, within the clusters of its project. With neither field it goes nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Placement {
    /// Exactly these clusters; wins over the selector even when empty, which means nowhere. Written as names;
    /// `{"name": "a"}` is understood, too.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::cluster_names")]
    pub clusters: Option<Vec<String>>,
    /// Every cluster whose labels and facts match; `{}` is every cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<Selector>,
}

impl Placement {
    /// Every cluster of the project.
    #[must_use]
    pub fn everywhere() -> Self {
        Self { clusters: None, cluster_selector: Some(Selector::default()) }
    }

    /// Exactly the named clusters.
    #[must_use]
    pub fn named<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self { clusters: Some(names.into_iter().map(Into::into).collect()), cluster_selector: None }
    }
}

/// A difference for some clusters. Shorthands are applied first, in the order of the fields, then the patches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Override {
    /// The clusters it is for. Names that no cluster has are accepted and match nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::cluster_names")]
    pub clusters: Option<Vec<String>>,
    /// Or every cluster that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_selector: Option<Selector>,
    /// Images of containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image: Vec<ImageOverride>,
    /// `spec.replicas` (`spec.parallelism` of a Job).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// Environment variables of containers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvOverride>,
    /// Labels of the copy; null removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, Option<String>>,
    /// Annotations of the copy; null removes one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, Option<String>>,
    /// JSON Patch operations, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
}

/// Changes the image of containers; parts that are absent stay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageOverride {
    /// The container (or init container) of this name; absent means every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The whole image; wins over the parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Registry host with port, such as `registry.example.com:5000`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
    /// Repository without the registry, such as `library/nginx`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Tag, replacing a tag or digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

/// Sets or removes an environment variable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvOverride {
    /// The container (or init container) of this name; absent means every container, not init containers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The variable.
    pub name: String,
    /// Its value; absent removes the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A JSON Patch operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// What to do; `replace` when absent.
    #[serde(default)]
    pub op: PatchOp,
    /// JSON pointer into the object.
    pub path: String,
    /// The new value, for `add` and `replace`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient::present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub value: Option<Value>,
}

/// Kinds of patch operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PatchOp {
    /// Sets a member or inserts an element.
    Add,
    /// Sets what is there; creates a missing member of an existing object.
    #[default]
    #[serde(alias = "")]
    Replace,
    /// Removes what is there.
    Remove,
}

impl PatchOp {
    /// As written in a patch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// How replicas are spread over the selected clusters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Replicas {
    /// The same number everywhere, or a total that is divided.
    #[serde(default)]
    pub mode: ReplicaMode,
    /// What is divided; the template's number when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// How it is divided.
    #[serde(default)]
    pub strategy: Strategy,
    /// Over what it is spread; only for `Spread`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// Whether running replicas may be moved to come closer to the weights; only for `Preferences`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rebalance: bool,
    /// By cluster name, or `*` for every other; when empty, `*` with weight 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clusters: BTreeMap<String, Preference>,
}

/// Whether every cluster gets the number or a share of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ReplicaMode {
    /// The template's number in each cluster.
    #[default]
    Duplicated,
    /// The total over all clusters.
    Divided,
}

/// How a total is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Strategy {
    /// In proportion to the weights (Sainte-Laguë); a minimum is a floor of the share, a maximum its ceiling.
    #[default]
    Weighted,
    /// The integer algorithm of Federation v1 and v2: a minimum comes on top of the weighted share, running
    /// replicas stay where they are unless `rebalance`.
    Preferences,
    /// In proportion to the room that clusters have, counted in replicas; weights do not count. Where nothing is known
    /// of any cluster's room, all count alike.
    ByCapacity,
    /// Evenly over the groups of a topology, and by weight within each.
    Spread,
    /// In as few clusters as hold it all, rather in those where it runs already.
    Pack,
}

/// Over which groups of clusters replicas are spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spread {
    /// What makes a group: a label or fact of clusters.
    #[serde(default)]
    pub by: Topology,
    /// Fewer groups than these are told as a fault; replicas are placed all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_groups: Option<i64>,
    /// No more groups than these are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_groups: Option<i64>,
}

/// What groups clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Topology {
    /// Clusters of one region.
    #[default]
    Region,
    /// Clusters of one zone.
    Zone,
    /// Clusters of one provider.
    Provider,
}

impl Topology {
    /// The label or fact.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Zone => "zone",
            Self::Provider => "provider",
        }
    }
}

/// What one cluster should get of a divided total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preference {
    /// Share in proportion to the other weights.
    #[serde(default)]
    pub weight: i64,
    /// At least this many.
    #[serde(default)]
    pub min_replicas: i64,
    /// At most this many; unbounded when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<i64>,
}

/// What to do when the world is not as the object wants it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// About an object of the same name that was there before.
    #[serde(default)]
    pub conflict: Conflict,
    /// About the copies when the federated object is deleted.
    #[serde(default)]
    pub deletion: Deletion,
    /// How copies are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_options: Option<DeleteOptions>,
    /// About fields that somebody changed in a member.
    #[serde(default)]
    pub drift: Drift,
    /// Whether ConfigMaps, Secrets, ServiceAccounts and PersistentVolumeClaims that a workload refers to travel
    /// with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dependencies: bool,
}

/// What happens to an object of the same name that was there before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Conflict {
    /// It becomes a copy.
    #[default]
    Adopt,
    /// It is left alone, and the cluster says `AlreadyExists`.
    Fail,
}

/// What happens to the copies of a deleted federated object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Deletion {
    /// They are deleted.
    #[default]
    Delete,
    /// They stay, without the label.
    Orphan,
}

/// How a copy is deleted, handed to the member as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteOptions {
    /// Seconds that a pod has to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<i64>,
    /// `Orphan`, `Background` or `Foreground`, about objects that the copy owns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation_policy: Option<PropagationPolicy>,
}

/// What happens to objects that a deleted object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum PropagationPolicy {
    /// They stay.
    Orphan,
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
}

/// What happens to fields that somebody changed in a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Drift {
    /// Put right, only shown, or neither.
    #[serde(default)]
    pub mode: DriftMode,
    /// JSON pointers of fields that members may change; what is below them counts, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_paths: Vec<String>,
}

/// Ways to answer drift.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DriftMode {
    /// Put right at once, and shown.
    #[default]
    Revert,
    /// Shown and left until the object changes or somebody decides.
    Report,
    /// Neither.
    Ignore,
}

/// Deserialises a whole specification and says which field is wrong.
///
/// # Errors
/// The path of the first field that does not fit, below `root`, and what was expected there.
pub fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    root: &str,
    input: D,
) -> Result<T, crate::FieldError> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let inner = error.path().to_string();
        let path = match (root.is_empty(), inner.as_str()) {
            (_, ".") => root.to_owned(),
            (true, _) => inner,
            (false, _) if inner.starts_with('[') => format!("{root}{inner}"),
            (false, _) => format!("{root}.{inner}"),
        };
        crate::FieldError { path, message: error.into_inner().to_string() }
    })
}
