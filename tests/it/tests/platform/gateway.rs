//! The gateway over real control planes: unmodified kubectl, and callers who try to be somebody else.

use std::{process::Stdio, time::Duration};

use hanse_harness::{
    Access, ApiProxy, Cluster, ControlPlanes, Injection, Raw, TlsFront, agent::AgentProcess, wait_for,
};
use hanse_it::{Answer, Client, Db, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    process::Command,
    time::{Instant, timeout},
};

use crate::{agents, turn};

pub(crate) const SOON: Duration = Duration::from_secs(40);

/// How a cluster is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    Agent,
}

/// Takes a cluster in by either way, and makes a project in it. Its agent, if any, ends with what is returned.
pub(crate) async fn bring(
    app: &TestApp,
    cluster: &'static Cluster,
    way: Way,
) -> (String, Option<(AgentProcess, TempDir)>) {
    let name = &cluster.name;
    match way {
        Way::Direct => (furnish(app, name, &cluster.kubeconfig(Access::Admin)).await, None),
        Way::Agent => {
            let folder = tempfile::tempdir().unwrap();
            let instructions = agents::create(app, name).await;
            let agent = agents::join(&folder, &instructions, cluster, &[]).await;
            (furnished(app, name).await, Some((agent, folder)))
        }
    }
}

/// Takes a cluster in, and makes a project in it.
pub(crate) async fn furnish(app: &TestApp, name: &str, kubeconfig: &str) -> String {
    let body = json!({"name": name, "kubeconfig": kubeconfig, "force": true});
    app.admin.post("clusters", body).await.is(201);
    furnished(app, name).await
}

/// Waits for a cluster, and makes a project in it.
pub(crate) async fn furnished(app: &TestApp, name: &str) -> String {
    wait_for(SOON, "the cluster to be ready", || async {
        let found = app.admin.get(&format!("clusters/{name}")).await.is(200);
        if found["phase"] == "Ready" { Ok(()) } else { Err(found.to_string()) }
    })
    .await;
    let project = hanse_harness::unique("gate");
    let body = json!({"name": project, "clusters": [name], "project": {"name": project}});
    app.admin.post("workspaces", body).await.is(201);
    project
}

