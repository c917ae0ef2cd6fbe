//! `Idempotency-Key`: the same POST again gives the first answer again and does nothing twice.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::TimeDelta;
use hanse_store::idempotency::{Answer, Known};

use super::{body::read_body, extract::credential};
use crate::{Platform, error::Error};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The one route whose answer holds a secret.
const SECRET_ANSWER: &str = "/api/v1/me/tokens";
/// Largest answer kept.
const MAX_ANSWER: usize = 1024 * 1024;
/// After this a request without an answer is no longer under way: its process died.
const UNDER_WAY: TimeDelta = TimeDelta::minutes(5);

/// Replays the first answer of a key, or carries the request out and keeps its answer.
pub(super) async fn replay(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    let key = match request.headers().get(&KEY).map(|value| value.to_str().map(ToOwned::to_owned)) {
        None => return next.run(request).await,
        // A new token's secret is told once and kept nowhere, so this answer is not kept either.
        Some(Ok(_)) if request.uri().path() == SECRET_ANSWER => return next.run(request).await,
        Some(Ok(key)) if request.method() == Method::POST && (1..=200).contains(&key.len()) => key,
        Some(Ok(_)) if request.method() != Method::POST => return next.run(request).await,
        Some(_) => {
            return Error::bad_request("Idempotency-Key has 1 to 200 visible characters").into_response();
        }
    };
    match keyed(&platform, key, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn keyed(platform: &Platform, key: String, request: Request, next: Next) -> Result<Response, Error> {
    // Without credentials the handler refuses anyway; setup and sign-in are not replayed.
    let Some(credential) = credential(request.headers()) else { return Ok(next.run(request).await) };
    let now = platform.clock.now();
    let actor = platform.identity.authenticate(&platform.store, &credential, None, now).await?;
    let what = format!("{} {}", request.method(), request.uri());
    let (parts, body) = request.into_parts();
    let body = read_body(body, platform.config.server.max_body_bytes).await?;
    match platform.store.take_key(actor.user, &key, &what, &body, now).await? {
        Known::Fresh => {}
        Known::Answered(answer) => return Ok(again(&answer)),
        Known::Different => {
            return Err(Error::conflict("this Idempotency-Key was used for another request: make a new one"));
        }
        Known::Unanswered(since) if now - since < UNDER_WAY => {
            return Err(Error {
                retry_after: Some(1),
                ..Error::conflict("the same request is under way: ask again in a moment")
            });
        }
        Known::Unanswered(_) => {
            return Err(Error::conflict(
                "the answer to this request was lost in a restart: read whether it took effect, then use a new Idempotency-Key",
            ));
        }
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await.map_err(Error::internal)?;
    // A refusal is not kept: what stood in its way may be gone next time.
    let answer = parts.status.is_success().then(|| Answer {
        status: parts.status.as_u16(),
        headers: serde_json::json!({
            "location": parts.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()),
            "etag": parts.headers.get(header::ETAG).and_then(|v| v.to_str().ok()),
        })
        .to_string(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    platform.store.answer_key(actor.user, &key, answer, now).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn again(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body.clone()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    let kept: serde_json::Value = serde_json::from_str(&answer.headers).unwrap_or_default();
    for (field, name) in [("location", header::LOCATION), ("etag", header::ETAG)] {
        if let Some(value) =
            kept.get(field).and_then(|v| v.as_str()).and_then(|v| HeaderValue::try_from(v).ok())
        {
            headers.insert(name, value);
        }
    }
    response
}
