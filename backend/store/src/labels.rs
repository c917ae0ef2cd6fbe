//! Label selectors in SQL, with the grammar and the meaning that they have in Kubernetes: `a=b`, `a!=b`, `a in (b,c)`,
//! `a notin (b,c)`, `a`, `!a`, separated by commas, all of which must hold. What lacks the label matches `!=` and `notin`.

use sea_orm::{
    Condition, Iden,
    sea_query::{BinOper, Expr, ExprTrait as _, IntoColumnRef},
};

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// A selector that has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(Vec<Requirement>);

/// Cuts at commas outside of parentheses.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    text.split(|letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn is_key(text: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    !text.is_empty() && text.len() <= 317 && text.bytes().all(letters)
}

fn is_value(text: &str) -> bool {
    text.len() <= 63 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn requirement(text: &str) -> Option<Requirement> {
    let key = |text: &str| Some(text.trim().to_owned()).filter(|text| is_key(text));
    let value = |text: &str| Some(text.trim().to_owned()).filter(|text| is_value(text));
    if let Some((name, rest)) = text.split_once("!=") {
        return Some(Requirement::NotIn(key(name)?, vec![value(rest)?]));
    }
    if let Some((name, rest)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Requirement::In(key(name)?, vec![value(rest)?]));
    }
    if let Some((head, rest)) = text.split_once('(') {
        let values: Option<Vec<String>> = rest.strip_suffix(')')?.split(',').map(value).collect();
        let (name, operator) = head.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => Some(Requirement::In(key(name)?, values?)),
            "notin" => Some(Requirement::NotIn(key(name)?, values?)),
            _ => None,
        };
    }
    match text.strip_prefix('!') {
        Some(name) => Some(Requirement::Missing(key(name)?)),
        None => Some(Requirement::Exists(key(text)?)),
    }
}

impl Labels {
    /// Reads a selector.
    ///
    /// # Errors
    /// The part that cannot be read.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let read = |part| {
            requirement(part).ok_or_else(|| format!("{part:?} is not like a=b, a!=b, a in (b,c), a or !a"))
        };
        parts(text).into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The condition on a column that holds labels as a JSON object.
    pub(crate) fn condition(&self, column: impl IntoColumnRef + Iden + Copy) -> Condition {
        let mut all = Condition::all();
        for requirement in &self.0 {
            // The same operator on both databases: the value of a key as text, null when there is none.
            let label =
                |key: &String| Expr::col(column).binary(BinOper::Custom("->>"), Expr::val(key.as_str()));
            all = match requirement {
                Requirement::In(key, values) => all.add(label(key).is_in(values.clone())),
                Requirement::NotIn(key, values) => all.add(
                    Condition::any().add(label(key).is_null()).add(label(key).is_not_in(values.clone())),
                ),
                Requirement::Exists(key) => all.add(label(key).is_not_null()),
                Requirement::Missing(key) => all.add(label(key).is_null()),
            };
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_kubernetes_are_read() {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let read =
            Labels::read("env=prod, tier!=db,region in (eu, us),zone notin (a),example.com/gpu,!old,x==")
                .unwrap();
        assert_eq!(
            read.0,
            [
                Requirement::In("env".into(), owned(&["prod"])),
                Requirement::NotIn("tier".into(), owned(&["db"])),
                Requirement::In("region".into(), owned(&["eu", "us"])),
                Requirement::NotIn("zone".into(), owned(&["a"])),
                Requirement::Exists("example.com/gpu".into()),
                Requirement::Missing("old".into()),
                Requirement::In("x".into(), owned(&[""])),
            ]
        );
        assert_eq!(Labels::read(" ").unwrap(), Labels::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for bad in
            ["a b", "a in b", "a within (b)", "=x", "a=b c", "a=b,,c", "a in (b", "'; drop", "a=\"b\"", "!"]
        {
            assert!(Labels::read(bad).is_err(), "{bad}");
        }
        assert!(Labels::read("a=b,c d").unwrap_err().starts_with("\"c d\""));
    }
}
