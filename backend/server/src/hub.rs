//! The Kubernetes-style API at the hub, under two roots over the same records: `/kubefed` is a KubeFed host, `/kube` a
//! Federation v1 server. Clients are unmodified; what they rely on is in `hanse-machinery`, and what the records mean in
//! `hanse-federation`.
//!
//! A request takes one way: `http` (bodies, media types, streams) → `verbs` (one function per verb) → `write` (which
//! record is meant, in one transaction). Reads and watches are served by `shelf`: what one resource shows; `shelves` keeps
//! them up from the change feed. `kinds` says what is served, `render` how records look, `route` what a path means, `collector` what goes with its owners.

mod access;
mod collector;
mod documents;
mod fault;
pub mod http;
mod join;
mod kinds;
mod kubefed;
mod render;
mod route;
mod shelf;
mod shelves;
mod verbs;
mod watch;
mod write;

pub use collector::{Collector, follow as collect};
pub use shelves::Shelves;

/// Gives a new hub what a KubeFed host has from the start.
///
/// # Errors
/// When the database is away.
pub async fn seed(
    store: &hanse_store::Store,
    now: chrono::DateTime<chrono::Utc>,
) -> crate::error::Result<()> {
    let snapshot = store.snapshot().await?;
    if !snapshot.local("kubefed", "federatedtypeconfigs.core.kubefed.io", None).await?.is_empty() {
        return Ok(());
    }
    drop(snapshot);
    let mut tx = store.begin(&hanse_store::WriteContext::platform("start", now)).await?;
    for object in kubefed::seeds(&render::time(now)) {
        hanse_store::hub::create(&mut tx, object).await?;
    }
    tx.commit().await?;
    Ok(())
}
