//! Answers: errors as the one error body, created resources with their place, versions as `ETag`.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hanse_types::{ApiError, ErrorBody, error::ErrorCode};
use serde::Serialize;

use crate::error::Error;

tokio::task_local! {
    /// Id of the request being answered, so that every error body carries it.
    pub static REQUEST_ID: String;
    /// Who makes it, once that is known.
    pub static CALLER: std::sync::OnceLock<hanse_store::WriteContext>;
}

/// Marks an answer that refuses what the caller may not do, for the audit trail.
#[derive(Clone, Copy)]
pub struct Refused(pub ErrorCode);

/// Marks an answer as refused.
pub(crate) fn refused(response: &mut Response, code: ErrorCode) {
    response.extensions_mut().insert(Refused(code));
}

/// HTTP status of a code; the only place that maps them.
#[must_use]
pub const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::AlreadyExists | ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::Invalid | ErrorCode::ProbeFailed => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
        let status = status(self.code);
        if let Some(source) = &self.source {
            if status.is_server_error() {
                tracing::error!(request_id, code = %self.code, "{}: {source:#}", self.message);
            } else {
                tracing::debug!(request_id, code = %self.code, "{}: {source:#}", self.message);
            }
        }
        let (retry_after, refused) = (self.retry_after, self.refused.then_some(Refused(self.code)));
        let body = ApiError {
            error: ErrorBody {
                code: self.code,
                message: self.message,
                fields: self.fields,
                probe: self.probe.map(|probe| *probe),
                request_id,
            },
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(refused) = refused {
            response.extensions_mut().insert(refused);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A single resource with its version as `ETag`.
pub struct Versioned<T>(pub i64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        insert_etag(response.headers_mut(), self.0);
        response
    }
}

/// A resource just made: 201 with its place below `/api/v1/`.
pub struct Created<T> {
    /// Path below `/api/v1/`.
    pub path: String,
    /// Its version, for `ETag`, where it has one.
    pub version: Option<i64>,
    /// The resource.
    pub body: T,
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = (StatusCode::CREATED, Json(self.body)).into_response();
        if let Ok(place) = HeaderValue::try_from(format!("/api/v1/{}", self.path)) {
            response.headers_mut().insert(header::LOCATION, place);
        }
        if let Some(version) = self.version {
            insert_etag(response.headers_mut(), version);
        }
        response
    }
}

fn insert_etag(headers: &mut HeaderMap, version: i64) {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        headers.insert(header::ETAG, tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_error_status() {
        for code in ErrorCode::ALL {
            assert!(status(*code).as_u16() >= 400, "{code}");
        }
    }
}
