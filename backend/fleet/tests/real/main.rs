//! The fleet against real API servers, and against servers and proxies that are broken on purpose.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the fixtures of a test fail as the test does"
)]

mod discovery;
mod fakes;
mod health;
mod ladder;
mod mirrors;
mod network;
mod support;
mod writes;
