//! A port of a cluster's own: the gateway by another door, with nobody's authority but the caller's.

use std::{net::TcpListener, time::Duration};

use hanse_harness::{Access, Cluster, ControlPlanes, wait_for};
use hanse_it::{Client, Db, TestApp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    agents::{self, condition, phase},
    gateway::{Kubectl, SOON, config_map, somebody, works},
    turn,
};

facts!(
    a_clusters_own_port_is_the_gateway_by_another_door,
    an_agents_cluster_has_one_too_and_keeps_it_over_a_restart,
    a_port_that_cannot_be_opened_keeps_its_cluster_from_ready,
    ports_are_given_once_and_run_out_with_words,
);

/// Ports that nobody listens on, one after the other.
fn range(count: u16) -> (u16, String) {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let process = u16::try_from(std::process::id() % 1000).unwrap();
    let first = (17_000 + process * 10..32_000)
        .step_by(usize::from(count))
        .find(|first| (*first..*first + count).all(free))
        .expect("free ports");
    (first, format!("{first}-{}", first + count - 1))
}

async fn with_ports(db: Db, count: u16) -> (TestApp, u16) {
    let (first, range) = range(count);
    let app = TestApp::start_with(db, |config| config.ports.range = range.parse().unwrap()).await;
    (app, first)
}

/// Whoever asks at a port, over TLS of the server's own authority.
struct Door {
    http: reqwest::Client,
    url: String,
}

