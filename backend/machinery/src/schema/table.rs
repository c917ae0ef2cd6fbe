//! The table as text: one type per paragraph, one field per line, so that a new Kubernetes version is a readable
//! difference.
//!
//! ```text
//! kind apps/v1/Deployment api.apps.v1.Deployment
//! type api.core.v1.Container
//!   ports [containerPort,protocol=api.core.v1.ContainerPort] merge:containerPort
//! type! apimachinery.pkg.apis.meta.v1.LabelSelector
//! type apimachinery.pkg.api.resource.Quantity = u
//! ```
//!
//! Types: `s` text, `n` number, `b` flag, `u` any scalar, `*` opaque, `?` deduced, `[T]` atomic list, `[=T]` set,
//! `[a,b=T]` keyed list, `{T}` map, `{!T}` atomic map, a name, `!name` as one value. After the type: `always`,
//! `required`, `merge`, `merge:KEY`, `replace`, `retain`, `default:JSON`.

use std::{
    collections::BTreeMap,
    fmt::{Display, Formatter, Result as Fmt, Write},
    sync::Arc,
};

use super::{Atom, Field, Items, List, Map, Scalar, Schema, Type};

impl Schema {
    /// Reads the table.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut schema = Self::default();
        let mut open: Option<(String, Map)> = None;
        for line in text.lines() {
            let bad = || format!("not understood: {line}");
            if let Some(field) = line.strip_prefix("  ") {
                let (_, map) = open.as_mut().ok_or_else(bad)?;
                let mut words = field.split(' ');
                let name = words.next().ok_or_else(bad)?;
                let of = words.next().and_then(read_type).ok_or_else(bad)?;
                if name == "*" {
                    map.rest = Some(of);
                    continue;
                }
                let mut field = Field { of, ..Field::default() };
                for word in words {
                    read_flag(&mut field, word).ok_or_else(bad)?;
                }
                map.fields.insert(name.to_owned(), field);
                continue;
            }
            schema.close(&mut open);
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("kind"), Some(kind), Some(of), None) => {
                    schema.kinds.insert(kind.to_owned(), of.to_owned());
                }
                (Some("type"), Some(name), Some("="), Some(of)) => {
                    let of = read_type(of).ok_or_else(bad)?;
                    let atom = schema.resolve(&of);
                    schema.types.insert(name.to_owned(), atom);
                }
                (Some(word @ ("type" | "type!")), Some(name), None, None) => {
                    let map = Map { fields: BTreeMap::new(), rest: None, atomic: word == "type!" };
                    open = Some((name.to_owned(), map));
                }
                (Some("" | "#"), ..) => {}
                _ => return Err(bad()),
            }
        }
        schema.close(&mut open);
        Ok(schema)
    }

    fn close(&mut self, open: &mut Option<(String, Map)>) {
        if let Some((name, map)) = open.take() {
            self.types.insert(name, Atom { map: Some(Arc::new(map)), ..Atom::default() });
        }
    }

    pub(super) fn insert(&mut self, name: String, atom: Atom) {
        self.types.insert(name, atom);
    }

    pub(super) fn insert_kind(&mut self, kind: String, of: String) {
        self.kinds.insert(kind, of);
    }

    /// Drops types that no kind leads to.
    pub(super) fn prune(&mut self) {
        let mut keep: BTreeMap<String, Atom> = BTreeMap::new();
        let mut open: Vec<String> = self.kinds.values().cloned().collect();
        open.push(super::OBJECT_META.to_owned());
        while let Some(name) = open.pop() {
            if let Some(atom) = self.types.remove(&name) {
                names(&Type::Inline(atom.clone()), &mut open);
                keep.insert(name, atom);
            }
        }
        self.types = keep;
    }
}

fn names(of: &Type, into: &mut Vec<String>) {
    match of {
        Type::Named(name, _) => into.push(name.to_string()),
        Type::Inline(atom) => {
            if let Some(list) = &atom.list {
                names(&list.of, into);
            }
            if let Some(map) = &atom.map {
                map.fields.values().for_each(|field| names(&field.of, into));
                map.rest.iter().for_each(|rest| names(rest, into));
            }
        }
        Type::Deduced | Type::Opaque => {}
    }
}

fn scalar(scalar: Scalar) -> Type {
    Type::Inline(Atom { scalar: Some(scalar), ..Atom::default() })
}

