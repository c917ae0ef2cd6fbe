//! The hub over real clusters.

use hanse_harness::{ControlPlanes, wait_for};
use hanse_it::{Db, TestApp};
use serde_json::{Value, json};

use super::{
    fixture::{SOON, api, deployment, everywhere, gone, import, member, project, turn},
    support::Hub,
};

async fn until(hub: &Hub, path: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(SOON, what, || async {
        let found = hub.get(path).await;
        if found.code == 200 && is(&found.body) { Ok(found.body) } else { Err(found.text) }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_deployment_is_divided_and_reports_true_status() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters).await;
    let namespace = project(&app, &clusters).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let list = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let mut object = deployment("web", 6);
    object["metadata"]["annotations"] = json!({
        "federation.kubernetes.io/deployment-preferences":
            r#"{"rebalance":true,"clusters":{"hamburg":{"weight":2},"luebeck":{"weight":1}}}"#,
    });
    object["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({});
    let made = kube.post(&list, &object).await.is(201);
    let one = format!("{list}/web");
    let ready = until(&kube, &one, "six replicas over both", |found| {
        found["status"]["readyReplicas"] == 6
            && found["status"]["observedGeneration"] == made["metadata"]["generation"]
    })
    .await;
    let available =
        ready["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Available").unwrap();
    assert_eq!(available["status"], "True", "{ready}");
    for (cluster, replicas) in [(clusters[0], 4), (clusters[1], 2)] {
        let api = api(cluster, "apps", "Deployment", &namespace).await;
        let copy = member(&api, "web", "its share", |copy| copy["spec"]["replicas"] == replicas).await;
        // No label or annotation of ours but the one.
        assert_eq!(copy["metadata"]["labels"], json!({"kubefed.io/managed": "true"}), "{copy}");
        let annotations = copy["metadata"]["annotations"].as_object().unwrap();
        assert!(annotations.keys().all(|key| key.starts_with("deployment.kubernetes.io/")), "{copy}");
    }
    // Scaled through the sub-resource, as kubectl does.
    let scaled =
        kube.patch(&format!("{one}/scale"), "merge", &json!({"spec": {"replicas": 3}})).await.is(200);
    assert_eq!(scaled["spec"]["replicas"], 3);
    until(&kube, &one, "three replicas", |found| found["status"]["readyReplicas"] == 3).await;
    // The same record in the words of Federation v2.
    let federated = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federateddeployments/web");
    let seen = until(&kubefed, &federated, "the numbers as overrides", |found| {
        let entry = |name: &str| {
            let entries = found["spec"]["overrides"].as_array().cloned().unwrap_or_default();
            entries
                .into_iter()
                .find(|entry| entry["clusterName"] == name)
                .map(|entry| entry["clusterOverrides"][0]["value"].clone())
        };
        entry("hamburg") == Some(json!(2)) && entry("luebeck") == Some(json!(1))
    })
    .await;
    assert_eq!(seen["metadata"]["uid"], made["metadata"]["uid"]);
    // Deleted, it is gone when its copies are.
    let going = kube.delete(&one).await.is(200);
    assert!(going["metadata"]["deletionTimestamp"].is_string() || going["status"] == "Success", "{going}");
    wait_for(SOON, "the object gone", || async {
        let found = kube.get(&one).await;
        if found.code == 404 { Ok(()) } else { Err(found.text) }
    })
    .await;
    for cluster in clusters {
        let api = api(cluster, "apps", "Deployment", &namespace).await;
        assert!(api.get_opt("web").await.unwrap().is_none());
    }
    // Where each cluster has the number, a table says of how many in all so many are ready.
    let objects = format!("projects/{namespace}/federated-objects");
    app.admin.post(&objects, everywhere(deployment("same", 2))).await.is(201);
    until(&kube, &format!("{list}/same"), "two in each", |found| found["status"]["readyReplicas"] == 4).await;
    for path in [list.clone(), format!("{list}/same")] {
        let table = kube.request(reqwest::Method::GET, &path);
        let table = table.header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1,application/json");
        let table = kube.send(table).await.is(200);
        assert_eq!(table["rows"][0]["cells"][1], "4/4", "{table}");
    }
    kube.delete(&format!("/api/v1/namespaces/{namespace}")).await.is(200);
    gone(&app.admin, &format!("projects/{namespace}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kubefed_host_federates_namespaces_objects_and_preferences() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters).await;
    app.admin
        .post("workspaces", json!({"name": "default", "clusters": ["hamburg", "luebeck"]}))
        .await
        .is(201);
    let (_, hub) = Hub::both(&app).await;
    let made = hub
        .post(
            "/api/v1/namespaces",
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": "kf-"}}),
        )
        .await
        .is(201);
    let namespace = made["metadata"]["name"].as_str().unwrap().to_owned();
    let types = |kind: &str| format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federated{kind}");
    let object = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": format!("Federated{kind}"),
            "metadata": {"name": name}, "spec": spec,
        })
    };
    // Not federated yet: said, not done.
    let map = object(
        "ConfigMap",
        "cfg",
        json!({"template": {"data": {"a": "b"}}, "placement": {"clusterSelector": {}}}),
    );
    hub.post(&types("configmaps"), &map).await.is(201);
    let one = format!("{}/cfg", types("configmaps"));
    until(&hub, &one, "the namespace is not federated", |found| {
        found["status"]["conditions"][0]["reason"] == "NamespaceNotFederated"
    })
    .await;
    assert_eq!(hub.get(&format!("{}/{namespace}", types("namespaces"))).await.refused(404), "NotFound");
    let everywhere = json!({"placement": {"clusterSelector": {}}});
    hub.post(&types("namespaces"), &object("Namespace", &namespace, everywhere)).await.is(201);
    let propagated = |found: &Value, clusters: usize| {
        let status = &found["status"];
        status["conditions"][0]["status"] == "True"
            && status["observedGeneration"] == found["metadata"]["generation"]
            && status["clusters"].as_array().map_or(0, Vec::len) == clusters
    };
    let done = until(&hub, &one, "both clusters", |found| propagated(found, 2)).await;
    assert_eq!(done["metadata"]["generation"], 1, "writing a status does not count as a change: {done}");
    // An override of labels leaves exactly its labels.
    let mut next = done.clone();
    next["spec"]["overrides"] = json!([{
        "clusterName": "hamburg",
        "clusterOverrides": [{"op": "add", "path": "/metadata/labels", "value": {"only": "this"}}],
    }]);
    let put = hub.put(&one, &next).await.is(200);
    assert_eq!((&put["spec"], &put["metadata"]["generation"]), (&next["spec"], &json!(2)));
    let copies = api(clusters[0], "", "ConfigMap", &namespace).await;
    member(&copies, "cfg", "exactly its labels", |copy| {
        copy["metadata"]["labels"] == json!({"only": "this", "kubefed.io/managed": "true"})
    })
    .await;
    until(&hub, &one, "observed", |found| propagated(found, 2)).await;
    // Placement: leaving a cluster removes there.
    let narrowed = json!({"spec": {"placement": {"clusters": [{"name": "luebeck"}]}}});
    hub.patch(&one, "merge", &narrowed).await.is(200);
    until(&hub, &one, "one cluster", |found| propagated(found, 1)).await;
    super::fixture::absent(&copies, "cfg").await;
    // A preference of replicas decides placement and overrides.
    let mut template = deployment("web", 1);
    template["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({});
    let spec = json!({"template": template, "placement": {"clusters": [{"name": "hamburg"}]}});
    hub.post(&types("deployments"), &object("Deployment", "web", spec)).await.is(201);
    let preferences =
        format!("/apis/scheduling.kubefed.io/v1alpha1/namespaces/{namespace}/replicaschedulingpreferences");
    let preference = json!({
        "apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
        "metadata": {"name": "web"},
        "spec": {"targetKind": "FederatedDeployment", "totalReplicas": 9, "clusters": {
            "hamburg": {"weight": 2}, "luebeck": {"weight": 1},
        }},
    });
    hub.post(&preferences, &preference).await.is(201);
    let web = format!("{}/web", types("deployments"));
    until(&hub, &web, "the preference's numbers", |found| {
        found["spec"]["placement"]["clusters"] == json!([{"name": "hamburg"}, {"name": "luebeck"}])
            && found["spec"]["overrides"][0]["clusterOverrides"][0]["value"] == 6
            && found["spec"]["overrides"][1]["clusterOverrides"][0]["value"] == 3
            && propagated(found, 2)
    })
    .await;
    let remote = until(&hub, &web, "status of members", |found| {
        let ready = |index: usize| &found["status"]["clusters"][index]["remoteStatus"]["readyReplicas"];
        ready(0) == 6 && ready(1) == 3
    })
    .await;
    assert_eq!(remote["status"]["clusters"][1]["remoteStatus"]["replicas"], 3, "{remote}");
    // What members hold, as KubeFed notes it.
    let noted =
        format!("/apis/core.kubefed.io/v1alpha1/namespaces/{namespace}/propagatedversions/deployment-web");
    let versions = hub.get(&noted).await.is(200);
    let held = versions["status"]["clusterVersions"].as_array().unwrap();
    assert_eq!(held.len(), 2, "{versions}");
    assert!(held.iter().all(|entry| entry["version"].as_str().unwrap().starts_with("gen:")), "{versions}");
    // The Secret that a KubeFedCluster names is the caller's own token.
    let secret = "/api/v1/namespaces/kube-federation-system/secrets/hamburg-credentials";
    assert!(hub.get(secret).await.is(200)["data"]["token"].is_string());
    // Clusters as KubeFedClusters, relabelled through the view.
    let cluster = "/apis/core.kubefed.io/v1beta1/namespaces/kube-federation-system/kubefedclusters/hamburg";
    let mut seen = hub.get(cluster).await.is(200);
    assert_eq!(seen["status"]["conditions"][0]["type"], "Ready");
    assert_eq!(seen["status"]["conditions"][0]["status"], "True", "{seen}");
    assert!(seen["status"]["kubernetesVersion"].as_str().unwrap().starts_with("v1."), "{seen}");
    let stale = seen.clone();
    seen["metadata"]["labels"]["tier"] = "gold".into();
    let labelled = hub.put(cluster, &seen).await.is(200);
    assert_eq!(labelled["metadata"]["labels"]["tier"], "gold");
    assert_eq!(hub.put(cluster, &stale).await.refused(409), "Conflict");
    let rest = app.admin.get("clusters/hamburg").await.is(200);
    assert_eq!(rest["labels"]["tier"], "gold");
    // The namespace goes with everything in it, here and there.
    hub.delete(&format!("/api/v1/namespaces/{namespace}")).await.is(200);
    wait_for(SOON, "the namespace gone", || async {
        let found = hub.get(&format!("/api/v1/namespaces/{namespace}")).await;
        if found.code == 404 { Ok(()) } else { Err(found.text) }
    })
    .await;
    assert_eq!(hub.get(&preferences).await.refused(404), "NotFound");
    for cluster in clusters {
        let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> =
            kube::Api::all(cluster.admin_client().await);
        assert!(namespaces.get_opt(&namespace).await.unwrap().is_none());
    }
}
