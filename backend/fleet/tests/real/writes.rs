//! Applying, deleting and letting go, and what each refusal is taken for.

use std::time::{Duration, Instant};

use hanse_fleet::{
    ApplyOptions, DeleteOptions, Deleted, MemberError, Released, RetryClass, Target,
    api::{Call, JSON},
};
use hanse_harness::{Access, ApiProxy, Fault, FaultProxy, Injection};
use http::Method;
use serde_json::{Value, json};

use crate::support::{Desk, bremen, bytes, config_map, join, kind};

const FORCE: ApplyOptions = ApplyOptions { force: true, deadline: None };

async fn desk() -> Desk {
    Desk::new(&bremen().await.kubeconfig(Access::Admin)).await
}

/// Applies as somebody else.
async fn apply_as(desk: &Desk, manager: &str, name: &str, manifest: &Value) -> Result<(), MemberError> {
    let path = format!("{}?fieldManager={manager}", desk.target(name).path());
    let call = Call::new(Method::PATCH, path).body("application/apply-patch+yaml", bytes(manifest));
    desk.member.call(call).await.map(|_| ())
}

#[tokio::test]
async fn an_apply_creates_then_changes_then_leaves_alone() {
    let desk = desk().await;
    let created = desk.put("a", "1").await;
    assert!(created.created);
    let same = desk.put("a", "1").await;
    assert_eq!(
        (same.created, &same.uid, &same.resource_version),
        (false, &created.uid, &created.resource_version)
    );
    let changed = desk.put("a", "2").await;
    assert_eq!(changed.uid, created.uid);
    assert_ne!(changed.resource_version, created.resource_version);
    let object = desk.member.get(desk.target("a")).await.unwrap();
    assert_eq!(object["data"]["value"], "2");
    let meta = desk.member.get_metadata(desk.target("a")).await.unwrap();
    assert_eq!((meta.uid, meta.resource_version), (changed.uid, changed.resource_version));
    assert_eq!(meta.managed_fields[0]["manager"], "hanse");
}

#[tokio::test]
async fn a_field_that_another_owns_is_a_conflict_until_forced() {
    let desk = desk().await;
    apply_as(&desk, "somebody", "a", &config_map(&desk.namespace, "a", "theirs")).await.unwrap();
    let ours = config_map(&desk.namespace, "a", "ours");
    let error = desk.member.apply(desk.target("a"), &ours, ApplyOptions::default()).await.unwrap_err();
    assert_eq!(error.retry_class(), RetryClass::Reread);
    let MemberError::Conflict { causes, .. } = error else { panic!("{error:?}") };
    assert_eq!(causes.len(), 1, "{causes:?}");
    assert_eq!(
        (causes[0].reason.as_str(), causes[0].field.as_str()),
        ("FieldManagerConflict", ".data.value")
    );
    assert!(causes[0].message.contains("somebody"), "{causes:?}");
    desk.member.apply(desk.target("a"), &ours, FORCE).await.unwrap();
    assert_eq!(desk.member.get(desk.target("a")).await.unwrap()["data"]["value"], "ours");
}

#[tokio::test]
async fn a_dry_run_gives_the_whole_object_and_changes_nothing() {
    let desk = desk().await;
    let manifest = config_map(&desk.namespace, "a", "1");
    let object = desk.member.dry_run(desk.target("a"), &manifest, ApplyOptions::default()).await.unwrap();
    assert_eq!((&object["kind"], &object["data"]["value"]), (&json!("ConfigMap"), &json!("1")));
    let error = desk.member.get(desk.target("a")).await.unwrap_err();
    assert!(matches!(error, MemberError::NotFound(_)), "{error:?}");
}

