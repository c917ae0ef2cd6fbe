//! Health, phases and aggregates.

use hanse_federation::{
    health::assess,
    kinds,
    status::{Member, Subject, aggregate, reflect},
};
use hanse_types::federated::Phase;
use serde_json::{Value, json};

use super::support::{kind, scenario};

fn phase(of: &str, live: Value) -> Phase {
    assess(&kind(of), &live).phase
}

fn rollout(reason: &str, status: &str) -> Value {
    json!({
        "metadata": { "generation": 2 }, "spec": { "replicas": 2 },
        "status": {
            "observedGeneration": 2, "updatedReplicas": 2, "availableReplicas": 1,
            "conditions": [{ "type": "Progressing", "status": status, "reason": reason, "message": "m" }],
        },
    })
}

#[test]
fn a_deployment_that_lost_pods_is_degraded_and_one_that_rolls_is_progressing() {
    assert_eq!(phase("Deployment", rollout("ReplicaSetUpdated", "True")), Phase::Progressing);
    assert_eq!(phase("Deployment", rollout("NewReplicaSetAvailable", "True")), Phase::Degraded);
    let late = rollout("ProgressDeadlineExceeded", "False");
    assert_eq!(phase("Deployment", late.clone()), Phase::Failed);
    assert_eq!(assess(&kind("Deployment"), &late).message, "ProgressDeadlineExceeded: m");
    let mut paused = rollout("DeploymentPaused", "Unknown");
    paused["spec"]["paused"] = json!(true);
    assert_eq!(phase("Deployment", paused), Phase::Paused);
    let mut unseen = rollout("NewReplicaSetAvailable", "True");
    unseen["metadata"]["generation"] = json!(3);
    assert_eq!(phase("Deployment", unseen), Phase::Progressing);
}

#[test]
fn every_kind_has_its_own_rule() {
    for (of, live, expected) in [
        (
            "Job",
            json!({ "status": { "conditions": [{ "type": "Complete", "status": "True" }] } }),
            Phase::Ready,
        ),
        (
            "Job",
            json!({ "status": { "conditions": [{ "type": "Failed", "status": "True" }] } }),
            Phase::Failed,
        ),
        ("Job", json!({ "status": { "active": 1 } }), Phase::Progressing),
        ("Job", json!({ "spec": { "suspend": true } }), Phase::Paused),
        ("CronJob", json!({ "spec": { "suspend": true } }), Phase::Paused),
        ("CronJob", json!({}), Phase::Ready),
        ("Pod", json!({ "status": { "phase": "Succeeded" } }), Phase::Ready),
        ("Pod", json!({ "status": { "phase": "Failed" } }), Phase::Failed),
        ("Pod", json!({ "status": { "phase": "Running" } }), Phase::Degraded),
        ("Pod", json!({}), Phase::Progressing),
        ("PersistentVolumeClaim", json!({ "status": { "phase": "Lost" } }), Phase::Failed),
        ("Service", json!({ "spec": { "type": "ClusterIP" } }), Phase::Ready),
        ("Service", json!({ "spec": { "type": "LoadBalancer" } }), Phase::Progressing),
        ("Ingress", json!({}), Phase::Progressing),
        ("PodDisruptionBudget", json!({ "status": { "desiredHealthy": 2 } }), Phase::Degraded),
        ("Namespace", json!({ "status": { "phase": "Terminating" } }), Phase::Progressing),
        ("ConfigMap", json!({}), Phase::Ready),
        (
            "ConfigMap",
            json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
            Phase::Progressing,
        ),
        (
            "CustomResourceDefinition",
            json!({ "status": { "conditions": [{ "type": "Established", "status": "True" }, { "type": "NamesAccepted", "status": "False" }] } }),
            Phase::Failed,
        ),
        (
            "CustomResourceDefinition",
            json!({ "status": { "conditions": [{ "type": "Established", "status": "True" }] } }),
            Phase::Ready,
        ),
    ] {
        assert_eq!(phase(of, live.clone()), expected, "{of} {live}");
    }
}

#[test]
fn unknown_kinds_are_read_by_their_conditions() {
    let thing = kinds::custom("Thing", "example.com/v1", true);
    let of = |type_: &str, status: &str| {
        let live =
            json!({ "status": { "conditions": [{ "type": type_, "status": status, "reason": "R" }] } });
        assess(&thing, &live).phase
    };
    assert_eq!(of("Ready", "True"), Phase::Ready);
    assert_eq!(of("Ready", "False"), Phase::Progressing);
    assert_eq!(of("Available", "Unknown"), Phase::Progressing);
    assert_eq!(of("Stalled", "True"), Phase::Failed);
    assert_eq!(of("Reconciling", "True"), Phase::Progressing);
    assert_eq!(of("SomethingElse", "False"), Phase::Ready);
    let behind = json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 1 } });
    assert_eq!(assess(&thing, &behind).phase, Phase::Progressing);
}

