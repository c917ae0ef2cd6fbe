//! Placement and patches.

use std::collections::BTreeSet;

use hanse_federation::{
    ClusterView,
    object::{Patch, PatchOp, Placement},
    overrides::apply_patch,
    placement::{Bounds, select},
    selector::{Operator, Requirement, Selector},
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn clusters() -> impl Strategy<Value = Vec<ClusterView>> {
    let labels = prop::collection::btree_map("[ab]", "[0-3]", 0..3);
    prop::collection::vec((labels, any::<bool>()), 1..6).prop_map(|all| {
        let view = |(index, (labels, ready))| ClusterView {
            name: format!("c{index}"),
            labels,
            ready,
            ..ClusterView::default()
        };
        all.into_iter().enumerate().map(view).collect()
    })
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let some = (
        "[ab]",
        prop_oneof![Just(Operator::In), Just(Operator::NotIn)],
        prop::collection::vec("[0-3]", 1..3),
    );
    let none = ("[ab]", prop_oneof![Just(Operator::Exists), Just(Operator::DoesNotExist)]);
    let number = ("[ab]", prop_oneof![Just(Operator::Gt), Just(Operator::Lt)], "[0-3]");
    prop_oneof![
        some.prop_map(|(key, operator, values)| Requirement { key, operator, values }),
        none.prop_map(|(key, operator)| Requirement { key, operator, values: Vec::new() }),
        number.prop_map(|(key, operator, value)| Requirement { key, operator, values: vec![value] }),
    ]
}

fn names(placement: &Placement, fleet: &[ClusterView], bounds: Bounds<'_>) -> BTreeSet<String> {
    select(placement, fleet, bounds)
        .into_iter()
        .filter(|choice| choice.selected)
        .map(|choice| choice.name)
        .collect()
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(|n| json!(n)),
        "[a-c]{0,3}".prop_map(|s| json!(s)),
        any::<bool>().prop_map(|b| json!(b))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::btree_map("[a-d]", inner.clone(), 0..4).prop_map(|map| json!(map)),
            prop::collection::vec(inner, 0..4).prop_map(|items| json!(items)),
        ]
    })
}

fn patch() -> impl Strategy<Value = Patch> {
    let op = prop_oneof![Just(PatchOp::Add), Just(PatchOp::Replace), Just(PatchOp::Remove)];
    (op, "(/([a-d]|[0-3]|-|-1)){1,3}", document()).prop_map(|(op, path, value)| Patch {
        op,
        path,
        value: Some(value).filter(|_| op != PatchOp::Remove),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn each_cluster_is_decided_by_itself(fleet in clusters(), all in prop::collection::vec(requirement(), 0..3)) {
        let placement = Placement { clusters: None, cluster_selector: Some(Selector { match_expressions: all, ..Selector::default() }) };
        let together = names(&placement, &fleet, Bounds::Unbounded);
        for cluster in &fleet {
            let alone = names(&placement, std::slice::from_ref(cluster), Bounds::Unbounded);
            prop_assert_eq!(alone.contains(&cluster.name), together.contains(&cluster.name));
        }
        for choice in select(&placement, &fleet, Bounds::Unbounded) {
            prop_assert!(!choice.why.is_empty());
        }
    }

    #[test]
    fn requirements_are_anded(fleet in clusters(), a in requirement(), b in requirement()) {
        let by = |all: Vec<Requirement>| Placement {
            clusters: None, cluster_selector: Some(Selector { match_expressions: all, ..Selector::default() }),
        };
        let both = names(&by(vec![a.clone(), b.clone()]), &fleet, Bounds::Unbounded);
        let (first, second) = (names(&by(vec![a]), &fleet, Bounds::Unbounded), names(&by(vec![b]), &fleet, Bounds::Unbounded));
        prop_assert_eq!(both, first.intersection(&second).cloned().collect::<BTreeSet<_>>());
    }

    #[test]
    fn nothing_is_placed_outside_the_project(fleet in clusters(), project in prop::collection::btree_set("c[0-5]", 0..4)) {
        let chosen = names(&Placement::everywhere(), &fleet, Bounds::Within(&project));
        prop_assert!(chosen.is_subset(&project));
        let named = Placement::named(fleet.iter().map(|cluster| cluster.name.clone()));
        prop_assert_eq!(names(&named, &fleet, Bounds::Within(&project)), chosen);
        prop_assert!(names(&named, &fleet, Bounds::NotFederated).is_empty());
    }

    #[test]
    fn a_patch_that_does_not_fit_changes_nothing(document in document(), patch in patch()) {
        let mut patched = document.clone();
        if apply_patch(&mut patched, &patch).is_err() {
            prop_assert_eq!(&patched, &document);
        } else if patch.op != PatchOp::Remove && !patch.path.ends_with("/-") {
            prop_assert_eq!(patched.pointer(&patch.path), patch.value.as_ref());
        }
    }

    #[test]
    fn replacing_twice_is_replacing_once(document in document(), patch in patch()) {
        let patch = Patch { op: PatchOp::Replace, value: Some(json!(1)), ..patch };
        let mut once = document;
        if apply_patch(&mut once, &patch).is_ok() {
            let mut twice = once.clone();
            prop_assert!(apply_patch(&mut twice, &patch).is_ok());
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn what_was_added_can_be_removed_again(document in document(), patch in patch()) {
        let add = Patch { op: PatchOp::Add, value: Some(json!("new")), ..patch };
        let mut patched = document.clone();
        let replaces = document.pointer(&add.path).is_some() && {
            let parent = add.path.rsplit_once('/').unwrap().0;
            document.pointer(parent).is_some_and(Value::is_object)
        };
        if !replaces && !add.path.ends_with("/-") && apply_patch(&mut patched, &add).is_ok() {
            let remove = Patch { op: PatchOp::Remove, value: None, path: add.path };
            prop_assert!(apply_patch(&mut patched, &remove).is_ok());
            prop_assert_eq!(patched, document);
        }
    }
}
