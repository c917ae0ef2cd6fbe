//! `hanse simulate`: the pure core as a command.
//!
//! A scenario names clusters with what lives in them, and federated objects of any generation; the answer is what
//! would happen, by the functions that the engine itself uses. No server, no network, no clock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    FieldError,
    adapter::Parsed,
    fleet::ClusterView,
    kinds,
    object::Resource,
    placement::{self, Bounds},
    plan::{self, LiveCopy, Options, Situation},
    v1, v2, validate,
};

mod output;
mod scenario;

pub use output::{Output, SimulatedCluster, SimulatedObject};
pub use scenario::{Scenario, ScenarioCluster};

/// What is wrong with a scenario.
pub type InputError = FieldError;

/// Computes what would happen.
///
/// # Errors
/// The first field of the scenario that cannot be understood. Mistakes inside a well-formed object are not errors:
/// they are part of the answer.
pub fn simulate(scenario: &Scenario) -> Result<Output, InputError> {
    let fleet: Vec<ClusterView> = scenario.clusters.iter().map(|cluster| cluster.view.clone()).collect();
    let records = Records::read(scenario, &fleet)?;
    let objects =
        records.objects.iter().map(|parsed| simulate_object(scenario, &fleet, &records, parsed)).collect();
    Ok(Output { objects })
}

/// Everything that the scenario federates.
struct Records {
    objects: Vec<Parsed>,
    /// Clusters of each namespace that has a record of its own.
    namespaces: BTreeMap<String, BTreeSet<String>>,
}

impl Records {
    fn read(scenario: &Scenario, fleet: &[ClusterView]) -> Result<Self, InputError> {
        let mut objects: Vec<(Parsed, bool)> = Vec::new();
        let mut preferences = Vec::new();
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut order = Vec::new();
        for (index, value) in scenario.objects.iter().enumerate() {
            let path = format!("spec.objects[{index}]");
            if v2::SchedulingPreference::is(value) {
                preferences.push(v2::SchedulingPreference::parse(value, &path)?);
                continue;
            }
            let federated = v2::is_federated(value);
            let mut parsed = if federated {
                v2::parse(value, &path, &|kind, version| scenario.resolve(kind, version, value))?
            } else {
                let resource = scenario.plain_resource(value, &path)?;
                v1::parse(value, &path, &resource)?
            };
            let in_own_words = if federated { v2::field_path } else { v1::field_path };
            for fault in validate::validate(&parsed.object, fleet) {
                let fault = FieldError { path: in_own_words(&fault.path), ..fault }.under(&path);
                if !parsed.refusals.errors.contains(&fault) {
                    parsed.refusals.errors.push(fault);
                }
            }
            // A plain object and its federated twin may coexist; then the plain one is the hub's own.
            let key = format!("{federated} {}", parsed.object.key());
            if let Some(first) = known.insert(key, path.clone()) {
                let message = format!("{} is given by {first} already", parsed.object.key());
                return Err(FieldError::new(path, message));
            }
            order.push((parsed.object.key(), federated));
            objects.push((parsed, federated));
        }
        let (governing, plain): (Vec<_>, Vec<_>) = objects.into_iter().partition(|(_, federated)| *federated);
        let mut twins: BTreeMap<String, Parsed> =
            plain.iter().map(|(parsed, _)| (parsed.object.key(), parsed.clone())).collect();
        let mut governed = BTreeMap::new();
        for (mut parsed, _) in governing {
            let key = parsed.object.key();
            // The template of a federated namespace is the hub's namespace.
            let twin = twins.remove(&key).filter(|_| parsed.object.resource.is("", "Namespace"));
            if let Some(twin) = twin {
                parsed.object.spec.template = twin.object.spec.template;
            }
            governed.insert(key, parsed);
        }
        let mut kept: Vec<Parsed> = order
            .iter()
            .filter_map(|(key, federated)| if *federated { governed.remove(key) } else { twins.remove(key) })
            .collect();
        for preference in &preferences {
            for parsed in kept.iter_mut().filter(|parsed| preference.is_about(&parsed.object)) {
                preference.govern(&mut parsed.object);
                parsed.refusals.placement = parsed.refusals.placement.take().filter(|_| preference.intersect);
            }
        }
        let namespaces = kept
            .iter()
            .filter(|parsed| parsed.object.resource.is("", "Namespace"))
            .map(|parsed| (parsed.object.name.clone(), namespace_clusters(fleet, parsed)))
            .collect();
        Ok(Self { objects: kept, namespaces })
    }

