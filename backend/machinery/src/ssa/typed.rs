//! Objects seen through their types: which fields they have, how two differ, and what is left when some go.

use serde_json::Value;

use super::{
    path::{Element, Set},
    value,
};
use crate::schema::{Items, List, Map, Scalar, Schema, Type};

type Json = serde_json::Map<String, Value>;

/// How an object differs from an earlier one.
#[derive(Clone, Debug, Default)]
pub(super) struct Comparison {
    pub(super) removed: Set,
    pub(super) modified: Set,
    pub(super) added: Set,
}

impl Comparison {
    pub(super) fn without(mut self, ignored: &Set) -> Self {
        self.removed = self.removed.without(ignored);
        self.modified = self.modified.without(ignored);
        self.added = self.added.without(ignored);
        self
    }
}

/// The element under which an item of a list is known.
pub(super) fn item_element(schema: &Schema, list: &List, item: &Value) -> Result<Element, String> {
    match &list.items {
        Items::Atomic => Err("invalid indexing of non-associative list".to_owned()),
        Items::Set => match item {
            Value::Object(_) => {
                Err("associative list without keys has an element that's a map type".to_owned())
            }
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => {
                Err("associative list without keys has an element that's an explicit null".to_owned())
            }
            scalar => Ok(Element::Value(scalar.clone())),
        },
        Items::Keyed(keys) => {
            let map = match item {
                Value::Object(map) => map,
                Value::Null => {
                    return Err("associative list with keys may not have a null element".to_owned());
                }
                _ => return Err("associative list with keys may not have non-map elements".to_owned()),
            };
            let atom = schema.resolve(&list.of);
            let default = |key: &str| atom.map.as_ref()?.fields.get(key)?.default.clone();
            let found = keys
                .iter()
                .filter_map(|key| Some((key.clone(), map.get(key).cloned().or_else(|| default(key))?)));
            let found: std::collections::BTreeMap<_, _> = found.collect();
            if found.is_empty() {
                let keys: Vec<String> = keys.iter().map(|key| crate::go::quote(key)).collect();
                return Err(format!(
                    "associative list with keys has an element that omits all key fields [{}] (and doesn't have \
                     default values for any key fields)",
                    keys.join(" ")
                ));
            }
            Ok(Element::Key(found))
        }
    }
}

pub(super) fn as_list(value: Option<&Value>) -> Option<&Vec<Value>> {
    value.and_then(Value::as_array)
}

pub(super) fn as_map(value: Option<&Value>) -> Option<&Json> {
    value.and_then(Value::as_object)
}

/// What is wrong with a value for its type: unknown fields, other kinds of values, duplicate keys. Paths as in sets.
pub(super) fn faults(schema: &Schema, of: &Type, value: &Value, duplicates_ok: bool) -> Vec<String> {
    let mut out = Vec::new();
    check(schema, of, value, duplicates_ok, &mut String::new(), &mut out);
    out
}

fn check(schema: &Schema, of: &Type, value: &Value, lax: bool, path: &mut String, out: &mut Vec<String>) {
    let atom = schema.resolve_for(of, Some(value));
    let mut fault = |path: &str, text: String| {
        out.push(if path.is_empty() { text } else { format!("{path}: {text}") });
    };
    if let Some(map) = &atom.map {
        match value {
            Value::Null => {}
            Value::Object(object) => {
                let length = path.len();
                for (name, value) in object {
                    path.push('.');
                    path.push_str(name);
                    match map.of(name) {
                        Some(of) => check(schema, of, value, lax, path, out),
                        None => out.push(format!("{path}: field not declared in schema")),
                    }
                    path.truncate(length);
                    // After the first of these the rest of a map is not looked at.
                    if map.of(name).is_none() {
                        break;
                    }
                }
            }
            other => fault(path, format!("expected map, got {}", in_words(other))),
        }
    } else if let Some(scalar) = atom.scalar {
        if let Some(text) = scalar_fault(scalar, value) {
            fault(path, text);
        }
    } else if let Some(list) = &atom.list {
        match value {
            Value::Null => {}
            Value::Array(items) => check_items(schema, list, items, lax, path, out),
            other => fault(path, format!("expected list, got {}", in_words(other))),
        }
    }
}

