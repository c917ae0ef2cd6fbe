//! An HTTPS proxy in front of an API server that answers in its stead when a test says so (429, 500, garbage), holds
//! requests up, and counts them. It ends TLS with an authority of its own and signs in to the cluster as its
//! administrator; for faults below HTTP put a [`FaultProxy`](crate::FaultProxy) in front of it. Upgraded connections
//! (exec, attach, port-forward) do not pass: use the plain fault proxy for these.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::client::Body;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{Cluster, die, ports::ReservedPort};

type Answer = Response<UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>>;

/// What to do with requests that match, instead of or before handing them on.
#[derive(Clone, Debug)]
pub struct Injection {
    status: Option<StatusCode>,
    retry_after: Option<u64>,
    body: Option<Bytes>,
    delay: Duration,
    times: Option<u64>,
    method: Option<Method>,
    path: Option<String>,
}

impl Injection {
    fn new(status: Option<StatusCode>) -> Self {
        Self {
            status,
            retry_after: None,
            body: None,
            delay: Duration::ZERO,
            times: None,
            method: None,
            path: None,
        }
    }

    /// Answers with this status and a Kubernetes `Status` that fits it.
    ///
    /// # Panics
    /// When that is no HTTP status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        match StatusCode::from_u16(status) {
            Ok(status) => Self::new(Some(status)),
            Err(error) => die(&anyhow::anyhow!("{status}: {error}")),
        }
    }

    /// Answers 200 with JSON that breaks off in the middle.
    #[must_use]
    pub fn garbage() -> Self {
        let mut injection = Self::new(Some(StatusCode::OK));
        injection.body = Some(Bytes::from_static(b"{\"kind\":\"Lis"));
        injection
    }

    /// Hands the request on, but only after this time.
    #[must_use]
    pub fn delay(delay: Duration) -> Self {
        let mut injection = Self::new(None);
        injection.delay = delay;
        injection
    }

    /// With `Retry-After`, in seconds.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Only for the next so many requests that match; without it until [`ApiProxy::clear`].
    #[must_use]
    pub const fn times(mut self, count: u64) -> Self {
        self.times = Some(count);
        self
    }

    /// Only for requests of this method, such as `PATCH`.
    ///
    /// # Panics
    /// When that is no HTTP method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        match method.parse() {
            Ok(method) => self.method = Some(method),
            Err(error) => die(&anyhow::anyhow!("{method}: {error}")),
        }
        self
    }

    /// Only for requests whose path and query contain this.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    fn matches(&self, method: &Method, path: &str) -> bool {
        self.times != Some(0)
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_ref().is_none_or(|part| path.contains(part))
    }

    fn answer(&self, status: StatusCode) -> Answer {
        let body = self.body.clone().unwrap_or_else(|| {
            let reason = match status {
                StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
                StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
                StatusCode::UNAUTHORIZED => "Unauthorized",
                StatusCode::FORBIDDEN => "Forbidden",
                StatusCode::NOT_FOUND => "NotFound",
                StatusCode::CONFLICT => "Conflict",
                _ => "InternalError",
            };
            let message = format!("injected by the test: {status}");
            let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": reason, "code": status.as_u16()});
            status.to_string().into()
        });
        let mut answer = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
        *answer.status_mut() = status;
        answer
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        answer
    }
}

#[derive(Default)]
struct Book {
    injections: Vec<Injection>,
    /// Method, path and query of every request, in order of arrival.
    seen: Vec<(Method, String)>,
}

/// The proxy. Ends, with all its connections, when dropped.
pub struct ApiProxy {
    address: SocketAddr,
    kubeconfig: String,
    book: Arc<Mutex<Book>>,
    acceptor: AbortHandle,
}

impl ApiProxy {
    /// Opens a proxy to the cluster, handing everything on.
    ///
    /// # Panics
    /// When it cannot.
    pub async fn to(cluster: &Cluster) -> Self {
        match Self::open(cluster).await {
            Ok(proxy) => proxy,
            Err(error) => die(&error.context("API proxy")),
        }
    }

