//! Signing in and out of a browser session.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hanse_types::identity::{SignIn, User};

use super::{
    body::Body,
    extract::{Anonymous, COOKIE, Op},
};
use crate::{Platform, error::Result, identity::session};

/// Signs in by password; the answer sets the session cookie.
#[utoipa::path(post, path = "/sessions", tag = "sessions", request_body = SignIn,
    responses((status = CREATED, body = User), (status = UNAUTHORIZED, body = hanse_types::ApiError),
              (status = TOO_MANY_REQUESTS, body = hanse_types::ApiError)))]
pub(super) async fn sign_in(
    State(platform): State<Arc<Platform>>,
    Anonymous(op): Anonymous,
    Body(request): Body<SignIn>,
) -> Result<Response> {
    let (user, secret) = session::sign_in(&platform, &op, request).await?;
    Ok(signed_in(&platform, &user, &secret, StatusCode::CREATED))
}

/// Ends the session of this request.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", responses((status = NO_CONTENT)))]
pub(super) async fn sign_out(State(platform): State<Arc<Platform>>, Op(op): Op) -> Result<Response> {
    session::sign_out(&platform, &op).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    set_cookie(&platform, &mut response, "", 0);
    Ok(response)
}

/// The answer that starts a session.
pub(super) fn signed_in(platform: &Platform, user: &User, secret: &str, status: StatusCode) -> Response {
    let mut response = (status, Json(user)).into_response();
    set_cookie(platform, &mut response, secret, platform.config.identity.session_hours * 3600);
    response
}

fn set_cookie(platform: &Platform, response: &mut Response, value: &str, seconds: u64) {
    // `Secure` whenever people come by https; on plain loopback a browser would not send it back otherwise.
    let secure = platform.config.server.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    let secure = if secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
