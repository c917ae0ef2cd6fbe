//! Splitting the limits of a federated HorizontalPodAutoscaler, as Federation v1 did.
//!
//! Invariants: the maxima add up to the federated maximum, the minima to at least the federated minimum, and each
//! minimum is at least 1. Where autoscalers run already, their limits are moved one replica at a time, from
//! clusters that do not use theirs to clusters that are at theirs, so that load settles. Unlike v1, ties are
//! broken by name order and not at random: the same state gives the same answer.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// Limits are left alone for this long after an autoscaler scaled.
const SETTLING: Duration = Duration::minutes(2);

/// The limits of an autoscaler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Fewest replicas.
    pub min: i64,
    /// Most replicas.
    pub max: i64,
}

/// What one cluster's autoscaler looks like now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its limits; a missing minimum counts as 0.
    pub limits: Limits,
    /// `status.currentReplicas`.
    pub current: i64,
    /// `status.desiredReplicas`.
    pub desired: i64,
    /// When it scaled last.
    pub last_scale: Option<DateTime<Utc>>,
}

impl Autoscaler {
    /// Reads a live HorizontalPodAutoscaler of any version.
    #[must_use]
    pub fn of(live: &Value) -> Self {
        let number = |pointer: &str| live.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
        let time = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        Self {
            limits: Limits { min: number("/spec/minReplicas"), max: number("/spec/maxReplicas") },
            current: number("/status/currentReplicas"),
            desired: number("/status/desiredReplicas"),
            last_scale: live.pointer("/status/lastScaleTime").and_then(time),
        }
    }

    /// Nothing was scaled yet, so nothing is known.
    fn is_pristine(&self) -> bool {
        self.last_scale.is_none() && self.desired == 0
    }

    fn is_settled(&self, now: DateTime<Utc>) -> bool {
        self.last_scale.is_some_and(|at| now.signed_duration_since(at) >= SETTLING)
    }

    fn offers_max(&self, now: DateTime<Utc>) -> bool {
        let unused =
            self.desired < self.current || (self.desired == self.current && self.desired < self.limits.max);
        self.limits.max > self.limits.min && (self.is_pristine() || (self.is_settled(now) && unused))
    }

    fn offers_min(&self, now: DateTime<Utc>) -> bool {
        let idle = self.desired == self.current && self.current == self.limits.min;
        self.limits.min > 1
            && self.limits.min <= self.limits.max
            && (self.is_pristine() || (self.is_settled(now) && idle))
    }

    fn wants_max(&self, now: DateTime<Utc>) -> bool {
        self.is_settled(now) && self.current == self.desired && self.current == self.limits.max
    }

    fn can_raise_min(&self, now: DateTime<Utc>) -> bool {
        self.is_settled(now) && self.limits.min < self.limits.max && self.desired > self.limits.min
    }
}

/// Splits the federated limits over clusters, of which some have an autoscaler already. A cluster without a share
/// of the maximum is not in the answer: no autoscaler belongs there.
#[must_use]
pub fn split_limits(
    wanted: Limits,
    clusters: &BTreeMap<String, Option<Autoscaler>>,
    now: DateTime<Utc>,
) -> BTreeMap<String, Limits> {
    if clusters.is_empty() || wanted.max <= 0 {
        return BTreeMap::new();
    }
    let wanted = Limits { min: wanted.min.clamp(1, wanted.max), max: wanted.max };
    let mut split = Split { shares: BTreeMap::new(), wanted, now, clusters };
    split.shares = clusters
        .iter()
        .filter_map(|(name, scaler)| Some((name.clone(), scaler.as_ref()?.limits)))
        .map(|(name, limits)| (name, Limits { min: limits.min.max(0), max: limits.max.max(0) }))
        .collect();
    split.balance_max();
    split.balance_min();
    split.shares.retain(|_, limits| limits.max > 0);
    for limits in split.shares.values_mut() {
        limits.min = limits.min.clamp(1, limits.max);
    }
    split.shares
}

struct Split<'a> {
    shares: BTreeMap<String, Limits>,
    wanted: Limits,
    now: DateTime<Utc>,
    clusters: &'a BTreeMap<String, Option<Autoscaler>>,
}

