//! One live tunnel: an HTTP/2 connection whose client is the hub.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use bytes::Bytes;
use h2::{
    Ping, PingPong, Reason, SendStream,
    client::{Connection, ResponseFuture, SendRequest},
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header, uri::PathAndQuery};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Duplex, Hello, TunnelError, Upgraded,
    guard::{Guarded, Heard},
    stream::{Answer, Sending, Stream},
};
use crate::{
    Settings,
    body::Body,
    empty, full,
    pki::Identity,
    settings::{CONNECTION_WINDOW, FRAME, HEADER_LIST, SEND_BUFFER},
    wire::{AGENT, AGENT_ERROR, CLUSTER, METHOD, SMALL, STATUS, UPGRADE, UPGRADE_TO, strip, upgrade_of},
};

/// Deadlines that a PING may take on a line on which something is heard.
const PATIENCE: u32 = 6;
/// An unread DATA frame costs up to 256 bytes more than it holds: so many times the bound on what they hold.
const CRUMBS: usize = 4;

/// Open streams, for the memory bound.
pub(super) struct Streams {
    started: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Stream>>>,
}

impl Streams {
    fn new() -> Arc<Self> {
        Arc::new(Self { started: Instant::now(), next: AtomicU64::new(0), open: Mutex::default() })
    }

    /// Milliseconds of this tunnel.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn remove(&self, key: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }

    fn add(self: &Arc<Self>, receiving: h2::RecvStream, sending: Sending) -> Arc<Stream> {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let stream = Arc::new(Stream::new(key, Arc::clone(self), receiving, sending, self.now()));
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::downgrade(&stream));
        stream
    }

    /// Resets streams, the one unread longest first, until what waits is within the bound.
    fn bound(&self, settings: &Settings) -> usize {
        let streams: Vec<Arc<Stream>> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            // So few cannot hold that much.
            if open.len().saturating_mul(settings.stream_window as usize) <= settings.unread {
                return 0;
            }
            open.values().filter_map(Weak::upgrade).collect()
        };
        let mut waiting: Vec<(u64, usize, &Arc<Stream>)> = streams
            .iter()
            .map(|stream| (stream.read_at(), stream.unread(), stream))
            .filter(|(_, unread, _)| *unread > 0)
            .collect();
        let mut total: usize = waiting.iter().map(|(_, unread, _)| unread).sum();
        waiting.sort_unstable_by_key(|(read_at, ..)| *read_at);
        let mut reset = 0;
        for (_, unread, stream) in waiting {
            if total <= settings.unread {
                break;
            }
            stream.cancel();
            total -= unread;
            reset += 1;
        }
        reset
    }
}

/// One live tunnel.
pub(crate) struct Tunnel {
    identity: Identity,
    hello: Hello,
    from: SocketAddr,
    /// Taken away when the tunnel is replaced, so that the connection ends after its last stream.
    requests: Mutex<Option<SendRequest<Bytes>>>,
    streams: Arc<Streams>,
    suspect: Arc<Notify>,
    closing: CancellationToken,
    why: Arc<Mutex<Option<String>>>,
}

/// A connection whose agent has not introduced itself yet.
pub(super) struct Opened {
    requests: SendRequest<Bytes>,
    pub(super) closing: CancellationToken,
    why: Arc<Mutex<Option<String>>>,
    suspect: Arc<Notify>,
}

fn broken(error: &h2::Error) -> TunnelError {
    TunnelError::Broken(error.to_string())
}

impl Opened {
    /// Begins HTTP/2 on an accepted connection.
    pub(super) async fn over<T>(io: T, settings: &Settings) -> Result<Self, TunnelError>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Heard::default();
        let (requests, mut connection) = h2::client::Builder::new()
            .initial_window_size(settings.stream_window)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_header_list_size(HEADER_LIST)
            .max_send_buffer_size(SEND_BUFFER)
            .initial_max_send_streams(1)
            // Only the hub opens streams.
            .enable_push(false)
            .max_concurrent_streams(0)
            // Left to itself it would follow the connection's window, and let crumbs pile up to gigabytes.
            .data_frame_budget(settings.unread.saturating_mul(CRUMBS))
            .handshake::<Guarded<T>, Bytes>(Guarded::new(io, heard.clone()))
            .await
            .map_err(|error| broken(&error))?;
        let closing = CancellationToken::new();
        let why = Arc::<Mutex<Option<String>>>::default();
        let suspect = Arc::new(Notify::new());
        if let Some(pings) = connection.ping_pong() {
            tokio::spawn(keep_alive(
                pings,
                heard,
                settings.clone(),
                Arc::clone(&suspect),
                closing.clone(),
                Arc::clone(&why),
            ));
        }
        tokio::spawn(drive(connection, closing.clone(), Arc::clone(&why)));
        Ok(Self { requests, closing, why, suspect })
    }

    /// Asks the agent itself.
    pub(super) async fn ask(&self, path: &str, body: Body) -> Result<Bytes, TunnelError> {
        ask(self.requests.clone(), path, body).await
    }

    pub(super) fn into_tunnel(self, identity: Identity, hello: Hello, from: SocketAddr) -> Arc<Tunnel> {
        Arc::new(Tunnel {
            identity,
            hello,
            from,
            requests: Mutex::new(Some(self.requests)),
            streams: Streams::new(),
            suspect: self.suspect,
            closing: self.closing,
            why: self.why,
        })
    }
}

