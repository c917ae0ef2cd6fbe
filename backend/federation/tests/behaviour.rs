//! The rules of FEDERATION.md, one fact each.
#![recursion_limit = "256"]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "tests"
)]

mod behaviour {
    pub mod decisions;
    pub mod generations;
    pub mod manifests;
    pub mod model;
    pub mod ownership;
    pub mod policies;
    pub mod scenarios;
    pub mod statuses;
    pub mod support;
    pub mod templates;
}