impl Split<'_> {
    fn those(&self, holds: impl Fn(&Autoscaler) -> bool) -> Vec<String> {
        let known = self.clusters.iter().filter_map(|(name, scaler)| Some((name, scaler.as_ref()?)));
        known.filter(|(_, scaler)| holds(scaler)).map(|(name, _)| name.clone()).collect()
    }

    fn newcomers(&self) -> Vec<String> {
        self.clusters.iter().filter(|(_, scaler)| scaler.is_none()).map(|(name, _)| name.clone()).collect()
    }

    fn add_max(&mut self, name: &str, by: i64) {
        self.shares.entry(name.to_owned()).or_default().max += by;
    }

    fn add_min(&mut self, name: &str, by: i64) {
        self.shares.entry(name.to_owned()).or_default().min += by;
    }

    fn balance_max(&mut self) {
        let mut rest = self.wanted.max - self.shares.values().map(|limits| limits.max).sum::<i64>();
        let mut offers = self.those(|scaler| scaler.offers_max(self.now));
        // First those who do not use it give one each, then the greatest shares give.
        while rest < 0 && !offers.is_empty() {
            let giver = offers.remove(0);
            self.add_max(&giver, -1);
            rest += 1;
        }
        if rest < 0 {
            lower(self.shares.values_mut().map(|limits| &mut limits.max), -rest, 0);
            rest = 0;
        }
        for name in self.those(|scaler| scaler.wants_max(self.now)) {
            if let Some(giver) = offers.iter().position(|giver| *giver != name).map(|at| offers.remove(at)) {
                self.add_max(&giver, -1);
                self.add_max(&name, 1);
            } else if rest > 0 {
                self.add_max(&name, 1);
                rest -= 1;
            }
        }
        let newcomers = self.newcomers();
        // A newcomer is given one replica of each offer, so that load can go there at all.
        for (name, giver) in newcomers.iter().cycle().zip(offers) {
            self.add_max(&giver, -1);
            self.add_max(name, 1);
        }
        let takers: Vec<String> =
            if newcomers.is_empty() { self.clusters.keys().cloned().collect() } else { newcomers };
        // At least two each as long as there are: where both limits are 1 nothing could ever be moved.
        let count = i64::try_from(self.clusters.len()).unwrap_or(i64::MAX);
        let part = (self.wanted.max / count).max(2);
        for name in takers.iter().cycle() {
            if rest <= 0 {
                break;
            }
            let by = part.min(rest);
            self.add_max(name, by);
            rest -= by;
        }
    }

    fn balance_min(&mut self) {
        // A minimum never stays above its maximum, whoever moved that.
        for limits in self.shares.values_mut() {
            limits.min = limits.min.min(limits.max);
        }
        let mut rest = self.wanted.min - self.shares.values().map(|limits| limits.min).sum::<i64>();
        let mut offers = self.those(|scaler| scaler.offers_min(self.now));
        offers.retain(|name| self.shares.get(name).is_some_and(|limits| limits.min > 1));
        while rest < 0 && !offers.is_empty() {
            let giver = offers.remove(0);
            self.add_min(&giver, -1);
            rest += 1;
        }
        if rest < 0 {
            lower(self.shares.values_mut().map(|limits| &mut limits.min), -rest, 1);
        }
        for name in self.those(|scaler| scaler.can_raise_min(self.now)) {
            let room = self.shares.get(&name).is_some_and(|limits| limits.min < limits.max);
            let giver = offers.iter().position(|giver| *giver != name).filter(|_| room);
            if let Some(giver) = giver.map(|at| offers.remove(at)) {
                self.add_min(&giver, -1);
                self.add_min(&name, 1);
            }
        }
        // Newcomers first, then everybody, as far as their maxima allow.
        let newcomers = self.newcomers();
        rest =
            raise(self.shares.iter_mut().filter(|(name, _)| newcomers.contains(name)).map(|(_, l)| l), rest);
        raise(self.shares.values_mut(), rest);
    }
}

/// Takes `by` from the greatest values, none below `floor`, and returns what could not be taken.
fn lower<'a>(values: impl Iterator<Item = &'a mut i64>, by: i64, floor: i64) -> i64 {
    let mut values: Vec<&mut i64> = values.collect();
    let taken = |values: &[&mut i64], level: i64| values.iter().map(|v| (**v - level).max(0)).sum::<i64>();
    let (mut low, mut high) = (floor, values.iter().map(|v| **v).max().unwrap_or(floor).max(floor));
    while low < high {
        let level = low + (high - low) / 2;
        if taken(&values, level) <= by { high = level } else { low = level + 1 }
    }
    let mut rest = by - taken(&values, low);
    for value in &mut values {
        **value = (**value).min(low.max(floor));
        if rest > 0 && **value == low && low > floor {
            **value -= 1;
            rest -= 1;
        }
    }
    rest
}

/// Gives `by` to the least minima, none above its maximum, and returns what could not be given.
fn raise<'a>(limits: impl Iterator<Item = &'a mut Limits>, by: i64) -> i64 {
    let mut limits: Vec<&mut Limits> = limits.collect();
    let given = |limits: &[&mut Limits], level: i64| {
        limits.iter().map(|l| (level.min(l.max) - l.min).max(0)).sum::<i64>()
    };
    if by <= 0 {
        return by;
    }
    let (mut low, mut high) = (0, limits.iter().map(|l| l.max).max().unwrap_or(0));
    while low < high {
        let level = low + (high - low + 1) / 2;
        if given(&limits, level) <= by { low = level } else { high = level - 1 }
    }
    let mut rest = by - given(&limits, low);
    for share in &mut limits {
        share.min = share.min.max(low.min(share.max));
        if rest > 0 && share.min == low && low < share.max {
            share.min += 1;
            rest -= 1;
        }
    }
    rest
}
