//! Opening a connection to an apiserver: TCP, a proxy where there is one, TLS. Each stage fails with its own error; the
//! probe ladder and the clients use the same code, so that what the ladder passed is what is used afterwards.

use std::{
    future::{Ready, ready},
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderValue, Uri};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector, proxy},
    rt::TokioIo,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::Service;

use super::{Stage, TransportError, tls};
use crate::kubeconfig::{Access, Proxy, ProxyScheme};

/// All stages together take at most this long.
const DIAL_DEADLINE: Duration = Duration::from_secs(10);
/// One address is tried at most this long.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Data that the peer does not acknowledge for this long breaks the connection, so that a cut line is noticed although
/// nothing is refused.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

/// Opens connections to one apiserver.
#[derive(Clone)]
pub(crate) struct Dialer {
    host: String,
    port: u16,
    proxy: Option<Proxy>,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    proxy_tls: Option<Arc<ClientConfig>>,
    tcp: HttpConnector,
}

impl Dialer {
    /// A dialer for a cluster, offering these application protocols.
    pub(crate) fn new(
        access: &Access,
        protocols: &[&[u8]],
        record: Option<Arc<tls::Recording>>,
    ) -> Result<Self, TransportError> {
        let unusable = |message| {
            TransportError::new(Stage::Tls, message, "Give a kubeconfig with the right certificates.")
        };
        let (host, port) = access.host_and_port();
        let https_proxy = access.proxy.as_ref().is_some_and(|proxy| proxy.scheme == ProxyScheme::Https);
        let proxy_tls = https_proxy.then(|| tls::for_proxy(access)).transpose().map_err(unusable)?;
        Ok(Self {
            name: tls::server_name(&access.verified_name())?,
            host,
            port,
            proxy: access.proxy.clone(),
            tls: Arc::new(tls::for_cluster(access, protocols, record).map_err(unusable)?),
            proxy_tls: proxy_tls.map(Arc::new),
            tcp: tcp_connector(),
        })
    }

    /// Host and port that are dialled first: the proxy's, or the server's own.
    pub(crate) fn first_hop(&self) -> (&str, u16) {
        match &self.proxy {
            Some(proxy) => (&proxy.host, proxy.port),
            None => (&self.host, self.port),
        }
    }

    /// The proxy on the way.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// The server as people know it.
    pub(crate) fn server(&self) -> String {
        authority(&self.host, self.port)
    }

    /// TCP, to the server or through the proxy.
    pub(crate) async fn connect(&self) -> Result<Pipe, TransportError> {
        let (host, port) = self.first_hop();
        let stream = tcp(self.tcp.clone(), host, port).await?;
        match &self.proxy {
            None => Ok(Pipe::Tcp(stream)),
            Some(proxy) => self.through(proxy, stream).await,
        }
    }

    /// TLS over an open pipe.
    pub(crate) async fn secure(&self, pipe: Pipe) -> Result<TlsStream<Pipe>, TransportError> {
        TlsConnector::from(Arc::clone(&self.tls))
            .connect(self.name.clone(), pipe)
            .await
            .map_err(|error| tls::explain(&error, &self.server()))
    }

    pub(super) async fn dial(&self) -> Result<Stream, TransportError> {
        let all = async { Ok(Stream(TokioIo::new(self.secure(self.connect().await?).await?))) };
        timeout(DIAL_DEADLINE, all).await.unwrap_or_else(|_| {
            Err(TransportError::new(
                Stage::Connect,
                format!("no connection to {} within {} s", self.server(), DIAL_DEADLINE.as_secs()),
                "Check routes and firewalls between Hanse and the cluster.",
            ))
        })
    }

    async fn through(&self, proxy: &Proxy, stream: TcpStream) -> Result<Pipe, TransportError> {
        let destination: Uri = format!("https://{}", self.server())
            .parse()
            .map_err(|_| proxy_failed(proxy, "bad server name"))?;
        let unused = Uri::from_static("http://proxy");
        match proxy.scheme {
            ProxyScheme::Http => {
                let mut tunnel = proxy::Tunnel::new(unused, Opened(Some(TokioIo::new(stream))));
                if let Some(login) = login_header(proxy) {
                    tunnel = tunnel.with_auth(login);
                }
                let stream = tunnel.call(destination).await.map_err(|error| proxy_failed(proxy, error))?;
                Ok(Pipe::Tcp(stream.into_inner()))
            }
            ProxyScheme::Https => {
                let config = self.proxy_tls.clone().ok_or_else(|| proxy_failed(proxy, "no TLS for it"))?;
                let stream = TlsConnector::from(config)
                    .connect(tls::server_name(&proxy.host)?, stream)
                    .await
                    .map_err(|error| {
                        let why = tls::explain(&error, &format!("the proxy {proxy}"));
                        TransportError { stage: Stage::Proxy, ..why }
                    })?;
                let mut tunnel = proxy::Tunnel::new(unused, Opened(Some(TokioIo::new(stream))));
                if let Some(login) = login_header(proxy) {
                    tunnel = tunnel.with_auth(login);
                }
                let stream = tunnel.call(destination).await.map_err(|error| proxy_failed(proxy, error))?;
                Ok(Pipe::Tls(Box::new(stream.into_inner())))
            }
            ProxyScheme::Socks5 => {
                let mut socks = proxy::SocksV5::new(unused, Opened(Some(TokioIo::new(stream))));
                if let Some((user, password)) = &proxy.login {
                    socks = socks.with_auth(user.clone(), password.expose().to_owned());
                }
                let stream = socks.call(destination).await.map_err(|error| proxy_failed(proxy, error))?;
                Ok(Pipe::Tcp(stream.into_inner()))
            }
        }
    }
}

