//! Overrides, pruning, retention and rendering.

use hanse_federation::{
    FieldError, dependencies,
    object::{Override, Patch, PatchOp},
    observed::Observed,
    overrides::{self, apply_patch},
    prune,
    render::render,
    retention::{Form, Retained, retain},
    validate::validate,
};
use serde_json::{Value, json};

use super::support::{cluster, copy_of, deployment, kind, object};

fn with(overrides: Value) -> hanse_federation::FederatedObject {
    let mut object = deployment();
    object.spec.overrides = serde_json::from_value(overrides).unwrap();
    object
}

fn rendered(overrides: Value, name: &str) -> Value {
    render(&with(overrides), &cluster(name, &[("region", "eu")]), None).unwrap()
}

#[test]
fn images_are_changed_in_parts_or_as_a_whole() {
    let image = |rule: Value, index: usize| {
        let manifest = rendered(json!([{ "clusters": ["c"], "image": [rule] }]), "c");
        manifest["spec"]["template"]["spec"]["containers"][index]["image"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        image(json!({ "container": "app", "tag": "2.0" }), 0),
        "registry.example.com:5000/team/app:2.0"
    );
    assert_eq!(image(json!({ "registry": "mirror.local" }), 0), "mirror.local/team/app:1.0");
    assert_eq!(image(json!({ "registry": "mirror.local" }), 1), "mirror.local/side");
    assert_eq!(image(json!({ "repository": "other" }), 0), "registry.example.com:5000/other:1.0");
    assert_eq!(image(json!({ "container": "side", "image": "x@sha256:1" }), 1), "x@sha256:1");
    assert_eq!(
        image(json!({ "container": "side", "image": "x" }), 0),
        "registry.example.com:5000/team/app:1.0"
    );
}

#[test]
fn a_digest_goes_when_the_tag_is_set() {
    let mut object = with(json!([{ "clusters": ["c"], "image": [{ "container": "side", "tag": "2" }] }]));
    object.spec.template["spec"]["template"]["spec"]["containers"][1]["image"] = json!("side:1@sha256:abc");
    let manifest = render(&object, &cluster("c", &[]), None).unwrap();
    assert_eq!(manifest["spec"]["template"]["spec"]["containers"][1]["image"], "side:2");
}

#[test]
fn shorthands_set_replicas_environment_labels_and_annotations() {
    let manifest = rendered(
        json!([{
            "clusterSelector": { "matchLabels": { "region": "eu" } },
            "replicas": 5,
            "env": [{ "name": "MODE", "value": "eu" }, { "container": "side", "name": "ONLY", "value": "1" }],
            "labels": { "tier": "gold" }, "annotations": { "note": "x", "absent": null },
        }]),
        "any",
    );
    assert_eq!(manifest["spec"]["replicas"], 5);
    let containers = &manifest["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["env"], json!([{ "name": "MODE", "value": "eu" }]));
    assert_eq!(containers[1]["env"].as_array().unwrap().len(), 2);
    assert_eq!(manifest["metadata"]["labels"], json!({ "tier": "gold", "kubefed.io/managed": "true" }));
    assert_eq!(manifest["metadata"]["annotations"], json!({ "note": "x" }));
}

#[test]
fn entries_are_applied_in_order_and_the_last_wins() {
    let manifest =
        rendered(json!([{ "clusters": ["c"], "replicas": 5 }, { "clusters": ["c"], "replicas": 6 }]), "c");
    assert_eq!(manifest["spec"]["replicas"], 6);
}

#[test]
fn identity_is_forced_whatever_template_and_overrides_say() {
    let mut object = with(json!([
        { "clusters": ["c"], "patches": [{ "path": "/metadata", "value": { "name": "evil", "uid": "1", "labels": { "a": "b" } } }] },
    ]));
    object.spec.template["kind"] = json!("Deployment");
    object.spec.template["metadata"] = json!({ "name": "other", "namespace": "other", "generateName": "x-" });
    let manifest = render(&object, &cluster("c", &[]), None).unwrap();
    assert_eq!(manifest["apiVersion"], "apps/v1");
    assert_eq!(manifest["kind"], "Deployment");
    assert_eq!(
        manifest["metadata"],
        json!({ "name": "web", "namespace": "ns", "labels": { "a": "b", "kubefed.io/managed": "true" } })
    );
}

#[test]
fn the_api_version_may_be_overridden() {
    let patch =
        json!([{ "clusters": ["c"], "patches": [{ "path": "/apiVersion", "value": "extensions/v1beta1" }] }]);
    assert_eq!(rendered(patch, "c")["apiVersion"], "extensions/v1beta1");
}

#[test]
fn mistakes_in_overrides_are_found_at_submission_with_their_paths() {
    let faults = |overrides: Value| -> Vec<FieldError> { validate(&with(overrides), &[cluster("c", &[])]) };
    let one = |overrides: Value| {
        let found = faults(overrides);
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0].path.clone(), found[0].message.clone())
    };
    let (path, message) = one(json!([
        { "clusters": ["c"] },
        { "clusters": ["c"], "patches": [{ "path": "/spec/template/spec/containers/7/image", "value": "x" }] },
    ]));
    assert_eq!(path, "spec.overrides[1].patches[0].path");
    assert!(message.contains("the array has 2 elements") && message.contains("\"c\""), "{message}");
    assert_eq!(one(json!([{ "patches": [] }])).0, "spec.overrides[0]");
    assert_eq!(
        one(json!([{ "clusters": ["c"], "patches": [{ "path": "spec", "value": 1 }] }])).0,
        "spec.overrides[0].patches[0].path"
    );
    for path in ["/metadata/name", "/metadata/namespace", "/metadata/generateName", "/kind"] {
        let found = one(json!([{ "clusters": ["c"], "patches": [{ "path": path, "value": "x" }] }]));
        assert_eq!(found.0, "spec.overrides[0].patches[0].path");
    }
    assert_eq!(
        one(json!([{ "clusters": ["c"], "patches": [{ "op": "add", "path": "/spec/paused" }] }])).0,
        "spec.overrides[0].patches[0].value"
    );
    assert_eq!(
        one(json!([{ "clusters": ["c"], "image": [{ "container": "nobody", "tag": "1" }] }])).0,
        "spec.overrides[0].image[0]"
    );
    assert_eq!(one(json!([{ "clusters": ["c"], "replicas": -1 }])).0, "spec.overrides[0].replicas");
    assert_eq!(
        one(json!([{ "clusters": ["c"], "labels": { "bad key": "x" } }])).0,
        "spec.overrides[0].labels[bad key]"
    );
    assert_eq!(
        one(json!([{ "clusterSelector": { "matchExpressions": [{ "key": "a", "operator": "In" }] } }])).0,
        "spec.overrides[0].clusterSelector.matchExpressions[0].values"
    );
    // Also for clusters that nobody has: they may come.
    assert_eq!(
        one(json!([{ "clusters": ["later"], "patches": [{ "op": "remove", "path": "/spec/x" }] }])).0,
        "spec.overrides[0].patches[0].path"
    );
    assert_eq!(
        faults(json!([{ "clusters": ["c"], "patches": [{ "path": "/spec/new", "value": null }] }])),
        vec![]
    );
}

