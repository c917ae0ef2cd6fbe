//! What the demo federates to all three clusters: a Deployment with one difference between them, and a ConfigMap.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// The first administrator.
pub const USER: &str = "admin";
/// The project, and so the namespace in every cluster.
pub const PROJECT: &str = "shop";
/// The Deployment.
pub const NAME: &str = "web";

/// A workspace with every cluster, and its first project.
pub fn workspace(clusters: &[&str]) -> Value {
    json!({
        "name": "demo",
        "displayName": "Demo",
        "clusters": clusters,
        "project": {"name": PROJECT, "displayName": "Shop", "clusters": clusters},
    })
}

/// A ConfigMap, the same everywhere.
pub fn settings(clusters: &[&str]) -> Value {
    let template = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"currency": "EUR", "language": "de"},
    });
    json!({"spec": {"template": template, "placement": {"clusters": clusters}}})
}

/// Three pods in each cluster, five in one.
pub fn web() -> Value {
    let template = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {"labels": {"app": NAME}},
                "spec": {"containers": [{
                    "name": "nginx",
                    "image": "nginx:1.29",
                    "ports": [{"containerPort": 80}],
                    "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
                }]},
            },
        },
    });
    json!({"spec": {
        "template": template,
        "placement": {"clusters": ["bremen", "hamburg", "luebeck"]},
        "overrides": [{"clusters": ["luebeck"], "replicas": 5}],
    }})
}

/// A line per cluster, once the Deployment is ready in all of them.
pub fn ready(object: &Value) -> anyhow::Result<Vec<String>> {
    let status = object.get("status").context("no status yet")?;
    let phase = status.get("phase").and_then(Value::as_str).unwrap_or_default();
    ensure!(phase == "Ready", "{phase}: {}", status.get("message").unwrap_or(&Value::Null));
    let clusters = status.get("clusters").and_then(Value::as_array).context("no clusters in the status")?;
    let placed = clusters.iter().filter(|cluster| cluster.get("scheduled") == Some(&Value::Bool(true)));
    let line = |cluster: &Value| {
        let text =
            |key: &str| cluster.get(key).map(|value| value.to_string().replace('"', "")).unwrap_or_default();
        format!("{NAME} in {}: {} of {} ready", text("cluster"), text("readyReplicas"), text("replicas"))
    };
    Ok(placed.map(line).collect())
}
