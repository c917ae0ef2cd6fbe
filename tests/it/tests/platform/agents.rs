//! Clusters that an agent brings in: from the token to Ready, through faults, and against those who should not.

use std::time::{Duration, Instant};

use hanse_harness::{
    Access, Cluster, ControlPlanes, Fault, FaultProxy, agent::AgentProcess, unique, wait_for,
};
use hanse_it::{Db, TestApp};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::turn;

facts!(
    an_agent_brings_its_cluster_in_and_comes_back,
    a_silent_line_shows_within_seconds_and_heals,
    tokens_and_certificates_are_good_for_one_cluster_only,
    a_join_token_is_good_for_an_hour,
    another_hanses_cluster_is_let_be_unless_it_is_taken_over,
    where_only_web_traffic_passes_an_agent_comes_through_the_web_port,
);

const SOON: Duration = Duration::from_secs(40);

/// Makes a cluster that an agent brings in; it may carry the mark of an earlier test's Hanse.
pub(crate) async fn create(app: &TestApp, name: &str) -> Value {
    create_with(app, name, json!({})).await
}

pub(crate) async fn create_with(app: &TestApp, name: &str, more: Value) -> Value {
    let mut body = json!({"name": name, "labels": {"site": name}, "force": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let created = app.admin.post("agent-clusters", body).await.is(201);
    assert_eq!(created["cluster"]["phase"], "Pending");
    assert_eq!(created["cluster"]["connection"], "agent");
    created["join"].clone()
}

/// An agent that joins; its state is in the folder.
pub(crate) async fn join(folder: &TempDir, join: &Value, cluster: &Cluster, more: &[&str]) -> AgentProcess {
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig(Access::Token)).unwrap();
    let (kubeconfig, state) =
        (kubeconfig.display().to_string(), folder.path().join("state").display().to_string());
    let text = |field: &str| join[field].as_str().unwrap().to_owned();
    let (url, ca, token) = (text("url"), text("caSha256"), text("token"));
    let mut arguments = vec![
        "join",
        "--url",
        &url,
        "--ca-sha256",
        &ca,
        "--token",
        &token,
        "--kubeconfig",
        &kubeconfig,
        "--state",
        &state,
    ];
    arguments.extend(more);
    AgentProcess::start(folder.path(), &arguments).await
}

pub(crate) async fn phase(app: &TestApp, name: &str, phase: &str) -> Value {
    wait_for(SOON, &format!("{name} {phase}"), || async {
        let found = app.admin.get(&format!("clusters/{name}")).await.is(200);
        if found["phase"] == phase { Ok(found) } else { Err(found.to_string()) }
    })
    .await
}

pub(crate) fn condition<'a>(cluster: &'a Value, type_: &str) -> &'a Value {
    let conditions = cluster["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == type_).unwrap_or(&Value::Null)
}

