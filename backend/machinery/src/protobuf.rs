//! Bodies of typed clients. Kubernetes' own clients send their own kinds as protobuf; here such a body becomes the JSON
//! that the same client would have sent. The numbers of the fields are in a table that `scripts/machinery-protobuf` writes
//! from the tags of Kubernetes' Go types.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use base64::Engine as _;
use serde_json::{Map, Value};

use crate::Status;

/// The media type.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";
/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Messages within messages.
const DEPTH: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Flag,
    Integer,
    Float,
    Double,
    Time,
    MicroTime,
    Duration,
    Quantity,
    IntOrString,
    /// JSON as it is, in field 1.
    Raw,
    Message(String),
    List(Box<Self>),
    Map(Box<Self>),
}

struct Field {
    name: String,
    kind: Kind,
    /// Left out where it is empty.
    omits_empty: bool,
}

type Fields = BTreeMap<u64, Field>;

#[derive(Default)]
struct Table {
    /// `group/version/Kind` → type.
    kinds: HashMap<String, String>,
    types: HashMap<String, Fields>,
}

fn kind(text: &str) -> Kind {
    match text {
        "string" => Kind::Text,
        "bytes" => Kind::Bytes,
        "bool" => Kind::Flag,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "time" => Kind::Time,
        "microtime" => Kind::MicroTime,
        "duration" => Kind::Duration,
        "quantity" => Kind::Quantity,
        "intorstring" => Kind::IntOrString,
        "raw" => Kind::Raw,
        other => match (other.strip_prefix('@'), other.strip_prefix("list:"), other.strip_prefix("map:")) {
            (Some(name), ..) => Kind::Message(name.to_owned()),
            (_, Some(item), _) => Kind::List(Box::new(kind(item))),
            (_, _, Some(item)) => Kind::Map(Box::new(kind(item))),
            _ => Kind::Integer,
        },
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Table::default();
        let mut of = String::new();
        for line in include_str!("protobuf/builtin.txt").lines() {
            let parts: Vec<&str> = line.split(' ').collect();
            match parts.as_slice() {
                ["kind", name, type_] => {
                    table.kinds.insert((*name).to_owned(), (*type_).to_owned());
                }
                ["type", name] => {
                    (*name).clone_into(&mut of);
                    table.types.entry(of.clone()).or_default();
                }
                [number, name, what, flags @ ..] => {
                    let field = Field {
                        name: (*name).to_owned(),
                        kind: kind(what),
                        omits_empty: flags.contains(&"o"),
                    };
                    if let Ok(number) = number.parse() {
                        table.types.entry(of.clone()).or_default().insert(number, field);
                    }
                }
                _ => {}
            }
        }
        table
    })
}

/// Whether a body is one.
#[must_use]
pub fn is(body: &[u8]) -> bool {
    body.starts_with(MAGIC)
}

