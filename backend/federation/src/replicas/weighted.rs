//! Proportional shares by Sainte-Laguë's divisors, between real floors and ceilings.
//!
//! Seat after seat goes to the cluster with the greatest `weight / (2 · seats + 1)`. That makes the division
//! stable: one replica more moves none, and without a cluster the others only gain. A floor is where a cluster
//! starts, so it gets the greater of its minimum and its share; known capacity is a ceiling like a maximum.
//! Seats are not counted one by one: a binary search over the divisor gives all but a handful at once.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{Candidate, Division, Preference, preference, tie_break};

/// One that takes part.
pub(super) struct Entry<'a> {
    pub(super) name: &'a str,
    pub(super) hash: u32,
    pub(super) weight: i64,
    pub(super) floor: i64,
    pub(super) ceiling: i64,
    /// What it got.
    pub(super) seats: i64,
}

/// Divisors are searched in steps of one part in this many.
const SCALE: i128 = 1 << 32;

/// A greater weight counts as this: one step of the divisor must not give more than one seat.
const MOST_WEIGHT: i64 = 1 << 32;

pub(super) fn divide(
    wishes: &BTreeMap<String, Preference>,
    total: i64,
    candidates: &[Candidate],
    key: &str,
) -> Division {
    let mut entries: Vec<Entry<'_>> =
        candidates.iter().filter_map(|candidate| Entry::of(candidate, wishes, key)).collect();
    let placed = apportion(&mut entries, total);
    Division::of(candidates, entries.iter().map(|entry| (entry.name, entry.seats)), total - placed)
}

impl<'a> Entry<'a> {
    /// A cluster with its wish; `None` when it takes no part.
    pub(super) fn of(
        candidate: &'a Candidate,
        wishes: &BTreeMap<String, Preference>,
        key: &str,
    ) -> Option<Self> {
        let wish = preference(wishes, &candidate.name)?;
        let capacity = candidate.capacity.map_or(i64::MAX, |capacity| capacity.max(0));
        let ceiling = wish.max_replicas.map_or(i64::MAX, |max| max.max(0)).min(capacity);
        Some(Self {
            name: &candidate.name,
            hash: tie_break(&candidate.name, key),
            weight: wish.weight.clamp(0, MOST_WEIGHT),
            floor: wish.min_replicas.max(0).min(ceiling),
            ceiling,
            seats: 0,
        })
    }
}

/// Gives everybody their seats; returns how many were given.
pub(super) fn apportion(entries: &mut [Entry<'_>], total: i64) -> i64 {
    entries.sort_by(|a, b| (a.hash, a.name).cmp(&(b.hash, b.name)));
    for entry in entries.iter_mut() {
        entry.weight = entry.weight.clamp(0, MOST_WEIGHT);
    }
    let floors: i128 = entries.iter().map(|entry| i128::from(entry.floor)).sum();
    if floors > i128::from(total) {
        // Not even the floors fit: they are filled by the same rule, and whoever has no weight comes last.
        for entry in entries.iter_mut() {
            entry.ceiling = entry.floor;
            entry.floor = 0;
        }
    }
    let mut placed = fill(entries, total);
    if placed < total && floors > i128::from(total) {
        for entry in entries.iter_mut() {
            let extra = (entry.ceiling - entry.seats).min(total - placed);
            entry.seats += extra;
            placed += extra;
        }
    }
    placed
}

/// Gives seats between floors and ceilings; returns how many were given.
fn fill(entries: &mut [Entry<'_>], total: i64) -> i64 {
    let (mut low, mut high) = (0_i128, 2 * SCALE * (i128::from(total) + 1));
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let sum: i128 = entries.iter().map(|entry| i128::from(seats_at(entry, middle))).sum();
        if sum <= i128::from(total) { low = middle } else { high = middle - 1 }
    }
    let mut placed = 0;
    for entry in entries.iter_mut() {
        entry.seats = seats_at(entry, low);
        placed += entry.seats;
    }
    while placed < total {
        let Some(next) =
            entries.iter_mut().filter(|e| e.weight > 0 && e.seats < e.ceiling).reduce(|best, entry| {
                if claim(entry).cmp_claim(&claim(best)) == Ordering::Greater { entry } else { best }
            })
        else {
            break;
        };
        next.seats += 1;
        placed += 1;
    }
    placed
}

/// Seats of a cluster when a seat costs `1 / divisor` of weight: those whose quotient is at least that.
fn seats_at(entry: &Entry<'_>, divisor: i128) -> i64 {
    let seats = (i128::from(entry.weight) * divisor + SCALE) / (2 * SCALE);
    let seats = if entry.weight == 0 { 0 } else { seats };
    i64::try_from(seats).unwrap_or(i64::MAX).clamp(entry.floor, entry.ceiling)
}

struct Claim {
    weight: i128,
    divisor: i128,
}

fn claim(entry: &Entry<'_>) -> Claim {
    Claim { weight: i128::from(entry.weight), divisor: 2 * i128::from(entry.seats) + 1 }
}

impl Claim {
    /// Which quotient is greater, without rounding.
    fn cmp_claim(&self, other: &Self) -> Ordering {
        (self.weight * other.divisor).cmp(&(other.weight * self.divisor))
    }
}
