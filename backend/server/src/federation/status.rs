//! Status of federated objects: computed from what members told, at once and as often as they tell, one object at a time;
//! told to live connections at once and stored in groups. Nothing is said to be ready that is not: a cluster that cannot
//! be reached makes its part Unknown, with when it was last seen.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use hanse_federation::{
    ClusterPlan,
    plan::{Options, Refusals, overall_phase, plan_cluster},
    retention::Form,
    status::{Member, Subject, aggregate},
};
use hanse_types::{
    ClusterName, FederatedId,
    federated::{ClusterStatus, FederatedStatus, Phase},
};
use tokio::sync::Notify;

use super::{decide, engine::Engine, index::Object, member::Live, worker};
use crate::live::{Event, Topic};

/// Objects whose status is to be computed; at most one entry each.
#[derive(Default)]
pub struct Dirty {
    objects: Mutex<HashSet<FederatedId>>,
    wake: Notify,
}

impl Dirty {
    /// Marks an object.
    pub fn mark(&self, id: FederatedId) {
        if self.objects.lock().unwrap_or_else(PoisonError::into_inner).insert(id) {
            self.wake.notify_one();
        }
    }

    async fn take(&self) -> HashSet<FederatedId> {
        loop {
            let taken = std::mem::take(&mut *self.objects.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.wake.notified().await;
        }
    }
}

/// Rest after computing, as a multiple of the time that it took: status takes a ninth of a core at most, however much
/// members tell, and what changes while it rests is computed once. A single change is computed at once.
const REST: u32 = 8;
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_millis(60);
/// How long nothing is said of an object that is being removed, unless it is still there by then: mostly it is not.
const GOING: Duration = Duration::from_millis(300);
/// How long nothing more is said of a change that was told, while its copies are under work or have their turn: mostly it
/// is in order a moment later.
const UNDER_WORK: Duration = Duration::from_secs(1);
/// Objects computed in one go, before others get a turn.
const GO: usize = 32;

/// Computes status for ever.
pub async fn run(engine: Arc<Engine>) {
    let mut held = Held::default();
    loop {
        let mut dirty = tokio::select! {
            dirty = engine.dirty_status.take() => dirty,
            () = worker::at(held.next_due()), if held.next_due().is_some() => HashSet::new(),
        };
        dirty.extend(held.take_due(Instant::now()));
        let dirty: Vec<FederatedId> = dirty.into_iter().collect();
        let mut took = Duration::ZERO;
        for go in dirty.chunks(GO) {
            let began = Instant::now();
            for id in go {
                match engine.index.get(*id) {
                    Some(object) if held.holds(*id, wait(&engine, &object), Instant::now()) => {}
                    Some(object) => refresh(&engine, &object),
                    None => held.forget(*id),
                }
            }
            took += began.elapsed();
            tokio::task::yield_now().await;
        }
        tokio::time::sleep((took * REST).min(LONGEST_REST)).await;
    }
}

/// Until when nothing is said of an object of which there is something to say now; none when it is said at once.
fn wait(engine: &Engine, object: &Object) -> Option<Instant> {
    if object.is_told.load(Ordering::Relaxed) {
        engine.is_under_work(object).then(|| Instant::now() + UNDER_WORK)
    } else {
        object.record.deleting.then(|| object.seen + GOING)
    }
}

/// Objects of which nothing is said for a while. Whoever ends the work on one marks it dirty; here is only when the wait
/// ends otherwise.
#[derive(Default)]
struct Held {
    until: HashMap<FederatedId, Instant>,
    due: BinaryHeap<Reverse<(Instant, FederatedId)>>,
}

impl Held {
    /// Whether nothing is said of an object yet, which would have to wait until a time if it does not wait already.
    fn holds(&mut self, id: FederatedId, until: Option<Instant>, now: Instant) -> bool {
        let until = until.map(|until| {
            *self.until.entry(id).or_insert_with(|| {
                self.due.push(Reverse((until, id)));
                until
            })
        });
        let holds = until.is_some_and(|until| until > now);
        if !holds {
            self.forget(id);
        }
        holds
    }

    fn forget(&mut self, id: FederatedId) {
        self.until.remove(&id);
    }