#[test]
fn overrides_are_tried_on_what_is_left_after_pruning() {
    let mut object = with(json!([{ "clusters": ["c"], "patches": [{ "op": "remove", "path": "/status" }] }]));
    object.spec.template["status"] = json!({ "replicas": 1 });
    assert_eq!(validate(&object, &[cluster("c", &[])])[0].path, "spec.overrides[0].patches[0].path");
}

#[test]
fn pointers_are_unescaped_and_bad_escapes_refused() {
    let mut document = json!({ "a/b": { "c~d": 1 } });
    let patch = |path: &str| Patch { op: PatchOp::Replace, path: path.to_owned(), value: Some(json!(2)) };
    apply_patch(&mut document, &patch("/a~1b/c~0d")).unwrap();
    assert_eq!(document["a/b"]["c~d"], 2);
    for path in ["", "a", "/a~", "/a~2"] {
        assert!(apply_patch(&mut document, &patch(path)).is_err(), "{path}");
    }
}

#[test]
fn places_in_arrays_are_exact() {
    let document = json!({ "list": [1, 2], "text": "x", "none": null });
    let apply = |op: PatchOp, path: &str| {
        let patch = Patch { op, path: path.to_owned(), value: Some(json!(0)) };
        apply_patch(&mut document.clone(), &patch).map_err(|error| error.to_string())
    };
    for path in ["/list/-1", "/list/2", "/list/01", "/list/x", "/list/-", "/list/+1"] {
        assert!(apply(PatchOp::Replace, path).unwrap_err().contains("bad index"), "{path}");
    }
    assert!(apply(PatchOp::Add, "/list/3").is_err());
    assert!(apply(PatchOp::Add, "/list/2").is_ok());
    assert!(apply(PatchOp::Add, "/list/-").is_ok());
    assert!(apply(PatchOp::Add, "/text/a").unwrap_err().contains("/text is a string"));
    assert!(apply(PatchOp::Add, "/none/a").unwrap_err().contains("missing parent"));
}

