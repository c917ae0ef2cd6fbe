//! A thousand watches with an event a second: how late events come, through the tunnel and directly, and what a stream
//! costs that says next to nothing.

use std::time::{Duration, Instant};

use hanse_tunnel::empty;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::{
    line::{Target, next},
    origin::nanoseconds,
    run::Stand,
};
use crate::figures::{Latency, float, mib};

/// How long opening so many may take, and until what comes with it is over.
const OPENING: Duration = Duration::from_secs(60);

/// What was seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watches {
    pub watches: usize,
    pub tunnel_p50_ms: f64,
    pub tunnel_p99_ms: f64,
    pub direct_p50_ms: f64,
    pub direct_p99_ms: f64,
    /// What hub and agent hold for one, the agent's connection to its origin included.
    pub hub_kib_per_watch: f64,
    pub agent_kib_per_watch: f64,
    /// Cores that both ends keep busy with all of them.
    pub cores: f64,
}

/// Through the tunnel, then directly.
pub async fn measure(stand: &Stand) -> anyhow::Result<Watches> {
    let watches = stand.scale.watches;
    let (hub, agent) = (stand.own.rss()?, stand.agent.process.rss()?);
    let cpu = || anyhow::Ok(stand.own.cpu_seconds()? + stand.agent.process.cpu_seconds()?);
    let open = Open::start(&stand.tunnel, watches).await?;
    let (began, used) = (Instant::now(), cpu()?);
    tokio::time::sleep(stand.scale.watching()).await;
    let cores = (cpu()? - used) / began.elapsed().as_secs_f64();
    let per_watch = |now: u64, before: u64| mib(now.saturating_sub(before)) * 1024.0 / float(watches);
    let (hub_kib, agent_kib) =
        (per_watch(stand.own.rss()?, hub), per_watch(stand.agent.process.rss()?, agent));
    let tunnel = open.end().await?;
    let open = Open::start(&stand.direct, watches).await?;
    tokio::time::sleep(stand.scale.watching()).await;
    let direct = open.end().await?;
    Ok(Watches {
        watches,
        tunnel_p50_ms: tunnel.p50,
        tunnel_p99_ms: tunnel.p99,
        direct_p50_ms: direct.p50,
        direct_p99_ms: direct.p99,
        hub_kib_per_watch: hub_kib,
        agent_kib_per_watch: agent_kib,
        cores,
    })
}

struct Open {
    followers: JoinSet<anyhow::Result<Vec<Duration>>>,
    ending: tokio::sync::watch::Sender<bool>,
}

impl Open {
    async fn start(target: &Target, count: usize) -> anyhow::Result<Self> {
        let (ending, _) = tokio::sync::watch::channel(false);
        let mut followers = JoinSet::new();
        let opening = async {
            for mut line in target.lines(count).await? {
                let mut body = line.ask("/ticks", empty()).await?.into_body();
                let mut ended = ending.subscribe();
                followers.spawn(async move {
                    // Held: dropping a direct line ends its connection.
                    let _line = line;
                    let (mut late, mut first) = (Vec::new(), true);
                    loop {
                        let bytes = tokio::select! {
                            bytes = next(&mut body) => bytes?,
                            _ = ended.changed() => return Ok(late),
                        };
                        let now = nanoseconds();
                        let Some(bytes) = bytes else { anyhow::bail!("a watch has ended") };
                        // The first comes while others are being opened.
                        if std::mem::take(&mut first) {
                            continue;
                        }
                        let sent: u128 = std::str::from_utf8(&bytes)?.trim().parse()?;
                        late.push(Duration::from_nanos(
                            u64::try_from(now.saturating_sub(sent)).unwrap_or(u64::MAX),
                        ));
                    }
                });
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(OPENING, opening).await??;
        Ok(Self { followers, ending })
    }

    async fn end(mut self) -> anyhow::Result<Latency> {
        self.ending.send_replace(true);
        let mut late = Vec::new();
        while let Some(follower) = self.followers.join_next().await {
            late.extend(follower??);
        }
        anyhow::ensure!(!late.is_empty(), "no events came");
        Ok(Latency::of(late))
    }
}
