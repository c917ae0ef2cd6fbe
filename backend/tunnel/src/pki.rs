//! The hub's certificate authority and the certificates that it gives to agents. The authority signs for nobody else, so
//! its hash is all that an agent has to know of the hub, and a certificate of it all that the hub has to know of an agent.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hanse_types::ClusterId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType,
    SerialNumber,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::wire::{ALPN, HUB_NAME};

/// How long an agent's certificate is good for.
pub const LIFETIME: TimeDelta = TimeDelta::days(7);
const AUTHORITY_LIFETIME: TimeDelta = TimeDelta::days(3650);
/// Clocks may differ by this much.
const LENIENCE: TimeDelta = TimeDelta::minutes(5);
/// Beginning of the URI that names a cluster.
const CLUSTER_URI: &str = "hanse:/cluster/";

/// Why a key, certificate or request cannot be used.
#[derive(Debug, Error)]
pub enum PkiError {
    /// It cannot be made or read.
    #[error("{what}: {reason}")]
    Unusable {
        /// Which thing.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

fn unusable(what: &'static str) -> impl FnOnce(String) -> PkiError {
    move |reason| PkiError::Unusable { what, reason }
}

fn bad<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> PkiError {
    move |error| PkiError::Unusable { what, reason: error.to_string() }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn moment(at: DateTime<Utc>) -> Result<OffsetDateTime, PkiError> {
    OffsetDateTime::from_unix_timestamp(at.timestamp()).map_err(bad("the time"))
}

fn named(name: &str, now: DateTime<Utc>, lifetime: TimeDelta) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.not_before = moment(now - LENIENCE)?;
    params.not_after = moment(now + lifetime)?;
    params.serial_number = Some(SerialNumber::from_slice(Uuid::now_v7().as_bytes()));
    Ok(params)
}

/// SHA-256 of a certificate, as the join command pins it.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    hex::encode(Sha256::digest(certificate.as_ref()))
}

/// The first certificate of a PEM text.
///
/// # Errors
/// When there is none.
pub fn read_certificate(pem: &str) -> Result<CertificateDer<'static>, PkiError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(bad("the certificate cannot be read"))
}

/// The hub's certificate authority.
pub struct Authority {
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    key_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

/// A certificate that an agent was given.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub pem: String,
    /// Its serial number, in hexadecimal.
    pub serial: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl Authority {
    /// Makes an authority with a fresh key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn create(now: DateTime<Utc>) -> Result<Self, PkiError> {
        let what = "the authority cannot be made";
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(bad(what))?;
        let mut params = named("Hanse tunnel", now, AUTHORITY_LIFETIME)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let certificate = params.self_signed(&key).map_err(bad(what))?;
        Self::load(&certificate.pem(), &key.serialize_pem())
    }

    /// An authority that was made before.
    ///
    /// # Errors
    /// When certificate or key cannot be read.
    pub fn load(certificate_pem: &str, key_pem: &str) -> Result<Self, PkiError> {
        let certificate = read_certificate(certificate_pem)?;
        let key = KeyPair::from_pem(key_pem).map_err(bad("the authority's key cannot be read"))?;
        let issuer =
            Issuer::from_ca_cert_der(&certificate, key).map_err(bad("the authority cannot be read"))?;
        Ok(Self {
            certificate,
            certificate_pem: certificate_pem.to_owned(),
            key_pem: key_pem.to_owned(),
            issuer,
        })
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Its key: to be sealed.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// SHA-256 of its certificate.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// Gives an agent a certificate for a cluster. Of the request only the key is used: what else it asks for is ignored.
    ///
    /// # Errors
    /// When the request cannot be read, does not prove that it has the key, or the key is not P-256.
    pub fn sign(
        &self,
        csr_pem: &str,
        cluster: ClusterId,
        now: DateTime<Utc>,
        lifetime: TimeDelta,
    ) -> Result<Issued, PkiError> {
        let what = "the certificate request";
        let request = CertificateSigningRequestParams::from_pem(csr_pem).map_err(bad(what))?;
        if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
            return Err(unusable(what)("its key must be of P-256".to_owned()));
        }
        let mut params = named("hanse-agent", now, lifetime)?;
        let uri = format!("{CLUSTER_URI}{}", cluster.0).try_into().map_err(bad(what))?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&request.public_key, &self.issuer).map_err(bad(what))?;
        let identity = Identity::of(certificate.der())?;
        Ok(Issued { pem: certificate.pem(), serial: identity.serial, expires_at: identity.expires_at })
    }

    /// TLS of the hub's listener, with a certificate made for it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn listener(&self, now: DateTime<Utc>) -> Result<Arc<ServerConfig>, PkiError> {
        let what = "TLS of the tunnel's listener";
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(bad(what))?;
        let mut params = named("hanse-hub", now, AUTHORITY_LIFETIME - TimeDelta::days(1))?;
        params.subject_alt_names = vec![SanType::DnsName(HUB_NAME.try_into().map_err(bad(what))?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.issuer).map_err(bad(what))?;
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(bad(what))?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(bad(what))?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(bad(what))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der())
                    .map_err(|reason| unusable(what)(reason.to_owned()))?,
            )
            .map_err(bad(what))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // A session that is taken up again would skip the certificate.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

