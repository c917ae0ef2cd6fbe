//! Ownership on an object as a real apiserver shows it.

use hanse_federation::{
    diff,
    owned::{drifted_fields, forgotten_fields, is_in_force, manifest_hash, owned_hash},
};
use serde_json::{Value, json};

fn manifest() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "ns", "labels": { "kubefed.io/managed": "true", "app": "web" } },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{
                    "name": "app", "image": "app:1", "args": ["--a", "--b"],
                    "ports": [{ "containerPort": 8080 }],
                    "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "" }],
                    "resources": { "limits": { "cpu": "1000m", "memory": "1024Mi" } },
                }] },
            },
        },
    })
}

/// As an apiserver answers: defaults filled in, quantities in their canonical form, an injected container.
fn live() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "ns", "uid": "0d2a", "resourceVersion": "815", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": { "kubefed.io/managed": "true", "app": "web" },
            "annotations": { "deployment.kubernetes.io/revision": "1" },
            "managedFields": [
                { "manager": "hanse", "operation": "Apply", "apiVersion": "apps/v1", "time": "2026-01-01T00:00:00Z",
                  "fieldsType": "FieldsV1", "fieldsV1": {
                    "f:metadata": { "f:labels": { "f:app": {}, "f:kubefed.io/managed": {} } },
                    "f:spec": {
                        "f:replicas": {}, "f:selector": {},
                        "f:template": {
                            "f:metadata": { "f:labels": { "f:app": {} } },
                            "f:spec": { "f:containers": { "k:{\"name\":\"app\"}": {
                                ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                                "f:ports": { "k:{\"containerPort\":8080,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
                                "f:env": {
                                    "k:{\"name\":\"A\"}": { ".": {}, "f:name": {}, "f:value": {} },
                                    "k:{\"name\":\"B\"}": { ".": {}, "f:name": {}, "f:value": {} },
                                },
                                "f:resources": { "f:limits": { "f:cpu": {}, "f:memory": {} } },
                            } } },
                        },
                    },
                } },
                { "manager": "injector", "operation": "Update", "apiVersion": "apps/v1", "time": "2026-01-01T00:00:01Z",
                  "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:template": { "f:spec": { "f:containers": {
                    "k:{\"name\":\"proxy\"}": { ".": {}, "f:name": {}, "f:image": {} },
                } } } } } },
                { "manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1",
                  "time": "2026-01-01T00:00:05Z", "subresource": "status",
                  "fieldsType": "FieldsV1", "fieldsV1": { "f:status": { "f:replicas": {} } } },
            ],
        },
        "spec": {
            "replicas": 2, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
            "selector": { "matchLabels": { "app": "web" } },
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": {
                    "containers": [
                        { "name": "proxy", "image": "proxy:1" },
                        {
                            "name": "app", "image": "app:1", "args": ["--a", "--b"], "imagePullPolicy": "IfNotPresent",
                            "ports": [{ "containerPort": 8080, "protocol": "TCP" }],
                            "env": [{ "name": "A", "value": "1" }, { "name": "B" }],
                            "resources": { "limits": { "cpu": "1", "memory": "1Gi" } },
                            "terminationMessagePath": "/dev/termination-log",
                        },
                    ],
                    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
                },
            },
        },
        "status": { "replicas": 2 },
    })
}

/// What the apiserver does to the field sets when somebody else updates a field of ours.
fn taken(mut live: Value, pointer: &str, value: Value, field: &str) -> Value {
    *live.pointer_mut(pointer).unwrap() = value;
    let spec =
        live.pointer_mut("/metadata/managedFields/0/fieldsV1/f:spec").unwrap().as_object_mut().unwrap();
    spec.remove(field).unwrap();
    live["metadata"]["managedFields"].as_array_mut().unwrap().push(json!({
        "manager": "kubectl-edit", "operation": "Update", "apiVersion": "apps/v1", "time": "2026-01-02T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { field: {} } },
    }));
    live
}

#[test]
fn an_applied_manifest_is_in_force_although_the_member_completed_it() {
    assert_eq!(drifted_fields(&manifest(), &live()), vec![]);
    assert_eq!(forgotten_fields(&manifest(), &live(), "hanse"), vec![]);
    assert!(is_in_force(&manifest(), &live(), "hanse"));
}

#[test]
fn hashes_agree_where_the_member_keeps_what_was_sent() {
    let mut live = live();
    // The one thing that an apiserver writes otherwise here: it leaves out an empty value.
    live["spec"]["template"]["spec"]["containers"][1]["env"][1]["value"] = json!("");
    assert_eq!(owned_hash(&live, "hanse"), Some(manifest_hash(&manifest())));
}

#[test]
fn the_hash_is_the_same_on_every_machine() {
    assert_eq!(manifest_hash(&manifest()).to_string(), "46b169b3d583aca9753b5dcfcfa91290");
    let reordered: Value = serde_json::from_str(&manifest().to_string()).unwrap();
    assert_eq!(manifest_hash(&reordered), manifest_hash(&manifest()));
}

#[test]
fn a_members_edit_is_found_with_who_did_it() {
    let edited = taken(live(), "/spec/replicas", json!(5), "f:replicas");
    assert_ne!(owned_hash(&edited, "hanse"), owned_hash(&live(), "hanse"));
    let drift = drifted_fields(&manifest(), &edited);
    assert_eq!(drift.len(), 1);
    assert_eq!(drift[0].path, "/spec/replicas");
    assert_eq!((&drift[0].expected, &drift[0].actual), (&json!(2), &json!(5)));
    assert_eq!(drift[0].manager.as_deref(), Some("kubectl-edit"));
}

