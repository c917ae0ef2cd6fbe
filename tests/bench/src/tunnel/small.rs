//! Requests of 1 KiB, a few and many in flight, beside direct; and the same while bulk flows through the same tunnel.

use serde::{Deserialize, Serialize};

use super::{
    bulk::{self, Direction},
    line::{Requests, requests},
    run::Stand,
};

const IN_FLIGHT: [usize; 3] = [1, 64, 1000];
/// In flight beside bulk.
const BESIDE: usize = 8;

/// One round at one number of requests in flight.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub in_flight: usize,
    pub during_bulk: bool,
    pub tunnel: Requests,
    pub direct: Requests,
}

/// Both in turn.
pub async fn measure(stand: &Stand) -> anyhow::Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for round in 0..stand.scale.rounds {
        for in_flight in IN_FLIGHT {
            let (mut tunnel, mut direct) = (Requests::default(), Requests::default());
            for turn in 0..2 {
                if (turn + round) % 2 == 0 {
                    tunnel = requests(&stand.tunnel, in_flight, stand.scale.lasting()).await?;
                } else {
                    direct = requests(&stand.direct, in_flight, stand.scale.lasting()).await?;
                }
            }
            rounds.push(Round { in_flight, during_bulk: false, tunnel, direct });
        }
        let lasting = stand.scale.lasting();
        let (_, tunnel) = tokio::try_join!(
            bulk::flow(&stand.tunnel, Direction::Down, 1, lasting),
            requests(&stand.tunnel, BESIDE, lasting)
        )?;
        let (_, direct) = tokio::try_join!(
            bulk::flow(&stand.direct, Direction::Down, 1, lasting),
            requests(&stand.direct, BESIDE, lasting)
        )?;
        rounds.push(Round { in_flight: BESIDE, during_bulk: true, tunnel, direct });
    }
    Ok(rounds)
}
