//! An OpenAPI version 2 document as protobuf, in the messages of gnostic (`openapi.v2.Document`).
//!
//! Clients ask for this form at `/openapi/v2`, and some accept no other. The messages are written straight to the
//! wire from tables of their fields: what is needed of them is little, and only writing. What a document holds beyond
//! the tables (security, examples, headers) is left out.

use serde_json::{Map, Value};

/// How a field of JSON becomes a field of a message.
enum How {
    Text,
    Flag,
    Double,
    Integer,
    Texts,
    /// Any value, as YAML text.
    Any,
    Anys,
    One(&'static Message),
    Many(&'static Message),
    /// A map, as entries of name and message, each in field 1 of a message of its own.
    Named(&'static Message),
    /// A type or list of types.
    Types,
    /// A schema or a flag.
    SchemaOrFlag,
    /// A schema inside a message that could hold others, in field 1.
    Wrapped(&'static Message),
    Parameters,
    /// Parameters by name, for references.
    NamedParameters,
}

struct Message {
    fields: &'static [(&'static str, u32, How)],
    /// Where `x-…` go.
    extensions: u32,
    /// Where entries with free names go, and as what.
    entries: Option<(u32, &'static Message)>,
}

const fn message(fields: &'static [(&'static str, u32, How)], extensions: u32) -> Message {
    Message { fields, extensions, entries: None }
}

static DOCUMENT: Message = message(
    &[
        ("swagger", 1, How::Text),
        ("info", 2, How::One(&INFO)),
        ("host", 3, How::Text),
        ("basePath", 4, How::Text),
        ("schemes", 5, How::Texts),
        ("consumes", 6, How::Texts),
        ("produces", 7, How::Texts),
        ("paths", 8, How::One(&PATHS)),
        ("definitions", 9, How::Named(&SCHEMA)),
        ("parameters", 10, How::NamedParameters),
    ],
    16,
);
static INFO: Message =
    message(&[("title", 1, How::Text), ("version", 2, How::Text), ("description", 3, How::Text)], 7);
static PATHS: Message = Message { fields: &[], extensions: 1, entries: Some((2, &PATH_ITEM)) };
static PATH_ITEM: Message = message(
    &[
        ("get", 2, How::One(&OPERATION)),
        ("put", 3, How::One(&OPERATION)),
        ("post", 4, How::One(&OPERATION)),
        ("delete", 5, How::One(&OPERATION)),
        ("options", 6, How::One(&OPERATION)),
        ("head", 7, How::One(&OPERATION)),
        ("patch", 8, How::One(&OPERATION)),
        ("parameters", 9, How::Parameters),
    ],
    10,
);
static OPERATION: Message = message(
    &[
        ("tags", 1, How::Texts),
        ("summary", 2, How::Text),
        ("description", 3, How::Text),
        ("operationId", 5, How::Text),
        ("produces", 6, How::Texts),
        ("consumes", 7, How::Texts),
        ("parameters", 8, How::Parameters),
        ("responses", 9, How::One(&RESPONSES)),
        ("schemes", 10, How::Texts),
        ("deprecated", 11, How::Flag),
    ],
    13,
);
static RESPONSES: Message = Message { fields: &[], extensions: 2, entries: Some((1, &RESPONSE_VALUE)) };
/// Always a response and never a reference, in field 1.
static RESPONSE_VALUE: Message = message(&[("", 1, How::One(&RESPONSE))], 0);
static RESPONSE: Message = message(&[("description", 1, How::Text), ("schema", 2, How::Wrapped(&SCHEMA))], 5);
static BODY_PARAMETER: Message = message(
    &[
        ("description", 1, How::Text),
        ("name", 2, How::Text),
        ("in", 3, How::Text),
        ("required", 4, How::Flag),
        ("schema", 5, How::One(&SCHEMA)),
    ],
    6,
);
static QUERY_PARAMETER: Message = message(
    &[
        ("required", 1, How::Flag),
        ("in", 2, How::Text),
        ("description", 3, How::Text),
        ("name", 4, How::Text),
        ("type", 6, How::Text),
        ("format", 7, How::Text),
        ("default", 10, How::Any),
        ("uniqueItems", 20, How::Flag),
        ("enum", 21, How::Anys),
    ],
    23,
);
/// Of headers and paths.
static OTHER_PARAMETER: Message = message(
    &[
        ("required", 1, How::Flag),
        ("in", 2, How::Text),
        ("description", 3, How::Text),
        ("name", 4, How::Text),
        ("type", 5, How::Text),
        ("format", 6, How::Text),
        ("default", 9, How::Any),
        ("uniqueItems", 19, How::Flag),
        ("enum", 20, How::Anys),
    ],
    22,
);
static SCHEMA: Message = message(
    &[
        ("$ref", 1, How::Text),
        ("format", 2, How::Text),
        ("title", 3, How::Text),
        ("description", 4, How::Text),
        ("default", 5, How::Any),
        ("multipleOf", 6, How::Double),
        ("maximum", 7, How::Double),
        ("exclusiveMaximum", 8, How::Flag),
        ("minimum", 9, How::Double),
        ("exclusiveMinimum", 10, How::Flag),
        ("maxLength", 11, How::Integer),
        ("minLength", 12, How::Integer),
        ("pattern", 13, How::Text),
        ("maxItems", 14, How::Integer),
        ("minItems", 15, How::Integer),
        ("uniqueItems", 16, How::Flag),
        ("maxProperties", 17, How::Integer),
        ("minProperties", 18, How::Integer),
        ("required", 19, How::Texts),
        ("enum", 20, How::Anys),
        ("additionalProperties", 21, How::SchemaOrFlag),
        ("type", 22, How::Types),
        ("items", 23, How::Wrapped(&SCHEMA)),
        ("allOf", 24, How::Many(&SCHEMA)),
        ("properties", 25, How::Named(&SCHEMA)),
        ("readOnly", 27, How::Flag),
        ("example", 30, How::Any),
    ],
    31,
);

/// Writes a document, given as JSON.
#[must_use]
pub fn encode(document: &Value) -> Vec<u8> {
    encode_message(&DOCUMENT, document)
}

#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn varint(&mut self, mut value: u64) {
        loop {
            let byte = u8::try_from(value & 0x7f).unwrap_or_default();
            value >>= 7;
            if value == 0 {
                self.0.push(byte);
                return;
            }
            self.0.push(byte | 0x80);
        }
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.key(field, 0);
            self.varint(value);
        }
    }

    fn double(&mut self, field: u32, value: f64) {
        self.key(field, 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }
}