#[test]
fn an_override_for_nobody_is_for_nobody() {
    let rule = Override::default();
    assert!(!overrides::is_for(&rule, &cluster("c", &[])));
}

#[test]
fn templates_taken_from_live_objects_lose_what_is_the_servers() {
    let mut service = json!({
        "metadata": { "uid": "1", "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}", "hanse.io/placement": "{}",
            "federation.kubernetes.io/x": "y", "mine": "stays",
        } },
        "spec": { "clusterIP": "None", "clusterIPs": ["None"] },
    });
    prune::template(&kind("Service"), &mut service);
    assert_eq!(
        service,
        json!({ "metadata": { "annotations": { "mine": "stays" } }, "spec": { "clusterIP": "None", "clusterIPs": ["None"] } })
    );
    let mut job = json!({ "spec": {
        "selector": { "matchLabels": { "batch.kubernetes.io/controller-uid": "1" } }, "ttlSecondsAfterFinished": 5,
        "template": { "metadata": { "creationTimestamp": null, "labels": { "batch.kubernetes.io/job-name": "x", "app": "a" } } },
    } });
    prune::template(&kind("Job"), &mut job);
    assert_eq!(job, json!({ "spec": { "template": { "metadata": { "labels": { "app": "a" } } } } }));
}

#[test]
fn secrets_are_sent_in_the_form_that_members_show() {
    let secret = object(
        "Secret",
        &json!({ "template": { "data": { "a": "MQ==", "b": "MQ==" }, "stringData": { "b": "two" } }, "placement": { "clusterSelector": {} } }),
    );
    let manifest = copy_of(&secret);
    assert_eq!(manifest["data"], json!({ "a": "MQ==", "b": "dHdv" }));
    assert!(manifest.get("stringData").is_none());
}

#[test]
fn nulls_of_built_in_kinds_are_not_sent() {
    let mut object = deployment();
    object.spec.template["spec"]["strategy"] = json!(null);
    object.spec.template["metadata"] = json!({ "creationTimestamp": null, "labels": null });
    let manifest = copy_of(&object);
    assert!(manifest["spec"].get("strategy").is_none());
    assert_eq!(manifest["metadata"]["labels"], json!({ "kubefed.io/managed": "true" }));
}

fn kept(of: &str, manifest: &Value, live: &Value, form: Form) -> Value {
    let mut manifest = manifest.clone();
    let retained = Retained::of(&kind(of), live, "hanse", &[]);
    retain(&kind(of), &mut manifest, &retained, false, form).unwrap();
    manifest
}

