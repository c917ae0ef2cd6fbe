//! Workspaces: the smallest tenants. Clusters are granted to them by the platform.

use hanse_authz::{Handle, Scope, Scoped as _, authorize, authorize_platform};
use hanse_store::{AuditEvent, Store, Tx, bindings, clusters, page::Page, workspaces};
use hanse_types::{
    ClusterName, List, ListParams, WorkspaceId, WorkspaceName,
    access::ScopeKind,
    tenancy::{Workspace, WorkspaceCreate, WorkspaceUpdate},
};
use serde_json::json;
use uuid::Uuid;

use super::{follow, project};
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied, taken},
    federation::place,
    identity::access::visible,
};

/// The workspace, for somebody who may do this in it.
pub(super) async fn find(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    permission: &'static str,
) -> Result<Handle<workspaces::Model>> {
    let located = platform.store.workspace(name).await?.ok_or_else(|| Error::not_found("workspace", name))?;
    authorize(&platform.decisions, &op.actor, permission, located).map_err(denied("workspace", name))
}

async fn bodies(platform: &Platform, rows: Vec<workspaces::Model>) -> Result<Vec<Workspace>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut clusters = platform.store.granted(ids.clone()).await?;
    let projects = platform.store.count_projects(ids.clone()).await?;
    let members = platform.store.count_members(ScopeKind::Workspace, ids).await?;
    rows.into_iter()
        .map(|row| {
            let clusters: std::result::Result<Vec<ClusterName>, _> = clusters
                .remove(&row.id)
                .unwrap_or_default()
                .into_iter()
                .map(|c| ClusterName::parse(c.name))
                .collect();
            Ok(Workspace {
                id: WorkspaceId(row.id),
                name: WorkspaceName::parse(row.name).map_err(Error::internal)?,
                display_name: row.display_name,
                description: row.description,
                clusters: clusters.map_err(Error::internal)?,
                projects: projects.get(&row.id).copied().unwrap_or(0),
                members: members.get(&row.id).copied().unwrap_or(0),
                created_at: row.created_at,
                version: row.version,
            })
        })
        .collect()
}

async fn body(platform: &Platform, row: workspaces::Model) -> Result<Workspace> {
    let name = row.name.clone();
    bodies(platform, vec![row]).await?.pop().ok_or_else(|| Error::not_found("workspace", &name))
}

/// A page of the workspaces that the caller may know.
///
/// # Errors
/// `invalid` for the query.
pub async fn list(platform: &Platform, op: &OpContext, params: &ListParams) -> Result<List<Workspace>> {
    let page = Page::read(params, Store::WORKSPACE_SORTS)?;
    let visible = visible(platform, op, "workspace.settings.view", ScopeKind::Workspace);
    let found = platform.store.list_workspaces(&visible, &page).await?;
    let items = bodies(platform, found.rows).await?;
    Ok(List { items, total: found.total, continue_: page.next(found.total), revision: found.revision })
}

/// One workspace.
///
/// # Errors
/// `not_found`.
pub async fn get(platform: &Platform, op: &OpContext, name: &str) -> Result<Workspace> {
    let row = find(platform, op, name, "workspace.settings.view").await?.into_inner();
    body(platform, row).await
}

/// Finds clusters by name among those that the caller may grant.
async fn grantable(platform: &Platform, op: &OpContext, names: &[ClusterName]) -> Result<Vec<Uuid>> {
    let mut ids = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let missing =
            || Error::invalid(format!("clusters[{index}]"), format!("cluster {name:?} does not exist"));
        let located = platform.store.cluster(name.as_str()).await?.ok_or_else(missing)?;
        let cluster = authorize(&platform.decisions, &op.actor, "cluster.grants.manage", located).map_err(
            |refused| match refused {
                hanse_authz::Denied::NotFound => missing(),
                hanse_authz::Denied::Forbidden(permission) => Error::forbidden(permission),
            },
        )?;
        if !ids.contains(&cluster.id) {
            ids.push(cluster.id);
        }
    }
    Ok(ids)
}

/// Makes a workspace, whose maker becomes its administrator, and its first project when one is given.
///
/// # Errors
/// `forbidden`, `already_exists`, or `invalid` with the field at fault.
pub async fn create(platform: &Platform, op: &OpContext, request: WorkspaceCreate) -> Result<Workspace> {
    authorize_platform(&platform.decisions, &op.actor, "platform.workspaces.create")
        .map_err(denied("platform", ""))?;
    let clusters = grantable(platform, op, &request.clusters).await?;
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = workspaces::create(
        &mut tx,
        request.name.to_string(),
        request.display_name.filter(|text| !text.trim().is_empty()),
        request.description.filter(|text| !text.trim().is_empty()),
    )
    .await
    .map_err(taken("workspace", request.name.as_str()))?;
    workspaces::grant(&mut tx, &row, &clusters).await?;
    bindings::set_roles(&mut tx, row.scope(), op.actor.user, &["administrator".to_owned()]).await?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "workspace",
        name: row.name.clone(),
        workspace: Some(row.name.clone()),
        after: Some(json!({"clusters": request.clusters})),
        ..AuditEvent::default()
    });
    if let Some(first) = request.project {
        project::create_in(platform, op, &mut tx, &row, &clusters, first).await?;
    }
    platform.commit(tx).await?;
    body(platform, row).await
}

