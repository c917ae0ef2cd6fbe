//! Everything needed to reach one cluster, as it is sealed in the store.

use std::fmt;

use chrono::{DateTime, Utc};
use hanse_types::cluster::CredentialInfo;
use serde::{Deserialize, Serialize};
use url::Url;
use x509_parser::pem::parse_x509_pem;

/// Text that no log, message or `Debug` output shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself; only for what sends it to its cluster.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// How Hanse signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Credential {
    /// A bearer token.
    Token {
        /// The token.
        token: Secret,
    },
    /// A client certificate with its key.
    ClientCertificate {
        /// Chain, PEM.
        certificate: String,
        /// Key, PEM.
        key: Secret,
    },
    /// User name and password.
    Basic {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyScheme {
    /// CONNECT over plain HTTP.
    Http,
    /// CONNECT over TLS.
    Https,
    /// SOCKS 5, names resolved by the proxy.
    Socks5,
}

/// A proxy on the way to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proxy {
    /// What it speaks.
    pub scheme: ProxyScheme,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name and password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<(String, Secret)>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            ProxyScheme::Http => "http",
            ProxyScheme::Https => "https",
            ProxyScheme::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// Everything needed to reach one cluster. Serialised, it holds secrets in the clear: the store seals it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// URL of the apiserver, `https`, without a trailing slash.
    pub endpoint: Url,
    /// Certificates that may sign the server's certificate, PEM; the system's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ca: Option<String>,
    /// Name to verify instead of the endpoint's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// Whether the server's certificate is not verified.
    #[serde(default)]
    pub insecure: bool,
    /// Proxy on the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// How to sign in.
    pub credential: Credential,
}

impl Access {
    /// What people may know of the credential: its kind and, where it says so itself, its end.
    #[must_use]
    pub fn credential_info(&self) -> CredentialInfo {
        let (kind, expires_at) = match &self.credential {
            Credential::Token { token } => ("token", token_expiry(token.expose())),
            Credential::ClientCertificate { certificate, .. } => {
                ("client certificate", certificate_expiry(certificate))
            }
            Credential::Basic { .. } => ("basic", None),
        };
        CredentialInfo { kind: kind.to_owned(), expires_at }
    }

    /// Host and port of the apiserver.
    #[must_use]
    pub fn host_and_port(&self) -> (String, u16) {
        let host = self.endpoint.host_str().unwrap_or_default();
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        (host.to_owned(), self.endpoint.port_or_known_default().unwrap_or(443))
    }

    /// Name that the server's certificate must carry.
    #[must_use]
    pub fn verified_name(&self) -> String {
        self.tls_server_name.clone().unwrap_or_else(|| self.host_and_port().0)
    }
}

/// End of the first certificate of a PEM chain.
fn certificate_expiry(pem: &str) -> Option<DateTime<Utc>> {
    let (_, block) = parse_x509_pem(pem.as_bytes()).ok()?;
    let certificate = block.parse_x509().ok()?;
    DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
}

/// `exp` of a service-account token. Its signature is the member's business; the date only serves warnings.
fn token_expiry(token: &str) -> Option<DateTime<Utc>> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let payload = token.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    DateTime::from_timestamp(claims.exp, 0)
}
