//! Strategic merge patch: a merge patch that knows which lists are merged by which key.
//!
//! The rules come from the type table. Directives inside the patch (`$patch`, `$retainKeys`,
//! `$deleteFromPrimitiveList/…`, `$setElementOrder/…`) are honoured where kubectl makes them, and what it never makes
//! is refused or treated as the reference implementation treats it.

use serde_json::{Map, Value};

use crate::{
    Schema, Status,
    go::verb_v,
    schema::{Field, PatchRule, Type},
};

type Json = Map<String, Value>;

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE: &str = "$deleteFromPrimitiveList";
const ORDER: &str = "$setElementOrder";

/// The object with the patch merged in.
///
/// # Errors
/// 400 for what is no object, 422 or 500 for a patch that contradicts itself or the type.
pub fn strategic_merge(schema: &Schema, of: &Type, object: &Value, patch: &[u8]) -> Result<Value, Status> {
    let patch: Value =
        serde_json::from_slice(patch).map_err(|error| Status::bad_request(error.to_string()))?;
    let (Value::Object(object), Value::Object(patch)) = (object, patch) else {
        return Err(Status::bad_request("a strategic merge patch and its object are maps"));
    };
    let merged = Merge { schema }.map(object.clone(), patch, Some(of));
    merged.map(Value::Object).map_err(|fault| match fault {
        Wrong::Patch(why) => Status::bad_request(why),
        Wrong::Misfit => Status::unprocessable(),
        Wrong::Other(why) => Status::unexplained(why),
    })
}

enum Wrong {
    /// The patch's fault.
    Patch(String),
    /// It does not fit the object.
    Misfit,
    /// Something that a server does not explain as such.
    Other(String),
}

fn bad(message: &str) -> Wrong {
    Wrong::Patch(format!("invalid patch format of {message}"))
}

fn not_a_list(value: &Value) -> Wrong {
    Wrong::Other(format!("expected a []interface {{}}, but received a {}", crate::go::type_name(value)))
}

fn no_key(map: &Json, key: &str) -> Wrong {
    let map = verb_v(&Value::Object(map.clone()));
    Wrong::Other(format!("map: {map} does not contain declared merge key: {key}"))
}

struct Merge<'a> {
    schema: &'a Schema,
}

