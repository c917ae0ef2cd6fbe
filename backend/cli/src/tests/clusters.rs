//! Member clusters.

use wiremock::{
    Mock,
    matchers::{header, method, path, query_param},
};

use super::*;

const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\n";

fn cluster(name: &str, phase: &str) -> Value {
    json!({"id": "01890000-0000-7000-8000-000000000001", "name": name, "displayName": null,
           "labels": {"region": "eu"}, "connection": "direct", "endpoint": "https://10.0.0.1:6443", "insecure": false,
           "phase": phase,
           "conditions": [{"type": "Ready", "status": "False", "reason": "Timeout", "lastTransitionTime": "2026-01-01T11:58:00Z",
                           "message": "no answer from 10.0.0.1:6443 for 20 s: check the network"}],
           "facts": {"kubernetesVersion": "v1.36.3", "nodes": 3, "nodesReady": 2, "cpuAllocatableMilli": 11_760,
                     "memoryAllocatableBytes": 33_285_996_544_u64, "podsAllocatable": 330, "provider": "kwok",
                     "regions": ["eu"], "zones": ["a", "b"]},
           "latencyMs": 3.42, "lastSeenAt": "2026-01-01T12:00:05Z",
           "credential": {"kind": "client certificate", "expiresAt": "2027-01-01T00:00:00Z"},
           "createdAt": "2026-01-01T00:00:00Z", "version": 4})
}

fn step(name: &str, state: &str, message: &str, fix: Option<&str>) -> Value {
    json!({"step": name, "state": state, "message": message, "fix": fix, "durationMs": 1.25})
}

/// A probe as the server streams it: each step, then the report.
fn probe(steps: &[Value], passed: bool) -> ResponseTemplate {
    let report =
        json!({"passed": passed, "steps": steps, "contexts": ["a", "b"], "context": null, "facts": null});
    let lines: String = steps.iter().chain([&report]).map(|line| format!("{line}\n")).collect();
    ResponseTemplate::new(200).set_body_raw(lines, "application/x-ndjson")
}

async fn server(steps: &[Value], passed: bool) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/api/v1/clusters/probe"))
        .and(header("accept", "application/x-ndjson"))
        .respond_with(probe(steps, passed))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .and(path("/api/v1/clusters"))
        .respond_with(ResponseTemplate::new(201).set_body_json(cluster("eu", "Pending")))
        .mount(&server)
        .await;
    server
}

