//! The hub's end: which cluster has which live tunnel, and requests through them.
//!
//! A cluster has at most [`AT_ONCE`] tunnels. A new one of the same agent instance takes the place of its old one, whose
//! requests in flight may end; whoever is cut off by a dead tunnel learns it from the tunnel's own PING.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::{DateTime, Utc};
use hanse_types::ClusterId;
use http::{Method, Request, Response};
use hyper::body::Body as _;
use thiserror::Error;
use tokio::sync::watch;

mod guard;
mod listener;
mod stream;
mod tunnel;

/// `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`.
#[must_use]
pub fn websocket_accept(key: &[u8]) -> String {
    tokio_tungstenite::tungstenite::handshake::derive_accept_key(key)
}

pub use listener::{Admission, Listener, Turn, WebDoor};
pub use stream::Duplex;
use tunnel::Tunnel;

pub use crate::wire::Hello;
use crate::{Settings, body::Body, empty};

/// Tunnels per cluster.
pub const AT_ONCE: usize = 2;

/// Why a request did not get through.
#[derive(Clone, Debug, Error)]
pub enum TunnelError {
    /// The cluster has no live tunnel.
    #[error("no agent of the cluster is connected")]
    NoTunnel,
    /// The tunnel broke before the answer began.
    #[error("the tunnel to the agent broke: {0}")]
    Broken(String),
    /// The agent is here, but cannot reach its apiserver.
    #[error("the agent cannot reach its API server: {0}")]
    Origin(String),
    /// The request cannot be sent like this.
    #[error("the request cannot be sent: {0}")]
    Request(String),
}

/// How an upgrade ended.
pub enum Upgraded {
    /// Both sides are byte streams from now on.
    Switched(Response<()>, Duplex),
    /// The apiserver answered instead.
    Answered(Response<Body>),
}

/// What is known of a cluster's tunnels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Live tunnels.
    pub tunnels: usize,
    /// Since when there is one without a break.
    pub since: Option<DateTime<Utc>>,
    /// What the newest agent said of itself.
    pub agent: Option<Hello>,
    /// Where it came from.
    pub from: Option<SocketAddr>,
    /// When the last tunnel was lost, and why.
    pub lost: Option<(DateTime<Utc>, String)>,
    /// When an agent was refused last, and why.
    pub refused: Option<(DateTime<Utc>, String)>,
}

/// Live tunnels by cluster. Cheap to clone.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

struct Inner {
    settings: Settings,
    clusters: RwLock<HashMap<ClusterId, Entry>>,
    turn: AtomicUsize,
    /// Clusters whose presence changed since somebody took them, and a counter that wakes whoever waits.
    changed: Mutex<BTreeSet<ClusterId>>,
    wake: watch::Sender<u64>,
}

struct Entry {
    tunnels: Vec<Arc<Tunnel>>,
    presence: watch::Sender<Presence>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { tunnels: Vec::new(), presence: watch::Sender::new(Presence::default()) }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("tunnels", &self.count()).finish()
    }
}

