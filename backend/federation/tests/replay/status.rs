//! Status, health, retention, dependencies, pruning and replicas, by kind.

use std::collections::{BTreeMap, BTreeSet};

use hanse_federation::{
    Resource, dependencies, diff, kinds,
    status::{self, Member, Subject},
    workload,
};
use serde_json::{Value, json};

use super::support::{cases, cluster, default_to, normalised, run};

/// Cases whose recorded outcome is not ours, and why.
const NOT_AS_RECORDED: [(&str, &str); 4] = [
    (
        "karmada/reflectStatus/Deployment/03",
        "FEDERATION §2.1: copies carry no annotation of ours, so there is no generation annotation that could be malformed",
    ),
    ("karmada/reflectStatus/ReplicaSet/03", "as for Deployment/03"),
    ("karmada/reflectStatus/DaemonSet/03", "as for Deployment/03"),
    (
        "karmada/getDependencies/ServiceImport/01",
        "FEDERATION §1: what travels is what a workload refers to; derived Services are made by another product's own \
         multi-cluster services",
    ),
];

fn resource(kind: &str) -> Resource {
    kinds::built_in(kind, None).unwrap_or_else(|| kinds::custom(kind, "example.com/v1", true))
}

/// The recorded object, completed with what the case left out, as something that lives in a member.
fn named(object: &Value, kind: &str) -> Value {
    let resource = resource(kind);
    let mut object = object.clone();
    default_to(&mut object, &["apiVersion"], json!(resource.api_version()));
    default_to(&mut object, &["kind"], json!(kind));
    default_to(&mut object, &["metadata", "name"], json!("x"));
    if resource.namespaced {
        default_to(&mut object, &["metadata", "namespace"], json!("ns"));
    }
    object
}

/// A federated object of the kind, in every cluster.
fn federated(template: &Value, kind: &str, like: &Value) -> Value {
    let mut template = template.clone();
    default_to(&mut template, &["apiVersion"], json!(resource(kind).api_version()));
    json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": format!("Federated{kind}"),
        "metadata": { "name": like["metadata"]["name"], "namespace": like["metadata"]["namespace"] },
        "spec": { "template": template, "placement": { "clusterSelector": {} } },
    })
}

/// Runs one federated object against one copy in the only cluster.
fn with_copy(template: &Value, live: &Value, kind: &str, retain_replicas: bool) -> Value {
    let live = named(live, kind);
    let mut object = federated(template, kind, &live);
    if retain_replicas {
        object["spec"]["retainReplicas"] = json!(true);
    }
    run(&json!({ "clusters": [{ "name": "c", "live": [live] }], "objects": [object] }))
}

#[test]
fn every_case_is_replayed_or_listed() {
    let file = cases("status_and_retention");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut listed = BTreeSet::new();
    for case in file["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        if NOT_AS_RECORDED.iter().any(|(other, _)| *other == id) {
            listed.insert(id);
            continue;
        }
        let kind = case["kind"].as_str().unwrap_or_default();
        let (input, expect) = (&case["input"], &case["expect"]);
        let group = case["op"].as_str().unwrap_or(case["group"].as_str().unwrap());
        match group {
            "aggregateStatus" => aggregate(id, kind, input, expect),
            "dedupe-sort-lb-ingress" => {
                let merged = status::merge_ingress(input["ingresses"].as_array().unwrap().iter());
                assert_eq!(json!(merged), expect["ingresses"], "{id}");
            }
            "interpretHealth" => {
                let output = with_copy(&json!({}), &input["object"], kind, false);
                assert_eq!(cluster(&output, "c")["healthy"], expect["healthy"], "{id}");
            }
            "jobFinished" => {
                let finished = status::finished(&input["status"]);
                assert_eq!(finished.is_some(), expect["finished"] == true, "{id}");
                assert_eq!(finished.unwrap_or_default(), expect["type"], "{id}");
            }
            "reflectStatus" => reflect(id, kind, input, expect),
            "retain" => retain(id, kind, input, expect),
            "RetainClusterFields" => {
                let copy = json!({ "spec": { "replicas": input["clusterReplicas"] } });
                let template = json!({ "spec": { "replicas": input["desiredReplicas"] } });
                let output = with_copy(&template, &copy, "Deployment", input["retainReplicas"] == true);
                assert_eq!(
                    cluster(&output, "c")["manifest"]["spec"]["replicas"],
                    expect["expectedReplicas"],
                    "{id}"
                );
            }
            "MergeStringMaps" => merge(id, input, expect),
            "getDependencies" => {
                let copy = named(&input["object"], kind);
                let object = federated(&input["object"], kind, &copy);
                let output = run(&json!({ "clusters": [{ "name": "c" }], "objects": [object] }));
                let found = &output["objects"][0]["dependencies"];
                let expected = expect["dependencies"].as_array().cloned().unwrap_or_default();
                assert_eq!(*found, Value::Array(expected), "{id}");
            }
            "validate" => {
                let given: Vec<dependencies::Dependency> =
                    serde_json::from_value(input["dependencies"].clone()).unwrap();
                let faults = dependencies::faults(&given, "dependencies");
                assert_eq!(faults.is_empty(), expect["valid"] == true, "{id}: {faults:?}");
            }
            "getReplicas" => {
                let demand = workload::demand(kind, &input["object"]);
                assert_eq!(demand.replicas, expect["replicas"], "{id}");
                assert_eq!(demand.requirements, expect["requirements"], "{id}");
            }
            "prune" => prune(id, kind, input, expect),
            other => panic!("{id}: nothing replays {other}"),
        }
        *counts.entry(group.to_owned()).or_default() += 1;
    }
    let expected = BTreeMap::from(
        [
            ("aggregateStatus", 34),
            ("dedupe-sort-lb-ingress", 7),
            ("interpretHealth", 16),
            ("jobFinished", 2),
            ("reflectStatus", 19),
            ("retain", 14),
            ("RetainClusterFields", 1),
            ("MergeStringMaps", 4),
            ("getDependencies", 15),
            ("validate", 7),
            ("getReplicas", 5),
            ("prune", 7),
        ]
        .map(|(group, count)| (group.to_owned(), count)),
    );
    assert_eq!(counts, expected);
    assert_eq!(listed.len(), NOT_AS_RECORDED.len());
    let replayed: usize = counts.values().sum();
    assert_eq!(replayed + listed.len(), file["cases"].as_array().unwrap().len());
}

