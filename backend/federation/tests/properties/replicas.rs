//! Dividing replicas.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use hanse_federation::{
    object::{Preference, ReplicaMode, Replicas, Strategy as Way},
    replicas::{Autoscaler, Candidate, Division, Limits, divide, divide_job, split_limits},
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Input {
    rule: Replicas,
    total: i64,
    candidates: Vec<Candidate>,
}

fn input(way: Way) -> impl Strategy<Value = Input> {
    let preference = (0..6_i64, 0..12_i64, prop::option::of(0..30_i64)).prop_map(|(weight, min, extra)| {
        Preference { weight, min_replicas: min, max_replicas: extra.map(|extra| min + extra) }
    });
    let candidate = (0..20_i64, prop::option::weighted(0.3, 0..20_i64));
    (
        prop::collection::vec((preference, candidate, prop::bool::weighted(0.8)), 1..7),
        0..120_i64,
        any::<bool>(),
    )
        .prop_map(move |(parties, total, rebalance)| {
            let mut clusters = BTreeMap::new();
            let mut candidates = Vec::new();
            for (index, (preference, (current, capacity), listed)) in parties.into_iter().enumerate() {
                let name = format!("cluster-{index}");
                if listed {
                    clusters.insert(name.clone(), preference);
                }
                candidates.push(Candidate { name, current, capacity, ..Candidate::default() });
            }
            let rule = Replicas {
                mode: ReplicaMode::Divided,
                strategy: way,
                rebalance,
                clusters,
                ..Replicas::default()
            };
            Input { rule, total, candidates }
        })
}

fn of<'a>(input: &'a Input, name: &str) -> Option<&'a Preference> {
    if input.rule.clusters.is_empty() {
        None
    } else {
        input.rule.clusters.get(name).or(input.rule.clusters.get("*"))
    }
}

/// The most that a cluster may get.
fn ceiling(input: &Input, candidate: &Candidate) -> i64 {
    let everyone = input.rule.clusters.is_empty();
    let Some(preference) = of(input, &candidate.name) else {
        return if everyone { candidate.capacity.unwrap_or(i64::MAX) } else { 0 };
    };
    preference.max_replicas.unwrap_or(i64::MAX).min(candidate.capacity.unwrap_or(i64::MAX))
}

fn weight(input: &Input, candidate: &Candidate) -> i64 {
    if input.rule.clusters.is_empty() { 1 } else { of(input, &candidate.name).map_or(0, |p| p.weight) }
}

fn floor(input: &Input, candidate: &Candidate) -> i64 {
    of(input, &candidate.name).map_or(0, |p| p.min_replicas).min(ceiling(input, candidate))
}

fn planned(division: &Division) -> i64 {
    division.shares.values().map(|share| share.replicas).sum()
}