/// A body as JSON, with its `apiVersion` and `kind`.
///
/// # Errors
/// 400 for what is cut off or no such body, 415 for a kind that is not in the table.
pub fn decode(body: &[u8]) -> Result<Value, Status> {
    let wrong =
        |why: &str| Status::bad_request(format!("the body is no Kubernetes object in protobuf: {why}"));
    let rest = body.strip_prefix(MAGIC).ok_or_else(|| wrong("it does not begin as one"))?;
    let (mut api_version, mut kind, mut raw, mut content) =
        (String::new(), String::new(), &[][..], String::new());
    for part in parts(rest).map_err(wrong)? {
        match (part.number, part.wire) {
            (1, Wire::Bytes(type_meta)) => {
                for part in parts(type_meta).map_err(wrong)? {
                    match (part.number, part.wire) {
                        (1, Wire::Bytes(text)) => api_version = string(text).map_err(wrong)?,
                        (2, Wire::Bytes(text)) => kind = string(text).map_err(wrong)?,
                        _ => {}
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            (3 | 4, Wire::Bytes(text)) if !text.is_empty() => content = string(text).map_err(wrong)?,
            _ => {}
        }
    }
    if !content.is_empty() && content != MEDIA_TYPE {
        return Err(wrong("it says that it holds something else"));
    }
    let table = table();
    let type_ = if kind == "DeleteOptions" {
        table.kinds.get("v1/DeleteOptions")
    } else {
        table.kinds.get(&format!("{api_version}/{kind}"))
    };
    let Some(type_) = type_ else {
        return Err(Status::unsupported_media_type(&["application/json", "application/yaml"]));
    };
    let mut object = message(table, type_, raw, DEPTH).map_err(wrong)?;
    object.insert("apiVersion".to_owned(), api_version.into());
    object.insert("kind".to_owned(), kind.into());
    Ok(Value::Object(object))
}

enum Wire<'a> {
    Number(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

struct Part<'a> {
    number: u64,
    wire: Wire<'a>,
}

fn varint(bytes: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or("it is cut off")?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number is too long")
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Result<&'a [u8], &'static str> {
    let length = usize::try_from(length).map_err(|_| "a length is too large")?;
    let (taken, rest) = bytes.split_at_checked(length).ok_or("it is cut off")?;
    *bytes = rest;
    Ok(taken)
}

fn parts(mut bytes: &[u8]) -> Result<Vec<Part<'_>>, &'static str> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let wire = match tag & 7 {
            0 => Wire::Number(varint(&mut bytes)?),
            1 => {
                let fixed = take(&mut bytes, 8)?;
                Wire::Fixed64(u64::from_le_bytes(fixed.try_into().map_err(|_| "it is cut off")?))
            }
            2 => {
                let length = varint(&mut bytes)?;
                Wire::Bytes(take(&mut bytes, length)?)
            }
            5 => {
                let fixed = take(&mut bytes, 4)?;
                Wire::Fixed32(u32::from_le_bytes(fixed.try_into().map_err(|_| "it is cut off")?))
            }
            _ => return Err("it has a field of a kind that is not used"),
        };
        out.push(Part { number: tag >> 3, wire });
    }
    Ok(out)
}

fn string(bytes: &[u8]) -> Result<String, &'static str> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "a text is not UTF-8")
}

fn message(
    table: &Table,
    type_: &str,
    bytes: &[u8],
    depth: usize,
) -> Result<Map<String, Value>, &'static str> {
    if depth == 0 {
        return Err("it is nested too deeply");
    }
    let fields = table.types.get(type_).ok_or("it has a type that is not known")?;
    let mut out = Map::new();
    for part in parts(bytes)? {
        let Some(field) = fields.get(&part.number) else { continue };
        match (&field.kind, &part.wire) {
            // What is embedded in Go is one object in JSON.
            (Kind::Message(of), Wire::Bytes(bytes)) if field.name == "." => {
                out.extend(message(table, of, bytes, depth - 1)?);
            }
            (Kind::List(item), wire) => {
                let list = out.entry(field.name.clone()).or_insert_with(|| Value::Array(Vec::new()));
                let Some(list) = list.as_array_mut() else { continue };
                match (&**item, wire) {
                    (Kind::Integer, Wire::Bytes(packed)) => {
                        let mut packed = *packed;
                        while !packed.is_empty() {
                            list.push(integer(varint(&mut packed)?));
                        }
                    }
                    (item, wire) => list.extend(value(table, item, wire, depth)?),
                }
            }
            (Kind::Map(item), Wire::Bytes(entry)) => {
                let (mut key, mut held) = (String::new(), None);
                for part in parts(entry)? {
                    match (part.number, &part.wire) {
                        (1, Wire::Bytes(text)) => key = string(text)?,
                        (2, wire) => held = value(table, item, wire, depth)?,
                        _ => {}
                    }
                }
                let map = out.entry(field.name.clone()).or_insert_with(|| Value::Object(Map::new()));
                if let Some(map) = map.as_object_mut() {
                    map.insert(key, held.unwrap_or_else(|| empty(item)));
                }
            }
            (kind, wire) => {
                if let Some(value) = value(table, kind, wire, depth)?
                    && !(field.omits_empty && is_empty(&value))
                {
                    out.insert(field.name.clone(), value);
                }
            }
        }
    }
    Ok(out)
}

fn empty(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::Bytes | Kind::Quantity => "".into(),
        Kind::Integer => 0.into(),
        Kind::Flag => false.into(),
        _ => Value::Object(Map::new()),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        // Go writes structs also when they are empty.
        Value::Object(_) => false,
    }
}

/// Numbers are sent as their 64 bits.
fn integer(bits: u64) -> Value {
    Value::from(i64::from_le_bytes(bits.to_le_bytes()))
}

