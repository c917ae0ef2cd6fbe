//! Requests at one root of the hub.

use std::time::Duration;

use hanse_it::{Client, TestApp};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Longest wait for one event.
const SOON: Duration = Duration::from_secs(20);

/// One root, as somebody.
#[derive(Clone)]
pub struct Hub {
    http: reqwest::Client,
    pub base: String,
    pub secret: String,
}

pub struct Answer {
    pub code: u16,
    pub body: Value,
    pub text: String,
}

impl Answer {
    /// The body, of an answer with this status.
    pub fn is(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{}", self.text);
        self.body
    }

    /// The reason of a refusal with this status.
    pub fn refused(self, code: u16) -> String {
        let body = self.is(code);
        assert_eq!(body["kind"], "Status", "{body}");
        body["reason"].as_str().unwrap_or_default().to_owned()
    }
}

impl Hub {
    /// A root as a client whose credential is a token.
    pub fn new(app: &TestApp, root: &str, client: &Client) -> Self {
        Self::at(&app.url, root, client.secret())
    }

    pub fn at(url: &str, root: &str, secret: &str) -> Self {
        Self {
            // A connection that was idle when the server was restarted is of no use.
            http: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            base: format!("{url}/{root}"),
            secret: secret.to_owned(),
        }
    }

    /// Both roots as the administrator.
    pub async fn both(app: &TestApp) -> (Self, Self) {
        let token = app.admin.token(&hanse_harness::unique("hub"), None).await;
        (Self::new(app, "kube", &token), Self::new(app, "kubefed", &token))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.secret)
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let code = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        Answer { code, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).body(body.to_string())).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).body(body.to_string())).await
    }

    /// `kind` is `json`, `merge`, `strategic-merge` or `apply`.
    pub async fn patch(&self, path: &str, kind: &str, body: &Value) -> Answer {
        let media = match kind {
            "apply" => "application/apply-patch+yaml".to_owned(),
            kind => format!("application/{kind}-patch+json"),
        };
        let request = self.request(Method::PATCH, path).header("content-type", media).body(body.to_string());
        self.send(request).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Begins a watch; `query` begins with `&`.
    pub async fn watch(&self, path: &str, query: &str) -> Events {
        let answer = self.request(Method::GET, &format!("{path}?watch=true{query}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        Events { answer, rest: Vec::new() }
    }
}

/// Events of a watch.
pub struct Events {
    answer: reqwest::Response,
    rest: Vec<u8>,
}

impl Events {
    /// The next event; `None` when the watch has ended.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            match timeout(SOON, self.answer.chunk()).await.expect("an event in time") {
                Ok(Some(bytes)) => self.rest.extend_from_slice(&bytes),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The next event as its type, the object's name and its version.
    pub async fn told(&mut self) -> (String, String, i64) {
        let event = self.next().await.expect("an event");
        let metadata = &event["object"]["metadata"];
        (
            event["type"].as_str().unwrap().to_owned(),
            metadata["name"].as_str().unwrap_or_default().to_owned(),
            version(&event["object"]),
        )
    }

    /// Whether nothing is told for a while.
    pub async fn silent(&mut self) -> bool {
        timeout(Duration::from_millis(400), self.next()).await.is_err()
    }
}

pub fn version(object: &Value) -> i64 {
    object["metadata"]["resourceVersion"].as_str().unwrap_or("0").parse().unwrap()
}

/// A project without clusters, which is enough for what only the hub does.
pub async fn namespace(app: &TestApp) -> String {
    let name = hanse_harness::unique("hub");
    app.workspace(&name).await;
    app.project(&name, &name).await;
    name
}

pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}})
}