fn check_items(
    schema: &Schema,
    list: &List,
    items: &[Value],
    lax: bool,
    path: &mut String,
    out: &mut Vec<String>,
) {
    let length = path.len();
    let mut seen = std::collections::BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let element = if list.items == Items::Atomic {
            Element::Index(index)
        } else {
            match item_element(schema, list, item) {
                Ok(element) => element,
                Err(why) => {
                    out.push(format!("{path}: element {index}: {why}"));
                    continue;
                }
            }
        };
        if !seen.insert(element.clone()) && !lax {
            out.push(format!("{path}: duplicate entries for key {element}"));
        }
        path.push_str(&element.to_string());
        check(schema, &list.of, item, lax, path, out);
        path.truncate(length);
    }
}

/// A value in an error: the kind before it, as Go's value types print.
fn in_words(value: &Value) -> String {
    format!("&{{{}}}", crate::go::verb_v(value))
}

fn scalar_fault(scalar: Scalar, value: &Value) -> Option<String> {
    let ok = matches!(
        (scalar, value),
        (_, Value::Null)
            | (Scalar::Text, Value::String(_))
            | (Scalar::Number, Value::Number(_))
            | (Scalar::Flag, Value::Bool(_))
            | (Scalar::Any, Value::String(_) | Value::Number(_) | Value::Bool(_))
    );
    let wanted = match scalar {
        Scalar::Text => "string",
        Scalar::Number => "numeric (int or float)",
        Scalar::Flag => "boolean",
        Scalar::Any => "any scalar",
    };
    (!ok).then(|| {
        let value = crate::go::source(value);
        format!("expected {wanted}, got &value.valueUnstructured{{Value:{value}}}")
    })
}

/// All fields that an object has.
pub(super) fn field_set(schema: &Schema, of: &Type, object: &Value) -> Set {
    let mut set = Set::default();
    fields(schema, of, object, &mut Vec::new(), &mut set);
    set
}

fn fields(schema: &Schema, of: &Type, value: &Value, path: &mut Vec<Element>, set: &mut Set) {
    let atom = schema.resolve_for(of, Some(value));
    if let Some(map) = &atom.map {
        if map.atomic {
            set.insert(path);
            return;
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            path.push(Element::Field(name.clone()));
            fields(schema, map.of(name).unwrap_or(&Type::Deduced), value, path, set);
            let is_empty = value.is_null() || value.as_object().is_some_and(Json::is_empty);
            if is_empty || !map.fields.contains_key(name) {
                set.insert(path);
            }
            path.pop();
        }
    } else if atom.scalar.is_some() {
        set.insert(path);
    } else if let Some(list) = &atom.list {
        if list.items == Items::Atomic {
            set.insert(path);
            return;
        }
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let elements: Vec<_> = items.iter().map(|item| item_element(schema, list, item).ok()).collect();
        for (item, element) in items.iter().zip(&elements) {
            let Some(element) = element else { continue };
            path.push(element.clone());
            let twice = elements.iter().flatten().filter(|other| *other == element).count() > 1;
            if !twice {
                fields(schema, &list.of, item, path, set);
            }
            set.insert(path);
            path.pop();
        }
    }
}

/// How `new` differs from `old`.
pub(super) fn compare(schema: &Schema, of: &Type, old: &Value, new: &Value) -> Comparison {
    let mut walk = Walk { schema, path: Vec::new(), out: Comparison::default() };
    walk.compare(of, Some(old), Some(new));
    walk.out
}

struct Walk<'a> {
    schema: &'a Schema,
    path: Vec<Element>,
    out: Comparison,
}

