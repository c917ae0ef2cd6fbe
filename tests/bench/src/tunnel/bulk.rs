//! Bulk, both ways, on one stream and on four: how much per second, and what a gigabyte costs the processors; and the
//! same over a line that delays everything by 25 ms each way.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::try_join_all;
use hanse_tunnel::empty;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinSet,
};

use super::{
    line::{Target, next},
    origin::{CHUNK, Repeat},
    run::Stand,
};
use crate::figures::float;

const STREAMS: [usize; 2] = [1, 4];
/// Of each direction.
pub const DELAY: Duration = Duration::from_millis(25);
/// Chunks that the delaying line holds at most, so that it is not what bounds the rate.
const HELD: usize = 2048;

/// Seen from the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// From the origin: lists, logs.
    Down,
    /// To the origin: uploads.
    Up,
}

/// What flowed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Flow {
    pub gigabytes_per_second: f64,
    /// Both ends of the tunnel; for direct, of the asking process alone.
    pub ends_cpu_seconds_per_gb: f64,
    /// All processes, origin included.
    pub cpu_seconds_per_gb: f64,
}

/// One round.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    pub direction: Direction,
    pub streams: usize,
    pub delayed: bool,
    pub tunnel: Flow,
    pub direct: Flow,
}

/// Both in turn.
pub async fn measure(stand: &Stand) -> anyhow::Result<Vec<Round>> {
    let mut rounds = Vec::new();
    for round in 0..stand.scale.rounds {
        for direction in [Direction::Down, Direction::Up] {
            for streams in STREAMS {
                let (mut tunnel, mut direct) = (Flow::default(), Flow::default());
                for turn in 0..2 {
                    if (turn + round) % 2 == 0 {
                        tunnel = metered(stand, &stand.tunnel, direction, streams).await?;
                    } else {
                        direct = metered(stand, &stand.direct, direction, streams).await?;
                    }
                }
                rounds.push(Round { direction, streams, delayed: false, tunnel, direct });
            }
        }
    }
    let (_slow, tunnel, direct) = stand.delayed(DELAY).await?;
    for direction in [Direction::Down, Direction::Up] {
        for streams in STREAMS {
            let tunnel = metered(stand, &tunnel, direction, streams).await?;
            let direct = metered(stand, &direct, direction, streams).await?;
            rounds.push(Round { direction, streams, delayed: true, tunnel, direct });
        }
    }
    Ok(rounds)
}

async fn metered(
    stand: &Stand,
    target: &Target,
    direction: Direction,
    streams: usize,
) -> anyhow::Result<Flow> {
    let used = || {
        let (own, agent) = (stand.own.cpu_seconds()?, stand.agent.process.cpu_seconds()?);
        anyhow::Ok((own + agent, stand.origin.process.cpu_seconds()?))
    };
    let before = used()?;
    let began = Instant::now();
    let bytes = flow(target, direction, streams, stand.scale.lasting()).await?;
    let seconds = began.elapsed().as_secs_f64();
    let after = used()?;
    // Never none: a figure that is no number cannot be told.
    let (gigabytes, ends) = (bytes.max(1.0) / 1e9, after.0 - before.0);
    Ok(Flow {
        gigabytes_per_second: gigabytes / seconds,
        ends_cpu_seconds_per_gb: ends / gigabytes,
        cpu_seconds_per_gb: (ends + after.1 - before.1) / gigabytes,
    })
}

/// Lets bytes flow for so long, and counts them.
pub async fn flow(
    target: &Target,
    direction: Direction,
    streams: usize,
    lasting: Duration,
) -> anyhow::Result<f64> {
    let lines = target.lines(streams).await?;
    let until = Instant::now() + lasting;
    let flows = lines.into_iter().map(|mut line| {
        tokio::spawn(async move {
            match direction {
                Direction::Down => {
                    let mut body = line.ask("/bulk", empty()).await?.into_body();
                    let mut count = 0_u64;
                    while Instant::now() < until {
                        count += next(&mut body).await?.map_or(0, |bytes| bytes.len() as u64);
                    }
                    anyhow::Ok(float(count))
                }
                Direction::Up => {
                    let body = Repeat::new(move || Instant::now() < until).boxed_unsync();
                    let mut body = line.ask("/sink", body).await?.into_body();
                    let mut text = Vec::new();
                    while let Some(bytes) = next(&mut body).await? {
                        text.extend_from_slice(&bytes);
                    }
                    Ok(String::from_utf8(text)?.parse()?)
                }
            }
        })
    });
    let flows = tokio::time::timeout(lasting + Duration::from_secs(60), try_join_all(flows)).await??;
    flows.into_iter().sum()
}

/// A line that carries everything so much later, as long as it lives.
pub struct DelayingLine {
    pub address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl DelayingLine {
    pub async fn to(upstream: SocketAddr, delay: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            let mut carried = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                carried.spawn(async move {
                    let Ok(server) = TcpStream::connect(upstream).await else { return };
                    client.set_nodelay(true).ok();
                    server.set_nodelay(true).ok();
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    tokio::join!(carry(from_client, to_server, delay), carry(from_server, to_client, delay));
                });
            }
        });
        Ok(Self { address, _accepting: accepting })
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (queue, mut due) = mpsc::channel::<(tokio::time::Instant, Bytes)>(HELD);
    let read = async move {
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let bytes = Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default());
            if queue.send((tokio::time::Instant::now() + delay, bytes)).await.is_err() {
                return;
            }
        }
    };
    let write = async move {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                return;
            }
        }
        to.shutdown().await.ok();
    };
    tokio::join!(read, write);
}
