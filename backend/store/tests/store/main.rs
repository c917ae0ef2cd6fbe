//! The store on both databases: every test in a `both!` block runs on a SQLite file and on a PostgreSQL database of its
//! own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod administrators;
mod agents;
mod audit;
mod db;
mod durability;
mod federated;
mod feed;
mod idempotency;
mod lists;
mod migrations;
mod ports;
mod rate;
mod sealing;
mod status;
mod tenancy;
mod together;
mod transactions;
