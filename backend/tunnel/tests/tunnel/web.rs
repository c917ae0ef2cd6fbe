//! The tunnel inside a WebSocket, when nothing else leads to the hub.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hanse_harness::{ConnectProxy, Fault, FaultProxy, TlsFront};
use hanse_tunnel::{
    agent::{Proxy, Web},
    empty,
    hub::{Admission, WebDoor, websocket_accept},
};
use hanse_types::ClusterId;
use http::{Response, StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::support::*;

/// The hub's web port, as far as agents are concerned.
async fn web_port(hub: &Hub) -> SocketAddr {
    let tls = hub.authority.listener(chrono::Utc::now()).unwrap();
    let admission = Arc::clone(&hub.rules) as Arc<dyn Admission>;
    let door = Arc::new(WebDoor::new(tls, hub.registry.clone(), admission, hub.stop.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, from) = listener.accept().await.unwrap();
            let door = Arc::clone(&door);
            let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
                let door = Arc::clone(&door);
                async move {
                    let mut answer = Response::new(empty());
                    let Some(turn) = door.enter() else {
                        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                        return Ok::<_, Infallible>(answer);
                    };
                    let accept = websocket_accept(request.headers()["sec-websocket-key"].as_bytes());
                    let upgraded = hyper::upgrade::on(&mut request);
                    tokio::spawn(async move {
                        door.serve(turn, async { upgraded.await.map(TokioIo::new) }, from).await;
                    });
                    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                    answer.headers_mut().insert(header::CONNECTION, "Upgrade".parse().unwrap());
                    answer.headers_mut().insert(header::UPGRADE, "websocket".parse().unwrap());
                    answer.headers_mut().insert(header::SEC_WEBSOCKET_ACCEPT, accept.parse().unwrap());
                    Ok(answer)
                }
            });
            tokio::spawn(async move {
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades();
                serving.await.ok();
            });
        }
    });
    address
}

fn web(address: SocketAddr, secure: bool) -> Web {
    Web { secure, host: address.ip().to_string(), port: address.port(), path: "/agent/v1/tunnel".into() }
}

fn way(hub: &Hub, cluster: ClusterId) -> String {
    hub.registry.presence(cluster).borrow().agent.clone().unwrap().way
}

fn nowhere() -> SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_the_web_port_is_reached_the_tunnel_goes_through_it() {
    let hub = Hub::start(quick()).await;
    let (address, _) = origin().await;
    let port = web_port(&hub).await;
    let front = TlsFront::to(port).await;
    for (secure, at) in [(false, port), (true, front.address)] {
        let cluster = ClusterId::new();
        let _agent = hub.agent_with(nowhere(), address, hub.credentials(cluster).0, "a", |link| {
            link.web = Some(web(at, secure));
        });
        hub.connected(cluster, 1).await;
        let scheme = if secure { "wss" } else { "ws" };
        assert_eq!(way(&hub, cluster), format!("WebSocket {scheme}://{at}/agent/v1/tunnel"));
        let big = "y".repeat(3_000_000);
        let request = http::Request::put("/echo").body(hanse_tunnel::full(big.clone())).unwrap();
        let answer = text(hub.registry.send(cluster, request).await.unwrap()).await;
        assert_eq!(answer, format!("PUT None {big}"), "whole, both ways");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_straightest_way_that_is_open_is_taken_and_found_again() {
    let hub = Hub::start(quick()).await;
    let (address, _) = origin().await;
    let port = web_port(&hub).await;
    let direct = FaultProxy::to(hub.address);
    let proxy = ConnectProxy::start().await;
    let cluster = ClusterId::new();
    let _agent = hub.agent_with(direct.address(), address, hub.credentials(cluster).0, "a", |link| {
        link.proxy = Some(Proxy { address: proxy.address().to_string(), authorization: None });
        link.web = Some(web(port, false));
    });
    hub.connected(cluster, 1).await;
    assert_eq!(way(&hub, cluster), "direct");
    assert_eq!(proxy.asked(), Vec::<String>::new());
    // Direct is closed, and so it is behind the proxy, which leads to the web port.
    let began = Instant::now();
    direct.set(Fault::Cut).await;
    wait_for(SOON, "the way through the web port", || async {
        let through =
            format!("WebSocket ws://{port}/agent/v1/tunnel, HTTP CONNECT through {}", proxy.address());
        (hub.registry.count() == 1 && way(&hub, cluster) == through).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(proxy.asked(), [direct.address().to_string(), port.to_string()]);
    assert_eq!(text(hub.registry.send(cluster, get("/echo")).await.unwrap()).await, "GET None ");
    // The proxy is closed, too: its address alone is known, nobody listens there.
    drop(proxy);
    wait_for(SOON, "the web port without the proxy", || async {
        let web = format!("WebSocket ws://{port}/agent/v1/tunnel");
        (hub.registry.count() == 1 && way(&hub, cluster) == web).then_some(())
    })
    .await;
    // Direct is open again: what is in flight ends where it is.
    let waiting = hub.registry.send(cluster, get("/ticks")).await.unwrap();
    direct.set(Fault::Pass).await;
    wait_for(SOON, "the straight way", || async { (way(&hub, cluster) == "direct").then_some(()) }).await;
    assert_eq!(text(waiting).await, "0\n1\n2\n3\n4\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_for_which_no_way_is_open_says_each() {
    let hub = Hub::start(quick()).await;
    let (address, _) = origin().await;
    let cluster = ClusterId::new();
    let tried = hub.tried(nowhere(), address, hub.credentials(cluster).0, |link| {
        link.web = Some(web(nowhere(), true));
    });
    let error = tried.await;
    assert!(error.contains("[direct] connect: 127.0.0.1:1 refuses connections"), "{error}");
    assert!(error.contains("[WebSocket wss://127.0.0.1:1/agent/v1/tunnel] connect"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_hold_few_sockets_and_none_for_long() {
    let mut settings = quick();
    settings.handshake = Duration::from_secs(2);
    let hub = Hub::start(settings).await;
    let (address, _) = origin().await;
    let port = web_port(&hub).await;
    let ask = "GET /agent/v1/tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
               Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut held = Vec::new();
    let began = Instant::now();
    let mut refused = 0;
    for index in 0..400 {
        let mut stream = TcpStream::connect(port).await.unwrap();
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        match &head {
            b"HTTP/1.1 101" => {
                // Some say nothing, some talk nonsense in a frame that they never finish.
                if index % 2 == 0 {
                    stream.write_all(&[0x82, 0xfe, 0xff, 0xff, 1, 2, 3, 4, 5]).await.unwrap();
                }
                held.push(stream);
            }
            b"HTTP/1.1 503" => refused += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert!(held.len() <= 256 || began.elapsed() > Duration::from_secs(2), "{} are held", held.len());
    assert!(refused > 0 || began.elapsed() > Duration::from_secs(2));
    for mut stream in held {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await;
        drop(ended.expect("whoever says nothing is dropped"));
    }
    let cluster = ClusterId::new();
    let _agent = hub.agent_with(nowhere(), address, hub.credentials(cluster).0, "a", |link| {
        link.web = Some(web(port, false));
    });
    hub.connected(cluster, 1).await;
}
