//! Paths and sets of paths, and their wire form `FieldsV1`.
//!
//! A set distinguishes a field that is owned itself from one below which something is owned: `{"f:spec": {".": {},
//! "f:x": {}}}` owns both. The order of elements is that of the reference implementation, because messages list
//! conflicts in it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fmt::{Display, Formatter, Result as Fmt},
};

use serde_json::{Map, Value};

use super::value;
use crate::go;

/// One step of a path.
#[derive(Clone, Debug)]
pub enum Element {
    /// A field of a struct or an entry of a map.
    Field(String),
    /// The item of a list with these values of its key fields.
    Key(BTreeMap<String, Value>),
    /// The item of a set.
    Value(Value),
    /// The item at a place. Kept when read, never made.
    Index(usize),
}

impl Element {
    /// Reads `f:…`, `k:…`, `v:…`, `i:…`. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_at_checked(2)?;
        Some(match kind {
            "f:" => Self::Field(rest.to_owned()),
            "k:" => Self::Key(serde_json::from_str(rest).ok()?),
            "v:" => Self::Value(serde_json::from_str(rest).ok()?),
            "i:" => Self::Index(rest.parse().ok()?),
            _ => return None,
        })
    }

    /// Its wire form.
    #[must_use]
    pub fn to_key(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{}", serde_json::to_string(keys).unwrap_or_default()),
            Self::Value(value) => format!("v:{value}"),
            Self::Index(index) => format!("i:{index}"),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Field(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for Element {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.cmp(b),
            (Self::Key(a), Self::Key(b)) => {
                let pairs = a.iter().zip(b);
                let differ =
                    pairs.map(|((an, av), (bn, bv))| an.cmp(bn).then_with(|| value::compare(av, bv)));
                differ.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
            }
            (Self::Value(a), Self::Value(b)) => value::compare(a, b),
            (Self::Index(a), Self::Index(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Element {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Element {}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> Fmt {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(keys) => {
                let keys: Vec<_> = keys.iter().map(|(k, v)| format!("{k}={}", go::display(v))).collect();
                write!(f, "[{}]", keys.join(","))
            }
            Self::Value(value) => write!(f, "[={}]", go::display(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A path from the root of an object, written `.spec.containers[name="web"].image`.
#[must_use]
pub fn display(path: &[Element]) -> String {
    path.iter().map(ToString::to_string).collect()
}

/// A set of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    members: BTreeSet<Element>,
    children: BTreeMap<Element, Set>,
}

impl Set {
    /// Of these paths, all of field names.
    #[must_use]
    pub fn of(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let path: Vec<Element> = path.iter().map(|&name| Element::Field(name.to_owned())).collect();
            set.insert(&path);
        }
        set
    }

    /// Adds a path. Nobody owns the root, so the empty path is none.
    pub fn insert(&mut self, path: &[Element]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    /// Whether the very path is in it.
    #[must_use]
    pub fn has(&self, path: &[Element]) -> bool {
        match path {
            [] => false,
            [last] => self.members.contains(last),
            [first, rest @ ..] => self.children.get(first).is_some_and(|set| set.has(rest)),
        }
    }

    /// Whether it has no path.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Self::is_empty)
    }

    /// Whether an element is in it, and what is in it below the element.
    #[must_use]
    pub fn at(&self, element: &Element) -> (bool, Option<&Self>) {
        (self.members.contains(element), self.children.get(element).filter(|set| !set.is_empty()))
    }

    /// The elements at the top that are members.
    pub(super) fn members(&self) -> impl Iterator<Item = &Element> {
        self.members.iter()
    }

    /// The elements at the top that have something below.
    pub(super) fn children(&self) -> impl Iterator<Item = (&Element, &Self)> {
        self.children.iter()
    }

    pub(super) fn from_parts(members: BTreeSet<Element>, children: BTreeMap<Element, Self>) -> Self {
        Self { members, children }
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.members.extend(other.members.iter().cloned());
        for (element, set) in &other.children {
            let merged = out.children.get(element).map_or_else(|| set.clone(), |own| own.union(set));
            out.children.insert(element.clone(), merged);
        }
        out
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let below = |(element, set): (&Element, &Self)| {
            let both = set.intersection(other.children.get(element)?);
            (!both.is_empty()).then(|| (element.clone(), both))
        };
        Self {
            members: self.members.intersection(&other.members).cloned().collect(),
            children: self.children.iter().filter_map(below).collect(),
        }
    }

    /// What is only in this.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let below = |(element, set): (&Element, &Self)| {
            let rest = other.children.get(element).map_or_else(|| set.clone(), |other| set.difference(other));
            (!rest.is_empty()).then(|| (element.clone(), rest))
        };
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: self.children.iter().filter_map(below).collect(),
        }
    }

    /// What is neither in the other nor below something of it.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let below = |(element, set): (&Element, &Self)| {
            if other.members.contains(element) {
                return None;
            }
            let rest = other.children.get(element).map_or_else(|| set.clone(), |other| set.without(other));
            (!rest.is_empty()).then(|| (element.clone(), rest))
        };
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: self.children.iter().filter_map(below).collect(),
        }
    }

    /// All paths: at each level first members, then what is below.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<Element>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<Element>, out: &mut Vec<Vec<Element>>) {
        for member in &self.members {
            let mut path = prefix.clone();
            path.push(member.clone());
            out.push(path);
        }
        for (element, set) in &self.children {
            prefix.push(element.clone());
            set.collect(prefix, out);
            prefix.pop();
        }
    }

    /// Reads `FieldsV1`. Elements of unknown kinds are left out.
    ///
    /// # Errors
    /// When it is no object of objects, or an element's text does not parse.
    pub fn from_fields_v1(fields: &Value) -> Result<Self, String> {
        let map = fields.as_object().ok_or_else(|| format!("fieldsV1 is not an object: {fields}"))?;
        let mut set = Self::default();
        for (key, below) in map.iter().filter(|(key, _)| *key != ".") {
            let Some(element) = Element::parse(key) else {
                if matches!(key.get(..2), Some("k:" | "v:" | "i:")) {
                    return Err(format!("parsing key as path element: {key}"));
                }
                continue;
            };
            let inner = Self::from_fields_v1(below)?;
            let is_member = below.as_object().is_some_and(|map| map.is_empty() || map.contains_key("."));
            if is_member {
                set.members.insert(element.clone());
            }
            if !inner.is_empty() {
                set.children.insert(element, inner);
            }
        }
        Ok(set)
    }

    /// Writes `FieldsV1`.
    #[must_use]
    pub fn to_fields_v1(&self) -> Value {
        let mut map = Map::new();
        for member in &self.members {
            map.insert(member.to_key(), Value::Object(Map::new()));
        }
        for (element, set) in self.children.iter().filter(|(_, set)| !set.is_empty()) {
            let mut below = set.to_fields_v1();
            if self.members.contains(element)
                && let Some(below) = below.as_object_mut()
            {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(element.to_key(), below);
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn element() -> impl Strategy<Value = Element> {
        prop_oneof![
            "[a-c]{1,2}".prop_map(Element::Field),
            (0..3i64).prop_map(|n| Element::Key([("port".to_owned(), json!(n))].into())),
            "[a-c]".prop_map(|s| Element::Value(json!(s))),
        ]
    }

    fn set() -> impl Strategy<Value = Set> {
        prop::collection::vec(prop::collection::vec(element(), 1..4), 0..12).prop_map(|paths| {
            let mut set = Set::default();
            paths.iter().for_each(|path| set.insert(path));
            set
        })
    }

    proptest! {
        #[test]
        fn fields_v1_reads_back(set in set()) {
            prop_assert_eq!(Set::from_fields_v1(&set.to_fields_v1()).unwrap(), set);
        }

        #[test]
        fn sets_obey_the_laws_of_sets(a in set(), b in set()) {
            prop_assert_eq!(a.union(&b), b.union(&a));
            prop_assert_eq!(a.intersection(&b), b.intersection(&a));
            prop_assert!(a.difference(&b).intersection(&b).is_empty());
            let both = a.difference(&b).union(&a.intersection(&b));
            prop_assert_eq!(both.paths(), a.paths());
            prop_assert!(a.paths().iter().all(|path| a.has(path)));
        }
    }

    #[test]
    fn paths_are_written_as_kubectl_shows_them() {
        let path = [
            Element::Field("spec".into()),
            Element::Key(
                [("containerPort".to_owned(), json!(80)), ("protocol".to_owned(), json!("TCP"))].into(),
            ),
            Element::Value(json!("x")),
        ];
        assert_eq!(display(&path), r#".spec[containerPort=80,protocol="TCP"][="x"]"#);
    }
}
