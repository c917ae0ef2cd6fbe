//! What would happen to a federated object in every cluster, and why.
//!
//! The answer for all clusters is made of the same per-cluster decisions that the engine carries out one by one,
//! so a preview and the deed cannot differ.

use std::collections::BTreeMap;

use hanse_types::federated::Phase;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::{
    FieldError,
    dependencies::{self, Dependency},
    object::FederatedObject,
    observed::{Compact, Observed},
    owned::{FIELD_MANAGER, Sent},
    retention::Form,
    status::{self, Member, Subject},
};

mod assign;
mod cluster;
mod word;

pub use assign::{Assignment, Assignments, Share, Situation, assign};
pub use cluster::plan_cluster;
pub use word::StatusWord;

/// What is known of an object's copy in one cluster.
#[derive(Clone, Debug, Default)]
pub struct LiveCopy<'a> {
    /// The copy, trimmed; absent when there is none.
    pub observed: Option<Observation<'a>>,
    /// The whole object, where it is at hand; then differences are found exactly and not only by hash.
    pub object: Option<&'a Value>,
    /// Whether a HorizontalPodAutoscaler in that cluster targets it.
    pub autoscaled: bool,
    /// Whether the cluster does not know the kind at all.
    pub kind_missing: bool,
    /// What was sent there last, when that is remembered.
    pub sent: Option<Sent>,
    /// Whether it is known that what is wanted now was sent and is in force: then nothing is rendered to find that out.
    pub settled: bool,
}

/// Trimmed state that is lent, or that was made on the spot.
#[derive(Clone, Debug)]
pub enum Observation<'a> {
    /// Somebody keeps it.
    Kept(&'a Observed),
    /// Made from an object at hand.
    Made(Box<Observed>),
}

impl<'a> LiveCopy<'a> {
    /// A copy of which only the trimmed state is kept.
    #[must_use]
    pub fn trimmed(observed: Option<&'a Observed>) -> Self {
        Self { observed: observed.map(Observation::Kept), ..Self::default() }
    }

    /// A copy that is at hand as a whole.
    #[must_use]
    pub fn whole(object: &FederatedObject, live: &'a Value, options: &Options<'_>) -> Self {
        let ignored = &object.spec.policy.drift.ignore_paths;
        let observed = Observed::of(&object.resource, live, options.manager, ignored);
        Self { observed: Some(Observation::Made(Box::new(observed))), object: Some(live), ..Self::default() }
    }

    /// The trimmed state.
    #[must_use]
    pub fn observed(&self) -> Option<&Observed> {
        self.observed.as_ref().map(|observation| match observation {
            Observation::Kept(observed) => *observed,
            Observation::Made(observed) => observed,
        })
    }

    /// The whole object, where it is at hand.
    #[must_use]
    pub const fn object(&self) -> Option<&'a Value> {
        self.object
    }
}

/// How a plan is made.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The field manager that applies.
    pub manager: &'a str,
    /// Which manifests are wanted: filled with what members own, or as they are applied.
    pub form: Form,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { manager: FIELD_MANAGER, form: Form::Full }
    }
}

/// What is known to be wrong with an object before anything is computed; found by the adapters of the older
/// generations, whose objects are only checked as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Why no placement can be computed.
    pub placement: Option<String>,
    /// Why nothing can be made for a cluster, by its name.
    pub overrides: BTreeMap<String, String>,
    /// All faults by field path.
    pub errors: Vec<FieldError>,
}

/// What is done in one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Action {
    /// The copy is made.
    Create,
    /// The copy is changed.
    Update,
    /// Nothing: it is as it should be.
    None,
    /// The copy is deleted.
    Delete,
    /// The copy stays and loses the label.
    Release,
    /// Nothing now: the cluster, or something in it, is not ready for it. It is looked at again.
    Wait,
    /// Nothing: a rule or a mistake forbids it until somebody changes something.
    Skip,
}

/// One cluster's part of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClusterPlan {
    /// The cluster.
    pub name: String,
    /// Whether the placement selects it.
    pub selected: bool,
    /// Why, as a sentence.
    pub why: String,
    /// Replicas wanted here without overflow, for kinds that have them.
    pub replicas: Option<i64>,
    /// Replicas asked for on top although they do not fit, so that nothing is lost when room appears.
    pub overflow: i64,
    /// What is done.
    pub action: Action,
    /// What is in the way; absent when all is well.
    #[serde(serialize_with = "word_or_empty", deserialize_with = "word::or_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub status: Option<StatusWord>,
    /// A sentence with cause and next step; empty when all is well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What would be sent; absent when nothing belongs there.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub manifest: Option<Value>,
    /// Whether the copy is healthy; absent when there is none.
    pub healthy: Option<bool>,
    /// State of this copy.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub phase: Phase,
    /// The copy's own status, trimmed to what the aggregate is made from.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub reflected: Option<Value>,
}

