//! Field selectors: `metadata.name=web,status.phase!=Failed`. Only declared fields can be selected by.

use serde_json::Value;

use crate::Status;

/// All of its terms must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSelector(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    field: String,
    negated: bool,
    value: String,
}

fn split(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                out.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    out.push(text.get(start..).unwrap_or_default());
    out
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(c @ ('\\' | ',' | '=')) => out.push(c),
                Some(c) => return Err(format!("invalid field selector: invalid escape sequence: \\{c}")),
                None => return Err("invalid field selector: invalid escape sequence: \\".to_owned()),
            },
            ',' | '=' => {
                return Err(format!(
                    "invalid field selector: unescaped character in value: {}",
                    u32::from(c)
                ));
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

impl FieldSelector {
    /// Reads the text of a query. `declared` are fields besides name and namespace that the kind can be selected by.
    ///
    /// # Errors
    /// 400 in the words of an apiserver.
    pub fn parse(text: &str, declared: &[&str]) -> Result<Self, Status> {
        let mut terms = Vec::new();
        let mut parts = split(text);
        parts.sort_unstable();
        for part in parts.into_iter().filter(|part| !part.is_empty()) {
            let signs = ["!=", "==", "="];
            let first = part.char_indices().find_map(|(at, _)| {
                let rest = part.get(at..)?;
                signs.iter().find(|sign| rest.starts_with(**sign)).map(|sign| (at, *sign))
            });
            let Some((at, sign)) = first else {
                let why = format!("invalid selector: '{text}'; can't understand '{part}'");
                return Err(Status::bad_request(why));
            };
            let field = part.get(..at).unwrap_or_default();
            let value =
                unescape(part.get(at + sign.len()..).unwrap_or_default()).map_err(Status::bad_request)?;
            if !matches!(field, "metadata.name" | "metadata.namespace") && !declared.contains(&field) {
                return Err(Status::bad_request(if declared.is_empty() {
                    let field = crate::go::quote(field);
                    format!(
                        "{field} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
                } else {
                    format!("field label not supported: {field}")
                }));
            }
            terms.push(Term { field: field.to_owned(), negated: sign == "!=", value });
        }
        Ok(Self(terms))
    }

    /// Whether the object's fields are so. What is absent is empty.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|term| {
            let mut value = Some(object);
            for name in term.field.split('.') {
                value = value.and_then(|value| value.get(name));
            }
            let text = match value {
                Some(Value::String(text)) => text.clone(),
                None | Some(Value::Null) => String::new(),
                Some(other) => other.to_string(),
            };
            (text == term.value) != term.negated
        })
    }

    /// The name that every object selected has, so that it can be read and not searched.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let term = self.0.iter().find(|term| !term.negated && term.field == "metadata.name")?;
        Some(&term.value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_select_by_name_and_what_is_declared() {
        let object = json!({"metadata": {"name": "a,b"}, "status": {"phase": "Failed"}});
        let selector =
            FieldSelector::parse("metadata.name=a\\,b,status.phase!=Running", &["status.phase"]).unwrap();
        assert!(selector.matches(&object));
        assert_eq!(selector.name(), Some("a,b"));
        let error = FieldSelector::parse("spec.x=1", &["status.phase"]).unwrap_err();
        assert_eq!(error.message, "field label not supported: spec.x");
        assert!(FieldSelector::parse("what", &[]).is_err());
    }
}
