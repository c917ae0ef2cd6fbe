//! How records look to Kubernetes' clients. Pure: rows in, objects out.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, SecondsFormat, Utc};
use hanse_federation::{ClusterView, FederatedObject, FederatedSpec, Resource, v1, v2};
use hanse_machinery::{json, kinds::Generation};
use hanse_store::{clusters, hub, owners::Kept};
use hanse_types::federated::{ClusterStatus, FederatedStatus};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    kinds::{Backing, Kind, SYSTEM},
    shelf::{Item, Source},
    shelves::Place,
};

/// Finaliser on an object whose copies are not confirmed gone, in the words of Federation v2.
pub const SYNC_FINALIZER: &str = "kubefed.io/sync-controller";
/// The same in the words of Federation v1.
pub const COPIES_FINALIZER: &str = "federation.kubernetes.io/delete-from-underlying-clusters";
/// What `kubectl apply` keeps.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Address that a Service shows here: each cluster has its own. From a range that is nobody's (RFC 5737).
pub const EVERY_CLUSTERS_OWN: &str = "192.0.2.1";
/// Metadata that a client sets on the object of a root and that is no part of the record.
const OWN_METADATA: [&str; 4] = ["finalizers", "ownerReferences", "managedFields", "generateName"];

/// A time as apiservers write it.
#[must_use]
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Gives an item its version.
#[must_use]
pub fn at(mut item: Item, revision: i64) -> Item {
    item.revision = revision;
    if let Some(metadata) = Arc::make_mut(&mut item.object).get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.insert("resourceVersion".into(), revision.to_string().into());
    }
    item
}

/// Whether a finalizer is one that is only shown.
fn is_ours(finalizer: &str) -> bool {
    [SYNC_FINALIZER, COPIES_FINALIZER].contains(&finalizer)
}

/// The metadata that a root keeps beside a record: what [`OWN_METADATA`] says, and with `labels` labels and annotations.
#[must_use]
pub fn own_metadata(object: &Value, labels: bool) -> Value {
    let mut out = Map::new();
    let Some(metadata) = object.get("metadata").and_then(Value::as_object) else { return Value::Object(out) };
    for name in
        OWN_METADATA.into_iter().chain(labels.then_some(["labels", "annotations"]).into_iter().flatten())
    {
        if let Some(value) = metadata.get(name) {
            out.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(finalizers) = out.get_mut("finalizers").and_then(Value::as_array_mut) {
        finalizers.retain(|name| !name.as_str().is_some_and(is_ours));
        if finalizers.is_empty() {
            out.remove("finalizers");
        }
    }
    let last_applied = metadata.get("annotations").and_then(|annotations| annotations.get(LAST_APPLIED));
    if let (false, Some(text)) = (labels, last_applied) {
        out.insert("annotations".to_owned(), json!({LAST_APPLIED: text}));
    }
    Value::Object(out)
}

fn merge_metadata(object: &mut Value, own: Option<&Value>) {
    let Some(own) = own.and_then(Value::as_object) else { return };
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    for (name, value) in own {
        match (metadata.get_mut(name).and_then(Value::as_object_mut), value.as_object()) {
            (Some(there), Some(more)) => {
                there.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            _ => {
                metadata.insert(name.clone(), value.clone());
            }
        }
    }
}

fn put(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert(name.to_owned(), value.into());
    }
}

fn add_finalizer(object: &mut Value, name: &str) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let list = metadata.entry("finalizers").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(name.into());
        }
    }
}

/// An object kept at the hub.
#[must_use]
pub fn local(kind: &Kind, local: hub::Local) -> Item {
    let mut object = local.object.clone();
    // The kind may be served in several versions; what is stored is shown in the one that was asked for.
    json::set(&mut object, &["apiVersion"], kind.descriptor.api_version());
    Item {
        key: (local.namespace.clone(), local.name.clone()),
        id: local.id,
        revision: 0,
        object: Arc::new(object),
        source: Source::Local(Arc::new(local)),
    }
}

