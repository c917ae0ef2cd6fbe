//! Mirrors: complete or not at all, whatever happens on the way.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use hanse_fleet::{
    ObjectKey, Reflector, ReflectorSpec,
    reflector::{Call, Event},
};
use hanse_harness::{Access, ApiProxy, ControlPlane, Fault, FaultProxy, Flavour, Injection};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::support::{Desk, bremen, until};

/// What a mirror told, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Restarted { present: usize, unreadable: usize, gone: BTreeSet<String> },
    Applied(String, String),
    Deleted(String),
    Unreadable(String),
}

struct Watched {
    reflector: Reflector<String>,
    told: Arc<Mutex<Vec<Told>>>,
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of a trim")]
fn trim(object: Value) -> Result<String, String> {
    assert_eq!((&object["kind"], &object["apiVersion"]), (&Value::from("ConfigMap"), &Value::from("v1")));
    match object["data"]["value"].as_str() {
        Some("unreadable") | None => Err("no value".to_owned()),
        Some(value) => Ok(value.to_owned()),
    }
}

fn watch(desk: &Desk) -> Watched {
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    let sink = Call(move |event: Event<String>| {
        let name = |key: &ObjectKey| key.name.to_string();
        into.lock().unwrap().push(match event {
            Event::Restarted(list) => Told::Restarted {
                present: list.objects.len(),
                unreadable: list.unreadable.len(),
                gone: list.gone.iter().map(name).collect(),
            },
            Event::Applied(key, value) => Told::Applied(name(&key), value.to_string()),
            Event::Deleted(key) => Told::Deleted(name(&key)),
            Event::Unreadable(key) => Told::Unreadable(name(&key)),
        });
    });
    let spec = ReflectorSpec {
        namespace: Some(desk.namespace.clone()),
        ..ReflectorSpec::managed(Arc::clone(&desk.maps))
    };
    Watched { reflector: desk.member.reflect(spec, trim, sink), told }
}

impl Watched {
    fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    fn forget(&self) {
        self.told.lock().unwrap().clear();
    }

    async fn synced(&self) {
        until("a complete list", || self.synced_now()).await;
    }

    fn synced_now(&self) -> Result<(), String> {
        let freshness = self.reflector.freshness().borrow().clone();
        if freshness.synced && freshness.watching { Ok(()) } else { Err(format!("{freshness:?}")) }
    }

