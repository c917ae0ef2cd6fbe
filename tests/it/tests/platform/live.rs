//! The live connection.

use hanse_it::{Db, TestApp};
use serde_json::json;

facts!(
    a_change_is_told_to_who_follows,
    a_topic_that_may_not_be_read_is_refused,
    one_connection_follows_sixty_four_topics,
    losing_a_role_closes_its_topics,
    an_object_comes_with_its_data,
);

async fn a_change_is_told_to_who_follows(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    assert_eq!(app.nobody().live_from(None).await.err(), Some(401));
    let mut live = app.admin.live().await;
    for (id, topic) in [("a", "workspaces"), ("b", "workspaces/acme"), ("c", "users")] {
        live.subscribe(id, topic).await;
        let frame = live.next("subscribed").await;
        assert_eq!(frame["id"], id);
        assert!(frame["revision"].as_i64().unwrap() > 0, "{frame}");
    }
    app.admin.post("users", json!({"name": "anna", "password": hanse_it::PASSWORD})).await.is(201);
    let frame = live.next("changed").await;
    assert_eq!((&frame["id"], &frame["data"]), (&json!("c"), &json!(null)), "{frame}");
    app.admin.patch("workspaces/acme", json!({"displayName": "Acme"})).await.is(200);
    let mut told = [live.next("changed").await, live.next("changed").await];
    told.sort_by_key(|frame| frame["id"].to_string());
    assert_eq!((&told[0]["id"], &told[1]["id"]), (&json!("a"), &json!("b")));
    // Whoever missed something is told at once.
    live.send(&json!({"type": "subscribe", "id": "d", "topic": "workspaces/acme", "since": 1})).await;
    assert_eq!(live.next("changed").await["id"], "d");
    // What was left is no longer told; what comes after it is.
    live.send(&json!({"type": "unsubscribe", "id": "a"})).await;
    for id in ["b", "d"] {
        live.send(&json!({"type": "unsubscribe", "id": id})).await;
    }
    app.admin.patch("workspaces/acme", json!({"displayName": "Again"})).await.is(200);
    app.admin.patch("users/anna", json!({"displayName": "Anna"})).await.is(200);
    assert_eq!(live.next("changed").await["id"], "c");
}

async fn a_topic_that_may_not_be_read_is_refused(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    let anna = app.user("anna", &[]).await;
    let mut live = anna.live().await;
    for (topic, code) in [
        ("workspaces/acme", "not_found"),
        ("workspaces/none", "not_found"),
        ("projects/shop", "not_found"),
        ("projects/shop/federated-objects", "not_found"),
        ("projects/shop/federated-objects/configmaps/settings", "not_found"),
        ("clusters/eu", "not_found"),
        ("users", "forbidden"),
        ("audit", "forbidden"),
        ("no/such/topic", "invalid"),
    ] {
        live.subscribe(topic, topic).await;
        let frame = live.frame().await.unwrap();
        assert_eq!((&frame["type"], &frame["code"]), (&json!("closed"), &json!(code)), "{topic}: {frame}");
        assert_eq!(frame["id"], topic);
    }
    // A frame that cannot be read, too, and the connection goes on.
    live.send(&json!({"type": "sing"})).await;
    assert_eq!(live.next("closed").await["id"], "");
    live.subscribe("1", "overview").await;
    live.next("subscribed").await;
}

async fn one_connection_follows_sixty_four_topics(db: Db) {
    let app = TestApp::start(db).await;
    let mut live = app.admin.live().await;
    for n in 0..64 {
        live.subscribe(&n.to_string(), "workspaces").await;
        assert_eq!(live.next("subscribed").await["id"], n.to_string());
    }
    live.subscribe("64", "workspaces").await;
    let frame = live.frame().await.unwrap();
    assert_eq!((&frame["type"], &frame["code"]), (&json!("closed"), &json!("too_many_requests")), "{frame}");
    live.send(&json!({"type": "unsubscribe", "id": "0"})).await;
    live.subscribe("64", "workspaces").await;
    assert_eq!(live.next("subscribed").await["id"], "64");
}

async fn losing_a_role_closes_its_topics(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    let anna = app.user("anna", &[]).await;
    app.member("workspaces/acme", "anna", &["viewer"]).await;
    let mut live = anna.live().await;
    live.subscribe("a", "workspaces/acme").await;
    live.subscribe("b", "overview").await;
    live.next("subscribed").await;
    live.next("subscribed").await;
    app.admin.delete("workspaces/acme/members/anna").await.is(204);
    let frame = live.next("closed").await;
    assert_eq!((&frame["id"], &frame["code"]), (&json!("a"), &json!("not_found")), "{frame}");
}

async fn an_object_comes_with_its_data(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    let object = |value: &str| {
        json!({"spec": {
            "template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": value}},
            "placement": {"clusterSelector": {}},
        }})
    };
    app.admin.post("projects/shop/federated-objects", object("one")).await.is(201);
    let topic = "projects/shop/federated-objects/configmaps/settings";
    let mut live = app.admin.live().await;
    live.subscribe("a", topic).await;
    live.next("subscribed").await;
    assert_eq!(live.next("changed").await["data"]["spec"]["template"]["data"]["a"], "one");
    app.admin.put(topic, object("two")).await.is(200);
    while live.next("changed").await["data"]["spec"]["template"]["data"]["a"] != "two" {}
}
