//! `hanse simulate`: the pure core as a command.
//!
//! A scenario names clusters with what lives in them, and federated objects of any generation; the answer is what
//! would happen, by the functions that the engine itself uses. No server, no network, no clock.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    FieldError,
    fleet::ClusterView,
    kinds,
    object::Resource,
    plan::{self, LiveCopy, Options, Situation},
};

mod observe;
mod output;
mod records;
mod scenario;
mod unknown;

use records::{Record, Records};

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
    let objects = records.objects.iter().map(|record| simulate_object(scenario, &records, record)).collect();
    Ok(Output { objects, warnings: records.warnings })
}

fn simulate_object(scenario: &Scenario, records: &Records, record: &Record) -> SimulatedObject {
    let parsed = &record.parsed;
    let object = &parsed.object;
    let options = Options::default();
    let now = scenario.now.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let fleet: Vec<ClusterView> =
        scenario.clusters.iter().map(|cluster| observe::view(cluster, object, now)).collect();
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
        fleet: &fleet,
        bounds: records.bounds(parsed),
        tie_break_key: scenario.tie_break_key.as_deref(),
        refusals: &parsed.refusals,
        now,
    };
    let mut plan = plan::plan(object, &situation, &live, parsed.status.as_ref(), &options);
    if let Some(reason) = &parsed.kept_at_hub {
        for cluster in &mut plan.clusters {
            cluster.why.clone_from(reason);
        }
    }
    output::simulated(plan, record.warnings.clone(), &live, options.manager)
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
}
