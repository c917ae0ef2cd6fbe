//! Member clusters.

use std::{
    collections::{HashMap, HashSet},
    ops::RangeInclusive,
};

use chrono::{DateTime, Utc};
use hanse_authz::{Handle, Located, Scope, Scoped};
use hanse_types::ClusterId;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QuerySelect as _, Set, sea_query::Expr,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    entity::{cluster, cluster_status, project_cluster},
    page::{Page, Rows, Visible, page_of},
    tx::NewChange,
    users::like,
};

pub use crate::entity::cluster::Model;

impl Scoped for Model {
    fn scope(&self) -> Scope {
        Scope::Cluster(ClusterId(self.id))
    }
    fn known_by(&self) -> &'static str {
        "cluster.settings.view"
    }
}

/// A new cluster.
#[derive(Clone, Debug)]
pub struct New {
    /// Unique name.
    pub name: String,
    /// Shown name.
    pub display_name: Option<String>,
    /// Labels.
    pub labels: Value,
    /// `direct` or `agent`.
    pub connection: String,
    /// URL of its apiserver.
    pub endpoint: String,
    /// Whether its certificate is not verified.
    pub insecure: bool,
    /// Uid of its `kube-system` namespace; `None` while its agent has not joined.
    pub system_uid: Option<String>,
    /// How Hanse signs in, without the secret.
    pub credential: Option<Value>,
    /// Port of its own, from [`allocate_port`] in the same transaction.
    pub fixed_port: Option<u16>,
    /// Whether it is taken over, when its agent comes, from another Hanse that governs it.
    pub take_over: bool,
}

impl Model {
    /// Its own port, where it has one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.fixed_port.and_then(|port| u16::try_from(port).ok())
    }
}

pub(crate) fn change(row: &Model, op: Op) -> NewChange {
    NewChange {
        kind: "cluster",
        object: row.id,
        workspace: None,
        project: None,
        cluster: Some(row.id),
        name: row.name.clone(),
        op,
    }
}

/// Takes a cluster in.
///
/// # Errors
/// [`StoreError::Taken`] when the name or the cluster itself is here already.
pub async fn create(tx: &mut Tx, new: New) -> Result<Model, StoreError> {
    let now = tx.now();
    let id: Uuid = ClusterId::new().into();
    let row = cluster::ActiveModel {
        id: Set(id),
        name: Set(new.name),
        display_name: Set(new.display_name),
        labels: Set(new.labels),
        connection: Set(new.connection),
        endpoint: Set(new.endpoint),
        insecure: Set(new.insecure),
        system_uid: Set(new.system_uid.unwrap_or_else(|| crate::agents::pending(id))),
        credential: Set(new.credential),
        fixed_port: Set(new.fixed_port.map(i32::from)),
        take_over: Set(new.take_over),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    }
    .insert(tx.db())
    .await?;
    tx.changed(change(&row, Op::Created));
    Ok(row)
}

/// The lowest port of a range that no cluster has; none when all are taken. Until the transaction ends nobody else gets
/// one.
///
/// # Errors
/// When the database is away.
pub async fn allocate_port(tx: &mut Tx, range: RangeInclusive<u16>) -> Result<Option<u16>, StoreError> {
    tx.lock_ports().await?;
    let taken: Vec<Option<i32>> = cluster::Entity::find()
        .select_only()
        .column(cluster::Column::FixedPort)
        .filter(cluster::Column::FixedPort.is_not_null())
        .into_tuple()
        .all(tx.db())
        .await?;
    let taken: HashSet<i32> = taken.into_iter().flatten().collect();
    Ok(range.into_iter().find(|port| !taken.contains(&i32::from(*port))))
}

