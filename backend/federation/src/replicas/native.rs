//! Dividing by room, over a topology, or in as few clusters as can be.
//!
//! A minimum is a floor and a maximum a ceiling in all of them; what has no room in a cluster does not go there. Where
//! there is a choice, it falls on clusters that hold replicas already, so that a small change moves few.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{
    Candidate, Division, Preference, tie_break,
    weighted::{Entry, apportion},
};
use crate::object::Spread;

/// The most that a cluster can take, by its maximum, its capacity and its room.
fn entry<'a>(
    candidate: &'a Candidate,
    wishes: &BTreeMap<String, Preference>,
    key: &str,
) -> Option<Entry<'a>> {
    let mut entry = Entry::of(candidate, wishes, key)?;
    entry.ceiling = entry.ceiling.min(candidate.room.map_or(i64::MAX, |room| room.max(0)));
    entry.floor = entry.floor.min(entry.ceiling);
    Some(entry)
}

pub(super) fn by_capacity(
    wishes: &BTreeMap<String, Preference>,
    total: i64,
    candidates: &[Candidate],
    key: &str,
) -> Division {
    let room = |candidate: &Candidate| candidate.room.or(candidate.capacity).map(|room| room.max(0));
    let known = candidates.iter().any(|candidate| room(candidate).is_some());
    let mut entries: Vec<Entry<'_>> = candidates
        .iter()
        .filter_map(|candidate| {
            let mut entry = entry(candidate, wishes, key)?;
            entry.weight = if known { room(candidate).unwrap_or(0) } else { 1 };
            Some(entry)
        })
        .collect();
    let placed = apportion(&mut entries, total);
    Division::of(candidates, entries.iter().map(|entry| (entry.name, entry.seats)), total - placed)
}

/// One of several, as a choice among them sees it.
struct Place {
    held: i64,
    floor: i64,
    ceiling: i64,
    hash: u32,
    at: usize,
}

fn greatest_first(ceilings: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut ceilings: Vec<i64> = ceilings.collect();
    ceilings.sort_unstable_by_key(|ceiling| Reverse(*ceiling));
    ceilings
}

fn sum(ceilings: &[i64], count: usize) -> i128 {
    ceilings.iter().take(count).map(|ceiling| i128::from(*ceiling)).sum()
}

/// Chooses `count` that together can take `total`, or as much of it as any `count` can; rather those that hold replicas
/// already, then those that can take most. Whoever has a floor comes first.
fn choose(mut places: Vec<Place>, count: usize, total: i64) -> Vec<usize> {
    places.sort_by_key(|one| {
        (Reverse(one.floor > 0), Reverse(one.held), Reverse(one.ceiling), one.hash, one.at)
    });
    let mut ceilings = greatest_first(places.iter().map(|one| one.ceiling));
    let reachable = sum(&ceilings, count).min(i128::from(total));
    let (mut chosen, mut taken) = (Vec::new(), 0_i128);
    while chosen.len() < count && !places.is_empty() {
        let left = count - chosen.len() - 1;
        let (best, next_best) = (sum(&ceilings, left), sum(&ceilings, left + 1));
        let least_of_best = left.checked_sub(1).and_then(|at| ceilings.get(at)).copied();
        let fits = |one: &Place| {
            let own = i128::from(one.ceiling);
            // The best of the others: without this one, if it is among them.
            let others =
                if least_of_best.is_some_and(|least| one.ceiling >= least) { next_best - own } else { best };
            one.floor > 0 || taken + own + others >= reachable
        };
        let one = places.remove(places.iter().position(fits).unwrap_or(0));
        if let Some(at) = ceilings.iter().position(|ceiling| *ceiling == one.ceiling) {
            ceilings.remove(at);
        }
        taken += i128::from(one.ceiling);
        chosen.push(one.at);
    }
    chosen
}

/// The fewest that can take `total`; all that can take anything when none of fewer can.
fn fewest(places: &[Place], total: i64) -> usize {
    let (must, may): (Vec<&Place>, Vec<&Place>) = places.iter().partition(|one| one.floor > 0);
    let rest = greatest_first(may.iter().map(|one| one.ceiling).filter(|ceiling| *ceiling > 0));
    let fixed: i128 = must.iter().map(|one| i128::from(one.ceiling)).sum();
    let enough = (0..rest.len()).find(|count| fixed + sum(&rest, *count) >= i128::from(total));
    must.len() + enough.unwrap_or(rest.len())
}

