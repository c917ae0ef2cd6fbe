//! Starting and stopping: opens the store, connects members, starts background work, serves, and ends in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hanse_authz::Decisions;
use hanse_fleet::{Fleet, FleetOptions};
use hanse_store::{Keyring, Options, Store, WriteContext};
use hanse_types::ClusterId;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Platform, api, audit,
    clock::{SharedClock, SystemClock},
    clusters::{agents::Agents, monitor::Monitor},
    config::Config,
    federation::engine::{Engine, Parts},
    hub::{self, Shelves},
    identity::{Identity, setup},
    live::{Event, Hub, Topic},
    metrics::Metrics,
    tls::Tls,
};

pub mod listen;

/// Longest wait for requests and background work to end.
const GOODBYE: Duration = Duration::from_secs(10);
/// Changes that readers may be behind before they list again.
const CHANGES_KEPT: i64 = 200_000;
/// Time between looks for changes to be forgotten.
const BETWEEN_PURGES: Duration = Duration::from_secs(3600);
/// Database connections at most.
const CONNECTIONS: u32 = 12;

/// What went wrong at the start, in words for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error("the data folder {path} cannot be made: {source}")]
    DataDir {
        /// The folder.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] hanse_store::StoreError),
    /// The sealing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] hanse_store::seal::SealError),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}. Choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The address for agents cannot be listened on.
    #[error("{address} cannot be listened on for agents: {source}. Choose another as listen of [tunnel]")]
    Tunnel {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl From<crate::error::Error> for StartError {
    fn from(error: crate::error::Error) -> Self {
        Self::Other(anyhow::Error::new(error))
    }
}

/// A server that listens.
pub struct Server {
    /// The platform behind it.
    pub platform: Arc<Platform>,
    listener: TcpListener,
    /// One-time link for setup, while nobody has an account.
    pub setup_url: Option<String>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens for agents.
    pub tunnel_address: Option<SocketAddr>,
}

impl Server {
    /// Opens everything and listens; requests are answered from [`Self::run`] on.
    ///
    /// # Errors
    /// When something needed is not to be had; the sentence says what.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_at(config, Arc::new(SystemClock)).await
    }

    /// [`Self::start`] by another clock.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_at(config: Config, clock: SharedClock) -> Result<Self, StartError> {
        let dir = &config.server.data_dir;
        make_private(dir)
            .map_err(|source| StartError::DataDir { path: dir.display().to_string(), source })?;
        let keys = Keyring::load_or_create(&config.key_file())?;
        let store =
            Store::open(Options { url: config.database_url(), keys, max_connections: CONNECTIONS }).await?;
        let listener = TcpListener::bind(config.server.listen)
            .await
            .map_err(|source| StartError::Listen { address: config.server.listen, source })?;
        let address = listener.local_addr().map_err(anyhow::Error::from)?;
        store.ensure_built_in_types(&WriteContext::platform("start", clock.now())).await?;
        hub::seed(&store, clock.now()).await?;
        let instance = store.instance().await?;
        let decisions = Decisions::load().await.map_err(anyhow::Error::from)?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (live, metrics) = (Hub::default(), Arc::new(Metrics::with_store(store.clone())));
        let fleet = Fleet::new(FleetOptions {
            health: hanse_fleet::health::HealthOptions {
                interval: Duration::from_secs(config.clusters.probe_interval_seconds.max(1)),
                deadline: Duration::from_secs(config.clusters.probe_timeout_seconds.max(1)),
                ..Default::default()
            },
            ..FleetOptions::default()
        });
        let (agents, tunnel, web_door) =
            Agents::start(&config, address, &store, &clock, stop.clone()).await?;
        let tunnel_address = tunnel.as_ref().and_then(|listener| listener.socket.local_addr().ok());
        if let Some(listener) = tunnel {
            tasks.spawn(listener.run(stop.clone()));
        }
        let monitor = Monitor::start(&store, &fleet, agents.tunnels()).await?;
        let engine = Engine::start(Parts {
            store: store.clone(),
            fleet: fleet.clone(),
            live: live.clone(),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
            stop: stop.clone(),
            tasks: tasks.clone(),
        })
        .await?;
        let setup_token = setup::fresh_token(&store).await?;
        let (refusals, refused) = audit::Refusals::new(Arc::clone(&metrics));
        let writing = audit::write_refusals(store.clone(), Arc::clone(&metrics), refused);
        tasks.spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = writing => {}
                    () = stop.cancelled() => {}
                }
            }
        });
        let tls = Tls::open(&config, address, clock.now())?;
        let secure_url = config.server.public_url.as_ref().filter(|url| url.scheme() == "https").map_or_else(
            || format!("https://{address}"),
            |url| url.as_str().trim_end_matches('/').to_owned(),
        );
        let base = config
            .server
            .public_url
            .as_ref()
            .map_or_else(|| format!("http://{address}"), |url| url.as_str().trim_end_matches('/').to_owned());
        let gateway = crate::gateway::Gateway::new(&config);
        let watches = crate::gateway::limit::Places::new(config.hub.watches, config.hub.watches_per_user);
        let platform = Arc::new(Platform {
            shelves: Arc::new(Shelves::new(store.clone(), secure_url.clone(), tls.authority.clone())),
            tls,
            address,
            secure_url,
            config,
            instance,
            store,
            decisions,
            identity: Identity::new()?,
            clock,
            live,
            fleet,
            engine,
            agents,
            web_door: Arc::new(web_door),
            monitor,
            gateway,
            watches,
            collector: hub::Collector::default(),
            metrics,
            refusals,
            tasks,
            stop,
        });
        background(&platform);
        let setup_url = setup_token.map(|token| format!("{base}/setup?token={token}"));
        Ok(Self { platform, listener, setup_url, address, tunnel_address })
    }

    /// Serves until told to stop, then ends everything in order.
    ///
    /// # Errors
    /// When serving fails altogether.
    pub async fn run(self, until: impl Future<Output = ()> + Send + 'static) -> Result<(), StartError> {
        let stop = self.platform.stop.clone();
        let router = api::router(&self.platform).into_make_service_with_connect_info::<listen::Peer>();
        let graceful = {
            let stop = stop.clone();
            async move {
                until.await;
                stop.cancel();
            }
        };
        let listener = listen::Listener::start(self.listener, &self.platform.tls, stop.clone())
            .map_err(anyhow::Error::from)?;
        let serving = axum::serve(listener, router).with_graceful_shutdown(graceful);
        let ended = async {
            stop.cancelled().await;
            tokio::time::sleep(GOODBYE).await;
        };
        tokio::select! {
            served = serving => served.map_err(anyhow::Error::from)?,
            () = ended => tracing::warn!("some requests did not end in time and were cut off"),
        }
        stop.cancel();
        self.platform.fleet.shutdown(Duration::from_secs(3)).await;
        self.platform.tasks.close();
        if tokio::time::timeout(GOODBYE, self.platform.tasks.wait()).await.is_err() {
            tracing::warn!("some background work did not end in time");
        }
        self.platform.store.close().await;
        Ok(())
    }
}