fn encode_any(value: &Value) -> Vec<u8> {
    let mut wire = Wire::default();
    // JSON is YAML.
    wire.bytes(2, format!("{value}\n").as_bytes());
    wire.0
}

fn named(name: &str, value: &[u8]) -> Vec<u8> {
    let mut wire = Wire::default();
    wire.bytes(1, name.as_bytes());
    wire.bytes(2, value);
    wire.0
}

fn encode_message(message: &Message, value: &Value) -> Vec<u8> {
    let mut wire = Wire::default();
    let empty = Map::new();
    let map = value.as_object().unwrap_or(&empty);
    for (name, field, how) in message.fields {
        if name.is_empty() {
            encode_field(&mut wire, *field, how, value);
        } else if let Some(value) = map.get(*name) {
            encode_field(&mut wire, *field, how, value);
        }
    }
    for (name, value) in map {
        if name.starts_with("x-") && message.extensions > 0 {
            wire.bytes(message.extensions, &named(name, &encode_any(value)));
        } else if let Some((field, inner)) = &message.entries {
            wire.bytes(*field, &named(name, &encode_message(inner, value)));
        }
    }
    wire.0
}

fn encode_field(wire: &mut Wire, field: u32, how: &How, value: &Value) {
    let items = || value.as_array().into_iter().flatten();
    match how {
        How::Text => wire.bytes(field, value.as_str().unwrap_or_default().as_bytes()),
        How::Flag => wire.number(field, u64::from(value.as_bool().unwrap_or_default())),
        How::Double => wire.double(field, value.as_f64().unwrap_or_default()),
        How::Integer => wire.number(field, value.as_u64().unwrap_or_default()),
        How::Texts => items().filter_map(Value::as_str).for_each(|text| wire.bytes(field, text.as_bytes())),
        How::Any => wire.bytes(field, &encode_any(value)),
        How::Anys => items().for_each(|item| wire.bytes(field, &encode_any(item))),
        How::One(message) => wire.bytes(field, &encode_message(message, value)),
        How::Many(message) => items().for_each(|item| wire.bytes(field, &encode_message(message, item))),
        How::Named(message) => {
            let mut inner = Wire::default();
            for (name, value) in value.as_object().into_iter().flatten() {
                inner.bytes(1, &named(name, &encode_message(message, value)));
            }
            wire.bytes(field, &inner.0);
        }
        How::Types => {
            let mut inner = Wire::default();
            value.as_str().into_iter().chain(items().filter_map(Value::as_str)).for_each(|text| {
                inner.bytes(1, text.as_bytes());
            });
            wire.bytes(field, &inner.0);
        }
        How::SchemaOrFlag => {
            let mut inner = Wire::default();
            match value.as_bool() {
                Some(flag) => {
                    // A member of a oneof is written also when false.
                    inner.key(2, 0);
                    inner.varint(u64::from(flag));
                }
                None => inner.bytes(1, &encode_message(&SCHEMA, value)),
            }
            wire.bytes(field, &inner.0);
        }
        How::Wrapped(message) => {
            let mut inner = Wire::default();
            inner.bytes(1, &encode_message(message, value));
            wire.bytes(field, &inner.0);
        }
        How::NamedParameters => {
            let mut inner = Wire::default();
            for (name, value) in value.as_object().into_iter().flatten() {
                inner.bytes(1, &named(name, &encode_parameter(value)));
            }
            wire.bytes(field, &inner.0);
        }
        How::Parameters => items().for_each(|item| wire.bytes(field, &encode_parameter_item(item))),
    }
}

