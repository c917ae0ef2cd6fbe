//! An HTTP proxy that does nothing but CONNECT, as companies have them, and remembers where to.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
};

use crate::die;

/// Longest head of a request.
const HEAD: usize = 8 * 1024;

/// The proxy. Ends, with all its connections, when dropped.
pub struct ConnectProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    acceptor: AbortHandle,
}

impl ConnectProxy {
    /// Starts one that connects to anything.
    ///
    /// # Panics
    /// When nothing can be listened on.
    pub async fn start() -> Self {
        match Self::try_start().await {
            Ok(proxy) => proxy,
            Err(error) => die(&error),
        }
    }

    async fn try_start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let remembered = Arc::clone(&asked);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let asked = Arc::clone(&remembered);
                connections.spawn(async move { connect(stream, &asked).await.ok() });
            }
        });
        Ok(Self { address, asked, acceptor: accepting.abort_handle() })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it was asked to connect to, each place once, in this order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn connect(mut near: TcpStream, asked: &Mutex<Vec<String>>) -> anyhow::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        anyhow::ensure!(head.len() < HEAD, "its head has no end");
        head.push(near.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.split(' ');
    let (Some("CONNECT"), Some(target)) = (words.next(), words.next()) else {
        near.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await?;
        return Ok(());
    };
    {
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        if !asked.iter().any(|known| known == target) {
            asked.push(target.to_owned());
        }
    }
    let Ok(mut far) = TcpStream::connect(target).await else {
        near.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await?;
        return Ok(());
    };
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    tokio::io::copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}
