//! Accounts, and the roles and permissions there are.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use hanse_types::{
    List, ListParams,
    access::{Permission, Role, ScopeKind},
    identity::{User, UserCreate, UserUpdate},
};
use serde::Deserialize;

use super::{
    body::Body,
    extract::Op,
    query::Query,
    respond::{Created, Versioned},
};
use crate::{
    Platform,
    error::Result,
    identity::{access, account},
};

/// Accounts.
#[utoipa::path(get, path = "/users", tag = "users", params(ListParams), responses((status = OK, body = List<User>)))]
pub(super) async fn list(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(params): Query<ListParams>,
) -> Result<Json<List<User>>> {
    account::list(&platform, &op, &params).await.map(Json)
}

/// Makes an account.
#[utoipa::path(post, path = "/users", tag = "users", request_body = UserCreate,
    responses((status = CREATED, body = User)))]
pub(super) async fn create(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(request): Body<UserCreate>,
) -> Result<Created<User>> {
    let (version, body) = account::create(&platform, &op, request).await?;
    Ok(Created { path: format!("users/{}", body.name), version: Some(version), body })
}

/// One account.
#[utoipa::path(get, path = "/users/{user}", tag = "users", params(("user" = String, Path)),
    responses((status = OK, body = User)))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(user): Path<String>,
) -> Result<Versioned<User>> {
    let (version, body) = account::get(&platform, &op, &user).await?;
    Ok(Versioned(version, body))
}

/// Changes an account: state and roles of others, never one's own.
#[utoipa::path(patch, path = "/users/{user}", tag = "users", params(("user" = String, Path)),
    request_body = UserUpdate, responses((status = OK, body = User)))]
pub(super) async fn update(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(user): Path<String>,
    Body(update): Body<UserUpdate>,
) -> Result<Versioned<User>> {
    let (version, body) = account::update(&platform, &op, &user, update).await?;
    Ok(Versioned(version, body))
}

/// Removes an account with its sessions, tokens and roles.
#[utoipa::path(delete, path = "/users/{user}", tag = "users", params(("user" = String, Path)),
    responses((status = NO_CONTENT)))]
pub(super) async fn delete(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(user): Path<String>,
) -> Result<StatusCode> {
    account::delete(&platform, &op, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The catalogue of permissions.
#[utoipa::path(get, path = "/permissions", tag = "roles", responses((status = OK, body = Vec<Permission>)))]
pub(super) async fn permissions(Op(_): Op) -> Json<Vec<Permission>> {
    Json(access::catalogue())
}

/// Query of the roles.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RoleFilter {
    /// Only roles of this scope.
    #[param(inline)]
    scope: Option<ScopeKind>,
}

/// The roles.
#[utoipa::path(get, path = "/roles", tag = "roles", params(RoleFilter), responses((status = OK, body = Vec<Role>)))]
pub(super) async fn roles(Op(_): Op, Query(filter): Query<RoleFilter>) -> Json<Vec<Role>> {
    Json(access::roles(filter.scope))
}