fn read_type(text: &str) -> Option<Type> {
    Some(match text {
        "s" => scalar(Scalar::Text),
        "n" => scalar(Scalar::Number),
        "b" => scalar(Scalar::Flag),
        "u" => scalar(Scalar::Any),
        "*" => Type::Opaque,
        "?" => Type::Deduced,
        _ => {
            if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
                // Keys come before the first `=` that is not inside another type.
                let at = inner.find(['=', '[', '{']);
                let keyed = at
                    .and_then(|at| inner.split_at_checked(at))
                    .and_then(|(keys, rest)| rest.strip_prefix('=').map(|of| (keys, of)));
                let (items, of) = match keyed {
                    Some(("", of)) => (Items::Set, of),
                    Some((keys, of)) => (Items::Keyed(keys.split(',').map(str::to_owned).collect()), of),
                    None => (Items::Atomic, inner),
                };
                let list = List { items, of: read_type(of)? };
                Type::Inline(Atom { list: Some(Arc::new(list)), ..Atom::default() })
            } else if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                let (atomic, of) = inner.strip_prefix('!').map_or((false, inner), |of| (true, of));
                let map = Map { fields: BTreeMap::new(), rest: Some(read_type(of)?), atomic };
                Type::Inline(Atom { map: Some(Arc::new(map)), ..Atom::default() })
            } else if let Some(name) = text.strip_prefix('!') {
                Type::Named(name.into(), true)
            } else if text.is_empty() {
                return None;
            } else {
                Type::Named(text.into(), false)
            }
        }
    })
}

fn read_flag(field: &mut Field, word: &str) -> Option<()> {
    match word {
        "always" => field.always = true,
        "required" => field.required = true,
        "merge" => field.patch.merge = true,
        "replace" => field.patch.replace = true,
        "retain" => field.patch.retain_keys = true,
        _ => {
            if let Some(key) = word.strip_prefix("merge:") {
                field.patch.merge = true;
                field.patch.key = Some(key.to_owned());
            } else {
                field.default = Some(serde_json::from_str(word.strip_prefix("default:")?).ok()?);
            }
        }
    }
    Some(())
}

impl Display for Type {
    fn fmt(&self, f: &mut Formatter<'_>) -> Fmt {
        match self {
            Self::Deduced => f.write_char('?'),
            Self::Opaque => f.write_char('*'),
            Self::Named(name, false) => f.write_str(name),
            Self::Named(name, true) => write!(f, "!{name}"),
            Self::Inline(Atom { scalar, list, map }) => match (scalar, list, map) {
                (Some(scalar), None, None) => f.write_char(match scalar {
                    Scalar::Text => 's',
                    Scalar::Number => 'n',
                    Scalar::Flag => 'b',
                    Scalar::Any => 'u',
                }),
                (None, Some(list), None) => match &list.items {
                    Items::Atomic => write!(f, "[{}]", list.of),
                    Items::Set => write!(f, "[={}]", list.of),
                    Items::Keyed(keys) => write!(f, "[{}={}]", keys.join(","), list.of),
                },
                (None, None, Some(map)) => match &map.rest {
                    Some(rest) if map.atomic => write!(f, "{{!{rest}}}"),
                    Some(rest) => write!(f, "{{{rest}}}"),
                    None => f.write_char('?'),
                },
                (_, _, Some(map)) if map.atomic => f.write_char('*'),
                _ => f.write_char('?'),
            },
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> Fmt {
        write!(f, "{}", self.of)?;
        for (set, word) in [(self.always, " always"), (self.required, " required")] {
            if set {
                f.write_str(word)?;
            }
        }
        match (&self.patch.key, self.patch.merge) {
            (Some(key), true) => write!(f, " merge:{key}")?,
            (_, true) => f.write_str(" merge")?,
            _ => {}
        }
        for (set, word) in [(self.patch.replace, " replace"), (self.patch.retain_keys, " retain")] {
            if set {
                f.write_str(word)?;
            }
        }
        if let Some(default) = &self.default {
            write!(f, " default:{default}")?;
        }
        Ok(())
    }
}

impl Display for Schema {
    fn fmt(&self, f: &mut Formatter<'_>) -> Fmt {
        for (kind, of) in &self.kinds {
            writeln!(f, "kind {kind} {of}")?;
        }
        for (name, atom) in &self.types {
            match &atom.map {
                Some(map) if atom.scalar.is_none() && !(map.fields.is_empty() && map.rest.is_some()) => {
                    writeln!(f, "type{} {name}", if map.atomic { "!" } else { "" })?;
                    for (name, field) in &map.fields {
                        writeln!(f, "  {name} {field}")?;
                    }
                    if let Some(rest) = &map.rest {
                        writeln!(f, "  * {rest}")?;
                    }
                }
                _ => writeln!(f, "type {name} = {}", Type::Inline(atom.clone()))?,
            }
        }
        Ok(())
    }
}