fn word_or_empty<S: Serializer>(word: &Option<StatusWord>, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(word.map_or("", StatusWord::as_str))
}

/// Whether the object is where it should be, in the words of Federation v2's `Propagation` condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Propagation {
    /// `True` or `False`.
    pub status: String,
    /// Empty when true; otherwise `CheckClusters`, `ClusterRetrievalFailed`, `ComputePlacementFailed` or
    /// `NamespaceNotFederated`.
    pub reason: String,
}

impl Propagation {
    /// All is where it should be.
    #[must_use]
    pub fn fine() -> Self {
        Self { status: "True".to_owned(), reason: String::new() }
    }

    /// It is not, for this reason.
    #[must_use]
    pub fn failed(reason: &str) -> Self {
        Self { status: "False".to_owned(), reason: reason.to_owned() }
    }

    /// Whether all is where it should be.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        self.status == "True"
    }
}

/// Status over all placed clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Aggregated {
    /// Overall state.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub phase: Phase,
    /// Native status as the kind's own controller would write it.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub status: Value,
}

/// The plan of one object over all clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectPlan {
    /// `plural.group/namespace/name`.
    pub key: String,
    /// Whether everything is where it should be.
    pub propagation: Propagation,
    /// Every cluster of the fleet, in its order.
    pub clusters: Vec<ClusterPlan>,
    /// What the workload refers to.
    pub dependencies: Vec<Dependency>,
    /// Status over all placed clusters.
    pub aggregated: Aggregated,
    /// Replicas that fit nowhere, by the preferences' maxima and the known capacities.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unplaced: i64,
    /// Why some fit nowhere, or what else of the division does not hold.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unplaced_reason: String,
    /// What is wrong with the object itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Plans one object over all clusters. `live` holds a copy for each cluster that has one; `previous` is the
/// aggregated status so far.
#[must_use]
pub fn plan(
    object: &FederatedObject,
    situation: &Situation<'_>,
    live: &BTreeMap<String, LiveCopy<'_>>,
    previous: Option<&Value>,
    options: &Options<'_>,
) -> ObjectPlan {
    let assignments = assign(object, situation, live);
    let none = LiveCopy::default();
    let clusters: Vec<ClusterPlan> = situation
        .fleet
        .iter()
        .zip(&assignments.clusters)
        .map(|(cluster, assignment)| {
            let copy = live.get(&cluster.name).unwrap_or(&none);
            plan_cluster(object, cluster, assignment, copy, situation.refusals, options)
        })
        .collect();
    let placed = clusters.iter().filter(|cluster| cluster.selected);
    let phase = if assignments.failure.is_some() {
        Phase::Failed
    } else {
        overall_phase(placed.clone().map(|cluster| cluster.phase))
    };
    let members: Vec<Member<'_>> =
        placed.map(|cluster| Member { cluster: &cluster.name, status: cluster.reflected.as_ref() }).collect();
    let subject = Subject {
        resource: &object.resource,
        template: &object.spec.template,
        generation: object.generation,
        previous,
    };
    let status = status::aggregate(&subject, &members);
    ObjectPlan {
        key: object.key(),
        propagation: propagation(assignments.failure, clusters.iter().map(|cluster| cluster.status)),
        dependencies: dependencies::of(object),
        aggregated: Aggregated { phase, status },
        unplaced: assignments.unplaced,
        unplaced_reason: assignments.unplaced_reason,
        errors: assignments.errors,
        clusters,
    }
}

/// The `Propagation` condition: what kept the placement from being computed, else whether every cluster is fine.
#[must_use]
pub fn propagation(
    failure: Option<Propagation>,
    mut words: impl Iterator<Item = Option<StatusWord>>,
) -> Propagation {
    failure.unwrap_or_else(|| {
        if words.all(|word| word.is_none()) {
            Propagation::fine()
        } else {
            Propagation::failed("CheckClusters")
        }
    })
}

/// The phase over the placed clusters. Never Ready while one of them is unreachable or not up to date; placed
/// nowhere on purpose is Ready.
#[must_use]
pub fn overall_phase(phases: impl Iterator<Item = Phase>) -> Phase {
    let phases: Vec<Phase> = phases.collect();
    let any = |phase| phases.contains(&phase);
    if any(Phase::Unknown) {
        Phase::Unknown
    } else if any(Phase::Failed) {
        // Some of it runs: then the whole is degraded, not gone.
        if any(Phase::Ready) || any(Phase::Degraded) { Phase::Degraded } else { Phase::Failed }
    } else if any(Phase::Degraded) {
        Phase::Degraded
    } else if any(Phase::Progressing) {
        Phase::Progressing
    } else if any(Phase::Paused) {
        Phase::Paused
    } else {
        Phase::Ready
    }
}
