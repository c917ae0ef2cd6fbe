//! Objects of both older generations.

use hanse_federation::{
    Action, FederatedObject,
    adapter::Parsed,
    kinds,
    object::{Conflict, Deletion, Placement, ReplicaMode, Strategy},
    v1, v2,
};
use serde_json::{Value, json};

use super::support::scenario;

fn plain(of: &str, annotations: Value, rest: Value) -> Parsed {
    let resource = kinds::built_in(of, None).unwrap();
    let mut object = json!({
        "apiVersion": resource.api_version(), "kind": of,
        "metadata": { "name": "x", "namespace": "ns", "annotations": annotations },
    });
    for (key, value) in rest.as_object().unwrap() {
        object[key] = value.clone();
    }
    v1::parse(&object, "", &resource).unwrap()
}

fn federated(of: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": format!("Federated{of}"),
        "metadata": { "name": "x", "namespace": "ns", "generation": 5 }, "spec": spec,
    })
}

fn parse(object: &Value) -> Parsed {
    v2::parse(object, "", &|kind, version| kinds::built_in(kind, version)).unwrap()
}

#[test]
fn a_plain_object_goes_everywhere_and_divides_replicas() {
    let parsed = plain("Deployment", json!({}), json!({ "spec": { "replicas": 5 } }));
    let spec = &parsed.object.spec;
    assert_eq!(spec.placement, Placement::everywhere());
    let replicas = spec.replicas.as_ref().unwrap();
    assert_eq!((replicas.mode, replicas.strategy), (ReplicaMode::Divided, Strategy::Preferences));
    assert!(plain("StatefulSet", json!({}), json!({})).object.spec.replicas.is_none());
    assert!(plain("ConfigMap", json!({}), json!({})).object.spec.replicas.is_none());
    assert_eq!(parsed.kept_at_hub, None);
}

#[test]
fn preferences_are_read_in_any_case() {
    let text = r#"{"Rebalance": true, "CLUSTERS": {"a": {"MinReplicas": 1, "maxReplicas": 4, "Weight": 2}}}"#;
    let parsed = plain("ReplicaSet", json!({ v1::annotation::REPLICA_SET: text }), json!({}));
    let replicas = parsed.object.spec.replicas.unwrap();
    assert!(replicas.rebalance);
    assert_eq!(
        (
            replicas.clusters["a"].weight,
            replicas.clusters["a"].min_replicas,
            replicas.clusters["a"].max_replicas
        ),
        (2, 1, Some(4))
    );
}