async fn an_agent_brings_its_cluster_in_and_comes_back(db: Db) {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let bremen = planes.cluster("bremen");
    let app = TestApp::start(db).await;
    let folder = tempfile::tempdir().unwrap();
    let instructions = create(&app, "bremen").await;
    let waiting = app.admin.get("clusters/bremen").await.is(200);
    assert_eq!(condition(&waiting, "JoinTokenIssued")["status"], "True");
    assert_eq!(condition(&waiting, "AgentSeen")["reason"], "Waiting");
    let manifest = instructions["manifest"].as_str().unwrap();
    assert!(
        manifest.contains("impersonate") && !manifest.contains("cluster-admin") && !manifest.contains('@'),
        "{manifest}"
    );

    let mut agent = join(&folder, &instructions, bremen, &[]).await;
    let ready = phase(&app, "bremen", "Ready").await;
    for step in ["JoinTokenIssued", "AgentSeen", "AgentIdentified", "TunnelConnected", "Ready"] {
        assert!(condition(&ready, step).is_object(), "{step}: {ready}");
    }
    assert_eq!(condition(&ready, "TunnelConnected")["status"], "True");
    wait_for(SOON, "facts through the tunnel", || async {
        let found = app.admin.get("clusters/bremen").await.is(200);
        found["facts"]["kubernetesVersion"].as_str().map(|_| ()).ok_or_else(|| found.to_string())
    })
    .await;

    let name = unique("agents");
    let body = json!({"name": name, "clusters": ["bremen"], "project": {"name": name}});
    app.admin.post("workspaces", body).await.is(201);
    let template = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}});
    let objects = format!("projects/{name}/federated-objects");
    let spec = json!({"spec": {"template": template, "placement": {"clusterSelector": {}}}});
    app.admin.post(&objects, spec).await.is(201);
    let maps: kube::Api<ConfigMap> = kube::Api::namespaced(bremen.admin_client().await, &name);
    let copied = |value: &'static str| {
        let maps = maps.clone();
        async move {
            wait_for(SOON, "the copy", || async {
                let found = maps.get("settings").await.map_err(|error| error.to_string())?;
                let data = found.data.unwrap_or_default();
                if data.get("a").is_some_and(|found| found == value) {
                    Ok(())
                } else {
                    Err(format!("{data:?}"))
                }
            })
            .await;
        }
    };
    copied("1").await;

    agent.kill9();
    let began = Instant::now();
    let away = phase(&app, "bremen", "Unreachable").await;
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(condition(&away, "TunnelConnected")["reason"], "Lost");
    let template = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "2"}});
    let spec = json!({"spec": {"template": template, "placement": {"clusterSelector": {}}}});
    app.admin.put(&format!("{objects}/configmaps/settings"), spec).await.is(200);
    // The same command again: it has joined before and needs no token.
    let _again = join(&folder, &instructions, bremen, &[]).await;
    phase(&app, "bremen", "Ready").await;
    copied("2").await;
}

async fn a_silent_line_shows_within_seconds_and_heals(db: Db) {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let mut app = TestApp::start(db).await;
    let folder = tempfile::tempdir().unwrap();
    let instructions = create(&app, "bremen").await;
    let proxy = FaultProxy::to(instructions["tunnelAddress"].as_str().unwrap().parse().unwrap());
    let through = proxy.address().to_string();
    // Without the detour through the web port, which would heal it at once.
    let only = ["--tunnel-address", &through, "--websocket", "never"];
    let agent = join(&folder, &instructions, planes.cluster("bremen"), &only).await;
    phase(&app, "bremen", "Ready").await;
    for fault in [Fault::Cut, Fault::HalfOpen] {
        let lost = agent.log().matches("connecting again").count();
        proxy.set(fault).await;
        let began = Instant::now();
        phase(&app, "bremen", "Unreachable").await;
        assert!(began.elapsed() < Duration::from_secs(15), "{fault:?}: {:?}", began.elapsed());
        // The agent has noticed by itself, too.
        wait_for(Duration::from_secs(16).saturating_sub(began.elapsed()), "the agent to notice", || {
            let noticed = agent.log().matches("connecting again").count() > lost;
            async move { noticed.then_some(()).ok_or("not yet") }
        })
        .await;
        proxy.set(Fault::Pass).await;
        phase(&app, "bremen", "Ready").await;
    }
    // A restart of the hub is a cut, too; certificate and authority are the same after it. (The embedded database is
    // locked to whoever still knows the old platform, which this test does.)
    if db == Db::Postgres {
        app.restart().await;
        phase(&app, "bremen", "Ready").await;
    }
}

