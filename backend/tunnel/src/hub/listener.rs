//! Accepting agents: TLS, who it is, whether it may, and then the life of its tunnel up to renewals.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::Utc;
use futures::future::BoxFuture;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Hello, Registry,
    tunnel::{Opened, Tunnel, json},
};
use crate::{
    empty, full,
    pki::Identity,
    websocket::{Bytewise, bounds},
    wire::{CERTIFICATE, HELLO, REFUSAL, RENEWAL},
};

/// Handshakes at once; more wait their turn.
const HANDSHAKES: usize = 512;
/// Those inside of WebSockets; more are refused, so that the web port keeps its connections for others.
const WEB_HANDSHAKES: usize = 256;
/// Pause after an accept that failed, for instance because no file descriptor was left.
const BREATH: Duration = Duration::from_millis(100);
/// Longest time that is slept at once, so that a clock that was set is noticed.
const NAP: Duration = Duration::from_secs(3600);

/// Decides who may have a tunnel, and renews certificates.
pub trait Admission: Send + Sync + 'static {
    /// Whether this agent may have a tunnel; else a sentence for its log.
    fn admit<'a>(&'a self, identity: &'a Identity, hello: &'a Hello) -> BoxFuture<'a, Result<(), String>>;

    /// Signs a request for the next certificate of the same cluster; answers the certificate.
    fn renew<'a>(&'a self, identity: &'a Identity, csr: &'a str) -> BoxFuture<'a, Result<String, String>>;
}

/// Accepts agents.
pub struct Listener {
    /// Where they come.
    pub socket: TcpListener,
    /// With which certificate, and whose certificates are accepted.
    pub tls: Arc<ServerConfig>,
    /// Where their tunnels are kept.
    pub registry: Registry,
    /// Who may.
    pub admission: Arc<dyn Admission>,
}

impl Listener {
    /// Accepts until told to stop, then closes every tunnel.
    pub async fn run(self, stop: CancellationToken) {
        let door = Arc::new(Door {
            acceptor: TlsAcceptor::from(self.tls),
            registry: self.registry,
            admission: self.admission,
            stop: stop.clone(),
        });
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, from)) => {
                    let Ok(turn) = Arc::clone(&handshakes).acquire_owned().await else { break };
                    let door = Arc::clone(&door);
                    tasks.spawn(async move {
                        let welcomed = async {
                            door.registry.settings().prepare(&stream).map_err(|error| error.to_string())?;
                            door.welcome(stream, from).await
                        };
                        let welcomed = timeout(door.registry.settings().handshake, welcomed);
                        let tunnel = match welcomed.await {
                            Ok(Ok(tunnel)) => tunnel,
                            Ok(Err(why)) => {
                                tracing::info!(%from, "an agent was not let in: {why}");
                                return;
                            }
                            Err(_) => {
                                tracing::info!(%from, "an agent did not introduce itself in time");
                                return;
                            }
                        };
                        drop(turn);
                        door.keep(tunnel).await;
                    });
                }
                Err(error) => {
                    tracing::warn!("a connection of an agent could not be accepted: {error}");
                    sleep(BREATH).await;
                }
            }
        }
        tasks.close();
        tasks.wait().await;
        door.registry.close_all("the hub is stopping");
    }
}

/// Accepts agents inside of WebSockets, at the hub's web port. What they show, and what they get, is the same.
pub struct WebDoor {
    door: Door,
    handshakes: Arc<Semaphore>,
}

/// A place among those who have not said yet who they are.
pub struct Turn(#[allow(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

impl WebDoor {
    /// Open until told to stop.
    #[must_use]
    pub fn new(
        tls: Arc<ServerConfig>,
        registry: Registry,
        admission: Arc<dyn Admission>,
        stop: CancellationToken,
    ) -> Self {
        let door = Door { acceptor: TlsAcceptor::from(tls), registry, admission, stop };
        Self { door, handshakes: Arc::new(Semaphore::new(WEB_HANDSHAKES)) }
    }

    /// A turn for one who asks for a WebSocket; none while too many have not said yet who they are. Nobody waits here,
    /// because everybody may ask.
    #[must_use]
    pub fn enter(&self) -> Option<Turn> {
        Arc::clone(&self.handshakes).try_acquire_owned().ok().map(Turn)
    }

    /// Serves one to the end of its tunnel. Whoever has not introduced themselves when the time of a handshake is over,
    /// counted from now, is dropped.
    pub async fn serve<T, E>(
        &self,
        turn: Turn,
        upgraded: impl Future<Output = Result<T, E>>,
        from: SocketAddr,
    ) where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        E: std::fmt::Display,
    {
        let welcomed = async {
            let stream = upgraded.await.map_err(|error| format!("WebSocket: {error}"))?;
            let socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(bounds())).await;
            self.door.welcome(Bytewise::new(socket), from).await
        };
        let welcomed = tokio::select! {
            welcomed = timeout(self.door.registry.settings().handshake, welcomed) => welcomed,
            () = self.door.stop.cancelled() => return,
        };
        drop(turn);
        match welcomed {
            Ok(Ok(tunnel)) => self.door.keep(tunnel).await,
            Ok(Err(why)) => tracing::info!(%from, "an agent was not let in through the web port: {why}"),
            Err(_) => tracing::info!(%from, "an agent did not introduce itself at the web port in time"),
        }
    }
}