/// An item of a list of parameters: a parameter or a reference to one.
fn encode_parameter_item(value: &Value) -> Vec<u8> {
    let mut wire = Wire::default();
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            let mut inner = Wire::default();
            inner.bytes(1, reference.as_bytes());
            wire.bytes(2, &inner.0);
        }
        None => wire.bytes(1, &encode_parameter(value)),
    }
    wire.0
}

fn encode_parameter(value: &Value) -> Vec<u8> {
    let mut parameter = Wire::default();
    let other = |field: u32, message: &Message| {
        let mut inner = Wire::default();
        inner.bytes(field, &encode_message(message, value));
        inner.0
    };
    match value.get("in").and_then(Value::as_str) {
        Some("body") => parameter.bytes(1, &encode_message(&BODY_PARAMETER, value)),
        Some("header") => parameter.bytes(2, &other(1, &OTHER_PARAMETER)),
        Some("path") => parameter.bytes(2, &other(4, &OTHER_PARAMETER)),
        _ => parameter.bytes(2, &other(3, &QUERY_PARAMETER)),
    }
    parameter.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_small_document_has_the_bytes_of_its_messages() {
        let document = json!({"swagger": "2.0", "info": {"title": "h", "version": "1"},
            "definitions": {"A": {"type": "object", "x-a": [1]}}});
        let expected: Vec<u8> = [
            &b"\x0a\x032.0"[..],
            b"\x12\x06\x0a\x01h\x12\x011",
            b"\x4a\x22\x0a\x20\x0a\x01A\x12\x1b",
            b"\xb2\x01\x08\x0a\x06object",
            b"\xfa\x01\x0d\x0a\x03x-a\x12\x06\x12\x04[1]\n",
        ]
        .concat();
        assert_eq!(encode(&document), expected);
    }
}
