//! What differs between clusters: typed shorthands and JSON Patch.
//!
//! JSON Patch is RFC 6902 for `add`, `replace` and `remove` with one leniency that Federation v2's users rely on:
//! replacing a missing member of an existing object creates it. Identity (name, namespace, kind) cannot be
//! overridden. A failing operation fails the cluster it is for and no other, and says which field of the
//! specification is at fault.

use serde_json::Value;

use crate::{
    FieldError,
    fleet::ClusterView,
    object::{Override, Patch, PatchOp, Resource},
};

mod patch;
mod shorthand;

pub use patch::{PatchError, apply_patch};

/// Paths that are forced from the record.
const IDENTITY: [&str; 4] = ["/metadata/name", "/metadata/namespace", "/metadata/generateName", "/kind"];

/// An override that does not fit the template of one cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.overrides[{entry}].{field} cannot be applied in cluster {cluster:?}: {reason}")]
pub struct OverrideError {
    /// The cluster it was for.
    pub cluster: String,
    /// Index of the entry.
    pub entry: usize,
    /// Field below the entry, such as `patches[0].path` or `image[0]`.
    pub field: String,
    /// What is wrong, with the path in the object and what to do.
    pub reason: String,
}

impl OverrideError {
    /// The same fault by field path.
    #[must_use]
    pub fn fault(&self) -> FieldError {
        FieldError::new(
            format!("spec.overrides[{}].{}", self.entry, self.field),
            format!("cannot be applied in cluster {:?}: {}", self.cluster, self.reason),
        )
    }
}

/// Whether an entry is for this cluster.
#[must_use]
pub fn is_for(entry: &Override, cluster: &ClusterView) -> bool {
    match (&entry.clusters, &entry.cluster_selector) {
        (Some(names), _) => names.contains(&cluster.name),
        (None, Some(selector)) => selector.matches(cluster),
        (None, None) => false,
    }
}

/// Applies every entry that is for the cluster, in order. After an error `object` must be thrown away: it holds
/// the entries before it.
///
/// # Errors
/// The first operation that does not fit.
pub fn apply(
    object: &mut Value,
    resource: &Resource,
    overrides: &[Override],
    cluster: &ClusterView,
) -> Result<(), OverrideError> {
    for (entry, rule) in overrides.iter().enumerate().filter(|(_, rule)| is_for(rule, cluster)) {
        let fail = |field: String, reason: String| OverrideError {
            cluster: cluster.name.clone(),
            entry,
            field,
            reason,
        };
        shorthand::apply(object, resource, rule).map_err(|(field, reason)| fail(field, reason))?;
        for (index, patch) in rule.patches.iter().enumerate() {
            if IDENTITY.contains(&patch.path.as_str()) {
                return Err(fail(
                    format!("patches[{index}].path"),
                    identity_sentence(index, rule, &patch.path),
                ));
            }
            apply_patch(object, patch).map_err(|e| fail(format!("patches[{index}].path"), e.to_string()))?;
        }
    }
    Ok(())
}

fn identity_sentence(index: usize, rule: &Override, path: &str) -> String {
    let cluster = match rule.clusters.as_deref() {
        Some([only]) => format!(" for cluster {only:?}"),
        _ => String::new(),
    };
    format!(
        "override[{index}]{cluster} has an invalid path: {path} (name, namespace and kind come from the record)"
    )
}

/// What is malformed in the entries themselves, whatever the template and the clusters are.
#[must_use]
pub fn faults(overrides: &[Override], path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (index, rule) in overrides.iter().enumerate() {
        let here = format!("{path}[{index}]");
        match (&rule.clusters, &rule.cluster_selector) {
            (None, None) => faults.push(FieldError::new(
                here.as_str(),
                "says not which clusters it is for: give clusters or clusterSelector",
            )),
            (Some(_), Some(_)) => faults.push(FieldError::new(
                format!("{here}.clusterSelector"),
                "an override is for named clusters or for a selector, not both",
            )),
            (None, Some(selector)) => faults.extend(selector.faults(&format!("{here}.clusterSelector"))),
            (Some(_), None) => {}
        }
        faults.extend(shorthand::faults(rule, &here));
        for (at, patch) in rule.patches.iter().enumerate() {
            faults.extend(patch_faults(rule, at, patch, &format!("{here}.patches[{at}]")));
        }
    }
    faults
}

fn patch_faults(rule: &Override, index: usize, patch: &Patch, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if IDENTITY.contains(&patch.path.as_str()) {
        faults.push(FieldError::new(format!("{path}.path"), identity_sentence(index, rule, &patch.path)));
    } else if let Err(error) = patch::tokens(&patch.path) {
        faults.push(FieldError::new(format!("{path}.path"), error.to_string()));
    }
    if patch.op != PatchOp::Remove && patch.value.is_none() {
        faults.push(FieldError::new(format!("{path}.value"), format!("{} needs a value", patch.op.as_str())));
    }
    faults
}

/// Tries every entry on the template for each of the clusters, and for names that no cluster has, and returns what
/// does not fit; the same fault is reported once.
#[must_use]
pub fn trial(
    template: &Value,
    resource: &Resource,
    overrides: &[Override],
    fleet: &[ClusterView],
) -> Vec<FieldError> {
    let strangers = overrides
        .iter()
        .flat_map(|rule| rule.clusters.iter().flatten())
        .filter(|name| !fleet.iter().any(|cluster| &cluster.name == *name))
        .map(ClusterView::named);
    let mut faults: Vec<FieldError> = Vec::new();
    for cluster in fleet.iter().cloned().chain(strangers) {
        let mut object = template.clone();
        if let Err(error) = apply(&mut object, resource, overrides, &cluster) {
            let fault = error.fault();
            if !faults.iter().any(|known| known.path == fault.path) {
                faults.push(fault);
            }
        }
    }
    faults
}