/// Somebody with a role in the project, by a token; waits until the member knows the role.
pub(crate) async fn somebody(app: &TestApp, cluster: &str, project: &str, role: &str) -> Client {
    let name = format!("{role}-of-it");
    let user = app.user(&name, &[]).await;
    app.member(&format!("projects/{project}"), &name, &[role]).await;
    let client = user.token("gate", None).await;
    wait_for(SOON, "the role in the member", || async {
        let path = format!("api/v1/namespaces/{project}/pods");
        let answer = ask(&client, Method::GET, cluster, &path, None).await;
        if answer.status == 200 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    client
}

pub(crate) fn below(client: &Client, method: Method, cluster: &str, path: &str) -> reqwest::RequestBuilder {
    client.request(method, &format!("../../clusters/{cluster}/{path}"))
}

pub(crate) async fn ask(
    client: &Client,
    method: Method,
    cluster: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let request = below(client, method, cluster, path);
    Answer::to(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

pub(crate) fn status_of(answer: &Answer, code: u16, reason: &str) {
    assert_eq!(answer.status, code, "{}", answer.text);
    assert_eq!(answer.body["kind"], "Status", "{}", answer.text);
    assert_eq!(answer.body["reason"], reason, "{}", answer.text);
}

pub(crate) fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

/// An unmodified kubectl of somebody.
pub(crate) struct Kubectl {
    pub(crate) folder: TempDir,
    namespace: String,
}

impl Kubectl {
    pub(crate) fn of(front: &TlsFront, client: &Client, cluster: &str, namespace: &str) -> Self {
        let server = format!("https://{}/clusters/{cluster}", front.address);
        Self::at(&server, &front.authority, client, namespace)
    }

    pub(crate) fn at(server: &str, authority_pem: &str, client: &Client, namespace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = folder.path().join("ca.crt");
        std::fs::write(&authority, authority_pem).unwrap();
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": authority}}],
            "users": [{"name": "u", "user": {"token": client.secret()}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
        });
        std::fs::write(folder.path().join("config"), config.to_string()).unwrap();
        Self { folder, namespace: namespace.to_owned() }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(hanse_harness::testbed::binary().unwrap());
        command
            .arg("kubectl")
            .args(arguments)
            .env("KUBECONFIG", self.folder.path().join("config"))
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = timeout(Duration::from_secs(60), self.command(arguments).output()).await;
        let output = output.unwrap_or_else(|_| panic!("kubectl {arguments:?} did not end")).unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    pub(crate) async fn ok(&self, arguments: &[&str]) -> String {
        let (ok, text) = self.run(arguments).await;
        assert!(ok, "kubectl {arguments:?} in {}: {text}", self.namespace);
        text
    }

    pub(crate) async fn refused(&self, arguments: &[&str]) -> String {
        let (ok, text) = self.run(arguments).await;
        assert!(!ok, "kubectl {arguments:?}: {text}");
        text
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_unmodified() {
    unmodified(Way::Direct).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_works_unmodified_through_an_agent() {
    unmodified(Way::Agent).await;
}

async fn unmodified(way: Way) {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let luebeck = ControlPlanes::shared().await.cluster("luebeck");
    let (project, _agent) = bring(&app, luebeck, way).await;
    let operator = somebody(&app, "luebeck", &project, "operator").await;
    let front = TlsFront::to(app.url.trim_start_matches("http://").parse().unwrap()).await;
    let kubectl = Kubectl::of(&front, &operator, "luebeck", &project);
    works(&kubectl).await;
    // In other namespaces and in what is nobody's namespace it is refused, with words that kubectl prints.
    assert!(kubectl.refused(&["get", "configmaps", "-n", "default"]).await.contains("cluster.config.view"));
    assert!(kubectl.refused(&["get", "nodes"]).await.contains("cluster.nodes.view"));
    assert!(kubectl.ok(&["auth", "can-i", "list", "pods"]).await.contains("yes"));
    let admin = app.admin.token("kubectl", None).await;
    let admins = Kubectl::of(&front, &admin, "luebeck", "default");
    assert!(admins.ok(&["get", "nodes"]).await.contains("Ready"));
    kubectl.ok(&["delete", "deployment", "web", "--wait=true", "--timeout=40s"]).await;
    audited(&app, &project).await;
    left(&app, luebeck, &project).await;
}

/// What an operator does with kubectl: apply, wait, exec, logs, port-forward. Leaves a deployment `web`.
pub(crate) async fn works(kubectl: &Kubectl) {
    deploy(kubectl).await;
    assert!(kubectl.ok(&["get", "pods", "-o", "wide"]).await.contains("web-"));
    for websockets in ["true", "false"] {
        let mut command = kubectl.command(&["exec", "deploy/web", "--", "echo", "hello from inside"]);
        command.env("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets);
        let output = timeout(SOON, command.output()).await.expect("exec ends").unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("hello from inside"), "websockets={websockets}: {text} {errors}");
    }
    kubectl.ok(&["logs", "deploy/web", "--tail=5"]).await;
    let mut follow = kubectl.command(&["logs", "-f", "deploy/web"]).spawn().unwrap();
    let mut line = [0_u8; 1];
    let read = timeout(SOON, follow.stdout.as_mut().unwrap().read(&mut line)).await;
    assert_eq!(read.expect("a followed log begins").unwrap(), 1);
    follow.kill().await.unwrap();
    port_forward(kubectl).await;
}

/// Leaving the cluster takes the roles out of it.
async fn left(app: &TestApp, luebeck: &Cluster, project: &str) {
    app.admin.delete(&format!("projects/{project}")).await.is(202);
    wait_for(SOON, "the project to be gone", || async {
        let answer = app.admin.get(&format!("projects/{project}")).await;
        if answer.status == 404 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    app.admin.patch(&format!("workspaces/{project}"), json!({"clusters": []})).await.is(200);
    app.admin.delete("clusters/luebeck").await.is(204);
    let raw = Raw::to(luebeck).await;
    for kind in ["clusterroles", "clusterrolebindings"] {
        let path = format!("/apis/rbac.authorization.k8s.io/v1/{kind}?labelSelector=hanse.io%2Faccess");
        let left = raw.send("GET", &path, &[], Vec::new()).await.unwrap().json();
        assert_eq!(left["items"].as_array().map(Vec::len), Some(0), "{left}");
    }
}

/// Applies a deployment `web`, and waits for it.
pub(crate) async fn deploy(kubectl: &Kubectl) {
    let file = kubectl.folder.path().join("web.json");
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "registry.example/web:1"}]},
        }},
    });
    std::fs::write(&file, deployment.to_string()).unwrap();
    kubectl.ok(&["apply", "-f", file.to_str().unwrap()]).await;
    kubectl.ok(&["apply", "--server-side", "--force-conflicts", "-f", file.to_str().unwrap()]).await;
    // A watch ends when what it waits for is so.
    kubectl.ok(&["wait", "--for=condition=Available", "deployment/web", "--timeout=40s"]).await;
}

async fn port_forward(kubectl: &Kubectl) {
    for websockets in ["true", "false"] {
        let mut command = kubectl.command(&["port-forward", "deploy/web", ":80"]);
        let mut running = command.env("KUBECTL_PORT_FORWARD_WEBSOCKETS", websockets).spawn().unwrap();
        let mut told = String::new();
        let port: u16 = timeout(SOON, async {
            loop {
                let mut bytes = [0_u8; 256];
                let count = running.stdout.as_mut().unwrap().read(&mut bytes).await.unwrap();
                assert!(count > 0, "port-forward ended: {told}");
                told.push_str(&String::from_utf8_lossy(&bytes[..count]));
                let port = told.split_once("127.0.0.1:").and_then(|(_, rest)| rest.split_once(' '));
                if let Some((port, _)) = port {
                    return port.parse().unwrap();
                }
            }
        })
        .await
        .expect("a forwarded port");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"ping").await.unwrap();
        let mut echo = [0_u8; 4];
        timeout(SOON, stream.read_exact(&mut echo)).await.expect("an echo").unwrap();
        assert_eq!(&echo, b"ping", "websockets={websockets}");
        running.kill().await.unwrap();
    }
}

async fn audited(app: &TestApp, project: &str) {
    let trail = app.admin.get(&format!("audit?kind=member-object&project={project}&limit=500")).await.is(200);
    let rows: Vec<String> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |field: &str| row[field].as_str().unwrap_or_default();
            format!(
                "{} {} {} {} {}",
                text("actor"),
                text("verb"),
                text("name"),
                text("cluster"),
                text("result")
            )
        })
        .collect();
    for (verb, name) in [
        ("create", format!("{project}/deployments.apps")),
        ("patch", format!("{project}/deployments.apps/web")),
        ("delete", format!("{project}/deployments.apps/web")),
    ] {
        let row = format!("operator-of-it {verb} {name} luebeck ok");
        assert!(rows.contains(&row), "{row} in {rows:#?}");
    }
    for verb in ["exec", "port-forward"] {
        assert!(
            rows.iter().any(|row| row.contains(&format!(" {verb} {project}/pods/web-"))),
            "{verb} {rows:#?}"
        );
    }
    assert_eq!(app.platform.store.verify_audit().await.unwrap().broken_at, None);
}

