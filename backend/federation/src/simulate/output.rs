//! The answer: as JSON for programs, as a table and as differences for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hanse_types::federated::Phase;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    FieldError,
    dependencies::Dependency,
    diff::{self, Change},
    plan::{Action, Aggregated, ClusterPlan, LiveCopy, ObjectPlan, Propagation},
};

/// What would happen to every object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Output {
    /// In the order of the scenario.
    pub objects: Vec<SimulatedObject>,
    /// What is accepted and probably not meant, and belongs to none of these objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<FieldError>,
}

/// What would happen to one object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedObject {
    /// `plural.group/namespace/name`.
    pub key: String,
    /// Whether everything is, or will be, where it should be.
    pub propagation: Propagation,
    /// Every cluster of the scenario, in order.
    pub clusters: Vec<SimulatedCluster>,
    /// What the workload refers to.
    pub dependencies: Vec<Dependency>,
    /// Status over all placed clusters.
    pub aggregated: Aggregated,
    /// Replicas that fit nowhere.
    #[serde(skip_serializing_if = "is_zero")]
    pub unplaced: i64,
    /// Why some fit nowhere, or what else of the division does not hold.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unplaced_reason: String,
    /// What a submission of this object would be refused for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What is accepted and probably not meant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<FieldError>,
}

/// What would happen in one cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulatedCluster {
    /// The cluster.
    pub name: String,
    /// Whether the placement selects it.
    pub selected: bool,
    /// Why.
    pub why: String,
    /// Replicas without overflow; 0 for kinds without.
    pub replicas: i64,
    /// Replicas that do not fit.
    pub overflow: i64,
    /// What would be done.
    pub action: Action,
    /// What is in the way; empty when nothing is.
    pub status: String,
    /// A sentence about it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What would be sent; `{}` when nothing belongs there.
    pub manifest: Value,
    /// Whether the copy there is healthy.
    pub healthy: bool,
    /// State of the copy.
    pub phase: Phase,
    /// The copy's trimmed status; `{}` when there is none.
    pub reflected: Value,
    /// What sending would change in the copy.
    #[serde(skip)]
    pub changes: Vec<Change>,
}

fn is_zero(n: &i64) -> bool {
    *n == 0
}

pub(super) fn simulated(
    plan: ObjectPlan,
    warnings: Vec<FieldError>,
    live: &BTreeMap<String, LiveCopy<'_>>,
    manager: &str,
) -> SimulatedObject {
    let clusters = plan
        .clusters
        .into_iter()
        .map(|cluster| {
            let copy = live.get(&cluster.name).and_then(LiveCopy::object);
            let changes = changes(&cluster, copy, manager);
            SimulatedCluster {
                name: cluster.name,
                selected: cluster.selected,
                why: cluster.why,
                replicas: cluster.replicas.unwrap_or(0),
                overflow: cluster.overflow,
                action: cluster.action,
                status: cluster.status.map(|word| word.as_str().to_owned()).unwrap_or_default(),
                message: cluster.message,
                manifest: cluster.manifest.unwrap_or_else(|| json!({})),
                healthy: cluster.healthy.unwrap_or(false),
                phase: cluster.phase,
                reflected: cluster.reflected.unwrap_or_else(|| json!({})),
                changes,
            }
        })
        .collect();
    SimulatedObject {
        key: plan.key,
        propagation: plan.propagation,
        clusters,
        dependencies: plan.dependencies,
        aggregated: plan.aggregated,
        unplaced: plan.unplaced,
        unplaced_reason: plan.unplaced_reason,
        errors: plan.errors,
        warnings,
    }
}

fn changes(cluster: &ClusterPlan, live: Option<&Value>, manager: &str) -> Vec<Change> {
    match (cluster.action, &cluster.manifest, live) {
        (Action::Update, Some(manifest), Some(live)) => diff::against_live(manifest, live, manager),
        _ => Vec::new(),
    }
}

impl Output {
    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// For people: one line for each object and cluster.
    #[must_use]
    pub fn to_table(&self) -> String {
        let header = ["OBJECT", "CLUSTER", "ACTION", "REPLICAS", "PHASE", "STATUS", "WHY"];
        let mut rows: Vec<[String; 7]> = vec![header.map(str::to_owned)];
        for object in &self.objects {
            for cluster in &object.clusters {
                let replicas = match (cluster.selected, cluster.replicas, cluster.overflow) {
                    (false, ..) => String::new(),
                    (true, replicas, 0) => replicas.to_string(),
                    (true, replicas, overflow) => format!("{replicas}+{overflow}"),
                };
                let phase = if cluster.selected { cluster.phase.to_string() } else { String::new() };
                let why = match cluster.message.as_str() {
                    "" => cluster.why.clone(),
                    message => format!("{}; {message}", cluster.why),
                };
                rows.push([
                    object.key.clone(),
                    cluster.name.clone(),
                    format!("{:?}", cluster.action),
                    replicas,
                    phase,
                    cluster.status.clone(),
                    why,
                ]);
            }
            let overall = format!("= {}", object.aggregated.phase);
            let propagation = match object.propagation.reason.as_str() {
                "" => "propagated".to_owned(),
                reason => reason.to_owned(),
            };
            let blank = String::new;
            rows.push([
                object.key.clone(),
                "(all)".to_owned(),
                blank(),
                blank(),
                overall,
                propagation,
                blank(),
            ]);
        }
        let mut table = align(&rows);
        for object in &self.objects {
            for (kind, faults) in [("error", &object.errors), ("warning", &object.warnings)] {
                for fault in faults {
                    let _ = writeln!(table, "{kind}: {}: {fault}", object.key);
                }
            }
            if !object.unplaced_reason.is_empty() {
                let _ = writeln!(table, "warning: {}: {}", object.key, object.unplaced_reason);
            }
        }
        for warning in &self.warnings {
            let _ = writeln!(table, "warning: {warning}");
        }
        table
    }

    /// For people: what would change in each cluster, field by field.
    #[must_use]
    pub fn to_diff(&self) -> String {
        let mut text = String::new();
        for object in &self.objects {
            for cluster in object.clusters.iter().filter(|cluster| cluster.action != Action::None) {
                let _ = writeln!(text, "{:?} {} in {}", cluster.action, object.key, cluster.name);
                match cluster.action {
                    Action::Create => {
                        let manifest = serde_json::to_string_pretty(&cluster.manifest).unwrap_or_default();
                        manifest.lines().for_each(|line| {
                            let _ = writeln!(text, "  + {line}");
                        });
                    }
                    Action::Update => {
                        for change in &cluster.changes {
                            let _ = writeln!(text, "  {}", change.path);
                            if !change.from.is_null() {
                                let _ = writeln!(text, "  - {}", change.from);
                            }
                            if !change.to.is_null() {
                                let _ = writeln!(text, "  + {}", change.to);
                            }
                        }
                    }
                    Action::Wait | Action::Skip => {
                        let _ = writeln!(text, "  {}: {}", cluster.status, cluster.message);
                    }
                    Action::None | Action::Delete | Action::Release => {}
                }
            }
        }
        text
    }
}

fn align(rows: &[[String; 7]]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..7).map(width).collect();
    let mut table = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(table, "{}", line.trim_end());
    }
    table
}
