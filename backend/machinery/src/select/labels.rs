//! Label selectors. As text (`a=b,c!=d,e in (x,y),!f`) they come in queries, and what is wrong with one is said in
//! the words of API machinery; as a structure (`matchLabels`, `matchExpressions`) they stand in objects.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{Status, meta::names, status::FieldError};

/// How a requirement compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// Has the label, with one of the values.
    In,
    /// Has not, or with another value.
    NotIn,
    /// Has the label.
    Exists,
    /// Has not.
    DoesNotExist,
    /// Has it with a greater integer.
    Greater,
    /// Has it with a smaller integer.
    Less,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// How.
    pub operator: Operator,
    /// With what.
    pub values: BTreeSet<String>,
}

/// All of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector(pub Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    In,
    NotIn,
    Sign(&'static str),
    Bad(String),
    End,
}

impl Token {
    fn literal(&self) -> &str {
        match self {
            Self::Word(word) => word,
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Sign(sign) => sign,
            Self::Bad(text) => text,
            Self::End => "",
        }
    }

    fn is_word(&self) -> bool {
        matches!(self, Self::Word(_) | Self::In | Self::NotIn)
    }
}

const SIGNS: [&str; 9] = ["==", "!=", ")", ",", "!", "=", ">", "(", "<"];
const SPECIAL: &[char] = &['=', '!', '(', ')', ',', '>', '<'];

