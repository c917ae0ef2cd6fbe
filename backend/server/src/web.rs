//! The embedded console: files of the front end's build, precompressed, hashed names immutable, everything else
//! answered with the page itself so that links into the console work.

#![allow(clippy::disallowed_types, reason = "this module is HTTP, too")]

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

/// What the front end's build left; empty when the server was built without it.
#[derive(RustEmbed)]
#[folder = "../../frontend/dist"]
#[allow_missing = true]
struct Assets;

/// Only our own scripts, no third party, nothing framed. Inline styles are needed by the editor.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'; \
     form-action 'self'";

/// Serves a file of the console, or its page.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let path = uri.path().trim_start_matches('/');
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    if !path.is_empty()
        && let Some(response) = file(path, accepted)
    {
        return response;
    }
    if is_file {
        return (StatusCode::NOT_FOUND, "not found").into_response();
    }
    file("index.html", accepted).unwrap_or_else(|| {
        (StatusCode::NOT_FOUND, "this server was built without its console: build frontend first")
            .into_response()
    })
}

fn file(path: &str, accepted: &str) -> Option<Response> {
    let wanted = [("br", "br"), ("gzip", "gz")];
    let packed = wanted
        .iter()
        .filter(|(name, _)| accepted.split(',').any(|part| part.trim().split(';').next() == Some(name)))
        .find_map(|(name, suffix)| {
            Assets::get(&format!("{path}.{suffix}")).map(|found| (Some(*name), found))
        });
    let (encoding, found) = packed.or_else(|| Assets::get(path).map(|found| (None, found)))?;
    let mut response = Response::new(Body::from(found.data.into_owned()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Some(response)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
