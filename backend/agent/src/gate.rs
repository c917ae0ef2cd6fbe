//! Where every request of the hub passes: the owner's policy decides, the hub's credentials are dropped, the member's own
//! is added.

use futures::future::BoxFuture;
use hanse_tunnel::{Body, agent, full};
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use serde_json::json;

use crate::{member::Member, policy::Policy};

/// The gate of one member.
#[derive(Clone, Debug)]
pub struct Gate {
    /// The owner's policy.
    pub policy: Policy,
    /// The apiserver behind.
    pub member: Member,
}

/// Headers by which a request could claim to be somebody.
fn strip_claims(parts: &mut Parts) {
    for name in [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE, header::FORWARDED] {
        parts.headers.remove(name);
    }
    let claims: Vec<_> = parts
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-remote-") || name.as_str().starts_with("x-forwarded-"))
        .cloned()
        .collect();
    for name in claims {
        parts.headers.remove(name);
    }
}

impl agent::Gate for Gate {
    fn pass<'a>(&'a self, request: &'a mut Parts) -> BoxFuture<'a, Result<(), Box<Response<Body>>>> {
        Box::pin(async move {
            strip_claims(request);
            let user = request.headers.get("impersonate-user").cloned();
            let user = user.as_ref().and_then(|user| user.to_str().ok()).unwrap_or("hanse");
            match self.policy.check(&request.method, &request.uri, &request.headers) {
                Ok(about) => {
                    let path = request.uri.path();
                    if matches!(request.method, Method::GET | Method::HEAD) {
                        tracing::debug!(user, verb = about.verb, path, "passed");
                    } else {
                        tracing::info!(user, verb = about.verb, path, "passed");
                    }
                }
                Err(why) => {
                    tracing::warn!(user, method = %request.method, path = request.uri.path(), "refused: {why}");
                    return Err(Box::new(status(
                        StatusCode::FORBIDDEN,
                        "Forbidden",
                        &format!("hanse-agent: {why}"),
                    )));
                }
            }
            match self.member.authorization().await {
                Ok(Some(value)) => {
                    request.headers.insert(header::AUTHORIZATION, value);
                }
                Ok(None) => {}
                Err(error) => {
                    let why = format!("hanse-agent: {error:#}");
                    return Err(Box::new(status(
                        StatusCode::SERVICE_UNAVAILABLE,
                        "ServiceUnavailable",
                        &why,
                    )));
                }
            }
            Ok(())
        })
    }
}

/// A Kubernetes `Status`.
fn status(code: StatusCode, reason: &str, message: &str) -> Response<Body> {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    let mut response = Response::new(full(body.to_string()));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_claims_to_be_somebody() {
        let request = http::Request::get("/")
            .header("authorization", "Bearer x")
            .header("x-remote-user", "root")
            .header("x-forwarded-for", "1.2.3.4")
            .header("cookie", "a=b")
            .header("accept", "*/*")
            .body(())
            .unwrap();
        let (mut parts, ()) = request.into_parts();
        strip_claims(&mut parts);
        assert_eq!(parts.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
    }
}
