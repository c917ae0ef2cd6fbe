//! The test bed itself: clusters come up, pods do what their knobs say, every way in behaves as its name says, and
//! nothing is left behind.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use hanse_harness::{
    Access, ControlPlane, ControlPlanes, Flavour,
    pods::{self, Knobs},
    unique, wait_for,
};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Node, Pod},
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);

async fn namespace(client: &Client, prefix: &str) -> String {
    let name = unique(prefix);
    let body = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &body).await.unwrap();
    name
}

async fn apply(client: &Client, namespace: &str, deployment: &Deployment) -> Api<Deployment> {
    let api = Api::namespaced(client.clone(), namespace);
    api.create(&PostParams::default(), deployment).await.unwrap();
    api
}

async fn ready(api: &Api<Deployment>, name: &str, count: i32) {
    wait_for(SOON, &format!("{count} ready replicas of {name}"), || async {
        let status = api.get_status(name).await?.status.unwrap_or_default();
        ensure!(status.ready_replicas.unwrap_or(0) == count, "{status:?}");
        anyhow::Ok(())
    })
    .await;
}

async fn pods_of(client: &Client, namespace: &str) -> Vec<Pod> {
    Api::<Pod>::namespaced(client.clone(), namespace).list(&ListParams::default()).await.unwrap().items
}

#[tokio::test]
async fn a_deployment_of_three_is_ready_in_seconds_in_every_full_cluster() {
    let planes = ControlPlanes::shared().await;
    assert_eq!(planes.full().len(), 2);
    for cluster in planes.full() {
        let client = cluster.admin_client().await;
        let namespace = namespace(&client, "ready").await;
        let api = apply(&client, &namespace, &pods::deployment("web", 3, &Knobs::none())).await;
        ready(&api, "web", 3).await;
    }
}

#[tokio::test]
async fn nodes_tell_region_zone_and_capacity() {
    let cluster = ControlPlanes::shared().await.cluster("hamburg");
    let nodes =
        Api::<Node>::all(cluster.admin_client().await).list(&ListParams::default()).await.unwrap().items;
    assert_eq!(nodes.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), cluster.nodes);
    let zones: Vec<_> =
        nodes.iter().map(|node| node.labels()["topology.kubernetes.io/zone"].as_str()).collect();
    assert_eq!(zones, ["eu-north-a", "eu-north-b", "eu-north-c"]);
    let allocatable = nodes[0].status.clone().unwrap().allocatable.unwrap();
    assert_eq!(allocatable["cpu"].0, "15800m");
    assert_eq!(allocatable["memory"].0, "62Gi");
}

#[tokio::test]
async fn a_delayed_pod_runs_at_once_and_is_ready_only_after_its_time() {
    let client = ControlPlanes::shared().await.cluster("hamburg").admin_client().await;
    let namespace = namespace(&client, "late").await;
    let delay = Duration::from_secs(3);
    let api =
        apply(&client, &namespace, &pods::deployment("web", 1, &Knobs::none().ready_after(delay))).await;
    let began = Instant::now();
    wait_for(SOON, "the pod to run", || async {
        let pods = pods_of(&client, &namespace).await;
        ensure!(
            pods.iter().any(|pod| pod.status.as_ref().unwrap().phase.as_deref() == Some("Running")),
            "{pods:?}"
        );
        anyhow::Ok(())
    })
    .await;
    let status = api.get_status("web").await.unwrap().status.unwrap();
    assert_eq!(status.ready_replicas.unwrap_or(0), 0, "{status:?}");
    ready(&api, "web", 1).await;
    assert!(began.elapsed() >= delay, "ready after {:?}", began.elapsed());
}

#[tokio::test]
async fn a_crashing_pod_counts_restarts_and_recovers_when_told_to() {
    let client = ControlPlanes::shared().await.cluster("hamburg").admin_client().await;
    let namespace = namespace(&client, "crash").await;
    apply(&client, &namespace, &pods::deployment("web", 1, &Knobs::none().crashing())).await;
    let pod = wait_for(SOON, "a second restart", || async {
        let pods = pods_of(&client, &namespace).await;
        let Some(pod) = pods.first() else { bail!("no pod") };
        let statuses = pod.status.clone().unwrap_or_default().container_statuses.unwrap_or_default();
        let Some(container) = statuses.first() else { bail!("no container") };
        let waiting = container.state.clone().unwrap_or_default().waiting.unwrap_or_default();
        ensure!(
            waiting.reason.as_deref() == Some("CrashLoopBackOff") && container.restart_count >= 2,
            "{container:?}"
        );
        Ok(pod.clone())
    })
    .await;
    let calm = json!({"metadata": {"annotations": {pods::CRASH: null}}});
    Api::<Pod>::namespaced(client.clone(), &namespace)
        .patch(&pod.name_any(), &PatchParams::default(), &Patch::Merge(calm))
        .await
        .unwrap();
    ready(&Api::namespaced(client.clone(), &namespace), "web", 1).await;
}

#[tokio::test]
async fn a_healthy_pod_starts_to_crash_after_its_time() {
    let client = ControlPlanes::shared().await.cluster("luebeck").admin_client().await;
    let namespace = namespace(&client, "later").await;
    let knobs = Knobs::none().crashing_after(Duration::from_secs(1));
    let api = apply(&client, &namespace, &pods::deployment("web", 2, &knobs)).await;
    ready(&api, "web", 2).await;
    ready(&api, "web", 0).await;
}

