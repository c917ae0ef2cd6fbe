//! Commits on SQLite, in groups. SQLite takes one writer at a time, and making a commit last (an `fsync`) takes longer than
//! everything else in a short transaction. So transactions that follow each other closely share one: each is a savepoint
//! of it, and each is acknowledged when the shared one has been made to last, never before.
//!
//! The turn to write is a fair queue. Whoever ends a transaction wakes the committer, which queues like everybody else;
//! so whoever was waiting by then comes into the same group, and a transaction that is alone is committed at once.
//!
//! SQLite may give up a whole transaction by itself when the disk is full or fails. What follows would then go into
//! another one, and the end of that would say nothing about what was lost. Each group therefore writes a mark first and
//! looks for it last; without it nobody is acknowledged, and the connection is replaced.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{
    ColumnTrait as _, ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, EntityTrait as _,
    QueryFilter as _, Set, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
    sea_query::OnConflict,
};
use tokio::{
    sync::{Mutex, Notify, OwnedMutexGuard, oneshot},
    task::JoinHandle,
};

use crate::{StoreError, entity::meta};

/// Longest wait for the turn to write, and for a commit to last.
const DEADLINE: Duration = Duration::from_secs(10);
/// Transactions in a group at most.
const LARGEST: usize = 64;
/// Age at which a group takes nobody in any more, so that a slow one does not hold up those before it.
const OLDEST: Duration = Duration::from_millis(20);
/// Key of the mark in the table `meta`.
const MARK: &str = "group";

type Outcome = Result<(), String>;

/// The one writer of a SQLite file.
pub(crate) struct Writer {
    group: Arc<Mutex<Group>>,
    /// Wakes the committer.
    ended: Arc<Notify>,
    committer: JoinHandle<()>,
    commits: Arc<AtomicU64>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.committer.abort();
    }
}

impl Writer {
    /// Takes over a connection; `told` is woken after each commit.
    pub(crate) fn start(connect: ConnectOptions, db: DatabaseConnection, told: Arc<Notify>) -> Self {
        let commits = Arc::<AtomicU64>::default();
        let group = Group { connect, db: Some(db), open: None, told, commits: Arc::clone(&commits) };
        let group = Arc::new(Mutex::new(group));
        let ended = Arc::new(Notify::new());
        let committer = tokio::spawn(commit_groups(Arc::clone(&group), Arc::clone(&ended)));
        Self { group, ended, committer, commits }
    }

    /// Commits that lasted: one per group.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Waits for the turn and begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Entered, StoreError> {
        let waiting = tokio::time::timeout(DEADLINE, Arc::clone(&self.group).lock_owned()).await;
        let group =
            waiting.map_err(|_| StoreError::Unavailable("too many writers are waiting".to_owned()))?;
        let ended = Arc::clone(&self.ended);
        // In a task of its own: who gives up while a savepoint is being made, or while a full group is being committed,
        // would take those along that are in the group already.
        let entering = tokio::spawn(async move {
            let mut turn = Turn { group, ended };
            let tx = turn.group.enter().await?;
            Ok(Entered { tx, turn })
        });
        match entering.await {
            Ok(entered) => entered,
            Err(_) => Err(StoreError::Unavailable("the turn to write was lost".to_owned())),
        }
    }

    /// Commits what is open and closes the connection.
    pub(crate) async fn close(&self) {
        let mut group = self.group.lock().await;
        group.finish().await;
        group.disconnect();
    }
}

async fn commit_groups(group: Arc<Mutex<Group>>, ended: Arc<Notify>) {
    loop {
        ended.notified().await;
        group.lock().await.finish().await;
    }
}

/// A transaction that has the turn. The order of the fields matters: a rollback goes before the next one's turn.
pub(crate) struct Entered {
    pub(crate) tx: DatabaseTransaction,
    pub(crate) turn: Turn,
}

/// The turn to write. Dropped, it passes on, and the committer looks whether there is something to commit: who wakes it
/// before the lock is free only has it wait for that.
pub(crate) struct Turn {
    group: OwnedMutexGuard<Group>,
    ended: Arc<Notify>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.ended.notify_one();
    }
}

impl Turn {
    /// End of the audit chain, if somebody in the group wrote it.
    pub(crate) fn audit_end(&self) -> Option<&String> {
        self.group.open.as_ref()?.audit_end.as_ref()
    }

    /// Sets the end of the audit chain, or says that it must be read again.
    pub(crate) fn set_audit_end(&mut self, end: Option<String>) {
        if let Some(open) = &mut self.group.open {
            open.audit_end = end;
        }
    }

