//! What holds objects of the hub, and what goes along with them: finalizers that clients put on records, and who owns what.
//!
//! An object kept at the hub says both in itself. A record says them in what each root adds to it, which may be sealed; so
//! they are noted beside it, once in the record's own row and, for owners, in a table that is found by owner.

use std::collections::{BTreeMap, HashSet};

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QuerySelect as _, Set};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Store, StoreError, Tx,
    entity::{cluster, federated_object, hub_object, hub_owner, project},
    federated, hub,
};

/// Finalizer that means: dependents stay.
pub const ORPHAN: &str = "orphan";
/// Finalizer that means: dependents first.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Values of one `IN` list.
const LIST: usize = 500;

/// What one root's metadata says about the end of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Finalizers of clients.
    pub finalizers: Vec<String>,
    /// Uids of owners.
    pub owners: Vec<Uuid>,
}

impl Kept {
    /// Reads it out of an object's metadata.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let list = |field: &str| {
            let found = object.pointer(&format!("/metadata/{field}")).and_then(Value::as_array);
            found.into_iter().flatten()
        };
        let mut owners: Vec<Uuid> = list("ownerReferences")
            .filter_map(|owner| Uuid::parse_str(owner.get("uid")?.as_str()?).ok())
            .collect();
        owners.sort_unstable();
        owners.dedup();
        let finalizers = list("finalizers").filter_map(Value::as_str).map(ToOwned::to_owned).collect();
        Self { finalizers, owners }
    }

    fn is_empty(&self) -> bool {
        self.finalizers.is_empty() && self.owners.is_empty()
    }
}

/// What is noted beside a record, by root.
#[must_use]
pub fn kept(noted: Option<&Value>) -> BTreeMap<String, Kept> {
    noted.and_then(|noted| Deserialize::deserialize(noted).ok()).unwrap_or_default()
}

/// Notes what a root's metadata says about a record. Nothing is written when it says what is noted already, which is so for
/// nearly every write.
pub(crate) async fn note(
    tx: &Tx,
    row: &mut federated::Model,
    root: &str,
    object: &Value,
) -> Result<(), StoreError> {
    let mut all = kept(row.kept.as_ref());
    let new = Kept::of(object);
    let old = all.remove(root).unwrap_or_default();
    if old == new {
        return Ok(());
    }
    if old.owners != new.owners {
        put(tx, row.id, root, &old.owners, &new.owners).await?;
    }
    if !new.is_empty() {
        all.insert(root.to_owned(), new);
    }
    let kept = if all.is_empty() {
        None
    } else {
        Some(serde_json::to_value(all).map_err(|error| StoreError::corrupt("finalizers", error))?)
    };
    federated_object::Entity::update_many()
        .set(federated_object::ActiveModel { kept: Set(kept.clone()), ..Default::default() })
        .filter(federated_object::Column::Id.eq(row.id))
        .exec(tx.db())
        .await?;
    row.kept = kept;
    Ok(())
}

/// Replaces the owners of something.
pub(crate) async fn put(
    tx: &Tx,
    dependent: Uuid,
    root: &str,
    old: &[Uuid],
    new: &[Uuid],
) -> Result<(), StoreError> {
    if old == new {
        return Ok(());
    }
    if !old.is_empty() {
        hub_owner::Entity::delete_many()
            .filter(hub_owner::Column::DependentId.eq(dependent))
            .filter(hub_owner::Column::Root.eq(root))
            .exec(tx.db())
            .await?;
    }
    if !new.is_empty() {
        let rows = new.iter().map(|owner| hub_owner::ActiveModel {
            dependent_id: Set(dependent),
            root: Set(root.to_owned()),
            owner_id: Set(*owner),
        });
        hub_owner::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
    }
    Ok(())
}

/// Forgets the owners of something that is gone.
pub(crate) async fn forget(tx: &Tx, dependent: Uuid) -> Result<(), StoreError> {
    hub_owner::Entity::delete_many()
        .filter(hub_owner::Column::DependentId.eq(dependent))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Something that has owners.
#[derive(Clone, Debug)]
pub enum Dependent {
    /// Kept at the hub.
    Local(hub::Local),
    /// A federated object with its project.
    Federated(Box<federated::Row>),
}

/// One of them. A record is held until the end of the transaction.
///
/// # Errors
/// When the database refuses.
pub async fn dependent(tx: &Tx, id: Uuid) -> Result<Option<Dependent>, StoreError> {
    let record = federated_object::Entity::find_by_id(id).lock_exclusive().one(tx.db()).await?;
    let Some(object) = record else { return local(tx, id).await };
    let project = match object.project_id {
        None => None,
        Some(project) => project::Entity::find_by_id(project).one(tx.db()).await?,
    };
    Ok(Some(Dependent::Federated(Box::new(federated::Row { object, project }))))
}

async fn local(tx: &Tx, id: Uuid) -> Result<Option<Dependent>, StoreError> {
    let row = hub_object::Entity::find_by_id(id).one(tx.db()).await?;
    row.map(|row| hub::local(tx.store(), row).map(Dependent::Local)).transpose()
}

/// What is known of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its namespace; empty for what belongs to none.
    pub namespace: String,
    /// Whether it waits for its dependents to go.
    pub waits: bool,
}

/// An owner, if it is there.
///
/// # Errors
/// When the database refuses.
pub async fn owner(tx: &Tx, id: Uuid) -> Result<Option<Owner>, StoreError> {
    let waits = |finalizers: &[String]| finalizers.iter().any(|name| name == FOREGROUND);
    // Not held: owners are looked at in no order.
    if let Some(row) = federated_object::Entity::find_by_id(id).one(tx.db()).await? {
        let waits = row.deleted_at.is_some() && waits(&federated::held_by(&row));
        return Ok(Some(Owner { namespace: row.namespace, waits }));
    }
    if let Some(Dependent::Local(local)) = local(tx, id).await? {
        let going = local.object.pointer("/metadata/deletionTimestamp").is_some();
        let waits = going && waits(&Kept::of(&local.object).finalizers);
        return Ok(Some(Owner { namespace: local.namespace, waits }));
    }
    let project = project::Entity::find_by_id(id).one(tx.db()).await?.is_some();
    let there = project || cluster::Entity::find_by_id(id).one(tx.db()).await?.is_some();
    Ok(there.then(|| Owner { namespace: String::new(), waits: false }))
}

impl Store {
    /// What is owned by any of these.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn dependents(&self, owners: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let mut out = HashSet::new();
        for chunk in owners.chunks(LIST) {
            let rows: Vec<Uuid> = hub_owner::Entity::find()
                .select_only()
                .column(hub_owner::Column::DependentId)
                .filter(hub_owner::Column::OwnerId.is_in(chunk.to_vec()))
                .into_tuple()
                .all(self.db())
                .await?;
            out.extend(rows);
        }
        Ok(out.into_iter().collect())
    }

    /// Everything that has an owner: for finding those whose owner went while nobody looked.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn owned(&self) -> Result<Vec<Uuid>, StoreError> {
        let rows: Vec<Uuid> = hub_owner::Entity::find()
            .select_only()
            .column(hub_owner::Column::DependentId)
            .distinct()
            .into_tuple()
            .all(self.db())
            .await?;
        Ok(rows)
    }

    /// Everything that others say they are owned by.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn owning(&self) -> Result<Vec<Uuid>, StoreError> {
        let rows: Vec<Uuid> = hub_owner::Entity::find()
            .select_only()
            .column(hub_owner::Column::OwnerId)
            .distinct()
            .into_tuple()
            .all(self.db())
            .await?;
        Ok(rows)
    }
}
