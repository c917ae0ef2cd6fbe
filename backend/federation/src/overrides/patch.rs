//! JSON Patch on a JSON value: `add`, `replace` and `remove`, strict but for one leniency.

use serde_json::Value;

use crate::object::{Patch, PatchOp};

/// Why a patch does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// The path is not a JSON pointer to a field.
    #[error("{path:?} is not a JSON pointer: {reason}")]
    Pointer {
        /// The path as given.
        path: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// Something on the way does not exist.
    #[error("{path}: missing parent, {parent} does not exist; add it first")]
    MissingParent {
        /// The path as given.
        path: String,
        /// The first part that is missing.
        parent: String,
    },
    /// Something on the way is neither an object nor an array.
    #[error("{path}: {parent} is a {kind}, which has no fields")]
    Scalar {
        /// The path as given.
        path: String,
        /// The part that has no fields.
        parent: String,
        /// What it is.
        kind: &'static str,
    },
    /// The member to remove is not there.
    #[error("{path}: missing key, there is nothing to remove")]
    MissingKey {
        /// The path as given.
        path: String,
    },
    /// An array is addressed by something that is not one of its places.
    #[error("{path}: bad index {index:?}: {reason}")]
    Index {
        /// The path as given.
        path: String,
        /// The token.
        index: String,
        /// What is wrong, with the array's length.
        reason: String,
    },
}

/// Splits a pointer into its unescaped tokens; at least one.
pub(super) fn tokens(path: &str) -> Result<Vec<String>, PatchError> {
    let fail = |reason| PatchError::Pointer { path: path.to_owned(), reason };
    let Some(rest) = path.strip_prefix('/') else {
        return Err(fail(if path.is_empty() { "it is empty" } else { "it must begin with \"/\"" }));
    };
    rest.split('/')
        .map(|token| unescape(token).ok_or_else(|| fail("after \"~\" only 0 or 1 may follow")))
        .collect()
}

fn unescape(token: &str) -> Option<String> {
    if !token.contains('~') {
        return Some(token.to_owned());
    }
    let mut out = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(c) = chars.next() {
        if c != '~' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            '0' => out.push('~'),
            '1' => out.push('/'),
            _ => return None,
        }
    }
    Some(out)
}

/// Applies one operation.
///
/// # Errors
/// Why it does not fit; `document` is then as it was.
pub fn apply_patch(document: &mut Value, patch: &Patch) -> Result<(), PatchError> {
    let tokens = tokens(&patch.path)?;
    let Some((last, parents)) = tokens.split_last() else { return Ok(()) };
    let mut at = document;
    let mut walked = String::new();
    for token in parents {
        at = step(at, token, &walked, &patch.path)?;
        walked.push('/');
        walked.push_str(&token.replace('~', "~0").replace('/', "~1"));
    }
    let value = || patch.value.clone().unwrap_or(Value::Null);
    match at {
        Value::Object(object) => match patch.op {
            PatchOp::Add | PatchOp::Replace => {
                object.insert(last.clone(), value());
            }
            PatchOp::Remove => {
                object.remove(last).ok_or_else(|| PatchError::MissingKey { path: patch.path.clone() })?;
            }
        },
        Value::Array(array) => {
            if last == "-" && patch.op == PatchOp::Add {
                array.push(value());
                return Ok(());
            }
            let limit = if patch.op == PatchOp::Add { array.len() + 1 } else { array.len() };
            let index = index(last, limit, array.len(), &patch.path)?;
            match patch.op {
                PatchOp::Add => array.insert(index, value()),
                PatchOp::Remove => {
                    array.remove(index);
                }
                PatchOp::Replace => {
                    if let Some(slot) = array.get_mut(index) {
                        *slot = value();
                    }
                }
            }
        }
        Value::Null => return Err(missing(&patch.path, &walked)),
        other => return Err(scalar(&patch.path, &walked, other)),
    }
    Ok(())
}

fn step<'a>(at: &'a mut Value, token: &str, walked: &str, path: &str) -> Result<&'a mut Value, PatchError> {
    match at {
        Value::Object(object) => {
            object.get_mut(token).ok_or_else(|| missing(path, &format!("{walked}/{token}")))
        }
        Value::Array(array) => {
            let length = array.len();
            let index = index(token, length, length, path)?;
            array.get_mut(index).ok_or_else(|| missing(path, &format!("{walked}/{token}")))
        }
        Value::Null => Err(missing(path, walked)),
        other => Err(scalar(path, walked, other)),
    }
}

fn index(token: &str, limit: usize, length: usize, path: &str) -> Result<usize, PatchError> {
    let fail = |reason: String| PatchError::Index { path: path.to_owned(), index: token.to_owned(), reason };
    if token.starts_with('-') && token != "-" {
        return Err(fail("a negative index is not allowed; count from 0".to_owned()));
    }
    let digits = !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit());
    if !digits || (token.len() > 1 && token.starts_with('0')) {
        return Err(fail("the place in an array is a number from 0, or \"-\" to add at its end".to_owned()));
    }
    match token.parse::<usize>() {
        Ok(index) if index < limit => Ok(index),
        _ => Err(fail(format!("the array has {length} elements"))),
    }
}

fn missing(path: &str, parent: &str) -> PatchError {
    PatchError::MissingParent { path: path.to_owned(), parent: parent.to_owned() }
}

fn scalar(path: &str, parent: &str, value: &Value) -> PatchError {
    let kind = match value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        _ => "string",
    };
    PatchError::Scalar { path: path.to_owned(), parent: parent.to_owned(), kind }
}
