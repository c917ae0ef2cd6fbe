//! Secrets at rest, and their keys.

use hanse_store::{StoreError, entity::secret, meta, seal::SealError};
use sea_orm::{Database, EntityTrait as _};
use uuid::Uuid;

use crate::db::{Closed, Db, KEY_1, KEY_2, both, open, somebody};

async fn put(store: &hanse_store::Store, owner: Uuid, plain: &[u8]) {
    let mut tx = store.begin(&somebody()).await.unwrap();
    meta::put_secret(&mut tx, "cluster", owner, "kubeconfig", plain).await.unwrap();
    tx.commit().await.unwrap();
}

/// Another process with other keys. On SQLite the first has to end before.
async fn with_keys(db: Db, keys: &str) -> (Closed, hanse_store::Store) {
    db.store.close().await;
    let url = db.url.clone();
    let db = db.without_store();
    let store = open(&url, keys).await.unwrap();
    (db, store)
}

both! {
    async fn a_secret_is_stored_sealed_and_replaced_whole(db: &Db) {
        let owner = Uuid::now_v7();
        assert_eq!(db.store.secret("cluster", owner, "kubeconfig").await.unwrap(), None);
        put(&db.store, owner, b"token: abcdef").await;
        put(&db.store, owner, b"token: ghijkl").await;
        assert_eq!(db.store.secret("cluster", owner, "kubeconfig").await.unwrap().unwrap(), b"token: ghijkl");
        let raw = Database::connect(db.url.as_str()).await.unwrap();
        let rows = secret::Entity::find().all(&raw).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert!(!rows[0].sealed.windows(5).any(|part| part == b"token"));
    }

    async fn a_secret_moved_to_another_owner_does_not_open(db: &Db) {
        let (mine, yours) = (Uuid::now_v7(), Uuid::now_v7());
        put(&db.store, mine, b"mine").await;
        let raw = Database::connect(db.url.as_str()).await.unwrap();
        let mut row = secret::Entity::find().one(&raw).await.unwrap().unwrap();
        row.owner_id = yours;
        secret::Entity::insert(secret::ActiveModel::from(row)).exec(&raw).await.unwrap();
        let error = db.store.secret("cluster", yours, "kubeconfig").await.unwrap_err();
        assert!(matches!(error, StoreError::Seal(SealError::DoesNotOpen(_))), "{error}");
    }
}

async fn keys_are_rotated(db: Db) {
    let owners: Vec<Uuid> = (0..3).map(|_| Uuid::now_v7()).collect();
    for owner in &owners {
        put(&db.store, *owner, owner.as_bytes()).await;
    }
    // The new key first, the old one still there.
    let (db, store) = with_keys(db, &format!("{KEY_2}\n{KEY_1}")).await;
    assert_eq!(
        store.secret("cluster", owners[0], "kubeconfig").await.unwrap().unwrap(),
        owners[0].as_bytes()
    );
    assert_eq!(store.rotate_secrets(&somebody()).await.unwrap(), 3);
    assert_eq!(store.rotate_secrets(&somebody()).await.unwrap(), 0);
    // The old key is needed no longer.
    let (db, store) = with_keys(db.with_store(store), KEY_2).await;
    for owner in &owners {
        assert_eq!(store.secret("cluster", *owner, "kubeconfig").await.unwrap().unwrap(), owner.as_bytes());
    }
    // And alone it opens nothing: the error names the key to look for.
    let (_db, store) = with_keys(db.with_store(store), KEY_1).await;
    let error = store.secret("cluster", owners[0], "kubeconfig").await.unwrap_err();
    assert!(error.to_string().contains("\"k2\""), "{error}");
}

#[tokio::test]
async fn keys_are_rotated_on_sqlite() {
    keys_are_rotated(Db::sqlite().await).await;
}

#[tokio::test]
async fn keys_are_rotated_on_postgres() {
    keys_are_rotated(Db::postgres().await).await;
}
