//! Selecting clusters by their labels and facts.
//!
//! The operators of Kubernetes label selectors plus `Gt` and `Lt`, which Federation v1 had. Facts (region, zone,
//! provider, version) are selected like labels; a label of the same name wins. A cluster may have several regions
//! or zones: a positive operator then asks for any of them, a negative one for none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{FieldError, fleet::ClusterView};

/// A label selector; all its parts must match, and without any it matches every cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Labels with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirement {
    /// Label or fact.
    pub key: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub values: Vec<String>,
}

/// Comparison of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Operator {
    /// One of the values.
    In,
    /// None of the values; also without the label.
    NotIn,
    /// Has the label.
    Exists,
    /// Has not.
    DoesNotExist,
    /// An integer greater than the one value.
    Gt,
    /// An integer less than the one value.
    Lt,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    input: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

impl Operator {
    /// As written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::NotIn => "NotIn",
            Self::Exists => "Exists",
            Self::DoesNotExist => "DoesNotExist",
            Self::Gt => "Gt",
            Self::Lt => "Lt",
        }
    }
}

impl std::fmt::Display for Requirement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.operator {
            Operator::In => write!(f, "{} in ({})", self.key, self.values.join(", ")),
            Operator::NotIn => write!(f, "{} not in ({})", self.key, self.values.join(", ")),
            Operator::Exists => write!(f, "{} exists", self.key),
            Operator::DoesNotExist => write!(f, "{} does not exist", self.key),
            Operator::Gt => write!(f, "{} > {}", self.key, self.values.join(", ")),
            Operator::Lt => write!(f, "{} < {}", self.key, self.values.join(", ")),
        }
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for (key, value) in &self.match_labels {
            write!(f, "{separator}{key}={value}")?;
            separator = ", ";
        }
        for requirement in &self.match_expressions {
            write!(f, "{separator}{requirement}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl Requirement {
    /// Whether a label or fact with these values (none: the cluster has it not) meets the requirement.
    fn met_by(&self, values: &[&str]) -> bool {
        let wanted = |value: &&str| self.values.iter().any(|v| v == value);
        match self.operator {
            Operator::In => values.iter().any(wanted),
            Operator::NotIn => !values.iter().any(wanted),
            Operator::Exists => !values.is_empty(),
            Operator::DoesNotExist => values.is_empty(),
            Operator::Gt => self.compare(values, |a, b| a > b),
            Operator::Lt => self.compare(values, |a, b| a < b),
        }
    }

    fn compare(&self, values: &[&str], holds: impl Fn(i64, i64) -> bool) -> bool {
        let Some(bound) = self.values.first().and_then(|v| v.parse().ok()) else { return false };
        values.iter().filter_map(|v| v.parse().ok()).any(|v| holds(v, bound))
    }
}

impl Selector {
    /// Whether it has no parts, so that it matches every cluster.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    /// Whether the cluster matches; otherwise the first part that it does not meet, as a sentence's end such as
    /// `region is us, not eu`.
    ///
    /// # Errors
    /// Why the cluster does not match.
    pub fn check(&self, cluster: &ClusterView) -> Result<(), String> {
        for (key, value) in &self.match_labels {
            let have = cluster.values_of(key);
            if !have.contains(&value.as_str()) {
                return Err(match have.as_slice() {
                    [] => format!("it has no {key}, wanted {value}"),
                    have => format!("{key} is {}, wanted {value}", have.join(" and ")),
                });
            }
        }
        for requirement in &self.match_expressions {
            let have = cluster.values_of(&requirement.key);
            if !requirement.met_by(&have) {
                return Err(match have.as_slice() {
                    [] => format!("it has no {}, wanted {requirement}", requirement.key),
                    have => format!("{} is {}, wanted {requirement}", requirement.key, have.join(" and ")),
                });
            }
        }
        Ok(())
    }

    /// Whether the cluster matches.
    #[must_use]
    pub fn matches(&self, cluster: &ClusterView) -> bool {
        self.check(cluster).is_ok()
    }

    /// What is malformed: keys, values and their numbers, by the rules of Kubernetes label selectors.
    #[must_use]
    pub fn faults(&self, path: &str) -> Vec<FieldError> {
        let mut faults = Vec::new();
        for (key, value) in &self.match_labels {
            let here = format!("{path}.matchLabels[{key}]");
            faults.extend(key_fault(key).map(|message| FieldError::new(&here, message)));
            faults.extend(value_fault(value).map(|message| FieldError::new(&here, message)));
        }
        for (index, requirement) in self.match_expressions.iter().enumerate() {
            let here = format!("{path}.matchExpressions[{index}]");
            faults.extend(key_fault(&requirement.key).map(|m| FieldError::new(format!("{here}.key"), m)));
            faults.extend(requirement.values_fault().map(|m| FieldError::new(format!("{here}.values"), m)));
            for (at, value) in requirement.values.iter().enumerate() {
                faults.extend(value_fault(value).map(|m| FieldError::new(format!("{here}.values[{at}]"), m)));
            }
        }
        faults
    }
}

impl Requirement {
    fn values_fault(&self) -> Option<String> {
        let operator = self.operator.as_str();
        match self.operator {
            Operator::In | Operator::NotIn if self.values.is_empty() => {
                Some(format!("{operator} needs at least one value"))
            }
            Operator::Exists | Operator::DoesNotExist if !self.values.is_empty() => {
                Some(format!("{operator} takes no values"))
            }
            Operator::Gt | Operator::Lt => match self.values.as_slice() {
                [one] if one.parse::<i64>().is_ok() => None,
                _ => Some(format!("{operator} needs exactly one integer")),
            },
            _ => None,
        }
    }
}

/// What is wrong with a label's key: an optional DNS prefix and a name of up to 63 characters.
#[must_use]
pub fn key_fault(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        let label = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
                && !part.starts_with('-')
                && !part.ends_with('-')
        };
        if prefix.len() > 253 || !prefix.split('.').all(label) {
            return Some(format!("the prefix {prefix:?} of a label key must be a DNS name"));
        }
    }
    if name.is_empty() || !is_label_text(name) {
        return Some(format!(
            "{key:?} is not a label key: 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a \
             letter or digit"
        ));
    }
    None
}

/// What is wrong with a label's value.
#[must_use]
pub fn value_fault(value: &str) -> Option<String> {
    (!value.is_empty() && !is_label_text(value)).then(|| {
        format!(
            "{value:?} is not a label value: up to 63 letters, digits, '-', '_' and '.', beginning and ending with \
             a letter or digit"
        )
    })
}

fn is_label_text(text: &str) -> bool {
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}
