//! Joining: a token for a certificate. The agent makes its key, which never leaves it, and believes only the hub whose
//! authority has the hash that the join command names.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Args;
use hanse_tunnel::{
    agent::Credentials,
    pki::{AgentKey, fingerprint, read_certificate},
};
use hanse_types::{
    agent::{JoinAnswer, JoinRequest},
    error::ApiError,
};
use url::{Host, Url};

use crate::{
    run::{Options, Surroundings},
    state::State,
};

const DEADLINE: Duration = Duration::from_secs(20);

/// Options of `hanse-agent join`.
#[derive(Clone, Debug, Args)]
pub struct Join {
    /// URL of the hub
    #[arg(long, value_name = "URL")]
    pub url: Url,
    /// SHA-256 of the certificate of the hub's authority
    #[arg(long, value_name = "HEX")]
    pub ca_sha256: String,
    /// The join token: good once, within the hour
    #[arg(long, value_name = "ID.SECRET", env = "HANSE_JOIN_TOKEN", hide_env_values = true)]
    pub token: String,
    /// Send the token over plain HTTP; whoever listens can then join in this cluster's place
    #[arg(long)]
    pub allow_http: bool,
    /// Certificate authority of the hub's https URL, when this machine does not trust it; PEM
    #[arg(long, value_name = "FILE")]
    pub url_ca: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub(crate) options: Options,
}

impl Join {
    /// Joins unless that was done, then runs until told to stop.
    ///
    /// # Errors
    /// When the hub refuses, is not the right one, or something needed is missing.
    pub async fn run(&self) -> anyhow::Result<()> {
        let around = self.options.read()?;
        let state = match around.place.load().await? {
            Some(state) => {
                tracing::info!(cluster = state.name, "this agent has joined before");
                state
            }
            None => self.join(&around).await?,
        };
        self.options.serve(around, state).await
    }

    async fn join(&self, around: &Surroundings) -> anyhow::Result<State> {
        let local = match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => bail!("{} names no host", self.url),
        };
        ensure!(
            self.url.scheme() == "https" || local || self.allow_http,
            "{} is not https: whoever listens on the way could take the token and join in this cluster's place. \
             Reach the hub by https, or give --allow-http",
            self.url
        );
        let system_uid = around.member.system_uid(&around.forwarder).await?;
        let key = AgentKey::generate()?;
        let request = JoinRequest { token: self.token.clone(), csr: key.csr_pem().to_owned(), system_uid };
        let url = self.url.join("agent/v1/join").context("the hub's URL")?;
        let mut client = reqwest::Client::builder().timeout(DEADLINE);
        if let Some(file) = &self.url_ca {
            let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            client = client.add_root_certificate(reqwest::Certificate::from_pem(&pem)?);
        }
        // A proxy that only connects is asked for https alone.
        if let Some(proxy) = &self.options.proxy {
            client = client.proxy(reqwest::Proxy::https(proxy.clone()).context("the proxy's URL")?);
        }
        let answer = client.build()?.post(url.clone()).json(&request).send().await;
        let answer = answer.map_err(|error| {
            let mut why = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                why = format!("{why}: {next}");
                cause = next.source();
            }
            anyhow!("the hub cannot be asked at {url}: {why}. Check the URL, DNS, proxies and firewalls on the way")
        })?;
        let status = answer.status();
        let body = answer.bytes().await.context("the hub's answer broke off")?;
        if !status.is_success() {
            let said = serde_json::from_slice::<ApiError>(&body).map_or_else(
                |_| String::from_utf8_lossy(&body).chars().take(300).collect(),
                |error| error.error.message,
            );
            bail!("the hub refuses (HTTP {}): {said}", status.as_u16());
        }
        let answer: JoinAnswer =
            serde_json::from_slice(&body).with_context(|| format!("what answers at {url} is not Hanse"))?;
        let found = fingerprint(&read_certificate(&answer.ca)?);
        let wanted = self.ca_sha256.trim().to_ascii_lowercase().replace(':', "");
        ensure!(
            found == wanted,
            "what answers at {url} is not the hub of the join command: its authority has the hash {found}, not {wanted}. \
             Something on the way may intercept TLS: the token is spent, make a new one when that is mended"
        );
        let state = State {
            cluster: answer.cluster,
            name: answer.name,
            address: answer.tunnel_address,
            url: Some(self.url.clone()),
            instance: uuid::Uuid::now_v7().to_string(),
            credentials: Credentials {
                ca: answer.ca,
                certificate: answer.certificate,
                key: key.key_pem().to_owned(),
            },
        };
        around.place.save(&state).await?;
        tracing::info!(cluster = state.name, id = %state.cluster, "joined");
        Ok(state)
    }
}
