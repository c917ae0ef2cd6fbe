//! The agent's end: dials for ever, and serves what the hub asks.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rand::RngExt as _;
use thiserror::Error;
use tokio::{
    sync::{Mutex, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

mod dial;
mod forward;
mod web;

pub use dial::Proxy;
use dial::Way;
pub use forward::{Forwarder, Gate, Io, Origin};
pub use web::Web;

use crate::{
    Settings,
    body::{Body, Filled},
    empty, full,
    pki::{self, AgentKey, PkiError},
    settings::{CONNECTION_WINDOW, FRAME, HEADER_LIST, SEND_BUFFER},
    wire::{AGENT, CERTIFICATE, HELLO, Hello, REFUSAL, RENEWAL, SMALL},
};

/// A tunnel that lasted this long was a good one: the next is dialled at once.
const LASTED: Duration = Duration::from_secs(5);

/// What an agent has to know and to have for dialling.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Certificate of the hub's authority.
    pub ca: String,
    /// Our certificate.
    pub certificate: String,
    /// Our key.
    pub key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// Keeps credentials over a restart.
pub trait Keep: Send + Sync + 'static {
    /// Keeps them, or says why not.
    fn keep<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Result<(), String>>;
}

/// Why there is no tunnel.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The certificate or key cannot be used.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// One stage of dialling failed.
    #[error("{stage}: {message}")]
    Dial {
        /// Which.
        stage: &'static str,
        /// What happened, and what to do.
        message: String,
    },
    /// None of several ways leads to the hub.
    #[error("no way leads to the hub: {0}")]
    NoWay(String),
    /// The hub does not want us.
    #[error("the hub refuses this agent: {0}")]
    Refused(String),
    /// The tunnel ended.
    #[error("the tunnel ended: {0}")]
    Ended(String),
}

/// Answers requests for the apiserver.
pub type Handler = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// Reads who the cluster is.
pub type SystemUid = Arc<dyn Fn() -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// An agent's link to its hub.
pub struct Link {
    /// `host:port` of the hub's listener.
    pub address: String,
    /// Proxy that may be needed on the way.
    pub proxy: Option<Proxy>,
    /// The hub's web port, for where only web traffic passes.
    pub web: Option<Web>,
    /// Not to be tried but through the web port.
    pub only_web: bool,
    /// Figures of the protocol.
    pub settings: Settings,
    /// Tells a restarted agent from a second one.
    pub instance: String,
    /// Version of the agent.
    pub version: String,
    /// Who the cluster is.
    pub system_uid: SystemUid,
    /// Answers requests for the apiserver.
    pub handler: Handler,
    /// Keeps renewed credentials.
    pub keep: Arc<dyn Keep>,
    credentials: watch::Sender<Credentials>,
    renewal: Mutex<Option<AgentKey>>,
    /// Which of the ways led to the hub last.
    led: AtomicUsize,
}

impl Link {
    /// A link that is not dialled yet.
    #[must_use]
    pub fn new(
        address: String,
        instance: String,
        credentials: Credentials,
        handler: Handler,
        system_uid: SystemUid,
        keep: Arc<dyn Keep>,
    ) -> Self {
        Self {
            address,
            proxy: None,
            web: None,
            only_web: false,
            settings: Settings::default(),
            instance,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            system_uid,
            handler,
            keep,
            credentials: watch::Sender::new(credentials),
            renewal: Mutex::default(),
            led: AtomicUsize::new(0),
        }
    }

