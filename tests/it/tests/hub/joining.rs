//! Clusters that join and leave in the words of KubeFed, and namespaces that follow what they select.

use hanse_harness::{Access, Cluster, ControlPlanes, wait_for};
use hanse_it::{Db, TestApp};
use kube::config::Kubeconfig;
use serde_json::{Value, json};

use super::{
    fixture::{SOON, absent, api, import, member, ready, turn},
    support::Hub,
};

const SYSTEM: &str = "/api/v1/namespaces/kube-federation-system";
const CLUSTERS: &str = "/apis/core.kubefed.io/v1beta1/namespaces/kube-federation-system/kubefedclusters";

/// Takes the mark of servers that tests before have ended from a cluster.
pub async fn unmark(cluster: &Cluster) {
    let marks: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(cluster.admin_client().await, "kube-system");
    match marks.delete("hanse-identity", &kube::api::DeleteParams::default()).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(error) => panic!("{error}"),
    }
}

fn kubeconfig(cluster: &Cluster, access: Access) -> Value {
    serde_json::to_value(Kubeconfig::from_yaml(&cluster.kubeconfig(access)).unwrap()).unwrap()
}

fn token(cluster: &Cluster, access: Access) -> String {
    kubeconfig(cluster, access)["users"][0]["user"]["token"].as_str().unwrap().to_owned()
}

fn authority(cluster: &Cluster, access: Access) -> String {
    let kubeconfig = kubeconfig(cluster, access);
    kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"].as_str().unwrap().to_owned()
}

fn secret(name: &str, token: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": token}})
}

fn kubefed_cluster(name: &str, endpoint: &str, authority: &str, secret: &str) -> Value {
    json!({
        "apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster",
        "metadata": {"name": name, "labels": {"tier": "gold"}},
        "spec": {"apiEndpoint": endpoint, "caBundle": authority, "secretRef": {"name": secret}},
    })
}

fn federated(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": format!("Federated{kind}"),
        "metadata": {"name": name}, "spec": spec,
    })
}

/// A refusal's first field, of an answer with status 422.
async fn refused_for(hub: &Hub, path: &str, body: &Value) -> (String, String) {
    let answer = hub.post(path, body).await;
    let text = answer.text.clone();
    let status = answer.is(422);
    let field = status["details"]["causes"][0]["field"].as_str().unwrap_or_default().to_owned();
    (field, text)
}

