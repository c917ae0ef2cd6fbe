//! Servers and proxies made to be wrong in one way each.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;

/// A server certificate and who signed it.
pub struct Identity {
    pub authority: String,
    config: Arc<rustls::ServerConfig>,
}

/// A certificate for these names, changed by `bend`.
pub fn identity(names: &[&str], bend: impl FnOnce(&mut CertificateParams)) -> Identity {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names
        .iter()
        .map(|name| match name.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName((*name).try_into().unwrap()),
        })
        .collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    bend(&mut params);
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    Identity { authority: authority_certificate.pem(), config: Arc::new(config) }
}

pub fn good_identity() -> Identity {
    identity(&["127.0.0.1"], |_| {})
}

/// What a fake server answers.
#[derive(Clone, Debug)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Canned {
    pub fn json(body: &Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: vec![("content-type", "text/html".to_owned())], body: body.to_owned() }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::builder().status(StatusCode::from_u16(self.status).unwrap());
        for (name, value) in &self.headers {
            response = response.header(*name, value);
        }
        response.body(Full::new(self.body.clone().into())).unwrap()
    }
}

/// An HTTPS server with answers by path.
pub struct Server {
    pub address: SocketAddr,
    pub authority: String,
    answers: Arc<Mutex<BTreeMap<String, Canned>>>,
    task: AbortHandle,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(identity: Identity, otherwise: Canned) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Arc::<Mutex<BTreeMap<String, Canned>>>::default();
        let acceptor = TlsAcceptor::from(identity.config);
        let known = Arc::clone(&answers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, known, otherwise) = (acceptor.clone(), Arc::clone(&known), otherwise.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request: Request<Incoming>| {
                        let answer = known.lock().unwrap().get(request.uri().path()).cloned();
                        let response = answer.unwrap_or_else(|| otherwise.clone()).response();
                        async move { Ok::<_, Infallible>(response) }
                    });
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, authority: identity.authority, answers, task: task.abort_handle() }
    }

    /// A server that passes for a Kubernetes of this version.
    pub async fn kubernetes(version: &str) -> Self {
        let missing = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound",
            "code": 404, "message": "configmaps \"hanse-identity\" not found",
            "details": {"name": "hanse-identity", "kind": "configmaps"}});
        let server = Self::start(good_identity(), Canned { status: 404, ..Canned::json(&missing) }).await;
        server.answer(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            Canned::json(&json!({
            "kind": "SelfSubjectReview", "status": {"userInfo": {"username": "me"}}})),
        );
        server.answer(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            Canned::json(&json!({
            "kind": "SelfSubjectAccessReview", "status": {"allowed": true}})),
        );
        server.answer("/version", Canned::json(&json!({"gitVersion": version})));
        server.answer("/readyz", Canned::text(200, "ok"));
        server.answer(
            "/api/v1/nodes",
            Canned::json(&json!({
            "kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": []})),
        );
        server.answer(
            "/api/v1/namespaces/kube-system",
            Canned::json(&json!({
            "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "fake-uid"}})),
        );
        server
    }

    pub fn answer(&self, path: &str, canned: Canned) {
        self.answers.lock().unwrap().insert(path.to_owned(), canned);
    }

    /// A kubeconfig with more fields in its cluster.
    pub fn kubeconfig_with(&self, more: Value) -> String {
        kubeconfig(&format!("https://{}", self.address), Some(&self.authority), more)
    }

    pub fn kubeconfig(&self) -> String {
        self.kubeconfig_with(json!({}))
    }
}

pub fn kubeconfig(server: &str, authority: Option<&str>, more: Value) -> String {
    let mut cluster = json!({"server": server});
    if let Some(pem) = authority {
        cluster["certificate-authority-data"] = json!(STANDARD.encode(pem));
    }
    if let Value::Object(more) = more {
        cluster.as_object_mut().unwrap().extend(more);
    }
    json!({
        "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "some-token"}}],
    })
    .to_string()
}

/// Adds a proxy to a kubeconfig in JSON or in the YAML of the test bed.
pub fn through(text: &str, proxy: &str) -> String {
    let mut tree: Value = serde_saphyr::from_str(text).unwrap();
    tree["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
    tree.to_string()
}

/// Something that listens and does one thing with each connection.
pub struct Listener {
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen<F, Fut>(with: F) -> Listener
where
    F: Fn(TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(with(stream));
        }
    });
    Listener { address, task: task.abort_handle() }
}

/// Plain HTTP, whatever comes.
pub async fn plain_http() -> Listener {
    listen(|mut stream| async move {
        let mut buffer = [0; 1024];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await
}

/// Closes every connection at once.
pub async fn closing() -> Listener {
    listen(|stream| async move { drop(stream) }).await
}

/// An HTTP proxy. With `login`, only for who brings it; with `refuse`, for nobody.
pub async fn http_proxy(login: Option<&str>, refuse: bool) -> Listener {
    let login = login.map(|login| format!("Proxy-Authorization: Basic {}", STANDARD.encode(login)));
    listen(move |stream| connect(stream, login.clone(), refuse)).await
}

/// An HTTP proxy behind TLS.
pub async fn https_proxy(identity: Identity) -> Listener {
    let acceptor = TlsAcceptor::from(identity.config);
    listen(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                connect(stream, None, false).await;
            }
        }
    })
    .await
}

async fn connect<S>(mut stream: S, login: Option<String>, refuse: bool)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = if refuse {
        Err("403 Forbidden")
    } else if login.is_some_and(|login| !head.contains(&login)) {
        Err("407 Proxy Authentication Required")
    } else {
        TcpStream::connect(&target).await.map_err(|_| "502 Bad Gateway")
    };
    match answer {
        Ok(mut upstream) => {
            let _ = stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await;
            let _ = copy_bidirectional(&mut stream, &mut upstream).await;
        }
        Err(status) => {
            let _ =
                stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes()).await;
        }
    }
}

/// A SOCKS 5 proxy without login.
pub async fn socks5() -> Listener {
    listen(|mut stream| async move {
        let _ = serve_socks(&mut stream).await;
    })
    .await
}

async fn serve_socks(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut greeting = [0; 2];
    stream.read_exact(&mut greeting).await?;
    let mut methods = vec![0; greeting[1].into()];
    stream.read_exact(&mut methods).await?;
    stream.write_all(&[5, 0]).await?;
    let mut request = [0; 4];
    stream.read_exact(&mut request).await?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            stream.read_exact(&mut address).await?;
            std::net::Ipv4Addr::from(address).to_string()
        }
        3 => {
            let mut name = vec![0; stream.read_u8().await?.into()];
            stream.read_exact(&mut name).await?;
            String::from_utf8_lossy(&name).into_owned()
        }
        _ => return Ok(()),
    };
    let port = stream.read_u16().await?;
    match TcpStream::connect((host.as_str(), port)).await {
        Ok(mut upstream) => {
            stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
            copy_bidirectional(stream, &mut upstream).await?;
        }
        // Connection refused.
        Err(_) => stream.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]).await?,
    }
    Ok(())
}
