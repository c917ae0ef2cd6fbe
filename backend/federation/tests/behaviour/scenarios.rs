//! `hanse simulate`: reading scenarios, and its answers in every form.

use hanse_federation::simulate::{Scenario, simulate};
use serde_json::{Value, json};

use super::support::scenario;

fn fault(document: Value) -> (String, String) {
    let result = Scenario::from_value(&document).and_then(|scenario| simulate(&scenario).map(|_| ()));
    let error = result.unwrap_err();
    (error.path, error.message)
}

fn with_spec(spec: Value) -> Value {
    json!({ "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario", "spec": spec })
}

#[test]
fn bad_input_names_its_field() {
    assert_eq!(fault(json!([])).0, "");
    assert_eq!(fault(json!({})).0, "apiVersion");
    assert_eq!(fault(json!({ "apiVersion": "v1", "kind": "Scenario" })).0, "apiVersion");
    assert_eq!(fault(json!({ "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "List" })).0, "kind");
    assert_eq!(fault(json!({ "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario" })).0, "spec");
    for (spec, path) in [
        (json!({ "cluster": [] }), "spec.cluster"),
        (json!({ "clusters": {} }), "spec.clusters"),
        (json!({ "clusters": [{}] }), "spec.clusters[0].name"),
        (json!({ "clusters": [{ "name": "a" }, { "name": "a" }] }), "spec.clusters[1].name"),
        (json!({ "clusters": [{ "name": "a", "redy": true }] }), "spec.clusters[0].redy"),
        (json!({ "clusters": [{ "name": "a", "ready": "yes" }] }), "spec.clusters[0].ready"),
        (json!({ "clusters": [{ "name": "a", "labels": { "x": 1 } }] }), "spec.clusters[0].labels[x]"),
        (json!({ "clusters": [{ "name": "a", "capacity": { "x": "1" } }] }), "spec.clusters[0].capacity[x]"),
        (json!({ "clusters": [{ "name": "a", "live": [{}] }] }), "spec.clusters[0].live[0].kind"),
        (
            json!({ "clusters": [{ "name": "a", "live": [{ "kind": "Pod" }] }] }),
            "spec.clusters[0].live[0].metadata.name",
        ),
        (json!({ "objects": [7] }), "spec.objects[0]"),
        (json!({ "objects": [{}] }), "spec.objects[0].kind"),
        (json!({ "objects": [{ "kind": "Pod" }] }), "spec.objects[0].apiVersion"),
        (json!({ "objects": [{ "apiVersion": "v1", "kind": "Pod" }] }), "spec.objects[0].metadata"),
        (json!({ "now": "today" }), "spec.now"),
        (json!({ "tieBreakKey": 1 }), "spec.tieBreakKey"),
    ] {
        assert_eq!(fault(with_spec(spec.clone())).0, path, "{spec}");
    }
    let twice =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x", "namespace": "ns" } });
    let (path, message) = fault(with_spec(json!({ "objects": [twice, twice] })));
    assert_eq!(
        (path.as_str(), message.as_str()),
        ("spec.objects[1]", "configmaps/ns/x is given by spec.objects[0] already")
    );
}

#[test]
fn an_empty_scenario_has_an_empty_answer() {
    assert_eq!(scenario(&json!({})).to_json(), json!({ "objects": [] }));
}

fn web(image: &str) -> Value {
    json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment",
        "metadata": { "name": "web", "namespace": "ns", "generation": 2 },
        "spec": {
            "template": { "spec": { "replicas": 2, "template": { "spec": {
                "containers": [{ "name": "app", "image": image, "envFrom": [{ "secretRef": { "name": "s" } }] }],
            } } } },
            "placement": { "clusters": [{ "name": "A" }, { "name": "B" }, { "name": "ghost" }] },
        },
    })
}

fn two_clusters() -> Value {
    let spec = json!({ "replicas": 2, "template": { "spec": { "containers": [
        { "name": "app", "image": "app:1", "envFrom": [{ "secretRef": { "name": "s" } }], "imagePullPolicy": "Always" },
    ] } } });
    json!([
        { "name": "A", "live": [{
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "ns", "generation": 1, "labels": { "kubefed.io/managed": "true" } },
            "spec": spec,
            "status": { "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2 },
        }] },
        { "name": "B" },
        { "name": "C" },
    ])
}

#[test]
fn the_answer_has_the_documented_shape() {
    let output = scenario(&json!({ "clusters": two_clusters(), "objects": [web("app:1")] })).to_json();
    let object = &output["objects"][0];
    assert_eq!(object["key"], "deployments.apps/ns/web");
    assert_eq!(object["propagation"], json!({ "status": "True", "reason": "" }));
    assert_eq!(
        object["dependencies"],
        json!([{ "apiVersion": "v1", "kind": "Secret", "namespace": "ns", "name": "s" }])
    );
    let clusters = object["clusters"].as_array().unwrap();
    let summary: Vec<Value> = clusters
        .iter()
        .map(|c| {
            json!([
                c["name"],
                c["selected"],
                c["action"],
                c["status"],
                c["replicas"],
                c["overflow"],
                c["healthy"]
            ])
        })
        .collect();
    assert_eq!(
        json!(summary),
        json!([
            ["A", true, "None", "", 2, 0, true],
            ["B", true, "Create", "", 2, 0, false],
            ["C", false, "None", "", 0, 0, false],
        ])
    );
    assert_eq!(clusters[0]["why"], "named in placement.clusters");
    assert_eq!(clusters[0]["reflected"]["readyReplicas"], 2);
    assert_eq!(clusters[0]["reflected"]["resourceTemplateGeneration"], 2);
    assert_eq!(clusters[2]["manifest"], json!({}));
    assert_eq!(object["aggregated"]["phase"], "Progressing");
    assert_eq!(object["aggregated"]["status"]["readyReplicas"], 2);
    assert_eq!(object["warnings"][0]["message"], "no cluster is named \"ghost\": matches nothing");
}

#[test]
fn people_get_a_table_and_differences() {
    let mut clusters = two_clusters();
    clusters[2]["ready"] = json!(false);
    let mut object = web("app:2");
    object["spec"]["placement"] = json!({ "clusterSelector": {} });
    let output = scenario(&json!({ "clusters": clusters, "objects": [object] }));
    let table = output.to_table();
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("OBJECT") && lines[0].contains("ACTION"), "{table}");
    assert!(lines[1].contains("deployments.apps/ns/web") && lines[1].contains("Update"), "{table}");
    assert!(lines[2].contains("Create"), "{table}");
    assert!(
        lines[3].contains("Wait") && lines[3].contains("ClusterNotReady") && lines[3].contains("Unknown"),
        "{table}"
    );
    assert!(lines[4].contains("(all)") && lines[4].contains("CheckClusters"), "{table}");
    let diff = output.to_diff();
    assert!(diff.contains("Update deployments.apps/ns/web in A\n  /spec/template/spec/containers/0/image\n  - \"app:1\"\n  + \"app:2\"\n"), "{diff}");
    assert!(diff.contains("Create deployments.apps/ns/web in B\n  + {\n"), "{diff}");
    assert!(diff.contains("ClusterNotReady"), "{diff}");
}

#[test]
fn a_plain_namespace_is_a_project_where_its_selector_says() {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "ns", "annotations": {
            "federation.alpha.kubernetes.io/cluster-selector": r#"[{"key":"tier","operator":"=","values":["gold"]}]"#,
        } },
    });
    let map =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x", "namespace": "ns" } });
    let clusters = json!([{ "name": "a", "labels": { "tier": "gold" } }, { "name": "b" }]);
    let output = scenario(&json!({ "clusters": clusters, "objects": [map, namespace] }));
    assert_eq!(output.objects[1].key, "namespaces/ns");
    for object in &output.objects {
        let selected: Vec<bool> = object.clusters.iter().map(|cluster| cluster.selected).collect();
        assert_eq!(selected, [true, false], "{}", object.key);
    }
    assert!(output.objects[0].clusters[1].why.contains("project is not in this cluster"));
}