/// Sends bytes as they are; gives status and body.
async fn bytes(app: &TestApp, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    timeout(SOON, stream.read_to_end(&mut answer)).await.expect("the answer ends").unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_who_they_are_and_stays_where_they_may_be() {
    everybody(Way::Direct).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_who_they_are_through_an_agent_too() {
    everybody(Way::Agent).await;
}

async fn everybody(way: Way) {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let bremen = ControlPlanes::shared().await.cluster("bremen");
    let (project, _agent) = bring(&app, bremen, way).await;
    let viewer = somebody(&app, "bremen", &project, "viewer").await;
    let operator = somebody(&app, "bremen", &project, "operator").await;
    smuggling(&app, &viewer, &project).await;
    roles(&app, &viewer, &operator, &project).await;
    by_the_member_itself(bremen, &project).await;
    secrets(&app, &operator, &project).await;
    revoked(&app, &project).await;
}

async fn smuggling(app: &TestApp, viewer: &Client, project: &str) {
    let token = viewer.secret();
    let who = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let body = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let send = async |extra: &str| {
        let request = format!(
            "POST /clusters/bremen{who} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{extra}\r\n\r\n"
        );
        bytes(app, &request).await
    };
    let length = body.len();
    for extra in [
        format!("Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!(
            "Impersonate-User: admin\r\nImpersonate-Group: system:masters\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
        format!(
            "Connection: close, Impersonate-User, Authorization\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
        format!(
            "X-Remote-User: admin\r\nX-Remote-Group: system:masters\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
        format!("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
    ] {
        let (status, text) = send(extra.trim_end_matches("\r\n")).await;
        assert_eq!(status, 201, "{extra}: {text}");
        assert!(text.contains("hanse:viewer-of-it"), "{extra}: {text}");
        assert!(!text.contains("system:masters"), "{extra}: {text}");
    }
    let plain = format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
    for path in [
        format!("/api/v1/namespaces/{project}/../default/configmaps"),
        format!("/api/v1/namespaces/{project}/%2e%2e/default/configmaps"),
        format!("/api/v1/namespaces/{project}%2fconfigmaps"),
        format!("/api/v1/namespaces/{project}/configmaps%00"),
        format!("/api/v1//namespaces/{project}/configmaps"),
        format!("//api/v1/namespaces/{project}/configmaps"),
        format!("/api/v1/namespaces/{project}\\..\\default/configmaps"),
    ] {
        let (status, text) =
            bytes(app, &format!("GET /clusters/bremen{path} HTTP/1.1\r\nHost: x\r\n{plain}\r\n")).await;
        assert_eq!(status, 400, "{path}: {text}");
    }
    let (status, text) = bytes(
        app,
        &format!(
            "GET http://evil.example/clusters/bremen/version HTTP/1.1\r\nHost: evil.example\r\n{plain}\r\n"
        ),
    )
    .await;
    assert_eq!(status, 400, "{text}");
    // Whatever the two mean together, nothing of the body becomes a request of its own.
    let inner = format!("GET /clusters/bremen/version HTTP/1.1\r\nHost: x\r\n{plain}\r\n");
    let both = format!(
        "POST /clusters/bremen{who} HTTP/1.1\r\nHost: x\r\n{plain}Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{inner}",
        inner.len() + 5
    );
    let (status, text) = bytes(app, &both).await;
    assert!((400..500).contains(&status) && !text.contains("gitVersion"), "{text}");
}

async fn roles(app: &TestApp, viewer: &Client, operator: &Client, project: &str) {
    let maps = format!("api/v1/namespaces/{project}/configmaps");
    let get = async |client: &Client, path: &str| ask(client, Method::GET, "bremen", path, None).await;
    let make = async |client: &Client, name: &str| {
        ask(client, Method::POST, "bremen", &maps, Some(config_map(name))).await
    };
    status_of(&get(&app.nobody(), &maps).await, 401, "Unauthorized");
    let stranger = app.user("stranger", &[]).await;
    for path in [maps.as_str(), "version", "api", "api/v1/nodes", "nothing/of/the/kind"] {
        status_of(&get(&stranger, path).await, 404, "NotFound");
        let unknown = ask(&stranger, Method::GET, "nowhere", path, None).await;
        let here = get(&stranger, path).await.text.replace("bremen", "nowhere");
        assert_eq!(unknown.text, here, "what may not be known looks like what is not there");
    }
    get(viewer, "version").await.is(200);
    get(viewer, "apis").await.is(200);
    get(viewer, "openapi/v3").await.is(200);
    get(viewer, &maps).await.is(200);
    status_of(&make(viewer, "no").await, 403, "Forbidden");
    for path in [
        format!("api/v1/namespaces/{project}/secrets"),
        format!("api/v1/namespaces/{project}/pods/x/exec?command=sh"),
        format!("api/v1/namespaces/{project}/pods/x/portforward"),
        format!("api/v1/namespaces/{project}/services/x/proxy/"),
        "api/v1/namespaces/default/configmaps".to_owned(),
        "api/v1/namespaces/nowhere/configmaps".to_owned(),
        "api/v1/configmaps".to_owned(),
        "api/v1/namespaces".to_owned(),
        "api/v1/nodes/n/proxy/".to_owned(),
        "metrics".to_owned(),
        "debug/pprof/".to_owned(),
    ] {
        status_of(&get(viewer, &path).await, 403, "Forbidden");
    }
    make(operator, "yes").await.is(201);
    // An administrator of the platform is one in the member.
    ask(&app.admin, Method::GET, "bremen", "api/v1/nodes", None).await.is(200);
    ask(&app.admin, Method::GET, "bremen", "metrics", None).await;
    // Another site's page has the browser's cookie, but not its origin.
    let forged = app.admin.without_origin(Method::POST, &format!("../../clusters/bremen/{maps}"));
    status_of(&Answer::to(forged.json(&config_map("forged"))).await, 403, "Forbidden");
    // A limited token gives its limits only, whatever its owner may in the member.
    let limited = app.admin.token("limited", Some(&["project.config.view", "cluster.settings.view"])).await;
    get(&limited, &maps).await.is(200);
    status_of(&make(&limited, "limited").await, 403, "Forbidden");
    status_of(&get(&limited, "api/v1/nodes").await, 403, "Forbidden");
}

/// Past the host, with nothing but a role's groups.
async fn by_the_member_itself(bremen: &Cluster, project: &str) {
    let raw = Raw::to(bremen).await;
    for (role, path, code) in [
        ("viewer", format!("/api/v1/namespaces/{project}/configmaps"), 200),
        ("viewer", format!("/api/v1/namespaces/{project}/secrets"), 403),
        ("viewer", "/api/v1/namespaces/default/configmaps".to_owned(), 403),
        ("viewer", "/api/v1/nodes".to_owned(), 403),
        ("operator", format!("/api/v1/namespaces/{project}/secrets"), 200),
        ("operator", "/api/v1/namespaces/kube-system/secrets".to_owned(), 403),
        ("administrator", format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{project}/roles"), 200),
        ("administrator", "/apis/rbac.authorization.k8s.io/v1/clusterroles".to_owned(), 403),
    ] {
        let group = format!("hanse:project:{project}:{role}");
        let headers = [("impersonate-user", "hanse:somebody"), ("impersonate-group", group.as_str())];
        let answer = raw.send("GET", &path, &headers, Vec::new()).await.unwrap();
        assert_eq!(answer.code, code, "{role} {path}: {}", answer.json());
    }
}

async fn secrets(app: &TestApp, operator: &Client, project: &str) {
    let path = format!("api/v1/namespaces/{project}/secrets");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "top-secret"}});
    ask(operator, Method::POST, "bremen", &path, Some(secret)).await.is(201);
    ask(operator, Method::GET, "bremen", &format!("{path}/s"), None).await.is(200);
    let trail = app.admin.get(&format!("audit?kind=member-object&project={project}&verb=get")).await;
    assert!(!trail.text.contains("top-secret") && !trail.text.contains("dG9wLXNlY3JldA"), "{}", trail.text);
    assert_eq!(trail.is(200)["items"][0]["name"], format!("{project}/secrets/s"));
}

async fn revoked(app: &TestApp, project: &str) {
    for how in ["revoked", "disabled", "removed"] {
        let user = app.user(how, &[]).await;
        app.member(&format!("projects/{project}"), how, &["viewer"]).await;
        let client = user.token("watching", None).await;
        let path = format!("api/v1/namespaces/{project}/configmaps?watch=true");
        let mut watch = below(&client, Method::GET, "bremen", &path).send().await.unwrap();
        assert_eq!(watch.status(), 200, "{how}");
        assert!(watch.chunk().await.unwrap().is_some(), "the watch begins with what is there");
        match how {
            "revoked" => user.delete("me/tokens/watching").await.is(204),
            "disabled" => app.admin.patch("users/disabled", json!({"state": "disabled"})).await.is(200),
            _ => app.admin.delete(&format!("projects/{project}/members/removed")).await.is(204),
        };
        let since = Instant::now();
        let ended = timeout(Duration::from_secs(5), async { while let Ok(Some(_)) = watch.chunk().await {} });
        ended.await.unwrap_or_else(|_| panic!("{how}: the watch goes on"));
        assert!(since.elapsed() < Duration::from_secs(1), "{how}: {:?}", since.elapsed());
        let again = ask(&client, Method::GET, "bremen", &path, None).await;
        assert!(matches!(again.status, 401 | 404), "{how}: {}", again.text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_cluster_and_sleeping_readers_hold_up_nobody_else() {
    let _turn = turn().await;
    let app = TestApp::start_with(Db::Sqlite, |config| {
        config.gateway.answer_timeout_seconds = 2;
        config.gateway.unread_timeout_seconds = 3;
        config.gateway.requests_per_user = 100;
        config.gateway.requests_per_cluster = 150;
    })
    .await;
    let bremen = ControlPlanes::shared().await.cluster("bremen");
    let proxy = ApiProxy::to(bremen).await;
    let project = furnish(&app, "slow", &proxy.kubeconfig()).await;
    let viewer = somebody(&app, "slow", &project, "viewer").await;
    let operator = somebody(&app, "slow", &project, "operator").await;
    let maps = format!("api/v1/namespaces/{project}/configmaps");
    proxy.inject(Injection::delay(Duration::from_secs(8)).path("configmaps"));
    let slow = ask(&viewer, Method::GET, "slow", &maps, None).await;
    status_of(&slow, 504, "Timeout");
    proxy.clear();
    for index in 0..8 {
        let mut map = config_map(&format!("large-{index}"));
        map["data"]["a"] = json!("x".repeat(900_000));
        ask(&operator, Method::POST, "slow", &maps, Some(map)).await.is(201);
    }
    // A hundred ask for seven megabytes and read nothing of it.
    let mut asleep = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap();
        let request = format!(
            "GET /clusters/slow/{maps} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            viewer.secret()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        asleep.push(stream);
    }
    let small = format!("{maps}/kube-root-ca.crt");
    for _ in 0..5 {
        let since = Instant::now();
        let answer = ask(&operator, Method::GET, "slow", &small, None).await;
        assert!(matches!(answer.status, 200 | 404), "{}", answer.text);
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }
    // Who sleeps for too long is let go of.
    wait_for(SOON, "sleeping readers to be cut", || async {
        let open = app.platform.gateway.streams.count();
        if open == 0 { Ok(()) } else { Err(format!("{open} are open")) }
    })
    .await;
    ask(&viewer, Method::GET, "slow", &small, None).await;
    drop(asleep);
    drop(proxy);
    let away = ask(&operator, Method::GET, "slow", &small, None).await;
    assert!(matches!(away.status, 503 | 504), "{}", away.text);
    assert_eq!(away.body["kind"], "Status");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_roles_may_not_be_written_the_cluster_says_so_and_works() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let bremen = ControlPlanes::shared().await.cluster("bremen");
    let proxy = ApiProxy::to(bremen).await;
    proxy.inject(Injection::status(403).path("rbac.authorization.k8s.io/v1/"));
    furnish(&app, "guarded", &proxy.kubeconfig()).await;
    let condition = async |there: bool| {
        wait_for(SOON, "the condition", || async {
            let found = app.admin.get("clusters/guarded").await.is(200);
            let told = found["conditions"].to_string();
            if told.contains("RolesWritten") == there { Ok(told) } else { Err(told) }
        })
        .await
    };
    assert!(condition(true).await.contains("escalate"), "it says what to do");
    ask(&app.admin, Method::GET, "guarded", "version", None).await.is(200);
    proxy.clear();
    app.workspace("another").await;
    condition(false).await;
    ask(&app.admin, Method::GET, "guarded", "api/v1/nodes", None).await.is(200);
}