    /// Keeps a tunnel until told to stop.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut renewed = self.credentials.subscribe();
        // Tunnels that were replaced and end by themselves.
        let mut leaving = JoinSet::new();
        let mut failures = 0_u32;
        loop {
            renewed.mark_unchanged();
            let began = Instant::now();
            let (standing, mut stands) = watch::channel(false);
            let mut current = tokio::spawn(Arc::clone(&self).connect(standing, stop.clone()));
            let straighter = self.straighter();
            tokio::pin!(straighter);
            let ended = loop {
                tokio::select! {
                    () = stop.cancelled() => {
                        current.abort();
                        leaving.abort_all();
                        return;
                    }
                    ended = &mut current => break Some(ended),
                    Ok(()) = renewed.changed() => break None,
                    () = &mut straighter => break None,
                    () = sleep(self.settings.rotate.saturating_sub(began.elapsed())) => {
                        if *stands.borrow_and_update() {
                            break None;
                        }
                        sleep(self.settings.retry_to).await;
                    }
                    Some(_) = leaving.join_next() => {}
                }
            };
            let Some(ended) = ended else {
                // Make before break: the hub ends the old tunnel when the new one stands.
                leaving.spawn(async move { drop(current.await) });
                continue;
            };
            let why = match ended {
                Ok(error) => error.to_string(),
                Err(error) => format!("the tunnel's task ended: {error}"),
            };
            let stood = *stands.borrow_and_update() && began.elapsed() > LASTED;
            failures = if stood { 0 } else { failures.saturating_add(1) };
            let pause = if stood { Duration::ZERO } else { self.pause(failures) };
            tracing::warn!(pause_ms = pause.as_millis(), "{why}; connecting again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(pause) => {}
            }
        }
    }

    /// Full jitter, so that many agents do not come back in step. The first try again is made at once.
    fn pause(&self, failures: u32) -> Duration {
        if failures <= 1 {
            return Duration::ZERO;
        }
        let doubled = self.settings.retry_from.saturating_mul(1_u32 << (failures - 2).min(16));
        doubled.min(self.settings.retry_to).mul_f64(rand::rng().random_range(0.05..1.0))
    }

    /// One tunnel from dialling to its end.
    async fn connect(self: Arc<Self>, standing: watch::Sender<bool>, stop: CancellationToken) -> LinkError {
        match self.tunnel(standing, stop).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn tunnel(
        self: Arc<Self>,
        standing: watch::Sender<bool>,
        stop: CancellationToken,
    ) -> Result<std::convert::Infallible, LinkError> {
        let credentials = self.credentials.borrow().clone();
        let tls = pki::dialer(&credentials.ca, &credentials.certificate, &credentials.key)?;
        let (stream, way) = self.dial(tls).await?;
        let refused = Arc::new(std::sync::Mutex::new(None::<String>));
        let session =
            Arc::new(Session { link: Arc::clone(&self), way, standing, refused: Arc::clone(&refused) });
        let service = service_fn(move |request| {
            let session = Arc::clone(&session);
            async move { Ok::<_, std::convert::Infallible>(session.answer(request).await) }
        });
        let serving = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(self.settings.stream_window)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_header_list_size(HEADER_LIST)
            .max_send_buf_size(SEND_BUFFER)
            .max_concurrent_streams(self.settings.streams)
            .keep_alive_interval(self.settings.ping_every)
            .keep_alive_timeout(self.settings.ping_deadline)
            .enable_connect_protocol()
            .auto_date_header(false)
            .serve_connection(TokioIo::new(stream), service);
        let ended = tokio::select! {
            ended = serving => ended,
            () = stop.cancelled() => Ok(()),
        };
        if let Some(why) = refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            return Err(LinkError::Refused(why));
        }
        Err(LinkError::Ended(ended.map_or_else(|error| chain(&error), |()| "the hub closed it".to_owned())))
    }
}

impl Link {
    /// The ways to the hub, the straightest first.
    fn ways(&self) -> Vec<Way<'_>> {
        let (proxy, web) = (self.proxy.as_ref(), self.web.as_ref());
        let mut ways = Vec::new();
        if !self.only_web || web.is_none() {
            ways.push(Way { proxy: None, web: None });
            ways.extend(proxy.map(|_| Way { proxy, web: None }));
        }
        if web.is_some() {
            ways.extend(proxy.map(|_| Way { proxy, web }));
            ways.push(Way { proxy: None, web });
        }
        ways
    }

    /// Whether the hub is reached now, by any way, up to the TLS session; the connection ends at once. Says by which.
    ///
    /// # Errors
    /// Why each way leads nowhere.
    pub async fn reach(&self) -> Result<String, LinkError> {
        let credentials = self.credentials.borrow().clone();
        let tls = pki::dialer(&credentials.ca, &credentials.certificate, &credentials.key)?;
        Ok(self.dial(tls).await?.1)
    }

    /// Waits until a straighter way than the present one is open, and has it tried first: the hub may have been away at
    /// one door for a moment only.
    async fn straighter(&self) {
        loop {
            sleep(self.settings.straighten).await;
            let credentials = self.credentials.borrow().clone();
            let Ok(tls) = pki::dialer(&credentials.ca, &credentials.certificate, &credentials.key) else {
                continue;
            };
            let present = self.led.load(Ordering::Relaxed);
            for (index, way) in self.ways().iter().enumerate().take(present) {
                let dialled = dial::dial(&self.address, *way, Arc::clone(&tls), &self.settings);
                if matches!(timeout(self.settings.handshake, dialled).await, Ok(Ok(_))) {
                    tracing::info!(%way, "a straighter way to the hub is open");
                    self.led.store(index, Ordering::Relaxed);
                    return;
                }
            }
        }
    }

    /// Tries the ways, beginning with the one that led to the hub last.
    async fn dial(
        &self,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<(tokio_rustls::client::TlsStream<Box<dyn Io>>, String), LinkError> {
        let ways = self.ways();
        let first = self.led.load(Ordering::Relaxed) % ways.len().max(1);
        let mut failures = Vec::new();
        for (index, way) in ways.iter().enumerate().cycle().skip(first).take(ways.len()) {
            let dialled = dial::dial(&self.address, *way, Arc::clone(&tls), &self.settings);
            let error = match timeout(self.settings.handshake, dialled).await {
                Ok(Ok(stream)) => {
                    self.led.store(index, Ordering::Relaxed);
                    return Ok((stream, way.to_string()));
                }
                Ok(Err(error)) => error,
                Err(_) => LinkError::Dial {
                    stage: "connect",
                    message: format!(
                        "no connection to {} within {} s: check routes and firewalls on the way",
                        way.web.map_or_else(|| self.address.clone(), Web::address),
                        self.settings.handshake.as_secs_f32()
                    ),
                },
            };
            failures.push((way, error));
        }
        Err(match failures.pop() {
            Some((_, only)) if failures.is_empty() => only,
            last => {
                failures.extend(last);
                let told: Vec<String> =
                    failures.iter().map(|(way, error)| format!("[{way}] {error}")).collect();
                LinkError::NoWay(told.join("; "))
            }
        })
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = next.source();
    }
    text
}

