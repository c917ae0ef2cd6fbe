//! Ports of clusters' own: another door to the gateway, where the port says which cluster is meant and the whole path is
//! the member's. What is stored is what should listen; this keeps it so, and says where it cannot. Why:
//! `docs/decisions/ports.md`.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use hanse_store::clusters::Model;
use hanse_types::{ClusterId, cluster::Condition};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{Platform, api, clusters::agents::tell, error::Result, serve::listen};

/// Pause before a port that could not be listened on is tried again.
const AGAIN: Duration = Duration::from_secs(5);
/// Longest wait for a port to close.
const CLOSING: Duration = Duration::from_secs(2);

/// Which cluster a port leads to.
#[derive(Clone, Debug)]
pub struct Door {
    /// The cluster: a port that was given to another one meanwhile does not lead there.
    pub cluster: ClusterId,
    /// Its name.
    pub name: String,
}

struct Kept {
    port: u16,
    since: DateTime<Utc>,
    state: State,
}

enum State {
    Listens { stop: CancellationToken, accepting: JoinHandle<()> },
    Failed(String),
}

/// What listens, and what should and does not.
#[derive(Default)]
pub struct Ports {
    kept: Mutex<HashMap<ClusterId, Kept>>,
    wake: Notify,
}

impl Ports {
    fn kept(&self) -> MutexGuard<'_, HashMap<ClusterId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Clusters may have changed.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// A cluster was let go: its port closes at once.
    pub fn forget(&self, cluster: ClusterId) {
        if let Some(Kept { state: State::Listens { stop, .. }, .. }) = self.kept().get(&cluster) {
            stop.cancel();
        }
        self.wake();
    }

    /// Whether a cluster's port listens; none for a cluster without one.
    #[must_use]
    pub fn condition(&self, row: &Model) -> Option<Condition> {
        let port = row.port()?;
        let kept = self.kept();
        let kept = kept.get(&ClusterId(row.id)).filter(|kept| kept.port == port);
        let (status, reason, message) = match kept.map(|kept| &kept.state) {
            Some(State::Listens { .. }) => {
                ("True", "Listening", format!("Port {port} serves this cluster's API."))
            }
            Some(State::Failed(why)) => ("False", "NotListening", why.clone()),
            None => ("Unknown", "Opening", format!("Port {port} is about to be opened.")),
        };
        Some(Condition {
            type_: "PortBound".to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            last_transition_time: kept.map_or(row.updated_at, |kept| kept.since),
        })
    }
}

/// Keeps every cluster's port open until the server stops.
pub async fn keep(platform: Arc<Platform>) {
    let ports = &platform.gateway.ports;
    loop {
        let again = match settle(&platform).await {
            Ok(all) => !all,
            Err(error) => {
                tracing::warn!("clusters' ports could not be looked after, it is tried again: {error:?}");
                true
            }
        };
        tokio::select! {
            () = platform.stop.cancelled() => break,
            () = ports.wake.notified() => {}
            () = tokio::time::sleep(AGAIN), if again => {}
        }
    }
    let open: Vec<Kept> = ports.kept().drain().map(|(_, kept)| kept).collect();
    for kept in open {
        close(kept.state).await;
    }
}

/// Opens and closes until what listens is what is stored; `false` where something could not be opened.
async fn settle(platform: &Arc<Platform>) -> Result<bool> {
    let ports = &platform.gateway.ports;
    let rows = platform.store.all_clusters().await?;
    let wanted: HashMap<ClusterId, u16> =
        rows.iter().filter_map(|row| Some((ClusterId(row.id), row.port()?))).collect();
    let leaving: Vec<Kept> = {
        let mut kept = ports.kept();
        let ids: Vec<ClusterId> =
            kept.iter().filter(|(id, kept)| wanted.get(id) != Some(&kept.port)).map(|(id, _)| *id).collect();
        ids.iter().filter_map(|id| kept.remove(id)).collect()
    };
    // Closed before others are opened: one of them may have been given the same number.
    for kept in leaving {
        close(kept.state).await;
    }
    let mut all = true;
    for row in &rows {
        let (id, Some(port)) = (ClusterId(row.id), row.port()) else { continue };
        if matches!(ports.kept().get(&id), Some(Kept { state: State::Listens { .. }, .. })) {
            continue;
        }
        let door = Door { cluster: id, name: row.name.clone() };
        let (state, listens) = match open(platform, door, port).await {
            Ok(state) => (state, true),
            Err(why) => (State::Failed(why), false),
        };
        all &= listens;
        let since = platform.clock.now();
        let told = {
            let mut kept = ports.kept();
            let before = kept.remove(&id);
            let since = match (&before, &state) {
                (Some(Kept { state: State::Failed(_), since, .. }), State::Failed(_)) => *since,
                _ => since,
            };
            kept.insert(id, Kept { port, since, state });
            before.is_none() || listens
        };
        if told {
            tell(platform, row.name.clone());
        }
    }
    Ok(all)
}

async fn open(platform: &Arc<Platform>, door: Door, port: u16) -> std::result::Result<State, String> {
    let address = SocketAddr::new(platform.address.ip(), port);
    let cannot = |error: std::io::Error| {
        format!(
            "Port {port} cannot be opened at {} ({error}). End what uses it, or take the port away from the cluster and \
             give it one again.",
            address.ip()
        )
    };
    let socket = TcpListener::bind(address).await.map_err(cannot)?;
    let stop = platform.stop.child_token();
    let (listener, socket) =
        listen::Listener::start_secure(socket, &platform.tls, stop.clone()).map_err(cannot)?;
    let router = api::port_router(platform, door).into_make_service_with_connect_info::<listen::Peer>();
    let ended = stop.clone();
    // What is open is not waited for: the gateway cuts what may no longer be.
    let accepting = platform.tasks.spawn(async move {
        let serving = axum::serve(listener, router)
            .with_graceful_shutdown({
                let ended = ended.clone();
                async move { ended.cancelled().await }
            })
            .into_future();
        let late = async {
            ended.cancelled().await;
            tokio::time::sleep(CLOSING).await;
        };
        tokio::select! {
            _ = serving => {}
            () = late => {}
        }
    });
    drop(accepting);
    Ok(State::Listens { stop, accepting: socket })
}

async fn close(state: State) {
    if let State::Listens { stop, accepting } = state {
        stop.cancel();
        if timeout(CLOSING, accepting).await.is_err() {
            tracing::warn!("a cluster's port has not closed yet");
        }
    }
}
