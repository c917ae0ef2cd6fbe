//! Dividing a number of replicas over clusters.
//!
//! The integer algorithm of Federation v1 and v2 ([`preferences`]), which existing users rely on to the last replica,
//! and four ways for the native model: proportional shares with real floors ([`weighted`]), and by room, over a topology
//! or in as few clusters as can be ([`native`]). All break ties by a hash of the cluster's name and the object's key, so
//! that the answer does not depend on the order in which clusters are listed, and different objects do not all favour
//! the same cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    health,
    object::{Preference, Replicas, Resource, Strategy},
};

mod autoscaler;
mod capacity;
mod native;
mod preferences;
mod room;
mod weighted;

pub use autoscaler::{Autoscaler, Limits, split_limits};
pub use capacity::capacity;
pub use room::{Claim, is_own, room};

/// A cluster that takes part in a division.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Unique name.
    pub name: String,
    /// Ready replicas now.
    pub current: i64,
    /// Replicas that fit, where known.
    pub capacity: Option<i64>,
    /// Replicas that there is room for on its nodes, where known; those that run there already included.
    pub room: Option<i64>,
    /// Replicas that its copy asks for now.
    pub held: i64,
    /// Its group of the topology that replicas are spread over.
    pub group: Option<String>,
}

/// What one cluster gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Replicas that fit.
    pub replicas: i64,
    /// Replicas asked for on top although they do not fit.
    pub overflow: i64,
}

impl Share {
    /// What is written to the cluster.
    #[must_use]
    pub const fn written(self) -> i64 {
        self.replicas.saturating_add(self.overflow)
    }
}

/// A division.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Division {
    /// Every candidate's share.
    pub shares: BTreeMap<String, Share>,
    /// What no cluster may take, by maxima, weights and capacities.
    pub unplaced: i64,
    /// Why something is left, or what else of the rule does not hold; empty when all is well.
    pub reason: String,
}

impl Division {
    /// What everybody got; nothing for those who took no part.
    fn of<'a>(candidates: &[Candidate], seats: impl Iterator<Item = (&'a str, i64)>, unplaced: i64) -> Self {
        let mut shares: BTreeMap<String, Share> =
            candidates.iter().map(|candidate| (candidate.name.clone(), Share::default())).collect();
        for (name, replicas) in seats {
            shares.insert(name.to_owned(), Share { replicas, overflow: 0 });
        }
        Self { shares, unplaced, reason: String::new() }
    }
}

/// Divides `total` as the rule says.
#[must_use]
pub fn divide(rule: &Replicas, total: i64, candidates: &[Candidate], tie_break_key: &str) -> Division {
    // Kubernetes counts replicas in 32 bits.
    let total = total.clamp(0, i64::from(i32::MAX));
    let everyone = BTreeMap::from([("*".to_owned(), Preference { weight: 1, ..Preference::default() })]);
    let wishes = if rule.clusters.is_empty() { &everyone } else { &rule.clusters };
    let mut division = match rule.strategy {
        Strategy::Weighted => weighted::divide(wishes, total, candidates, tie_break_key),
        Strategy::Preferences => {
            preferences::divide(wishes, rule.rebalance, total, candidates, tie_break_key)
        }
        Strategy::ByCapacity => native::by_capacity(wishes, total, candidates, tie_break_key),
        Strategy::Spread => {
            native::spread(rule.spread.unwrap_or_default(), wishes, total, candidates, tie_break_key)
        }
        Strategy::Pack => native::pack(wishes, total, candidates, tie_break_key),
    };
    if division.unplaced > 0 {
        let rest = left_over(division.unplaced, total, candidates);
        division.reason =
            if division.reason.is_empty() { rest } else { format!("{rest}; {}", division.reason) };
    }
    division
}

fn left_over(unplaced: i64, total: i64, candidates: &[Candidate]) -> String {
    if candidates.is_empty() {
        return format!("no ready cluster takes part, so {unplaced} replicas are nowhere");
    }
    format!(
        "{unplaced} replicas fit nowhere, of {total}: raise maxReplicas, give weight to more clusters or make room in them"
    )
}

/// Divides the parallelism and the completions of a Job by the same rule. Completions go only to clusters that
/// have parallelism: elsewhere they would never be made. Room is needed for pods that run at the same time only; where it
/// counts, completions follow the parallelism.
#[must_use]
pub fn divide_job(
    rule: &Replicas,
    parallelism: i64,
    completions: Option<i64>,
    candidates: &[Candidate],
    tie_break_key: &str,
) -> (Division, Option<Division>) {
    let parallel = divide(rule, parallelism, candidates, tie_break_key);
    let completions = completions.map(|completions| {
        let share = |name: &str| parallel.shares.get(name).map_or(0, |share| share.replicas);
        let blank = |from: &Candidate| Candidate { name: from.name.clone(), ..Candidate::default() };
        let running: Vec<Candidate> =
            candidates.iter().filter(|candidate| share(&candidate.name) > 0).map(blank).collect();
        if matches!(rule.strategy, Strategy::Weighted | Strategy::Preferences) {
            return divide(rule, completions, &running, tie_break_key);
        }
        let weight = |one: &Candidate| Preference { weight: share(&one.name), ..Preference::default() };
        let clusters = running.iter().map(|one| (one.name.clone(), weight(one))).collect();
        let rule = Replicas { strategy: Strategy::Weighted, clusters, ..Replicas::default() };
        divide(&rule, completions, &running, tie_break_key)
    });
    (parallel, completions)
}

/// The preference for a cluster: its own, otherwise that of `*`.
fn preference(wishes: &BTreeMap<String, Preference>, name: &str) -> Option<Preference> {
    wishes.get(name).or_else(|| wishes.get("*")).copied()
}

/// FNV-1 (not 1a), 32 bits, of the cluster's name followed by the key.
fn tie_break(name: &str, key: &str) -> u32 {
    name.bytes()
        .chain(key.bytes())
        .fold(0x811c_9dc5, |hash, byte| hash.wrapping_mul(0x0100_0193) ^ u32::from(byte))
}

/// Ready replicas of a live object, which is what runs there now.
#[must_use]
pub fn ready_replicas(resource: &Resource, live: &Value) -> i64 {
    if resource.is("", "Pod") {
        return i64::from(health::is_true(live, "Ready"));
    }
    let field = if resource.is("batch", "Job") { "/status/ready" } else { "/status/readyReplicas" };
    live.pointer(field).and_then(Value::as_i64).unwrap_or(0).max(0)
}
