//! Kinds, as members serve them.

use hanse_fleet::{
    DeleteOptions, Target, TypeName,
    api::{Call, JSON},
};
use hanse_harness::{ApiProxy, Injection, unique};
use http::Method;
use serde_json::json;

use crate::support::{bremen, bytes, join, join_admin, kind};

#[tokio::test]
async fn built_in_kinds_are_resolved_by_kind_and_by_plural() {
    let joined = join_admin(bremen().await).await;
    let deployments = kind(&joined.member, "apps/v1", "Deployment").await;
    assert_eq!((deployments.plural.as_str(), deployments.namespaced), ("deployments", true));
    assert!(deployments.allows("watch") && deployments.subresources.contains(&"scale".to_owned()));
    assert_eq!(deployments.object_path(Some("n"), "a"), "/apis/apps/v1/namespaces/n/deployments/a");
    let plural = TypeName::of_plural("deployments.apps");
    assert_eq!(joined.member.discovery().resolve(&plural).await.unwrap(), Some(deployments));
    let nodes = kind(&joined.member, "v1", "Node").await;
    assert!(!nodes.namespaced);
    let all = joined.member.discovery().all().await.unwrap();
    assert!(all.len() > 40, "{}", all.len());
}

#[tokio::test]
async fn an_unknown_kind_is_none_and_asking_for_it_often_costs_little() {
    let proxy = ApiProxy::to(bremen().await).await;
    let joined = join(&proxy.kubeconfig());
    for _ in 0..50 {
        let unknown = TypeName::of_kind("nobody.example/v1", "Nobody");
        assert_eq!(joined.member.discovery().resolve(&unknown).await.unwrap(), None);
    }
    let asked = proxy.requests().iter().filter(|(_, path)| path == "/apis").count();
    assert!((1..=2).contains(&asked), "{asked}");
}

#[tokio::test]
async fn members_without_aggregated_discovery_are_read_group_by_group() {
    // The proxy answers the aggregated request for /apis with what an old server gives.
    let server = crate::fakes::Server::kubernetes("v1.29.0").await;
    let list = |resources: serde_json::Value| {
        crate::fakes::Canned::json(&json!({"kind": "APIResourceList", "resources": resources}))
    };
    server.answer("/api", crate::fakes::Canned::json(&json!({"kind": "APIVersions", "versions": ["v1"]})));
    server.answer(
        "/api/v1",
        list(json!([
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": true, "verbs": ["get"]}])),
    );
    server.answer("/apis", crate::fakes::Canned::json(&json!({"kind": "APIGroupList", "groups": [
        {"name": "autoscaling", "versions": [{"version": "v1"}, {"version": "v2"}], "preferredVersion": {"version": "v2"}},
        {"name": "down.example", "versions": [{"version": "v1"}], "preferredVersion": {"version": "v1"}}]})));
    let hpa = json!([{"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler", "namespaced": true, "verbs": []}]);
    server.answer("/apis/autoscaling/v1", list(hpa.clone()));
    server.answer("/apis/autoscaling/v2", list(hpa));
    server.answer("/apis/down.example/v1", crate::fakes::Canned::text(503, "no endpoints"));
    let joined = join(&server.kubeconfig());
    let version = |name: TypeName| {
        let member = joined.member.clone();
        async move { member.discovery().resolve(&name).await.unwrap().map(|kind| kind.version.clone()) }
    };
    assert_eq!(
        version(TypeName::of_plural("horizontalpodautoscalers.autoscaling")).await.as_deref(),
        Some("v2")
    );
    assert_eq!(
        version(TypeName::of_kind("autoscaling/v1", "HorizontalPodAutoscaler")).await.as_deref(),
        Some("v1")
    );
    assert_eq!(version(TypeName::of_kind("v1", "ConfigMap")).await.as_deref(), Some("v1"));
    assert_eq!(version(TypeName::of_kind("down.example/v1", "Thing")).await, None);
}

#[tokio::test]
async fn a_kind_that_appears_later_is_found_and_one_that_goes_is_noticed() {
    let joined = join_admin(bremen().await).await;
    let member = &joined.member;
    let plural = unique("boats").replace('-', "");
    let group = "fleet.example";
    let name = TypeName::of_kind(&format!("{group}/v1"), &plural);
    assert_eq!(member.discovery().resolve(&name).await.unwrap(), None);

    let definitions = kind(member, "apiextensions.k8s.io/v1", "CustomResourceDefinition").await;
    let crd = format!("{plural}.{group}");
    let manifest = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": crd},
        "spec": {"group": group, "scope": "Cluster", "names": {"plural": plural, "kind": plural},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    let call = Call::new(Method::POST, definitions.collection_path(None)).body(JSON, bytes(&manifest));
    member.call(call).await.unwrap();
    hanse_harness::wait_for(crate::support::SOON, "the new kind", || async {
        member.discovery().resolve(&name).await.unwrap().ok_or("not served yet")
    })
    .await;

    let target = Target { resource: &definitions, namespace: None, name: &crd };
    member.delete(target, &DeleteOptions::default()).await.unwrap();
    hanse_harness::wait_for(crate::support::SOON, "the kind to go", || async {
        let Some(boats) = member.discovery().resolve(&name).await.unwrap() else { return Ok(()) };
        // A request says that it is gone; from then on it is asked for again.
        let _ = member.get(Target { resource: &boats, namespace: None, name: "a" }).await;
        Err("still known")
    })
    .await;
}

#[tokio::test]
async fn what_was_known_serves_while_a_member_cannot_be_asked() {
    let proxy = ApiProxy::to(bremen().await).await;
    let joined = join(&proxy.kubeconfig());
    kind(&joined.member, "v1", "ConfigMap").await;
    proxy.inject(Injection::status(500).path("/api"));
    joined.member.discovery().invalidate();
    kind(&joined.member, "v1", "ConfigMap").await;
    let unknown = TypeName::of_kind("nobody.example/v1", "Nobody");
    assert_eq!(joined.member.discovery().resolve(&unknown).await.unwrap(), None);

    let never = join(&proxy.kubeconfig());
    assert!(never.member.discovery().resolve(&unknown).await.is_err(), "nothing was ever known");
}
