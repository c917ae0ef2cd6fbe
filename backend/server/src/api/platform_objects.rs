//! Federated objects of cluster-scoped kinds: the same verbs as within a project, for the platform.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use hanse_types::List;

use super::{
    body::Body,
    extract::Op,
    query::Query,
    respond::{Created, Versioned},
};
use crate::{
    Platform,
    error::Result,
    federation::{
        accept::{self, Place},
        model::{FederatedObject, FederatedWrite, ObjectFilter, Plan, Revision},
        preview, read,
    },
};

/// Federated objects of cluster-scoped kinds, which belong to the platform.
#[utoipa::path(get, path = "/federated-objects", tag = "federation",
    params(ObjectFilter), responses((status = OK, body = List<FederatedObject>)))]
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(filter): Query<ObjectFilter>,
) -> Result<Json<List<FederatedObject>>> {
    read::list(&platform, &op, Place::Platform, &filter).await.map(Json)
}

/// Federates an object of a cluster-scoped kind. For administrators of the platform.
#[utoipa::path(post, path = "/federated-objects", tag = "federation",
    request_body = FederatedWrite,
    responses((status = CREATED, body = FederatedObject), (status = UNPROCESSABLE_ENTITY, body = hanse_types::ApiError)))]
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(write): Body<FederatedWrite>,
) -> Result<Created<FederatedObject>> {
    let body = accept::create(&platform, &op, Place::Platform, write).await?;
    let path = format!("federated-objects/{}/{}", body.type_, body.name);
    Ok(Created { path, version: Some(body.version), body })
}

/// One federated object of a cluster-scoped kind with its status.
#[utoipa::path(get, path = "/federated-objects/{type}/{name}", tag = "federation",
    params(("type" = String, Path), ("name" = String, Path)),
    responses((status = OK, body = FederatedObject)))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((type_, name)): Path<(String, String)>,
) -> Result<Versioned<FederatedObject>> {
    let body = read::get(&platform, &op, Place::Platform, &type_, &name).await?;
    Ok(Versioned(body.version, body))
}

/// Replaces template, placement, overrides, replicas and policy.
#[utoipa::path(put, path = "/federated-objects/{type}/{name}", tag = "federation",
    params(("type" = String, Path), ("name" = String, Path)),
    request_body = FederatedWrite, responses((status = OK, body = FederatedObject)))]
pub(super) async fn replace(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((type_, name)): Path<(String, String)>,
    Body(write): Body<FederatedWrite>,
) -> Result<Versioned<FederatedObject>> {
    let body = accept::replace(&platform, &op, Place::Platform, &type_, &name, write).await?;
    Ok(Versioned(body.version, body))
}

/// Changes parts of it by JSON merge patch over `{"spec": …}`.
#[utoipa::path(patch, path = "/federated-objects/{type}/{name}", tag = "federation",
    params(("type" = String, Path), ("name" = String, Path)),
    request_body = serde_json::Value, responses((status = OK, body = FederatedObject)))]
pub(super) async fn patch(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((type_, name)): Path<(String, String)>,
    Body(patch): Body<serde_json::Value>,
) -> Result<Versioned<FederatedObject>> {
    let body = accept::patch(&platform, &op, Place::Platform, &type_, &name, &patch).await?;
    Ok(Versioned(body.version, body))
}

/// Removes it from all clusters; the record goes when its copies are gone.
#[utoipa::path(delete, path = "/federated-objects/{type}/{name}", tag = "federation",
    params(("type" = String, Path), ("name" = String, Path)),
    responses((status = ACCEPTED, body = FederatedObject)))]
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((type_, name)): Path<(String, String)>,
) -> Result<(StatusCode, Json<FederatedObject>)> {
    Ok((StatusCode::ACCEPTED, Json(accept::delete(&platform, &op, Place::Platform, &type_, &name).await?)))
}

/// Its accepted revisions, newest first.
#[utoipa::path(get, path = "/federated-objects/{type}/{name}/revisions", tag = "federation",
    params(("type" = String, Path), ("name" = String, Path), hanse_types::ListParams),
    responses((status = OK, body = List<Revision>)))]
pub(super) async fn revisions(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((type_, name)): Path<(String, String)>,
    Query(params): Query<hanse_types::ListParams>,
) -> Result<Json<List<Revision>>> {
    read::revisions(&platform, &op, Place::Platform, &type_, &name, &params).await.map(Json)
}

/// What accepting this object of a cluster-scoped kind would do in every cluster; stores nothing.
#[utoipa::path(post, path = "/plan", tag = "federation",
    request_body = FederatedWrite, responses((status = OK, body = Plan)))]
pub(super) async fn plan(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(write): Body<FederatedWrite>,
) -> Result<Json<Plan>> {
    preview::plan(&platform, &op, Place::Platform, write).await.map(Json)
}