#[test]
fn what_members_allocate_is_left_out_of_what_is_applied() {
    let live = json!({ "spec": {
        "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "healthCheckNodePort": 31000,
        "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080 }],
    } });
    let manifest =
        json!({ "spec": { "ports": [{ "name": "http", "port": 80 }, { "name": "new", "port": 81 }] } });
    assert_eq!(kept("Service", &manifest, &live, Form::Apply), manifest);
    let full = kept("Service", &manifest, &live, Form::Full);
    assert_eq!(full["spec"]["clusterIP"], "10.0.0.1");
    assert_eq!(full["spec"]["healthCheckNodePort"], 31000);
    assert_eq!(
        full["spec"]["ports"],
        json!([{ "name": "http", "port": 80, "nodePort": 30080 }, { "name": "new", "port": 81 }])
    );
}

#[test]
fn other_ports_keep_no_node_port() {
    let live = json!({ "spec": { "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080 }] } });
    for port in [
        json!({ "name": "web", "port": 80 }),
        json!({ "name": "http", "port": 81 }),
        json!({ "name": "http", "port": 80, "protocol": "UDP" }),
    ] {
        let manifest = json!({ "spec": { "ports": [port] } });
        assert!(kept("Service", &manifest, &live, Form::Full)["spec"]["ports"][0].get("nodePort").is_none());
    }
}

#[test]
fn the_rest_of_retention_holds_in_both_forms() {
    let token = json!({ "type": "kubernetes.io/service-account-token", "data": { "token": "bQ==" } });
    let manifest = json!({ "type": "kubernetes.io/service-account-token", "data": { "token": "eA==" } });
    assert_eq!(kept("Secret", &manifest, &token, Form::Full)["data"], token["data"]);
    assert!(kept("Secret", &manifest, &token, Form::Apply).get("data").is_none());

    let live = json!({ "spec": { "selector": { "matchLabels": { "controller-uid": "1" } }, "template": { "metadata": { "labels": { "app": "old", "controller-uid": "1" } } } } });
    let manifest = json!({ "spec": { "template": { "metadata": { "labels": { "app": "new" } } } } });
    let applied = kept("Job", &manifest, &live, Form::Apply);
    assert_eq!(applied["spec"], json!({ "template": { "metadata": { "labels": { "app": "old" } } } }));
    assert_eq!(kept("Job", &manifest, &live, Form::Full)["spec"], live["spec"]);

    let live = json!({ "webhooks": [{ "name": "w", "clientConfig": { "caBundle": "Q0E=" } }] });
    let manifest = json!({ "webhooks": [{ "name": "w", "clientConfig": { "url": "https://x" } }] });
    let full = kept("ValidatingWebhookConfiguration", &manifest, &live, Form::Full);
    assert_eq!(full["webhooks"][0]["clientConfig"]["caBundle"], "Q0E=");
    assert_eq!(kept("ValidatingWebhookConfiguration", &manifest, &live, Form::Apply), manifest);
    let own = json!({ "webhooks": [{ "name": "w", "clientConfig": { "caBundle": "T1dO" } }] });
    assert_eq!(kept("ValidatingWebhookConfiguration", &own, &live, Form::Full), own);

    let live = json!({ "imagePullSecrets": [{ "name": "b" }], "secrets": [{ "name": "tok" }] });
    let manifest = json!({ "imagePullSecrets": [{ "name": "a" }] });
    let applied = kept("ServiceAccount", &manifest, &live, Form::Apply);
    assert_eq!(applied, json!({ "imagePullSecrets": [{ "name": "a" }, { "name": "b" }] }));

    let live = json!({ "spec": { "volumeName": "pv-1" } });
    assert_eq!(kept("PersistentVolumeClaim", &json!({}), &live, Form::Apply), json!({}));
    assert_eq!(kept("PersistentVolumeClaim", &json!({}), &live, Form::Full), live);
}

fn managed_by(manager: &str) -> Value {
    json!({ "managedFields": [{ "manager": manager, "operation": "Update", "subresource": "scale", "fieldsV1": { "f:spec": { "f:replicas": {} } } }] })
}

#[test]
fn replicas_are_the_members_when_somebody_there_scales() {
    let resource = kind("Deployment");
    let manifest = json!({ "spec": { "replicas": 2 } });
    let keep = |live: &Value, form: Form| {
        let mut manifest = manifest.clone();
        let retained = Retained::of(&resource, live, "hanse", &[]);
        retain(&resource, &mut manifest, &retained, true, form).map(|()| manifest["spec"]["replicas"].clone())
    };
    let scaled = json!({ "metadata": managed_by("kube-controller-manager"), "spec": { "replicas": 7 } });
    assert_eq!(keep(&scaled, Form::Full), Ok(json!(7)));
    assert_eq!(keep(&scaled, Form::Apply), Ok(Value::Null), "what an autoscaler owns is left to it");
    let ours = json!({ "metadata": managed_by("hanse"), "spec": { "replicas": 7 } });
    assert_eq!(keep(&ours, Form::Apply), Ok(json!(7)), "leaving out what only we own would reset it");
    assert!(keep(&json!({ "spec": { "replicas": "many" } }), Form::Full).is_err());
}

#[test]
fn ignored_paths_are_as_the_member_has_them() {
    let resource = kind("Deployment");
    let ignored = ["/spec/paused".to_owned(), "/metadata/annotations/a~1b".to_owned()];
    let live = json!({ "metadata": { "annotations": { "a/b": "theirs" } }, "spec": {} });
    let mut manifest =
        json!({ "metadata": { "annotations": { "a/b": "ours" } }, "spec": { "paused": true } });
    let observed = Observed::of(&resource, &live, "hanse", &ignored);
    retain(&resource, &mut manifest, &observed.retained, false, Form::Apply).unwrap();
    assert_eq!(manifest, json!({ "metadata": { "annotations": { "a/b": "theirs" } }, "spec": {} }));
}

#[test]
fn what_a_workload_refers_to_is_found_everywhere_in_it() {
    let spec = json!({
        "serviceAccountName": "runner",
        "imagePullSecrets": [{ "name": "pull" }],
        "containers": [{
            "env": [{ "valueFrom": { "configMapKeyRef": { "name": "cm-env" } } }, { "valueFrom": { "secretKeyRef": { "name": "s-env" } } }],
            "envFrom": [{ "configMapRef": { "name": "cm-from" } }],
        }],
        "volumes": [
            { "configMap": { "name": "cm-vol" } }, { "secret": { "secretName": "s-vol" } },
            { "persistentVolumeClaim": { "claimName": "data" } }, { "persistentVolumeClaim": { "claimName": "own" } },
            { "projected": { "sources": [{ "secret": { "name": "s-proj" } }, { "configMap": { "name": "cm-proj" } }] } },
            { "csi": { "nodePublishSecretRef": { "name": "s-csi" } } },
        ],
    });
    let object = object(
        "StatefulSet",
        &json!({ "template": { "spec": { "template": { "spec": spec }, "volumeClaimTemplates": [{ "metadata": { "name": "own" } }] } } }),
    );
    let found: Vec<String> = dependencies::of(&object)
        .into_iter()
        .map(|d| format!("{}/{}", d.kind, d.name.unwrap_or_default()))
        .collect();
    assert_eq!(
        found,
        [
            "ConfigMap/cm-env",
            "ConfigMap/cm-from",
            "ConfigMap/cm-proj",
            "ConfigMap/cm-vol",
            "Secret/pull",
            "Secret/s-csi",
            "Secret/s-env",
            "Secret/s-proj",
            "Secret/s-vol",
            "ServiceAccount/runner",
            "PersistentVolumeClaim/data",
        ]
    );
}

#[test]
fn a_group_that_a_kind_has_left_is_replaced_and_a_version_of_its_own_is_kept() {
    let mut object = deployment();
    object.spec.template["apiVersion"] = json!("extensions/v1beta1");
    assert_eq!(copy_of(&object)["apiVersion"], "apps/v1");
    object.spec.template["apiVersion"] = json!("apps/v1beta2");
    assert_eq!(copy_of(&object)["apiVersion"], "apps/v1beta2");
}
