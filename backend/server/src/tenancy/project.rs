//! Projects: one namespace of the same name in each of their clusters. The namespace is itself a federated object, so it is
//! made, watched, put right and removed like everything else.

use std::collections::BTreeSet;

use hanse_authz::{Handle, Scoped as _, authorize};
use hanse_federation::{
    ClusterView,
    object::{Override, Placement},
};
use hanse_machinery::json;
use hanse_store::{
    AuditEvent, Store, Tx, bindings, federated, hub, page::Page, projects, removals::Mode, workspaces,
};
use hanse_types::{
    ClusterId, ClusterName, List, ListParams, ProjectId, ProjectName, WorkspaceId, WorkspaceName,
    access::ScopeKind,
    tenancy::{Project, ProjectCreate, ProjectUpdate},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{follow, namespace, workspace};
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied, taken},
    federation::place,
    identity::access::{visible, workspaces_with},
};

async fn find(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    permission: &'static str,
) -> Result<Handle<projects::Model>> {
    let located = platform.store.project(name).await?.ok_or_else(|| Error::not_found("project", name))?;
    authorize(&platform.decisions, &op.actor, permission, located).map_err(denied("project", name))
}

async fn bodies(platform: &Platform, rows: Vec<projects::Model>) -> Result<Vec<Project>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let homes = platform.store.workspaces_by_ids(rows.iter().map(|row| row.workspace_id).collect()).await?;
    let mut clusters = platform.store.project_clusters(ids.clone()).await?;
    let objects = platform.store.count_objects(ids).await?;
    rows.into_iter()
        .map(|row| {
            let clusters: std::result::Result<Vec<ClusterName>, _> = clusters
                .remove(&row.id)
                .unwrap_or_default()
                .into_iter()
                .map(|c| ClusterName::parse(c.name))
                .collect();
            let home = homes.get(&row.workspace_id).map(|home| home.name.clone()).unwrap_or_default();
            Ok(Project {
                id: ProjectId(row.id),
                name: ProjectName::parse(row.name).map_err(Error::internal)?,
                workspace: WorkspaceName::parse(home).map_err(Error::internal)?,
                display_name: row.display_name,
                description: row.description,
                clusters: clusters.map_err(Error::internal)?,
                labels: namespace::stored(row.labels.as_ref()),
                annotations: namespace::stored(row.annotations.as_ref()),
                federated_objects: objects.get(&row.id).copied().unwrap_or(0),
                deleted_at: row.deleted_at,
                created_at: row.created_at,
                version: row.version,
            })
        })
        .collect()
}

async fn body(platform: &Platform, row: projects::Model) -> Result<Project> {
    let name = row.name.clone();
    bodies(platform, vec![row]).await?.pop().ok_or_else(|| Error::not_found("project", &name))
}

/// A page of a workspace's projects that the caller may know.
///
/// # Errors
/// `not_found`, or `invalid` for the query.
pub async fn list(
    platform: &Platform,
    op: &OpContext,
    workspace_name: &str,
    params: &ListParams,
) -> Result<List<Project>> {
    let workspace = workspace::find(platform, op, workspace_name, "workspace.settings.view").await?;
    let page = Page::read(params, Store::PROJECT_SORTS)?;
    let whole = workspaces_with(platform, op, "project.settings.view").contains(&workspace.id);
    let visible = if whole {
        hanse_store::page::Visible::All
    } else {
        visible(platform, op, "project.settings.view", ScopeKind::Project)
    };
    let found = platform.store.list_projects(WorkspaceId(workspace.id), &visible, &page).await?;
    let items = bodies(platform, found.rows).await?;
    Ok(List { items, total: found.total, continue_: page.next(found.total), revision: found.revision })
}

/// One project.
///
/// # Errors
/// `not_found`.
pub async fn get(platform: &Platform, op: &OpContext, name: &str) -> Result<Project> {
    let row = find(platform, op, name, "project.settings.view").await?.into_inner();
    body(platform, row).await
}