#[tokio::test]
async fn each_refusal_says_what_it_is() {
    let desk = desk().await;
    let member = &desk.member;
    let apply = |target: Target<'_>, manifest: &Value| {
        let (target, manifest) = (target.path(), bytes(manifest));
        async move {
            let path = format!("{target}?fieldManager=hanse&fieldValidation=Strict");
            let call = Call::new(Method::PATCH, path).body("application/apply-patch+yaml", manifest);
            member.call(call).await.unwrap_err()
        }
    };
    let nowhere = Target { namespace: Some("no-such-namespace"), ..desk.target("a") };
    let error = apply(nowhere, &config_map("no-such-namespace", "a", "1")).await;
    assert!(
        matches!(&error, MemberError::NamespaceMissing { namespace } if namespace == "no-such-namespace"),
        "{error:?}"
    );
    assert_eq!(error.retry_class(), RetryClass::Backoff);

    let mut unknown = (*desk.maps).clone();
    unknown.group = "nobody.example".to_owned();
    let error = member.get(Target { resource: &unknown, ..desk.target("a") }).await.unwrap_err();
    assert!(matches!(error, MemberError::KindMissing(_)), "{error:?}");
    unknown.group = String::new();
    unknown.plural = "nobodies".to_owned();
    let error = member.get(Target { resource: &unknown, ..desk.target("a") }).await.unwrap_err();
    assert!(matches!(error, MemberError::KindMissing(_)), "{error:?}");
    assert_eq!(error.retry_class(), RetryClass::Permanent);

    let mut bad_key = config_map(&desk.namespace, "a", "1");
    bad_key["data"] = json!({"not a key!": "x"});
    let error = apply(desk.target("a"), &bad_key).await;
    let MemberError::Invalid { causes, .. } = &error else { panic!("{error:?}") };
    assert_eq!(causes[0].field, "data[not a key!]");

    let mut misspelt = config_map(&desk.namespace, "a", "1");
    misspelt["dada"] = json!({});
    let error = apply(desk.target("a"), &misspelt).await;
    let MemberError::Invalid { causes, .. } = &error else { panic!("{error:?}") };
    assert_eq!((causes.len(), causes[0].field.as_str()), (1, "dada"), "{error:?}");
    assert_eq!(error.retry_class(), RetryClass::Permanent);

    let path = desk.maps.collection_path(Some(&desk.namespace));
    desk.put("taken", "1").await;
    let again = Call::new(Method::POST, path).body(JSON, bytes(&config_map(&desk.namespace, "taken", "2")));
    let error = member.call(again).await.unwrap_err();
    assert!(matches!(error, MemberError::AlreadyExists(_)), "{error:?}");
}

#[tokio::test]
async fn a_namespace_that_is_going_takes_nothing_new() {
    let desk = desk().await;
    let namespaces = kind(&desk.member, "v1", "Namespace").await;
    let target = Target { resource: &namespaces, namespace: None, name: &desk.namespace };
    // Without controllers it stays in this state.
    assert_eq!(desk.member.delete(target, &DeleteOptions::default()).await.unwrap(), Deleted::Terminating);
    let manifest = config_map(&desk.namespace, "a", "1");
    let error = desk.member.apply(desk.target("a"), &manifest, ApplyOptions::default()).await.unwrap_err();
    assert!(
        matches!(&error, MemberError::NamespaceTerminating { namespace } if *namespace == desk.namespace),
        "{error:?}"
    );
}

#[tokio::test]
async fn who_may_not_and_who_is_not_known_are_told_apart() {
    let admin = desk().await;
    let cluster = bremen().await;
    for (access, forbidden) in [(Access::Limited, true), (Access::BadToken, false), (Access::Expired, false)]
    {
        let joined = join(&cluster.kubeconfig(access));
        let manifest = config_map(&admin.namespace, "a", "1");
        let error =
            joined.member.apply(admin.target("a"), &manifest, ApplyOptions::default()).await.unwrap_err();
        assert_eq!(matches!(error, MemberError::Forbidden(_)), forbidden, "{error:?}");
        assert_eq!(matches!(error, MemberError::Unauthorized(_)), !forbidden, "{error:?}");
    }
}

#[tokio::test]
async fn a_deletion_is_of_one_incarnation() {
    let desk = desk().await;
    let first = desk.put("a", "1").await;
    let only = |uid: &str| DeleteOptions { uid: Some(uid.to_owned()), ..DeleteOptions::default() };
    let error = desk.member.delete(desk.target("a"), &only("another")).await.unwrap_err();
    assert!(matches!(error, MemberError::Conflict { .. }), "{error:?}");
    assert_eq!(desk.member.delete(desk.target("a"), &only(&first.uid)).await.unwrap(), Deleted::Gone);
    assert_eq!(desk.member.delete(desk.target("a"), &only(&first.uid)).await.unwrap(), Deleted::Absent);
}

