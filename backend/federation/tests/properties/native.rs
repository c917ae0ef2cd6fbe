//! Dividing by room, over a topology and in few clusters.

use std::collections::BTreeMap;

use hanse_federation::{
    object::{Preference, ReplicaMode, Replicas, Spread, Strategy as Way},
    replicas::{Candidate, Division, divide},
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Input {
    rule: Replicas,
    total: i64,
    candidates: Vec<Candidate>,
}

fn input(way: Way) -> impl Strategy<Value = Input> {
    let preference =
        (0..4_i64, 0..4_i64, prop::option::weighted(0.3, 0..12_i64)).prop_map(|(weight, min, extra)| {
            Preference { weight, min_replicas: min, max_replicas: extra.map(|extra| min + extra) }
        });
    let candidate = (0..10_i64, prop::option::weighted(0.8, 0..25_i64), 0..4_usize);
    (
        prop::collection::vec((preference, candidate), 1..8),
        0..80_i64,
        prop::option::of(1..4_i64),
        any::<bool>(),
    )
        .prop_map(move |(parties, total, max_groups, named)| {
            let mut clusters = BTreeMap::new();
            let mut candidates = Vec::new();
            for (index, (preference, (held, room, group))) in parties.into_iter().enumerate() {
                let name = format!("cluster-{index}");
                if named {
                    clusters.insert(name.clone(), preference);
                }
                let group = ["eu", "us", "asia"].get(group).map(|group| (*group).to_owned());
                candidates.push(Candidate { name, held, room, group, ..Candidate::default() });
            }
            let spread = (way == Way::Spread).then(|| Spread { max_groups, ..Spread::default() });
            let rule = Replicas {
                mode: ReplicaMode::Divided,
                strategy: way,
                spread,
                clusters,
                ..Replicas::default()
            };
            Input { rule, total, candidates }
        })
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![input(Way::ByCapacity), input(Way::Spread), input(Way::Pack)]
}

fn solve(input: &Input) -> Division {
    divide(&input.rule, input.total, &input.candidates, "ns/web")
}

fn planned(division: &Division) -> i64 {
    division.shares.values().map(|share| share.replicas).sum()
}

fn wish(input: &Input, name: &str) -> Preference {
    let everyone = Preference { weight: 1, ..Preference::default() };
    if input.rule.clusters.is_empty() { everyone } else { input.rule.clusters[name] }
}

fn ceiling(input: &Input, one: &Candidate) -> i64 {
    wish(input, &one.name).max_replicas.unwrap_or(i64::MAX).min(one.room.unwrap_or(i64::MAX))
}

fn floor(input: &Input, one: &Candidate) -> i64 {
    wish(input, &one.name).min_replicas.min(ceiling(input, one))
}

fn used(division: &Division) -> usize {
    division.shares.values().filter(|share| share.replicas > 0).count()
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 8192, failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn everything_is_placed_or_told_and_nothing_is_beyond_its_bounds(input in any_input()) {
        let division = solve(&input);
        prop_assert_eq!(planned(&division) + division.unplaced, input.total);
        prop_assert_eq!(division.unplaced > 0, !division.reason.is_empty());
        for one in &input.candidates {
            let share = division.shares[&one.name];
            prop_assert!(share.replicas <= ceiling(&input, one) && share.overflow == 0);
        }
    }

    #[test]
    fn the_order_of_clusters_does_not_matter(input in any_input(), turn in 0..8_usize) {
        let mut turned = input.clone();
        turned.candidates.reverse();
        let by = turn % turned.candidates.len();
        turned.candidates.rotate_left(by);
        prop_assert_eq!(solve(&input), solve(&turned));
    }

    #[test]
    fn a_minimum_is_a_floor(input in any_input()) {
        let floors: i64 = input.candidates.iter().map(|one| floor(&input, one)).sum();
        prop_assume!(floors <= input.total && input.rule.strategy != Way::Spread);
        let division = solve(&input);
        for one in &input.candidates {
            prop_assert!(division.shares[&one.name].replicas >= floor(&input, one), "{one:?}");
        }
    }

    #[test]
    fn shares_follow_the_room(input in input(Way::ByCapacity)) {
        let input = Input { rule: Replicas { clusters: BTreeMap::new(), ..input.rule.clone() }, ..input };
        let room = |one: &Candidate| one.room.unwrap_or(0);
        prop_assume!(input.candidates.iter().any(|one| one.room.is_some()));
        let division = solve(&input);
        let all: i64 = input.candidates.iter().map(room).sum();
        prop_assert_eq!(planned(&division), input.total.min(all));
        for (a, b) in input.candidates.iter().flat_map(|a| input.candidates.iter().map(move |b| (a, b))) {
            if room(a) > room(b) {
                prop_assert!(division.shares[&a.name].replicas >= division.shares[&b.name].replicas);
            }
        }
    }

    #[test]
    fn no_fewer_clusters_could_hold_what_is_packed(input in input(Way::Pack)) {
        let input = Input { rule: Replicas { clusters: BTreeMap::new(), ..input.rule.clone() }, ..input };
        let division = solve(&input);
        let mut ceilings: Vec<i64> = input.candidates.iter().map(|one| ceiling(&input, one)).collect();
        ceilings.sort_unstable_by_key(|ceiling| std::cmp::Reverse(*ceiling));
        let fewer = ceilings.iter().take(used(&division).saturating_sub(1)).fold(0, |a: i64, b| a.saturating_add(*b));
        prop_assert!(used(&division) == 0 || fewer < planned(&division), "{:?}", division);
    }

    #[test]
    fn what_was_divided_is_not_moved_when_it_is_divided_again(input in any_input()) {
        let first = solve(&input);
        let mut again = input.clone();
        for one in &mut again.candidates {
            one.held = first.shares[&one.name].replicas;
        }
        let second = solve(&again);
        let mut third = again.clone();
        for one in &mut third.candidates {
            one.held = second.shares[&one.name].replicas;
        }
        prop_assert_eq!(&second.shares, &solve(&third).shares);
        if input.rule.strategy == Way::Pack {
            prop_assert_eq!(&first.shares, &second.shares);
        }
    }

    #[test]
    fn one_replica_more_moves_none_that_is_packed_where_it_fits(input in input(Way::Pack)) {
        let first = solve(&input);
        let mut more = input.clone();
        more.total += 1;
        for one in &mut more.candidates {
            one.held = first.shares[&one.name].replicas;
        }
        let second = solve(&more);
        let fits = input.candidates.iter().any(|one| {
            let seats = first.shares[&one.name].replicas;
            seats > 0 && seats < ceiling(&input, one)
        });
        prop_assume!(fits);
        for one in &input.candidates {
            prop_assert!(second.shares[&one.name].replicas >= first.shares[&one.name].replicas, "{first:?} {second:?}");
        }
    }

    #[test]
    fn groups_get_the_same_within_their_bounds_and_no_more_are_used_than_wanted(input in input(Way::Spread)) {
        let input = Input { rule: Replicas { clusters: BTreeMap::new(), ..input.rule.clone() }, ..input };
        let division = solve(&input);
        let mut groups: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
        for one in &input.candidates {
            let share = division.shares[&one.name].replicas;
            let Some(group) = one.group.as_deref() else {
                prop_assert_eq!(share, 0);
                continue;
            };
            let sums = groups.entry(group).or_default();
            sums.0 += share;
            sums.1 = sums.1.saturating_add(ceiling(&input, one));
        }
        let used: Vec<&(i64, i64)> = groups.values().filter(|(seats, _)| *seats > 0).collect();
        let most = input.rule.spread.and_then(|spread| spread.max_groups).unwrap_or(i64::MAX);
        prop_assert!(i64::try_from(used.len()).unwrap() <= most);
        // Nobody lacks what another has, but for its own bound.
        for (seats, ceiling) in &used {
            for (other, _) in &used {
                prop_assert!(seats + 1 >= *other || seats == ceiling, "{groups:?}");
            }
        }
    }
}