/// Makes a project; its maker becomes its administrator.
///
/// # Errors
/// `forbidden`, `already_exists`, or `invalid` with the field at fault.
pub async fn create(
    platform: &Platform,
    op: &OpContext,
    workspace_name: &str,
    request: ProjectCreate,
) -> Result<Project> {
    let workspace = workspace::find(platform, op, workspace_name, "workspace.projects.create").await?;
    let granted: Vec<Uuid> = platform
        .store
        .granted(vec![workspace.id])
        .await?
        .remove(&workspace.id)
        .unwrap_or_default()
        .into_iter()
        .map(|cluster| cluster.id)
        .collect();
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = create_in(platform, op, &mut tx, &workspace, &granted, request).await?;
    platform.commit(tx).await?;
    body(platform, row).await
}

/// Makes a project within a transaction that may also have made its workspace.
pub(super) async fn create_in(
    platform: &Platform,
    op: &OpContext,
    tx: &mut Tx,
    workspace: &workspaces::Model,
    granted: &[Uuid],
    request: ProjectCreate,
) -> Result<projects::Model> {
    let clusters = match &request.clusters {
        None => granted.to_vec(),
        Some(names) => among(platform, granted, names).await?,
    };
    create_with(op, tx, workspace, &clusters, request).await
}

/// Makes a project whose clusters follow a placement among those granted to its workspace.
///
/// # Errors
/// As for [`create`].
pub async fn create_following(
    platform: &Platform,
    op: &OpContext,
    workspace_name: &str,
    request: ProjectCreate,
    placement: &Placement,
) -> Result<projects::Model> {
    let workspace = workspace::find(platform, op, workspace_name, "workspace.projects.create").await?;
    let wanted = place::selected(placement, &granted(platform, workspace.id).await?);
    let clusters: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = create_with(op, &mut tx, &workspace, &clusters, request).await?;
    follow::keep(&tx, &row, Some(placement)).await?;
    platform.commit(tx).await?;
    Ok(row)
}

/// The clusters granted to a workspace, as decisions see them.
pub(crate) async fn granted(platform: &Platform, workspace: Uuid) -> Result<Vec<(ClusterId, ClusterView)>> {
    let rows = platform.store.granted(vec![workspace]).await?.remove(&workspace).unwrap_or_default();
    Ok(rows.into_iter().map(|cluster| place::view_of(platform, cluster)).collect())
}

async fn create_with(
    op: &OpContext,
    tx: &mut Tx,
    workspace: &workspaces::Model,
    clusters: &[Uuid],
    request: ProjectCreate,
) -> Result<projects::Model> {
    let row = projects::create(
        tx,
        workspace,
        request.name.to_string(),
        request.display_name.filter(|text| !text.trim().is_empty()),
        request.description.filter(|text| !text.trim().is_empty()),
    )
    .await
    .map_err(taken("project", request.name.as_str()))?;
    projects::set_clusters(tx, &row, clusters).await?;
    bindings::set_roles(tx, row.scope(), op.actor.user, &["administrator".to_owned()]).await?;
    let namespace = federated::New {
        type_: "namespaces".to_owned(),
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        namespace: String::new(),
        name: row.name.clone(),
        spec: namespace_spec(&row.name),
        placed: clusters.iter().map(|id| ClusterId(*id)).collect(),
        author: op.actor.name.to_string(),
    };
    federated::create(tx, Some(&row), namespace).await.map_err(taken("namespace", &row.name))?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "project",
        name: row.name.clone(),
        workspace: Some(workspace.name.clone()),
        project: Some(row.name.clone()),
        after: Some(json!({"clusters": request.clusters})),
        ..AuditEvent::default()
    });
    Ok(row)
}

/// The namespace of a project, in all of its clusters. One that is there already belongs to somebody else.
fn namespace_spec(name: &str) -> Value {
    json!({
        "template": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        "placement": {"clusterSelector": {}},
        "policy": {"conflict": "Fail"},
    })
}

async fn among(platform: &Platform, granted: &[Uuid], names: &[ClusterName]) -> Result<Vec<Uuid>> {
    let rows = platform.store.clusters_by_ids(granted.to_vec()).await?;
    let mut ids = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let found = rows.values().find(|row| row.name == name.as_str()).ok_or_else(|| {
            Error::invalid(
                format!("clusters[{index}]"),
                format!("cluster {name:?} is not granted to the workspace: choose among its clusters"),
            )
        })?;
        if !ids.contains(&found.id) {
            ids.push(found.id);
        }
    }
    Ok(ids)
}

