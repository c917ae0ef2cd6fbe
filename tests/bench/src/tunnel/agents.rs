//! Agents, as many as wanted in one process, each with a connection and a certificate of its own.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use futures::future::BoxFuture;
use hanse_tunnel::{
    Body,
    agent::{Credentials, Forwarder, Gate, Io, Keep, Link, Origin, handler},
};
use http::{Response, request::Parts};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What to run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// `host:port` of the hub.
    pub hub: String,
    pub origin: SocketAddr,
    pub agents: Vec<(String, Credentials)>,
}

/// The role: runs until it is ended.
pub async fn run(order: &Path) -> anyhow::Result<()> {
    let order: Order = serde_json::from_slice(&std::fs::read(order)?)?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    for (instance, credentials) in order.agents {
        let origin = Arc::new(Plain(order.origin, order.origin.to_string()));
        let forwarder = Forwarder::new(origin, Arc::new(Open));
        let link = Link::new(
            order.hub.clone(),
            instance,
            credentials,
            handler(move |request| {
                let forwarder = forwarder.clone();
                async move { forwarder.forward(request).await }
            }),
            Arc::new(|| Box::pin(async { None })),
            Arc::new(Forgetful),
        );
        tasks.spawn(Arc::new(link).run(stop.clone()));
    }
    super::role::answer(&tasks.len())?;
    // Also without any agent: its memory is compared with.
    std::future::pending().await
}

struct Plain(SocketAddr, String);

impl Origin for Plain {
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let stream = TcpStream::connect(self.0).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }

    fn host(&self) -> &str {
        &self.1
    }
}

/// Everything may pass.
struct Open;

impl Gate for Open {
    fn pass<'a>(&'a self, _: &'a mut Parts) -> BoxFuture<'a, Result<(), Box<Response<Body>>>> {
        Box::pin(async { Ok(()) })
    }
}

/// Nothing is renewed within a run.
struct Forgetful;

impl Keep for Forgetful {
    fn keep<'a>(&'a self, _: &'a Credentials) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}
