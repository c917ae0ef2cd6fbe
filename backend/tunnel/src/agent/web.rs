//! The way through the hub's web port: an HTTP connection, upgraded to a WebSocket, with the tunnel's own TLS inside.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    client_async_with_config,
    tungstenite::{Error, client::ClientRequestBuilder},
};

use super::{Io, LinkError, dial::failed};
use crate::websocket::{Bytewise, bounds};

/// The hub's web port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Whether it is https.
    pub secure: bool,
    /// Its host, as in a URL.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Path of the WebSocket.
    pub path: String,
}

impl Web {
    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        write!(f, "WebSocket {scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}

/// Opens the WebSocket on a connection to the web port.
pub(super) async fn open(stream: Box<dyn Io>, web: &Web) -> Result<Box<dyn Io>, LinkError> {
    let stream = if web.secure { secured(stream, web).await? } else { stream };
    // The library takes the connection as it is; the scheme only has to be one that it knows.
    let uri = format!("ws://{}:{}{}", web.host, web.port, web.path);
    let uri = uri.parse().map_err(|error| failed("WebSocket", format!("{uri} is no URL: {error}")))?;
    let opened = client_async_with_config(ClientRequestBuilder::new(uri), stream, Some(bounds())).await;
    let (socket, _) = opened.map_err(|error| {
        failed("WebSocket", match error {
            Error::Http(answer) => format!(
                "{} answers HTTP {} instead of opening it: check that it is the hub, that it is not full, and that \
                 what stands in front of it lets WebSockets through",
                web.address(),
                answer.status().as_u16()
            ),
            error => format!("{} does not open it: {error}", web.address()),
        })
    })?;
    Ok(Box::new(Bytewise::new(socket)))
}

async fn secured(stream: Box<dyn Io>, web: &Web) -> Result<Box<dyn Io>, LinkError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed("TLS", error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let host = web.host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(host).map_err(|error| failed("TLS", error.to_string()))?;
    let opened = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = opened
        .map_err(|error| failed("TLS", format!("the handshake with {} failed: {error}", web.address())))?;
    Ok(Box::new(stream))
}

/// Takes any certificate of the outer connection. Nothing is said there that anybody may not hear: who the hub is, and who
/// we are, is settled inside, by the authority that was pinned at the join. So a network that opens TLS to look into it
/// can look, and finds TLS.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let schemes = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
