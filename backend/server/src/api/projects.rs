//! Projects and their members.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use hanse_types::{
    List, ListParams,
    tenancy::{Member, MemberPut, Project, ProjectUpdate},
};

use super::{body::Body, extract::Op, query::Query, respond::Versioned};
use crate::{
    Platform,
    error::Result,
    tenancy::{member, project},
};

/// One project.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)),
    responses((status = OK, body = Project)))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<Versioned<Project>> {
    let body = project::get(&platform, &op, &name).await?;
    Ok(Versioned(body.version, body))
}

/// Changes a project; what was placed in a cluster that leaves is deleted there.
#[utoipa::path(patch, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)),
    request_body = ProjectUpdate, responses((status = OK, body = Project)))]
pub(super) async fn update(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Body(update): Body<ProjectUpdate>,
) -> Result<Versioned<Project>> {
    let body = project::update(&platform, &op, &name, update).await?;
    Ok(Versioned(body.version, body))
}

/// Removes a project with everything federated in it; its namespaces go when their contents are gone.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects", params(("project" = String, Path)),
    responses((status = ACCEPTED, body = Project)))]
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<Project>)> {
    Ok((StatusCode::ACCEPTED, Json(project::delete(&platform, &op, &name).await?)))
}

/// Members of a project.
#[utoipa::path(get, path = "/projects/{project}/members", tag = "projects",
    params(("project" = String, Path), ListParams), responses((status = OK, body = List<Member>)))]
pub(super) async fn members(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Query(params): Query<ListParams>,
) -> Result<Json<List<Member>>> {
    member::of_project(&platform, &op, &name, &params).await.map(Json)
}

/// Adds a member or replaces its roles.
#[utoipa::path(put, path = "/projects/{project}/members/{user}", tag = "projects",
    params(("project" = String, Path), ("user" = String, Path)), request_body = MemberPut,
    responses((status = OK, body = Member)))]
pub(super) async fn put_member(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((name, user)): Path<(String, String)>,
    Body(put): Body<MemberPut>,
) -> Result<Json<Member>> {
    member::put_in_project(&platform, &op, &name, &user, put).await.map(Json)
}

/// Removes a member.
#[utoipa::path(delete, path = "/projects/{project}/members/{user}", tag = "projects",
    params(("project" = String, Path), ("user" = String, Path)), responses((status = NO_CONTENT)))]
pub(super) async fn remove_member(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((name, user)): Path<(String, String)>,
) -> Result<StatusCode> {
    member::remove_from_project(&platform, &op, &name, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