    fn next_due(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Those whose wait has ended, without those that are held no more.
    fn take_due(&mut self, now: Instant) -> Vec<FederatedId> {
        let mut ended = Vec::new();
        while let Some(Reverse((at, id))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            if self.until.contains_key(&id) {
                ended.push(id);
            }
        }
        ended
    }
}

fn refresh(engine: &Engine, object: &Object) {
    object.is_told.store(true, Ordering::Relaxed);
    let mut fresh = Arc::new(compute(engine, object));
    let changed = {
        let mut kept = object.status.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = kept.as_ref().is_none_or(|old| !alike(old, &mut fresh));
        if changed {
            *kept = Some(Arc::clone(&fresh));
        }
        changed
    };
    if !changed {
        return;
    }
    if let Ok(json) = serde_json::to_value(&*fresh) {
        engine.status_writer.object(object.id, fresh.phase.to_string(), json, fresh.updated_at);
    }
    let project = object.project_name.as_deref().map(str::to_owned);
    engine.parts.live.tell(Event {
        revision: engine.parts.store.revision(),
        topics: vec![
            Topic::FederatedObjects(project.clone()),
            Topic::FederatedObject {
                project,
                type_: object.key.type_.to_string(),
                name: object.key.key.name.to_string(),
            },
            Topic::Overview,
        ],
        access: false,
    });
}

/// Whether two computations say the same, apart from when they were made. Then the new one has the times of the old one.
fn alike(old: &FederatedStatus, new: &mut Arc<FederatedStatus>) -> bool {
    let new = Arc::make_mut(new);
    let updated_at = std::mem::replace(&mut new.updated_at, old.updated_at);
    let times: Vec<_> = new.clusters.iter().map(|cluster| cluster.observed_at).collect();
    for (new, old) in new.clusters.iter_mut().zip(&old.clusters) {
        new.observed_at = old.observed_at;
    }
    if new == old {
        return true;
    }
    new.updated_at = updated_at;
    for (new, at) in new.clusters.iter_mut().zip(times) {
        new.observed_at = at;
    }
    false
}

/// Status of an object from what is known now.
#[must_use]
pub fn compute(engine: &Engine, object: &Object) -> FederatedStatus {
    let reach = engine.reach(object.project);
    let copies = decide::Copies::gather(engine, object, &reach);
    let live = copies.lend_settled(object);
    let assignments = decide::assignments(engine, object, &reach, &live);
    let options = Options { form: Form::Apply, ..Options::default() };
    let (none, refusals) = (hanse_federation::plan::LiveCopy::default(), Refusals::default());
    let plans: Vec<ClusterPlan> = reach
        .views
        .iter()
        .zip(&assignments.clusters)
        .map(|(view, assignment)| {
            let copy = live.get(&view.name).unwrap_or(&none);
            plan_cluster(&object.record, view, assignment, copy, &refusals, &options)
        })
        .collect();
    let previous = object.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let rows: Vec<ClusterStatus> = reach
        .iter()
        .zip(&plans)
        .filter_map(|((id, view), plan)| {
            let cell = object.cell(id);
            let seen = copies.get(&view.name);
            Some(row(
                object,
                ClusterName::parse(view.name.clone()).ok()?,
                plan,
                cell,
                seen.map(|live| &**live),
            ))
        })
        .collect();
    let members: Vec<Member<'_>> = plans
        .iter()
        .filter(|plan| plan.selected)
        .map(|plan| Member { cluster: &plan.name, status: known(plan) })
        .collect();
    let subject = Subject {
        resource: &object.record.resource,
        template: &object.record.spec.template,
        generation: object.record.generation,
        previous: previous.as_ref().map(|status| &status.aggregated),
    };
    summary(engine, object, rows, aggregate(&subject, &members), previous.as_deref())
}

/// What a cluster says of its copy; of one that cannot be reached nothing is known, whatever it said last.
fn known(plan: &ClusterPlan) -> Option<&serde_json::Value> {
    plan.reflected.as_ref().filter(|_| plan.phase != Phase::Unknown)
}

fn row(
    object: &Object,
    cluster: ClusterName,
    plan: &ClusterPlan,
    cell: super::index::Cell,
    seen: Option<&Live>,
) -> ClusterStatus {
    let observed_at = seen.map(|live| live.seen_at);
    let ready = seen.map(|live| live.observed.ready_replicas);
    let version = seen.map(|live| match live.observed.generation {
        0 => format!("rv:{}", live.observed.resource_version),
        generation => format!("gen:{generation}"),
    });
    let applied = plan.selected
        && cell.applied_generation == object.record.generation
        && cell.problem.is_none()
        && observed_at.is_some();
    let mut phase = plan.phase;
    let mut message = plan.message.clone();
    if plan.selected && phase != Phase::Unknown {
        if let (Some(problem), Some(word)) = (&cell.problem, cell.word) {
            phase = if word.needs_a_change() { Phase::Failed } else { Phase::Progressing };
            message.clone_from(&problem.message);
        } else if let Some(waiting) = &cell.waiting {
            phase = Phase::Progressing;
            message.clone_from(waiting);
        } else if !applied {
            phase = Phase::Progressing;
            if message.is_empty() {
                "the change is on its way to this cluster".clone_into(&mut message);
            }
        }
    }
    ClusterStatus {
        cluster,
        scheduled: plan.selected,
        why: plan.why.clone(),
        applied,
        phase,
        message,
        ready_replicas: plan.replicas.and(ready),
        replicas: plan.replicas.map(|replicas| replicas + plan.overflow).filter(|_| plan.selected),
        drift: cell.drift,
        last_error: cell.problem,
        status: plan.reflected.clone(),
        version,
        observed_at,
    }
}

fn summary(
    engine: &Engine,
    object: &Object,
    rows: Vec<ClusterStatus>,
    aggregated: serde_json::Value,
    previous: Option<&FederatedStatus>,
) -> FederatedStatus {
    let placed: Vec<&ClusterStatus> = rows.iter().filter(|row| row.scheduled).collect();
    let ready = placed.iter().filter(|row| row.phase == Phase::Ready).count();
    let mut phase = overall_phase(placed.iter().map(|row| row.phase));
    let mut message = match placed.iter().find(|row| row.phase != Phase::Ready) {
        None if placed.is_empty() => "placed in no cluster".to_owned(),
        None => format!("{ready} of {} clusters ready", placed.len()),
        Some(other) if other.message.is_empty() => {
            format!("{ready} of {} clusters ready: {} is {}", placed.len(), other.cluster, other.phase)
        }
        Some(other) => {
            format!("{ready} of {} clusters ready: {}: {}", placed.len(), other.cluster, other.message)
        }
    };
    if object.record.deleting {
        let removing = engine.index.removing(object.id);
        let views = engine.views();
        let mut names: Vec<&str> =
            removing.iter().filter_map(|id| views.get(id).map(|view| view.name.as_str())).collect();
        names.sort_unstable();
        phase = Phase::Progressing;
        message = if names.is_empty() && !object.held_by.is_empty() {
            format!(
                "its copies are gone; finalizers hold it at the hub, to be removed by whoever put them there: {}",
                object.held_by.join(", ")
            )
        } else if names.is_empty() {
            "its copies are gone; its record goes next".to_owned()
        } else {
            format!("its copies are being removed from {}", names.join(", "))
        };
    }
    let everywhere = placed.iter().all(|row| row.applied);
    let sum = |value: fn(&ClusterStatus) -> Option<i64>| {
        let values: Vec<i64> = placed.iter().filter_map(|row| value(row)).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    };
    let replicas = sum(|row| row.replicas);
    FederatedStatus {
        phase,
        message,
        observed_generation: if everywhere {
            object.record.generation
        } else {
            previous.map_or(0, |status| status.observed_generation.min(object.record.generation - 1))
        },
        clusters_placed: u32::try_from(placed.len()).unwrap_or(u32::MAX),
        clusters_ready: u32::try_from(ready).unwrap_or(u32::MAX),
        replicas,
        ready_replicas: replicas
            .map(|_| sum(|row| row.ready_replicas.filter(|_| row.phase != Phase::Unknown)).unwrap_or(0)),
        aggregated,
        clusters: rows,
        updated_at: engine.parts.clock.now(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_held_is_looked_at_when_its_wait_ends_and_once() {
        let (mut held, now) = (Held::default(), Instant::now());
        let (a, b) = (FederatedId::new(), FederatedId::new());
        assert!(held.holds(a, Some(now + WAIT), now));
        assert!(held.holds(b, Some(now + WAIT * 2), now));
        // Marked again while it is held: its wait does not begin anew.
        assert!(held.holds(a, Some(now + WAIT * 3), now));
        assert_eq!(held.next_due(), Some(now + WAIT));
        assert!(held.take_due(now).is_empty());
        assert_eq!(held.take_due(now + WAIT), [a]);
        assert!(!held.holds(a, Some(now + WAIT * 4), now + WAIT), "its wait has ended");
        // Told meanwhile, because the work on it has ended.
        assert!(!held.holds(b, None, now + WAIT));
        assert!(held.take_due(now + WAIT * 2).is_empty());
        assert_eq!(held.next_due(), None);
    }

    #[test]
    fn who_is_held_again_waits_again() {
        let (mut held, now) = (Held::default(), Instant::now());
        let id = FederatedId::new();
        assert!(held.holds(id, Some(now + WAIT), now));
        held.forget(id);
        assert!(held.holds(id, Some(now + WAIT * 2), now));
        // The first wait's end finds it held: whoever looks sees that it is not yet time, and holds it on.
        assert_eq!(held.take_due(now + WAIT), [id]);
        assert!(held.holds(id, Some(now + WAIT * 3), now + WAIT));
        assert_eq!(held.take_due(now + WAIT * 2), [id]);
        assert!(!held.holds(id, Some(now + WAIT * 4), now + WAIT * 2));
    }
}
