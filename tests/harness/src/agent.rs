//! The agent as its users run it: the binary in a process of its own, which can be killed at any moment.

use std::{
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::Context as _;

use crate::{die, hanse::agent_binary, netns::Namespace};

/// A running agent. Killed when dropped.
#[derive(Debug)]
pub struct AgentProcess {
    child: Child,
    /// Kills the agent when we are gone: its standard input then closes.
    reaper: Child,
    log: PathBuf,
}

impl AgentProcess {
    /// Starts it with these arguments; its log goes to a file in `folder`.
    ///
    /// # Panics
    /// When it cannot be built or started.
    pub async fn start(folder: &Path, arguments: &[&str]) -> Self {
        match Self::try_start(folder, arguments).await {
            Ok(agent) => agent,
            Err(error) => die(&error),
        }
    }

    /// [`AgentProcess::start`] without the panic.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub async fn try_start(folder: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        Self::run(Command::new(tokio::task::spawn_blocking(agent_binary).await??), folder, arguments)
    }

    /// Number of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// [`AgentProcess::try_start`] in a network namespace.
    ///
    /// # Errors
    /// When it cannot be built or started.
    pub async fn try_start_in(
        namespace: &Namespace,
        folder: &Path,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let binary = tokio::task::spawn_blocking(agent_binary).await??;
        Self::run(namespace.command(binary), folder, arguments)
    }

    fn run(mut command: Command, folder: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let log = folder.join("agent.log");
        let file = std::fs::File::options().create(true).append(true).open(&log)?;
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // A Ctrl-C in the terminal is for us.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", command.get_program().display()))?;
        let reaper = Command::new("sh")
            .args(["-c", r#"read -r _ || kill -9 "$0""#, &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot run sh")?;
        Ok(Self { child, reaper, log })
    }

    /// Kills it without a word.
    pub fn kill9(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        // Off its watch: the number may soon be another process's.
        if let Some(mut leash) = self.reaper.stdin.take() {
            leash.write_all(b"done\n").ok();
        }
        self.reaper.wait().ok();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "shown by the test runner beside the failure")]
            {
                eprintln!("--- the agent's log\n{}\n---", self.log());
            }
        }
    }
}
