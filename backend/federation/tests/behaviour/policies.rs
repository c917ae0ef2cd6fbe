//! Trying policies: what is accepted and probably not meant, several objects in one scenario, and replicas by room.

use serde_json::{Value, json};

use super::support::scenario;

fn federated(kind: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": format!("Federated{kind}"),
        "metadata": { "name": "web", "namespace": "ns" }, "spec": spec,
    })
}

fn preference(target: &str, spec: Value) -> Value {
    let mut preference = json!({
        "apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
        "metadata": { "name": "web", "namespace": "ns" }, "spec": spec,
    });
    preference["spec"]["targetKind"] = json!(format!("Federated{target}"));
    preference
}

fn plain(api_version: &str, kind: &str, name: &str) -> Value {
    json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name, "namespace": "ns" } })
}

fn fault(objects: Value) -> (String, String) {
    let document = json!({
        "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario",
        "spec": { "clusters": [{ "name": "a" }], "objects": objects },
    });
    let error = hanse_federation::simulate::Scenario::from_value(&document)
        .and_then(|scenario| hanse_federation::simulate::simulate(&scenario).map(|_| ()))
        .unwrap_err();
    (error.path, error.message)
}

#[test]
fn fields_that_nobody_reads_are_told() {
    let object = federated(
        "Deployment",
        json!({
            "template": { "spec": { "anything": 1 } },
            "placment": {},
            "placement": { "clusters": [{ "name": "a", "weight": 1 }], "clusterSelector": { "matchLables": {} } },
            "overrides": [{ "clusterName": "a", "clusterOverrides": [{ "path": "/spec/x", "value": 1, "from": "/y" }] }],
        }),
    );
    let wish = preference(
        "Deployment",
        json!({ "totalReplicas": 1, "rebalanced": true, "clusters": { "*": { "wieght": 1 } } }),
    );
    let mut map = plain("v1", "ConfigMap", "x");
    map["metadata"]["annotations"] = json!({ "hanse.io/placment": "{}", "hanse.io/policy": "{}" });
    let output = scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [object, wish, map] }));
    let paths = |at: usize| -> Vec<String> {
        output.objects[at].warnings.iter().map(|warning| warning.path.clone()).collect()
    };
    assert_eq!(
        paths(0),
        [
            "spec.objects[0].spec.overrides[0].clusterOverrides[0].from",
            "spec.objects[0].spec.placement.clusterSelector.matchLables",
            "spec.objects[0].spec.placement.clusters[0].weight",
            "spec.objects[0].spec.placment",
            "spec.objects[1].spec.clusters[*].wieght",
            "spec.objects[1].spec.rebalanced",
        ]
    );
    assert_eq!(paths(1), ["spec.objects[2].metadata.annotations[hanse.io/placment]"]);
}

#[test]
fn a_name_may_be_used_once_in_each_form() {
    let object = federated("Deployment", json!({ "placement": { "clusters": ["a"] } }));
    let wish = preference("Deployment", json!({ "totalReplicas": 3 }));
    let twin = plain("apps/v1", "Deployment", "web");
    let output = scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [twin, wish, object] }));
    assert_eq!(output.objects.len(), 1);
    assert_eq!(output.objects[0].clusters[0].replicas, 3);
    assert_eq!(output.objects[0].warnings[0].path, "spec.objects[2]");
    assert!(
        output.objects[0].warnings[0].message.contains("spec.objects[0] of the same name stays at the hub")
    );
    for (objects, path) in [
        (json!([object, object]), "spec.objects[1]"),
        (json!([wish, object, wish]), "spec.objects[2]"),
        (json!([wish, preference("ReplicaSet", json!({ "totalReplicas": 3 }))]), "spec.objects[1]"),
        (json!([twin, object, twin]), "spec.objects[2]"),
    ] {
        let (at, message) = fault(objects);
        assert_eq!(at, path);
        assert!(message.contains("is given by spec.objects[0] already"), "{message}");
    }
}

#[test]
fn a_preference_without_a_target_is_told() {
    let wish = preference("ReplicaSet", json!({ "totalReplicas": 3 }));
    let other = federated("Deployment", json!({ "placement": { "clusters": ["a"] } }));
    // A plain object is no target: its own annotation would decide.
    let output = scenario(
        &json!({ "clusters": [{ "name": "a" }], "objects": [wish, other, plain("apps/v1", "ReplicaSet", "web")] }),
    );
    assert_eq!(output.objects.len(), 2);
    assert_eq!(output.warnings[0].path, "spec.objects[0]");
    assert!(output.warnings[0].message.contains("no FederatedReplicaSet of this name"));
    assert!(output.to_table().contains("warning: spec.objects[0]"));
}