#[test]
fn a_federated_twin_governs_and_the_plain_object_is_the_hubs() {
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "x", "namespace": "ns" }, "data": { "a": "hub" } });
    let twin = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap", "metadata": { "name": "x", "namespace": "ns" },
        "spec": { "template": { "data": { "a": "member" } }, "placement": { "clusters": ["a"] } },
    });
    let output = scenario(&json!({ "clusters": [{ "name": "a" }], "objects": [map, twin] }));
    assert_eq!(output.objects.len(), 1);
    assert_eq!(output.objects[0].clusters[0].manifest["data"]["a"], "member");
}

#[test]
fn custom_kinds_are_known_by_their_template_or_by_what_lives() {
    let crd = |template: Value| {
        json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedPolicy", "metadata": { "name": "x", "namespace": "ns" },
            "spec": { "template": template, "placement": { "clusterSelector": {} } },
        })
    };
    let live = json!({ "apiVersion": "example.com/v1", "kind": "Policy", "metadata": { "name": "other" } });
    for (clusters, template) in [
        (json!([{ "name": "a" }]), json!({ "apiVersion": "example.com/v1" })),
        (json!([{ "name": "a", "live": [live] }]), json!({})),
    ] {
        let output = scenario(&json!({ "clusters": clusters, "objects": [crd(template)] }));
        assert_eq!(output.objects[0].key, "policies.example.com/ns/x");
        assert_eq!(output.objects[0].clusters[0].manifest["apiVersion"], "example.com/v1");
    }
}

