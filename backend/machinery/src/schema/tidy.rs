//! Reading an object the way a server with compiled types does. Decoding into a struct and encoding again is not
//! without effect: unknown fields and nulls vanish, empty optional lists and maps too, and structs that are no
//! pointers appear. Field ownership is computed on what comes out.

use serde_json::{Map as Json, Value};

use super::{Atom, Field, Schema, Type};

impl Schema {
    /// The object as a typed server would store it. What the type does not know is dropped.
    #[must_use]
    pub fn tidy(&self, of: &Type, value: Value) -> Value {
        self.tidy_value(of, value).unwrap_or_default()
    }

    /// The zero value: every struct that is always there.
    #[must_use]
    pub fn zero(&self, of: &Type) -> Value {
        self.tidy(of, Value::Object(Json::new()))
    }

    /// The object as it is after it was stored: what must be there and is empty has become null.
    pub fn settle(&self, of: &Type, value: &mut Value) {
        let Atom { map, list, .. } = self.resolve_for(of, Some(value));
        match (value, map, list) {
            (Value::Object(object), Some(map), _) => {
                for (name, value) in object {
                    match map.fields.get(name) {
                        Some(field) if field.required && is_empty(value) => *value = Value::Null,
                        Some(field) => self.settle(&field.of, value),
                        None => {}
                    }
                }
            }
            (Value::Array(items), _, Some(list)) => {
                items.iter_mut().for_each(|item| self.settle(&list.of, item));
            }
            _ => {}
        }
    }

    /// The object without fields that its type does not have; all else stays as it is. So custom objects are stored.
    pub fn prune_unknown(&self, of: &Type, value: &mut Value) {
        let Atom { map, list, .. } = self.resolve_for(of, Some(value));
        match (value, map, list) {
            (Value::Object(object), Some(map), _) => {
                object.retain(|name, _| map.of(name).is_some());
                for (name, value) in object {
                    if let Some(of) = map.of(name) {
                        self.prune_unknown(of, value);
                    }
                }
            }
            (Value::Array(items), _, Some(list)) => {
                items.iter_mut().for_each(|item| self.prune_unknown(&list.of, item));
            }
            _ => {}
        }
    }

    fn tidy_value(&self, of: &Type, value: Value) -> Option<Value> {
        let Atom { map, list, scalar } = self.resolve_for(of, Some(&value));
        Some(match value {
            Value::Null => return None,
            Value::Array(items) => match list {
                Some(list) => Value::Array(
                    items.into_iter().filter_map(|item| self.tidy_value(&list.of, item)).collect(),
                ),
                None => Value::Array(items),
            },
            // Where anything may be, it is kept as it came.
            Value::Object(object) if scalar.is_none() => match map {
                Some(map) if map.fields.is_empty() => match &map.rest {
                    Some(rest @ (Type::Named(..) | Type::Inline(_))) => Value::Object(
                        object
                            .into_iter()
                            .filter_map(|(name, value)| Some((name, self.tidy_value(rest, value)?)))
                            .collect(),
                    ),
                    _ => Value::Object(object),
                },
                Some(map) => {
                    let mut out = Json::new();
                    for (name, value) in object {
                        if let Some(field) = map.fields.get(&name) {
                            out.extend(self.tidy_field(field, value).map(|value| (name, value)));
                        } else if map.rest.is_some() {
                            out.insert(name, value);
                        }
                    }
                    for (name, field) in &map.fields {
                        if !out.contains_key(name) {
                            out.extend(self.when_absent(field).map(|value| (name.clone(), value)));
                        }
                    }
                    Value::Object(out)
                }
                None => Value::Object(object),
            },
            other => other,
        })
    }

    /// What Go writes for a field that was not given.
    fn when_absent(&self, field: &Field) -> Option<Value> {
        if field.always {
            return Some(self.zero(&field.of));
        }
        let zero = field.default.as_ref().filter(|default| match default {
            Value::String(text) => text.is_empty(),
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::Bool(flag) => !flag,
            _ => false,
        });
        zero.cloned().or_else(|| field.required.then_some(Value::Null))
    }

    fn tidy_field(&self, field: &Field, value: Value) -> Option<Value> {
        let empty = is_empty(&value);
        // Only lists and maps are left out when empty; an empty struct behind a pointer says something.
        if empty && !field.required && is_collection(&field.of) {
            return None;
        }
        self.tidy_value(&field.of, value)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn is_collection(of: &Type) -> bool {
    match of {
        Type::Inline(Atom { scalar: None, list: Some(_), map: None }) => true,
        Type::Inline(Atom { scalar: None, list: None, map: Some(map) }) => map.fields.is_empty(),
        _ => false,
    }
}
