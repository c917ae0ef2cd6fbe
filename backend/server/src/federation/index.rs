//! What is wanted, in memory: every federated object with where its copies go, and every recorded removal. Loaded once,
//! then kept up by the change feed. It makes no decisions and has no effects; the engine asks it.

mod removals;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicBool},
    time::Instant,
};

use hanse_federation::{FederatedObject, StatusWord, plan::Share};
use hanse_fleet::ObjectKey;
use hanse_types::{
    ClusterId, FederatedId, ProjectId,
    federated::{DriftEntry, FederatedStatus, LastError},
};

use removals::Removals;
pub use removals::{Removal, RemovalMode};

/// Drift entries remembered per copy.
const DRIFT_KEPT: usize = 5;

/// A copy's name in any member: type and key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CopyKey {
    /// `plural.group`.
    pub type_: Arc<str>,
    /// Namespace and name.
    pub key: ObjectKey,
}

impl std::fmt::Display for CopyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.type_, self.key)
    }
}

/// How far one copy has come. Kept in memory only: after a restart it is found again by comparing.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// Generation that the member holds; 0 = none that we know.
    pub applied_generation: i64,
    /// What stands in the way now.
    pub problem: Option<LastError>,
    /// The status word of the problem.
    pub word: Option<StatusWord>,
    /// What it waits for, when nothing is wrong.
    pub waiting: Option<String>,
    /// Fields found changed, the last ones.
    pub drift: Vec<DriftEntry>,
}

impl Cell {
    /// Remembers drift, the last few entries only.
    pub fn drifted(&mut self, entries: impl IntoIterator<Item = DriftEntry>) {
        self.drift.extend(entries);
        let extra = self.drift.len().saturating_sub(DRIFT_KEPT);
        self.drift.drain(..extra);
    }
}

/// One federated object as the engine works on it.
pub struct Object {
    /// Stable id.
    pub id: FederatedId,
    /// Its project; none for one of a cluster-scoped kind, which belongs to the platform.
    pub project: Option<ProjectId>,
    /// Its project's name.
    pub project_name: Option<Arc<str>>,
    /// Finalizers of clients that hold its record once it is being removed.
    pub held_by: Vec<String>,
    /// Its name in members.
    pub key: CopyKey,
    /// What is wanted.
    pub record: FederatedObject,
    /// Version of the stored row.
    pub version: i64,
    /// Clusters where copies are wanted.
    pub placed: HashSet<ClusterId>,
    /// When this generation was seen here first, for the propagation histogram.
    pub seen: Instant,
    /// State of each copy.
    pub cells: Mutex<HashMap<ClusterId, Cell>>,
    /// Status as computed last.
    pub status: Mutex<Option<Arc<FederatedStatus>>>,
    /// Whether it was computed since this was accepted.
    pub is_told: AtomicBool,
    /// Shares by cluster as divided last; a change of it makes units dirty.
    pub shares: Mutex<BTreeMap<String, Option<Share>>>,
}

impl Object {
    /// Whether a copy belongs into a cluster.
    #[must_use]
    pub fn wanted_in(&self, cluster: ClusterId) -> bool {
        !self.record.deleting && self.placed.contains(&cluster)
    }

    /// Whether a cluster holds the present generation, as far as we know, and nothing stands in the way.
    #[must_use]
    pub fn is_applied_in(&self, cluster: ClusterId) -> bool {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.get(&cluster).is_some_and(|cell| {
            cell.applied_generation == self.record.generation
                && cell.problem.is_none()
                && cell.waiting.is_none()
        })
    }

    /// Changes the cell of a cluster.
    pub fn with_cell<T>(&self, cluster: ClusterId, change: impl FnOnce(&mut Cell) -> T) -> T {
        change(self.cells.lock().unwrap_or_else(PoisonError::into_inner).entry(cluster).or_default())
    }

    /// The cell of a cluster.
    #[must_use]
    pub fn cell(&self, cluster: ClusterId) -> Cell {
        self.cells.lock().unwrap_or_else(PoisonError::into_inner).get(&cluster).cloned().unwrap_or_default()
    }
}

#[derive(Default)]
struct Tables {
    objects: HashMap<FederatedId, Arc<Object>>,
    by_key: HashMap<CopyKey, FederatedId>,
    removals: Removals,
}

