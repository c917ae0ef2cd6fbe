//! Workspaces and their members.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use hanse_types::{
    List, ListParams,
    tenancy::{Member, MemberPut, Project, ProjectCreate, Workspace, WorkspaceCreate, WorkspaceUpdate},
};

use super::{
    body::Body,
    extract::Op,
    query::Query,
    respond::{Created, Versioned},
};
use crate::{
    Platform,
    error::Result,
    tenancy::{member, project, workspace},
};

/// Workspaces that the caller may know.
#[utoipa::path(get, path = "/workspaces", tag = "workspaces", params(ListParams),
    responses((status = OK, body = List<Workspace>)))]
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(params): Query<ListParams>,
) -> Result<Json<List<Workspace>>> {
    workspace::list(&platform, &op, &params).await.map(Json)
}

/// Makes a workspace, and its first project when one is given.
#[utoipa::path(post, path = "/workspaces", tag = "workspaces", request_body = WorkspaceCreate,
    responses((status = CREATED, body = Workspace)))]
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(request): Body<WorkspaceCreate>,
) -> Result<Created<Workspace>> {
    let body = workspace::create(&platform, &op, request).await?;
    Ok(Created { path: format!("workspaces/{}", body.name), version: Some(body.version), body })
}

/// One workspace.
#[utoipa::path(get, path = "/workspaces/{workspace}", tag = "workspaces", params(("workspace" = String, Path)),
    responses((status = OK, body = Workspace)))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<Versioned<Workspace>> {
    let body = workspace::get(&platform, &op, &name).await?;
    Ok(Versioned(body.version, body))
}

/// Changes a workspace.
#[utoipa::path(patch, path = "/workspaces/{workspace}", tag = "workspaces", params(("workspace" = String, Path)),
    request_body = WorkspaceUpdate, responses((status = OK, body = Workspace)))]
pub(super) async fn update(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Body(update): Body<WorkspaceUpdate>,
) -> Result<Versioned<Workspace>> {
    let body = workspace::update(&platform, &op, &name, update).await?;
    Ok(Versioned(body.version, body))
}

/// Removes an empty workspace.
#[utoipa::path(delete, path = "/workspaces/{workspace}", tag = "workspaces", params(("workspace" = String, Path)),
    responses((status = NO_CONTENT)))]
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    workspace::delete(&platform, &op, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Members of a workspace.
#[utoipa::path(get, path = "/workspaces/{workspace}/members", tag = "workspaces",
    params(("workspace" = String, Path), ListParams), responses((status = OK, body = List<Member>)))]
pub(super) async fn members(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Query(params): Query<ListParams>,
) -> Result<Json<List<Member>>> {
    member::of_workspace(&platform, &op, &name, &params).await.map(Json)
}

/// Adds a member or replaces its roles.
#[utoipa::path(put, path = "/workspaces/{workspace}/members/{user}", tag = "workspaces",
    params(("workspace" = String, Path), ("user" = String, Path)), request_body = MemberPut,
    responses((status = OK, body = Member)))]
pub(super) async fn put_member(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((name, user)): Path<(String, String)>,
    Body(put): Body<MemberPut>,
) -> Result<Json<Member>> {
    member::put_in_workspace(&platform, &op, &name, &user, put).await.map(Json)
}

/// Removes a member from the workspace and from all its projects.
#[utoipa::path(delete, path = "/workspaces/{workspace}/members/{user}", tag = "workspaces",
    params(("workspace" = String, Path), ("user" = String, Path)), responses((status = NO_CONTENT)))]
pub(super) async fn remove_member(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path((name, user)): Path<(String, String)>,
) -> Result<StatusCode> {
    member::remove_from_workspace(&platform, &op, &name, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Projects of a workspace that the caller may know.
#[utoipa::path(get, path = "/workspaces/{workspace}/projects", tag = "projects",
    params(("workspace" = String, Path), ListParams), responses((status = OK, body = List<Project>)))]
pub(super) async fn projects(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Query(params): Query<ListParams>,
) -> Result<Json<List<Project>>> {
    project::list(&platform, &op, &name, &params).await.map(Json)
}

/// Makes a project: a namespace of its name in each of its clusters.
#[utoipa::path(post, path = "/workspaces/{workspace}/projects", tag = "projects",
    params(("workspace" = String, Path)), request_body = ProjectCreate,
    responses((status = CREATED, body = Project)))]
pub(super) async fn create_project(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
    Body(request): Body<ProjectCreate>,
) -> Result<Created<Project>> {
    let body = project::create(&platform, &op, &name, request).await?;
    Ok(Created { path: format!("projects/{}", body.name), version: Some(body.version), body })
}
