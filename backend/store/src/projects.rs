//! Projects and their clusters.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hanse_authz::{Handle, Located, Scope, Scoped};
use hanse_types::{ClusterId, ProjectId, WorkspaceId};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QuerySelect as _, Set,
};
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    entity::{cluster, federated_object, project, project_cluster, workspace, workspace_cluster},
    page::{Page, Rows, Visible, page_of},
    tx::NewChange,
    users::like,
};

pub use crate::entity::project::Model;

impl Scoped for Model {
    fn scope(&self) -> Scope {
        Scope::Project(WorkspaceId(self.workspace_id), ProjectId(self.id))
    }
    fn known_by(&self) -> &'static str {
        "project.settings.view"
    }
}

pub(crate) fn change(row: &Model, op: Op) -> NewChange {
    NewChange {
        kind: "project",
        object: row.id,
        workspace: Some(row.workspace_id),
        project: Some(row.id),
        cluster: None,
        name: row.name.clone(),
        op,
    }
}

/// Makes a project in a workspace.
///
/// # Errors
/// [`StoreError::Taken`] when the name is in use.
pub async fn create(
    tx: &mut Tx,
    workspace: &workspace::Model,
    name: String,
    display_name: Option<String>,
    description: Option<String>,
) -> Result<Model, StoreError> {
    crate::workspaces::hold(tx, workspace.id, false).await?;
    let now = tx.now();
    let row = project::ActiveModel {
        id: Set(ProjectId::new().into()),
        workspace_id: Set(workspace.id),
        name: Set(name),
        display_name: Set(display_name),
        description: Set(description),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
        deleted_at: Set(None),
        labels: Set(None),
        annotations: Set(None),
    }
    .insert(tx.db())
    .await?;
    tx.changed(change(&row, Op::Created));
    Ok(row)
}

/// Changes a project; `deleted` marks it as going.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn update(
    tx: &mut Tx,
    project: &Handle<Model>,
    display_name: Option<String>,
    description: Option<String>,
    deleted: bool,
) -> Result<Model, StoreError> {
    let mut next: Model = (**project).clone();
    let expected = next.version;
    (next.display_name, next.description) = (display_name, description);
    next.version += 1;
    next.updated_at = tx.now();
    if deleted {
        next.deleted_at = next.deleted_at.or(Some(tx.now()));
    }
    let active = project::ActiveModel {
        display_name: Set(next.display_name.clone()),
        description: Set(next.description.clone()),
        deleted_at: Set(next.deleted_at),
        version: Set(next.version),
        updated_at: Set(next.updated_at),
        ..Default::default()
    };
    store_version(tx, next.id, active, expected).await?;
    tx.changed(change(&next, Op::Updated));
    Ok(next)
}

/// Writes a project's row, unless somebody was quicker.
async fn store_version(
    tx: &Tx,
    id: Uuid,
    active: project::ActiveModel,
    expected: i64,
) -> Result<(), StoreError> {
    let done = project::Entity::update_many()
        .set(active)
        .filter(project::Column::Id.eq(id))
        .filter(project::Column::Version.eq(expected))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        let found = project::Entity::find_by_id(id).one(tx.db()).await?.map_or(0, |row| row.version);
        return Err(StoreError::VersionMismatch { expected, found });
    }
    Ok(())
}

/// Replaces the labels and annotations that a project's namespace carries in its clusters.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn set_labels(
    tx: &mut Tx,
    project: &Handle<Model>,
    labels: serde_json::Value,
    annotations: serde_json::Value,
) -> Result<Model, StoreError> {
    let mut next: Model = (**project).clone();
    let expected = next.version;
    (next.labels, next.annotations) = (Some(labels), Some(annotations));
    next.version += 1;
    next.updated_at = tx.now();
    let active = project::ActiveModel {
        labels: Set(next.labels.clone()),
        annotations: Set(next.annotations.clone()),
        version: Set(next.version),
        updated_at: Set(next.updated_at),
        ..Default::default()
    };
    store_version(tx, next.id, active, expected).await?;
    tx.changed(change(&next, Op::Updated));
    Ok(next)
}