#[test]
fn a_list_is_its_items() {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [plain("v1", "ConfigMap", "x"), plain("v1", "Secret", "y")] });
    let output =
        scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [list, plain("v1", "ConfigMap", "z")] }));
    let keys: Vec<&str> = output.objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["configmaps/ns/x", "secrets/ns/y", "configmaps/ns/z"]);
    assert_eq!(
        fault(json!([{ "apiVersion": "v1", "kind": "List", "items": [7] }])).0,
        "spec.objects[0].items[0]"
    );
    assert_eq!(
        fault(json!([{ "apiVersion": "v1", "kind": "List", "items": [plain("v1", "ConfigMap", "")] }])).0,
        "spec.objects[0].items[0].metadata.name"
    );
}

#[test]
fn what_steers_federation_is_nothing_to_federate() {
    for (api_version, kind) in [
        ("core.kubefed.io/v1beta1", "KubeFedCluster"),
        ("core.kubefed.io/v1beta1", "FederatedTypeConfig"),
        ("types.kubefed.io/v1beta1", "Deployment"),
        ("scheduling.kubefed.io/v1alpha1", "JobSchedulingPreference"),
        ("simulate.hanse.io/v1alpha1", "Scenario"),
    ] {
        let (path, message) = fault(json!([plain(api_version, kind, "x")]));
        assert_eq!(path, "spec.objects[0].kind", "{kind}: {message}");
    }
    for (api_version, kind, field) in [
        ("a/b/c", "Thing", "apiVersion"),
        ("/v1", "Thing", "apiVersion"),
        ("Example.com/v1", "Thing", "apiVersion"),
        ("v1", "no kind", "kind"),
        ("v1", "9", "kind"),
    ] {
        assert_eq!(fault(json!([plain(api_version, kind, "x")])).0, format!("spec.objects[0].{field}"));
    }
    assert_eq!(fault(json!([{ "apiVersion": 1, "kind": "Pod" }])).1, "must be text");
}

#[test]
fn two_live_objects_of_one_name_are_refused() {
    let document = |second: Value| {
        json!({
            "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario",
            "spec": { "clusters": [{ "name": "a", "live": [plain("v1", "ConfigMap", "x"), second] }] },
        })
    };
    let read = |second| hanse_federation::simulate::Scenario::from_value(&document(second));
    assert_eq!(read(plain("v1", "ConfigMap", "x")).unwrap_err().path, "spec.clusters[0].live[1]");
    assert!(read(plain("v1", "Secret", "x")).is_ok());
}

#[test]
fn a_pod_counts_as_one_and_a_job_as_what_it_can_run_at_once() {
    let mut job = plain("batch/v1", "Job", "x");
    job["metadata"]["annotations"] = json!({ "hanse.io/replicas": r#"{"mode":"Duplicated"}"# });
    job["spec"] = json!({ "parallelism": 3, "completions": 2 });
    let output = scenario(
        &json!({ "clusters": [{ "name": "a" }], "objects": [plain("v1", "Pod", "x"), job, plain("v1", "Service", "x")] }),
    );
    let replicas: Vec<i64> = output.objects.iter().map(|object| object.clusters[0].replicas).collect();
    assert_eq!(replicas, [1, 2, 0]);
}

fn node(name: &str, cpu: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name }, "status": { "allocatable": { "cpu": cpu, "pods": "110" } } })
}

fn pod(name: &str, node: &str, cpu: &str, app: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": "ns", "labels": { "app": app } },
        "spec": { "nodeName": node, "containers": [{ "name": "c", "resources": { "requests": { "cpu": cpu } } }] },
        "status": { "phase": "Running" },
    })
}

fn divided(replicas: i64, rule: &str) -> Value {
    let mut object = plain("apps/v1", "Deployment", "web");
    object["metadata"]["annotations"] = json!({ "hanse.io/replicas": rule });
    object["spec"] = json!({
        "replicas": replicas, "selector": { "matchLabels": { "app": "web" } },
        "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "containers": [
            { "name": "c", "resources": { "requests": { "cpu": "500m" } } },
        ] } },
    });
    object
}

fn shares(spec: &Value) -> (Vec<i64>, i64, String) {
    let output = scenario(spec);
    let object = &output.objects[0];
    assert!(object.errors.is_empty(), "{:?}", object.errors);
    (
        object.clusters.iter().map(|cluster| cluster.replicas).collect(),
        object.unplaced,
        object.unplaced_reason.clone(),
    )
}

