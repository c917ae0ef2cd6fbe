//! Requests to an API server as a client of any kind would send them: every header and every byte is the test's, and
//! errors are answers like others.

use anyhow::Context;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::Cluster;

/// A way to send requests with all rights.
#[derive(Clone)]
pub struct Raw {
    client: kube::Client,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub code: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Values of `Warning` headers.
    pub warnings: Vec<String>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Raw {
    /// To a cluster. Belongs to the runtime that it is made on.
    pub async fn to(cluster: &Cluster) -> Self {
        Self { client: cluster.admin_client().await }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let mut request = http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.send(request.body(body.into())?).await.context("no answer")?;
        let code = response.status().as_u16();
        let warnings = response.headers().get_all("warning").iter().filter_map(|value| value.to_str().ok());
        let warnings = warnings.map(str::to_owned).collect();
        let body = response.into_body().collect().await.context("the answer broke off")?.to_bytes().to_vec();
        Ok(Answer { code, body, warnings })
    }
}
