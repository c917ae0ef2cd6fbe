//! Where truth lives. The only crate that knows SQL.
//!
//! Every mutation goes one way: begin a [`Tx`] with who acts, change rows, note what changed and what to audit, commit.
//! The commit writes change rows and audit rows in the same transaction, in an order in which revisions can be followed
//! without a gap ([`feed`]); dropping the transaction, or committing a dry run, leaves nothing.
//!
//! What a transaction decides on has to be read through the transaction: functions that take a [`Tx`] see what it changed
//! and hold what they decide on, while the functions of [`Store`] see what has been committed, which is older. Keep a
//! transaction short, and await nothing else in it: on SQLite all others wait.
//!
//! ```no_run
//! use std::sync::Arc;
//! use hanse_authz::{Actor, Decisions, authorize};
//! use hanse_store::{AuditEvent, Store, WriteContext, workspaces};
//!
//! # async fn example(store: Store, decisions: Decisions, actor: Arc<Actor>, who: WriteContext)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! // Look up, authorize: what was found is good for nothing before.
//! let found = store.workspace("acme").await?.ok_or("workspace \"acme\" does not exist")?;
//! let workspace = authorize(&decisions, &actor, "workspace.settings.manage", found)?;
//! // Write: rows, changes and audit are one transaction.
//! let mut tx = store.begin(&who).await?;
//! let next = workspaces::update(&mut tx, &workspace, Some("Acme Ltd".into()), None).await?;
//! tx.audit(AuditEvent { verb: "update", kind: "workspace", name: next.name, ..AuditEvent::default() });
//! let revision = tx.commit().await?;
//! # Ok(()) }
//! ```

pub mod agents;
pub mod audit;
pub mod bindings;
pub mod clusters;
pub mod entity;
mod error;
pub mod federated;
pub mod feed;
mod fresh;
mod group;
pub mod hub;
pub mod idempotency;
mod known;
pub mod labels;
mod lock;
pub mod meta;
pub mod owners;
pub mod page;
pub mod projects;
pub mod removals;
pub mod seal;
pub mod sessions;
pub mod status;
mod together;
mod tx;
pub mod types;
pub mod users;
pub mod workspaces;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hanse_migrations::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

pub use crate::{
    error::StoreError,
    feed::{Change, FeedReader, Op},
    fresh::Fresh,
    seal::{Keyring, Sealed},
    together::Doing,
    tx::{AuditEvent, Tx, WriteContext},
};
use crate::{feed::Feed, group::Writer, known::Known, lock::ProcessLock, together::Together};

/// Longest wait for a connection.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// How the store is opened.
#[derive(Debug)]
pub struct Options {
    /// `sqlite://path?mode=rwc` or `postgres://…`.
    pub url: String,
    /// Keys that seal secrets.
    pub keys: Keyring,
    /// Connections to the database at most.
    pub max_connections: u32,
}

struct Inner {
    db: DatabaseConnection,
    keys: Keyring,
    feed: Feed,
    /// SQLite takes one writer at a time.
    writer: Option<Writer>,
    together: Together,
    known: Known,
    fresh: fresh::Table,
    transactions: AtomicU64,
    lock: Mutex<Option<ProcessLock>>,
}

/// What was written since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Transactions that last.
    pub transactions: u64,
    /// Commits that made them last: on SQLite transactions share them.
    pub commits: u64,
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("backend", &self.inner.db.get_database_backend())
            .finish_non_exhaustive()
    }
}

/// Path of the file of a `sqlite://` URL.
fn sqlite_path(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"))?;
    Some(PathBuf::from(rest.split('?').next().unwrap_or(rest)))
}

/// Connections that read a SQLite file at most.
const SQLITE_READERS: u32 = 4;

fn sqlite_options(sqlite: SqliteConnectOptions) -> SqliteConnectOptions {
    // FULL in WAL mode syncs at each commit: what was acknowledged outlives not only the process but power loss, too.
    // Commits in groups are what makes that affordable.
    sqlite
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
}

