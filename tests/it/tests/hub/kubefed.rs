//! KubeFed's own end-to-end suite and its command line, unmodified, against the `/kubefed` root over real clusters.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use futures::future::join_all;
use hanse_harness::{ControlPlanes, testbed::repository};
use hanse_it::{Db, TestApp};
use serde_json::json;
use tokio::{process::Command, time::timeout};

use super::fixture::{import, turn};

#[path = "kubefed/specs.rs"]
mod specs;
#[path = "kubefed/tool.rs"]
mod tool;

use specs::{LEFT_OUT, RUN, Run};

/// Longest that one process of the suite may take.
const LONGEST: Duration = Duration::from_secs(240);
/// What the suite gives any one step that involves members.
const STEP: &str = "-single-call-timeout=60s";

/// The folder with the suite's test binary, kubefedctl, and the controller manager that the suite starts.
fn programs() -> PathBuf {
    let output = std::process::Command::new(repository().join("scripts/kubefed-build")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// A kubeconfig with the `/kubefed` root as its one context, called `hub`.
async fn kubeconfig(app: &TestApp, folder: &Path) -> PathBuf {
    let token = app.admin.token("kubefed", None).await;
    let authority = reqwest::get(format!("{}/ca.pem", app.url)).await.unwrap().text().await.unwrap();
    std::fs::write(folder.join("ca.pem"), authority).unwrap();
    let url = app.url.replacen("http:", "https:", 1);
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "hub",
        "clusters": [{"name": "hub", "cluster": {
            "server": format!("{url}/kubefed"), "certificate-authority": folder.join("ca.pem"),
        }}],
        "users": [{"name": "me", "user": {"token": token.secret()}}],
        "contexts": [{"name": "hub", "context": {"cluster": "hub", "user": "me"}}],
    });
    let path = folder.join("kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

/// A regular expression that matches exactly these names, whatever space is between their words.
fn exactly(names: &[&str]) -> String {
    let quoted = names.iter().map(|name| {
        let words = name.split_whitespace().map(|word| {
            word.chars().fold(String::new(), |mut out, letter| {
                if !letter.is_ascii_alphanumeric() {
                    out.push('\\');
                }
                out.push(letter);
                out
            })
        });
        words.collect::<Vec<_>>().join(r"\s+")
    });
    format!(r"\[Top Level\]\s+({})\s*$", quoted.collect::<Vec<_>>().join("|"))
}

/// Runs some specs in a process of their own; says what went wrong, with the suite's own account.
async fn run(
    programs: &Path,
    folder: &Path,
    kubeconfig: &Path,
    run: Run,
    names: &[&str],
) -> Result<(), String> {
    let account = folder.join(format!("{run:?}.log"));
    let said = std::fs::File::create(&account).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut child = Command::new(programs.join("e2e.test"))
        .args(["-ginkgo.noColor", "-ginkgo.v", "-ginkgo.seed=1", "-context=hub", STEP])
        .arg(format!("-kubeconfig={}", kubeconfig.display()))
        .arg(format!("-in-memory-controllers={}", run == Run::Embedded))
        .arg(format!("-ginkgo.focus={}", exactly(names)))
        // The suite starts the controller manager by its name.
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ended = timeout(LONGEST, child.wait()).await;
    let text = std::fs::read_to_string(&account).unwrap();
    if let Some(kept) = std::env::var_os("HANSE_IT_KEEP") {
        std::fs::copy(&account, Path::new(&kept).join(format!("{run:?}.log"))).ok();
    }
    let all = format!("{} Passed | 0 Failed", names.len());
    match ended {
        Ok(Ok(status)) if status.success() && text.contains(&all) => Ok(()),
        Ok(status) => Err(format!("{run:?}: expected {all}, ended with {status:?}\n{text}")),
        Err(_) => Err(format!("{run:?}: expected {all}, but it did not end in {LONGEST:?}\n{text}")),
    }
}

#[test]
fn every_spec_of_the_suite_runs_or_is_left_out_for_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("kubeconfig");
    std::fs::write(&empty, "{apiVersion: v1, kind: Config}").unwrap();
    let done = std::process::Command::new(programs().join("e2e.test"))
        .args(["-ginkgo.dryRun", "-ginkgo.noColor", "-ginkgo.v", "-kubeconfig"])
        .arg(&empty)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    // A spec is told as its containers, then its own name, then its place in the source.
    let lines: Vec<&str> = text.lines().collect();
    let found: BTreeSet<String> = lines
        .windows(3)
        .filter(|three| three[2].trim_start().starts_with("sigs.k8s.io/kubefed@"))
        .map(|three| format!("{} {}", three[0], three[1]).split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let running = RUN.iter().flat_map(|(_, names)| *names);
    for name in running.chain(LEFT_OUT.iter().flat_map(|(_, names)| *names)) {
        *known.entry(name).or_default() += 1;
    }
    assert_eq!(found.len(), 58, "{text}");
    let known_names: BTreeSet<String> = known.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(known_names, found);
    assert!(known.values().all(|count| *count == 1), "{known:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubefeds_own_suite_passes() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters).await;
    let body = json!({"name": "default", "clusters": ["hamburg", "luebeck"]});
    app.admin.post("workspaces", body).await.is(201);
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = kubeconfig(&app, folder.path()).await;
    let programs = tokio::task::spawn_blocking(programs).await.unwrap();
    let only = std::env::var("HANSE_IT_KUBEFED").ok();
    let chosen = RUN.iter().map(|(one, names)| {
        let names: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| only.as_ref().is_none_or(|part| name.contains(part.as_str())))
            .collect();
        (*one, names)
    });
    // Controllers of KubeFed's own take a definition away that others need, and so come last.
    let (last, first): (Vec<_>, Vec<_>) =
        chosen.filter(|(_, names)| !names.is_empty()).partition(|(one, _)| *one == Run::Embedded);
    let mut failed = Vec::new();
    for group in [first, last] {
        let runs = group.into_iter().map(|(one, names)| {
            let (programs, folder, kubeconfig) = (&programs, folder.path(), &kubeconfig);
            async move { run(programs, folder, kubeconfig, one, &names).await }
        });
        failed.extend(join_all(runs).await.into_iter().filter_map(Result::err));
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
