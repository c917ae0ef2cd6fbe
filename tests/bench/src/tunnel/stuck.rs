//! Readers that read nothing, beside others that do: how much slower those get, and what it holds in memory.

use std::time::Duration;

use hanse_tunnel::empty;
use serde::{Deserialize, Serialize};

use super::{
    line::{Requests, requests},
    run::Stand,
};
use crate::figures::mib;

const STUCK: [usize; 4] = [0, 1, 10, 100];
const IN_FLIGHT: usize = 8;
/// Until all windows are full.
const FILLING: Duration = Duration::from_millis(500);

/// One number of stuck readers in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub round: usize,
    pub stuck: usize,
    pub others: Requests,
    /// What hub and agent hold together beyond what they held before.
    pub growth_mib: f64,
}

/// From few to many in each round.
pub async fn measure(stand: &Stand) -> anyhow::Result<Vec<Round>> {
    let mut rounds = Vec::new();
    let held = || anyhow::Ok(mib(stand.own.rss()?) + mib(stand.agent.process.rss()?));
    let before = held()?;
    for round in 0..stand.scale.rounds {
        for stuck in STUCK {
            let mut unread = Vec::new();
            for mut line in stand.tunnel.lines(stuck).await? {
                unread.push(line.ask("/bulk", empty()).await?);
            }
            tokio::time::sleep(FILLING).await;
            let others = requests(&stand.tunnel, IN_FLIGHT, stand.scale.lasting()).await?;
            rounds.push(Round { round, stuck, others, growth_mib: held()? - before });
        }
    }
    Ok(rounds)
}
