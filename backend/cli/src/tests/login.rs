//! Signing in and out.

use wiremock::{
    Mock,
    matchers::{header, method, path},
};

use super::*;

fn user() -> Value {
    json!({"id": "01890000-0000-7000-8000-000000000001", "name": "ada", "displayName": null, "email": null,
           "state": "active", "language": null, "roles": [], "createdAt": "2026-01-01T00:00:00Z", "lastSignInAt": null})
}

fn made(secret: &str) -> Value {
    json!({"token": {"id": "01890000-0000-7000-8000-000000000002", "name": "cli-desk-1", "permissions": null,
                     "createdAt": "2026-01-01T00:00:00Z", "expiresAt": "2026-04-01T00:00:00Z", "lastUsedAt": null},
           "secret": secret})
}

async fn server() -> MockServer {
    let server = MockServer::start().await;
    let origin = server.uri();
    Mock::given(method("POST"))
        .and(path("/api/v1/sessions"))
        .and(wiremock::matchers::body_json(json!({"name": "ada", "password": "typed unseen"})))
        .respond_with(
            ResponseTemplate::new(201)
                .append_header("set-cookie", "other=1; Path=/")
                .append_header("set-cookie", "hanse_session=s3cret; Path=/; HttpOnly")
                .set_body_json(user()),
        )
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/api/v1/sessions"))
        .respond_with(refusal(401, "unauthenticated", "user name or password is wrong"))
        .with_priority(9)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/api/v1/me/tokens"))
        .and(header("cookie", "hanse_session=s3cret"))
        .and(header("origin", origin.as_str()))
        .respond_with(ResponseTemplate::new(201).set_body_json(made("hanse_new")))
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path("/api/v1/sessions/current"))
        .and(header("cookie", "hanse_session=s3cret"))
        .and(header("origin", origin.as_str()))
        .respond_with(ResponseTemplate::new(204))
        .expect(0..)
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path("/api/v1/me"))
        .and(header("authorization", "Bearer hanse_given"))
        .respond_with(ResponseTemplate::new(200).set_body_json(user()))
        .mount(&server)
        .await;
    Mock::given(method("DELETE"))
        .and(path("/api/v1/me/tokens/cli-desk-1"))
        .and(header("authorization", "Bearer hanse_new"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    server
}

fn contexts(person: &Person) -> Value {
    serde_json::from_slice(&std::fs::read(person.config()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_password_becomes_a_token_and_the_session_ends() {
    let server = server().await;
    let person = Person { interactive: true, typed: "ada\n".into(), ..Person::new() };
    let ended = person.runs(&["login", &server.uri(), "-p", "shop", "--context", "here"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.out, format!("signed in to {}/ as ada (context here)\n", server.uri()));
    assert_eq!(ended.notes, "user: password: ");
    let stored = contexts(&person);
    assert_eq!(stored["current"], "here");
    assert_eq!(
        stored["contexts"]["here"],
        json!({"server": format!("{}/", server.uri()), "token": "hanse_new", "tokenName": "cli-desk-1", "user": "ada", "project": "shop"})
    );
    let tokens = sent(&server, "/api/v1/me/tokens").await;
    let name = tokens[0].1["name"].as_str().unwrap();
    assert!(name.starts_with("cli-desk-") && name.len() == "cli-desk-".len() + 6, "{name}");
    assert_eq!(sent(&server, "/api/v1/sessions/current").await.len(), 1);

    let ended = person.runs(&["logout"]).await;
    assert_eq!((ended.code, contexts(&person)), (0, json!({"contexts": {}})), "{ended:?}");
    assert_eq!(sent(&server, "/api/v1/me/tokens/cli-desk-1").await.len(), 1);
    assert_eq!(person.runs(&["logout"]).await.notes, "error: nobody is signed in\n");
}

#[tokio::test]
async fn a_password_can_come_from_a_pipe() {
    let server = server().await;
    let person = Person { typed: "typed unseen\n".into(), ..Person::new() };
    let ended = person.runs(&["login", &server.uri(), "--user", "ada", "--password-stdin"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let ended = person.runs(&["login", &server.uri(), "--user", "ada"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    error: nobody can be asked for the password here: give --password-stdin, or --token TOKEN
    exit code 2
    ");
}

#[tokio::test]
async fn a_wrong_password_stores_nothing() {
    let server = server().await;
    let person = Person { typed: "guess\n".into(), ..Person::new() };
    let ended = person.runs(&["login", &server.uri(), "--user", "ada", "--password-stdin"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    error: user name or password is wrong
    exit code 1
    ");
    assert!(!person.config().exists());
}

#[tokio::test]
async fn a_server_that_is_not_set_up_says_so() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/sessions"))
        .respond_with(refusal(401, "unauthenticated", "user name or password is wrong"))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/setup"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"needed": true, "version": "0.1.0"})))
        .mount(&server)
        .await;
    let person = Person { typed: "x\n".into(), ..Person::new() };
    let ended = person.runs(&["login", &server.uri(), "--user", "ada", "--password-stdin"]).await;
    insta::assert_snapshot!(ended.notes.replace(&server.uri(), "SERVER"), @r"
    error: SERVER/ has not been set up yet: nobody can sign in
      next: open the link that `hanse serve` printed when it started, and make the first administrator
    ");
}

#[tokio::test]
async fn a_given_token_is_tried_before_it_is_stored() {
    let server = server().await;
    let person = Person::new();
    let ended = person.runs(&["login", &server.uri(), "--token", "hanse_given"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let ended = person.runs(&["contexts", "list", "-o", "json"]).await;
    assert!(!ended.out.contains("hanse_given"), "tokens stay in the file");
    let ended = person.runs(&["contexts", "use", "nowhere"]).await;
    assert_eq!((ended.code, ended.notes.contains("there is no context \"nowhere\"")), (2, true));
}

#[tokio::test]
async fn contexts_are_listed_and_chosen() {
    let person = Person::new();
    let context = |server: &str, project: Option<&str>| json!({"server": server, "token": "hanse_x", "user": "ada", "project": project});
    let contexts = json!({"current": "prod", "contexts": {
        "prod": context("https://hanse.example/", Some("shop")), "test": context("http://127.0.0.1:8080/", None)}});
    std::fs::create_dir_all(person.config().parent().unwrap()).unwrap();
    std::fs::write(person.config(), contexts.to_string()).unwrap();
    let ended = person.runs(&["contexts", "use", "test"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "context test is the current one\n"));
    let ended = person.runs(&["contexts", "list"]).await;
    insta::assert_snapshot!(ended.out, @r"
    CURRENT  NAME  SERVER                  USER  PROJECT
             prod  https://hanse.example/  ada   shop
    *        test  http://127.0.0.1:8080/  ada   -
    ");
}

#[tokio::test]
async fn secrets_of_new_tokens_stand_alone_on_standard_output() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/v1/me/tokens"))
        .and(wiremock::matchers::body_json(
            json!({"name": "ci", "expiresInDays": 30, "permissions": ["project.objects.view"]}),
        ))
        .respond_with(ResponseTemplate::new(201).set_body_json(made("hanse_ci")))
        .mount(&server)
        .await;
    let uri = server.uri();
    let ended = Person::new()
        .runs(&[
            "--server",
            &uri,
            "token",
            "create",
            "ci",
            "--expires-in-days",
            "30",
            "--permission",
            "project.objects.view",
        ])
        .await;
    insta::assert_snapshot!(ended.all(), @r"
    hanse_ci
    ---
    token cli-desk-1 is valid until 2026-04-01; keep it safe, it cannot be shown again:
    exit code 0
    ");
}
