//! The server as a process of its own.

use hanse_harness::HanseProcess;
use hanse_it::{Client, PASSWORD};
use serde_json::json;

#[tokio::test]
async fn a_second_process_on_the_same_data_is_told_whose_they_are() {
    let first = HanseProcess::start().await;
    let (status, said) = HanseProcess::builder().data_dir(first.data_dir()).start_refused().await;
    assert!(!status.success(), "{status}");
    let line = said.lines().find(|line| line.contains("in use")).unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains(first.data_dir().to_str().unwrap()), "{line}");
    let pid = line.split_once("(pid ").expect("the pid").1.split_once(')').unwrap().0;
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("the process that is named");
    assert!(command.contains("hanse") && command.contains(first.data_dir().to_str().unwrap()), "{command}");
    assert!(!said.contains("panicked"), "{said}");
    Client::nobody(&first.url()).get("setup").await.is(200);
}

#[tokio::test]
async fn neither_log_nor_files_hold_a_secret() {
    let mut server = HanseProcess::builder().env("RUST_LOG", "debug").start().await;
    let token = server
        .find_in_log("the setup link", |line| Some(line.split_once("setup?token=")?.1.trim().to_owned()))
        .await
        .unwrap();
    let nobody = Client::nobody(&server.url());
    let answer = nobody.post("setup", json!({"token": token, "name": "admin", "password": PASSWORD})).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let admin = nobody.with_session(&answer);
    let script = admin.token("script", None).await;
    let keyed = admin.request(reqwest::Method::POST, "me/tokens").header("idempotency-key", "k1");
    let keyed = hanse_it::Answer::to(keyed.json(&json!({"name": "keyed"}))).await.is(201);
    nobody.post("sessions", json!({"name": "admin", "password": "not my password"})).await.is(401);
    let kubeconfig = "\
        apiVersion: v1\nkind: Config\ncurrent-context: a\n\
        contexts: [{name: a, context: {cluster: a, user: a}}]\n\
        clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\n\
        users: [{name: a, user: {token: bearer-of-the-member}}]\n";
    let refused = admin.post("clusters", json!({"name": "eu", "kubeconfig": kubeconfig})).await;
    assert_eq!(refused.body_of(422)["error"]["code"], "probe_failed");
    assert!(!refused.text.contains("bearer-of-the-member"), "{}", refused.text);
    admin.post("workspaces", json!({"name": "acme", "project": {"name": "shop"}})).await.is(201);
    let object = json!({"spec": {
        "template": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": "sesame-of-the-shop"}},
        "placement": {"clusterSelector": {}},
    }});
    admin.post("projects/shop/federated-objects", object).await.is(201);
    assert!(server.terminate().await.success());

    let log = server.log();
    assert!(log.contains("request_id"), "the log is not the detailed one");
    let log =
        log.lines().filter(|line| !line.contains("Set it up by opening")).collect::<Vec<_>>().join("\n");
    let mut files = vec![("the log".to_owned(), log.into_bytes())];
    for entry in std::fs::read_dir(server.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.file_name().unwrap() != "hanse.log" {
            files.push((path.display().to_string(), std::fs::read(&path).unwrap()));
        }
    }
    assert!(files.len() > 2, "the database and the keys are there");
    for secret in [
        PASSWORD,
        "not my password",
        "bearer-of-the-member",
        "sesame-of-the-shop",
        "c2VzYW1lLW9mLXRoZS1zaG9w",
        token.as_str(),
        admin.secret(),
        script.secret(),
        keyed["secret"].as_str().unwrap(),
    ] {
        for (name, content) in &files {
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret:?} is in {name}");
        }
    }
}
