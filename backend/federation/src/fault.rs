//! One shape for everything that is wrong with a field: where, and a sentence.

use serde::{Deserialize, Serialize};

/// A field at fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[error("{path}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// Path of the field, such as `spec.overrides[1].patches[0].path`.
    pub path: String,
    /// What is wrong and what is expected.
    pub message: String,
}

impl FieldError {
    /// A fault at a path.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }

    /// The same fault seen from an enclosing object.
    #[must_use]
    pub fn under(mut self, root: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => root.to_owned(),
            path if path.starts_with('[') => format!("{root}{path}"),
            path => format!("{root}.{path}"),
        };
        self
    }
}