impl Merge<'_> {
    fn rule(&self, of: Option<&Type>, name: &str) -> Result<(PatchRule, Option<Type>), Wrong> {
        let Some(of) = of else { return Ok((PatchRule::default(), None)) };
        let atom = self.schema.resolve(of);
        let Some(map) = atom.map else { return Ok((PatchRule::default(), None)) };
        match map.fields.get(name) {
            Some(Field { patch, of, .. }) => Ok((patch.clone(), Some(of.clone()))),
            None => match &map.rest {
                Some(rest) => Ok((PatchRule::default(), Some(rest.clone()))),
                None => Err(Wrong::Other(format!(
                    "unable to find api field in struct for the json field {name:?}"
                ))),
            },
        }
    }

    fn map(&self, mut original: Json, mut patch: Json, of: Option<&Type>) -> Result<Json, Wrong> {
        if let Some(directive) = patch.remove(DIRECTIVE) {
            return match directive.as_str() {
                Some("replace") => Ok(patch),
                Some("delete") => Ok(Json::new()),
                _ => {
                    let patch = Value::Object(patch);
                    let directive = verb_v(&directive);
                    Err(Wrong::Other(format!("unknown patch type: {directive} in map: {}", verb_v(&patch))))
                }
            };
        }
        retain_keys(&mut original, &mut patch)?;
        self.ordered_lists(&mut original, &mut patch, of)?;
        for (name, value) in patch {
            let deletion = name.strip_prefix(DELETE).map(|rest| rest.strip_prefix('/').map(str::to_owned));
            let (name, is_deletion) = match deletion {
                Some(Some(name)) => (name, true),
                Some(None) => return Err(bad("primitive list")),
                None => (name, false),
            };
            if value.is_null() {
                original.remove(&name);
                continue;
            }
            let Some(old) = original.remove(&name) else {
                if !is_deletion {
                    original.extend(fresh(value).map(|value| (name, value)));
                }
                continue;
            };
            let merged = match (old, value) {
                (Value::Object(old), Value::Object(new)) => {
                    let (rule, inner) = self.rule(of, &name)?;
                    Some(Value::Object(if rule.replace { new } else { self.map(old, new, inner.as_ref())? }))
                }
                (Value::Array(old), Value::Array(new)) => {
                    let (rule, inner) = self.rule(of, &name)?;
                    if rule.merge || is_deletion {
                        Some(Value::Array(self.list(old, new, &rule, inner.as_ref(), is_deletion)?))
                    } else {
                        Some(Value::Array(new))
                    }
                }
                (old, _) if is_deletion => Some(old),
                (_, new) => fresh(new),
            };
            original.extend(merged.map(|merged| (name, merged)));
        }
        Ok(original)
    }

    /// Lists for which the patch says the order.
    fn ordered_lists(&self, original: &mut Json, patch: &mut Json, of: Option<&Type>) -> Result<(), Wrong> {
        let orders: Vec<String> = patch.keys().filter(|name| name.starts_with(ORDER)).cloned().collect();
        for name in orders {
            let order = match patch.remove(&name) {
                Some(Value::Array(order)) => order,
                other => return Err(not_a_list(&other.unwrap_or_default())),
            };
            let name = name.strip_prefix(ORDER).and_then(|rest| rest.strip_prefix('/'));
            let Some(name) = name.map(str::to_owned) else { return Err(bad("setElementOrder list")) };
            let (rule, inner) = self.rule(of, &name)?;
            let key = rule.key.as_deref();
            let list = |value: Option<Value>| match value {
                None => Ok(None),
                Some(Value::Array(items)) => Ok(Some(items)),
                Some(other) => Err(not_a_list(&other)),
            };
            let (old, new) = (list(original.get(&name).cloned())?, list(patch.remove(&name))?);
            check_order(new.as_deref().unwrap_or_default(), &order, key)?;
            let merged = match (old.clone(), new) {
                (None, None) => continue,
                (Some(old), None) => old,
                (None, Some(new)) => new.into_iter().filter_map(fresh).collect(),
                (Some(old), Some(new)) if rule.merge => self.list(old, new, &rule, inner.as_ref(), false)?,
                (Some(_), Some(new)) => new,
            };
            let sorted = in_order(merged, &order, old.as_deref().unwrap_or_default(), key)?;
            original.insert(name, Value::Array(sorted));
        }
        Ok(())
    }

    fn list(
        &self,
        original: Vec<Value>,
        patch: Vec<Value>,
        rule: &PatchRule,
        of: Option<&Type>,
        is_deletion: bool,
    ) -> Result<Vec<Value>, Wrong> {
        let Some(first) = original.first().or(patch.first()) else { return Ok(original) };
        let is_map = first.is_object();
        let same = |value: &Value| std::mem::discriminant(value) == std::mem::discriminant(first);
        if first.is_array() {
            return Err(Wrong::Misfit);
        }
        if !original.iter().chain(&patch).all(same) {
            let lists = Value::Array(vec![Value::Array(original), Value::Array(patch)]);
            return Err(Wrong::Other(format!("list element types are not identical: {}", verb_v(&lists))));
        }
        if !is_map {
            if is_deletion {
                return Ok(original.into_iter().filter(|item| !patch.contains(item)).collect());
            }
            let mut merged: Vec<Value> = Vec::new();
            for item in original.iter().chain(&patch) {
                if !merged.contains(item) {
                    merged.push(item.clone());
                }
            }
            return in_order(merged, &patch, &original, None);
        }
        let Some(key) = rule.key.as_deref() else {
            return Err(Wrong::Other("cannot merge lists without merge key".to_owned()));
        };
        let item_type = of.and_then(|of| self.schema.resolve(of).list).map(|list| list.of.clone());
        let (mut merged, patch) = directives(original, patch, key)?;
        let base = merged.clone();
        for item in &patch {
            let Value::Object(new) = item else { continue };
            let wanted = new.get(key).ok_or_else(|| no_key(new, key))?;
            match merged.iter_mut().find(|item| item.get(key) == Some(wanted)) {
                Some(place) => {
                    let old = place.as_object().cloned().unwrap_or_default();
                    *place = Value::Object(self.map(old, new.clone(), item_type.as_ref())?);
                }
                None => merged.push(item.clone()),
            }
        }
        in_order(merged, &patch, &base, Some(key))
    }
}

