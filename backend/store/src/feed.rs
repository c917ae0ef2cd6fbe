//! The change feed: what happened, in the order in which it counts.
//!
//! Every transaction inserts its change rows last, on PostgreSQL under an advisory lock that is held until the commit, on
//! SQLite by being the only writer. So when a reader sees revision *n*, no smaller revision can still appear, and asking
//! for "everything after *n*" never skips one. A pump reads new rows into a bounded ring and wakes readers; a reader that
//! is further back reads the table; one that is further back than the table is told to list again.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    entity::change,
    known::{self, Known},
    meta,
};

/// Changes kept in memory.
const RING: usize = 16_384;
/// Rows read at a time.
const BATCH: u64 = 1_000;
/// How often the pump looks without being woken; only a lost wake-up makes this matter.
const PATROL: Duration = Duration::from_secs(5);
/// Longest wait for rows.
const DEADLINE: Duration = Duration::from_secs(5);
/// PostgreSQL channel on which replicas wake each other.
pub(crate) const WAKE_CHANNEL: &str = "hanse_change";

/// What happened to the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// It is new.
    Created,
    /// It is different.
    Updated,
    /// It is gone.
    Deleted,
}

impl Op {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "created" => Self::Created,
            "deleted" => Self::Deleted,
            _ => Self::Updated,
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the order.
    pub revision: i64,
    /// Kind of the thing: `user`, `binding`, `session`, `token`, `workspace`, `project`, `cluster`, `federated`, `hub`;
    /// and `status` and `cluster-status`, which are derived.
    pub kind: String,
    /// Id of the thing.
    pub object: Uuid,
    /// Its workspace.
    pub workspace: Option<Uuid>,
    /// Its project.
    pub project: Option<Uuid>,
    /// Its cluster.
    pub cluster: Option<Uuid>,
    /// Its name; for federated objects `type/name`.
    pub name: String,
    /// What happened.
    pub op: Op,
    /// When.
    pub at: DateTime<Utc>,
}

impl Change {
    /// Whether it is about people, roles, projects or clusters, and not only about objects or status.
    #[must_use]
    pub fn touches_standing(&self) -> bool {
        !known::is_about_copies(&self.kind)
    }
}

impl From<change::Model> for Change {
    fn from(row: change::Model) -> Self {
        Self {
            revision: row.revision,
            kind: row.kind,
            object: row.object_id,
            workspace: row.workspace_id,
            project: row.project_id,
            cluster: row.cluster_id,
            name: row.name,
            op: Op::parse(&row.op),
            at: row.at,
        }
    }
}

struct Ring {
    changes: VecDeque<Arc<Change>>,
    /// Every change after this revision is in the ring.
    floor: i64,
}

pub(crate) struct Feed {
    /// Revision of the last change that was committed by this process.
    committed: AtomicI64,
    /// The same of objects that are kept at the hub.
    of_hub: AtomicI64,
    ring: Arc<Mutex<Ring>>,
    last: watch::Sender<i64>,
    wake: Arc<Notify>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Revision of the last change that is stored; 0 before the first.
pub(crate) async fn last(db: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let last: Option<i64> = change::Entity::find()
        .select_only()
        .column(change::Column::Revision)
        .order_by_desc(change::Column::Revision)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    Ok(last.unwrap_or(0))
}

impl Feed {
    pub(crate) async fn start(db: &DatabaseConnection, known: Known) -> Result<Self, StoreError> {
        let start = last(db).await?;
        let ring = Arc::new(Mutex::new(Ring { changes: VecDeque::new(), floor: start }));
        let (sender, _) = watch::channel(start);
        let wake = Arc::new(Notify::new());
        let mut tasks =
            vec![tokio::spawn(pump(db.clone(), Arc::clone(&ring), sender.clone(), Arc::clone(&wake), known))];
        if db.get_database_backend() == DbBackend::Postgres {
            tasks.push(tokio::spawn(listen(db.clone(), Arc::clone(&wake))));
        }
        Ok(Self {
            committed: AtomicI64::new(start),
            of_hub: AtomicI64::new(start),
            ring,
            last: sender,
            wake,
            tasks,
        })
    }

    /// Wakes the pump when something has been committed here.
    pub(crate) fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }

    /// Changes were committed by this process: the last of all, and the last of an object that is kept at the hub.
    pub(crate) fn commits(&self, last: i64, of_hub: Option<i64>) {
        self.committed.fetch_max(last, Ordering::AcqRel);
        if let Some(of_hub) = of_hub {
            self.of_hub.fetch_max(of_hub, Ordering::AcqRel);
        }
    }

    pub(crate) fn committed(&self) -> i64 {
        self.committed.load(Ordering::Acquire)
    }

