//! Processes of the tunnel's measurement: this program runs itself again, as hub, origin or agents, so that memory and
//! processor time of each can be told apart. A role ends with whoever started it: its standard input then closes.

use std::{process::Stdio, time::Duration};

use anyhow::Context;
use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::machine::Process;

/// A running role. Killed when dropped.
pub struct Role {
    _child: Child,
    _leash: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Looked at from outside.
    pub process: Process,
}

impl Role {
    /// Starts this program again with these arguments.
    pub fn start<'a>(arguments: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("role")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C in the terminal is for us.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let leash = child.stdin.take().context("standard input of a role")?;
        let stdout = child.stdout.take().context("standard output of a role")?;
        let process = Process::of(child.id().context("a role has ended at once")?);
        Ok(Self { _child: child, _leash: leash, lines: BufReader::new(stdout).lines(), process })
    }

    /// What it says next.
    pub async fn says<T: DeserializeOwned>(&mut self, within: Duration) -> anyhow::Result<T> {
        let line =
            tokio::time::timeout(within, self.lines.next_line()).await.context("a role is silent")??;
        Ok(serde_json::from_str(&line.context("a role has ended; its own words are above")?)?)
    }
}

/// In a role: ends the process when whoever started it is gone.
pub fn follow_starter() {
    std::thread::spawn(|| {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
        std::process::exit(0);
    });
}

/// In a role: tells whoever started it.
#[expect(clippy::print_stdout, reason = "standard output is how roles answer")]
pub fn answer(value: &impl serde::Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}
