//! The server as its users run it: the binary in a process of its own, with its own data folder and a log that is
//! shown when the test fails. It can be killed at any moment and started again over what it left.

use std::{
    ffi::OsString,
    io::Write,
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::OnceLock,
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use crate::{die, ports::free_port, testbed::repository, try_wait_for, wait_for};

const START_DEADLINE: Duration = Duration::from_secs(60);

/// Path of the server's binary: what `HANSE_BINARY` names, else `target/debug/hanse`, brought up to date first.
///
/// # Errors
/// When it cannot be built.
pub fn binary() -> anyhow::Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("HANSE_BINARY") {
            return Ok(path.into());
        }
        build("hanse").map_err(|error| format!("{error:#}"))
    });
    built.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

/// Path of the agent's binary: what `HANSE_AGENT_BINARY` names, else `target/debug/hanse-agent`, brought up to date first.
///
/// # Errors
/// When it cannot be built.
pub fn agent_binary() -> anyhow::Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| match std::env::var_os("HANSE_AGENT_BINARY") {
        Some(path) => Ok(path.into()),
        None => build("hanse-agent").map_err(|error| format!("{error:#}")),
    });
    built.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn build(name: &str) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "-p", name, "--bin", name, "--message-format=json-render-diagnostics"])
        .current_dir(repository())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo build -p {name} failed");
    let messages = String::from_utf8(output.stdout)?;
    let executable = messages.lines().rev().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    executable.context("cargo told no path of the binary")
}

/// How to run the server.
#[derive(Debug)]
pub struct Setup {
    binary: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    listen: SocketAddr,
    data_dir: PathBuf,
    log: PathBuf,
    /// Owns the data folder, where the caller gave none.
    folder: Option<tempfile::TempDir>,
}

/// A running server. Killed when dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct HanseProcess {
    setup: Setup,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// Kills the server when we are gone: its standard input then closes.
    reaper: Child,
    leash: ChildStdin,
}

/// What to start, before it is started.
#[derive(Debug, Default)]
pub struct Builder {
    binary: Option<PathBuf>,
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
    listen: Option<SocketAddr>,
    data_dir: Option<PathBuf>,
}

impl Builder {
    /// Another binary than [`binary`].
    #[must_use]
    pub fn binary(mut self, path: impl Into<PathBuf>) -> Self {
        self.binary = Some(path.into());
        self
    }

    /// Adds an argument after `serve --listen ADDRESS --data-dir FOLDER`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable, such as `HANSE_CLUSTERS__PROBE_INTERVAL_SECONDS`.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// PostgreSQL instead of the embedded database.
    #[must_use]
    pub fn database(self, url: &str) -> Self {
        self.env("HANSE_DATABASE_URL", url)
    }

    /// A certain address instead of a free port of `127.0.0.1`.
    #[must_use]
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// A certain data folder, which stays, instead of a temporary one.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    /// When it does not; the end of its log is in the message.
    pub async fn start(self) -> HanseProcess {
        match self.try_start().await {
            Ok(process) => process,
            Err(error) => die(&error),
        }
    }

    /// [`Builder::start`] without the panic.
    ///
    /// # Errors
    /// When it does not answer in time, or ends; with the end of its log.
    pub async fn try_start(self) -> anyhow::Result<HanseProcess> {
        let mut process = HanseProcess { setup: self.prepare().await?, running: None };
        process.run().await?;
        Ok(process)
    }

    /// Runs the server until it ends by itself, and answers how it ended and what it said: for a start that must
    /// be refused.
    ///
    /// # Panics
    /// When it goes on running.
    pub async fn start_refused(self) -> (ExitStatus, String) {
        let ended = async {
            let mut process = HanseProcess { setup: self.prepare().await?, running: None };
            let mut running = process.setup.spawn()?;
            let status = try_wait_for(START_DEADLINE, "the server's own end", || {
                let status = running.child.try_wait();
                async { status?.context("it is running") }
            });
            let status = status.await;
            process.running = Some(running);
            anyhow::Ok((status?, process.log()))
        };
        match ended.await {
            Ok(ended) => ended,
            Err(error) => die(&error),
        }
    }

    async fn prepare(self) -> anyhow::Result<Setup> {
        let binary = match self.binary {
            Some(path) => path,
            None => tokio::task::spawn_blocking(binary).await??.to_owned(),
        };
        let listen = match self.listen {
            Some(address) => address,
            None => SocketAddr::from(([127, 0, 0, 1], free_port()?)),
        };
        let (data_dir, folder) = match self.data_dir {
            Some(folder) => (folder, None),
            None => {
                let folder = tempfile::Builder::new().prefix("hanse-data-").tempdir()?;
                (folder.path().to_owned(), Some(folder))
            }
        };
        std::fs::create_dir_all(&data_dir)?;
        let log = data_dir.join("hanse.log");
        let (arguments, environment) = (self.arguments, self.environment);
        Ok(Setup { binary, arguments, environment, listen, data_dir, log, folder })
    }
}

