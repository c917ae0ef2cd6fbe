//! The ladder against servers and proxies that are wrong in one way each.

use hanse_harness::Access;
use hanse_types::probe::{ProbeState, ProbeStep};
use rcgen::date_time_ymd;
use serde_json::json;

use crate::{
    fakes::{self, Canned, Server, good_identity, identity, kubeconfig, through},
    ladder::{ladder, rung, says, stopped_at},
    support::bremen,
};

#[tokio::test]
async fn a_name_that_does_not_resolve_stops_at_resolve() {
    let outcome = ladder(&kubeconfig("https://no-such-host.invalid:6443", None, json!({}))).await;
    says(
        stopped_at(&outcome, ProbeStep::Resolve),
        "\"no-such-host.invalid\" does not resolve",
        "where Hanse runs",
    );
}

#[tokio::test]
async fn a_port_where_nobody_listens_stops_at_connect() {
    let outcome = ladder(&kubeconfig("https://127.0.0.1:1", None, json!({}))).await;
    says(stopped_at(&outcome, ProbeStep::Connect), "127.0.0.1:1 refuses connections", "port is right");
}

#[tokio::test]
async fn an_expired_server_certificate_stops_at_tls_with_its_date() {
    let expired = identity(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 2, 3);
    });
    let server = Server::start(expired, Canned::text(200, "ok")).await;
    let outcome = ladder(&server.kubeconfig()).await;
    says(stopped_at(&outcome, ProbeStep::Tls), "expired on 2021-02-03", "Renew the API server's certificate");
}

#[tokio::test]
async fn a_certificate_of_the_future_stops_at_tls() {
    let future = identity(&["127.0.0.1"], |params| params.not_before = date_time_ymd(2090, 1, 1));
    let server = Server::start(future, Canned::text(200, "ok")).await;
    let outcome = ladder(&server.kubeconfig()).await;
    says(stopped_at(&outcome, ProbeStep::Tls), "valid only from 2090-01-01", "clock");
}

