//! The proof of the change feed: whoever asks for "everything after n", again and again while many write, misses nothing.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hanse_store::{FeedReader, Store, StoreError, entity::change, users};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Database, DatabaseConnection, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set, TransactionTrait as _,
};

use crate::db::{Db, account, both, now, open, somebody};

const WRITERS: usize = 16;
const ROUNDS: usize = 12;
const DEADLINE: Duration = Duration::from_secs(60);

/// Reads the table the way that every follower does, and remembers what it saw.
struct Follower {
    db: DatabaseConnection,
    seen: Vec<i64>,
}

impl Follower {
    async fn new(url: &str) -> Self {
        let mut options = sea_orm::ConnectOptions::new(url);
        options.max_connections(1).sqlx_logging(false);
        Self { db: Database::connect(options).await.unwrap(), seen: Vec::new() }
    }

    async fn read(&mut self) {
        let last = self.seen.last().copied().unwrap_or(0);
        let more: Vec<i64> = change::Entity::find()
            .select_only()
            .column(change::Column::Revision)
            .filter(change::Column::Revision.gt(last))
            .order_by_asc(change::Column::Revision)
            .into_tuple()
            .all(&self.db)
            .await
            .unwrap();
        self.seen.extend(more);
    }

    /// Revisions that are in the table and that it never saw.
    async fn missed(&self) -> Vec<i64> {
        let seen: HashSet<i64> = self.seen.iter().copied().collect();
        all(&self.db).await.into_iter().filter(|revision| !seen.contains(revision)).collect()
    }
}

async fn all(db: &DatabaseConnection) -> Vec<i64> {
    change::Entity::find()
        .select_only()
        .column(change::Column::Revision)
        .order_by_asc(change::Column::Revision)
        .into_tuple()
        .all(db)
        .await
        .unwrap()
}

/// Lets others run for a random while: what is tested is what happens between the statements of a transaction.
async fn dawdle() {
    tokio::time::sleep(Duration::from_micros(rand::random_range(0..4_000))).await;
}

/// Transactions of one to three changes, with delays inside, some of them given up or dry.
async fn write(store: Store, writer: usize) -> Vec<i64> {
    let mut committed = Vec::new();
    for round in 0..ROUNDS {
        let dry_run = rand::random_range(0..8) == 0;
        let mut tx = store.begin(&hanse_store::WriteContext { dry_run, ..somebody() }).await.unwrap();
        for part in 0..rand::random_range(1..=3) {
            users::create(&mut tx, account(format!("u-{writer}-{round}-{part}"))).await.unwrap();
            dawdle().await;
        }
        if rand::random_range(0..8) == 0 {
            drop(tx);
        } else {
            let revision = tx.commit().await.unwrap();
            if !dry_run {
                committed.push(revision);
            }
        }
    }
    committed
}

/// Follows through the store until a revision has been reached.
async fn follow(mut reader: FeedReader, until: tokio::sync::oneshot::Receiver<i64>) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    let mut until = std::pin::pin!(until);
    let mut goal = None;
    while goal.is_none_or(|goal| seen.last().is_none_or(|last| *last < goal)) {
        tokio::select! {
            biased;
            reached = &mut until, if goal.is_none() => goal = Some(reached.unwrap()),
            changes = reader.next() => seen.extend(changes.unwrap().iter().map(|change| change.revision)),
        }
    }
    seen
}

