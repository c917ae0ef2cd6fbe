//! The proxies do to a connection what they say, and stop doing it when told to.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use hanse_harness::{
    Access, ApiProxy, ControlPlanes, Fault, FaultProxy, Injection, planes, unique, wait_for,
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api,
    api::{ListParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const MOMENT: Duration = Duration::from_millis(300);
const SOON: Duration = Duration::from_secs(10);

/// A server that sends back what it gets.
async fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                tokio::io::copy(&mut from, &mut to).await.ok();
            });
        }
    });
    address
}

async fn exchange(stream: &mut TcpStream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn passing_changes_nothing_also_for_much_data_and_an_orderly_end() {
    let proxy = FaultProxy::to(echo().await);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    let sent: Vec<u8> = (0..4_000_000_u32).map(|i| (i % 251) as u8).collect();
    let (mut from, mut to) = stream.split();
    let mut received = Vec::new();
    let write = async {
        to.write_all(&sent).await?;
        to.shutdown().await
    };
    tokio::try_join!(write, from.read_to_end(&mut received)).unwrap();
    assert!(sent == received);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_delay_holds_both_directions_up() {
    let proxy = FaultProxy::to(echo().await);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.set(Fault::Delay(Duration::from_millis(200))).await;
    let began = Instant::now();
    assert_eq!(exchange(&mut stream, "moin").await.unwrap(), "moin");
    assert!(began.elapsed() >= Duration::from_millis(400), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_cut_resets_open_connections_and_refuses_new_ones_until_it_ends() {
    let proxy = FaultProxy::to(echo().await);
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    exchange(&mut stream, "moin").await.unwrap();
    proxy.set(Fault::Cut).await;
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let refused = TcpStream::connect(proxy.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    proxy.set(Fault::Pass).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(exchange(&mut stream, "moin").await.unwrap(), "moin");
}

#[tokio::test]
async fn half_open_accepts_and_answers_nothing_until_it_ends() {
    let proxy = FaultProxy::to(echo().await);
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    exchange(&mut old, "moin").await.unwrap();
    proxy.set(Fault::HalfOpen).await;
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    for stream in [&mut old, &mut new] {
        stream.write_all(b"?").await.unwrap();
        tokio::time::timeout(MOMENT, stream.read_u8()).await.unwrap_err();
    }
    proxy.set(Fault::Pass).await;
    assert_eq!(old.read_u8().await.unwrap(), b'?');
    assert_eq!(new.read_u8().await.unwrap(), b'?');
}

#[tokio::test]
async fn a_truncation_breaks_each_connection_after_so_many_bytes() {
    let proxy = FaultProxy::to(echo().await);
    let mut old = TcpStream::connect(proxy.address()).await.unwrap();
    exchange(&mut old, "before").await.unwrap();
    proxy.set(Fault::Truncate(3)).await;
    let mut new = TcpStream::connect(proxy.address()).await.unwrap();
    for stream in [&mut old, &mut new] {
        stream.write_all(b"hanse").await.unwrap();
        let mut got = Vec::new();
        // Depending on timing the last bytes are lost to the reset, as on a real network.
        let end = stream.read_to_end(&mut got).await;
        assert!(got.len() <= 3 && b"hanse".starts_with(&got), "{got:?}");
        assert!(end.is_err() || got.len() == 3, "{end:?} after {got:?}");
    }
}

#[tokio::test]
async fn a_cluster_is_reached_through_the_fault_proxy_with_its_own_certificate() {
    let cluster = ControlPlanes::shared().await.cluster("hamburg");
    let proxy = FaultProxy::to_cluster(cluster);
    let client = planes::client(&proxy.kubeconfig(cluster, Access::Admin)).await.unwrap();
    client.apiserver_version().await.unwrap();
    proxy.set(Fault::Cut).await;
    client.apiserver_version().await.unwrap_err();
    proxy.set(Fault::Pass).await;
    client.apiserver_version().await.unwrap();
}

#[tokio::test]
async fn the_api_proxy_hands_on_lists_writes_and_watches_and_counts_them() {
    let cluster = ControlPlanes::shared().await.cluster("bremen");
    let proxy = ApiProxy::to(cluster).await;
    let client = planes::client(&proxy.kubeconfig()).await.unwrap();
    let namespace = unique("proxied");
    let body = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
    Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &body).await.unwrap();

    let maps = Api::<ConfigMap>::namespaced(client, &namespace);
    let mut events = std::pin::pin!(maps.watch(&WatchParams::default(), "0").await.unwrap());
    let body = serde_json::from_value(json!({"metadata": {"name": "settings"}, "data": {"a": "b"}})).unwrap();
    maps.create(&PostParams::default(), &body).await.unwrap();
    let arrived = async {
        while let Some(event) = events.try_next().await.unwrap() {
            if matches!(event, WatchEvent::Added(map) if map.metadata.name.as_deref() == Some("settings")) {
                return;
            }
        }
        panic!("the watch ended");
    };
    tokio::time::timeout(SOON, arrived).await.unwrap();

    assert_eq!(proxy.count("POST", "/configmaps"), 1);
    assert_eq!(proxy.count("GET", "watch=true"), 1);
    assert_eq!(proxy.count("", &namespace), 2);
    proxy.forget();
    assert_eq!(proxy.requests(), []);
}

#[tokio::test]
async fn an_injected_answer_counts_down_and_matches_method_and_path() {
    let cluster = ControlPlanes::shared().await.cluster("bremen");
    let proxy = ApiProxy::to(cluster).await;
    let maps = Api::<ConfigMap>::namespaced(planes::client(&proxy.kubeconfig()).await.unwrap(), "default");
    let list = async || match maps.list(&ListParams::default()).await {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(other) => panic!("{other:?}"),
    };
    proxy.inject(Injection::status(429).retry_after(1).times(2).method("GET").path("/configmaps"));
    proxy.inject(Injection::status(500).path("/secrets"));
    assert_eq!([list().await, list().await, list().await], [429, 429, 200]);
    let secrets =
        Api::<k8s_openapi::api::core::v1::Secret>::namespaced(maps.clone().into_client(), "default");
    assert!(
        matches!(secrets.list(&ListParams::default()).await, Err(kube::Error::Api(status)) if status.code == 500)
    );
    proxy.inject(Injection::garbage());
    assert!(matches!(maps.list(&ListParams::default()).await, Err(kube::Error::SerdeError(_))));
    proxy.clear();
    assert_eq!(list().await, 200);
}

#[tokio::test]
async fn a_fault_proxy_in_front_of_the_api_proxy_breaks_it_too() {
    let cluster = ControlPlanes::shared().await.cluster("bremen");
    let api = ApiProxy::to(cluster).await;
    let network = FaultProxy::to(api.address());
    let client = planes::client(&api.kubeconfig_at(network.address())).await.unwrap();
    client.apiserver_version().await.unwrap();
    network.set(Fault::Cut).await;
    client.apiserver_version().await.unwrap_err();
    network.set(Fault::Pass).await;
    wait_for(SOON, "an answer", || client.apiserver_version()).await;
}
