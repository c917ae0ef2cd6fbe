//! Reading, writing and checking the native model; selectors and placement.

use hanse_federation::{
    ClusterView, FederatedObject, FederatedSpec,
    fleet::Facts,
    object::{PatchOp, Placement, read},
    placement::{Bounds, select},
    selector::Selector,
    validate::{unmatched, validate},
};
use serde_json::{Value, json};

use super::support::{cluster, deployment, object};

#[test]
fn clusters_are_read_as_names_or_objects_and_written_as_names() {
    let placement: Placement = serde_json::from_value(json!({ "clusters": ["a", { "name": "b" }] })).unwrap();
    assert_eq!(placement, Placement::named(["a", "b"]));
    assert_eq!(serde_json::to_value(&placement).unwrap(), json!({ "clusters": ["a", "b"] }));
    assert_eq!(serde_json::from_value::<Placement>(json!({ "clusters": null })).unwrap().clusters, None);
}

#[test]
fn a_specification_survives_being_stored() {
    let spec = json!({
        "template": { "data": { "a": "b" } },
        "placement": { "clusterSelector": { "matchExpressions": [{ "key": "region", "operator": "In", "values": ["eu"] }] } },
        "overrides": [{ "clusters": ["a"], "patches": [{ "op": "replace", "path": "/data/a", "value": null }], "labels": { "x": null } }],
        "replicas": { "mode": "Divided", "total": 3, "strategy": "Weighted", "clusters": { "*": { "weight": 1, "minReplicas": 0 } } },
        "retainReplicas": true,
        "policy": {
            "conflict": "Fail", "deletion": "Orphan", "deleteOptions": { "propagationPolicy": "Foreground" },
            "drift": { "mode": "Report", "ignorePaths": ["/spec/x"] }, "dependencies": true,
        },
    });
    let read: FederatedSpec = serde_json::from_value(spec.clone()).unwrap();
    assert_eq!(read.overrides[0].patches[0].value, Some(Value::Null), "null is a value");
    assert_eq!(serde_json::to_value(&read).unwrap(), spec);
    let object = FederatedObject { spec: read, ..deployment() };
    let stored = serde_json::to_value(&object).unwrap();
    assert_eq!(stored["kind"], "Deployment");
    assert_eq!(serde_json::from_value::<FederatedObject>(stored).unwrap(), object);
}

#[test]
fn a_missing_operation_means_replace() {
    let rule = json!([{ "clusters": [], "patches": [{ "path": "/a", "value": 1 }, { "op": "", "path": "/a", "value": 1 }] }]);
    let rules: Vec<hanse_federation::object::Override> = serde_json::from_value(rule).unwrap();
    assert!(rules[0].patches.iter().all(|patch| patch.op == PatchOp::Replace));
}

#[test]
fn what_cannot_be_read_is_named_by_its_path() {
    let fault = |spec: Value| read::<FederatedSpec, _>("spec", &spec).unwrap_err();
    assert_eq!(fault(json!({ "template": {}, "placment": {} })).path, "spec.placment");
    assert_eq!(
        fault(json!({ "template": {}, "placement": { "clusters": [1] } })).path,
        "spec.placement.clusters[0]"
    );
    let deep = json!({ "template": {}, "overrides": [{ "clusters": [], "patches": [{ "op": "move", "path": "/a" }] }] });
    assert_eq!(fault(deep).path, "spec.overrides[0].patches[0].op");
    let strategy = fault(json!({ "template": {}, "replicas": { "strategy": "Magic" } }));
    assert_eq!(strategy.path, "spec.replicas.strategy");
    assert!(strategy.message.contains("Weighted"), "{strategy}");
}

#[test]
fn facts_are_selected_like_labels_and_labels_win() {
    let mut view = cluster("c", &[("provider", "mine")]);
    view.facts = Facts {
        regions: vec!["eu".to_owned(), "us".to_owned()],
        zones: vec![],
        provider: Some("aws".to_owned()),
        version: Some("v1.36.3".to_owned()),
    };
    let matches = |selector: Value| serde_json::from_value::<Selector>(selector).unwrap().matches(&view);
    assert!(matches(json!({ "matchLabels": { "region": "us" } })));
    assert!(matches(json!({ "matchLabels": { "provider": "mine", "version": "v1.36.3" } })));
    assert!(!matches(json!({ "matchLabels": { "provider": "aws" } })));
    let by = |key: &str, operator: &str, values: Value| {
        matches(json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }))
    };
    assert!(by("region", "In", json!(["eu"])));
    assert!(!by("region", "NotIn", json!(["eu", "asia"])), "one of its regions is excluded");
    assert!(by("zone", "NotIn", json!(["a"])));
    assert!(by("zone", "DoesNotExist", json!([])));
    assert!(by("region", "Exists", json!([])));
}

#[test]
fn comparisons_are_of_integers() {
    let view = cluster("c", &[("size", "15"), ("word", "x")]);
    let by = |key: &str, operator: &str, value: &str| {
        let selector =
            json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": [value] }] });
        serde_json::from_value::<Selector>(selector).unwrap().matches(&view)
    };
    assert!(by("size", "Gt", "14") && by("size", "Lt", "16") && !by("size", "Gt", "15"));
    assert!(!by("word", "Gt", "1") && !by("absent", "Lt", "1"));
}

