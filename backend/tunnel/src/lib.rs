//! Both ends of the tunnel to clusters that cannot be dialled.
//!
//! The agent dials out with a client certificate and then *serves* HTTP/2 on the connection; the hub is the HTTP/2 client.
//! One Kubernetes request is one stream. Only the hub opens streams, so nothing behind the agent can reach the hub through
//! it. Why it is like this: `docs/decisions/tunnel.md`.
//!
//! * [`pki`] has the hub's certificate authority and the agents' certificates.
//! * [`hub`] accepts agents, knows which cluster has which live tunnel, and sends requests through them.
//! * [`agent`] dials for ever, serves, and forwards what comes to one origin: the cluster's apiserver.

pub mod agent;
mod body;
pub mod hub;
mod pass;
pub mod pki;
mod settings;
mod websocket;
mod wire;

pub use body::{Body, BoxError, empty, full};
pub use hub::{Duplex, Hello, Presence, Registry, TunnelError, Upgraded};
pub use pass::pass;
pub use settings::Settings;
