//! Strict decoding: fields that a kind does not know, and fields given twice.
//!
//! A JSON parser forgets duplicates, so the text is read here once with an eye on them. The first of both kinds of
//! problems in each place wins; `fieldValidation` says whether they refuse the request, warn, or go unseen.

use std::collections::BTreeSet;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::{
    Descriptor, Schema, Status,
    go::quote,
    schema::{Atom, Type},
};

/// What a request wants done about problems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validation {
    /// Refuse.
    Strict,
    /// Accept, and tell.
    #[default]
    Warn,
    /// Accept.
    Ignore,
}

impl Validation {
    /// From the query.
    ///
    /// # Errors
    /// 422 for a word that is none of them.
    pub fn parse(text: &str, options_kind: &str) -> Result<Self, Status> {
        Ok(match text {
            "Strict" => Self::Strict,
            "" | "Warn" => Self::Warn,
            "Ignore" => Self::Ignore,
            other => {
                let kind = crate::status::In { group: "meta.k8s.io", kind: options_kind };
                let known = ["", "Ignore", "Strict", "Warn"];
                let fault = crate::status::FieldError::not_supported("fieldValidation", other, &known);
                return Err(Status::invalid(kind, "", &[fault]));
            }
        })
    }
}

/// Reads JSON. With the value come problems: duplicate fields, with their paths.
///
/// # Errors
/// What is no JSON, in the parser's words.
pub fn read(text: &[u8]) -> Result<(Value, Vec<String>), String> {
    let mut problems = Vec::new();
    let mut input = serde_json::Deserializer::from_slice(text);
    let seed = Node { path: String::new(), problems: &mut problems };
    let value = seed.deserialize(&mut input).map_err(|error| error.to_string())?;
    input.end().map_err(|error| error.to_string())?;
    Ok((value, problems))
}

struct Node<'a> {
    path: String,
    problems: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<Value, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, out.len());
            match items.next_element_seed(Node { path, problems: &mut *self.problems })? {
                Some(item) => out.push(item),
                None => return Ok(Value::Array(out)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = join(&self.path, &name);
            if out.contains_key(&name) {
                self.problems.push(format!("duplicate field {}", quote(&path)));
            }
            let value = fields.next_value_seed(Node { path, problems: &mut *self.problems })?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Fields that a type does not know.
#[must_use]
pub fn unknown_fields(schema: &Schema, of: &Type, value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk(schema, of, value, "", &mut out);
    out
}

fn walk(schema: &Schema, of: &Type, value: &Value, path: &str, out: &mut Vec<String>) {
    let Atom { map, list, .. } = schema.resolve_for(of, Some(value));
    match (value, map, list) {
        (Value::Object(object), Some(map), _) => {
            for (name, value) in object {
                let here = join(path, name);
                match map.of(name) {
                    Some(of) => walk(schema, of, value, &here, out),
                    None => out.push(format!("unknown field {}", quote(&here))),
                }
            }
        }
        (Value::Array(items), _, Some(list)) => {
            for (index, item) in items.iter().enumerate() {
                walk(schema, &list.of, item, &format!("{path}[{index}]"), out);
            }
        }
        _ => {}
    }
}

/// Reads the body of a create or update. With it come warnings, one per `Warning` header.
///
/// # Errors
/// 400 for what is no JSON or, where the request is strict, for any problem.
pub fn decode(
    kind: &Descriptor,
    schema: &Schema,
    of: &Type,
    text: &[u8],
    validation: Validation,
) -> Result<(Value, Vec<String>), Status> {
    let refuse = |why: &str| {
        let (version, name) = (quote(&kind.version), &kind.kind);
        Status::bad_request(format!("{name} in version {version} cannot be handled as a {name}: {why}"))
    };
    let (value, mut problems) = read(text).map_err(|why| refuse(&why))?;
    if validation == Validation::Ignore {
        return Ok((value, Vec::new()));
    }
    let unknown = unknown_fields(schema, of, &value);
    let told: BTreeSet<String> = problems.iter().cloned().collect();
    problems.splice(0..0, unknown.into_iter().filter(|problem| !told.contains(problem)));
    if validation == Validation::Strict && !problems.is_empty() {
        return Err(refuse(&format!("strict decoding error: {}", problems.join(", "))));
    }
    Ok((value, problems))
}

/// Reads any deserialisable thing, for options in bodies.
///
/// # Errors
/// 400 with what does not fit.
pub fn options<'de, T: Deserialize<'de>>(text: &'de [u8]) -> Result<T, Status> {
    serde_json::from_slice(text)
        .map_err(|error| Status::bad_request(serde_json::Error::custom(error).to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, validation: Validation) -> Result<(Value, Vec<String>), Status> {
        let kind = Descriptor::built_in("apps/v1", "Deployment").unwrap();
        let schema = Schema::built_in();
        let of = schema.kind("apps/v1", "Deployment").unwrap();
        decode(&kind, &schema, &of, text.as_bytes(), validation)
    }

    #[test]
    fn unknown_and_duplicate_fields_are_named_with_their_paths() {
        let text = r#"{"spec": {"foo": 1, "replicas": 1, "replicas": 2,
            "template": {"spec": {"containers": [{"name": "a", "imag": "x"}]}}}}"#;
        let error = check(text, Validation::Strict).unwrap_err();
        assert_eq!(
            error.message,
            "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: unknown field \
             \"spec.foo\", unknown field \"spec.template.spec.containers[0].imag\", duplicate field \"spec.replicas\""
        );
        let (value, warnings) = check(text, Validation::Warn).unwrap();
        assert_eq!((&value["spec"]["replicas"], warnings.len()), (&json!(2), 3));
        assert!(check(text, Validation::Ignore).unwrap().1.is_empty());
        assert_eq!(check("{", Validation::Warn).unwrap_err().code, 400);
    }
}
