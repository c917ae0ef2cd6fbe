//! Forwarding to the one origin that can be reached: the apiserver. A [`Gate`] looks at every request first.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::future::BoxFuture;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, request::Parts,
    uri::PathAndQuery,
};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, rt::ReadBufCursor};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tower::Service;

use super::chain;
use crate::{
    body::{Body, Filled},
    empty, full, pass,
    wire::{AGENT_ERROR, METHOD, STATUS, UPGRADE_TO, strip},
};

/// Until a connection to the origin stands.
const CONNECT: Duration = Duration::from_secs(10);
/// An apiserver drops connections that are idle for 90 s; being earlier avoids writing into a closing one.
const IDLE: Duration = Duration::from_secs(60);
/// Bytes kept of each direction of an upgraded stream.
const UPGRADE_BUFFER: usize = 64 * 1024;
/// Most connections that are kept for the next request.
const KEPT: usize = 64;

/// A connection to the origin.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Where requests go.
pub trait Origin: Send + Sync + 'static {
    /// Opens a connection, on which HTTP/1.1 is spoken.
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Io>>>;
    /// Its `Host`.
    fn host(&self) -> &str;
}

/// Looks at each request before it is forwarded: refuses it, or makes it one of the member's own.
pub trait Gate: Send + Sync + 'static {
    /// Lets it pass, changed as needed, or answers it.
    fn pass<'a>(&'a self, request: &'a mut Parts) -> BoxFuture<'a, Result<(), Box<Response<Body>>>>;
}

/// Forwards requests to the origin.
#[derive(Clone)]
pub struct Forwarder {
    origin: Arc<dyn Origin>,
    gate: Arc<dyn Gate>,
    client: Client<Opener, Body>,
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("origin", &self.origin.host()).finish_non_exhaustive()
    }
}

impl Forwarder {
    /// To this origin, through this gate.
    #[must_use]
    pub fn new(origin: Arc<dyn Origin>, gate: Arc<dyn Gate>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(KEPT)
            // Only the hub may decide to try again.
            .retry_canceled_requests(true)
            .build(Opener(Arc::clone(&origin)));
        Self { origin, gate, client }
    }

    /// Forwards one request.
    pub async fn forward(&self, request: Request<Incoming>) -> Response<Body> {
        if request.method() == Method::CONNECT {
            return self.upgrade(request).await.unwrap_or_else(|answer| *answer);
        }
        let (mut parts, body) = request.into_parts();
        strip(&mut parts.headers);
        parts.headers.remove(STATUS);
        if let Err(answer) = self.gate.pass(&mut parts).await {
            return *answer;
        }
        let uri = match self.uri(parts.uri.path_and_query()) {
            Ok(uri) => uri,
            Err(error) => return own_words(&error.to_string()),
        };
        parts.uri = uri;
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        match self.client.request(Request::from_parts(parts, Filled(body).boxed_unsync())).await {
            Ok(mut response) => {
                strip(response.headers_mut());
                response.map(|body| body.map_err(Into::into).boxed_unsync())
            }
            Err(error) => own_words(&chain(&error)),
        }
    }

    /// Sends a request of the agent's own, past the gate.
    ///
    /// # Errors
    /// When the origin cannot be asked.
    pub async fn call(&self, mut request: Request<Body>) -> Result<Response<Body>, String> {
        *request.uri_mut() = self.uri(request.uri().path_and_query()).map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| chain(&error))?;
        Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    fn uri(&self, path: Option<&PathAndQuery>) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme("http")
            .authority(self.origin.host())
            .path_and_query(path.map_or("/", PathAndQuery::as_str))
            .build()
    }

    /// Opens a connection of its own for a request that is to be upgraded.
    async fn upgrade(&self, mut request: Request<Incoming>) -> Result<Response<Body>, Box<Response<Body>>> {
        let words = |what: &str| Box::new(own_words(what));
        let theirs = hyper::upgrade::on(&mut request);
        let (mut parts, _) = request.into_parts();
        let (method, protocol) = (parts.headers.get(METHOD).cloned(), parts.headers.get(UPGRADE_TO).cloned());
        let (Some(method), Some(protocol)) = (method, protocol) else {
            return Err(words("the hub asks for an upgrade and does not say to what"));
        };
        parts.method = Method::from_bytes(method.as_bytes()).map_err(|error| words(&error.to_string()))?;
        strip(&mut parts.headers);
        self.gate.pass(&mut parts).await?;
        parts.headers.insert(header::UPGRADE, protocol);
        parts.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let host = HeaderValue::from_str(self.origin.host()).map_err(|error| words(&error.to_string()))?;
        parts.headers.insert(header::HOST, host);
        let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        parts.uri = path.parse().map_err(|error: http::uri::InvalidUri| words(&error.to_string()))?;
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        let opened = timeout(CONNECT, self.origin.open())
            .await
            .map_err(|_| words("it does not answer in time"))?
            .map_err(|error| words(&chain(&error)))?;
        let (mut requests, connection) = hyper::client::conn::http1::handshake(TokioIo::new(opened))
            .await
            .map_err(|error| words(&chain(&error)))?;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!("a connection of an upgrade ended: {error}");
            }
        });
        let mut response = requests
            .send_request(Request::from_parts(parts, empty()))
            .await
            .map_err(|error| words(&chain(&error)))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            strip(response.headers_mut());
            return Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()));
        }
        let ours = hyper::upgrade::on(&mut response);
        tokio::spawn(async move {
            let (theirs, ours) = match tokio::try_join!(theirs, ours) {
                Ok(both) => both,
                Err(error) => {
                    tracing::debug!("an upgrade was given up: {error}");
                    return;
                }
            };
            if let Err(error) = pass(TokioIo::new(theirs), TokioIo::new(ours), UPGRADE_BUFFER).await {
                tracing::debug!("an upgraded stream broke: {error}");
            }
        });
        let mut answer = Response::new(empty());
        *answer.headers_mut() = response.headers().clone();
        let protocol = response.headers().get(header::UPGRADE).cloned();
        strip(answer.headers_mut());
        answer.headers_mut().remove(header::CONTENT_LENGTH);
        answer.headers_mut().insert(STATUS, HeaderValue::from_static("101"));
        if let Some(protocol) = protocol {
            answer.headers_mut().insert(UPGRADE_TO, protocol);
        }
        Ok(answer)
    }
}

/// An answer of the agent itself, because the origin could not be asked.
fn own_words(why: &str) -> Response<Body> {
    let mut answer = Response::new(full(why.to_owned()));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer.headers_mut().insert(AGENT_ERROR, HeaderValue::from_static("origin"));
    answer
}

#[derive(Clone)]
struct Opener(Arc<dyn Origin>);

impl Service<Uri> for Opener {
    type Response = Open;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Open>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let origin = Arc::clone(&self.0);
        Box::pin(async move {
            let opened = timeout(CONNECT, origin.open()).await;
            let opened = opened
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "it does not answer in time"))??;
            Ok(Open(TokioIo::new(opened)))
        })
    }
}

/// An open connection, as the client wants it.
struct Open(TokioIo<Box<dyn Io>>);

impl Connection for Open {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl hyper::rt::Read for Open {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Open {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
