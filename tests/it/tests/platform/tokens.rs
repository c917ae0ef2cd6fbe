//! Personal access tokens.

use hanse_it::{Db, PASSWORD, TestApp};
use serde_json::json;

facts!(
    a_limited_token_does_not_exceed_its_limits,
    a_token_gains_nothing_by_making_or_revoking_others,
    a_token_cannot_give_more_than_it_has,
    a_revoked_token_is_refused,
    the_secret_is_shown_once,
);

async fn a_token_gains_nothing_by_making_or_revoking_others(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let day = json!({"name": "day", "expiresInDays": 1});
    let made = anna.post("me/tokens", day).await.is(201);
    let token = anna.with_token(made["secret"].as_str().unwrap());
    let child = token.post("me/tokens", json!({"name": "child", "expiresInDays": 300})).await.is(201);
    assert!(made["token"]["expiresAt"].is_string());
    assert_eq!(child["token"]["expiresAt"], made["token"]["expiresAt"]);
    let limited = anna.token("limited", Some(&["project.settings.view"])).await;
    limited.delete("me/tokens/day").await.is(403);
    limited.delete("me/tokens/none").await.is(403);
    token.get("me").await.is(200);
    limited.delete("me/tokens/limited").await.is(204);
    limited.get("me").await.is(401);
    token.delete("me/tokens/child").await.is(204);
}

async fn a_limited_token_does_not_exceed_its_limits(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    let token = app.admin.token("script", Some(&["platform.users.view"])).await;
    token.get("users").await.is(200);
    token.get("users/admin").await.is(200);
    token.post("users", json!({"name": "eve", "password": PASSWORD})).await.is(403);
    token.get("audit").await.is(403);
    token.post("workspaces", json!({"name": "other"})).await.is(403);
    token.get("workspaces/acme").await.is(404);
    assert_eq!(token.get("workspaces").await.is(200)["total"], 0);
    assert_eq!(token.get("overview").await.is(200)["workspaces"], 0);
    let access = token.get("me/access").await.is(200);
    assert_eq!(access["platform"], json!(["platform.users.view"]));
    // It is no session.
    token
        .post("me/password", json!({"current": PASSWORD, "new": "nine green bottles hanging"}))
        .await
        .is(403);
    token.delete("sessions/current").await.is(400);
}

async fn a_token_cannot_give_more_than_it_has(db: Db) {
    let app = TestApp::start(db).await;
    let limits = ["platform.users.manage", "platform.users.view"];
    let token = app.admin.token("script", Some(&limits)).await;
    let ask = |permissions: &[&str]| json!({"name": "child", "permissions": permissions});
    token.post("me/tokens", ask(&["platform.audit.view"])).await.is(403);
    token.post("me/tokens", ask(&["no.such.permission"])).await.is(422);
    // Without limits of its own, a child has those of its maker.
    let made = token.post("me/tokens", json!({"name": "child"})).await.is(201);
    assert_eq!(made["token"]["permissions"], json!(limits));
    let child = app.nobody().with_token(made["secret"].as_str().unwrap());
    child.get("audit").await.is(403);
    child.get("users").await.is(200);
    // Roles neither.
    let user = |name: &str, role: &str| json!({"name": name, "password": PASSWORD, "roles": [role]});
    token.post("users", user("eve", "administrator")).await.is(403);
    token.post("users", user("mo", "member")).await.is(201);
    token.patch("users/mo", json!({"roles": ["auditor"]})).await.is(403);
}

async fn a_revoked_token_is_refused(db: Db) {
    let app = TestApp::start(db).await;
    let token = app.admin.token("script", None).await;
    token.get("me").await.is(200);
    let mut live = token.live().await;
    app.admin.delete("me/tokens/script").await.is(204);
    token.get("me").await.is(401);
    while live.frame().await.is_some() {}
    app.admin.delete("me/tokens/script").await.is(404);
    // Somebody else's cannot be revoked.
    let anna = app.user("anna", &[]).await;
    let own = app.admin.token("own", None).await;
    anna.delete("me/tokens/own").await.is(404);
    own.get("me").await.is(200);
}

async fn the_secret_is_shown_once(db: Db) {
    let app = TestApp::start(db).await;
    let token = app.admin.token("script", None).await;
    assert!(token.secret().starts_with("hanse_"));
    let list = app.admin.get("me/tokens").await;
    assert_eq!(list.body_of(200)["items"][0]["name"], "script");
    assert!(!list.text.contains("hanse_") && !list.text.contains("secret"), "{}", list.text);
    app.admin.post("me/tokens", json!({"name": "script"})).await.is(409);
    assert_eq!(
        app.admin.post("me/tokens", json!({"name": "long", "expiresInDays": 367})).await.fields(),
        ["expiresInDays"]
    );
}
