//! Writing into JSON values that came from outside: a parent that is no object never ends the process.

use serde_json::{Map, Value};

/// The map that holds the last part of a path. `insist`: what is in the way is replaced by an object.
fn holder<'a>(
    object: &'a mut Value,
    path: &[&str],
    insist: bool,
) -> Option<(&'a mut Map<String, Value>, String)> {
    let (last, above) = path.split_last()?;
    let mut here = object;
    for part in above {
        here = open(here, insist)?.entry(*part).or_insert(Value::Null);
    }
    Some((open(here, insist)?, (*last).to_owned()))
}

fn open(value: &mut Value, insist: bool) -> Option<&mut Map<String, Value>> {
    if value.is_null() || (insist && !value.is_object()) {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Sets a field. Parents that are missing are made; one that is no object is replaced by one.
pub fn set(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    if let Some((map, name)) = holder(object, path, true) {
        map.insert(name, value.into());
    }
}

/// Sets a field that is missing. Parents that are missing are made; below one that is no object nothing is done.
pub fn fill(object: &mut Value, path: &[&str], value: impl Into<Value>) {
    if let Some((map, name)) = holder(object, path, false) {
        map.entry(name).or_insert_with(|| value.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parents_are_made_or_replaced() {
        let mut value = json!({"a": "text"});
        set(&mut value, &["a", "b"], 1);
        fill(&mut value, &["a", "b"], 2);
        fill(&mut value, &["c", "d"], 3);
        set(&mut value, &["e"], "text");
        fill(&mut value, &["e", "f"], 4);
        assert_eq!(value, json!({"a": {"b": 1}, "c": {"d": 3}, "e": "text"}));
    }
}
