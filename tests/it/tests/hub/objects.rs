//! Objects at the hub: what a client may rely on, on both databases. The semantics in detail are replayed against a real
//! apiserver in `hanse-machinery`; here it is that they hold over records and transactions.

use hanse_it::{Db, TestApp};
use serde_json::{Value, json};

use super::support::{Hub, config_map, namespace, version};

async fn writes(db: Db) {
    let app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    for (hub, root) in [(&kube, "kube"), (&kubefed, "kubefed")] {
        let list = format!("/api/v1/namespaces/{namespace}/configmaps");
        let one = format!("{list}/a");
        let made = hub.post(&list, &config_map("a", "1")).await.is(201);
        assert_eq!(made["metadata"]["namespace"], namespace.as_str());
        assert!(made["metadata"]["uid"].is_string() && version(&made) > 0, "{made}");
        assert_eq!(hub.post(&list, &config_map("a", "1")).await.refused(409), "AlreadyExists");
        assert_eq!(hub.get(&one).await.is(200), made);
        // The same again changes nothing.
        assert_eq!(hub.put(&one, &made).await.is(200), made);

        let mut next = made.clone();
        next["data"]["key"] = "2".into();
        let put = hub.put(&one, &next).await.is(200);
        assert!(version(&put) > version(&made), "{put}");
        assert_eq!(put["metadata"]["uid"], made["metadata"]["uid"]);
        assert_eq!(hub.put(&one, &next).await.refused(409), "Conflict");

        let merged = hub.patch(&one, "merge", &json!({"data": {"more": "x", "key": null}})).await.is(200);
        assert_eq!(merged["data"], json!({"more": "x"}));
        let ops = json!([{"op": "add", "path": "/data/third", "value": "y"}]);
        assert_eq!(hub.patch(&one, "json", &ops).await.is(200)["data"], json!({"more": "x", "third": "y"}));
        let failing = json!([{"op": "test", "path": "/data/third", "value": "other"}]);
        assert_eq!(hub.patch(&one, "json", &failing).await.refused(422), "Invalid");

        let generated =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "gen-"}});
        let named = hub.post(&list, &generated).await.is(201);
        assert!(named["metadata"]["name"].as_str().unwrap().starts_with("gen-"), "{named}");

        let dry = hub.post(&format!("{list}?dryRun=All"), &config_map("dry", "1")).await.is(201);
        assert_eq!(dry["data"]["key"], "1");
        assert_eq!(hub.get(&format!("{list}/dry")).await.refused(404), "NotFound");

        let stale = json!({"preconditions": {"resourceVersion": made["metadata"]["resourceVersion"]}});
        let request = hub.request(reqwest::Method::DELETE, &one).body(stale.to_string());
        assert_eq!(hub.send(request).await.refused(409), "Conflict");
        hub.delete(&one).await.is(200);
        assert_eq!(hub.get(&one).await.refused(404), "NotFound");
        assert_eq!(hub.delete(&one).await.refused(404), "NotFound");
        assert_eq!(hub.get(&list).await.is(200)["items"].as_array().unwrap().len(), 1, "{root}");
        hub.send(hub.request(reqwest::Method::DELETE, &list)).await.is(200);
        assert_eq!(hub.get(&list).await.is(200)["items"], json!([]));
    }
    // What is plain at one root is federated at the other: the one is a record, the other only there.
    kube.post(&format!("/api/v1/namespaces/{namespace}/configmaps"), &config_map("shared", "1"))
        .await
        .is(201);
    let federated = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedconfigmaps");
    let seen = kubefed.get(&format!("{federated}/shared")).await.is(200);
    assert_eq!(seen["spec"]["template"]["data"], json!({"key": "1"}));
    assert_eq!(seen["spec"]["placement"], json!({"clusterSelector": {}}));
    let rest =
        app.admin.get(&format!("projects/{namespace}/federated-objects/configmaps/shared")).await.is(200);
    assert_eq!(rest["id"], seen["metadata"]["uid"]);
    let absent = kubefed.get(&format!("/api/v1/namespaces/{namespace}/configmaps/shared")).await;
    assert_eq!(absent.refused(404), "NotFound");
    // And the other way round, verbatim.
    let spec = json!({"template": {"data": {"a": "b"}}, "placement": {"clusters": [], "clusterSelector": {"matchLabels": {"x": "y"}}}});
    let object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap",
        "metadata": {"name": "both", "labels": {"l": "1"}}, "spec": spec,
    });
    let made = kubefed.post(&federated, &object).await.is(201);
    assert_eq!(made["spec"], spec);
    assert_eq!(made["metadata"]["generation"], 1);
    let plain = kube.get(&format!("/api/v1/namespaces/{namespace}/configmaps/both")).await.is(200);
    assert_eq!(plain["data"], json!({"a": "b"}));
    // A write through one root is seen through the other, and changes nothing that it did not mean.
    let patched = kube
        .patch(
            &format!("/api/v1/namespaces/{namespace}/configmaps/both"),
            "merge",
            &json!({"data": {"c": "d"}}),
        )
        .await
        .is(200);
    assert_eq!(patched["data"], json!({"a": "b", "c": "d"}));
    let seen = kubefed.get(&format!("{federated}/both")).await.is(200);
    assert_eq!(seen["spec"]["template"]["data"], json!({"a": "b", "c": "d"}));
    assert_eq!(seen["spec"]["placement"], spec["placement"]);
    assert_eq!(seen["metadata"]["labels"], json!({"l": "1"}));
    assert_eq!(seen["metadata"]["generation"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_on_sqlite() {
    writes(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_on_postgresql() {
    writes(Db::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_of_fields_are_kept_and_conflicts_told() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    for hub in [&kube, &kubefed] {
        let one = format!("/api/v1/namespaces/{namespace}/configmaps/owned");
        let first =
            hub.patch(&format!("{one}?fieldManager=one"), "apply", &config_map("owned", "1")).await.is(201);
        let managers = |object: &Value| -> Vec<String> {
            let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
            entries.iter().map(|entry| entry["manager"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(managers(&first), ["one"]);
        let other = config_map("owned", "2");
        let refused = hub.patch(&format!("{one}?fieldManager=two"), "apply", &other).await;
        let body = refused.is(409);
        assert_eq!(body["details"]["causes"][0]["field"], ".data.key", "{body}");
        let forced = hub.patch(&format!("{one}?fieldManager=two&force=true"), "apply", &other).await.is(200);
        assert_eq!(forced["data"]["key"], "2");
        // What an applier leaves out goes, if nobody else owns it.
        let empty = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "owned"}});
        let left = hub.patch(&format!("{one}?fieldManager=two"), "apply", &empty).await.is(200);
        assert_eq!(left.get("data"), None, "{left}");
        assert_eq!(hub.patch(&one, "apply", &empty).await.refused(422), "Invalid");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finalizers_hold_and_owners_take_along() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (_, hub) = Hub::both(&app).await;
    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    let mut held = config_map("held", "1");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    hub.post(&list, &held).await.is(201);
    let going = hub.delete(&format!("{list}/held")).await.is(200);
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    hub.get(&format!("{list}/held")).await.is(200);
    let free = json!({"metadata": {"finalizers": null}});
    hub.patch(&format!("{list}/held"), "merge", &free).await.is(200);
    assert_eq!(hub.get(&format!("{list}/held")).await.refused(404), "NotFound");

    let owner = hub.post(&list, &config_map("owner", "1")).await.is(201);
    let reference = |object: &Value| json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": object["metadata"]["name"], "uid": object["metadata"]["uid"]}]);
    let mut child = config_map("child", "1");
    child["metadata"]["ownerReferences"] = reference(&owner);
    let child = hub.post(&list, &child).await.is(201);
    let versions = format!("/apis/core.kubefed.io/v1alpha1/namespaces/{namespace}/propagatedversions");
    let grandchild = json!({
        "apiVersion": "core.kubefed.io/v1alpha1", "kind": "PropagatedVersion",
        "metadata": {"name": "configmap-child", "ownerReferences": reference(&child)},
        "spec": {}, "status": {"templateVersion": "x"},
    });
    hub.post(&versions, &grandchild).await.is(201);
    hub.delete(&format!("{list}/owner")).await.is(200);
    assert_eq!(hub.get(&format!("{list}/child")).await.refused(404), "NotFound");
    assert_eq!(hub.get(&format!("{versions}/configmap-child")).await.refused(404), "NotFound");
    // Orphaned, a dependent stays.
    let owner = hub.post(&list, &config_map("owner", "1")).await.is(201);
    let mut child = config_map("child", "1");
    child["metadata"]["ownerReferences"] = reference(&owner);
    hub.post(&list, &child).await.is(201);
    hub.delete(&format!("{list}/owner?propagationPolicy=Orphan")).await.is(200);
    let orphan = hub.get(&format!("{list}/child")).await.is(200);
    assert_eq!(orphan["metadata"].get("ownerReferences"), None, "{orphan}");
    // Status is written by its sub-resource alone.
    hub.post(
        &versions,
        &json!({
            "apiVersion": "core.kubefed.io/v1alpha1", "kind": "PropagatedVersion",
            "metadata": {"name": "pv"}, "spec": {}, "status": {"templateVersion": "ignored"},
        }),
    )
    .await
    .is(201);
    let mut pv = hub.get(&format!("{versions}/pv")).await.is(200);
    assert_eq!(pv.get("status"), None, "{pv}");
    pv["status"] = json!({"templateVersion": "kept"});
    hub.put(&format!("{versions}/pv/status"), &pv).await.is(200);
    assert_eq!(hub.get(&format!("{versions}/pv")).await.is(200)["status"]["templateVersion"], "kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_in_every_shape() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (hub, _) = Hub::both(&app).await;
    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    for number in 0..7 {
        let mut object = config_map(&format!("c{number}"), "1");
        object["metadata"]["labels"] = json!({"odd": (number % 2 == 1).to_string()});
        hub.post(&list, &object).await.is(201);
    }
    let names = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().unwrap();
        items.iter().map(|item| item["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let odd = hub.get(&format!("{list}?labelSelector=odd%3Dtrue")).await.is(200);
    assert_eq!(names(&odd), ["c1", "c3", "c5"]);
    let one = hub.get(&format!("{list}?fieldSelector=metadata.name%3Dc4")).await.is(200);
    assert_eq!(names(&one), ["c4"]);
    assert_eq!(hub.get(&format!("{list}?fieldSelector=spec.x%3Dc4")).await.refused(400), "BadRequest");
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = hub.get(&format!("{list}?limit=3&continue={token}")).await.is(200);
        all.extend(names(&page));
        match page["metadata"]["continue"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(all, ["c0", "c1", "c2", "c3", "c4", "c5", "c6"]);
    let request = hub.request(reqwest::Method::GET, &list);
    let table = request.header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1,application/json");
    let table = hub.send(table).await.is(200);
    assert_eq!((table["kind"].as_str(), table["rows"].as_array().unwrap().len()), (Some("Table"), 7));
    let everywhere = hub.get("/api/v1/configmaps").await.is(200);
    assert_eq!(names(&everywhere).len(), 7);
    assert_eq!(hub.get("/api/v1/namespaces/nowhere/configmaps").await.refused(404), "NotFound");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_apiserver_refuses_is_refused_with_the_fields_path() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let mut object = super::fixture::deployment("bad", 1);
    object["metadata"]["annotations"] = json!({"federation.kubernetes.io/deployment-preferences": "{nope"});
    let body = kube.post(&deployments, &object).await.is(422);
    let cause = &body["details"]["causes"][0];
    let field = cause["field"].as_str().unwrap();
    assert!(field.contains("deployment-preferences"), "{body}");
    assert!(cause["message"].as_str().unwrap().contains("is not JSON"), "{body}");
    assert_eq!(kube.get(&format!("{deployments}/bad")).await.refused(404), "NotFound");

    let mut object = super::fixture::deployment("bad", 1);
    object["spec"]["bogus"] = 1.into();
    let body = kube.post(&format!("{deployments}?fieldValidation=Strict"), &object).await.is(400);
    assert!(body["message"].as_str().unwrap().contains("spec.bogus"), "{body}");

    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    let large = config_map("large", &"x".repeat(4 * 1024 * 1024));
    for hub in [&kube, &kubefed] {
        assert_eq!(hub.post(&list, &large).await.refused(413), "RequestEntityTooLarge");
        let mut wrong = config_map("wrong", "1");
        wrong["apiVersion"] = "v2".into();
        assert_eq!(hub.post(&list, &wrong).await.refused(400), "BadRequest");
        assert_eq!(hub.post(&list, &config_map("Bad_Name", "1")).await.refused(422), "Invalid");
        let request = hub.request(reqwest::Method::POST, &list).body("{\"kind\": ");
        assert_eq!(hub.send(request).await.refused(400), "BadRequest");
        // Ten levels of ten references each would be ten billion; nesting without end; bytes that are no text.
        let mut bomb = "a0: &a0 [x]\n".to_owned();
        for level in 1..11 {
            let references = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{references}]\n"));
        }
        let bodies = [
            ("application/yaml", bomb.into_bytes()),
            ("application/yaml", b"\xff\xfe: x".to_vec()),
            ("application/json", [b"{\"a\":".repeat(50_000), b"1".to_vec()].concat()),
            ("application/json", b"{\"a\": \"\xff\"}".to_vec()),
            ("application/vnd.kubernetes.protobuf", b"k8s\0\xff\xff\xff".to_vec()),
        ];
        for (media, body) in bodies {
            let began = std::time::Instant::now();
            let request = hub.request(reqwest::Method::POST, &list).header("content-type", media).body(body);
            assert_eq!(hub.send(request).await.refused(400), "BadRequest", "{media}");
            assert!(began.elapsed() < std::time::Duration::from_secs(2), "{media}: {:?}", began.elapsed());
        }
        assert_eq!(hub.get("/apis/nothing/v1").await.refused(404), "NotFound");
        assert_eq!(hub.get("/api/v1/namespaces/a%2fb/configmaps").await.refused(404), "NotFound");
    }
    let federated = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federateddeployments");
    let object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment", "metadata": {"name": "bad"},
        "spec": {"template": {}, "placement": {}, "overrides": [
            {"clusterName": "a", "clusterOverrides": [{"path": "/metadata/name", "value": "x"}]},
        ]},
    });
    let body = kubefed.post(&federated, &object).await.is(422);
    let field = body["details"]["causes"][0]["field"].as_str().unwrap();
    assert_eq!(field, "spec.overrides[0].clusterOverrides[0].path", "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_writers_lose_nothing() {
    for db in [Db::Sqlite, Db::Postgres] {
        let app = TestApp::start(db).await;
        let namespace = namespace(&app).await;
        let (kube, kubefed) = Hub::both(&app).await;
        for hub in [kube, kubefed] {
            let list = format!("/api/v1/namespaces/{namespace}/configmaps");
            let one = format!("{list}/counter");
            hub.post(&list, &config_map("counter", "0")).await.is(201);
            let mut writers = tokio::task::JoinSet::new();
            for writer in 0..16 {
                let (hub, one) = (hub.clone(), one.clone());
                writers.spawn(async move {
                    let mut conflicts = 0;
                    for _ in 0..4 {
                        loop {
                            let mut object = hub.get(&one).await.is(200);
                            let count: u64 = object["data"]["key"].as_str().unwrap().parse().unwrap();
                            object["data"]["key"] = (count + 1).to_string().into();
                            let answer = hub.put(&one, &object).await;
                            if answer.code == 200 {
                                break;
                            }
                            assert_eq!(answer.refused(409), "Conflict");
                            conflicts += 1;
                        }
                    }
                    let patch = json!({"data": {format!("w{writer}"): "here"}});
                    hub.patch(&one, "merge", &patch).await.is(200);
                    conflicts
                });
            }
            let conflicts: u32 = writers.join_all().await.into_iter().sum();
            let object = hub.get(&one).await.is(200);
            assert_eq!(object["data"]["key"], "64", "{conflicts} conflicts");
            assert_eq!(object["data"].as_object().unwrap().len(), 17, "{object}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_hub_is_a_kubefed_host() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (kube, hub) = Hub::both(&app).await;
    let core = |namespace: &str, plural: &str| {
        format!("/apis/core.kubefed.io/v1beta1/namespaces/{namespace}/{plural}")
    };
    let system = "kube-federation-system";
    let types = core(system, "federatedtypeconfigs");
    assert_eq!(hub.get(&types).await.is(200)["items"].as_array().unwrap().len(), 10);
    let one = hub.get(&format!("{types}/deployments.apps")).await.is(200);
    assert_eq!(one["spec"]["federatedType"]["kind"], "FederatedDeployment");
    assert_eq!(one["status"]["propagationController"], "Running");
    let patched = hub
        .patch(
            &format!("{types}/deployments.apps"),
            "merge",
            &json!({"spec": {"statusCollection": "Enabled"}}),
        )
        .await
        .is(200);
    assert_eq!(patched["status"]["statusController"], "Running", "{patched}");
    let off = json!({"spec": {"propagation": "Disabled"}});
    let patched = hub.patch(&format!("{types}/deployments.apps"), "merge", &off).await.is(200);
    assert_eq!(patched["status"]["propagationController"], "NotRunning");
    assert_eq!(patched["status"]["observedGeneration"], patched["metadata"]["generation"]);
    let config = hub.get(&format!("{}/kubefed", core(system, "kubefedconfigs"))).await.is(200);
    assert_eq!(config["spec"]["scope"], "Cluster");
    let gates: Vec<&str> = config["spec"]["featureGates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|gate| gate["name"].as_str().unwrap())
        .collect();
    assert_eq!(gates, ["PushReconciler", "RawResourceStatusCollection", "SchedulerPreferences"]);
    // In any namespace the same is refused, and what is well is kept without an effect.
    let partial = json!({
        "apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedConfig", "metadata": {"name": "mine"},
        "spec": {"scope": "Namespaced", "clusterHealthCheck": {"period": "1s"}},
    });
    let made = hub.post(&core(&namespace, "kubefedconfigs"), &partial).await.is(201);
    assert_eq!(
        made["spec"]["clusterHealthCheck"],
        json!({"period": "1s", "failureThreshold": 3, "successThreshold": 1, "timeout": "3s"})
    );
    let mut wrong = partial.clone();
    wrong["spec"]["syncController"] = json!({"adoptResources": "Perhaps"});
    wrong["metadata"]["name"] = "wrong".into();
    let refused = hub.post(&core(&namespace, "kubefedconfigs"), &wrong).await.is(422);
    assert_eq!(refused["details"]["causes"][0]["field"], "spec.syncController.adoptResources");
    let mut wrong = one.clone();
    wrong["metadata"] = json!({"name": "deployments.apps"});
    wrong["spec"]["federatedType"]["group"] = "".into();
    let refused = hub.post(&core(&namespace, "federatedtypeconfigs"), &wrong).await.is(422);
    assert_eq!(refused["details"]["causes"][0]["field"], "spec.federatedType.group");
    for (endpoint, says) in [
        ("", "spec.apiEndpoint: Required value"),
        ("example.com/path/to/somewhere", "host must be a URL or a host:port pair"),
        ("tcp://example.com", "spec.apiEndpoint: Unsupported value: \"tcp\""),
        ("example.com:-80", "invalid port"),
        ("example.com:65536", "must be between 1 and 65535, inclusive"),
    ] {
        let cluster = json!({
            "apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "metadata": {"name": "c"},
            "spec": {"apiEndpoint": endpoint, "secretRef": {"name": "s"}},
        });
        let refused = hub.post(&core(&namespace, "kubefedclusters"), &cluster).await.is(422);
        assert!(refused["message"].as_str().unwrap().contains(says), "{endpoint}: {refused}");
    }
    let cluster = json!({
        "apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "metadata": {"name": "inert"},
        "spec": {"apiEndpoint": "https://[2001:db8:25a4:8d2::1]:8080/path", "secretRef": {"name": "s"}},
    });
    hub.post(&core(&namespace, "kubefedclusters"), &cluster).await.is(201);
    assert_eq!(app.admin.get("clusters").await.is(200)["items"], json!([]));
    // The federated kinds are served at both roots, and are the same there.
    let path = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedsecrets");
    let object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedSecret", "metadata": {"name": "s"},
        "spec": {"template": {"data": {"p": "aGlkZGVu"}, "type": "Opaque"}, "placement": {}},
    });
    let made = kube.post(&path, &object).await.is(201);
    let seen = hub.get(&format!("{path}/s")).await.is(200);
    assert_eq!((&seen["spec"], &seen["metadata"]["uid"]), (&made["spec"], &made["metadata"]["uid"]));
    assert_eq!(made["spec"], object["spec"]);
    // Definitions of kinds are served at once.
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
            }}}],
        },
    });
    hub.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition).await.is(201);
    let things = format!("/apis/example.com/v1/namespaces/{namespace}/things");
    let thing = json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": {"size": 3}});
    hub.post(&things, &thing).await.is(201);
    assert_eq!(hub.get("/apis/example.com/v1").await.is(200)["resources"][0]["kind"], "Thing");
    hub.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/things.example.com").await.is(200);
    assert_eq!(hub.get(&things).await.refused(404), "NotFound");
    app.stop_and_search("aGlkZGVu").await;
}

async fn defaults(db: Db) {
    let app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, _) = Hub::both(&app).await;
    let list = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let one = format!("{list}/d");
    let rest = format!("projects/{namespace}/federated-objects/deployments.apps/d");
    let spec = json!({
        "selector": {"matchLabels": {"app": "d"}},
        "template": {
            "metadata": {"labels": {"app": "d"}},
            "spec": {"containers": [{"name": "c", "image": "pause:1"}]},
        },
    });
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec,
    });
    // As an apiserver writes it: structures that are always there, even when nothing is in them.
    let mut wanted = object["spec"].clone();
    wanted["strategy"] = json!({});
    wanted["template"]["spec"]["containers"][0]["resources"] = json!({});
    let kept = || async { app.admin.get(&rest).await.is(200)["spec"]["template"]["spec"].clone() };
    let made = kube.post(&list, &object).await.is(201);
    assert_eq!((&made["spec"]["replicas"], &made["spec"]["revisionHistoryLimit"]), (&json!(1), &json!(10)));
    assert_eq!(kept().await, wanted, "made");
    // What a client sends back as it was shown is not wanted because of that.
    let mut next = made;
    next["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    next["metadata"]["labels"] = json!({"tier": "web"});
    next["spec"]["template"]["spec"]["containers"][0]["image"] = "pause:2".into();
    let put = kube.put(&one, &next).await.is(200);
    assert_eq!(put["spec"]["progressDeadlineSeconds"], 600);
    wanted["template"]["spec"]["containers"][0]["image"] = "pause:2".into();
    assert_eq!(kept().await, wanted, "put");
    kube.patch(&one, "merge", &json!({"spec": {"replicas": 3}})).await.is(200);
    wanted["replicas"] = 3.into();
    assert_eq!(kept().await, wanted, "patched");
    // A server-side apply that makes an object is one, too.
    let mut applied = object;
    applied["metadata"]["name"] = "a".into();
    let path = format!("{list}/a?fieldManager=test");
    kube.patch(&path, "apply", &applied).await.is(201);
    let rest = format!("projects/{namespace}/federated-objects/deployments.apps/a");
    let stored = app.admin.get(&rest).await.is(200)["spec"]["template"]["spec"].clone();
    wanted.as_object_mut().unwrap().remove("replicas");
    wanted["template"]["spec"]["containers"][0]["image"] = "pause:1".into();
    assert_eq!(stored, wanted, "applied");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defaults_are_shown_and_not_kept_on_sqlite() {
    defaults(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn defaults_are_shown_and_not_kept_on_postgresql() {
    defaults(Db::Postgres).await;
}
