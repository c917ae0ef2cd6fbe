//! What is known of a cluster from itself: version, nodes, room, provider, places. Nodes are listed once and then
//! watched, so that a lost node shows within seconds and an idle cluster costs nothing.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use hanse_types::cluster::{ClusterFacts, ClusterPhase};
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

use crate::{
    api::{Api, Call},
    error::MemberError,
    member::Member,
    quantity::{self, QuantityError},
    reflector::{Event, ReflectorSpec, list},
    resource::{ObjectKey, ResourceType},
};

/// The version is asked for again after this long, and whenever the cluster was away: upgrades restart the API server.
const VERSION_EVERY: Duration = Duration::from_secs(600);
/// Many nodes that change together are summed up once.
const GATHER: Duration = Duration::from_millis(200);

/// Facts and how far they can be believed.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The facts.
    pub facts: ClusterFacts,
    /// When they were seen to be so last.
    pub observed_at: DateTime<Utc>,
    /// What is missing from them and why, such as nodes that the credential may not list.
    pub missing: Option<String>,
}

/// What is kept of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    ready: bool,
    cpu_milli: u64,
    memory_bytes: u64,
    pods: u64,
    provider: Option<String>,
    region: Option<String>,
    zone: Option<String>,
}

/// The parts of a node that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeObject {
    metadata: NodeMetadata,
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeMetadata {
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NodeSpec {
    #[serde(rename = "providerID")]
    provider_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    allocatable: BTreeMap<String, String>,
    conditions: Vec<NodeCondition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeCondition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
}

impl Node {
    fn read(object: Value) -> Result<Self, String> {
        let node: NodeObject = serde_json::from_value(object).map_err(|error| error.to_string())?;
        let amount = |key: &str, read: fn(&str) -> Result<u64, QuantityError>| {
            let text = node.status.allocatable.get(key).map_or("0", String::as_str);
            read(text).map_err(|error| format!("status.allocatable.{key}: {error}"))
        };
        let label = |key: &str, before: &str| {
            let labels = &node.metadata.labels;
            labels.get(key).or_else(|| labels.get(before)).filter(|value| !value.is_empty()).cloned()
        };
        let ready = |condition: &NodeCondition| condition.type_ == "Ready" && condition.status == "True";
        Ok(Self {
            ready: node.status.conditions.iter().any(ready),
            cpu_milli: amount("cpu", quantity::milli)?,
            memory_bytes: amount("memory", quantity::whole)?,
            pods: amount("pods", quantity::whole)?,
            // aws:///eu-central-1a/i-0abc → aws
            provider: node
                .spec
                .provider_id
                .as_deref()
                .and_then(|id| id.split_once("://"))
                .map(|(scheme, _)| scheme.to_owned())
                .filter(|scheme| !scheme.is_empty()),
            region: label("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
            zone: label("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
        })
    }
}

/// Sums nodes up. The error names what does not fit.
fn sum<'a>(nodes: impl Iterator<Item = &'a Node>, into: &mut ClusterFacts) -> Option<String> {
    let mut overflow = None;
    let mut add = |total: &mut u64, amount: u64, what: &str| match total.checked_add(amount) {
        Some(sum) => *total = sum,
        None => {
            overflow = Some(format!("the allocatable {what} of all nodes together is too large to be true"));
        }
    };
    let (mut regions, mut zones) = (BTreeSet::new(), BTreeSet::new());
    let mut providers: BTreeMap<&str, u32> = BTreeMap::new();
    *into = ClusterFacts { kubernetes_version: into.kubernetes_version.take(), ..ClusterFacts::default() };
    for node in nodes {
        into.nodes = into.nodes.saturating_add(1);
        into.nodes_ready = into.nodes_ready.saturating_add(u32::from(node.ready));
        add(&mut into.cpu_allocatable_milli, node.cpu_milli, "cpu");
        add(&mut into.memory_allocatable_bytes, node.memory_bytes, "memory");
        add(&mut into.pods_allocatable, node.pods, "pods");
        regions.extend(node.region.as_deref());
        zones.extend(node.zone.as_deref());
        if let Some(provider) = &node.provider {
            *providers.entry(provider).or_default() += 1;
        }
    }
    into.regions = regions.into_iter().map(ToOwned::to_owned).collect();
    into.zones = zones.into_iter().map(ToOwned::to_owned).collect();
    // The one of most nodes; of equals the first by name, so that it does not flicker.
    into.provider =
        providers.iter().rev().max_by_key(|(_, count)| **count).map(|(name, _)| (*name).to_owned());
    overflow
}

/// The kind of nodes, which every cluster has.
pub(crate) fn nodes() -> Arc<ResourceType> {
    Arc::new(ResourceType {
        group: String::new(),
        version: "v1".to_owned(),
        kind: "Node".to_owned(),
        plural: "nodes".to_owned(),
        namespaced: false,
        verbs: vec!["get".to_owned(), "list".to_owned(), "watch".to_owned()],
        subresources: vec!["status".to_owned()],
    })
}

/// Git version of the apiserver, such as `v1.36.3`.
pub(crate) async fn version(api: &Api) -> Result<String, MemberError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    let version: Version = api.call(Call::get("/version").unlimited()).await?.json()?;
    Ok(version.git_version)
}

/// Reads the facts once.
pub(crate) async fn read(api: &Api, version: String) -> Facts {
    let mut facts = ClusterFacts { kubernetes_version: Some(version), ..ClusterFacts::default() };
    let spec = ReflectorSpec::all(nodes());
    let missing = match list::complete(api, &spec).await {
        Ok(list) => {
            let read = |item: &list::Item| item.object().and_then(|object| Node::read(object).ok());
            let nodes: Vec<Node> = list.items.iter().filter_map(read).collect();
            sum(nodes.iter(), &mut facts)
        }
        Err(error) => Some(format!("nodes cannot be listed: {error}")),
    };
    Facts { facts, observed_at: Utc::now(), missing }
}

/// Keeps the facts of a member up to date until it is closed.
pub(crate) async fn keep(member: Arc<Member>, into: watch::Sender<Option<Facts>>) {
    let (sender, mut events) = mpsc::channel(256);
    let reflector = member.reflect(ReflectorSpec::all(nodes()), Node::read, sender);
    let (mut freshness, mut health) = (reflector.freshness(), member.health());
    let mut nodes: HashMap<ObjectKey, Arc<Node>> = HashMap::new();
    let mut listed = false;
    let mut version: Option<String> = None;
    let mut version_due = Instant::now();
    let mut was_ready = false;
    loop {
        let mut dirty = false;
        tokio::select! {
            () = member.closing_token().cancelled() => return,
            event = events.recv() => {
                let Some(event) = event else { return };
                take(&mut nodes, event, &mut listed);
                sleep_until(Instant::now() + GATHER).await;
                while let Ok(event) = events.try_recv() {
                    take(&mut nodes, event, &mut listed);
                }
                dirty = listed;
            }
            changed = freshness.changed() => {
                if changed.is_err() {
                    return;
                }
                dirty = true;
            }
            changed = health.changed() => {
                if changed.is_err() {
                    return;
                }
                let ready = health.borrow_and_update().phase == ClusterPhase::Ready;
                if ready && !was_ready {
                    version_due = Instant::now();
                }
                was_ready = ready;
            }
            () = sleep_until(version_due) => {
                let asked = tokio::select! {
                    () = member.closing_token().cancelled() => return,
                    asked = self::version(member.api()) => asked,
                };
                match asked {
                    Ok(found) => {
                        version = Some(found);
                        dirty = true;
                        version_due = Instant::now() + VERSION_EVERY;
                    }
                    // Until the cluster is back, which moves the date forward.
                    Err(_) => version_due = Instant::now() + Duration::from_secs(30),
                }
            }
        }
        if !dirty || version.is_none() {
            continue;
        }
        let problem = freshness.borrow().problem.clone();
        if !listed && problem.is_none() {
            continue;
        }
        into.send_if_modified(|known| {
            let before = known.as_ref().map(|known| &known.facts);
            let mut facts = ClusterFacts { kubernetes_version: version.clone(), ..ClusterFacts::default() };
            let mut missing = sum(nodes.values().map(Arc::as_ref), &mut facts);
            if !listed {
                // What was known of the nodes before (a credential was replaced) stays until they are listed again.
                if let Some(before) = before {
                    facts = ClusterFacts { kubernetes_version: version.clone(), ..before.clone() };
                }
                missing = Some(format!("nodes cannot be listed: {}", problem.unwrap_or_default()));
            }
            let next = Facts { facts, observed_at: Utc::now(), missing };
            let changed =
                known.as_ref().is_none_or(|known| known.facts != next.facts || known.missing != next.missing);
            *known = Some(next);
            changed
        });
    }
}

fn take(nodes: &mut HashMap<ObjectKey, Arc<Node>>, event: Event<Node>, listed: &mut bool) {
    match event {
        Event::Restarted(list) => {
            *nodes = list.objects.into_iter().collect();
            *listed = true;
        }
        Event::Applied(key, node) => {
            nodes.insert(key, node);
        }
        Event::Deleted(key) => {
            nodes.remove(&key);
        }
        // A node that cannot be read still stands; nothing can be said of its room.
        Event::Unreadable(key) => {
            nodes.insert(key, Arc::new(Node::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(cpu: &str, memory: &str, provider: &str, zone: &str) -> Value {
        json!({
            "metadata": {"name": "n", "labels": {
                "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": zone}},
            "spec": {"providerID": provider},
            "status": {
                "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}]
            }
        })
    }

    #[test]
    fn nodes_are_summed_up_exactly() {
        let nodes = [
            node("3920m", "16398120Ki", "aws:///eu-1a/i-1", "eu-1b"),
            node("4", "1.5Gi", "aws:///eu-1a/i-2", "eu-1a"),
            node("0.5", "0", "kwok://n", "eu-1a"),
        ]
        .map(|object| Node::read(object).unwrap());
        let mut facts =
            ClusterFacts { kubernetes_version: Some("v1.36.3".to_owned()), ..ClusterFacts::default() };
        assert_eq!(sum(nodes.iter(), &mut facts), None);
        assert_eq!(
            facts,
            ClusterFacts {
                kubernetes_version: Some("v1.36.3".to_owned()),
                nodes: 3,
                nodes_ready: 3,
                cpu_allocatable_milli: 8420,
                memory_allocatable_bytes: 16_791_674_880 + 1_610_612_736,
                pods_allocatable: 330,
                provider: Some("aws".to_owned()),
                regions: vec!["eu".to_owned()],
                zones: vec!["eu-1a".to_owned(), "eu-1b".to_owned()],
            }
        );
    }

    #[test]
    fn an_absurd_node_is_unreadable_and_an_absurd_sum_is_said() {
        let error = Node::read(node("1", "99999999999999999999", "", "z")).unwrap_err();
        assert!(error.starts_with("status.allocatable.memory"), "{error}");
        let huge = Node::read(node("1", "15Ei", "", "z")).unwrap();
        let mut facts = ClusterFacts::default();
        assert!(sum([&huge, &huge].into_iter(), &mut facts).is_some());
        assert_eq!(facts.memory_allocatable_bytes, 15 << 60);
    }
}
