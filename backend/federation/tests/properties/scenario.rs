//! Whatever a scenario holds, there is an answer or a fault with its field.

use hanse_federation::simulate::{Scenario, simulate};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A scenario in which most of what the crate reads is somewhere.
fn whole() -> Value {
    let pod = json!({
        "serviceAccountName": "robot", "nodeSelector": { "disk": "ssd" },
        "tolerations": [{ "key": "gpu", "operator": "Exists" }],
        "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
            { "matchExpressions": [{ "key": "disk", "operator": "In", "values": ["ssd"] }] },
        ] } } },
        "containers": [{
            "name": "c", "image": "registry.example.com/app:1@sha256:0", "env": [{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "s" } } }],
            "envFrom": [{ "configMapRef": { "name": "m" } }], "resources": { "requests": { "cpu": "100m" }, "limits": { "memory": "1Gi" } },
            "volumeMounts": [{ "name": "v", "mountPath": "/v" }],
        }],
        "volumes": [{ "name": "v", "projected": { "sources": [{ "secret": { "name": "s" } }] } }],
    });
    let live = |api_version: &str, kind: &str, name: &str, spec: Value, status: Value| {
        json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": {
                "name": name, "namespace": "ns", "generation": 2, "labels": { "kubefed.io/managed": "true", "app": "web" },
                "managedFields": [{ "manager": "hanse", "operation": "Apply", "fieldsV1": { "f:spec": { "f:replicas": {} } } }],
            },
            "spec": spec, "status": status,
        })
    };
    let deployment = json!({ "replicas": 3, "selector": { "matchLabels": { "app": "web" } }, "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod } });
    let conditions = json!([{ "type": "Available", "status": "True", "reason": "r", "lastTransitionTime": "2026-01-01T00:00:00Z" }]);
    json!({
        "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario", "spec": {
            "tieBreakKey": "k", "now": "2026-01-01T00:00:00Z",
            "clusters": [
                { "name": "a", "labels": { "region": "eu" }, "facts": { "zone": ["z"], "version": "v1.36.3" }, "capacity": { "deployments.apps/ns/web": 2 }, "live": [
                    live("apps/v1", "Deployment", "web", deployment.clone(), json!({ "observedGeneration": 2, "replicas": 3, "readyReplicas": 1, "conditions": conditions })),
                    live("autoscaling/v2", "HorizontalPodAutoscaler", "web", json!({ "minReplicas": 1, "maxReplicas": 4, "scaleTargetRef": { "kind": "Deployment", "name": "web" } }), json!({ "currentReplicas": 1, "desiredReplicas": 2, "lastScaleTime": "2025-01-01T00:00:00Z" })),
                    live("v1", "Service", "web", json!({ "type": "LoadBalancer", "clusterIP": "10.0.0.1", "ports": [{ "port": 80, "nodePort": 30000 }] }), json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1", "ports": [{ "port": 80, "protocol": "TCP" }] }] } })),
                    live("batch/v1", "Job", "web", json!({ "parallelism": 1 }), json!({ "active": 1, "startTime": "2026-01-01T00:00:00Z", "conditions": conditions })),
                    live("v1", "Node", "n", json!({ "taints": [{ "key": "gpu", "effect": "NoSchedule" }] }), json!({ "allocatable": { "cpu": "4", "pods": "10" }, "conditions": conditions })),
                    live("v1", "Pod", "web", pod.clone(), json!({ "phase": "Pending", "conditions": conditions, "containerStatuses": [{ "ready": true, "state": {} }] })),
                    live("policy/v1", "PodDisruptionBudget", "web", json!({}), json!({ "currentHealthy": 1, "disruptedPods": { "p": "2026-01-01T00:00:00Z" } })),
                    live("batch/v1", "CronJob", "web", json!({}), json!({ "active": [{}], "lastScheduleTime": "2026-01-01T00:00:00Z" })),
                ] },
                { "name": "b", "ready": false }, { "name": "c" },
            ],
            "objects": [
                { "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment", "metadata": { "name": "web", "namespace": "ns", "generation": 3, "annotations": { "kubefed.io/deleteoption": "{}" } }, "spec": {
                    "template": { "spec": deployment }, "placement": { "clusters": [{ "name": "a" }], "clusterSelector": { "matchExpressions": [{ "key": "region", "operator": "In", "values": ["eu"] }] } },
                    "overrides": [{ "clusterName": "a", "clusterOverrides": [{ "op": "add", "path": "/spec/template/spec/containers/0/args", "value": ["x"] }] }], "retainReplicas": false,
                } },
                { "apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference", "metadata": { "name": "web", "namespace": "ns" }, "spec": { "targetKind": "FederatedDeployment", "totalReplicas": 7, "clusters": { "*": { "weight": 1, "maxReplicas": 9 } } } },
                { "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedNamespace", "metadata": { "name": "ns", "namespace": "ns" }, "spec": { "placement": { "clusterSelector": {} } } },
                { "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "web", "namespace": "ns", "annotations": {
                    "hanse.io/replicas": "{\"mode\":\"Divided\",\"strategy\":\"Spread\",\"spread\":{\"maxGroups\":2}}", "hanse.io/policy": "{\"drift\":{\"ignorePaths\":[\"/spec/replicas\"]}}",
                } }, "spec": { "replicas": 4, "template": { "spec": pod }, "volumeClaimTemplates": [{ "metadata": { "name": "v" } }] } },
                { "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "web", "namespace": "ns", "annotations": { "federation.kubernetes.io/job-preferences": "{\"clusters\":{\"a\":{\"weight\":1}}}" } }, "spec": { "parallelism": 2, "completions": 3, "template": { "metadata": { "labels": {} }, "spec": pod } } },
                { "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web", "namespace": "ns" }, "spec": { "minReplicas": 2, "maxReplicas": 7 } },
                { "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": "ns" }, "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } },
                { "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "web", "namespace": "ns" }, "spec": pod },
                { "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "web", "namespace": "ns" }, "stringData": { "a": "b" }, "type": "Opaque" },
                { "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "web", "namespace": "ns" }, "spec": {} },
                { "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "web", "namespace": "ns" }, "spec": {} },
                { "apiVersion": "example.com/v1", "kind": "Thing", "metadata": { "name": "web" }, "spec": 7 },
            ],
        },
    })
}

/// Pointers to everything in a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                found.push(here.clone());
                pointers(value, &here, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let here = format!("{at}/{index}");
                found.push(here.clone());
                pointers(item, &here, found);
            }
        }
        _ => {}
    }
}

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!({})),
        Just(json!([])),
        Just(json!([{}])),
        Just(json!([[]])),
        Just(json!({ "a": { "b": [1] } })),
        Just(json!("")),
        Just(json!("x")),
        Just(json!("\u{0}é☃~1/")),
        Just(json!("/spec")),
        Just(json!("2026-13-99T99:99:99Z")),
        Just(json!("9e999999999999")),
        Just(json!(true)),
        Just(json!(-1)),
        Just(json!(0)),
        Just(json!(1.5)),
        Just(json!(i64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
    ]
}

#[test]
fn the_whole_scenario_is_sound() {
    let output = simulate(&Scenario::from_value(&whole()).unwrap()).unwrap();
    assert_eq!(output.objects.len(), 11);
    assert!(output.warnings.is_empty());
    for object in &output.objects[..10] {
        assert!(
            object.errors.is_empty() && object.warnings.is_empty(),
            "{}: {:?}",
            object.key,
            object.errors
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn there_is_an_answer_or_a_fault_with_its_field(changes in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..4)) {
        let mut document = whole();
        for (at, value) in changes {
            let mut all = Vec::new();
            pointers(&document, "", &mut all);
            if let Some(place) = document.pointer_mut(&all[at.index(all.len())]) {
                *place = value;
            }
        }
        match Scenario::from_value(&document).and_then(|scenario| simulate(&scenario)) {
            Ok(output) => {
                prop_assert_eq!(&output, &simulate(&Scenario::from_value(&document).unwrap()).unwrap());
                prop_assert!(output.to_json().is_object());
                prop_assert!(!output.to_table().is_empty());
                let _ = output.to_diff();
            }
            Err(fault) => prop_assert!(!fault.message.is_empty()),
        }
    }
}