/// Changes shown name, labels and port.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn update(
    tx: &mut Tx,
    cluster: &Handle<Model>,
    display_name: Option<String>,
    labels: Value,
    fixed_port: Option<u16>,
) -> Result<Model, StoreError> {
    let mut next: Model = (**cluster).clone();
    let expected = next.version;
    (next.display_name, next.labels) = (display_name, labels);
    next.fixed_port = fixed_port.map(i32::from);
    next.version += 1;
    next.updated_at = tx.now();
    let active = cluster::ActiveModel {
        display_name: Set(next.display_name.clone()),
        labels: Set(next.labels.clone()),
        fixed_port: Set(next.fixed_port),
        version: Set(next.version),
        updated_at: Set(next.updated_at),
        ..Default::default()
    };
    let done = cluster::Entity::update_many()
        .set(active)
        .filter(cluster::Column::Id.eq(next.id))
        .filter(cluster::Column::Version.eq(expected))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        let found = cluster::Entity::find_by_id(next.id).one(tx.db()).await?.map_or(0, |row| row.version);
        return Err(StoreError::VersionMismatch { expected, found });
    }
    tx.changed(change(&next, Op::Updated));
    Ok(next)
}

/// Removes a cluster with its grants, credential, status and recorded removals.
///
/// # Errors
/// [`StoreError::Conflict`] when projects use it.
pub async fn delete(tx: &mut Tx, cluster: &Handle<Model>) -> Result<(), StoreError> {
    // Whoever takes the cluster into a project refers to its row: either that is seen here, or it finds the row gone.
    cluster::Entity::find_by_id(cluster.id).lock_exclusive().one(tx.db()).await?;
    let used = project_cluster::Entity::find()
        .filter(project_cluster::Column::ClusterId.eq(cluster.id))
        .count(tx.db())
        .await?;
    if used > 0 {
        return Err(StoreError::Conflict(format!(
            "cluster {:?} is used by {used} project(s): take it out of them first",
            cluster.name
        )));
    }
    crate::removals::forget_cluster(tx, ClusterId(cluster.id)).await?;
    crate::bindings::forget_scope(tx, cluster.scope()).await?;
    crate::meta::forget_secrets(tx, "cluster", cluster.id).await?;
    crate::hub::forget_views(tx, vec![cluster.id]).await?;
    cluster::Entity::delete_by_id(cluster.id).exec(tx.db()).await?;
    tx.changed(change(cluster, Op::Deleted));
    Ok(())
}

/// Notes that a cluster was taken over: from now on it is ours like any other, and another's mark stands.
///
/// # Errors
/// When the database is away.
pub async fn taken_over(tx: &mut Tx, cluster: &Model) -> Result<(), StoreError> {
    cluster::Entity::update_many()
        .col_expr(cluster::Column::TakeOver, Expr::value(false))
        .filter(cluster::Column::Id.eq(cluster.id))
        .exec(tx.db())
        .await?;
    tx.changed(change(cluster, Op::Updated));
    Ok(())
}

impl Store {
    /// A cluster by name, for deciding about it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn cluster(&self, name: &str) -> Result<Option<Located<Model>>, StoreError> {
        let row = cluster::Entity::find().filter(cluster::Column::Name.eq(name)).one(self.db()).await?;
        Ok(row.map(Located::new))
    }

    /// Clusters by id.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn clusters_by_ids(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Model>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = cluster::Entity::find().filter(cluster::Column::Id.is_in(ids)).all(self.db()).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }

    /// Every cluster, for background work.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn all_clusters(&self) -> Result<Vec<Model>, StoreError> {
        Ok(cluster::Entity::find().all(self.db()).await?)
    }

    /// Stored status of clusters, which serves until they have been observed anew.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn cluster_status(&self) -> Result<HashMap<Uuid, (Value, DateTime<Utc>)>, StoreError> {
        let rows = cluster_status::Entity::find().all(self.db()).await?;
        Ok(rows.into_iter().map(|row| (row.cluster_id, (row.status, row.observed_at))).collect())
    }

    /// Fields that clusters can be sorted by.
    pub const CLUSTER_SORTS: &[&str] = &["name", "createdAt"];

    /// A page of the clusters that somebody may see.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_clusters(&self, visible: &Visible, page: &Page) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = cluster::Entity::find().filter(page.labels.condition(cluster::Column::Labels));
        if let Visible::Only(ids) = visible {
            query = query.filter(cluster::Column::Id.is_in(ids.clone()));
        }
        if let Some(search) = &page.search {
            query = query.filter(
                Condition::any()
                    .add(like(cluster::Column::Name, search))
                    .add(like(cluster::Column::DisplayName, search)),
            );
        }
        Ok(page_of!(self.db(), query, cluster, page, revision, { "name" => Name, "createdAt" => CreatedAt }))
    }
}
