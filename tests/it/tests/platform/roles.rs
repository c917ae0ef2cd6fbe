//! Nobody gives what they do not have, and nobody is locked out for good.

use hanse_it::{Client, Db, PASSWORD, TestApp};
use serde_json::json;

facts!(
    a_user_manager_cannot_make_or_touch_an_administrator,
    a_project_creator_cannot_make_itself_administrator_of_the_workspace,
    a_workspace_administrator_cannot_grant_clusters,
    nobody_changes_their_own_roles_or_state,
    of_two_administrators_that_remove_each_other_one_stays,
    a_workspace_keeps_its_last_administrator,
    of_two_workspace_administrators_that_remove_each_other_one_stays,
    leaving_a_workspace_takes_the_roles_in_its_projects_at_once,
);

async fn a_user_manager_cannot_make_or_touch_an_administrator(db: Db) {
    let app = TestApp::start(db).await;
    let manager = app.user("manager", &["user-manager"]).await;
    let new = |name: &str, roles: &[&str]| json!({"name": name, "password": PASSWORD, "roles": roles});
    for role in ["administrator", "cluster-manager", "workspace-creator", "auditor"] {
        manager.post("users", new("eve", &[role])).await.is(403);
    }
    manager.post("users", new("eve", &[])).await.is(201);
    manager.patch("users/eve", json!({"roles": ["administrator"]})).await.is(403);
    manager.patch("users/eve", json!({"roles": ["user-manager"]})).await.is(200);
    for change in [json!({"state": "disabled"}), json!({"roles": []}), json!({"email": "eve@example.com"})] {
        manager.patch("users/admin", change).await.is(403);
    }
    manager.delete("users/admin").await.is(403);
    let unknown = manager.post("users", new("mo", &["emperor"])).await;
    assert_eq!(unknown.fields(), ["roles[0]"]);
    assert_eq!(app.admin.get("me").await.is(200)["roles"], json!(["administrator"]));
}

async fn a_project_creator_cannot_make_itself_administrator_of_the_workspace(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    let maker = app.user("maker", &[]).await;
    app.user("guest", &[]).await;
    app.member("workspaces/acme", "maker", &["project-creator"]).await;
    maker.put("workspaces/acme/members/maker", json!({"roles": ["administrator"]})).await.is(403);
    maker.put("workspaces/acme/members/guest", json!({"roles": ["member"]})).await.is(403);
    maker.delete("workspaces/acme/members/admin").await.is(403);
    maker.get("projects/shop").await.is(404);
    // Of what it makes it is the administrator, and of nothing above.
    maker.post("workspaces/acme/projects", json!({"name": "own"})).await.is(201);
    maker.put("projects/own/members/guest", json!({"roles": ["administrator"]})).await.is(200);
    maker.put("workspaces/acme/members/maker", json!({"roles": ["administrator"]})).await.is(403);
    maker.put("projects/shop/members/maker", json!({"roles": ["viewer"]})).await.is(404);
}

async fn a_workspace_administrator_cannot_grant_clusters(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    let wanda = app.user("wanda", &["workspace-creator"]).await;
    app.member("workspaces/acme", "wanda", &["administrator"]).await;
    wanda.patch("workspaces/acme", json!({"displayName": "Acme"})).await.is(200);
    wanda.patch("workspaces/acme", json!({"clusters": []})).await.is(403);
    let own = wanda.post("workspaces", json!({"name": "own", "clusters": ["eu"]})).await;
    assert_eq!(own.fields(), ["clusters[0]"]);
    wanda.post("workspaces", json!({"name": "own"})).await.is(201);
    wanda.patch("workspaces/own", json!({"clusters": []})).await.is(403);
}

async fn nobody_changes_their_own_roles_or_state(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &["user-manager"]).await;
    for change in [json!({"roles": ["administrator"]}), json!({"roles": []}), json!({"state": "disabled"})] {
        anna.patch("me", change.clone()).await.is(403);
        anna.patch("users/anna", change.clone()).await.is(403);
        app.admin.patch("users/admin", change).await.is(403);
    }
    anna.delete("users/anna").await.is(403);
    app.admin.delete("users/admin").await.is(403);
    anna.patch("me", json!({"displayName": "Anna", "language": "zh-CN"})).await.is(200);
}

