//! Real control planes. A run of tests shares three of them; a test that stops, pauses or fills one starts its own.

use std::{
    collections::BTreeMap,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use anyhow::{Context, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::Deserialize;

use crate::{
    die,
    netns::Namespace,
    testbed::{self, Supervisor},
};

/// What a control plane consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// API server, controllers, scheduler, and three nodes of three zones whose pods kwok runs.
    Full,
    /// API server alone: half the memory and no nodes. No garbage collection, and a deleted namespace stays
    /// Terminating.
    ApiOnly,
}

/// Ways into a cluster, each a kubeconfig of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Client certificate of an administrator.
    Admin,
    /// Client certificate that may read the version, discovery, and config maps in `default`; nothing else.
    Limited,
    /// Client certificate that expired yesterday.
    Expired,
    /// An administrator's certificate, but the kubeconfig trusts another authority than the server's.
    WrongCa,
    /// Bearer token of an administrator.
    Token,
    /// Bearer token that nobody issued.
    BadToken,
}

/// One running cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name, unique among the planes started together.
    pub name: String,
    /// What it consists of.
    pub flavour: Flavour,
    /// UID of its namespace `kube-system`, by which a cluster is told from another.
    pub uid: String,
    /// URL of its API server, `https://127.0.0.1:PORT`.
    pub server: String,
    /// Names of its nodes.
    pub nodes: Vec<String>,
    /// Folder with its logs (`kube-apiserver.log`, …); gone after the run.
    pub dir: PathBuf,
    kubeconfigs: BTreeMap<Access, String>,
}

impl Cluster {
    /// Text of a kubeconfig with everything inlined.
    #[must_use]
    pub fn kubeconfig(&self, access: Access) -> String {
        match self.kubeconfigs.get(&access) {
            Some(text) => text.clone(),
            None => die(&anyhow::anyhow!("{} has no kubeconfig {access:?}", self.name)),
        }
    }

    /// A client with all rights. Belongs to the runtime that it is made on.
    pub async fn admin_client(&self) -> kube::Client {
        self.client(Access::Admin).await
    }

    /// A client by any of the ways in.
    pub async fn client(&self, access: Access) -> kube::Client {
        match client(&self.kubeconfig(access)).await {
            Ok(client) => client,
            Err(error) => die(&error.context(format!("client for {}", self.name))),
        }
    }

    /// Address of the API server.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        match self.server.trim_start_matches("https://").parse() {
            Ok(address) => address,
            Err(error) => die(&anyhow::anyhow!("address of {}: {error}", self.server)),
        }
    }

    /// The kubeconfig with another server in it, such as a proxy's.
    #[must_use]
    pub fn kubeconfig_at(&self, access: Access, address: std::net::SocketAddr) -> String {
        self.kubeconfig(access).replace(&self.server, &format!("https://{address}"))
    }
}

/// A client from a kubeconfig's text. Unlike kube's default it never tries again by itself, so that a test sees what
/// the server really answered.
///
/// # Errors
/// When the kubeconfig is not usable.
pub async fn client(kubeconfig: &str) -> anyhow::Result<kube::Client> {
    let kubeconfig = Kubeconfig::from_yaml(kubeconfig).context("kubeconfig")?;
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(kube::Client::try_from(config)?)
}

/// A plane to be started.
#[derive(Clone, Debug)]
pub struct Plane {
    name: String,
    flavour: Flavour,
    nodes: u32,
    region: String,
    zones: Vec<String>,
}

impl Plane {
    /// A plane with three nodes (if it is a full one) of the zones `eu-north-a` to `-c`.
    #[must_use]
    pub fn new(name: &str, flavour: Flavour) -> Self {
        Self {
            name: name.to_owned(),
            flavour,
            nodes: 3,
            region: "eu-north".to_owned(),
            zones: ["a", "b", "c"].map(str::to_owned).into(),
        }
    }

    /// How many nodes, spread over the zones in turn. Each has 16 cores, 64 GiB and room for 250 pods.
    #[must_use]
    pub const fn nodes(mut self, nodes: u32) -> Self {
        self.nodes = nodes;
        self
    }

    /// Region and zones of the nodes; a zone's label is `REGION-ZONE`.
    #[must_use]
    pub fn region(mut self, region: &str, zones: &[&str]) -> Self {
        region.clone_into(&mut self.region);
        self.zones = zones.iter().map(|&zone| zone.to_owned()).collect();
        self
    }

    fn argument(&self) -> String {
        let flavour = match self.flavour {
            Flavour::Full => "full",
            Flavour::ApiOnly => "api-only",
        };
        let (name, nodes, region, zones) = (&self.name, self.nodes, &self.region, self.zones.join("+"));
        format!("--cluster=name={name},flavour={flavour},nodes={nodes},region={region},zones={zones}")
    }
}

/// Control planes over one etcd.
pub struct ControlPlanes {
    clusters: Vec<Cluster>,
    supervisor: Option<Supervisor>,
}

