//! A caller of the REST API: whose credentials it sends, and what came back.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

/// Longest wait for one answer.
const DEADLINE: Duration = Duration::from_secs(30);

/// Somebody who calls the API. Paths are those below `/api/v1/`, such as `projects/shop`.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) who: Who,
}

#[derive(Clone, Debug)]
pub(crate) enum Who {
    Nobody,
    Session(String),
    Token(String),
}

impl Client {
    /// Somebody without credentials, at a server under `http://ADDRESS`.
    ///
    /// # Panics
    /// When no HTTP client is to be had.
    #[must_use]
    pub fn nobody(url: &str) -> Self {
        // A connection that was idle when the server was restarted is of no use.
        let http = reqwest::Client::builder().no_proxy().timeout(DEADLINE).pool_max_idle_per_host(0);
        let http = http.build().unwrap();
        Self { http, url: url.to_owned(), who: Who::Nobody }
    }

    /// Somebody who has not signed in to the server at this URL.
    #[must_use]
    pub fn to(url: &str) -> Self {
        Self::nobody(url)
    }

    /// POST to a server that may die over it; `None` when there was no answer.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        let response = self.request(Method::POST, path).json(&body).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.ok()?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Some(Answer { status, headers, body, text, asked: format!("POST {path}") })
    }

    /// The browser that got this answer to signing in.
    ///
    /// # Panics
    /// When the answer sets no session cookie.
    #[must_use]
    pub fn with_session(&self, signed_in: &Answer) -> Self {
        let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { who: Who::Session(cookie), ..self.clone() }
    }

    /// A script that holds this token.
    #[must_use]
    pub fn with_token(&self, secret: &str) -> Self {
        Self { who: Who::Token(secret.to_owned()), ..self.clone() }
    }

    /// Makes a token of this caller, limited to permissions where some are given, and answers who uses it.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn token(&self, name: &str, permissions: Option<&[&str]>) -> Self {
        let made = self.post("me/tokens", json!({"name": name, "permissions": permissions})).await.is(201);
        self.with_token(made["secret"].as_str().expect("the secret of a new token"))
    }

    /// The secret that it sends: the cookie's value or the token.
    ///
    /// # Panics
    /// When it has none.
    #[must_use]
    pub fn secret(&self) -> &str {
        match &self.who {
            Who::Nobody => panic!("nobody has no secret"),
            Who::Session(cookie) => cookie.split_once('=').unwrap().1,
            Who::Token(token) => token,
        }
    }

    /// A request with this caller's credentials, to be changed before [`Answer::to`] sends it. A browser's request
    /// says that it comes from the server's own page.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.without_origin(method, path);
        match &self.who {
            Who::Session(_) => request.header("origin", &self.url),
            _ => request,
        }
    }

    /// [`Client::request`] without the `Origin` that a browser sends.
    pub fn without_origin(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}/api/v1/{path}", self.url));
        match &self.who {
            Who::Nobody => request,
            Who::Session(cookie) => request.header("cookie", cookie),
            Who::Token(token) => request.bearer_auth(token),
        }
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, path).json(&body)).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::PUT, path).json(&body)).await
    }

    /// PATCH: JSON merge patch.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::PATCH, path).json(&body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::DELETE, path)).await
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, `null` where it is no JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
    asked: String,
}

impl Answer {
    /// Sends a request.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn to(request: RequestBuilder) -> Self {
        let (client, request) = request.build_split();
        let request = request.expect("a request that can be sent");
        let asked = format!("{} {}", request.method(), request.url().path());
        let response = client.execute(request).await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap_or_else(|error| panic!("{asked}: {error:?}"));
        let body = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, body, text, asked }
    }

    /// The body, of an answer with this status.
    ///
    /// # Panics
    /// When it has another.
    #[must_use]
    #[track_caller]
    pub fn body_of(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        &self.body
    }

    /// The body, of an answer with this status.
    ///
    /// # Panics
    /// When it has another.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self.body
    }

    /// The paths of the fields at fault, of a 422.
    ///
    /// # Panics
    /// When it is no 422.
    #[must_use]
    #[track_caller]
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.body_of(422)["error"]["fields"].as_array();
        fields.into_iter().flatten().filter_map(|field| field["field"].as_str()).collect()
    }

    /// A header's text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
