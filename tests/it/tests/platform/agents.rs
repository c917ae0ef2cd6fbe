//! Clusters that an agent brings in: from the token to Ready, through faults, and against those who should not.

use std::time::{Duration, Instant};

use hanse_harness::{
    Access, Cluster, ControlPlanes, Fault, FaultProxy, agent::AgentProcess, unique, wait_for,
};
use hanse_it::{Db, TestApp};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

facts!(
    an_agent_brings_its_cluster_in_and_comes_back,
    a_silent_line_shows_within_seconds_and_heals,
    tokens_and_certificates_are_good_for_one_cluster_only,
);

const SOON: Duration = Duration::from_secs(40);

/// The turn on the cluster that only one Hanse can have.
async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

async fn create(app: &TestApp, name: &str) -> Value {
    let created =
        app.admin.post("agent-clusters", json!({"name": name, "labels": {"site": name}})).await.is(201);
    assert_eq!(created["cluster"]["phase"], "Pending");
    assert_eq!(created["cluster"]["connection"], "agent");
    created["join"].clone()
}

/// An agent that joins; its state is in the folder.
async fn join(folder: &TempDir, join: &Value, cluster: &Cluster, more: &[&str]) -> AgentProcess {
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

async fn phase(app: &TestApp, name: &str, phase: &str) -> Value {
    wait_for(SOON, &format!("{name} {phase}"), || async {
        let found = app.admin.get(&format!("clusters/{name}")).await.is(200);
        if found["phase"] == phase { Ok(found) } else { Err(found.to_string()) }
    })
    .await
}

fn condition<'a>(cluster: &'a Value, type_: &str) -> &'a Value {
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
    let _agent =
        join(&folder, &instructions, planes.cluster("bremen"), &["--tunnel-address", &through]).await;
    phase(&app, "bremen", "Ready").await;
    for fault in [Fault::Cut, Fault::HalfOpen] {
        proxy.set(fault).await;
        let began = Instant::now();
        phase(&app, "bremen", "Unreachable").await;
        assert!(began.elapsed() < Duration::from_secs(15), "{fault:?}: {:?}", began.elapsed());
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