/// Who an agent is, by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster that it stands for.
    pub cluster: ClusterId,
    /// Serial number of its certificate, in hexadecimal.
    pub serial: String,
    /// Since when the certificate is good.
    pub issued_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

impl Identity {
    /// Reads it from a certificate, whose signature TLS has verified.
    ///
    /// # Errors
    /// When it names no cluster.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, PkiError> {
        let what = "the agent's certificate";
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(bad(what))?;
        let names = parsed.subject_alternative_name().map_err(bad(what))?;
        let cluster = names
            .iter()
            .flat_map(|names| &names.value.general_names)
            .find_map(|name| match name {
                GeneralName::URI(uri) => uri.strip_prefix(CLUSTER_URI),
                _ => None,
            })
            .and_then(|id| Uuid::parse_str(id).ok())
            .ok_or_else(|| unusable(what)("it names no cluster".to_owned()))?;
        let at = |time: x509_parser::time::ASN1Time| {
            DateTime::from_timestamp(time.timestamp(), 0)
                .ok_or_else(|| unusable(what)("its dates are out of range".to_owned()))
        };
        Ok(Self {
            cluster: ClusterId(cluster),
            serial: hex::encode(parsed.raw_serial()).trim_start_matches('0').to_owned(),
            issued_at: at(parsed.validity().not_before)?,
            expires_at: at(parsed.validity().not_after)?,
        })
    }

    /// When the certificate is to be renewed: at one third left.
    #[must_use]
    pub fn renew_at(&self) -> DateTime<Utc> {
        self.expires_at - (self.expires_at - self.issued_at) / 3
    }
}

/// An agent's key, and the request for a certificate of it.
#[derive(Clone)]
pub struct AgentKey {
    key_pem: String,
    csr_pem: String,
}

impl std::fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentKey").finish_non_exhaustive()
    }
}

impl AgentKey {
    /// A fresh key.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, PkiError> {
        let what = "a key cannot be made";
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(bad(what))?;
        let mut params = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, "hanse-agent");
        params.distinguished_name = subject;
        let request = params.serialize_request(&key).map_err(bad(what))?;
        Ok(Self { key_pem: key.serialize_pem(), csr_pem: request.pem().map_err(bad(what))? })
    }

    /// The key: never leaves the agent.
    #[must_use]
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// The request.
    #[must_use]
    pub fn csr_pem(&self) -> &str {
        &self.csr_pem
    }
}

/// TLS of an agent's dialer.
pub(crate) fn dialer(
    ca_pem: &str,
    certificate_pem: &str,
    key_pem: &str,
) -> Result<Arc<ClientConfig>, PkiError> {
    let what = "TLS of the agent";
    let mut roots = RootCertStore::empty();
    roots.add(read_certificate(ca_pem)?).map_err(bad(what))?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(bad("the agent's key"))?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(bad(what))?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![read_certificate(certificate_pem)?], key)
        .map_err(bad(what))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_says_which_cluster_it_is_for_whatever_was_asked() {
        let now = Utc::now();
        let authority = Authority::create(now).unwrap();
        let again = Authority::load(authority.certificate_pem(), authority.key_pem()).unwrap();
        assert_eq!(authority.fingerprint(), again.fingerprint());
        let key = AgentKey::generate().unwrap();
        let cluster = ClusterId::new();
        let issued = again.sign(key.csr_pem(), cluster, now, LIFETIME).unwrap();
        let identity = Identity::of(&read_certificate(&issued.pem).unwrap()).unwrap();
        assert_eq!((identity.cluster, &identity.serial), (cluster, &issued.serial));
        assert_eq!((identity.expires_at - now).num_hours(), 7 * 24 - 1, "to the second");
        assert!(identity.renew_at() > now + TimeDelta::days(4) && identity.renew_at() < identity.expires_at);
    }

    #[test]
    fn requests_that_prove_nothing_are_refused() {
        let authority = Authority::create(Utc::now()).unwrap();
        let csr = AgentKey::generate().unwrap().csr_pem().to_owned();
        let mut letters: Vec<char> = csr.chars().collect();
        let middle = letters.len() / 2;
        letters[middle] = if letters[middle] == 'A' { 'B' } else { 'A' };
        let broken: String = letters.into_iter().collect();
        for csr in ["", "x", &broken] {
            assert!(authority.sign(csr, ClusterId::new(), Utc::now(), LIFETIME).is_err());
        }
        let other = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let csr = CertificateParams::default().serialize_request(&other).unwrap().pem().unwrap();
        assert!(authority.sign(&csr, ClusterId::new(), Utc::now(), LIFETIME).is_err());
    }
}
