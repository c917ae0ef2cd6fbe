//! Configuration: one typed section per concern, from a TOML file, then `HANSE_<SECTION>__<KEY>` variables, then
//! command-line flags. Everything has a default that works: with no configuration at all the server keeps an
//! embedded database in its data folder and listens on loopback.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How the server is reached.
    pub server: Server,
    /// Where data lives.
    pub database: Database,
    /// Keys that seal secrets at rest.
    pub keys: Keys,
    /// Logging.
    pub log: Log,
    /// Member clusters.
    pub clusters: Clusters,
    /// Sessions and sign-in.
    pub identity: Identity,
    /// Passing requests on to members.
    pub gateway: Gateway,
    /// The Kubernetes-style API.
    pub hub: Hub,
    /// Where agents of clusters that cannot be dialled come.
    pub tunnel: Tunnel,
    /// Ports of clusters' own.
    pub ports: Ports,
}

/// `[tunnel]`: where agents of clusters that cannot be dialled come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tunnel {
    /// Address to listen on; absent = the port after the server's.
    pub listen: Option<SocketAddr>,
    /// `host:port` that agents dial; absent = the host of the public URL, or the address listened on.
    pub address: Option<String>,
    /// Image of the agent in manifests; absent = `hanse-agent` of this version.
    pub image: Option<String>,
}

/// `[ports]`: ports of clusters' own, at the address of the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ports {
    /// From which they are given, such as `16443-16542`; empty = none are.
    pub range: PortRange,
}

/// A range of ports, both ends included. Written `16443-16542`, `16443`, or as nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRange(Option<RangeInclusive<u16>>);

impl PortRange {
    /// The ports.
    #[must_use]
    pub fn ports(&self) -> Option<RangeInclusive<u16>> {
        self.0.clone()
    }
}

impl Default for PortRange {
    fn default() -> Self {
        // Beside the apiserver's own number, and below what machines give to outgoing connections.
        Self(Some(16443..=16542))
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(range) => write!(f, "{}-{}", range.start(), range.end()),
            None => Ok(()),
        }
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self(None));
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => Ok(Self(Some(first..=last))),
            _ => Err(format!("{text:?} is no range of ports: give two numbers such as 16443-16542")),
        }
    }
}

impl Serialize for PortRange {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// One port is a number in TOML and in a variable.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u16),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(port) => port.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `[server]`: how the server is reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// URL under which people reach the server, when it is not `http://<listen>`.
    pub public_url: Option<url::Url>,
    /// Certificate chain in PEM for TLS on the same port; absent = one of an authority of our own.
    pub tls_certificate: Option<PathBuf>,
    /// Its key in PEM.
    pub tls_key: Option<PathBuf>,
    /// Folder for the embedded database, keys and the lock.
    pub data_dir: PathBuf,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Longest time for one request other than live connections, in seconds.
    pub request_timeout_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            tls_certificate: None,
            tls_key: None,
            data_dir: default_data_dir(),
            max_body_bytes: 3 * 1024 * 1024,
            request_timeout_seconds: 60,
        }
    }
}

/// `[database]`: where data lives.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `postgres://…`; absent = SQLite in the data folder.
    pub url: Option<String>,
}

impl std::fmt::Debug for Database {
    // The URL may carry a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("url", &self.url.as_ref().map(|_| "(set)")).finish()
    }
}

/// `[keys]`: keys that seal secrets at rest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// File with one `id:base64-of-32-bytes` per line, the first being current; made when absent.
    pub file: Option<PathBuf>,
}

/// `[log]`: logging.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// Filter as of `RUST_LOG`.
    pub filter: String,
    /// One JSON object per line instead of text.
    pub json: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,kube=warn".to_owned(),
            json: false,
        }
    }
}

/// `[clusters]`: member clusters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clusters {
    /// Time between health probes, in seconds.
    pub probe_interval_seconds: u64,
    /// Deadline of one health probe, in seconds.
    pub probe_timeout_seconds: u64,
}

impl Default for Clusters {
    fn default() -> Self {
        Self { probe_interval_seconds: 5, probe_timeout_seconds: 3 }
    }
}

/// `[identity]`: sessions and sign-in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Hours until a browser session ends.
    pub session_hours: u64,
    /// Shortest password.
    pub password_min_length: usize,
}

impl Default for Identity {
    fn default() -> Self {
        Self { session_hours: 24 * 7, password_min_length: 8 }
    }
}

/// `[gateway]`: passing requests on to members.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Requests to one cluster at a time.
    pub requests_per_cluster: usize,
    /// Those of one person.
    pub requests_per_user: usize,
    /// Watches, logs, terminals and forwarded ports of one cluster at a time.
    pub streams_per_cluster: usize,
    /// Those of one person.
    pub streams_per_user: usize,
    /// Longest wait for the beginning of a member's answer, in seconds.
    pub answer_timeout_seconds: u64,
    /// Longest time that a caller may leave an answer unread, in seconds.
    pub unread_timeout_seconds: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            requests_per_cluster: 400,
            requests_per_user: 100,
            streams_per_cluster: 2000,
            streams_per_user: 200,
            answer_timeout_seconds: 60,
            unread_timeout_seconds: 60,
        }
    }
}

