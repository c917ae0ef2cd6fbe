//! Whether the server lives and can serve, its metrics, and its own description.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use hanse_types::error::ErrorCode;

use crate::{
    Platform,
    error::{Error, Result},
};

/// `GET /healthz`: the process lives.
pub async fn healthz() -> &'static str {
    "ok"
}

/// `GET /readyz`: the database answers.
pub async fn readyz(State(platform): State<Arc<Platform>>) -> Result<&'static str> {
    platform.store.ping().await.map_err(|error| Error::unavailable("the database does not answer", error))?;
    Ok("ok")
}

/// `GET /metrics`: for Prometheus.
pub async fn metrics(State(platform): State<Arc<Platform>>) -> Result<Response> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &platform.metrics.registry)
        .map_err(Error::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
        .into_response())
}

/// `GET /api/v1/openapi.json`: the generated document.
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(super::document())
}

/// A path that is there, for another method.
pub async fn no_method() -> Error {
    Error::new(
        ErrorCode::MethodNotAllowed,
        "this path does not take this method; see the Allow header and /api/v1/openapi.json for those it takes",
    )
}

/// Anything else below `/api/`.
pub async fn no_route() -> Error {
    Error::new(ErrorCode::NotFound, "there is no such path; see /api/v1/openapi.json for what there is")
}

/// The authority of the server's certificate in PEM, where it is its own: what a kubeconfig pins. Not secret.
pub(super) async fn authority(State(platform): State<Arc<Platform>>) -> Result<Response> {
    let text = platform.tls.authority.clone().ok_or_else(|| Error::not_found("file", "ca.pem"))?;
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], text).into_response())
}