fn whys(placement: &Placement, fleet: &[ClusterView]) -> Vec<(bool, String)> {
    select(placement, fleet, Bounds::Unbounded)
        .into_iter()
        .map(|choice| (choice.selected, choice.why))
        .collect()
}

#[test]
fn every_choice_says_why() {
    let fleet = [cluster("a", &[("region", "eu")]), cluster("b", &[("region", "us")]), cluster("c", &[])];
    let selector = json!({ "clusterSelector": { "matchLabels": { "region": "eu" } } });
    let by_label: Placement = serde_json::from_value(selector).unwrap();
    assert_eq!(
        whys(&by_label, &fleet),
        [
            (true, "matches placement.clusterSelector: region=eu".to_owned()),
            (false, "does not match placement.clusterSelector: region is us, wanted eu".to_owned()),
            (false, "does not match placement.clusterSelector: it has no region, wanted eu".to_owned()),
        ]
    );
    assert_eq!(whys(&Placement::named(["a"]), &fleet)[0].1, "named in placement.clusters");
    assert_eq!(whys(&Placement::named(["a"]), &fleet)[1].1, "not named in placement.clusters");
    assert!(
        whys(&Placement::default(), &fleet)
            .iter()
            .all(|(selected, why)| !selected && why.contains("nowhere"))
    );
    assert!(whys(&Placement::named::<String>([]), &fleet)[0].1.contains("nowhere"));
    let project = ["b".to_owned()].into();
    let bounded = select(&Placement::everywhere(), &fleet, Bounds::Within(&project));
    assert!(!bounded[0].selected && bounded[0].why.contains("project is not in this cluster"));
    assert!(bounded[1].selected);
}

#[test]
fn names_that_no_cluster_has_are_accepted_and_told() {
    let mut object = deployment();
    object.spec.placement = Placement::named(["a", "ghost"]);
    object.spec.overrides =
        serde_json::from_value(json!([{ "clusters": ["ghost"], "replicas": 1 }])).unwrap();
    let fleet = [cluster("a", &[])];
    assert_eq!(validate(&object, &fleet), vec![]);
    let paths: Vec<String> = unmatched(&object, &fleet).into_iter().map(|fault| fault.path).collect();
    assert_eq!(paths, ["spec.placement.clusters", "spec.overrides[0].clusters"]);
}

#[test]
fn mistakes_outside_overrides_are_found_at_submission() {
    let paths = |object: &FederatedObject| -> Vec<String> {
        validate(object, &[cluster("a", &[])]).into_iter().map(|fault| fault.path).collect()
    };
    let deployment_with = |field: &str, value: Value| {
        let mut spec = json!({ "template": { "spec": {} }, "placement": {} });
        spec[field] = value;
        object("Deployment", &spec)
    };
    assert_eq!(paths(&deployment_with("template", json!("text"))), ["spec.template"]);
    assert_eq!(paths(&deployment_with("template", json!({ "kind": "Job" }))), ["spec.template.kind"]);
    assert_eq!(
        paths(&deployment_with("template", json!({ "apiVersion": "batch/v1" }))),
        ["spec.template.apiVersion"]
    );
    assert_eq!(
        paths(&deployment_with("template", json!({ "apiVersion": "extensions/v1beta1" }))),
        Vec::<String>::new()
    );
    assert_eq!(
        paths(&deployment_with("template", json!({ "metadata": { "labels": { "a": 1 } } }))),
        ["spec.template.metadata.labels[a]"]
    );
    let divided = json!({ "mode": "Divided", "total": -1, "clusters": { "a": { "minReplicas": 5, "maxReplicas": 2 } } });
    assert_eq!(
        paths(&deployment_with("replicas", divided)),
        ["spec.replicas.total", "spec.replicas.clusters[a].maxReplicas"]
    );
    assert_eq!(paths(&deployment_with("replicas", json!({ "total": 3 }))), ["spec.replicas.total"]);
    assert_eq!(
        paths(&object(
            "ConfigMap",
            &json!({ "template": {}, "replicas": { "mode": "Divided" }, "retainReplicas": true })
        )),
        ["spec.replicas.mode", "spec.retainReplicas"]
    );
    let mut both = deployment_with("replicas", json!({ "mode": "Divided" }));
    both.spec.overrides = serde_json::from_value(json!([
        { "clusters": ["a"], "replicas": 1 },
        { "clusters": ["a"], "patches": [{ "path": "/spec/replicas", "value": 1 }] },
    ]))
    .unwrap();
    assert_eq!(paths(&both), ["spec.overrides[0].replicas", "spec.overrides[1].patches[0].path"]);
    let drift = json!({ "drift": { "ignorePaths": ["spec", "/spec", "/spec/replicas"] } });
    assert_eq!(
        paths(&deployment_with("policy", drift)),
        ["spec.policy.drift.ignorePaths[0]", "spec.policy.drift.ignorePaths[1]"]
    );
    let mut nameless = deployment();
    nameless.name = String::new();
    nameless.namespace = None;
    assert_eq!(paths(&nameless), ["name", "namespace"]);
}
