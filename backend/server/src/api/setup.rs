//! First start: the one-time link leads here.

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use hanse_types::identity::{SetupRequest, SetupState, UrlTest, UrlTestResult, User};

use super::{body::Body, extract::Anonymous, session};
use crate::{Platform, error::Result, identity::setup};

/// Whether setup is still to be done.
#[utoipa::path(get, path = "/setup", tag = "setup", responses((status = OK, body = SetupState)))]
pub(super) async fn state(State(platform): State<Arc<Platform>>) -> Result<Json<SetupState>> {
    setup::state(&platform).await.map(Json)
}

/// Makes the first administrator and signs in.
#[utoipa::path(post, path = "/setup", tag = "setup", request_body = SetupRequest,
    responses((status = CREATED, body = User)))]
pub(super) async fn complete(
    State(platform): State<Arc<Platform>>,
    Anonymous(op): Anonymous,
    Body(request): Body<SetupRequest>,
) -> Result<Response> {
    let (user, secret) = setup::complete(&platform, &op, request).await?;
    Ok(session::signed_in(&platform, &user, &secret, http::StatusCode::CREATED))
}

/// Tests the URL to be advertised, from the server.
#[utoipa::path(post, path = "/setup/url-test", tag = "setup", request_body = UrlTest,
    responses((status = OK, body = UrlTestResult)))]
pub(super) async fn url_test(
    State(platform): State<Arc<Platform>>,
    Anonymous(op): Anonymous,
    Body(request): Body<UrlTest>,
) -> Result<Json<UrlTestResult>> {
    setup::test_url(&platform, &op, request).await.map(Json)
}
