//! What is the same for every route: lists, versions, dry runs, keys, patches, bodies, errors.

use std::collections::BTreeSet;

use hanse_it::{Answer, Client, Db, PASSWORD, TestApp};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

facts!(
    a_list_is_read_page_by_page,
    an_old_version_is_not_overwritten,
    a_dry_run_stores_nothing,
    an_idempotency_key_gives_the_first_answer_again,
    of_many_requests_with_one_key_one_takes_effect,
    the_answer_kept_for_a_key_holds_no_secret,
    null_clears_and_absent_leaves,
    what_does_not_fit_is_named,
    an_unreadable_body_is_refused_as_what_it_is,
    every_error_carries_the_id_of_its_request,
);

async fn names(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await.is(200);
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

async fn a_list_is_read_page_by_page(db: Db) {
    let app = TestApp::start(db).await;
    for n in 0..120 {
        app.workspace(&format!("item-{n:03}")).await;
    }
    let mut seen = Vec::new();
    let mut path = "workspaces".to_owned();
    for page in [50, 50, 20] {
        let list = app.admin.get(&path).await.is(200);
        assert_eq!(list["total"], 120);
        let items = list["items"].as_array().unwrap();
        assert_eq!(items.len(), page);
        seen.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        path = match list["continue"].as_str() {
            Some(place) => format!("workspaces?continue={place}"),
            None => String::new(),
        };
    }
    assert!(path.is_empty(), "the last page says that there is another");
    let all: Vec<String> = (0..120).map(|n| format!("item-{n:03}")).collect();
    assert_eq!(seen, all);
    assert_eq!(names(&app.admin, "workspaces?limit=2&sort=-name").await, ["item-119", "item-118"]);
    assert_eq!(names(&app.admin, "workspaces?limit=1&sort=createdAt").await, ["item-000"]);
    assert_eq!(names(&app.admin, "workspaces?search=item-11").await, all[110..120]);
    assert_eq!(names(&app.admin, "workspaces?search=ITEM-042").await, ["item-042"]);
    for wild in ["%25", "_"] {
        assert!(
            names(&app.admin, &format!("workspaces?search={wild}")).await.is_empty(),
            "{wild} is no wildcard"
        );
    }
    for (query, field) in
        [("sort=bogus", "sort"), ("limit=0", "limit"), ("limit=501", "limit"), ("continue=bogus", "continue")]
    {
        assert_eq!(app.admin.get(&format!("workspaces?{query}")).await.fields(), [field], "{query}");
    }
}

async fn an_old_version_is_not_overwritten(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    app.user("anna", &[]).await;
    for path in ["workspaces/acme", "projects/shop", "users/anna"] {
        let first = app.admin.get(path).await.header("etag").to_owned();
        assert!(first.starts_with('"'), "{path}: {first:?}");
        let change = |name: &str, tag: &str| {
            let request = app.admin.request(Method::PATCH, path).header("if-match", tag);
            Answer::to(request.json(&json!({"displayName": name})))
        };
        let answer = change("one", &first).await;
        let second = answer.header("etag").to_owned();
        answer.is(200);
        assert_ne!(first, second, "{path}");
        assert_eq!(app.admin.get(path).await.header("etag"), second, "{path}");
        let answer = change("two", &first).await;
        assert_eq!(answer.is(412)["error"]["code"], "precondition_failed");
        change("two", "\"no etag\"").await.is(412);
        let delete = app.admin.request(Method::DELETE, path).header("if-match", &first);
        Answer::to(delete).await.is(412);
        assert_eq!(app.admin.get(path).await.is(200)["displayName"], "one", "{path}");
        change("three", "*").await.is(200);
    }
}

async fn a_dry_run_stores_nothing(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    app.user("anna", &[]).await;
    let before = app.platform.store.verify_audit().await.unwrap().rows;
    let revision = app.platform.store.revision();
    let dry = |method: Method, path: &str, body: Value| {
        Answer::to(app.admin.request(method, &format!("{path}?dryRun=true")).json(&body))
    };
    let roles = || json!({"roles": ["viewer"]});
    dry(Method::POST, "workspaces", json!({"name": "other", "project": {"name": "stall"}})).await.is(201);
    dry(Method::PATCH, "workspaces/acme", json!({"displayName": "x"})).await.is(200);
    dry(Method::PUT, "workspaces/acme/members/anna", roles()).await.is(200);
    dry(Method::DELETE, "workspaces/acme/members/admin", json!({})).await.is(409);
    dry(Method::POST, "workspaces/acme/projects", json!({"name": "stall"})).await.is(201);
    dry(Method::PATCH, "projects/shop", json!({"displayName": "x"})).await.is(200);
    dry(Method::PUT, "projects/shop/members/anna", roles()).await.is(200);
    dry(Method::DELETE, "projects/shop", json!({})).await.is(202);
    dry(Method::POST, "users", json!({"name": "bert", "password": PASSWORD})).await.is(201);
    dry(Method::PATCH, "users/anna", json!({"state": "disabled"})).await.is(200);
    dry(Method::DELETE, "users/anna", json!({})).await.is(204);
    dry(Method::PATCH, "me", json!({"displayName": "x"})).await.is(200);
    let token = dry(Method::POST, "me/tokens", json!({"name": "script"})).await.is(201);
    let token = app.nobody().with_token(token["secret"].as_str().unwrap());
    token.get("me").await.is(401);
    // The checks are the same.
    dry(Method::POST, "workspaces", json!({"name": "acme"})).await.is(409);
    assert_eq!(
        dry(Method::PUT, "workspaces/acme/members/anna", json!({"roles": []})).await.fields(),
        ["roles"]
    );
    let odd = app.admin.post("workspaces?dryRun=perhaps", json!({"name": "other"})).await;
    assert_eq!(odd.fields(), ["dryRun"]);

    for missing in ["workspaces/other", "projects/stall", "users/bert"] {
        app.admin.get(missing).await.is(404);
    }
    for path in ["workspaces/acme", "projects/shop", "me"] {
        let body = app.admin.get(path).await.is(200);
        assert_eq!((&body["displayName"], &body["deletedAt"]), (&Value::Null, &Value::Null), "{path}");
    }
    for path in ["workspaces/acme/members", "projects/shop/members"] {
        assert_eq!(app.admin.get(path).await.is(200)["total"], 1, "{path}");
    }
    assert_eq!(app.admin.get("users/anna").await.is(200)["state"], "active");
    assert_eq!(app.admin.get("me/tokens").await.is(200)["total"], 0);
    assert_eq!(app.platform.store.verify_audit().await.unwrap().rows, before);
    assert_eq!(app.platform.store.revision(), revision);
}

fn keyed(client: &Client, path: &str, key: &str, body: &Value) -> RequestBuilder {
    client.request(Method::POST, path).header("idempotency-key", key).json(body)
}

async fn an_idempotency_key_gives_the_first_answer_again(db: Db) {
    let app = TestApp::start(db).await;
    let acme = json!({"name": "acme"});
    let first = Answer::to(keyed(&app.admin, "workspaces", "k1", &acme)).await;
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = Answer::to(keyed(&app.admin, "workspaces", "k1", &acme)).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    for header in ["location", "etag", "content-type"] {
        assert!(!first.header(header).is_empty(), "{header}");
        assert_eq!(again.header(header), first.header(header));
    }
    assert_eq!(again.is(201), first.is(201));
    // Another body or another route under the key is a mistake of the caller.
    let other = json!({"name": "other"});
    assert_eq!(
        Answer::to(keyed(&app.admin, "workspaces", "k1", &other)).await.is(409)["error"]["code"],
        "conflict"
    );
    Answer::to(keyed(&app.admin, "workspaces/acme/projects", "k1", &acme)).await.is(409);
    app.admin.get("workspaces/other").await.is(404);
    // Keys are everybody's own.
    let maker = app.user("maker", &["workspace-creator"]).await;
    Answer::to(keyed(&maker, "workspaces", "k1", &other)).await.is(201);
    // A refusal is not kept.
    Answer::to(keyed(&app.admin, "workspaces/third/projects", "k2", &acme)).await.is(404);
    app.workspace("third").await;
    Answer::to(keyed(&app.admin, "workspaces/third/projects", "k2", &acme)).await.is(201);
    Answer::to(keyed(&app.admin, "workspaces", &"k".repeat(201), &acme)).await.is(400);
}

async fn of_many_requests_with_one_key_one_takes_effect(db: Db) {
    let app = TestApp::start(db).await;
    for round in 0..3 {
        let (key, body) = (format!("k{round}"), json!({"name": format!("acme-{round}")}));
        let asked: Vec<_> =
            (0..8).map(|_| tokio::spawn(Answer::to(keyed(&app.admin, "workspaces", &key, &body)))).collect();
        let mut made = 0;
        for answer in asked {
            let answer = answer.await.unwrap();
            match answer.status {
                201 if answer.header("idempotent-replayed").is_empty() => made += 1,
                201 => {}
                _ => {
                    assert_eq!(answer.body_of(409)["error"]["code"], "conflict", "{}", answer.text);
                    assert_eq!(answer.header("retry-after"), "1");
                }
            }
        }
        assert_eq!(made, 1);
    }
    assert_eq!(app.admin.get("workspaces").await.is(200)["total"], 3);
    assert_eq!(app.admin.get("audit?kind=workspace&verb=create").await.is(200)["total"], 3);
}

async fn the_answer_kept_for_a_key_holds_no_secret(db: Db) {
    let app = TestApp::start(db).await;
    let body = json!({"name": "script"});
    let first = Answer::to(keyed(&app.admin, "me/tokens", "k1", &body)).await.is(201);
    let secret = first["secret"].as_str().unwrap();
    let again = Answer::to(keyed(&app.admin, "me/tokens", "k1", &body)).await;
    assert!(!again.text.contains(secret), "a secret is in one answer only: {}", again.text);
    app.nobody().with_token(secret).get("me").await.is(200);
    assert_eq!(app.admin.get("me/tokens").await.is(200)["total"], 1);
}

async fn null_clears_and_absent_leaves(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    app.project("acme", "shop").await;
    for path in ["workspaces/acme", "projects/shop"] {
        let both = json!({"displayName": "Shown", "description": "Told"});
        app.admin.patch(path, both).await.is(200);
        let body = app.admin.patch(path, json!({"displayName": null})).await.is(200);
        assert_eq!((&body["displayName"], &body["description"]), (&Value::Null, &json!("Told")), "{path}");
        let body = app.admin.patch(path, json!({})).await.is(200);
        assert_eq!((&body["displayName"], &body["description"]), (&Value::Null, &json!("Told")), "{path}");
    }
    app.admin.patch("me", json!({"displayName": "Shown", "email": "a@example.com"})).await.is(200);
    let body = app.admin.patch("me", json!({"email": null})).await.is(200);
    assert_eq!((&body["displayName"], &body["email"]), (&json!("Shown"), &Value::Null));
}

async fn what_does_not_fit_is_named(db: Db) {
    let app = TestApp::start(db).await;
    let nested = json!({"name": "acme", "project": {"name": "Shop"}});
    assert_eq!(app.admin.post("workspaces", nested).await.fields(), ["project.name"]);
    assert_eq!(app.admin.post("workspaces", json!({"name": 1})).await.fields(), ["name"]);
    for (body, field) in [
        (json!({"name": "acme", "clutsers": []}), "clutsers"),
        (json!({"name": "acme", "project": {"name": "shop", "clutsers": []}}), "project.clutsers"),
    ] {
        assert_eq!(app.admin.post("workspaces", body).await.fields(), [field]);
    }
    let missing = app.admin.post("workspaces", json!({})).await;
    assert!(missing.is(422)["error"]["message"].as_str().unwrap().contains("name"));
    app.admin.get("workspaces/acme").await.is(404);
}

async fn an_unreadable_body_is_refused_as_what_it_is(db: Db) {
    let app = TestApp::start(db).await;
    let post = |kind: &str, body: Vec<u8>| {
        let request = app.admin.request(Method::POST, "workspaces").header("content-type", kind);
        Answer::to(request.body(body))
    };
    let json = "application/json";
    let large = format!(r#"{{"name":"acme","description":"{}"}}"#, "x".repeat(10_000_000));
    let deep = format!(r#"{{"name":"acme","project":{}}}"#, "[".repeat(100_000));
    for (kind, body, status, code) in [
        (json, large.into_bytes(), 413, "too_large"),
        (json, deep.into_bytes(), 422, "invalid"),
        (json, "[".repeat(100_000).into_bytes(), 422, "invalid"),
        (json, b"{\"name\":\"acme\",\"displayName\":\"\xff\"}".to_vec(), 400, "bad_request"),
        (json, b"{\"name\":\"acme\"".to_vec(), 400, "bad_request"),
        (json, b"{\"name\":\"acme\"} {}".to_vec(), 400, "bad_request"),
        (json, Vec::new(), 400, "bad_request"),
        ("text/plain", b"{\"name\":\"acme\"}".to_vec(), 400, "bad_request"),
        ("application/x-www-form-urlencoded", b"name=acme".to_vec(), 400, "bad_request"),
    ] {
        let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        let answer = post(kind, body).await;
        assert_eq!(answer.status, status, "{start}: {}", answer.text);
        assert_eq!(answer.body["error"]["code"], code, "{start}");
    }
    app.admin.get("workspaces/acme").await.is(404);
}

async fn every_error_carries_the_id_of_its_request(db: Db) {
    let app = TestApp::start(db).await;
    app.workspace("acme").await;
    let mut ids = BTreeSet::new();
    for answer in [
        app.nobody().get("me").await,
        app.admin.get("workspaces/none").await,
        app.admin.get("no/such/route").await,
        app.admin.delete("overview").await,
        app.admin.post("workspaces", json!({"name": "acme"})).await,
        app.admin.post("workspaces", json!({"name": "No Name"})).await,
        app.admin.get("workspaces?limit=many").await,
        Answer::to(app.admin.without_origin(Method::POST, "workspaces")).await,
        Answer::to(app.admin.request(Method::POST, "workspaces").body("{")).await,
    ] {
        let error = &answer.body["error"];
        assert!(answer.status >= 400, "{}", answer.text);
        assert!(
            error["code"].is_string() && error["message"].is_string(),
            "{}: {}",
            answer.status,
            answer.text
        );
        assert_eq!(error["requestId"], answer.header("x-request-id"), "{}", answer.text);
        assert!(ids.insert(answer.header("x-request-id").to_owned()), "each request has its own");
    }
    let own =
        Answer::to(app.admin.request(Method::GET, "workspaces/none").header("x-request-id", "mine-1")).await;
    assert_eq!(own.is(404)["error"]["requestId"], "mine-1");
    let odd = app.admin.request(Method::GET, "workspaces/none").header("x-request-id", "no id <script>");
    assert_ne!(Answer::to(odd).await.is(404)["error"]["requestId"], "no id <script>");
}