/// Changes names and, for who may grant clusters, the clusters.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when a cluster is still used.
pub async fn update(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    update: WorkspaceUpdate,
) -> Result<Workspace> {
    let handle = find(platform, op, name, "workspace.settings.manage").await?;
    op.check_version(handle.version)?;
    let clusters = match &update.clusters {
        None => None,
        Some(names) => {
            if !platform.decisions.allows(&op.actor, "platform.workspaces.manage", Scope::Platform) {
                return Err(Error::forbidden("platform.workspaces.manage"));
            }
            Some(grantable(platform, op, names).await?)
        }
    };
    let before = json!({"displayName": handle.display_name, "description": handle.description});
    let mut tx = platform.store.begin(&op.write()).await?;
    let display_name = update.display_name.or(handle.display_name.clone());
    let description = update.description.or(handle.description.clone());
    let row = workspaces::update(&mut tx, &handle, display_name, description).await?;
    if let Some(clusters) = clusters {
        let rows = platform.store.clusters_by_ids(clusters).await?.into_values().collect();
        grant(platform, &mut tx, &row, rows).await?;
    }
    tx.audit(AuditEvent {
        verb: "update",
        kind: "workspace",
        name: row.name.clone(),
        workspace: Some(row.name.clone()),
        before: Some(before),
        after: Some(json!({"displayName": row.display_name, "description": row.description, "clusters": update.clusters})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    body(platform, row).await
}

/// Replaces the clusters granted; projects that follow a placement get those of them that it selects.
pub(crate) async fn grant(
    platform: &Platform,
    tx: &mut Tx,
    workspace: &workspaces::Model,
    clusters: Vec<clusters::Model>,
) -> Result<()> {
    let ids: Vec<Uuid> = clusters.iter().map(|cluster| cluster.id).collect();
    workspaces::grant(tx, workspace, &ids).await?;
    let views: Vec<_> = clusters.into_iter().map(|cluster| place::view_of(platform, cluster)).collect();
    follow::again(platform, tx, workspace.id, &views, "the workspace's clusters changed").await?;
    Ok(())
}

/// Removes an empty workspace.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when it has projects.
pub async fn delete(platform: &Platform, op: &OpContext, name: &str) -> Result<()> {
    let handle = find(platform, op, name, "workspace.settings.manage").await?;
    op.check_version(handle.version)?;
    let mut tx = platform.store.begin(&op.write()).await?;
    workspaces::delete(&mut tx, &handle).await?;
    tx.audit(AuditEvent {
        verb: "delete",
        kind: "workspace",
        name: name.to_owned(),
        workspace: Some(name.to_owned()),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(())
}

/// Name of the workspace that new projects go to when none is named: the only one that the caller may make projects in,
/// or among several the one called `default`.
///
/// # Errors
/// `invalid` when it cannot be told, `forbidden` when there is none.
pub async fn home_of_new_projects(platform: &Platform, op: &OpContext) -> Result<String> {
    use hanse_authz::Scope;
    let permission = "workspace.projects.create";
    let everywhere = platform.decisions.allows(&op.actor, permission, Scope::Platform);
    let mut names: Vec<String> = if everywhere {
        let page = Page::read(&ListParams::default(), Store::WORKSPACE_SORTS)?;
        let found = platform.store.list_workspaces(&hanse_store::page::Visible::All, &page).await?;
        found.rows.into_iter().map(|row| row.name).collect()
    } else {
        let ids = crate::identity::access::workspaces_with(platform, op, permission);
        platform.store.workspaces_by_ids(ids).await?.into_values().map(|row| row.name).collect()
    };
    match names.as_slice() {
        [] if everywhere => Err(Error::invalid(
            "metadata.annotations[hanse.io/workspace]",
            "there is no workspace yet: make one first",
        )),
        [] => Err(Error::forbidden(permission)),
        [only] => Ok(only.clone()),
        _ if names.iter().any(|name| name == "default") => Ok("default".to_owned()),
        _ => {
            names.sort_unstable();
            Err(Error::invalid(
                "metadata.annotations[hanse.io/workspace]",
                format!("is missing: say which workspace the namespace belongs to ({})", names.join(", ")),
            ))
        }
    }
}