/// The index.
#[derive(Default)]
pub struct Index {
    tables: RwLock<Tables>,
}

impl Index {
    /// Puts an object in, taking over the cells of the one that it replaces. Returns the clusters whose unit of it may
    /// have something to do.
    pub fn put(&self, object: Object) -> (Arc<Object>, HashSet<ClusterId>) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut touched = object.placed.clone();
        if let Some(old) = tables.objects.get(&object.id) {
            touched.extend(&old.placed);
            let cells = std::mem::take(&mut *old.cells.lock().unwrap_or_else(PoisonError::into_inner));
            *object.cells.lock().unwrap_or_else(PoisonError::into_inner) = cells;
            let status = old.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
            *object.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
            let shares = std::mem::take(&mut *old.shares.lock().unwrap_or_else(PoisonError::into_inner));
            *object.shares.lock().unwrap_or_else(PoisonError::into_inner) = shares;
        }
        let object = Arc::new(object);
        tables.by_key.insert(object.key.clone(), object.id);
        tables.objects.insert(object.id, Arc::clone(&object));
        (object, touched)
    }

    /// Takes an object out.
    pub fn remove(&self, id: FederatedId) -> Option<Arc<Object>> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let object = tables.objects.remove(&id)?;
        if tables.by_key.get(&object.key) == Some(&id) {
            tables.by_key.remove(&object.key);
        }
        Some(object)
    }

    /// Replaces the removals of one object by what is stored now. Returns the clusters concerned.
    pub fn put_removals(&self, object: FederatedId, removals: Vec<Removal>) -> HashSet<ClusterId> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let touched = removals.iter().map(|removal| removal.cluster).collect();
        tables.removals.replace(object, removals);
        touched
    }

    /// Adds removals.
    pub fn add_removals(&self, removals: impl IntoIterator<Item = Removal>) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        for removal in removals {
            tables.removals.insert(removal);
        }
    }

    /// The copy is gone: nothing is left to do but to take out the row of its removal.
    pub fn carried_out(&self, removal: &Removal) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.removals.carried_out(removal.id);
    }

    /// Takes a removal out whose row is gone.
    pub fn removed(&self, removal: &Removal) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).removals.remove(removal);
    }

    /// An object by id.
    #[must_use]
    pub fn get(&self, id: FederatedId) -> Option<Arc<Object>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).objects.get(&id).cloned()
    }

    /// An object by its name in members.
    #[must_use]
    pub fn by_key(&self, key: &CopyKey) -> Option<Arc<Object>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.by_key.get(key).and_then(|id| tables.objects.get(id)).cloned()
    }

    /// The recorded removal of a copy, and whether it has been carried out.
    #[must_use]
    pub fn removal(&self, cluster: ClusterId, key: &CopyKey) -> Option<(Removal, bool)> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).removals.get(cluster, key)
    }

    /// Whether removals of other copies in a namespace are still to be carried out in a cluster.
    #[must_use]
    pub fn removals_inside(&self, cluster: ClusterId, namespace: &str) -> bool {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).removals.any_inside(cluster, namespace)
    }

    /// Clusters in which removals of an object are still to be carried out.
    #[must_use]
    pub fn removing(&self, object: FederatedId) -> HashSet<ClusterId> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).removals.clusters_of(object)
    }

    /// Every object.
    #[must_use]
    pub fn objects(&self) -> Vec<Arc<Object>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).objects.values().cloned().collect()
    }

    /// Copies that are wanted in a cluster or to be removed from it, namespaces first.
    #[must_use]
    pub fn copies_in(&self, cluster: ClusterId) -> Vec<CopyKey> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let wanted =
            tables.objects.values().filter(|object| object.wanted_in(cluster)).map(|object| &object.key);
        let removed = tables.removals.in_cluster(cluster);
        let mut keys: Vec<CopyKey> = wanted.chain(removed).cloned().collect();
        keys.sort_unstable_by_key(|key| !key.key.namespace.is_empty());
        keys
    }

    /// Objects with a copy wanted in a cluster.
    #[must_use]
    pub fn objects_in(&self, cluster: ClusterId) -> Vec<Arc<Object>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.objects.values().filter(|object| object.placed.contains(&cluster)).cloned().collect()
    }
}