impl Door {
    fn at(app: &TestApp, port: u16) -> Self {
        let authority = app.platform.tls.authority.clone().unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(30))
            .add_root_certificate(reqwest::Certificate::from_pem(authority.as_bytes()).unwrap());
        Self { http: http.build().unwrap(), url: format!("https://127.0.0.1:{port}") }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        who: Option<&Client>,
        body: Option<Value>,
    ) -> (u16, Value) {
        let mut request = self.http.request(method, format!("{}/{path}", self.url));
        if let Some(client) = who {
            request = request.bearer_auth(client.secret());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

async fn closed(port: u16) {
    wait_for(SOON, "the port to close", || async {
        match TcpStream::connect(("127.0.0.1", port)).await {
            Err(_) => Ok(()),
            Ok(_) => Err("it is open"),
        }
    })
    .await;
}

async fn take_in(app: &TestApp, cluster: &'static Cluster, name: &str) -> Value {
    let body = json!({
        "name": name, "kubeconfig": cluster.kubeconfig(Access::Admin), "force": true, "fixedPort": true,
    });
    app.admin.post("clusters", body).await.is(201)
}

async fn a_clusters_own_port_is_the_gateway_by_another_door(db: Db) {
    let _turn = turn().await;
    let (app, first) = with_ports(db, 2).await;
    let luebeck = ControlPlanes::shared().await.cluster("luebeck");
    assert_eq!(take_in(&app, luebeck, "luebeck").await["fixedPort"], first);
    let project = crate::gateway::furnished(&app, "luebeck").await;
    let ready = phase(&app, "luebeck", "Ready").await;
    assert_eq!(condition(&ready, "PortBound")["status"], "True", "{ready}");
    let listed = app.admin.get("clusters").await.is(200);
    assert_eq!(listed["items"][0]["fixedPort"], first);

    let operator = somebody(&app, "luebeck", &project, "operator").await;
    let viewer = somebody(&app, "luebeck", &project, "viewer").await;
    let authority = app.platform.tls.authority.clone().unwrap();
    works(&Kubectl::at(&format!("https://127.0.0.1:{first}"), &authority, &operator, &project)).await;

    let door = Door::at(&app, first);
    let maps = format!("api/v1/namespaces/{project}/configmaps");
    let stranger = app.user("stranger", &[]).await.token("t", None).await;
    let admin = app.admin.token("t", None).await;
    for (who, code) in [(None, 401), (Some(&stranger), 404), (Some(&viewer), 200), (Some(&admin), 200)] {
        assert_eq!(door.ask(Method::GET, &maps, who, None).await.0, code, "{who:?}");
    }
    let make = |name: &'static str| Some(config_map(name));
    assert_eq!(door.ask(Method::POST, &maps, Some(&viewer), make("no")).await.0, 403);
    assert_eq!(door.ask(Method::POST, &maps, Some(&operator), make("yes")).await.0, 201);
    assert_eq!(door.ask(Method::GET, "api/v1/nodes", Some(&operator), None).await.0, 403);
    assert_eq!(door.ask(Method::GET, "api/v1/nodes", Some(&admin), None).await.0, 200);
    // It is not the main port: what is there is not here.
    assert_ne!(door.ask(Method::GET, "clusters/luebeck/version", Some(&viewer), None).await.0, 200);
    assert_ne!(door.ask(Method::GET, "api/v1/me", Some(&viewer), None).await.0, 200);
    assert_eq!(door.ask(Method::GET, "version", Some(&viewer), None).await.0, 200);
    // A browser's session is no credential here, and nobody says who they are but by their token.
    let session = format!("hanse_session={}", app.admin.secret());
    let cookie =
        door.http.get(format!("{}/version", door.url)).header("cookie", session).send().await.unwrap();
    assert_eq!(cookie.status(), StatusCode::UNAUTHORIZED);
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let forged = door
        .http
        .post(format!("{}/apis/authentication.k8s.io/v1/selfsubjectreviews", door.url))
        .bearer_auth(viewer.secret())
        .header("impersonate-user", "admin")
        .header("impersonate-group", "system:masters")
        .header("x-remote-user", "admin")
        .json(&review);
    let told: Value = forged.send().await.unwrap().json().await.unwrap();
    assert_eq!(told["status"]["userInfo"]["username"], "hanse:viewer-of-it", "{told}");
    assert!(!told.to_string().contains("system:masters"), "{told}");
    // Nothing is said in the clear.
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let clear = plain.get(format!("http://127.0.0.1:{first}/version")).bearer_auth(viewer.secret());
    assert!(clear.send().await.is_err());
    let trail =
        app.admin.get(&format!("audit?kind=member-object&project={project}&verb=create")).await.is(200);
    assert!(trail["items"].to_string().contains("operator-of-it"), "{trail}");

    // A watch ends with the account, as at the gateway.
    let mut watch = door
        .http
        .get(format!("{}/{maps}?watch=true", door.url))
        .bearer_auth(viewer.secret())
        .send()
        .await
        .unwrap();
    assert!(watch.chunk().await.unwrap().is_some());
    app.admin.patch("users/viewer-of-it", json!({"state": "disabled"})).await.is(200);
    let cut = async { while let Ok(Some(_)) = watch.chunk().await {} };
    tokio::time::timeout(Duration::from_secs(5), cut).await.expect("the watch is cut");

    // Taken away, given again, gone with the cluster.
    app.admin.patch("clusters/luebeck", json!({"fixedPort": false})).await.is(200);
    closed(first).await;
    let again = app.admin.patch("clusters/luebeck", json!({"fixedPort": true})).await.is(200);
    assert_eq!(again["fixedPort"], first);
    wait_for(SOON, "the port", || async { TcpStream::connect(("127.0.0.1", first)).await.map(drop) }).await;
    app.admin.patch(&format!("workspaces/{project}"), json!({"clusters": []})).await;
    app.admin.delete(&format!("projects/{project}")).await.is(202);
    wait_for(SOON, "the project to be gone", || async {
        let answer = app.admin.get(&format!("projects/{project}")).await;
        if answer.status == 404 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    app.admin.patch(&format!("workspaces/{project}"), json!({"clusters": []})).await.is(200);
    app.admin.delete("clusters/luebeck").await.is(204);
    closed(first).await;
}

async fn an_agents_cluster_has_one_too_and_keeps_it_over_a_restart(db: Db) {
    let _turn = turn().await;
    let (mut app, first) = with_ports(db, 2).await;
    let luebeck = ControlPlanes::shared().await.cluster("luebeck");
    let folder = tempfile::tempdir().unwrap();
    let instructions = agents::create_with(&app, "luebeck", json!({"fixedPort": true})).await;
    let _agent = agents::join(&folder, &instructions, luebeck, &[]).await;
    let project = crate::gateway::furnished(&app, "luebeck").await;
    let operator = somebody(&app, "luebeck", &project, "operator").await;
    let authority = app.platform.tls.authority.clone().unwrap();
    let kubectl = Kubectl::at(&format!("https://127.0.0.1:{first}"), &authority, &operator, &project);
    works(&kubectl).await;
    // (The embedded database is locked to whoever still knows the old platform, which this test does.)
    if db == Db::Postgres {
        app.restart().await;
        let ready = phase(&app, "luebeck", "Ready").await;
        assert_eq!(ready["fixedPort"], first);
        assert!(kubectl.ok(&["get", "pods"]).await.contains("web-"));
    }
    // The kubeconfig can lead there.
    for (query, wanted) in
        [("?ports=true", format!("https://127.0.0.1:{first}")), ("", "/clusters/luebeck".into())]
    {
        let text = app.admin.get(&format!("kubeconfig{query}")).await.text;
        assert!(text.contains(&wanted), "{query}: {text}");
    }
    kubectl.ok(&["delete", "deployment", "web", "--wait=true", "--timeout=40s"]).await;
}

async fn a_port_that_cannot_be_opened_keeps_its_cluster_from_ready(db: Db) {
    let _turn = turn().await;
    let (app, first) = with_ports(db, 1).await;
    let taken = TcpListener::bind(("127.0.0.1", first)).unwrap();
    take_in(&app, ControlPlanes::shared().await.cluster("bremen"), "bremen").await;
    let waiting = wait_for(SOON, "the port to be missed", || async {
        let found = app.admin.get("clusters/bremen").await.is(200);
        let missed = condition(&found, "PortBound")["reason"] == "NotListening";
        if missed && found["phase"] == "NotReady" { Ok(found) } else { Err(found.to_string()) }
    })
    .await;
    let bound = condition(&waiting, "PortBound");
    assert_eq!((&bound["status"], &bound["reason"]), (&json!("False"), &json!("NotListening")), "{waiting}");
    assert!(bound["message"].as_str().unwrap().contains(&first.to_string()), "{bound}");
    assert_eq!(condition(&waiting, "Ready")["status"], "False", "{waiting}");
    drop(taken);
    let ready = phase(&app, "bremen", "Ready").await;
    assert_eq!(condition(&ready, "PortBound")["reason"], "Listening");
    app.admin.delete("clusters/bremen").await.is(204);
}

async fn ports_are_given_once_and_run_out_with_words(db: Db) {
    let (app, first) = with_ports(db, 3).await;
    let made = (0..6).map(|index| {
        let admin = app.admin.clone();
        let body = json!({"name": format!("waiting-{index}"), "fixedPort": true});
        tokio::spawn(async move { admin.post("agent-clusters", body).await })
    });
    let mut ports = Vec::new();
    let mut refused = Vec::new();
    for one in made.collect::<Vec<_>>() {
        let answer = one.await.unwrap();
        match answer.status {
            201 => ports.push(answer.body["cluster"]["fixedPort"].as_u64().unwrap()),
            _ => refused.push(answer),
        }
    }
    ports.sort_unstable();
    assert_eq!(ports, [first.into(), u64::from(first) + 1, u64::from(first) + 2]);
    for answer in refused {
        assert_eq!(answer.status, 409, "{}", answer.text);
        assert!(answer.text.contains(&format!("{first}-{}", first + 2)), "{}", answer.text);
    }
    // A dry run takes none, nor does one that fails.
    let listed = app.admin.get("clusters?limit=50").await.is(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    let freed = listed["items"][1].clone();
    app.admin.delete(&format!("clusters/{}", freed["name"].as_str().unwrap())).await.is(204);
    for _ in 0..2 {
        let dry = json!({"name": "dry", "fixedPort": true});
        let dry = app.admin.post("agent-clusters?dryRun=true", dry).await.is(201);
        assert_eq!(dry["cluster"]["fixedPort"], freed["fixedPort"]);
    }
    let kept = app.admin.post("agent-clusters", json!({"name": "kept", "fixedPort": true})).await.is(201);
    assert_eq!(kept["cluster"]["fixedPort"], freed["fixedPort"]);
    // Whoever may only change a cluster does not open doors of the machine.
    let manager = app.user("manager", &[]).await;
    app.admin.put("clusters/kept/members/manager", json!({"roles": ["administrator"]})).await;
    let opened = manager.patch("clusters/kept", json!({"fixedPort": true})).await;
    assert!(matches!(opened.status, 403 | 404), "{}", opened.text);
}