/// Replaces a project's clusters, which must be granted to its workspace.
///
/// # Errors
/// [`StoreError::Conflict`] when one is not granted (any more).
pub async fn set_clusters(tx: &mut Tx, project: &Model, clusters: &[Uuid]) -> Result<(), StoreError> {
    crate::workspaces::hold(tx, project.workspace_id, false).await?;
    hold(tx, project.id, true).await?;
    let granted = workspace_cluster::Entity::find()
        .filter(workspace_cluster::Column::WorkspaceId.eq(project.workspace_id))
        .all(tx.db())
        .await?;
    if clusters.iter().any(|id| !granted.iter().any(|row| row.cluster_id == *id)) {
        return Err(StoreError::Conflict(
            "a cluster was withdrawn from the workspace meanwhile: look at its clusters again".to_owned(),
        ));
    }
    project_cluster::Entity::delete_many()
        .filter(project_cluster::Column::ProjectId.eq(project.id))
        .filter(project_cluster::Column::ClusterId.is_not_in(clusters.to_vec()))
        .exec(tx.db())
        .await?;
    let kept = project_cluster::Entity::find()
        .filter(project_cluster::Column::ProjectId.eq(project.id))
        .all(tx.db())
        .await?;
    for id in clusters.iter().filter(|id| !kept.iter().any(|row| row.cluster_id == **id)) {
        project_cluster::ActiveModel { project_id: Set(project.id), cluster_id: Set(*id) }
            .insert(tx.db())
            .await?;
    }
    Ok(())
}

/// A project, held as it is until the end of the transaction; `change` keeps others from holding it, too. Held after its
/// workspace and before its objects, so that nobody waits in a circle. SQLite has one writer and needs no locks.
async fn hold(tx: &Tx, id: Uuid, change: bool) -> Result<Model, StoreError> {
    let query = project::Entity::find_by_id(id);
    let query = if change { query.lock_exclusive() } else { query.lock_shared() };
    let found = query.one(tx.db()).await?;
    found.ok_or_else(|| StoreError::Conflict("the project was removed meanwhile".to_owned()))
}

/// Refuses to place copies where the project no longer is, or in a project that is going: what the caller decided on may
/// have changed since it was read.
pub(crate) async fn admits(
    tx: &mut Tx,
    project: &Model,
    wanted: &BTreeSet<ClusterId>,
) -> Result<(), StoreError> {
    let has = match tx.admitted(project.id) {
        Some(has) => has,
        None => &clusters_held(tx, project.id).await?,
    };
    if wanted.iter().any(|cluster| !has.contains(&cluster.0)) {
        return Err(StoreError::Conflict(format!(
            "project {:?} has left a cluster meanwhile: look at its clusters again",
            project.name
        )));
    }
    Ok(())
}

/// Clusters of a project that is not going, held as they are until the end of the transaction.
async fn clusters_held(tx: &mut Tx, project: Uuid) -> Result<BTreeSet<Uuid>, StoreError> {
    let now = hold(tx, project, false).await?;
    if now.deleted_at.is_some() {
        return Err(StoreError::Conflict(format!("project {:?} is being removed", now.name)));
    }
    let rows = project_cluster::Entity::find()
        .filter(project_cluster::Column::ProjectId.eq(project))
        .all(tx.db())
        .await?;
    let has: BTreeSet<Uuid> = rows.into_iter().map(|row| row.cluster_id).collect();
    tx.admit(project, has.clone());
    Ok(has)
}

/// Removes a project's row when it is marked and nothing federated is left in it. Says whether it went.
pub(crate) async fn sweep(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let Some(row) = project::Entity::find_by_id(id).lock_exclusive().one(tx.db()).await? else {
        return Ok(false);
    };
    let left = federated_object::Entity::find()
        .filter(federated_object::Column::ProjectId.eq(id))
        .count(tx.db())
        .await?;
    if row.deleted_at.is_none() || left > 0 || crate::hub::is_held(tx, row.id).await? {
        return Ok(false);
    }
    crate::bindings::forget_scope(tx, row.scope()).await?;
    crate::hub::forget_namespace(tx, &row.name).await?;
    crate::hub::forget_views(tx, vec![row.id]).await?;
    project::Entity::delete_by_id(id).exec(tx.db()).await?;
    tx.changed(change(&row, Op::Deleted));
    Ok(true)
}

