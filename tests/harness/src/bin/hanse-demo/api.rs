//! The few REST calls that the demo makes, as docs/api.md has them.

use anyhow::{Context, bail};
use http::{Method, header};
use serde_json::{Value, json};

/// The API as one person sees it.
pub struct Api {
    client: reqwest::Client,
    url: String,
    credential: (header::HeaderName, String),
}

impl Api {
    /// Makes the first administrator, and a personal access token to go on with.
    pub async fn set_up(url: &str, token: &str, user: &str, password: &str) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let body = json!({"token": token, "name": user, "password": password, "advertisedUrl": url});
        let answer =
            client.post(format!("{url}/api/v1/setup")).header(header::ORIGIN, url).json(&body).send().await?;
        let cookie = answer.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        succeeded(answer).await.context("setup")?;
        let session = Self {
            client: client.clone(),
            url: url.to_owned(),
            credential: (header::COOKIE, cookie.context("setup did not sign in")?),
        };
        let created = session.make("me/tokens", &json!({"name": "demo", "expiresInDays": 1})).await?;
        let secret = created.get("secret").and_then(Value::as_str).context("no secret of the new token")?;
        Ok(Self { credential: (header::AUTHORIZATION, format!("Bearer {secret}")), ..session })
    }

    /// Imports a cluster.
    pub async fn import(&self, name: &str, kubeconfig: &str) -> anyhow::Result<()> {
        self.make("clusters", &json!({"name": name, "kubeconfig": kubeconfig})).await.map(|_| ())
    }

    /// Posts to a collection.
    pub async fn make(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Reads a resource.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
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

async fn succeeded(answer: reqwest::Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{status}: {text}");
    }
    if text.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_str(&text).context("the answer is not JSON")
    }
}
