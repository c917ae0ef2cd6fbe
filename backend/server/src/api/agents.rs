//! Clusters that come in through an agent.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use hanse_types::agent::{
    AgentClusterCreate, AgentClusterCreated, JoinAnswer, JoinInstructions, JoinRequest,
};

use super::{
    body::Body,
    extract::{Anonymous, Op},
    respond::Created,
};
use crate::{Platform, clusters::agents, error::Result};

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
