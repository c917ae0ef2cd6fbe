//! What wraps every request: its id, a deadline, a limit on its body, a log line, security headers, idempotency, and a
//! net for panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, HeaderValue, Method, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use hanse_types::error::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    idempotency,
    respond::{CALLER, REQUEST_ID, Refused},
};
use crate::{Platform, audit, error::Error, metrics::RequestLabels};

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps the routes.
pub(super) fn wrap(router: Router<Arc<Platform>>, platform: &Arc<Platform>) -> Router<Arc<Platform>> {
    router
        .layer(middleware::from_fn_with_state(Arc::clone(platform), idempotency::replay))
        .layer(DefaultBodyLimit::max(platform.config.server.max_body_bytes))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(platform), outermost))
}

/// Wraps routes whose requests and answers are streams: without deadline, limit on the body, and replay.
pub(super) fn wrap_streams(router: Router<Arc<Platform>>, platform: &Arc<Platform>) -> Router<Arc<Platform>> {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(platform), streaming))
}

async fn outermost(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    let deadline = platform.config.request_timeout();
    serve(&platform, request, next, Some(deadline)).await
}

async fn streaming(State(platform): State<Arc<Platform>>, request: Request, next: Next) -> Response {
    serve(&platform, request, next, None).await
}

/// Gives the request its id and deadline, counts it, and sets the headers of every answer.
async fn serve(
    platform: &Arc<Platform>,
    mut request: Request,
    next: Next,
    deadline: Option<std::time::Duration>,
) -> Response {
    let id = request
        .headers()
        .get(&REQUEST_ID_HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|id| {
            id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
        .map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), ToOwned::to_owned);
    request.extensions_mut().insert(super::body::Limit(platform.config.server.max_body_bytes));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let started = Instant::now();
    let answered = async {
        let response = match deadline {
            None => next.run(request).await,
            Some(deadline) => tokio::time::timeout(deadline, next.run(request)).await.unwrap_or_else(|_| {
                Error::new(ErrorCode::Timeout, format!("no answer within {} seconds", deadline.as_secs()))
                    .into_response()
            }),
        };
        (response, CALLER.try_with(|caller| caller.get().cloned()).ok().flatten())
    };
    let (mut response, caller) =
        REQUEST_ID.scope(id.clone(), CALLER.scope(std::sync::OnceLock::new(), answered)).await;
    let took = started.elapsed();
    if let (Some(Refused(code)), Some(caller)) = (response.extensions().get(), caller) {
        platform.refusals.note(audit::Refusal {
            caller,
            verb: verb(&method),
            path: path.clone(),
            code: *code,
        });
    }
    let status = response.status();
    platform
        .metrics
        .requests
        .get_or_create(&RequestLabels { method: method.to_string(), status: status.as_u16() })
        .inc();
    platform.metrics.request_seconds.observe(took.as_secs_f64());
    tracing::debug!(request_id = id, %method, path, status = status.as_u16(), ms = took.as_millis(), "request");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID_HEADER, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    if path.starts_with("/api/") {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// The audit trail's word for a method.
fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PUT => "put",
        Method::PATCH => "update",
        Method::DELETE => "delete",
        _ => "get",
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the layer calls it like this")]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    Error::internal(anyhow::anyhow!("a handler panicked: {what}")).into_response()
}
