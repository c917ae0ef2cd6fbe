//! The Kubernetes-style API at the hub, by plain requests and by unmodified clients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "hub/access.rs"]
mod access;
#[path = "hub/answers.rs"]
mod answers;
#[path = "hub/clients.rs"]
mod clients;
#[path = "federation/fixture.rs"]
#[allow(dead_code, reason = "shared with the tests of federation")]
mod fixture;
#[path = "hub/joining.rs"]
mod joining;
#[path = "hub/kubefed.rs"]
mod kubefed;
#[path = "hub/members.rs"]
mod members;
#[path = "hub/objects.rs"]
mod objects;
#[path = "hub/semantics.rs"]
mod semantics;
#[path = "hub/support.rs"]
mod support;
#[path = "hub/watches.rs"]
mod watches;
