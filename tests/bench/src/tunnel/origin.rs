//! The origin behind the agent: a plain HTTP server, and the same under TLS for whoever asks it directly.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::stream;
use hanse_tunnel::{Body, BoxError, full};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::role;

/// Size of the small answer.
pub const SMALL: usize = 1024;
/// What bulk is sent in.
pub const CHUNK: usize = 64 * 1024;
const TICK: Duration = Duration::from_secs(1);

/// Where it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Origin {
    pub plain: SocketAddr,
    pub tls: SocketAddr,
    /// Its certificate, in DER.
    pub certificate: Vec<u8>,
}

/// The role: tells where it is, and serves until it is ended.
pub async fn run() -> anyhow::Result<()> {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let certificate: CertificateDer<'static> = certified.cert.der().clone();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let (plain, secure) = (TcpListener::bind("127.0.0.1:0").await?, TcpListener::bind("127.0.0.1:0").await?);
    role::answer(&Origin {
        plain: plain.local_addr()?,
        tls: secure.local_addr()?,
        certificate: certificate.to_vec(),
    })?;
    loop {
        tokio::select! {
            accepted = plain.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                tokio::spawn(serve(stream));
            }
            accepted = secure.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream).await;
                    }
                });
            }
        }
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let service = service_fn(|request| async { Ok::<_, Infallible>(answer(request).await) });
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // Whoever hangs up does so.
    serving.await.ok();
}

async fn answer(request: Request<Incoming>) -> Response<Body> {
    match request.uri().path() {
        "/small" => Response::new(full(Bytes::from_static(&[b'x'; SMALL]))),
        "/bulk" => Response::new(Repeat::new(|| true).boxed_unsync()),
        "/sink" => {
            let (mut body, mut count) = (request.into_body(), 0_u64);
            while let Some(Ok(frame)) = body.frame().await {
                count += frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
            }
            Response::new(full(count.to_string()))
        }
        "/ticks" => Response::new(StreamBody::new(ticks()).boxed_unsync()),
        _ => {
            let mut response = Response::new(full("nothing here"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// An event at once and then each second: when it was sent, filled up to the size of a small one.
fn ticks() -> impl futures::Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
    stream::unfold(tokio::time::interval(TICK), |mut interval| async {
        interval.tick().await;
        let line = format!("{:0>511}\n", nanoseconds());
        Some((Ok(Frame::data(Bytes::from(line))), interval))
    })
}

/// Since 1970, comparable between processes of one machine.
pub fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

/// The same chunk again and again while there is a reason to.
pub struct Repeat<F> {
    chunk: Bytes,
    more: F,
}

impl<F> Repeat<F> {
    pub fn new(more: F) -> Self {
        Self { chunk: Bytes::from(vec![7; CHUNK]), more }
    }
}

impl<F: Fn() -> bool + Unpin> hyper::body::Body for Repeat<F> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready((self.more)().then(|| Ok(Frame::data(self.chunk.clone()))))
    }
}
