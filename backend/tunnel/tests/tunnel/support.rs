//! Both ends of the tunnel over loopback, with a plain HTTP origin behind the agent.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use futures::future::BoxFuture;
use hanse_tunnel::{
    Body, Hello, Registry, Settings,
    agent::{Credentials, Forwarder, Gate, Io, Keep, Link, Origin, handler},
    empty, full,
    hub::{Admission, Listener},
    pki::{AgentKey, Authority, Identity, LIFETIME},
};
use hanse_types::ClusterId;
use http::{Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

pub const SOON: Duration = Duration::from_secs(10);

pub async fn wait_for<T, F: Future<Output = Option<T>>>(
    deadline: Duration,
    what: &str,
    probe: impl Fn() -> F,
) -> T {
    let probe = || {
        let seen = probe();
        async { seen.await.ok_or("not yet") }
    };
    hanse_harness::wait_for(deadline, what, probe).await
}

/// What the origin counts.
#[derive(Default)]
pub struct Seen {
    pub open: AtomicUsize,
    pub requests: AtomicUsize,
}

pub struct Guard(Arc<Seen>);
impl Drop for Guard {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

pub async fn origin() -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Seen::default());
    let counted = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let seen = Arc::clone(&counted);
            let service = service_fn(move |request| {
                let seen = Arc::clone(&seen);
                async move { Ok::<_, io::Error>(answer(request, seen).await) }
            });
            tokio::spawn(async move {
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                serving.await.ok();
            });
        }
    });
    (address, seen)
}

pub async fn answer(mut request: Request<Incoming>, seen: Arc<Seen>) -> Response<Body> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/echo" => {
            let said = format!("{} {:?} ", request.method(), request.headers().get("x-asked"));
            let body = request.into_body().collect().await.unwrap().to_bytes();
            Response::new(full([said.as_bytes(), &body].concat()))
        }
        "/never" => {
            seen.open.fetch_add(1, Ordering::SeqCst);
            let _guard = Guard(seen);
            std::future::pending().await
        }
        "/endless" | "/breaks" => {
            seen.open.fetch_add(1, Ordering::SeqCst);
            let guard = Guard(seen);
            let (send, receive) = mpsc::channel(2);
            tokio::spawn(async move {
                let _guard = guard;
                let chunk = Bytes::from(vec![7_u8; 16 * 1024]);
                for count in 0.. {
                    if path == "/breaks" && count == 3 {
                        send.send(Err(io::Error::other("torn").into())).await.ok();
                        return;
                    }
                    let sent = tokio::time::timeout(
                        Duration::from_secs(600),
                        send.send(Ok::<_, hanse_tunnel::BoxError>(Frame::data(chunk.clone()))),
                    );
                    if !matches!(sent.await, Ok(Ok(()))) {
                        return;
                    }
                }
            });
            Response::new(StreamBody::new(ReceiverStream::new(receive)).boxed_unsync())
        }
        "/ticks" => {
            let (send, receive) = mpsc::channel(2);
            tokio::spawn(async move {
                for count in 0..5 {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let line =
                        Ok::<_, hanse_tunnel::BoxError>(Frame::data(Bytes::from(format!("{count}\n"))));
                    send.send(line).await.ok();
                }
            });
            Response::new(StreamBody::new(ReceiverStream::new(receive)).boxed_unsync())
        }
        "/exec" if request.headers().get(header::UPGRADE).is_some_and(|to| to == "SPDY/3.1") => {
            let upgraded = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgraded.await.unwrap());
                let mut bytes = [0_u8; 1000];
                loop {
                    let count = stream.read(&mut bytes).await.unwrap_or(0);
                    if count == 0 {
                        break;
                    }
                    bytes[..count].make_ascii_uppercase();
                    stream.write_all(&bytes[..count]).await.unwrap();
                }
                stream.write_all(b"bye").await.unwrap();
                stream.shutdown().await.unwrap();
            });
            Response::builder()
                .status(101)
                .header(header::CONNECTION, "Upgrade")
                .header(header::UPGRADE, "SPDY/3.1")
                .header("x-method", request.method().as_str())
                .body(empty())
                .unwrap()
        }
        _ => {
            let mut response = Response::new(full("nothing here"));
            *response.status_mut() = StatusCode::FORBIDDEN;
            response.headers_mut().insert("hanse-agent-error", "forged".parse().unwrap());
            response
        }
    }
}

pub struct Plain(pub SocketAddr, pub String);
impl Origin for Plain {
    fn open(&self) -> BoxFuture<'_, io::Result<Box<dyn Io>>> {
        Box::pin(async {
            let stream = TcpStream::connect(self.0).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
    fn host(&self) -> &str {
        &self.1
    }
}

pub struct Open;
impl Gate for Open {
    fn pass<'a>(&'a self, _: &'a mut Parts) -> BoxFuture<'a, Result<(), Box<Response<Body>>>> {
        Box::pin(async { Ok(()) })
    }
}

#[derive(Default)]
pub struct Kept(pub Mutex<Vec<Credentials>>);
impl Keep for Kept {
    fn keep<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Result<(), String>> {
        self.0.lock().unwrap().push(credentials.clone());
        Box::pin(async { Ok(()) })
    }
}

pub struct Rules {
    pub authority: Arc<Authority>,
    pub uid: Option<String>,
    pub revoked: Mutex<HashSet<String>>,
    pub lifetime: TimeDelta,
}

impl Admission for Rules {
    fn admit<'a>(&'a self, identity: &'a Identity, hello: &'a Hello) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async {
            if self.revoked.lock().unwrap().contains(&identity.serial) {
                return Err("its certificate was revoked".to_owned());
            }
            if self.uid.is_some() && self.uid != hello.system_uid {
                return Err("it stands for another cluster".to_owned());
            }
            Ok(())
        })
    }
    fn renew<'a>(&'a self, identity: &'a Identity, csr: &'a str) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async {
            let issued = self.authority.sign(csr, identity.cluster, Utc::now(), self.lifetime);
            issued.map(|issued| issued.pem).map_err(|error| error.to_string())
        })
    }
}