fn tokens(text: &str) -> Vec<Token> {
    let mut rest = text;
    let mut out = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() {
            out.push(Token::End);
            return out;
        }
        if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            out.push(Token::Sign(sign));
            rest = rest.get(sign.len()..).unwrap_or_default();
            continue;
        }
        if rest.starts_with(SPECIAL) {
            out.push(Token::Bad(format!("error expected: keyword found '{rest}'")));
            return out;
        }
        let end = rest.find(|c: char| SPECIAL.contains(&c) || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        out.push(match word {
            "in" => Token::In,
            "notin" => Token::NotIn,
            word => Token::Word(word.to_owned()),
        });
        rest = after;
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Parser {
    fn peek(&mut self) -> Token {
        self.tokens.peek().cloned().unwrap_or(Token::End)
    }

    fn next(&mut self) -> Token {
        self.tokens.next().unwrap_or(Token::End)
    }

    fn all(&mut self) -> Result<Vec<Requirement>, String> {
        let mut out = Vec::new();
        loop {
            let token = self.peek();
            match token {
                Token::End => return Ok(out),
                ref token if token.is_word() || *token == Token::Sign("!") => {
                    out.push(
                        self.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?,
                    );
                    match self.next() {
                        Token::End => return Ok(out),
                        Token::Sign(",") => {
                            let next = self.peek();
                            if !next.is_word() && next != Token::Sign("!") {
                                return Err(format!(
                                    "found '{}', expected: identifier after ','",
                                    next.literal()
                                ));
                            }
                        }
                        other => {
                            return Err(format!(
                                "found '{}', expected: ',' or 'end of string'",
                                other.literal()
                            ));
                        }
                    }
                }
                token => {
                    return Err(format!(
                        "found '{}', expected: !, identifier, or 'end of string'",
                        token.literal()
                    ));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let negated = token == Token::Sign("!");
        if negated {
            token = self.next();
        }
        if !token.is_word() {
            return Err(format!("found '{}', expected: identifier", token.literal()));
        }
        let key = token.literal().to_owned();
        if let Some(fault) = key_fault(&key, "<nil>") {
            return Err(fault);
        }
        let none = BTreeSet::new;
        let is_over = matches!(self.peek(), Token::End | Token::Sign(","));
        if negated {
            return Ok(Requirement { key, operator: Operator::DoesNotExist, values: none() });
        }
        if is_over {
            return Ok(Requirement { key, operator: Operator::Exists, values: none() });
        }
        let (operator, one) = match self.next() {
            Token::In => (Operator::In, false),
            Token::NotIn => (Operator::NotIn, false),
            Token::Sign("=" | "==") => (Operator::In, true),
            Token::Sign("!=") => (Operator::NotIn, true),
            Token::Sign(">") => (Operator::Greater, true),
            Token::Sign("<") => (Operator::Less, true),
            other => {
                return Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", other.literal()));
            }
        };
        let values = if one { self.exact()? } else { self.values()? };
        for (index, value) in values.iter().enumerate() {
            let path = format!("values[{index}]");
            if matches!(operator, Operator::Greater | Operator::Less) && value.parse::<i64>().is_err() {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                return Err(FieldError::invalid(path, value.as_str(), detail).to_string());
            }
            let faults = names::value_faults(value);
            if !faults.is_empty() {
                let path = format!("{path}[{key}]");
                return Err(FieldError::invalid(path, value.as_str(), faults.join("; ")).to_string());
            }
        }
        Ok(Requirement { key, operator, values })
    }

    fn exact(&mut self) -> Result<BTreeSet<String>, String> {
        if matches!(self.peek(), Token::End | Token::Sign(",")) {
            return Ok([String::new()].into());
        }
        match self.next() {
            token if token.is_word() => Ok([token.literal().to_owned()].into()),
            other => Err(format!("found '{}', expected: identifier", other.literal())),
        }
    }

    fn values(&mut self) -> Result<BTreeSet<String>, String> {
        let open = self.next();
        if open != Token::Sign("(") {
            return Err(format!("found '{}' expected: '('", open.literal()));
        }
        let mut out = BTreeSet::new();
        let mut after_comma = true;
        loop {
            match self.next() {
                Token::Sign(")") => {
                    if after_comma {
                        out.insert(String::new());
                    }
                    return Ok(out);
                }
                Token::Sign(",") => {
                    if after_comma {
                        out.insert(String::new());
                    }
                    after_comma = true;
                }
                token if token.is_word() && after_comma => {
                    out.insert(token.literal().to_owned());
                    after_comma = false;
                }
                token if after_comma => {
                    let literal = token.literal();
                    return Err(if out.is_empty() {
                        format!("found '{literal}', expected: ',', ')' or identifier")
                    } else {
                        format!("found '{literal}', expected: ',', or identifier")
                    });
                }
                token => return Err(format!("found '{}', expected: ',' or ')'", token.literal())),
            }
        }
    }
}

fn key_fault(key: &str, path: &str) -> Option<String> {
    let faults = names::key_faults(key);
    (!faults.is_empty()).then(|| FieldError::invalid(path, key, faults.join("; ")).to_string())
}

impl Selector {
    /// Reads the text of a query.
    ///
    /// # Errors
    /// 400 in the words of an apiserver.
    pub fn parse(text: &str) -> Result<Self, Status> {
        let mut parser = Parser { tokens: tokens(text).into_iter().peekable() };
        let mut requirements = parser.all().map_err(Status::bad_request)?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self(requirements))
    }

    /// Reads the structure that objects hold. Absent selects nothing: `None`.
    ///
    /// # Errors
    /// Every field that may not be so, below `path`.
    pub fn from_value(value: &Value, path: &str) -> Result<Self, Vec<FieldError>> {
        let mut out = Vec::new();
        let mut faults = Vec::new();
        for (key, value) in value.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let here = format!("{path}.matchLabels");
            let value = value.as_str().unwrap_or_default();
            faults.extend(
                names::key_faults(key).into_iter().map(|f| FieldError::invalid(&here, key.as_str(), f)),
            );
            faults
                .extend(names::value_faults(value).into_iter().map(|f| FieldError::invalid(&here, value, f)));
            out.push(Requirement {
                key: key.clone(),
                operator: Operator::In,
                values: [value.to_owned()].into(),
            });
        }
        let expressions = value.get("matchExpressions").and_then(Value::as_array);
        for (index, expression) in expressions.into_iter().flatten().enumerate() {
            let here = format!("{path}.matchExpressions[{index}]");
            let text = |name: &str| expression.get(name).and_then(Value::as_str).unwrap_or_default();
            let values = expression.get("values").and_then(Value::as_array);
            let values: BTreeSet<String> =
                values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            let operator = match text("operator") {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => {
                    let detail = "not a valid selector operator";
                    faults.push(FieldError::invalid(format!("{here}.operator"), other, detail));
                    continue;
                }
            };
            let here_values = format!("{here}.values");
            match operator {
                Operator::In | Operator::NotIn if values.is_empty() => {
                    let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                    faults.push(FieldError::required(here_values, detail));
                }
                Operator::Exists | Operator::DoesNotExist if !values.is_empty() => {
                    let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                    faults.push(FieldError::forbidden(here_values, detail));
                }
                _ => {}
            }
            let key = text("key");
            let here = format!("{here}.key");
            faults.extend(names::key_faults(key).into_iter().map(|f| FieldError::invalid(&here, key, f)));
            out.push(Requirement { key: key.to_owned(), operator, values });
        }
        if faults.is_empty() { Ok(Self(out)) } else { Err(faults) }
    }

    /// Whether an object's labels meet all requirements.
    #[must_use]
    pub fn matches(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        self.matches_labels(|key| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str))
    }

    /// Whether labels meet all requirements.
    pub fn matches_labels<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| requirement.met_by(label(&requirement.key)))
    }
}

