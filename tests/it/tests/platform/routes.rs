//! Every route of the OpenAPI document, called as nobody, as a stranger, and as holders of roles.

use std::collections::BTreeSet;

use hanse_it::{Answer, Client, Db, PASSWORD, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

facts!(
    nobody_gets_in_anywhere,
    a_stranger_learns_nothing_on_any_route,
    what_does_not_exist_looks_like_what_may_not_be_known,
    every_role_may_do_what_it_says_and_no_more,
    what_goes_into_whole_clusters_is_for_administrators_of_the_platform,
);

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[test]
fn the_committed_openapi_document_is_the_one_of_the_code() {
    let committed = hanse_harness::testbed::repository().join("frontend/openapi.json");
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(committed).unwrap()).unwrap();
    let made = serde_json::to_value(hanse_server::api::document()).unwrap();
    assert!(
        committed == made,
        "the API has changed; renew its document: cargo run -p hanse -- openapi > frontend/openapi.json"
    );
}

/// `GET projects/{project}` and so on, of every operation there is.
fn routes() -> BTreeSet<String> {
    let document = serde_json::to_value(hanse_server::api::document()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1/").expect("every route is below /api/v1/");
        for method in METHODS.iter().filter(|method| operations.get(method).is_some()) {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(routes.len() > 40, "{routes:?}");
    routes
}

fn config_map() -> Value {
    json!({"spec": {
        "template": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "b"}},
        "placement": {"clusterSelector": {}},
    }})
}

/// A body that the route takes, so that nothing but the caller is at fault.
fn body(route: &str) -> Option<Value> {
    Some(match route {
        "POST setup" => json!({"token": "wrong", "name": "eve", "password": PASSWORD}),
        "POST setup/url-test" => json!({"token": "wrong", "url": "http://127.0.0.1:1"}),
        "POST sessions" => json!({"name": "eve", "password": "wrong"}),
        "POST me/password" => json!({"current": "wrong", "new": "another long password"}),
        "POST me/tokens" => json!({"name": "script"}),
        "POST users" => json!({"name": "eve", "password": PASSWORD}),
        "POST clusters" => json!({"name": "other", "kubeconfig": "{}"}),
        "POST agent-clusters" => json!({"name": "other"}),
        "POST clusters/probe" => json!({"kubeconfig": "{}"}),
        "POST workspaces" | "POST workspaces/{workspace}/projects" => json!({"name": "another"}),
        "POST projects/{project}/federated-objects"
        | "POST projects/{project}/plan"
        | "POST federated-objects"
        | "POST plan"
        | "PUT federated-objects/{type}/{name}"
        | "PUT projects/{project}/federated-objects/{type}/{name}" => config_map(),
        "PUT workspaces/{workspace}/members/{user}" => json!({"roles": ["viewer"]}),
        "PUT projects/{project}/members/{user}" => json!({"roles": ["viewer"]}),
        route if route.starts_with("PATCH ") => json!({}),
        _ => return None,
    })
}

async fn call(client: &Client, route: &str) -> Answer {
    let (method, path) = route.split_once(' ').unwrap();
    let mut path = path.to_owned();
    for (parameter, name) in [
        ("{workspace}", "acme"),
        ("{project}", "shop"),
        ("{user}", "admin"),
        ("{cluster}", "eu"),
        ("{type}", "configmaps"),
        ("{name}", "settings"),
    ] {
        path = path.replace(parameter, name);
    }
    assert!(!path.contains('{'), "{path}: a parameter that the test does not know");
    let mut request = client.request(Method::from_bytes(method.as_bytes()).unwrap(), &path);
    if let Some(body) = body(route) {
        request = request.json(&body);
    }
    Answer::to(request).await
}

/// A workspace, a project and an object that others must not learn of.
async fn furnished(db: Db) -> TestApp {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    app.admin.post("projects/shop/federated-objects", config_map()).await.is(201);
    app
}

async fn nobody_gets_in_anywhere(db: Db) {
    let app = furnished(db).await;
    for route in routes() {
        let answer = call(&app.nobody(), &route).await;
        if route == "GET setup" {
            assert_eq!(answer.is(200)["needed"], false);
            continue;
        }
        assert_eq!(answer.status, 401, "{route}: {}", answer.text);
        assert_eq!(answer.body["error"]["code"], "unauthenticated", "{route}");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{route}");
        let forged = call(&app.nobody().with_token("hanse_forged"), &route).await;
        assert_eq!(forged.status, 401, "{route} with a forged token: {}", forged.text);
    }
}

enum Expected {
    /// This status.
    Status(u16),
    /// An empty list.
    Nothing,
    /// An answer that is about the caller or the same for everybody.
    Own,
}

