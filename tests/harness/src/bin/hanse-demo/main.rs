//! `make demo`: three local control planes, Hanse over them on its embedded database, the clusters imported and a
//! sample federated, all through the REST API as anybody else would. It holds until Ctrl-C, and leaves nothing.

mod api;
mod sample;

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Parser;
use hanse_harness::{
    Access, Cluster, ControlPlanes, Flavour, HanseProcess, Namespace, Plane, agent::AgentProcess,
    netns::Relay, try_wait_for,
};
use tokio::signal::unix::{SignalKind, signal};

/// The cluster that only its agent reaches.
const BY_AGENT: &str = "bremen";

/// Hanse over three local clusters, with a sample.
#[derive(Parser)]
struct Arguments {
    /// The server's binary
    #[arg(long, value_name = "FILE")]
    hanse: PathBuf,
    /// Port of the console; another one is taken when it is in use
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// End as soon as the sample is ready instead of waiting for Ctrl-C
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut ends = Ends::listen()?;
    tokio::select! {
        ended = show(arguments) => ended,
        name = ends.next() => {
            say(&format!("{name}: ending everything"));
            Ok(())
        }
    }
}

async fn show(arguments: Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let tell = |what: &str| say(&format!("demo {:5.1}s  {what}", began.elapsed().as_secs_f64()));

    let namespace = match Namespace::create() {
        Ok(namespace) => {
            tell(&format!(
                "{BY_AGENT} gets a network namespace ({}): this machine has no route to it, its agent has one to Hanse",
                namespace.name()
            ));
            Some(namespace)
        }
        Err(error) => {
            tell(&format!(
                "{BY_AGENT} stays on loopback, where only its agent knows it: no network namespace ({error:#})"
            ));
            None
        }
    };
    tell("starting three control planes with nodes");
    let bremen = Plane::new(BY_AGENT, Flavour::Full).region("eu-central", &["a"]).nodes(2);
    let planes = [
        Plane::new("hamburg", Flavour::Full).region("eu-north", &["a", "b", "c"]),
        Plane::new("luebeck", Flavour::Full).region("eu-west", &["a", "b"]).nodes(2),
    ];
    // Side by side, because each is slow to start.
    let (planes, island) = tokio::try_join!(ControlPlanes::start(&planes), async {
        match &namespace {
            Some(namespace) => ControlPlanes::start_in(namespace, &[bremen]).await,
            None => ControlPlanes::start(&[bremen]).await,
        }
    })?;
    let clusters: Vec<&Cluster> = planes.clusters().iter().chain(island.clusters()).collect();

    tell("starting Hanse on an empty embedded database");
    let listen = console_address(arguments.port)?;
    let mut hanse = HanseProcess::builder().binary(&arguments.hanse).listen(listen).try_start().await?;
    let token = hanse.setup_token().await?;

    tell("making the first administrator");
    let password = password();
    let api = api::Api::set_up(&hanse.url(), &token, sample::USER, &password).await?;

    let (by_agent, direct): (Vec<_>, Vec<_>) =
        clusters.iter().copied().partition(|cluster| cluster.name == BY_AGENT);
    let mut relays = Vec::new();
    let folder = tempfile::Builder::new().prefix("hanse-demo-").tempdir()?;
    let mut agents = Vec::new();
    for cluster in by_agent {
        tell(&format!("{} is brought in by its agent: Hanse gets no kubeconfig of it", cluster.name));
        let created = api.make("agent-clusters", &serde_json::json!({"name": cluster.name})).await?;
        let kubeconfig = cluster.kubeconfig(Access::Token);
        let (agent, ways) =
            start_agent(namespace.as_ref(), folder.path(), listen, &created, &kubeconfig).await?;
        agents.push(agent);
        relays.extend(ways);
    }
    for cluster in direct {
        tell(&format!("importing {} by kubeconfig", cluster.name));
        api.import(&cluster.name, &cluster.kubeconfig(Access::Admin)).await?;
    }

    let joined = format!("clusters/{BY_AGENT}");
    try_wait_for(Duration::from_secs(60), "the agent's cluster to be ready", || async {
        let found = api.get(&joined).await?;
        anyhow::ensure!(found.get("phase").is_some_and(|phase| phase == "Ready"), "{found}");
        Ok(())
    })
    .await?;

    tell("making workspace and project, federating the sample");
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    api.make("workspaces", &sample::workspace(&names)).await?;
    let collection = format!("projects/{}/federated-objects", sample::PROJECT);
    api.make(&collection, &sample::settings(&names)).await?;
    api.make(&collection, &sample::web()).await?;

    let object = format!("{collection}/deployments.apps/{}", sample::NAME);
    let ready = try_wait_for(Duration::from_secs(60), "the sample to be ready", || async {
        let status = api.get(&object).await?;
        let lines = sample::ready(&status)?;
        anyhow::Ok(lines)
    });
    for line in ready.await? {
        tell(&line);
    }

    let kubeconfig = kubeconfig(&arguments.hanse, &hanse.url(), &api, folder.path()).await?;
    say(&welcome(&hanse.url(), &password, &kubeconfig)?);
    if arguments.once {
        return Ok(());
    }
    let mut look = tokio::time::interval(Duration::from_secs(1));
    loop {
        look.tick().await;
        if let Some(status) = hanse.ended() {
            bail!("the server ended by itself ({status}):\n{}", hanse.log());
        }
    }
}

