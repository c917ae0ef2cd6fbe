//! Unmodified clients against the hub of a server process: kubectl in two versions, an informer of client-go, helm.

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use hanse_harness::{ControlPlanes, HanseProcess, testbed};
use hanse_it::{Client, PASSWORD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{
    fixture::{import, turn},
    support::{Hub, config_map, version},
};

/// A server process, set up, with a kubeconfig for each root.
struct Server {
    process: HanseProcess,
    admin: Client,
    token: Client,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let process = HanseProcess::builder()
            .env("HANSE_CLUSTERS__PROBE_INTERVAL_SECONDS", "1")
            .try_start()
            .await
            .expect("the server starts");
        let nobody = Client::nobody(&process.url());
        let setup = process.setup_token().await.expect("a setup link");
        let body = json!({"token": setup, "name": "admin", "password": PASSWORD});
        let answer = nobody.post("setup", body).await;
        let admin = nobody.with_session(&answer);
        let token = admin.token("clients", None).await;
        let server = Self { process, admin, token, folder: tempfile::tempdir().unwrap() };
        for root in ["kube", "kubefed"] {
            server.write_kubeconfig(root).await;
        }
        server
    }

    async fn write_kubeconfig(&self, root: &str) {
        use std::fmt::Write as _;
        let url = self.process.url();
        let authority = reqwest::get(format!("{url}/ca.pem")).await.unwrap().text().await.unwrap();
        std::fs::write(self.folder.path().join("ca.pem"), authority).unwrap();
        let secure = url.replacen("http:", "https:", 1);
        let mut text = String::new();
        write!(
            text,
            "apiVersion: v1\nkind: Config\ncurrent-context: hub\n\
             clusters: [{{name: hub, cluster: {{server: '{secure}/{root}', certificate-authority: ca.pem}}}}]\n\
             users: [{{name: me, user: {{token: '{}'}}}}]\n\
             contexts: [{{name: hub, context: {{cluster: hub, user: me}}}}]\n",
            self.token.secret()
        )
        .unwrap();
        std::fs::write(self.kubeconfig(root), text).unwrap();
    }

    fn kubeconfig(&self, root: &str) -> PathBuf {
        self.folder.path().join(root)
    }

    fn hub(&self, root: &str) -> Hub {
        Hub::at(&self.process.url(), root, self.token.secret())
    }
}

async fn run(mut command: Command, input: Option<&str>) -> (bool, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    if let Some(input) = input {
        use tokio::io::AsyncWriteExt as _;
        stdin.write_all(input.as_bytes()).await.unwrap();
    }
    drop(stdin);
    let done =
        timeout(Duration::from_secs(120), child.wait_with_output()).await.expect("it ends in time").unwrap();
    let text = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (done.status.success(), text)
}

/// kubectl as the test bed has it, and the machine's own where there is one.
fn kubectls() -> Vec<Vec<String>> {
    let testbed = testbed::binary().expect("the test bed's program");
    let mut found = vec![vec![testbed.display().to_string(), "kubectl".to_owned()]];
    let own = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("kubectl"))
        .find(|path| path.is_file());
    found.extend(own.map(|path| vec![path.display().to_string()]));
    found
}

