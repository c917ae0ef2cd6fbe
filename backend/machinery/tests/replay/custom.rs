//! Custom kinds: one whose schema has every kind of list, and one without a schema.

use std::time::Duration;

use hanse_harness::{Raw, wait_for};
use serde_json::{Value, json};

pub fn widget_schema() -> Value {
    let text = json!({"type": "string"});
    json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "size": {"type": "integer"},
            "items": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "required": ["name"], "properties": {
                    "name": text, "value": {"type": "integer"},
                    "more": {"type": "object", "additionalProperties": text}}}},
            "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": text},
            "list": {"type": "array", "items": {"type": "integer"}},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "additionalProperties": text},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }},
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }})
}

pub fn gadget_schema() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

pub async fn define(raw: &Raw, kind: &str, plural: &str, schema: &Value, status: bool) {
    let mut version =
        json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}});
    if status {
        version["subresources"] = json!({"status": {}});
    }
    let body = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.replay.hanse.io")},
        "spec": {"group": "replay.hanse.io", "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
            "versions": [version]},
    });
    let headers = [("content-type", "application/json")];
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let answer = raw.send("POST", path, &headers, body.to_string().into_bytes()).await.unwrap();
    assert!(matches!(answer.code, 201 | 409), "{:?}", answer.json());
    let path = format!("/apis/replay.hanse.io/v1/{plural}");
    wait_for(Duration::from_secs(15), "the custom kind to be served", || async {
        let answer = raw.send("GET", &path, &[], Vec::new()).await.map_err(|error| error.to_string())?;
        if answer.code == 200 { Ok(()) } else { Err(answer.code.to_string()) }
    })
    .await;
}