fn value(table: &Table, kind: &Kind, wire: &Wire<'_>, depth: usize) -> Result<Option<Value>, &'static str> {
    Ok(Some(match (kind, wire) {
        (Kind::Text, Wire::Bytes(bytes)) => string(bytes)?.into(),
        (Kind::Bytes, Wire::Bytes(bytes)) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
        (Kind::Flag, Wire::Number(bits)) => (*bits != 0).into(),
        (Kind::Integer, Wire::Number(bits)) => integer(*bits),
        (Kind::Double, Wire::Fixed64(bits)) => f64::from_bits(*bits).into(),
        (Kind::Float, Wire::Fixed32(bits)) => f64::from(f32::from_bits(*bits)).into(),
        (Kind::Message(of), Wire::Bytes(bytes)) => Value::Object(message(table, of, bytes, depth - 1)?),
        (Kind::Time | Kind::MicroTime, Wire::Bytes(bytes)) => return time(bytes, *kind == Kind::MicroTime),
        (Kind::Duration, Wire::Bytes(bytes)) => {
            let nanos = numbers(bytes)?.get(&1).copied().unwrap_or(0);
            format!("{}ms", i64::from_le_bytes(nanos.to_le_bytes()) / 1_000_000).into()
        }
        (Kind::Quantity, Wire::Bytes(bytes)) => match parts(bytes)?.into_iter().next() {
            Some(Part { number: 1, wire: Wire::Bytes(text) }) => string(text)?.into(),
            _ => "0".into(),
        },
        (Kind::IntOrString, Wire::Bytes(bytes)) => {
            let (mut is_text, mut number, mut text) = (false, 0.into(), String::new());
            for part in parts(bytes)? {
                match (part.number, part.wire) {
                    (1, Wire::Number(type_)) => is_text = type_ == 1,
                    (2, Wire::Number(bits)) => number = integer(bits),
                    (3, Wire::Bytes(bytes)) => text = string(bytes)?,
                    _ => {}
                }
            }
            if is_text { text.into() } else { number }
        }
        (Kind::Raw, Wire::Bytes(bytes)) => match parts(bytes)?.into_iter().next() {
            Some(Part { number: 1, wire: Wire::Bytes(json) }) => {
                serde_json::from_slice(json).map_err(|_| "what should be JSON is none")?
            }
            _ => return Ok(None),
        },
        _ => return Err("a field is of another kind than it should be"),
    }))
}

fn numbers(bytes: &[u8]) -> Result<BTreeMap<u64, u64>, &'static str> {
    let found = parts(bytes)?.into_iter().filter_map(|part| match part.wire {
        Wire::Number(bits) => Some((part.number, bits)),
        _ => None,
    });
    Ok(found.collect())
}

/// Seconds and nanoseconds since 1970, in UTC. A time without either is none.
fn time(bytes: &[u8], micro: bool) -> Result<Option<Value>, &'static str> {
    let numbers = numbers(bytes)?;
    let get = |number: u64| numbers.get(&number).map_or(0, |bits| i64::from_le_bytes(bits.to_le_bytes()));
    let (seconds, nanos) = (get(1), get(2));
    if seconds == 0 && nanos == 0 {
        return Ok(None);
    }
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The civil calendar from days since 1970, by eras of 400 years.
    let shifted = days.checked_add(719_468).ok_or("a time is out of range")?;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second % 3_600 / 60, second % 60);
    let fraction = if micro { format!(".{:06}", nanos / 1_000) } else { String::new() };
    Ok(Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z").into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, b"v1"), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &type_meta), field(2, raw)].concat()
    }

    #[test]
    fn a_config_map_is_what_it_would_be_in_json() {
        let metadata = [field(1, b"a"), field(2, b"")].concat();
        let entry = [field(1, b"key"), field(2, b"value")].concat();
        let raw = [field(1, &metadata), field(2, &entry)].concat();
        let expected = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "value"}});
        assert_eq!(decode(&body("ConfigMap", &raw)).unwrap(), expected);
        assert_eq!(decode(&body("Nothing", &raw)).unwrap_err().code, 415);
    }

    #[test]
    fn times_are_of_the_civil_calendar() {
        // 2024-02-29T12:34:56Z
        let mut bytes = vec![1 << 3];
        let mut seconds = 1_709_210_096_u64;
        while seconds > 0x7f {
            bytes.push(u8::try_from(seconds & 0x7f).unwrap() | 0x80);
            seconds >>= 7;
        }
        bytes.push(u8::try_from(seconds).unwrap());
        assert_eq!(time(&bytes, false).unwrap(), Some(json!("2024-02-29T12:34:56Z")));
        assert_eq!(time(&[], false).unwrap(), None);
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_read_but_never_ends_the_process(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            kind in proptest::sample::select(vec!["ConfigMap", "Pod", "Service", "DeleteOptions"]),
        ) {
            let _ = decode(&bytes);
            if bytes.len() < 128 {
                let _ = decode(&body(kind, &bytes));
            }
        }
    }
}
