//! A member that comes in by its agent, with the command that Hanse shows.

use std::path::Path;

use anyhow::Context;
use hanse_harness::{Access, Cluster, agent::AgentProcess};
use serde_json::Value;

use crate::machine::Process;

/// Starts it.
pub async fn start(
    folder: &Path,
    cluster: &Cluster,
    created: &Value,
) -> anyhow::Result<(AgentProcess, Process)> {
    let own = folder.join(&cluster.name);
    std::fs::create_dir_all(&own)?;
    let kubeconfig = own.join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig(Access::Admin))?;
    let text = |field: &str| {
        let found = created.pointer(&format!("/join/{field}")).and_then(Value::as_str);
        found.map(str::to_owned).with_context(|| format!("the answer has no {field}"))
    };
    let (url, ca, token) = (text("url")?, text("caSha256")?, text("token")?);
    let (kubeconfig, state) = (kubeconfig.display().to_string(), own.join("state").display().to_string());
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
    let agent = AgentProcess::try_start(&own, &arguments).await?;
    let process = Process::of(agent.pid());
    Ok((agent, process))
}
