//! Requests, streams and upgrades; cuts, replacements, revocations and renewals.

use std::{
    net::SocketAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use chrono::{TimeDelta, Utc};
use hanse_harness::{Fault, FaultProxy};
use hanse_tunnel::{
    TunnelError, Upgraded,
    agent::Credentials,
    full,
    pki::{AgentKey, Identity, LIFETIME},
};
use hanse_types::ClusterId;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinHandle,
};

use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_and_answers_pass_whole() {
    let (hub, _agent, cluster, _) = one().await;
    let request = Request::post("/echo").header("x-asked", "yes").header("connection", "x-asked, close");
    let answer = hub.registry.send(cluster, request.body(full("hello")).unwrap()).await.unwrap();
    assert_eq!(text(answer).await, "POST None hello", "headers that Connection names stay behind");
    let big = "x".repeat(5_000_000);
    let request = Request::put("/echo").header("x-asked", "yes").body(full(big.clone())).unwrap();
    let answer = text(hub.registry.send(cluster, request).await.unwrap()).await;
    assert_eq!(answer, format!("PUT Some(\"yes\") {big}"));
    let refused = hub.registry.send(cluster, get("/other")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "and an origin cannot speak for the agent");
    assert_eq!(text(refused).await, "nothing here");
    let ticks = hub.registry.send(cluster, get("/ticks")).await.unwrap();
    let mut body = ticks.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "0\n", "a stream arrives as it is written");
    let missing = hub.registry.send(ClusterId::new(), get("/echo")).await;
    assert!(matches!(missing, Err(TunnelError::NoTunnel)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_ends_at_the_origin() {
    let (hub, _agent, cluster, seen) = one().await;
    let waiting = tokio::time::timeout(Duration::from_millis(200), hub.registry.send(cluster, get("/never")));
    assert!(waiting.await.is_err());
    wait_for(SOON, "the request to end", || async { (seen.open.load(Ordering::SeqCst) == 0).then_some(()) })
        .await;
    let mut body = hub.registry.send(cluster, get("/endless")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(seen.open.load(Ordering::SeqCst), 1);
    drop(body);
    wait_for(SOON, "the stream to end", || async { (seen.open.load(Ordering::SeqCst) == 0).then_some(()) })
        .await;
    // The other way: what breaks at the origin is no proper end here.
    let broken = hub.registry.send(cluster, get("/breaks")).await.unwrap().into_body().collect().await;
    assert!(broken.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_are_bytes_both_ways() {
    let (hub, _agent, cluster, _) = one().await;
    let request = Request::post("/exec?command=sh")
        // As Go's client has it, for the body that there is none of.
        .header(header::CONTENT_LENGTH, "0")
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "SPDY/3.1")
        .body(())
        .unwrap();
    let Upgraded::Switched(head, mut stream) = hub.registry.upgrade(cluster, request).await.unwrap() else {
        panic!("it was not switched")
    };
    assert_eq!(head.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(
        (&head.headers()["upgrade"], &head.headers()["x-method"]),
        (&"SPDY/3.1".parse().unwrap(), &"POST".parse().unwrap())
    );
    stream.write_all(b"abc").await.unwrap();
    let mut said = [0; 3];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"ABC");
    let (mut reading, mut writing) = tokio::io::split(stream);
    let sender = tokio::spawn(async move {
        writing.write_all(&vec![b'q'; 3_000_000]).await.unwrap();
        writing.shutdown().await.unwrap();
        writing
    });
    let mut all = Vec::new();
    reading.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), 3_000_003);
    assert!(all.ends_with(b"QQbye"));
    sender.await.unwrap();
    let refused = Request::get("/other").header(header::UPGRADE, "websocket").body(()).unwrap();
    let Upgraded::Answered(answer) = hub.registry.upgrade(cluster, refused).await.unwrap() else {
        panic!("it was switched")
    };
    assert_eq!((answer.status(), text(answer).await), (StatusCode::FORBIDDEN, "nothing here".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stuck_readers_hold_up_nobody_and_are_bounded() {
    let mut settings = quick();
    settings.unread = 40 * 1024 * 1024;
    let hub = Hub::start(settings).await;
    let (address, seen) = origin().await;
    let cluster = ClusterId::new();
    let _agent = hub.agent(address, hub.credentials(cluster).0, "a");
    hub.connected(cluster, 1).await;
    let alone = round_trips(&hub, cluster, 100).await;
    let mut stuck = Vec::new();
    for _ in 0..100 {
        stuck.push(hub.registry.send(cluster, get("/endless")).await.unwrap().into_body());
    }
    wait_for(SOON, "some to be given up", || async { (seen.open.load(Ordering::SeqCst) < 60).then_some(()) })
        .await;
    let beside = round_trips(&hub, cluster, 100).await;
    assert!(
        beside < alone * 10 + Duration::from_millis(20),
        "{alone:?} alone, {beside:?} beside stuck readers"
    );
    // Those that were stuck longest were given up, with a reason; the newest may read on.
    let mut told = 0;
    for body in &mut stuck {
        let frame = tokio::time::timeout(SOON, body.frame()).await.unwrap().unwrap();
        if let Err(error) = frame {
            assert!(error.to_string().contains("not read"), "{error}");
            told += 1;
        }
    }
    assert!((50..=70).contains(&told), "{told} were given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_line_is_noticed_on_both_ends_and_heals() {
    let hub = Hub::start(quick()).await;
    let (address, _) = origin().await;
    let cluster = ClusterId::new();
    let proxy = FaultProxy::to(hub.address);
    let _agent = hub.agent_at(proxy.address(), address, hub.credentials(cluster).0, "a");
    hub.connected(cluster, 1).await;
    let waiting = hub.registry.send(cluster, get("/never"));
    let began = Instant::now();
    proxy.set(Fault::HalfOpen).await;
    let ended = tokio::time::timeout(SOON, waiting).await.expect("it is noticed");
    assert!(matches!(ended, Err(TunnelError::Broken(_))), "{ended:?}");
    hub.connected(cluster, 0).await;
    let pings = hub.settings.ping_every + hub.settings.ping_deadline;
    assert!(began.elapsed() < pings + Duration::from_secs(1), "{:?}", began.elapsed());
    let lost = hub.registry.presence(cluster).borrow().lost.clone().unwrap().1;
    assert!(lost.contains("PING"), "{lost}");
    proxy.set(Fault::Pass).await;
    hub.connected(cluster, 1).await;
    assert_eq!(text(hub.registry.send(cluster, get("/echo")).await.unwrap()).await, "GET None ");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_instance_replaces_and_another_stands_beside() {
    let (hub, agent, cluster, _) = one().await;
    let (address, _) = origin().await;
    let mut body = hub.registry.send(cluster, get("/endless")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    let again = hub.agent(address, hub.credentials(cluster).0, "a");
    // The old one is not looked at any more, yet what it sends goes on.
    wait_for(SOON, "the replacement", || async {
        let serials = hub.registry.serials(cluster);
        (serials.len() == 1 && hub.registry.presence(cluster).borrow().tunnels == 1).then_some(())
    })
    .await;
    for _ in 0..20 {
        body.frame().await.unwrap().unwrap();
    }
    drop((body, agent));
    let _other = hub.agent(address, hub.credentials(cluster).0, "b");
    hub.connected(cluster, 2).await;
    drop(again);
    hub.connected(cluster, 1).await;
    assert_eq!(hub.registry.send(cluster, get("/echo")).await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_is_sent_again_on_the_other_tunnel() {
    let hub = Hub::start(quick()).await;
    let (address, seen) = origin().await;
    let cluster = ClusterId::new();
    let (first, serial) = hub.credentials(cluster);
    let _first = hub.agent(address, first, "a");
    let _second = hub.agent(address, hub.credentials(cluster).0, "b");
    hub.connected(cluster, 2).await;
    // Reads that wait, some on each tunnel.
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let registry = hub.registry.clone();
        waiting.push(tokio::spawn(async move { registry.send(cluster, get("/never")).await }));
    }
    wait_for(SOON, "all to wait", || async { (seen.open.load(Ordering::SeqCst) == 4).then_some(()) }).await;
    hub.rules.revoked.lock().unwrap().insert(serial.clone());
    hub.registry.close_serial(&serial, "its certificate was revoked");
    wait_for(SOON, "reads to be sent again", || async {
        (seen.requests.load(Ordering::SeqCst) == 6).then_some(())
    })
    .await;
    assert!(waiting.iter().all(|task| !task.is_finished()));
    waiting.iter().for_each(JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_agent_is_out_at_once_and_stays_out() {
    let hub = Hub::start(quick()).await;
    let (address, _) = origin().await;
    let cluster = ClusterId::new();
    let (credentials, serial) = hub.credentials(cluster);
    let _agent = hub.agent(address, credentials, "a");
    hub.connected(cluster, 1).await;
    let began = Instant::now();
    hub.rules.revoked.lock().unwrap().insert(serial.clone());
    hub.registry.close_serial(&serial, "its certificate was revoked");
    hub.connected(cluster, 0).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    let mut presence = hub.registry.presence(cluster);
    let refused = tokio::time::timeout(SOON, presence.wait_for(|presence| presence.refused.is_some()));
    assert_eq!(refused.await.unwrap().unwrap().refused.clone().unwrap().1, "its certificate was revoked");
    assert_eq!(hub.registry.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_expired_and_missing_certificates_are_refused() {
    let hub = Hub::start_with(quick(), Some("uid-2"), LIFETIME).await;
    let foreign = Hub::start(quick()).await;
    let (address, _) = origin().await;
    let cluster = ClusterId::new();
    // Of another authority, on either side.
    let (mut stranger, _) = foreign.credentials(cluster);
    stranger.ca = hub.authority.certificate_pem().to_owned();
    let _stranger = hub.agent(address, stranger, "a");
    let (mut deceived, _) = hub.credentials(cluster);
    deceived.ca = foreign.authority.certificate_pem().to_owned();
    let _deceived = hub.agent(address, deceived, "b");
    // Expired.
    let key = AgentKey::generate().unwrap();
    let long_ago = Utc::now() - TimeDelta::days(30);
    let expired = hub.authority.sign(key.csr_pem(), cluster, long_ago, LIFETIME).unwrap();
    let expired = Credentials {
        ca: hub.authority.certificate_pem().to_owned(),
        certificate: expired.pem,
        key: key.key_pem().to_owned(),
    };
    let _expired = hub.agent(address, expired, "c");
    // Of another cluster than the certificate was given to.
    let _moved = hub.agent(address, hub.credentials(cluster).0, "d");
    let mut presence = hub.registry.presence(cluster);
    let refused = tokio::time::timeout(SOON, presence.wait_for(|presence| presence.refused.is_some()));
    assert!(refused.await.unwrap().unwrap().refused.clone().unwrap().1.contains("another cluster"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(hub.registry.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_renewed_over_the_tunnel() {
    // One third left is 102 s before now, with the lenience that dates begin with.
    let mut settings = quick();
    settings.renew_again = Duration::from_millis(100);
    let hub = Hub::start_with(settings, None, TimeDelta::seconds(152)).await;
    let (address, _) = origin().await;
    let cluster = ClusterId::new();
    let (credentials, serial) = hub.credentials(cluster);
    let agent = hub.agent(address, credentials, "a");
    let kept =
        wait_for(SOON, "the renewed certificate", || async { agent.kept.0.lock().unwrap().first().cloned() })
            .await;
    let renewed = Identity::of(&hanse_tunnel::pki::read_certificate(&kept.certificate).unwrap()).unwrap();
    assert_ne!(renewed.serial, serial);
    wait_for(SOON, "the tunnel of the renewed certificate", || async {
        (!hub.registry.serials(cluster).contains(&serial) && hub.registry.count() == 1).then_some(())
    })
    .await;
    assert_eq!(hub.registry.send(cluster, get("/echo")).await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_itself_is_out_of_reach_of_paths() {
    let (hub, _agent, cluster, _) = one().await;
    for path in ["/hello", "/renewal", "/certificate", "//agent.hanse.internal/hello"] {
        let mut request = get(path);
        *request.method_mut() = Method::POST;
        let answer = hub.registry.send(cluster, request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} is the origin's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_origin_that_is_away_is_no_answer() {
    let hub = Hub::start(quick()).await;
    let cluster = ClusterId::new();
    let nowhere: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let _agent = hub.agent(nowhere, hub.credentials(cluster).0, "a");
    hub.connected(cluster, 1).await;
    let failed = hub.registry.send(cluster, get("/echo")).await;
    assert!(matches!(&failed, Err(TunnelError::Origin(why)) if why.contains("refused")), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_stops_lets_what_is_in_flight_end() {
    let (hub, _agent, cluster, _) = one().await;
    let ticks = hub.registry.send(cluster, get("/ticks")).await.unwrap();
    let endless = hub.registry.send(cluster, get("/endless")).await.unwrap();
    hub.stop.cancel();
    assert_eq!(text(ticks).await, "0\n1\n2\n3\n4\n", "it ends by itself");
    let began = Instant::now();
    let cut = tokio::time::timeout(SOON, endless.into_body().collect()).await.expect("it is cut");
    assert!(cut.is_err(), "and what does not is cut, with an error");
    assert!(began.elapsed() < hub.settings.goodbye + Duration::from_secs(3), "{:?}", began.elapsed());
    let refused = hub.registry.send(cluster, get("/echo")).await;
    assert!(refused.is_err(), "nothing new begins");
}
