//! The connections of one lane to a directly reached apiserver, as a [`Transport`].

use std::{
    error::Error as _,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::{
    client::legacy::{Client, Error as ClientError},
    rt::{TokioExecutor, TokioTimer},
};
use tower::{BoxError, Service, util::BoxCloneSyncService};

use super::{Body, Lane, Protocol, Stage, Transport, TransportError, Tuning, dial::Dialer};
use crate::kubeconfig::{Access, Credential};

/// One stream's share of what the server may send unread; the connection's own window is never the bound, so that one
/// stuck reader holds up no other.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
/// The server drops connections that are idle for 90 s; being earlier avoids writing into a closing one.
const IDLE: Duration = Duration::from_secs(60);
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_DEADLINE: Duration = Duration::from_secs(5);

/// The transport of one lane.
pub(crate) fn lane(access: &Access, lane: Lane, tuning: &Tuning) -> Result<Transport, TransportError> {
    let protocol = tuning.protocol(lane);
    let protocols: &[&[u8]] = match protocol {
        Protocol::Http1 => &[b"http/1.1"],
        // A load balancer in front may speak HTTP/1.1 only.
        Protocol::Http2 => &[b"h2", b"http/1.1"],
    };
    let dialer = Dialer::new(access, protocols, None)?;
    let origin = Origin::new(access, &dialer)?;
    // One client keeps one connection over HTTP/2, and opens it with the first request.
    let count = match protocol {
        Protocol::Http1 => 1,
        Protocol::Http2 => tuning.connections(lane).max(1),
    };
    let slots = (0..count).map(|_| Slot { client: client(dialer.clone()), busy: Arc::default() }).collect();
    let pool = Pool { slots, streams: tuning.streams.max(1), origin };
    Ok(BoxCloneSyncService::new(Handle(Arc::new(pool))))
}

fn client(dialer: Dialer) -> Client<Dialer, Body> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_DEADLINE)
        // A connection that died while nobody used it must not cost the next request its deadline.
        .http2_keep_alive_while_idle(true)
        .build(dialer)
}

fn authorization(credential: &Credential) -> Result<Option<HeaderValue>, TransportError> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = match credential {
        Credential::Token { token } => format!("Bearer {}", token.expose()),
        Credential::Basic { username, password } => {
            format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.expose())))
        }
        Credential::ClientCertificate { .. } => return Ok(None),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        TransportError::new(
            Stage::Http,
            "the credential holds characters that a request cannot carry",
            "Copy the credential again.",
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

struct Slot {
    client: Client<Dialer, Body>,
    busy: Arc<AtomicUsize>,
}

struct Pool {
    slots: Vec<Slot>,
    streams: usize,
    origin: Origin,
}

impl Pool {
    /// The first connection with room: sharing one is cheaper than using several, as long as it is not full.
    fn pick(&self) -> Option<&Slot> {
        let busy = |slot: &&Slot| slot.busy.load(Ordering::Relaxed);
        self.slots
            .iter()
            .find(|slot| busy(slot) < self.streams)
            .or_else(|| self.slots.iter().min_by_key(busy))
    }
}

/// Where requests go, and whose they are.
pub(super) struct Origin {
    authorization: Option<HeaderValue>,
    prefix: String,
    server: String,
}

impl Origin {
    pub(super) fn new(access: &Access, dialer: &Dialer) -> Result<Self, TransportError> {
        Ok(Self {
            authorization: authorization(&access.credential)?,
            prefix: access.endpoint.path().trim_end_matches('/').to_owned(),
            server: dialer.server(),
        })
    }

    /// Makes a request for a path into one for this server.
    pub(super) fn address<B>(&self, request: &mut Request<B>) -> Result<(), TransportError> {
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        let uri = Uri::builder()
            .scheme("https")
            .authority(self.server.as_str())
            .path_and_query(format!("{}{path}", self.prefix))
            .build()
            .map_err(|error| {
                TransportError::new(Stage::Http, format!("no request can be made: {error}"), "")
            })?;
        *request.uri_mut() = uri;
        // The client speaks whichever version the connection agreed on.
        *request.version_mut() = http::Version::HTTP_11;
        let headers = request.headers_mut();
        match &self.authorization {
            Some(value) => headers.insert(header::AUTHORIZATION, value.clone()),
            None => headers.remove(header::AUTHORIZATION),
        };
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
        Ok(())
    }
}

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("hanse/", env!("CARGO_PKG_VERSION")));

/// A shared pool as a service.
#[derive(Clone)]
struct Handle(Arc<Pool>);

impl Service<Request<Body>> for Handle {
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let addressed = self.0.origin.address(&mut request);
        let picked = self.0.pick().map(|slot| (slot.client.clone(), Busy::new(&slot.busy)));
        let pool = Arc::clone(&self.0);
        Box::pin(async move {
            addressed?;
            let Some((client, busy)) = picked else {
                return Err(TransportError::new(Stage::Http, "the lane has no connection", ""));
            };
            let answer =
                client.request(request).await.map_err(|error| explain(&error, &pool.origin.server))?;
            Ok(answer.map(|body| Counted { body, _busy: busy }.boxed_unsync()))
        })
    }
}

/// Counts a request as open until it is dropped.
struct Busy(Arc<AtomicUsize>);

impl Busy {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body that keeps its request counted.
struct Counted {
    body: Incoming,
    _busy: Busy,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The dialer's own error where there is one, else what broke on an open connection.
fn explain(error: &ClientError, server: &str) -> TransportError {
    let mut cause = error.source();
    let mut last = error.to_string();
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<TransportError>() {
            return found.clone();
        }
        if let Some(io) = current.downcast_ref::<std::io::Error>()
            && io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
        {
            return super::tls::explain(io, server);
        }
        last = current.to_string();
        cause = current.source();
    }
    TransportError::new(
        Stage::Http,
        format!("the connection to {server} broke: {last}"),
        "It is opened again by itself. If this stays, check what is between Hanse and the cluster.",
    )
}
