//! Upgraded connections: exec, attach and port-forward stop being HTTP after their first answer and become two streams
//! of bytes. A connection that has been upgraded serves nobody else, so each has its own, dialled afresh; and it speaks
//! HTTP/1.1, because HTTP/2 has no upgrade.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::AbortOnDropHandle;
use tower::BoxError;

use super::{Body, Stage, TransportError, dial::Dialer, pool::Origin};
use crate::kubeconfig::Access;

/// Bytes both ways.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// How a member took an upgrade.
pub enum Upgraded {
    /// It switched: what follows is the other protocol's bytes.
    Switched(Response<()>, Box<dyn Duplex>),
    /// It answered instead, mostly to refuse.
    Answered(Response<Body>),
}

impl std::fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Switched(answer, _) => f.debug_tuple("Switched").field(answer).finish_non_exhaustive(),
            Self::Answered(answer) => f.debug_tuple("Answered").field(&answer.status()).finish(),
        }
    }
}

/// Asks a directly reached apiserver for an upgrade. The request carries `Upgrade`; `Connection` is added.
pub(super) async fn direct(access: &Access, mut request: Request<()>) -> Result<Upgraded, TransportError> {
    let dialer = Dialer::new(access, &[b"http/1.1"], None)?;
    let origin = Origin::new(access, &dialer)?;
    origin.address(&mut request)?;
    let host = HeaderValue::try_from(dialer.server()).map_err(|error| unusable(&error))?;
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    *request.uri_mut() = path.parse::<Uri>().map_err(|error| unusable(&error))?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    let server = dialer.server();
    let stream = dialer.dial().await?;
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| broken(&error, &server))?;
    let driver = AbortOnDropHandle::new(tokio::spawn(connection.with_upgrades()));
    let request = request.map(|()| Empty::<Bytes>::new());
    let mut answer = sender.send_request(request).await.map_err(|error| broken(&error, &server))?;
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Upgraded::Answered(answer.map(|body| Driven { body, _driver: driver }.boxed_unsync())));
    }
    let bytes = hyper::upgrade::on(&mut answer).await.map_err(|error| broken(&error, &server))?;
    Ok(Upgraded::Switched(answer.map(drop), Box::new(TokioIo::new(bytes))))
}

fn unusable(error: &dyn std::fmt::Display) -> TransportError {
    TransportError::new(Stage::Http, format!("no request can be made: {error}"), "")
}

fn broken(error: &hyper::Error, server: &str) -> TransportError {
    TransportError::new(
        Stage::Http,
        format!("the connection to {server} broke: {error}"),
        "Try again. If this stays, check what is between Hanse and the cluster.",
    )
}

/// A body with what drives its connection.
struct Driven {
    body: Incoming,
    _driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl hyper::body::Body for Driven {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.body).poll_frame(cx).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
