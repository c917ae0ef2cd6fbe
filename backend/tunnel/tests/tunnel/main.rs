//! The tunnel over loopback: as it should go, through the web port, and against members that mean ill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something else has failed"
)]

mod hostile;
mod loopback;
mod support;
mod web;
