//! Health, facts and the fleet around them.

use std::time::{Duration, Instant};

use hanse_fleet::{
    DeleteOptions, Fleet, FleetOptions, Target,
    api::{Call, JSON},
    facts::Facts,
    fleet::FleetError,
    health::HealthOptions,
};
use hanse_harness::{Access, ApiProxy, ControlPlane, Fault, FaultProxy, Flavour, Injection};
use hanse_types::cluster::ClusterPhase;
use http::Method;
use serde_json::json;

use crate::support::{SOON, bremen, bytes, hamburg, join, join_admin, join_with, kind, phase, spec};

#[tokio::test]
async fn a_cut_is_noticed_in_two_seconds_and_a_return_in_a_few() {
    let cluster = bremen().await;
    let proxy = FaultProxy::to_cluster(cluster);
    let joined = join(&proxy.kubeconfig(cluster, Access::Admin));
    phase(&joined.member, ClusterPhase::Ready).await;
    proxy.set(Fault::Cut).await;
    // Whoever meets the cut first says so.
    let cut = Instant::now();
    let _ = joined.member.call(Call::get("/version")).await;
    phase(&joined.member, ClusterPhase::Unreachable).await;
    assert!(cut.elapsed() < Duration::from_secs(3), "{:?}", cut.elapsed());
    let health = joined.member.health().borrow().clone();
    let reachable = health.condition("Reachable").unwrap();
    assert_eq!((reachable.status.as_str(), reachable.reason.as_str()), ("False", "ConnectionFailed"));
    assert!(reachable.message.contains("refuses connections"), "{}", reachable.message);
    assert!(health.last_seen_at.is_some());

    proxy.set(Fault::Pass).await;
    let back = Instant::now();
    phase(&joined.member, ClusterPhase::Ready).await;
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
}

#[tokio::test]
async fn a_frozen_api_server_is_unreachable_until_it_goes_on() {
    let plane = ControlPlane::start_private(Flavour::ApiOnly).await;
    let health = HealthOptions {
        interval: Duration::from_millis(500),
        deadline: Duration::from_millis(500),
        ..HealthOptions::default()
    };
    let joined =
        join_with(&plane.kubeconfig(Access::Admin), FleetOptions { health, ..FleetOptions::default() });
    phase(&joined.member, ClusterPhase::Ready).await;
    plane.pause().await;
    phase(&joined.member, ClusterPhase::Unreachable).await;
    let reason = joined.member.health().borrow().condition("Reachable").unwrap().reason.clone();
    assert_eq!(reason, "Timeout");
    plane.resume().await;
    phase(&joined.member, ClusterPhase::Ready).await;
}

#[tokio::test]
async fn a_server_that_is_not_ready_is_not_unreachable() {
    let proxy = ApiProxy::to(bremen().await).await;
    let joined = join(&proxy.kubeconfig());
    phase(&joined.member, ClusterPhase::Ready).await;
    proxy.inject(Injection::status(500).path("/readyz"));
    joined.member.poke();
    phase(&joined.member, ClusterPhase::NotReady).await;
    let health = joined.member.health().borrow().clone();
    assert_eq!(health.condition("Reachable").unwrap().status, "True");
    assert_eq!(health.condition("Ready").unwrap().reason, "NotReady");
    proxy.clear();
    phase(&joined.member, ClusterPhase::Ready).await;
}

#[tokio::test]
async fn a_credential_that_is_refused_is_named_in_health() {
    let joined = join(&bremen().await.kubeconfig(Access::BadToken));
    phase(&joined.member, ClusterPhase::NotReady).await;
    let health = joined.member.health().borrow().clone();
    assert_eq!(health.condition("CredentialValid").unwrap().status, "False");
    assert_eq!(health.condition("Ready").unwrap().reason, "CredentialRefused");
}

#[tokio::test]
async fn another_cluster_at_the_same_address_is_not_ready() {
    let cluster = bremen().await;
    let fleet = Fleet::new(FleetOptions::default());
    let mut other = spec(&cluster.kubeconfig(Access::Admin));
    other.uid = Some("the-uid-that-was-taken-in".to_owned());
    let member = fleet.add(other).unwrap();
    phase(&member, ClusterPhase::NotReady).await;
    let health = member.health().borrow().clone();
    assert_eq!(health.condition("IdentityConfirmed").unwrap().reason, "AnotherCluster");

    let mut same = spec(&cluster.kubeconfig(Access::Admin));
    same.uid = Some(cluster.uid.clone());
    let member = fleet.add(same).unwrap();
    phase(&member, ClusterPhase::Ready).await;
    assert_eq!(member.health().borrow().condition("IdentityConfirmed").unwrap().status, "True");
}

async fn facts(member: &hanse_fleet::Member, what: &str, check: impl Fn(&Facts) -> bool) -> Facts {
    let mut facts = member.facts();
    let found = tokio::time::timeout(SOON, facts.wait_for(|facts| facts.as_ref().is_some_and(&check))).await;
    match found {
        Ok(found) => found.unwrap().clone().unwrap(),
        Err(_) => panic!("{what}: {:?}", member.facts().borrow()),
    }
}