impl Walk<'_> {
    fn compare(&mut self, of: &Type, old: Option<&Value>, new: Option<&Value>) {
        // Most of an object is as it was.
        if old.is_some() && old == new {
            return;
        }
        let atom = self.schema.resolve(of);
        let (before, after) = (atom.clone().seen(old), atom.seen(new));
        let leaf = if new.is_none() {
            self.shape(&before, old, new)
        } else if old.is_none() || before.same_shape(&after) {
            self.shape(&after, old, new)
        } else {
            self.shape(&before, old, new);
            self.shape(&after, old, new)
        };
        if !leaf {
            match (old, new) {
                (None, _) => self.out.added.insert(&self.path),
                (_, None) => self.out.removed.insert(&self.path),
                _ => {}
            }
        }
    }

    fn shape(&mut self, atom: &crate::schema::Atom, old: Option<&Value>, new: Option<&Value>) -> bool {
        if let Some(map) = &atom.map {
            self.maps(map, old, new)
        } else if atom.scalar.is_some() {
            self.leaf(old, new)
        } else if let Some(list) = &atom.list {
            self.lists(list, old, new)
        } else {
            false
        }
    }

    fn leaf(&mut self, old: Option<&Value>, new: Option<&Value>) -> bool {
        match (old, new) {
            (None, _) => self.out.added.insert(&self.path),
            (_, None) => self.out.removed.insert(&self.path),
            (Some(old), Some(new)) if !value::equal(old, new) => self.out.modified.insert(&self.path),
            _ => {}
        }
        true
    }

    fn maps(&mut self, map: &Map, old: Option<&Value>, new: Option<&Value>) -> bool {
        let (before, after) = (as_map(old), as_map(new));
        let is_empty = |map: Option<&Json>| map.is_none_or(Json::is_empty);
        if map.atomic || (is_empty(before) && is_empty(after)) {
            return self.leaf(old, new);
        }
        let mut names: Vec<&String> = before.into_iter().chain(after).flat_map(Json::keys).collect();
        names.sort();
        names.dedup();
        for name in names {
            self.path.push(Element::Field(name.clone()));
            let (before, after) = (before.and_then(|map| map.get(name)), after.and_then(|map| map.get(name)));
            self.compare(map.of(name).unwrap_or(&Type::Deduced), before, after);
            self.path.pop();
        }
        false
    }

    fn lists(&mut self, list: &List, old: Option<&Value>, new: Option<&Value>) -> bool {
        let (before, after) = (as_list(old), as_list(new));
        if list.items == Items::Atomic
            || (before.is_none_or(Vec::is_empty) && after.is_none_or(Vec::is_empty))
        {
            return self.leaf(old, new);
        }
        let index = |items: Option<&'_ Vec<Value>>| {
            let mut found: std::collections::BTreeMap<Element, Vec<Value>> =
                std::collections::BTreeMap::new();
            for item in items.into_iter().flatten() {
                if let Ok(element) = item_element(self.schema, list, item) {
                    found.entry(element).or_default().push(item.clone());
                }
            }
            found
        };
        let (before, after) = (index(before), index(after));
        let mut elements: Vec<&Element> = before.keys().chain(after.keys()).collect();
        elements.sort();
        elements.dedup();
        for element in elements {
            let olds = before.get(element).map(Vec::as_slice).unwrap_or_default();
            let news = after.get(element).map(Vec::as_slice).unwrap_or_default();
            self.path.push(element.clone());
            match (olds, news) {
                ([_, _, ..], [_, _, ..]) => {
                    let same =
                        olds.len() == news.len() && olds.iter().zip(news).all(|(a, b)| value::equal(a, b));
                    if !same {
                        self.out.modified.insert(&self.path);
                    }
                }
                ([_, _, ..], _) => {
                    if let Some(new) = news.first() {
                        self.compare(&list.of, None, Some(new));
                    }
                    self.out.removed.insert(&self.path);
                }
                (_, [_, _, ..]) => {
                    if let Some(old) = olds.first() {
                        self.compare(&list.of, Some(old), None);
                    }
                    self.out.added.insert(&self.path);
                }
                _ => self.compare(&list.of, olds.first(), news.first()),
            }
            self.path.pop();
        }
        false
    }
}

