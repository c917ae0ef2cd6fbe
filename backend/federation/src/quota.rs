//! Whether something more fits into a quota, decided as an apiserver's quota admission decides it.
//!
//! Limits, usage and demand are amounts by resource name. `cpu` and `requests.cpu` (likewise memory and ephemeral
//! storage) are two names of one demand, and a limit on either holds. Who stores usage, and for whom, is not known here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{FieldError, quantity::Quantity};

mod pod;

pub use pod::{demands, limits, requests, unspecified};

/// Amounts by resource name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts(BTreeMap<String, Quantity>);

/// Why something is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What is limited must be said of every container, or it could not be charged.
    #[error("must specify {}", join(.missing, |(resource, containers)| format!("{resource} for: {}", containers.join(","))))]
    MustSpecify {
        /// Containers by the resource that they do not specify.
        missing: BTreeMap<String, Vec<String>>,
    },
    /// It would be more than a limit.
    #[error("exceeded quota: {}", join(.exceeded, ToString::to_string))]
    Exceeded {
        /// Every limit that it would exceed, by name.
        exceeded: Vec<Exceeded>,
    },
}

/// One limit that would be exceeded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: requested {requested}, used {used}, limited to {limit}")]
pub struct Exceeded {
    /// The resource as the quota names it.
    pub resource: String,
    /// What is asked for on top.
    pub requested: Quantity,
    /// What is used already.
    pub used: Quantity,
    /// The limit.
    pub limit: Quantity,
}

fn join<T>(items: impl IntoIterator<Item = T>, text: impl Fn(T) -> String) -> String {
    items.into_iter().map(text).collect::<Vec<_>>().join("; ")
}

impl Amounts {
    /// Reads amounts as a manifest has them.
    ///
    /// # Errors
    /// The first amount that is no quantity, below `path`.
    pub fn read(value: &Value, path: &str) -> Result<Self, FieldError> {
        let entries = match value {
            Value::Null => return Ok(Self::default()),
            Value::Object(entries) => entries,
            _ => return Err(FieldError::new(path, "expected amounts by resource")),
        };
        let amount = |(name, value): (&String, &Value)| match Quantity::read(value) {
            Ok(amount) => Ok((name.clone(), amount)),
            Err(error) => Err(FieldError::new(format!("{path}[{name}]"), error.to_string())),
        };
        entries.iter().map(amount).collect::<Result<_, _>>().map(Self)
    }

    /// The amount of a resource; absent is not the same as nothing.
    #[must_use]
    pub fn get(&self, resource: &str) -> Option<Quantity> {
        self.0.get(resource).copied()
    }

    /// Sets the amount of a resource.
    pub fn set(&mut self, resource: impl Into<String>, amount: Quantity) {
        self.0.insert(resource.into(), amount);
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (name.as_str(), *amount))
    }

    /// Names of resources.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        for (name, amount) in &other.0 {
            let sum = self.0.entry(name.clone()).or_default();
            *sum = sum.plus(*amount);
        }
        self
    }

    /// The difference to what was before; negative where there is less now.
    #[must_use]
    pub fn minus(mut self, other: &Self) -> Self {
        for (name, amount) in &other.0 {
            let rest = self.0.entry(name.clone()).or_default();
            *rest = rest.minus(*amount);
        }
        self
    }

    /// The greater of both, resource by resource.
    #[must_use]
    pub fn or_more(mut self, other: &Self) -> Self {
        for (name, amount) in &other.0 {
            let most = self.0.entry(name.clone()).or_default();
            *most = (*most).max(*amount);
        }
        self
    }

    /// So many times: a pod's demand for all replicas.
    #[must_use]
    pub fn times(mut self, count: i64) -> Self {
        for amount in self.0.values_mut() {
            *amount = amount.times(count);
        }
        self
    }
}

/// Admits a demand on top of what is used. Only what grows can exceed a limit; what is not limited is not looked at.
///
/// # Errors
/// The limits that it would exceed.
pub fn admit(limits: &Amounts, used: &Amounts, demand: &Amounts) -> Result<(), Refusal> {
    let exceeded: Vec<Exceeded> = limits
        .iter()
        .filter_map(|(resource, limit)| {
            let requested = demand.get(resource).filter(|amount| *amount > Quantity::ZERO)?;
            let used = used.get(resource).unwrap_or_default();
            (used.plus(requested) > limit).then(|| Exceeded {
                resource: resource.to_owned(),
                requested,
                used,
                limit,
            })
        })
        .collect();
    if exceeded.is_empty() { Ok(()) } else { Err(Refusal::Exceeded { exceeded }) }
}

/// Admits one more pod: first everything that is limited must be said, then it must fit.
///
/// # Errors
/// Why it is not admitted, or the path of an amount of the pod that is no quantity.
pub fn admit_pod(limits: &Amounts, used: &Amounts, pod: &Value) -> Result<Result<(), Refusal>, FieldError> {
    let missing = unspecified(limits, pod)?;
    if !missing.is_empty() {
        return Ok(Err(Refusal::MustSpecify { missing }));
    }
    Ok(admit(limits, used, &demands(pod)?))
}