async fn of_two_administrators_that_remove_each_other_one_stays(db: Db) {
    let app = TestApp::start(db).await;
    for how in ["demote", "disable", "remove"] {
        let names = [format!("anna-{how}"), format!("bert-{how}")];
        let anna = app.user(&names[0], &["administrator"]).await;
        let bert = app.user(&names[1], &["administrator"]).await;
        // The two are the only ones.
        anna.patch("users/admin", json!({"roles": []})).await.is(200);
        app.admin.get("users").await.is(403);
        let act = async |by: &Client, name: &str| match how {
            "demote" => by.patch(&format!("users/{name}"), json!({"roles": []})).await,
            "disable" => by.patch(&format!("users/{name}"), json!({"state": "disabled"})).await,
            _ => by.delete(&format!("users/{name}")).await,
        };
        let (a, b) = tokio::join!(act(&anna, &names[1]), act(&bert, &names[0]));
        let done = [&a, &b].into_iter().filter(|answer| answer.status < 300).count();
        assert_eq!(done, 1, "{how}: {} {}", a.text, b.text);
        let ((left, name), refused) =
            if a.status < 300 { ((&anna, &names[0]), &b) } else { ((&bert, &names[1]), &a) };
        // Who lost may be told why, or by then be a stranger who is told nothing.
        assert!(
            matches!(refused.status, 401 | 403 | 404 | 409),
            "{how}: {} {}",
            refused.status,
            refused.text
        );
        left.patch("users/admin", json!({"roles": ["administrator"]})).await.is(200);
        app.admin.delete(&format!("users/{name}")).await.is(204);
    }
}

async fn a_workspace_keeps_its_last_administrator(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    let wanda = app.user("wanda", &[]).await;
    app.member("workspaces/acme", "wanda", &["administrator"]).await;
    app.admin.delete("workspaces/acme/members/admin").await.is(204);
    for roles in [json!(["viewer"]), json!(["member", "viewer"])] {
        app.admin.put("workspaces/acme/members/wanda", json!({"roles": roles})).await.is(409);
        wanda.put("workspaces/acme/members/wanda", json!({"roles": roles})).await.is(409);
    }
    app.admin.delete("workspaces/acme/members/wanda").await.is(409);
    wanda.delete("workspaces/acme/members/wanda").await.is(409);
    app.admin.patch("users/wanda", json!({"state": "disabled"})).await.is(409);
    app.admin.delete("users/wanda").await.is(409);
    wanda.patch("workspaces/acme", json!({"displayName": "still mine"})).await.is(200);
}

async fn of_two_workspace_administrators_that_remove_each_other_one_stays(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let bert = app.user("bert", &[]).await;
    for round in 0..3 {
        let place = format!("workspaces/acme-{round}");
        app.workspace(&format!("acme-{round}")).await;
        app.member(&place, "anna", &["administrator"]).await;
        app.member(&place, "bert", &["administrator"]).await;
        app.admin.delete(&format!("{place}/members/admin")).await.is(204);
        let (of_anna, of_bert) = (format!("{place}/members/anna"), format!("{place}/members/bert"));
        let (a, b) = tokio::join!(anna.delete(&of_bert), bert.delete(&of_anna));
        let done = [&a, &b].into_iter().filter(|answer| answer.status < 300).count();
        assert_eq!(done, 1, "{} {}", a.text, b.text);
        assert_eq!(app.admin.get(&format!("{place}/members")).await.is(200)["total"], 1);
    }
}

async fn leaving_a_workspace_takes_the_roles_in_its_projects_at_once(db: Db) {
    let app = TestApp::start(db).await;
    for (workspace, project) in [("acme", "shop"), ("other", "stall")] {
        app.workspace(workspace).await;
        app.project(workspace, project).await;
    }
    let anna = app.user("anna", &[]).await;
    for (place, role) in [
        ("workspaces/acme", "member"),
        ("projects/shop", "administrator"),
        ("workspaces/other", "member"),
        ("projects/stall", "viewer"),
    ] {
        app.member(place, "anna", &[role]).await;
    }
    let token = anna.token("script", None).await;
    anna.get("projects/shop").await.is(200);
    app.admin.delete("workspaces/acme/members/anna").await.is(204);
    for anna in [&anna, &token] {
        anna.get("workspaces/acme").await.is(404);
        anna.get("projects/shop").await.is(404);
        anna.get("projects/shop/federated-objects").await.is(404);
        anna.get("projects/stall").await.is(200);
    }
    let access = anna.get("me/access").await;
    assert!(!access.text.contains("acme") && !access.text.contains("shop"), "{}", access.text);
    assert_eq!(app.admin.get("projects/shop/members").await.is(200)["total"], 1);
    // Coming back brings nothing with it.
    app.member("workspaces/acme", "anna", &["member"]).await;
    anna.get("projects/shop").await.is(404);
}
