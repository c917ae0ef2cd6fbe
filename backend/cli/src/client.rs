//! The REST API as a client: one connection pool, one way to send, one way to turn what comes back into an answer or
//! an error. Every request has a deadline and every answer a limit, whatever is at the other end.

use std::{error::Error as _, time::Duration};

use hanse_types::ApiError;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{self, HeaderMap},
    redirect,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use crate::{
    config::Target,
    error::{Error, Result},
};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for a whole answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Largest answer that is read.
const MAX_ANSWER: usize = 256 * 1024 * 1024;
/// Items asked for at once.
const PAGE: &str = "500";

/// A server's API on behalf of somebody.
#[derive(Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    server: Url,
    token: Option<String>,
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Version for `If-Match`.
    pub(crate) etag: Option<String>,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// The body; null when there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// The body as a type of the API.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        read(self.body.clone())
    }
}

/// A body as a type of the API.
pub(crate) fn read<T: DeserializeOwned>(body: Value) -> Result<T> {
    serde_json::from_value(body).map_err(|error| {
        Error::failed(
            format!("the server's answer cannot be understood: {error}"),
            "use the command line of the server's own version",
        )
    })
}

impl Api {
    /// A client; nothing is sent yet.
    pub(crate) fn new(target: &Target) -> Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("hanse/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            // Upgrades need it, and the token must not follow a redirect to somewhere else.
            .http1_only()
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| {
                Error::failed(format!("cannot set up the HTTP client: {}", innermost(&error)), "")
            })?;
        Ok(Self { http, server: target.server.clone(), token: target.token.clone() })
    }

    /// Base URL of the server.
    pub(crate) fn server(&self) -> &Url {
        &self.server
    }

    /// URL of a resource; each segment is escaped.
    pub(crate) fn url(&self, path: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    /// A request with credentials and a deadline.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let request = self.http.request(method, self.url(path)).timeout(ANSWER);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends; a status of 400 and above is an error with what the server said.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(response);
        }
        if status.is_redirection() {
            let place = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            return Err(Error::failed(
                format!("{} sends on to {}", self.server, place.unwrap_or("another place")),
                "sign in at that URL with `hanse login URL`",
            ));
        }
        let retry_after = response.headers().get(header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
        let body = self.body(response).await?;
        match serde_json::from_slice::<ApiError>(&body) {
            Ok(answer) => Err(Error::Api { error: Box::new(answer.error), retry_after }),
            Err(_) => Err(Error::failed(
                format!("{} answered {status}, but not as Hanse does", self.server),
                "check that the URL is that of a Hanse server, and what stands between it and you",
            )),
        }
    }

    /// Sends and reads the answer as JSON.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> Result<Answer> {
        let response = self.send(request).await?;
        let headers = response.headers().clone();
        let etag = headers.get(header::ETAG).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let bytes = self.body(response).await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).map_err(|_| {
                Error::failed(
                    format!("{} answered with something else than JSON", self.server),
                    "check that the URL is that of a Hanse server",
                )
            })?
        };
        Ok(Answer { etag, headers, body })
    }

    /// The authority of the server's own certificate in PEM, where it has one.
    pub(crate) async fn authority(&self) -> Result<Option<String>> {
        let mut url = self.server.clone();
        url.set_path("ca.pem");
        let response = self.send(self.http.get(url)).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        Ok(response.text().await.ok().filter(|text| text.starts_with("-----BEGIN CERTIFICATE")))
    }

    /// Reads one resource.
    pub(crate) async fn get(&self, path: &[&str]) -> Result<Answer> {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Sends a body to a collection.
    pub(crate) async fn post(&self, path: &[&str], body: &impl Serialize) -> Result<Answer> {
        self.answer(self.request(Method::POST, path).json(body)).await
    }

    /// Removes one resource.
    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Answer> {
        self.answer(self.request(Method::DELETE, path)).await
    }

    /// Reads a whole list, page by page.
    pub(crate) async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut place: Option<String> = None;
        loop {
            let mut request = self.request(Method::GET, path).query(&[("limit", PAGE)]).query(query);
            if let Some(place) = &place {
                request = request.query(&[("continue", place)]);
            }
            let mut page: hanse_types::List<Value> = read(self.answer(request).await?.body)?;
            let got = page.items.len();
            items.append(&mut page.items);
            match page.continue_ {
                // A server that goes on without giving anything would never end.
                Some(next) if got > 0 && place.as_ref() != Some(&next) => place = Some(next),
                _ => return Ok(items),
            }
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Error::failed(
                    format!("the answer of {} is larger than 256 MiB", self.server),
                    "",
                ));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Why there was no answer, and what to do about it.
    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> Error {
        let cause = innermost(error);
        let elsewhere = "name another server with --server URL (HANSE_SERVER) or --context";
        if error.is_timeout() {
            let message = if error.is_connect() {
                format!("no connection to {} within {} seconds", self.server, CONNECT.as_secs())
            } else {
                format!("{} did not answer in time", self.server)
            };
            return Error::failed(
                message,
                format!("check that the server can be reached from here, or {elsewhere}"),
            );
        }
        let message = format!("cannot reach {}: {cause}", self.server);
        if cause.contains("certificate") {
            return Error::failed(
                message,
                "if its certificate is signed by an authority of your own, set SSL_CERT_FILE to that authority's PEM file",
            );
        }
        if error.is_connect() {
            return Error::failed(message, format!("check that the server runs there, or {elsewhere}"));
        }
        Error::failed(message, "run the command again; if it stays so, look into the server's log")
    }
}