/// Objects that are always there.
#[must_use]
pub fn fixed(kind: &Kind) -> Vec<Item> {
    if kind.backing != Backing::Namespace || kind.root != super::route::Root::KubeFed {
        return Vec::new();
    }
    let object = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": SYSTEM, "uid": Uuid::nil(), "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"kubernetes.io/metadata.name": SYSTEM},
        },
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
    });
    vec![Item {
        key: (String::new(), SYSTEM.to_owned()),
        id: Uuid::nil(),
        revision: 0,
        object: Arc::new(object),
        source: Source::Fixed,
    }]
}

/// A project as the namespace that it is in its clusters.
#[must_use]
pub fn namespace(kind: &Kind, row: hub::Namespace) -> Item {
    let project = &row.project;
    let going = project.deleted_at.is_some();
    let mut object = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": {
            "name": project.name, "uid": project.id, "creationTimestamp": time(project.created_at),
            "labels": {},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": if going { "Terminating" } else { "Active" }},
    });
    let own = row.views.get(kind.home().as_str()).map(|view| &view.body);
    merge_metadata(&mut object, own.and_then(|body| body.get("metadata")));
    json::set(&mut object, &["metadata", "labels", "kubernetes.io/metadata.name"], project.name.clone());
    if let Some(at) = project.deleted_at {
        put(&mut object, "deletionTimestamp", time(at));
    }
    Item {
        key: (String::new(), project.name.clone()),
        id: project.id,
        revision: 0,
        object: Arc::new(object),
        source: Source::Project(Arc::new(row)),
    }
}

/// The record of a row, as decisions see it.
#[must_use]
pub fn record(target: &Resource, row: &hub::Federated) -> FederatedObject {
    let (_, version) = row.row.api_version.split_once('/').unwrap_or(("", &row.row.api_version));
    FederatedObject {
        resource: Resource { version: version.to_owned(), ..target.clone() },
        namespace: row.project.as_ref().filter(|_| target.namespaced).map(|project| project.name.clone()),
        name: row.row.name.clone(),
        labels: BTreeMap::new(),
        generation: row.row.generation,
        deleting: row.row.deleted_at.is_some(),
        spec: serde_json::from_value::<FederatedSpec>(row.spec.clone()).unwrap_or_default(),
    }
}

/// A federated object as a kind shows it; `None` when it does not.
#[must_use]
pub fn federated(kind: &Kind, target: &Resource, row: hub::Federated) -> Option<Item> {
    let record = record(target, &row);
    let status: Option<FederatedStatus> =
        row.status.clone().and_then(|status| serde_json::from_value(status).ok());
    let view = row.views.get(kind.home().as_str());
    let namespace = row.project.as_ref().map(|project| project.name.clone()).unwrap_or_default();
    let mut object = match &kind.backing {
        Backing::Plain(_) => plain(&record, status.as_ref()),
        Backing::FederatedNamespace(_) => {
            let unplaced = row.row.placed.as_array().is_none_or(Vec::is_empty);
            let going = row.row.deleted_at.is_some() && !is_held(view);
            if going || (view.is_none() && unplaced) {
                return None;
            }
            in_words_of_v2(kind, &record, &row, status.as_ref())
        }
        _ => in_words_of_v2(kind, &record, &row, status.as_ref()),
    };
    put(&mut object, "name", row.row.name.clone());
    if !namespace.is_empty() {
        put(&mut object, "namespace", namespace.clone());
    }
    put(&mut object, "uid", row.row.id.to_string());
    put(&mut object, "creationTimestamp", time(row.row.created_at));
    if kind.descriptor.generation != Generation::None {
        put(&mut object, "generation", row.row.generation);
    }
    merge_metadata(&mut object, view.and_then(|view| view.body.get("metadata")));
    if let Some(at) = row.row.deleted_at {
        mark(&mut object, at);
    }
    let going = object.pointer("/metadata/deletionTimestamp").is_some();
    match &kind.backing {
        // Held by us as long as members may hold copies.
        _ if going && !row.copies => {}
        Backing::Plain(_) if going => add_finalizer(&mut object, COPIES_FINALIZER),
        Backing::Plain(_) => {}
        _ => add_finalizer(&mut object, SYNC_FINALIZER),
    }
    defaults(&mut object);
    Some(Item {
        key: (namespace, row.row.name.clone()),
        id: row.row.id,
        revision: 0,
        object: Arc::new(object),
        source: Source::Federated(Arc::new(row)),
    })
}

