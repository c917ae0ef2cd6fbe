//! Reading untyped input with the path of every field at hand, so that a refusal can name it.

use serde_json::{Map, Value};

use crate::FieldError;

/// A field, which may be absent; null counts as absent.
#[derive(Clone, Debug)]
pub(crate) struct Field<'a> {
    value: Option<&'a Value>,
    path: String,
}

impl<'a> Field<'a> {
    pub(crate) fn root(value: &'a Value, path: &str) -> Self {
        Self { value: Some(value).filter(|value| !value.is_null()), path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) const fn value(&self) -> Option<&'a Value> {
        self.value
    }

    pub(crate) fn fault(&self, message: impl Into<String>) -> FieldError {
        FieldError::new(self.path.as_str(), message)
    }

    /// A member; absent when this is no object.
    pub(crate) fn get(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { value: self.value.and_then(|value| value.get(name)).filter(|value| !value.is_null()), path }
    }

    /// A member whose name may be written in any case.
    pub(crate) fn any_case(&self, name: &str) -> Self {
        let members = self.value.and_then(Value::as_object).into_iter().flatten();
        let mut written = members.map(|(key, _)| key.as_str()).filter(|key| key.eq_ignore_ascii_case(name));
        self.get(written.next().unwrap_or(name))
    }

    /// A member whose name is not a plain word.
    pub(crate) fn key(&self, name: &str) -> Self {
        Self { path: format!("{}[{name}]", self.path), ..self.get(name) }
    }

    pub(crate) fn object(&self) -> Result<Option<&'a Map<String, Value>>, FieldError> {
        self.typed("an object", Value::as_object)
    }

    pub(crate) fn text(&self) -> Result<Option<&'a str>, FieldError> {
        self.typed("text", Value::as_str)
    }

    pub(crate) fn flag(&self) -> Result<Option<bool>, FieldError> {
        self.typed("true or false", Value::as_bool)
    }

    pub(crate) fn integer(&self) -> Result<Option<i64>, FieldError> {
        self.typed("an integer", Value::as_i64)
    }

    pub(crate) fn items(&self) -> Result<Vec<Self>, FieldError> {
        let items = self.typed("a list", Value::as_array)?;
        let item = |(index, value)| Self::root(value, &format!("{}[{index}]", self.path));
        Ok(items.into_iter().flatten().enumerate().map(item).collect())
    }

    /// Members of an object that has fixed fields.
    pub(crate) fn members(&self) -> Result<Vec<(&'a str, Self)>, FieldError> {
        let object = self.object()?;
        Ok(object.into_iter().flatten().map(|(name, _)| (name.as_str(), self.get(name))).collect())
    }

    /// Entries of a map, which have any names.
    pub(crate) fn entries(&self) -> Result<Vec<(&'a str, Self)>, FieldError> {
        let object = self.object()?;
        Ok(object.into_iter().flatten().map(|(name, _)| (name.as_str(), self.key(name))).collect())
    }

    pub(crate) fn required_text(&self) -> Result<&'a str, FieldError> {
        self.text()?.filter(|text| !text.is_empty()).ok_or_else(|| self.fault("is required"))
    }

    pub(crate) fn required_object(&self) -> Result<&'a Map<String, Value>, FieldError> {
        self.object()?.ok_or_else(|| self.fault("is required"))
    }

    /// Refuses members that are not known here, so that a misspelt one is not ignored.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), FieldError> {
        let object = self.object()?;
        match object.into_iter().flatten().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                let message = format!("is not known here; expected one of {}", known.join(", "));
                Err(self.get(name).fault(message))
            }
        }
    }

    fn typed<T>(&self, what: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>, FieldError> {
        match self.value {
            None => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| {
                let given = match value {
                    Value::Bool(_) => "a boolean",
                    Value::Number(_) => "a number",
                    Value::String(_) => "text",
                    Value::Array(_) => "a list",
                    Value::Object(_) | Value::Null => "an object",
                };
                self.fault(format!("expected {what}, found {given}"))
            }),
        }
    }
}
