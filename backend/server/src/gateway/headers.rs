//! Which headers pass. What is about one hop stays on it; what says who somebody is, is ours to say and nobody else's.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Headers about one hop (RFC 9110 §7.6.1), and those that older software takes for such.
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers of a request that are about the caller and this server, not about the member.
const OURS: &[&str] = &[
    "authorization",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "origin",
    "referer",
    "via",
    "x-real-ip",
    "x-request-id",
    "audit-id",
];
/// Beginnings of headers that say who somebody is.
const WHO: &[&str] = &["impersonate-", "x-remote-", "x-forwarded-", "proxy-", "sec-fetch-"];
/// A token in the place of a subprotocol, which an apiserver takes for a credential.
const BEARER_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Names that `Connection` lists.
fn named(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

/// The headers of a request that go on to a member. Who it is for is added afterwards.
#[must_use]
pub fn of_request(headers: &HeaderMap) -> HeaderMap {
    let named = named(headers);
    let mut kept = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let text = name.as_str();
        let dropped = HOP_BY_HOP.contains(&text)
            || OURS.contains(&text)
            || WHO.iter().any(|beginning| text.starts_with(beginning))
            || named.iter().any(|one| one == text);
        if dropped {
            continue;
        }
        if *name == header::SEC_WEBSOCKET_PROTOCOL {
            if let Some(value) = without_bearer(value) {
                kept.append(name, value);
            }
            continue;
        }
        kept.append(name, value.clone());
    }
    kept
}

fn without_bearer(value: &HeaderValue) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let kept: Vec<&str> = text
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty() && !one.to_ascii_lowercase().starts_with(BEARER_PROTOCOL))
        .collect();
    if kept.is_empty() { None } else { HeaderValue::try_from(kept.join(", ")).ok() }
}

/// The headers of an answer that go on to the caller. What a member serves is shown by browsers as a stranger's page,
/// never as the console's.
pub fn of_answer(headers: &mut HeaderMap) {
    let named = named(headers);
    let dropped: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let text = name.as_str();
            HOP_BY_HOP.contains(&text)
                || named.iter().any(|one| one == text)
                || text.starts_with("access-control-")
                || matches!(
                    text,
                    "set-cookie"
                        | "set-cookie2"
                        | "strict-transport-security"
                        | "www-authenticate"
                        | "alt-svc"
                )
        })
        .cloned()
        .collect();
    for name in dropped {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The protocol that a request asks to switch to.
#[must_use]
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    if !named(headers).iter().any(|name| name == "upgrade") {
        return None;
    }
    headers.get(header::UPGRADE).cloned()
}

/// What makes a request's length or end ambiguous.
#[must_use]
pub fn ambiguous(headers: &HeaderMap) -> Option<&'static str> {
    let codings: Vec<&HeaderValue> = headers.get_all(header::TRANSFER_ENCODING).iter().collect();
    if !codings.is_empty() && headers.contains_key(header::CONTENT_LENGTH) {
        return Some("it has both Content-Length and Transfer-Encoding: send one of them");
    }
    if codings.len() > 1 || codings.iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Some("its Transfer-Encoding is not plainly chunked");
    }
    if headers.get_all(header::CONTENT_LENGTH).iter().count() > 1 {
        return Some("it has several Content-Length headers");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn nobody_says_who_they_are_but_us() {
        let sent = headers(&[
            ("authorization", "Bearer x"),
            ("cookie", "hanse_session=x"),
            ("impersonate-user", "admin"),
            ("impersonate-group", "system:masters"),
            ("impersonate-extra-scopes", "all"),
            ("impersonate-uid", "1"),
            ("x-remote-user", "admin"),
            ("x-forwarded-for", "1.2.3.4"),
            ("connection", "X-Private, keep-alive"),
            ("connection", "x-other"),
            ("x-private", "1"),
            ("x-other", "1"),
            ("te", "trailers"),
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("sec-websocket-protocol", "v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.YWJj"),
        ]);
        let kept = of_request(&sent);
        let expected = headers(&[
            ("accept", "application/json"),
            ("content-type", "application/json"),
            ("sec-websocket-protocol", "v5.channel.k8s.io"),
        ]);
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_members_answer_sets_nothing_in_the_consoles_browser() {
        let mut answer = headers(&[
            ("set-cookie", "hanse_session=forged"),
            ("access-control-allow-origin", "*"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("content-type", "text/html"),
            ("warning", "299 - \"old\""),
        ]);
        of_answer(&mut answer);
        let mut left: Vec<&str> = answer.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cache-control", "content-security-policy", "content-type", "warning"]);
    }

    #[test]
    fn an_ambiguous_end_is_found() {
        assert!(ambiguous(&headers(&[("content-length", "1"), ("transfer-encoding", "chunked")])).is_some());
        assert!(ambiguous(&headers(&[("transfer-encoding", "gzip, chunked")])).is_some());
        assert!(
            ambiguous(&headers(&[("transfer-encoding", "chunked"), ("transfer-encoding", "x")])).is_some()
        );
        assert!(ambiguous(&headers(&[("transfer-encoding", "Chunked")])).is_none());
        assert!(ambiguous(&headers(&[("content-length", "1")])).is_none());
    }
}
