//! Federated objects: accepting, planning, reading with status, history.

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
        model::{FederatedObject, FederatedWrite, ObjectFilter, Plan, Revision, TypeInfo},
        preview, read,
    },
};

/// Federated objects of a project.
#[utoipa::path(get, path = "/projects/{project}/federated-objects", tag = "federation",
    params(("project" = String, Path), ObjectFilter), responses((status = OK, body = List<FederatedObject>)))]
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(project): Path<String>,
    Query(filter): Query<ObjectFilter>,
) -> Result<Json<List<FederatedObject>>> {
    read::list(&platform, &op, Place::Project(&project), &filter).await.map(Json)
}

/// Federates an object.
#[utoipa::path(post, path = "/projects/{project}/federated-objects", tag = "federation",
    params(("project" = String, Path)), request_body = FederatedWrite,
    responses((status = CREATED, body = FederatedObject), (status = UNPROCESSABLE_ENTITY, body = hanse_types::ApiError)))]
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(project): Path<String>,
    Body(write): Body<FederatedWrite>,
) -> Result<Created<FederatedObject>> {
    let body = accept::create(&platform, &op, Place::Project(&project), write).await?;
    let path = format!("projects/{project}/federated-objects/{}/{}", body.type_, body.name);
    Ok(Created { path, version: Some(body.version), body })
}

/// One federated object with its status.
#[utoipa::path(get, path = "/projects/{project}/federated-objects/{type}/{name}", tag = "federation",
    params(("project" = String, Path), ("type" = String, Path), ("name" = String, Path)),
    responses((status = OK, body = FederatedObject)))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((project, type_, name)): Path<(String, String, String)>,
) -> Result<Versioned<FederatedObject>> {
    let body = read::get(&platform, &op, Place::Project(&project), &type_, &name).await?;
    Ok(Versioned(body.version, body))
}

/// Replaces template, placement, overrides, replicas and policy.
#[utoipa::path(put, path = "/projects/{project}/federated-objects/{type}/{name}", tag = "federation",
    params(("project" = String, Path), ("type" = String, Path), ("name" = String, Path)),
    request_body = FederatedWrite, responses((status = OK, body = FederatedObject)))]
pub(super) async fn replace(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((project, type_, name)): Path<(String, String, String)>,
    Body(write): Body<FederatedWrite>,
) -> Result<Versioned<FederatedObject>> {
    let body = accept::replace(&platform, &op, Place::Project(&project), &type_, &name, write).await?;
    Ok(Versioned(body.version, body))
}

/// Changes parts of it by JSON merge patch over `{"spec": …}`.
#[utoipa::path(patch, path = "/projects/{project}/federated-objects/{type}/{name}", tag = "federation",
    params(("project" = String, Path), ("type" = String, Path), ("name" = String, Path)),
    request_body = serde_json::Value, responses((status = OK, body = FederatedObject)))]
pub(super) async fn patch(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((project, type_, name)): Path<(String, String, String)>,
    Body(patch): Body<serde_json::Value>,
) -> Result<Versioned<FederatedObject>> {
    let body = accept::patch(&platform, &op, Place::Project(&project), &type_, &name, &patch).await?;
    Ok(Versioned(body.version, body))
}

/// Removes it from all clusters; the record goes when its copies are gone.
#[utoipa::path(delete, path = "/projects/{project}/federated-objects/{type}/{name}", tag = "federation",
    params(("project" = String, Path), ("type" = String, Path), ("name" = String, Path)),
    responses((status = ACCEPTED, body = FederatedObject)))]
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((project, type_, name)): Path<(String, String, String)>,
) -> Result<(StatusCode, Json<FederatedObject>)> {
    Ok((
        StatusCode::ACCEPTED,
        Json(accept::delete(&platform, &op, Place::Project(&project), &type_, &name).await?),
    ))
}

/// Its accepted revisions, newest first.
#[utoipa::path(get, path = "/projects/{project}/federated-objects/{type}/{name}/revisions", tag = "federation",
    params(("project" = String, Path), ("type" = String, Path), ("name" = String, Path), hanse_types::ListParams),
    responses((status = OK, body = List<Revision>)))]
pub(super) async fn revisions(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((project, type_, name)): Path<(String, String, String)>,
    Query(params): Query<hanse_types::ListParams>,
) -> Result<Json<List<Revision>>> {
    read::revisions(&platform, &op, Place::Project(&project), &type_, &name, &params).await.map(Json)
}

/// What accepting this would do in every cluster; stores nothing.
#[utoipa::path(post, path = "/projects/{project}/plan", tag = "federation", params(("project" = String, Path)),
    request_body = FederatedWrite, responses((status = OK, body = Plan)))]
pub(super) async fn plan(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(project): Path<String>,
    Body(write): Body<FederatedWrite>,
) -> Result<Json<Plan>> {
    preview::plan(&platform, &op, Place::Project(&project), write).await.map(Json)
}

/// Kinds that can be federated.
#[utoipa::path(get, path = "/types", tag = "federation", responses((status = OK, body = Vec<TypeInfo>)))]
pub(super) async fn types(State(platform): State<Arc<Platform>>, Op(_): Op) -> Result<Json<Vec<TypeInfo>>> {
    read::types(&platform).await.map(Json)
}
