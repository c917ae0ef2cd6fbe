//! Plans as a whole.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hanse_federation::{
    ClusterView, FederatedObject, FederatedSpec, kinds,
    object::{Placement, Preference, ReplicaMode, Replicas},
    observed::Observed,
    placement::Bounds,
    plan::{Action, LiveCopy, Options, Refusals, Situation, assign, plan, plan_cluster},
    retention::Form,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::owned::apply;

fn object(template: Value, weights: &[i64]) -> FederatedObject {
    let clusters = weights.iter().enumerate().map(|(index, weight)| {
        (format!("c{index}"), Preference { weight: *weight, ..Preference::default() })
    });
    let replicas = Replicas {
        mode: ReplicaMode::Divided,
        total: Some(11),
        clusters: clusters.collect(),
        ..Replicas::default()
    };
    FederatedObject {
        resource: kinds::built_in("Deployment", None).unwrap(),
        namespace: Some("ns".to_owned()),
        name: "web".to_owned(),
        labels: BTreeMap::new(),
        generation: 3,
        deleting: false,
        spec: FederatedSpec {
            template,
            placement: Placement::everywhere(),
            replicas: Some(replicas),
            ..FederatedSpec::default()
        },
    }
}

fn template() -> impl Strategy<Value = Value> {
    (prop::collection::btree_map("[a-c]{1,2}", "[x-z]{1,3}", 0..3), "[a-z]{1,8}").prop_map(|(labels, image)| {
        json!({
            "metadata": { "labels": labels },
            "spec": { "replicas": 1, "template": { "spec": { "containers": [{ "name": "app", "image": image }] } } },
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn what_was_done_needs_not_be_done_again(
        template in template(), weights in prop::collection::vec(1..5_i64, 1..4), apply_form in any::<bool>(),
    ) {
        let object = object(template, &weights);
        let fleet: Vec<ClusterView> = (0..weights.len()).map(|index| ClusterView::named(format!("c{index}"))).collect();
        let refusals = Refusals::default();
        let situation = Situation {
            fleet: &fleet, bounds: Bounds::Unbounded, tie_break_key: None, refusals: &refusals, now: DateTime::<Utc>::UNIX_EPOCH,
        };
        let form = if apply_form { Form::Apply } else { Form::Full };
        let options = Options { form, ..Options::default() };
        let first = plan(&object, &situation, &BTreeMap::new(), None, &options);
        prop_assert!(first.clusters.iter().all(|cluster| cluster.action == Action::Create));
        let sum: i64 = first.clusters.iter().map(|cluster| cluster.replicas.unwrap()).sum();
        prop_assert_eq!(sum, 11);

        let copies: BTreeMap<String, Value> = first.clusters.iter()
            .map(|cluster| (cluster.name.clone(), apply(cluster.manifest.as_ref().unwrap()))).collect();
        let live = copies.iter().map(|(name, copy)| (name.clone(), LiveCopy::whole(&object, copy, &options))).collect();
        let second = plan(&object, &situation, &live, None, &options);
        prop_assert!(second.clusters.iter().all(|cluster| cluster.action == Action::None), "{second:#?}");

        // The engine keeps only trimmed copies and looks at one cluster at a time: it decides the same.
        let trimmed: BTreeMap<String, Observed> = copies.iter()
            .map(|(name, copy)| (name.clone(), Observed::of(&object.resource, copy, "hanse", &[]))).collect();
        let kept: BTreeMap<String, LiveCopy<'_>> =
            trimmed.iter().map(|(name, copy)| (name.clone(), LiveCopy::trimmed(Some(copy)))).collect();
        let assignments = assign(&object, &situation, &kept);
        for (index, cluster) in fleet.iter().enumerate() {
            let one = plan_cluster(&object, cluster, &assignments.clusters[index], &kept[&cluster.name], &refusals, &options);
            prop_assert_eq!(&one, &second.clusters[index]);
        }
    }

    #[test]
    fn a_settled_copy_is_not_rendered_and_says_the_same(
        template in template(), weights in prop::collection::vec(1..5_i64, 1..4), divided in any::<bool>(), ready in 0..3_i64,
    ) {
        let mut object = object(template, &weights);
        if !divided {
            object.spec.replicas = None;
        }
        let fleet: Vec<ClusterView> = (0..weights.len()).map(|index| ClusterView::named(format!("c{index}"))).collect();
        let refusals = Refusals::default();
        let situation = Situation {
            fleet: &fleet, bounds: Bounds::Unbounded, tie_break_key: None, refusals: &refusals, now: DateTime::<Utc>::UNIX_EPOCH,
        };
        let options = Options { form: Form::Apply, ..Options::default() };
        let first = plan(&object, &situation, &BTreeMap::new(), None, &options);
        for (index, cluster) in fleet.iter().enumerate() {
            let mut copy = apply(first.clusters[index].manifest.as_ref().unwrap());
            copy["status"] = json!({ "readyReplicas": ready, "replicas": ready, "observedGeneration": 1 });
            let observed = Observed::of(&object.resource, &copy, "hanse", &[]);
            let kept = LiveCopy::trimmed(Some(&observed));
            let copies = BTreeMap::from([(cluster.name.clone(), kept.clone())]);
            let assignment = &assign(&object, &situation, &copies).clusters[index];
            let mut rendered = plan_cluster(&object, cluster, assignment, &kept, &refusals, &options);
            prop_assert_eq!(rendered.action, Action::None);
            prop_assert!(rendered.manifest.take().is_some());
            let settled = LiveCopy { settled: true, ..kept };
            prop_assert_eq!(plan_cluster(&object, cluster, assignment, &settled, &refusals, &options), rendered);
        }
    }

    #[test]
    fn a_change_reaches_only_the_clusters_whose_result_changes(template in template(), weights in prop::collection::vec(1..5_i64, 2..4)) {
        let mut object = object(template, &weights);
        let fleet: Vec<ClusterView> = (0..weights.len()).map(|index| ClusterView::named(format!("c{index}"))).collect();
        let refusals = Refusals::default();
        let situation = Situation {
            fleet: &fleet, bounds: Bounds::Unbounded, tie_break_key: None, refusals: &refusals, now: DateTime::<Utc>::UNIX_EPOCH,
        };
        let options = Options::default();
        let first = plan(&object, &situation, &BTreeMap::new(), None, &options);
        let copies: BTreeMap<String, Value> = first.clusters.iter()
            .map(|cluster| (cluster.name.clone(), apply(cluster.manifest.as_ref().unwrap()))).collect();
        object.spec.overrides = vec![serde_json::from_value(json!({ "clusters": ["c0"], "image": [{ "image": "NEW" }] })).unwrap()];
        let live = copies.iter().map(|(name, copy)| (name.clone(), LiveCopy::whole(&object, copy, &options))).collect();
        let second = plan(&object, &situation, &live, None, &options);
        for cluster in &second.clusters {
            let expected = if cluster.name == "c0" { Action::Update } else { Action::None };
            prop_assert_eq!(cluster.action, expected);
        }
    }
}