async fn drive<T>(
    connection: Connection<T, Bytes>,
    closing: CancellationToken,
    why: Arc<Mutex<Option<String>>>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let ended = tokio::select! {
        ended = connection => Some(ended),
        // Dropping the connection ends every stream with an error.
        () = closing.cancelled() => None,
    };
    if let Some(ended) = ended {
        let reason = match ended {
            Ok(()) => "the agent closed the connection".to_owned(),
            Err(error) => error.to_string(),
        };
        why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }
    closing.cancel();
}

async fn keep_alive(
    mut pings: PingPong,
    heard: Heard,
    settings: Settings,
    suspect: Arc<Notify>,
    closing: CancellationToken,
    why: Arc<Mutex<Option<String>>>,
) {
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            () = sleep(settings.ping_every) => {}
            () = suspect.notified() => {}
        }
        let ping = pings.ping(Ping::opaque());
        tokio::pin!(ping);
        let mut patience = PATIENCE;
        let answered = loop {
            let answered = tokio::select! {
                () = closing.cancelled() => return,
                answered = timeout(settings.ping_deadline, &mut ping) => answered,
            };
            // A line that is full of answers is not dead, its PING only waits behind them.
            patience -= 1;
            if answered.is_ok() || patience == 0 || !heard.within(settings.ping_deadline) {
                break matches!(answered, Ok(Ok(_)));
            }
        };
        if !answered {
            let said =
                format!("the agent did not answer a PING within {} s", settings.ping_deadline.as_secs_f32());
            why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(said);
            closing.cancel();
            return;
        }
    }
}

impl Tunnel {
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(super) fn hello(&self) -> &Hello {
        &self.hello
    }

    pub(super) fn from(&self) -> SocketAddr {
        self.from
    }

