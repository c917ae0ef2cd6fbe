//! Ports on the loopback interface that stay the caller's own.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use tokio::net::{TcpListener, TcpSocket};

/// A port that this holds without listening on it: while nobody listens, connections are refused, and no other
/// process can take it. Chosen below the range from which the kernel takes ports for outgoing connections.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    address: SocketAddr,
    _held: TcpSocket,
}

impl ReservedPort {
    pub(crate) fn take() -> anyhow::Result<Self> {
        for _ in 0..200 {
            let port = rand::random_range(12_000..32_000);
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            // Bound elsewhere in whatever way: not ours.
            if std::net::TcpListener::bind(address).is_err() {
                continue;
            }
            let held = socket()?;
            if held.bind(address).is_ok() {
                return Ok(Self { address, _held: held });
            }
        }
        bail!("no free port on 127.0.0.1 between 12000 and 32000")
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn listen(&self) -> anyhow::Result<TcpListener> {
        let socket = socket()?;
        socket.bind(self.address).with_context(|| format!("bind {}", self.address))?;
        Ok(socket.listen(1024)?)
    }
}

fn socket() -> anyhow::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    Ok(socket)
}

/// A free port for a process that cannot be handed a reserved one.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    // Nothing was ever connected to the reserved socket, so the port is free at once.
    Ok(ReservedPort::take()?.address().port())
}