/// `[hub]`: the Kubernetes-style API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hub {
    /// Watches at a time.
    pub watches: usize,
    /// Those of one person.
    pub watches_per_user: usize,
    /// Domains of namespaces' labels and annotations with which clusters decide what may run in a namespace, or what is
    /// checked of it. Only who administers namespaces of all clusters may set, change or remove them.
    pub guarded_domains: Vec<String>,
}

impl Default for Hub {
    fn default() -> Self {
        let guarded = [
            "pod-security.kubernetes.io",
            "admission.gatekeeper.sh",
            "policies.kyverno.io",
            "cert-manager.io",
            "config.linkerd.io",
            "openshift.io",
            "security.openshift.io",
        ];
        Self {
            watches: 5000,
            watches_per_user: 500,
            guarded_domains: guarded.into_iter().map(ToOwned::to_owned).collect(),
        }
    }
}

fn default_data_dir() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    base.unwrap_or_else(|| PathBuf::from(".")).join("hanse")
}

impl Config {
    /// Reads the file (when given), then the environment, then `flags`.
    ///
    /// # Errors
    /// When the file cannot be read or a value does not fit; the error names the source and the key.
    pub fn load(file: Option<&std::path::Path>, flags: &Flags) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if let Some(path) = file {
            if !path.is_file() {
                return Err(ConfigError::Missing(path.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(path));
        }
        figment = figment.merge(Env::prefixed("HANSE_").split("__").filter(|key| key.as_str().contains('.')));
        let mut config: Self = figment.extract().map_err(|error| ConfigError::Value(Box::new(error)))?;
        if let Some(listen) = flags.listen {
            config.server.listen = listen;
        }
        if let Some(dir) = &flags.data_dir {
            config.server.data_dir.clone_from(dir);
        }
        if let Some(url) = &flags.database_url {
            config.database.url = Some(url.clone());
        }
        if let Some(url) = &flags.public_url {
            config.server.public_url = Some(url.clone());
        }
        Ok(config)
    }

    /// URL of the database: what is configured, or the embedded one in the data folder.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database.url.clone().unwrap_or_else(|| {
            format!("sqlite://{}?mode=rwc", self.server.data_dir.join("hanse.db").display())
        })
    }

    /// File of the sealing keys: what is configured, or `keys` in the data folder.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.keys.file.clone().unwrap_or_else(|| self.server.data_dir.join("keys"))
    }

    /// Longest time for one request.
    #[must_use]
    pub const fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.server.request_timeout_seconds)
    }
}

/// Flags of `hanse serve` that override the rest.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Folder for the embedded database, keys and the lock
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL instead of the embedded database: postgres://user:password@host/database
    #[arg(long, value_name = "URL", env = "HANSE_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// URL under which people reach the server, when it is not http://<listen>
    #[arg(long, value_name = "URL")]
    pub public_url: Option<url::Url>,
}

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The named file is not there.
    #[error("the configuration file {0} does not exist: check --config")]
    Missing(PathBuf),
    /// A value does not fit.
    #[error("the configuration is not valid: {0}")]
    Value(#[source] Box<figment::Error>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_need_no_file() {
        let config = Config::load(None, &Flags::default()).unwrap();
        assert_eq!(config.server.listen.port(), 8080);
        assert!(config.database_url().starts_with("sqlite://"));
    }

    #[test]
    fn an_error_names_file_and_key() {
        let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        std::fs::write(file.path(), "[server]\nlisten = \"here\"\n").unwrap();
        let error = Config::load(Some(file.path()), &Flags::default()).unwrap_err().to_string();
        assert!(error.contains("server.listen"), "{error}");
        assert!(error.contains(file.path().file_name().unwrap().to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
        std::fs::write(file.path(), "[server]\nlissten = \"127.0.0.1:1\"\n").unwrap();
        let error = Config::load(Some(file.path()), &Flags::default()).unwrap_err().to_string();
        assert!(error.contains("lissten"), "{error}");
    }

    #[test]
    fn the_example_file_holds_the_defaults() {
        let file = std::path::Path::new("../../deploy/hanse.toml");
        let read = Config::load(Some(file), &Flags::default()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), serde_json::to_value(Config::default()).unwrap());
    }

    #[test]
    fn a_range_of_ports_is_two_numbers_one_or_none() {
        let read = |text: &str| text.parse::<PortRange>().map(|range| range.ports());
        assert_eq!(read("16443-16542"), Ok(Some(16443..=16542)));
        assert_eq!(read(" 16443 "), Ok(Some(16443..=16443)));
        assert_eq!(read(""), Ok(None));
        for bad in ["0", "2-1", "1-70000", "a-b", "-", "1-2-3", "+"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_database_password_is_not_printed() {
        let database = Database { url: Some("postgres://u:geheim@h/d".to_owned()) };
        assert!(!format!("{database:?}").contains("geheim"));
    }
}
