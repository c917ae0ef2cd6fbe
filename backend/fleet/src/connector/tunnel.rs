//! The way through an agent's tunnel, as a [`Transport`].

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use hanse_tunnel::{Registry, TunnelError};
use hanse_types::ClusterId;
use http::{HeaderValue, Request, Response, header};
use tower::{Service, util::BoxCloneSyncService};

use super::{Body, Stage, Transport, TransportError, Upgraded};

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("hanse/", env!("CARGO_PKG_VERSION")));

/// The transport of every lane.
pub(super) fn transport(registry: &Registry, cluster: ClusterId) -> Transport {
    BoxCloneSyncService::new(Handle { registry: registry.clone(), cluster })
}

#[derive(Clone)]
struct Handle {
    registry: Registry,
    cluster: ClusterId,
}

impl Service<Request<Body>> for Handle {
    type Response = Response<Body>;
    type Error = TransportError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, TransportError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (registry, cluster) = (self.registry.clone(), self.cluster);
        // The agent has the credential.
        request.headers_mut().remove(header::AUTHORIZATION);
        request.headers_mut().entry(header::USER_AGENT).or_insert(USER_AGENT);
        Box::pin(async move {
            match registry.send(cluster, request).await {
                Ok(response) => Ok(response),
                Err(error) => Err(explain(&registry, cluster, &error)),
            }
        })
    }
}

/// An upgrade over a stream of its own; the agent dials its apiserver afresh for it.
pub(super) async fn upgrade(
    registry: &Registry,
    cluster: ClusterId,
    mut request: Request<()>,
) -> Result<Upgraded, TransportError> {
    request.headers_mut().remove(header::AUTHORIZATION);
    match registry.upgrade(cluster, request).await {
        Ok(hanse_tunnel::Upgraded::Switched(answer, bytes)) => {
            Ok(Upgraded::Switched(answer, Box::new(bytes)))
        }
        Ok(hanse_tunnel::Upgraded::Answered(answer)) => Ok(Upgraded::Answered(answer)),
        Err(error) => Err(explain(registry, cluster, &error)),
    }
}

/// What a failure of the tunnel means for people.
pub(super) fn explain(registry: &Registry, cluster: ClusterId, error: &TunnelError) -> TransportError {
    match error {
        TunnelError::NoTunnel => {
            let presence = registry.presence(cluster).borrow().clone();
            let message = match (&presence.refused, &presence.lost) {
                (Some((_, why)), _) => format!("the agent is refused: {why}"),
                (None, Some((at, why))) => {
                    format!(
                        "the agent has not been connected since {}: {why}",
                        at.format("%Y-%m-%d %H:%M:%S UTC")
                    )
                }
                (None, None) => "no agent of the cluster is connected".to_owned(),
            };
            TransportError::new(
                Stage::Connect,
                message,
                "Look at the agent's log in the cluster: it says what is wrong on the way.",
            )
        }
        TunnelError::Broken(_) => TransportError::new(
            Stage::Http,
            error.to_string(),
            "The agent connects again by itself. If this stays, look at its log.",
        ),
        TunnelError::Origin(_) => TransportError::new(
            Stage::Connect,
            error.to_string(),
            "Check that the API server runs, and that the agent's pod may reach it.",
        ),
        TunnelError::Request(_) => TransportError::new(Stage::Http, error.to_string(), ""),
    }
}