fn whole(of: &str, template: &Value, members: &[(&str, Value)]) -> Value {
    let resource = kind(of);
    let subject = Subject { resource: &resource, template, generation: 0, previous: None };
    let members: Vec<Member<'_>> = members
        .iter()
        .map(|(cluster, status)| Member { cluster, status: Some(status).filter(|status| !status.is_null()) })
        .collect();
    aggregate(&subject, &members)
}

fn progress(available: &str, reason: &str, status: &str) -> Value {
    json!({ "replicas": 1, "conditions": [
        { "type": "Available", "status": available, "reason": "r", "lastTransitionTime": "2026-01-01T00:00:00Z" },
        { "type": "Progressing", "status": status, "reason": reason, "lastTransitionTime": "2026-01-02T00:00:00Z" },
    ] })
}

fn condition<'a>(status: &'a Value, type_: &str) -> &'a Value {
    status["conditions"].as_array().unwrap().iter().find(|c| c["type"] == type_).unwrap()
}

#[test]
fn conditions_of_a_deployment_are_real_and_name_the_clusters() {
    let fine = || progress("True", "NewReplicaSetAvailable", "True");
    let all = whole("Deployment", &json!({}), &[("a", fine()), ("b", fine())]);
    assert_eq!(condition(&all, "Available")["status"], "True");
    assert_eq!(condition(&all, "Progressing")["reason"], "NewReplicaSetAvailable");
    assert_eq!(condition(&all, "Progressing")["lastTransitionTime"], "2026-01-02T00:00:00Z");

    let some = whole(
        "Deployment",
        &json!({}),
        &[("a", fine()), ("b", progress("False", "ReplicaSetUpdated", "True")), ("c", Value::Null)],
    );
    assert_eq!(condition(&some, "Available")["status"], "False");
    assert_eq!(condition(&some, "Available")["message"], "Not available in 2 of 3 clusters: b, c");
    assert_eq!(condition(&some, "Progressing")["message"], "Rolling out in b, c");

    let late = whole(
        "Deployment",
        &json!({}),
        &[("a", fine()), ("b", progress("True", "ProgressDeadlineExceeded", "False"))],
    );
    assert_eq!(condition(&late, "Progressing")["reason"], "ProgressDeadlineExceeded");
    assert_eq!(condition(&late, "Progressing")["status"], "False");
    assert_eq!(condition(&late, "Progressing")["message"], "Progress deadline exceeded in b");
    assert!(whole("Deployment", &json!({}), &[("a", json!({ "replicas": 1 }))]).get("conditions").is_none());
}

#[test]
fn a_failing_part_fails_the_job_and_names_its_clusters() {
    let failed = json!({ "failed": 1, "startTime": "2026-01-01T00:00:00Z", "conditions": [{ "type": "Failed", "status": "True" }, { "type": "FailureTarget", "status": "True" }] });
    let status = whole(
        "Job",
        &json!({}),
        &[
            ("a", failed.clone()),
            ("b", json!({ "active": 1, "startTime": "2026-01-01T00:00:09Z" })),
            ("c", failed),
        ],
    );
    assert_eq!(condition(&status, "Failed")["reason"], "JobFailed");
    assert!(condition(&status, "Failed")["message"].as_str().unwrap().ends_with("a,c"));
    assert_eq!(status["conditions"][0]["type"], "FailureTarget");
    assert_eq!((&status["failed"], &status["active"]), (&json!(2), &json!(1)));
    assert_eq!(status["startTime"], "2026-01-01T00:00:00Z");
    assert!(status.get("completionTime").is_none());
}

#[test]
fn a_job_is_complete_only_when_every_part_is() {
    let done = |end: &str| json!({ "succeeded": 1, "completionTime": end, "conditions": [{ "type": "Complete", "status": "True" }] });
    let one = whole("Job", &json!({}), &[("a", done("2026-01-01T00:00:01Z")), ("b", Value::Null)]);
    assert!(one.get("conditions").is_none() && one.get("completionTime").is_none());
    let both =
        whole("Job", &json!({}), &[("a", done("2026-01-01T00:00:09Z")), ("b", done("2026-01-01T00:00:01Z"))]);
    assert_eq!(both["conditions"].as_array().unwrap().len(), 1, "success criteria were not reported");
    assert_eq!(both["completionTime"], "2026-01-01T00:00:09Z");
}

#[test]
fn budgets_name_pods_by_cluster_and_unknown_kinds_have_no_whole() {
    let budget = whole(
        "PodDisruptionBudget",
        &json!({}),
        &[
            ("a", json!({ "currentHealthy": 1, "disruptedPods": { "p": "2026-01-01T00:00:00Z" } })),
            ("b", json!({ "currentHealthy": 2, "disruptedPods": { "p": "2026-01-01T00:00:01Z" } })),
        ],
    );
    assert_eq!(budget["currentHealthy"], 3);
    let names: Vec<&String> = budget["disruptedPods"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["a/p", "b/p"]);
    assert_eq!(whole("Role", &json!({}), &[("a", json!({ "x": 1 }))]), json!({}));
}

