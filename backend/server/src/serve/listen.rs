//! One port for both: a connection whose first byte begins a TLS handshake speaks TLS, every other one plain HTTP.
//! Handshakes run beside each other, so that a slow one holds up nobody, and there are only so many of them.

#![allow(clippy::disallowed_types, reason = "this is where connections come in")]

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{extract::connect_info::Connected, serve::IncomingStream};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{either::Either, sync::CancellationToken};

use crate::tls::Tls;

/// Longest time until a connection says what it is.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections that have not yet said what they are.
const PENDING: usize = 1024;
/// First byte of a TLS handshake.
const TLS: u8 = 0x16;

/// A connection, plain or secured.
pub type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Accepts connections of both kinds.
pub struct Listener {
    ready: mpsc::Receiver<(Stream, SocketAddr)>,
    address: SocketAddr,
}

impl Listener {
    /// Takes a bound socket over; ends with the token.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start(socket: TcpListener, tls: &Tls, stop: CancellationToken) -> io::Result<Self> {
        Self::open(socket, tls, stop, true).map(|(listener, _)| listener)
    }

    /// The same for a socket on which nothing is said in the clear. The task ends when the socket is closed.
    ///
    /// # Errors
    /// When the socket has no address.
    pub fn start_secure(
        socket: TcpListener,
        tls: &Tls,
        stop: CancellationToken,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        Self::open(socket, tls, stop, false)
    }

    fn open(
        socket: TcpListener,
        tls: &Tls,
        stop: CancellationToken,
        plain: bool,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let address = socket.local_addr()?;
        let (sender, ready) = mpsc::channel(64);
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.config));
        let accepting = tokio::spawn(accept(socket, acceptor, plain, sender, stop));
        Ok((Self { ready, address }, accepting))
    }
}

async fn accept(
    socket: TcpListener,
    acceptor: TlsAcceptor,
    plain: bool,
    ready: mpsc::Sender<(Stream, SocketAddr)>,
    stop: CancellationToken,
) {
    let pending = Arc::new(Semaphore::new(PENDING));
    loop {
        let Ok(place) = Arc::clone(&pending).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: others will end.
                tracing::warn!("a connection could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let opened = timeout(HANDSHAKE, open(stream, acceptor, plain)).await;
            drop(place);
            match opened {
                Ok(Ok(stream)) => drop(ready.send((stream, peer)).await),
                Ok(Err(error)) => tracing::debug!(%peer, "a connection did not come about: {error}"),
                Err(_) => tracing::debug!(%peer, "a connection said nothing"),
            }
        });
    }
}

async fn open(stream: TcpStream, acceptor: TlsAcceptor, plain: bool) -> io::Result<Stream> {
    stream.set_nodelay(true)?;
    let mut first = [0_u8; 1];
    if stream.peek(&mut first).await? == 1 && first == [TLS] {
        return Ok(Either::Right(acceptor.accept(stream).await?));
    }
    if !plain {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it does not speak TLS"));
    }
    Ok(Either::Left(stream))
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}
