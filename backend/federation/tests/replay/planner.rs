//! Replica planning: preferences of both generations, Jobs, autoscalers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::support::{cases, cluster, run};

fn numbers(value: &Value) -> BTreeMap<String, i64> {
    value
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, n)| (name.clone(), n.as_i64().unwrap()))
        .filter(|(_, n)| *n != 0)
        .collect()
}

fn clusters(case: &Value) -> Value {
    case["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| {
            let name = name.as_str().unwrap();
            let mut cluster = json!({ "name": name, "live": [] });
            if let Some(current) = case["currentReplicas"].get(name) {
                cluster["live"] = json!([{
                    "apiVersion": "apps/v1", "kind": "Deployment",
                    "metadata": { "name": "web", "namespace": "ns", "labels": { "kubefed.io/managed": "true" } },
                    "spec": { "replicas": current }, "status": { "readyReplicas": current },
                }]);
            }
            if let Some(capacity) = case["estimatedCapacity"].get(name) {
                cluster["capacity"] = json!({ "deployments.apps/ns/web": capacity });
            }
            cluster
        })
        .collect()
}

fn check(case: &Value, objects: &Value, view: &str) {
    let output = run(&json!({ "tieBreakKey": case["key"], "clusters": clusters(case), "objects": objects }));
    let entries = output["objects"][0]["clusters"].as_array().unwrap();
    let of = |field: &str| -> BTreeMap<String, i64> {
        let found =
            entries.iter().map(|e| (e["name"].as_str().unwrap().to_owned(), e[field].as_i64().unwrap()));
        found.filter(|(_, n)| *n != 0).collect()
    };
    assert_eq!(of("replicas"), numbers(&case["expectedPlan"]), "{} replicas, {view}", case["id"]);
    assert_eq!(of("overflow"), numbers(&case["expectedOverflow"]), "{} overflow, {view}", case["id"]);
    for entry in entries {
        let written = entry["replicas"].as_i64().unwrap() + entry["overflow"].as_i64().unwrap();
        assert_eq!(
            entry["manifest"]["spec"]["replicas"], written,
            "{} in {}, {view}",
            case["id"], entry["name"]
        );
    }
}

#[test]
fn preferences_of_both_generations_are_planned_as_recorded() {
    let file = cases("planner");
    let mut replayed = 0;
    for case in
        ["kubefed_unit", "related_planner_cases"].iter().flat_map(|group| file[*group].as_array().unwrap())
    {
        let preference = json!({
            "apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
            "metadata": { "name": "web", "namespace": "ns" },
            "spec": {
                "targetKind": "FederatedDeployment", "totalReplicas": case["totalReplicas"],
                "rebalance": case["rebalance"], "clusters": case["preferences"],
            },
        });
        let target = json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment",
            "metadata": { "name": "web", "namespace": "ns" },
            "spec": { "template": { "spec": {} }, "placement": { "clusters": [] } },
        });
        check(case, &json!([target, preference]), "v2");
        let annotation =
            json!({ "rebalance": case["rebalance"], "clusters": case["preferences"] }).to_string();
        let plain = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {
                "name": "web", "namespace": "ns",
                "annotations": { "federation.kubernetes.io/deployment-preferences": annotation },
            },
            "spec": { "replicas": case["totalReplicas"] },
        });
        check(case, &json!([plain]), "v1");
        replayed += 1;
    }
    assert_eq!(replayed, 20 + 9);
}

#[test]
fn jobs_are_split_as_recorded() {
    let file = cases("planner");
    let all = file["federation_v1_job_cases"].as_array().unwrap();
    for case in all {
        let (namespace, name) = case["key"].as_str().unwrap().split_once('/').unwrap();
        let clusters: Vec<Value> =
            case["clusters"].as_array().unwrap().iter().map(|name| json!({ "name": name })).collect();
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": namespace },
            "spec": { "parallelism": case["parallelism"], "completions": case["completions"] },
        });
        let output = run(&json!({ "clusters": clusters, "objects": [job] }));
        for name in case["clusters"].as_array().unwrap() {
            let name = name.as_str().unwrap();
            let spec = &cluster(&output, name)["manifest"]["spec"];
            assert_eq!(spec["parallelism"], case["expectedParallelism"][name], "{} in {name}", case["id"]);
            assert_eq!(spec["completions"], case["expectedCompletions"][name], "{} in {name}", case["id"]);
        }
    }
    assert_eq!(all.len(), 2);
}

#[test]
fn limits_of_autoscalers_are_split_as_recorded() {
    let file = cases("planner");
    let all = file["federation_v1_hpa"]["cases"].as_array().unwrap();
    for case in all {
        let metadata =
            json!({ "name": "web", "namespace": "ns", "labels": { "kubefed.io/managed": "true" } });
        let local = case["local"].as_object().unwrap();
        let clusters: Vec<Value> = local
            .iter()
            .map(|(name, local)| {
                let last = match local["lastScaleTime"].as_str() {
                    Some("now-4m (scaleable)") => json!("2025-12-31T23:56:00Z"),
                    Some("now (not scaleable)") => json!("2026-01-01T00:00:00Z"),
                    Some(other) => panic!("{other}"),
                    None => Value::Null,
                };
                let live = json!([{
                    "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": metadata,
                    "spec": { "minReplicas": local["minReplicas"], "maxReplicas": local["maxReplicas"] },
                    "status": {
                        "currentReplicas": local["currentReplicas"].as_i64().unwrap_or(0),
                        "desiredReplicas": local["desiredReplicas"].as_i64().unwrap_or(0), "lastScaleTime": last,
                    },
                }]);
                json!({ "name": name, "live": if local.is_null() { json!([]) } else { live } })
            })
            .collect();
        let wanted = &case["fedHpa"];
        let scaler = json!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": "web", "namespace": "ns" },
            "spec": {
                "minReplicas": wanted["minReplicas"], "maxReplicas": wanted["maxReplicas"],
                "targetCPUUtilizationPercentage": wanted["targetCPU"],
            },
        });
        let output =
            run(&json!({ "now": "2026-01-01T00:00:00Z", "clusters": clusters, "objects": [scaler] }));
        let limit =
            |name: &str, field: &str| cluster(&output, name)["manifest"]["spec"][field].as_i64().unwrap_or(0);
        let sum = |field: &str| local.keys().map(|name| limit(name, field)).sum::<i64>();
        assert_eq!(sum("maxReplicas"), wanted["maxReplicas"], "{}", case["name"]);
        assert!(sum("minReplicas") >= wanted["minReplicas"].as_i64().unwrap(), "{}", case["name"]);
        assert!(local.keys().all(|name| limit(name, "minReplicas") >= 1), "{}", case["name"]);
        for (name, expected) in case["expected"].as_object().into_iter().flatten() {
            assert_eq!(limit(name, "minReplicas"), expected["min"], "{} in {name}", case["name"]);
            assert_eq!(limit(name, "maxReplicas"), expected["max"], "{} in {name}", case["name"]);
        }
    }
    assert_eq!(all.len(), 4);
}
