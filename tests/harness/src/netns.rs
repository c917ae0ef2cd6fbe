//! A network namespace for a cluster that the host has no route to, as behind a customer's firewall: what runs in it
//! listens where only it can dial, and its only link, without a route beyond, ends at a few relays of ours. Needs root
//! and iproute2.
//!
//! Names and addresses are made at random and only what was made here is removed: by a process of its own, which does so
//! when its standard input closes, and that is when this process ends in whatever way.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::process::CommandExt as _,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

/// Tries to find a link that nobody has.
const TRIES: usize = 8;
/// Longest wait for the removal.
const GOODBYE: Duration = Duration::from_secs(5);

/// A namespace with its link. Gone when dropped, and when this process ends in whatever way.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    link: String,
    host: Ipv4Addr,
    keeper: Child,
}

/// Bytes that are passed on from the host's end of the link. Ends when dropped.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    acceptor: AbortHandle,
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output().context("cannot run ip")?;
    if output.status.success() {
        return Ok(());
    }
    bail!("ip {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim())
}

impl Namespace {
    /// Makes one.
    ///
    /// # Errors
    /// Why there can be none: nobody but root may, iproute2 is missing, or the kernel does not have it.
    pub fn create() -> anyhow::Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            let id: u32 = rand::random();
            match Self::try_create(id) {
                Ok(made) => return Ok(made),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no namespace was tried")?)
    }

    fn try_create(id: u32) -> anyhow::Result<Self> {
        let (name, link, inner) = (format!("hanse-{id:08x}"), format!("hz{id:08x}h"), format!("hz{id:08x}n"));
        let [_, b, c, d] = id.to_be_bytes();
        // Of the network for measuring between two machines (RFC 2544), which is nobody's on the Internet.
        let network = Ipv4Addr::new(198, 18 | (b & 1), c, d & 0b1111_1100);
        let at = |index: u32| Ipv4Addr::from(u32::from(network) + index);
        let (host, own) = (at(1), at(2));
        // What exists is not ours: `add` refuses it, and nothing was made.
        ip(&["netns", "add", &name])?;
        let keeper = Command::new("sh")
            .args(["-c", r#"read -r _; ip link del "$1" 2>/dev/null; ip netns del "$0""#, &name, &link])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C in the terminal is for us.
            .process_group(0)
            .spawn();
        let keeper = match keeper {
            Ok(keeper) => keeper,
            Err(error) => {
                ip(&["netns", "del", &name]).ok();
                return Err(error).context("cannot run sh");
            }
        };
        // From here on a failure drops it, and the keeper removes what there is.
        let made = Self { name, link, host, keeper };
        let (name, link) = (made.name.as_str(), made.link.as_str());
        ip(&["link", "add", link, "type", "veth", "peer", "name", &inner, "netns", name])?;
        ip(&["address", "add", &format!("{host}/30"), "dev", link])?;
        ip(&["link", "set", link, "up"])?;
        ip(&["-n", name, "link", "set", "lo", "up"])?;
        ip(&["-n", name, "address", "add", &format!("{own}/30"), "dev", &inner])?;
        ip(&["-n", name, "link", "set", &inner, "up"])?;
        Ok(made)
    }

    /// Its name, as `ip netns` has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs in it.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }

    /// Lets what runs in it reach a server of the host, at the same port of the host's end of the link.
    ///
    /// # Errors
    /// When the port is taken there.
    pub async fn relay(&self, upstream: SocketAddr) -> anyhow::Result<Relay> {
        let address = SocketAddr::new(IpAddr::V4(self.host), upstream.port());
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let accepting = tokio::spawn(async move {
            let mut passing = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                passing.spawn(async move {
                    let Ok(mut far) = TcpStream::connect(upstream).await else { return };
                    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
                });
            }
        });
        Ok(Relay { address, acceptor: accepting.abort_handle() })
    }

    /// Whether the host reaches a server of the namespace's own loopback, which it must not.
    ///
    /// # Errors
    /// When it does.
    pub fn ensure_out_of_reach(&self, server: SocketAddr) -> anyhow::Result<()> {
        let reached = std::net::TcpStream::connect_timeout(&server, Duration::from_secs(2)).is_ok();
        ensure!(!reached, "{server} of the namespace {} is reached from the host", self.name);
        Ok(())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let began = Instant::now();
        while began.elapsed() < GOODBYE {
            if !matches!(self.keeper.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
