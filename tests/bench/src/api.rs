//! The REST calls that the benchmark makes, as docs/api.md has them.

use std::time::Duration;

use anyhow::{Context, bail};
use hanse_harness::HanseProcess;
use http::{Method, header};
use serde_json::{Value, json};

use crate::sample::{Kind, PROJECT};

/// The API with an administrator's token.
pub struct Api {
    client: reqwest::Client,
    url: String,
    credential: (header::HeaderName, String),
}

impl Api {
    /// Follows the link that the server printed, and makes a token.
    pub async fn set_up(server: &HanseProcess) -> anyhow::Result<Self> {
        let token = server.find_in_log("the link for the first setup", token_of_link).await?;
        let url = server.url();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        let password = "measured, not guessed";
        let body = json!({"token": token, "name": "admin", "password": password, "advertisedUrl": url});
        let request = client.post(format!("{url}/api/v1/setup")).header(header::ORIGIN, &url).json(&body);
        let answer = request.send().await?;
        let cookie = answer.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        succeeded(answer).await.context("setup")?;
        let cookie = cookie.context("setup did not sign in")?;
        let session = Self { client, url, credential: (header::COOKIE, cookie) };
        let created = session.post("me/tokens", &json!({"name": "bench", "expiresInDays": 1})).await?;
        let secret = created.get("secret").and_then(Value::as_str).context("no secret of the new token")?;
        Ok(Self { credential: (header::AUTHORIZATION, format!("Bearer {secret}")), ..session })
    }

    pub async fn import(&self, name: &str, kubeconfig: &str) -> anyhow::Result<()> {
        self.post("clusters", &json!({"name": name, "kubeconfig": kubeconfig})).await.map(|_| ())
    }

    /// The token, for clients of their own.
    pub fn token(&self) -> &str {
        self.credential.1.trim_start_matches("Bearer ")
    }

    /// A figure of `/metrics`.
    pub async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let text = self.client.get(format!("{}/metrics", self.url)).send().await?.text().await?;
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        found.with_context(|| format!("/metrics has no {name}"))
    }

    /// The certificate of the server's own authority, in PEM.
    pub async fn authority(&self) -> anyhow::Result<String> {
        let answer = self.client.get(format!("{}/ca.pem", self.url)).send().await?.error_for_status()?;
        Ok(answer.text().await?)
    }

    /// A workspace and the project that is measured, with all clusters.
    pub async fn workspace(&self, clusters: &[&str]) -> anyhow::Result<()> {
        let project = json!({"name": PROJECT, "clusters": clusters});
        let body = json!({"name": "bench", "clusters": clusters, "project": project});
        self.post("workspaces", &body).await.map(|_| ())
    }

    /// Federates an object to all clusters of the project.
    pub async fn federate(&self, object: &Value, clusters: &[&str]) -> anyhow::Result<()> {
        let body = json!({"spec": {"template": object, "placement": {"clusters": clusters}}});
        self.post(&format!("projects/{PROJECT}/federated-objects"), &body).await.map(|_| ())
    }

    /// Changes an object's template.
    pub async fn change(&self, kind: Kind, object: &Value, name: &str) -> anyhow::Result<()> {
        let path = format!("projects/{PROJECT}/federated-objects/{}/{name}", kind.type_name());
        self.call(Method::PATCH, &path, Some(&json!({"spec": {"template": object}}))).await.map(|_| ())
    }

    /// A request to a root of the hub, as a Kubernetes client makes it.
    pub async fn hub(
        &self,
        root: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<()> {
        let (name, value) = &self.credential;
        let url = format!("{}/{root}{path}", self.url);
        let mut request = self.client.request(method.clone(), url).header(name, value);
        if let Some(body) = body {
            let media =
                if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
            request = request.header(header::CONTENT_TYPE, media).body(serde_json::to_vec(body)?);
        }
        succeeded(request.send().await?).await.with_context(|| format!("{method} {path}")).map(|_| ())
    }

    /// A cluster that comes in by its agent: what the agent is to be told.
    pub async fn agent_cluster(&self, name: &str) -> anyhow::Result<Value> {
        self.post("agent-clusters", &json!({"name": name})).await
    }

    /// Waits until a cluster is ready.
    pub async fn ready(&self, name: &str) -> anyhow::Result<()> {
        for _ in 0..600 {
            let found = self.call(Method::GET, &format!("clusters/{name}"), None).await?;
            if found.get("phase").and_then(Value::as_str) == Some("Ready") {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{name} is not ready within a minute")
    }

    pub async fn delete(&self, kind: Kind, name: &str) -> anyhow::Result<()> {
        let path = format!("projects/{PROJECT}/federated-objects/{}/{name}", kind.type_name());
        self.call(Method::DELETE, &path, None).await.map(|_| ())
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let (name, value) = &self.credential;
        let mut request = self
            .client
            .request(method.clone(), format!("{}/api/v1/{path}", self.url))
            .header(name, value)
            .header(header::ORIGIN, &self.url);
        if let Some(body) = body {
            request = request.json(body);
        }
        succeeded(request.send().await?).await.with_context(|| format!("{method} {path}"))
    }
}

fn token_of_link(line: &str) -> Option<String> {
    let (_, token) = line.split_once("/setup")?.1.split_once("token=")?;
    let token: String =
        token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    (!token.is_empty()).then_some(token)
}

async fn succeeded(answer: reqwest::Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
}