#[test]
fn malformed_annotations_are_refused_with_their_path() {
    for (name, text, below) in [
        (v1::annotation::DEPLOYMENT, "{", ""),
        (v1::annotation::DEPLOYMENT, r#"{"clusters":{"a":{"weigth":1}}}"#, ".clusters[a].weigth"),
        (v1::annotation::DEPLOYMENT, r#"{"clusters":{"a":{"weight":"1"}}}"#, ".clusters[a].weight"),
        (
            v1::annotation::CLUSTER_SELECTOR,
            r#"[{"key":"a","operator":"near","values":["x"]}]"#,
            "[0].operator",
        ),
        (v1::annotation::CLUSTER_SELECTOR, r#"[{"key":"a","operator":"in","values":[]}]"#, "[0].values"),
        (
            v1::annotation::CLUSTER_SELECTOR,
            r#"[{"key":"a","operator":"=","values":["x","y"]}]"#,
            "[0].values",
        ),
        (v1::annotation::CLUSTER_SELECTOR, r#"[{"operator":"in","values":["x"]}]"#, "[0].key"),
        (v1::annotation::PLACEMENT, r#"{"clusters":[1]}"#, ".clusters[0]"),
        (
            v1::annotation::OVERRIDES,
            r#"[{"clusters":["a"],"patches":[{"op":"copy","path":"/a"}]}]"#,
            "[0].patches[0].op",
        ),
        (v1::annotation::REPLICAS, r#"{"mode":"Split"}"#, ".mode"),
        (v1::annotation::POLICY, r#"{"drift":{"mode":"x"}}"#, ".drift.mode"),
    ] {
        let parsed = plain("Deployment", json!({ name: text }), json!({}));
        let fault = &parsed.refusals.errors[0];
        assert_eq!(fault.path, format!("metadata.annotations[{name}]{below}"), "{fault}");
        assert!(parsed.refusals.placement.is_some());
    }
}

#[test]
fn the_native_model_travels_in_annotations() {
    let parsed = plain(
        "Deployment",
        json!({
            "hanse.io/placement": r#"{"clusters":["a"]}"#,
            "hanse.io/overrides": r#"[{"clusters":["a"],"replicas":4}]"#,
            "hanse.io/replicas": r#"{"mode":"Duplicated"}"#,
            "hanse.io/policy": r#"{"conflict":"Fail"}"#,
            v1::annotation::CLUSTER_SELECTOR: r#"[{"key":"a","operator":"exists"}]"#,
        }),
        json!({}),
    );
    let spec = parsed.object.spec;
    assert_eq!(spec.placement, Placement::named(["a"]));
    assert_eq!(spec.overrides[0].replicas, Some(4));
    assert_eq!(spec.replicas.unwrap().mode, ReplicaMode::Duplicated);
    assert_eq!(spec.policy.conflict, Conflict::Fail);
    assert_eq!(parsed.refusals, Default::default());
}

#[test]
fn some_objects_stay_at_the_hub() {
    let stays = |parsed: Parsed| {
        parsed.kept_at_hub.is_some() && parsed.object.spec.placement == Placement::named::<String>([])
    };
    assert!(stays(plain("Secret", json!({}), json!({ "type": "helm.sh/release.v1" }))));
    assert!(stays(plain("Secret", json!({}), json!({ "type": "kubernetes.io/service-account-token" }))));
    assert!(stays(plain("Lease", json!({}), json!({}))));
    assert!(stays(plain("Event", json!({}), json!({}))));
    assert!(stays(plain("ConfigMap", json!({ "hanse.io/placement": "hub" }), json!({}))));
    assert!(!stays(plain("Secret", json!({}), json!({ "type": "Opaque" }))));
    let output = scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [{
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "kube-root-ca.crt", "namespace": "ns" },
    }] }));
    let cluster = &output.objects[0].clusters[0];
    assert!(!cluster.selected && cluster.why.starts_with("kept at the hub"), "{}", cluster.why);
}

#[test]
fn an_autoscalers_target_is_where_the_autoscalers_are() {
    for list in [r#"["a","b"]"#, r#"{"names":["a","b"]}"#, r#"{"Names":["a","b"]}"#] {
        let spec = plain("Deployment", json!({ v1::annotation::HPA_TARGETS: list }), json!({})).object.spec;
        assert_eq!(spec.placement, Placement::named(["a", "b"]));
        assert!(spec.retain_replicas && spec.replicas.is_none());
    }
}

#[test]
fn a_federated_kind_keeps_its_meaning() {
    let mut object = federated(
        "Deployment",
        json!({
            "template": { "spec": { "replicas": 1 } },
            "placement": { "clusters": [{ "name": "a" }], "clusterSelector": {} },
            "overrides": [{ "clusterName": "a", "clusterOverrides": [{ "path": "/spec/replicas", "value": 3 }] }],
            "retainReplicas": true,
        }),
    );
    object["metadata"]["annotations"] = json!({ "kubefed.io/orphan": "true" });
    let parsed = parse(&object);
    let FederatedObject { spec, generation, resource, .. } = parsed.object;
    assert_eq!((generation, resource.type_name().as_str()), (5, "deployments.apps"));
    assert_eq!(spec.placement.clusters, Some(vec!["a".to_owned()]));
    assert_eq!(spec.overrides[0].clusters, Some(vec!["a".to_owned()]));
    assert!(spec.retain_replicas);
    assert_eq!(spec.policy.deletion, Deletion::Orphan);
    assert_eq!(parsed.refusals, Default::default());
}

#[test]
fn what_kubefed_reported_late_is_found_with_its_path() {
    let errors = |spec: Value| -> Vec<String> {
        parse(&federated("ConfigMap", spec))
            .refusals
            .errors
            .into_iter()
            .map(|fault| fault.to_string())
            .collect()
    };
    let twice = errors(json!({ "overrides": [{ "clusterName": "a" }, { "clusterName": "a" }] }));
    assert_eq!(twice, ["spec.overrides[1].clusterName: cluster \"a\" appears more than once"]);
    let patches = json!([{ "path": "/data/a", "value": 1 }, { "path": "/data/a", "value": 2 }, { "path": "data", "value": 1 }]);
    let found = errors(json!({ "overrides": [{ "clusterName": "a", "clusterOverrides": patches }] }));
    assert_eq!(
        found[0],
        "spec.overrides[0].clusterOverrides[1].path: path \"/data/a\" appears more than once for cluster \"a\""
    );
    assert!(
        found[1].starts_with("spec.overrides[0].clusterOverrides[2].path: \"data\" is not a JSON pointer")
    );
    let hidden = errors(
        json!({ "placement": { "clusters": [], "clusterSelector": { "matchExpressions": [{ "key": "a", "operator": "Gt", "values": ["1"] }] } } }),
    );
    assert!(hidden[0].contains("not a valid operator"));
}

#[test]
fn fields_of_the_wrong_type_cannot_be_read() {
    let fault = |spec: Value| {
        let error = v2::parse(&federated("ConfigMap", spec), "spec.objects[3]", &|kind, version| {
            kinds::built_in(kind, version)
        });
        error.unwrap_err().path
    };
    assert_eq!(fault(json!([])), "spec.objects[3].spec");
    assert_eq!(fault(json!({ "template": 1 })), "spec.objects[3].spec.template");
    assert_eq!(
        fault(json!({ "placement": { "clusters": [{}] } })),
        "spec.objects[3].spec.placement.clusters[0].name"
    );
    assert_eq!(fault(json!({ "overrides": [{}] })), "spec.objects[3].spec.overrides[0].clusterName");
    let patch = |patch: Value| json!({ "overrides": [{ "clusterName": "a", "clusterOverrides": [patch] }] });
    assert_eq!(
        fault(patch(json!({ "value": 1 }))),
        "spec.objects[3].spec.overrides[0].clusterOverrides[0].path"
    );
    assert_eq!(
        fault(patch(json!({ "op": "move", "path": "/a" }))),
        "spec.objects[3].spec.overrides[0].clusterOverrides[0].op"
    );
    let unknown =
        v2::parse(&federated("Gadget", json!({})), "", &|kind, version| kinds::built_in(kind, version));
    assert!(unknown.unwrap_err().message.contains("Gadget"));
}

fn preference(spec: Value) -> Value {
    json!({
        "apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
        "metadata": { "name": "x", "namespace": "ns" }, "spec": spec,
    })
}

#[test]
fn a_preference_needs_a_target_a_total_and_sane_bounds() {
    let fault = |spec: Value| v2::SchedulingPreference::parse(&preference(spec), "").unwrap_err().path;
    assert_eq!(fault(json!({})), "spec.targetKind");
    assert_eq!(fault(json!({ "targetKind": "FederatedJob" })), "spec.targetKind");
    assert_eq!(fault(json!({ "targetKind": "FederatedDeployment" })), "spec.totalReplicas");
    assert_eq!(
        fault(json!({ "targetKind": "FederatedDeployment", "totalReplicas": -1 })),
        "spec.totalReplicas"
    );
    let clusters = json!({ "a": { "minReplicas": 3, "maxReplicas": 1 } });
    assert_eq!(
        fault(json!({ "targetKind": "FederatedDeployment", "totalReplicas": 1, "clusters": clusters })),
        "spec.clusters[a].maxReplicas"
    );
}

fn replicas(clusters: Value, objects: Value) -> Vec<(bool, i64, Action)> {
    let output = scenario(&json!({ "clusters": clusters, "objects": objects }));
    output.objects[0].clusters.iter().map(|c| (c.selected, c.replicas, c.action)).collect()
}

#[test]
fn a_preference_takes_the_placement_over() {
    let target = federated(
        "Deployment",
        json!({ "template": { "spec": { "replicas": 1 } }, "placement": { "clusters": ["a"] } }),
    );
    let spread = preference(json!({ "targetKind": "FederatedDeployment", "totalReplicas": 4 }));
    let clusters = json!([{ "name": "a" }, { "name": "b" }, { "name": "down", "ready": false }]);
    assert_eq!(
        replicas(clusters, json!([target, spread])),
        [(true, 2, Action::Create), (true, 2, Action::Create), (true, 0, Action::Wait)]
    );
}

#[test]
fn a_preference_stays_within_the_namespace() {
    let target = federated("Deployment", json!({ "template": { "spec": {} } }));
    let namespace = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedNamespace",
        "metadata": { "name": "ns", "namespace": "ns" }, "spec": { "placement": { "clusters": [{ "name": "b" }] } },
    });
    let spread = preference(json!({ "targetKind": "FederatedDeployment", "totalReplicas": 4 }));
    assert_eq!(
        replicas(json!([{ "name": "a" }, { "name": "b" }]), json!([target, namespace, spread])),
        [(false, 0, Action::None), (true, 4, Action::Create)]
    );
}

#[test]
fn a_preference_with_an_empty_result_places_nowhere_and_says_so() {
    let target =
        federated("Deployment", json!({ "template": { "spec": {} }, "placement": { "clusters": ["a"] } }));
    let spread = preference(
        json!({ "targetKind": "FederatedDeployment", "totalReplicas": 4, "intersectWithClusterSelector": true }),
    );
    let output = scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [target, spread] }));
    let cluster = &output.objects[0].clusters[0];
    assert!(!cluster.selected && cluster.why.contains("nowhere"), "{}", cluster.why);
}