#[tokio::test]
async fn the_ladder_is_shown_before_a_cluster_is_taken_in() {
    let steps = [
        step("parse", "passed", "kubeconfig with a client certificate", None),
        step("tls", "warning", "the certificate ends in 5 days", Some("renew it on the cluster")),
        step("identity", "passed", "a cluster that is not here yet", None),
    ];
    let server = server(&steps, true).await;
    let person = Person::new();
    let file = person.file("kubeconfig", KUBECONFIG);
    let uri = server.uri();
    let arguments = [
        "--server",
        &uri,
        "clusters",
        "import",
        "eu",
        "--kubeconfig",
        &file,
        "--context",
        "a",
        "--label",
        "region=eu",
    ];
    let ended = person.runs(&arguments).await;
    insta::assert_snapshot!(ended.all(), @r"
    ✓ parse           kubeconfig with a client certificate (1.2ms)
    ! tls             the certificate ends in 5 days (1.2ms)
                      fix: renew it on the cluster
    ✓ identity        a cluster that is not here yet (1.2ms)
    cluster eu imported, v1.36.3
    ---
    exit code 0
    ");
    let imported = &sent(&server, "/api/v1/clusters").await[0].1;
    assert_eq!(
        imported,
        &json!({"name": "eu", "displayName": null, "labels": {"region": "eu"}, "kubeconfig": KUBECONFIG, "context": "a", "force": false, "fixedPort": false})
    );
    let json = person.runs(&[&arguments[..], &["-o", "json"]].concat()).await;
    assert_eq!(serde_json::from_str::<Value>(&json.out).unwrap()["name"], "eu");
}

#[tokio::test]
async fn a_ladder_that_stops_stores_nothing_and_says_the_fix() {
    let steps = [
        step("parse", "failed", "the kubeconfig has 2 contexts and no current one", Some("name one of them")),
        step("resolve", "skipped", "", None),
    ];
    let server = server(&steps, false).await;
    let person = Person { typed: KUBECONFIG.into(), ..Person::new() };
    let uri = server.uri();
    let ended = person.runs(&["--server", &uri, "clusters", "import", "eu", "--kubeconfig", "-"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    ✗ parse           the kubeconfig has 2 contexts and no current one (1.2ms)
                      fix: name one of them
    · resolve
    ---
    error: the cluster cannot be taken in: the probing stopped at parse, see above
    exit code 1
    ");
    assert!(sent(&server, "/api/v1/clusters").await.is_empty());
}

#[tokio::test]
async fn force_goes_on_only_past_another_hanse() {
    let person = Person::new();
    let file = person.file("kubeconfig", KUBECONFIG);
    for (name, imported) in [("identity", 1), ("permissions", 0)] {
        let server = server(&[step(name, "failed", "no", None)], false).await;
        let uri = server.uri();
        let ended = person
            .runs(&["--server", &uri, "clusters", "import", "eu", "--kubeconfig", &file, "--force"])
            .await;
        assert_eq!(sent(&server, "/api/v1/clusters").await.len(), imported, "{name}: {ended:?}");
        assert_eq!(ended.code, u8::from(imported == 0));
    }
}

#[tokio::test]
async fn clusters_are_listed_with_what_people_look_for() {
    let server = MockServer::start().await;
    let mut fresh = cluster("edge-1", "Pending");
    fresh["facts"] = json!({"kubernetesVersion": null, "nodes": 0, "nodesReady": 0, "cpuAllocatableMilli": 0,
        "memoryAllocatableBytes": 0, "podsAllocatable": 0, "provider": null, "regions": [], "zones": []});
    fresh["labels"] = json!({});
    let mut with_port = cluster("eu", "Ready");
    with_port["fixedPort"] = json!(16443);
    fresh["latencyMs"] = Value::Null;
    fresh["lastSeenAt"] = Value::Null;
    Mock::given(method("GET"))
        .and(path("/api/v1/clusters"))
        .and(query_param("labelSelector", "region=eu"))
        .respond_with(page(&[with_port.clone(), fresh]))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/clusters/eu"))
        .and(method("GET"))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(cluster("eu", "Unreachable"))
                .insert_header("etag", "\"4\""),
        )
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/clusters/eu"))
        .and(method("PATCH"))
        .and(header("if-match", "\"4\""))
        .and(wiremock::matchers::body_json(json!({"labels": {"tier": "gold"}})))
        .respond_with(ResponseTemplate::new(200).set_body_json(cluster("eu", "Ready")))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/clusters/eu"))
        .and(method("PATCH"))
        .and(wiremock::matchers::body_json(json!({"fixedPort": true})))
        .respond_with(ResponseTemplate::new(200).set_body_json(with_port))
        .mount(&server)
        .await;
    Mock::given(path("/api/v1/clusters/eu"))
        .and(method("DELETE"))
        .and(query_param("copies", "orphan"))
        .respond_with(ResponseTemplate::new(202))
        .mount(&server)
        .await;
    let uri = server.uri();
    let person = Person::new();
    let ended = person.runs(&["clusters", "list", "-l", "region=eu", "--server", &uri]).await;
    insta::assert_snapshot!(ended.out, @r"
    NAME    PHASE    VERSION  NODES   CPU    MEMORY  LATENCY  LAST SEEN  PORT   LABELS
    eu      Ready    v1.36.3  2 of 3  11.76  31Gi    3.4ms    5s ago     16443  region=eu
    edge-1  Pending  -        0       0      0       -        -          -      -
    ");
    let ended = person.runs(&["clusters", "get", "eu", "--server", &uri]).await;
    insta::assert_snapshot!(ended.out, @r"
    CLUSTER      UNREACHABLE
    name         eu
    endpoint     https://10.0.0.1:6443 (direct)
    labels       region=eu
    version      v1.36.3
    nodes        2 of 3 ready
    allocatable  11.76 cores, 31Gi memory, 330 pods
    provider     kwok
    regions      eu
    zones        a, b
    credential   client certificate, valid until 2027-01-01
    last seen    5s ago
    latency      3.4ms

    CONDITION  STATUS  SINCE   REASON   MESSAGE
    Ready      False   2m ago  Timeout  no answer from 10.0.0.1:6443 for 20 s: check the network
    ");
    let ended = person.runs(&["clusters", "label", "eu", "tier=gold", "region-", "--server", &uri]).await;
    insta::assert_snapshot!(ended.all(), @r"
    cluster eu has labels region=eu
    ---
    exit code 0
    ");
    let ended = person.runs(&["clusters", "port", "eu", "--server", &uri]).await;
    insta::assert_snapshot!(ended.all(), @r"
    cluster eu is served at port 16443
    ---
    exit code 0
    ");
    let ended = person.runs(&["clusters", "detach", "eu", "--server", &uri]).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    cluster eu (Unreachable): what was placed there stays and runs on, without Hanse
    error: nobody can be asked here: give --yes to go on
    exit code 2
    ");
    let ended = person.runs(&["clusters", "detach", "eu", "--yes", "--server", &uri]).await;
    insta::assert_snapshot!(ended.all(), @r"
    cluster eu detached
    ---
    cluster eu (Unreachable): what was placed there stays and runs on, without Hanse
    exit code 0
    ");
}