#[tokio::test]
async fn a_certificate_for_other_names_stops_at_tls_and_names_them() {
    let server = Server::start(identity(&["kubernetes", "10.96.0.1"], |_| {}), Canned::text(200, "ok")).await;
    let outcome = ladder(&server.kubeconfig()).await;
    says(
        stopped_at(&outcome, ProbeStep::Tls),
        "is for kubernetes, 10.96.0.1, not for 127.0.0.1",
        "tls-server-name",
    );

    // And the fix works.
    let outcome = ladder(&server.kubeconfig_with(json!({"tls-server-name": "kubernetes"}))).await;
    assert_eq!(rung(&outcome, ProbeStep::Tls).state, ProbeState::Passed);
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_a_warning() {
    let soon = identity(&["127.0.0.1"], |params| {
        params.not_after = (std::time::SystemTime::now() + std::time::Duration::from_secs(3 * 86400)).into();
    });
    let server = Server::start(soon, Canned::text(200, "ok")).await;
    let outcome = ladder(&server.kubeconfig()).await;
    let tls = rung(&outcome, ProbeStep::Tls);
    assert_eq!(tls.state, ProbeState::Warning);
    says(tls, "ends soon", "Renew");
}

#[tokio::test]
async fn an_unverified_server_is_a_warning_that_shows_its_certificate() {
    let server = Server::kubernetes("v1.36.3").await;
    let text =
        kubeconfig(&format!("https://{}", server.address), None, json!({"insecure-skip-tls-verify": true}));
    let outcome = ladder(&text).await;
    assert!(outcome.report.passed, "{:#?}", outcome.report);
    says(rung(&outcome, ProbeStep::Parse), "not to be verified", "certificate-authority-data");
    says(rung(&outcome, ProbeStep::Tls), "for 127.0.0.1, issued by", "anybody on the way");
}

#[tokio::test]
async fn without_an_authority_the_systems_own_decide() {
    let server = Server::kubernetes("v1.36.3").await;
    let text = kubeconfig(&format!("https://{}", server.address), None, json!({}));
    says(stopped_at(&ladder(&text).await, ProbeStep::Tls), "not signed by", "certificate-authority-data");
}

#[tokio::test]
async fn a_port_without_tls_stops_at_tls() {
    let plain = fakes::plain_http().await;
    let outcome = ladder(&kubeconfig(&format!("https://{}", plain.address), None, json!({}))).await;
    says(stopped_at(&outcome, ProbeStep::Tls), "does not speak TLS", "plain HTTP port");
    let closing = fakes::closing().await;
    let outcome = ladder(&kubeconfig(&format!("https://{}", closing.address), None, json!({}))).await;
    says(stopped_at(&outcome, ProbeStep::Tls), "closed the connection during the TLS handshake", "cuts TLS");
}

#[tokio::test]
async fn what_is_no_kubernetes_stops_at_authentication() {
    for canned in [
        Canned::text(200, "<html>Welcome to nginx!</html>"),
        Canned::text(404, "404 page not found"),
        Canned::text(302, "moved"),
        Canned::json(&json!({"kind": "Pod"})),
    ] {
        let server = Server::start(good_identity(), canned).await;
        let outcome = ladder(&server.kubeconfig()).await;
        says(stopped_at(&outcome, ProbeStep::Authentication), "not a Kubernetes API", "URL");
    }
}

#[tokio::test]
async fn a_server_that_looks_at_no_credential_stops_at_authentication() {
    let server = Server::kubernetes("v1.36.3").await;
    server.answer(
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        Canned::json(
            &json!({"kind": "SelfSubjectReview", "status": {"userInfo": {"username": "system:anonymous"}}}),
        ),
    );
    let outcome = ladder(&server.kubeconfig()).await;
    says(stopped_at(&outcome, ProbeStep::Authentication), "lets Hanse in as nobody", "fresh credential");
}

#[tokio::test]
async fn a_version_that_is_too_old_stops_at_version() {
    for version in ["v1.28.15", "v1.22.0-gke.1"] {
        let server = Server::kubernetes(version).await;
        let outcome = ladder(&server.kubeconfig()).await;
        says(stopped_at(&outcome, ProbeStep::Version), "1.29 is the oldest", "Upgrade the cluster");
    }
    let server = Server::kubernetes("v1.29.0").await;
    assert!(ladder(&server.kubeconfig()).await.report.passed);
}

#[tokio::test]
async fn clocks_that_differ_are_a_warning_and_then_a_failure() {
    let told = |seconds: i64| {
        let date = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
        Canned::json(&json!({"gitVersion": "v1.36.3"}))
            .header("date", date.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
    };
    let server = Server::kubernetes("v1.36.3").await;
    server.answer("/version", told(0));
    assert_eq!(rung(&ladder(&server.kubeconfig()).await, ProbeStep::Clock).state, ProbeState::Passed);
    server.answer("/version", told(-90));
    let outcome = ladder(&server.kubeconfig()).await;
    assert!(outcome.report.passed);
    says(rung(&outcome, ProbeStep::Clock), "s behind ours", "NTP");
    server.answer("/version", told(900));
    says(stopped_at(&ladder(&server.kubeconfig()).await, ProbeStep::Clock), "s ahead of ours", "NTP");
}

#[tokio::test]
async fn proxies_of_every_kind_lead_to_the_cluster() {
    let cluster = bremen().await;
    let text = cluster.kubeconfig(Access::Admin);
    let (http, login, socks) = (
        fakes::http_proxy(None, false).await,
        fakes::http_proxy(Some("me:p@ss"), false).await,
        fakes::socks5().await,
    );
    for proxy in [
        format!("http://{}", http.address),
        format!("http://me:p%40ss@{}", login.address),
        format!("socks5://{}", socks.address),
    ] {
        let outcome = ladder(&through(&text, &proxy)).await;
        assert!(outcome.report.passed, "{proxy}: {:#?}", outcome.report);
        assert!(rung(&outcome, ProbeStep::Connect).message.contains("through the proxy"));
    }
}

#[tokio::test]
async fn a_proxy_behind_tls_is_verified_and_leads_to_the_cluster() {
    let server = Server::kubernetes("v1.36.3").await;
    let other = good_identity();
    let authority = other.authority.clone();
    let proxy = fakes::https_proxy(other).await;
    let outcome = ladder(&through(&server.kubeconfig(), &format!("https://{}", proxy.address))).await;
    let stopped = stopped_at(&outcome, ProbeStep::Connect);
    says(stopped, "the proxy https://", "certificate-authority-data");

    let both = format!("{}{authority}", server.authority);
    let text = kubeconfig(&format!("https://{}", server.address), Some(&both), json!({}));
    let outcome = ladder(&through(&text, &format!("https://{}", proxy.address))).await;
    assert!(outcome.report.passed, "{:#?}", outcome.report);
}

#[tokio::test]
async fn a_proxy_that_fails_stops_at_connect_and_is_named() {
    let text = bremen().await.kubeconfig(Access::Admin);
    let (login, refuse, socks, closing) = (
        fakes::http_proxy(Some("me:pw"), false).await,
        fakes::http_proxy(None, true).await,
        fakes::socks5().await,
        fakes::closing().await,
    );
    let nowhere = kubeconfig("https://127.0.0.1:1", None, json!({}));
    for (text, proxy, message, fix) in [
        (&text, format!("http://{}", login.address), "demands a login", "user:password"),
        (
            &text,
            format!("http://{}", refuse.address),
            "refuses to connect to the server",
            "Allow the server's host",
        ),
        (&text, "http://127.0.0.1:1".to_owned(), "127.0.0.1:1 refuses connections", ""),
        (&text, format!("http://{}", closing.address), "closed the connection", "port and scheme"),
        (&nowhere, format!("socks5://{}", socks.address), "failed", "can reach the server"),
    ] {
        let outcome = ladder(&through(text, &proxy)).await;
        says(stopped_at(&outcome, ProbeStep::Connect), message, fix);
    }
    let outcome = ladder(&through(&text, "http://no-such-proxy.invalid:3128")).await;
    says(stopped_at(&outcome, ProbeStep::Resolve), "no-such-proxy.invalid", "resolve");
}
