//! Following an object over the live connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{
    Json, Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::HeaderMap,
    response::Response,
    routing::get,
};

use super::{
    apply::{stored, types},
    *,
};

/// What the server tells on each connection, one script after the other; the last one is repeated.
struct Script {
    connections: Vec<Vec<Value>>,
    /// Whether the connection stays open after its frames.
    stays: bool,
    opened: AtomicUsize,
}

fn object(phase: &str, ready: i64) -> Value {
    let mut object = stored("deployments.apps", "web", 2);
    object["status"]["phase"] = json!(phase);
    object["status"]["readyReplicas"] = json!(ready);
    object["status"]["clusters"][0]["phase"] = json!(phase);
    object["status"]["clusters"][0]["readyReplicas"] = json!(ready);
    object
}

fn changed(phase: &str, ready: i64) -> Value {
    json!({"type": "changed", "id": "1", "revision": 8, "data": object(phase, ready)})
}

async fn talk(mut socket: WebSocket, script: Arc<Script>) {
    let Some(Ok(Message::Text(asked))) = socket.recv().await else { return };
    assert_eq!(
        serde_json::from_str::<Value>(&asked).unwrap(),
        json!({"type": "subscribe", "id": "1", "topic": "projects/shop/federated-objects/deployments.apps/web"})
    );
    let turn = script.opened.fetch_add(1, Ordering::SeqCst);
    let frames = script.connections.get(turn).or(script.connections.last()).unwrap();
    for frame in frames {
        if socket.send(Message::text(frame.to_string())).await.is_err() {
            return;
        }
    }
    if script.stays {
        while let Some(Ok(_)) = socket.recv().await {}
    }
}

async fn live(State(script): State<Arc<Script>>, headers: HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    assert_eq!(headers["authorization"], "Bearer hanse_t");
    upgrade.on_upgrade(|socket| talk(socket, script))
}

async fn server(connections: Vec<Vec<Value>>, stays: bool) -> (String, Arc<Script>) {
    let script = Arc::new(Script { connections, stays, opened: AtomicUsize::new(0) });
    let router = Router::new()
        .route("/api/v1/types", get(async || Json(types())))
        .route(
            "/api/v1/projects/shop/federated-objects/deployments.apps/web",
            get(async || Json(object("Progressing", 0))),
        )
        .route("/api/v1/live", get(live))
        .with_state(Arc::clone(&script));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    (format!("http://{address}"), script)
}

fn following<'a>(server: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let base = ["--server", server, "--token", "hanse_t", "-p", "shop", "status", "deploy/web"];
    [&base[..], options].concat()
}

#[tokio::test]
async fn readiness_ends_the_wait() {
    let frames = vec![
        json!({"type": "subscribed", "id": "1", "revision": 7}),
        changed("Progressing", 0),
        changed("Progressing", 1),
        changed("Ready", 2),
    ];
    let (server, _) = server(vec![frames], true).await;
    let ended = Person::new().runs(&following(&server, &["--until-ready"])).await;
    insta::assert_snapshot!(ended.all(), @r"
    12:00:09 eu: Progressing 0/2
    12:00:09 all: Progressing, 1/1 clusters, 0/2 replicas
    12:00:09 eu: Progressing 1/2
    12:00:09 all: Progressing, 1/1 clusters, 1/2 replicas
    12:00:09 eu: Ready 2/2
    12:00:09 all: Ready, 1/1 clusters, 2/2 replicas
    ---
    exit code 0
    ");
    let ended = Person::new().runs(&following(&server, &["--until-ready", "-o", "json"])).await;
    let phases: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"]["phase"].clone())
        .collect();
    assert_eq!(phases, ["Progressing", "Progressing", "Progressing", "Ready"]);
    let ended =
        Person { terminal: true, ..Person::new() }.runs(&following(&server, &["--until-ready"])).await;
    assert_eq!(ended.out.matches("\x1b[H\x1b[2J").count(), 4);
    assert!(ended.out.ends_with("Ready: 1 of 1 clusters ready, 2 of 2 replicas\n"), "{}", ended.out);
}

#[tokio::test]
async fn a_lost_connection_is_taken_up_again() {
    let (server, script) =
        server(vec![vec![changed("Progressing", 1)], vec![changed("Ready", 2)]], false).await;
    let ended = Person::new().runs(&following(&server, &["--until-ready"])).await;
    insta::assert_snapshot!(ended.all(), @r"
    12:00:09 eu: Progressing 0/2
    12:00:09 all: Progressing, 1/1 clusters, 0/2 replicas
    12:00:09 eu: Progressing 1/2
    12:00:09 all: Progressing, 1/1 clusters, 1/2 replicas
    12:00:09 eu: Ready 2/2
    12:00:09 all: Ready, 1/1 clusters, 2/2 replicas
    ---
    connection lost (WebSocket protocol error: Connection reset without closing handshake); trying again
    connected again
    exit code 0
    ");
    assert_eq!(script.opened.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn unreadiness_fails_when_the_time_is_up() {
    let (server, _) = server(vec![vec![changed("Progressing", 1)]], true).await;
    let ended = Person::new().runs(&following(&server, &["--until-ready", "--timeout", "1s"])).await;
    insta::assert_snapshot!(ended.all(), @r"
    12:00:09 eu: Progressing 0/2
    12:00:09 all: Progressing, 1/1 clusters, 0/2 replicas
    12:00:09 eu: Progressing 1/2
    12:00:09 all: Progressing, 1/1 clusters, 1/2 replicas
    ---
    error: deployments.apps/web is not ready after 1s: Progressing
      next: look at it with `hanse status deployments.apps/web`
    exit code 1
    ");
    let ended = Person::new().runs(&following(&server, &["--watch", "--timeout", "1s"])).await;
    assert_eq!(ended.code, 0);
}

#[tokio::test]
async fn a_deleted_object_ends_the_watch() {
    let gone = json!({"type": "closed", "id": "1", "code": "not_found", "message": "it does not exist"});
    let (server, _) = server(vec![vec![gone]], true).await;
    let ended = Person::new().runs(&following(&server, &["--watch"])).await;
    assert_eq!((ended.code, ended.out.lines().last()), (0, Some("it has been deleted")), "{ended:?}");
    let ended = Person::new().runs(&following(&server, &["--until-ready"])).await;
    assert_eq!((ended.code, ended.notes.as_str()), (1, "error: it has been deleted\n"));
}
