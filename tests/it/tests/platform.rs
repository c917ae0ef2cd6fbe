//! What holds for the platform as a whole, on both databases: who gets in, who may do what, how every route behaves,
//! what is written down, and what is told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something else has failed"
)]

/// Each fact is a test on SQLite and one on PostgreSQL.
macro_rules! facts {
    ($($fact:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                super::$fact(hanse_it::Db::Sqlite).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                super::$fact(hanse_it::Db::Postgres).await;
            })+
        }
    };
}

/// The turn on the shared clusters: two Hanses must not govern one.
async fn turn() -> tokio::sync::MutexGuard<'static, ()> {
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    TURN.lock().await
}

#[path = "platform/agents.rs"]
mod agents;
#[path = "platform/audit.rs"]
mod audit;
#[path = "platform/conventions.rs"]
mod conventions;
#[path = "platform/faults.rs"]
mod faults;
#[path = "platform/gateway.rs"]
mod gateway;
#[path = "platform/live.rs"]
mod live;
#[path = "platform/namespace.rs"]
mod namespace;
#[path = "platform/ports.rs"]
mod ports;
#[path = "platform/process.rs"]
mod process;
#[path = "platform/roles.rs"]
mod roles;
#[path = "platform/routes.rs"]
mod routes;
#[path = "platform/sign_in.rs"]
mod sign_in;
#[path = "platform/tokens.rs"]
mod tokens;
