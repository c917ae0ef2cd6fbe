//! Fixtures.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hanse_fleet::{
    ApplyOptions, Connector, Fleet, FleetOptions, Member, MemberSpec, ObjectKey, ResourceType, Target,
    TypeName, kubeconfig,
};
use hanse_harness::{Access, Cluster, ControlPlanes, unique, wait_for};
use hanse_types::{cluster::ClusterPhase, id::ClusterId, name::ClusterName};
use serde_json::{Value, json};

pub const SOON: Duration = Duration::from_secs(20);

/// The shared plane that is an API server alone.
pub async fn bremen() -> &'static Cluster {
    ControlPlanes::shared().await.cluster("bremen")
}

/// A shared plane with nodes.
pub async fn hamburg() -> &'static Cluster {
    ControlPlanes::shared().await.cluster("hamburg")
}

/// A fleet of one.
pub struct Joined {
    pub fleet: Fleet,
    pub member: Arc<Member>,
}

pub fn spec(text: &str) -> MemberSpec {
    let access = kubeconfig::parse(text, None).unwrap().access;
    MemberSpec {
        id: ClusterId::new(),
        name: ClusterName::parse(unique("cluster")).unwrap(),
        connector: Connector::direct(access),
        uid: None,
    }
}

pub fn join(text: &str) -> Joined {
    join_with(text, FleetOptions::default())
}

pub fn join_with(text: &str, options: FleetOptions) -> Joined {
    let fleet = Fleet::new(options);
    let member = fleet.add(spec(text)).unwrap();
    Joined { fleet, member }
}

pub async fn join_admin(cluster: &Cluster) -> Joined {
    join(&cluster.kubeconfig(Access::Admin))
}

pub async fn phase(member: &Member, wanted: ClusterPhase) {
    let mut health = member.health();
    let seen = tokio::time::timeout(SOON, health.wait_for(|health| health.phase == wanted)).await;
    assert!(seen.is_ok(), "not {wanted}: {:?}", member.health().borrow());
}

pub async fn kind(member: &Member, api_version: &str, kind: &str) -> Arc<ResourceType> {
    let name = TypeName::of_kind(api_version, kind);
    member.discovery().resolve(&name).await.unwrap().unwrap_or_else(|| panic!("{name}"))
}

/// A namespace of the test's own.
pub async fn namespace(member: &Member) -> String {
    let name = unique("fleet");
    let namespaces = kind(member, "v1", "Namespace").await;
    let target = Target { resource: &namespaces, namespace: None, name: &name };
    let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    member.apply(target, &manifest, ApplyOptions::default()).await.unwrap();
    name
}

pub fn bytes(value: &Value) -> Bytes {
    serde_json::to_vec(value).unwrap().into()
}

pub fn config_map(namespace: &str, name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"kubefed.io/managed": "true"}},
        "data": {"value": value},
    })
}

/// A member with a namespace of the test's own, for config maps.
pub struct Desk {
    pub member: Arc<Member>,
    pub maps: Arc<ResourceType>,
    pub namespace: String,
    _fleet: Fleet,
}

impl Desk {
    pub async fn new(text: &str) -> Self {
        let Joined { fleet, member } = join(text);
        Self {
            maps: kind(&member, "v1", "ConfigMap").await,
            namespace: namespace(&member).await,
            member,
            _fleet: fleet,
        }
    }

    pub fn target<'a>(&'a self, name: &'a str) -> Target<'a> {
        Target { resource: &self.maps, namespace: Some(&self.namespace), name }
    }

    pub fn key(&self, name: &str) -> ObjectKey {
        ObjectKey::new(self.namespace.as_str(), name)
    }

    pub async fn put(&self, name: &str, value: &str) -> hanse_fleet::Applied {
        let manifest = config_map(&self.namespace, name, value);
        self.member.apply(self.target(name), &manifest, ApplyOptions::default()).await.unwrap()
    }

    pub async fn remove(&self, name: &str) {
        self.member.delete(self.target(name), &hanse_fleet::DeleteOptions::default()).await.unwrap();
    }

    /// So many config maps, several at once.
    pub async fn fill(&self, count: usize, value: &str) {
        use futures::StreamExt as _;
        let put = |i: usize| async move {
            self.put(&format!("m{i}"), value).await;
        };
        futures::stream::iter(0..count).for_each_concurrent(16, put).await;
    }
}

/// Waits until a check holds.
pub async fn until(what: &str, check: impl Fn() -> Result<(), String>) {
    wait_for(SOON, what, || {
        let state = check();
        async move { state }
    })
    .await;
}
