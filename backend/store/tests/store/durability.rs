//! `kill -9`, a second process, a database that goes away.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use hanse_harness::{Fault, FaultProxy, wait_for};
use hanse_store::{StoreError, users};

use crate::db::{Db, KEY_1, account, open, somebody};

/// Tells the child which database to write to.
const CHILD_URL: &str = "HANSE_STORE_TEST_CHILD_URL";
const DEADLINE: Duration = Duration::from_secs(60);
/// Accounts acknowledged before the child is killed.
const ACKNOWLEDGED: usize = 150;

/// Not a test of its own: what the killed process does. Writes accounts from eight tasks at once and prints each name
/// once the commit has been acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "run by the tests below, in a process of its own"]
async fn child_writes_until_it_is_killed() {
    let Ok(url) = std::env::var(CHILD_URL) else { return };
    let store = open(&url, KEY_1).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0_u32.. {
                    let name = format!("w{writer}-{n}");
                    let mut tx = store.begin(&somebody()).await.unwrap();
                    users::create(&mut tx, account(&name)).await.unwrap();
                    tx.commit().await.unwrap();
                    println!("acknowledged {name}");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn nothing_acknowledged_is_lost(db: Db) {
    db.store.close().await;
    let url = db.url.clone();
    let _db = db.without_store();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::child_writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(CHILD_URL, &url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut killed = false;
    for line in lines.map_while(Result::ok) {
        if let Some(name) = line.split_once("acknowledged ").map(|(_, name)| name) {
            acknowledged.push(name.trim().to_owned());
        }
        if acknowledged.len() >= ACKNOWLEDGED && !killed {
            // SIGKILL; what it had printed by then is still read to the end.
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the child ended by itself after {} lines", acknowledged.len());
    let store = open(&url, KEY_1).await.unwrap();
    for name in &acknowledged {
        assert!(store.user_row(name).await.unwrap().is_some(), "{name} was acknowledged and is gone");
    }
    // Each account has its change row: neither without the other.
    let mut reader = store.follow(0);
    let mut told = 0;
    while told < store.count_users().await.unwrap() {
        told += u64::try_from(reader.next().await.unwrap().len()).unwrap();
    }
    assert_eq!(told, store.count_users().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_sqlite() {
    nothing_acknowledged_is_lost(Db::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_on_postgres() {
    nothing_acknowledged_is_lost(Db::postgres().await).await;
}

#[tokio::test]
async fn a_second_store_on_the_same_file_is_refused_with_the_holders_name() {
    let db = Db::sqlite().await;
    let error = open(&db.url, KEY_1).await.unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("hanse.db") && text.contains(&format!("pid {}", std::process::id())), "{text}");
    db.store.close().await;
    let url = db.url.clone();
    let _db = db.without_store();
    open(&url, KEY_1).await.unwrap();
}

/// The database goes away in two ways, open connections included, and comes back. Nobody restarts anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_was_away_is_used_again_without_a_restart() {
    let db = Db::postgres().await;
    let (address, path) = db.url.split_once('@').unwrap().1.split_once('/').unwrap();
    let proxy = FaultProxy::to(address.parse().unwrap());
    let store = open(&format!("postgres://hanse@{}/{path}", proxy.address()), KEY_1).await.unwrap();
    let mut reader = store.follow(0);
    let write = async |name: &str| {
        let mut tx = store.begin(&somebody()).await?;
        users::create(&mut tx, account(name)).await?;
        tx.commit().await
    };
    write("before").await.unwrap();
    for (name, fault) in [("cut", Fault::Cut), ("half-open", Fault::HalfOpen)] {
        proxy.set(fault).await;
        let refused = tokio::time::timeout(DEADLINE, write(&format!("{name}-away"))).await.unwrap();
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{name}: {refused:?}");
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))), "{name}");
        // Another replica, with a better network, goes on meanwhile.
        crate::db::user(&db.store, &format!("{name}-other"), &[]).await;
        proxy.set(Fault::Pass).await;
        wait_for(DEADLINE, "a write", || async { write(&format!("{name}-back")).await }).await;
    }
    let mut told = Vec::new();
    while told.len() < 5 {
        told.extend(
            tokio::time::timeout(DEADLINE, reader.next())
                .await
                .unwrap()
                .unwrap()
                .iter()
                .map(|c| c.name.clone()),
        );
    }
    assert_eq!(told, ["before", "cut-other", "cut-back", "half-open-other", "half-open-back"]);
}