/// A value of the patch where there was none: without nulls and directives.
fn fresh(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) => {
            if map.contains_key(DIRECTIVE) {
                return None;
            }
            let keep = |(name, value): (String, Value)| {
                if value.is_null() { None } else { Some((name, fresh(value)?)) }
            };
            Some(Value::Object(map.into_iter().filter_map(keep).collect()))
        }
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(fresh).collect())),
        scalar => Some(scalar),
    }
}

fn retain_keys(original: &mut Json, patch: &mut Json) -> Result<(), Wrong> {
    let Some(keep) = patch.remove(RETAIN) else { return Ok(()) };
    let Value::Array(keep) = keep else { return Err(bad("retainKeys")) };
    let kept = |name: &str| keep.iter().any(|key| key == name);
    let stray = patch.iter().any(|(name, value)| {
        !value.is_null() && !name.starts_with(DELETE) && !name.starts_with(ORDER) && !kept(name)
    });
    if stray {
        return Err(bad("retainKeys"));
    }
    original.retain(|name, _| kept(name));
    Ok(())
}

/// Carries out `$patch` of items. Answers with the list to merge into, and the items to merge.
fn directives(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Wrong> {
    let mut rest = Vec::new();
    let mut replace = false;
    for item in patch {
        let map = item.as_object().cloned().unwrap_or_default();
        match map.get(DIRECTIVE).map(|directive| directive.as_str().unwrap_or_default()) {
            None => rest.push(item),
            Some("delete") => {
                let wanted = map.get(key).ok_or_else(|| no_key(&map, key))?;
                original.retain(|item| item.get(key) != Some(wanted));
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err(Wrong::Other("merging lists cannot yet be specified in the patch".to_owned()));
            }
            Some(other) => {
                let item = verb_v(&item);
                return Err(Wrong::Other(format!("unknown patch type: {other} in map: {item}")));
            }
        }
    }
    Ok(if replace { (rest, Vec::new()) } else { (original, rest) })
}

fn same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    key.map_or_else(|| a == b, |key| a.get(key).is_some() && a.get(key) == b.get(key))
}

/// The order must be one that the items of the patch follow.
fn check_order(patch: &[Value], order: &[Value], key: Option<&str>) -> Result<(), Wrong> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let mut items = patch.iter().filter(|item| item.get(DIRECTIVE).is_none()).peekable();
    for wanted in order {
        if items.peek().is_some_and(|item| same(item, wanted, key)) {
            items.next();
        }
    }
    if items.peek().is_none() {
        return Ok(());
    }
    let (patch, order) = (Value::Array(patch.to_vec()), Value::Array(order.to_vec()));
    Err(Wrong::Other(format!(
        "The order in patch list:\n{}\n doesn't match {ORDER} list:\n{}\n",
        verb_v(&patch),
        verb_v(&order)
    )))
}

/// Items that the order names in that order; the others between them, where they stood in the original.
fn in_order(
    items: Vec<Value>,
    order: &[Value],
    original: &[Value],
    key: Option<&str>,
) -> Result<Vec<Value>, Wrong> {
    if let Some(key) = key
        && let Some(Value::Object(map)) = items.iter().find(|item| item.get(key).is_none())
    {
        return Err(no_key(map, key));
    }
    let place = |list: &[Value], item: &Value| list.iter().position(|other| same(item, other, key));
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let mut others = others;
    others.sort_by_key(|item| place(original, item).unwrap_or(usize::MAX));
    let mut named = named.into_iter().peekable();
    let mut others = others.into_iter().peekable();
    let mut out = Vec::new();
    loop {
        let take_named = match (named.peek(), others.peek()) {
            (None, None) => break,
            (Some(_), None) => true,
            (None, Some(_)) => false,
            // What the original had first comes first; otherwise what is named.
            (Some(named), Some(other)) => match (place(original, named), place(original, other)) {
                (Some(named), Some(other)) => named < other,
                _ => true,
            },
        };
        out.extend(if take_named { named.next() } else { others.next() });
    }
    Ok(out)
}
