//! Permissions as data: what exists, what roles give, what the caller may do. The console draws its navigation
//! and its role editor from these.

use crate::{
    macros::{answer, words},
    name::{ClusterName, Name, ProjectName, WorkspaceName},
};

words! {
    /// Where a permission or a role applies.
    pub enum ScopeKind {
        /// The whole platform.
        Platform = "platform",
        /// One cluster.
        Cluster = "cluster",
        /// One workspace and its projects.
        Workspace = "workspace",
        /// One project.
        Project = "project",
    }
}

answer! {
    /// One permission of the catalogue.
    pub struct Permission {
        /// `<scope>.<resource>.<verb>`.
        pub name: String,
        /// Where it applies.
        pub scope: ScopeKind,
        /// Resource it is about.
        pub resource: String,
        /// `view`, `edit`, `create` or `manage`.
        pub verb: String,
        /// One line for people.
        pub description: String,
        /// Permissions that must be had, too.
        pub requires: Vec<String>,
    }

    /// A role: a named set of permissions at a scope.
    pub struct Role {
        /// Name within its scope and owner.
        pub name: Name,
        /// Where it can be bound.
        pub scope: ScopeKind,
        /// Fixed by the release.
        pub built_in: bool,
        /// One line for people.
        pub description: String,
        /// Permissions that it gives.
        pub permissions: Vec<String>,
    }

    /// What the caller may do in one workspace.
    pub struct WorkspaceAccess {
        /// The workspace.
        pub name: WorkspaceName,
        /// Shown name.
        pub display_name: Option<String>,
        /// Effective permissions there.
        pub permissions: Vec<String>,
        /// Projects that the caller may know.
        pub projects: Vec<ProjectAccess>,
    }

    /// What the caller may do in one project.
    pub struct ProjectAccess {
        /// The project.
        pub name: ProjectName,
        /// Shown name.
        pub display_name: Option<String>,
        /// Effective permissions there.
        pub permissions: Vec<String>,
    }

    /// What the caller may do in one cluster beyond what platform roles give.
    pub struct ClusterAccess {
        /// The cluster.
        pub name: ClusterName,
        /// Effective permissions there.
        pub permissions: Vec<String>,
    }

    /// What the caller may do, everywhere. One request answers the whole navigation.
    pub struct Access {
        /// Effective permissions on the platform.
        pub platform: Vec<String>,
        /// By workspace.
        pub workspaces: Vec<WorkspaceAccess>,
        /// By cluster.
        pub clusters: Vec<ClusterAccess>,
    }
}
