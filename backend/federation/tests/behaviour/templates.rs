//! What is taken out of templates, and what they refer to.

use hanse_federation::{dependencies, prune};
use serde_json::{Value, json};

use super::support::{self, object};

fn pruned(kind: &str, mut object: Value) -> Value {
    prune::template(&support::kind(kind), &mut object);
    object
}

#[test]
fn only_what_an_apiserver_or_a_controller_wrote_is_pruned() {
    let job = |manual: bool| {
        json!({ "spec": {
            "manualSelector": manual, "selector": { "matchLabels": { "job-name": "x" } },
            "template": { "metadata": { "labels": { "job-name": "x", "batch.kubernetes.io/controller-uid": "1" } } },
        } })
    };
    assert_eq!(pruned("Job", job(true)), job(true), "a selector of the user's own stays");
    assert_eq!(
        pruned("Job", job(false))["spec"],
        json!({ "manualSelector": false, "template": { "metadata": { "labels": {} } } })
    );
    let claim = json!({ "metadata": { "annotations": {
        "volume.kubernetes.io/selected-node": "n", "example.com/selected-node": "mine",
    } } });
    assert_eq!(
        pruned("PersistentVolumeClaim", claim)["metadata"]["annotations"],
        json!({ "example.com/selected-node": "mine" })
    );
    for (spec, kept) in [
        (json!({ "clusterIP": "None" }), json!({ "clusterIP": "None" })),
        (json!({ "clusterIPs": ["None"] }), json!({ "clusterIPs": ["None"] })),
        (
            json!({ "clusterIP": "None", "clusterIPs": ["None"] }),
            json!({ "clusterIP": "None", "clusterIPs": ["None"] }),
        ),
        (json!({ "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"] }), json!({})),
        (json!({ "clusterIP": "", "clusterIPs": ["10.0.0.1"] }), json!({})),
    ] {
        assert_eq!(pruned("Service", json!({ "spec": spec }))["spec"], kept);
    }
}

#[test]
fn every_form_of_reference_is_a_dependency() {
    let pod = json!({
        "serviceAccountName": "robot", "imagePullSecrets": [{ "name": "s-pull" }, {}],
        "initContainers": [{ "envFrom": [{ "configMapRef": { "name": "c-init" } }] }],
        "containers": [{
            "env": [
                { "valueFrom": { "configMapKeyRef": { "name": "c-key" } } }, { "valueFrom": { "secretKeyRef": { "name": "s-key" } } },
                { "value": "x" },
            ],
            "envFrom": [{ "secretRef": { "name": "s-from", "optional": true } }],
        }],
        "ephemeralContainers": [{ "envFrom": [{ "secretRef": { "name": "s-ephemeral" } }] }],
        "volumes": [
            { "configMap": { "name": "c-volume" } }, { "secret": { "secretName": "s-volume" } },
            { "persistentVolumeClaim": { "claimName": "p-volume" } }, { "persistentVolumeClaim": { "claimName": "data" } },
            { "projected": { "sources": [
                { "configMap": { "name": "c-projected" } }, { "secret": { "name": "s-projected" } }, { "serviceAccountToken": {} },
            ] } },
            { "ephemeral": { "volumeClaimTemplate": { "metadata": { "name": "own" } } } },
            { "csi": { "nodePublishSecretRef": { "name": "s-csi" } } }, { "azureFile": { "secretName": "s-azure" } },
            { "cephfs": { "secretRef": { "name": "s-ceph" } } }, { "cinder": { "secretRef": { "name": "s-cinder" } } },
            { "rbd": { "secretRef": { "name": "s-rbd" } } }, { "flexVolume": { "secretRef": { "name": "s-flex" } } },
            { "scaleIO": { "secretRef": { "name": "s-scale" } } }, { "iscsi": { "secretRef": { "name": "s-iscsi" } } },
            { "storageos": { "secretRef": { "name": "s-os" } } },
        ],
    });
    let expected = [
        "c-init",
        "c-key",
        "c-projected",
        "c-volume",
        "s-azure",
        "s-ceph",
        "s-cinder",
        "s-csi",
        "s-ephemeral",
        "s-flex",
        "s-from",
        "s-iscsi",
        "s-key",
        "s-os",
        "s-projected",
        "s-pull",
        "s-rbd",
        "s-scale",
        "s-volume",
        "robot",
        "p-volume",
    ];
    for (kind, template) in [
        (
            "StatefulSet",
            json!({ "spec": { "template": { "spec": pod }, "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] } }),
        ),
        ("CronJob", json!({ "spec": { "jobTemplate": { "spec": { "template": { "spec": pod } } } } })),
        ("Pod", json!({ "spec": pod })),
        ("ReplicationController", json!({ "spec": { "template": { "spec": pod } } })),
    ] {
        let object = object(kind, &json!({ "template": template }));
        let found = dependencies::of(&object);
        let names: Vec<&str> =
            found.iter().filter_map(|one| one.name.as_deref()).filter(|name| *name != "data").collect();
        assert_eq!(names, expected, "{kind}");
        assert_eq!(found.len(), expected.len() + usize::from(kind != "StatefulSet"), "{kind}");
    }
    let tls = json!({ "template": { "spec": { "tls": [{ "secretName": "b" }, { "secretName": "a" }, { "hosts": ["x"] }, { "secretName": "a" }] } } });
    let found = dependencies::of(&object("Ingress", &tls));
    assert_eq!(found.iter().map(|one| one.name.as_deref().unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    let plain =
        json!({ "template": { "spec": { "template": { "spec": { "serviceAccountName": "default" } } } } });
    assert!(dependencies::of(&object("Deployment", &plain)).is_empty(), "every namespace has that one");
}