impl Store {
    /// Connects, takes the lock of a SQLite file, and brings the tables to the present state.
    ///
    /// # Errors
    /// When another process has the SQLite file, or the database is not to be had.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        let sqlite = sqlite_path(&options.url);
        let lock = sqlite.as_deref().map(ProcessLock::take).transpose()?;
        let mut connect = ConnectOptions::new(options.url.clone());
        connect
            .max_connections(options.max_connections)
            .connect_timeout(CONNECT_DEADLINE)
            .acquire_timeout(CONNECT_DEADLINE)
            .sqlx_logging(false);
        if sqlite.is_none() {
            let db = Database::connect(connect).await?;
            Migrator::up(&db, None).await?;
            let known = Known::default();
            let feed = Feed::start(&db, known.clone()).await?;
            return Ok(Self {
                inner: Arc::new(Inner {
                    db,
                    keys: options.keys,
                    feed,
                    writer: None,
                    together: Together::default(),
                    known,
                    fresh: fresh::Table::default(),
                    transactions: AtomicU64::new(0),
                    lock: Mutex::default(),
                }),
            });
        }
        // One connection writes, the others can only read: whatever writes goes through the writer's queue.
        let mut writing = connect.clone();
        writing.max_connections(1).map_sqlx_sqlite_opts(sqlite_options);
        connect.map_sqlx_sqlite_opts(|sqlite| sqlite_options(sqlite).pragma("query_only", "ON"));
        // A file does not hang up: asking whether it is still there would double the cost of a short read. Each
        // connection has a thread and a cache of its own.
        writing.test_before_acquire(false);
        connect.test_before_acquire(false).max_connections(options.max_connections.min(SQLITE_READERS));
        let writer = Database::connect(writing.clone()).await?;
        Migrator::up(&writer, None).await?;
        let db = Database::connect(connect).await?;
        let known = Known::default();
        let feed = Feed::start(&db, known.clone()).await?;
        let writer = Writer::start(writing, writer, Arc::clone(feed.wake()));
        Ok(Self {
            inner: Arc::new(Inner {
                db,
                keys: options.keys,
                feed,
                writer: Some(writer),
                together: Together::default(),
                known,
                fresh: fresh::Table::default(),
                transactions: AtomicU64::new(0),
                lock: Mutex::new(lock),
            }),
        })
    }

    pub(crate) fn db(&self) -> &DatabaseConnection {
        &self.inner.db
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.inner.feed
    }

    pub(crate) fn writer(&self) -> Option<&Writer> {
        self.inner.writer.as_ref()
    }

    pub(crate) fn together_queue(&self) -> &Together {
        &self.inner.together
    }

    pub(crate) fn known(&self) -> &Known {
        &self.inner.known
    }

    pub(crate) fn fresh_table(&self) -> &fresh::Table {
        &self.inner.fresh
    }

    /// A transaction lasts.
    pub(crate) fn count_transaction(&self) {
        self.inner.transactions.fetch_add(1, Ordering::Relaxed);
    }

    /// What was written since the store was opened, for whoever measures.
    #[must_use]
    pub fn written(&self) -> Written {
        let transactions = self.inner.transactions.load(Ordering::Relaxed);
        let commits = self.inner.writer.as_ref().map_or(transactions, Writer::commits);
        Written { transactions, commits }
    }

    /// Keys that seal secrets.
    #[must_use]
    pub fn keys(&self) -> &Keyring {
        &self.inner.keys
    }

    /// Revision of the last change that readers of the feed can have seen.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.inner.feed.revision()
    }

    /// Revision of the last change that anybody has committed, where nobody else than this process can have.
    #[must_use]
    pub fn committed(&self) -> Option<i64> {
        self.inner.writer.is_some().then(|| self.inner.feed.committed())
    }

    /// The same of the last change of an object that is kept at the hub.
    #[must_use]
    pub fn committed_of_hub(&self) -> Option<i64> {
        self.inner.writer.is_some().then(|| self.inner.feed.committed_of_hub())
    }

    /// Follows changes after a revision.
    #[must_use]
    pub fn follow(&self, after: i64) -> FeedReader {
        FeedReader::new(self.clone(), after)
    }

    /// Asks the database something trivial.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        tokio::time::timeout(Duration::from_secs(3), self.db().execute_unprepared("SELECT 1"))
            .await
            .map_err(|_| StoreError::Unavailable("no answer within 3 seconds".to_owned()))??;
        Ok(())
    }

    /// Begins a transaction for somebody.
    ///
    /// # Errors
    /// When no connection or no turn to write is to be had in time.
    pub async fn begin(&self, context: &WriteContext) -> Result<Tx, StoreError> {
        Tx::begin(self, context.clone()).await
    }

    /// Seals everything anew under the current key. Returns how many values were sealed with another one.
    ///
    /// # Errors
    /// When a value does not open; nothing is changed then.
    pub async fn rotate_secrets(&self, context: &WriteContext) -> Result<u64, StoreError> {
        meta::rotate(self, context).await
    }

    /// Ends background work and closes connections.
    pub async fn close(&self) {
        if let Some(writer) = &self.inner.writer {
            writer.close().await;
        }
        self.inner.feed.stop();
        if let Err(error) = self.inner.db.clone().close().await {
            tracing::warn!("the database did not close cleanly: {error}");
        }
        // Whoever still has a handle can do nothing with it: the file is free for the next.
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