both! {
    async fn no_follower_ever_skips_a_revision(db: &Db) {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tables = Vec::new();
        for _ in 0..4 {
            let mut follower = Follower::new(&db.url).await;
            let stop = Arc::clone(&stop);
            tables.push(tokio::spawn(async move {
                while !stop.load(Ordering::Acquire) {
                    follower.read().await;
                    tokio::task::yield_now().await;
                }
                follower.read().await;
                follower
            }));
        }
        // A second replica follows by notifications; SQLite has none.
        let replica = if db.is_postgres() { Some(open(&db.url, crate::db::KEY_1).await.unwrap()) } else { None };
        let (mut goals, mut followers) = (Vec::new(), Vec::new());
        for store in std::iter::once(&db.store).chain(&replica) {
            for _ in 0..2 {
                let (goal, until) = tokio::sync::oneshot::channel();
                goals.push(goal);
                followers.push(tokio::spawn(follow(store.follow(0), until)));
            }
        }
        let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(db.store.clone(), writer))).collect();
        let mut committed = Vec::new();
        for writer in writers {
            let revisions = tokio::time::timeout(DEADLINE, writer).await.unwrap().unwrap();
            assert!(revisions.is_sorted(), "a writer's own commits are in order: {revisions:?}");
            committed.extend(revisions);
        }
        stop.store(true, Ordering::Release);
        let mut stored = Vec::new();
        for follower in tables {
            let follower = follower.await.unwrap();
            assert_eq!(follower.missed().await, Vec::<i64>::new());
            assert!(follower.seen.is_sorted(), "{:?}", follower.seen);
            stored = follower.seen;
        }
        assert!(committed.iter().all(|revision| stored.contains(revision)));
        assert!(stored.len() > WRITERS * ROUNDS / 2, "only {} changes", stored.len());
        for goal in goals {
            goal.send(*stored.last().unwrap()).unwrap();
        }
        for follower in followers {
            assert_eq!(tokio::time::timeout(DEADLINE, follower).await.unwrap().unwrap(), stored);
        }
    }

    async fn a_transaction_that_began_first_and_commits_last_counts_last(db: &Db) {
        if !db.is_postgres() {
            // The turn to write makes this impossible: the second transaction cannot begin.
            let _first = db.store.begin(&somebody()).await.unwrap();
            let second = tokio::time::timeout(Duration::from_millis(200), db.store.begin(&somebody())).await;
            assert!(second.is_err(), "two writers at once");
            return;
        }
        let mut follower = Follower::new(&db.url).await;
        let mut slow = db.store.begin(&somebody()).await.unwrap();
        users::create(&mut slow, account("slow")).await.unwrap();
        let mut quick = db.store.begin(&somebody()).await.unwrap();
        users::create(&mut quick, account("quick")).await.unwrap();
        let quick = quick.commit().await.unwrap();
        follower.read().await;
        assert_eq!(follower.seen, [quick]);
        let slow = slow.commit().await.unwrap();
        follower.read().await;
        assert_eq!(follower.seen, [quick, slow]);
        assert_eq!(follower.missed().await, Vec::<i64>::new());
    }

    async fn readers_are_told_what_is_in_memory_and_what_is_only_stored(db: &Db) {
        let first = crate::db::user(&db.store, "first", &[]).await;
        let mut reader = db.store.follow(0);
        let changes = tokio::time::timeout(DEADLINE, reader.next()).await.unwrap().unwrap();
        assert_eq!((changes[0].kind.as_str(), changes[0].object), ("user", first.0));
        // A store opened now has nothing in memory: the same changes come out of the table.
        let url = db.url.clone();
        if !db.is_postgres() {
            return;
        }
        let fresh = open(&url, crate::db::KEY_1).await.unwrap();
        let again = tokio::time::timeout(DEADLINE, fresh.follow(0).next()).await.unwrap().unwrap();
        assert_eq!(again, changes);
    }

    async fn a_reader_further_back_than_what_is_kept_lists_again(db: &Db) {
        for n in 0..5 {
            crate::db::user(&db.store, &format!("u{n}"), &[]).await;
        }
        let last = *all(&Follower::new(&db.url).await.db).await.last().unwrap();
        db.store.purge_changes(last - 1, &somebody()).await.unwrap();
        // What is in memory still serves; another replica has only the table.
        let store = if db.is_postgres() {
            open(&db.url, crate::db::KEY_1).await.unwrap()
        } else {
            reopened(db).await
        };
        let gone = tokio::time::timeout(DEADLINE, store.follow(0).next()).await.unwrap();
        assert!(matches!(gone, Err(StoreError::Gone(0))), "{gone:?}");
        let kept = tokio::time::timeout(DEADLINE, store.follow(last - 1).next()).await.unwrap().unwrap();
        assert_eq!(kept.iter().map(|change| change.revision).collect::<Vec<_>>(), [last]);
    }
}

/// Copies the SQLite file, because the lock of the first store stands, and opens the copy.
async fn reopened(db: &Db) -> Store {
    let file = db.file().unwrap();
    let copy = file.with_file_name("copy.db");
    let from = Database::connect(db.url.as_str()).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(&from, &format!("VACUUM INTO '{}'", copy.display()))
        .await
        .unwrap();
    open(&format!("sqlite://{}", copy.display()), crate::db::KEY_1).await.unwrap()
}

/// The check itself can fail: without the lock, numbers are given out in one order and become visible in another, and a
/// follower that looks in between never sees the smaller one.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_lock_a_follower_misses_a_revision() {
    let db = Db::postgres().await;
    let writers = Database::connect(db.url.as_str()).await.unwrap();
    let row = |name: &str| change::ActiveModel {
        kind: Set("user".to_owned()),
        object_id: Set(uuid::Uuid::now_v7()),
        workspace_id: Set(None),
        project_id: Set(None),
        cluster_id: Set(None),
        name: Set(name.to_owned()),
        op: Set("created".to_owned()),
        at: Set(now()),
        ..Default::default()
    };
    let mut follower = Follower::new(&db.url).await;
    let slow = writers.begin().await.unwrap();
    let quick = writers.begin().await.unwrap();
    let first = row("slow").insert(&slow).await.unwrap().revision;
    let second = row("quick").insert(&quick).await.unwrap().revision;
    quick.commit().await.unwrap();
    follower.read().await;
    slow.commit().await.unwrap();
    follower.read().await;
    assert_eq!(follower.seen, [second]);
    assert_eq!(follower.missed().await, [first]);
}
