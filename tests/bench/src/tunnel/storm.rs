//! Many agents: what an idle one holds at both ends, and how long it takes until all are back when the hub was gone for
//! a moment.

use std::time::{Duration, Instant};

use hanse_types::ClusterId;
use serde::{Deserialize, Serialize};

use super::run::Stand;
use crate::{
    figures::{float, mib},
    machine::open_files,
};

/// Files that are open for other reasons.
const RESERVED: usize = 512;
/// Until what comes with connecting is over; also longer than a tunnel has to last for dialling again at once.
const SETTLE: Duration = Duration::from_secs(6);

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storm {
    pub agents: usize,
    /// Fewer than wanted, because of the limit of open files.
    pub limited: bool,
    pub first_seconds: f64,
    pub again_seconds: f64,
    pub hub_kib_per_agent: f64,
    /// At the agents' end, all in one process; a process of its own has its own few MiB besides.
    pub agent_kib_per_agent: f64,
    pub hub_peak_mib: f64,
}

/// Connects them, lets them idle, and takes the hub away.
pub async fn measure(stand: &mut Stand) -> anyhow::Result<Storm> {
    let wanted = stand.scale.agents;
    let agents = wanted.min(open_files().saturating_sub(RESERVED));
    let clusters: Vec<(ClusterId, String)> =
        (0..agents).map(|number| (ClusterId::new(), format!("agent-{number}"))).collect();
    let hub = stand.own.rss()?;
    let idle = stand.agents(stand.hub.address, &[]).await?;
    let agents_before = idle.process.rss()?;
    drop(idle);
    let began = Instant::now();
    let role = stand.agents(stand.hub.address, &clusters).await?;
    stand.hub.connected(1 + agents).await?;
    let first_seconds = began.elapsed().as_secs_f64();
    tokio::time::sleep(SETTLE).await;
    let per_agent = |now: u64, before: u64| mib(now.saturating_sub(before)) * 1024.0 / float(agents);
    let hub_kib = per_agent(stand.own.rss()?, hub);
    let agent_kib = per_agent(role.process.rss()?, agents_before);
    stand.own.forget_peak()?;
    stand.hub.stop().await?;
    let began = Instant::now();
    stand.hub.listen().await?;
    stand.hub.connected(1 + agents).await?;
    let again_seconds = began.elapsed().as_secs_f64();
    let hub_peak_mib = mib(stand.own.peak_rss()?);
    drop(role);
    stand.alone().await?;
    Ok(Storm {
        agents,
        limited: agents < wanted,
        first_seconds,
        again_seconds,
        hub_kib_per_agent: hub_kib,
        agent_kib_per_agent: agent_kib,
        hub_peak_mib,
    })
}