/// What a stranger gets; a route without an expectation is found by the test.
fn stranger_gets(route: &str) -> Option<Expected> {
    use Expected::{Nothing, Own, Status};
    let (_, path) = route.split_once(' ')?;
    Some(match route {
        "GET clusters" | "GET workspaces" | "GET me/tokens" => Nothing,
        "GET setup"
        | "GET me"
        | "PATCH me"
        | "GET me/access"
        | "GET kubeconfig"
        | "GET overview"
        | "GET permissions"
        | "GET roles"
        | "GET types"
        | "POST me/tokens"
        | "DELETE sessions/current" => Own,
        "POST setup" | "POST setup/url-test" | "POST sessions" => Status(401),
        "POST me/password" => Status(422),
        "DELETE me/tokens/{name}" => Status(404),
        // No upgrade.
        "GET live" => Status(400),

        "GET audit"
        | "GET users"
        | "POST users"
        | "POST clusters"
        | "POST clusters/probe"
        | "POST agent-clusters"
        | "POST plan"
        | "POST workspaces" => Status(403),
        _ if path.starts_with("federated-objects") => Status(403),
        _ if ["workspaces/{", "projects/{", "clusters/{", "users/{"]
            .iter()
            .any(|place| path.starts_with(place)) =>
        {
            Status(404)
        }
        _ => return None,
    })
}

async fn a_stranger_learns_nothing_on_any_route(db: Db) {
    let app = furnished(db).await;
    let stranger = app.user("stranger", &[]).await;
    let leaving = app.sign_in("stranger").await;
    let mut without = Vec::new();
    for route in routes() {
        let Some(expected) = stranger_gets(&route) else {
            without.push(route);
            continue;
        };
        let client = if route == "DELETE sessions/current" { &leaving } else { &stranger };
        let answer = call(client, &route).await;
        match expected {
            Expected::Status(status) => {
                assert_eq!(answer.status, status, "{route}: {}", answer.text);
                assert!(
                    answer.body["error"]["code"].is_string() || route == "GET live",
                    "{route}: {}",
                    answer.text
                );
            }
            Expected::Nothing => {
                assert_eq!(answer.body["items"], json!([]), "{route}: {}", answer.text);
                assert_eq!(answer.body["total"], 0, "{route}: {}", answer.text);
            }
            Expected::Own => assert!((200..300).contains(&answer.status), "{route}: {}", answer.text),
        }
        if answer.status < 300 {
            for secret in ["acme", "shop", "\"name\":\"settings\"", "\"admin\""] {
                assert!(!answer.text.contains(secret), "{route} tells of {secret}: {}", answer.text);
            }
        }
    }
    assert!(without.is_empty(), "routes without an expectation: {without:?}");
    let overview = stranger.get("overview").await.is(200);
    for count in ["workspaces", "projects"] {
        assert_eq!(overview[count], 0, "{overview}");
    }
}