    /// Passes the turn on and waits until the transaction, which has been released into the group, lasts.
    pub(crate) async fn lasting(mut self) -> Result<(), StoreError> {
        let (sender, outcome) = oneshot::channel();
        if let Some(open) = &mut self.group.open {
            open.waiting.push(sender);
        }
        drop(self);
        match tokio::time::timeout(DEADLINE, outcome).await {
            Ok(Ok(outcome)) => outcome.map_err(StoreError::Unavailable),
            Ok(Err(_)) => Err(StoreError::Unavailable("the transaction was given up".to_owned())),
            Err(_) => Err(StoreError::Unavailable("the commit takes too long".to_owned())),
        }
    }
}

/// The transaction that others share.
struct Open {
    tx: DatabaseTransaction,
    mark: String,
    /// Hash of the last audit row, once it is known; saves the next one in the group reading it.
    audit_end: Option<String>,
    since: Instant,
    waiting: Vec<oneshot::Sender<Outcome>>,
}

impl Open {
    fn is_full(&self) -> bool {
        self.waiting.len() >= LARGEST || (!self.waiting.is_empty() && self.since.elapsed() >= OLDEST)
    }

    async fn commit(self) -> (Vec<oneshot::Sender<Outcome>>, Outcome) {
        if self.waiting.is_empty() {
            // Everything in it was rolled back.
            return (self.waiting, self.tx.rollback().await.map_err(|error| error.to_string()));
        }
        let marked = meta::Entity::find()
            .filter(meta::Column::Key.eq(MARK))
            .filter(meta::Column::Value.eq(&self.mark))
            .one(&self.tx)
            .await;
        let outcome = match marked {
            Ok(Some(_)) => self.tx.commit().await.map_err(|error| error.to_string()),
            Ok(None) => Err("the database gave the transaction up".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        (self.waiting, outcome)
    }
}

pub(crate) struct Group {
    connect: ConnectOptions,
    db: Option<DatabaseConnection>,
    open: Option<Open>,
    told: Arc<Notify>,
    commits: Arc<AtomicU64>,
}

impl Group {
    async fn enter(&mut self) -> Result<DatabaseTransaction, StoreError> {
        if self.open.as_ref().is_some_and(Open::is_full) {
            self.finish().await;
        }
        if let Some(open) = &self.open {
            return Ok(open.tx.begin().await?);
        }
        let db = match &self.db {
            Some(db) => db.clone(),
            None => Database::connect(self.connect.clone()).await?,
        };
        self.db = Some(db.clone());
        // At once as a writer: a transaction that becomes one after it has read may find that it read something old.
        let immediate = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let tx = db.begin_with_options(immediate).await?;
        let mark = uuid::Uuid::now_v7().to_string();
        let row = meta::ActiveModel { key: Set(MARK.to_owned()), value: Set(mark.clone()) };
        meta::Entity::insert(row)
            .on_conflict(OnConflict::column(meta::Column::Key).update_column(meta::Column::Value).to_owned())
            .exec_without_returning(&tx)
            .await?;
        let inner = tx.begin().await?;
        self.open = Some(Open { tx, mark, audit_end: None, since: Instant::now(), waiting: Vec::new() });
        Ok(inner)
    }

    async fn finish(&mut self) {
        let Some(open) = self.open.take() else { return };
        let (waiting, outcome) = open.commit().await;
        match &outcome {
            Ok(()) if waiting.is_empty() => {}
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                tracing::error!("a group of {} transactions was not committed: {error}", waiting.len());
                self.disconnect();
            }
        }
        self.told.notify_one();
        for one in waiting {
            // Whoever has stopped waiting does not want to know.
            drop(one.send(outcome.clone()));
        }
    }

    /// Gives the connection up, whatever state it is in; the next transaction makes a new one.
    fn disconnect(&mut self) {
        if let Some(db) = self.db.take() {
            tokio::spawn(async move {
                if let Err(error) = db.close().await {
                    tracing::warn!("the writer's connection did not close cleanly: {error}");
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use hanse_migrations::Migrator;
    use sea_orm::{ConnectionTrait as _, PaginatorTrait as _};
    use sea_orm_migration::MigratorTrait as _;

    use super::*;

    struct Fixture {
        writer: Arc<Writer>,
        reader: DatabaseConnection,
        _folder: tempfile::TempDir,
    }

    async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("hanse.db").display());
        let mut connect = ConnectOptions::new(url.clone());
        connect.max_connections(1).sqlx_logging(false).map_sqlx_sqlite_opts(crate::sqlite_options);
        let db = Database::connect(connect.clone()).await.unwrap();
        Migrator::up(&db, None).await.unwrap();
        let reader = Database::connect(url).await.unwrap();
        Fixture { writer: Arc::new(Writer::start(connect, db, Arc::default())), reader, _folder: folder }
    }

    async fn put(tx: &DatabaseTransaction, key: &str) {
        let row = meta::ActiveModel { key: Set(key.to_owned()), value: Set(String::new()) };
        meta::Entity::insert(row).exec_without_returning(tx).await.unwrap();
    }

    impl Fixture {
        async fn write(&self, key: &str) -> Result<(), StoreError> {
            let entered = self.writer.begin().await?;
            put(&entered.tx, key).await;
            entered.tx.commit().await?;
            entered.turn.lasting().await
        }

        async fn has(&self, key: &str) -> bool {
            meta::Entity::find_by_id(key.to_owned()).count(&self.reader).await.unwrap() == 1
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn acknowledged_means_visible_to_others() {
        let f = fixture().await;
        for n in 0..20 {
            f.write(&format!("k{n}")).await.unwrap();
            assert!(f.has(&format!("k{n}")).await);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_gives_up_takes_nobody_along() {
        let f = Arc::new(fixture().await);
        let writers: Vec<_> = (0..60)
            .map(|n| {
                let f = Arc::clone(&f);
                tokio::spawn(async move {
                    match n % 4 {
                        // Dropped half-way.
                        0 => {
                            let entered = f.writer.begin().await.unwrap();
                            put(&entered.tx, &format!("k{n}")).await;
                        }
                        // Stops waiting for the commit, or for the turn: it may or may not have been kept.
                        1 => drop(
                            tokio::time::timeout(Duration::from_micros(n * 50), f.write(&format!("k{n}")))
                                .await,
                        ),
                        _ => f.write(&format!("k{n}")).await.unwrap(),
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        for n in 0..60 {
            match n % 4 {
                0 => assert!(!f.has(&format!("k{n}")).await, "k{n}"),
                1 => {}
                _ => assert!(f.has(&format!("k{n}")).await, "k{n}"),
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_stays_open_when_everything_was_given_up() {
        let f = fixture().await;
        let entered = f.writer.begin().await.unwrap();
        put(&entered.tx, "given-up").await;
        drop(entered);
        // Another writer of the same file has to wait for an open transaction; here it may wait as long as busy_timeout.
        let row = meta::ActiveModel { key: Set("beside".to_owned()), value: Set(String::new()) };
        meta::Entity::insert(row).exec_without_returning(&f.reader).await.unwrap();
        assert!(!f.has("given-up").await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_lasts_is_counted_and_what_was_given_up_is_not() {
        let f = fixture().await;
        for n in 0..3 {
            f.write(&format!("k{n}")).await.unwrap();
        }
        assert_eq!(f.writer.commits(), 3);
        let entered = f.writer.begin().await.unwrap();
        put(&entered.tx, "given-up").await;
        drop(entered);
        f.write("next").await.unwrap();
        assert_eq!(f.writer.commits(), 4);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_is_acknowledged_when_the_database_gave_the_transaction_up() {
        let f = fixture().await;
        let Entered { tx: first, turn } = f.writer.begin().await.unwrap();
        put(&first, "first").await;
        // What SQLite does by itself when the disk is full: the whole transaction goes, the connection does not know.
        first.execute_unprepared("ROLLBACK").await.unwrap();
        put(&first, "after").await;
        match first.commit().await {
            Ok(()) => assert!(turn.lasting().await.is_err(), "it was acknowledged"),
            Err(_) => drop(turn),
        }
        assert!(!f.has("first").await);
        // The next one has a connection in good order.
        f.write("next").await.unwrap();
        assert!(f.has("next").await);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn those_released_before_are_refused_with_the_one_that_broke_the_group() {
        let f = Arc::new(fixture().await);
        let Entered { tx: first, turn } = f.writer.begin().await.unwrap();
        // The breaker queues first, so that it follows in the same group.
        let breaker = tokio::spawn({
            let f = Arc::clone(&f);
            async move {
                let entered = f.writer.begin().await.unwrap();
                entered.tx.execute_unprepared("ROLLBACK").await.unwrap();
            }
        });
        while f.writer.group.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        put(&first, "first").await;
        first.commit().await.unwrap();
        let outcome = turn.lasting().await;
        breaker.await.unwrap();
        // Either it was committed before the breaker began, or it was refused: never lost and acknowledged.
        assert_eq!(outcome.is_ok(), f.has("first").await, "{outcome:?}");
        f.write("next").await.unwrap();
        assert!(f.has("next").await);
    }
}