async fn tokens_and_certificates_are_good_for_one_cluster_only(db: Db) {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let (bremen, hamburg) = (planes.cluster("bremen"), planes.cluster("hamburg"));
    let app = TestApp::start(db).await;
    let first = tempfile::tempdir().unwrap();
    let instructions = create(&app, "bremen").await;
    let mut agent = join(&first, &instructions, bremen, &[]).await;
    phase(&app, "bremen", "Ready").await;

    let refused = |folder: TempDir, instructions: Value, cluster: &'static Cluster, why: &'static str| async move {
        let mut agent = join(&folder, &instructions, cluster, &[]).await;
        wait_for(SOON, why, || {
            let told = agent.has_ended() && agent.log().contains(why);
            let log = agent.log();
            async move { if told { Ok(()) } else { Err(log) } }
        })
        .await;
    };
    let folder = || tempfile::tempdir().unwrap();
    // Replayed, by whoever.
    refused(folder(), instructions.clone(), bremen, "not good").await;
    // A fresh token, from another cluster.
    let fresh = app.admin.post("clusters/bremen/join-tokens", json!({})).await.is(200);
    refused(folder(), fresh.clone(), hamburg, "another one").await;
    // The same cluster twice.
    let twice = create(&app, "twice").await;
    refused(folder(), twice.clone(), bremen, "already here").await;
    let told = app.admin.get("clusters/twice").await.is(200);
    assert_eq!(condition(&told, "AgentSeen")["reason"], "Refused");
    // Another hub than the command names.
    let mut pinned = twice.clone();
    pinned["caSha256"] = json!("00".repeat(32));
    refused(folder(), pinned, hamburg, "is not the hub").await;
    // A stolen certificate in another cluster.
    agent.kill9();
    let mut stolen = join(&first, &instructions, hamburg, &[]).await;
    wait_for(SOON, "the refusal", || {
        let log = stolen.log();
        async move { if log.contains("it runs in another cluster") { Ok(()) } else { Err(log) } }
    })
    .await;
    stolen.kill9();
    // Revoked: out at once, and it stays out until it joins anew.
    let _agent = join(&first, &instructions, bremen, &[]).await;
    phase(&app, "bremen", "Ready").await;
    app.admin.delete("clusters/bremen/agent").await.is(204);
    let began = Instant::now();
    wait_for(Duration::from_secs(5), "the end of the tunnel", || async {
        let live = app.platform.agents.tunnels().count();
        if live == 0 { Ok(()) } else { Err(live.to_string()) }
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(1));
    let away = phase(&app, "bremen", "Unreachable").await;
    wait_for(SOON, "the reason", || async {
        let found = app.admin.get("clusters/bremen").await.is(200);
        let tunnel = condition(&found, "TunnelConnected").clone();
        if tunnel["reason"] == "Refused" { Ok(()) } else { Err(tunnel.to_string()) }
    })
    .await;
    assert_eq!(away["connection"], "agent");
    refused(folder(), fresh, bremen, "not good").await;
    let fresh = app.admin.post("clusters/bremen/join-tokens", json!({})).await.is(200);
    let anew = folder();
    let _anew = join(&anew, &fresh, bremen, &[]).await;
    phase(&app, "bremen", "Ready").await;
    app.admin.delete("clusters/bremen").await.is(204);
    assert_eq!(app.platform.agents.tunnels().count(), 0);
    app.admin.post("clusters/nowhere/join-tokens", json!({})).await.is(404);
}

async fn a_join_token_is_good_for_an_hour(db: Db) {
    let planes = ControlPlanes::shared().await;
    let app = TestApp::start(db).await;
    let instructions = create(&app, "late").await;
    app.clock.forward(59);
    let shown = app.admin.get("clusters/late").await.is(200);
    assert_eq!(condition(&shown, "JoinTokenIssued")["reason"], "Issued", "{shown}");
    app.clock.forward(2);
    let shown = app.admin.get("clusters/late").await.is(200);
    assert_eq!(condition(&shown, "JoinTokenIssued")["reason"], "Expired", "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let mut agent = join(&folder, &instructions, planes.cluster("hamburg"), &[]).await;
    wait_for(SOON, "the refusal", || {
        let told = agent.has_ended() && agent.log().contains("not good");
        let log = agent.log();
        async move { if told { Ok(()) } else { Err(log) } }
    })
    .await;
    let shown = app.admin.get("clusters/late").await.is(200);
    assert_eq!(condition(&shown, "AgentSeen")["reason"], "Refused", "{shown}");
}

async fn another_hanses_cluster_is_let_be_unless_it_is_taken_over(db: Db) {
    let _turn = turn().await;
    let bremen = ControlPlanes::shared().await.cluster("bremen");
    let (first, second) = (TestApp::start(db).await, TestApp::start(db).await);
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let instructions = create(&first, "bremen").await;
    let _owner = join(&folders[0], &instructions, bremen, &[]).await;
    phase(&first, "bremen", "Ready").await;
    // The other Hanse's agent joins, and the mark says whose the cluster is.
    let instructions = create_with(&second, "bremen", json!({"force": false})).await;
    let mut guest = join(&folders[1], &instructions, bremen, &[]).await;
    let told = wait_for(SOON, "the refusal", || async {
        let found = second.admin.get("clusters/bremen").await.is(200);
        let identity = condition(&found, "AgentIdentified").clone();
        if identity["reason"] == "Claimed" { Ok(found) } else { Err(found.to_string()) }
    })
    .await;
    assert_ne!(told["phase"], "Ready", "{told}");
    assert!(condition(&told, "AgentIdentified")["message"].as_str().unwrap().contains("force"), "{told}");
    // Nothing brings it in by and by: neither a change of it nor that the agent comes again.
    second.admin.patch("clusters/bremen", json!({"displayName": "not mine"})).await.is(200);
    guest.kill9();
    let mut guest = join(&folders[1], &instructions, bremen, &[]).await;
    wait_for(SOON, "the tunnel", || async {
        let found = second.admin.get("clusters/bremen").await.is(200);
        let tunnel = condition(&found, "TunnelConnected").clone();
        if tunnel["status"] == "True" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    assert!(second.platform.fleet.all().is_empty(), "it is not among those that are written to");
    guest.kill9();
    phase(&first, "bremen", "Ready").await;
    // With force it is the second one's, and the first lets it be when its agent comes again.
    second.admin.delete("clusters/bremen").await.is(204);
    let instructions = create_with(&second, "bremen", json!({"force": true})).await;
    let _taken = join(&folders[2], &instructions, bremen, &[]).await;
    phase(&second, "bremen", "Ready").await;
    // Once: whoever takes it over from us later keeps it.
    wait_for(SOON, "the end of the permission", || async {
        let row = second.platform.store.all_clusters().await.unwrap().remove(0);
        if row.take_over { Err("it may still be taken over") } else { Ok(()) }
    })
    .await;
}

async fn where_only_web_traffic_passes_an_agent_comes_through_the_web_port(db: Db) {
    let _turn = turn().await;
    let bremen = ControlPlanes::shared().await.cluster("bremen");
    let app = TestApp::start(db).await;
    let proxy = hanse_harness::ConnectProxy::start().await;
    let proxied = format!("http://{}", proxy.address());
    let web = app.url.trim_start_matches("http://").to_owned();
    let through = format!("WebSocket ws://{web}/agent/v1/tunnel");
    for (name, arguments, way) in [
        ("plain", vec!["--tunnel-address", "127.0.0.1:1"], through.clone()),
        (
            "proxied",
            vec!["--tunnel-address", "127.0.0.1:1", "--proxy", &proxied],
            format!("{through}, HTTP CONNECT through {}", proxy.address()),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let instructions = create(&app, name).await;
        let _agent = join(&folder, &instructions, bremen, &arguments).await;
        let ready = phase(&app, name, "Ready").await;
        let told = condition(&ready, "TunnelConnected")["message"].as_str().unwrap();
        assert!(told.contains(&way), "{told}");
        app.admin.delete(&format!("clusters/{name}")).await.is(204);
    }
    assert_eq!(proxy.asked(), ["127.0.0.1:1".to_owned(), web.clone()]);
    // Whoever asks for something else there is told so; whoever says nothing inside is dropped.
    app.nobody().get("../../agent/v1/tunnel").await.is(400);
}