/// Makes a folder that only its owner can look into.
fn make_private(dir: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn background(platform: &Arc<Platform>) {
    let spawn = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
        let stop = platform.stop.clone();
        platform.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    };
    spawn(Box::pin(Arc::clone(&platform.monitor).run(
        platform.store.clone(),
        Arc::clone(&platform.engine),
        platform.live.clone(),
        Arc::clone(&platform.clock),
    )));
    spawn(Box::pin(tell(Arc::clone(platform))));
    spawn(Box::pin(Arc::clone(&platform.shelves).follow()));
    spawn(Box::pin(hub::collect(Arc::clone(platform))));
    spawn(Box::pin(forget_changes(Arc::clone(platform))));
    spawn(Box::pin(crate::gateway::roles::keep(Arc::clone(platform))));
    // It ends by itself, after cutting what is open.
    platform.tasks.spawn(crate::gateway::streams::keep(Arc::clone(platform)));
    platform.tasks.spawn(crate::gateway::ports::keep(Arc::clone(platform)));
    spawn(Box::pin(crate::clusters::agents::follow(Arc::clone(platform))));
}

/// Forgets changes that nobody can be far enough behind to need.
async fn forget_changes(platform: Arc<Platform>) {
    loop {
        tokio::time::sleep(BETWEEN_PURGES).await;
        let up_to = platform.store.revision() - CHANGES_KEPT;
        if up_to <= 0 {
            continue;
        }
        let context = WriteContext::platform("purge", platform.clock.now());
        if let Err(error) = platform.store.purge_changes(up_to, &context).await {
            tracing::warn!("old changes could not be forgotten, it is tried again: {error}");
        }
    }
}