/// The cause at the end of the chain, which is the one that says something.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{header as has_header, method, path, query_param, query_param_is_missing},
    };

    use super::*;
    use crate::config::server_url;

    fn api(server: &str) -> Api {
        let target =
            Target { server: server_url(server).unwrap(), token: Some("hanse_t".into()), project: None };
        Api::new(&target).unwrap()
    }

    #[test]
    fn names_are_escaped_in_paths() {
        let api = api("https://h/base");
        assert_eq!(api.url(&["projects", "a/../b"]).as_str(), "https://h/base/api/v1/projects/a%2F..%2Fb");
    }

    #[tokio::test]
    async fn a_list_is_read_to_its_end() {
        let server = MockServer::start().await;
        let page = |items: Value, next: Value| {
            ResponseTemplate::new(200)
                .set_body_json(json!({"items": items, "total": 3, "continue": next, "revision": 1}))
        };
        Mock::given(path("/api/v1/clusters"))
            .and(query_param_is_missing("continue"))
            .and(has_header("authorization", "Bearer hanse_t"))
            .respond_with(page(json!([1, 2]), json!("x")))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(path("/api/v1/clusters"))
            .and(query_param("continue", "x"))
            .respond_with(page(json!([3]), Value::Null))
            .expect(1)
            .mount(&server)
            .await;
        let items = api(&server.uri()).list(&["clusters"], &[]).await.unwrap();
        assert_eq!(items, [json!(1), json!(2), json!(3)]);
    }

    #[tokio::test]
    async fn a_closed_port_says_which_url_and_how_to_change_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let error = api(&format!("http://{address}")).get(&["me"]).await.unwrap_err();
        let report = error.report().replace(&address.to_string(), "ADDRESS");
        insta::assert_snapshot!(report, @r"
        error: cannot reach http://ADDRESS/: Connection refused (os error 111)
          next: check that the server runs there, or name another server with --server URL (HANSE_SERVER) or --context
        ");
    }

    #[tokio::test]
    async fn a_server_that_is_not_hanse_is_called_so() {
        let server = MockServer::start().await;
        Mock::given(path("/api/v1/me"))
            .respond_with(ResponseTemplate::new(502).set_body_string("<html>bad gateway"))
            .mount(&server)
            .await;
        Mock::given(path("/api/v1/users"))
            .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
            .mount(&server)
            .await;
        Mock::given(path("/api/v1/clusters"))
            .respond_with(ResponseTemplate::new(308).insert_header("location", "https://other.example/"))
            .mount(&server)
            .await;
        let api = api(&server.uri());
        let says = |error: Error| error.report().replace(&server.uri(), "SERVER");
        insta::assert_snapshot!(says(api.get(&["me"]).await.unwrap_err()), @r"
        error: SERVER/ answered 502 Bad Gateway, but not as Hanse does
          next: check that the URL is that of a Hanse server, and what stands between it and you
        ");
        insta::assert_snapshot!(says(api.get(&["users"]).await.unwrap_err()), @r"
        error: SERVER/ answered with something else than JSON
          next: check that the URL is that of a Hanse server
        ");
        insta::assert_snapshot!(says(api.get(&["clusters"]).await.unwrap_err()), @r"
        error: SERVER/ sends on to https://other.example/
          next: sign in at that URL with `hanse login URL`
        ");
    }

    #[tokio::test]
    async fn a_refusal_comes_through_whole() {
        let server = MockServer::start().await;
        let body =
            json!({"error": {"code": "unauthenticated", "message": "no credentials", "requestId": "r1"}});
        Mock::given(method("DELETE"))
            .respond_with(ResponseTemplate::new(401).set_body_json(body))
            .mount(&server)
            .await;
        let error = api(&server.uri()).delete(&["clusters", "eu"]).await.unwrap_err();
        assert_eq!(error.code(), Some(hanse_types::error::ErrorCode::Unauthenticated));
        insta::assert_snapshot!(error.report(), @r"
        error: no credentials
          next: sign in with `hanse login URL`, or give a token with --token or HANSE_TOKEN
          request id: r1
        ");
    }
}