impl Requirement {
    fn met_by(&self, value: Option<&str>) -> bool {
        let compare = |holds: fn(i64, i64) -> bool| {
            let bound = self.values.first().and_then(|bound| bound.parse().ok());
            let value = value.and_then(|value| value.parse().ok());
            value.zip(bound).is_some_and(|(value, bound)| holds(value, bound))
        };
        match self.operator {
            Operator::In => value.is_some_and(|value| self.values.contains(value)),
            Operator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Greater => compare(|value, bound| value > bound),
            Operator::Less => compare(|value, bound| value < bound),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, Requirement { key, operator, values }) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            let list = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
            match (operator, values.len()) {
                (Operator::In, 1) => write!(f, "{key}={list}")?,
                (Operator::NotIn, 1) => write!(f, "{key}!={list}")?,
                (Operator::In, _) => write!(f, "{key} in ({list})")?,
                (Operator::NotIn, _) => write!(f, "{key} notin ({list})")?,
                (Operator::Exists, _) => f.write_str(key)?,
                (Operator::DoesNotExist, _) => write!(f, "!{key}")?,
                (Operator::Greater, _) => write!(f, "{key}>{list}")?,
                (Operator::Less, _) => write!(f, "{key}<{list}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn matches(selector: &str, labels: &Value) -> bool {
        Selector::parse(selector).unwrap().matches(&json!({"metadata": {"labels": labels}}))
    }

    #[test]
    fn text_selects_as_kubectl_users_expect() {
        let labels = json!({"a": "b", "e": "y", "n": "5"});
        for selector in
            ["a=b", "a==b,c!=d", "e in (x, y)", "!f", "a,e", "e notin (z)", "n>4,n<6", "", "f notin ()"]
        {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in ["a=c", "a!=b", "e in (x)", "!a", "f", "n>5", "f in (x)"] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn a_structure_selects_the_same() {
        let selector = json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "DoesNotExist"}]});
        let selector = Selector::from_value(&selector, "spec.selector").unwrap();
        assert_eq!(selector.to_string(), "a=b,!c");
        let bad = json!({"matchExpressions": [{"key": "c", "operator": "In"}]});
        assert_eq!(
            Selector::from_value(&bad, "spec.selector").unwrap_err()[0].to_string(),
            "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
        );
    }

    proptest! {
        #[test]
        fn a_selector_reads_back(text in "[a-c](=|!=)[a-c](,!?[d-f])?(, ?[g-i] (in|notin) \\([a-c],[d-f]\\))?") {
            let selector = Selector::parse(&text).unwrap();
            prop_assert_eq!(Selector::parse(&selector.to_string()).unwrap(), selector);
        }

        #[test]
        fn no_text_crashes(text in "[a-c!=()<>, in]{0,24}") {
            let _ = Selector::parse(&text);
        }
    }
}