fn mark(object: &mut Value, at: DateTime<Utc>) {
    put(object, "deletionTimestamp", time(at));
    put(object, "deletionGracePeriodSeconds", 0);
}

/// An object that is being removed from now on, and held by its copies.
#[must_use]
pub fn going(kind: &Kind, object: &Value, at: DateTime<Utc>) -> Value {
    let mut object = object.clone();
    mark(&mut object, at);
    if kind.backing_is_plain() {
        add_finalizer(&mut object, COPIES_FINALIZER);
    }
    object
}

/// What a client's metadata says about the end of an object: without what is ours and only shown.
#[must_use]
pub fn kept(object: &Value) -> Kept {
    let kept = Kept::of(object);
    Kept { finalizers: of_clients(kept.finalizers), ..kept }
}

/// Finalizers without those that are only shown.
#[must_use]
pub fn of_clients(mut finalizers: Vec<String>) -> Vec<String> {
    finalizers.retain(|name| !is_ours(name));
    finalizers
}

/// The same object as a kind shows its changed record.
#[must_use]
pub fn again(kind: &Kind, row: hub::Federated) -> Option<Item> {
    let (Backing::Federated(target) | Backing::FederatedNamespace(target) | Backing::Plain(target)) =
        &kind.backing
    else {
        return None;
    };
    federated(kind, target, row)
}

/// Whether a client's finalizer holds what a root shows.
fn is_held(view: Option<&hub::View>) -> bool {
    view.is_some_and(|view| !Kept::of(&view.body).finalizers.is_empty())
}

fn plain(record: &FederatedObject, status: Option<&FederatedStatus>) -> Value {
    let mut object = v1::object(record);
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    let aggregated = status.map(|status| status.aggregated.clone()).filter(Value::is_object);
    if hanse_machinery::Descriptor::built_in(&record.resource.api_version(), &record.resource.kind)
        .is_none_or(|kind| kind.status)
    {
        json::set(&mut object, &["status"], aggregated.unwrap_or_else(|| json!({})));
    }
    object
}

/// Whether a kind also shows what Deployments are made of.
#[must_use]
pub fn has_derived(target: &Resource) -> bool {
    target.is("apps", "ReplicaSet")
}

/// The ReplicaSet that a federated Deployment would have: clients such as helm judge a Deployment by it. It says of all
/// clusters together what the Deployment's status says of its newest template.
#[must_use]
pub fn replica_set(row: &hub::Federated) -> Option<Item> {
    let target = Resource {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        kind: "Deployment".to_owned(),
        plural: "deployments".to_owned(),
        namespaced: true,
    };
    if row.row.deleted_at.is_some() {
        return None;
    }
    let record = record(&target, row);
    let status: Option<FederatedStatus> =
        row.status.clone().and_then(|status| serde_json::from_value(status).ok());
    let mut deployment = plain(&record, status.as_ref());
    defaults(&mut deployment);
    let template = deployment.pointer("/spec/template").cloned().unwrap_or_else(|| json!({}));
    let hash = fnv(&template.to_string());
    let name = format!("{}-{hash}", row.row.name);
    let mut template = template;
    let mut labels = template.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({}));
    json::set(&mut labels, &["pod-template-hash"], hash.clone());
    if !template.get("metadata").is_some_and(Value::is_object) {
        json::set(&mut template, &["metadata"], json!({}));
    }
    json::set(&mut template, &["metadata", "labels"], labels.clone());
    let mut selector = deployment.pointer("/spec/selector").cloned().unwrap_or_else(|| json!({}));
    json::set(&mut selector, &["matchLabels", "pod-template-hash"], hash);
    let current =
        deployment.pointer("/status/observedGeneration").and_then(Value::as_i64) == Some(row.row.generation);
    let number = |name: &str| {
        let value = deployment.pointer(&format!("/status/{name}")).cloned();
        value.filter(|_| current).unwrap_or_else(|| json!(0))
    };
    let object = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": row.project.as_ref()?.name, "labels": labels,
            "uid": Uuid::from_u128(row.row.id.as_u128() ^ 1).to_string(),
            "creationTimestamp": time(row.row.created_at), "generation": row.row.generation,
            "annotations": {"deployment.kubernetes.io/revision": row.row.generation.to_string()},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": row.row.name, "uid": row.row.id,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {"replicas": deployment.pointer("/spec/replicas"), "selector": selector, "template": template},
        "status": {
            "replicas": number("updatedReplicas"), "fullyLabeledReplicas": number("updatedReplicas"),
            "readyReplicas": number("readyReplicas"), "availableReplicas": number("availableReplicas"),
            "observedGeneration": row.row.generation,
        },
    });
    Some(Item {
        key: (row.project.as_ref()?.name.clone(), name),
        id: row.row.id,
        revision: 0,
        object: Arc::new(object),
        source: Source::Fixed,
    })
}

