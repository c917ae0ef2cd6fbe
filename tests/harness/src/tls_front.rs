//! TLS in front of a server that speaks plain HTTP, as an ingress has it. kubectl says who it is over https only.

use std::{net::SocketAddr, sync::Arc};

use tokio::{net::TcpStream, task::AbortHandle};
use tokio_rustls::TlsAcceptor;

use crate::{api_proxy::certificate, die};

/// A listener with TLS that passes bytes on; ends when dropped.
pub struct TlsFront {
    /// Where it listens.
    pub address: SocketAddr,
    /// The authority that signed its certificate, as PEM.
    pub authority: String,
    acceptor: AbortHandle,
}

impl TlsFront {
    /// In front of a plain server.
    ///
    /// # Panics
    /// When nothing can be listened on.
    pub async fn to(upstream: SocketAddr) -> Self {
        match Self::try_to(upstream).await {
            Ok(front) => front,
            Err(error) => die(&error),
        }
    }

    async fn try_to(upstream: SocketAddr) -> anyhow::Result<Self> {
        let (mut tls, authority) = certificate()?;
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut near) = acceptor.accept(stream).await else { return };
                    let Ok(mut far) = TcpStream::connect(upstream).await else { return };
                    tokio::io::copy_bidirectional(&mut near, &mut far).await.ok();
                });
            }
        });
        Ok(Self { address, authority, acceptor: accepting.abort_handle() })
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}