async fn what_does_not_exist_looks_like_what_may_not_be_known(db: Db) {
    let app = furnished(db).await;
    let stranger = app.user("stranger", &[]).await;
    for (there, missing) in [
        ("workspaces/acme", "workspaces/acmx"),
        ("workspaces/acme/projects", "workspaces/acmx/projects"),
        ("projects/shop", "projects/shox"),
        (
            "projects/shop/federated-objects/configmaps/settings",
            "projects/shox/federated-objects/configmaps/settings",
        ),
        ("users/admin", "users/admix"),
    ] {
        let mut answers = Vec::new();
        for path in [there, missing] {
            let mut answer = stranger.get(path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            answer.body["error"]["requestId"] = Value::Null;
            answers.push(
                answer
                    .body
                    .to_string()
                    .replace("acmx", "acme")
                    .replace("shox", "shop")
                    .replace("admix", "admin"),
            );
        }
        assert_eq!(answers[0], answers[1]);
    }
    let answer = stranger.get("no/such/route").await;
    assert_eq!(answer.is(404)["error"]["code"], "not_found");
}

fn cluster_role(name: &str) -> Value {
    json!({"spec": {
        "template": {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
        },
        "placement": {"clusterSelector": {}},
    }})
}

/// Who places a role in whole clusters can have anything there: managing clusters or kinds is not enough.
async fn what_goes_into_whole_clusters_is_for_administrators_of_the_platform(db: Db) {
    let app = furnished(db).await;
    let made = app.admin.post("federated-objects", cluster_role("readers")).await;
    assert_eq!(
        made.header("location"),
        "/api/v1/federated-objects/clusterroles.rbac.authorization.k8s.io/readers"
    );
    let made = made.is(201);
    assert_eq!(made.get("project"), None, "{made}");
    let one = "federated-objects/clusterroles.rbac.authorization.k8s.io/readers";
    let manager = app.user("manager", &["cluster-manager"]).await;
    let member = app.user("member", &["member"]).await;
    app.member("projects/shop", "member", &["administrator"]).await;
    for (who, reads) in [(&manager, 200), (&member, 403)] {
        assert_eq!(who.get("federated-objects").await.status, reads);
        assert_eq!(who.get(one).await.status, reads);
        assert_eq!(who.get(&format!("{one}/revisions")).await.status, reads);
        for path in ["federated-objects", "plan"] {
            assert_eq!(who.post(path, cluster_role("mine")).await.status, 403, "{path}");
        }
        assert_eq!(who.put(one, cluster_role("readers")).await.status, 403);
        assert_eq!(who.patch(one, json!({"spec": {"placement": null}})).await.status, 403);
        assert_eq!(who.delete(one).await.status, 403);
    }
    // Neither is a project a way in, nor the other way round.
    let refused = app.admin.post("projects/shop/federated-objects", cluster_role("mine")).await.is(422);
    assert_eq!(refused["error"]["fields"][0]["field"], "spec.template.kind", "{refused}");
    let refused = app.admin.post("federated-objects", config_map()).await.is(422);
    assert_eq!(refused["error"]["fields"][0]["field"], "spec.template.kind", "{refused}");
    // What is Kubernetes' or ours is left alone.
    for name in ["cluster-admin", "system:node", "hanse:administrator"] {
        let refused = app.admin.post("federated-objects", cluster_role(name)).await.is(422);
        assert_eq!(refused["error"]["fields"][0]["field"], "spec.template.metadata.name", "{refused}");
    }
    assert_eq!(app.admin.get("federated-objects").await.is(200)["total"], 1);
    assert_eq!(app.admin.get(&format!("{one}/revisions")).await.is(200)["total"], 1);
    app.admin.delete(one).await.is(202);
    app.admin.get(one).await.is(404);
}

/// Rows: what is done, always as a dry run. Columns: by whom.
const MATRIX: &str = "
                                       nobody stranger p-viewer p-operator p-admin w-member w-viewer w-admin admin
GET   workspaces/acme                  401    404      404      404        404     200      200      200     200
PATCH workspaces/acme                  401    404      404      404        404     403      403      200     200
GET   workspaces/acme/members          401    404      404      404        404     200      200      200     200
PUT   workspaces/acme/members/guest    401    404      404      404        404     403      403      200     200
GET   workspaces/acme/projects         401    404      404      404        404     200      200      200     200
POST  workspaces/acme/projects         401    404      404      404        404     403      403      201     201
GET   projects/shop                    401    404      200      200        200     404      200      200     200
PATCH projects/shop                    401    404      403      403        200     404      403      200     200
DELETE projects/shop                   401    404      403      403        202     404      403      202     202
GET   projects/shop/members            401    404      200      200        200     404      200      200     200
PUT   projects/shop/members/guest      401    404      403      403        200     404      403      200     200
GET   projects/shop/federated-objects  401    404      200      200        200     404      200      200     200
POST  projects/shop/federated-objects  401    404      403      201        201     404      403      201     201
POST  projects/shop/plan               401    404      403      200        200     404      403      200     200
GET   federated-objects                401    403      403      403        403     403      403      403     200
POST  federated-objects                401    403      403      403        403     403      403      403     201
POST  plan                             401    403      403      403        403     403      403      403     200
";

async fn every_role_may_do_what_it_says_and_no_more(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    app.user("guest", &[]).await;
    let mut lines = MATRIX.lines().filter(|line| !line.is_empty());
    let mut callers = Vec::new();
    for name in lines.next().unwrap().split_whitespace() {
        let client = match name {
            "nobody" => app.nobody(),
            "admin" => app.admin.clone(),
            _ => app.user(name, &[]).await,
        };
        match name.split_once('-') {
            Some(("p", role)) => {
                let role = if role == "admin" { "administrator" } else { role };
                app.member("projects/shop", name, &[role]).await;
            }
            Some((_, role)) => {
                let role = if role == "admin" { "administrator" } else { role };
                app.member("workspaces/acme", name, &[role]).await;
            }
            None => {}
        }
        callers.push((name, client));
    }
    let mut wrong = Vec::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        for (name, client) in &callers {
            let expected: u16 = words.next().unwrap().parse().unwrap();
            let mut request = client
                .request(Method::from_bytes(method.as_bytes()).unwrap(), &format!("{path}?dryRun=true"));
            request = match (method, path) {
                ("POST", "workspaces/acme/projects") => request.json(&json!({"name": "another"})),
                ("POST", "federated-objects" | "plan") => request.json(&cluster_role("readers")),
                ("POST", _) => request.json(&config_map()),
                ("PUT", _) => request.json(&json!({"roles": ["viewer"]})),
                ("PATCH", _) => request.json(&json!({"displayName": "x"})),
                _ => request,
            };
            let answer = Answer::to(request).await;
            if answer.status != expected {
                wrong.push(format!(
                    "{method} {path} as {name}: {} instead of {expected}: {}",
                    answer.status, answer.text
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