#[test]
fn an_override_of_the_replicas_yields_to_the_preference() {
    let target = federated(
        "Deployment",
        json!({
            "template": { "spec": {} }, "placement": {},
            "overrides": [{ "clusterName": "a", "clusterOverrides": [{ "path": "/spec/replicas", "value": 99 }] }],
        }),
    );
    let spread = preference(json!({ "targetKind": "FederatedDeployment", "totalReplicas": 4 }));
    let output = scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [target, spread] }));
    assert_eq!(output.objects[0].clusters[0].manifest["spec"]["replicas"], 4);
    assert_eq!(output.objects[0].errors, vec![], "each of the two may be submitted");
}

#[test]
fn replicas_of_a_retaining_target_stay_the_members() {
    let target = federated(
        "Deployment",
        json!({ "template": { "spec": { "replicas": 1 } }, "placement": { "clusterSelector": {} }, "retainReplicas": true }),
    );
    let live = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "x", "namespace": "ns", "labels": { "kubefed.io/managed": "true" } }, "spec": { "replicas": 8 },
    });
    let output = scenario(&json!({ "clusters": [{ "name": "a", "live": [live] }], "objects": [target] }));
    let cluster = &output.objects[0].clusters[0];
    assert_eq!((&cluster.manifest["spec"]["replicas"], cluster.action), (&json!(8), Action::None));
}
