//! The engine: keeps the index up with the change feed, gives each cluster a worker, and turns what members tell into
//! dirty units and fresh status. Why it is built like this: docs/decisions/engine.md.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use hanse_federation::ClusterView;
use hanse_fleet::{Fleet, ResourceType};
use hanse_store::{Store, status::StatusWriter};
use hanse_types::{ClusterId, FederatedId, ProjectId, cluster::ClusterPhase, federated::FederatedStatus};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    decide::Reach,
    index::{CopyKey, Index, Object, Removal},
    member::{Listener, Mirror, Runtime, Told},
    queue::Priority,
    records, status, worker,
};
use crate::{clock::SharedClock, live::Hub, metrics::Metrics};

/// Removals confirmed but not yet written; a full channel holds the workers back.
const CONFIRMED_CAPACITY: usize = 4096;
/// Projects whose clusters are kept together with their views.
const REACHES: usize = 1024;
/// How long a labelled copy without a record must stay before it is let go of.
const STRAY_GRACE: Duration = Duration::from_secs(10);

/// What the engine works with.
pub struct Parts {
    /// Records.
    pub store: Store,
    /// Members.
    pub fleet: Fleet,
    /// Live connections.
    pub live: Hub,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Time.
    pub clock: SharedClock,
    /// Ends everything.
    pub stop: CancellationToken,
    /// Where tasks are tracked.
    pub tasks: TaskTracker,
}

/// What is known of an object's removals.
pub(super) enum Removals {
    /// All that are recorded.
    All(Vec<Removal>),
    /// Those that were recorded besides what was.
    Added(Vec<Removal>),
}

/// The engine.
pub struct Engine {
    /// What it works with.
    pub parts: Parts,
    /// What is wanted.
    pub index: Index,
    runtimes: RwLock<HashMap<ClusterId, Arc<Runtime>>>,
    views: RwLock<Arc<BTreeMap<ClusterId, ClusterView>>>,
    /// Clusters of projects with their views; made anew when either changes.
    reach: RwLock<HashMap<Option<ProjectId>, Arc<Reach>>>,
    pub(super) dirty_status: status::Dirty,
    pub(super) confirmed: mpsc::Sender<Removal>,
    me: Weak<Self>,
    /// Clusters of each project, for bounds and for status rows of clusters that are not placed.
    pub(super) project_clusters: RwLock<HashMap<ProjectId, Arc<Vec<ClusterId>>>>,
    /// Writes status in groups.
    pub status_writer: StatusWriter,
}

impl Engine {
    /// Loads what is wanted and starts working.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn start(parts: Parts) -> crate::error::Result<Arc<Self>> {
        let (confirmed, confirmations) = mpsc::channel(CONFIRMED_CAPACITY);
        let engine = Arc::new_cyclic(|me| Self {
            parts,
            index: Index::default(),
            runtimes: RwLock::default(),
            views: RwLock::default(),
            reach: RwLock::default(),
            dirty_status: status::Dirty::default(),
            confirmed,
            me: Weak::clone(me),
            project_clusters: RwLock::default(),
            status_writer: StatusWriter::default(),
        });
        let revision = records::load(&engine).await?;
        for member in engine.parts.fleet.all() {
            engine.add_cluster(&member);
        }
        engine.refresh_views().await;
        engine.spawn(Arc::clone(&engine).follow_feed(revision));
        engine.spawn(Arc::clone(&engine).follow_fleet());
        engine.spawn(records::write_confirmations(Arc::clone(&engine), confirmations));
        engine.spawn(status::run(Arc::clone(&engine)));
        let (writer, store, clock) =
            (engine.status_writer.clone(), engine.parts.store.clone(), Arc::clone(&engine.parts.clock));
        engine.spawn(async move { writer.run(store, move || clock.now()).await });
        for object in engine.index.objects() {
            engine.dirty_status.mark(object.id);
        }
        Ok(engine)
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.parts.stop.clone();
        self.parts.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// The runtime of a cluster.
    #[must_use]
    pub fn runtime(&self, cluster: ClusterId) -> Option<Arc<Runtime>> {
        self.runtimes.read().unwrap_or_else(PoisonError::into_inner).get(&cluster).cloned()
    }

