//! Every permission of the release. The console's role editor, the policy of the decision and the rules rendered into
//! members all come from this one table.

use hanse_types::access::ScopeKind;

/// One permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermissionDef {
    /// `<scope>.<resource>.<verb>`.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    /// Permissions that must be had, too.
    pub requires: &'static [&'static str],
}

impl PermissionDef {
    /// Where it applies: the first part of its name.
    #[must_use]
    pub fn scope(&self) -> ScopeKind {
        match self.name.split('.').next() {
            Some("cluster") => ScopeKind::Cluster,
            Some("workspace") => ScopeKind::Workspace,
            Some("project") => ScopeKind::Project,
            _ => ScopeKind::Platform,
        }
    }

    /// What it is about: the second part of its name.
    #[must_use]
    pub fn resource(&self) -> &'static str {
        self.name.split('.').nth(1).unwrap_or_default()
    }

    /// What may be done: the third part of its name.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.name.split('.').nth(2).unwrap_or_default()
    }
}

/// The definition of a permission, if there is such a one.
#[must_use]
pub fn definition(name: &str) -> Option<&'static PermissionDef> {
    CATALOGUE.iter().find(|permission| permission.name == name)
}

macro_rules! catalogue {
    ($($name:literal: $description:literal $(needs $($required:literal),+)?;)*) => {
        /// Every permission of the release.
        pub const CATALOGUE: &[PermissionDef] = &[$(PermissionDef {
            name: $name, description: $description, requires: &[$($($required),+)?],
        }),*];
    };
}

