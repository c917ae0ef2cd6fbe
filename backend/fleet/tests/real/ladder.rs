//! The probe ladder against real clusters: how far each kubeconfig gets, and what is said where it stops.

use std::{collections::BTreeMap, time::Duration};

use hanse_fleet::probe::{Candidate, Outcome, ProbeOptions, climb};
use hanse_harness::{Access, ApiProxy, Fault, FaultProxy, Injection};
use hanse_types::probe::{ProbeResult, ProbeState, ProbeStep};
use tokio::sync::mpsc;

use crate::support::{bremen, hamburg, join_admin};

pub async fn ladder(text: &str) -> Outcome {
    ladder_of(&candidate(text, &BTreeMap::new())).await
}

pub async fn ladder_of(candidate: &Candidate<'_>) -> Outcome {
    climb(candidate.clone(), &ProbeOptions::default(), None).await
}

/// With force: the shared planes may have been claimed by a server that another test started.
pub fn candidate<'a>(kubeconfig: &'a str, known: &'a BTreeMap<String, String>) -> Candidate<'a> {
    Candidate { kubeconfig, context: None, instance: "this-hanse", known, expected: None, force: true }
}

/// The rung at which a ladder stopped; everything below it passed, everything above was skipped.
pub fn stopped_at(outcome: &Outcome, step: ProbeStep) -> &ProbeResult {
    assert!(!outcome.report.passed);
    let steps = &outcome.report.steps;
    assert_eq!(steps.iter().map(|result| result.step).collect::<Vec<_>>(), ProbeStep::ALL);
    for result in steps {
        let expected: &[ProbeState] = match result.step.cmp(&step) {
            std::cmp::Ordering::Less => &[ProbeState::Passed, ProbeState::Warning],
            std::cmp::Ordering::Equal => &[ProbeState::Failed],
            std::cmp::Ordering::Greater => &[ProbeState::Skipped],
        };
        assert!(expected.contains(&result.state), "{result:#?}");
    }
    let stopped = steps.iter().find(|result| result.step == step).unwrap();
    assert!(stopped.fix.as_ref().is_some_and(|fix| !fix.is_empty()), "{stopped:#?}");
    stopped
}

pub fn says(result: &ProbeResult, message: &str, fix: &str) {
    assert!(result.message.contains(message), "{result:#?}");
    assert!(result.fix.as_ref().is_some_and(|text| text.contains(fix)), "{result:#?}");
}

pub fn rung(outcome: &Outcome, step: ProbeStep) -> &ProbeResult {
    outcome.report.steps.iter().find(|result| result.step == step).unwrap()
}

#[tokio::test]
async fn a_good_cluster_passes_every_rung_and_tells_its_facts() {
    let cluster = hamburg().await;
    let text = cluster.kubeconfig(Access::Admin);
    let known = BTreeMap::new();
    let (sender, mut progress) = mpsc::channel(16);
    let outcome = climb(candidate(&text, &known), &ProbeOptions::default(), Some(sender)).await;
    assert!(outcome.report.passed, "{:#?}", outcome.report);
    assert_eq!(outcome.identity.as_ref().map(|identity| identity.uid.as_str()), Some(cluster.uid.as_str()));
    assert!(outcome.access.is_some());
    let facts = outcome.report.facts.as_ref().unwrap();
    assert_eq!((facts.nodes, facts.zones.len()), (3, 3), "{facts:?}");
    assert!(facts.kubernetes_version.as_deref().is_some_and(|version| version.starts_with("v1.")));
    assert!(facts.cpu_allocatable_milli > 0 && facts.memory_allocatable_bytes > 0, "{facts:?}");

    let mut told = Vec::new();
    while let Some(result) = progress.recv().await {
        told.push(result);
    }
    assert_eq!(told, outcome.report.steps, "progress tells the same, in order");
}

#[tokio::test]
async fn a_token_is_as_good_as_a_certificate() {
    let outcome = ladder(&bremen().await.kubeconfig(Access::Token)).await;
    assert!(outcome.report.passed, "{:#?}", outcome.report);
}

#[tokio::test]
async fn a_text_that_is_no_kubeconfig_stops_at_the_first_rung() {
    let outcome = ladder("hello").await;
    says(stopped_at(&outcome, ProbeStep::Parse), "not a kubeconfig", "kubectl config view");
    assert!(outcome.access.is_none());
}

#[tokio::test]
async fn contexts_to_choose_among_are_told() {
    let text = bremen().await.kubeconfig(Access::Admin);
    let known = BTreeMap::new();
    let outcome = ladder_of(&Candidate { context: Some("other"), ..candidate(&text, &known) }).await;
    says(stopped_at(&outcome, ProbeStep::Parse), "no context is called \"other\"", "bremen");
    assert_eq!(outcome.report.contexts, ["bremen"]);
}

#[tokio::test]
async fn a_wrong_authority_stops_at_tls_and_shows_whose_certificate_it_is() {
    let outcome = ladder(&bremen().await.kubeconfig(Access::WrongCa)).await;
    let stopped = stopped_at(&outcome, ProbeStep::Tls);
    says(stopped, "is not signed by the kubeconfig's certificate authority", "certificate-authority-data");
    says(stopped, "127.0.0.1", "");
    says(stopped, "issued by", "");
}