    /// The clusters as decisions see them.
    #[must_use]
    pub fn views(&self) -> Arc<BTreeMap<ClusterId, ClusterView>> {
        Arc::clone(&self.views.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Status of an object as computed last.
    #[must_use]
    pub fn status(&self, id: FederatedId) -> Option<Arc<FederatedStatus>> {
        let object = self.index.get(id)?;
        object.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn listener(&self) -> Weak<dyn Listener> {
        let weak: Weak<dyn Listener> = self.me.clone();
        weak
    }

    /// Takes an accepted object in: marks the units dirty that may have something to do.
    pub(super) fn accept(&self, object: Object, removals: Removals) {
        let key = object.key.clone();
        let (object, mut touched) = self.index.put(object);
        match removals {
            Removals::All(removals) => touched.extend(self.index.put_removals(object.id, removals)),
            Removals::Added(removals) => {
                touched.extend(removals.iter().map(|removal| removal.cluster));
                self.index.add_removals(removals);
            }
        }
        self.dirty_status.mark(object.id);
        for cluster in touched {
            if let Some(runtime) = self.runtime(cluster) {
                runtime.push(key.clone(), Priority::Fresh);
            }
        }
    }

    /// An object's row is gone.
    pub(super) fn forget(&self, id: FederatedId) {
        self.index.put_removals(id, Vec::new());
        self.index.remove(id);
    }

    fn add_cluster(&self, member: &Arc<hanse_fleet::Member>) {
        let runtime = Arc::new(Runtime::new(member.id(), member.name().clone(), Arc::clone(member)));
        for key in self.index.copies_in(member.id()) {
            runtime.push(key, Priority::Background);
        }
        self.runtimes
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(member.id(), Arc::clone(&runtime));
        let Some(engine) = self.me.upgrade() else { return };
        let closing = member.closing();
        let stop = self.parts.stop.clone();
        self.parts.tasks.spawn(async move {
            tokio::select! {
                () = worker::run(engine, runtime) => {}
                () = closing.cancelled() => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Clusters come, go, and change their health.
    async fn follow_fleet(self: Arc<Self>) {
        let mut changes = self.parts.fleet.changes();
        let mut ready: HashSet<ClusterId> = HashSet::new();
        while let Some(clusters) = changes.next().await {
            for id in &clusters {
                let known = self.runtime(*id);
                match (self.parts.fleet.get(*id), known) {
                    (Some(member), Some(runtime)) if Arc::ptr_eq(&member, &runtime.member) => {}
                    (Some(member), _) => self.add_cluster(&member),
                    (None, _) => {
                        self.runtimes.write().unwrap_or_else(PoisonError::into_inner).remove(id);
                    }
                }
            }
            self.refresh_views().await;
            for id in clusters {
                let is_ready = self.is_ready(id);
                let was_ready = if is_ready { !ready.insert(id) } else { ready.remove(&id) };
                if is_ready == was_ready {
                    continue;
                }
                // A cluster that comes back is compared afresh, never replayed.
                if let Some(runtime) = self.runtime(id)
                    && is_ready
                {
                    for key in self.index.copies_in(id) {
                        runtime.push(key, Priority::Background);
                    }
                }
                for object in self.index.objects_in(id) {
                    self.dirty_status.mark(object.id);
                    // Shares move with the set of ready clusters.
                    if object.record.spec.replicas.is_some() {
                        self.push_everywhere(&object, Priority::Background);
                    }
                }
            }
        }
    }

    /// Whether a copy of an object has its turn soon or is under work.
    pub(super) fn is_under_work(&self, object: &Object) -> bool {
        object.placed.iter().any(|cluster| {
            self.runtime(*cluster)
                .is_some_and(|runtime| runtime.with_queue(|queue| queue.is_active(&object.key)))
        })
    }

    /// Marks an object's units in all its clusters dirty.
    pub(super) fn push_everywhere(&self, object: &Object, priority: Priority) {
        for cluster in &object.placed {
            if let Some(runtime) = self.runtime(*cluster) {
                runtime.push(object.key.clone(), priority);
            }
        }
    }

    /// The mirror of a kind in a cluster, started when it is not in use yet.
    pub(super) fn mirror(
        &self,
        runtime: &Runtime,
        type_: &Arc<str>,
        resource: &Arc<ResourceType>,
    ) -> Arc<Mirror> {
        let clock = Arc::clone(&self.parts.clock);
        runtime.mirror_or_start(type_, resource, self.listener(), clock)
    }

    /// A namespace is there: whatever waited for it in that cluster is looked at again.
    pub(super) fn namespace_arrived(&self, runtime: &Runtime, namespace: &CopyKey) {
        for key in self.index.copies_in(runtime.id) {
            if key.key.namespace == namespace.key.name {
                runtime.push(key, Priority::Fresh);
            }
        }
    }

    /// The clusters of a project, or with none all clusters, as decisions see them.
    #[must_use]
    pub fn reach(&self, project: Option<ProjectId>) -> Arc<Reach> {
        if let Some(known) = self.reach.read().unwrap_or_else(PoisonError::into_inner).get(&project) {
            return Arc::clone(known);
        }
        // Made while the table is held: who changes what it is made from empties the table afterwards.
        let mut table = self.reach.write().unwrap_or_else(PoisonError::into_inner);
        let views = self.views();
        let ids: Arc<Vec<ClusterId>> = match project {
            None => Arc::new(views.keys().copied().collect()),
            Some(project) => {
                let known = self.project_clusters.read().unwrap_or_else(PoisonError::into_inner);
                known.get(&project).cloned().unwrap_or_default()
            }
        };
        let reach = Arc::new(Reach::of(&ids, &views));
        if table.len() >= REACHES {
            table.clear();
        }
        table.insert(project, Arc::clone(&reach));
        reach
    }

    /// What clusters are like, or which of them a project has, is another than before.
    pub(super) fn forget_reach(&self) {
        self.reach.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether a cluster answers and is ready.
    #[must_use]
    pub fn is_ready(&self, cluster: ClusterId) -> bool {
        self.runtime(cluster)
            .is_some_and(|runtime| runtime.member.health().borrow().phase == ClusterPhase::Ready)
    }

    /// Reads names, labels, facts and health of all clusters anew.
    pub(super) async fn refresh_views(&self) {
        match records::views(self).await {
            Ok(views) => {
                *self.views.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(views);
                self.forget_reach();
            }
            Err(error) => {
                tracing::warn!("clusters could not be read for the engine, the last state stays: {error}");
            }
        }
    }

    /// What people and programs accept arrives here.
    async fn follow_feed(self: Arc<Self>, mut revision: i64) {
        loop {
            match records::follow(&self, revision).await {
                Ok(()) => return,
                Err(lost) => {
                    // The place in the feed is gone or the database is away: load everything again.
                    tracing::warn!("the engine lost its place in the change feed and loads again: {lost}");
                    loop {
                        match records::load(&self).await {
                            Ok(at) => {
                                revision = at;
                                self.refresh_views().await;
                                break;
                            }
                            Err(error) => {
                                tracing::warn!("the engine cannot load its records: {error}");
                                tokio::time::sleep(Duration::from_secs(1)).await;
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Listener for Engine {
    fn told(&self, cluster: ClusterId, what: Told) {
        let Some(runtime) = self.runtime(cluster) else { return };
        match what {
            Told::Synced(type_) => {
                for key in self.index.copies_in(cluster).into_iter().filter(|key| key.type_ == type_) {
                    runtime.push(key, Priority::Background);
                }
            }
            Told::Changed(key, fine) => match self.index.by_key(&key) {
                Some(object) => {
                    self.dirty_status.mark(object.id);
                    if !fine {
                        runtime.push(key, Priority::Fresh);
                    }
                }
                None if self.index.removal(cluster, &key).is_some() => {}
                None => runtime.push_later(key, Instant::now() + STRAY_GRACE),
            },
            Told::Gone(key) => {
                if let Some(object) = self.index.by_key(&key) {
                    self.dirty_status.mark(object.id);
                }
                runtime.push(key, Priority::Fresh);
            }
        }
    }
}

/// The copy of an object's namespace: what has to be there before the object.
#[must_use]
pub fn namespace_of(key: &CopyKey) -> Option<CopyKey> {
    (!key.key.namespace.is_empty()).then(|| CopyKey {
        type_: Arc::from("namespaces"),
        key: hanse_fleet::ObjectKey::new("", key.key.namespace.clone()),
    })
}
