//! A federated Deployment and what one needs to plan it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hanse_federation::{
    ClusterPlan, ClusterView, FederatedObject, FederatedSpec, ObjectPlan, Resource, kinds,
    placement::Bounds,
    plan::{LiveCopy, Options, Refusals, Situation, plan},
    simulate::{Output, Scenario, simulate},
};
use serde_json::{Value, json};

pub fn kind(kind: &str) -> Resource {
    kinds::built_in(kind, None).unwrap()
}

pub fn cluster(name: &str, labels: &[(&str, &str)]) -> ClusterView {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    ClusterView { labels, ..ClusterView::named(name) }
}

pub fn object(of: &str, spec: &Value) -> FederatedObject {
    let resource = kind(of);
    FederatedObject {
        namespace: resource.namespaced.then(|| "ns".to_owned()),
        resource,
        name: "web".to_owned(),
        labels: BTreeMap::new(),
        generation: 1,
        deleting: false,
        spec: serde_json::from_value::<FederatedSpec>(spec.clone()).unwrap(),
    }
}

pub fn deployment() -> FederatedObject {
    object(
        "Deployment",
        &json!({
            "template": { "spec": { "replicas": 2, "template": { "spec": { "containers": [
                { "name": "app", "image": "registry.example.com:5000/team/app:1.0" },
                { "name": "side", "image": "side" },
            ] } } } },
            "placement": { "clusterSelector": {} },
        }),
    )
}

/// Plans over one ready cluster `c` with this copy.
pub fn plan_one(object: &FederatedObject, live: Option<&Value>) -> ClusterPlan {
    plan_in(object, &cluster("c", &[]), live)
}

pub fn plan_in(object: &FederatedObject, cluster: &ClusterView, live: Option<&Value>) -> ClusterPlan {
    let copies = live.map(|live| (cluster.name.clone(), LiveCopy::whole(object, live, &Options::default())));
    plan_all(object, std::slice::from_ref(cluster), &copies.into_iter().collect()).clusters.remove(0)
}

pub fn plan_all(
    object: &FederatedObject,
    fleet: &[ClusterView],
    live: &BTreeMap<String, LiveCopy<'_>>,
) -> ObjectPlan {
    let refusals = Refusals::default();
    let situation = Situation {
        fleet,
        bounds: Bounds::Unbounded,
        tie_break_key: None,
        refusals: &refusals,
        now: DateTime::<Utc>::UNIX_EPOCH,
    };
    plan(object, &situation, live, None, &Options::default())
}

/// A copy as it is after its manifest was applied by a member without field ownership.
pub fn copy_of(object: &FederatedObject) -> Value {
    plan_one(object, None).manifest.unwrap()
}

pub fn scenario(spec: &Value) -> Output {
    let document = json!({ "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario", "spec": spec });
    simulate(&Scenario::from_value(&document).unwrap()).unwrap()
}