impl ControlPlanes {
    /// The planes of this run: `hamburg` and `luebeck` (full) and `bremen` (API only).
    ///
    /// Those that `HANSE_TESTBED` names, which is how the test processes of one run share them; without it this
    /// process starts its own once, and they end with it. Tests keep out of each other's way by namespaces
    /// ([`unique`](crate::unique)) and neither stop nor fill these planes.
    ///
    /// # Panics
    /// When they do not start.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<ControlPlanes, String>> = OnceLock::new();
        let start = || match std::env::var_os("HANSE_TESTBED") {
            Some(file) => Self::described(Path::new(&file), None),
            None => Supervisor::start(&[]).and_then(Self::supervised),
        };
        // Starting blocks for seconds, and several tests may ask at once.
        let started = tokio::task::spawn_blocking(move || {
            SHARED.get_or_init(|| start().map_err(|error| format!("{error:#}")))
        });
        match started.await {
            Ok(Ok(planes)) => planes,
            Ok(Err(error)) => die(&anyhow::anyhow!("{error}")),
            Err(error) => die(&error.into()),
        }
    }

    /// Planes that only the caller knows; they end when the answer is dropped.
    ///
    /// # Errors
    /// When they do not start.
    pub async fn start(planes: &[Plane]) -> anyhow::Result<Self> {
        let arguments: Vec<String> = planes.iter().map(Plane::argument).collect();
        tokio::task::spawn_blocking(move || Supervisor::start(&arguments).and_then(Self::supervised)).await?
    }

    /// [`ControlPlanes::start`] in a network namespace: the host has no route to them, whoever runs there has.
    ///
    /// # Errors
    /// When they do not start.
    pub async fn start_in(namespace: &Namespace, planes: &[Plane]) -> anyhow::Result<Self> {
        let arguments: Vec<String> = planes.iter().map(Plane::argument).collect();
        let command = namespace.command(testbed::binary()?);
        tokio::task::spawn_blocking(move || Supervisor::run(command, &arguments).and_then(Self::supervised))
            .await?
    }

    fn supervised(supervisor: Supervisor) -> anyhow::Result<Self> {
        let file = supervisor.description.clone();
        Self::described(&file, Some(supervisor))
    }

    fn described(file: &Path, supervisor: Option<Supervisor>) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Description {
            clusters: Vec<Described>,
        }
        #[derive(Deserialize)]
        struct Described {
            name: String,
            flavour: Flavour,
            uid: String,
            server: String,
            nodes: Vec<String>,
            dir: PathBuf,
            kubeconfigs: BTreeMap<Access, PathBuf>,
        }
        let read = |path: &Path| {
            std::fs::read_to_string(path)
                .with_context(|| format!("cannot read {} of the test bed", path.display()))
        };
        let description: Description = serde_json::from_str(&read(file)?)?;
        let clusters = description.clusters.into_iter().map(|described| {
            let kubeconfigs = described
                .kubeconfigs
                .iter()
                .map(|(access, path)| anyhow::Ok((*access, read(path)?)))
                .collect::<Result<_, _>>()?;
            let Described { name, flavour, uid, server, nodes, dir, .. } = described;
            anyhow::Ok(Cluster { name, flavour, uid, server, nodes, dir, kubeconfigs })
        });
        Ok(Self { clusters: clusters.collect::<Result<_, _>>()?, supervisor })
    }

    /// All of them, in the order of their description.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// Those with controllers and nodes.
    #[must_use]
    pub fn full(&self) -> Vec<&Cluster> {
        self.clusters.iter().filter(|cluster| cluster.flavour == Flavour::Full).collect()
    }

    /// The one of that name.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn cluster(&self, name: &str) -> &Cluster {
        match self.clusters.iter().find(|cluster| cluster.name == name) {
            Some(cluster) => cluster,
            None => die(&anyhow::anyhow!("the test bed has no cluster {name}")),
        }
    }

    fn tell(&self, command: &str) -> anyhow::Result<()> {
        match &self.supervisor {
            Some(supervisor) => supervisor.tell(command),
            None => bail!("{command}: these control planes are shared with other tests: start your own"),
        }
    }
}

/// One plane of a test's own, which it may stop, pause and fill. Ends when dropped.
pub struct ControlPlane {
    planes: Arc<ControlPlanes>,
    cluster: Cluster,
}

impl ControlPlane {
    /// Starts a plane that only the caller knows.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_private(flavour: Flavour) -> Self {
        let planes = match ControlPlanes::start(&[Plane::new("private", flavour)]).await {
            Ok(planes) => Arc::new(planes),
            Err(error) => die(&error),
        };
        let cluster = planes.cluster("private").clone();
        Self { planes, cluster }
    }

    /// Kills the API server: open connections are reset, new ones refused. What it stored stays.
    ///
    /// # Panics
    /// When it is stopped already.
    pub async fn stop(&self) {
        self.tell("stop").await;
    }

    /// Starts the API server again on the same port over the same data; returns when it is ready.
    ///
    /// # Panics
    /// When it is not stopped, or does not get ready.
    pub async fn start(&self) {
        self.tell("start").await;
    }

    /// Freezes the API server: connections stay open and are accepted, but nothing answers.
    ///
    /// # Panics
    /// When it is stopped.
    pub async fn pause(&self) {
        self.tell("pause").await;
    }

    /// Lets a frozen API server go on.
    ///
    /// # Panics
    /// When it is stopped.
    pub async fn resume(&self) {
        self.tell("resume").await;
    }

    async fn tell(&self, verb: &'static str) {
        let planes = Arc::clone(&self.planes);
        let command = format!("{verb} {}", self.cluster.name);
        match tokio::task::spawn_blocking(move || planes.tell(&command)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => die(&error),
            Err(error) => die(&error.into()),
        }
    }
}

impl Deref for ControlPlane {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}
