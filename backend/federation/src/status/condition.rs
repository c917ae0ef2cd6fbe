//! Conditions: reading, trimming, and making one of many.

use serde_json::{Map, Value, json};

/// Keeps what people and rules read; heartbeats are dropped, they would make every copy change all the time.
pub(super) fn trim(condition: &Value) -> Value {
    let fields = ["type", "status", "reason", "message", "lastTransitionTime"].iter();
    let kept = fields.filter_map(|field| {
        let value = condition.get(*field).filter(|value| !value.is_null())?;
        Some(((*field).to_owned(), value.clone()))
    });
    Value::Object(kept.collect())
}

/// The condition of this type.
pub(super) fn find<'a>(status: Option<&'a Value>, type_: &str) -> Option<&'a Value> {
    let conditions = status?.get("conditions")?.as_array()?;
    conditions.iter().find(|condition| field(condition, "type") == type_)
}

/// A text field of a condition, empty when absent.
pub(super) fn field<'a>(condition: &'a Value, name: &str) -> &'a str {
    condition.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether the condition of this type is `True`.
pub(super) fn is_true(status: Option<&Value>, type_: &str) -> bool {
    find(status, type_).is_some_and(|condition| field(condition, "status") == "True")
}

/// A condition over all clusters. It changed when the last of those that it is made from did.
pub(super) fn make(type_: &str, status: &str, reason: &str, message: &str, sources: &[&Value]) -> Value {
    let mut condition = Map::new();
    condition.insert("type".to_owned(), json!(type_));
    condition.insert("status".to_owned(), json!(status));
    condition.insert("reason".to_owned(), json!(reason));
    condition.insert("message".to_owned(), json!(message));
    let changed =
        sources.iter().map(|source| field(source, "lastTransitionTime")).filter(|time| !time.is_empty());
    if let Some(changed) = super::latest(changed) {
        condition.insert("lastTransitionTime".to_owned(), json!(changed));
    }
    Value::Object(condition)
}