    async fn sees(&self, desk: &Desk, name: &str, value: Option<&str>) {
        until(&format!("{name} = {value:?}"), || {
            let seen = self.reflector.get(&desk.key(name));
            if seen.as_deref().map(String::as_str) == value { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
    }

    fn deletions(&self) -> Vec<Told> {
        let told = self.told().into_iter();
        told.filter(|told| match told {
            Told::Deleted(_) => true,
            Told::Restarted { gone, .. } => !gone.is_empty(),
            _ => false,
        })
        .collect()
    }
}

async fn desk() -> Desk {
    Desk::new(&bremen().await.kubeconfig(Access::Admin)).await
}

fn applied(name: &str, value: &str) -> Told {
    Told::Applied(name.to_owned(), value.to_owned())
}

#[tokio::test]
async fn a_mirror_begins_with_a_complete_list_and_follows() {
    let desk = desk().await;
    desk.put("a", "1").await;
    let watched = watch(&desk);
    watched.synced().await;
    desk.put("b", "1").await;
    desk.put("a", "2").await;
    desk.remove("a").await;
    watched.sees(&desk, "a", None).await;
    assert_eq!(
        watched.told(),
        [
            Told::Restarted { present: 1, unreadable: 0, gone: BTreeSet::new() },
            applied("b", "1"),
            applied("a", "2"),
            Told::Deleted("a".to_owned()),
        ]
    );
    assert_eq!(watched.reflector.snapshot().len(), 1);
    let freshness = watched.reflector.freshness().borrow().clone();
    assert!(
        freshness.last_event_at.is_some_and(|at| chrono::Utc::now() - at < chrono::TimeDelta::seconds(20))
    );
}

#[tokio::test]
async fn an_object_that_cannot_be_read_stops_nothing_and_is_not_absent() {
    let desk = desk().await;
    desk.put("good", "1").await;
    desk.put("bad", "unreadable").await;
    let watched = watch(&desk);
    watched.synced().await;
    desk.put("good", "unreadable").await;
    desk.put("last", "1").await;
    watched.sees(&desk, "last", Some("1")).await;
    assert_eq!(
        watched.told(),
        [
            Told::Restarted { present: 1, unreadable: 1, gone: BTreeSet::new() },
            Told::Unreadable("good".to_owned()),
            applied("last", "1"),
        ]
    );
    assert_eq!(watched.reflector.len(), 3, "those that cannot be read are there");
    assert_eq!(watched.reflector.get(&desk.key("good")), None);
}

#[tokio::test]
async fn a_list_cut_anywhere_shows_nothing_and_deletes_nothing() {
    let cluster = bremen().await;
    let direct = desk().await;
    direct.fill(600, &"x".repeat(500)).await;
    let proxy = FaultProxy::to_cluster(cluster);
    let mut through = Desk::new(&proxy.kubeconfig(cluster, Access::Admin)).await;
    through.namespace.clone_from(&direct.namespace);
    // More than 400 KB are to come; each attempt ends somewhere else.
    for bytes in [6_000, 60_000, 200_000, 350_000] {
        proxy.set(Fault::Truncate(bytes)).await;
        let before = proxy.connections();
        let watched = watch(&through);
        until("two cut attempts", || {
            let more = proxy.connections() - before;
            if more >= 2 { Ok(()) } else { Err(format!("{more} connections")) }
        })
        .await;
        assert_eq!(watched.told(), [], "{bytes}");
        assert!(watched.reflector.is_empty() && !watched.reflector.freshness().borrow().synced);
        proxy.set(Fault::Pass).await;
        watched.synced().await;
        assert_eq!(watched.told(), [Told::Restarted { present: 600, unreadable: 0, gone: BTreeSet::new() }]);
    }
}

#[tokio::test]
async fn a_mirror_that_must_list_again_over_a_bad_line_loses_nothing() {
    let cluster = bremen().await;
    let direct = desk().await;
    direct.fill(300, &"x".repeat(500)).await;
    let api = ApiProxy::to(cluster).await;
    let proxy = FaultProxy::to(api.address());
    let mut through = Desk::new(&api.kubeconfig_at(proxy.address())).await;
    through.namespace.clone_from(&direct.namespace);
    let watched = watch(&through);
    watched.synced().await;
    watched.forget();

    // From here on every watch is refused as too old, and every list is cut.
    api.inject(Injection::status(410).path("&resourceVersion="));
    proxy.set(Fault::Cut).await;
    proxy.set(Fault::Truncate(30_000)).await;
    let before = proxy.connections();
    until("some cut attempts", || {
        let more = proxy.connections() - before;
        if more >= 3 { Ok(()) } else { Err(format!("{more} connections")) }
    })
    .await;
    assert_eq!(watched.told(), []);
    assert_eq!(watched.reflector.len(), 300, "what was known stays");
    direct.remove("m7").await;
    api.clear();
    proxy.set(Fault::Pass).await;
    watched.sees(&direct, "m7", None).await;
    assert_eq!(watched.reflector.len(), 299);
    assert_eq!(watched.deletions().len(), 1, "{:?}", watched.deletions());
}

#[tokio::test]
async fn a_watch_that_is_cut_resumes_where_it_stopped() {
    let cluster = bremen().await;
    let direct = desk().await;
    let api = ApiProxy::to(cluster).await;
    let proxy = FaultProxy::to(api.address());
    let mut through = Desk::new(&api.kubeconfig_at(proxy.address())).await;
    through.namespace.clone_from(&direct.namespace);
    direct.put("a", "1").await;
    let watched = watch(&through);
    watched.synced().await;
    api.forget();
    for round in 0..3 {
        proxy.set(Fault::Cut).await;
        direct.put("a", &format!("cut {round}")).await;
        direct.put(&format!("b{round}"), "1").await;
        proxy.set(Fault::Pass).await;
        watched.sees(&direct, &format!("b{round}"), Some("1")).await;
    }
    let changes: Vec<_> = watched.told().into_iter().skip(1).collect();
    let expected: Vec<_> = (0..3)
        .flat_map(|round| [applied("a", &format!("cut {round}")), applied(&format!("b{round}"), "1")])
        .collect();
    assert_eq!(changes, expected, "nothing lost, nothing twice");
    let lists =
        |(_, path): &&(String, String)| path.contains("/configmaps?") && path.contains("sendInitialEvents");
    assert_eq!(api.requests().iter().filter(lists).count(), 0, "no list was needed: {:?}", api.requests());
}

#[tokio::test]
async fn a_point_that_is_no_longer_kept_leads_to_a_new_list_that_tells_what_is_gone() {
    let cluster = bremen().await;
    let direct = desk().await;
    let api = ApiProxy::to(cluster).await;
    let proxy = FaultProxy::to(api.address());
    let mut through = Desk::new(&api.kubeconfig_at(proxy.address())).await;
    through.namespace.clone_from(&direct.namespace);
    direct.put("a", "1").await;
    direct.put("b", "1").await;
    let watched = watch(&through);
    watched.synced().await;
    watched.forget();
    proxy.set(Fault::Cut).await;
    direct.remove("a").await;
    direct.put("c", "1").await;
    api.inject(Injection::status(410).path("/configmaps?watch=true").times(1));
    proxy.set(Fault::Pass).await;
    watched.sees(&direct, "c", Some("1")).await;
    let gone = BTreeSet::from(["a".to_owned()]);
    assert_eq!(watched.told(), [Told::Restarted { present: 2, unreadable: 0, gone }]);
}

#[tokio::test]
async fn members_that_do_not_stream_lists_are_read_page_by_page() {
    let cluster = bremen().await;
    let direct = desk().await;
    direct.fill(510, "1").await;
    let api = ApiProxy::to(cluster).await;
    let mut through = Desk::new(&api.kubeconfig()).await;
    through.namespace.clone_from(&direct.namespace);
    api.inject(Injection::status(422).path("sendInitialEvents"));
    let watched = watch(&through);
    watched.synced().await;
    assert_eq!(watched.told(), [Told::Restarted { present: 510, unreadable: 0, gone: BTreeSet::new() }]);
    assert!(api.count("GET", "continue=") >= 1, "{:?}", api.requests());
    direct.put("m0", "2").await;
    watched.sees(&direct, "m0", Some("2")).await;

    // A page that breaks off, or an answer that is no list, is no list.
    let again = watch(&through);
    drop(again);
    api.inject(Injection::garbage().path("/configmaps?labelSelector").times(2));
    let watched = watch(&through);
    watched.synced().await;
    assert_eq!(watched.told(), [Told::Restarted { present: 510, unreadable: 0, gone: BTreeSet::new() }]);
}

#[tokio::test]
async fn a_restarted_api_server_costs_no_event() {
    let plane = ControlPlane::start_private(Flavour::ApiOnly).await;
    let desk = Desk::new(&plane.kubeconfig(Access::Admin)).await;
    desk.put("a", "1").await;
    let watched = watch(&desk);
    watched.synced().await;
    plane.stop().await;
    until("the cut to be noticed", || {
        let freshness = watched.reflector.freshness().borrow().clone();
        if freshness.watching { Err(format!("{freshness:?}")) } else { Ok(()) }
    })
    .await;
    assert_eq!(watched.reflector.len(), 1, "what was seen last stays");
    plane.start().await;
    crate::support::phase(&desk.member, hanse_types::cluster::ClusterPhase::Ready).await;
    desk.put("a", "2").await;
    watched.sees(&desk, "a", Some("2")).await;
    desk.put("b", "1").await;
    watched.sees(&desk, "b", Some("1")).await;
    assert_eq!(watched.deletions(), []);
}

#[tokio::test]
async fn a_slow_reader_holds_the_watch_back_and_misses_nothing() {
    let desk = desk().await;
    let (sender, mut events) = mpsc::channel(1);
    let spec = ReflectorSpec {
        namespace: Some(desk.namespace.clone()),
        ..ReflectorSpec::managed(Arc::clone(&desk.maps))
    };
    let reflector = desk.member.reflect(spec, trim, sender);
    assert!(matches!(events.recv().await, Some(Event::Restarted(_))));
    desk.fill(50, "1").await;
    let mut seen = BTreeSet::new();
    while seen.len() < 50 {
        let event = tokio::time::timeout(Duration::from_secs(10), events.recv()).await.unwrap().unwrap();
        tokio::task::yield_now().await;
        let Event::Applied(key, _) = event else { panic!("{event:?}") };
        assert!(seen.insert(key));
    }
    drop(reflector);
    assert!(events.recv().await.is_none(), "dropping the mirror ends it");
}

#[tokio::test]
async fn who_may_not_watch_is_told_why() {
    let admin = desk().await;
    let limited = crate::support::join(&bremen().await.kubeconfig(Access::Limited));
    let secrets = crate::support::kind(&admin.member, "v1", "Secret").await;
    let reflector = limited.member.reflect(
        ReflectorSpec::all(secrets),
        |_| Ok(()),
        Call(|_: Event<()>| panic!("an event")),
    );
    until("the reason", || {
        let freshness = reflector.freshness().borrow().clone();
        match &freshness.problem {
            Some(problem) if problem.contains("cannot") && problem.contains("secrets") => Ok(()),
            _ => Err(format!("{freshness:?}")),
        }
    })
    .await;
}