#[tokio::test]
async fn an_expired_client_certificate_stops_at_authentication_with_its_date() {
    let outcome = ladder(&bremen().await.kubeconfig(Access::Expired)).await;
    says(
        stopped_at(&outcome, ProbeStep::Authentication),
        "The client certificate expired on 2",
        "kubectl create token",
    );
}

#[tokio::test]
async fn a_token_that_nobody_issued_stops_at_authentication() {
    let outcome = ladder(&bremen().await.kubeconfig(Access::BadToken)).await;
    says(
        stopped_at(&outcome, ProbeStep::Authentication),
        "does not accept the token (HTTP 401)",
        "fresh credential",
    );
}

#[tokio::test]
async fn a_limited_credential_stops_at_permissions_with_the_verbs_it_lacks() {
    let outcome = ladder(&bremen().await.kubeconfig(Access::Limited)).await;
    let stopped = stopped_at(&outcome, ProbeStep::Permissions);
    says(stopped, "namespaces (get, list, watch, create, patch, delete)", "ClusterRole");
    says(stopped, "deployments.apps (get, list, watch, create, patch, delete)", "cluster-admin");
}

#[tokio::test]
async fn a_cut_connection_stops_at_connect() {
    let cluster = bremen().await;
    let proxy = FaultProxy::to_cluster(cluster);
    proxy.set(Fault::Cut).await;
    let outcome = ladder(&proxy.kubeconfig(cluster, Access::Admin)).await;
    says(stopped_at(&outcome, ProbeStep::Connect), "refuses connections", "API server runs");
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_stops_at_its_deadline() {
    let cluster = bremen().await;
    let proxy = FaultProxy::to_cluster(cluster);
    proxy.set(Fault::HalfOpen).await;
    let text = proxy.kubeconfig(cluster, Access::Admin);
    let known = BTreeMap::new();
    let options = ProbeOptions { rung: Duration::from_millis(500), ..ProbeOptions::default() };
    let outcome = climb(candidate(&text, &known), &options, None).await;
    says(stopped_at(&outcome, ProbeStep::Tls), "no answer within 0.5 s", "firewall");
}

#[tokio::test]
async fn a_server_that_cannot_serve_stops_at_authentication() {
    let proxy = ApiProxy::to(bremen().await).await;
    for (status, message) in
        [(500, "failed inside (HTTP 500)"), (503, "cannot serve now (HTTP 503)"), (429, "slow down")]
    {
        proxy.clear();
        proxy.inject(Injection::status(status));
        let outcome = ladder(&proxy.kubeconfig()).await;
        says(stopped_at(&outcome, ProbeStep::Authentication), message, "API server is up but cannot serve");
    }
    proxy.clear();
    proxy.inject(Injection::garbage());
    let outcome = ladder(&proxy.kubeconfig()).await;
    says(stopped_at(&outcome, ProbeStep::Authentication), "not a Kubernetes API", "URL");
}

#[tokio::test]
async fn the_same_cluster_twice_and_another_in_its_place_are_refused() {
    let cluster = bremen().await;
    let text = cluster.kubeconfig(Access::Admin);
    let known = BTreeMap::from([(cluster.uid.clone(), "harbour".to_owned())]);
    let outcome = ladder_of(&candidate(&text, &known)).await;
    says(stopped_at(&outcome, ProbeStep::Identity), "already here, as \"harbour\"", "replace its credential");

    let same = Candidate { expected: Some(&cluster.uid), ..candidate(&text, &known) };
    assert!(ladder_of(&same).await.report.passed, "a new credential of the same cluster");
    let other = Candidate { expected: Some("another-uid"), ..candidate(&text, &known) };
    says(
        stopped_at(&ladder_of(&other).await, ProbeStep::Identity),
        "This is another cluster",
        "same cluster",
    );
}

#[tokio::test]
async fn another_hanses_cluster_is_refused_unless_forced() {
    let plane = hanse_harness::ControlPlane::start_private(hanse_harness::Flavour::ApiOnly).await;
    let text = plane.kubeconfig(Access::Admin);
    let joined = join_admin(&plane).await;
    let member = &joined.member;
    member.claim("other-hanse", false).await.unwrap();
    member.claim("other-hanse", false).await.unwrap();

    let known = BTreeMap::new();
    let unforced = Candidate { force: false, ..candidate(&text, &known) };
    let outcome = ladder_of(&unforced).await;
    says(stopped_at(&outcome, ProbeStep::Identity), "Another Hanse (instance other-hanse) manages", "force");
    let forced = ladder_of(&candidate(&text, &known)).await;
    assert!(forced.report.passed);
    assert_eq!(rung(&forced, ProbeStep::Identity).state, ProbeState::Warning);

    let taken = member.claim("this-hanse", false).await.unwrap_err();
    assert!(taken.to_string().contains("other-hanse"), "{taken}");
    member.claim("this-hanse", true).await.unwrap();
    assert!(ladder_of(&unforced).await.report.passed, "its own mark is no obstacle");
    assert_eq!(
        member.identity().await.unwrap().claim.map(|claim| claim.instance),
        Some("this-hanse".to_owned())
    );

    member.unclaim("other-hanse").await.unwrap();
    assert!(member.identity().await.unwrap().claim.is_some(), "only one's own mark is removed");
    member.unclaim("this-hanse").await.unwrap();
    assert_eq!(member.identity().await.unwrap().claim, None);
    joined.fleet.shutdown(Duration::from_secs(5)).await;
}
