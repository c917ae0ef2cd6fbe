//! Recorded removals: the only thing that ever lets a copy be deleted or let go of. A row names one copy in one cluster
//! and stays until the member has confirmed, however long the cluster is away.

use std::collections::{BTreeSet, HashSet};

use hanse_types::ClusterId;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QuerySelect as _, Set,
    sea_query::OnConflict,
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

pub(crate) async fn record(
    tx: &mut Tx,
    object: &federated_object::Model,
    clusters: &[ClusterId],
    mode: Mode,
    options: Option<&Value>,
    reason: &'static str,
) -> Result<(), StoreError> {
    let rows: Vec<removal::ActiveModel> = clusters
        .iter()
        .map(|cluster| removal::ActiveModel {
            id: Set(Uuid::now_v7()),
            cluster_id: Set(cluster.0),
            object_id: Set(Some(object.id)),
            r#type: Set(object.r#type.clone()),
            api_version: Set(object.api_version.clone()),
            namespace: Set(object.namespace.clone()),
            name: Set(object.name.clone()),
            mode: Set(mode.as_str().to_owned()),
            options: Set(options.cloned()),
            reason: Set(reason.to_owned()),
            requested_by: Set(tx.context().actor_name.clone()),
            at: Set(tx.now()),
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    tx.removals_seen(false);
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

/// Those of some objects that have removals left.
pub(crate) async fn left(tx: &Tx, objects: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
    let found: Vec<Option<Uuid>> = removal::Entity::find()
        .filter(removal::Column::ObjectId.is_in(objects))
        .select_only()
        .column(removal::Column::ObjectId)
        .distinct()
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(found.into_iter().flatten().collect())
}

pub(crate) async fn any_of(tx: &Tx, object: Uuid) -> Result<bool, StoreError> {
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

/// Objects whose copies the removals are about, in the order of ids.
fn objects_of(rows: &[Model]) -> Vec<Uuid> {
    let objects: BTreeSet<Uuid> = rows.iter().filter_map(|row| row.object_id).collect();
    objects.into_iter().collect()
}

/// Drops the removals of a cluster that goes, and whatever waited only for them.
///
/// # Errors
/// When the database refuses.
pub async fn forget_cluster(tx: &mut Tx, cluster: ClusterId) -> Result<(), StoreError> {
    let rows = removal::Entity::find().filter(removal::Column::ClusterId.eq(cluster.0)).all(tx.db()).await?;
    let objects = objects_of(&rows);
    crate::federated::lock(tx, &objects).await?;
    removal::Entity::delete_many().filter(removal::Column::ClusterId.eq(cluster.0)).exec(tx.db()).await?;
    for object in objects {
        crate::federated::sweep(tx, object).await?;
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
        let rows =
            removal::Entity::find().filter(removal::Column::Id.is_in(ids.clone())).all(tx.db()).await?;
        let objects = crate::federated::lock(&tx, &objects_of(&rows)).await?;
        removal::Entity::delete_many().filter(removal::Column::Id.is_in(ids)).exec(tx.db()).await?;
        crate::federated::sweep_all(&mut tx, objects).await?;
        tx.commit().await?;
        Ok(())
    }
}