pub(super) fn pack(
    wishes: &BTreeMap<String, Preference>,
    total: i64,
    candidates: &[Candidate],
    key: &str,
) -> Division {
    let mut entries: Vec<(i64, Entry<'_>)> = candidates
        .iter()
        .filter_map(|candidate| Some((candidate.held.max(0), entry(candidate, wishes, key)?)))
        .collect();
    let places = |entries: &[(i64, Entry<'_>)]| -> Vec<Place> {
        let one = |(at, (held, entry)): (usize, &(i64, Entry<'_>))| Place {
            held: (*held).min(entry.ceiling),
            floor: entry.floor,
            ceiling: entry.ceiling,
            hash: entry.hash,
            at,
        };
        entries.iter().enumerate().map(one).collect()
    };
    entries.sort_by(|(_, a), (_, b)| (a.hash, a.name).cmp(&(b.hash, b.name)));
    let count = fewest(&places(&entries), total);
    let chosen = choose(places(&entries), count, total);
    let mut rest = total;
    // Floors, rather where something is already; then what is there already, then whatever fits, one after the other.
    let mut give = |to: fn(&(i64, Entry<'_>)) -> i64, entries: &mut [(i64, Entry<'_>)]| {
        for at in &chosen {
            if let Some(one) = entries.get_mut(*at) {
                let more = (to(one).min(one.1.ceiling) - one.1.seats).clamp(0, rest);
                one.1.seats += more;
                rest -= more;
            }
        }
    };
    give(|(held, entry)| entry.floor.min(*held), &mut entries);
    give(|(_, entry)| entry.floor, &mut entries);
    give(|(held, _)| *held, &mut entries);
    give(|(_, entry)| entry.ceiling, &mut entries);
    Division::of(candidates, entries.iter().map(|(_, entry)| (entry.name, entry.seats)), rest)
}

/// A group of clusters.
struct Group<'a> {
    name: &'a str,
    held: i64,
    members: Vec<Entry<'a>>,
}

impl Group<'_> {
    fn sum(&self, of: impl Fn(&Entry<'_>) -> i64) -> i64 {
        self.members.iter().map(of).fold(0, i64::saturating_add)
    }

    /// Without weight a cluster takes no more than its floor.
    fn ceiling(&self) -> i64 {
        self.sum(|entry| if entry.weight > 0 { entry.ceiling } else { entry.floor })
    }
}

pub(super) fn spread(
    rule: Spread,
    wishes: &BTreeMap<String, Preference>,
    total: i64,
    candidates: &[Candidate],
    key: &str,
) -> Division {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for candidate in candidates {
        let (Some(name), Some(entry)) = (candidate.group.as_deref(), entry(candidate, wishes, key)) else {
            continue;
        };
        let group = groups.entry(name).or_insert(Group { name, held: 0, members: Vec::new() });
        group.held = group.held.saturating_add(candidate.held.max(0));
        group.members.push(entry);
    }
    let mut groups: Vec<Group<'_>> = groups.into_values().collect();
    let there = i64::try_from(groups.len()).unwrap_or(i64::MAX);
    let most = rule.max_groups.map_or(there, |most| most.clamp(0, there));
    if most < there {
        let place = |(at, group): (usize, &Group<'_>)| Place {
            held: group.held.min(group.ceiling()),
            floor: group.sum(|entry| entry.floor),
            ceiling: group.ceiling(),
            hash: tie_break(group.name, key),
            at,
        };
        let places = groups.iter().enumerate().map(place).collect();
        let chosen = choose(places, usize::try_from(most).unwrap_or(0), total);
        let mut at = 0;
        groups.retain(|_| {
            at += 1;
            chosen.contains(&(at - 1))
        });
    }
    let mut whole: Vec<Entry<'_>> = groups
        .iter()
        .map(|group| Entry {
            name: group.name,
            hash: tie_break(group.name, key),
            weight: 1,
            floor: group.sum(|entry| entry.floor),
            ceiling: group.ceiling(),
            seats: 0,
        })
        .collect();
    let placed = apportion(&mut whole, total);
    let seats: BTreeMap<&str, i64> = whole.iter().map(|entry| (entry.name, entry.seats)).collect();
    for group in &mut groups {
        let seats = seats.get(group.name).copied().unwrap_or(0);
        apportion(&mut group.members, seats);
    }
    let members = groups.iter().flat_map(|group| &group.members);
    let mut division =
        Division::of(candidates, members.map(|entry| (entry.name, entry.seats)), total - placed);
    if let Some(least) = rule.min_groups.filter(|least| *least > there.min(most)) {
        let by = rule.by.as_str();
        division.reason = format!("wanted in at least {least} groups by {by}, there are {}", there.min(most));
    }
    let mut outside: Vec<&str> = candidates
        .iter()
        .filter(|candidate| candidate.group.is_none())
        .map(|candidate| candidate.name.as_str())
        .collect();
    outside.sort_unstable();
    if division.unplaced > 0 && !outside.is_empty() {
        let separator = if division.reason.is_empty() { "" } else { "; " };
        let by = rule.by.as_str();
        division.reason.push_str(&format!("{separator}without a {by}: {}", outside.join(", ")));
    }
    division
}
