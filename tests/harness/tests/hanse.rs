//! Starting, killing and watching a server. Any program that answers `/healthz` does for that: here `kubectl proxy`,
//! which hands the question on to a cluster.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::ensure;
use hanse_harness::{Access, ControlPlanes, HanseProcess, hanse::Builder, testbed, wait_for};

const SOON: Duration = Duration::from_secs(20);

/// A server whose arguments are `serve --listen ADDRESS --data-dir FOLDER`, as the real one's.
async fn stand_in(folder: &std::path::Path) -> Builder {
    let cluster = ControlPlanes::shared().await.cluster("bremen");
    let kubeconfig = folder.join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig(Access::Admin)).unwrap();
    let program = folder.join("server");
    let kubectl = testbed::binary().unwrap().display();
    let script = format!(
        "#!/bin/sh\nset -e\n[ \"$1\" = serve ]\n[ -z \"$REFUSE\" ] || {{ echo refused; exit 3; }}\n\
         echo open http://$3/setup\n\
         exec {kubectl} kubectl proxy --kubeconfig {} --port ${{3##*:}}\n",
        kubeconfig.display()
    );
    // Not written by this process: what another test starts at the same moment would hold the file open for writing, and a
    // program that is being written cannot be run.
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(&program)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
    HanseProcess::builder().binary(program)
}

async fn answers(url: &str) -> bool {
    reqwest::get(format!("{url}/healthz")).await.is_ok_and(|answer| answer.status().is_success())
}

#[tokio::test]
async fn a_server_is_killed_and_comes_back_under_the_same_url() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = stand_in(folder.path()).await.start().await;
    let url = server.url();
    assert!(answers(&url).await);
    assert!(server.rss_bytes() > 1_000_000);
    assert!(server.cpu_seconds() > 0.0);
    let link =
        server.find_in_log("the link", |line| Some(line.split_once("open ")?.1.to_owned())).await.unwrap();
    assert_eq!(link, format!("{url}/setup"));
    server.kill9();
    assert!(!answers(&url).await);
    server.restart().await;
    assert_eq!(server.url(), url);
    assert!(answers(&url).await);
    assert_eq!(server.ended(), None);
    let status = server.terminate().await;
    assert!(!status.success());
    assert!(!answers(&url).await);
}

#[tokio::test]
async fn a_start_that_is_refused_tells_status_and_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = stand_in(folder.path()).await.env("REFUSE", "1");
    let (status, log) = server.start_refused().await;
    assert_eq!(status.code(), Some(3));
    assert_eq!(log.trim(), "refused");
    let error = stand_in(folder.path()).await.env("REFUSE", "1").try_start().await.unwrap_err();
    assert!(format!("{error:#}").contains("refused"), "{error:#}");
}

const HOLD: &str = "HANSE_HARNESS_TEST_HOLD_SERVER";

/// Not a test but the process that the next one kills: it starts a server and waits to be killed.
#[tokio::test]
async fn hold_a_server_when_asked() {
    if std::env::var_os(HOLD).is_some() {
        let folder = tempfile::tempdir().unwrap();
        let server = stand_in(folder.path()).await.start().await;
        println!("url {} folder {}", server.url(), server.data_dir().display());
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn no_server_survives_a_test_process_that_is_killed() {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_server_when_asked", "--nocapture"])
        .env(HOLD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    let line =
        lines.map(Result::unwrap).find_map(|line| Some(line.split_once("url ")?.1.to_owned())).unwrap();
    let (url, data) = line.split_once(" folder ").unwrap();
    assert!(answers(url).await);
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_for(SOON, "the end of the server and its data", || async {
        ensure!(!answers(url).await, "it still answers");
        ensure!(!std::path::Path::new(data).exists(), "{data} is still there");
        anyhow::Ok(())
    })
    .await;
}
