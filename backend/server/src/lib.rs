//! The platform: one process with everything in it.
//!
//! `api` speaks HTTP and nothing else; the modules of the domain (`identity`, `tenancy`, `clusters`, `federation`,
//! `audit`, `overview`) decide and write through the store; `federation::engine` and `clusters::monitor` work in the
//! background. A request takes one way: api → domain → store, fleet or federation.

pub mod api;
pub mod audit;
pub mod clock;
pub mod clusters;
pub mod config;
pub mod context;
pub mod error;
pub mod federation;
pub mod gateway;
pub mod hub;
pub mod identity;
pub mod live;
pub mod metrics;
pub mod overview;
pub mod serve;
pub mod tenancy;
pub mod tls;
mod web;

use std::sync::Arc;

use hanse_authz::Decisions;
use hanse_fleet::Fleet;
use hanse_store::{Store, Tx};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::SharedClock, config::Config, error::Result, federation::engine::Engine, identity::Identity,
    live::Hub, metrics::Metrics,
};

/// Everything that operations work with.
pub struct Platform {
    /// Configuration.
    pub config: Config,
    /// Id of this installation.
    pub instance: String,
    /// Records.
    pub store: Store,
    /// Which role gives which permission.
    pub decisions: Decisions,
    /// Who is who.
    pub identity: Identity,
    /// Time.
    pub clock: SharedClock,
    /// Live connections.
    pub live: Hub,
    /// Members.
    pub fleet: Fleet,
    /// Propagation and status.
    pub engine: Arc<Engine>,
    /// Agents and their tunnels.
    pub agents: Arc<clusters::agents::Agents>,
    /// Where agents come in that only get to the web port.
    pub web_door: Arc<hanse_tunnel::hub::WebDoor>,
    /// Cluster health as people see it.
    pub monitor: Arc<clusters::monitor::Monitor>,
    /// Passing requests on to members.
    pub gateway: gateway::Gateway,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The server's own certificate.
    pub tls: tls::Tls,
    /// Where it listens.
    pub address: std::net::SocketAddr,
    /// Where the platform is reached by those that need TLS, without a slash at the end.
    pub secure_url: String,
    /// What the Kubernetes-style API shows.
    pub shelves: Arc<hub::Shelves>,
    /// Places for watches there.
    pub watches: gateway::limit::Places,
    /// What goes along with its owners there.
    pub collector: hub::Collector,
    /// Refused attempts on their way into the audit trail.
    pub refusals: audit::Refusals,
    /// Background work.
    pub tasks: TaskTracker,
    /// Ends everything.
    pub stop: CancellationToken,
}

impl Platform {
    /// Commits, and makes the caller's next request see what it may do now.
    ///
    /// # Errors
    /// When the database refuses; nothing has happened then.
    pub async fn commit(&self, tx: Tx) -> Result<i64> {
        let (access, standing) = (tx.touches_access(), tx.touches_standing());
        let revision = tx.commit().await?;
        if access {
            self.identity.forget();
        }
        if standing {
            self.gateway.changed();
        }
        Ok(revision)
    }
}