catalogue! {
    "platform.clusters.view": "See all clusters";
    "platform.clusters.manage": "Import, change and detach clusters" needs "platform.clusters.view";
    "platform.workspaces.view": "See all workspaces";
    "platform.workspaces.create": "Make workspaces and administer what one made";
    "platform.workspaces.manage": "Change and remove all workspaces, grant clusters" needs "platform.workspaces.view";
    "platform.users.view": "See all accounts";
    "platform.users.manage": "Make, change and remove accounts" needs "platform.users.view";
    "platform.roles.view": "See roles of the platform";
    "platform.roles.manage": "Change roles of the platform" needs "platform.roles.view";
    "platform.roles.escalate": "Give permissions that one does not have oneself" needs "platform.roles.manage";
    "platform.settings.view": "See settings of the platform";
    "platform.settings.manage": "Change settings of the platform" needs "platform.settings.view";
    "platform.audit.view": "Read the audit trail of the platform";
    "platform.types.view": "See which kinds can be federated";
    "platform.types.manage": "Enable and disable kinds, federate cluster-scoped ones" needs "platform.types.view";
    "platform.tokens.manage": "Revoke tokens of others";

    "cluster.settings.view": "See a cluster, its facts and health";
    "cluster.settings.manage": "Change a cluster's name and labels" needs "cluster.settings.view";
    "cluster.nodes.view": "See nodes";
    "cluster.nodes.manage": "Cordon, drain, label and taint nodes" needs "cluster.nodes.view";
    "cluster.namespaces.view": "See namespaces";
    "cluster.namespaces.manage": "Change namespaces" needs "cluster.namespaces.view";
    "cluster.workloads.view": "See workloads in all namespaces";
    "cluster.workloads.manage": "Change workloads in all namespaces" needs "cluster.workloads.view";
    "cluster.config.view": "See ConfigMaps in all namespaces";
    "cluster.config.manage": "Change ConfigMaps in all namespaces" needs "cluster.config.view";
    "cluster.secrets.view": "See Secrets in all namespaces";
    "cluster.secrets.manage": "Change Secrets in all namespaces" needs "cluster.secrets.view";
    "cluster.network.view": "See Services, Ingresses and NetworkPolicies in all namespaces";
    "cluster.network.manage": "Change Services, Ingresses and NetworkPolicies in all namespaces" needs "cluster.network.view";
    "cluster.exec.manage": "Open a terminal in any container, forward ports" needs "cluster.workloads.view";
    "cluster.logs.view": "Read logs in all namespaces" needs "cluster.workloads.view";
    "cluster.service-accounts.view": "See service accounts of a cluster";
    "cluster.service-accounts.manage": "Change service accounts of a cluster" needs "cluster.service-accounts.view";
    "cluster.impersonation.manage": "Act as any service account of a cluster: issue its tokens" needs "cluster.service-accounts.view";
    "cluster.storage.view": "See storage";
    "cluster.storage.manage": "Change storage" needs "cluster.storage.view";
    "cluster.custom-resources.view": "See custom resources";
    "cluster.custom-resources.manage": "Change custom resources" needs "cluster.custom-resources.view";
    "cluster.administration.view": "See admission, API services and everything else of a cluster's API";
    "cluster.administration.manage": "Change admission, API services and everything else of a cluster's API" needs "cluster.administration.view";
    "cluster.members.view": "See who has a role in a cluster";
    "cluster.members.manage": "Give and take roles in a cluster" needs "cluster.members.view";
    "cluster.roles.view": "See roles of a cluster";
    "cluster.roles.manage": "Change roles of a cluster" needs "cluster.roles.view";
    "cluster.grants.view": "See which workspaces may use a cluster";
    "cluster.grants.manage": "Grant a cluster to workspaces" needs "cluster.grants.view";
    "cluster.terminal.manage": "Open a terminal on a cluster";

    "workspace.settings.view": "See the workspace";
    "workspace.settings.manage": "Change name and description of the workspace" needs "workspace.settings.view";
    "workspace.members.view": "See the members of the workspace";
    "workspace.members.manage": "Add and remove members of the workspace" needs "workspace.members.view";
    "workspace.roles.view": "See roles of the workspace";
    "workspace.roles.manage": "Change roles of the workspace" needs "workspace.roles.view";
    "workspace.groups.view": "See departments";
    "workspace.groups.manage": "Change departments" needs "workspace.groups.view";
    "workspace.projects.view": "See all projects of the workspace";
    "workspace.projects.create": "Make projects and administer what one made" needs "workspace.settings.view";
    "workspace.projects.manage": "Change and remove all projects of the workspace" needs "workspace.projects.view";
    "workspace.quota.view": "See quotas and usage of the workspace";
    "workspace.invitations.view": "See invitations";
    "workspace.invitations.manage": "Invite people" needs "workspace.invitations.view", "workspace.members.manage";
    "workspace.clusters.view": "See the clusters granted to the workspace";
    "workspace.shared.view": "See shared objects";
    "workspace.shared.manage": "Change shared objects" needs "workspace.shared.view";
    "workspace.tokens.view": "See service accounts of the workspace";
    "workspace.tokens.manage": "Change service accounts of the workspace" needs "workspace.tokens.view";
    "workspace.audit.view": "Read the audit trail of the workspace";

    "project.settings.view": "See the project";
    "project.settings.manage": "Change the project, its clusters, and remove it" needs "project.settings.view";
    "project.members.view": "See the members of the project";
    "project.members.manage": "Add and remove members of the project" needs "project.members.view";
    "project.roles.view": "See roles of the project";
    "project.roles.manage": "Change roles of the project" needs "project.roles.view";
    "project.workloads.view": "See workloads and pods";
    "project.workloads.manage": "Change workloads" needs "project.workloads.view";
    "project.config.view": "See ConfigMaps";
    "project.config.manage": "Change ConfigMaps" needs "project.config.view";
    "project.secrets.view": "See Secrets";
    "project.secrets.manage": "Change Secrets" needs "project.secrets.view";
    "project.network.view": "See Services, Ingresses and NetworkPolicies";
    "project.network.manage": "Change Services, Ingresses and NetworkPolicies" needs "project.network.view";
    "project.storage.view": "See volume claims";
    "project.storage.manage": "Change volume claims" needs "project.storage.view";
    "project.service-accounts.view": "See service accounts";
    "project.service-accounts.manage": "Change service accounts" needs "project.service-accounts.view";
    "project.impersonation.manage": "Act as a service account: issue its tokens" needs "project.service-accounts.view";
    "project.custom-resources.view": "See custom resources";
    "project.custom-resources.manage": "Change custom resources" needs "project.custom-resources.view";
    "project.federated-objects.view": "See federated objects, their placement and status";
    "project.federated-objects.edit": "Make and change federated objects" needs "project.federated-objects.view";
    "project.federated-objects.manage": "Remove federated objects" needs "project.federated-objects.edit";
    "project.exec.manage": "Open a terminal in a container, forward ports" needs "project.workloads.view";
    "project.logs.view": "Read logs" needs "project.workloads.view";
    "project.quota.view": "See quotas and usage of the project";
    "project.rollouts.view": "See rollouts";
    "project.rollouts.manage": "Pause, resume, abort and roll back" needs "project.rollouts.view";
    "project.audit.view": "Read the audit trail of the project";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_requirements_exist() {
        let mut names: Vec<_> = CATALOGUE.iter().map(|permission| permission.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOGUE.len());
        for permission in CATALOGUE {
            assert_eq!(permission.name.split('.').count(), 3, "{}", permission.name);
            assert!(permission.name.starts_with(permission.scope().as_str()), "{}", permission.name);
            for required in permission.requires {
                assert!(definition(required).is_some(), "{} requires {required}", permission.name);
            }
        }
    }
}