pub struct Hub {
    pub address: SocketAddr,
    pub registry: Registry,
    pub authority: Arc<Authority>,
    pub rules: Arc<Rules>,
    pub settings: Settings,
    pub stop: CancellationToken,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hub {
    pub async fn start(settings: Settings) -> Self {
        Self::start_with(settings, None, LIFETIME).await
    }

    pub async fn start_with(settings: Settings, uid: Option<&str>, lifetime: TimeDelta) -> Self {
        let authority = Arc::new(Authority::create(Utc::now()).unwrap());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let registry = Registry::new(settings.clone());
        let rules = Arc::new(Rules {
            authority: Arc::clone(&authority),
            uid: uid.map(ToOwned::to_owned),
            revoked: Mutex::default(),
            lifetime,
        });
        let stop = CancellationToken::new();
        let listener = Listener {
            socket,
            tls: authority.listener(Utc::now()).unwrap(),
            registry: registry.clone(),
            admission: Arc::clone(&rules) as Arc<dyn Admission>,
        };
        tokio::spawn(listener.run(stop.clone()));
        Self { address, registry, authority, rules, settings, stop }
    }

    pub fn credentials(&self, cluster: ClusterId) -> (Credentials, String) {
        let key = AgentKey::generate().unwrap();
        let issued = self.authority.sign(key.csr_pem(), cluster, Utc::now(), self.rules.lifetime).unwrap();
        let credentials = Credentials {
            ca: self.authority.certificate_pem().to_owned(),
            certificate: issued.pem,
            key: key.key_pem().to_owned(),
        };
        (credentials, issued.serial)
    }

    pub fn agent(&self, origin: SocketAddr, credentials: Credentials, instance: &str) -> Agent {
        self.agent_at(self.address, origin, credentials, instance)
    }

    pub fn agent_at(
        &self,
        hub: SocketAddr,
        origin: SocketAddr,
        credentials: Credentials,
        instance: &str,
    ) -> Agent {
        self.agent_with(hub, origin, credentials, instance, |_| {})
    }

    pub fn agent_with(
        &self,
        hub: SocketAddr,
        origin: SocketAddr,
        credentials: Credentials,
        instance: &str,
        change: impl FnOnce(&mut Link),
    ) -> Agent {
        let kept = Arc::new(Kept::default());
        let mut link = link(hub, origin, credentials, instance, Arc::clone(&kept));
        link.settings = self.settings.clone();
        change(&mut link);
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::new(link).run(stop.clone()));
        Agent { stop, running, kept }
    }

    /// What an agent says that gets nowhere.
    pub async fn tried(
        &self,
        hub: SocketAddr,
        origin: SocketAddr,
        credentials: Credentials,
        change: impl FnOnce(&mut Link),
    ) -> String {
        let mut link = link(hub, origin, credentials, "tried", Arc::default());
        link.settings = self.settings.clone();
        change(&mut link);
        link.reach().await.unwrap_err().to_string()
    }

    pub async fn connected(&self, cluster: ClusterId, tunnels: usize) {
        let mut presence = self.registry.presence(cluster);
        tokio::time::timeout(SOON, presence.wait_for(|presence| presence.tunnels == tunnels))
            .await
            .unwrap_or_else(|_| panic!("there are {:?}", self.registry.presence(cluster).borrow()))
            .unwrap();
    }
}

fn link(
    hub: SocketAddr,
    origin: SocketAddr,
    credentials: Credentials,
    instance: &str,
    kept: Arc<Kept>,
) -> Link {
    let forwarder = Forwarder::new(Arc::new(Plain(origin, origin.to_string())), Arc::new(Open));
    Link::new(
        hub.to_string(),
        instance.to_owned(),
        credentials,
        handler(move |request| {
            let forwarder = forwarder.clone();
            async move { forwarder.forward(request).await }
        }),
        Arc::new(|| Box::pin(async { Some("uid-1".to_owned()) })),
        kept as Arc<dyn Keep>,
    )
}

pub struct Agent {
    pub stop: CancellationToken,
    pub running: JoinHandle<()>,
    pub kept: Arc<Kept>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop.cancel();
        self.running.abort();
    }
}

pub fn quick() -> Settings {
    Settings {
        ping_every: Duration::from_millis(400),
        ping_deadline: Duration::from_millis(300),
        retry_from: Duration::from_millis(20),
        retry_to: Duration::from_millis(200),
        straighten: Duration::from_millis(300),
        ..Settings::default()
    }
}

pub fn get(path: &str) -> Request<Body> {
    Request::get(path).body(empty()).unwrap()
}

pub async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

pub async fn one() -> (Hub, Agent, ClusterId, Arc<Seen>) {
    let hub = Hub::start(quick()).await;
    let (address, seen) = origin().await;
    let cluster = ClusterId::new();
    let agent = hub.agent(address, hub.credentials(cluster).0, "a");
    hub.connected(cluster, 1).await;
    (hub, agent, cluster, seen)
}

pub async fn round_trips(hub: &Hub, cluster: ClusterId, count: usize) -> Duration {
    let mut took = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        text(hub.registry.send(cluster, get("/echo")).await.unwrap()).await;
        took.push(began.elapsed());
    }
    took.sort();
    took[count * 95 / 100]
}
