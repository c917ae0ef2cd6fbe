//! A member's copy, trimmed to what decisions need.
//!
//! The engine keeps one [`Observed`] per copy instead of the object itself: identity, ownership as a hash, the
//! status that feeds the aggregate, and the few values that retention may have to repeat.

use serde_json::Value;

use crate::{
    health::{self, Health},
    object::Resource,
    owned::{self, Hash},
    prune::MANAGED_LABEL,
    replicas::{self, Autoscaler},
    retention::Retained,
    status, workload,
};

/// Whose an object is, by the label `kubefed.io/managed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Managed {
    /// Labelled `true`: a copy of ours.
    Yes,
    /// Labelled `false`: never to be touched.
    Refused,
    /// Not labelled: it was there before, or somebody took the label away.
    #[default]
    No,
}

impl Managed {
    /// Reads the label.
    #[must_use]
    pub fn of(live: &Value) -> Self {
        let labels = live.pointer("/metadata/labels");
        match labels.and_then(|labels| labels.get(MANAGED_LABEL)).and_then(Value::as_str) {
            Some("true") => Self::Yes,
            Some("false") => Self::Refused,
            _ => Self::No,
        }
    }
}

/// JSON that is kept as text: a fraction of the memory of a parsed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compact(Box<str>);

impl Compact {
    /// Packs a value.
    #[must_use]
    pub fn pack(value: &Value) -> Self {
        Self(value.to_string().into_boxed_str())
    }

    /// Unpacks it.
    #[must_use]
    pub fn unpack(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is known of a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The member's uid of it; a deletion names it.
    pub uid: String,
    /// The member's version of it.
    pub resource_version: String,
    /// The member's generation of it; 0 for kinds without.
    pub generation: i64,
    /// Whose it is.
    pub managed: Managed,
    /// Whether it is on its way out.
    pub terminating: bool,
    /// Hash of the fields that we own, when we own any.
    pub owned: Option<Hash>,
    /// How it is doing.
    pub health: Health,
    /// Its trimmed status.
    pub reflected: Option<Compact>,
    /// What is wrong with its status, when it has not the shape of its kind.
    pub status_fault: Option<String>,
    /// Ready replicas, for kinds that have them.
    pub ready_replicas: i64,
    /// Replicas that it asks for there, for kinds that have them.
    pub replicas: i64,
    /// Limits and state, for a HorizontalPodAutoscaler.
    pub autoscaler: Option<Autoscaler>,
    /// What retention may have to repeat.
    pub retained: Retained,
}

impl Observed {
    /// Trims a live object. `ignore_paths` are the drift policy's: their values are kept for retention.
    #[must_use]
    pub fn of(resource: &Resource, live: &Value, manager: &str, ignore_paths: &[String]) -> Self {
        let text =
            |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (reflected, status_fault) = match status::reflect(resource, live, None) {
            Ok(reflected) => (reflected.as_ref().map(Compact::pack), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let scaler = resource.is("autoscaling", "HorizontalPodAutoscaler").then(|| Autoscaler::of(live));
        Self {
            uid: text("/metadata/uid"),
            resource_version: text("/metadata/resourceVersion"),
            generation: live.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(0),
            managed: Managed::of(live),
            terminating: !text("/metadata/deletionTimestamp").is_empty(),
            owned: owned::owned_hash(live, manager),
            health: health::assess(resource, live),
            reflected,
            status_fault,
            ready_replicas: replicas::ready_replicas(resource, live),
            replicas: workload::pods(resource, live).unwrap_or(0),
            autoscaler: scaler,
            retained: Retained::of(resource, live, manager, ignore_paths),
        }
    }
}
