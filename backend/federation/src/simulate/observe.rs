//! What an observer would say of a scenario's clusters: how many replicas of an object fit, as its nodes and pods tell.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::ScenarioCluster;
use crate::{
    fleet::ClusterView,
    object::FederatedObject,
    replicas::{self, Claim},
    workload,
};

/// The cluster as decisions about this object see it. What the scenario says of its capacity wins.
pub(super) fn view(cluster: &ScenarioCluster, object: &FederatedObject, now: DateTime<Utc>) -> ClusterView {
    let mut view = cluster.view.clone();
    let template = &object.spec.template;
    if !workload::has_replicas(&object.resource, template) {
        return view;
    }
    let of_kind = |kind: &'static str| {
        let is_it = move |value: &&Value| {
            let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
            text("kind") == kind && matches!(text("apiVersion"), "v1" | "")
        };
        cluster.live.iter().filter(is_it)
    };
    let copy = cluster.find(&object.resource, object.namespace.as_deref(), &object.name);
    let labels = own_labels(copy.unwrap_or(template), &object.resource.kind);
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let pods: Vec<&Value> = of_kind("Pod").collect();
    let key = object.key();
    if let Some(copy) = copy.filter(|_| !view.capacity.contains_key(&key)) {
        let own: Vec<&Value> =
            pods.iter().copied().filter(|pod| replicas::is_own(namespace, &labels, pod)).collect();
        let asked = workload::pods(&object.resource, copy).unwrap_or(0);
        if let Some(capacity) = replicas::capacity(asked, &own, now) {
            view.capacity.insert(key.clone(), capacity);
        }
    }
    let nodes: Vec<&Value> = of_kind("Node").collect();
    let pod = template.pointer(workload::pod_template_pointer(&object.resource.kind)).unwrap_or(&Value::Null);
    let claim = Claim { template: pod, own: Some((namespace, &labels)) };
    if let Some(room) = replicas::room(&claim, &nodes, &pods) {
        view.room.insert(key, room);
    }
    view
}

/// Labels by which a workload finds its pods.
fn own_labels(workload: &Value, kind: &str) -> BTreeMap<String, String> {
    let of_pods = format!("{}/metadata/labels", workload::pod_template_pointer(kind));
    let labels = ["/spec/selector/matchLabels", "/spec/selector", of_pods.as_str()]
        .into_iter()
        .filter_map(|pointer| workload.pointer(pointer)?.as_object())
        .find(|labels| !labels.is_empty() && labels.values().all(Value::is_string));
    labels
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}
