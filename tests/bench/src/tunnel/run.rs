//! The hub's role: builds the stand (hub here, origin and agent in processes of their own), measures one thing after the
//! other, and tells the figures.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use hanse_types::ClusterId;
use serde::{Deserialize, Serialize};

use super::{
    bulk::{self, DelayingLine},
    faults,
    hub::Hub,
    line::{Target, requests},
    origin::Origin,
    role::{self, Role},
    small, storm, stuck, watches,
};
use crate::{machine::Process, say};

const SOON: Duration = Duration::from_secs(30);

/// How much of each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scale {
    pub rounds: usize,
    pub lasting_ms: u64,
    pub watches: usize,
    pub watching_ms: u64,
    pub tries: usize,
    pub agents: usize,
}

impl Scale {
    pub const fn lasting(&self) -> Duration {
        Duration::from_millis(self.lasting_ms)
    }

    pub const fn watching(&self) -> Duration {
        Duration::from_millis(self.watching_ms)
    }
}

/// All figures of the tunnel alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    pub small: Vec<small::Round>,
    pub bulk: Vec<bulk::Round>,
    pub stuck: Vec<stuck::Round>,
    pub watches: watches::Watches,
    pub faults: faults::Faults,
    pub storm: storm::Storm,
}

/// What is measured on.
pub struct Stand {
    pub scale: Scale,
    pub tunnel: Target,
    pub direct: Target,
    /// This process.
    pub own: Process,
    pub agent: Role,
    pub origin: Role,
    pub hub: Hub,
    where_origin: Origin,
    folder: PathBuf,
}

impl Stand {
    async fn build(folder: &Path, scale: Scale) -> anyhow::Result<Self> {
        let mut origin = Role::start(["origin"])?;
        let where_origin: Origin = origin.says(SOON).await?;
        let hub = Hub::start().await?;
        let cluster = ClusterId::new();
        let own_agent = [(cluster, "agent".to_owned())];
        let agent = hub.agents(folder, hub.address, &where_origin, &own_agent).await?;
        hub.connected(1).await?;
        Ok(Self {
            scale,
            tunnel: Target::Tunnel(hub.registry.clone(), cluster),
            direct: Target::direct(&where_origin)?,
            own: Process::of(std::process::id()),
            agent,
            origin,
            hub,
            where_origin,
            folder: folder.to_owned(),
        })
    }

    /// Further agents that dial there.
    pub async fn agents(
        &self,
        dialled: SocketAddr,
        clusters: &[(ClusterId, String)],
    ) -> anyhow::Result<Role> {
        self.hub.agents(&self.folder, dialled, &self.where_origin, clusters).await
    }

    /// Waits until no other tunnel stands than the one that is measured.
    pub async fn alone(&self) -> anyhow::Result<()> {
        self.hub.connected(1).await
    }

    /// Another tunnel, and the way to the origin, over lines that delay. All end with the first of the answer.
    pub async fn delayed(
        &self,
        delay: Duration,
    ) -> anyhow::Result<((Role, [DelayingLine; 2]), Target, Target)> {
        self.alone().await?;
        let to_hub = DelayingLine::to(self.hub.address, delay).await?;
        let to_origin = DelayingLine::to(self.where_origin.tls, delay).await?;
        let cluster = ClusterId::new();
        let agent = self.agents(to_hub.address, &[(cluster, "far".to_owned())]).await?;
        self.hub.connected(2).await?;
        let direct = self.direct.at(to_origin.address);
        let tunnel = Target::Tunnel(self.hub.registry.clone(), cluster);
        Ok(((agent, [to_hub, to_origin]), tunnel, direct))
    }
}

/// The role.
pub async fn run(folder: &Path, scale: Scale) -> anyhow::Result<()> {
    let mut stand = Stand::build(folder, scale).await?;
    // Memory first, while little has been asked for.
    say("the tunnel: many agents");
    let storm = storm::measure(&mut stand).await?;
    say("the tunnel: watches");
    let watches = watches::measure(&stand).await?;
    say("the tunnel: stuck readers");
    let stuck = stuck::measure(&stand).await?;
    say("the tunnel: small requests");
    for target in [&stand.tunnel, &stand.direct] {
        requests(target, 64, stand.scale.lasting() / 4).await?;
    }
    let small = small::measure(&stand).await?;
    say("the tunnel: bulk");
    let bulk = bulk::measure(&stand).await?;
    say("the tunnel: faults");
    let faults = faults::measure(&mut stand).await?;
    role::answer(&Figures { small, bulk, stuck, watches, faults, storm })
}
