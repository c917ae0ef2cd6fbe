//! Member clusters: importing, looking, changing, detaching.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::Body as HttpBody,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::StreamExt as _;
use hanse_types::{
    List, ListParams,
    cluster::{Cluster, ClusterImport, ClusterProbe, ClusterUpdate},
    probe::ProbeReport,
};
use serde::{Deserialize, Serialize};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    body::Body,
    extract::Op,
    query::Query,
    respond::{Created, Versioned},
};
use crate::{
    Platform,
    clusters::{self, Copies},
    error::Result,
};

/// Clusters that the caller may know.
#[utoipa::path(get, path = "/clusters", tag = "clusters", params(ListParams),
    responses((status = OK, body = List<Cluster>)))]
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(params): Query<ListParams>,
) -> Result<Json<List<Cluster>>> {
    clusters::list(&platform, &op, &params).await.map(Json)
}

/// Imports a cluster by kubeconfig; the probe ladder runs before anything is stored.
#[utoipa::path(post, path = "/clusters", tag = "clusters", request_body = ClusterImport,
    responses((status = CREATED, body = Cluster), (status = UNPROCESSABLE_ENTITY, body = hanse_types::ApiError)))]
pub(super) async fn import(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(request): Body<ClusterImport>,
) -> Result<Created<Cluster>> {
    let body = clusters::import(&platform, &op, request).await?;
    Ok(Created { path: format!("clusters/{}", body.name), version: Some(body.version), body })
}

/// Runs the probe ladder only. With `Accept: application/x-ndjson`, each step is a line as it happens, and the report
/// the last line.
#[utoipa::path(post, path = "/clusters/probe", tag = "clusters", request_body = ClusterProbe,
    responses((status = OK, body = ProbeReport)))]
pub(super) async fn probe(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    headers: HeaderMap,
    Body(request): Body<ClusterProbe>,
) -> Result<Response> {
    let lines = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("application/x-ndjson"));
    if !lines {
        return Ok(Json(clusters::probe(&platform, &op, request, None).await?).into_response());
    }
    let (steps, received) = tokio::sync::mpsc::channel(16);
    // The ladder is refused before the first line is sent, so that a refusal has its own status.
    clusters::may_import(&platform, &op)?;
    let (done, report) = tokio::sync::oneshot::channel();
    let background = Arc::clone(&platform);
    platform.tasks.spawn(async move {
        let report = clusters::probe(&background, &op, request, Some(steps)).await;
        drop(done.send(report));
    });
    let first = ReceiverStream::new(received).map(|step| line(&step));
    let last = futures::stream::once(async move {
        match report.await {
            Ok(Ok(report)) => line(&report),
            Ok(Err(error)) => {
                line(&serde_json::json!({"error": {"code": error.code, "message": error.message}}))
            }
            Err(_) => Bytes::new(),
        }
    });
    let body = HttpBody::from_stream(first.chain(last).map(Ok::<_, Infallible>));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")], body)
        .into_response())
}

fn line(value: &impl Serialize) -> Bytes {
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text.into()
}

/// One cluster.
#[utoipa::path(get, path = "/clusters/{cluster}", tag = "clusters", params(("cluster" = String, Path)),
    responses((status = OK, body = Cluster)))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<Versioned<Cluster>> {
    let body = clusters::get(&platform, &op, &name).await?;
    Ok(Versioned(body.version, body))
}

/// Changes display name and labels; placements are evaluated again.
#[utoipa::path(patch, path = "/clusters/{cluster}", tag = "clusters", params(("cluster" = String, Path)),
    request_body = ClusterUpdate, responses((status = OK, body = Cluster)))]
pub(super) async fn update(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Body(update): Body<ClusterUpdate>,
) -> Result<Versioned<Cluster>> {
    let body = clusters::update(&platform, &op, &name, update).await?;
    Ok(Versioned(body.version, body))
}

/// Query of a detachment.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Detach {
    /// What becomes of the copies there: `orphan` (default: they stay, unlabelled) or `delete`.
    #[serde(default)]
    #[param(inline)]
    copies: Copies,
}

/// Detaches a cluster.
#[utoipa::path(delete, path = "/clusters/{cluster}", tag = "clusters", params(("cluster" = String, Path), Detach),
    responses((status = NO_CONTENT)))]
pub(super) async fn detach(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Query(query): Query<Detach>,
) -> Result<StatusCode> {
    clusters::detach(&platform, &op, &name, query.copies).await?;
    Ok(StatusCode::NO_CONTENT)
}
