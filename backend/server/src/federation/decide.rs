//! The bridge between what is known and the pure functions: gathers views and copies, and asks.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use hanse_federation::{
    ClusterView, FederatedObject,
    object::ReplicaMode,
    placement::Bounds,
    plan::{Assignment, Assignments, LiveCopy, Refusals, Share, Situation, assign},
};
use hanse_fleet::ObjectKey;
use hanse_types::ClusterId;

use super::{
    engine::Engine,
    index::Object,
    member::{Live, Mirror, Runtime, in_order},
    queue::Priority,
};

/// A copy for the pure functions.
#[must_use]
pub fn live_copy<'a>(mirror: &Mirror, live: Option<&'a Live>, key: &ObjectKey) -> LiveCopy<'a> {
    LiveCopy {
        autoscaled: live.is_some_and(|live| live.autoscaled),
        sent: mirror.expected(key).and_then(|expected| expected.sent()),
        ..LiveCopy::trimmed(live.map(|live| &live.observed))
    }
}

/// The clusters that an object may go to, as decisions see them.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Which they are.
    pub ids: Vec<ClusterId>,
    /// The same, in the order of their names.
    pub views: Vec<ClusterView>,
}

impl Reach {
    /// Those of some clusters that are here.
    #[must_use]
    pub fn of(ids: &[ClusterId], views: &BTreeMap<ClusterId, ClusterView>) -> Self {
        let mut clusters: Vec<(ClusterId, &ClusterView)> =
            ids.iter().filter_map(|id| views.get(id).map(|view| (*id, view))).collect();
        clusters.sort_by(|a, b| a.1.name.cmp(&b.1.name));
        clusters.into_iter().map(|(id, view)| (id, view.clone())).collect()
    }

    /// Each with its id.
    pub fn iter(&self) -> impl Iterator<Item = (ClusterId, &ClusterView)> {
        self.ids.iter().copied().zip(&self.views)
    }

    /// One of them alone.
    fn only(&self, cluster: ClusterId) -> Self {
        self.iter().filter(|(id, _)| *id == cluster).map(|(id, view)| (id, view.clone())).collect()
    }
}

impl FromIterator<(ClusterId, ClusterView)> for Reach {
    fn from_iter<I: IntoIterator<Item = (ClusterId, ClusterView)>>(clusters: I) -> Self {
        let (ids, views) = clusters.into_iter().unzip();
        Self { ids, views }
    }
}

/// Copies of an object in some clusters, held so that they can be lent to the pure functions.
pub struct Copies {
    held: Vec<Held>,
    key: ObjectKey,
}

struct Held {
    cluster: String,
    runtime: Option<Arc<Runtime>>,
    live: Option<Arc<Live>>,
    mirror: Option<Arc<Mirror>>,
}

impl Held {
    /// Whether nothing is left to do for the copy: the cluster's worker has nothing before it, has sent the present
    /// generation, and the copy is still as it was then.
    fn is_settled(&self, object: &Object) -> bool {
        let (Some(runtime), Some(live), Some(mirror)) = (&self.runtime, &self.live, &self.mirror) else {
            return false;
        };
        object.wanted_in(runtime.id)
            && object.is_applied_in(runtime.id)
            && !runtime.with_queue(|queue| queue.contains(&object.key))
            && mirror
                .expected(&object.key.key)
                .is_some_and(|expected| in_order(&expected, live.observed.owned))
    }
}

impl Copies {
    /// Looks the copies up in the mirrors.
    #[must_use]
    pub fn gather(engine: &Engine, object: &Object, reach: &Reach) -> Self {
        let held = reach
            .iter()
            .map(|(id, view)| {
                let runtime = engine.runtime(id);
                let mirror = runtime.as_ref().and_then(|runtime| runtime.mirror(&object.key.type_));
                let live = mirror.as_ref().and_then(|mirror| mirror.get(&object.key.key));
                Held { cluster: view.name.clone(), runtime, live, mirror }
            })
            .collect();
        Self { held, key: object.key.key.clone() }
    }

