//! Runs a command beside a fresh server that nobody has set up yet, and two full clusters that it does not know:
//! what the browser tests start from. The command gets `HANSE_URL`, `HANSE_SETUP_TOKEN`, and the paths of two
//! kubeconfigs, `KUBECONFIG_A` and `KUBECONFIG_B`.
//!
//! The clusters are not the shared ones: there, the server would find what other servers of the run have left.

use std::{ffi::OsString, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use hanse_harness::{Access, ControlPlanes, Flavour, HanseProcess, Plane};
use tokio::signal::unix::{SignalKind, signal};

/// Runs a command beside a fresh server and two clusters.
#[derive(Parser)]
struct Arguments {
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    // The terminal sends Ctrl-C to the command as well; its end is ours.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        code = run(arguments.command, &mut interrupted) => code,
        _ = terminated.recv() => Ok(ExitCode::from(143)),
    }
}

async fn run(
    command: Vec<OsString>,
    interrupted: &mut tokio::signal::unix::Signal,
) -> anyhow::Result<ExitCode> {
    let beside = async {
        let planes = ControlPlanes::start(&[
            Plane::new("a", Flavour::Full).region("eu-north", &["a", "b", "c"]),
            Plane::new("b", Flavour::Full).region("us-east", &["a", "b", "c"]),
        ])
        .await?;
        let hanse = HanseProcess::builder().try_start().await?;
        let token = hanse.setup_token().await?;
        anyhow::Ok((planes, hanse, token))
    };
    let (planes, hanse, token) = tokio::select! {
        started = beside => started?,
        _ = interrupted.recv() => return Ok(ExitCode::from(130)),
    };
    let folder = tempfile::tempdir()?;
    let kubeconfig = |name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, planes.cluster(name).kubeconfig(Access::Admin)).map(|()| path)
    };
    let (program, rest) = command.split_first().context("no command")?;
    let status = tokio::process::Command::new(program)
        .args(rest)
        .env("HANSE_URL", hanse.url())
        .env("HANSE_SETUP_TOKEN", token)
        .env("KUBECONFIG_A", kubeconfig("a")?)
        .env("KUBECONFIG_B", kubeconfig("b")?)
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !status.success() {
        show(&hanse.log());
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

#[expect(clippy::print_stderr, reason = "shown beside the command's failure")]
fn show(log: &str) {
    eprintln!("--- the server's log\n{log}---");
}