/// The versions of a federated object that its clusters hold.
#[must_use]
pub fn propagated_version(kind: &Kind, row: &hub::Federated) -> Option<Item> {
    // A namespace is federated by an object in it, and not before that was made.
    let unfederated = row.row.kind == "Namespace" && !row.views.contains_key(kind.home().as_str());
    let other = kind.descriptor.namespaced != row.project.is_some();
    if other || unfederated || row.row.deleted_at.is_some() {
        return None;
    }
    let (group, version) = row.row.api_version.split_once('/').unwrap_or(("", &row.row.api_version));
    let target = Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: row.row.kind.clone(),
        plural: row.row.r#type.split('.').next().unwrap_or_default().to_owned(),
        namespaced: row.project.is_some(),
    };
    let record = record(&target, row);
    let status: Option<FederatedStatus> =
        row.status.clone().and_then(|status| serde_json::from_value(status).ok());
    let seen = in_words_of_v2(kind, &record, row, status.as_ref());
    super::kubefed::propagated_version(kind, &target, row, seen.get("spec")?)
}

/// A short name for a text (FNV-1a, 32 bits).
fn fnv(text: &str) -> String {
    let hash =
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{hash:08x}")
}

/// What an apiserver fills in and clients take for granted. Shown, not kept: in members each apiserver does it itself,
/// and what is not kept is not ours there.
pub fn defaults(object: &mut Value) {
    let kind = (
        object.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned(),
        object.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned(),
    );
    match (kind.0.as_str(), kind.1.as_str()) {
        ("apps/v1", "Deployment") => {
            json::fill(object, &["spec", "replicas"], 1);
            json::fill(object, &["spec", "revisionHistoryLimit"], 10);
            json::fill(object, &["spec", "progressDeadlineSeconds"], 600);
            json::fill(object, &["spec", "strategy", "type"], "RollingUpdate");
            let rolling =
                object.pointer("/spec/strategy/type").and_then(Value::as_str) == Some("RollingUpdate");
            if rolling && object.pointer("/spec/strategy/rollingUpdate").is_none_or(Value::is_null) {
                json::set(
                    object,
                    &["spec", "strategy", "rollingUpdate"],
                    json!({"maxSurge": "25%", "maxUnavailable": "25%"}),
                );
            }
        }
        ("apps/v1", "ReplicaSet") => json::fill(object, &["spec", "replicas"], 1),
        ("apps/v1", "StatefulSet") => {
            json::fill(object, &["spec", "replicas"], 1);
            json::fill(object, &["spec", "podManagementPolicy"], "OrderedReady");
            json::fill(
                object,
                &["spec", "updateStrategy"],
                json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}),
            );
        }
        ("apps/v1", "DaemonSet") => {
            let rolling =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
            json::fill(object, &["spec", "updateStrategy"], rolling);
        }
        ("batch/v1", "Job") => {
            json::fill(object, &["spec", "backoffLimit"], 6);
            json::fill(object, &["spec", "completions"], 1);
            json::fill(object, &["spec", "parallelism"], 1);
        }
        ("v1", "Service") => {
            json::fill(object, &["spec", "type"], "ClusterIP");
            let ports = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                port.entry("protocol").or_insert_with(|| "TCP".into());
                if let Some(number) = port.get("port").cloned() {
                    port.entry("targetPort").or_insert(number);
                }
            }
            if object.pointer("/spec/type").and_then(Value::as_str) != Some("ExternalName") {
                json::fill(object, &["spec", "clusterIP"], EVERY_CLUSTERS_OWN);
            }
        }
        ("v1", "Secret") => json::fill(object, &["type"], "Opaque"),
        _ => {}
    }
}