#[test]
fn a_removed_label_and_a_removed_container_are_drift() {
    let mut edited = live();
    edited["metadata"]["labels"].as_object_mut().unwrap().remove("app");
    edited["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap().remove(1);
    let paths: Vec<String> =
        drifted_fields(&manifest(), &edited).into_iter().map(|field| field.path).collect();
    assert_eq!(paths, ["/metadata/labels/app", "/spec/template/spec/containers/0"]);
}

#[test]
fn changes_in_lists_are_found_where_they_are() {
    let mut wanted = manifest();
    let app = &mut wanted["spec"]["template"]["spec"]["containers"][0];
    app["env"][0]["value"] = json!("2");
    app["args"] = json!(["--b", "--a"]);
    app["resources"]["limits"]["memory"] = json!("2Gi");
    let mut paths: Vec<String> =
        drifted_fields(&wanted, &live()).into_iter().map(|field| field.path).collect();
    paths.sort();
    assert_eq!(
        paths,
        [
            "/spec/template/spec/containers/0/args/0",
            "/spec/template/spec/containers/0/args/1",
            "/spec/template/spec/containers/0/env/0/value",
            "/spec/template/spec/containers/0/resources/limits/memory",
        ]
    );
    assert_ne!(manifest_hash(&wanted), manifest_hash(&manifest()));
}

#[test]
fn what_was_taken_out_of_the_template_is_still_ours_to_remove() {
    let mut wanted = manifest();
    wanted["spec"]["template"]["spec"]["containers"][0]["env"].as_array_mut().unwrap().remove(1);
    wanted["metadata"]["labels"].as_object_mut().unwrap().remove("app");
    assert!(!is_in_force(&wanted, &live(), "hanse"));
    let gone: Vec<String> =
        forgotten_fields(&wanted, &live(), "hanse").into_iter().map(|field| field.path).collect();
    assert_eq!(gone, ["/metadata/labels/app", "/spec/template/spec/containers/1/env/1"]);
}

#[test]
fn a_map_that_is_owned_as_one_piece_loses_what_others_added() {
    let mut wanted = manifest();
    wanted["spec"]["selector"] = json!({ "matchLabels": { "app": "web" } });
    let mut edited = live();
    edited["spec"]["selector"]["matchLabels"]["x"] = json!("y");
    assert_ne!(owned_hash(&edited, "hanse"), owned_hash(&live(), "hanse"));
    let drift = drifted_fields(&wanted, &edited);
    assert_eq!(drift.len(), 1);
    assert_eq!((drift[0].path.as_str(), &drift[0].expected), ("/spec/selector/matchLabels/x", &Value::Null));
}

#[test]
fn quantities_are_compared_by_amount() {
    for (a, b, same) in [
        ("1", "1000m", true),
        ("1Gi", "1024Mi", true),
        ("1k", "1000", true),
        ("0.5", "500m", true),
        ("1e3", "1k", true),
        ("1Gi", "1G", false),
        ("x", "y", false),
        ("2", "20", false),
    ] {
        let of = |text: &str| json!({ "spec": { "limits": { "cpu": text } } });
        assert_eq!(drifted_fields(&of(a), &of(b)).is_empty(), same, "{a} {b}");
        assert_eq!(manifest_hash(&of(a)) == manifest_hash(&of(b)), same, "{a} {b}");
    }
    let number = json!({ "spec": { "limits": { "cpu": 1 } } });
    assert_eq!(drifted_fields(&number, &json!({ "spec": { "limits": { "cpu": "1" } } })), vec![]);
}

#[test]
fn emptiness_counts_where_people_fill_maps_and_not_elsewhere() {
    let drift = |wanted: Value, live: Value| drifted_fields(&wanted, &live).len();
    assert_eq!(drift(json!({ "data": { "a": "" } }), json!({ "data": {} })), 1);
    assert_eq!(
        drift(
            json!({ "spec": { "subPath": "", "list": [], "flag": false, "deep": {} } }),
            json!({ "spec": {} })
        ),
        0
    );
    assert_eq!(drift(json!({ "spec": { "replicas": 0 } }), json!({ "spec": {} })), 1);
    assert_eq!(drift(json!({ "spec": { "flag": true } }), json!({ "spec": {} })), 1);
}

#[test]
fn differences_between_manifests_are_by_field() {
    let mut to = manifest();
    to["spec"]["replicas"] = json!(3);
    to["spec"]["paused"] = json!(true);
    let env = to.pointer_mut("/spec/template/spec/containers/0/env").unwrap().as_array_mut().unwrap();
    env.remove(0);
    env.push(json!({ "name": "C", "value": "3" }));
    let changes = diff::between(&manifest(), &to);
    let found: Vec<(&str, &Value, &Value)> =
        changes.iter().map(|c| (c.path.as_str(), &c.from, &c.to)).collect();
    assert_eq!(
        found,
        [
            ("/spec/paused", &Value::Null, &json!(true)),
            ("/spec/replicas", &json!(2), &json!(3)),
            ("/spec/template/spec/containers/0/env/1", &Value::Null, &json!({ "name": "C", "value": "3" })),
            ("/spec/template/spec/containers/0/env/0", &json!({ "name": "A", "value": "1" }), &Value::Null),
        ]
    );
    assert_eq!(diff::between(&to, &to), vec![]);
}
