//! The integer algorithm of Federation v1 preferences and v2's ReplicaSchedulingPreference (FEDERATION §5).
//!
//! Its quirks are part of it: a minimum is given first and the weighted share comes on top, replicas that run
//! somewhere stay unless rebalancing, and rounding goes up in the order of weight and hash.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{Candidate, Division, Preference, Share, preference, tie_break};

struct Entry<'a> {
    name: &'a str,
    current: i64,
    capacity: i64,
    weight: i64,
    min: i64,
    max: i64,
    plan: i64,
    /// Of the plan, what was given beforehand because it runs there already.
    preallocated: i64,
    overflow: i64,
    open: bool,
}

pub(super) fn divide(
    wishes: &BTreeMap<String, Preference>,
    rebalance: bool,
    total: i64,
    candidates: &[Candidate],
    key: &str,
) -> Division {
    let mut entries: Vec<Entry<'_>> = candidates
        .iter()
        .filter_map(|candidate| {
            let wish = preference(wishes, &candidate.name)?;
            Some(Entry {
                name: &candidate.name,
                current: candidate.current.max(0),
                capacity: candidate.capacity.map_or(i64::MAX, |capacity| capacity.max(0)),
                weight: wish.weight.max(0),
                min: wish.min_replicas.max(0),
                max: wish.max_replicas.map_or(i64::MAX, |max| max.max(0)),
                plan: 0,
                preallocated: 0,
                overflow: 0,
                open: true,
            })
        })
        .collect();
    entries.sort_by_cached_key(|entry| (Reverse(entry.weight), tie_break(entry.name, key), entry.name));

    let mut remaining = total;
    for entry in &mut entries {
        entry.plan = entry.min.min(remaining).min(entry.capacity);
        remaining -= entry.plan;
    }
    if !rebalance {
        for entry in entries.iter_mut().filter(|entry| entry.current > entry.plan) {
            let keeps = entry.current.min(entry.max).min(entry.capacity);
            let extra = (keeps - entry.plan).min(remaining).max(0);
            entry.plan += extra;
            entry.preallocated = extra;
            remaining -= extra;
        }
    }
    spread(&mut entries, &mut remaining);

    let mut shares: BTreeMap<String, Share> =
        candidates.iter().map(|candidate| (candidate.name.clone(), Share::default())).collect();
    for entry in &entries {
        let overflow = if rebalance { entry.overflow } else { entry.overflow.min(remaining) };
        shares.insert(entry.name.to_owned(), Share { replicas: entry.plan, overflow });
    }
    let unplaced = shares.values().fold(total, |rest, share| rest.saturating_sub(share.written())).max(0);
    Division { shares, unplaced, reason: String::new() }
}

fn spread(entries: &mut [Entry<'_>], remaining: &mut i64) {
    let mut changed = true;
    while changed && *remaining > 0 {
        changed = false;
        let distribute = i128::from(*remaining);
        let weights: i128 =
            entries.iter().filter(|entry| entry.open).map(|entry| i128::from(entry.weight)).sum();
        if weights == 0 {
            break;
        }
        for entry in entries.iter_mut().filter(|entry| entry.open) {
            let share = (distribute * i128::from(entry.weight) + weights - 1) / weights;
            // Never more than `remaining`, so it fits again.
            let mut extra = i64::try_from(share).unwrap_or(i64::MAX).min(*remaining);
            let used = extra.min(entry.preallocated);
            entry.preallocated -= used;
            extra -= used;
            changed |= used > 0;
            let start = entry.plan;
            let mut total = start.saturating_add(extra);
            if total > entry.max {
                total = entry.max;
                entry.open = false;
            }
            if total > entry.capacity {
                entry.overflow = total - entry.capacity;
                total = entry.capacity;
                entry.open = false;
            }
            changed |= total > start;
            *remaining -= total - start;
            entry.plan = total;
        }
    }
}