struct Door {
    acceptor: TlsAcceptor,
    registry: Registry,
    admission: Arc<dyn Admission>,
    stop: CancellationToken,
}

impl Door {
    async fn welcome<T>(&self, stream: T, from: SocketAddr) -> Result<Arc<Tunnel>, String>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let settings = self.registry.settings();
        let stream = self.acceptor.accept(stream).await.map_err(|error| format!("TLS: {error}"))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let identity = certificate
            .ok_or_else(|| "it showed no certificate".to_owned())
            .and_then(|certificate| Identity::of(certificate).map_err(|error| error.to_string()))?;
        let opened = Opened::over(stream, settings).await.map_err(|error| error.to_string())?;
        // From here on the connection must end with us.
        let unless_kept = opened.closing.clone().drop_guard();
        let said = opened.ask(HELLO, empty()).await.map_err(|error| error.to_string())?;
        let hello: Hello = serde_json::from_slice(&said)
            .map_err(|error| format!("its words are not understood: {error}"))?;
        if let Err(why) = self.admission.admit(&identity, &hello).await {
            self.registry.refused(identity.cluster, why.clone());
            // So that its log says why.
            drop(opened.ask(REFUSAL, full(why.clone())).await);
            return Err(format!("cluster {}: {why}", identity.cluster));
        }
        let tunnel = opened.into_tunnel(identity, hello, from);
        self.registry.add(&tunnel);
        unless_kept.disarm();
        Ok(tunnel)
    }

    async fn keep(&self, tunnel: Arc<Tunnel>) {
        // Asked again: a revocation in between found no tunnel to close.
        if let Err(why) = self.admission.admit(tunnel.identity(), tunnel.hello()).await {
            tunnel.close(&why);
        }
        tracing::info!(cluster = %tunnel.identity().cluster, from = %tunnel.from(), "an agent is connected");
        let why = tokio::select! {
            why = tunnel.ended() => why,
            () = tunnel.bound(self.registry.settings()) => tunnel.ended().await,
            () = self.renew(&tunnel) => {
                tunnel.close("its certificate has expired");
                "its certificate has expired".to_owned()
            }
            () = self.stop.cancelled() => {
                // Requests in flight may end, and the agent is told by GOAWAY.
                tunnel.replaced();
                drop(timeout(self.registry.settings().goodbye, tunnel.ended()).await);
                tunnel.close("the hub is stopping");
                "the hub is stopping".to_owned()
            }
        };
        self.registry.remove(&tunnel, &why);
        tracing::info!(cluster = %tunnel.identity().cluster, "an agent's tunnel has ended: {why}");
    }

    /// Renews the certificate when it is time, and returns when it has expired all the same.
    async fn renew(&self, tunnel: &Tunnel) {
        let identity = tunnel.identity();
        let mut next = identity.renew_at();
        let mut renewed = false;
        loop {
            let due = if renewed { identity.expires_at } else { next.min(identity.expires_at) };
            let pause = (due - Utc::now()).to_std().unwrap_or_default();
            sleep(pause.min(NAP)).await;
            let now = Utc::now();
            if now >= identity.expires_at {
                return;
            }
            if renewed || now < next {
                continue;
            }
            match self.renewal(tunnel).await {
                // The agent comes back with it; this tunnel is then replaced.
                Ok(()) => renewed = true,
                Err(why) => {
                    tracing::warn!(cluster = %identity.cluster, "its certificate could not be renewed: {why}");
                    next = now + self.registry.settings().renew_again;
                }
            }
        }
    }

    async fn renewal(&self, tunnel: &Tunnel) -> Result<(), String> {
        let csr = tunnel.ask(RENEWAL, empty()).await.map_err(|error| error.to_string())?;
        let csr = std::str::from_utf8(&csr).map_err(|error| error.to_string())?;
        let certificate = self.admission.renew(tunnel.identity(), csr).await?;
        tunnel.ask(CERTIFICATE, json(&certificate)).await.map_err(|error| error.to_string())?;
        Ok(())
    }
}
