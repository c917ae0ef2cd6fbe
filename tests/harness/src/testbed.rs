//! The Go program of `tests/testbed`: where it is, and a run of it that ends with this process.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde::Deserialize;

/// The repository's root: where this process was started or above it. What was built may have been built in another
/// clone, which may be gone.
#[must_use]
pub fn repository() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let root = here.ancestors().find(|folder| folder.join("scripts/testbed-build").is_file());
        root.unwrap_or(&here).to_owned()
    })
}

/// Path of the test bed's binary, built when it is not in the user's cache folder yet (minutes, once per machine;
/// progress goes to standard error).
///
/// # Errors
/// When it cannot be built.
pub fn binary() -> anyhow::Result<&'static Path> {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    if let Some(binary) = BINARY.get() {
        return Ok(binary);
    }
    let script = repository().join("scripts/testbed-build");
    let output = Command::new(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", script.display()))?;
    if !output.status.success() {
        bail!("{} failed: {}", script.display(), output.status);
    }
    let text = String::from_utf8(output.stdout).context("path of the test bed")?;
    let path = text.lines().last().map(PathBuf::from).context("testbed-build printed no path")?;
    Ok(BINARY.get_or_init(|| path))
}

/// A running `testbed up`. It ends, with all its children and its folder, when this is dropped and when this
/// process ends in whatever way: it holds on only as long as its standard input is open.
pub(crate) struct Supervisor {
    child: Child,
    talk: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
    pub(crate) description: PathBuf,
}

#[derive(Deserialize)]
struct Answer {
    ready: Option<PathBuf>,
    error: Option<String>,
}

impl Supervisor {
    /// Returns when all planes are ready. Blocks.
    pub(crate) fn start(arguments: &[String]) -> anyhow::Result<Self> {
        Self::run(Command::new(binary()?), arguments)
    }

    /// [`Supervisor::start`] by this command, which runs [`binary`] in its own way.
    pub(crate) fn run(mut command: Command, arguments: &[String]) -> anyhow::Result<Self> {
        let mut child = command
            .args(["up", "--hold-stdin"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C in the terminal is for us; the closed pipe then ends the test bed in good order.
            .process_group(0)
            .spawn()
            .context("cannot start the test bed")?;
        let stdin = child.stdin.take().context("standard input of the test bed")?;
        let mut stdout = BufReader::new(child.stdout.take().context("standard output of the test bed")?);
        let answer = read(&mut stdout)?;
        let Some(description) = answer.ready else {
            bail!("the test bed did not start: {}", answer.error.unwrap_or_default());
        };
        Ok(Self { child, talk: Mutex::new(Some((stdin, stdout))), description })
    }

    /// Sends one command and waits until it is carried out. Blocks.
    pub(crate) fn tell(&self, command: &str) -> anyhow::Result<()> {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let (stdin, stdout) = talk.as_mut().context("the test bed has ended")?;
        writeln!(stdin, "{command}").context("the test bed has ended")?;
        match read(stdout)?.error {
            Some(error) => bail!("{command}: {error}"),
            None => Ok(()),
        }
    }
}

fn read(stdout: &mut BufReader<ChildStdout>) -> anyhow::Result<Answer> {
    let mut line = String::new();
    if stdout.read_line(&mut line).context("the test bed's answer")? == 0 {
        bail!("the test bed ended; its own words are above");
    }
    serde_json::from_str(&line).with_context(|| format!("the test bed's answer {line:?}"))
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Closing the pipe is the order to end.
        *self.talk.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(15) {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(10)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        // Its children die with it.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
