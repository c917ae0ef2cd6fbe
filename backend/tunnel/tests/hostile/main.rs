//! Members that mean ill: they have a certificate, and speak HTTP/2 as they like. Each is cut, soon and with a reason,
//! memory stays bounded, and other clusters notice nothing.
//!
//! A program of its own: what the process holds is measured here, so no other test may run beside those that measure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that finds something else has failed"
)]

#[path = "../tunnel/support.rs"]
#[allow(dead_code, reason = "shared with the other tests of the tunnel")]
mod support;

use std::time::{Duration, Instant};

use hanse_tunnel::Settings;
use hanse_types::ClusterId;
use http_body_util::BodyExt as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{PrivateKeyDer, ServerName, pem::PemObject as _},
};
use std::sync::Arc;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use support::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200`, of the static table.
const OK: &[u8] = &[0x88];
/// `:status: 103`, literal, with the name of the static table.
const EARLY_HINTS: &[u8] = &[0x08, 3, b'1', b'0', b'3'];
/// A GET of / over https from nobody.
const GET: &[u8] = &[0x82, 0x87, 0x84, 0x41, 1, b'x'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![size[1], size[2], size[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A member that has introduced itself properly and does as it likes from then on.
struct Rogue {
    writing: WriteHalf<TlsStream<TcpStream>>,
    reading: Option<ReadHalf<TlsStream<TcpStream>>>,
    cluster: ClusterId,
}

impl Rogue {
    async fn come(hub: &Hub) -> Self {
        let cluster = ClusterId::new();
        let (credentials, _) = hub.credentials(cluster);
        let mut roots = RootCertStore::empty();
        roots.add(hanse_tunnel::pki::read_certificate(&credentials.ca).unwrap()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(credentials.key.as_bytes()).unwrap();
        let certificate = hanse_tunnel::pki::read_certificate(&credentials.certificate).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        tls.alpn_protocols = vec![b"hanse-tunnel/1".to_vec()];
        let stream = TcpStream::connect(hub.address).await.unwrap();
        let name = ServerName::try_from("hub.hanse.internal").unwrap();
        let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.unwrap();
        let (reading, writing) = tokio::io::split(stream);
        let mut rogue = Self { writing, reading: Some(reading), cluster };
        let mut preface = [0; 24];
        rogue.reading.as_mut().unwrap().read_exact(&mut preface).await.unwrap();
        assert!(preface.starts_with(b"PRI * HTTP/2.0"));
        // Plenty of streams for the hub, and room for what it sends.
        rogue.send(&frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0xff, 0xff])).await;
        let asked = rogue.asked().await;
        let hello = format!(r#"{{"instance":"{cluster}","systemUid":"uid-1"}}"#);
        rogue.send(&frame(HEADERS, END_HEADERS, asked, OK)).await;
        rogue.send(&frame(DATA, END_STREAM, asked, hello.as_bytes())).await;
        hub.connected(cluster, 1).await;
        rogue
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.writing.write_all(bytes).await.unwrap();
        self.writing.flush().await.unwrap();
    }

    /// Reads until the hub has opened a stream; gives its number.
    async fn asked(&mut self) -> u32 {
        loop {
            let mut head = [0_u8; 9];
            let reading = self.reading.as_mut().unwrap();
            tokio::time::timeout(SOON, reading.read_exact(&mut head)).await.unwrap().unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let mut payload = vec![0; length];
            reading.read_exact(&mut payload).await.unwrap();
            match (head[3], head[4]) {
                (HEADERS, _) => return u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
                (SETTINGS, 0) => self.send(&frame(SETTINGS, 1, 0, &[])).await,
                (PING, 0) => self.send(&frame(PING, 1, 0, &payload)).await,
                _ => {}
            }
        }
    }

    /// From now on all that the hub says is read and thrown away, so that the hub is never held up by us.
    fn listen(&mut self) -> JoinHandle<u64> {
        let mut reading = self.reading.take().unwrap();
        tokio::spawn(async move { tokio::io::copy(&mut reading, &mut tokio::io::sink()).await.unwrap_or(0) })
    }
}

/// Held by each test from its beginning to its end: one at a time, since they measure the whole process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

async fn why_lost(hub: &Hub, cluster: ClusterId) -> String {
    hub.connected(cluster, 0).await;
    hub.registry.presence(cluster).borrow().lost.clone().unwrap().1
}

/// A good cluster beside the bad one, and how long its requests take.
async fn good(hub: &Hub) -> (Agent, ClusterId) {
    let (address, _) = origin().await;
    let cluster = ClusterId::new();
    let agent = hub.agent(address, hub.credentials(cluster).0, "good");
    hub.connected(cluster, 1).await;
    (agent, cluster)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_can_open_nothing_towards_the_hub() {
    let _alone = ALONE.lock().await;
    let hub = Hub::start(quick()).await;
    let (_agent, neighbour) = good(&hub).await;
    let promise = [&2_u32.to_be_bytes()[..], GET].concat();
    for (what, hostile) in [
        ("a stream of its own", frame(HEADERS, END_HEADERS | END_STREAM, 2, GET)),
        ("a stream with the hub's next number", frame(HEADERS, END_HEADERS, 7, GET)),
        ("data for a stream that is none", frame(DATA, 0, 99, b"x")),
        ("a promise on a request", frame(PUSH_PROMISE, END_HEADERS, 3, &promise)),
    ] {
        let mut rogue = Rogue::come(&hub).await;
        let registry = hub.registry.clone();
        let cluster = rogue.cluster;
        let waiting = tokio::spawn(async move { registry.send(cluster, get("/echo")).await.map(drop) });
        let stream = rogue.asked().await;
        assert_eq!(stream, 3, "{what}");
        rogue.send(&hostile).await;
        let why = why_lost(&hub, cluster).await;
        assert!(waiting.await.unwrap().is_err(), "{what}: the request ends with an error");
        assert!(why.contains("PROTOCOL_ERROR") || why.contains("protocol"), "{what}: {why}");
    }
    assert_eq!(text(hub.registry.send(neighbour, get("/echo")).await.unwrap()).await, "GET None ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_ends_the_tunnel_and_nothing_else() {
    let _alone = ALONE.lock().await;
    let hub = Hub::start(quick()).await;
    let (_agent, neighbour) = good(&hub).await;
    let seed =
        std::env::var("HANSE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..20 {
        let mut rogue = Rogue::come(&hub).await;
        let cluster = rogue.cluster;
        rogue.listen();
        // Random heads with random payloads: some are frames, most are nonsense.
        let garbage: Vec<u8> = (0..60_000).map(|_| random.random()).collect();
        drop(rogue.writing.write_all(&garbage).await);
        drop(rogue.writing.flush().await);
        // A head may announce more than was sent: the silence after it is found by PING.
        let why = why_lost(&hub, cluster).await;
        assert!(!why.is_empty(), "seed {seed}, round {round}");
        assert_eq!(hub.registry.send(neighbour, get("/echo")).await.unwrap().status(), 200, "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_floods_is_cut_and_others_stay_fast() {
    let _alone = ALONE.lock().await;
    let hub = Hub::start(Settings::default()).await;
    let (_agent, neighbour) = good(&hub).await;
    let alone = round_trips(&hub, neighbour, 100).await;
    let before = resident();
    for (what, flood) in [
        ("SETTINGS", frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0])),
        ("PING", frame(PING, 0, 0, &[0; 8])),
        ("PING answers that nobody asked for", frame(PING, 1, 0, &[7; 8])),
        ("PRIORITY", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("frames of no kind", frame(0x77, 0, 0, &[1, 2, 3])),
        ("RST_STREAM", frame(RST_STREAM, 0, 1, &[0, 0, 0, 8])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 3, &[0, 0, 0, 1])),
        ("hints before an answer", frame(HEADERS, END_HEADERS, 3, EARLY_HINTS)),
        ("empty DATA", frame(DATA, 0, 3, &[])),
    ] {
        let mut rogue = Rogue::come(&hub).await;
        let cluster = rogue.cluster;
        let registry = hub.registry.clone();
        let waiting = tokio::spawn(async move { registry.send(cluster, get("/echo")).await.map(drop) });
        assert_eq!(rogue.asked().await, 3);
        rogue.listen();
        if what == "empty DATA" {
            rogue.send(&frame(HEADERS, END_HEADERS, 3, OK)).await;
        }
        let began = Instant::now();
        let many = flood.repeat(10_000);
        let flooding = tokio::spawn(async move { while rogue.writing.write_all(&many).await.is_ok() {} });
        let beside = round_trips(&hub, neighbour, 20).await;
        let why = why_lost(&hub, cluster).await;
        flooding.abort();
        drop(waiting.await);
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: {:?}, {why}", began.elapsed());
        assert!(
            beside < alone * 20 + Duration::from_millis(100),
            "{what}: {alone:?} alone, {beside:?} beside"
        );
        let grown = resident().saturating_sub(before) >> 20;
        assert!(grown < 200, "{what}: {grown} MiB more");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_crumbs_that_nobody_reads_is_bounded() {
    let _alone = ALONE.lock().await;
    let hub = Hub::start(Settings::default()).await;
    let (_agent, neighbour) = good(&hub).await;
    let mut rogue = Rogue::come(&hub).await;
    let cluster = rogue.cluster;
    let before = resident();
    let mut unread = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..60 {
        let registry = hub.registry.clone();
        let asking = tokio::spawn(async move { registry.send(cluster, get("/echo")).await });
        let stream = rogue.asked().await;
        rogue.send(&frame(HEADERS, END_HEADERS, stream, OK)).await;
        unread.push(asking.await.unwrap().unwrap().into_body());
        streams.push(stream);
    }
    rogue.listen();
    // A byte per frame, as much as the windows take: each costs the hub a hundred times what it counts.
    let sent = async {
        for stream in streams {
            let crumbs = frame(DATA, 0, stream, b"x").repeat(10_000);
            for _ in 0..100 {
                if rogue.writing.write_all(&crumbs).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), sent).await.expect("it is taken or cut");
    let grown = resident().saturating_sub(before) >> 20;
    assert!(grown < 400, "{grown} MiB more");
    assert_eq!(hub.registry.send(neighbour, get("/echo")).await.unwrap().status(), 200);
    // Whoever reads after all is told that it broke off, not that it is complete.
    for body in unread {
        let read = tokio::time::timeout(SOON, body.collect()).await;
        assert!(!matches!(read, Ok(Ok(_))), "an answer without its end is no answer");
    }
}