impl Service<Uri> for Dialer {
    type Response = Stream;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move { dialer.dial().await })
    }
}

/// `host:port`, with brackets where an IPv6 address needs them.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn tcp_connector() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_DEADLINE));
    tcp.set_keepalive(Some(Duration::from_secs(15)));
    tcp.set_keepalive_interval(Some(Duration::from_secs(5)));
    tcp.set_keepalive_retries(Some(3));
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    tcp
}

async fn tcp(mut connector: HttpConnector, host: &str, port: u16) -> Result<TcpStream, TransportError> {
    let address = authority(host, port);
    let uri: Uri = format!("http://{address}").parse().map_err(|_| {
        TransportError::new(
            Stage::Resolve,
            format!("{host:?} is not a host name"),
            "Correct the server's URL.",
        )
    })?;
    match connector.call(uri).await {
        Ok(stream) => Ok(stream.into_inner()),
        Err(error) => Err(explain_tcp(&error, host, &address)),
    }
}

fn explain_tcp(error: &(dyn std::error::Error + 'static), host: &str, address: &str) -> TransportError {
    let mut cause = Some(error);
    let mut io_error = None;
    while let Some(current) = cause {
        if let Some(found) = current.downcast_ref::<io::Error>() {
            io_error = Some(found);
        }
        cause = current.source();
    }
    // The connector says `dns error` for a name and carries the resolver's own words as an io error inside.
    if error.to_string().contains("dns error") {
        let why = io_error.map_or_else(String::new, |error| format!(": {error}"));
        return unresolved(host, &why);
    }
    let route = "Check the address, and routes and firewalls between Hanse and the cluster.";
    let (message, fix) = match io_error.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => (
            format!("{address} refuses connections"),
            "Check that the API server runs and that the port is right.",
        ),
        Some(io::ErrorKind::TimedOut) => {
            (format!("{address} does not answer within {} s", CONNECT_DEADLINE.as_secs()), route)
        }
        Some(io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable) => {
            (format!("there is no route to {address}"), route)
        }
        _ if error.to_string().contains("timed out") || error.to_string().contains("deadline") => {
            (format!("{address} does not answer within {} s", CONNECT_DEADLINE.as_secs()), route)
        }
        _ => (
            format!(
                "no connection to {address}: {}",
                io_error.map_or(error.to_string(), ToString::to_string)
            ),
            route,
        ),
    };
    TransportError::new(Stage::Connect, message, fix)
}

/// A name that does not resolve.
pub(crate) fn unresolved(host: &str, why: &str) -> TransportError {
    TransportError::new(
        Stage::Resolve,
        format!("the name {host:?} does not resolve{why}"),
        "Check the name in the server's URL, or use the address; the name must resolve where Hanse runs.",
    )
}

fn proxy_failed(proxy: &Proxy, why: impl std::fmt::Display) -> TransportError {
    let why = why.to_string();
    let why = why.trim_start_matches("tunnel error: ").trim_start_matches("SOCKS error: ");
    let (message, fix) = match why {
        "proxy authorization required" => (
            format!("the proxy {proxy} demands a login"),
            "Put the login in proxy-url, as in http://user:password@proxy:3128.",
        ),
        "unsuccessful" => (
            format!("the proxy {proxy} refuses to connect to the server"),
            "Allow the server's host and port in the proxy, and check that the proxy can reach it.",
        ),
        "unexpected end of file" | "io error establishing tunnel" | "io error during SOCKS handshake" => (
            format!("the proxy {proxy} closed the connection"),
            "Check that the port and scheme of proxy-url are those of the proxy.",
        ),
        other => (
            format!("the proxy {proxy} failed: {other}"),
            "Check proxy-url, and that the proxy can reach the server.",
        ),
    };
    TransportError::new(Stage::Proxy, message, fix)
}

fn login_header(proxy: &Proxy) -> Option<HeaderValue> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let (user, password) = proxy.login.as_ref()?;
    let mut value =
        HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
            .ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A connector that hands out a connection that is open already: the proxy handshakes want a connector, and opening the
/// connection ourselves keeps its errors apart from theirs.
struct Opened<T>(Option<T>);

impl<T> Service<Uri> for Opened<T> {
    type Response = T;
    type Error = io::Error;
    type Future = Ready<Result<T, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::Error::other("the connection was used already")))
    }
}

/// A byte stream to the server, before TLS with it.
#[derive(Debug)]
pub(crate) enum Pipe {
    /// Direct, or through a proxy that carries plain bytes.
    Tcp(TcpStream),
    /// Inside the TLS of an `https` proxy.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// A TLS session with the server, as the HTTP client wants it.
pub(crate) struct Stream(TokioIo<TlsStream<Pipe>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let (_, session) = self.0.inner().get_ref();
        if session.alpn_protocol() == Some(b"h2") {
            Connected::new().negotiated_h2()
        } else {
            Connected::new()
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        hyper::rt::Write::is_write_vectored(&self.0)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write_vectored(cx, bufs)
    }
}
