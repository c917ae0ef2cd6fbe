//! What these tests share: turns on the shared clusters, importing, and asking members directly.

use std::time::Duration;

use hanse_harness::{Access, Cluster, agent::AgentProcess, wait_for};
use hanse_it::{Client, TestApp};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

pub const SOON: Duration = Duration::from_secs(40);

/// Whether clusters come in by their agents in this run: nothing above the fleet may know, so the same tests must pass.
fn by_agent() -> bool {
    std::env::var_os("HANSE_IT_BY_AGENT").is_some()
}

/// An agent with the folder of its state; it ends when this is dropped.
pub type Agent = (AgentProcess, tempfile::TempDir);

/// Agents of the test whose turn it is.
static AGENTS: std::sync::Mutex<Vec<Agent>> = std::sync::Mutex::new(Vec::new());

/// The turn on the shared clusters.
pub async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    // Agents of the test before have nobody to talk to any more.
    AGENTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    turn
}

/// Imports clusters, taking over marks of servers that a test before has ended, and waits until they are ready.
pub async fn import(client: &Client, clusters: &[&Cluster]) {
    for cluster in clusters {
        let agent = bring(client, &cluster.name, cluster).await;
        AGENTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(agent);
    }
    for cluster in clusters {
        ready(client, &cluster.name).await;
    }
}

/// Imports one cluster under a name; gives its agent, where it comes in by one.
pub async fn bring(client: &Client, name: &str, cluster: &Cluster) -> Option<Agent> {
    let mut body = json!({"name": name, "force": true, "labels": {"site": name}});
    if by_agent() {
        let created = client.post("agent-clusters", body).await.is(201);
        return Some(join(cluster, &created).await);
    }
    body["kubeconfig"] = cluster.kubeconfig(Access::Admin).into();
    client.post("clusters", body).await.is(201);
    None
}

/// Starts the agent of a cluster with what was answered when it was announced.
async fn join(cluster: &Cluster, created: &Value) -> Agent {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig(Access::Admin)).unwrap();
    let text = |field: &str| created["join"][field].as_str().unwrap().to_owned();
    let (url, ca, token) = (text("url"), text("caSha256"), text("token"));
    let (kubeconfig, state) =
        (kubeconfig.display().to_string(), folder.path().join("state").display().to_string());
    let arguments = [
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
    (AgentProcess::start(folder.path(), &arguments).await, folder)
}

/// Waits until a cluster is ready.
pub async fn ready(client: &Client, cluster: &str) {
    phase_of_cluster(client, cluster, "Ready").await;
}

/// Waits until a cluster is in a phase.
pub async fn phase_of_cluster(client: &Client, cluster: &str, phase: &str) {
    wait_for(SOON, &format!("{cluster} {phase}"), || async {
        let found = client.get(&format!("clusters/{cluster}")).await.is(200);
        if found["phase"] == phase { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
}

/// A workspace with all these clusters and a project of a fresh name in them.
pub async fn project(app: &TestApp, clusters: &[&Cluster]) -> String {
    let name = hanse_harness::unique("it");
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let body = json!({"name": name, "clusters": names, "project": {"name": name}});
    app.admin.post("workspaces", body).await.is(201);
    name
}

/// Removes a project and waits until its record is gone, which is when every copy is. Not for clusters without
/// controllers, where a namespace stays Terminating for ever.
pub async fn remove_project(app: &TestApp, project: &str) {
    app.admin.delete(&format!("projects/{project}")).await.is(202);
    gone(&app.admin, &format!("projects/{project}")).await;
}

/// Waits until a path answers 404.
pub async fn gone(client: &Client, path: &str) {
    wait_for(SOON, &format!("{path} gone"), || async {
        let answer = client.get(path).await;
        if answer.status == 404 { Ok(()) } else { Err(answer.text) }
    })
    .await;
}

pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}})
}

pub fn deployment(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/web:1",
                    "resources": {"requests": {"cpu": "1000m", "memory": "64Mi"}}}]},
            },
        },
    })
}

/// A specification with a template for every cluster.
pub fn everywhere(template: impl Into<Value>) -> Value {
    json!({"spec": {"template": template.into(), "placement": {"clusterSelector": {}}}})
}

/// Waits until an object is in a phase; gives it.
pub async fn phase(client: &Client, object: &str, phase: &str) -> Value {
    wait_for(SOON, &format!("{object} {phase}"), || async {
        let found = client.get(object).await.is(200);
        if found["status"]["phase"] == phase && found["status"]["observedGeneration"] == found["generation"] {
            Ok(found)
        } else {
            Err(found["status"].to_string())
        }
    })
    .await
}

/// One cluster's row of an object's status.
pub fn row<'a>(object: &'a Value, cluster: &str) -> &'a Value {
    let rows = object["status"]["clusters"].as_array().unwrap();
    rows.iter().find(|row| row["cluster"] == cluster).unwrap_or(&Value::Null)
}

/// An API of a member, for any kind, in a namespace.
pub async fn api(
    cluster: &Cluster,
    group: &str,
    kind: &str,
    namespace: &str,
) -> kube::Api<kube::api::DynamicObject> {
    let gvk = kube::core::GroupVersionKind::gvk(group, "v1", kind);
    let resource = kube::api::ApiResource::from_gvk(&gvk);
    kube::Api::namespaced_with(cluster.admin_client().await, namespace, &resource)
}

/// Waits until a member's object is as the closure says; gives it.
pub async fn member(
    api: &kube::Api<kube::api::DynamicObject>,
    name: &str,
    what: &str,
    is: impl Fn(&Value) -> bool,
) -> Value {
    wait_for(SOON, what, || async {
        let found = api.get(name).await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        if is(&found) { Ok(found) } else { Err(found.to_string()) }
    })
    .await
}

/// Waits until a member has no object of a name.
pub async fn absent(api: &kube::Api<kube::api::DynamicObject>, name: &str) {
    wait_for(SOON, &format!("{name} absent"), || async {
        match api.get_opt(name).await {
            Ok(None) => Ok(()),
            Ok(Some(found)) => Err(format!("{:?}", found.metadata)),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}
