//! Dividing a number of replicas over clusters.
//!
//! Two ways: the integer algorithm of Federation v1 and v2 ([`preferences`]), which existing users rely on to the
//! last replica, and proportional shares with real floors ([`weighted`]) for the native model. Both break ties by
//! a hash of the cluster's name and the object's key, so that the answer does not depend on the order in which
//! clusters are listed, and different objects do not all favour the same cluster.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    health,
    object::{Preference, Replicas, Resource, Strategy},
};

mod autoscaler;
mod capacity;
mod preferences;
mod weighted;

pub use autoscaler::{Autoscaler, Limits, split_limits};
pub use capacity::capacity;

/// A cluster that takes part in a division.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Unique name.
    pub name: String,
    /// Ready replicas now.
    pub current: i64,
    /// Replicas that fit, where known.
    pub capacity: Option<i64>,
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
}

/// Divides `total` as the rule says.
#[must_use]
pub fn divide(rule: &Replicas, total: i64, candidates: &[Candidate], tie_break_key: &str) -> Division {
    // Kubernetes counts replicas in 32 bits.
    let total = total.clamp(0, i64::from(i32::MAX));
    let everyone = BTreeMap::from([("*".to_owned(), Preference { weight: 1, ..Preference::default() })]);
    let wishes = if rule.clusters.is_empty() { &everyone } else { &rule.clusters };
    match rule.strategy {
        Strategy::Weighted => weighted::divide(wishes, total, candidates, tie_break_key),
        Strategy::Preferences => {
            preferences::divide(wishes, rule.rebalance, total, candidates, tie_break_key)
        }
    }
}

/// Divides the parallelism and the completions of a Job by the same rule. Completions go only to clusters that
/// have parallelism: elsewhere they would never be made.
#[must_use]
pub fn divide_job(
    rule: &Replicas,
    parallelism: i64,
    completions: Option<i64>,
    clusters: &[String],
    tie_break_key: &str,
) -> (Division, Option<Division>) {
    let blank = |name: &String| Candidate { name: name.clone(), ..Candidate::default() };
    let all: Vec<Candidate> = clusters.iter().map(blank).collect();
    let parallel = divide(rule, parallelism, &all, tie_break_key);
    let completions = completions.map(|completions| {
        let runs = |name: &&String| parallel.shares.get(*name).is_some_and(|share| share.replicas > 0);
        let running: Vec<Candidate> = clusters.iter().filter(runs).map(blank).collect();
        divide(rule, completions, &running, tie_break_key)
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
