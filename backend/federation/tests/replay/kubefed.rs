//! KubeFed's retention and options of deletion.

use std::collections::BTreeSet;

use hanse_federation::v2;
use serde_json::{Value, json};

use super::support::{cases, cluster, run};

/// Groups that are about the hub's API or its stored configuration, not about what is federated.
const ELSEWHERE: [(&str, &str); 4] = [
    ("validation", "admission of KubeFedCluster and FederatedTypeConfig is the hub API's"),
    ("status_update", "when a stored status is written is the hub API's"),
    ("defaults", "KubeFedConfig is the hub API's"),
    ("federate_command", "a command of a client"),
];

/// Fields that are retained otherwise, and why.
const NOT_AS_RECORDED: [(&str, &str); 2] = [
    (
        "metadata.resourceVersion",
        "FEDERATION §3: server-side apply gives retention; a version would make it fail on every concurrent write",
    ),
    (
        "metadata.annotations",
        "FEDERATION §§1, 2.5: annotations of the template are not pruned, are owned and so reverted; recorded as a quirk",
    ),
];

#[test]
fn every_group_is_replayed_or_listed() {
    let file = cases("kubefed_behaviour");
    let groups: BTreeSet<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
    let mut known: BTreeSet<&str> = ELSEWHERE.iter().map(|(group, _)| *group).collect();
    known.extend(["retention", "delete_options"]);
    assert_eq!(groups, known);
}

fn retained(kind: &str, template: &Value, live: Value, retain_replicas: bool) -> Value {
    let mut live = live;
    live["kind"] = json!(kind);
    live["metadata"]["name"] = json!("x");
    live["metadata"]["namespace"] = json!("ns");
    let object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": format!("Federated{kind}"),
        "metadata": { "name": "x", "namespace": "ns" },
        "spec": { "template": template, "placement": { "clusterSelector": {} }, "retainReplicas": retain_replicas },
    });
    cluster(&run(&json!({ "clusters": [{ "name": "c", "live": [live] }], "objects": [object] })), "c")["manifest"].clone()
}

#[test]
fn members_keep_what_kubefed_lets_them_keep() {
    let file = cases("kubefed_behaviour");
    let (mut replayed, mut listed) = (0, 0);
    for case in file["retention"].as_array().unwrap() {
        let field = case["field"].as_str().unwrap();
        let (copy, expect) = (&case["cluster"], &case["expect"]);
        if let Some((_, reason)) = NOT_AS_RECORDED.iter().find(|(other, _)| *other == field) {
            let template = json!({ "metadata": { "annotations": case["desired"] } });
            let live = match field {
                "metadata.resourceVersion" => json!({ "metadata": { "resourceVersion": copy } }),
                _ => json!({ "metadata": { "annotations": copy } }),
            };
            let manifest = retained("ConfigMap", &template, live, false);
            assert!(manifest["metadata"].get("resourceVersion").is_none(), "{reason}");
            if case["quirk"] == true {
                assert_eq!(manifest["metadata"]["annotations"], case["desired"], "{reason}");
            }
            listed += 1;
            continue;
        }
        match field {
            "spec.replicas" => {
                let template = json!({ "spec": { "replicas": case["desired"] } });
                let live = json!({ "spec": { "replicas": copy } });
                let manifest = retained("Deployment", &template, live, case["retainReplicas"] == true);
                assert_eq!(&manifest["spec"]["replicas"], expect, "{case}");
            }
            "Service spec.healthCheckNodePort" => {
                let live = if copy.is_null() {
                    json!({})
                } else {
                    json!({ "spec": { "healthCheckNodePort": copy } })
                };
                let manifest = retained("Service", &json!({ "spec": {} }), live, false);
                assert_eq!(&manifest["spec"]["healthCheckNodePort"], expect, "{case}");
            }
            "Service spec.clusterIP/clusterIPs" => {
                let manifest = retained("Service", &json!({ "spec": {} }), json!({ "spec": copy }), false);
                assert_eq!(&manifest["spec"], expect, "{case}");
            }
            "ServiceAccount secrets" => {
                let template = json!({ "secrets": case["desired"] });
                let manifest = retained("ServiceAccount", &template, json!({ "secrets": copy }), false);
                assert_eq!(&manifest["secrets"], expect, "{case}");
            }
            other => panic!("nothing replays {other}"),
        }
        replayed += 1;
    }
    assert_eq!((replayed, listed), (7, NOT_AS_RECORDED.len()));
}

#[test]
fn options_of_deletion_are_read_from_the_annotation() {
    let file = cases("kubefed_behaviour");
    let group = &file["delete_options"];
    let all = group["cases"].as_array().unwrap();
    for case in all {
        let mut object = json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap",
            "metadata": { "name": "x", "namespace": "ns", "annotations": {} }, "spec": {},
        });
        object["metadata"]["annotations"][group["annotation"].as_str().unwrap()] = case["value"].clone();
        let parsed =
            v2::parse(&object, "", &|kind, version| hanse_federation::kinds::built_in(kind, version))
                .unwrap();
        let options = parsed.object.spec.policy.delete_options.unwrap_or_default();
        assert_eq!(serde_json::to_value(options).unwrap(), case["expect"], "{case}");
    }
    assert_eq!(all.len(), 4);
}
