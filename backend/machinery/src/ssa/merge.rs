//! Merging an applied configuration into the live object: what is applied wins, what it does not mention stays, and
//! lists keep an order that both sides can accept.

use serde_json::Value;

use super::{
    path::Element,
    typed::{as_list, as_map, item_element},
};
use crate::schema::{Atom, Items, List, Map, Schema, Type};

type Json = serde_json::Map<String, Value>;

/// The live object with the configuration merged in.
///
/// # Errors
/// Items of lists that cannot be told apart.
pub(super) fn merge(schema: &Schema, of: &Type, live: &Value, applied: &Value) -> Result<Value, String> {
    let merged = Merge { schema }.merge(of, Some(live), Some(applied))?;
    Ok(merged.unwrap_or_default())
}

struct Merge<'a> {
    schema: &'a Schema,
}

type Merged = Result<Option<Value>, String>;

impl Merge<'_> {
    fn merge(&self, of: &Type, live: Option<&Value>, applied: Option<&Value>) -> Merged {
        let atom = self.schema.resolve(of);
        let seen = if applied.is_none() { live } else { applied };
        self.shape(&atom.seen(seen), live, applied)
    }

    fn shape(&self, atom: &Atom, live: Option<&Value>, applied: Option<&Value>) -> Merged {
        if let Some(map) = &atom.map {
            self.maps(map, live, applied)
        } else if let (None, Some(list)) = (atom.scalar, &atom.list) {
            self.lists(list, live, applied)
        } else {
            Ok(applied.or(live).cloned())
        }
    }

    fn maps(&self, map: &Map, live: Option<&Value>, applied: Option<&Value>) -> Merged {
        let (left, right) = (as_map(live), as_map(applied));
        if map.atomic || (left.is_none_or(Json::is_empty) && right.is_none_or(Json::is_empty)) {
            return Ok(applied.or(live).cloned());
        }
        let mut out = Json::new();
        let extra =
            right.into_iter().flatten().filter(|(name, _)| left.is_none_or(|left| !left.contains_key(*name)));
        let names = left.into_iter().flatten().chain(extra).map(|(name, _)| name);
        for name in names {
            let of = map.of(name).unwrap_or(&Type::Deduced);
            let (left, right) = (left.and_then(|map| map.get(name)), right.and_then(|map| map.get(name)));
            if let Some(value) = self.merge(of, left, right)? {
                out.insert(name.clone(), value);
            }
        }
        Ok((!out.is_empty()).then_some(Value::Object(out)))
    }

    fn lists(&self, list: &List, live: Option<&Value>, applied: Option<&Value>) -> Merged {
        let (left, right) = (as_list(live), as_list(applied));
        if list.items == Items::Atomic || (left.is_none_or(Vec::is_empty) && right.is_none_or(Vec::is_empty))
        {
            return Ok(applied.or(live).cloned());
        }
        let left = self.index(list, left)?;
        let right = self.index(list, right)?;
        if let Some(pair) = right
            .iter()
            .enumerate()
            .find(|(at, (element, _))| right.iter().take(*at).any(|(other, _)| other == element))
        {
            return Err(format!("duplicate entries for key {}", pair.1.0));
        }
        let out = self.zip(list, &left, &right)?;
        Ok((!out.is_empty()).then_some(Value::Array(out)))
    }

    fn index<'v>(
        &self,
        list: &List,
        items: Option<&'v Vec<Value>>,
    ) -> Result<Vec<(Element, &'v Value)>, String> {
        let element = |(index, item)| {
            let element = item_element(self.schema, list, item);
            element.map(|element| (element, item)).map_err(|why| format!("element {index}: {why}"))
        };
        items.into_iter().flatten().enumerate().map(element).collect()
    }

    /// Items of both in one order: shared ones in the applied order, and live ones where they stood among them.
    fn zip(
        &self,
        list: &List,
        left: &[(Element, &Value)],
        right: &[(Element, &Value)],
    ) -> Result<Vec<Value>, String> {
        let find = |items: &[(Element, &Value)], wanted: &Element| {
            items.iter().position(|(element, _)| element == wanted)
        };
        // A live item that is there twice cannot be merged into: the applied one replaces it.
        let live = |wanted: &Element| -> Option<&Value> {
            let mut found = left.iter().filter(|(element, _)| element == wanted);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Some(value),
                (Some(_), Some(_)) => Some(&Value::Null),
                _ => None,
            }
        };
        let mut shared =
            right.iter().map(|(element, _)| element).filter(|element| find(left, element).is_some());
        let mut next_shared = shared.next();
        let mut done: Vec<&Element> = Vec::new();
        let mut out = Vec::new();
        let (mut l, mut r) = (0, 0);
        while l < left.len() || r < right.len() {
            let (at_left, at_right) = (left.get(l), right.get(r));
            if let (Some((element, _)), Some((wanted, value))) = (at_left, at_right) {
                if element == wanted {
                    done.push(wanted);
                    out.extend(self.merge(&list.of, live(element), Some(value))?);
                    (l, r) = (l + 1, r + 1);
                    next_shared = shared.next();
                    continue;
                }
                if find(right, element).is_some() && next_shared.is_some_and(|next| next != element) {
                    l += 1;
                    continue;
                }
            }
            if let Some((element, value)) = at_left {
                if find(right, element).is_none() {
                    out.extend(self.merge(&list.of, Some(value), None)?);
                    l += 1;
                    continue;
                }
                if done.contains(&element) {
                    l += 1;
                }
            }
            if let Some((wanted, value)) = at_right {
                done.push(wanted);
                out.extend(self.merge(&list.of, live(wanted), Some(value))?);
                r += 1;
                if next_shared == Some(wanted) {
                    next_shared = shared.next();
                }
            }
        }
        Ok(out)
    }
}
