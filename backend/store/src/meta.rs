//! Facts about the installation itself, and work over all of it: its id, the setup token, purging, sealing anew.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, Set,
    sea_query::OnConflict,
};

use crate::{
    AuditEvent, Sealed, Store, StoreError, Tx, WriteContext,
    entity::{federated_object, federated_revision, hub_object, hub_view, meta, secret},
};

/// Id of this installation: the mark that it leaves on clusters.
const INSTANCE: &str = "instance";
/// Hash of the setup link's token.
const SETUP: &str = "setup";
/// Every change up to this revision may be gone.
const PURGED: &str = "purged";

async fn get(db: &impl ConnectionTrait, key: &str) -> Result<Option<String>, StoreError> {
    Ok(meta::Entity::find_by_id(key.to_owned()).one(db).await?.map(|row| row.value))
}

async fn put(db: &impl ConnectionTrait, key: &str, value: String) -> Result<(), StoreError> {
    let row = meta::ActiveModel { key: Set(key.to_owned()), value: Set(value) };
    meta::Entity::insert(row)
        .on_conflict(OnConflict::column(meta::Column::Key).update_column(meta::Column::Value).to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(())
}

pub(crate) async fn purged(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let text = get(db, PURGED).await?;
    text.map_or(Ok(0), |text| text.parse().map_err(|e| StoreError::corrupt("purge mark", e)))
}

impl Store {
    /// Id of this installation, made on first use.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn instance(&self) -> Result<String, StoreError> {
        if let Some(id) = get(self.db(), INSTANCE).await? {
            return Ok(id);
        }
        let fresh = uuid::Uuid::now_v7().to_string();
        let row = meta::ActiveModel { key: Set(INSTANCE.to_owned()), value: Set(fresh) };
        // Another replica may have been quicker; its id then stands.
        let tx = self.undated("installation id").await?;
        meta::Entity::insert(row)
            .on_conflict(OnConflict::column(meta::Column::Key).do_nothing().to_owned())
            .exec_without_returning(tx.db())
            .await?;
        tx.commit().await?;
        get(self.db(), INSTANCE).await?.ok_or_else(|| StoreError::corrupt("instance id", "it is missing"))
    }

    /// Hash of the setup link's token, while setup is to be done.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn setup_token(&self) -> Result<Option<String>, StoreError> {
        get(self.db(), SETUP).await
    }

    /// Replaces the setup link's token.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn put_setup_token(&self, hash: String) -> Result<(), StoreError> {
        let tx = self.undated("setup").await?;
        put(tx.db(), SETUP, hash).await?;
        tx.commit().await?;
        Ok(())
    }

    /// A transaction of the platform itself in which nothing carries a date.
    async fn undated(&self, doing: &str) -> Result<Tx, StoreError> {
        self.begin(&WriteContext::platform(doing, chrono::DateTime::UNIX_EPOCH)).await
    }

    /// Forgets changes up to a revision, but for the last one of each thing that is still there: it is that thing's
    /// version at the hub. Readers that are further back list again.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn purge_changes(&self, up_to: i64, context: &WriteContext) -> Result<u64, StoreError> {
        let tx = self.begin(context).await?;
        put(tx.db(), PURGED, up_to.max(purged(tx.db()).await?).to_string()).await?;
        // Of status apart, because some views do not show it.
        let sql = format!(
            "DELETE FROM change WHERE revision <= {up_to} AND (op = 'deleted' OR revision NOT IN (SELECT MAX(revision) \
             FROM change GROUP BY object_id, CASE WHEN kind = 'status' THEN 1 ELSE 0 END))"
        );
        let gone = tx.db().execute_unprepared(&sql).await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}

