//! Which clusters an object goes to, with the reason for each.
//!
//! An explicit list wins over a selector, even when empty; neither means nowhere. Whatever is chosen is
//! intersected with the clusters of the object's project. Everything is computed from the cluster's present labels
//! and facts, so a relabelled cluster changes the answer without a touch of the object.

use std::collections::BTreeSet;

use crate::{FieldError, fleet::ClusterView, object::Placement};

/// The clusters that an object may be in at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds<'a> {
    /// Every cluster: a cluster-scoped object, or a namespace that nothing restricts.
    Unbounded,
    /// The clusters of its project.
    Within(&'a BTreeSet<String>),
    /// None: its namespace is not federated.
    NotFederated,
}

/// Whether one cluster was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The cluster.
    pub name: String,
    /// Whether it is chosen.
    pub selected: bool,
    /// Why, as a sentence.
    pub why: String,
}

/// Chooses among `clusters`, in their order.
#[must_use]
pub fn select(placement: &Placement, clusters: &[ClusterView], bounds: Bounds<'_>) -> Vec<Choice> {
    clusters
        .iter()
        .map(|cluster| {
            let (selected, why) = decide(placement, cluster, bounds);
            Choice { name: cluster.name.clone(), selected, why }
        })
        .collect()
}

fn decide(placement: &Placement, cluster: &ClusterView, bounds: Bounds<'_>) -> (bool, String) {
    let (selected, why) = wanted(placement, cluster);
    if !selected {
        return (false, why);
    }
    match bounds {
        Bounds::Unbounded => (true, why),
        Bounds::Within(names) if names.contains(&cluster.name) => (true, why),
        Bounds::Within(_) => (false, format!("{why}, but its project is not in this cluster")),
        Bounds::NotFederated => (false, format!("{why}, but its namespace is not federated")),
    }
}

fn wanted(placement: &Placement, cluster: &ClusterView) -> (bool, String) {
    if let Some(names) = &placement.clusters {
        return if names.contains(&cluster.name) {
            (true, "named in placement.clusters".to_owned())
        } else if names.is_empty() {
            (false, "placement.clusters is empty, which means nowhere".to_owned())
        } else {
            (false, "not named in placement.clusters".to_owned())
        };
    }
    match &placement.cluster_selector {
        None => {
            (false, "the placement has neither clusters nor clusterSelector, which means nowhere".to_owned())
        }
        Some(selector) if selector.is_empty() => {
            (true, "placement.clusterSelector is empty, which means every cluster".to_owned())
        }
        Some(selector) => match selector.check(cluster) {
            Ok(()) => (true, format!("matches placement.clusterSelector: {selector}")),
            Err(reason) => (false, format!("does not match placement.clusterSelector: {reason}")),
        },
    }
}

/// Names in the list that no cluster has; they are accepted and match nothing.
#[must_use]
pub fn unmatched<'a>(placement: &'a Placement, clusters: &[ClusterView]) -> Vec<&'a str> {
    let known = |name: &&str| clusters.iter().any(|cluster| cluster.name == *name);
    placement.clusters.iter().flatten().map(String::as_str).filter(|name| !known(name)).collect()
}

/// What is malformed.
#[must_use]
pub fn faults(placement: &Placement, path: &str) -> Vec<FieldError> {
    let mut faults: Vec<FieldError> = placement
        .clusters
        .iter()
        .flatten()
        .enumerate()
        .filter(|(_, name)| name.is_empty())
        .map(|(index, _)| FieldError::new(format!("{path}.clusters[{index}]"), "a cluster's name is missing"))
        .collect();
    if let Some(selector) = &placement.cluster_selector {
        faults.extend(selector.faults(&format!("{path}.clusterSelector")));
    }
    faults
}
