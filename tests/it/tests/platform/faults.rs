//! What clients of the gateway see when a process in the middle dies: an error, never a shorter truth; and that all comes
//! back without hands. Unmodified kubectl and plain HTTP, real control planes, `kill -9`.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use hanse_harness::{Cluster, ControlPlanes, HanseProcess, agent::AgentProcess, wait_for};
use hanse_it::{Client, PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Child,
    time::timeout,
};

use crate::{
    agents,
    gateway::{Kubectl, SOON, ask, below, config_map, deploy},
    turn,
};

/// The server and the agent as their users run them, each in a process of its own.
struct Rig {
    hanse: HanseProcess,
    admin: Client,
    agent: AgentProcess,
    folder: TempDir,
    instructions: Value,
    kubectl: Kubectl,
}

impl Rig {
    async fn start(cluster: &'static Cluster, environment: &[(&str, &str)]) -> Self {
        let mut builder = HanseProcess::builder().env("HANSE_CLUSTERS__PROBE_INTERVAL_SECONDS", "1");
        for (name, value) in environment {
            builder = builder.env(name, value);
        }
        let hanse = builder.start().await;
        let nobody = Client::to(&hanse.url());
        let token = hanse.setup_token().await.unwrap();
        let answer =
            nobody.post("setup", json!({"token": token, "name": "admin", "password": PASSWORD})).await;
        answer.clone().is(201);
        let admin = nobody.with_session(&answer).token("rig", None).await;
        let created =
            admin.post("agent-clusters", json!({"name": cluster.name, "force": true})).await.is(201);
        let instructions = created["join"].clone();
        let folder = tempfile::tempdir().unwrap();
        let agent = agents::join(&folder, &instructions, cluster, &[]).await;
        let authority = reqwest::get(format!("{}/ca.pem", hanse.url())).await.unwrap().text().await.unwrap();
        let server = format!("{}/clusters/{}", hanse.url().replace("http:", "https:"), cluster.name);
        let kubectl = Kubectl::at(&server, &authority, &admin, "default");
        let rig = Self { hanse, admin, agent, folder, instructions, kubectl };
        rig.ready(cluster).await;
        rig
    }

    async fn ready(&self, cluster: &Cluster) {
        wait_for(SOON, "the cluster to be ready", || async {
            let found = self.admin.get(&format!("clusters/{}", cluster.name)).await;
            if found.body["phase"] == "Ready" { Ok(()) } else { Err(found.text) }
        })
        .await;
    }
}

/// A kubectl that goes on for ever, once it has said something.
async fn going(kubectl: &Kubectl, arguments: &[&str], websockets: &str) -> Child {
    let mut command = kubectl.command(arguments);
    command.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut bytes = [0_u8; 1];
    let began = timeout(SOON, child.stdout.as_mut().unwrap().read_exact(&mut bytes)).await;
    began.unwrap_or_else(|_| panic!("kubectl {arguments:?} says nothing")).unwrap();
    child
}

/// It ends soon, and not well.
async fn fails(mut child: Child, what: &str) {
    // What it says is read, or it would wait for us.
    let mut said = child.stdout.take().unwrap();
    let reading = tokio::spawn(async move { tokio::io::copy(&mut said, &mut tokio::io::sink()).await });
    let ended = timeout(Duration::from_secs(30), child.wait()).await;
    let status = ended.unwrap_or_else(|_| panic!("{what} goes on")).unwrap();
    // Over SPDY kubectl cannot tell: it takes a connection that is gone for the end, whoever it speaks to.
    assert!(what.contains("SPDY") || !status.success(), "{what} ends as if all had been said");
    drop(reading.await);
}

/// Everything that was under way when somebody died.
struct Open {
    watch: reqwest::Response,
    large: reqwest::Response,
    children: Vec<(&'static str, Child)>,
}

impl Open {
    async fn through(rig: &Rig, cluster: &Cluster) -> Self {
        let get = |path: &str| below(&rig.admin, Method::GET, &cluster.name, path);
        let mut watch = get("api/v1/namespaces/default/configmaps?watch=true").send().await.unwrap();
        assert!(watch.chunk().await.unwrap().is_some());
        // More than all buffers on the way take.
        let large = get("api/v1/namespaces/default/configmaps?labelSelector=large").send().await.unwrap();
        assert_eq!(large.status(), 200);
        let endless = ["exec", "deploy/web", "--", "sh", "-c", "while echo y; do sleep 0.01; done"];
        let bulk = ["exec", "deploy/web", "--", "cat", "/dev/zero"];
        let kubectl = &rig.kubectl;
        let children = vec![
            ("exec over WebSocket", going(kubectl, &endless, "true").await),
            ("exec over SPDY", going(kubectl, &endless, "false").await),
            ("much from exec", going(kubectl, &bulk, "true").await),
            ("a followed log", going(kubectl, &["logs", "-f", "deploy/web"], "true").await),
        ];
        Self { watch, large, children }
    }