    fn bounds(&self, parsed: &Parsed) -> Bounds<'_> {
        let namespace = parsed.object.namespace.as_ref();
        namespace.and_then(|name| self.namespaces.get(name)).map_or(Bounds::Unbounded, Bounds::Within)
    }
}

fn namespace_clusters(fleet: &[ClusterView], parsed: &Parsed) -> BTreeSet<String> {
    if parsed.refusals.placement.is_some() || parsed.object.deleting {
        return BTreeSet::new();
    }
    let choices = placement::select(&parsed.object.spec.placement, fleet, Bounds::Unbounded);
    choices.into_iter().filter(|choice| choice.selected).map(|choice| choice.name).collect()
}

fn simulate_object(
    scenario: &Scenario,
    fleet: &[ClusterView],
    records: &Records,
    parsed: &Parsed,
) -> SimulatedObject {
    let object = &parsed.object;
    let options = Options::default();
    let live: BTreeMap<String, LiveCopy<'_>> = scenario
        .clusters
        .iter()
        .filter_map(|cluster| {
            let value = cluster.find(&object.resource, object.namespace.as_deref(), &object.name)?;
            let mut copy = LiveCopy::whole(object, value, &options);
            copy.autoscaled = cluster.autoscales(object);
            Some((cluster.view.name.clone(), copy))
        })
        .collect();
    let situation = Situation {
        fleet,
        bounds: records.bounds(parsed),
        tie_break_key: scenario.tie_break_key.as_deref(),
        refusals: &parsed.refusals,
        now: scenario.now.unwrap_or(DateTime::<Utc>::MAX_UTC),
    };
    let mut plan = plan::plan(object, &situation, &live, parsed.status.as_ref(), &options);
    if let Some(reason) = &parsed.kept_at_hub {
        for cluster in &mut plan.clusters {
            cluster.why.clone_from(reason);
        }
    }
    let warnings = validate::unmatched(object, fleet);
    output::simulated(plan, warnings, &live, options.manager)
}

impl Scenario {
    /// The target of a federated kind: built in, else as its template says, else as something of that kind that
    /// lives in a member.
    fn resolve(&self, kind: &str, version: Option<&str>, object: &Value) -> Option<Resource> {
        if let Some(resource) = kinds::built_in(kind, version) {
            return Some(resource);
        }
        let namespaced =
            object.pointer("/metadata/namespace").and_then(Value::as_str).is_some_and(|n| !n.is_empty());
        let alive = || {
            let live = self.clusters.iter().flat_map(|cluster| &cluster.live);
            live.filter(|value| value.get("kind").and_then(Value::as_str) == Some(kind))
                .find_map(|value| value.get("apiVersion").and_then(Value::as_str))
        };
        version.or_else(alive).map(|version| kinds::custom(kind, version, namespaced))
    }

    fn plain_resource(&self, object: &Value, path: &str) -> Result<Resource, InputError> {
        let text = |field: &str| -> Result<&str, InputError> {
            let found = object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
            found.ok_or_else(|| FieldError::new(format!("{path}.{field}"), "is required"))
        };
        let (kind, version) = (text("kind")?, text("apiVersion")?);
        self.resolve(kind, Some(version), object)
            .ok_or_else(|| FieldError::new(format!("{path}.kind"), format!("{kind} is not known")))
    }
}
