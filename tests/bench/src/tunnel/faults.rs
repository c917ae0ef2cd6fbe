//! What breaks: a line that falls silent, a line that is cut, an agent that is killed, a hub that is gone for a moment,
//! and one of two agents that is killed.

use std::time::{Duration, Instant};

use anyhow::Context;
use hanse_harness::{Fault, FaultProxy};
use hanse_types::ClusterId;
use serde::{Deserialize, Serialize};

use super::{line::Target, run::Stand};
use crate::{figures::median, say};

/// Longest wait for anything here.
const DEADLINE: Duration = Duration::from_secs(45);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// An agent dials again at once only after a tunnel that has lasted.
const LASTED: Duration = Duration::from_millis(5_200);
/// A request that gets no answer.
const UNANSWERED: Duration = Duration::from_secs(1);

/// In seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// Silence → the hub knows.
    pub silence_at_hub: f64,
    /// Silence → the agent dials anew.
    pub silence_at_agent: f64,
    /// The line is back after silence → an answer.
    pub after_silence: f64,
    /// The line is cut and at once whole again → an answer.
    pub after_cut: f64,
    /// The agent is killed and at once started again → an answer.
    pub after_agent: f64,
    /// The hub stops and at once listens again → an answer.
    pub after_hub: f64,
    /// One of two agents is killed under load → longest time without an answer.
    pub failover: f64,
    /// Requests that failed meanwhile.
    pub failover_failed: usize,
}

/// All of them, one after the other; medians of several tries.
pub async fn measure(stand: &mut Stand) -> anyhow::Result<Faults> {
    let tries = stand.scale.tries;
    let (mut after_cut, mut after_agent, mut after_hub) = (Vec::new(), Vec::new(), Vec::new());
    stand.alone().await?;
    let line = FaultProxy::to(stand.hub.address);
    let cluster = ClusterId::new();
    let mut agent = stand.agents(line.address(), &[(cluster, "alone".to_owned())]).await?;
    stand.hub.connected(2).await?;
    let target = Target::Tunnel(stand.hub.registry.clone(), cluster);
    say("cuts");
    for _ in 0..tries {
        answers(&target).await?;
        tokio::time::sleep(LASTED).await;
        line.set(Fault::Cut).await;
        line.set(Fault::Pass).await;
        after_cut.push(answers(&target).await?);
    }
    for _ in 0..tries {
        drop(agent);
        let began = Instant::now();
        agent = stand.agents(line.address(), &[(cluster, "alone".to_owned())]).await?;
        answers(&target).await?;
        after_agent.push(began.elapsed().as_secs_f64());
    }
    for _ in 0..tries {
        tokio::time::sleep(LASTED).await;
        stand.hub.stop().await?;
        stand.hub.listen().await?;
        after_hub.push(answers(&target).await?);
    }
    stand.hub.connected(2).await?;
    let (failover, failover_failed) = failover(stand).await?;
    say("silence");
    tokio::time::sleep(LASTED).await;
    answers(&target).await?;
    let dialled = line.connections();
    let mut presence = stand.hub.registry.presence(cluster);
    let began = Instant::now();
    line.set(Fault::HalfOpen).await;
    let at_hub = async {
        tokio::time::timeout(DEADLINE, presence.wait_for(|presence| presence.tunnels == 0)).await??;
        anyhow::Ok(began.elapsed().as_secs_f64())
    };
    let at_agent = async {
        until(|| line.connections() > dialled).await.context("the agent does not notice the silence")?;
        anyhow::Ok(began.elapsed().as_secs_f64())
    };
    let (silence_at_hub, silence_at_agent) = tokio::try_join!(at_hub, at_agent)?;
    line.set(Fault::Pass).await;
    let after_silence = answers(&target).await?;
    drop(agent);
    stand.alone().await?;
    Ok(Faults {
        silence_at_hub,
        silence_at_agent,
        after_silence,
        after_cut: median(after_cut),
        after_agent: median(after_agent),
        after_hub: median(after_hub),
        failover,
        failover_failed,
    })
}

async fn until(is_it: impl Fn() -> bool) -> anyhow::Result<()> {
    let looking = async {
        while !is_it() {
            tokio::time::sleep(LOOK).await;
        }
    };
    Ok(tokio::time::timeout(DEADLINE, looking).await?)
}

/// Seconds until an answer.
async fn answers(target: &Target) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut line = target.open().await?;
    while began.elapsed() < DEADLINE {
        if matches!(tokio::time::timeout(UNANSWERED, line.small()).await, Ok(Ok(()))) {
            return Ok(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(LOOK).await;
    }
    anyhow::bail!("no answer through the tunnel within {} s", DEADLINE.as_secs())
}

async fn failover(stand: &Stand) -> anyhow::Result<(f64, usize)> {
    let cluster = ClusterId::new();
    let first = stand.agents(stand.hub.address, &[(cluster, "first".to_owned())]).await?;
    let _second = stand.agents(stand.hub.address, &[(cluster, "second".to_owned())]).await?;
    stand.hub.connected(4).await?;
    let target = Target::Tunnel(stand.hub.registry.clone(), cluster);
    let mut line = target.open().await?;
    let (began, mut first) = (Instant::now(), Some(first));
    let (mut last, mut longest, mut failed) = (Instant::now(), Duration::ZERO, 0);
    while began.elapsed() < Duration::from_secs(2) {
        if began.elapsed() > Duration::from_millis(500) {
            drop(first.take());
        }
        match tokio::time::timeout(UNANSWERED, line.small()).await {
            Ok(Ok(())) => {
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            _ => failed += 1,
        }
    }
    longest = longest.max(last.elapsed());
    Ok((longest.as_secs_f64(), failed))
}
