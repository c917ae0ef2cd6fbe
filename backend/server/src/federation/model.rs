//! Bodies of the federation API: the federation crate's specification with the record's own fields around it.

use chrono::{DateTime, Utc};
use hanse_federation::object::FederatedSpec;
use hanse_types::{FederatedId, FieldError, ProjectName, federated::FederatedStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a person sends: `{"spec": {…}}`. Type and name follow from the template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FederatedWrite {
    /// Template, placement, overrides, replicas, policy.
    pub spec: FederatedSpec,
}

/// A federated object with its status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FederatedObject {
    /// Stable id.
    pub id: FederatedId,
    /// `plural.group`, or `plural` for core kinds.
    #[serde(rename = "type")]
    pub type_: String,
    /// As of the template, such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Its name, here and in every member.
    pub name: String,
    /// Its project; absent for cluster-scoped kinds, which belong to the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// Counts accepted changes of the specification.
    pub generation: i64,
    /// What is wanted. In lists the template holds only kind and metadata, unless `full=true`.
    pub spec: FederatedSpec,
    /// How it does.
    pub status: FederatedStatus,
    /// Who made it.
    pub created_by: String,
    /// Who changed it last.
    pub updated_by: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// Set while its copies are being removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    /// Finalizers that Kubernetes' clients put on it at the hub and that hold it while it is being removed: whoever put
    /// them there takes them away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
    /// Version for `If-Match`, also in the `ETag` header.
    pub version: i64,
}

/// Query of a list of federated objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectFilter {
    /// At most this many items, 1–500; 50 when absent.
    pub limit: Option<u32>,
    /// Opaque place to go on from, out of the previous answer.
    #[serde(rename = "continue")]
    pub continue_: Option<String>,
    /// `name`, `type`, `createdAt` or `updatedAt`, `-` before it for descending.
    pub sort: Option<String>,
    /// Text that the name contains.
    pub search: Option<String>,
    /// Only this type (`plural.group`).
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// Whole templates.
    pub full: bool,
}

/// A change that was accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Generation that it made.
    pub generation: i64,
    /// The specification as of then.
    pub spec: FederatedSpec,
    /// Who.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// One difference between two objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// JSON pointer of the field.
    pub path: String,
    /// What is there now; absent = nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What would be there; absent = nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// What would happen in one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPlan {
    /// The cluster.
    pub cluster: String,
    /// Whether the placement selects it.
    pub selected: bool,
    /// Why, or why not.
    pub why: String,
    /// Replicas there, for kinds that have them.
    pub replicas: Option<i64>,
    /// Replicas asked for in a full cluster on top of those that fit.
    pub overflow: Option<i64>,
    /// `Create`, `Update`, `None`, `Delete`, `Release`, `Wait` or `Skip`.
    pub action: String,
    /// Status word when something stands in the way.
    pub status: String,
    /// What stands in the way, and what to do; empty when nothing does.
    pub message: String,
    /// What would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Value>,
    /// Differences of that to what the member has.
    pub differences: Vec<Difference>,
}

/// What accepting a write would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Every cluster of the project.
    pub clusters: Vec<ClusterPlan>,
    /// ConfigMaps, Secrets, ServiceAccounts and volume claims that the object refers to.
    pub dependencies: Vec<Dependency>,
    /// Fields for which the write would be refused.
    pub fields: Vec<FieldError>,
}

/// Something that an object refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Such as `v1`.
    pub api_version: String,
    /// Such as `ConfigMap`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// A kind that can be federated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeInfo {
    /// `plural.group`, or `plural` for core kinds.
    #[serde(rename = "type")]
    pub type_: String,
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether it comes with the release.
    pub built_in: bool,
}
