//! Federation over real control planes: import, propagation, drift, ownership, removal, and faults on purpose.
//!
//! A Hanse lets go of labelled copies that nobody has a record of, so two of them must not govern one cluster at a
//! time: tests on the shared clusters take turns ([`fixture::turn`]), tests that stop a cluster have their own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "federation/faults.rs"]
mod faults;
#[path = "federation/fixture.rs"]
mod fixture;
#[path = "federation/import.rs"]
mod import;
#[path = "federation/ownership.rs"]
mod ownership;
#[path = "federation/propagation.rs"]
mod propagation;
#[path = "federation/refusals.rs"]
mod refusals;
