//! Running after a join: the tunnel, for ever.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::{Args, ValueEnum};
use hanse_tunnel::agent::{Forwarder, Link, Proxy, Web, handler};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    gate::Gate,
    member::Member,
    policy::Policy,
    state::{Place, Renewed, State, place},
};

/// Path of the WebSocket, below the hub's URL.
const PATH: &str = "agent/v1/tunnel";

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
pub struct Options {
    /// The cluster's kubeconfig; in a pod the mounted ServiceAccount is used
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Folder that keeps the certificate over restarts
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,
    /// In a pod: Secret that keeps the certificate over restarts
    #[arg(long, value_name = "NAME", conflicts_with = "state")]
    pub state_secret: Option<String>,
    /// What the owner of this cluster lets Hanse do: readOnly, namespaces, verbs
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// HTTP proxy for the tunnel: http://[user:password@]host:port
    #[arg(long, value_name = "URL", env = "HANSE_AGENT_PROXY", hide_env_values = true)]
    pub proxy: Option<Url>,
    /// Dial this instead of what the hub advertises, host:port
    #[arg(long, value_name = "ADDRESS")]
    pub tunnel_address: Option<String>,
    /// Whether the tunnel may go inside a WebSocket at the hub's URL: when nothing else leads there, never, or always
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub websocket: WebSocket,
}

/// When the tunnel goes inside a WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WebSocket {
    /// When neither the tunnel's port nor the proxy leads there
    #[default]
    Auto,
    /// Never
    Never,
    /// Always
    Always,
}

/// The hub's web port, from the URL that the agent joined at.
fn web(url: &Url) -> anyhow::Result<Web> {
    let url = url.join(PATH).context("the hub's URL")?;
    let host = url.host_str().context("the hub's URL names no host")?.to_owned();
    let port = url.port_or_known_default().context("the hub's URL names no port")?;
    Ok(Web { secure: url.scheme() == "https", host, port, path: url.path().to_owned() })
}

/// Options of `hanse-agent run`.
#[derive(Clone, Debug, Default, Args)]
pub struct Run {
    #[command(flatten)]
    pub(crate) options: Options,
}

/// What the options mean, read once.
pub(crate) struct Surroundings {
    pub(crate) member: Member,
    pub(crate) forwarder: Forwarder,
    pub(crate) place: Place,
}

impl Options {
    pub(crate) fn read(&self) -> anyhow::Result<Surroundings> {
        let text = |file: &PathBuf| {
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
        };
        let member = match &self.kubeconfig {
            Some(file) => Member::of_kubeconfig(&text(file)?, self.context.as_deref())?,
            None => Member::of_this_pod()?,
        };
        let policy = match &self.policy {
            Some(file) => Policy::parse(&text(file)?).with_context(|| file.display().to_string())?,
            None => Policy::default(),
        };
        let gate = Gate { policy, member: member.clone() };
        let forwarder = Forwarder::new(Arc::new(member.clone()), Arc::new(gate));
        let place = place(self.state.clone(), self.state_secret.clone(), &member, &forwarder)?;
        Ok(Surroundings { member, forwarder, place })
    }

    fn proxy(&self) -> anyhow::Result<Option<Proxy>> {
        let Some(url) = &self.proxy else { return Ok(None) };
        anyhow::ensure!(
            url.scheme() == "http",
            "the proxy {url} is not an http:// one: no other kind is spoken yet"
        );
        let host = url.host_str().context("the proxy's URL names no host")?;
        let decoded =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let authorization = (!url.username().is_empty()).then(|| {
            let login =
                format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
            format!("Basic {}", STANDARD.encode(login))
        });
        Ok(Some(Proxy {
            address: format!("{host}:{}", url.port_or_known_default().unwrap_or(80)),
            authorization,
        }))
    }

    /// Keeps the tunnel until a signal says stop.
    pub(crate) async fn serve(&self, around: Surroundings, state: State) -> anyhow::Result<()> {
        let Surroundings { member, forwarder, place } = around;
        let address = self.tunnel_address.clone().unwrap_or_else(|| state.address.clone());
        let url = state.url.clone();
        tracing::info!(cluster = state.name, id = %state.cluster, hub = address, "running");
        let uid = {
            let (member, forwarder) = (member.clone(), forwarder.clone());
            Arc::new(move || {
                let (member, forwarder) = (member.clone(), forwarder.clone());
                let asked = async move {
                    member.system_uid(&forwarder).await.inspect_err(|error| tracing::warn!("{error:#}")).ok()
                };
                Box::pin(asked) as futures::future::BoxFuture<'static, Option<String>>
            })
        };
        let mut link = Link::new(
            address,
            state.instance.clone(),
            state.credentials.clone(),
            handler(move |request| {
                let forwarder = forwarder.clone();
                async move { forwarder.forward(request).await }
            }),
            uid,
            Arc::new(Renewed { place, state }),
        );
        link.proxy = self.proxy()?;
        if self.websocket != WebSocket::Never {
            link.web = url.as_ref().map(web).transpose()?;
        }
        link.only_web = self.websocket == WebSocket::Always;
        env!("CARGO_PKG_VERSION").clone_into(&mut link.version);
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::new(link).run(stop.clone()));
        signal().await;
        tracing::info!("stopping");
        stop.cancel();
        running.await.context("the tunnel's task")
    }
}

async fn signal() {
    let terminated = async {
        #[cfg(unix)]
        if let Ok(mut signals) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            signals.recv().await;
            return;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

impl Run {
    /// Runs until told to stop.
    ///
    /// # Errors
    /// When nothing was joined before, or something needed is missing.
    pub async fn run(&self) -> anyhow::Result<()> {
        let around = self.options.read()?;
        let state = around.place.load().await?;
        let state = state
            .context("this agent has not joined yet: run the `hanse-agent join` command that Hanse shows")?;
        self.options.serve(around, state).await
    }
}
