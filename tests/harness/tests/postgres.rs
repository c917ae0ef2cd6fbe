//! PostgreSQL for tests: one server per run, a database per test, a template that is migrated once.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::ensure;
use hanse_harness::{Postgres, unique};

async fn psql(url: &str, statement: &str) -> anyhow::Result<String> {
    let output = tokio::process::Command::new("psql").args(["-XAtqd", url, "-c", statement]).output().await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own_that_goes_with_it() {
    let server = Postgres::shared().await;
    let (one, two) = (server.database().await, server.database().await);
    psql(one.url(), "CREATE TABLE t (a int)").await.unwrap();
    psql(two.url(), "CREATE TABLE t (a int)").await.unwrap();
    let url = one.url().to_owned();
    drop(one);
    let gone = psql(&url, "SELECT 1").await.unwrap_err().to_string();
    assert!(gone.contains("does not exist"), "{gone}");
}

#[tokio::test]
async fn a_template_is_migrated_once_however_many_ask() {
    let server = Postgres::shared().await;
    let key = unique("key").replace('-', "_");
    let migrations = AtomicUsize::new(0);
    let database = || {
        server.from_template(&key, async |url| {
            migrations.fetch_add(1, Ordering::Relaxed);
            psql(&url, "CREATE TABLE t (a int); INSERT INTO t VALUES (7)").await.map(|_| ())
        })
    };
    let (one, two, three) = tokio::join!(database(), database(), database());
    for copy in [&one, &two, &three] {
        assert_eq!(psql(copy.url(), "SELECT a FROM t").await.unwrap(), "7");
    }
    psql(one.url(), "DELETE FROM t").await.unwrap();
    assert_eq!(psql(two.url(), "SELECT count(*) FROM t").await.unwrap(), "1");
    assert_eq!(migrations.into_inner(), 1);
}

#[tokio::test]
#[should_panic(expected = "no such table")]
async fn a_migration_that_fails_fails_the_test() {
    let server = Postgres::shared().await;
    server.from_template(&unique("bad").replace('-', "_"), async |_| anyhow::bail!("no such table")).await;
}