/// Removes a marked project that never had anything federated in it.
///
/// # Errors
/// When the database refuses.
pub async fn remove_if_empty(tx: &mut Tx, project: &Model) -> Result<bool, StoreError> {
    sweep(tx, project.id).await
}

impl Store {
    /// A project by name, for deciding about it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn project(&self, name: &str) -> Result<Option<Located<Model>>, StoreError> {
        if let Some(known) = self.known().project(name) {
            return Ok(Some(Located::new(known)));
        }
        let as_of = self.known().as_of();
        let row = project::Entity::find().filter(project::Column::Name.eq(name)).one(self.db()).await?;
        if let Some(row) = &row {
            self.known().keep_project(as_of, row);
        }
        Ok(row.map(Located::new))
    }

    /// Clusters of one project, by name.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn clusters_of_project(&self, project: Uuid) -> Result<Arc<Vec<cluster::Model>>, StoreError> {
        if let Some(known) = self.known().clusters(project) {
            return Ok(known);
        }
        let as_of = self.known().as_of();
        let rows = self.project_clusters(vec![project]).await?.remove(&project).unwrap_or_default();
        let rows = Arc::new(rows);
        self.known().keep_clusters(as_of, project, Arc::clone(&rows));
        Ok(rows)
    }

    /// Projects by id, for background work and for names.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn projects_by_ids(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Model>, StoreError> {
        let rows = project::Entity::find().filter(project::Column::Id.is_in(ids)).all(self.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    /// Every project, for background work.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn all_projects(&self) -> Result<Vec<Model>, StoreError> {
        Ok(project::Entity::find().all(self.db()).await?)
    }

    /// Clusters of projects: project → cluster rows, by name.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn project_clusters(
        &self,
        projects: Vec<Uuid>,
    ) -> Result<HashMap<Uuid, Vec<cluster::Model>>, StoreError> {
        let links = project_cluster::Entity::find()
            .filter(project_cluster::Column::ProjectId.is_in(projects))
            .all(self.db())
            .await?;
        let clusters = self.clusters_by_ids(links.iter().map(|link| link.cluster_id).collect()).await?;
        let mut by_project: HashMap<Uuid, Vec<cluster::Model>> = HashMap::new();
        for link in links {
            if let Some(cluster) = clusters.get(&link.cluster_id) {
                by_project.entry(link.project_id).or_default().push(cluster.clone());
            }
        }
        for clusters in by_project.values_mut() {
            clusters.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(by_project)
    }

    /// Projects that use a cluster.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn projects_using(&self, cluster: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let rows = project_cluster::Entity::find()
            .filter(project_cluster::Column::ClusterId.eq(cluster))
            .all(self.db())
            .await?;
        Ok(rows.into_iter().map(|row| row.project_id).collect())
    }

    /// Number of federated objects of projects, without the projects' own namespaces.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_objects(&self, projects: Vec<Uuid>) -> Result<HashMap<Uuid, u64>, StoreError> {
        let rows: Vec<(Uuid, i64)> = federated_object::Entity::find()
            .filter(federated_object::Column::ProjectId.is_in(projects))
            .filter(federated_object::Column::Type.ne("namespaces"))
            .select_only()
            .column(federated_object::Column::ProjectId)
            .column_as(federated_object::Column::Id.count(), "count")
            .group_by(federated_object::Column::ProjectId)
            .into_tuple()
            .all(self.db())
            .await?;
        Ok(rows.into_iter().map(|(project, count)| (project, u64::try_from(count).unwrap_or(0))).collect())
    }

    /// Fields that projects can be sorted by.
    pub const PROJECT_SORTS: &[&str] = &["name", "createdAt"];

    /// A page of the projects of a workspace that somebody may see.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_projects(
        &self,
        workspace: WorkspaceId,
        visible: &Visible,
        page: &Page,
    ) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = project::Entity::find().filter(project::Column::WorkspaceId.eq(workspace.0));
        if let Visible::Only(ids) = visible {
            query = query.filter(project::Column::Id.is_in(ids.clone()));
        }
        if let Some(search) = &page.search {
            query = query.filter(
                Condition::any()
                    .add(like(project::Column::Name, search))
                    .add(like(project::Column::DisplayName, search)),
            );
        }
        Ok(page_of!(self.db(), query, project, page, revision, { "name" => Name, "createdAt" => CreatedAt }))
    }
}