impl Registry {
    /// Without any tunnel.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner {
            settings,
            clusters: RwLock::default(),
            turn: AtomicUsize::new(0),
            changed: Mutex::default(),
            wake: watch::Sender::new(0),
        }))
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Live tunnels of all clusters.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0
            .clusters
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|entry| entry.tunnels.len())
            .sum()
    }

    /// What is known of a cluster's tunnels, now and from now on.
    #[must_use]
    pub fn presence(&self, cluster: ClusterId) -> watch::Receiver<Presence> {
        let mut clusters = self.0.clusters.write().unwrap_or_else(PoisonError::into_inner);
        clusters.entry(cluster).or_default().presence.subscribe()
    }

    /// Wakes when the presence of any cluster changed; [`Registry::take_changed`] then says of which.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.wake.subscribe()
    }

    /// Clusters whose presence changed since this was asked last: for one caller.
    #[must_use]
    pub fn take_changed(&self) -> BTreeSet<ClusterId> {
        std::mem::take(&mut *self.0.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn tell(&self, cluster: ClusterId) {
        self.0.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(cluster);
        self.0.wake.send_modify(|count| *count += 1);
    }

    fn tunnels(&self, cluster: ClusterId) -> Vec<Arc<Tunnel>> {
        let clusters = self.0.clusters.read().unwrap_or_else(PoisonError::into_inner);
        let mut tunnels = clusters.get(&cluster).map(|entry| entry.tunnels.clone()).unwrap_or_default();
        drop(clusters);
        if tunnels.len() > 1 {
            let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
            let count = tunnels.len();
            tunnels.rotate_left(turn % count);
        }
        tunnels
    }

    /// Sends a request to a cluster's apiserver; its URI needs the path only. There is no deadline: drop the future, or
    /// the answer's body, to cancel. A read without a body whose tunnel breaks before the answer is sent once more on
    /// another one.
    ///
    /// # Errors
    /// When there is no tunnel or it breaks before the answer begins.
    pub async fn send(
        &self,
        cluster: ClusterId,
        request: Request<Body>,
    ) -> Result<Response<Body>, TunnelError> {
        let tunnels = self.tunnels(cluster);
        let Some(first) = tunnels.first() else { return Err(TunnelError::NoTunnel) };
        let again = (matches!(*request.method(), Method::GET | Method::HEAD)
            && request.body().is_end_stream())
        .then(|| copy(&request));
        match (first.send(request).await, again) {
            (Err(TunnelError::Broken(why)), Some(request)) => {
                // Looked up again: the agent may be back by now.
                let other = self.tunnels(cluster).into_iter().find(|tunnel| !Arc::ptr_eq(tunnel, first));
                match other {
                    Some(other) => other.send(request).await,
                    None => Err(TunnelError::Broken(why)),
                }
            }
            (result, _) => result,
        }
    }

    /// Sends a request that asks for an upgrade (exec, attach, port-forward).
    ///
    /// # Errors
    /// When there is no tunnel or it breaks before the answer begins.
    pub async fn upgrade(&self, cluster: ClusterId, request: Request<()>) -> Result<Upgraded, TunnelError> {
        let tunnels = self.tunnels(cluster);
        let Some(tunnel) = tunnels.first() else { return Err(TunnelError::NoTunnel) };
        tunnel.upgrade(request).await
    }

    /// Closes all tunnels of a cluster at once.
    pub fn close(&self, cluster: ClusterId, why: &str) {
        for tunnel in self.tunnels(cluster) {
            tunnel.close(why);
        }
    }

    /// Closes the tunnels of one certificate at once.
    pub fn close_serial(&self, serial: &str, why: &str) {
        let clusters = self.0.clusters.read().unwrap_or_else(PoisonError::into_inner);
        let tunnels = clusters.values().flat_map(|entry| &entry.tunnels);
        for tunnel in tunnels.filter(|tunnel| tunnel.identity().serial == serial) {
            tunnel.close(why);
        }
    }

    /// Serial numbers of the certificates whose tunnels are live, by cluster.
    #[must_use]
    pub fn serials(&self, cluster: ClusterId) -> Vec<String> {
        self.tunnels(cluster).iter().map(|tunnel| tunnel.identity().serial.clone()).collect()
    }

    /// Clusters that have a live tunnel.
    #[must_use]
    pub fn connected(&self) -> Vec<ClusterId> {
        let clusters = self.0.clusters.read().unwrap_or_else(PoisonError::into_inner);
        clusters.iter().filter(|(_, entry)| !entry.tunnels.is_empty()).map(|(id, _)| *id).collect()
    }

    /// Closes every tunnel, and forgets them.
    pub fn close_all(&self, why: &str) {
        for cluster in self.connected() {
            self.close(cluster, why);
        }
    }

    /// Keeps why an agent was refused, for people.
    pub(crate) fn refused(&self, cluster: ClusterId, why: String) {
        let mut clusters = self.0.clusters.write().unwrap_or_else(PoisonError::into_inner);
        let entry = clusters.entry(cluster).or_default();
        entry.presence.send_modify(|presence| presence.refused = Some((Utc::now(), why)));
        drop(clusters);
        self.tell(cluster);
    }

    /// Takes a tunnel in; the one that it replaces, if any, may end its requests.
    pub(crate) fn add(&self, tunnel: &Arc<Tunnel>) {
        let mut clusters = self.0.clusters.write().unwrap_or_else(PoisonError::into_inner);
        let entry = clusters.entry(tunnel.identity().cluster).or_default();
        let same = |old: &Arc<Tunnel>| old.hello().instance == tunnel.hello().instance;
        entry.tunnels.retain(|old| {
            if same(old) {
                old.replaced();
            }
            !same(old)
        });
        while entry.tunnels.len() >= AT_ONCE {
            let oldest = entry.tunnels.remove(0);
            oldest.replaced();
        }
        entry.tunnels.push(Arc::clone(tunnel));
        let tunnels = entry.tunnels.len();
        entry.presence.send_modify(|presence| {
            presence.since = presence.since.filter(|_| presence.tunnels > 0).or(Some(Utc::now()));
            presence.tunnels = tunnels;
            presence.agent = Some(tunnel.hello().clone());
            presence.from = Some(tunnel.from());
            presence.refused = None;
        });
        drop(clusters);
        self.tell(tunnel.identity().cluster);
    }

    /// Lets a tunnel go that has ended.
    pub(crate) fn remove(&self, tunnel: &Arc<Tunnel>, why: &str) {
        let mut clusters = self.0.clusters.write().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = clusters.get_mut(&tunnel.identity().cluster) else { return };
        let before = entry.tunnels.len();
        entry.tunnels.retain(|other| !Arc::ptr_eq(other, tunnel));
        if entry.tunnels.len() == before {
            return;
        }
        let tunnels = entry.tunnels.len();
        entry.presence.send_modify(|presence| {
            presence.tunnels = tunnels;
            presence.lost = Some((Utc::now(), why.to_owned()));
            if tunnels == 0 {
                presence.since = None;
            }
        });
        drop(clusters);
        self.tell(tunnel.identity().cluster);
    }

    /// Forgets a cluster that is no more.
    pub fn forget(&self, cluster: ClusterId) {
        self.close(cluster, "the cluster was detached");
        self.0.clusters.write().unwrap_or_else(PoisonError::into_inner).remove(&cluster);
    }
}

fn copy(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(empty());
    request.method().clone_into(copy.method_mut());
    request.uri().clone_into(copy.uri_mut());
    request.headers().clone_into(copy.headers_mut());
    copy
}