/// The object without the paths of a set.
pub(super) fn remove(schema: &Schema, of: &Type, value: &Value, gone: &Set) -> Value {
    let atom = schema.resolve_for(of, Some(value));
    if let (Some(map), Value::Object(object)) = (&atom.map, value) {
        if map.atomic || object.is_empty() {
            return Value::Null;
        }
        let mut out = Json::new();
        for (name, value) in object {
            let of = map.of(name).unwrap_or(&Type::Deduced);
            match gone.at(&Element::Field(name.clone())) {
                (true, _) => continue,
                (false, Some(below)) => out.insert(name.clone(), remove(schema, of, value, below)),
                (false, None) => out.insert(name.clone(), value.clone()),
            };
        }
        return if out.is_empty() { Value::Null } else { Value::Object(out) };
    }
    if let (None, Some(list), Value::Array(items)) = (&atom.scalar, &atom.list, value) {
        if list.items == Items::Atomic {
            return Value::Null;
        }
        let keep = |item: &Value| {
            let Ok(element) = item_element(schema, list, item) else { return Some(item.clone()) };
            match gone.at(&element) {
                (true, _) => None,
                (false, Some(below)) => Some(remove(schema, &list.of, item, below)),
                (false, None) => Some(item.clone()),
            }
        };
        let out: Vec<Value> = items.iter().filter_map(keep).collect();
        return if out.is_empty() { Value::Null } else { Value::Array(out) };
    }
    if atom.scalar.is_some() && atom.map.is_none() { value.clone() } else { Value::Null }
}

/// The set, with each named field of a struct below which something is owned made a member, so that removing what is
/// owned removes the field.
pub(super) fn with_named_fields(schema: &Schema, of: &Type, set: &Set) -> Set {
    let atom = schema.resolve(of);
    let mut members: std::collections::BTreeSet<Element> = set.members().cloned().collect();
    let mut children = std::collections::BTreeMap::new();
    for (element, below) in set.children() {
        let mut inner = &Type::Opaque;
        match (element, &atom.map, &atom.list) {
            (Element::Field(name), Some(map), _) => {
                if map.fields.contains_key(name) {
                    members.insert(element.clone());
                }
                inner = map.of(name).unwrap_or(&Type::Opaque);
            }
            (Element::Key(_), _, Some(list)) => inner = &list.of,
            _ => {}
        }
        children.insert(element.clone(), with_named_fields(schema, inner, below));
    }
    Set::from_parts(members, children)
}

/// A field set after its schema changed: what has become one value is owned as one.
pub(super) fn reconcile(schema: &Schema, of: &Type, set: &Set) -> Set {
    let mut gone = Set::default();
    atomic_now(schema, of, set, &mut Vec::new(), &mut gone);
    if gone.is_empty() { set.clone() } else { set.without(&gone).union(&gone) }
}

fn atomic_now(schema: &Schema, of: &Type, set: &Set, path: &mut Vec<Element>, gone: &mut Set) {
    if matches!(of, Type::Deduced | Type::Opaque) {
        return;
    }
    let atom = schema.resolve(of);
    if atom.map.as_ref().is_some_and(|map| map.atomic)
        || (atom.map.is_none() && atom.list.as_ref().is_some_and(|list| list.items == Items::Atomic))
    {
        gone.insert(path);
        return;
    }
    for (element, below) in set.children() {
        let inner = match (element, &atom.map, &atom.list) {
            (Element::Field(name), Some(map), _) => map.of(name),
            (_, None, Some(list)) => Some(&list.of),
            _ => None,
        };
        if let Some(inner) = inner {
            path.push(element.clone());
            atomic_now(schema, inner, below, path, gone);
            path.pop();
        }
    }
}
