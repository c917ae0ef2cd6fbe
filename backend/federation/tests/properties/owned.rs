//! Ownership: what is ours after a server-side apply is what we sent.

use hanse_federation::owned::{drifted_fields, forgotten_fields, is_in_force, manifest_hash, owned_hash};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A little apiserver: merges an applied manifest into nothing, with field sets and defaults as a real one makes
/// them. Lists of objects with names are merged by name, other lists are owned as one piece.
pub fn apply(manifest: &Value) -> Value {
    let mut live = with_defaults(manifest);
    let mut set = fields(manifest);
    let root = set.as_object_mut().unwrap();
    root.remove("f:apiVersion");
    root.remove("f:kind");
    if let Some(metadata) = root.get_mut("f:metadata").and_then(Value::as_object_mut) {
        metadata.remove("f:name");
        metadata.remove("f:namespace");
        if metadata.is_empty() {
            root.remove("f:metadata");
        }
    }
    default_member(&mut live, "metadata");
    live["metadata"]["uid"] = json!("6f3b");
    live["metadata"]["resourceVersion"] = json!("812");
    live["metadata"]["generation"] = json!(1);
    live["metadata"]["managedFields"] = json!([
        { "manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-01-01T00:00:01Z",
          "fieldsV1": { "f:status": { "f:replicas": {} } } },
        { "manager": "hanse", "operation": "Apply", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z", "fieldsV1": set },
    ]);
    live["status"] = json!({ "replicas": 1 });
    live
}

fn default_member(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().entry(name).or_insert_with(|| json!({}));
}

fn is_named(items: &[Value]) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get("name").is_some_and(Value::is_string))
}

fn fields(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(k, v)| (format!("f:{k}"), fields(v)))
                .collect(),
        ),
        Value::Array(items) if is_named(items) => {
            let item = |item: &Value| {
                let mut set = fields(item);
                set["."] = json!({});
                (format!("k:{}", json!({ "name": item["name"] })), set)
            };
            Value::Object(items.iter().map(item).collect())
        }
        _ => json!({}),
    }
}

/// Every object but the empty ones gets a field that the manifest has not, and named items are joined by another.
fn with_defaults(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.is_empty() => json!({}),
        Value::Object(map) => {
            let mut live: Map<String, Value> = map
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(k, v)| (k.clone(), with_defaults(v)))
                .collect();
            live.insert("defaulted".to_owned(), json!(true));
            Value::Object(live)
        }
        Value::Array(items) if is_named(items) => {
            let mut live = vec![json!({ "name": "injected", "by": "somebody" })];
            live.extend(items.iter().map(with_defaults));
            Value::Array(live)
        }
        other => other.clone(),
    }
}

pub fn manifest() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| json!(n)),
        "[a-z]{0,12}".prop_map(|s| json!(s)),
        any::<bool>().prop_map(|b| json!(b)),
        Just(json!(null)),
        Just(json!({})),
    ];
    let tree = leaf.prop_recursive(4, 40, 4, |inner| {
        let named = prop::collection::btree_map("[p-s]{1,3}", inner.clone(), 1..4).prop_map(|map| {
            map.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Value>()
        });
        prop_oneof![
            4 => prop::collection::btree_map("[a-h]{1,3}", inner, 1..5).prop_map(|map| json!(map)),
            2 => named,
            1 => prop::collection::vec("[a-z]{1,4}", 1..4).prop_map(|items| json!(items)),
        ]
    });
    prop::collection::btree_map("[a-h]{2,4}", tree, 1..5).prop_map(|spec| {
        let spec = settled(&json!(spec));
        json!({
            "apiVersion": "example.com/v1", "kind": "Thing",
            "metadata": { "name": "x", "namespace": "ns", "labels": { "kubefed.io/managed": "true" } },
            "spec": spec,
        })
    })
}

/// An object of nothing but nulls is an empty one to an apiserver.
fn settled(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.values().all(Value::is_null) => json!({}),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), settled(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(settled).collect()),
        other => other.clone(),
    }
}

/// Pointers of all scalars of the manifest's spec that are not names of items.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| leaves(item, &format!("{path}/{index}"), found));
        }
        Value::Null => {}
        _ if path.ends_with("/name") => {}
        _ => found.push(path.to_owned()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn what_was_applied_is_owned(manifest in manifest()) {
        let live = apply(&manifest);
        prop_assert_eq!(owned_hash(&live, "hanse"), Some(manifest_hash(&manifest)));
        prop_assert!(is_in_force(&manifest, &live, "hanse"));
        prop_assert_eq!(drifted_fields(&manifest, &live), vec![]);
        prop_assert_eq!(forgotten_fields(&manifest, &live, "hanse"), vec![]);
        prop_assert_eq!(owned_hash(&live, "somebody"), None);
    }

    #[test]
    fn a_changed_field_is_seen_and_named(manifest in manifest(), pick in any::<prop::sample::Index>()) {
        let mut all = Vec::new();
        leaves(&manifest["spec"], "/spec", &mut all);
        prop_assume!(!all.is_empty());
        let path = pick.get(&all);
        let live = apply(&manifest);
        let mut wanted = manifest.clone();
        *wanted.pointer_mut(path).unwrap() = json!("something else");
        prop_assert_ne!(owned_hash(&live, "hanse"), Some(manifest_hash(&wanted)));
        prop_assert!(!is_in_force(&wanted, &live, "hanse"));
        let drift = drifted_fields(&wanted, &live);
        prop_assert_eq!(drift.len(), 1);
        prop_assert_eq!(&drift[0].path, path);
        prop_assert_eq!(&drift[0].expected, &json!("something else"));
    }

    #[test]
    fn a_removed_field_is_seen(manifest in manifest(), pick in any::<prop::sample::Index>()) {
        let names: Vec<String> = manifest["spec"].as_object().unwrap().iter()
            .filter(|(_, value)| !value.is_null()).map(|(name, _)| name.clone()).collect();
        prop_assume!(!names.is_empty());
        let name = pick.get(&names);
        let live = apply(&manifest);
        let mut wanted = manifest.clone();
        wanted["spec"].as_object_mut().unwrap().remove(name);
        prop_assert_ne!(owned_hash(&live, "hanse"), Some(manifest_hash(&wanted)));
        let gone = forgotten_fields(&wanted, &live, "hanse");
        prop_assert_eq!(gone.len(), 1);
        prop_assert_eq!(&gone[0].path, &format!("/spec/{name}"));
    }

    #[test]
    fn the_hash_does_not_depend_on_what_is_not_ours(mut manifest in manifest()) {
        // An empty object is owned as one piece: there the field set does not tell what somebody else added.
        manifest["spec"]["fixed"] = json!(1);
        let mut live = apply(&manifest);
        let before = owned_hash(&live, "hanse");
        live["status"]["replicas"] = json!(7);
        live["metadata"]["resourceVersion"] = json!("813");
        live["metadata"]["annotations"] = json!({ "somebody.example.com/x": "y" });
        live["spec"]["another"] = json!({ "a": [1, 2] });
        prop_assert_eq!(owned_hash(&live, "hanse"), before);
    }
}
