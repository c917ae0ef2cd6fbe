//! A cluster that the host has no route to at all: its control plane and its agent live in a network namespace whose only
//! way out is to the server's ports.

use hanse_harness::{Access, ControlPlanes, Flavour, Namespace, Plane, agent::AgentProcess, wait_for};
use hanse_it::{Db, TestApp};
use reqwest::Method;

use crate::{
    agents::{condition, create, phase},
    gateway::{SOON, ask},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_a_route_to_it_is_governed_through_its_agent() {
    let namespace = match Namespace::create() {
        Ok(namespace) => namespace,
        Err(error) => {
            eprintln!(
                "skipped: no network namespace can be made here ({error:#}); root and iproute2 are needed"
            );
            return;
        }
    };
    let name = namespace.name().to_owned();
    let planes =
        ControlPlanes::start_in(&namespace, &[Plane::new("island", Flavour::ApiOnly)]).await.unwrap();
    let island = planes.cluster("island");
    namespace.ensure_out_of_reach(island.address()).unwrap();

    let app = TestApp::start(Db::Sqlite).await;
    let join = create(&app, "island").await;
    let web = namespace.relay(app.url.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let tunnel = namespace.relay(join["tunnelAddress"].as_str().unwrap().parse().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, island.kubeconfig(Access::Token)).unwrap();
    let url = format!("http://{}", web.address);
    let (kubeconfig, tunnel) = (kubeconfig.display().to_string(), tunnel.address.to_string());
    let state = folder.path().join("state").display().to_string();
    let arguments = [
        "join",
        "--url",
        &url,
        "--allow-http",
        "--ca-sha256",
        join["caSha256"].as_str().unwrap(),
        "--token",
        join["token"].as_str().unwrap(),
        "--kubeconfig",
        &kubeconfig,
        "--state",
        &state,
        "--tunnel-address",
        &tunnel,
    ];
    let agent = AgentProcess::try_start_in(&namespace, folder.path(), &arguments).await.unwrap();
    let ready = phase(&app, "island", "Ready").await;
    assert!(condition(&ready, "TunnelConnected")["message"].as_str().unwrap().contains("direct"), "{ready}");
    wait_for(SOON, "an answer through the gateway", || async {
        let answer = ask(&app.admin, Method::GET, "island", "api/v1/namespaces", None).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    drop((agent, planes, web, namespace));
    let left = std::process::Command::new("ip").args(["netns", "list"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&left.stdout).contains(&name), "nothing is left");
}