impl Setup {
    fn spawn(&self) -> anyhow::Result<Running> {
        let log = std::fs::File::options().create(true).append(true).open(&self.log)?;
        let mut child = Command::new(&self.binary)
            .args(["serve", "--listen", &self.listen.to_string(), "--data-dir"])
            .arg(&self.data_dir)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A Ctrl-C in the terminal is for us.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        // `read` fails when the pipe closes without a word: then, and only then, it kills, and removes the data
        // folder if that is a temporary one.
        let mut reaper = Command::new("sh")
            .args(["-c", r#"read -r _ || { kill -9 "$0"; rm -rf "$@"; }"#, &child.id().to_string()])
            .args(self.folder.as_ref().map(tempfile::TempDir::path))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .inspect_err(|_| {
                child.kill().ok();
            })
            .context("cannot run sh")?;
        let leash = reaper.stdin.take().context("standard input of sh")?;
        Ok(Running { child, reaper, leash })
    }
}

impl Running {
    fn kill(mut self) {
        self.child.kill().ok();
        self.released();
    }

    /// Takes the dead server's entry out of the process table, and the reaper off its watch.
    fn released(mut self) {
        self.child.wait().ok();
        self.leash.write_all(b"done\n").ok();
        drop(self.leash);
        self.reaper.wait().ok();
    }
}

impl HanseProcess {
    /// What to start.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts the server with a data folder of its own.
    ///
    /// # Panics
    /// As [`Builder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    async fn run(&mut self) -> anyhow::Result<()> {
        self.running = Some(self.setup.spawn()?);
        let health = format!("{}/healthz", self.url());
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let running = self.running.as_mut().context("not started")?;
        let answers = try_wait_for(START_DEADLINE, "the server's answer", || {
            let ended = running.child.try_wait();
            let request = client.get(&health).send();
            async move {
                if let Some(status) = ended? {
                    return Ok(Some(status));
                }
                let status = request.await?.status();
                ensure!(status.is_success(), "{health} answers {status}", health = "/healthz");
                anyhow::Ok(None)
            }
        });
        match answers.await {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                bail!("the server ended ({status}); the end of its log:\n{}", self.log_tail())
            }
            Err(error) => Err(error.context(format!("the end of its log:\n{}", self.log_tail()))),
        }
    }

    /// `http://127.0.0.1:PORT`, the same over restarts.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.setup.listen)
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.setup.data_dir
    }

    /// Everything it has said, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.setup.log).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
    }

    /// Waits until a line of its log gives something, such as the link for the first setup.
    ///
    /// # Errors
    /// When no line does within ten seconds.
    pub async fn find_in_log<T>(&self, what: &str, find: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        try_wait_for(Duration::from_secs(10), what, || {
            let found = self.log().lines().find_map(&find);
            async { found.context("no such line in its log") }
        })
        .await
    }

    /// The one-time token out of the link for the first setup, which the server prints while nobody has an account.
    ///
    /// # Errors
    /// When there is no such link in its log.
    pub async fn setup_token(&self) -> anyhow::Result<String> {
        self.find_in_log("the link for the first setup", setup_token).await
    }

    /// `kill -9`: it gets no chance to put anything in order.
    pub fn kill9(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill();
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Panics
    /// When it does not end within half a minute.
    pub async fn terminate(&mut self) -> ExitStatus {
        let Some(mut running) = self.running.take() else {
            die(&anyhow::anyhow!("the server is not running"))
        };
        let asked = Command::new("kill").arg(running.child.id().to_string()).status();
        if let Err(error) = asked {
            die(&anyhow::Error::from(error).context("cannot run kill"));
        }
        let status = wait_for(Duration::from_secs(30), "the server's end", || {
            let status = running.child.try_wait();
            async { status?.context("it is running") }
        });
        let status = status.await;
        running.released();
        status
    }

    /// Starts it again on the same port over the same data; kills it first if it runs.
    ///
    /// # Panics
    /// As [`Builder::start`].
    pub async fn restart(&mut self) {
        self.kill9();
        if let Err(error) = self.run().await {
            die(&error);
        }
    }

    /// How it ended, when it has by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.running.as_mut()?.child.try_wait().ok()?
    }

    /// Memory that it occupies (resident set), in bytes.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn rss_bytes(&self) -> u64 {
        let status = self.proc("status");
        let kibibytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        match kibibytes {
            Some::<u64>(count) => count * 1024,
            None => die(&anyhow::anyhow!("no VmRSS in {status}")),
        }
    }

    /// Processor time that it has used since it was started, in seconds.
    ///
    /// # Panics
    /// When it is not running.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        // The name of the command, in parentheses, may hold anything; user and system time are fields 14 and 15.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
        let ticks: u32 = fields.filter_map(|field| field.parse::<u32>().ok()).sum();
        // Linux tells user space hundredths, whatever its own clock.
        f64::from(ticks) / 100.0
    }

    fn proc(&self, file: &str) -> String {
        let Some(running) = &self.running else { die(&anyhow::anyhow!("the server is not running")) };
        let path = format!("/proc/{}/{file}", running.child.id());
        match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) => die(&anyhow::Error::from(error).context(path)),
        }
    }
}

fn setup_token(line: &str) -> Option<String> {
    let (_, token) = line.split_once("/setup?token=")?;
    let token: String =
        token.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    (!token.is_empty()).then_some(token)
}

impl Drop for HanseProcess {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "shown by the test runner beside the failure")]
            {
                eprintln!("--- the end of the server's log\n{}\n---", self.log_tail());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setup_token_is_found_in_the_link() {
        let line = "open this link once: http://127.0.0.1:8080/setup?token=aB3-_x \u{1b}[0m";
        assert_eq!(setup_token(line).as_deref(), Some("aB3-_x"));
        assert_eq!(setup_token("GET /setup"), None);
    }
}
