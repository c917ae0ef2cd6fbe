//! The hub's end of the tunnel, in the process that also asks: as in the server.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use chrono::Utc;
use futures::future::BoxFuture;
use hanse_tunnel::{
    Hello, Registry, Settings,
    agent::Credentials,
    hub::{Admission, Listener},
    pki::{AgentKey, Authority, Identity, LIFETIME},
};
use hanse_types::ClusterId;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{agents::Order, origin::Origin, role::Role};

const SOON: Duration = Duration::from_secs(120);

/// A hub, whose listener can be stopped and started again.
pub struct Hub {
    pub registry: Registry,
    authority: Authority,
    pub address: SocketAddr,
    running: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Hub {
    pub async fn start() -> anyhow::Result<Self> {
        let authority = Authority::create(Utc::now())?;
        let registry = Registry::new(Settings::default());
        let mut hub =
            Self { registry, authority, address: SocketAddr::from(([127, 0, 0, 1], 0)), running: None };
        hub.listen().await?;
        Ok(hub)
    }

    /// Listens, where it has listened before.
    pub async fn listen(&mut self) -> anyhow::Result<()> {
        let socket = TcpListener::bind(self.address).await?;
        self.address = socket.local_addr()?;
        let stop = CancellationToken::new();
        let listener = Listener {
            socket,
            tls: self.authority.listener(Utc::now())?,
            registry: self.registry.clone(),
            admission: Arc::new(Everybody),
        };
        self.running = Some((stop.clone(), tokio::spawn(listener.run(stop))));
        Ok(())
    }

    /// Closes every tunnel, and listens no more.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some((stop, running)) = self.running.take() {
            stop.cancel();
            tokio::time::timeout(SOON, running).await.context("the hub does not stop")??;
        }
        Ok(())
    }

    /// A process with an agent for each of these clusters, which dials there.
    pub async fn agents(
        &self,
        folder: &Path,
        dialled: SocketAddr,
        origin: &Origin,
        clusters: &[(ClusterId, String)],
    ) -> anyhow::Result<Role> {
        let mut agents = Vec::new();
        for (cluster, instance) in clusters {
            let key = AgentKey::generate()?;
            let issued = self.authority.sign(key.csr_pem(), *cluster, Utc::now(), LIFETIME)?;
            let credentials = Credentials {
                ca: self.authority.certificate_pem().to_owned(),
                certificate: issued.pem,
                key: key.key_pem().to_owned(),
            };
            agents.push((instance.clone(), credentials));
        }
        let order = Order { hub: dialled.to_string(), origin: origin.plain, agents };
        let file = tempfile::Builder::new().suffix(".json").tempfile_in(folder)?;
        std::fs::write(file.path(), serde_json::to_vec(&order)?)?;
        let mut role = Role::start(["agents", &file.path().to_string_lossy()])?;
        // It has read its order by then.
        let _: usize = role.says(SOON).await?;
        Ok(role)
    }

    /// Waits for so many live tunnels of all clusters together.
    pub async fn connected(&self, tunnels: usize) -> anyhow::Result<()> {
        let mut changes = self.registry.changes();
        let waiting = async {
            while self.registry.count() != tunnels {
                changes.changed().await?;
            }
            anyhow::Ok(())
        };
        let waited = tokio::time::timeout(SOON, waiting).await;
        waited.with_context(|| format!("{} of {tunnels} tunnels stand", self.registry.count()))?
    }
}

struct Everybody;

impl Admission for Everybody {
    fn admit<'a>(&'a self, _: &'a Identity, _: &'a Hello) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    fn renew<'a>(&'a self, _: &'a Identity, _: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async { Err("nothing is renewed within a run".to_owned()) })
    }
}
