//! Recorded removals: the only thing that ever lets a copy be deleted or let go of. A row names one copy in one cluster
//! and stays until the member has confirmed, however long the cluster is away.

use std::collections::{BTreeSet, HashSet};

use hanse_types::ClusterId;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QuerySelect as _,
    sea_query::{OnConflict, SimpleExpr},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Store, StoreError, Tx, WriteContext,
    entity::{federated_object, removal},
};

pub use crate::entity::removal::Model;

/// What happens to the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It is deleted.
    Delete,
    /// It stays and loses the label.
    Release,
}

impl Mode {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Release => "release",
        }
    }

    /// Reads a stored mode; what cannot be read never deletes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text == "delete" { Self::Delete } else { Self::Release }
    }
}

/// How copies leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving<'a> {
    /// What happens to them.
    pub mode: Mode,
    /// Delete options.
    pub options: Option<&'a Value>,
    /// Why.
    pub reason: &'static str,
}

/// Records that an object's copies leave some clusters. The rows are written with those of other objects, before anybody
/// in the transaction looks at them and at the latest with its end.
pub(crate) fn record(
    tx: &mut Tx,
    object: &federated_object::Model,
    clusters: &[ClusterId],
    leaving: Leaving<'_>,
) {
    for cluster in clusters {
        let row = Model {
            id: Uuid::now_v7(),
            cluster_id: cluster.0,
            object_id: Some(object.id),
            r#type: object.r#type.clone(),
            api_version: object.api_version.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            mode: leaving.mode.as_str().to_owned(),
            options: leaving.options.cloned(),
            reason: leaving.reason.to_owned(),
            requested_by: tx.context().actor_name.clone(),
            at: tx.now(),
        };
        tx.leaves(row);
    }
}

/// Writes removals, each in the place of an older one of the same copy.
pub(crate) async fn write(tx: &Tx, rows: impl IntoIterator<Item = Model>) -> Result<(), StoreError> {
    let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
    let copy = [
        removal::Column::ClusterId,
        removal::Column::Type,
        removal::Column::Namespace,
        removal::Column::Name,
    ];
    removal::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::columns(copy)
                .update_columns([
                    removal::Column::Id,
                    removal::Column::ObjectId,
                    removal::Column::Mode,
                    removal::Column::Options,
                    removal::Column::Reason,
                    removal::Column::RequestedBy,
                    removal::Column::At,
                ])
                .to_owned(),
        )
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Takes back removals of copies that are wanted (again).
pub(crate) async fn withdraw(
    tx: &mut Tx,
    object: &federated_object::Model,
    wanted: &BTreeSet<ClusterId>,
) -> Result<(), StoreError> {
    if wanted.is_empty() || none_recorded(tx).await? {
        return Ok(());
    }
    tx.write_removals().await?;
    removal::Entity::delete_many()
        .filter(removal::Column::ClusterId.is_in(wanted.iter().map(|cluster| cluster.0)))
        .filter(removal::Column::Type.eq(&object.r#type))
        .filter(removal::Column::Namespace.eq(&object.namespace))
        .filter(removal::Column::Name.eq(&object.name))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Whether nothing at all is recorded. Asked once where several writes share a transaction; otherwise asking would cost as
/// much as it saves.
async fn none_recorded(tx: &mut Tx) -> Result<bool, StoreError> {
    if !tx.is_shared() {
        return Ok(false);
    }
    if let Some(known) = tx.no_removals() {
        return Ok(known);
    }
    let any: Option<Uuid> = removal::Entity::find()
        .select_only()
        .column(removal::Column::Id)
        .limit(1)
        .into_tuple()
        .one(tx.db())
        .await?;
    tx.removals_seen(any.is_none());
    Ok(any.is_none())
}

/// Objects that some of the rows are about.
async fn objects_of(tx: &Tx, rows: SimpleExpr) -> Result<Vec<Uuid>, StoreError> {
    let found: Vec<Option<Uuid>> = removal::Entity::find()
        .filter(rows)
        .select_only()
        .column(removal::Column::ObjectId)
        .distinct()
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(found.into_iter().flatten().collect())
}

/// Those of some objects that have removals left.
pub(crate) async fn left(tx: &mut Tx, objects: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
    tx.write_removals().await?;
    Ok(objects_of(tx, removal::Column::ObjectId.is_in(objects)).await?.into_iter().collect())
}

pub(crate) async fn any_of(tx: &mut Tx, object: Uuid) -> Result<bool, StoreError> {
    tx.write_removals().await?;
    Ok(removal::Entity::find().filter(removal::Column::ObjectId.eq(object)).count(tx.db()).await? > 0)
}

pub(crate) async fn exists(
    store: &Store,
    cluster: ClusterId,
    type_: &str,
    namespace: &str,
    name: &str,
) -> Result<bool, StoreError> {
    let found = removal::Entity::find()
        .filter(removal::Column::ClusterId.eq(cluster.0))
        .filter(removal::Column::Type.eq(type_))
        .filter(removal::Column::Namespace.eq(namespace))
        .filter(removal::Column::Name.eq(name))
        .count(store.db())
        .await?;
    Ok(found > 0)
}

/// Drops the removals of a cluster that goes, and whatever waited only for them.
///
/// # Errors
/// When the database refuses.
pub async fn forget_cluster(tx: &mut Tx, cluster: ClusterId) -> Result<(), StoreError> {
    tx.write_removals().await?;
    let objects = objects_of(tx, removal::Column::ClusterId.eq(cluster.0)).await?;
    let objects = crate::federated::lock(tx, &objects).await?;
    removal::Entity::delete_many().filter(removal::Column::ClusterId.eq(cluster.0)).exec(tx.db()).await?;
    for object in objects {
        crate::federated::sweep(tx, object.id()).await?;
    }
    Ok(())
}

impl Store {
    /// Every recorded removal: for the engine.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn all_removals(&self) -> Result<Vec<Model>, StoreError> {
        Ok(removal::Entity::find().all(self.db()).await?)
    }

    /// Number of copies in a cluster that are still to be removed.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn removals_left(&self, cluster: ClusterId) -> Result<u64, StoreError> {
        Ok(removal::Entity::find().filter(removal::Column::ClusterId.eq(cluster.0)).count(self.db()).await?)
    }

    /// Recorded removals of some objects: for the engine.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn removals_of(&self, objects: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(removal::Entity::find().filter(removal::Column::ObjectId.is_in(objects)).all(self.db()).await?)
    }

    /// Members have confirmed: the rows go, and with them objects that waited for their last copy. One transaction for
    /// as many as there are.
    ///
    /// # Errors
    /// When the database is away; then nothing is forgotten and the rows are confirmed again later.
    pub async fn finish_removals(&self, ids: Vec<Uuid>, context: &WriteContext) -> Result<(), StoreError> {
        let mut tx = self.begin(context).await?;
        let objects = objects_of(&tx, removal::Column::Id.is_in(ids.clone())).await?;
        let objects = crate::federated::lock(&tx, &objects).await?;
        removal::Entity::delete_many().filter(removal::Column::Id.is_in(ids)).exec(tx.db()).await?;
        crate::federated::sweep_all(&mut tx, objects).await?;
        tx.commit().await?;
        Ok(())
    }
}
