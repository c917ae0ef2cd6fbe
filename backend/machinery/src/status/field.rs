//! One field that may not be so, in the words of API machinery.

use serde_json::Value;

use super::Cause;
use crate::go::quote;

/// The kinds of field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A reference to something that is not there.
    NotFound,
    /// Missing.
    Required,
    /// Twice in a list that is a set.
    Duplicate,
    /// Not as it should be.
    Invalid,
    /// None of the values that are known.
    NotSupported,
    /// May not be set here, or now.
    Forbidden,
    /// Too long.
    TooLong,
    /// Too many items.
    TooMany,
    /// Of another type.
    TypeInvalid,
}

/// A field that may not be so.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// What is wrong about it.
    pub fault: Fault,
    /// Path, such as `metadata.labels`.
    pub field: String,
    /// The value, where it is told.
    pub value: Value,
    /// More words; may be empty.
    pub detail: String,
}

impl FieldError {
    fn new(
        fault: Fault,
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self { fault, field: field.into(), value: value.into(), detail: detail.into() }
    }

    /// A value that may not be so.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(Fault::Invalid, field, value, detail)
    }

    /// A value of another type.
    #[must_use]
    pub fn type_invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(Fault::TypeInvalid, field, value, detail)
    }

    /// A missing field.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Fault::Required, field, "", detail)
    }

    /// A field that may not be set.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Fault::Forbidden, field, "", detail)
    }

    /// A value twice.
    #[must_use]
    pub fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(Fault::Duplicate, field, value, "")
    }

    /// A reference to nothing.
    #[must_use]
    pub fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(Fault::NotFound, field, value, "")
    }

    /// None of the known values.
    #[must_use]
    pub fn not_supported(field: impl Into<String>, value: impl Into<Value>, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|word| quote(word)).collect();
        let detail =
            if known.is_empty() { String::new() } else { format!("supported values: {}", known.join(", ")) };
        Self::new(Fault::NotSupported, field, value, detail)
    }

    /// More bytes than allowed.
    #[must_use]
    pub fn too_long(field: impl Into<String>, most: usize) -> Self {
        Self::new(Fault::TooLong, field, "", format!("may not be more than {most} bytes"))
    }

    /// More items than allowed.
    #[must_use]
    pub fn too_many(field: impl Into<String>, actual: usize, most: usize) -> Self {
        Self::new(Fault::TooMany, field, actual, format!("must have at most {most} items"))
    }

    const fn words(&self) -> (&'static str, &'static str) {
        match self.fault {
            Fault::NotFound => ("FieldValueNotFound", "Not found"),
            Fault::Required => ("FieldValueRequired", "Required value"),
            Fault::Duplicate => ("FieldValueDuplicate", "Duplicate value"),
            Fault::Invalid => ("FieldValueInvalid", "Invalid value"),
            Fault::NotSupported => ("FieldValueNotSupported", "Unsupported value"),
            Fault::Forbidden => ("FieldValueForbidden", "Forbidden"),
            Fault::TooLong => ("FieldValueTooLong", "Too long"),
            Fault::TooMany => ("FieldValueTooMany", "Too many"),
            Fault::TypeInvalid => ("FieldValueTypeInvalid", "Invalid value"),
        }
    }

    /// Everything but the path.
    #[must_use]
    pub fn body(&self) -> String {
        let (_, title) = self.words();
        let mut text = match self.fault {
            Fault::Required | Fault::Forbidden | Fault::TooLong => title.to_owned(),
            _ => match &self.value {
                Value::String(value) => format!("{title}: {}", quote(value)),
                value => format!("{title}: {value}"),
            },
        };
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        text
    }

    /// As an entry of a status' details.
    #[must_use]
    pub fn cause(&self) -> Cause {
        Cause { reason: self.words().0.into(), message: self.body(), field: self.field.clone() }
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}
