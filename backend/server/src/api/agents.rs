//! Clusters that come in through an agent.

use std::sync::Arc;

use axum::{
    Json,
    body::Body as HttpBody,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use hanse_types::{
    agent::{AgentClusterCreate, AgentClusterCreated, JoinAnswer, JoinInstructions, JoinRequest},
    error::ErrorCode,
};
use hyper_util::rt::TokioIo;

use super::{
    body::Body,
    extract::{Anonymous, Op},
    respond::Created,
};
use crate::{
    Platform,
    clusters::agents,
    error::{Error, Result},
    serve::listen::Peer,
};

/// Makes a cluster that an agent brings in, and says how to start the agent. The token is told once.
#[utoipa::path(post, path = "/agent-clusters", tag = "clusters", request_body = AgentClusterCreate,
    responses((status = CREATED, body = AgentClusterCreated)))]
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(request): Body<AgentClusterCreate>,
) -> Result<Created<AgentClusterCreated>> {
    let body = agents::create(&platform, &op, request).await?;
    let path = format!("clusters/{}", body.cluster.name);
    Ok(Created { path, version: Some(body.cluster.version), body })
}

/// Issues another join token for a cluster's agent. The token is told once.
#[utoipa::path(post, path = "/clusters/{cluster}/join-tokens", tag = "clusters",
    params(("cluster" = String, Path)), responses((status = OK, body = JoinInstructions)))]
pub(super) async fn join_token(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<Json<JoinInstructions>> {
    agents::join_token(&platform, &op, &name).await.map(Json)
}

/// Revokes the certificates of a cluster's agent and its unspent join tokens; live tunnels end at once.
#[utoipa::path(delete, path = "/clusters/{cluster}/agent", tag = "clusters",
    params(("cluster" = String, Path)), responses((status = NO_CONTENT)))]
pub(super) async fn revoke(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    agents::revoke(&platform, &op, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An agent exchanges its token for a certificate: for agents, and therefore not below `/api`.
pub(super) async fn join(
    State(platform): State<Arc<Platform>>,
    Anonymous(op): Anonymous,
    Body(request): Body<JoinRequest>,
) -> Result<Json<JoinAnswer>> {
    agents::join(&platform, &op, request).await.map(Json)
}

/// An agent's tunnel inside a WebSocket, for networks where only web traffic passes. Who it is shows inside: until then it
/// has one of a few places, and the time of a handshake.
pub(super) async fn tunnel(State(platform): State<Arc<Platform>>, mut request: Request) -> Result<Response> {
    let accept = accepted(request.headers())
        .ok_or_else(|| Error::new(ErrorCode::BadRequest, "this is where agents come: ask for a WebSocket"))?;
    let upgrade = request.extensions_mut().remove::<hyper::upgrade::OnUpgrade>();
    let upgrade = upgrade.ok_or_else(|| {
        Error::new(ErrorCode::BadRequest, "this connection cannot be upgraded: ask over HTTP/1.1")
    })?;
    let from = request.extensions().get::<ConnectInfo<Peer>>().map(|info| info.0.0);
    let from = from.ok_or_else(|| Error::internal(anyhow::anyhow!("the connection has no address")))?;
    let turn = platform.web_door.enter().ok_or_else(|| Error {
        retry_after: Some(1),
        ..Error::new(ErrorCode::Unavailable, "too many agents are introducing themselves: try again")
    })?;
    let door = Arc::clone(&platform.web_door);
    platform.tasks.spawn(async move {
        let upgraded = async { upgrade.await.map(TokioIo::new) };
        door.serve(turn, upgraded, from).await;
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers, HttpBody::empty()).into_response())
}

/// The answer to a WebSocket's key, when the request is for one (RFC 6455 §4.2.1).
fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let says = |name, word: &str| {
        let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(word)))
    };
    let asks = says(header::CONNECTION, "upgrade")
        && says(header::UPGRADE, "websocket")
        && says(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks)?;
    HeaderValue::try_from(hanse_tunnel::hub::websocket_accept(key.as_bytes())).ok()
}