fn in_words_of_v2(
    kind: &Kind,
    record: &FederatedObject,
    row: &hub::Federated,
    status: Option<&FederatedStatus>,
) -> Value {
    let view = row.views.get(kind.home().as_str());
    let verbatim =
        view.filter(|view| view.generation == row.row.generation).and_then(|view| view.body.get("spec"));
    let rows = status.map(|status| status.clusters.as_slice()).unwrap_or_default();
    // What a preference of replicas came to when it was written, until members say what it comes to now.
    let governed = view.filter(|view| view.body.get("governed").is_some_and(|governed| *governed == true));
    let current = status.is_some_and(|status| status.observed_generation == row.row.generation);
    let decided: Option<BTreeMap<String, i64>> = governed
        .filter(|_| !current || rows.is_empty())
        .and_then(|view| serde_json::from_value(view.body.get("decided")?.clone()).ok());
    let foreseen: Vec<ClusterView> =
        decided.iter().flatten().map(|(name, _)| ClusterView::named(name.clone())).collect();
    let mut spec = match (verbatim, &decided) {
        (Some(spec), _) => spec.clone(),
        (None, Some(decided)) => v2::spec(record, &foreseen, decided),
        (None, None) => v2::spec(record, &clusters_of(rows), &shares(record, rows)),
    };
    // The record of a namespace is everywhere where its project is: which clusters those are is said here.
    if verbatim.is_none() && record.resource.is("", "Namespace") && status.is_some() {
        let chosen = rows.iter().filter(|row| row.scheduled);
        let chosen: Value = chosen.map(|row| json!({"name": row.cluster})).collect();
        json::set(&mut spec, &["placement"], json!({"clusters": chosen}));
    }
    // A preference of replicas writes the clusters that it chose.
    if governed.is_some() {
        let chosen: Value = match &decided {
            Some(decided) => decided.keys().map(|name| json!({"name": name})).collect(),
            None => rows.iter().filter(|row| row.scheduled).map(|row| json!({"name": row.cluster})).collect(),
        };
        json::set(&mut spec, &["placement", "clusters"], chosen);
    }
    json!({
        "apiVersion": kind.descriptor.api_version(), "kind": kind.descriptor.kind,
        "metadata": {}, "spec": spec, "status": status_of_v2(record, row, status),
    })
}

fn clusters_of(rows: &[ClusterStatus]) -> Vec<ClusterView> {
    rows.iter().map(|row| ClusterView::named(row.cluster.to_string())).collect()
}

/// Replicas decided per cluster, where they are divided.
fn shares(record: &FederatedObject, rows: &[ClusterStatus]) -> BTreeMap<String, i64> {
    use hanse_federation::object::ReplicaMode;
    if record.spec.replicas.as_ref().is_none_or(|replicas| replicas.mode != ReplicaMode::Divided) {
        return BTreeMap::new();
    }
    rows.iter()
        .filter(|row| row.scheduled)
        .filter_map(|row| Some((row.cluster.to_string(), row.replicas?)))
        .collect()
}

/// `status` of a federated kind.
fn status_of_v2(record: &FederatedObject, row: &hub::Federated, status: Option<&FederatedStatus>) -> Value {
    let Some(status) = status else { return json!({}) };
    let mut clusters = Vec::new();
    let mut all = true;
    for part in &status.clusters {
        let word = part.last_error.as_ref().map(|error| error.reason.clone());
        if !part.scheduled && word.is_none() {
            continue;
        }
        if part.scheduled && !part.applied && word.is_none() {
            all = false;
            continue;
        }
        let mut entry = json!({"name": part.cluster});
        if let Some(word) = word {
            all = false;
            json::set(&mut entry, &["status"], word);
        } else if let Some(remote) = part.status.clone().filter(|status| !status.is_null()) {
            json::set(&mut entry, &["remoteStatus"], remote);
        }
        clusters.push(entry);
    }
    if record.deleting {
        all = false;
    }
    let unfederated = status.clusters.is_empty() && record.resource.namespaced;
    let at = time(status.updated_at);
    let mut condition = json!({
        "type": "Propagation", "status": if all && !unfederated { "True" } else { "False" },
        "lastUpdateTime": at, "lastTransitionTime": at,
    });
    if unfederated {
        json::set(&mut condition, &["reason"], "NamespaceNotFederated");
    } else if !all {
        json::set(&mut condition, &["reason"], "CheckClusters");
    }
    let observed = if all || unfederated {
        row.row.generation
    } else {
        status.observed_generation.min(row.row.generation)
    };
    let mut out = json!({"observedGeneration": observed, "conditions": [condition]});
    if !clusters.is_empty() {
        json::set(&mut out, &["clusters"], clusters);
    }
    out
}

