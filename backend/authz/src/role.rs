//! Built-in roles (TENANCY.md §3), as rules over the catalogue so that a new permission cannot be forgotten.

use hanse_types::access::ScopeKind;

use crate::catalogue::{CATALOGUE, PermissionDef};

/// A built-in role.
#[derive(Clone, Copy, Debug)]
pub struct RoleDef {
    /// Where it is bound.
    pub scope: ScopeKind,
    /// Name within its scope.
    pub name: &'static str,
    /// One line for people.
    pub description: &'static str,
    gives: fn(&PermissionDef) -> bool,
}

impl RoleDef {
    /// The permissions that it gives.
    pub fn permissions(&self) -> impl Iterator<Item = &'static str> {
        let gives = self.gives;
        CATALOGUE.iter().filter(move |permission| gives(permission)).map(|permission| permission.name)
    }
}

/// A built-in role by scope and name.
#[must_use]
pub fn built_in(scope: ScopeKind, name: &str) -> Option<&'static RoleDef> {
    BUILT_IN.iter().find(|role| role.scope == scope && role.name == name)
}

fn view(permission: &PermissionDef) -> bool {
    permission.verb() == "view"
}

fn secret(permission: &PermissionDef) -> bool {
    permission.resource() == "secrets"
}

fn one_of(permission: &PermissionDef, names: &[&str]) -> bool {
    names.contains(&permission.name)
}

macro_rules! roles {
    ($($scope:ident $name:literal: $description:literal => $gives:expr;)*) => {
        /// Every built-in role.
        pub const BUILT_IN: &[RoleDef] = &[$(RoleDef {
            scope: ScopeKind::$scope, name: $name, description: $description, gives: $gives,
        }),*];
    };
}

roles! {
    Platform "administrator": "Everything, everywhere" => |_| true;
    Platform "cluster-manager": "All clusters and what is in them" => |p| {
        p.scope() == ScopeKind::Cluster || (p.scope() == ScopeKind::Platform && matches!(p.resource(), "clusters" | "types"))
    };
    Platform "user-manager": "All accounts" => |p| {
        one_of(p, &["platform.users.view", "platform.users.manage", "platform.roles.view"])
    };
    Platform "workspace-creator": "Makes workspaces and administers what it made" => |p| {
        p.name == "platform.workspaces.create"
    };
    Platform "auditor": "Reads everything except secrets" => |p| view(p) && !secret(p);
    Platform "member": "Nothing until invited" => |_| false;

    Cluster "administrator": "Everything in the cluster" => |p| p.scope() == ScopeKind::Cluster;
    Cluster "viewer": "Reads everything in the cluster, no secrets" => |p| {
        p.scope() == ScopeKind::Cluster && view(p) && !secret(p)
    };

    Workspace "administrator": "Everything in the workspace and its projects" => |p| {
        matches!(p.scope(), ScopeKind::Workspace | ScopeKind::Project)
    };
    Workspace "project-creator": "Makes projects and administers what it made" => |p| {
        one_of(p, &["workspace.settings.view", "workspace.members.view", "workspace.clusters.view", "workspace.projects.create"])
    };
    Workspace "member": "Sees the workspace and its members" => |p| {
        one_of(p, &["workspace.settings.view", "workspace.members.view"])
    };
    Workspace "viewer": "Reads everything in the workspace and its projects, no secrets" => |p| {
        matches!(p.scope(), ScopeKind::Workspace | ScopeKind::Project) && view(p) && !secret(p)
    };

    Project "administrator": "Everything in the project" => |p| p.scope() == ScopeKind::Project;
    Project "operator": "Writes workloads, configuration, network, storage and federated objects" => |p| {
        p.scope() == ScopeKind::Project
            && match p.resource() {
                "audit" | "impersonation" => false,
                "members" | "roles" | "settings" | "quota" => view(p),
                _ => true,
            }
    };
    Project "viewer": "Reads everything in the project, no secrets" => |p| {
        p.scope() == ScopeKind::Project && view(p) && !secret(p) && p.resource() != "audit"
    };
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _};

    use super::*;
    use crate::catalogue::definition;

    #[test]
    fn a_role_that_gives_a_permission_gives_what_it_requires() {
        for role in BUILT_IN {
            let given: BTreeSet<_> = role.permissions().collect();
            for name in &given {
                for required in definition(name).unwrap().requires {
                    assert!(
                        given.contains(required),
                        "{} {}: {name} without {required}",
                        role.scope,
                        role.name
                    );
                }
            }
        }
    }

    #[test]
    fn what_roles_give_is_reviewed() {
        let mut table = String::new();
        for permission in CATALOGUE {
            let roles: Vec<String> = BUILT_IN
                .iter()
                .filter(|role| (role.gives)(permission))
                .map(|role| format!("{}/{}", role.scope, role.name))
                .collect();
            writeln!(table, "{:38} {}", permission.name, roles.join(" ")).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
