//! Workspaces, projects and their members.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    id::{ProjectId, WorkspaceId},
    macros::{answer, request},
    name::{ClusterName, Name, ProjectName, UserName, WorkspaceName},
    patch::Patch,
};

request! {
    /// A new workspace.
    pub struct WorkspaceCreate {
        /// Unique name.
        pub name: WorkspaceName,
        /// Shown name.
        #[serde(default)]
        pub display_name: Option<String>,
        /// What it is for.
        #[serde(default)]
        pub description: Option<String>,
        /// Clusters granted to it.
        #[serde(default)]
        pub clusters: Vec<ClusterName>,
        /// A first project, made in the same transaction, so that one form does both.
        #[serde(default)]
        pub project: Option<ProjectCreate>,
    }

    /// Changes to a workspace; what is absent stays.
    pub struct WorkspaceUpdate {
        /// Shown name.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub display_name: Patch<String>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub description: Patch<String>,
        /// Clusters granted, replacing those granted now. A cluster that a project uses cannot be withdrawn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub clusters: Option<Vec<ClusterName>>,
    }

    /// A new project.
    pub struct ProjectCreate {
        /// Unique name on the platform; becomes the namespace's name.
        pub name: ProjectName,
        /// Shown name.
        #[serde(default)]
        pub display_name: Option<String>,
        /// What it is for.
        #[serde(default)]
        pub description: Option<String>,
        /// Clusters, among those granted to the workspace; absent = all of them.
        #[serde(default)]
        pub clusters: Option<Vec<ClusterName>>,
    }

    /// Changes to a project; what is absent stays.
    pub struct ProjectUpdate {
        /// Shown name.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub display_name: Patch<String>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub description: Patch<String>,
        /// Clusters, replacing those of now. What was placed in a cluster that leaves is deleted there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub clusters: Option<Vec<ClusterName>>,
    }

    /// Roles of one member, replacing those bound now.
    pub struct MemberPut {
        /// Role names of the scope; at least one.
        pub roles: Vec<Name>,
    }
}

answer! {
    /// A workspace.
    pub struct Workspace {
        /// Stable id.
        pub id: WorkspaceId,
        /// Unique name.
        pub name: WorkspaceName,
        /// Shown name.
        pub display_name: Option<String>,
        /// What it is for.
        pub description: Option<String>,
        /// Clusters granted to it.
        pub clusters: Vec<ClusterName>,
        /// Number of projects.
        pub projects: u64,
        /// Number of members with a role in the workspace itself.
        pub members: u64,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// Version for `If-Match`, also in the `ETag` header.
        pub version: i64,
    }

    /// A project.
    pub struct Project {
        /// Stable id.
        pub id: ProjectId,
        /// Unique name, the namespace's name.
        pub name: ProjectName,
        /// Its workspace.
        pub workspace: WorkspaceName,
        /// Shown name.
        pub display_name: Option<String>,
        /// What it is for.
        pub description: Option<String>,
        /// Clusters.
        pub clusters: Vec<ClusterName>,
        /// Labels that its namespace carries in all of them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub labels: BTreeMap<String, String>,
        /// Annotations that its namespace carries in all of them.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub annotations: BTreeMap<String, String>,
        /// Number of federated objects.
        pub federated_objects: u64,
        /// Set while the project is going away.
        pub deleted_at: Option<DateTime<Utc>>,
        /// When it was made.
        pub created_at: DateTime<Utc>,
        /// Version for `If-Match`, also in the `ETag` header.
        pub version: i64,
    }

    /// A member of a workspace or project.
    pub struct Member {
        /// The person.
        pub user: UserName,
        /// Shown name.
        pub display_name: Option<String>,
        /// Roles bound at this scope.
        pub roles: Vec<Name>,
        /// When the first of them was bound.
        pub since: DateTime<Utc>,
    }
}
