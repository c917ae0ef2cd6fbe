//! Watches: everything once, in order, also over a restart of the server.

use std::time::Duration;

use hanse_it::{Db, TestApp};
use serde_json::json;

use super::support::{Hub, config_map, namespace, version};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_tells_what_changes_and_nothing_else() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    for hub in [&kube, &kubefed] {
        let list = format!("/api/v1/namespaces/{namespace}/configmaps");
        let first = hub.post(&list, &config_map("a", "1")).await.is(201);
        // From nothing: what is there, then what changes.
        let mut all = hub
            .watch(
                &list,
                "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
            )
            .await;
        assert_eq!(all.told().await.1, "a");
        let bookmark = all.next().await.unwrap();
        assert_eq!(bookmark["type"], "BOOKMARK");
        assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
        // From a version: only what came after.
        let mut after = hub.watch(&list, &format!("&resourceVersion={}", version(&first))).await;
        let mut labelled =
            hub.watch(&list, &format!("&resourceVersion={}&labelSelector=x%3Dy", version(&first))).await;
        let mut named = hub
            .watch(&list, &format!("&resourceVersion={}&fieldSelector=metadata.name%3Db", version(&first)))
            .await;
        hub.post(&list, &config_map("b", "1")).await.is(201);
        hub.patch(&format!("{list}/a"), "merge", &json!({"metadata": {"labels": {"x": "y"}}})).await.is(200);
        hub.patch(&format!("{list}/a"), "merge", &json!({"metadata": {"labels": {"x": "z"}}})).await.is(200);
        hub.delete(&format!("{list}/b")).await.is(200);
        for watch in [&mut all, &mut after] {
            let mut last = 0;
            for expected in [("ADDED", "b"), ("MODIFIED", "a"), ("MODIFIED", "a"), ("DELETED", "b")] {
                let (kind, name, at) = watch.told().await;
                assert_eq!((kind.as_str(), name.as_str()), expected);
                assert!(at > last, "{at} after {last}");
                last = at;
            }
            assert!(watch.silent().await);
        }
        // Entering and leaving the selection are an addition and a deletion.
        for expected in [("ADDED", "a"), ("DELETED", "a")] {
            let (kind, name, _) = labelled.told().await;
            assert_eq!((kind.as_str(), name.as_str()), expected);
        }
        assert!(labelled.silent().await);
        for expected in ["ADDED", "DELETED"] {
            assert_eq!(named.told().await.0, expected);
        }
        hub.delete(&format!("{list}/a")).await.is(200);
    }
}

async fn over_a_restart(db: Db) {
    let mut app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    for hub in [kube, kubefed] {
        let list = format!("/api/v1/namespaces/{namespace}/configmaps");
        hub.post(&list, &config_map("stays", "1")).await.is(201);
        hub.post(&list, &config_map("goes", "1")).await.is(201);
        hub.post(&list, &config_map("again", "1")).await.is(201);
        let begun = version(&hub.get(&list).await.is(200));
        let mut before = hub.watch(&list, &format!("&resourceVersion={begun}")).await;
        hub.patch(&format!("{list}/stays"), "merge", &json!({"data": {"key": "2"}})).await.is(200);
        let (kind, _, seen) = before.told().await;
        assert_eq!(kind, "MODIFIED");
        hub.delete(&format!("{list}/goes")).await.is(200);
        hub.delete(&format!("{list}/again")).await.is(200);
        hub.post(&list, &config_map("again", "2")).await.is(201);
        hub.post(&list, &config_map("new", "1")).await.is(201);
        app.restart().await;
        // From where the watch was: what it has not told, each once.
        let mut resumed = hub.watch(&list, &format!("&resourceVersion={seen}")).await;
        let mut told = Vec::new();
        for _ in 0..4 {
            let (kind, name, at) = resumed.told().await;
            assert!(at > seen);
            told.push(format!("{kind} {name}"));
        }
        assert_eq!(told, ["DELETED goes", "DELETED again", "ADDED again", "ADDED new"]);
        assert!(resumed.silent().await);
        // Versions are the same as before, so nothing that was read has become stale.
        let object = hub.get(&format!("{list}/stays")).await.is(200);
        assert_eq!(version(&object), seen);
        hub.put(&format!("{list}/stays"), &object).await.is(200);
        hub.send(hub.request(reqwest::Method::DELETE, &list)).await.is(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_resumes_over_a_restart_on_sqlite() {
    over_a_restart(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_resumes_over_a_restart_on_postgresql() {
    over_a_restart(Db::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_from_too_far_back_is_told_to_list_again() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let (hub, _) = Hub::both(&app).await;
    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    hub.post(&list, &config_map("a", "1")).await.is(201);
    hub.post(&list, &config_map("b", "1")).await.is(201);
    let now = app.platform.store.revision();
    let context = hanse_store::WriteContext::platform("test", app.platform.clock.now());
    app.platform.store.purge_changes(now - 1, &context).await.unwrap();
    let answer = hub.get(&format!("{list}?watch=true&resourceVersion=1")).await;
    assert_eq!(answer.refused(410), "Expired");
    let ahead = hub.get(&format!("{list}?resourceVersion={}", now + 1_000_000)).await;
    assert_eq!(ahead.refused(504), "Timeout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_ends_with_the_right_to_it() {
    let app = TestApp::start(Db::Sqlite).await;
    let namespace = namespace(&app).await;
    let guest = app.user("guest", &["member"]).await;
    app.member(&format!("projects/{namespace}"), "guest", &["viewer"]).await;
    let token = guest.token("watch", None).await;
    let hub = Hub::new(&app, "kube", &token);
    let list = format!("/api/v1/namespaces/{namespace}/configmaps");
    let mut own = hub.watch(&list, "").await;
    let mut everywhere = hub.watch("/api/v1/configmaps", "").await;
    let (admin, _) = Hub::both(&app).await;
    admin.post(&list, &config_map("a", "1")).await.is(201);
    assert_eq!(own.told().await.1, "a");
    assert_eq!(everywhere.told().await.1, "a");
    app.admin.delete(&format!("projects/{namespace}/members/guest")).await;
    let ended =
        tokio::time::timeout(Duration::from_secs(1), async { (own.next().await, everywhere.next().await) });
    assert_eq!(ended.await.expect("both watches end within a second"), (None, None));
}
