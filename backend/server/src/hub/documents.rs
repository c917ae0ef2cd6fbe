//! OpenAPI documents of what a root serves, versions 2 and 3. Fields of Kubernetes' own kinds come from the same table
//! that writes are checked against; what kubectl looks for above all is which parameters a patch takes.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use hanse_machinery::{
    Schema, json,
    schema::{Atom, Items, Scalar, Type},
};

use super::kinds::{Catalogue, Kind};

/// Levels of fields that are told.
const DEPTH: usize = 12;

fn definition_name(kind: &Kind) -> String {
    let kind = &kind.descriptor;
    let group = if kind.group.is_empty() { "core" } else { &kind.group };
    let reversed: Vec<&str> = group.split('.').rev().collect();
    format!("{}.{}.{}", reversed.join("."), kind.version, kind.kind)
}

fn gvk(kind: &Kind) -> Value {
    let kind = &kind.descriptor;
    json!({"group": kind.group, "version": kind.version, "kind": kind.kind})
}

/// Definitions of a document, by name: of kinds, and of the types that their fields are of, each told once.
struct Definitions {
    schema: Arc<Schema>,
    /// What references begin with.
    prefix: &'static str,
    told: Map<String, Value>,
}

impl Definitions {
    fn new(prefix: &'static str) -> Self {
        Self { schema: Schema::built_in(), prefix, told: Map::new() }
    }

    /// What values of a type may be; of a named one, where that is told.
    fn of(&mut self, of: &Type, depth: usize) -> Value {
        let Type::Named(name, _) = of else { return self.fields(&self.schema.resolve(of), depth) };
        if !self.told.contains_key(&**name) {
            // A type may be a part of itself.
            self.told.insert(name.to_string(), Value::Null);
            let body = self.fields(&self.schema.resolve(of), DEPTH);
            self.told.insert(name.to_string(), body);
        }
        json!({"$ref": format!("{}{name}", self.prefix)})
    }

    fn fields(&mut self, atom: &Atom, depth: usize) -> Value {
        let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        let Some(depth) = depth.checked_sub(1) else { return open };
        if let Some(map) = &atom.map {
            if map.fields.is_empty() {
                return match &map.rest {
                    Some(rest) => json!({"type": "object", "additionalProperties": self.of(rest, depth)}),
                    None => open,
                };
            }
            let mut properties = Map::new();
            for (name, field) in &map.fields {
                let mut body = self.of(&field.of, depth);
                if field.patch.merge {
                    json::set(&mut body, &["x-kubernetes-patch-strategy"], "merge");
                }
                if let Some(key) = &field.patch.key {
                    json::set(&mut body, &["x-kubernetes-patch-merge-key"], key.clone());
                }
                properties.insert(name.clone(), body);
            }
            return json!({"type": "object", "properties": properties});
        }
        if let Some(list) = &atom.list {
            let mut body = json!({"type": "array", "items": self.of(&list.of, depth)});
            match &list.items {
                Items::Keyed(keys) => {
                    json::set(&mut body, &["x-kubernetes-list-type"], "map");
                    json::set(&mut body, &["x-kubernetes-list-map-keys"], json!(keys));
                }
                Items::Set => json::set(&mut body, &["x-kubernetes-list-type"], "set"),
                Items::Atomic => json::set(&mut body, &["x-kubernetes-list-type"], "atomic"),
            }
            return body;
        }
        match atom.scalar {
            Some(Scalar::Text) => json!({"type": "string"}),
            Some(Scalar::Number) => json!({"type": "integer", "format": "int64"}),
            Some(Scalar::Flag) => json!({"type": "boolean"}),
            _ => json!({}),
        }
    }

    fn tell(&mut self, kind: &Kind) {
        let mut body = self.fields(&self.schema.resolve(&kind.fields()), DEPTH);
        if body.get("properties").is_none() {
            body = json!({
                "type": "object",
                "properties": {
                    "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
                    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                },
            });
        }
        json::set(&mut body, &["x-kubernetes-group-version-kind"], json!([gvk(kind)]));
        self.told.insert(definition_name(kind), body);
    }
}

fn base(kind: &Kind) -> String {
    let kind = &kind.descriptor;
    let root = if kind.group.is_empty() { "/api" } else { "/apis" };
    let namespace = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
    format!("{root}/{}{namespace}/{}", kind.api_version(), kind.plural)
}

fn parameters(names: &[&str], version: u8) -> Value {
    let one = |name: &&str| {
        let kind = if *name == "force" { "boolean" } else { "string" };
        if version == 2 {
            json!({"name": name, "in": "query", "type": kind, "uniqueItems": true})
        } else {
            json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
        }
    };
    names.iter().map(one).collect()
}

fn operations(kind: &Kind, version: u8) -> [(String, Value); 2] {
    let write = ["dryRun", "fieldManager", "fieldValidation"];
    let patch = ["dryRun", "fieldManager", "fieldValidation", "force"];
    let operation = |action: &str, names: &[&str]| {
        json!({
            "description": format!("{action} {}", kind.descriptor.kind),
            "operationId": format!("{action}{}", definition_name(kind)),
            "parameters": parameters(names, version),
            "responses": {"200": {"description": "OK"}},
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk(kind),
        })
    };
    let collection = json!({
        "get": operation("list", &["limit", "continue", "labelSelector", "fieldSelector", "resourceVersion", "watch"]),
        "post": operation("post", &write),
    });
    let one = json!({
        "get": operation("get", &[]),
        "put": operation("put", &write),
        "patch": operation("patch", &patch),
        "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"]),
    });
    [(base(kind), collection), (format!("{}/{{name}}", base(kind)), one)]
}

/// Version 2, of everything.
#[must_use]
pub fn version2(catalogue: &Catalogue, version: &str) -> Value {
    let mut paths = Map::new();
    let mut definitions = Definitions::new("#/definitions/");
    for kind in &catalogue.0 {
        paths.extend(operations(kind, 2));
        definitions.tell(kind);
    }
    json!({
        "swagger": "2.0", "info": {"title": "Hanse", "version": version},
        "paths": paths, "definitions": definitions.told,
    })
}

/// The index of version 3: where the document of each group and version is. `prefix` is the root's path.
#[must_use]
pub fn index3(catalogue: &Catalogue, prefix: &str, version: &str) -> Value {
    let mut paths = Map::new();
    for kind in &catalogue.0 {
        let kind = &kind.descriptor;
        let root = if kind.group.is_empty() { "api" } else { "apis" };
        let name = format!("{root}/{}", kind.api_version());
        let place = format!("{prefix}/openapi/v3/{name}?hash={version}");
        paths.insert(name, json!({"serverRelativeURL": place}));
    }
    json!({"paths": paths})
}

/// Version 3, of one group and version, named as in the index; `None` when nothing of it is served.
#[must_use]
pub fn version3(catalogue: &Catalogue, name: &str, version: &str) -> Option<Value> {
    let api_version = name.strip_prefix("apis/").or_else(|| name.strip_prefix("api/"))?;
    let mut paths = Map::new();
    let mut schemas = Definitions::new("#/components/schemas/");
    for kind in catalogue.0.iter().filter(|kind| kind.descriptor.api_version() == api_version) {
        paths.extend(operations(kind, 3));
        schemas.tell(kind);
    }
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0", "info": {"title": "Hanse", "version": version},
            "paths": paths, "components": {"schemas": schemas.told},
        })
    })
}