/// The agent, with the command that Hanse shows; in a namespace, with the relays that lead out of it.
async fn start_agent(
    namespace: Option<&Namespace>,
    folder: &std::path::Path,
    console: SocketAddr,
    created: &serde_json::Value,
    kubeconfig: &str,
) -> anyhow::Result<(AgentProcess, Vec<Relay>)> {
    let file = folder.join("kubeconfig");
    std::fs::write(&file, kubeconfig)?;
    let text = |field: &str| {
        let found = created.pointer(&format!("/join/{field}")).and_then(serde_json::Value::as_str);
        found.map(ToOwned::to_owned).with_context(|| format!("the answer has no {field}"))
    };
    let (mut url, ca, token) = (text("url")?, text("caSha256")?, text("token")?);
    let mut relays = Vec::new();
    let mut more = Vec::new();
    if let Some(namespace) = namespace {
        let tunnel = namespace.relay(text("tunnelAddress")?.parse()?).await?;
        let web = namespace.relay(console).await?;
        url = format!("http://{}", web.address);
        // The link ends on this machine: nobody listens on the way.
        more.extend(["--allow-http".to_owned(), "--tunnel-address".to_owned(), tunnel.address.to_string()]);
        relays.extend([tunnel, web]);
    }
    let (file, state) = (file.display().to_string(), folder.join("state").display().to_string());
    let mut arguments = vec![
        "join",
        "--url",
        &url,
        "--ca-sha256",
        &ca,
        "--token",
        &token,
        "--kubeconfig",
        &file,
        "--state",
        &state,
    ];
    arguments.extend(more.iter().map(String::as_str));
    let agent = match namespace {
        Some(namespace) => AgentProcess::try_start_in(namespace, folder, &arguments).await?,
        None => AgentProcess::try_start(folder, &arguments).await?,
    };
    Ok((agent, relays))
}

/// A kubeconfig for the hub and every cluster, written by the command line.
async fn kubeconfig(
    hanse: &std::path::Path,
    url: &str,
    api: &api::Api,
    folder: &std::path::Path,
) -> anyhow::Result<PathBuf> {
    let made = api.make("me/tokens", &serde_json::json!({"name": "kubectl", "expiresInDays": 1})).await?;
    let secret = made.get("secret").and_then(serde_json::Value::as_str).context("no secret of the token")?;
    let path = folder.join("kubeconfig.yaml");
    let output = tokio::process::Command::new(hanse)
        .args(["kubeconfig", "--server", url, "--with-token", "--file"])
        .arg(&path)
        .env("HANSE_TOKEN", secret)
        .output()
        .await?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(path)
}

fn welcome(url: &str, password: &str, kubeconfig: &std::path::Path) -> anyhow::Result<String> {
    let kubectl = hanse_harness::testbed::binary()?;
    Ok(format!(
        "\n  Console   {url}\n  Sign in   {user} / {password}\n\n  With kubectl, through Hanse:\n    \
         export KUBECONFIG={kubeconfig}\n    alias kubectl='{kubectl} kubectl'   # or your own\n    \
         kubectl --context hub -n {project} get deployments\n    kubectl --context hub -n {project} get \
         federateddeployments\n    kubectl --context {by_agent} -n {project} get pods\n\n  Ctrl-C ends everything \
         and leaves nothing.\n",
        user = sample::USER,
        project = sample::PROJECT,
        by_agent = BY_AGENT,
        kubectl = kubectl.display(),
        kubeconfig = kubeconfig.display(),
    ))
}

fn console_address(port: u16) -> anyhow::Result<SocketAddr> {
    let wanted = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = TcpListener::bind(wanted).or_else(|_| TcpListener::bind("127.0.0.1:0"));
    Ok(listener.context("no port for the console")?.local_addr()?)
}

/// Made anew each time: nobody else on the machine knows it.
fn password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    let letter = |_| LETTERS.get(rand::random_range(0..LETTERS.len())).copied().map_or('x', char::from);
    (0..12).map(letter).collect()
}

#[expect(clippy::print_stderr, reason = "what the person who started it reads")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Every polite way to be told to end.
struct Ends {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Ends {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.hang_up.recv() => "SIGHUP",
        }
    }
}
