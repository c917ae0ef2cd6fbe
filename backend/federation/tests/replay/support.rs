//! What all replays share: reading cases, running scenarios, and comparing as the recorded conventions say.

use hanse_federation::simulate::{Scenario, simulate};
use serde_json::{Map, Value, json};

pub fn cases(file: &str) -> Value {
    let path = format!("tests/cases/{file}.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs a scenario the way the command does, from a document to its JSON.
pub fn run(spec: &Value) -> Value {
    let document = json!({ "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario", "spec": spec });
    let scenario = Scenario::from_value(&document).unwrap_or_else(|error| panic!("{error}\n{document:#}"));
    simulate(&scenario).unwrap_or_else(|error| panic!("{error}\n{document:#}")).to_json()
}

/// The entry of a cluster in the first object's answer.
pub fn cluster<'a>(output: &'a Value, name: &str) -> &'a Value {
    let clusters = output["objects"][0]["clusters"].as_array().unwrap();
    clusters
        .iter()
        .find(|cluster| cluster["name"] == name)
        .unwrap_or_else(|| panic!("no cluster {name}: {output:#}"))
}

/// Names of the selected clusters of the first object.
pub fn selected(output: &Value) -> Vec<String> {
    let clusters = output["objects"][0]["clusters"].as_array().unwrap();
    clusters
        .iter()
        .filter(|cluster| cluster["selected"] == true)
        .map(|cluster| cluster["name"].as_str().unwrap().to_owned())
        .collect()
}

/// Absent, null, 0, "", [] and {} are the same; times of transitions and probes do not count.
pub fn normalised(value: &Value) -> Value {
    let blank = |value: &Value| match value {
        Value::Null => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) => false,
    };
    match value {
        Value::Object(map) => {
            let kept: Map<String, Value> = map
                .iter()
                .filter(|(key, _)| !["lastTransitionTime", "lastProbeTime"].contains(&key.as_str()))
                .map(|(key, value)| (key.clone(), normalised(value)))
                .filter(|(_, value)| !blank(value))
                .collect();
            Value::Object(kept)
        }
        Value::Array(items) => Value::Array(items.iter().map(normalised).collect()),
        other => other.clone(),
    }
}

/// Sets a field deep in an object unless it is there.
pub fn default_to(object: &mut Value, pointer: &[&str], value: Value) {
    let mut at = object;
    for name in pointer {
        if !at.is_object() {
            *at = json!({});
        }
        at = at.as_object_mut().unwrap().entry(*name).or_insert(Value::Null);
    }
    if at.is_null() {
        *at = value;
    }
}