fn solve(input: &Input) -> Division {
    divide(&input.rule, input.total, &input.candidates, "ns/web")
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 8192, failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn preferences_stay_within_bounds_and_place_all_that_weights_allow(input in input(Way::Preferences)) {
        let division = solve(&input);
        prop_assert!(planned(&division) <= input.total);
        for candidate in &input.candidates {
            let share = division.shares[&candidate.name];
            prop_assert!(share.replicas <= ceiling(&input, candidate), "{candidate:?} {share:?}");
            prop_assert!(share.overflow >= 0);
            prop_assert!(share.overflow == 0 || candidate.capacity.is_some());
        }
        let open = |c: &&Candidate| weight(&input, c) > 0;
        let room: i64 = input.candidates.iter().filter(open).map(|c| ceiling(&input, c)).fold(0, i64::saturating_add);
        if room >= input.total {
            prop_assert_eq!(planned(&division), input.total);
            prop_assert_eq!(division.unplaced, 0);
        }
        if !input.rule.rebalance {
            let written: i64 = division.shares.values().map(|share| share.written()).sum();
            prop_assert!(written + division.unplaced >= input.total);
        }
    }

    #[test]
    fn running_replicas_stay_unless_rebalancing(input in input(Way::Preferences)) {
        let input = Input { rule: Replicas { rebalance: false, ..input.rule.clone() }, total: input.total + 60, ..input };
        let division = solve(&input);
        let running: i64 = input.candidates.iter().map(|c| c.current.min(ceiling(&input, c))).sum();
        let minima: i64 = input.candidates.iter().map(|c| floor(&input, c)).sum();
        prop_assume!(running + minima <= input.total);
        for candidate in &input.candidates {
            let keeps = candidate.current.min(ceiling(&input, candidate));
            prop_assert!(division.shares[&candidate.name].replicas >= keeps);
        }
    }

    #[test]
    fn weighted_places_everything_feasible_between_real_floors_and_ceilings(input in input(Way::Weighted)) {
        let division = solve(&input);
        prop_assert_eq!(planned(&division) + division.unplaced, input.total);
        let floors: i64 = input.candidates.iter().map(|c| floor(&input, c)).sum();
        for candidate in &input.candidates {
            let share = division.shares[&candidate.name].replicas;
            prop_assert!(share <= ceiling(&input, candidate));
            if floors <= input.total {
                prop_assert!(share >= floor(&input, candidate));
            }
        }
        let room = input.candidates.iter().fold(0_i64, |sum, candidate| {
            let most = if weight(&input, candidate) > 0 { ceiling(&input, candidate) } else { floor(&input, candidate) };
            sum.saturating_add(most)
        });
        prop_assert_eq!(division.unplaced, (input.total - room).max(0));
    }

    #[test]
    fn weighted_is_what_giving_seat_after_seat_gives(input in input(Way::Weighted)) {
        let floors: i64 = input.candidates.iter().map(|c| floor(&input, c)).sum();
        prop_assume!(floors <= input.total);
        let division = solve(&input);
        // Of two clusters none has a better claim to the other's last seat above its floor.
        for (a, b) in input.candidates.iter().flat_map(|a| input.candidates.iter().map(move |b| (a, b))) {
            let (has, other) = (division.shares[&a.name].replicas, division.shares[&b.name].replicas);
            if has < ceiling(&input, a) && other > floor(&input, b) {
                let (mine, theirs) = (weight(&input, a) * (2 * other - 1), weight(&input, b) * (2 * has + 1));
                prop_assert!(mine <= theirs, "{a:?} has {has}, {b:?} has {other}");
            }
        }
    }

    #[test]
    fn one_replica_more_moves_none_when_weighted(input in input(Way::Weighted)) {
        let before = solve(&input);
        let after = divide(&input.rule, input.total + 1, &input.candidates, "ns/web");
        let floors: i64 = input.candidates.iter().map(|c| floor(&input, c)).sum();
        prop_assume!(floors <= input.total);
        for (name, share) in &before.shares {
            prop_assert!(after.shares[name].replicas >= share.replicas);
        }
    }

    #[test]
    fn without_a_cluster_the_others_only_gain_when_weighted(input in input(Way::Weighted)) {
        let floors: i64 = input.candidates.iter().map(|c| floor(&input, c)).sum();
        prop_assume!(floors <= input.total && input.candidates.len() > 1);
        let before = solve(&input);
        let rest: Vec<Candidate> = input.candidates[1..].to_vec();
        let after = divide(&input.rule, input.total, &rest, "ns/web");
        for candidate in &rest {
            prop_assert!(after.shares[&candidate.name].replicas >= before.shares[&candidate.name].replicas);
        }
    }

    #[test]
    fn the_order_of_clusters_does_not_matter(
        input in prop_oneof![input(Way::Weighted), input(Way::Preferences)], turn in 0..7_usize
    ) {
        let mut turned = input.clone();
        turned.candidates.reverse();
        let by = turn % turned.candidates.len();
        turned.candidates.rotate_left(by);
        prop_assert_eq!(solve(&input), solve(&turned));
    }

    #[test]
    fn completions_go_only_where_pods_run(
        way in prop_oneof![Just(Way::Weighted), Just(Way::Preferences)], parallelism in 0..20_i64, completions in 0..50_i64,
    ) {
        let rule = Replicas { mode: ReplicaMode::Divided, strategy: way, ..Replicas::default() };
        let clusters = ["a", "b", "c"].map(|name| Candidate { name: name.to_owned(), ..Candidate::default() });
        let (parallel, complete) = divide_job(&rule, parallelism, Some(completions), &clusters, "ns/job");
        let complete = complete.unwrap();
        for (name, share) in &complete.shares {
            prop_assert!(share.replicas == 0 || parallel.shares[name].replicas > 0);
        }
        if parallelism > 0 {
            prop_assert_eq!(planned(&complete), completions);
        }
    }

    #[test]
    fn limits_add_up_and_no_minimum_is_zero(
        min in 1..20_i64, more in 0..40_i64,
        local in prop::collection::vec(prop::option::of((0..8_i64, 0..12_i64, 0..15_i64, -1..2_i64, prop::option::of(0..300_i64))), 1..6),
    ) {
        let now = DateTime::<Utc>::UNIX_EPOCH + Duration::days(1);
        let wanted = Limits { min, max: min + more };
        let clusters: BTreeMap<String, Option<Autoscaler>> = local
            .iter()
            .enumerate()
            .map(|(index, local)| {
                let scaler = local.map(|(min, extra, current, step, ago)| Autoscaler {
                    limits: Limits { min, max: (min + extra).max(1) },
                    current,
                    desired: (current + step).max(0),
                    last_scale: ago.map(|seconds| now - Duration::seconds(seconds)),
                });
                (format!("c{index}"), scaler)
            })
            .collect();
        let split = split_limits(wanted, &clusters, now);
        prop_assert_eq!(split.values().map(|limits| limits.max).sum::<i64>(), wanted.max);
        prop_assert!(split.values().map(|limits| limits.min).sum::<i64>() >= wanted.min);
        prop_assert!(split.values().all(|limits| limits.min >= 1 && limits.min <= limits.max));
    }
}

#[test]
fn huge_totals_and_weights_are_divided_at_once() {
    let clusters = (0..50).map(|n| {
        let preference = Preference { weight: i64::MAX - n, min_replicas: 0, max_replicas: None };
        (format!("c{n}"), preference)
    });
    let rule = Replicas {
        mode: ReplicaMode::Divided,
        strategy: Way::Weighted,
        clusters: clusters.collect(),
        ..Replicas::default()
    };
    let candidates: Vec<Candidate> =
        (0..50).map(|n| Candidate { name: format!("c{n}"), ..Candidate::default() }).collect();
    for strategy in [Way::Weighted, Way::Preferences] {
        let rule = Replicas { strategy, ..rule.clone() };
        let division = divide(&rule, i64::from(i32::MAX), &candidates, "k");
        assert_eq!(planned(&division), i64::from(i32::MAX));
    }
    let far =
        Some(Autoscaler { limits: Limits { min: 1, max: i64::from(i32::MAX) }, ..Autoscaler::default() });
    let split = split_limits(Limits { min: 1, max: 3 }, &BTreeMap::from([("a".to_owned(), far)]), Utc::now());
    assert_eq!(split["a"], Limits { min: 1, max: 3 });
}