fn comparable(kind: &str, status: &Value) -> Value {
    let mut status = normalised(status);
    if kind == "Deployment" {
        // Conditions of Deployments are aggregated by us; other systems leave them out.
        if let Some(status) = status.as_object_mut() {
            status.remove("conditions");
        }
    }
    status
}

fn aggregate(id: &str, kind: &str, input: &Value, expect: &Value) {
    let template = &input["template"];
    let members: Vec<(&str, &Value)> = input["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (member["cluster"].as_str().unwrap(), &member["status"]))
        .collect();
    let resource = resource(kind);
    let subject = Subject {
        resource: &resource,
        template,
        generation: template["metadata"]["generation"].as_i64().unwrap_or(0),
        previous: template.get("status"),
    };
    let reported: Vec<Member<'_>> = members
        .iter()
        .map(|(cluster, status)| Member { cluster, status: Some(*status).filter(|status| !status.is_null()) })
        .collect();
    let whole = status::aggregate(&subject, &reported);
    assert_eq!(comparable(kind, &whole), comparable(kind, &expect["status"]), "{id}");

    let clusters: Vec<Value> = members
        .iter()
        .map(|(name, status)| {
            let mut copy = named(&json!({ "spec": template["spec"] }), kind);
            copy["status"] = (*status).clone();
            json!({ "name": name, "live": if status.is_null() { json!([]) } else { json!([copy]) } })
        })
        .collect();
    let object = federated(template, kind, &named(&json!({}), kind));
    let output = run(&json!({ "clusters": clusters, "objects": [object] }));
    let whole = &output["objects"][0]["aggregated"]["status"];
    assert_eq!(comparable(kind, whole), comparable(kind, &expect["status"]), "{id}, simulated");
}

fn reflect(id: &str, kind: &str, input: &Value, expect: &Value) {
    let annotation = input["object"].pointer("/metadata/annotations/resourcetemplate.karmada.io~1generation");
    let generation = annotation.and_then(Value::as_str).map(|text| text.parse().unwrap());
    let reflected = status::reflect(&resource(kind), &input["object"], generation);
    assert_eq!(reflected.is_err(), expect["error"] == true, "{id}");

    let output = with_copy(&json!({}), &input["object"], kind, false);
    let simulated = &cluster(&output, "c")["reflected"];
    if expect["error"] == true {
        assert!(cluster(&output, "c")["message"].as_str().unwrap().contains("status"), "{id}");
        return;
    }
    let reflected = reflected.unwrap().unwrap_or_default();
    assert_eq!(normalised(&reflected), normalised(&expect["status"]), "{id}");
    let mut expected = expect["status"].clone();
    if let Some(expected) = expected.as_object_mut() {
        expected.remove("resourceTemplateGeneration");
    }
    assert_eq!(
        normalised(&json!([simulated])),
        normalised(&json!([expected_or_empty(&expected)])),
        "{id}, simulated"
    );
}

/// No status and an empty one are the same.
fn expected_or_empty(status: &Value) -> Value {
    if status.is_null() { json!({}) } else { status.clone() }
}

fn retain(id: &str, kind: &str, input: &Value, expect: &Value) {
    const RETAIN: &str = "resourcetemplate.karmada.io/retain-replicas";
    let asks = input["desired"]["metadata"]["labels"][RETAIN] == "true";
    let output = with_copy(&input["desired"], &input["observed"], kind, asks);
    let entry = cluster(&output, "c");
    if expect["error"] == true {
        assert_eq!(entry["status"], "FieldRetentionFailed", "{id}: {entry:#}");
        return;
    }
    let manifest = &entry["manifest"];
    if let Some(object) = expect.get("object") {
        let mut manifest = manifest.clone();
        manifest["metadata"]["labels"].as_object_mut().unwrap().remove("kubefed.io/managed");
        let expected = named(object, kind);
        assert_eq!(normalised(&manifest), normalised(&expected), "{id}");
    } else if let Some(field) = expect["field"].as_str() {
        let found = field.split('.').try_fold(manifest, |at, name| at.get(name)).unwrap_or(&Value::Null);
        assert_eq!(found, &expect["value"], "{id}");
    } else {
        for field in ["secrets", "imagePullSecrets"] {
            let found = manifest.get(field).cloned().unwrap_or_else(|| json!([]));
            assert_eq!(found, expect[field], "{id}: {field}");
        }
    }
}

/// Three-way merge of labels: what sending the template's labels makes of a copy of which we own those that were
/// propagated last.
fn merge(id: &str, input: &Value, expect: &Value) {
    let labels = |value: &Value| if value.is_null() { json!({}) } else { value.clone() };
    let mut owned = json!({});
    for name in input["lastPropagated"].as_array().into_iter().flatten() {
        owned[format!("f:{}", name.as_str().unwrap())] = json!({});
    }
    let live = json!({ "metadata": {
        "labels": labels(&input["observed"]),
        "managedFields": [{
            "manager": "hanse", "operation": "Apply", "fieldsV1": { "f:metadata": { "f:labels": owned } },
        }],
    } });
    let manifest = json!({ "metadata": { "labels": labels(&input["template"]) } });
    let mut merged = labels(&input["observed"]);
    for change in diff::against_live(&manifest, &live, "hanse") {
        let name = change.path.strip_prefix("/metadata/labels/").unwrap();
        if change.to.is_null() {
            merged.as_object_mut().unwrap().remove(name);
        } else {
            merged[name] = change.to;
        }
    }
    assert_eq!(merged, expect["expected"], "{id}");
}

fn prune(id: &str, kind: &str, input: &Value, expect: &Value) {
    let kind = if kind == "*" { "ConfigMap" } else { kind };
    let mut template = input["object"].clone();
    // Names of keys with dots are written with dots in these cases.
    let present = |object: &Value, path: &str| -> bool {
        let mut paths = vec![(object, path)];
        while let Some((at, rest)) = paths.pop() {
            if rest.is_empty() {
                return true;
            }
            for (key, value) in at.as_object().into_iter().flatten() {
                if let Some(rest) = rest.strip_prefix(key.as_str()) {
                    paths.push((value, rest.strip_prefix('.').unwrap_or(rest)));
                }
            }
        }
        false
    };
    default_to(&mut template, &["metadata", "name"], json!("x"));
    let object = federated(&template, kind, &named(&template, kind));
    let output = run(&json!({ "clusters": [{ "name": "c" }], "objects": [object] }));
    let manifest = &cluster(&output, "c")["manifest"];
    if let Some(dropped) = expect["secretMustBeDropped"].as_str() {
        let names: Vec<&str> = manifest["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| secret["name"].as_str().unwrap())
            .collect();
        assert!(!names.contains(&dropped), "{id}");
        assert!(names.contains(&expect["secretMustRemain"].as_str().unwrap()), "{id}");
        return;
    }
    for path in expect["mustBeAbsent"].as_array().unwrap() {
        assert!(!present(manifest, path.as_str().unwrap()), "{id}: {path} in {manifest:#}");
    }
    for path in expect["mustRemain"].as_array().into_iter().flatten() {
        assert!(present(manifest, path.as_str().unwrap()), "{id}: {path} not in {manifest:#}");
    }
}