#[tokio::test]
async fn a_failing_pod_ends_as_failed() {
    let client = ControlPlanes::shared().await.cluster("luebeck").admin_client().await;
    let namespace = namespace(&client, "fail").await;
    let api = apply(&client, &namespace, &pods::deployment("web", 1, &Knobs::none().failing())).await;
    wait_for(SOON, "a failed pod", || async {
        let pods = pods_of(&client, &namespace).await;
        ensure!(
            pods.iter().any(|pod| pod.status.as_ref().unwrap().phase.as_deref() == Some("Failed")),
            "{pods:?}"
        );
        anyhow::Ok(())
    })
    .await;
    // Otherwise the ReplicaSet goes on making new ones.
    api.delete("web", &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn a_container_has_a_log() {
    let client = ControlPlanes::shared().await.cluster("hamburg").admin_client().await;
    let namespace = namespace(&client, "log").await;
    let api = apply(&client, &namespace, &pods::deployment("web", 1, &Knobs::none())).await;
    ready(&api, "web", 1).await;
    let pod = pods_of(&client, &namespace).await.remove(0).name_any();
    let log = Api::<Pod>::namespaced(client, &namespace).logs(&pod, &LogParams::default()).await.unwrap();
    assert!(log.contains("listening on :8080"), "{log}");
}

#[tokio::test]
async fn every_way_in_does_what_its_name_says() {
    for cluster in ControlPlanes::shared().await.clusters() {
        let list = async |access| {
            let client = cluster.client(access).await;
            Api::<ConfigMap>::namespaced(client, "default").list(&ListParams::default()).await.map(|_| ())
        };
        let code = |result: Result<(), kube::Error>| match result {
            Err(kube::Error::Api(status)) => status.code,
            other => panic!("{other:?}"),
        };
        list(Access::Admin).await.unwrap();
        list(Access::Token).await.unwrap();
        list(Access::Limited).await.unwrap();
        assert_eq!(code(list(Access::Expired).await), 401);
        assert_eq!(code(list(Access::BadToken).await), 401);
        let error = list(Access::WrongCa).await.unwrap_err();
        assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");

        let limited = cluster.client(Access::Limited).await;
        limited.apiserver_version().await.unwrap();
        let nodes = Api::<Node>::all(limited).list(&ListParams::default()).await.map(|_| ());
        assert_eq!(code(nodes), 403);
    }
}

#[tokio::test]
async fn uids_tell_clusters_apart() {
    let planes = ControlPlanes::shared().await;
    let mut uids: Vec<_> = planes.clusters().iter().map(|cluster| &cluster.uid).collect();
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), planes.clusters().len());
}

#[tokio::test]
async fn a_private_plane_keeps_its_data_and_port_over_a_stop() {
    let plane = ControlPlane::start_private(Flavour::ApiOnly).await;
    let client = plane.admin_client().await;
    let namespace = namespace(&client, "kept").await;
    plane.stop().await;
    let refused = tokio::net::TcpStream::connect(plane.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    plane.start().await;
    Api::<Namespace>::all(plane.admin_client().await).get(&namespace).await.unwrap();
}

#[tokio::test]
async fn a_paused_plane_accepts_and_does_not_answer_until_resumed() {
    let plane = ControlPlane::start_private(Flavour::ApiOnly).await;
    let client = plane.admin_client().await;
    plane.pause().await;
    tokio::net::TcpStream::connect(plane.address()).await.unwrap();
    tokio::time::timeout(Duration::from_millis(500), client.apiserver_version()).await.unwrap_err();
    plane.resume().await;
    wait_for(SOON, "an answer", || client.apiserver_version()).await;
}

const HOLD: &str = "HANSE_HARNESS_TEST_HOLD";

/// Not a test but the process that the next one kills: it starts a plane and waits to be killed.
#[tokio::test]
async fn hold_a_plane_when_asked() {
    if std::env::var_os(HOLD).is_some() {
        let plane = ControlPlane::start_private(Flavour::Full).await;
        println!("folder {}", plane.dir.parent().unwrap().display());
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn nothing_survives_a_test_process_that_is_killed() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_plane_when_asked", "--nocapture"])
        .env(HOLD, "1")
        .env_remove("HANSE_TESTBED")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let folder =
        lines.map(Result::unwrap).find_map(|line| Some(line.split_once("folder ")?.1.to_owned())).unwrap();
    assert!(!processes_mentioning(&folder).is_empty());

    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_for(SOON, "the end of every process", || async {
        let left = processes_mentioning(&folder);
        ensure!(left.is_empty(), "{left:#?}");
        anyhow::Ok(())
    })
    .await;
    wait_for(SOON, "the end of the folder", || async {
        ensure!(!std::path::Path::new(&folder).exists(), "{folder} is still there");
        anyhow::Ok(())
    })
    .await;
}

fn processes_mentioning(text: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|command| String::from_utf8_lossy(&command).replace('\0', " "))
        .filter(|command| command.contains(text))
        .collect()
}
