//! The way to a member. Requests travel in lanes with connections of their own, so that a bulk of writes delays neither
//! a watch's events nor the health probe. Everything above speaks HTTP requests to a [`Transport`] and knows nothing of
//! sockets: that is where another kind of way (a tunnel's streams) fits in.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hanse_types::ClusterId;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use thiserror::Error;
use tower::{BoxError, util::BoxCloneSyncService};

use crate::kubeconfig::Access;

pub(crate) mod dial;
mod pool;
pub(crate) mod tls;
mod upgrade;

pub use upgrade::{Duplex, Upgraded};
mod tunnel;

/// Body of a request to, or an answer from, a member. Dropping it half-read cancels the request.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Sends requests to one member: takes paths relative to its API root, adds the credential, has no deadline of its own.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, TransportError>;

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Reads and writes that end soon.
    Requests,
    /// Watches: long-lived, mostly silent.
    Watches,
    /// The health probe.
    Probes,
    /// Requests of people that are passed on, of any length; apart from the rest, so that nobody's unread answer takes
    /// a place that Hanse itself needs.
    Forwarded,
}

/// How a member is reached.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Connector {
    /// From here, by what a kubeconfig said.
    Direct(Box<Access>),
    /// Through the tunnel of its agent.
    Tunnel(hanse_tunnel::Registry, ClusterId),
}

impl Connector {
    /// From here, by what a kubeconfig said.
    #[must_use]
    pub fn direct(access: Access) -> Self {
        Self::Direct(Box::new(access))
    }

    /// Through the tunnel of a cluster's agent.
    #[must_use]
    pub const fn tunnel(registry: hanse_tunnel::Registry, cluster: ClusterId) -> Self {
        Self::Tunnel(registry, cluster)
    }

    /// The transport of one lane. Opens nothing yet: connections are opened by requests, and again after they broke.
    ///
    /// # Errors
    /// When what is needed to reach the member cannot be used.
    pub fn open(&self, lane: Lane, tuning: &Tuning) -> Result<Transport, TransportError> {
        match self {
            Self::Direct(access) => pool::lane(access, lane, tuning),
            // Streams of one tunnel hold up one another as little as connections do.
            Self::Tunnel(registry, cluster) => Ok(tunnel::transport(registry, *cluster)),
        }
    }

    /// Asks for an upgrade over a connection of its own. The path is relative to the API root, as for a [`Transport`];
    /// the credential is added. Has no deadline of its own beyond that of dialling.
    ///
    /// # Errors
    /// When the way to the member fails; an answer that is no upgrade is none.
    pub async fn upgrade(&self, request: Request<()>) -> Result<Upgraded, TransportError> {
        match self {
            Self::Direct(access) => upgrade::direct(access, request).await,
            Self::Tunnel(registry, cluster) => tunnel::upgrade(registry, *cluster, request).await,
        }
    }

    /// When the credential ends, where it says so itself.
    #[must_use]
    pub fn credential_ends(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Direct(access) => access.credential_info().expires_at,
            // The agent renews it by itself.
            Self::Tunnel(..) => None,
        }
    }

    /// URL of the apiserver, for people.
    #[must_use]
    pub fn endpoint(&self) -> String {
        match self {
            Self::Direct(access) => access.endpoint.as_str().trim_end_matches('/').to_owned(),
            Self::Tunnel(..) => "tunnel".to_owned(),
        }
    }
}

/// What is spoken to an apiserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// One connection per request in flight, kept for the next.
    Http1,
    /// Requests share connections.
    Http2,
}

/// Connections of each lane. The defaults are the figures of `docs/decisions/member-connections.md`.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// What the requests lane speaks.
    pub requests: Protocol,
    /// Most connections that requests share over HTTP/2. The next is opened when those before it are full.
    pub request_connections: usize,
    /// Most connections that watches share over HTTP/2.
    pub watch_connections: usize,
    /// Most connections that forwarded requests share over HTTP/2.
    pub forwarded_connections: usize,
    /// Requests on one HTTP/2 connection before the next is used. A server takes about 100; a few are left for those
    /// that end late.
    pub streams: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            requests: Protocol::Http2,
            request_connections: 4,
            watch_connections: 8,
            forwarded_connections: 32,
            streams: 80,
        }
    }
}

impl Tuning {
    fn protocol(&self, lane: Lane) -> Protocol {
        match lane {
            Lane::Requests => self.requests,
            // Pings on the shared connection tell a silent watch from a dead one.
            Lane::Watches | Lane::Forwarded => Protocol::Http2,
            // One request at a time, beside everything else.
            Lane::Probes => Protocol::Http1,
        }
    }

    fn connections(&self, lane: Lane) -> usize {
        match lane {
            Lane::Requests => self.request_connections,
            Lane::Watches => self.watch_connections,
            Lane::Probes => 1,
            Lane::Forwarded => self.forwarded_connections,
        }
    }
}

/// The stage at which the way to a member failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The name does not resolve.
    Resolve,
    /// No TCP connection opens.
    Connect,
    /// The proxy refuses or does not work.
    Proxy,
    /// No trusted TLS session.
    Tls,
    /// The connection broke, or what is spoken on it is not HTTP.
    Http,
}

/// The way to the member failed.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct TransportError {
    /// Where.
    pub stage: Stage,
    /// What happened, to what.
    pub message: String,
    /// What to do about it.
    pub fix: Cow<'static, str>,
}

impl TransportError {
    pub(crate) fn new(stage: Stage, message: impl Into<String>, fix: impl Into<Cow<'static, str>>) -> Self {
        Self { stage, message: message.into(), fix: fix.into() }
    }
}
