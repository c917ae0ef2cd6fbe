//! One object of a list or of a watch's line. An object that cannot be taken in as a whole (too deep, a field of the
//! wrong type) is still named where its metadata can be read, so that it is never mistaken for absent.

use serde::Deserialize;
use serde_json::Value;

use crate::resource::{ObjectKey, ResourceType};

/// What could be made of an object.
#[derive(Debug, PartialEq)]
pub(super) enum Read {
    /// All of it.
    Whole {
        /// Who it is.
        key: ObjectKey,
        /// Its version.
        version: String,
        /// The object.
        object: Value,
    },
    /// Its identity only.
    Named {
        /// Who it is.
        key: ObjectKey,
        /// Its version.
        version: String,
        /// What is wrong with it.
        why: String,
    },
    /// Not even that.
    Nameless,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identity {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: Option<String>,
    resource_version: String,
}

/// Name and version of the object in a watch's line, without reading the rest of it.
pub(super) fn identity(line: &[u8]) -> Option<(ObjectKey, String)> {
    #[derive(Deserialize)]
    struct Line {
        object: Identity,
    }
    let Metadata { name, namespace, resource_version } =
        serde_json::from_slice::<Line>(line).ok()?.object.metadata;
    (!name.is_empty()).then(|| (ObjectKey::new(namespace.unwrap_or_default(), name), resource_version))
}

/// Reads one object from its JSON.
pub(super) fn read(json: &str) -> Read {
    match serde_json::from_str::<Value>(json) {
        Ok(object) => from_value(object),
        // Skipping what is not asked for needs no recursion: an object that is too deep can still say its name.
        Err(error) => match serde_json::from_str::<Identity>(json) {
            Ok(Identity { metadata }) if !metadata.name.is_empty() => Read::Named {
                key: ObjectKey::new(metadata.namespace.unwrap_or_default(), metadata.name),
                version: metadata.resource_version,
                why: error.to_string(),
            },
            _ => Read::Nameless,
        },
    }
}

pub(super) fn from_value(object: Value) -> Read {
    let text =
        |key: &str| object.get("metadata").and_then(|metadata| metadata.get(key)).and_then(Value::as_str);
    match text("name") {
        Some(name) if !name.is_empty() => Read::Whole {
            key: ObjectKey::new(text("namespace").unwrap_or_default(), name),
            version: text("resourceVersion").unwrap_or_default().to_owned(),
            object,
        },
        _ => Read::Nameless,
    }
}

/// Objects of a list come without their kind; a trim is to see the same object whichever way it came.
pub(super) fn with_kind(object: &mut Value, resource: &ResourceType) {
    if let Some(fields) = object.as_object_mut() {
        fields.entry("kind").or_insert_with(|| Value::String(resource.kind.clone()));
        fields.entry("apiVersion").or_insert_with(|| Value::String(resource.api_version()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_is_too_deep_is_still_named() {
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        let json = format!(
            r#"{{"spec":{deep},"metadata":{{"name":"a","namespace":"n","resourceVersion":"7","labels":{{}}}}}}"#
        );
        let Read::Named { key, version, .. } = read(&json) else { panic!("{json}") };
        assert_eq!((key, version.as_str()), (ObjectKey::new("n", "a"), "7"));
    }

    #[test]
    fn an_object_without_a_name_is_no_object() {
        for json in [
            "{}",
            "3",
            r#"{"metadata":{"name":""}}"#,
            r#"{"metadata":null}"#,
            r#"{"metadata":{"name":7}}"#,
            "{",
        ] {
            assert_eq!(read(json), Read::Nameless, "{json}");
        }
    }
}