#[tokio::test]
async fn facts_come_from_nodes() {
    let joined = join_admin(hamburg().await).await;
    let found = facts(&joined.member, "three nodes", |facts| facts.facts.nodes == 3).await;
    assert_eq!(found.missing, None);
    assert_eq!(
        (found.facts.nodes_ready, found.facts.zones.len(), found.facts.regions.len()),
        (3, 3, 1),
        "{found:?}"
    );
    assert!(found.facts.cpu_allocatable_milli > 0 && found.facts.pods_allocatable > 0, "{found:?}");
}

#[tokio::test]
async fn a_node_that_comes_and_goes_shows_in_seconds_and_survives_an_absence() {
    let plane = ControlPlane::start_private(Flavour::ApiOnly).await;
    let proxy = FaultProxy::to_cluster(&plane);
    let joined = join(&proxy.kubeconfig(&plane, Access::Admin));
    let member = &joined.member;
    facts(member, "no nodes", |facts| facts.facts.nodes == 0 && facts.missing.is_none()).await;
    let nodes = kind(member, "v1", "Node").await;
    let node = json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1"}},
        "spec": {"providerID": "kind://docker/n1"},
        "status": {"allocatable": {"cpu": "3920m", "memory": "16398120Ki", "pods": "110"}}});
    member.call(Call::new(Method::POST, nodes.collection_path(None)).body(JSON, bytes(&node))).await.unwrap();
    let found = facts(member, "the node", |facts| facts.facts.nodes == 1).await;
    assert_eq!(found.facts.provider.as_deref(), Some("kind"));
    assert_eq!(
        (found.facts.cpu_allocatable_milli, found.facts.memory_allocatable_bytes),
        (3920, 16_791_674_880)
    );

    proxy.set(Fault::Cut).await;
    member.poke();
    phase(member, ClusterPhase::Unreachable).await;
    assert_eq!(
        member.facts().borrow().as_ref().map(|facts| facts.facts.nodes),
        Some(1),
        "last-known facts stay"
    );
    proxy.set(Fault::Pass).await;
    phase(member, ClusterPhase::Ready).await;
    let target = Target { resource: &nodes, namespace: None, name: "n1" };
    member.delete(target, &DeleteOptions::default()).await.unwrap();
    facts(member, "no node", |facts| facts.facts.nodes == 0).await;
}

#[tokio::test]
async fn nodes_that_may_not_be_listed_are_missing_not_zero() {
    let joined = join(&bremen().await.kubeconfig(Access::Limited));
    let found = facts(&joined.member, "facts", |facts| facts.missing.is_some()).await;
    assert!(found.facts.kubernetes_version.is_some());
    assert!(
        found.missing.as_deref().is_some_and(|missing| missing.contains("nodes cannot be listed")),
        "{found:?}"
    );
}

#[tokio::test]
async fn the_fleet_knows_its_members_by_id_and_name() {
    let text = bremen().await.kubeconfig(Access::Admin);
    let fleet = Fleet::new(FleetOptions::default());
    let mut changes = fleet.changes();
    let first = spec(&text);
    let member = fleet.add(first.clone()).unwrap();
    assert!(matches!(fleet.add(first.clone()), Err(FleetError::Taken(_))));
    let mut namesake = spec(&text);
    namesake.name = first.name.clone();
    assert!(matches!(fleet.replace(namesake), Err(FleetError::Taken(_))));
    assert_eq!(fleet.named(&first.name).map(|found| found.id()), Some(first.id));
    assert!(changes.next().await.unwrap().contains(&first.id));
    phase(&member, ClusterPhase::Ready).await;
    facts(&member, "facts", |_| true).await;

    let closing = member.closing();
    let replaced = fleet.replace(first.clone()).unwrap();
    assert!(closing.is_cancelled(), "handles of the old way end");
    assert!(replaced.facts().borrow().is_some(), "facts are carried over");
    assert_eq!(fleet.all().len(), 1);
    assert!(member.call(Call::get("/version")).await.is_err());
    phase(&replaced, ClusterPhase::Ready).await;

    assert!(fleet.remove(first.id).await);
    assert!(!fleet.remove(first.id).await);
    assert!(fleet.get(first.id).is_none() && fleet.named(&first.name).is_none());
    fleet.shutdown(Duration::from_secs(5)).await;
    assert!(matches!(fleet.add(spec(&text)), Err(FleetError::Stopping)));
    // What was still to be told is told, then the end.
    while changes.next().await.is_some() {}
}

#[tokio::test]
async fn a_removed_member_gives_up_its_requests_at_once() {
    let cluster = bremen().await;
    let proxy = FaultProxy::to_cluster(cluster);
    let joined = join(&proxy.kubeconfig(cluster, Access::Admin));
    phase(&joined.member, ClusterPhase::Ready).await;
    proxy.set(Fault::HalfOpen).await;
    let member = joined.member.clone();
    let request = tokio::spawn(async move { member.call(Call::get("/version")).await });
    let started = Instant::now();
    joined.fleet.remove(joined.member.id()).await;
    assert!(request.await.unwrap().is_err());
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}
