//! Getting in, staying in, and being put out.

use std::time::Duration;

use hanse_it::{Answer, Client, Db, PASSWORD, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

facts!(
    the_setup_link_works_once,
    of_two_uses_of_the_setup_link_one_wins,
    guessing_the_setup_token_is_throttled,
    an_unknown_user_and_a_wrong_password_get_the_same_answer,
    guessing_a_password_is_throttled,
    signing_out_ends_the_session,
    a_new_password_ends_the_other_sessions,
    disabling_somebody_ends_everything_within_a_second,
    a_page_of_another_site_changes_nothing,
);

fn setup(token: &str, name: &str) -> Value {
    json!({"token": token, "name": name, "password": PASSWORD})
}

async fn the_setup_link_works_once(db: Db) {
    let app = TestApp::fresh(db, |_| {}).await;
    let (nobody, token) = (app.nobody(), app.setup_token());
    assert_eq!(nobody.get("setup").await.is(200)["needed"], true);
    nobody.post("setup", setup("wrong", "eve")).await.is(401);
    let weak = json!({"token": token, "name": "anna", "password": "short"});
    assert_eq!(nobody.post("setup", weak).await.fields(), ["password"]);
    let answer = nobody.post("setup", setup(&token, "anna")).await;
    assert_eq!(answer.body_of(201)["roles"], json!(["administrator"]));
    for part in ["hanse_session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(answer.header("set-cookie").contains(part), "{}", answer.header("set-cookie"));
    }
    assert_eq!(nobody.with_session(&answer).get("me").await.is(200)["name"], "anna");
    nobody.post("setup", setup(&token, "eve")).await.is(401);
    assert_eq!(nobody.get("setup").await.is(200)["needed"], false);
}

async fn of_two_uses_of_the_setup_link_one_wins(db: Db) {
    let app = TestApp::fresh(db, |_| {}).await;
    let (nobody, token) = (app.nobody(), app.setup_token());
    let (a, b) = tokio::join!(
        nobody.post("setup", setup(&token, "anna")),
        nobody.post("setup", setup(&token, "bert"))
    );
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 401], "{} {}", a.text, b.text);
    let winner = if a.status == 201 { a } else { b };
    assert_eq!(nobody.with_session(&winner).get("users").await.is(200)["total"], 1);
}

/// Fails at something until the server asks to wait: the first five are free.
async fn throttled(attempt: impl AsyncFn() -> Answer) {
    for _ in 0..5 {
        attempt().await.is(401);
    }
    // The wait after the fifth is a second; on a slow machine it may be over, and then the next is longer.
    for _ in 0..8 {
        let answer = attempt().await;
        if answer.status == 429 {
            assert_eq!(answer.body["error"]["code"], "too_many_requests");
            let wait: u64 = answer.header("retry-after").parse().expect("seconds to wait");
            assert!((1..=900).contains(&wait), "{wait}");
            return;
        }
        answer.is(401);
    }
    panic!("thirteen failures, and no wait");
}

async fn guessing_the_setup_token_is_throttled(db: Db) {
    let app = TestApp::fresh(db, |_| {}).await;
    throttled(async || app.nobody().post("setup", setup("wrong", "eve")).await).await;
    assert_eq!(app.nobody().get("setup").await.is(200)["needed"], true);
}

async fn sign_in(client: &Client, name: &str, password: &str) -> Answer {
    client.post("sessions", json!({"name": name, "password": password})).await
}

async fn an_unknown_user_and_a_wrong_password_get_the_same_answer(db: Db) {
    let app = TestApp::start(db).await;
    let mut wrong = sign_in(&app.nobody(), "admin", "wrong").await;
    let mut unknown = sign_in(&app.nobody(), "nobody-of-that-name", "wrong").await;
    for answer in [&mut wrong, &mut unknown] {
        assert_eq!(answer.status, 401, "{}", answer.text);
        answer.body["error"]["requestId"] = Value::Null;
        for own in ["x-request-id", "date"] {
            answer.headers.remove(own);
        }
    }
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(wrong.headers, unknown.headers);
}

async fn guessing_a_password_is_throttled(db: Db) {
    let app = TestApp::start(db).await;
    throttled(async || sign_in(&app.nobody(), "admin", "wrong").await).await;
    // Whoever is in already stays in.
    app.admin.get("me").await.is(200);
}

async fn signing_out_ends_the_session(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let other = app.sign_in("anna").await;
    let answer = anna.delete("sessions/current").await;
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{}", answer.header("set-cookie"));
    answer.is(204);
    anna.get("me").await.is(401);
    other.get("me").await.is(200);
}

async fn a_new_password_ends_the_other_sessions(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let other = app.sign_in("anna").await;
    let change = |current: &str| json!({"current": current, "new": "nine green bottles hanging"});
    assert_eq!(anna.post("me/password", change("wrong")).await.fields(), ["current"]);
    anna.post("me/password", change(PASSWORD)).await.is(204);
    other.get("me").await.is(401);
    anna.get("me").await.is(200);
    sign_in(&app.nobody(), "anna", PASSWORD).await.is(401);
    sign_in(&app.nobody(), "anna", "nine green bottles hanging").await.is(201);
}

async fn disabling_somebody_ends_everything_within_a_second(db: Db) {
    let app = TestApp::start(db).await;
    let anna = app.user("anna", &[]).await;
    let token = anna.token("script", None).await;
    let (mut live, mut by_token) = (anna.live().await, token.live().await);
    for live in [&mut live, &mut by_token] {
        live.subscribe("1", "workspaces").await;
        live.next("subscribed").await;
    }
    app.admin.patch("users/anna", json!({"state": "disabled"})).await.is(200);
    anna.get("me").await.is(401);
    token.get("me").await.is(401);
    for live in [&mut live, &mut by_token] {
        let end = async { while live.frame().await.is_some() {} };
        tokio::time::timeout(Duration::from_secs(1), end).await.expect("the connection ends within a second");
    }
    sign_in(&app.nobody(), "anna", PASSWORD).await.is(401);
    // What ended stays ended.
    app.admin.patch("users/anna", json!({"state": "active"})).await.is(200);
    anna.get("me").await.is(401);
    sign_in(&app.nobody(), "anna", PASSWORD).await.is(201);
}

async fn a_page_of_another_site_changes_nothing(db: Db) {
    let app = TestApp::start(db).await;
    let create = json!({"name": "acme"});
    let post = || app.admin.without_origin(Method::POST, "workspaces").json(&create);
    Answer::to(post()).await.is(403);
    for foreign in ["https://evil.example", "null", "http://127.0.0.1:1", "not an origin"] {
        Answer::to(post().header("origin", foreign)).await.is(403);
        assert_eq!(app.admin.live_from(Some(foreign)).await.err(), Some(403), "{foreign}");
        let sign_in = app.nobody().request(Method::POST, "sessions").header("origin", foreign);
        Answer::to(sign_in.json(&json!({"name": "admin", "password": PASSWORD}))).await.is(403);
    }
    assert_eq!(app.admin.live_from(None).await.err(), Some(403));
    app.admin.get("workspaces/acme").await.is(404);
    // Reading is what any link does; a token is sent by no browser on its own.
    Answer::to(app.admin.without_origin(Method::GET, "me")).await.is(200);
    app.admin.token("script", None).await.post("workspaces", create.clone()).await.is(201);
    app.admin.live().await;
}