    async fn all_fail(mut self) {
        let watched = async {
            loop {
                match self.watch.chunk().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the watch ends as if it were over"),
                    Err(_) => return,
                }
            }
        };
        timeout(Duration::from_secs(30), watched).await.expect("the watch ends");
        let read = timeout(Duration::from_secs(30), self.large.bytes()).await.expect("the large answer ends");
        assert!(read.is_err(), "{} bytes, as if that were all", read.unwrap().len());
        for (what, child) in self.children {
            fails(child, what).await;
        }
    }
}

async fn furnish(rig: &Rig, cluster: &Cluster) {
    deploy(&rig.kubectl).await;
    for index in 0..24 {
        let mut map = config_map(&format!("large-{index}"));
        map["metadata"]["labels"] = json!({"large": ""});
        map["data"]["a"] = json!("x".repeat(900_000));
        let path = "api/v1/namespaces/default/configmaps";
        let made = ask(&rig.admin, Method::POST, &cluster.name, path, Some(map)).await;
        assert!(matches!(made.status, 201 | 409), "{}", made.text);
    }
}

async fn tidy(rig: &Rig) {
    rig.kubectl.ok(&["delete", "configmaps", "-l", "large", "--wait=false"]).await;
    rig.kubectl.ok(&["delete", "deployment", "web", "--wait=false"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_in_the_middle_is_an_error_and_all_comes_back() {
    let _turn = turn().await;
    let luebeck = ControlPlanes::shared().await.cluster("luebeck");
    let mut rig = Rig::start(luebeck, &[]).await;
    furnish(&rig, luebeck).await;

    let open = Open::through(&rig, luebeck).await;
    rig.agent.kill9();
    open.all_fail().await;
    // Whoever looks after the agent starts it again with the command of before.
    rig.agent = agents::join(&rig.folder, &rig.instructions, luebeck, &[]).await;
    rig.ready(luebeck).await;
    assert!(rig.kubectl.ok(&["get", "pods"]).await.contains("web-"));

    let open = Open::through(&rig, luebeck).await;
    rig.hanse.kill9();
    open.all_fail().await;
    rig.hanse.restart().await;
    let began = Instant::now();
    rig.ready(luebeck).await;
    assert!(
        began.elapsed() < Duration::from_secs(35),
        "the agent came back by itself: {:?}",
        began.elapsed()
    );
    assert!(rig.kubectl.ok(&["get", "pods"]).await.contains("web-"));
    tidy(&rig).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_sleeping_readers_behind_an_agent_hold_up_nobody() {
    let _turn = turn().await;
    let luebeck = ControlPlanes::shared().await.cluster("luebeck");
    let rig = Rig::start(luebeck, &[("HANSE_GATEWAY__REQUESTS_PER_USER", "200")]).await;
    furnish(&rig, luebeck).await;
    let small = "api/v1/namespaces/default/configmaps/kube-root-ca.crt";
    let quick = async || {
        let mut took = Vec::new();
        for _ in 0..20 {
            let since = Instant::now();
            let answer = ask(&rig.admin, Method::GET, "luebeck", small, None).await;
            assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
            took.push(since.elapsed());
        }
        took.sort();
        took[18]
    };
    let alone = quick().await;
    let before = rig.hanse.rss_bytes();
    let address = rig.hanse.url().replace("http://", "");
    let mut asleep = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "GET /clusters/luebeck/api/v1/namespaces/default/configmaps?labelSelector=large HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {}\r\n\r\n",
            rig.admin.secret()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        asleep.push(stream);
    }
    // Each has begun: twenty megabytes are on their way to each, and go no further.
    for stream in &mut asleep {
        let mut head = [0_u8; 15];
        timeout(Duration::from_secs(60), stream.read_exact(&mut head))
            .await
            .expect("an answer begins")
            .unwrap();
        assert_eq!(&head, b"HTTP/1.1 200 OK");
    }
    // When all windows are full, nothing more is written for them, and others are as fast as before.
    wait_for(Duration::from_secs(60), "others to be fast beside them", || async {
        let beside = quick().await;
        if beside < alone * 10 + Duration::from_millis(500) { Ok(()) } else { Err(format!("{beside:?}")) }
    })
    .await;
    let grown = rig.hanse.rss_bytes().saturating_sub(before) >> 20;
    assert!(grown < 250, "{grown} MiB more");
    drop(asleep);
    tidy(&rig).await;
}
