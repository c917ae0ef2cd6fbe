//! Who may do what at the hub: every verb as nobody, as a stranger and as a viewer, at both roots.

use hanse_it::{Db, TestApp};
use reqwest::Method;
use serde_json::json;

use super::support::{Hub, config_map, namespace};

/// Every verb of a namespaced kind: method, path below the list, body.
fn verbs(kind: &str, list: &str) -> Vec<(Method, String, String)> {
    let object = if kind == "configmaps" {
        config_map("there", "2")
    } else {
        json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap",
            "metadata": {"name": "there"}, "spec": {"template": {"data": {}}, "placement": {}},
        })
    }
    .to_string();
    let one = format!("{list}/there");
    vec![
        (Method::GET, list.to_owned(), String::new()),
        (Method::GET, format!("{list}?watch=true&timeoutSeconds=1"), String::new()),
        (Method::GET, one.clone(), String::new()),
        (Method::POST, list.to_owned(), object.replace("there", "new")),
        (Method::PUT, one.clone(), object.clone()),
        (Method::PATCH, one.clone(), json!({"metadata": {"labels": {"a": "b"}}}).to_string()),
        (Method::DELETE, one, String::new()),
        (Method::DELETE, list.to_owned(), String::new()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verb_as_nobody_as_a_stranger_and_as_a_viewer() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let stranger = app.user("stranger", &["member"]).await.token("t", None).await;
    let viewer = app.user("viewer", &["member"]).await;
    app.member(&format!("projects/{namespace}"), "viewer", &["viewer"]).await;
    let viewer = viewer.token("t", None).await;
    let plain = format!("/api/v1/namespaces/{namespace}/configmaps");
    let federated = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedconfigmaps");
    kube.post(&plain, &config_map("there", "1")).await.is(201);
    kubefed.post(&plain, &config_map("there", "1")).await.is(201);
    for (root, kind, list) in [
        ("kube", "configmaps", &plain),
        ("kubefed", "configmaps", &plain),
        ("kubefed", "federatedconfigmaps", &federated),
    ] {
        for (method, path, body) in verbs(kind, list) {
            let send = |secret: &str| {
                let hub = Hub::at(&app.url, root, secret);
                let mut request = hub.request(method.clone(), &path).body(body.clone());
                if method == Method::PATCH {
                    request = request.header("content-type", "application/merge-patch+json");
                }
                async move { hub.send(request).await }
            };
            let what = format!("{root} {method} {path}");
            let nobody = send("nonsense").await;
            assert_eq!((nobody.code, nobody.body["reason"].as_str()), (401, Some("Unauthorized")), "{what}");
            let answer = send(stranger.secret()).await;
            assert_eq!((answer.code, answer.body["reason"].as_str()), (404, Some("NotFound")), "{what}");
            assert!(!answer.text.contains("permission"), "{what}: {}", answer.text);
            let answer = send(viewer.secret()).await;
            let expected = if method == Method::GET { 200 } else { 403 };
            assert_eq!(answer.code, expected, "{what}: {}", answer.text);
            if expected == 403 {
                assert_eq!(answer.body["reason"], "Forbidden", "{what}");
            }
        }
    }
    // Nothing of that has changed anything.
    assert_eq!(kube.get(&format!("{plain}/there")).await.is(200)["data"]["key"], "1");
    // A viewer reads no Secrets, at either root and in neither form.
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hidden"}});
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    kube.post(&secrets, &secret).await.is(201);
    kubefed.post(&secrets, &secret).await.is(201);
    let fsecrets = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedsecrets");
    for (root, path) in [("kube", &secrets), ("kubefed", &secrets), ("kubefed", &fsecrets)] {
        let hub = Hub::at(&app.url, root, viewer.secret());
        for path in [path.clone(), format!("{path}/s"), format!("{path}?watch=true&timeoutSeconds=1")] {
            assert_eq!(hub.get(&path).await.refused(403), "Forbidden", "{root} {path}");
        }
        let everywhere = path.replace(&format!("/namespaces/{namespace}"), "");
        assert_eq!(hub.get(&everywhere).await.is(200)["items"], json!([]), "{root}");
    }
    // Strangers see no namespace and make none; lists over all namespaces are empty for them.
    for root in ["kube", "kubefed"] {
        let hub = Hub::at(&app.url, root, stranger.secret());
        assert_eq!(hub.get("/api/v1/namespaces").await.is(200)["items"], json!([]));
        assert_eq!(hub.get(&format!("/api/v1/namespaces/{namespace}")).await.refused(404), "NotFound");
        assert_eq!(hub.delete(&format!("/api/v1/namespaces/{namespace}")).await.refused(404), "NotFound");
        let new = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mine"}});
        assert_eq!(hub.post("/api/v1/namespaces", &new).await.refused(403), "Forbidden");
        assert_eq!(hub.get("/api/v1/configmaps").await.is(200)["items"], json!([]));
    }
    let hub = Hub::at(&app.url, "kubefed", viewer.secret());
    let clusters = "/apis/core.kubefed.io/v1beta1/namespaces/kube-federation-system/kubefedclusters";
    assert_eq!(hub.get(clusters).await.refused(403), "Forbidden");
    assert_eq!(hub.get("/apis/rbac.authorization.k8s.io/v1/clusterroles").await.refused(403), "Forbidden");
    // Refused attempts are written down.
    let trail = app.admin.get("audit?limit=200").await.is(200);
    let refused = trail["items"].as_array().unwrap().iter().filter(|row| row["result"] != "ok").count();
    assert!(refused > 20, "{refused} refused attempts");
}
