//! From the start of the process to its first answers, with an empty database. The harness looks at growing intervals;
//! here somebody knocks every two milliseconds.

use std::{
    net::{SocketAddr, TcpListener},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use hanse_harness::HanseProcess;
use serde::Serialize;

const DEADLINE: Duration = Duration::from_secs(60);

/// What one start took.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Until `GET /` answers.
    pub first_page_seconds: f64,
    /// Until `GET /healthz` answers 200.
    pub health_seconds: f64,
}

/// Starts a server on an embedded database of its own.
pub async fn start(binary: &Path) -> anyhow::Result<(HanseProcess, Start)> {
    let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let began = Instant::now();
    let process = HanseProcess::builder().binary(binary).listen(listen).try_start();
    let (process, page, health) = tokio::try_join!(
        process,
        knock(listen, "/", &[200, 404], began),
        knock(listen, "/healthz", &[200], began)
    )?;
    Ok((process, Start { first_page_seconds: page, health_seconds: health }))
}

async fn knock(listen: SocketAddr, path: &str, wanted: &[u16], began: Instant) -> anyhow::Result<f64> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
    let url = format!("http://{listen}{path}");
    let answered = async {
        loop {
            if let Ok(answer) = client.get(&url).send().await
                && wanted.contains(&answer.status().as_u16())
                && answer.bytes().await.is_ok()
            {
                return began.elapsed().as_secs_f64();
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(DEADLINE, answered).await.with_context(|| format!("{path} does not answer"))
}