async fn clusters_of(app: &TestApp, project: &str, expected: &[&str]) {
    wait_for(SOON, &format!("{project} in {expected:?}"), || async {
        let found = app.admin.get(&format!("projects/{project}")).await.is(200);
        if found["clusters"] == json!(expected) { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_joins_and_leaves_by_a_kubefedcluster() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let (hamburg, luebeck) = (planes.cluster("hamburg"), planes.cluster("luebeck"));
    let app = TestApp::start(Db::Sqlite).await;
    app.workspace("default").await;
    let (_, hub) = Hub::both(&app).await;
    unmark(hamburg).await;
    let (way_in, trusted) = (token(hamburg, Access::Token), authority(hamburg, Access::Token));

    // What cannot be taken in is refused with the field that it lies in, and nothing is kept of it.
    let valid = kubefed_cluster("hamburg", &hamburg.server, &trusted, "way-in");
    let (field, text) = refused_for(&hub, CLUSTERS, &valid).await;
    assert_eq!(field, "spec.secretRef.name", "{text}");
    hub.post(&format!("{SYSTEM}/secrets"), &secret("way-in", &way_in)).await.is(201);
    hub.post(&format!("{SYSTEM}/secrets"), &secret("stranger", &token(hamburg, Access::BadToken)))
        .await
        .is(201);
    let stranger = kubefed_cluster("hamburg", &hamburg.server, &trusted, "stranger");
    let untrusted =
        kubefed_cluster("hamburg", &hamburg.server, &authority(hamburg, Access::WrongCa), "way-in");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = kubefed_cluster("hamburg", &format!("https://{closed}"), &trusted, "way-in");
    let mut half = valid.clone();
    half["spec"]["disabledTLSValidations"] = json!(["SubjectName"]);
    let mut homeless = valid.clone();
    homeless["metadata"]["annotations"] = json!({"hanse.io/workspace": "nowhere"});
    for (body, expected) in [
        (stranger, "spec.secretRef.name"),
        (untrusted, "spec.caBundle"),
        (nobody, "spec.apiEndpoint"),
        (half, "spec.disabledTLSValidations"),
        (homeless, "metadata.annotations[hanse.io/workspace]"),
    ] {
        let (field, text) = refused_for(&hub, CLUSTERS, &body).await;
        assert_eq!(field, expected, "{text}");
    }
    assert_eq!(hub.get(&format!("{CLUSTERS}/hamburg")).await.refused(404), "NotFound");
    // Credentials are for those who manage clusters, not for everybody who sees them.
    let auditor = app.user("auditor", &["auditor"]).await.token("auditor", None).await;
    let auditor = Hub::new(&app, "kubefed", &auditor);
    assert_eq!(auditor.get(&format!("{SYSTEM}/secrets/way-in")).await.refused(403), "Forbidden");
    let listed = auditor.get("/api/v1/secrets").await;
    assert!(!listed.text.contains("way-in"), "{}", listed.text);
    assert_eq!(auditor.post(CLUSTERS, &valid).await.refused(403), "Forbidden");

    // It joins, granted to the workspace that namespaces made here belong to. The Secret is spent.
    let made = hub.post(CLUSTERS, &valid).await.is(201);
    assert!(made["spec"]["apiEndpoint"].as_str().unwrap().ends_with("/clusters/hamburg"), "{made}");
    assert_eq!(made["spec"]["secretRef"]["name"], "way-in");
    assert_eq!(hub.post(CLUSTERS, &valid).await.refused(409), "AlreadyExists");
    ready(&app.admin, "hamburg").await;
    let read = hub.get(&format!("{SYSTEM}/secrets/way-in")).await.is(200);
    assert!(!read.to_string().contains(&base64(&way_in)), "the member's token leaves");
    assert!(read["data"]["token"] == json!(base64(&hub.secret)), "it is not the caller's own token");
    assert!(
        auditor.get(&format!("{SYSTEM}/secrets/way-in")).await.is(200)["data"]["token"]
            == json!(base64(&auditor.secret))
    );
    let elsewhere = json!({"spec": {"apiEndpoint": luebeck.server}});
    let one = format!("{CLUSTERS}/hamburg");
    assert_eq!(hub.patch(&one, "merge", &elsewhere).await.refused(422), "Invalid");

    // A namespace that was federated before another cluster joins is federated there, too.
    let namespace = hanse_harness::unique("kf");
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    hub.post("/api/v1/namespaces", &body).await.is(201);
    let types = |kind: &str| format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federated{kind}");
    let gold = json!({"placement": {"clusterSelector": {"matchLabels": {"tier": "gold"}}}});
    hub.post(&types("namespaces"), &federated("Namespace", &namespace, &gold)).await.is(201);
    let everywhere = json!({"template": {"data": {"a": "b"}}, "placement": {"clusterSelector": {}}});
    hub.post(&types("configmaps"), &federated("ConfigMap", "cfg", &everywhere)).await.is(201);
    let here = api(hamburg, "", "ConfigMap", &namespace).await;
    member(&here, "cfg", "the copy in hamburg", |_| true).await;
    unmark(luebeck).await;
    hub.post(&format!("{SYSTEM}/secrets"), &secret("second", &token(luebeck, Access::Token))).await.is(201);
    let trusted = authority(luebeck, Access::Token);
    hub.post(CLUSTERS, &kubefed_cluster("luebeck", &luebeck.server, &trusted, "second")).await.is(201);
    let there = api(luebeck, "", "ConfigMap", &namespace).await;
    member(&there, "cfg", "the copy in luebeck", |_| true).await;
    clusters_of(&app, &namespace, &["hamburg", "luebeck"]).await;

    // It leaves: copies stay and are nobody's, everything else goes on.
    hub.delete(&format!("{CLUSTERS}/hamburg")).await.is(200);
    assert_eq!(hub.get(&format!("{CLUSTERS}/hamburg")).await.refused(404), "NotFound");
    assert_eq!(hub.get(&format!("{SYSTEM}/secrets/way-in")).await.refused(404), "NotFound");
    clusters_of(&app, &namespace, &["luebeck"]).await;
    let left = serde_json::to_value(here.get("cfg").await.unwrap()).unwrap();
    assert!(left["metadata"]["labels"].get("kubefed.io/managed").is_none(), "{left}");
    assert_eq!(left["data"], json!({"a": "b"}));
    member(&there, "cfg", "the copy in luebeck still", |copy| {
        copy["metadata"]["labels"]["kubefed.io/managed"] == "true"
    })
    .await;
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(hamburg.admin_client().await);
    namespaces.delete(&namespace, &kube::api::DeleteParams::default()).await.unwrap();
    hub.delete(&format!("/api/v1/namespaces/{namespace}")).await.is(200);
    absent(&there, "cfg").await;
}

fn base64(text: &str) -> String {
    // What the standard's alphabet makes of it; tests have no use for a crate more.
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| (word << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63] as char;
            out.push(if place <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_follow_what_they_select() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters).await;
    app.admin.post("workspaces", json!({"name": "default", "clusters": ["hamburg"]})).await.is(201);
    let (kube, hub) = Hub::both(&app).await;
    let label = |cluster: &'static str, tier: &'static str| {
        let admin = app.admin.clone();
        async move {
            let body = json!({"labels": {"site": cluster, "tier": tier}});
            admin.patch(&format!("clusters/{cluster}"), body).await.is(200);
        }
    };
    let namespace = hanse_harness::unique("kf");
    let plain = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    hub.post("/api/v1/namespaces", &plain(&namespace)).await.is(201);
    let types = |kind: &str| format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federated{kind}");
    let gold = json!({
        "placement": {"clusterSelector": {"matchLabels": {"tier": "gold"}}},
        "template": {"metadata": {"labels": {"team": "green"}}},
    });
    hub.post(&types("namespaces"), &federated("Namespace", &namespace, &gold)).await.is(201);
    let spec = json!({"template": {"data": {"a": "b"}}, "placement": {"clusterSelector": {}}});
    hub.post(&types("configmaps"), &federated("ConfigMap", "cfg", &spec)).await.is(201);
    clusters_of(&app, &namespace, &[]).await;
    // At a Federation v1 server, by the annotation.
    let selecting = hanse_harness::unique("v1");
    let mut object = plain(&selecting);
    object["metadata"]["annotations"] = json!({
        "federation.alpha.kubernetes.io/cluster-selector": r#"[{"key":"tier","operator":"in","values":["gold"]}]"#,
    });
    kube.post("/api/v1/namespaces", &object).await.is(201);
    clusters_of(&app, &selecting, &[]).await;
    let everywhere = hanse_harness::unique("v1");
    kube.post("/api/v1/namespaces", &plain(&everywhere)).await.is(201);
    clusters_of(&app, &everywhere, &["hamburg"]).await;

    // A cluster is relabelled.
    label("hamburg", "gold").await;
    clusters_of(&app, &namespace, &["hamburg"]).await;
    clusters_of(&app, &selecting, &["hamburg"]).await;
    let here = api(clusters[0], "", "ConfigMap", &namespace).await;
    member(&here, "cfg", "the copy", |_| true).await;
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(clusters[0].admin_client().await);
    let found = namespaces.get(&namespace).await.unwrap();
    assert_eq!(found.metadata.labels.unwrap_or_default().get("team").map(String::as_str), Some("green"));
    // A cluster is granted to the workspace.
    label("luebeck", "gold").await;
    clusters_of(&app, &namespace, &["hamburg"]).await;
    app.admin.patch("workspaces/default", json!({"clusters": ["hamburg", "luebeck"]})).await.is(200);
    for name in [&namespace, &selecting, &everywhere] {
        clusters_of(&app, name, &["hamburg", "luebeck"]).await;
    }
    let there = api(clusters[1], "", "ConfigMap", &namespace).await;
    member(&there, "cfg", "the copy", |_| true).await;
    // It is relabelled again: what was placed there goes.
    label("luebeck", "lead").await;
    clusters_of(&app, &namespace, &["hamburg"]).await;
    clusters_of(&app, &selecting, &["hamburg"]).await;
    clusters_of(&app, &everywhere, &["hamburg", "luebeck"]).await;
    absent(&there, "cfg").await;
    let seen = hub.get(&format!("{}/{namespace}", types("namespaces"))).await.is(200);
    assert_eq!(seen["spec"], gold);
    // Clusters that are chosen one by one follow nothing, and that is what is shown.
    app.admin.patch(&format!("projects/{namespace}"), json!({"clusters": ["luebeck"]})).await.is(200);
    label("hamburg", "tin").await;
    label("hamburg", "gold").await;
    clusters_of(&app, &namespace, &["luebeck"]).await;
    let seen = hub.get(&format!("{}/{namespace}", types("namespaces"))).await.is(200);
    assert_eq!(seen["spec"]["placement"], json!({"clusters": [{"name": "luebeck"}]}));
    for name in [&namespace, &selecting, &everywhere] {
        hub.delete(&format!("/api/v1/namespaces/{name}")).await.is(200);
    }
    absent(&there, "cfg").await;
}
