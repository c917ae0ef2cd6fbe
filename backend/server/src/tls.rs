//! The server's own certificate. Kubernetes' clients send no token over plain HTTP, so the one port speaks TLS, too: with
//! the certificate of the configuration, or with one of an authority that is made at the first start and kept in the
//! data folder, so that a kubeconfig can pin it.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use chrono::{DateTime, Datelike as _, Days, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
};

use crate::config::Config;

const CA_FILE: &str = "tls-ca.pem";
const KEY_FILE: &str = "tls-ca.key";
/// Days that a certificate of our own authority is good for; a new one is made at each start.
const DAYS: u64 = 397;

/// How TLS is spoken, and what clients have to trust.
#[derive(Clone, Debug)]
pub struct Tls {
    /// For the listener.
    pub config: Arc<ServerConfig>,
    /// The authority in PEM, where it is our own; none where the configuration names a certificate.
    pub authority: Option<String>,
}

impl Tls {
    /// Reads or makes what is needed.
    ///
    /// # Errors
    /// When a file cannot be read or written, or holds no certificate.
    pub fn open(config: &Config, address: SocketAddr, now: DateTime<Utc>) -> anyhow::Result<Self> {
        let server = &config.server;
        let (chain, key, authority) = match (&server.tls_certificate, &server.tls_key) {
            (Some(certificate), Some(key)) => {
                let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect)
                    .with_context(|| format!("server.tls_certificate: {}", certificate.display()))?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .with_context(|| format!("server.tls_key: {}", key.display()))?;
                (chain, key, None)
            }
            (None, None) => {
                let (chain, key, authority) = own(config, address, now)?;
                (chain, key, Some(authority))
            }
            _ => {
                anyhow::bail!("server.tls_certificate and server.tls_key belong together: name both or none")
            }
        };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the server's certificate and key cannot be used")?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(tls), authority })
    }
}

type Made = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String);

/// A certificate of our own authority, which is made when it is not there yet.
fn own(config: &Config, address: SocketAddr, now: DateTime<Utc>) -> anyhow::Result<Made> {
    let folder = &config.server.data_dir;
    let (ca_file, key_file) = (folder.join(CA_FILE), folder.join(KEY_FILE));
    let ca_key = if key_file.exists() {
        KeyPair::from_pem(&std::fs::read_to_string(&key_file)?)
            .with_context(|| format!("{} holds no key: remove it to have one made", key_file.display()))?
    } else {
        let key = KeyPair::generate()?;
        private(&key_file, &key.serialize_pem())?;
        std::fs::write(&ca_file, authority()?.self_signed(&key)?.pem())?;
        key
    };
    let authority_pem = std::fs::read_to_string(&ca_file)
        .with_context(|| format!("{}: remove {} as well to have both made", ca_file.display(), KEY_FILE))?;
    let issuer = Issuer::new(authority()?, ca_key);

    let mut params = CertificateParams::default();
    params.distinguished_name = named("hanse");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = day(now - Days::new(1));
    params.not_after = day(now + Days::new(DAYS));
    let mut names = vec![SanType::DnsName("localhost".try_into()?)];
    let mut addresses =
        vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]), address.ip()];
    match config.server.public_url.as_ref().and_then(url::Url::host) {
        Some(url::Host::Domain(name)) => names.push(SanType::DnsName(name.to_owned().try_into()?)),
        Some(url::Host::Ipv4(ip)) => addresses.push(ip.into()),
        Some(url::Host::Ipv6(ip)) => addresses.push(ip.into()),
        None => {}
    }
    addresses.sort_unstable();
    addresses.dedup();
    names.extend(addresses.into_iter().map(SanType::IpAddress));
    params.subject_alt_names = names;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((vec![certificate.der().clone()], key, authority_pem))
}

fn authority() -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named("Hanse local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut out = DistinguishedName::new();
    out.push(DnType::CommonName, name);
    out
}

fn day(at: DateTime<Utc>) -> time::OffsetDateTime {
    let month = u8::try_from(at.month()).unwrap_or(1);
    rcgen::date_time_ymd(at.year(), month, u8::try_from(at.day()).unwrap_or(1))
}

/// Writes a file that only its owner can read.
fn private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