#[tokio::test]
async fn a_deletion_that_waits_for_a_finaliser_says_so() {
    let desk = desk().await;
    let mut manifest = config_map(&desk.namespace, "a", "1");
    manifest["metadata"]["finalizers"] = json!(["example.com/hold"]);
    desk.member.apply(desk.target("a"), &manifest, ApplyOptions::default()).await.unwrap();
    let options = DeleteOptions::default();
    assert_eq!(desk.member.delete(desk.target("a"), &options).await.unwrap(), Deleted::Terminating);
    assert_eq!(
        desk.member.delete(desk.target("a"), &options).await.unwrap(),
        Deleted::Terminating,
        "asking twice"
    );
    let meta = desk.member.get_metadata(desk.target("a")).await.unwrap();
    assert!(meta.terminating);
    assert_eq!(meta.finalizers, ["example.com/hold"]);
    manifest["metadata"]["finalizers"] = json!([]);
    desk.member.apply(desk.target("a"), &manifest, FORCE).await.unwrap();
    assert_eq!(desk.member.delete(desk.target("a"), &options).await.unwrap(), Deleted::Absent);
}

#[tokio::test]
async fn a_released_object_stays_and_belongs_to_whoever_applies_next() {
    let desk = desk().await;
    let applied = desk.put("a", "1").await;
    assert_eq!(desk.member.release(desk.target("a"), Some("another")).await.unwrap(), Released::Absent);
    assert_eq!(desk.member.release(desk.target("a"), Some(&applied.uid)).await.unwrap(), Released::Done);
    let meta = desk.member.get_metadata(desk.target("a")).await.unwrap();
    assert_eq!(meta.uid, applied.uid);
    assert!(!meta.labels.contains_key("kubefed.io/managed"));
    let object = desk.member.get(desk.target("a")).await.unwrap();
    assert_eq!(object["data"]["value"], "1");
    assert_eq!(desk.member.release(desk.target("a"), None).await.unwrap(), Released::NotManaged);

    let mut theirs = config_map(&desk.namespace, "a", "theirs");
    theirs["metadata"]["labels"] = json!({});
    apply_as(&desk, "helm", "a", &theirs).await.unwrap();
    assert_eq!(desk.member.get(desk.target("a")).await.unwrap()["data"]["value"], "theirs");
    desk.remove("a").await;
    assert_eq!(desk.member.release(desk.target("a"), None).await.unwrap(), Released::Absent);
}

#[tokio::test]
async fn a_release_meets_changes_in_between_and_others_keep_their_fields() {
    let desk = desk().await;
    desk.put("a", "1").await;
    let theirs = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "annotations": {"team": "blue"}}});
    apply_as(&desk, "team", "a", &theirs).await.unwrap();
    let race = async {
        for i in 0..20 {
            let change = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "a", "annotations": {"count": i.to_string()}}});
            apply_as(&desk, "counter", "a", &change).await.unwrap();
        }
    };
    let (released, ()) = tokio::join!(desk.member.release(desk.target("a"), None), race);
    // Losing the race for ever is allowed to be said, not to be hidden.
    match released {
        Ok(Released::Done) | Err(MemberError::Conflict { .. }) => {}
        other => panic!("{other:?}"),
    }
    desk.member.release(desk.target("a"), None).await.unwrap();
    let meta = desk.member.get_metadata(desk.target("a")).await.unwrap();
    let managers: Vec<_> = meta.managed_fields.iter().filter_map(|entry| entry["manager"].as_str()).collect();
    assert!(managers.contains(&"team") && !managers.contains(&"hanse"), "{managers:?}");
    assert_eq!(meta.annotations.get("team").map(String::as_str), Some("blue"));
}