#[test]
fn heartbeats_and_details_are_not_kept() {
    let live = json!({
        "metadata": { "generation": 4 },
        "status": { "replicas": 1, "collisionCount": 2, "conditions": [{ "type": "Available", "status": "True", "lastUpdateTime": "2026-01-01T00:00:00Z" }] },
    });
    let reflected = reflect(&kind("Deployment"), &live, Some(7)).unwrap().unwrap();
    assert_eq!(
        reflected,
        json!({
            "replicas": 1, "generation": 4, "resourceTemplateGeneration": 7,
            "conditions": [{ "type": "Available", "status": "True" }],
        })
    );
    assert!(reflect(&kind("Deployment"), &json!({ "status": { "replicas": "x" } }), None).is_err());
    assert!(reflect(&kind("Deployment"), &json!({ "status": { "conditions": {} } }), None).is_err());
}

/// A Deployment of generation 3 with copies of which some hold what is wanted.
fn observed(copies: &[(i64, i64, i64)]) -> Value {
    let spec = |replicas: i64| json!({ "replicas": replicas });
    let clusters: Vec<Value> = copies
        .iter()
        .enumerate()
        .map(|(index, (replicas, generation, observed))| {
            json!({ "name": format!("c{index}"), "live": [{
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "web", "namespace": "ns", "generation": generation, "labels": { "kubefed.io/managed": "true" } },
                "spec": spec(*replicas), "status": { "observedGeneration": observed, "replicas": replicas },
            }] })
        })
        .collect();
    let plain = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "ns", "generation": 3, "annotations": { "hanse.io/replicas": "{}" } },
        "spec": spec(2), "status": { "observedGeneration": 2 },
    });
    scenario(&json!({ "clusters": clusters, "objects": [plain] })).to_json()["objects"][0]["aggregated"]["status"].clone()
}

#[test]
fn the_generation_counts_as_observed_when_every_cluster_has_seen_what_was_last_sent() {
    assert_eq!(observed(&[(2, 4, 4), (2, 9, 9)])["observedGeneration"], 3);
    assert_eq!(observed(&[(2, 4, 4), (2, 9, 8)])["observedGeneration"], 2, "one controller is behind");
    assert_eq!(observed(&[(2, 4, 4), (1, 9, 9)])["observedGeneration"], 2, "one copy is the former");
    assert_eq!(observed(&[(2, 4, 4), (2, 9, 9)])["replicas"], 4);
}

#[test]
fn definitions_and_volumes_have_rules_of_their_own() {
    let conditions = |list: Value| json!({ "status": { "conditions": list } });
    let definition = |list: Value| phase("CustomResourceDefinition", conditions(list));
    let (accepted, established) = (
        json!({ "type": "NamesAccepted", "status": "True" }),
        json!({ "type": "Established", "status": "True" }),
    );
    assert_eq!(definition(json!([accepted, established])), Phase::Ready);
    assert_eq!(definition(json!([])), Phase::Progressing, "not installed yet");
    let installing = json!({ "type": "Established", "status": "False", "reason": "Installing" });
    assert_eq!(definition(json!([accepted, installing])), Phase::Progressing);
    assert_eq!(
        definition(json!([{ "type": "Established", "status": "False", "reason": "NotAccepted" }])),
        Phase::Failed
    );
    assert_eq!(
        definition(json!([{ "type": "NamesAccepted", "status": "False", "reason": "Taken" }])),
        Phase::Failed
    );
    for (word, expected) in [
        ("Failed", Phase::Failed),
        ("Pending", Phase::Progressing),
        ("Available", Phase::Ready),
        ("Bound", Phase::Ready),
        ("Released", Phase::Ready),
    ] {
        assert_eq!(phase("PersistentVolume", json!({ "status": { "phase": word } })), expected, "{word}");
    }
}

#[test]
fn a_copy_whose_status_says_what_it_holds_is_believed() {
    let copy = |holds: i64| {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "ns", "generation": 4 },
            "spec": { "replicas": 1 },
            "status": { "replicas": 1, "observedGeneration": 4, "resourceTemplateGeneration": holds },
        })
    };
    let object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment",
        "metadata": { "name": "web", "namespace": "ns", "generation": 3 },
        "spec": { "template": { "spec": { "replicas": 1 }, "status": { "observedGeneration": 2 } }, "placement": { "clusterSelector": {} } },
    });
    for (holds, observed) in [(3, 3), (2, 2)] {
        let output =
            scenario(&json!({ "clusters": [{ "name": "a", "live": [copy(holds)] }], "objects": [object] }));
        assert_eq!(output.objects[0].aggregated.status["observedGeneration"], observed);
    }
}
