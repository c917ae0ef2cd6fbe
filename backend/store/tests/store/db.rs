//! A store on a database of its own, and the macro that runs a test on both kinds.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use chrono::{DateTime, Utc};
use hanse_authz::Scope;
use hanse_harness::{Postgres, postgres::Database};
use hanse_store::{Keyring, Options, Store, StoreError, WriteContext, bindings, users};
use hanse_types::UserId;
use sha2::{Digest as _, Sha256};

/// Runs each test on SQLite and on PostgreSQL.
macro_rules! both {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: &$ty:ty) $body:block)*) => {$(
        mod $name {
            #[allow(clippy::wildcard_imports)]
            use super::*;

            async fn body($db: &$ty) $body

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn sqlite() {
                body(&<$ty>::sqlite().await).await;
            }

            $(#[$meta])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn postgres() {
                body(&<$ty>::postgres().await).await;
            }
        }
    )*};
}
pub(crate) use both;

/// A key file's line; every test seals with it unless it says otherwise.
pub const KEY_1: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Another key.
pub const KEY_2: &str = "k2:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

/// A store and the database below it. Gone when dropped.
pub struct Db {
    pub store: Store,
    pub url: String,
    folder: Option<tempfile::TempDir>,
    postgres: Option<Database>,
}

impl Db {
    /// On a fresh SQLite file.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("hanse.db").display());
        let store = open(&url, KEY_1).await.unwrap();
        Self { store, url, folder: Some(folder), postgres: None }
    }

    /// On a PostgreSQL database of its own, a copy of a migrated template.
    pub async fn postgres() -> Self {
        let migrations = include_bytes!("../../../../migrations/src/m20261101_000001_foundations.rs");
        let key = format!("store_{}", &hex::encode(Sha256::digest(migrations))[..12]);
        let database = Postgres::shared()
            .await
            .from_template(&key, async |url| {
                open(&url, KEY_1).await?.close().await;
                Ok(())
            })
            .await;
        let url = database.url().to_owned();
        let store = open(&url, KEY_1).await.unwrap();
        Self { store, url, folder: None, postgres: Some(database) }
    }

    /// Whether it is on PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.folder.is_none()
    }

    /// Gives the store up (and with it the lock of a SQLite file) and keeps the database.
    pub fn without_store(self) -> Closed {
        Closed { url: self.url, folder: self.folder, postgres: self.postgres }
    }

    /// The SQLite file.
    pub fn file(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("hanse.db"))
    }
}

/// A database without a store on it.
pub struct Closed {
    url: String,
    folder: Option<tempfile::TempDir>,
    postgres: Option<Database>,
}

impl Closed {
    /// With a store again.
    pub fn with_store(self, store: Store) -> Db {
        Db { store, url: self.url, folder: self.folder, postgres: self.postgres }
    }
}

/// Opens a store.
pub async fn open(url: &str, keys: &str) -> Result<Store, StoreError> {
    let keys = Keyring::parse(keys).unwrap();
    Store::open(Options { url: url.to_owned(), keys, max_connections: 24 }).await
}

/// A moment that both databases keep exactly.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(Utc::now().timestamp_micros()).unwrap()
}

/// Somebody who writes.
pub fn somebody() -> WriteContext {
    WriteContext {
        actor: Some(UserId::new()),
        actor_name: "ada".into(),
        address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        request_id: "r-1".into(),
        ..WriteContext::platform("test", now())
    }
}

/// An account as it is made.
pub fn account(name: impl Into<String>) -> users::New {
    users::New {
        name: name.into(),
        display_name: None,
        email: None,
        language: None,
        password_hash: "$argon2id$".into(),
    }
}

/// Makes an account with roles of the platform.
pub async fn user(store: &Store, name: &str, roles: &[&str]) -> UserId {
    let mut tx = store.begin(&somebody()).await.unwrap();
    let row = users::create(&mut tx, account(name)).await.unwrap();
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    if !roles.is_empty() {
        bindings::set_roles(&mut tx, Scope::Platform, UserId(row.id), &roles).await.unwrap();
    }
    tx.commit().await.unwrap();
    UserId(row.id)
}
