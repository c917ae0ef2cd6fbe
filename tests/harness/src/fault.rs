//! A TCP proxy between the code under test and a server, with faults that a test switches on and off: delay, cut,
//! half-open, truncation. It knows nothing of TLS or HTTP, so what passes through it is the real thing, certificates
//! included (every server of the test bed has one for `127.0.0.1`, whatever the port).

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::Instant,
};

use crate::{Access, Cluster, die, ports::ReservedPort};

/// What is wrong with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// Every byte arrives this much later, in either direction.
    Delay(Duration),
    /// Open connections are reset, new ones refused.
    Cut,
    /// New connections are accepted; nothing moves on them, nor on those open already, until this ends.
    HalfOpen,
    /// Each connection is reset after so many more bytes toward the client, counted from now.
    Truncate(u64),
}

#[derive(Clone, Copy, Debug)]
struct State {
    fault: Fault,
    /// Counts the calls of `set`, so that a truncation starts over.
    epoch: u64,
}

/// The proxy. Ends, with all its connections, when dropped.
pub struct FaultProxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    applied: watch::Receiver<u64>,
    connections: Arc<AtomicU64>,
    acceptor: AbortHandle,
}

impl FaultProxy {
    /// Opens a proxy to the address, passing everything.
    ///
    /// # Panics
    /// When there is no port for it, and outside a tokio runtime.
    #[must_use]
    pub fn to(upstream: SocketAddr) -> Self {
        let (port, listener) = match ReservedPort::take().and_then(|port| Ok((port.listen()?, port))) {
            Ok((listener, port)) => (port, listener),
            Err(error) => die(&error.context("fault proxy")),
        };
        let address = port.address();
        let (state, seen) = watch::channel(State { fault: Fault::Pass, epoch: 0 });
        let (apply, applied) = watch::channel(0);
        let connections = Arc::new(AtomicU64::new(0));
        let acceptor =
            Acceptor { port, upstream, state: seen, applied: apply, connections: Arc::clone(&connections) };
        let acceptor = tokio::spawn(acceptor.run(Some(listener))).abort_handle();
        Self { address, state, applied, connections, acceptor }
    }

    /// Opens a proxy to the API server of a cluster.
    ///
    /// # Panics
    /// As [`FaultProxy::to`].
    #[must_use]
    pub fn to_cluster(cluster: &Cluster) -> Self {
        Self::to(cluster.address())
    }

    /// Address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Kubeconfig of the cluster through this proxy.
    #[must_use]
    pub fn kubeconfig(&self, cluster: &Cluster, access: Access) -> String {
        cluster.kubeconfig_at(access, self.address)
    }

    /// Switches to this fault; it is in force for open and new connections when this returns.
    ///
    /// # Panics
    /// When the runtime that the proxy was made on has ended.
    pub async fn set(&self, fault: Fault) {
        let mut epoch = 0;
        self.state.send_modify(|state| {
            state.fault = fault;
            state.epoch += 1;
            epoch = state.epoch;
        });
        if self.applied.clone().wait_for(|applied| *applied >= epoch).await.is_err() {
            die(&anyhow::anyhow!("the fault proxy has ended with its runtime"));
        }
    }

    /// How many connections it has accepted so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

struct Acceptor {
    port: ReservedPort,
    upstream: SocketAddr,
    state: watch::Receiver<State>,
    applied: watch::Sender<u64>,
    connections: Arc<AtomicU64>,
}

impl Acceptor {
    async fn run(mut self, mut listener: Option<TcpListener>) {
        // Dropped with this task, and every connection with it.
        let mut open = JoinSet::new();
        let (cuts, _) = watch::channel(0);
        loop {
            let state = *self.state.borrow_and_update();
            if state.fault == Fault::Cut {
                listener = None;
                cuts.send_modify(|cuts| *cuts += 1);
                // So that it is true by the time that it is announced.
                while open.join_next().await.is_some() {}
            } else if listener.is_none() {
                match self.port.listen() {
                    Ok(again) => listener = Some(again),
                    Err(error) => die(&error.context("fault proxy")),
                }
            }
            self.applied.send_replace(state.epoch);
            loop {
                tokio::select! {
                    changed = self.state.changed() => match changed {
                        Ok(()) => break,
                        Err(_) => return,
                    },
                    accepted = accept(listener.as_ref()) => {
                        if let Ok((client, _)) = accepted {
                            self.connections.fetch_add(1, Ordering::Relaxed);
                            open.spawn(carry(client, self.upstream, self.state.clone(), cuts.subscribe()));
                        }
                    }
                    Some(_) = open.join_next() => {}
                }
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> std::io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

async fn carry(
    mut client: TcpStream,
    upstream: SocketAddr,
    mut state: watch::Receiver<State>,
    mut cuts: watch::Receiver<u64>,
) {
    client.set_nodelay(true).ok();
    let reset = tokio::select! {
        _ = cuts.changed() => true,
        result = join(&mut client, upstream, &mut state) => result.is_err(),
    };
    if reset {
        // Closing then resets instead of ending in good order.
        client.set_zero_linger().ok();
    }
}

async fn join(
    client: &mut TcpStream,
    upstream: SocketAddr,
    state: &mut watch::Receiver<State>,
) -> std::io::Result<()> {
    thawed(state).await;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    // A direction that closes in good order lets the other one finish; one that breaks ends both.
    tokio::try_join!(
        pump(from_client, to_server, state.clone(), false),
        pump(from_server, to_client, state.clone(), true),
    )?;
    Ok(())
}

async fn thawed(state: &mut watch::Receiver<State>) -> State {
    if let Ok(state) = state.wait_for(|state| state.fault != Fault::HalfOpen).await {
        return *state;
    }
    // The proxy is gone, and this task goes with it.
    std::future::pending().await
}

/// Reads on while earlier bytes wait for their time, so that a delay costs no throughput.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut state: watch::Receiver<State>,
    truncate: bool,
) -> std::io::Result<()> {
    let (queue, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(64);
    let mut writer_state = state.clone();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        let (mut epoch, mut passed) = (0, 0_u64);
        loop {
            thawed(&mut state).await;
            let count = tokio::select! {
                count = from.read(&mut buffer) => count?,
                changed = state.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(()),
                },
            };
            let now = thawed(&mut state).await;
            if now.epoch != epoch {
                (epoch, passed) = (now.epoch, 0);
            }
            let mut bytes = buffer.get(..count).unwrap_or_default().to_vec();
            if bytes.is_empty() {
                return Ok(());
            }
            let mut broken = false;
            if let (Fault::Truncate(limit), true) = (now.fault, truncate) {
                let left = usize::try_from(limit - passed).unwrap_or(usize::MAX);
                broken = bytes.len() >= left;
                bytes.truncate(left);
                passed += bytes.len() as u64;
            }
            let delay = if let Fault::Delay(delay) = now.fault { delay } else { Duration::ZERO };
            if queue.send((Instant::now() + delay, bytes)).await.is_err() {
                return Ok(());
            }
            if broken {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
        }
    };
    let write = async move {
        while let Some((at, bytes)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            thawed(&mut writer_state).await;
            to.write_all(&bytes).await?;
        }
        to.shutdown().await
    };
    // The reader's end closes the queue; the writer then sends what is left.
    let (read, written) = tokio::join!(read, write);
    read.and(written)
}
