//! How many replicas there is room for on a cluster's nodes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{quantity::Quantity, quota};

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The pod template: an object whose `spec` is that of its pods.
    pub template: &'a Value,
    /// Namespace and labels of its own pods, which count as if they did not run.
    pub own: Option<(&'a str, &'a BTreeMap<String, String>)>,
}

/// Replicas that fit on nodes beside the pods that run there: by what is allocatable minus what is requested, on nodes
/// that take the pod. `None` when no node is known, or the template's requests cannot be read.
#[must_use]
pub fn room(claim: &Claim<'_>, nodes: &[&Value], pods: &[&Value]) -> Option<i64> {
    if nodes.is_empty() {
        return None;
    }
    let wanted = quota::requests(claim.template).ok()?;
    let is_its = |pod: &Value| claim.own.is_some_and(|(namespace, labels)| is_own(namespace, labels, pod));
    let beside: Vec<&Value> = pods.iter().copied().filter(|pod| counts(pod) && !is_its(pod)).collect();
    let spec = claim.template.get("spec").unwrap_or(&Value::Null);
    let fits = |node: &&Value| -> i64 {
        if !takes(node, spec) {
            return 0;
        }
        let allocatable = |resource: &str| {
            let amount = node.pointer("/status/allocatable").and_then(|all| all.get(resource));
            amount.and_then(|amount| Quantity::read(amount).ok()).unwrap_or_default()
        };
        let name = text(node, "/metadata/name");
        let there = beside.iter().filter(|pod| text(pod, "/spec/nodeName") == name);
        let (mut used, mut count) = (quota::Amounts::default(), 0);
        for pod in there {
            count += 1;
            used = used.plus(&quota::requests(pod).unwrap_or_default());
        }
        let places = allocatable("pods").minus(Quantity::whole(count)).fits(Quantity::whole(1)).unwrap_or(0);
        wanted
            .iter()
            .filter_map(|(resource, amount)| {
                allocatable(resource).minus(used.get(resource).unwrap_or_default()).fits(amount)
            })
            .fold(places, i64::min)
    };
    Some(nodes.iter().map(fits).fold(0, i64::saturating_add))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A pod that has ended holds nothing.
fn counts(pod: &Value) -> bool {
    !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod is one of those that these labels find in this namespace; no labels find none.
#[must_use]
pub fn is_own(namespace: &str, labels: &BTreeMap<String, String>, pod: &Value) -> bool {
    let has = |(key, value): (&String, &String)| {
        let found = pod.pointer("/metadata/labels").and_then(|labels| labels.get(key));
        found.and_then(Value::as_str) == Some(value)
    };
    !labels.is_empty() && text(pod, "/metadata/namespace") == namespace && labels.iter().all(has)
}

/// Whether a node is up and takes a pod of this specification.
fn takes(node: &Value, spec: &Value) -> bool {
    let cordoned = node.pointer("/spec/unschedulable").and_then(Value::as_bool) == Some(true);
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    let down = conditions
        .into_iter()
        .flatten()
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") != "True");
    !cordoned && !down && tolerates(node, spec) && is_selected(node, spec)
}

fn tolerates(node: &Value, spec: &Value) -> bool {
    let taints = node.pointer("/spec/taints").and_then(Value::as_array).into_iter().flatten();
    let tolerations = || spec.get("tolerations").and_then(Value::as_array).into_iter().flatten();
    taints.filter(|taint| matches!(text(taint, "/effect"), "NoSchedule" | "NoExecute")).all(|taint| {
        tolerations().any(|toleration| {
            let effect = text(toleration, "/effect");
            let key = text(toleration, "/key");
            let any = text(toleration, "/operator") == "Exists";
            (effect.is_empty() || effect == text(taint, "/effect"))
                && (key == text(taint, "/key") || (key.is_empty() && any))
                && (any || text(toleration, "/value") == text(taint, "/value"))
        })
    })
}

fn is_selected(node: &Value, spec: &Value) -> bool {
    let label = |key: &str| {
        node.pointer("/metadata/labels").and_then(|labels| labels.get(key)).and_then(Value::as_str)
    };
    let selector = spec.get("nodeSelector").and_then(Value::as_object).into_iter().flatten();
    if !selector.into_iter().all(|(key, value)| label(key).is_some() && label(key) == value.as_str()) {
        return false;
    }
    let terms = spec
        .pointer("/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms")
        .and_then(Value::as_array);
    let Some(terms) = terms else { return true };
    terms.iter().any(|term| {
        let list = |name: &str| term.get(name).and_then(Value::as_array).into_iter().flatten();
        let mut all = list("matchExpressions")
            .map(|one| meets(one, label(text(one, "/key"))))
            .chain(list("matchFields").map(|one| meets(one, Some(text(node, "/metadata/name")))))
            .peekable();
        all.peek().is_some() && all.all(|met| met)
    })
}

fn meets(requirement: &Value, value: Option<&str>) -> bool {
    let values: Vec<&str> = requirement
        .get("values")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let number = |text: &str| text.parse::<i64>().ok();
    let bound = values.first().copied().and_then(number);
    match text(requirement, "/operator") {
        "In" => value.is_some_and(|value| values.contains(&value)),
        "NotIn" => value.is_none_or(|value| !values.contains(&value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value > bound),
        "Lt" => value.and_then(number).zip(bound).is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}