    /// For the pure functions.
    #[must_use]
    pub fn lend(&self) -> BTreeMap<String, LiveCopy<'_>> {
        self.held
            .iter()
            .filter_map(|held| {
                let mirror = held.mirror.as_ref()?;
                Some((held.cluster.clone(), live_copy(mirror, held.live.as_deref(), &self.key)))
            })
            .collect()
    }

    /// [`Self::lend`], with which of them are settled.
    #[must_use]
    pub fn lend_settled(&self, object: &Object) -> BTreeMap<String, LiveCopy<'_>> {
        let mut lent = self.lend();
        for held in &self.held {
            if let Some(copy) = lent.get_mut(&held.cluster) {
                copy.settled = held.is_settled(object);
            }
        }
        lent
    }

    /// One copy as seen last.
    #[must_use]
    pub fn get(&self, cluster: &str) -> Option<&Arc<Live>> {
        self.held.iter().find(|held| held.cluster == cluster).and_then(|held| held.live.as_ref())
    }
}

/// Which clusters and how many replicas. Where copies are wanted was decided when the object was accepted; this adds the
/// reasons and the shares.
#[must_use]
pub fn assignments(
    engine: &Engine,
    object: &Object,
    reach: &Reach,
    live: &BTreeMap<String, LiveCopy<'_>>,
) -> Assignments {
    let mut assignments = among(&object.record, &reach.views, engine.parts.clock.now(), live);
    for (assignment, id) in assignments.clusters.iter_mut().zip(&reach.ids) {
        assignment.selected = object.wanted_in(*id);
    }
    assignments
}

/// Asks about clusters that all are within the project's.
fn among(
    record: &FederatedObject,
    fleet: &[ClusterView],
    now: chrono::DateTime<chrono::Utc>,
    live: &BTreeMap<String, LiveCopy<'_>>,
) -> Assignments {
    let refusals = Refusals::default();
    let situation =
        Situation { fleet, bounds: Bounds::Unbounded, tie_break_key: None, refusals: &refusals, now };
    assign(record, &situation, live)
}

/// Where an object would go among some clusters, and with how many replicas, before any of them holds a copy.
#[must_use]
pub fn foresee(
    record: &FederatedObject,
    fleet: &[ClusterView],
    now: chrono::DateTime<chrono::Utc>,
) -> BTreeMap<String, i64> {
    among(record, fleet, now, &BTreeMap::new())
        .clusters
        .into_iter()
        .filter(|one| one.selected)
        .map(|one| match one.share {
            Some(Share::Replicas(share)) => (one.cluster, share.written()),
            _ => (one.cluster, 0),
        })
        .collect()
}

/// What one cluster is to get, with the cluster as decisions see it. When the division moved, the other units of the
/// object become dirty.
#[must_use]
pub fn assignment(engine: &Engine, object: &Object, cluster: ClusterId) -> Option<(Assignment, ClusterView)> {
    let reach = engine.reach(object.project);
    let divided =
        object.record.spec.replicas.as_ref().is_some_and(|replicas| replicas.mode == ReplicaMode::Divided);
    if !divided {
        // Each gets the same, whatever there is elsewhere.
        let mut one = reach.only(cluster);
        let assignment = assignments(engine, object, &one, &BTreeMap::new()).clusters.pop()?;
        return Some((assignment, one.views.pop()?));
    }
    let copies = Copies::gather(engine, object, &reach);
    let assignments = assignments(engine, object, &reach, &copies.lend());
    let shares = assignments.clusters.iter().map(|one| (one.cluster.clone(), one.share)).collect();
    let mut known = object.shares.lock().unwrap_or_else(PoisonError::into_inner);
    if *known != shares {
        *known = shares;
        drop(known);
        for other in object.placed.iter().filter(|other| **other != cluster) {
            if let Some(runtime) = engine.runtime(*other) {
                runtime.push(object.key.clone(), Priority::Fresh);
            }
        }
    }
    let place = reach.ids.iter().position(|id| *id == cluster)?;
    let assignment = assignments.clusters.into_iter().nth(place)?;
    Some((assignment, reach.views.get(place)?.clone()))
}