#[test]
fn replicas_go_where_nodes_have_room_beside_the_pods_of_others() {
    // a: 4 cpu, 1 used by another; its own pods do not count. b: 2 cpu. c: a node that is cordoned, one that is tainted.
    let mut cordoned = node("c1", "64");
    cordoned["spec"] = json!({ "unschedulable": true });
    let mut tainted = node("c2", "64");
    tainted["spec"] = json!({ "taints": [{ "key": "gpu", "effect": "NoSchedule" }] });
    let clusters = json!([
        { "name": "a", "live": [node("a1", "4"), pod("other", "a1", "1", "db"), pod("own", "a1", "500m", "web")] },
        { "name": "b", "live": [node("b1", "2")] },
        { "name": "c", "live": [cordoned, tainted] },
    ]);
    let by_capacity = r#"{"mode":"Divided","strategy":"ByCapacity"}"#;
    let spec = |replicas| json!({ "clusters": clusters, "objects": [divided(replicas, by_capacity)] });
    assert_eq!(shares(&spec(5)), (vec![3, 2, 0], 0, String::new()));
    let (placed, unplaced, reason) = shares(&spec(12));
    assert_eq!((placed, unplaced), (vec![6, 4, 0], 2));
    assert!(reason.starts_with("2 replicas fit nowhere, of 12"), "{reason}");
    let pack = r#"{"mode":"Divided","strategy":"Pack"}"#;
    let spec = |replicas| json!({ "clusters": clusters, "objects": [divided(replicas, pack)] });
    assert_eq!(shares(&spec(6)).0, [6, 0, 0]);
    assert_eq!(shares(&spec(7)).0, [6, 1, 0]);
}

#[test]
fn what_a_scenario_says_fits_is_room_too() {
    let key = "deployments.apps/ns/web";
    let clusters = json!([{ "name": "a", "capacity": { key: 9 } }, { "name": "b", "capacity": { key: 3 } }]);
    let by_capacity = r#"{"mode":"Divided","strategy":"ByCapacity"}"#;
    assert_eq!(shares(&json!({ "clusters": clusters, "objects": [divided(4, by_capacity)] })).0, [3, 1]);
    // Nothing is known: all count alike.
    let unknown = json!([{ "name": "a" }, { "name": "b" }]);
    assert_eq!(shares(&json!({ "clusters": unknown, "objects": [divided(4, by_capacity)] })).0, [2, 2]);
}

#[test]
fn replicas_are_spread_over_regions_by_label_or_fact() {
    let clusters = json!([
        { "name": "a", "labels": { "region": "eu" } }, { "name": "b", "facts": { "region": "eu" } },
        { "name": "c", "facts": { "region": ["us", "eu"] } }, { "name": "d" },
    ]);
    let rule =
        |spread: Value| json!({ "mode": "Divided", "strategy": "Spread", "spread": spread }).to_string();
    let spec = |spread| json!({ "clusters": clusters, "objects": [divided(8, &rule(spread))] });
    assert_eq!(shares(&spec(json!({}))), (vec![2, 2, 4, 0], 0, String::new()));
    let (placed, unplaced, reason) = shares(&spec(json!({ "by": "region", "minGroups": 3 })));
    assert_eq!((placed, unplaced), (vec![2, 2, 4, 0], 0));
    assert_eq!(reason, "wanted in at least 3 groups by region, there are 2");
    let (placed, ..) = shares(&spec(json!({ "maxGroups": 1 })));
    assert!(placed == [4, 4, 0, 0] || placed == [0, 0, 8, 0], "{placed:?}");
    let (placed, unplaced, reason) = shares(&spec(json!({ "by": "provider" })));
    assert_eq!((placed, unplaced), (vec![0; 4], 8));
    assert!(reason.ends_with("without a provider: a, b, c, d"), "{reason}");
}

#[test]
fn pods_that_could_not_be_scheduled_tell_what_fits() {
    let mut copy = divided(6, "{}");
    copy["metadata"]["labels"] = json!({ "kubefed.io/managed": "true" });
    copy["status"] = json!({ "readyReplicas": 4 });
    let mut stuck = pod("p", "", "500m", "web");
    stuck["status"] = json!({ "phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": "2026-01-01T00:00:00Z",
    }] });
    let mut object = divided(8, "{}");
    object["metadata"]["annotations"] = json!({ "federation.kubernetes.io/deployment-preferences": "{}" });
    let spec = |now: &str| json!({ "now": now, "clusters": [{ "name": "a", "live": [copy, stuck] }, { "name": "b" }], "objects": [object] });
    // 5 of 6 fit in a; what does not is asked for in b.
    assert_eq!(shares(&spec("2026-01-01T00:02:00Z")).0, [4, 4]);
    let mut greedy = object.clone();
    greedy["metadata"]["annotations"] = json!({
        "federation.kubernetes.io/deployment-preferences": r#"{"clusters":{"a":{"weight":9},"b":{"weight":1}}}"#,
    });
    let spec = |now: &str| json!({ "now": now, "clusters": [{ "name": "a", "live": [copy, stuck] }, { "name": "b" }], "objects": [greedy] });
    assert_eq!(shares(&spec("2026-01-01T00:02:00Z")).0, [5, 3]);
    // Not for long enough yet.
    assert_eq!(shares(&spec("2026-01-01T00:00:30Z")).0, [7, 1]);
}
