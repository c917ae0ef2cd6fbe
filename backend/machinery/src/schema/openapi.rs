//! Reading types out of OpenAPI: the version 3 documents of an apiserver for its own kinds, and the schema inside a
//! CustomResourceDefinition.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Atom, Field, Items, List, Map, OBJECT_META, PatchRule, Scalar, Schema, Type};

/// Lists that Go writes also when there are none, although their documents call them optional.
const WRITTEN_WHEN_EMPTY: [(&str, &str); 4] = [
    ("api.rbac.v1.Role", "rules"),
    ("api.rbac.v1.ClusterRole", "rules"),
    ("api.autoscaling.v2.HorizontalPodAutoscalerStatus", "currentMetrics"),
    ("apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionStatus", "conditions"),
];

/// The table of the wanted kinds, given as `group/version/Kind`, from OpenAPI version 3 documents.
#[must_use]
pub fn from_openapi(documents: &[Value], wanted: &[&str]) -> Schema {
    let mut schema = Schema::default();
    for document in documents {
        let components = document.pointer("/components/schemas").and_then(Value::as_object);
        for (name, body) in components.into_iter().flatten() {
            let short = shorten(name);
            for kind in kinds(body) {
                if wanted.contains(&kind.as_str()) {
                    schema.insert_kind(kind, short.clone());
                }
            }
            let mut atom = match short.as_str() {
                "apimachinery.pkg.api.resource.Quantity" => {
                    Atom { scalar: Some(Scalar::Any), ..Atom::default() }
                }
                "apimachinery.pkg.runtime.RawExtension" => super::OPAQUE.clone(),
                _ => atom(body, false),
            };
            for (_, field) in WRITTEN_WHEN_EMPTY.iter().filter(|(name, _)| *name == short) {
                if let Some(map) = &mut atom.map
                    && let Some(field) = Arc::make_mut(map).fields.get_mut(*field)
                {
                    field.required = true;
                }
            }
            schema.insert(short, atom);
        }
    }
    schema.prune();
    schema
}

fn kinds(body: &Value) -> Vec<String> {
    let entries = body.get("x-kubernetes-group-version-kind").and_then(Value::as_array);
    let kind = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("group") {
            "" => format!("{}/{}", text("version"), text("kind")),
            group => format!("{group}/{}/{}", text("version"), text("kind")),
        }
    };
    entries.into_iter().flatten().map(kind).collect()
}

fn shorten(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).trim_start_matches("io.k8s.").to_owned()
}

/// A custom kind: what its schema says, and metadata as everywhere.
pub(super) fn custom(body: &Value) -> Type {
    let mut atom = atom(body, false);
    let mut map = atom.map.as_deref().cloned().unwrap_or(Map {
        fields: BTreeMap::new(),
        rest: Some(Type::Deduced),
        atomic: false,
    });
    let text = || Field {
        of: Type::Inline(Atom { scalar: Some(Scalar::Text), ..Atom::default() }),
        ..Field::default()
    };
    map.fields.insert("apiVersion".into(), text());
    map.fields.insert("kind".into(), text());
    let metadata = Field { of: Type::Named(OBJECT_META.into(), false), ..Field::default() };
    map.fields.insert("metadata".into(), metadata);
    atom = Atom { scalar: None, list: None, map: Some(Arc::new(map)) };
    Type::Inline(atom)
}

fn text<'a>(body: &'a Value, name: &str) -> &'a str {
    body.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// `open`: whether something above keeps unknown fields.
fn atom(body: &Value, open: bool) -> Atom {
    let open = open || body.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
    let scalar = |scalar| Atom { scalar: Some(scalar), ..Atom::default() };
    if body.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return scalar(Scalar::Any);
    }
    match text(body, "type") {
        "object" => Atom { map: Some(Arc::new(map(body, open))), ..Atom::default() },
        "array" => Atom { list: Some(Arc::new(list(body, open))), ..Atom::default() },
        "integer" | "number" => scalar(Scalar::Number),
        "boolean" => scalar(Scalar::Flag),
        "string" => scalar(match text(body, "format") {
            "" | "byte" => Scalar::Text,
            _ => Scalar::Any,
        }),
        _ if body.get("oneOf").is_some() && body.get("properties").is_none() => scalar(Scalar::Any),
        _ => Atom {
            scalar: Some(Scalar::Any),
            list: Some(Arc::new(list(body, open))),
            map: Some(Arc::new(map(body, open))),
        },
    }
}

fn reference(body: &Value) -> Option<String> {
    let direct = body.get("$ref").and_then(Value::as_str);
    let only = body.get("allOf").and_then(Value::as_array).filter(|all| all.len() == 1);
    let inner = only.and_then(|all| all.first()).and_then(|one| one.get("$ref")).and_then(Value::as_str);
    direct.or(inner).map(shorten)
}

fn of(body: &Value, open: bool) -> Type {
    match reference(body) {
        Some(name) => Type::Named(name.into(), text(body, "x-kubernetes-map-type") == "atomic"),
        None => Type::Inline(atom(body, open)),
    }
}

fn map(body: &Value, open: bool) -> Map {
    let properties = body.get("properties").and_then(Value::as_object);
    let required: Vec<&str> = body
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let fields: BTreeMap<String, Field> = properties
        .into_iter()
        .flatten()
        .map(|(name, body)| (name.clone(), field(body, open, required.contains(&name.as_str()))))
        .collect();
    let rest = match body.get("additionalProperties") {
        None if open || fields.is_empty() => Some(Type::Deduced),
        Some(Value::Bool(true)) => Some(Type::Deduced),
        None | Some(Value::Bool(false)) => None,
        Some(schema) => Some(of(schema, open)),
    };
    let atomic = text(body, "x-kubernetes-map-type") == "atomic";
    Map { fields, rest, atomic }
}

fn field(body: &Value, open: bool, required: bool) -> Field {
    let strategy = text(body, "x-kubernetes-patch-strategy");
    let has = |word: &str| strategy.split(',').any(|part| part == word);
    let key = body.get("x-kubernetes-patch-merge-key").and_then(Value::as_str);
    let default = body.get("default");
    let is_struct = reference(body).is_some();
    let keeps_empty = matches!(text(body, "type"), "array" | "object") && required;
    Field {
        of: of(body, open),
        always: is_struct && default.and_then(Value::as_object).is_some_and(serde_json::Map::is_empty),
        // Items of lists are found by keys that may be left out: the default is the key then, also an empty one.
        default: default.filter(|default| !default.is_object() && !default.is_array()).cloned(),
        required: keeps_empty,
        patch: PatchRule {
            merge: has("merge"),
            replace: has("replace"),
            retain_keys: has("retainKeys"),
            key: key.filter(|_| has("merge")).map(str::to_owned),
        },
    }
}

fn list(body: &Value, open: bool) -> List {
    let keys = || {
        let keys = body.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let items = match text(body, "x-kubernetes-list-type") {
        "set" => Items::Set,
        "map" => Items::Keyed(keys()),
        "" => match text(body, "x-kubernetes-patch-strategy") {
            "merge" | "merge,retainKeys" => match text(body, "x-kubernetes-patch-merge-key") {
                "" => Items::Set,
                key => Items::Keyed(vec![key.to_owned()]),
            },
            _ => Items::Atomic,
        },
        _ => Items::Atomic,
    };
    List { items, of: body.get("items").map_or(Type::Opaque, |items| of(items, open)) }
}
