//! Coming from client-side apply: kubectl's annotation says what it applied last, so server-side apply by `kubectl`
//! may take those fields over from the entry of its earlier updates, as long as they are still as it left them.

use serde_json::{Value, json};

use super::{Fields, Set, typed};

/// The annotation in which client-side apply keeps what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The manager that has this right.
pub(super) const KUBECTL: &str = "kubectl";
/// Most bytes of all annotations together.
const MOST_ANNOTATION_BYTES: usize = 256 * 1024;

fn annotation(object: &Value) -> Option<&str> {
    let annotations = object.get("metadata")?.get("annotations")?;
    annotations.get(LAST_APPLIED)?.as_str().filter(|text| !text.is_empty())
}

/// The fields that the annotation covers and that are as it says.
pub(super) fn allowed(fields: &Fields, live: &Value) -> Option<Set> {
    let (schema, of, api_version) = fields.type_and_schema();
    let last: Value = serde_json::from_str(annotation(live)?).ok()?;
    if last.get("apiVersion").and_then(Value::as_str) != Some(api_version) {
        return None;
    }
    let changes = typed::compare(schema, of, &last, live);
    let set = typed::field_set(schema, of, &last);
    Some(set.difference(&changes.modified).difference(&changes.added).difference(&changes.removed))
}

/// Keeps the annotation up to date where there is one, so that client-side apply still works afterwards.
pub(super) fn refresh(object: &mut Value, config: &Value) {
    if annotation(object).is_none() {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    let mut text = format!("{config}\n");
    for (sign, escape) in [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")] {
        text = text.replace(sign, escape);
    }
    let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) else {
        return;
    };
    annotations.insert(LAST_APPLIED.to_owned(), json!(text));
    let bytes: usize =
        annotations.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    if bytes > MOST_ANNOTATION_BYTES {
        annotations.remove(LAST_APPLIED);
    }
}
