//! The patches besides server-side apply: JSON patch, merge patch and strategic merge patch.
//!
//! Each turns the object and a patch into the patched object; what it owns then, and whether it may be so, is decided
//! by [`crate::ssa`] and [`crate::meta`] like for an update.

use json_patch::{AddOperation, PatchOperation};
use serde_json::Value;

use crate::{Status, status::FieldError};

mod strategic;

pub use strategic::strategic_merge;

/// Most operations of a JSON patch.
const MOST_OPERATIONS: usize = 10_000;

/// The ways to patch, by media type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Lists merged by their keys.
    Strategic,
    /// Server-side apply: [`crate::ssa::Fields::apply`].
    Apply,
}

impl Kind {
    /// By `Content-Type`; parameters do not matter.
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        Some(match content_type.split(';').next().unwrap_or_default().trim() {
            "application/json-patch+json" => Self::Json,
            "application/merge-patch+json" => Self::Merge,
            "application/strategic-merge-patch+json" => Self::Strategic,
            "application/apply-patch+yaml" => Self::Apply,
            _ => return None,
        })
    }

    /// Media types for an answer that refuses one; custom kinds have no strategic merge.
    #[must_use]
    pub const fn offered(custom: bool) -> &'static [&'static str] {
        if custom {
            &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"]
        } else {
            &[
                "application/json-patch+json",
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
                "application/apply-patch+yaml",
            ]
        }
    }
}

/// Applies a JSON patch. Removing what is not there is an error, as RFC 6902 has it.
///
/// # Errors
/// 400 for what is no patch, 413 for too many operations, 422 when it does not fit.
pub fn json(object: &Value, patch: &[u8]) -> Result<Value, Status> {
    let operations: json_patch::Patch = serde_json::from_slice(patch)
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    if operations.0.len() > MOST_OPERATIONS {
        return Err(Status::too_large(&format!(
            "The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {}",
            operations.0.len()
        )));
    }
    let mut object = object.clone();
    for operation in operations.0 {
        let operation = lenient(&object, operation);
        json_patch::patch(&mut object, &[operation]).map_err(|_| Status::unprocessable())?;
    }
    Ok(object)
}

/// Apiservers replace a member that is not there, although RFC 6902 forbids it; clients came to rely on it.
fn lenient(object: &Value, operation: PatchOperation) -> PatchOperation {
    match operation {
        PatchOperation::Replace(replace) if object.pointer(replace.path.as_str()).is_none() => {
            let parent =
                replace.path.as_str().rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
            if parent.is_some_and(Value::is_object) {
                PatchOperation::Add(AddOperation { path: replace.path, value: replace.value })
            } else {
                PatchOperation::Replace(replace)
            }
        }
        other => other,
    }
}

/// Applies a merge patch: null removes, lists are replaced.
///
/// # Errors
/// 400 for what is no object.
pub fn merge(object: &Value, patch: &[u8]) -> Result<Value, Status> {
    let patch: Value = serde_json::from_slice(patch)
        .map_err(|error| Status::bad_request(format!("error decoding patch: {error}")))?;
    if !patch.is_object() {
        let what = match patch {
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Bool(_) => "bool",
            _ => "number",
        };
        return Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {what} into Go value of type map[string]interface {{}}"
        )));
    }
    let mut object = object.clone();
    json_patch::merge(&mut object, &patch);
    Ok(object)
}

/// A patched object that does not decode: what the patch made is told, as an apiserver does.
#[must_use]
pub fn undecodable(patched: &Value, why: &str) -> Status {
    let nothing = crate::status::In { group: "", kind: "" };
    Status::invalid(nothing, "", &[FieldError::invalid("patch", patched.to_string(), why)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_apply_or_say_why_not() {
        let object = json!({"a": {"b": 1}, "c": [1, 2]});
        let patched = json(&object, br#"[{"op": "replace", "path": "/a/b", "value": 2}]"#).unwrap();
        assert_eq!(patched["a"]["b"], json!(2));
        assert_eq!(json(&object, br#"[{"op": "remove", "path": "/x"}]"#).unwrap_err().code, 422);
        assert_eq!(json(&object, b"{").unwrap_err().code, 400);
        assert_eq!(merge(&object, br#"{"a": null, "c": [3]}"#).unwrap(), json!({"c": [3]}));
        assert_eq!(merge(&object, b"[]").unwrap_err().code, 400);
    }
}