struct Session {
    link: Arc<Link>,
    way: String,
    standing: watch::Sender<bool>,
    refused: Arc<std::sync::Mutex<Option<String>>>,
}

impl Session {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        let response = if authority == Some(AGENT) {
            self.own(request).await.unwrap_or_else(|(status, why)| plain(status, why))
        } else {
            (self.link.handler)(request).await
        };
        response.map(|body| Filled(body).boxed_unsync())
    }

    /// What the hub asks of the agent itself.
    async fn own(&self, request: Request<Incoming>) -> Result<Response<Body>, (StatusCode, String)> {
        let failed = |why: String| (StatusCode::INTERNAL_SERVER_ERROR, why);
        let path = request.uri().path().to_owned();
        let body = Limited::new(request.into_body(), SMALL).collect().await;
        let body = body.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?.to_bytes();
        match path.as_str() {
            HELLO => {
                let hello = Hello {
                    instance: self.link.instance.clone(),
                    system_uid: (self.link.system_uid)().await,
                    version: self.link.version.clone(),
                    way: self.way.clone(),
                };
                let said = serde_json::to_vec(&hello).map_err(|error| failed(error.to_string()))?;
                tracing::info!(hub = self.link.address, way = hello.way, "the tunnel stands");
                self.standing.send_replace(true);
                Ok(Response::new(full(said)))
            }
            REFUSAL => {
                self.standing.send_replace(false);
                let why = String::from_utf8_lossy(&body).into_owned();
                *self.refused.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(why);
                Ok(Response::new(empty()))
            }
            RENEWAL => {
                let key = AgentKey::generate().map_err(|error| failed(error.to_string()))?;
                let csr = key.csr_pem().to_owned();
                *self.link.renewal.lock().await = Some(key);
                Ok(Response::new(full(csr)))
            }
            CERTIFICATE => {
                let certificate: String = serde_json::from_slice(&body)
                    .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
                let key = self.link.renewal.lock().await.take();
                let key = key.ok_or((StatusCode::CONFLICT, "no certificate was asked for".to_owned()))?;
                let mut next = self.link.credentials.borrow().clone();
                next.certificate = certificate;
                key.key_pem().clone_into(&mut next.key);
                // Also says whether they fit together.
                pki::dialer(&next.ca, &next.certificate, &next.key)
                    .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
                self.link.keep.keep(&next).await.map_err(failed)?;
                tracing::info!("the certificate was renewed");
                self.link.credentials.send_replace(next);
                Ok(Response::new(empty()))
            }
            _ => Err((StatusCode::NOT_FOUND, format!("this agent does not know {path}"))),
        }
    }
}

fn plain(status: StatusCode, why: String) -> Response<Body> {
    let mut response = Response::new(full(why));
    *response.status_mut() = status;
    response
}

/// Makes a handler of an async function.
pub fn handler<F, R>(function: F) -> Handler
where
    F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    Arc::new(move |request| Box::pin(function(request)))
}
