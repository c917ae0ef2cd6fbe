//! First half of a plan: which clusters, and how many replicas in each.
//!
//! This is the part that needs to see the whole fleet at once. The engine does it once per change and then hands
//! one [`Assignment`] to each cluster's worker.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{LiveCopy, Propagation, Refusals};
use crate::{
    FieldError,
    fleet::ClusterView,
    object::{FederatedObject, ReplicaMode, Replicas},
    placement::{self, Bounds, Choice},
    replicas::{self, Autoscaler, Candidate, Limits},
    workload,
};

/// Everything about the fleet that an assignment depends on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// Every cluster, in the order of the answer.
    pub fleet: &'a [ClusterView],
    /// Those that the object may be in.
    pub bounds: Bounds<'a>,
    /// Key of tie-breaks; `namespace/name` when absent.
    pub tie_break_key: Option<&'a str>,
    /// What is known to be wrong with the object before it is computed.
    pub refusals: &'a Refusals,
    /// The present time, for limits of autoscalers that just scaled.
    pub now: DateTime<Utc>,
}

/// A cluster's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Of a divided total.
    Replicas(replicas::Share),
    /// Of a divided Job.
    Job {
        /// Pods at the same time.
        parallelism: i64,
        /// Pods that have to succeed, where the template says how many.
        completions: Option<i64>,
    },
    /// Of a divided HorizontalPodAutoscaler.
    Limits(Limits),
}

/// What one cluster is to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The cluster.
    pub cluster: String,
    /// Whether a copy belongs there.
    pub selected: bool,
    /// Why, as a sentence.
    pub why: String,
    /// Its part of what is divided; absent where every cluster gets the template's numbers.
    pub share: Option<Share>,
}

/// Assignments of one object over the whole fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignments {
    /// One for each cluster, in the fleet's order.
    pub clusters: Vec<Assignment>,
    /// Replicas that fit nowhere.
    pub unplaced: i64,
    /// Why some fit nowhere, or what else of the division does not hold; empty when all is well.
    pub unplaced_reason: String,
    /// Why no placement could be computed, when none could.
    pub failure: Option<Propagation>,
    /// What is wrong with the object.
    pub errors: Vec<FieldError>,
}

/// Decides where the object goes and how many replicas each cluster gets. `live` is looked up by cluster name;
/// only Ready clusters take part in a division.
#[must_use]
pub fn assign(
    object: &FederatedObject,
    situation: &Situation<'_>,
    live: &BTreeMap<String, LiveCopy<'_>>,
) -> Assignments {
    let mut errors = situation.refusals.errors.clone();
    if let Some(refusal) = &situation.refusals.placement {
        let failure = Some(Propagation::failed("ComputePlacementFailed"));
        return nowhere(situation.fleet, refusal, failure, errors);
    }
    if object.deleting {
        return nowhere(situation.fleet, "the federated object is being deleted", None, errors);
    }
    let faults = placement::faults(&object.spec.placement, "spec.placement");
    if let Some(fault) = faults.first() {
        let why = format!("no placement can be computed: {fault}");
        if errors.is_empty() {
            errors.clone_from(&faults);
        }
        return nowhere(situation.fleet, &why, Some(Propagation::failed("ComputePlacementFailed")), errors);
    }
    let choices = placement::select(&object.spec.placement, situation.fleet, situation.bounds);
    let Shared { shares, unplaced, reason } = shares(object, situation, &choices, live);
    let clusters = choices
        .into_iter()
        .map(|choice| {
            let share = shares.as_ref().filter(|_| choice.selected).map(|shares| shares.of(&choice.name));
            let mut assignment = Assignment {
                share: share.flatten(),
                cluster: choice.name,
                selected: choice.selected,
                why: choice.why,
            };
            if let Some(Shares::Limits(limits)) = &shares
                && assignment.selected
                && !limits.contains_key(&assignment.cluster)
                && situation.fleet.iter().any(|cluster| cluster.name == assignment.cluster && cluster.ready)
            {
                assignment.selected = false;
                assignment.why.push_str(", but there is no share of maxReplicas left for it");
            }
            assignment
        })
        .collect();
    let failure = matches!(situation.bounds, Bounds::NotFederated)
        .then(|| Propagation::failed("NamespaceNotFederated"));
    Assignments { clusters, unplaced, unplaced_reason: reason, failure, errors }
}

fn nowhere(
    fleet: &[ClusterView],
    why: &str,
    failure: Option<Propagation>,
    errors: Vec<FieldError>,
) -> Assignments {
    let clusters = fleet
        .iter()
        .map(|cluster| Assignment {
            cluster: cluster.name.clone(),
            selected: false,
            why: why.to_owned(),
            share: None,
        })
        .collect();
    Assignments { clusters, unplaced: 0, unplaced_reason: String::new(), failure, errors }
}