#[test]
fn an_autoscaler_in_a_cluster_keeps_its_replicas_there() {
    let live = json!([
        {
            "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "replicas": 9 },
            "metadata": { "name": "web", "namespace": "ns", "labels": { "kubefed.io/managed": "true" } },
        },
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h", "namespace": "ns" },
            "spec": { "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" } },
        },
    ]);
    let mut object = web("app:1");
    object["spec"]["placement"] = json!({ "clusterSelector": {} });
    let output = scenario(
        &json!({ "clusters": [{ "name": "a", "live": live }, { "name": "b" }], "objects": [object] }),
    );
    let replicas: Vec<&Value> =
        output.objects[0].clusters.iter().map(|c| &c.manifest["spec"]["replicas"]).collect();
    assert_eq!(replicas, [&json!(9), &json!(2)]);
}

#[test]
fn what_fits_nowhere_is_told() {
    let plain = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "ns", "annotations": {
            "hanse.io/replicas": r#"{"mode":"Divided","clusters":{"*":{"weight":1,"maxReplicas":2}}}"#,
        } },
        "spec": { "replicas": 10 },
    });
    let output = scenario(&json!({ "clusters": [{ "name": "a" }, { "name": "b" }], "objects": [plain] }));
    assert_eq!(output.objects[0].unplaced, 6);
    assert!(output.to_table().contains("6 replicas fit nowhere, of 10"));
}

#[test]
fn deletion_is_simulated() {
    let mut object = web("app:1");
    object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let output = scenario(&json!({ "clusters": two_clusters(), "objects": [object] })).to_json();
    assert_eq!(output["objects"][0]["clusters"][0]["action"], "Delete");
    assert_eq!(output["objects"][0]["clusters"][1]["action"], "None");
}

#[test]
fn mistakes_inside_objects_are_part_of_the_answer_in_the_words_of_their_generation() {
    let errors = |object: Value| -> Vec<String> {
        let output =
            scenario(&json!({ "clusters": [{ "name": "A" }, { "name": "B" }], "objects": [object] }));
        output.objects[0].errors.iter().map(|fault| fault.path.clone()).collect()
    };
    let mut object = web("app:1");
    object["spec"]["overrides"] =
        json!([{ "clusterName": "A", "clusterOverrides": [{ "op": "remove", "path": "/spec/x" }] }]);
    assert_eq!(errors(object), ["spec.objects[0].spec.overrides[0].clusterOverrides[0].path"]);
    let plain = |annotation: &str, text: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "x", "namespace": "ns", "annotations": { annotation: text } },
        })
    };
    let overrides = r#"[{"clusters":["A"],"patches":[{"path":"/kind","value":"x"}]}]"#;
    assert_eq!(
        errors(plain("hanse.io/overrides", overrides)),
        ["spec.objects[0].metadata.annotations[hanse.io/overrides][0].patches[0].path"]
    );
    let selector = r#"{"clusterSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}}"#;
    assert_eq!(
        errors(plain("hanse.io/placement", selector)),
        [
            "spec.objects[0].metadata.annotations[hanse.io/placement].clusterSelector.matchExpressions[0].values"
        ]
    );
}

#[test]
fn a_federated_namespace_takes_its_labels_from_the_namespace() {
    let plain = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ns", "labels": { "team": "a" } }, "spec": { "finalizers": ["kubernetes"] } });
    let federated = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedNamespace", "metadata": { "name": "ns", "namespace": "ns" },
        "spec": { "placement": { "clusters": ["a"] } },
    });
    let output =
        scenario(&json!({ "clusters": [{ "name": "a" }, { "name": "b" }], "objects": [plain, federated] }));
    assert_eq!(output.objects.len(), 1);
    let clusters = &output.objects[0].clusters;
    assert_eq!(
        clusters[0].manifest["metadata"]["labels"],
        json!({ "team": "a", "kubefed.io/managed": "true" })
    );
    assert_eq!(clusters[0].manifest["spec"], json!({}));
    assert!(!clusters[1].selected);
}