#[tokio::test]
async fn names_from_people_stay_in_their_path() {
    let desk = desk().await;
    for name in ["../../nodes", "a/b", "a?dryRun=All", "a#b", "%2e%2e", ".."] {
        let error = desk.member.get(desk.target(name)).await.unwrap_err();
        assert!(
            matches!(
                error,
                MemberError::NotFound(_) | MemberError::BadRequest(_) | MemberError::KindMissing(_)
            ),
            "{name}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_member_that_asks_to_slow_down_gets_its_pause() {
    let proxy = ApiProxy::to(bremen().await).await;
    let desk = Desk::new(&proxy.kubeconfig()).await;
    proxy.inject(Injection::status(429).retry_after(2).method("PATCH").times(1));
    let manifest = config_map(&desk.namespace, "a", "1");
    let before = desk.member.concurrency();
    let error = desk.member.apply(desk.target("a"), &manifest, ApplyOptions::default()).await.unwrap_err();
    assert_eq!(error.retry_class(), RetryClass::After(Duration::from_secs(2)), "{error:?}");
    assert!(desk.member.concurrency() < before);
    let started = Instant::now();
    desk.member.apply(desk.target("a"), &manifest, ApplyOptions::default()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(1900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn failures_inside_a_member_are_told_from_garbage_and_silence() {
    let proxy = ApiProxy::to(bremen().await).await;
    let desk = Desk::new(&proxy.kubeconfig()).await;
    proxy.inject(Injection::status(500).method("GET").path("/configmaps/").times(1));
    let error = desk.member.get(desk.target("a")).await.unwrap_err();
    assert!(matches!(error, MemberError::Internal { status: 500, .. }), "{error:?}");
    assert_eq!(error.retry_class(), RetryClass::Backoff);
    proxy.inject(Injection::status(503).method("GET").path("/configmaps/").times(1));
    let error = desk.member.get(desk.target("a")).await.unwrap_err();
    assert!(matches!(error, MemberError::Unavailable { status: 503, .. }), "{error:?}");
    proxy.inject(Injection::garbage().method("GET").path("/configmaps/").times(1));
    let error = desk.member.get(desk.target("a")).await.unwrap_err();
    assert!(matches!(error, MemberError::NotKubernetes(_)), "{error:?}");

    proxy.inject(Injection::delay(Duration::from_secs(30)).method("PATCH"));
    let started = Instant::now();
    let options = ApplyOptions { deadline: Some(Duration::from_millis(300)), ..ApplyOptions::default() };
    let manifest = config_map(&desk.namespace, "a", "1");
    let error = desk.member.apply(desk.target("a"), &manifest, options).await.unwrap_err();
    assert!(matches!(error, MemberError::Timeout(_)), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_connection_on_which_nothing_moves_costs_a_deadline_and_heals() {
    let cluster = bremen().await;
    let proxy = FaultProxy::to_cluster(cluster);
    let desk = Desk::new(&proxy.kubeconfig(cluster, Access::Admin)).await;
    proxy.set(Fault::HalfOpen).await;
    let options = ApplyOptions { deadline: Some(Duration::from_millis(400)), ..ApplyOptions::default() };
    let manifest = config_map(&desk.namespace, "a", "1");
    let error = desk.member.apply(desk.target("a"), &manifest, options).await.unwrap_err();
    assert!(matches!(error, MemberError::Timeout(_)), "{error:?}");
    proxy.set(Fault::Cut).await;
    let error = desk.member.apply(desk.target("a"), &manifest, options).await.unwrap_err();
    assert!(error.is_about_reachability(), "{error:?}");
    proxy.set(Fault::Pass).await;
    desk.put("a", "1").await;
}

#[tokio::test]
async fn answers_cut_in_the_middle_are_errors() {
    let cluster = bremen().await;
    let proxy = FaultProxy::to_cluster(cluster);
    let desk = Desk::new(&proxy.kubeconfig(cluster, Access::Admin)).await;
    desk.put("a", &"x".repeat(200_000)).await;
    proxy.set(Fault::Truncate(50_000)).await;
    let error = desk.member.get(desk.target("a")).await.unwrap_err();
    assert!(matches!(error, MemberError::Transport(_)), "{error:?}");
    proxy.set(Fault::Pass).await;
    assert!(desk.member.get(desk.target("a")).await.is_ok());
}

#[tokio::test]
async fn the_usual_client_works_over_the_same_connections() {
    use kube::api::{Api, ListParams};
    let desk = desk().await;
    desk.put("a", "1").await;
    let maps: Api<k8s_openapi::api::core::v1::ConfigMap> =
        Api::namespaced(desk.member.client(), &desk.namespace);
    let listed = maps.list(&ListParams::default()).await.unwrap();
    assert!(listed.items.iter().any(|map| map.metadata.name.as_deref() == Some("a")));
}