enum Shares {
    Replicas(BTreeMap<String, replicas::Share>),
    Job(BTreeMap<String, replicas::Share>, Option<BTreeMap<String, replicas::Share>>),
    Limits(BTreeMap<String, Limits>),
}

impl Shares {
    /// A cluster that takes no part gets nothing of a total, and keeps the limits that it has.
    fn of(&self, cluster: &str) -> Option<Share> {
        match self {
            Self::Replicas(shares) => Some(Share::Replicas(shares.get(cluster).copied().unwrap_or_default())),
            Self::Job(parallelism, completions) => {
                let written = |shares: &BTreeMap<String, replicas::Share>| {
                    shares.get(cluster).map_or(0, |share| share.written())
                };
                Some(Share::Job {
                    parallelism: written(parallelism),
                    completions: completions.as_ref().map(written),
                })
            }
            Self::Limits(limits) => limits.get(cluster).copied().map(Share::Limits),
        }
    }
}

/// What is divided, and what is left of it.
#[derive(Default)]
struct Shared {
    shares: Option<Shares>,
    unplaced: i64,
    reason: String,
}

fn shares(
    object: &FederatedObject,
    situation: &Situation<'_>,
    choices: &[Choice],
    live: &BTreeMap<String, LiveCopy<'_>>,
) -> Shared {
    let Some(rule) = object.spec.replicas.as_ref().filter(|rule| rule.mode == ReplicaMode::Divided) else {
        return Shared::default();
    };
    let qualified = object.qualified_name();
    let key = situation.tie_break_key.unwrap_or(&qualified);
    let parties: Vec<&ClusterView> = situation
        .fleet
        .iter()
        .filter(|cluster| {
            cluster.ready && choices.iter().any(|choice| choice.selected && choice.name == cluster.name)
        })
        .collect();
    let template = &object.spec.template;
    if object.resource.is("autoscaling", "HorizontalPodAutoscaler") {
        if template.pointer("/spec/maxReplicas").is_none() {
            // Nothing to split; every member refuses it with its reason.
            return Shared::default();
        }
        let limits = limits(object, &parties, live, situation.now);
        return Shared { shares: Some(Shares::Limits(limits)), ..Shared::default() };
    }
    if !workload::has_replicas(&object.resource, template) {
        return Shared::default();
    }
    let total = rule.total.unwrap_or_else(|| workload::template_replicas(&object.resource, template));
    let mut candidates = candidates(object, rule, &parties, live);
    if object.resource.is("batch", "Job") {
        // What runs already and what pods could not be scheduled counts for workloads that go on, not for Jobs.
        for candidate in &mut candidates {
            (candidate.current, candidate.capacity) = (0, None);
        }
        let completions = template.pointer("/spec/completions").and_then(serde_json::Value::as_i64);
        let (parallelism, completions) = replicas::divide_job(rule, total, completions, &candidates, key);
        let rest = completions.as_ref().map_or(0, |division| division.unplaced);
        let reason = match completions.as_ref().map(|division| division.reason.clone()) {
            Some(reason) if parallelism.reason.is_empty() => reason,
            _ => parallelism.reason,
        };
        return Shared {
            shares: Some(Shares::Job(parallelism.shares, completions.map(|division| division.shares))),
            unplaced: parallelism.unplaced.max(rest),
            reason,
        };
    }
    let division = replicas::divide(&Replicas { total: None, ..rule.clone() }, total, &candidates, key);
    Shared {
        shares: Some(Shares::Replicas(division.shares)),
        unplaced: division.unplaced,
        reason: division.reason,
    }
}

fn candidates(
    object: &FederatedObject,
    rule: &Replicas,
    parties: &[&ClusterView],
    live: &BTreeMap<String, LiveCopy<'_>>,
) -> Vec<Candidate> {
    let key = object.key();
    let by = rule.spread.unwrap_or_default().by.as_str();
    parties
        .iter()
        .map(|cluster| {
            let copy = live.get(&cluster.name).and_then(LiveCopy::observed);
            Candidate {
                name: cluster.name.clone(),
                current: copy.map_or(0, |copy| copy.ready_replicas),
                capacity: cluster.capacity.get(&key).copied(),
                room: cluster.room.get(&key).copied(),
                held: copy.map_or(0, |copy| copy.replicas),
                group: cluster.values_of(by).first().map(|group| (*group).to_owned()),
            }
        })
        .collect()
}

fn limits(
    object: &FederatedObject,
    parties: &[&ClusterView],
    live: &BTreeMap<String, LiveCopy<'_>>,
    now: DateTime<Utc>,
) -> BTreeMap<String, Limits> {
    let scaler = |name: &str| -> Option<Autoscaler> { live.get(name)?.observed()?.autoscaler.clone() };
    let clusters = parties.iter().map(|cluster| (cluster.name.clone(), scaler(&cluster.name))).collect();
    let wanted = Autoscaler::of(&object.spec.template).limits;
    replicas::split_limits(Limits { min: wanted.min.max(1), max: wanted.max }, &clusters, now)
}