/// Changes names and clusters. What was placed in a cluster that leaves is removed there.
///
/// # Errors
/// `forbidden`, `not_found`, or `invalid` with the field at fault.
pub async fn update(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    update: ProjectUpdate,
) -> Result<Project> {
    let handle = find(platform, op, name, "project.settings.manage").await?;
    op.check_version(handle.version)?;
    if handle.deleted_at.is_some() {
        return Err(Error::conflict(format!("project {name:?} is being removed")));
    }
    let clusters = match &update.clusters {
        None => None,
        Some(names) => {
            let granted: Vec<Uuid> = platform
                .store
                .granted(vec![handle.workspace_id])
                .await?
                .remove(&handle.workspace_id)
                .unwrap_or_default()
                .into_iter()
                .map(|cluster| cluster.id)
                .collect();
            Some(among(platform, &granted, names).await?)
        }
    };
    let before = json!({"displayName": handle.display_name, "description": handle.description});
    let display_name = update.display_name.or(handle.display_name.clone());
    let description = update.description.or(handle.description.clone());
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = projects::update(&mut tx, &handle, display_name, description, false).await?;
    if let Some(clusters) = clusters {
        projects::set_clusters(&mut tx, &row, &clusters).await?;
        let rows = platform.store.clusters_by_ids(clusters.clone()).await?;
        let views: Vec<_> = rows.into_values().map(|cluster| place::view_of(platform, cluster)).collect();
        place::again(platform, &mut tx, Some(&row), &views, "the project left the cluster").await?;
        // They were chosen one by one: from here on they follow nothing, and no root of the hub says that they do.
        follow::keep(&tx, &row, None).await?;
        if let Some(mut body) = hub::namespace_view(&tx, &row, "kubefed").await?
            && body.pointer("/spec/placement").is_some()
        {
            let names: Value = views.iter().map(|(_, view)| json!({"name": view.name})).collect();
            json::set(&mut body, &["spec", "placement"], json!({"clusters": names}));
            hub::touch_namespace(&mut tx, &row, "kubefed", Some(&body), false).await?;
        }
    }
    tx.audit(AuditEvent {
        verb: "update",
        kind: "project",
        name: row.name.clone(),
        project: Some(row.name.clone()),
        before: Some(before),
        after: Some(json!({"displayName": row.display_name, "description": row.description, "clusters": update.clusters})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    body(platform, row).await
}

/// What a FederatedNamespace says about the namespace in members.
#[derive(Clone, Debug, Default)]
pub struct NamespaceContent {
    /// Whether its template says which labels and annotations the namespace has.
    pub described: bool,
    /// The template.
    pub template: Value,
    /// Differences in some clusters.
    pub overrides: Vec<Override>,
}

impl NamespaceContent {
    /// The record of a namespace that is like this.
    fn over(&self, old: &Value) -> Result<Value> {
        let mut spec = old.clone();
        if self.described {
            for field in ["labels", "annotations"] {
                let value = self.template.pointer(&format!("/metadata/{field}")).cloned();
                let metadata = spec.pointer_mut("/template/metadata").and_then(Value::as_object_mut);
                if let (Some(metadata), Some(value)) = (metadata, value) {
                    metadata.insert(field.to_owned(), value);
                }
            }
        }
        let overrides = serde_json::to_value(&self.overrides).map_err(Error::internal)?;
        json::set(&mut spec, &["overrides"], overrides);
        Ok(spec)
    }

    /// Refuses what only somebody may say who administers the namespaces of clusters.
    fn guard(&self, platform: &Platform, op: &OpContext) -> Result<()> {
        let overrides = serde_json::to_string(&self.overrides).map_err(Error::internal)?;
        namespace::guard_mentions(platform, op, &[&self.template.to_string(), &overrides])
    }
}

/// What a root of the hub shows of a project's namespace.
#[derive(Clone, Debug)]
pub struct NamespaceView<'a> {
    /// The root.
    pub root: &'static str,
    /// What it adds to the namespace's record.
    pub body: Option<&'a Value>,
    /// Whether what it added is to be taken away.
    pub forget: bool,
    /// What the namespace is to be like in members; none leaves it as it is.
    pub content: Option<NamespaceContent>,
}

/// Makes a project's clusters those that a placement selects among the granted ones, now and as they change.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict`.
pub async fn place_namespace(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    placement: &Placement,
    view: NamespaceView<'_>,
) -> Result<()> {
    let handle = find(platform, op, name, "project.settings.manage").await?;
    if handle.deleted_at.is_some() {
        return Err(Error::conflict(format!("project {name:?} is being removed")));
    }
    let granted = granted(platform, handle.workspace_id).await?;
    let wanted = place::selected(placement, &granted);
    let clusters: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
    let views: Vec<_> = granted.into_iter().filter(|(id, _)| wanted.contains(id)).collect();
    let mut tx = platform.store.begin(&op.write()).await?;
    projects::set_clusters(&mut tx, &handle, &clusters).await?;
    place::again(platform, &mut tx, Some(&handle), &views, "the project left the cluster").await?;
    follow::keep(&tx, &handle, (!view.forget).then_some(placement)).await?;
    if let Some(content) = &view.content {
        content.guard(platform, op)?;
        if let Some(old) = hub::namespace_spec(&tx, &handle).await? {
            hub::write_namespace(&mut tx, &handle, view.root, view.body, content.over(&old)?).await?;
        }
    }
    hub::touch_namespace(&mut tx, &handle, view.root, view.body, view.forget).await?;
    let names: Vec<&str> = views.iter().map(|(_, view)| view.name.as_str()).collect();
    tx.audit(AuditEvent {
        verb: "update",
        kind: "project",
        name: handle.name.clone(),
        project: Some(handle.name.clone()),
        after: Some(json!({"clusters": names})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(())
}

/// Changes only what a root of the hub shows of a project's namespace, also while that is going.
///
/// # Errors
/// `forbidden`, `not_found`.
pub async fn show_namespace(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    view: NamespaceView<'_>,
) -> Result<()> {
    let handle = find(platform, op, name, "project.settings.manage").await?;
    let mut tx = platform.store.begin(&op.write()).await?;
    hub::touch_namespace(&mut tx, &handle, view.root, view.body, view.forget).await?;
    tx.audit(AuditEvent {
        verb: "update",
        kind: "project",
        name: handle.name.clone(),
        project: Some(handle.name.clone()),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(())
}

/// Removes a project with everything federated in it. Its row goes when the last copy is confirmed gone.
///
/// # Errors
/// `forbidden`, `not_found`.
pub async fn delete(platform: &Platform, op: &OpContext, name: &str) -> Result<Project> {
    let handle = find(platform, op, name, "project.settings.manage").await?;
    op.check_version(handle.version)?;
    let shown = body(platform, (*handle).clone()).await?;
    let (display_name, description) = (handle.display_name.clone(), handle.description.clone());
    let mut objects = platform.store.federated_of_projects(vec![handle.id]).await?;
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = projects::update(&mut tx, &handle, display_name, description, true).await?;
    let mut removed = BTreeSet::new();
    let mut orphans = false;
    // The namespace last: what happens to it depends on the others.
    objects.sort_by_key(|object| object.kind == "Namespace");
    for object in objects {
        removed.insert(format!("{}/{}", object.r#type, object.name));
        let policy = serde_json::from_value(object.spec.get("policy").cloned().unwrap_or_default());
        let (mode, options) = place::leaving(&policy.map_err(Error::internal)?);
        // Deleting a namespace deletes what is in it: where copies are to stay, the namespace stays with them.
        orphans |= mode == Mode::Release;
        let mode = if object.kind == "Namespace" && orphans { Mode::Release } else { mode };
        federated::delete(&mut tx, Some(&row), object, mode, options.as_ref()).await?;
    }
    projects::remove_if_empty(&mut tx, &row).await?;
    tx.audit(AuditEvent {
        verb: "delete",
        kind: "project",
        name: row.name.clone(),
        project: Some(row.name.clone()),
        before: Some(json!({"objects": removed})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(Project { deleted_at: row.deleted_at, version: row.version, ..shown })
}