    pub(crate) fn committed_of_hub(&self) -> i64 {
        self.of_hub.load(Ordering::Acquire)
    }

    pub(crate) fn revision(&self) -> i64 {
        *self.last.borrow()
    }

    pub(crate) fn stop(&self) {
        for task in &self.tasks {
            task.abort();
        }
    }

    /// Changes after a revision that are in memory; `None` when some of them are not.
    fn recent(&self, after: i64) -> Option<Vec<Arc<Change>>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if after < ring.floor {
            return None;
        }
        let from = ring.changes.partition_point(|change| change.revision <= after);
        Some(ring.changes.range(from..).cloned().collect())
    }
}

async fn pump(
    db: DatabaseConnection,
    ring: Arc<Mutex<Ring>>,
    last: watch::Sender<i64>,
    wake: Arc<Notify>,
    known: Known,
) {
    loop {
        let seen = *last.borrow();
        match read(&db, seen).await {
            Ok(rows) => {
                let mut newest = seen;
                let more = u64::try_from(rows.len()).is_ok_and(|read| read >= BATCH);
                // Perhaps of another replica.
                if rows.iter().any(|row| known::concerns(&row.kind, &row.name)) {
                    known.forget();
                }
                {
                    let mut ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
                    for row in rows {
                        newest = row.revision;
                        ring.changes.push_back(Arc::new(row.into()));
                    }
                    while ring.changes.len() > RING {
                        if let Some(dropped) = ring.changes.pop_front() {
                            ring.floor = dropped.revision;
                        }
                    }
                }
                if newest > seen {
                    last.send_replace(newest);
                }
                if !more {
                    // A patrol without news is the usual case; being woken is the quick one, also by what was committed
                    // while this was read.
                    drop(tokio::time::timeout(PATROL, wake.notified()).await);
                }
            }
            Err(error) => {
                tracing::warn!("the change feed cannot be read: {error}");
                drop(tokio::time::timeout(Duration::from_secs(1), wake.notified()).await);
            }
        }
    }
}

async fn read(db: &DatabaseConnection, after: i64) -> Result<Vec<change::Model>, StoreError> {
    let query = change::Entity::find()
        .filter(change::Column::Revision.gt(after))
        .order_by_asc(change::Column::Revision)
        .limit(BATCH);
    // On a connection that is half open an answer never comes, and everybody waits for the pump.
    let rows = tokio::time::timeout(DEADLINE, query.all(db)).await;
    Ok(rows.map_err(|_| StoreError::Unavailable("no answer within 5 seconds".to_owned()))??)
}

/// Wakes the pump when another replica has committed.
async fn listen(db: DatabaseConnection, wake: Arc<Notify>) {
    loop {
        let pool = db.get_postgres_connection_pool();
        match sqlx::postgres::PgListener::connect_with(pool).await {
            Ok(mut listener) => {
                if let Err(error) = listener.listen(WAKE_CHANNEL).await {
                    tracing::warn!("cannot listen for changes of other replicas: {error}");
                } else {
                    wake.notify_one();
                    while let Ok(notification) = listener.try_recv().await {
                        if notification.is_none() {
                            break;
                        }
                        wake.notify_one();
                    }
                }
            }
            Err(error) => tracing::warn!("cannot listen for changes of other replicas: {error}"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Follows changes from a place on.
pub struct FeedReader {
    store: Store,
    after: i64,
    last: watch::Receiver<i64>,
}

impl std::fmt::Debug for FeedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FeedReader").field("after", &self.after).finish_non_exhaustive()
    }
}

impl FeedReader {
    pub(crate) fn new(store: Store, after: i64) -> Self {
        let last = store.feed().last.subscribe();
        Self { store, after, last }
    }

    /// Waits for changes after those given last, and gives them in order, never an empty list.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when some of them are no longer kept; then list again. Otherwise the database is away.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, StoreError> {
        loop {
            if *self.last.borrow_and_update() > self.after {
                let changes = match self.store.feed().recent(self.after) {
                    Some(changes) => changes,
                    None => self.read_table().await?,
                };
                if let Some(newest) = changes.last() {
                    self.after = newest.revision;
                    return Ok(changes);
                }
            }
            if self.last.changed().await.is_err() {
                return Err(StoreError::Unavailable("the store was closed".to_owned()));
            }
        }
    }

    async fn read_table(&self) -> Result<Vec<Arc<Change>>, StoreError> {
        if self.after < meta::purged(self.store.db()).await? {
            return Err(StoreError::Gone(self.after));
        }
        let rows = read(self.store.db(), self.after).await?;
        Ok(rows.into_iter().map(|row| Arc::new(row.into())).collect())
    }
}
