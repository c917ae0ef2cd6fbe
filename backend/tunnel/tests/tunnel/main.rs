//! The tunnel over loopback: as it should go, and through the web port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something else has failed"
)]

mod loopback;
mod support;
mod web;
