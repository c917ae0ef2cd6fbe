//! The probe ladder through the API: it stops at the right step, says what to do, and stores nothing.

use hanse_harness::{Access, ControlPlanes};
use hanse_it::{Answer, Db, TestApp};
use serde_json::{Value, json};

use crate::fixture::turn;

fn failed_step(answer: &Answer) -> (String, Value) {
    let error = &answer.body_of(422)["error"];
    assert_eq!(error["code"], "probe_failed", "{error}");
    let steps = error["probe"]["steps"].as_array().unwrap();
    let failed = steps.iter().find(|step| step["state"] == "failed").unwrap();
    assert!(!failed["fix"].as_str().unwrap().is_empty(), "{failed}");
    (failed["step"].as_str().unwrap().to_owned(), failed.clone())
}

#[tokio::test]
async fn the_ladder_stops_at_the_right_step_and_nothing_is_stored() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let cluster = planes.cluster("bremen");
    let good = cluster.kubeconfig(Access::Admin);
    let server = &cluster.server;
    let cases = [
        ("wrong authority", cluster.kubeconfig(Access::WrongCa), "tls"),
        ("expired certificate", cluster.kubeconfig(Access::Expired), "authentication"),
        ("unknown token", cluster.kubeconfig(Access::BadToken), "authentication"),
        ("too few permissions", cluster.kubeconfig(Access::Limited), "permissions"),
        ("nobody listens", good.replace(server.as_str(), "https://127.0.0.1:1"), "connect"),
        ("no such name", good.replace(server.as_str(), "https://no-such-host.invalid:6443"), "resolve"),
        ("no YAML", "{".to_owned(), "parse"),
        ("exec plugin", exec_plugin(server), "parse"),
        (
            "file path",
            good.replace("certificate-authority-data:", "certificate-authority: /etc/ca.crt #"),
            "parse",
        ),
        (
            "bad base64",
            good.replace("certificate-authority-data: ", "certificate-authority-data: !!str *"),
            "parse",
        ),
    ];
    for (what, kubeconfig, step) in cases {
        let answer = app.admin.post("clusters", json!({"name": "bad", "kubeconfig": kubeconfig})).await;
        let (stopped, failed) = failed_step(&answer);
        assert_eq!(stopped, step, "{what}: {failed}");
    }
    let bomb = format!(
        "a: &a [{}]\nb: &b [{}]\nc: [{}]\n",
        "x,".repeat(1000),
        "*a,".repeat(1000),
        "*b,".repeat(1000)
    );
    failed_step(&app.admin.post("clusters", json!({"name": "bomb", "kubeconfig": bomb})).await);
    assert_eq!(app.admin.get("clusters").await.is(200)["total"], 0);
}

fn exec_plugin(server: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": true}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws"}}}],
    })
    .to_string()
}

#[tokio::test]
async fn a_cluster_is_taken_in_once_and_its_credential_never_shown() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Postgres).await;
    let planes = ControlPlanes::shared().await;
    let cluster = planes.cluster("bremen");
    let kubeconfig = cluster.kubeconfig(Access::Token);
    let import = |name: &str| json!({"name": name, "kubeconfig": kubeconfig, "force": true});
    let taken = app.admin.post("clusters", import("one")).await;
    let token = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("token:"))
        .unwrap()
        .trim()
        .trim_matches('"');
    assert!(!taken.text.contains(token));
    taken.is(201);
    let (step, failed) = failed_step(&app.admin.post("clusters", import("two")).await);
    assert_eq!(step, "identity");
    assert!(failed["message"].as_str().unwrap().contains("one"), "{failed}");
    app.admin.post("clusters", import("one")).await.is(409);
    let listed = app.admin.get("clusters").await;
    assert_eq!(listed.body["total"], 1);
    assert!(!listed.text.contains(token));
    assert!(!app.admin.get("audit").await.text.contains(token));
    app.admin.delete("clusters/one").await.is(204);
    assert_eq!(app.admin.get("clusters").await.is(200)["total"], 0);
    // Its mark is gone, too: another Hanse may take it in without force.
    let other = TestApp::start(Db::Sqlite).await;
    other.admin.post("clusters", json!({"name": "free", "kubeconfig": kubeconfig})).await.is(201);
    other.admin.delete("clusters/free").await.is(204);
}