/// Spends the setup token; `false` when it was spent already.
///
/// # Errors
/// When the database is away.
pub async fn spend_setup_token(tx: &mut Tx, hash: &str) -> Result<bool, StoreError> {
    let spent = meta::Entity::delete_many()
        .filter(meta::Column::Key.eq(SETUP))
        .filter(meta::Column::Value.eq(hash))
        .exec(tx.db())
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Name under which a secret is sealed; it opens for nothing else.
fn belongs_to(owner_kind: &str, owner: uuid::Uuid, purpose: &str) -> String {
    format!("{owner_kind}/{owner}/{purpose}")
}

/// Seals and keeps a secret of something, replacing the one before.
///
/// # Errors
/// When it cannot be sealed or stored.
pub async fn put_secret(
    tx: &mut Tx,
    owner_kind: &'static str,
    owner: uuid::Uuid,
    purpose: &'static str,
    plain: &[u8],
) -> Result<(), StoreError> {
    let sealed = tx.store().keys().seal(&belongs_to(owner_kind, owner, purpose), plain)?;
    let row = secret::ActiveModel {
        owner_kind: Set(owner_kind.to_owned()),
        owner_id: Set(owner),
        purpose: Set(purpose.to_owned()),
        key_id: Set(sealed.key_id),
        sealed: Set(sealed.bytes),
    };
    let key = [secret::Column::OwnerKind, secret::Column::OwnerId, secret::Column::Purpose];
    secret::Entity::insert(row)
        .on_conflict(
            OnConflict::columns(key)
                .update_columns([secret::Column::KeyId, secret::Column::Sealed])
                .to_owned(),
        )
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Seals and keeps a secret unless there is one; the first one stands, also between replicas.
///
/// # Errors
/// When it cannot be sealed or stored.
pub async fn put_secret_once(
    tx: &mut Tx,
    owner_kind: &'static str,
    owner: uuid::Uuid,
    purpose: &'static str,
    plain: &[u8],
) -> Result<(), StoreError> {
    let sealed = tx.store().keys().seal(&belongs_to(owner_kind, owner, purpose), plain)?;
    let row = secret::ActiveModel {
        owner_kind: Set(owner_kind.to_owned()),
        owner_id: Set(owner),
        purpose: Set(purpose.to_owned()),
        key_id: Set(sealed.key_id),
        sealed: Set(sealed.bytes),
    };
    let key = [secret::Column::OwnerKind, secret::Column::OwnerId, secret::Column::Purpose];
    secret::Entity::insert(row)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Forgets the secrets of something.
///
/// # Errors
/// When the database is away.
pub async fn forget_secrets(
    tx: &mut Tx,
    owner_kind: &'static str,
    owner: uuid::Uuid,
) -> Result<(), StoreError> {
    secret::Entity::delete_many()
        .filter(secret::Column::OwnerKind.eq(owner_kind))
        .filter(secret::Column::OwnerId.eq(owner))
        .exec(tx.db())
        .await?;
    Ok(())
}

impl Store {
    /// Opens a secret of something.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn secret(
        &self,
        owner_kind: &'static str,
        owner: uuid::Uuid,
        purpose: &'static str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let key = (owner_kind.to_owned(), owner, purpose.to_owned());
        let Some(row) = secret::Entity::find_by_id(key).one(self.db()).await? else { return Ok(None) };
        let sealed = Sealed { key_id: row.key_id, bytes: row.sealed };
        Ok(Some(self.keys().open(&belongs_to(owner_kind, owner, purpose), &sealed)?))
    }
}

pub(crate) async fn rotate(store: &Store, context: &WriteContext) -> Result<u64, StoreError> {
    let mut tx = store.begin(context).await?;
    let current = store.keys().current().to_owned();
    let mut renewed = 0_u64;
    let reseal = |belongs: &str, key_id: String, bytes: Vec<u8>| -> Result<Sealed, StoreError> {
        let plain = store.keys().open(belongs, &Sealed { key_id, bytes })?;
        Ok(store.keys().seal(belongs, &plain)?)
    };
    for row in secret::Entity::find().filter(secret::Column::KeyId.ne(&current)).all(tx.db()).await? {
        let sealed = reseal(
            &belongs_to(&row.owner_kind, row.owner_id, &row.purpose),
            row.key_id.clone(),
            row.sealed.clone(),
        )?;
        let mut row: secret::ActiveModel = row.into();
        (row.key_id, row.sealed) = (Set(sealed.key_id), Set(sealed.bytes));
        row.update(tx.db()).await?;
        renewed += 1;
    }
    for row in federated_object::Entity::find()
        .filter(federated_object::Column::KeyId.ne(&current))
        .all(tx.db())
        .await?
    {
        if let (Some(key_id), Some(bytes)) = (row.key_id.clone(), row.sealed.clone()) {
            let sealed = reseal(&crate::federated::belongs_to(row.id), key_id, bytes)?;
            let mut row: federated_object::ActiveModel = row.into();
            (row.key_id, row.sealed) = (Set(Some(sealed.key_id)), Set(Some(sealed.bytes)));
            row.update(tx.db()).await?;
            renewed += 1;
        }
    }
    for row in federated_revision::Entity::find()
        .filter(federated_revision::Column::KeyId.ne(&current))
        .all(tx.db())
        .await?
    {
        if let (Some(key_id), Some(bytes)) = (row.key_id.clone(), row.sealed.clone()) {
            let sealed = reseal(&crate::federated::belongs_to(row.object_id), key_id, bytes)?;
            let mut row: federated_revision::ActiveModel = row.into();
            (row.key_id, row.sealed) = (Set(Some(sealed.key_id)), Set(Some(sealed.bytes)));
            row.update(tx.db()).await?;
            renewed += 1;
        }
    }
    for row in hub_object::Entity::find().filter(hub_object::Column::KeyId.ne(&current)).all(tx.db()).await? {
        if let (Some(key_id), Some(bytes)) = (row.key_id.clone(), row.sealed.clone()) {
            let sealed = reseal(&crate::hub::belongs_to(row.id, &row.root), key_id, bytes)?;
            let mut row: hub_object::ActiveModel = row.into();
            (row.key_id, row.sealed) = (Set(Some(sealed.key_id)), Set(Some(sealed.bytes)));
            row.update(tx.db()).await?;
            renewed += 1;
        }
    }
    for row in hub_view::Entity::find().filter(hub_view::Column::KeyId.ne(&current)).all(tx.db()).await? {
        if let (Some(key_id), Some(bytes)) = (row.key_id.clone(), row.sealed.clone()) {
            let sealed = reseal(&crate::hub::belongs_to(row.object_id, &row.root), key_id, bytes)?;
            let mut row: hub_view::ActiveModel = row.into();
            (row.key_id, row.sealed) = (Set(Some(sealed.key_id)), Set(Some(sealed.bytes)));
            row.update(tx.db()).await?;
            renewed += 1;
        }
    }
    tx.audit(AuditEvent { verb: "rotate", kind: "secrets", name: current, ..AuditEvent::default() });
    tx.commit().await?;
    Ok(renewed)
}
