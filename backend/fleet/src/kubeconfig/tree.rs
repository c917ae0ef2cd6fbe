//! A place in a kubeconfig's tree together with its path, so that no refusal can forget to say where.

use serde_json::Value;

use super::parse::{FLATTEN, KubeconfigError};

const AS_PRINTED: &str = "Paste the kubeconfig as `kubectl config view --flatten --minify --raw` prints it.";

/// A value and its path.
pub(super) struct Node<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn child_path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// A child that is there; an explicit `null` counts as absent.
    fn child(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(Self { value, path: self.child_path(key) })
    }

    fn wrong(&self, expected: &str) -> KubeconfigError {
        let found = match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a mapping",
        };
        KubeconfigError::at(&self.path, format!("is {found} where {expected} belongs"), AS_PRINTED)
    }

    /// Whether something other than an empty value is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.child(key).is_some_and(|node| match node.value {
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => true,
        })
    }

    pub(super) fn list(&self, key: &str) -> Result<Vec<Self>, KubeconfigError> {
        let Some(node) = self.child(key) else { return Ok(Vec::new()) };
        let items = node.value.as_array().ok_or_else(|| node.wrong("a list"))?;
        let item = |(index, value): (usize, &'a Value)| {
            let item = Self { value, path: format!("{}[{index}]", node.path) };
            if value.is_object() { Ok(item) } else { Err(item.wrong("a mapping")) }
        };
        items.iter().enumerate().map(item).collect()
    }

    pub(super) fn object(&self, key: &str) -> Result<Self, KubeconfigError> {
        let node = self
            .child(key)
            .ok_or_else(|| KubeconfigError::at(&self.child_path(key), "is missing", AS_PRINTED))?;
        if node.value.is_object() { Ok(node) } else { Err(node.wrong("a mapping")) }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, KubeconfigError> {
        let Some(node) = self.child(key) else { return Ok(None) };
        match node.value {
            Value::String(text) => Ok(Some(text.clone())),
            // A number may have lost its spelling (0123, 1e5): only its writer knows it.
            Value::Number(_) | Value::Bool(_) => Err(KubeconfigError::at(
                &node.path,
                "is a number or truth value where text belongs",
                "Put it in quotes.",
            )),
            _ => Err(node.wrong("text")),
        }
    }

    /// A name; whole numbers are taken as they are, since people do call contexts `2024`.
    pub(super) fn optional_name(&self, key: &str) -> Result<Option<String>, KubeconfigError> {
        match self.child(key) {
            Some(Node { value: Value::Number(number), .. }) if number.is_u64() => {
                Ok(Some(number.to_string()))
            }
            _ => self.text(key),
        }
    }

    pub(super) fn name(&self, key: &str) -> Result<String, KubeconfigError> {
        self.optional_name(key)?
            .filter(|name| !name.is_empty())
            .ok_or_else(|| KubeconfigError::at(&self.child_path(key), "is missing", AS_PRINTED))
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, KubeconfigError> {
        let Some(node) = self.child(key) else { return Ok(false) };
        node.value.as_bool().ok_or_else(|| node.wrong("true or false"))
    }

    /// Refuses a field that names a file: it would be read on the machine that Hanse runs on.
    pub(super) fn refuse_file(&self, key: &str) -> Result<(), KubeconfigError> {
        match self.text(key)?.filter(|file| !file.is_empty()) {
            None => Ok(()),
            Some(file) => Err(KubeconfigError::at(
                &self.child_path(key),
                format!("names the file {file:?}, which only your machine has"),
                FLATTEN,
            )),
        }
    }
}
