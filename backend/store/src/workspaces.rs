//! Workspaces and the clusters granted to them.

use std::collections::HashMap;

use hanse_authz::{Handle, Located, Scope, Scoped};
use hanse_types::WorkspaceId;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    entity::{cluster, project, project_cluster, workspace, workspace_cluster},
    page::{Page, Rows, Visible, page_of},
    tx::NewChange,
    users::like,
};

pub use crate::entity::workspace::Model;

impl Scoped for Model {
    fn scope(&self) -> Scope {
        Scope::Workspace(WorkspaceId(self.id))
    }
    fn known_by(&self) -> &'static str {
        "workspace.settings.view"
    }
}

fn change(row: &Model, op: Op) -> NewChange {
    NewChange {
        kind: "workspace",
        object: row.id,
        workspace: Some(row.id),
        project: None,
        cluster: None,
        name: row.name.clone(),
        op,
    }
}

/// Makes a workspace.
///
/// # Errors
/// [`StoreError::Taken`] when the name is in use.
pub async fn create(
    tx: &mut Tx,
    name: String,
    display_name: Option<String>,
    description: Option<String>,
) -> Result<Model, StoreError> {
    let now = tx.now();
    let row = workspace::ActiveModel {
        id: Set(WorkspaceId::new().into()),
        name: Set(name),
        display_name: Set(display_name),
        description: Set(description),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    }
    .insert(tx.db())
    .await?;
    tx.changed(change(&row, Op::Created));
    Ok(row)
}

/// Changes name and description.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn update(
    tx: &mut Tx,
    workspace: &Handle<Model>,
    display_name: Option<String>,
    description: Option<String>,
) -> Result<Model, StoreError> {
    let mut next: Model = (**workspace).clone();
    let expected = next.version;
    (next.display_name, next.description) = (display_name, description);
    next.version += 1;
    next.updated_at = tx.now();
    let active = workspace::ActiveModel {
        display_name: Set(next.display_name.clone()),
        description: Set(next.description.clone()),
        version: Set(next.version),
        updated_at: Set(next.updated_at),
        ..Default::default()
    };
    let done = workspace::Entity::update_many()
        .set(active)
        .filter(workspace::Column::Id.eq(next.id))
        .filter(workspace::Column::Version.eq(expected))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        let found = workspace::Entity::find_by_id(next.id).one(tx.db()).await?.map_or(0, |row| row.version);
        return Err(StoreError::VersionMismatch { expected, found });
    }
    tx.changed(change(&next, Op::Updated));
    Ok(next)
}

/// A workspace, held as it is until the end of the transaction; `change` keeps others from holding it, too. Projects hold
/// it while they take clusters of it, so that a withdrawal and a use of the same cluster cannot both succeed.
pub(crate) async fn hold(tx: &Tx, id: Uuid, change: bool) -> Result<(), StoreError> {
    let query = workspace::Entity::find_by_id(id);
    let query = if change { query.lock_exclusive() } else { query.lock_shared() };
    match query.one(tx.db()).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::Conflict("the workspace was removed meanwhile".to_owned())),
    }
}

/// Replaces the clusters granted.
///
/// # Errors
/// [`StoreError::Conflict`] when a project uses one that would go.
pub async fn grant(tx: &mut Tx, workspace: &Model, clusters: &[Uuid]) -> Result<(), StoreError> {
    hold(tx, workspace.id, true).await?;
    let before = workspace_cluster::Entity::find()
        .filter(workspace_cluster::Column::WorkspaceId.eq(workspace.id))
        .all(tx.db())
        .await?;
    for gone in before.iter().filter(|row| !clusters.contains(&row.cluster_id)) {
        let projects: Vec<Uuid> = project::Entity::find()
            .filter(project::Column::WorkspaceId.eq(workspace.id))
            .all(tx.db())
            .await?
            .into_iter()
            .map(|row| row.id)
            .collect();
        let used = project_cluster::Entity::find()
            .filter(project_cluster::Column::ClusterId.eq(gone.cluster_id))
            .filter(project_cluster::Column::ProjectId.is_in(projects))
            .one(tx.db())
            .await?;
        if used.is_some() {
            let name = cluster::Entity::find_by_id(gone.cluster_id)
                .one(tx.db())
                .await?
                .map_or_else(String::new, |c| c.name);
            return Err(StoreError::Conflict(format!(
                "cluster {name:?} is used by a project of the workspace: take it out of the project first"
            )));
        }
        workspace_cluster::Entity::delete_by_id((workspace.id, gone.cluster_id)).exec(tx.db()).await?;
    }
    for new in clusters.iter().filter(|id| !before.iter().any(|row| row.cluster_id == **id)) {
        workspace_cluster::ActiveModel { workspace_id: Set(workspace.id), cluster_id: Set(*new) }
            .insert(tx.db())
            .await?;
    }
    Ok(())
}