/// The program with client-go and helm inside.
fn clients_binary() -> PathBuf {
    let output =
        std::process::Command::new(testbed::repository().join("scripts/clients-build")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubectl_in_two_versions_works_unmodified() {
    let server = Server::start().await;
    server.admin.post("workspaces", json!({"name": "default"})).await.is(201);
    for (number, kubectl) in kubectls().into_iter().enumerate() {
        let cache = server.folder.path().join(format!("cache-{number}"));
        let run = |root: &str, arguments: &str, input: Option<&'static str>| {
            let mut command = Command::new(&kubectl[0]);
            command.args(&kubectl[1..]).arg("--kubeconfig").arg(server.kubeconfig(root));
            command.arg("--cache-dir").arg(&cache).args(arguments.split_whitespace());
            run(command, input)
        };
        let ns = format!("k{number}");
        let must =
            |root: &'static str, arguments: String, input: Option<&'static str>, says: &'static str| {
                let future = run(root, &arguments, input);
                async move {
                    let (ok, text) = future.await;
                    assert!(ok && text.contains(says), "kubectl {arguments}: {text}");
                    text
                }
            };
        must("kube", "version".into(), None, "Server Version: v1.").await;
        must("kube", "api-resources".into(), None, "deployments").await;
        must("kubefed", "api-resources --api-group=types.kubefed.io".into(), None, "federateddeployments")
            .await;
        must(
            "kube",
            "create -f -".into(),
            Some(if number == 0 { NAMESPACE_0 } else { NAMESPACE_1 }),
            "created",
        )
        .await;
        must("kube", format!("-n {ns} apply -f -"), Some(OBJECTS), "deployment.apps/web created").await;
        must("kube", format!("-n {ns} apply -f -"), Some(OBJECTS), "deployment.apps/web unchanged").await;
        must("kube", format!("-n {ns} apply -f -"), Some(CHANGED), "deployment.apps/web configured").await;
        must(
            "kube",
            format!("-n {ns} apply --server-side --force-conflicts -f -"),
            Some(OBJECTS),
            "serverside-applied",
        )
        .await;
        must("kube", format!("-n {ns} scale deployment/web --replicas=4"), None, "scaled").await;
        let seen =
            must("kube", format!("-n {ns} get deployment web -o jsonpath={{.spec.replicas}}"), None, "4")
                .await;
        assert_eq!(seen, "4");
        must("kube", format!("-n {ns} get deployments"), None, "UP-TO-DATE").await;
        must("kube", format!("-n {ns} describe configmap settings"), None, "settings").await;
        must("kube", format!("-n {ns} label configmap settings a=b"), None, "labeled").await;
        must("kube", format!("-n {ns} annotate configmap settings a=b"), None, "annotated").await;
        must("kube", format!("-n {ns} get configmaps -l a=b -o name"), None, "configmap/settings").await;
        must("kube", format!("-n {ns} patch configmap settings --type=json -p [{{\"op\":\"add\",\"path\":\"/data/z\",\"value\":\"1\"}}]"), None, "patched").await;
        must(
            "kube",
            format!("-n {ns} set image deployment/web web=registry.example/web:9"),
            None,
            "image updated",
        )
        .await;
        // Typed commands send protobuf.
        must("kube", format!("-n {ns} create configmap typed --from-literal=a=b"), None, "created").await;
        must(
            "kube",
            format!("-n {ns} create deployment typed --image=registry.example/web:1"),
            None,
            "created",
        )
        .await;
        must("kube", format!("-n {ns} create secret generic typed --from-literal=a=b"), None, "created")
            .await;
        must(
            "kube",
            format!("-n {ns} get deployment typed -o jsonpath={{.spec.template.spec.containers[0].image}}"),
            None,
            "registry.example/web:1",
        )
        .await;
        must("kube", "explain deployment.spec.replicas".into(), None, "integer").await;
        let (ok, refused) = run("kube", &format!("-n {ns} apply -f -"), Some(MISTAKEN)).await;
        assert!(!ok && refused.contains("unknown field \"spec.replicsa\""), "{refused}");
        must("kubefed", format!("-n {ns} get federateddeployment web -o name"), None, "federateddeployment")
            .await;
        must("kube", format!("-n {ns} delete deployment,configmap --all --timeout=30s"), None, "deleted")
            .await;
        let (ok, gone) = run("kube", &format!("-n {ns} get deployment web"), None).await;
        assert!(!ok && gone.contains("NotFound"), "{gone}");
        must("kube", format!("delete namespace {ns} --timeout=30s"), None, "deleted").await;
    }
}

const NAMESPACE_0: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: k0}\n";
const NAMESPACE_1: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: k1}\n";
const OBJECTS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1"}]}
"#;
const CHANGED: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:2"}, {name: side, image: "registry.example/side:1"}]}
"#;
const MISTAKEN: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: mistaken}
spec: {replicsa: 3}
"#;

/// An informer as a process of its own.
struct Informer {
    _child: Child,
    _stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Informer {
    async fn start(binary: &Path, kubeconfig: &Path, namespace: &str, resource: &str) -> Self {
        let mut child = Command::new(binary)
            .arg("informer")
            .arg(kubeconfig)
            .args([namespace, "", "v1", resource])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut informer = Self { _stdin: child.stdin.take().unwrap(), _child: child, lines };
        while informer.next().await["type"] != "synced" {}
        informer
    }

    async fn next(&mut self) -> Value {
        let line = timeout(Duration::from_secs(40), self.lines.next_line()).await.expect("an event in time");
        serde_json::from_str(&line.unwrap().expect("the informer goes on")).unwrap()
    }
}

/// For how many minutes to go on, with more objects between restarts; by default it is over after two restarts.
const MINUTES: &str = "HANSE_INFORMER_MINUTES";

/// Changes at both ends of restarts: the informer is told each object's last state, nothing twice and nothing out of
/// order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_informer_misses_nothing_over_restarts() {
    let mut server = Server::start().await;
    server
        .admin
        .post("workspaces", json!({"name": "default", "project": {"name": "informed"}}))
        .await
        .is(201);
    let binary = clients_binary();
    let mut informer = Informer::start(&binary, &server.kubeconfig("kube"), "informed", "configmaps").await;
    let list = "/api/v1/namespaces/informed/configmaps";
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    let mut writes: Vec<(String, i64)> = Vec::new();
    let mut told = Told::default();
    let minutes: u64 = std::env::var(MINUTES).map_or(0, |text| text.parse().expect("a number of minutes"));
    let (began, objects) = (std::time::Instant::now(), if minutes > 0 { 150_u32 } else { 12 });
    let (mut round, mut restarts, mut deletions) = (0, 0, 0);
    while round < 4 || began.elapsed() < Duration::from_secs(minutes * 60) {
        let hub = server.hub("kube");
        for number in 0..objects {
            let name = format!("c{round}-{number}");
            let made = hub.post(list, &config_map(&name, "0")).await.is(201);
            writes.push((name.clone(), version(&made)));
            for count in 1..4 {
                let path = format!("{list}/{name}");
                let next =
                    hub.patch(&path, "merge", &json!({"data": {"key": count.to_string()}})).await.is(200);
                writes.push((name.clone(), version(&next)));
                expected.insert(name.clone(), version(&next));
            }
            if number % 3 == 0 {
                hub.delete(&format!("{list}/{name}")).await.is(200);
                expected.remove(&name);
                deletions += 1;
            }
        }
        if round % 4 == 1 {
            server.process.kill9();
        }
        if round % 2 == 1 {
            server.process.restart().await;
            restarts += 1;
            // It dials again in its own time: what is written before that comes joined, as one change of each object.
            let back = format!("back-{round}");
            let made = server.hub("kube").post(list, &config_map(&back, "0")).await.is(201);
            expected.insert(back.clone(), version(&made));
            told.until(&mut informer, &back).await;
        }
        round += 1;
    }
    let made = server.hub("kube").post(list, &config_map("end", "0")).await.is(201);
    expected.insert("end".to_owned(), version(&made));
    told.until(&mut informer, "end").await;
    assert_eq!(told.objects, expected);
    // While the informer listens each write is told, not only the last of each object.
    let missed = writes.iter().filter(|write| !told.versions.contains(write)).count();
    println!("{} writes, {deletions} deletions, {restarts} restarts, {missed} joined", writes.len());
    assert!(missed <= 2 * restarts, "{missed} of {} writes were joined with a later one", writes.len());
    assert_eq!(deletions, round * objects.div_ceil(3));
}

