//! What there is to be allowed, and what the caller is.

use std::collections::BTreeSet;

use hanse_authz::{BUILT_IN, CATALOGUE, Scope, Scoped as _};
use hanse_store::page::Visible;
use hanse_types::{
    ClusterName, Name, ProjectName, WorkspaceName,
    access::{Access, ClusterAccess, Permission, ProjectAccess, Role, ScopeKind, WorkspaceAccess},
};
use uuid::Uuid;

use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result},
};

/// The catalogue of permissions.
#[must_use]
pub fn catalogue() -> Vec<Permission> {
    CATALOGUE
        .iter()
        .map(|permission| Permission {
            name: permission.name.to_owned(),
            scope: permission.scope(),
            resource: permission.resource().to_owned(),
            verb: permission.verb().to_owned(),
            description: permission.description.to_owned(),
            requires: permission.requires.iter().map(|name| (*name).to_owned()).collect(),
        })
        .collect()
}

/// The built-in roles, of one scope or all.
#[must_use]
pub fn roles(scope: Option<ScopeKind>) -> Vec<Role> {
    BUILT_IN
        .iter()
        .filter(|role| scope.is_none_or(|scope| role.scope == scope))
        .filter_map(|role| {
            Some(Role {
                name: Name::parse(role.name).ok()?,
                scope: role.scope,
                built_in: true,
                description: role.description.to_owned(),
                permissions: role.permissions().map(ToOwned::to_owned).collect(),
            })
        })
        .collect()
}

/// Workspaces and projects that the caller may know by the given permissions: from bindings, without a query.
#[must_use]
pub fn visible(platform: &Platform, op: &OpContext, permission: &str, kind: ScopeKind) -> Visible {
    let mut ids = Vec::new();
    for place in platform.decisions.places(&op.actor, permission) {
        match (place, kind) {
            (Scope::Platform, _) => return Visible::All,
            (Scope::Workspace(id), ScopeKind::Workspace) => ids.push(Uuid::from(id)),
            (Scope::Project(_, id), ScopeKind::Project) => ids.push(id.into()),
            (Scope::Cluster(id), ScopeKind::Cluster) => ids.push(id.into()),
            _ => {}
        }
    }
    Visible::Only(ids)
}

/// Workspaces whose projects the caller may all know.
#[must_use]
pub fn workspaces_with(platform: &Platform, op: &OpContext, permission: &str) -> Vec<Uuid> {
    platform
        .decisions
        .places(&op.actor, permission)
        .into_iter()
        .filter_map(|place| match place {
            Scope::Workspace(id) => Some(id.into()),
            _ => None,
        })
        .collect()
}

fn names(permissions: BTreeSet<&'static str>, scopes: &[ScopeKind]) -> Vec<String> {
    permissions
        .into_iter()
        .filter(|name| {
            hanse_authz::definition(name).is_some_and(|definition| scopes.contains(&definition.scope()))
        })
        .map(ToOwned::to_owned)
        .collect()
}

/// Everything that the caller may do, for drawing the navigation.
///
/// # Errors
/// When the database is away.
pub async fn of_caller(platform: &Platform, op: &OpContext) -> Result<Access> {
    let decisions = &platform.decisions;
    let workspaces = visible(platform, op, "workspace.settings.view", ScopeKind::Workspace);
    let projects = match visible(platform, op, "project.settings.view", ScopeKind::Project) {
        Visible::All => Visible::All,
        Visible::Only(mut ids) => {
            let whole = workspaces_with(platform, op, "project.settings.view");
            if !whole.is_empty() {
                let (_, all) = platform.store.tenancy(&Visible::Only(whole.clone()), &Visible::All).await?;
                ids.extend(all.iter().filter(|row| whole.contains(&row.workspace_id)).map(|row| row.id));
            }
            Visible::Only(ids)
        }
    };
    let (workspaces, projects) = platform.store.tenancy(&workspaces, &projects).await?;
    let mut answer = Access {
        platform: names(
            decisions.effective(&op.actor, Scope::Platform),
            &[ScopeKind::Platform, ScopeKind::Cluster, ScopeKind::Workspace, ScopeKind::Project],
        ),
        workspaces: Vec::new(),
        clusters: Vec::new(),
    };
    for workspace in workspaces {
        let own = projects.iter().filter(|project| project.workspace_id == workspace.id);
        let own: Result<Vec<ProjectAccess>> = own
            .map(|project| {
                Ok(ProjectAccess {
                    name: ProjectName::parse(project.name.clone()).map_err(Error::internal)?,
                    display_name: project.display_name.clone(),
                    permissions: names(
                        decisions.effective(&op.actor, project.scope()),
                        &[ScopeKind::Project],
                    ),
                })
            })
            .collect();
        answer.workspaces.push(WorkspaceAccess {
            permissions: names(
                decisions.effective(&op.actor, workspace.scope()),
                &[ScopeKind::Workspace, ScopeKind::Project],
            ),
            name: WorkspaceName::parse(workspace.name).map_err(Error::internal)?,
            display_name: workspace.display_name,
            projects: own?,
        });
    }
    let clusters: Vec<Uuid> = op
        .actor
        .bindings
        .iter()
        .filter_map(|binding| match binding.scope {
            Scope::Cluster(id) => Some(id.into()),
            _ => None,
        })
        .collect();
    for row in platform.store.clusters_by_ids(clusters).await?.into_values() {
        answer.clusters.push(ClusterAccess {
            permissions: names(decisions.effective(&op.actor, row.scope()), &[ScopeKind::Cluster]),
            name: ClusterName::parse(row.name).map_err(Error::internal)?,
        });
    }
    answer.clusters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(answer)
}
