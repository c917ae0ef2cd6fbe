//! Addresses of Services and Ingresses: all clusters' together, each once.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Member, Subject};

pub(super) fn service(subject: &Subject<'_>, members: &[Member<'_>]) -> Value {
    if subject.template.pointer("/spec/type").and_then(Value::as_str) != Some("LoadBalancer") {
        return json!({});
    }
    ingress(members)
}

pub(super) fn ingress(members: &[Member<'_>]) -> Value {
    let all = members.iter().filter_map(|member| member.status?.pointer("/loadBalancer/ingress")?.as_array());
    let merged = merge_ingress(all.flatten());
    if merged.is_empty() { json!({}) } else { json!({ "loadBalancer": { "ingress": merged } }) }
}

/// Load-balancer entries, each address once with the ports of all; those with a hostname come first, then by
/// hostname and address.
#[must_use]
pub fn merge_ingress<'a>(entries: impl Iterator<Item = &'a Value>) -> Vec<Value> {
    let mut merged: BTreeMap<(bool, String, String, String), Vec<Value>> = BTreeMap::new();
    for entry in entries {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let hostname = text("hostname");
        let ports = merged.entry((hostname.is_empty(), hostname, text("ip"), text("ipMode"))).or_default();
        ports.extend(entry.get("ports").and_then(Value::as_array).into_iter().flatten().cloned());
    }
    merged
        .into_iter()
        .map(|((_, hostname, ip, ip_mode), mut ports)| {
            ports.sort_by_key(port_order);
            ports.dedup();
            let mut entry = Map::new();
            for (field, value) in [("ip", ip), ("hostname", hostname), ("ipMode", ip_mode)] {
                if !value.is_empty() {
                    entry.insert(field.to_owned(), json!(value));
                }
            }
            if !ports.is_empty() {
                entry.insert("ports".to_owned(), Value::Array(ports));
            }
            Value::Object(entry)
        })
        .collect()
}

fn port_order(port: &Value) -> (i64, String, String) {
    let text = |field: &str| port.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    (port.get("port").and_then(Value::as_i64).unwrap_or(0), text("protocol"), text("error"))
}