/// What an informer has told: objects with their versions, and every version of each.
#[derive(Default)]
struct Told {
    objects: BTreeMap<String, i64>,
    versions: HashSet<(String, i64)>,
}

impl Told {
    /// Takes in what the informer tells, up to the first word of an object.
    async fn until(&mut self, informer: &mut Informer, last: &str) {
        loop {
            let event = informer.next().await;
            let name = event["name"].as_str().unwrap().to_owned();
            let at: i64 = event["version"].as_str().unwrap().parse().unwrap();
            match event["type"].as_str().unwrap() {
                "delete" => {
                    assert!(self.objects.remove(&name).is_some(), "{name} was told to be gone twice");
                }
                "add" => {
                    let before = self.objects.insert(name.clone(), at);
                    assert!(before.is_none(), "{name} was told to be new twice");
                    self.versions.insert((name.clone(), at));
                }
                "update" => {
                    let before = self.objects.insert(name.clone(), at).expect("told to be new before");
                    assert!(at > before, "{name}: {at} after {before}");
                    self.versions.insert((name.clone(), at));
                }
                other => panic!("{other}: {event}"),
            }
            if name == last {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helm_installs_waits_and_removes() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck")];
    let server = Server::start().await;
    import(&server.admin, &clusters).await;
    let body = json!({"name": "default", "clusters": ["hamburg", "luebeck"], "project": {"name": "charts"}});
    server.admin.post("workspaces", body).await.is(201);
    let chart = server.folder.path().join("chart");
    std::fs::create_dir_all(chart.join("templates")).unwrap();
    std::fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: small\nversion: 0.1.0\n").unwrap();
    std::fs::write(chart.join("values.yaml"), "replicas: 4\n").unwrap();
    let template = OBJECTS
        .replace("replicas: 2", "replicas: {{ .Values.replicas }}")
        .replace("{name: web}", "{name: {{ .Release.Name }}}");
    std::fs::write(chart.join("templates/app.yaml"), template).unwrap();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";
    std::fs::write(chart.join("templates/service.yaml"), service).unwrap();
    let binary = clients_binary();
    let helm = |verb: &str, chart: Option<&Path>| {
        let mut command = Command::new(&binary);
        command.arg("helm").arg(verb).arg(server.kubeconfig("kube")).args(["charts", "site"]);
        command.args(chart);
        run(command, None)
    };
    let (ok, text) = helm("install", Some(&chart)).await;
    assert!(ok && text.contains("deployed"), "{text}");
    // helm says that it is ready: it must be.
    let hub = server.hub("kube");
    let found = hub.get("/apis/apps/v1/namespaces/charts/deployments/site").await.is(200);
    assert_eq!(found["status"]["availableReplicas"], 4, "{found}");
    // Its release is kept here and goes nowhere.
    let secrets = hub.get("/api/v1/namespaces/charts/secrets").await.is(200);
    assert_eq!(secrets["items"][0]["type"], "helm.sh/release.v1", "{secrets}");
    let members: kube::Api<k8s_openapi::api::core::v1::Secret> =
        kube::Api::namespaced(clusters[0].admin_client().await, "charts");
    assert!(members.list(&kube::api::ListParams::default()).await.unwrap().items.is_empty());
    let (ok, text) = helm("uninstall", None).await;
    assert!(ok, "{text}");
    assert_eq!(hub.get("/api/v1/namespaces/charts/secrets").await.is(200)["items"], json!([]));
    server.admin.delete("projects/charts").await.is(202);
    super::fixture::gone(&server.admin, "projects/charts").await;
}