    async fn open(cluster: &Cluster) -> anyhow::Result<Self> {
        let client = cluster.admin_client().await;
        let port = ReservedPort::take()?;
        let listener = port.listen()?;
        let address = port.address();
        let (tls, authority) = certificate()?;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": cluster.name,
            "clusters": [{"name": cluster.name, "cluster": {
                "server": format!("https://{address}"),
                "certificate-authority-data": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, authority),
            }}],
            "users": [{"name": "proxied", "user": {"token": "the-proxy-signs-in-itself"}}],
            "contexts": [{"name": cluster.name, "context": {"cluster": cluster.name, "user": "proxied"}}],
        });
        let book = Arc::<Mutex<Book>>::default();
        let relay = Relay { client, book: Arc::clone(&book) };
        let acceptor =
            tokio::spawn(serve(listener, port, TlsAcceptor::from(Arc::new(tls)), relay)).abort_handle();
        Ok(Self { address, kubeconfig: kubeconfig.to_string(), book, acceptor })
    }

    /// Address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kubeconfig of the cluster through this proxy, with all rights.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        self.kubeconfig.clone()
    }

    /// The kubeconfig with another address in it, such as a [`FaultProxy`](crate::FaultProxy)'s to this one.
    #[must_use]
    pub fn kubeconfig_at(&self, address: SocketAddr) -> String {
        self.kubeconfig.replace(&self.address.to_string(), &address.to_string())
    }

    /// From now on. Of several that match a request, the one injected first counts.
    pub fn inject(&self, injection: Injection) {
        self.book().injections.push(injection);
    }

    /// Hands everything on again.
    pub fn clear(&self) {
        self.book().injections.clear();
    }

    /// How many requests of this method had this in their path or query; `""` is any.
    #[must_use]
    pub fn count(&self, method: &str, path: &str) -> usize {
        let matches =
            |(seen, at): &&(Method, String)| (method.is_empty() || seen == method) && at.contains(path);
        self.book().seen.iter().filter(matches).count()
    }

    /// Method, path and query of every request since the start or [`ApiProxy::forget`].
    #[must_use]
    pub fn requests(&self) -> Vec<(String, String)> {
        self.book().seen.iter().map(|(method, path)| (method.to_string(), path.clone())).collect()
    }

    /// Starts counting anew.
    pub fn forget(&self) {
        self.book().seen.clear();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

pub(crate) fn certificate() -> anyhow::Result<(rustls::ServerConfig, String)> {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let mut server = CertificateParams::new(["localhost".to_owned()])?;
    server.subject_alt_names.push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(authority, authority_key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((tls, authority_certificate.pem()))
}

/// `_port` keeps the port reserved as long as this runs.
async fn serve(listener: TcpListener, _port: ReservedPort, tls: TlsAcceptor, relay: Relay) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
                    open.spawn(connection(stream, tls.clone(), relay.clone()));
                }
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, relay: Relay) {
    stream.set_nodelay(true).ok();
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(|request| {
        let relay = relay.clone();
        async move { Ok::<_, Infallible>(relay.answer(request).await) }
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection to the API proxy broke");
    }
}

#[derive(Clone)]
struct Relay {
    client: kube::Client,
    book: Arc<Mutex<Book>>,
}

impl Relay {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        if let Some(injection) = self.note(request.method(), &path) {
            tokio::time::sleep(injection.delay).await;
            if let Some(status) = injection.status {
                return injection.answer(status);
            }
        }
        match self.hand_on(request, &path).await {
            Ok(answer) => answer,
            Err(error) => {
                let mut gateway = Injection::new(None);
                gateway.body = Some(format!("the proxy cannot reach the cluster: {error:#}").into());
                gateway.answer(StatusCode::BAD_GATEWAY)
            }
        }
    }

    /// Counts the request, and uses up one of an injection's times.
    fn note(&self, method: &Method, path: &str) -> Option<Injection> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.seen.push((method.clone(), path.to_owned()));
        let injection = book.injections.iter_mut().find(|injection| injection.matches(method, path))?;
        if let Some(times) = &mut injection.times {
            *times -= 1;
        }
        Some(injection.clone())
    }

    async fn hand_on(&self, request: Request<Incoming>, path: &str) -> anyhow::Result<Answer> {
        let (mut parts, body) = request.into_parts();
        // The client puts its own server and credential there.
        parts.uri = path.parse().context("path")?;
        parts.version = http::Version::HTTP_11;
        for own in [header::HOST, header::AUTHORIZATION, header::CONNECTION, header::TRANSFER_ENCODING] {
            parts.headers.remove(own);
        }
        let body = body.collect().await?.to_bytes();
        let answer = self.client.send(Request::from_parts(parts, Body::from(body))).await?;
        let (mut parts, body) = answer.into_parts();
        parts.version = http::Version::default();
        for hop in [header::CONNECTION, header::TRANSFER_ENCODING] {
            parts.headers.remove(hop);
        }
        Ok(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()))
    }
}
