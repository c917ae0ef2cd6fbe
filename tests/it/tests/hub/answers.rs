//! Writes are answered from what was written, and decided about what was seen last: neither may be told from having looked
//! again.

use hanse_it::{Db, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Hub, config_map, namespace, version};

/// Whether a write's answer is what is shown afterwards. Status comes when members, or the engine, say something.
async fn shown(hub: &Hub, path: &str, answer: &Value) {
    let plain = |object: &Value| {
        let mut plain = object.clone();
        plain.as_object_mut().unwrap().remove("status");
        plain["metadata"]["resourceVersion"] = Value::Null;
        plain
    };
    let found = hub.get(path).await.is(200);
    assert_eq!(plain(answer), plain(&found), "{path}");
    assert!(version(answer) <= version(&found), "{answer} {found}");
    if found.get("status").is_none() {
        assert_eq!(version(answer), version(&found), "{path}");
    }
}

async fn answers(db: Db) {
    let app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "finalizers": ["example.com/held"]},
        "stringData": {"password": "hunter2"},
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
        "spec": {
            "selector": {"matchLabels": {"app": "d"}},
            "template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {"containers": [{"name": "c", "image": "pause:1"}]},
            },
        },
    });
    let federated = |kind: &str, name: &str, template: &Value| {
        json!({
            "apiVersion": "types.kubefed.io/v1beta1", "kind": kind, "metadata": {"name": name},
            "spec": {"template": template, "placement": {"clusters": []}},
        })
    };
    let cases = [
        (&kube, "/api/v1", "configmaps", config_map("c", "1")),
        (&kube, "/api/v1", "secrets", secret),
        (&kube, "/apis/apps/v1", "deployments", deployment.clone()),
        (
            &kubefed,
            "/apis/types.kubefed.io/v1beta1",
            "federatedconfigmaps",
            federated("FederatedConfigMap", "fc", &json!({"data": {"key": "1"}})),
        ),
        (
            &kubefed,
            "/apis/types.kubefed.io/v1beta1",
            "federateddeployments",
            federated("FederatedDeployment", "fd", &json!({"spec": deployment["spec"]})),
        ),
    ];
    for (hub, api, plural, object) in cases {
        let list = format!("{api}/namespaces/{namespace}/{plural}");
        let one = format!("{list}/{}", object["metadata"]["name"].as_str().unwrap());
        let made = hub.post(&list, &object).await.is(201);
        shown(hub, &one, &made).await;
        let labelled = json!({"metadata": {"labels": {"tier": "web"}}});
        let patched = hub.patch(&one, "merge", &labelled).await.is(200);
        assert_eq!(patched["metadata"]["labels"]["tier"], "web");
        shown(hub, &one, &patched).await;
        // Not looked at in between.
        hub.patch(&one, "merge", &json!({"metadata": {"annotations": {"note": "1"}}})).await.is(200);
        let again =
            hub.patch(&one, "merge", &json!({"metadata": {"annotations": {"note": "2"}}})).await.is(200);
        assert_eq!(again["metadata"]["labels"]["tier"], "web", "{again}");
        shown(hub, &one, &again).await;
        let mut next = hub.get(&one).await.is(200);
        next["metadata"]["labels"]["tier"] = "db".into();
        let put = hub.put(&one, &next).await.is(200);
        shown(hub, &one, &put).await;
        assert_eq!(hub.put(&one, &next).await.refused(409), "Conflict");
        let applied = json!({
            "apiVersion": object["apiVersion"], "kind": object["kind"],
            "metadata": {"name": object["metadata"]["name"], "annotations": {"by": "apply"}},
        });
        let applied = hub.patch(&format!("{one}?fieldManager=t"), "apply", &applied).await.is(200);
        assert_eq!(applied["metadata"]["labels"]["tier"], "db", "{applied}");
        shown(hub, &one, &applied).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_answers_what_is_shown_afterwards_on_sqlite() {
    answers(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_answers_what_is_shown_afterwards_on_postgresql() {
    answers(Db::Postgres).await;
}

async fn elsewhere(db: Db) {
    let app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, _) = Hub::both(&app).await;
    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    let one = format!("{list}/a");
    let rest = format!("projects/{namespace}/federated-objects/configmaps/a");
    let data = |value: &str| json!({"data": {"key": value}});
    let change = |value: &str| json!({"spec": {"template": {"data": {"key": value}}}});
    let made = kube.post(&list, &config_map("a", "1")).await.is(201);
    kube.get(&one).await.is(200);
    // What was seen last says "1" already; what is there does not.
    app.admin.patch(&rest, change("2")).await.is(200);
    let back = kube.patch(&one, "merge", &data("1")).await.is(200);
    assert_eq!(back["data"]["key"], "1");
    assert!(version(&back) > version(&made), "{back}");
    assert_eq!(kube.get(&one).await.is(200), back);
    // A patch is made to what is there, and a version that is no more is told.
    app.admin.patch(&rest, json!({"spec": {"template": {"data": {"more": "x"}}}})).await.is(200);
    assert_eq!(kube.put(&one, &back).await.refused(409), "Conflict");
    let test =
        json!([{"op": "test", "path": "/data/more", "value": "x"}, {"op": "remove", "path": "/data/key"}]);
    assert_eq!(kube.patch(&one, "json", &test).await.is(200)["data"], json!({"more": "x"}));
    // Another one of the same name, at the same count of writes, is not the one that was seen.
    let first = kube.post(&list, &config_map("b", "1")).await.is(201);
    kube.get(&format!("{list}/b")).await.is(200);
    let rest = format!("projects/{namespace}/federated-objects");
    app.admin.delete(&format!("{rest}/configmaps/b")).await.is(202);
    let template = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"other": "2"},
    });
    app.admin.post(&rest, json!({"spec": {"template": template}})).await.is(201);
    assert_eq!(kube.put(&format!("{list}/b"), &first).await.refused(409), "Conflict");
    let patched = kube.patch(&format!("{list}/b"), "merge", &data("3")).await.is(200);
    assert_eq!(patched["data"], json!({"other": "2", "key": "3"}));
    assert_ne!(patched["metadata"]["uid"], first["metadata"]["uid"]);
    // What went elsewhere is not changed but made anew, where that is what is asked for.
    app.admin.delete(&format!("{rest}/configmaps/b")).await.is(202);
    assert_eq!(kube.patch(&format!("{list}/b"), "merge", &data("4")).await.refused(404), "NotFound");
    app.admin.delete(&format!("{rest}/configmaps/a")).await.is(202);
    let applied = kube.patch(&format!("{one}?fieldManager=t"), "apply", &config_map("a", "5")).await.is(201);
    assert_ne!(applied["metadata"]["uid"], made["metadata"]["uid"]);
    assert_eq!(kube.get(&one).await.is(200), applied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_elsewhere_is_not_overlooked_on_sqlite() {
    elsewhere(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_elsewhere_is_not_overlooked_on_postgresql() {
    elsewhere(Db::Postgres).await;
}

async fn removals(db: Db) {
    let app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    let federated = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedconfigmaps");
    let rest = format!("projects/{namespace}/federated-objects");
    let one = |name: &str| format!("{list}/{name}");
    for name in ["a", "b", "c", "d"] {
        kube.post(&list, &config_map(name, "1")).await.is(201);
    }
    kube.get(&list).await.is(200);
    // Changed since it was seen: what is there goes.
    app.admin
        .patch(&format!("{rest}/configmaps/a"), json!({"spec": {"template": {"data": {"key": "2"}}}}))
        .await
        .is(200);
    kube.delete(&one("a")).await.is(200);
    assert_eq!(kube.get(&one("a")).await.refused(404), "NotFound");
    // Held since it was seen, by a finalizer at the other root: it stays, marked.
    let held = json!({"metadata": {"finalizers": ["example.com/held"]}});
    kubefed.patch(&format!("{federated}/b"), "merge", &held).await.is(200);
    let left = kube.delete(&one("b")).await.is(200);
    assert!(left["metadata"]["deletionTimestamp"].is_string(), "{left}");
    let shown = kubefed.get(&format!("{federated}/b")).await.is(200);
    assert!(shown["metadata"]["deletionTimestamp"].is_string(), "{shown}");
    // Being removed already is no conflict.
    kube.delete(&one("b")).await.is(200);
    // Another one of its name since it was seen: a name was asked for, and its uid only with a precondition.
    let old = kube.get(&one("c")).await.is(200);
    app.admin.delete(&format!("{rest}/configmaps/c")).await.is(202);
    let template = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    app.admin.post(&rest, json!({"spec": {"template": template}})).await.is(201);
    let only = json!({"preconditions": {"uid": old["metadata"]["uid"]}});
    let request = kube.request(Method::DELETE, &one("c")).body(only.to_string());
    assert_eq!(kube.send(request).await.refused(409), "Conflict");
    kube.get(&one("c")).await.is(200);
    kube.delete(&one("c")).await.is(200);
    assert_eq!(kube.get(&one("c")).await.refused(404), "NotFound");
    // Gone since it was seen.
    app.admin.delete(&format!("{rest}/configmaps/d")).await.is(202);
    assert_eq!(kube.delete(&one("d")).await.refused(404), "NotFound");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_is_what_is_there_on_sqlite() {
    removals(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_is_what_is_there_on_postgresql() {
    removals(Db::Postgres).await;
}