/// Tells live connections what the change feed says, and forgets callers whose roles may have changed.
async fn tell(platform: Arc<Platform>) {
    let mut reader = platform.store.follow(platform.store.revision());
    loop {
        let changes = match reader.next().await {
            Ok(changes) => changes,
            Err(error) => {
                tracing::warn!("live connections may have missed changes: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
                platform.identity.forget();
                platform.gateway.changed();
                reader = platform.store.follow(platform.store.revision());
                continue;
            }
        };
        if changes
            .iter()
            .any(|change| matches!(change.kind.as_str(), "user" | "binding" | "session" | "token"))
        {
            platform.identity.forget();
        }
        if changes.iter().any(|change| change.touches_standing()) {
            platform.gateway.changed();
        }
        if changes.iter().any(|change| change.kind == "cluster") {
            platform.gateway.ports.wake();
        }
        if let Err(error) = new_clusters(&platform, &changes).await {
            tracing::warn!("a cluster of another replica could not be connected: {error:?}");
        }
        // Status is told by whoever computes it, and what is kept at the hub by the hub.
        let changes: Vec<_> = changes
            .into_iter()
            .filter(|change| !matches!(change.kind.as_str(), "status" | "cluster-status" | "hub"))
            .collect();
        if changes.is_empty() {
            continue;
        }
        let projects = changes.iter().filter_map(|change| change.project).collect();
        let workspaces = changes.iter().filter(|change| change.kind != "federated");
        let workspaces: Vec<_> = workspaces.filter_map(|change| change.workspace).collect();
        let projects = platform.store.projects_by_ids(projects).await.unwrap_or_default();
        let workspaces = match workspaces.is_empty() {
            true => std::collections::HashMap::new(),
            false => platform.store.workspaces_by_ids(workspaces).await.unwrap_or_default(),
        };
        for change in changes {
            let mut topics = vec![Topic::Audit];
            let project = change.project.and_then(|id| projects.get(&id)).map(|row| row.name.clone());
            let workspace = change.workspace.and_then(|id| workspaces.get(&id)).map(|row| row.name.clone());
            match change.kind.as_str() {
                "cluster" => {
                    topics.extend([Topic::Clusters, Topic::Cluster(change.name.clone()), Topic::Overview]);
                }
                "workspace" => {
                    topics.extend([
                        Topic::Workspaces,
                        Topic::Workspace(change.name.clone()),
                        Topic::Overview,
                    ]);
                }
                "project" => {
                    topics.extend([Topic::Project(change.name.clone()), Topic::Overview]);
                    topics.extend(workspace.map(Topic::Workspace));
                }
                "federated" => {
                    // Of a project that is gone nobody is left to be told.
                    let known = project.is_some() || change.project.is_none();
                    if let (true, Some((type_, name))) = (known, change.name.split_once('/')) {
                        topics.extend([
                            Topic::FederatedObjects(project.clone()),
                            Topic::FederatedObject {
                                project,
                                type_: type_.to_owned(),
                                name: name.to_owned(),
                            },
                            Topic::Overview,
                        ]);
                    }
                }
                "user" => topics.push(Topic::Users),
                "binding" => {
                    topics.push(Topic::Users);
                    topics.extend(workspace.map(Topic::Workspace));
                    topics.extend(project.map(Topic::Project));
                }
                _ => {}
            }
            let access = matches!(change.kind.as_str(), "user" | "binding" | "session" | "token");
            platform.live.tell(Event { revision: change.revision, topics, access });
        }
    }
}

/// Clusters that another replica took in or let go.
async fn new_clusters(platform: &Platform, changes: &[Arc<hanse_store::Change>]) -> crate::error::Result<()> {
    use hanse_store::Op;
    for change in changes.iter().filter(|change| change.kind == "cluster") {
        let id = ClusterId(change.object);
        if change.op != Op::Deleted {
            platform.agents.refresh(id).await?;
        }
        match change.op {
            Op::Deleted => {
                platform.fleet.remove(id).await;
                platform.monitor.forget(id);
                platform.gateway.forget(id);
                platform.agents.gone(id);
            }
            Op::Created | Op::Updated
                if platform.fleet.get(id).is_none() && !platform.agents.is_foreign(id) =>
            {
                let row = platform.store.clusters_by_ids(vec![id.0]).await?.remove(&id.0);
                let observed = platform.monitor.of(id);
                if let Some(row) = row.filter(|row| crate::clusters::monitor::is_known(row, &observed)) {
                    crate::clusters::monitor::connect(
                        &platform.store,
                        &platform.fleet,
                        platform.agents.tunnels(),
                        &row,
                    )
                    .await?;
                }
            }
            Op::Created | Op::Updated => {}
        }
    }
    Ok(())
}