    /// Ends everything on it at once.
    pub(super) fn close(&self, why: &str) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why.to_owned());
        self.closing.cancel();
    }

    /// Gets no more requests; ends with the last of those in flight, or at once when the line is dead.
    pub(super) fn replaced(&self) {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.suspect.notify_one();
    }

    /// Waits for the end, and says why.
    pub(super) async fn ended(&self) -> String {
        self.closing.cancelled().await;
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone().unwrap_or_else(|| "it was closed".to_owned())
    }

    /// Keeps the memory bound until the tunnel ends.
    pub(super) async fn bound(&self, settings: &Settings) {
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = sleep(settings.count_every) => {}
            }
            let reset = self.streams.bound(settings);
            if reset > 0 {
                tracing::warn!(cluster = %self.identity.cluster, reset, "answers that nobody read were given up");
            }
        }
    }

    fn requests(&self) -> Result<SendRequest<Bytes>, TunnelError> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.clone().ok_or_else(|| TunnelError::Broken("it was replaced by a newer one".to_owned()))
    }

    /// Asks the agent itself.
    pub(super) async fn ask(&self, path: &str, body: Body) -> Result<Bytes, TunnelError> {
        ask(self.requests()?, path, body).await
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, TunnelError> {
        let (mut parts, body) = request.into_parts();
        strip(&mut parts.headers);
        parts.uri = addressed(CLUSTER, parts.uri.path_and_query())?;
        parts.version = Version::HTTP_2;
        parts.extensions.clear();
        let response = self.exchange(Request::from_parts(parts, ()), Some(body)).await?;
        let (head, answer) = response.into_parts();
        answered(Response::from_parts(head, Answer::new(answer).boxed_unsync())).await
    }

    pub(super) async fn upgrade(&self, request: Request<()>) -> Result<Upgraded, TunnelError> {
        let (mut parts, ()) = request.into_parts();
        let protocol = upgrade_of(&parts.headers)
            .ok_or_else(|| TunnelError::Request("it does not say what to upgrade to".to_owned()))?;
        strip(&mut parts.headers);
        // It is about a body, which an upgrade has none of; here it would be about the bytes of both directions.
        parts.headers.remove(header::CONTENT_LENGTH);
        let method = HeaderValue::from_str(parts.method.as_str())
            .map_err(|error| TunnelError::Request(error.to_string()))?;
        parts.headers.insert(METHOD, method);
        parts.headers.insert(UPGRADE_TO, protocol);
        parts.method = Method::CONNECT;
        parts.uri = addressed(CLUSTER, parts.uri.path_and_query())?;
        parts.version = Version::HTTP_2;
        parts.extensions.clear();
        parts.extensions.insert(h2::ext::Protocol::from_static(UPGRADE));
        let response = self.exchange(Request::from_parts(parts, ()), None).await?;
        let (mut head, stream) = response.into_parts();
        let switched = head.headers.get(STATUS).is_some_and(|status| status == "101");
        if !switched {
            let answer = Response::from_parts(head, Answer::new(stream).boxed_unsync());
            return Ok(Upgraded::Answered(answered(answer).await?));
        }
        let protocol = head.headers.get(UPGRADE_TO).cloned();
        strip(&mut head.headers);
        head.status = StatusCode::SWITCHING_PROTOCOLS;
        head.version = Version::HTTP_11;
        head.headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Some(protocol) = protocol {
            head.headers.insert(header::UPGRADE, protocol);
        }
        Ok(Upgraded::Switched(Response::from_parts(head, ()), Duplex::new(stream)))
    }

    /// One stream. With `None` as body it stays open for writing.
    async fn exchange(
        &self,
        request: Request<()>,
        body: Option<Body>,
    ) -> Result<Response<Arc<Stream>>, TunnelError> {
        let (response, sending) = open(self.requests()?, request, body).await?;
        let response = response.await.map_err(|error| broken(&error))?;
        Ok(response.map(|receiving| self.streams.add(receiving, sending)))
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        // Whoever still reads from it may go on: the connection ends with its last stream.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

fn addressed(authority: &str, path: Option<&PathAndQuery>) -> Result<Uri, TunnelError> {
    Uri::builder()
        .scheme("https")
        .authority(authority)
        .path_and_query(path.map_or("/", PathAndQuery::as_str))
        .build()
        .map_err(|error| TunnelError::Request(error.to_string()))
}

async fn open(
    requests: SendRequest<Bytes>,
    request: Request<()>,
    body: Option<Body>,
) -> Result<(ResponseFuture, Sending), TunnelError> {
    let mut requests = requests.ready().await.map_err(|error| broken(&error))?;
    let whole = body.as_ref().is_some_and(hyper::body::Body::is_end_stream);
    let (response, stream) = requests.send_request(request, whole).map_err(|error| {
        let line = error.is_io() || error.is_reset() || error.is_go_away() || error.is_library();
        if line { broken(&error) } else { TunnelError::Request(error.to_string()) }
    })?;
    let sending = match body {
        Some(body) if !whole => Sending::pumped(tokio::spawn(pump(body, stream)).abort_handle()),
        _ => Sending::idle(stream),
    };
    Ok((response, sending))
}

/// Sends a request's body as fast as the peer takes it.
async fn pump(mut body: Body, mut stream: SendStream<Bytes>) {
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            // The peer may want no more, for instance because it has answered.
            _ = std::future::poll_fn(|cx| stream.poll_reset(cx)) => return,
        };
        match frame {
            None => {
                drop(stream.send_data(Bytes::new(), true));
                return;
            }
            Some(Err(_)) => {
                stream.send_reset(Reason::CANCEL);
                return;
            }
            Some(Ok(frame)) => match frame.into_data() {
                Ok(mut bytes) => {
                    while !bytes.is_empty() {
                        stream.reserve_capacity(bytes.len());
                        let room = match stream.capacity() {
                            0 => match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
                                Some(Ok(room)) => room,
                                _ => return,
                            },
                            room => room,
                        };
                        let chunk = bytes.split_to(room.min(bytes.len()));
                        if !chunk.is_empty() && stream.send_data(chunk, false).is_err() {
                            return;
                        }
                    }
                }
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        drop(stream.send_trailers(trailers));
                        return;
                    }
                }
            },
        }
    }
}

/// Tells the agent's own words from its apiserver's.
async fn answered(mut response: Response<Body>) -> Result<Response<Body>, TunnelError> {
    if response.headers().contains_key(AGENT_ERROR) {
        let (mut body, mut words) = (response.into_body(), Vec::new());
        while let Some(Ok(frame)) = body.frame().await {
            words.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes.as_ref()));
            if words.len() > SMALL {
                break;
            }
        }
        return Err(TunnelError::Origin(String::from_utf8_lossy(&words).into_owned()));
    }
    strip(response.headers_mut());
    *response.version_mut() = Version::HTTP_11;
    Ok(response)
}

async fn ask(requests: SendRequest<Bytes>, path: &str, body: Body) -> Result<Bytes, TunnelError> {
    let path: PathAndQuery =
        path.parse().map_err(|error: http::uri::InvalidUri| TunnelError::Request(error.to_string()))?;
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = addressed(AGENT, Some(&path))?;
    let (response, sending) = open(requests, request, Some(body)).await?;
    let (head, mut receiving) = response.await.map_err(|error| broken(&error))?.into_parts();
    let mut said = Vec::new();
    while let Some(bytes) = receiving.data().await {
        let bytes = bytes.map_err(|error| broken(&error))?;
        drop(receiving.flow_control().release_capacity(bytes.len()));
        if said.len() + bytes.len() > SMALL {
            return Err(TunnelError::Broken("the agent says too much of itself".to_owned()));
        }
        said.extend_from_slice(&bytes);
    }
    drop(sending);
    if head.status.is_success() {
        Ok(said.into())
    } else {
        let words: String = String::from_utf8_lossy(&said).chars().take(300).collect();
        Err(TunnelError::Request(format!("the agent answers {}: {words}", head.status.as_u16())))
    }
}

/// Bodies of [`ask`].
pub(super) fn json(value: &impl serde::Serialize) -> Body {
    serde_json::to_vec(value).map_or_else(|_| empty(), full)
}
