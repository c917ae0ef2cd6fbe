//! Test bed and harness: what the tests, the benchmark and the demo stand on. Everything that it starts is real
//! (Kubernetes control planes, PostgreSQL, the server's own binary), private, and gone afterwards, also after a
//! panic, a Ctrl-C or a `kill -9` of the test process.
//!
//! | need | ask |
//! |---|---|
//! | clusters | [`ControlPlanes::shared`], then [`ControlPlanes::cluster`], [`Cluster::admin_client`], [`Cluster::kubeconfig`] |
//! | a cluster to stop or freeze | [`ControlPlane::start_private`] |
//! | pods that are late, crash or fail | [`pods::deployment`] with [`pods::Knobs`] |
//! | a cluster that the host has no route to | [`Namespace`], [`ControlPlanes::start_in`] |
//! | a bad network | [`FaultProxy`]: delay, cut, half-open, truncation |
//! | a proxy that connects | [`ConnectProxy`], which also remembers where to |
//! | an API server that says 429 or 500 | [`ApiProxy`], which also counts requests |
//! | a request, header by header | [`Raw`] |
//! | a server of ours under https | [`TlsFront`] |
//! | a database | [`Postgres::shared`], [`Postgres::from_template`] |
//! | the server as its users run it | [`HanseProcess`]: start, `kill -9`, restart, memory, processor time |
//! | a name nobody else uses | [`unique`] |
//! | something to have happened | [`wait_for`] |
//!
//! Functions meant for tests panic with a full explanation instead of returning an error: there is nothing that a
//! test could do about it. What the demo uses has a fallible twin.

pub mod agent;
pub mod api_proxy;
pub mod connect_proxy;
pub mod fault;
pub mod hanse;
pub mod netns;
pub mod planes;
pub mod pods;
mod ports;
pub mod postgres;
pub mod raw;
pub mod testbed;
pub mod tls_front;
mod wait;

pub use api_proxy::{ApiProxy, Injection};
pub use connect_proxy::ConnectProxy;
pub use fault::{Fault, FaultProxy};
pub use hanse::HanseProcess;
pub use netns::Namespace;
pub use planes::{Access, Cluster, ControlPlane, ControlPlanes, Flavour, Plane};
pub use postgres::Postgres;
pub use raw::Raw;
pub use tls_front::TlsFront;
pub use wait::{try_wait_for, wait_for};

/// `prefix` and a suffix that no other test of any run uses: a valid name of a namespace, project or object.
#[must_use]
pub fn unique(prefix: &str) -> String {
    let suffix: u64 = rand::random();
    format!("{prefix}-{suffix:012x}", suffix = suffix >> 16)
}

/// Ends the test. The one `panic!` of the harness.
#[expect(clippy::panic, reason = "a test whose surroundings are broken has nothing better to do")]
#[track_caller]
pub(crate) fn die(error: &anyhow::Error) -> ! {
    panic!("{error:#}")
}