/// Takes a cluster from every workspace; no project uses it any more.
///
/// # Errors
/// When the database refuses.
pub async fn withdraw(tx: &Tx, cluster: Uuid) -> Result<(), StoreError> {
    workspace_cluster::Entity::delete_many()
        .filter(workspace_cluster::Column::ClusterId.eq(cluster))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Removes a workspace without projects.
///
/// # Errors
/// [`StoreError::Conflict`] when it has projects.
pub async fn delete(tx: &mut Tx, workspace: &Handle<Model>) -> Result<(), StoreError> {
    hold(tx, workspace.id, true).await?;
    let projects =
        project::Entity::find().filter(project::Column::WorkspaceId.eq(workspace.id)).count(tx.db()).await?;
    if projects > 0 {
        return Err(StoreError::Conflict(format!(
            "workspace {:?} still has {projects} project(s): remove them first",
            workspace.name
        )));
    }
    crate::bindings::forget_scope(tx, workspace.scope()).await?;
    workspace::Entity::delete_by_id(workspace.id).exec(tx.db()).await?;
    tx.changed(change(workspace, Op::Deleted));
    Ok(())
}

impl Store {
    /// A workspace by name, for deciding about it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn workspace(&self, name: &str) -> Result<Option<Located<Model>>, StoreError> {
        let row = workspace::Entity::find().filter(workspace::Column::Name.eq(name)).one(self.db()).await?;
        Ok(row.map(Located::new))
    }

    /// Workspaces by id: names for bodies.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn workspaces_by_ids(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Model>, StoreError> {
        let rows = workspace::Entity::find().filter(workspace::Column::Id.is_in(ids)).all(self.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    /// Clusters granted to workspaces: workspace → cluster rows, by name.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn granted(
        &self,
        workspaces: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Vec<cluster::Model>>, StoreError> {
        let links = workspace_cluster::Entity::find()
            .filter(workspace_cluster::Column::WorkspaceId.is_in(workspaces))
            .all(self.db())
            .await?;
        let clusters = self.clusters_by_ids(links.iter().map(|link| link.cluster_id).collect()).await?;
        let mut granted: HashMap<Uuid, Vec<cluster::Model>> = HashMap::new();
        for link in links {
            if let Some(cluster) = clusters.get(&link.cluster_id) {
                granted.entry(link.workspace_id).or_default().push(cluster.clone());
            }
        }
        for clusters in granted.values_mut() {
            clusters.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(granted)
    }

    /// Workspaces that a cluster is granted to.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn granting(&self, cluster: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let links = workspace_cluster::Entity::find()
            .filter(workspace_cluster::Column::ClusterId.eq(cluster))
            .all(self.db())
            .await?;
        Ok(links.into_iter().map(|link| link.workspace_id).collect())
    }

    /// Number of projects of workspaces.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_projects(&self, workspaces: Vec<Uuid>) -> Result<HashMap<Uuid, u64>, StoreError> {
        let rows = project::Entity::find()
            .filter(project::Column::WorkspaceId.is_in(workspaces))
            .all(self.db())
            .await?;
        let mut counts = HashMap::new();
        for row in rows {
            *counts.entry(row.workspace_id).or_insert(0) += 1;
        }
        Ok(counts)
    }

    /// Fields that workspaces can be sorted by.
    pub const WORKSPACE_SORTS: &[&str] = &["name", "createdAt"];

    /// A page of the workspaces that somebody may see.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_workspaces(&self, visible: &Visible, page: &Page) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = workspace::Entity::find();
        if let Visible::Only(ids) = visible {
            query = query.filter(workspace::Column::Id.is_in(ids.clone()));
        }
        if let Some(search) = &page.search {
            query = query.filter(
                Condition::any()
                    .add(like(workspace::Column::Name, search))
                    .add(like(workspace::Column::DisplayName, search)),
            );
        }
        Ok(
            page_of!(self.db(), query, workspace, page, revision, { "name" => Name, "createdAt" => CreatedAt }),
        )
    }

    /// Every workspace and project that somebody may see, by name: for drawing the navigation.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn tenancy(
        &self,
        workspaces: &Visible,
        projects: &Visible,
    ) -> Result<(Vec<Model>, Vec<project::Model>), StoreError> {
        let mut all = project::Entity::find().order_by_asc(project::Column::Name);
        if let Visible::Only(ids) = projects {
            all = all.filter(project::Column::Id.is_in(ids.clone()));
        }
        let projects = all.all(self.db()).await?;
        let mut found = workspace::Entity::find().order_by_asc(workspace::Column::Name);
        if let Visible::Only(ids) = workspaces {
            let homes = projects.iter().map(|project| project.workspace_id);
            found = found.filter(workspace::Column::Id.is_in(ids.iter().copied().chain(homes)));
        }
        Ok((found.all(self.db()).await?, projects))
    }
}
