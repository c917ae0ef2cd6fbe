//! Looking at federated objects and deleting them.

use wiremock::{
    Mock,
    matchers::{method, path, query_param},
};

use super::{
    apply::{stored, types},
    *,
};

const OBJECTS: &str = "/api/v1/projects/shop/federated-objects";

async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/types"))
        .respond_with(ResponseTemplate::new(200).set_body_json(types()))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(OBJECTS))
        .and(query_param("type", "configmaps"))
        .respond_with(page(&[]))
        .mount(&server)
        .await;
    let mut going = stored("configmaps", "settings", 1);
    going["deletedAt"] = json!("2026-01-01T12:00:00Z");
    going["status"]["replicas"] = Value::Null;
    going["status"]["readyReplicas"] = Value::Null;
    Mock::given(method("GET"))
        .and(path(OBJECTS))
        .respond_with(page(&[stored("deployments.apps", "web", 1), going]))
        .with_priority(9)
        .mount(&server)
        .await;
    for verb in ["GET", "DELETE"] {
        Mock::given(method(verb))
            .and(path(format!("{OBJECTS}/deployments.apps/web")))
            .respond_with(ResponseTemplate::new(200).set_body_json(stored("deployments.apps", "web", 1)))
            .mount(&server)
            .await;
    }
    server
}

#[tokio::test]
async fn objects_are_listed_and_shown() {
    let server = server().await;
    let uri = server.uri();
    let person = Person::new();
    let base = ["--server", &uri, "-p", "shop"];
    let ended = person.runs(&[&base[..], &["get"]].concat()).await;
    insta::assert_snapshot!(ended.all(), @r"
    OBJECT                PHASE     CLUSTERS  REPLICAS  AGE  MESSAGE
    deployments.apps/web  Ready     1/1       2/2       12h
    configmaps/settings   Deleting  1/1       -         12h
    ---
    exit code 0
    ");
    let ended = person.runs(&[&base[..], &["get", "cm"]].concat()).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    nothing is federated in project shop
    exit code 0
    ");
    let ended = person.runs(&[&base[..], &["get", "deploy/web", "-o", "json"]].concat()).await;
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap(), stored("deployments.apps", "web", 1));
    let ended = person.runs(&["--server", &uri, "get"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    error: no project is named: give -p PROJECT (HANSE_PROJECT)
    exit code 2
    ");
    let ended = person.runs(&[&base[..], &["status", "deploy/web"]].concat()).await;
    insta::assert_snapshot!(ended.all(), @r"
    deployments.apps/web in project shop

    CLUSTER  SCHEDULED  APPLIED  PHASE  READY  DRIFT  UPDATED  MESSAGE
    eu       yes        yes      Ready  2/2    -      1s ago

    Ready: 1 of 1 clusters ready, 2 of 2 replicas
    ---
    exit code 0
    ");
}

#[tokio::test]
async fn deleting_asks_and_says_what_goes_where() {
    let server = server().await;
    let uri = server.uri();
    let arguments = ["--server", &uri, "-p", "shop", "delete", "deploy/web"];
    let deleted = async || {
        sent(&server, &format!("{OBJECTS}/deployments.apps/web"))
            .await
            .iter()
            .filter(|(verb, _)| verb == "DELETE")
            .count()
    };
    let ended = Person::new().runs(&arguments).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    deployments.apps/web: goes from eu
    error: nobody can be asked here: give --yes to go on
    exit code 2
    ");
    let ended = Person { interactive: true, typed: "\n".into(), ..Person::new() }.runs(&arguments).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    deployments.apps/web: goes from eu
    Delete deployments.apps/web? [y/N] error: nothing was done
    exit code 1
    ");
    assert_eq!(deleted().await, 0);
    let ended = Person { interactive: true, typed: "y\n".into(), ..Person::new() }.runs(&arguments).await;
    insta::assert_snapshot!(ended.all(), @r"
    deployments.apps/web deleted
    ---
    deployments.apps/web: goes from eu
    Delete deployments.apps/web? [y/N] exit code 0
    ");
    assert_eq!(deleted().await, 1);
    let ended = Person::new().runs(&["delete", "web"]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.notes.contains("give TYPE/NAME, such as deployments.apps/web"), "{}", ended.notes);
}
