//! A tree of values in which each one knows its line.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use serde_saphyr::Spanned;

/// A value that knows its line.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) line: Option<u64>,
    pub(super) kind: Kind,
    /// Line and column where it was written, as far as that may still be asked.
    written: (u32, u32),
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Leaf(Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl From<Spanned<Kind>> for Node {
    fn from(spanned: Spanned<Kind>) -> Self {
        let line = spanned.referenced.line();
        let part = |number: u64| u32::try_from(number).unwrap_or(0);
        let written = (part(spanned.defined.line()), part(spanned.defined.column()));
        Self { line: (line > 0).then_some(line), kind: spanned.value, written }
    }
}

impl From<Value> for Kind {
    fn from(value: Value) -> Self {
        let node = |value| Node::unplaced(Self::from(value));
        match value {
            Value::Array(items) => Self::List(items.into_iter().map(node).collect()),
            Value::Object(members) => {
                Self::Map(members.into_iter().map(|(key, value)| (key, node(value))).collect())
            }
            leaf => Self::Leaf(leaf),
        }
    }
}

impl Node {
    /// A value that knows no line.
    pub(super) const fn unplaced(kind: Kind) -> Self {
        Self { line: None, kind, written: (0, 0) }
    }

    /// Makes text of what the parser took for a yes or no and is neither: a lone letter, or a word in odd case. The first
    /// YAML had `n` for no, and few writers of YAML know: they write `namespace: n` and mean the letter.
    pub(super) fn spell(&mut self, lines: &[&str]) {
        match &mut self.kind {
            Kind::Leaf(value @ Value::Bool(_)) => {
                let (line, column) = self.written;
                let place = |number: u32| usize::try_from(number).ok()?.checked_sub(1);
                let written =
                    place(line).and_then(|at| lines.get(at)).zip(place(column)).map(|(line, skip)| {
                        let word = |c: &char| c.is_alphanumeric();
                        line.chars().skip(skip).take_while(word).take(2).collect::<String>()
                    });
                if let Some(letter) = written.filter(|word| matches!(word.as_str(), "y" | "Y" | "n" | "N")) {
                    *value = letter.into();
                }
            }
            Kind::Leaf(_) => {}
            Kind::List(items) => items.iter_mut().for_each(|item| item.spell(lines)),
            Kind::Map(members) => members.iter_mut().for_each(|(_, member)| member.spell(lines)),
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(members) => members.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            _ => None,
        }
    }

    pub(super) fn value(&self) -> Value {
        match &self.kind {
            Kind::Leaf(value) => value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Kind::Map(members) => Value::Object(
                members.iter().map(|(key, node)| (key.clone(), node.value())).collect::<Map<_, _>>(),
            ),
        }
    }

    pub(super) fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::Leaf(_) => 0,
            Kind::List(items) => items.iter().map(Self::count).sum(),
            Kind::Map(members) => members.iter().map(|(_, node)| node.count()).sum(),
        }
    }

    /// Line of the deepest part of a path that exists. Keys may hold dots themselves, so the longest one that fits
    /// is followed.
    pub(super) fn line_of(&self, path: &str) -> Option<u64> {
        let path = path.strip_prefix('.').unwrap_or(path);
        let deeper = match &self.kind {
            Kind::Leaf(_) => None,
            Kind::List(items) => {
                path.strip_prefix('[').and_then(|rest| rest.split_once(']')).and_then(|(at, rest)| {
                    Some(items.get(at.parse::<usize>().ok()?)?.line_of(rest).or(self.line))
                })
            }
            Kind::Map(members) => members
                .iter()
                .filter_map(|(key, node)| {
                    let rest = match path.strip_prefix('[') {
                        Some(quoted) => quoted.strip_prefix(key.as_str())?.strip_prefix(']')?,
                        None => path.strip_prefix(key.as_str())?,
                    };
                    (rest.is_empty() || rest.starts_with(['.', '['])).then_some((key.len(), node, rest))
                })
                .max_by_key(|(length, ..)| *length)
                .map(|(_, node, rest)| node.line_of(rest)),
        };
        deeper.flatten().or(self.line)
    }
}

/// The words for yes and no, in the cases in which Kubernetes' tools know them.
fn is_yes_or_no(word: &str) -> bool {
    let mut letters = word.chars();
    let first = letters.next().is_some_and(char::is_uppercase);
    let rest = letters.as_str();
    let lower = !rest.contains(char::is_uppercase);
    let upper = first && !rest.contains(char::is_lowercase);
    (lower || upper)
        && ["true", "false", "yes", "no", "on", "off"].contains(&word.to_ascii_lowercase().as_str())
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Kind;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Kind, E> {
                Ok(Kind::Leaf(Value::Null))
            }
            fn visit_none<E>(self) -> Result<Kind, E> {
                Ok(Kind::Leaf(Value::Null))
            }
            fn visit_some<D: Deserializer<'de>>(self, input: D) -> Result<Kind, D::Error> {
                Kind::deserialize(input)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
                Ok(Kind::Leaf(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
                Ok(Kind::Leaf(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
                Ok(Kind::Leaf(value.into()))
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Kind, E> {
                let number = Number::from_f64(value).ok_or_else(|| E::custom("a number must be finite"))?;
                Ok(Kind::Leaf(number.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
                Ok(Kind::Leaf(value.into()))
            }
            fn visit_string<E>(self, value: String) -> Result<Kind, E> {
                Ok(Kind::Leaf(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element::<Spanned<Kind>>()? {
                    items.push(item.into());
                }
                Ok(Kind::List(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                let mut members: Vec<(String, Node)> = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value: Spanned<Kind> = map.next_value()?;
                    members.push((key, value.into()));
                }
                Ok(Kind::Map(members))
            }
        }
        input.deserialize_any(Any)
    }
}
