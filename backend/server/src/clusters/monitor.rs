//! Cluster health as people see it: follows the fleet, keeps last-known facts while a cluster is away, tells live
//! connections, and stores what was seen so that a restart begins with it.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use hanse_fleet::{Connector, Fleet, MemberSpec, kubeconfig::Access};
use hanse_store::Store;
use hanse_tunnel::Registry;
use hanse_types::{
    ClusterId, ClusterName,
    cluster::{ClusterFacts, ClusterPhase, Condition},
};
use serde::{Deserialize, Serialize};

use super::ACCESS;
use crate::{
    clock::SharedClock,
    error::{Error, Result},
    federation::engine::Engine,
    live::{Event, Hub, Topic},
};

/// What was observed of a cluster last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// State in one word.
    pub phase: ClusterPhase,
    /// State in detail.
    pub conditions: Vec<Condition>,
    /// Facts.
    pub facts: ClusterFacts,
    /// Round trip of the last probe.
    pub latency_ms: Option<f64>,
    /// When it last answered.
    pub last_seen_at: Option<DateTime<Utc>>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            phase: ClusterPhase::Pending,
            conditions: Vec::new(),
            facts: ClusterFacts::default(),
            latency_ms: None,
            last_seen_at: None,
        }
    }
}

/// Keeps what was observed.
pub struct Monitor {
    fleet: Fleet,
    kept: RwLock<HashMap<ClusterId, Observed>>,
}

impl Monitor {
    /// Begins with what was stored, and connects every cluster that is stored.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn start(store: &Store, fleet: &Fleet, tunnels: &Registry) -> Result<Arc<Self>> {
        let stored = store.cluster_status().await?;
        let mut kept = HashMap::new();
        for row in store.all_clusters().await? {
            let id = ClusterId(row.id);
            let mut observed: Observed = stored
                .get(&row.id)
                .and_then(|(status, _)| serde_json::from_value(status.clone()).ok())
                .unwrap_or_default();
            // What was ready before the restart has not been seen yet since.
            observed.phase = ClusterPhase::Pending;
            let known = is_known(&row, &observed);
            kept.insert(id, observed);
            if known && let Err(error) = connect(store, fleet, tunnels, &row).await {
                tracing::error!(cluster = row.name, "it cannot be connected: {error:?}");
            }
        }
        Ok(Arc::new(Self { fleet: fleet.clone(), kept: RwLock::new(kept) }))
    }

    /// What was observed of a cluster last.
    #[must_use]
    pub fn of(&self, id: ClusterId) -> Observed {
        let mut observed =
            self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned().unwrap_or_default();
        if let Some(member) = self.fleet.get(id) {
            let health = member.health().borrow().clone();
            if health.probed_at.is_some() {
                observed.phase = health.phase;
                observed.conditions = health.conditions;
                observed.latency_ms = health.latency.map(|latency| latency.as_secs_f64() * 1000.0);
                observed.last_seen_at = health.last_seen_at.or(observed.last_seen_at);
            }
            if let Some(facts) = member.facts().borrow().as_ref() {
                observed.facts = facts.facts.clone();
            }
        }
        observed
    }

    /// A cluster was taken in; the probe has told its facts already.
    pub fn admit(&self, id: ClusterId, facts: Option<ClusterFacts>) {
        let observed = Observed { facts: facts.unwrap_or_default(), ..Observed::default() };
        self.kept.write().unwrap_or_else(PoisonError::into_inner).insert(id, observed);
    }

    /// A cluster was let go.
    pub fn forget(&self, id: ClusterId) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Follows the fleet for ever.
    pub async fn run(self: Arc<Self>, store: Store, engine: Arc<Engine>, live: Hub, clock: SharedClock) {
        let mut changes = self.fleet.changes();
        while let Some(clusters) = changes.next().await {
            for id in clusters {
                let Some(member) = self.fleet.get(id) else { continue };
                let observed = self.of(id);
                let before = {
                    let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
                    kept.insert(id, observed.clone())
                };
                // Latency alone is neither told nor stored: it changes with each probe.
                let quiet = before.is_some_and(|before| {
                    before.phase == observed.phase
                        && before.conditions == observed.conditions
                        && before.facts == observed.facts
                });
                if quiet {
                    continue;
                }
                if let Ok(status) = serde_json::to_value(&observed) {
                    engine.status_writer.cluster(id, status, clock.now());
                }
                live.tell(Event {
                    revision: store.revision(),
                    topics: vec![Topic::Clusters, Topic::Cluster(member.name().to_string()), Topic::Overview],
                    access: false,
                });
            }
        }
    }
}

/// Whether it is known that a cluster is ours to govern. One that an agent brings may have another Hanse's mark, which is
/// read when its tunnel stands for the first time, before anything else; who was a member before has ours.
pub(crate) fn is_known(row: &hanse_store::clusters::Model, observed: &Observed) -> bool {
    row.connection != "agent" || observed.last_seen_at.is_some()
}

/// Connects a stored cluster: opens its sealed way in and adds it to the fleet.
pub(crate) async fn connect(
    store: &Store,
    fleet: &Fleet,
    tunnels: &Registry,
    row: &hanse_store::clusters::Model,
) -> Result<()> {
    if row.connection == "agent" && hanse_store::agents::is_pending(row) {
        // Nobody knows yet which cluster it will be.
        return Ok(());
    }
    let connector = if row.connection == "agent" {
        Connector::tunnel(tunnels.clone(), ClusterId(row.id))
    } else {
        Connector::direct(access(store, row).await?)
    };
    let name = ClusterName::parse(row.name.clone()).map_err(Error::internal)?;
    fleet
        .add(MemberSpec { id: ClusterId(row.id), name, connector, uid: Some(row.system_uid.clone()) })
        .map_err(Error::internal)?;
    Ok(())
}

async fn access(store: &Store, row: &hanse_store::clusters::Model) -> Result<Access> {
    let plain = store
        .secret("cluster", row.id, ACCESS)
        .await?
        .ok_or_else(|| Error::internal(anyhow::anyhow!("its credential is missing")))?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}
