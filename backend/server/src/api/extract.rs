//! The way in: authenticates, reads the conventions (`dryRun`, `If-Match`), and builds the context of the operation.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, Method, header, request::Parts},
};
use hanse_types::error::ErrorCode;

use crate::{
    Platform,
    context::{AnonymousContext, OpContext, RequestInfo},
    error::{Error, Result},
    identity::session::Credential,
    serve::listen::Peer,
};

/// Name of the session cookie.
pub const COOKIE: &str = "hanse_session";

/// An authenticated caller. Taking it as an argument is what makes a route need credentials.
pub struct Op(pub OpContext);

impl FromRequestParts<Arc<Platform>> for Op {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, platform: &Arc<Platform>) -> Result<Self> {
        let credential = credential(&parts.headers).ok_or_else(Error::unauthenticated)?;
        if matches!(credential, Credential::Session(_)) {
            same_origin(platform, parts)?;
        }
        let now = platform.clock.now();
        let request = request_info(parts)?;
        let actor =
            platform.identity.authenticate(&platform.store, &credential, request.address, now).await?;
        let op = OpContext { actor, now, request };
        // Outside of a request, in tests, nobody asks who called.
        let _ = super::respond::CALLER.try_with(|caller| drop(caller.set(op.write())));
        Ok(Self(op))
    }
}

/// The caller of a request that is not one of the REST API: the same credentials, none of its conventions.
///
/// # Errors
/// `unauthenticated`, or `forbidden` for another site's page.
pub(crate) async fn authenticate(platform: &Platform, parts: &Parts) -> Result<(OpContext, Credential)> {
    let credential = credential(&parts.headers).ok_or_else(Error::unauthenticated)?;
    if matches!(credential, Credential::Session(_)) {
        check_origin(platform, parts, false)?;
    }
    let now = platform.clock.now();
    let address = parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.0.ip());
    let id = super::respond::REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
    let actor = platform.identity.authenticate(&platform.store, &credential, address, now).await?;
    let request = RequestInfo { id, address, ..RequestInfo::default() };
    let op = OpContext { actor, now, request };
    let _ = super::respond::CALLER.try_with(|caller| drop(caller.set(op.write())));
    Ok((op, credential))
}

/// Refuses what another site's page asks for with this browser's cookie, also where it only reads.
///
/// # Errors
/// `forbidden`.
pub(crate) fn same_origin_always(platform: &Platform, parts: &Parts, credential: &Credential) -> Result<()> {
    match credential {
        Credential::Session(_) => check_origin(platform, parts, true),
        Credential::Token(_) => Ok(()),
    }
}

/// Somebody who has not signed in.
pub struct Anonymous(pub AnonymousContext);

impl FromRequestParts<Arc<Platform>> for Anonymous {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, platform: &Arc<Platform>) -> Result<Self> {
        // Signing in changes whose browser it is, so other sites may not do that either.
        if parts.headers.contains_key(header::ORIGIN) {
            same_origin(platform, parts)?;
        }
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok());
        Ok(Self(AnonymousContext {
            now: platform.clock.now(),
            request: request_info(parts)?,
            user_agent: user_agent.map(|text| text.chars().take(200).collect()),
        }))
    }
}

/// Finds the credential: a bearer token, else the session cookie.
#[must_use]
pub fn credential(headers: &HeaderMap) -> Option<Credential> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| Credential::Token(token.trim().to_owned()));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| Credential::Session(value.to_owned()))
}

/// Refuses mutations and WebSockets that another site's page makes with this browser's cookie.
fn same_origin(platform: &Platform, parts: &Parts) -> Result<()> {
    check_origin(platform, parts, false)
}

fn check_origin(platform: &Platform, parts: &Parts, always: bool) -> Result<()> {
    let upgrade = parts.headers.contains_key(header::UPGRADE);
    if !always && !upgrade && (parts.method == Method::GET || parts.method == Method::HEAD) {
        return Ok(());
    }
    let refuse = || {
        Error::new(
            ErrorCode::Forbidden,
            "this request comes from another site's page; open the console itself",
        )
    };
    let origin = parts.headers.get(header::ORIGIN).and_then(|v| v.to_str().ok()).ok_or_else(refuse)?;
    let origin = url::Url::parse(origin).map_err(|_| refuse())?.origin();
    let host = parts.headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let own = ["http", "https"]
        .iter()
        .filter_map(|scheme| url::Url::parse(&format!("{scheme}://{host}")).ok())
        .any(|url| url.origin() == origin);
    let public = platform.config.server.public_url.as_ref().is_some_and(|url| url.origin() == origin);
    if own || public { Ok(()) } else { Err(refuse()) }
}

fn request_info(parts: &Parts) -> Result<RequestInfo> {
    let query = parts.uri.query().unwrap_or_default();
    let dry_run = match url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "dryRun") {
        None => false,
        Some((_, value)) => match value.as_ref() {
            "true" | "" | "All" => true,
            "false" => false,
            other => return Err(Error::invalid("dryRun", format!("{other:?} is neither true nor false"))),
        },
    };
    let if_match = match parts.headers.get(header::IF_MATCH) {
        None => None,
        Some(value) => {
            let text = value.to_str().unwrap_or_default().trim().trim_start_matches("W/").trim_matches('"');
            if text == "*" {
                None
            } else {
                Some(text.parse().map_err(|_| {
                    Error::new(ErrorCode::PreconditionFailed, "If-Match is not an ETag that this server gave")
                })?)
            }
        }
    };
    let address = parts.extensions.get::<ConnectInfo<Peer>>().map(|info| info.0.0.ip());
    let id = super::respond::REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
    Ok(RequestInfo { id, address, dry_run, if_match })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_bearer_token_goes_before_the_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("a=b; hanse_session=s1; c=d"));
        assert_eq!(credential(&headers), Some(Credential::Session("s1".into())));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("bearer hanse_x"));
        assert_eq!(credential(&headers), Some(Credential::Token("hanse_x".into())));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Basic eDp5"));
        assert_eq!(credential(&headers), None);
    }
}
