//! What was done is written down, unbroken and without secrets.

use hanse_it::{Answer, Db, PASSWORD, TestApp};
use serde_json::json;

facts!(every_mutation_leaves_a_row, refused_attempts_leave_a_row, the_trail_holds_no_secret);

async fn refused_attempts_leave_a_row(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    let anna = app.user("anna", &[]).await;
    app.member("workspaces/acme", "anna", &["member"]).await;
    app.member("projects/shop", "anna", &["viewer"]).await;
    let stranger = app.user("bert", &[]).await;
    let attempts = [
        ("update projects/shop forbidden", anna.patch("projects/shop", json!({"displayName": "Mine"})).await),
        ("delete workspaces/acme forbidden", anna.delete("workspaces/acme").await),
        ("get users forbidden", anna.get("users").await),
        ("get projects/shop not_found", stranger.get("projects/shop").await),
        ("delete projects/shop?dryRun not_found", stranger.delete("projects/shop?dryRun=true").await),
    ];
    // What was never there is no attempt at anything.
    stranger.get("projects/none").await.is(404);
    let rows = hanse_harness::wait_for(std::time::Duration::from_secs(5), "the rows", || async {
        let trail = app.admin.get("audit?kind=request&limit=500").await.is(200);
        let rows = trail["items"].as_array().cloned().unwrap_or_default();
        if rows.len() == attempts.len() { Ok(rows) } else { Err(trail.to_string()) }
    })
    .await;
    for (what, answer) in attempts {
        let id = answer.header("x-request-id");
        let row =
            rows.iter().find(|row| row["requestId"] == id).unwrap_or_else(|| panic!("no row of: {what}"));
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        let told = format!("{} {} {}", text("verb"), text("name"), text("result"));
        assert_eq!(told, what.replace("?dryRun", ""), "{row}");
        assert!(["anna", "bert"].contains(&text("actor")), "{row}");
    }
    assert_eq!(app.platform.store.verify_audit().await.unwrap().broken_at, None);
}

async fn every_mutation_leaves_a_row(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let config = |value: &str| {
        json!({"spec": {
            "template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": value}},
            "placement": {"clusterSelector": {}},
        }})
    };
    let object = "projects/shop/federated-objects/configmaps/settings";
    let admin = &app.admin;
    let roles = json!({"roles": ["viewer"]});
    let done: Vec<(&str, Answer)> = vec![
        ("create workspace acme", admin.post("workspaces", json!({"name": "acme"})).await),
        ("update workspace acme", admin.patch("workspaces/acme", json!({"displayName": "Acme"})).await),
        ("put member anna", admin.put("workspaces/acme/members/anna", roles.clone()).await),
        ("create project shop", admin.post("workspaces/acme/projects", json!({"name": "shop"})).await),
        ("update project shop", admin.patch("projects/shop", json!({"displayName": "Shop"})).await),
        ("put member anna", admin.put("projects/shop/members/anna", roles).await),
        (
            "create federated-object configmaps/settings",
            admin.post("projects/shop/federated-objects", config("b")).await,
        ),
        ("update federated-object configmaps/settings", admin.put(object, config("c")).await),
        ("delete federated-object configmaps/settings", admin.delete(object).await),
        ("remove member anna", admin.delete("projects/shop/members/anna").await),
        ("remove member anna", admin.delete("workspaces/acme/members/anna").await),
        ("delete project shop", admin.delete("projects/shop").await),
        ("update user admin", admin.patch("me", json!({"displayName": "Admin"})).await),
        ("update user anna", admin.patch("users/anna", json!({"email": "anna@example.com"})).await),
        ("create token script", anna.post("me/tokens", json!({"name": "script"})).await),
        ("delete token script", anna.delete("me/tokens/script").await),
        ("sign-out session anna", anna.delete("sessions/current").await),
        ("delete user anna", admin.delete("users/anna").await),
    ];
    let trail = admin.get("audit?limit=500").await.is(200);
    let rows = trail["items"].as_array().unwrap();
    for (what, answer) in done {
        assert!(answer.status < 300, "{what}: {}", answer.text);
        let id = answer.header("x-request-id");
        let row =
            rows.iter().find(|row| row["requestId"] == id).unwrap_or_else(|| panic!("no row of: {what}"));
        let text = |field: &str| row[field].as_str().unwrap_or_default();
        assert_eq!(format!("{} {} {}", text("verb"), text("kind"), text("name")), what);
        assert_eq!((text("result"), text("address")), ("ok", "127.0.0.1"), "{what}");
        assert!(["admin", "anna"].contains(&text("actor")), "{what}: {row}");
    }
    // Failed attempts to get in are there, too.
    app.nobody().post("sessions", json!({"name": "admin", "password": "wrong"})).await.is(401);
    let attempts = admin.get("audit?kind=session&verb=sign-in&limit=1").await.is(200);
    assert_eq!(attempts["items"][0]["result"], "unauthenticated");
    let verified = app.platform.store.verify_audit().await.unwrap();
    assert_eq!(verified.broken_at, None);
    assert!(verified.rows > 18, "{verified:?}");
}

async fn the_trail_holds_no_secret(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let token = anna.token("script", None).await;
    token.patch("me", json!({"displayName": "Anna"})).await.is(200);
    anna.post("me/password", json!({"current": PASSWORD, "new": "nine green bottles hanging"})).await.is(204);
    app.nobody().post("sessions", json!({"name": "anna", "password": "not my password"})).await.is(401);
    let kubeconfig = json!({"name": "eu", "kubeconfig": "the-text-of-a-kubeconfig"});
    let refused = app.admin.post("clusters", kubeconfig).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    let secret = json!({"spec": {
        "template": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": "sesame-of-the-shop"}},
        "placement": {"clusterSelector": {}},
    }});
    let made = app.admin.post("projects/shop/federated-objects", secret).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let mut told = vec![made.text, refused.text];
    for path in [
        "audit?limit=500",
        "projects/shop/federated-objects?full=true",
        "projects/shop/federated-objects/secrets/key",
        "projects/shop/federated-objects/secrets/key/revisions",
        "users",
        "users/anna",
    ] {
        let answer = app.admin.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        told.push(answer.text);
    }
    told.push(token.get("me/tokens").await.text);
    for secret in [
        PASSWORD,
        "nine green bottles",
        "not my password",
        "the-text-of-a-kubeconfig",
        "sesame-of-the-shop",
        "c2VzYW1lLW9mLXRoZS1zaG9w",
        "argon2",
        token.secret(),
        anna.secret(),
        app.admin.secret(),
        &app.setup_token(),
    ] {
        for text in &told {
            assert!(!text.contains(secret), "{secret} is told in {text}");
        }
    }
    assert_eq!(app.platform.store.verify_audit().await.unwrap().broken_at, None);
}