/// A member cluster as a KubeFedCluster. It leads to the gateway, so no credential of a member leaves.
#[must_use]
pub fn cluster(
    kind: &Kind,
    place: &Place,
    row: &clusters::Model,
    status: Option<&Value>,
    views: &HashMap<String, hub::View>,
) -> Item {
    let text = |pointer: &str| status.and_then(|status| status.pointer(pointer)).and_then(Value::as_str);
    let phase = text("/phase").unwrap_or("Pending");
    let ready = phase == "Ready";
    let found = status.and_then(|status| status.get("conditions")).and_then(Value::as_array);
    let own = found.into_iter().flatten().find(|condition| condition["type"] == "Ready");
    let since = own
        .and_then(|condition| condition["lastTransitionTime"].as_str())
        .and_then(|text| DateTime::parse_from_rfc3339(text).ok())
        .map_or_else(|| time(row.created_at), |at| time(at.to_utc()));
    let word = |ready: bool| if ready { "True" } else { "False" };
    let mut conditions = vec![json!({
        "type": "Ready", "status": if phase == "Pending" { "Unknown" } else { word(ready) },
        "reason": if ready { "ClusterReady" } else { "ClusterNotReady" },
        "message": if ready {
            "/healthz responded with ok"
        } else {
            own.and_then(|condition| condition["message"].as_str()).unwrap_or("not seen yet")
        },
        "lastProbeTime": since, "lastTransitionTime": since,
    })];
    if phase == "Unreachable" {
        conditions.push(json!({
            "type": "Offline", "status": "True", "reason": "ClusterNotReachable",
            "message": "cluster is not reachable", "lastProbeTime": since, "lastTransitionTime": since,
        }));
    }
    let mut object = json!({
        "apiVersion": kind.descriptor.api_version(), "kind": kind.descriptor.kind,
        "metadata": {
            "name": row.name, "namespace": SYSTEM, "uid": row.id, "creationTimestamp": time(row.created_at),
            "generation": 1, "labels": row.labels,
        },
        "spec": {
            "apiEndpoint": format!("{}/clusters/{}", place.url, row.name),
            "secretRef": {"name": credentials(&row.name, views.get(kind.home().as_str()))},
        },
        "status": {"conditions": conditions},
    });
    if row.labels.as_object().is_none_or(Map::is_empty)
        && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
    {
        metadata.remove("labels");
    }
    if let Some(authority) = &place.authority {
        use base64::Engine as _;
        json::set(
            &mut object,
            &["spec", "caBundle"],
            base64::engine::general_purpose::STANDARD.encode(authority),
        );
    }
    if let Some(version) = text("/facts/kubernetesVersion") {
        json::set(&mut object, &["status", "kubernetesVersion"], version);
    }
    for (name, pointer) in [("region", "/facts/regions/0")] {
        if let Some(value) = text(pointer) {
            json::set(&mut object, &["status", name], value);
        }
    }
    if let Some(zones) =
        status.and_then(|status| status.pointer("/facts/zones")).filter(|zones| zones.get(0).is_some())
    {
        json::set(&mut object, &["status", "zones"], zones.clone());
    }
    let own = views.get(kind.home().as_str()).and_then(|view| view.body.get("metadata"));
    merge_metadata(&mut object, own);
    Item {
        key: (SYSTEM.to_owned(), row.name.clone()),
        id: row.id,
        revision: 0,
        object: Arc::new(object),
        source: Source::Cluster(row.name.clone(), row.version),
    }
}

/// Name of the Secret that a KubeFedCluster refers to: the one that it joined by, if it joined here.
#[must_use]
pub fn credentials(cluster: &str, view: Option<&hub::View>) -> String {
    let joined_by = view.and_then(|view| view.body.get("secret")).and_then(Value::as_str);
    joined_by.map_or_else(|| format!("{cluster}-credentials"), str::to_owned)
}
