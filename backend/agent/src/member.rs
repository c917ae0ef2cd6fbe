//! The member's apiserver as the agent reaches it: from a pod by the mounted ServiceAccount, elsewhere by a kubeconfig.
//! The credential is read for each request, so that a rotated token is used at once.

use std::{fmt, io, path::PathBuf, sync::Arc};

use anyhow::{Context as _, anyhow, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use hanse_tunnel::{
    agent::{Io, Origin},
    empty,
};
use http::{HeaderValue, Request, header};
use http_body_util::BodyExt as _;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// More than any answer that the agent itself asks for.
const LONGEST: usize = 1024 * 1024;

#[derive(Clone)]
enum Token {
    None,
    Fixed(String),
    File(PathBuf),
}

/// The apiserver and how to sign in.
#[derive(Clone)]
pub struct Member {
    address: String,
    host: String,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    token: Token,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("address", &self.address).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kubeconfig {
    #[serde(default)]
    current_context: String,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    tls_server_name: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: User,
}

#[derive(Deserialize)]
struct User {
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    #[serde(rename = "client-certificate")]
    client_certificate: Option<PathBuf>,
    #[serde(rename = "client-certificate-data")]
    client_certificate_data: Option<String>,
    #[serde(rename = "client-key")]
    client_key: Option<PathBuf>,
    #[serde(rename = "client-key-data")]
    client_key_data: Option<String>,
}

/// What a kubeconfig gives inline or as a file.
fn given(data: Option<&String>, file: Option<&PathBuf>, what: &str) -> anyhow::Result<Option<Vec<u8>>> {
    match (data, file) {
        (Some(data), _) => Ok(Some(
            STANDARD.decode(data.trim()).with_context(|| format!("the kubeconfig's {what} is not base64"))?,
        )),
        (None, Some(file)) => {
            Ok(Some(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?))
        }
        (None, None) => Ok(None),
    }
}

fn tls(ca: Option<&[u8]>, identity: Option<(Vec<u8>, Vec<u8>)>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate.context("the apiserver's certificate authority")?)?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    ensure!(!roots.is_empty(), "no certificate authority is known for the apiserver");
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(&certificate)
                .collect::<Result<Vec<_>, _>>()
                .context("the client certificate")?;
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(&key)?)?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Member {
    /// The cluster of this pod.
    ///
    /// # Errors
    /// When this is no pod, or its ServiceAccount is not mounted.
    pub fn of_this_pod() -> anyhow::Result<Self> {
        let variable = |name: &str| {
            std::env::var(name)
                .map_err(|_| anyhow!("this is no pod ({name} is not set): give --kubeconfig FILE"))
        };
        let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
        let folder = PathBuf::from(SERVICE_ACCOUNT);
        let ca = std::fs::read(folder.join("ca.crt"))
            .context("the pod's ServiceAccount is not mounted: set automountServiceAccountToken")?;
        let server = if host.contains(':') {
            format!("https://[{host}]:{port}")
        } else {
            format!("https://{host}:{port}")
        };
        Self::new(&server, None, tls(Some(&ca), None)?, Token::File(folder.join("token")))
    }

    /// The cluster of a kubeconfig's text.
    ///
    /// # Errors
    /// When something needed is missing or cannot be used.
    pub fn of_kubeconfig(text: &str, context: Option<&str>) -> anyhow::Result<Self> {
        let config: Kubeconfig = serde_saphyr::from_str(text).context("the kubeconfig")?;
        let wanted = context.unwrap_or(&config.current_context);
        let context = match config.contexts.iter().find(|context| context.name == wanted) {
            Some(context) => &context.context,
            None => match config.contexts.as_slice() {
                [only] if wanted.is_empty() => &only.context,
                _ => bail!("the kubeconfig has no context {wanted:?}: choose one with --context"),
            },
        };
        let cluster = config.clusters.iter().find(|cluster| cluster.name == context.cluster);
        let cluster =
            &cluster.with_context(|| format!("the kubeconfig has no cluster {:?}", context.cluster))?.cluster;
        let user = config.users.iter().find(|user| user.name == context.user);
        let user = &user.with_context(|| format!("the kubeconfig has no user {:?}", context.user))?.user;
        let ca = given(
            cluster.certificate_authority_data.as_ref(),
            cluster.certificate_authority.as_ref(),
            "certificate authority",
        )?;
        let certificate = given(
            user.client_certificate_data.as_ref(),
            user.client_certificate.as_ref(),
            "client certificate",
        )?;
        let key = given(user.client_key_data.as_ref(), user.client_key.as_ref(), "client key")?;
        let token = match (&user.token, &user.token_file) {
            (Some(token), _) => Token::Fixed(token.trim().to_owned()),
            (None, Some(file)) => Token::File(file.clone()),
            (None, None) => Token::None,
        };
        let identity = certificate.zip(key);
        ensure!(
            identity.is_some() || !matches!(token, Token::None),
            "the kubeconfig's user has neither a token nor a client certificate: exec plugins are not run here"
        );
        Self::new(&cluster.server, cluster.tls_server_name.as_deref(), tls(ca.as_deref(), identity)?, token)
    }

    fn new(server: &str, name: Option<&str>, tls: Arc<ClientConfig>, token: Token) -> anyhow::Result<Self> {
        let url = Url::parse(server).with_context(|| format!("{server:?} is no URL"))?;
        ensure!(url.scheme() == "https", "{server} is not an https URL: an apiserver is reached by TLS only");
        ensure!(url.path() == "/", "{server} has a path: the agent speaks to an apiserver itself");
        let host = url.host_str().with_context(|| format!("{server} names no host"))?;
        let port = url.port_or_known_default().unwrap_or(443);
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            address: format!("{host}:{port}"),
            host: format!("{host}:{port}"),
            name: ServerName::try_from(name.unwrap_or(plain).to_owned())?,
            tls,
            token,
        })
    }

    /// The credential of now, for a request.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub async fn authorization(&self) -> anyhow::Result<Option<HeaderValue>> {
        let token = match &self.token {
            Token::None => return Ok(None),
            Token::Fixed(token) => token.clone(),
            Token::File(file) => tokio::fs::read_to_string(file)
                .await
                .with_context(|| format!("cannot read the token {}", file.display()))?,
        };
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .context("the token holds characters that a request cannot carry")?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Asks the apiserver something of the agent's own. Answers status and body.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn ask(
        &self,
        forwarder: &hanse_tunnel::agent::Forwarder,
        method: http::Method,
        path: &str,
        body: Option<serde_json::Value>,
    ) -> anyhow::Result<(http::StatusCode, serde_json::Value)> {
        let mut request =
            Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
        if let Some(value) = self.authorization().await? {
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(hanse_tunnel::full(body.to_string()))?,
            None => request.body(empty())?,
        };
        let answer = tokio::time::timeout(std::time::Duration::from_secs(10), forwarder.call(request));
        let answer = answer
            .await
            .with_context(|| format!("the apiserver {} does not answer in time", self.address))?
            .map_err(|error| anyhow!("the apiserver {} cannot be asked: {error}", self.address))?;
        let (head, mut body) = answer.into_parts();
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| anyhow!("the apiserver's answer broke off: {error}"))?;
            bytes.extend_from_slice(frame.data_ref().map_or(&[], |bytes| bytes.as_ref()));
            ensure!(bytes.len() <= LONGEST, "the apiserver's answer is too long");
        }
        Ok((head.status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// Uid of the namespace `kube-system`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn system_uid(&self, forwarder: &hanse_tunnel::agent::Forwarder) -> anyhow::Result<String> {
        let path = "/api/v1/namespaces/kube-system";
        let (status, body) = self.ask(forwarder, http::Method::GET, path, None).await?;
        let said = body.pointer("/message").and_then(|value| value.as_str()).unwrap_or_default();
        ensure!(
            status.is_success(),
            "the apiserver does not let the agent read the namespace kube-system (HTTP {}: {said}): apply the manifest's roles",
            status.as_u16()
        );
        let uid = body.pointer("/metadata/uid").and_then(|value| value.as_str());
        Ok(uid
            .context("what answers is not a Kubernetes API: the namespace kube-system has no uid")?
            .to_owned())
    }
}

impl Origin for Member {
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(self.name.clone(), stream).await?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }

    fn host(&self) -> &str {
        &self.host
    }
}
