//! TLS towards members: which certificates are trusted, who we are, and what exactly was wrong when it fails. One
//! provider (aws-lc-rs) is named everywhere, so that no process-wide default decides.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
    sign::{CertifiedKey, SingleCertAndKey},
};

use super::{Stage, TransportError};
use crate::kubeconfig::{Access, Credential};

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// A certificate chain with its key. The error is a sentence about the pair, for the field that holds the key.
pub(crate) fn identity(certificate: &str, key: &str) -> Result<CertifiedKey, String> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("the client certificate cannot be read: {error}"))?;
    let key =
        PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| "is not a PEM private key".to_owned())?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        Error::InconsistentKeys(_) => "is not the key of the client certificate".to_owned(),
        _ => "is a key of a kind that is not supported".to_owned(),
    })
}

/// Certificates that may sign the server's: those given, or the system's own.
fn roots(pem: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate =
                    certificate.map_err(|error| format!("the certificate authority: {error}"))?;
                roots.add(certificate).map_err(|error| format!("the certificate authority: {error}"))?;
            }
        }
        None => {
            // Single unreadable files of the system's store must not make the others useless.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err("the kubeconfig gives no certificate authority and this machine trusts none".to_owned());
    }
    Ok(roots)
}

/// Checks of the server's certificate for a cluster.
fn verifier(pem: Option<&str>, insecure: bool) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if insecure {
        return Ok(Arc::new(Unverified(provider())));
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(pem)?), provider())
        .build()
        .map_err(|error| format!("the certificate authority: {error}"))?;
    Ok(verifier)
}

/// TLS for a cluster's apiserver. With `record`, the chain that the server shows is kept there.
pub(crate) fn for_cluster(
    access: &Access,
    protocols: &[&[u8]],
    record: Option<Arc<Recording>>,
) -> Result<ClientConfig, String> {
    let mut checks = verifier(access.server_ca.as_deref(), access.insecure)?;
    if let Some(recording) = record {
        checks = Arc::new(Recorder { inner: checks, recording });
    }
    let client = match &access.credential {
        Credential::ClientCertificate { certificate, key } => Some(identity(certificate, key.expose())?),
        Credential::Token { .. } | Credential::Basic { .. } => None,
    };
    config(checks, client, protocols)
}

/// TLS for an `https` proxy: trusted through the cluster's authority or the system's, and never shown who we are.
pub(crate) fn for_proxy(access: &Access) -> Result<ClientConfig, String> {
    let system = verifier(None, access.insecure);
    let checks = match (&access.server_ca, system) {
        (Some(pem), Ok(system)) => Arc::new(Either(verifier(Some(pem), access.insecure)?, system)),
        (Some(pem), Err(_)) => verifier(Some(pem), access.insecure)?,
        (None, system) => system?,
    };
    config(checks, None, &[b"http/1.1"])
}

fn config(
    checks: Arc<dyn ServerCertVerifier>,
    client: Option<CertifiedKey>,
    protocols: &[&[u8]],
) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(checks);
    let mut config = match client {
        Some(client) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(client))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// The name to verify, as TLS wants it.
pub(crate) fn server_name(name: &str) -> Result<ServerName<'static>, TransportError> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        TransportError::new(
            Stage::Tls,
            format!("{name:?} is neither a host name nor an address"),
            "Set tls-server-name to a name that the server's certificate carries.",
        )
    })
}

/// What a failed handshake means for people.
pub(crate) fn explain(error: &std::io::Error, server: &str) -> TransportError {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) else {
        let message = match error.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => {
                format!("{server} closed the connection during the TLS handshake")
            }
            _ => format!("the TLS handshake with {server} failed: {error}"),
        };
        let fix =
            "Check that the URL is that of a Kubernetes API server and that nothing in between cuts TLS.";
        return TransportError::new(Stage::Tls, message, fix);
    };
    let day = |time: &UnixTime| {
        i64::try_from(time.as_secs())
            .ok()
            .and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0))
            .map_or_else(|| "an unknown day".to_owned(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string())
    };
    let renew = "Renew the API server's certificate in the cluster.";
    let (message, fix) = match tls {
        Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            (format!("the certificate of {server} expired on {}", day(not_after)), renew)
        }
        Error::InvalidCertificate(CertificateError::Expired) => {
            (format!("the certificate of {server} has expired"), renew)
        }
        Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => (
            format!("the certificate of {server} is valid only from {}", day(not_before)),
            "Check the clock of this machine and of the one that issued the certificate.",
        ),
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }) => (
            format!(
                "the certificate of {server} is for {}, not for {}",
                if presented.is_empty() { "no name at all".to_owned() } else { names(presented) },
                expected.to_str()
            ),
            "Use one of these names in the URL, or set tls-server-name to one of them.",
        ),
        Error::InvalidCertificate(CertificateError::NotValidForName) => (
            format!("the certificate of {server} is for another name"),
            "Use a name of the certificate in the URL, or set tls-server-name to it.",
        ),
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => (
            format!("the certificate of {server} is not signed by the kubeconfig's certificate authority"),
            "Put the authority that signed the server's certificate in certificate-authority-data; take a fresh \
             kubeconfig if the cluster was installed anew. Something in between may also be intercepting TLS.",
        ),
        Error::InvalidCertificate(other) => (
            format!("the certificate of {server} is not acceptable: {other}"),
            "Have the cluster issue its API server a certificate for server authentication.",
        ),
        Error::InvalidMessage(_) => (
            format!("{server} does not speak TLS"),
            "Check the port: this may be a plain HTTP port, or another service.",
        ),
        Error::AlertReceived(alert) => (
            format!("{server} refused the TLS handshake ({alert:?})"),
            "If the server demands a client certificate, give one that it trusts and that is in date.",
        ),
        Error::PeerIncompatible(why) => (
            format!("{server} speaks no version of TLS that is safe to use ({why:?})"),
            "Let the API server offer TLS 1.2 or newer.",
        ),
        other => (
            format!("the TLS handshake with {server} failed: {other}"),
            "Check that the URL is that of a Kubernetes API server.",
        ),
    };
    TransportError::new(Stage::Tls, message, fix)
}

/// `DnsName("a")` is how names come from the verifier; people want the names alone, and not hundreds of them.
fn names(presented: &[String]) -> String {
    let bare = |name: &String| {
        name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name).replace('"', "")
    };
    let mut names: Vec<String> = presented.iter().take(6).map(bare).collect();
    if presented.len() > names.len() {
        names.push(format!("{} more", presented.len() - names.len()));
    }
    names.join(", ")
}

/// The chain that a server showed, whether or not it was trusted.
#[derive(Debug, Default)]
pub(crate) struct Recording(Mutex<Vec<CertificateDer<'static>>>);

impl Recording {
    /// The chain, the server's own certificate first.
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Passes every check on and keeps what it was shown.
#[derive(Debug)]
struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    recording: Arc<Recording>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        *self.recording.0.lock().unwrap_or_else(PoisonError::into_inner) =
            chain.take(8).map(|certificate| certificate.clone().into_owned()).collect();
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Trusts what either of two would.
#[derive(Debug)]
struct Either(Arc<dyn ServerCertVerifier>, Arc<dyn ServerCertVerifier>);

impl ServerCertVerifier for Either {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).or_else(|_| {
            self.1.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// `insecure-skip-tls-verify`: any certificate will do, but whoever shows it must hold its key.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
