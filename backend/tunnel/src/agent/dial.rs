//! Dialling the hub: directly, through an HTTP proxy by CONNECT, or inside a WebSocket at the hub's web port, with or
//! without that proxy. Each stage fails with words of its own, because what is wrong on the way from a member to the hub
//! can be seen from nowhere else.

use std::{fmt, io, sync::Arc};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Io, LinkError,
    web::{self, Web},
};
use crate::{Settings, wire::HUB_NAME};

/// Longest answer of a proxy to CONNECT.
const ANSWER: usize = 8 * 1024;

/// An HTTP proxy that is asked to CONNECT.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `host:port`.
    pub address: String,
    /// `Proxy-Authorization`, where it wants one.
    pub authorization: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP CONNECT through {}", self.address)
    }
}

pub(super) fn failed(stage: &'static str, message: String) -> LinkError {
    LinkError::Dial { stage, message }
}

/// A way to the hub.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'a> {
    /// Proxy that is asked first.
    pub(super) proxy: Option<&'a Proxy>,
    /// Web port that is spoken to instead of the tunnel's own.
    pub(super) web: Option<&'a Web>,
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.web, self.proxy) {
            (None, None) => f.write_str("direct"),
            (None, Some(proxy)) => proxy.fmt(f),
            (Some(web), None) => web.fmt(f),
            (Some(web), Some(proxy)) => write!(f, "{web}, {proxy}"),
        }
    }
}

pub(super) async fn dial(
    address: &str,
    way: Way<'_>,
    tls: Arc<ClientConfig>,
    settings: &Settings,
) -> Result<TlsStream<Box<dyn Io>>, LinkError> {
    let target = way.web.map_or_else(|| address.to_owned(), Web::address);
    let mut stream = tcp(way.proxy.map_or(&target, |proxy| &proxy.address)).await?;
    settings.prepare(&stream).map_err(|error| failed("connect", error.to_string()))?;
    if let Some(proxy) = way.proxy {
        connect_through(&mut stream, proxy, &target).await?;
    }
    let mut stream: Box<dyn Io> = Box::new(stream);
    if let Some(web) = way.web {
        stream = web::open(stream, web).await?;
    }
    let address = &target;
    let name = ServerName::try_from(HUB_NAME).map_err(|error| failed("TLS", error.to_string()))?;
    TlsConnector::from(tls).connect(name, stream).await.map_err(|error| {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        failed("TLS", match tls {
            Some(rustls::Error::InvalidCertificate(why)) => format!(
                "what answers at {address} is not the hub of this agent ({why:?}): something on the way intercepts TLS, \
                 or the address leads elsewhere"
            ),
            Some(error) => format!("the handshake with {address} failed: {error}"),
            None => format!(
                "{address} closed the connection during the handshake ({error}): check that it is the hub's tunnel port"
            ),
        })
    })
}

async fn tcp(address: &str) -> Result<TcpStream, LinkError> {
    let found: Vec<_> = tokio::net::lookup_host(address)
        .await
        .map_err(|error| {
            failed(
                "name resolution",
                format!("{address} does not resolve ({error}): check DNS of this machine"),
            )
        })?
        .collect();
    TcpStream::connect(found.as_slice()).await.map_err(|error| {
        let what = match error.kind() {
            io::ErrorKind::ConnectionRefused => "refuses connections: is the hub running, and its port open?",
            _ => "cannot be reached: check routes and firewalls on the way",
        };
        failed("connect", format!("{address} {what} ({error})"))
    })
}

async fn connect_through(stream: &mut TcpStream, proxy: &Proxy, address: &str) -> Result<(), LinkError> {
    let broke = |error: io::Error| failed("proxy", format!("{} broke off: {error}", proxy.address));
    let authorization = proxy
        .authorization
        .as_ref()
        .map(|value| format!("Proxy-Authorization: {value}\r\n"))
        .unwrap_or_default();
    let request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n{authorization}\r\n");
    stream.write_all(request.as_bytes()).await.map_err(broke)?;
    let mut answer = Vec::new();
    // Byte by byte, so that nothing of what follows is taken; it is one short answer per connection.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > ANSWER {
            return Err(failed("proxy", format!("{} answers too much", proxy.address)));
        }
        answer.push(stream.read_u8().await.map_err(broke)?);
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or_default();
    if line.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    let fix = if line.contains(" 407") { "give it a user name and password" } else { "ask its owner" };
    Err(failed("proxy", format!("{} does not let us through to {address} ({line}): {fix}", proxy.address)))
}
