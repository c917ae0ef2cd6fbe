//! One's own account.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use hanse_types::{
    List, ListParams,
    access::Access,
    identity::{PasswordChange, Token, TokenCreate, TokenCreated, User, UserUpdate},
};

use super::{body::Body, extract::Op, query::Query, respond::Created};
use crate::{
    Platform,
    error::Result,
    identity::{access, account, token},
};

/// The own account.
#[utoipa::path(get, path = "/me", tag = "me", responses((status = OK, body = User)))]
pub(super) async fn get(State(platform): State<Arc<Platform>>, Op(op): Op) -> Result<Json<User>> {
    account::own(&platform, &op).await.map(Json)
}

/// Changes display name and language of the own account.
#[utoipa::path(patch, path = "/me", tag = "me", request_body = UserUpdate, responses((status = OK, body = User)))]
pub(super) async fn update(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(update): Body<UserUpdate>,
) -> Result<Json<User>> {
    account::update_own(&platform, &op, update).await.map(Json)
}

/// Changes the own password; other sessions end.
#[utoipa::path(post, path = "/me/password", tag = "me", request_body = PasswordChange,
    responses((status = NO_CONTENT)))]
pub(super) async fn change_password(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(change): Body<PasswordChange>,
) -> Result<StatusCode> {
    account::change_password(&platform, &op, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Everything that the caller may do.
#[utoipa::path(get, path = "/me/access", tag = "me", responses((status = OK, body = Access)))]
pub(super) async fn access(State(platform): State<Arc<Platform>>, Op(op): Op) -> Result<Json<Access>> {
    access::of_caller(&platform, &op).await.map(Json)
}

/// The own personal access tokens.
#[utoipa::path(get, path = "/me/tokens", tag = "me", params(ListParams),
    responses((status = OK, body = List<Token>)))]
pub(super) async fn tokens(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(params): Query<ListParams>,
) -> Result<Json<List<Token>>> {
    token::list(&platform, &op, &params).await.map(Json)
}

/// Makes a personal access token; its secret is in this answer only.
#[utoipa::path(post, path = "/me/tokens", tag = "me", request_body = TokenCreate,
    responses((status = CREATED, body = TokenCreated)))]
pub(super) async fn create_token(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Body(request): Body<TokenCreate>,
) -> Result<Created<TokenCreated>> {
    let body = token::create(&platform, &op, request).await?;
    Ok(Created { path: format!("me/tokens/{}", body.token.name), version: None, body })
}

/// Revokes a personal access token.
#[utoipa::path(delete, path = "/me/tokens/{name}", tag = "me", params(("name" = String, Path)),
    responses((status = NO_CONTENT)))]
pub(super) async fn revoke_token(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Path(name): Path<String>,
) -> Result<StatusCode> {
    token::revoke(&platform, &op, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
