//! Asking the origin: through the tunnel, or directly over TLS with connections kept.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hanse_tunnel::{Body, Registry, empty};
use hanse_types::ClusterId;
use http::{Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::{body::Body as _, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsConnector;

use super::origin::{Origin, SMALL};
use crate::figures::{Latency, float};

const DEADLINE: Duration = Duration::from_secs(30);

/// Whom to ask.
#[derive(Clone)]
pub enum Target {
    Tunnel(Registry, ClusterId),
    Direct(SocketAddr, TlsConnector),
}

/// One that asks, one request at a time.
pub enum Line {
    Tunnel(Registry, ClusterId),
    Direct(SendRequest<Body>),
}

impl Target {
    /// The origin itself.
    pub fn direct(origin: &Origin) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(origin.certificate.clone()))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self::Direct(origin.tls, TlsConnector::from(Arc::new(tls))))
    }

    /// The same at another address.
    pub fn at(&self, address: SocketAddr) -> Self {
        match self {
            Self::Direct(_, connector) => Self::Direct(address, connector.clone()),
            Self::Tunnel(..) => self.clone(),
        }
    }

    pub async fn open(&self) -> anyhow::Result<Line> {
        match self {
            Self::Tunnel(registry, cluster) => Ok(Line::Tunnel(registry.clone(), *cluster)),
            Self::Direct(address, connector) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let name = ServerName::try_from("127.0.0.1")?;
                let stream = connector.connect(name, stream).await?;
                let (requests, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(async move {
                    // Ends with the line.
                    connection.await.ok();
                });
                Ok(Line::Direct(requests))
            }
        }
    }

    /// Several, for asking side by side.
    pub async fn lines(&self, count: usize) -> anyhow::Result<Vec<Line>> {
        let all = stream::iter(0..count).map(|_| self.open()).buffer_unordered(32).try_collect();
        tokio::time::timeout(DEADLINE, all).await.context("the origin cannot be reached in time")?
    }
}

impl Line {
    pub async fn ask(&mut self, path: &str, body: Body) -> anyhow::Result<Response<Body>> {
        // A GET has no body, whatever it is given.
        let method = if body.is_end_stream() { Method::GET } else { Method::POST };
        let request =
            Request::builder().method(method).uri(path).header(header::HOST, "origin").body(body)?;
        let response = match self {
            Self::Tunnel(registry, cluster) => registry.send(*cluster, request).await?,
            Self::Direct(requests) => {
                requests.ready().await?;
                let response = requests.send_request(request).await?;
                response.map(|body| body.map_err(Into::into).boxed_unsync())
            }
        };
        ensure!(response.status().is_success(), "{path}: {}", response.status());
        Ok(response)
    }

    /// Asks for the small answer and reads it.
    pub async fn small(&mut self) -> anyhow::Result<()> {
        let mut body = self.ask("/small", empty()).await?.into_body();
        let mut count = 0;
        while let Some(bytes) = next(&mut body).await? {
            count += bytes.len();
        }
        ensure!(count == SMALL, "the small answer has {count} bytes");
        Ok(())
    }
}

/// The next bytes of a body; `None` at its end.
pub async fn next(body: &mut Body) -> anyhow::Result<Option<Bytes>> {
    match body.frame().await {
        None => Ok(None),
        Some(frame) => {
            let frame = frame.map_err(|error| anyhow::anyhow!("the answer broke: {error}"))?;
            Ok(Some(frame.into_data().unwrap_or_default()))
        }
    }
}

/// Small requests, one after the other on each of so many lines.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Requests {
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

/// Asks for so long.
pub async fn requests(target: &Target, in_flight: usize, lasting: Duration) -> anyhow::Result<Requests> {
    let lines = target.lines(in_flight).await?;
    let (began, mut askers) = (Instant::now(), JoinSet::new());
    for mut line in lines {
        askers.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < lasting {
                let sent = Instant::now();
                line.small().await?;
                took.push(sent.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    let all = async {
        while let Some(asker) = askers.join_next().await {
            took.extend(asker??);
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(lasting + DEADLINE, all).await.context("small requests hang")??;
    let seconds = began.elapsed().as_secs_f64();
    let (count, latency) = (took.len(), Latency::of(took));
    Ok(Requests { per_second: float(count) / seconds, p50_ms: latency.p50, p99_ms: latency.p99 })
}
