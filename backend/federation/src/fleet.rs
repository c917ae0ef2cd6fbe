//! The fleet as decisions see it: one [`ClusterView`] per cluster, filled by whoever observes members.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known of a member cluster when a decision is made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterView {
    /// Unique name.
    pub name: String,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Facts that can be selected like labels.
    #[serde(default)]
    pub facts: Facts,
    /// Whether it answers and says that it is ready.
    pub ready: bool,
    /// Why it is not ready, as a sentence with since-when; empty when it is.
    #[serde(default)]
    pub not_ready_reason: String,
    /// Replicas that fit, by object key (`deployments.apps/ns/web`); only where that is known, which is where pods
    /// have been unschedulable for a while.
    #[serde(default)]
    pub capacity: BTreeMap<String, i64>,
    /// Replicas that there is room for on its nodes, by object key; those that run there already count as if they did
    /// not. Only where its nodes have been looked at.
    #[serde(default)]
    pub room: BTreeMap<String, i64>,
}

/// Facts that a cluster tells about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// Regions of its nodes.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Zones of its nodes.
    #[serde(default)]
    pub zones: Vec<String>,
    /// Cloud or distribution.
    #[serde(default)]
    pub provider: Option<String>,
    /// Version of its apiserver, such as `v1.36.3`.
    #[serde(default)]
    pub version: Option<String>,
}

impl ClusterView {
    /// A ready cluster without labels.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ready: true, ..Self::default() }
    }

    /// The values that a selector sees under a key: the label of that name, otherwise the fact.
    #[must_use]
    pub fn values_of(&self, key: &str) -> Vec<&str> {
        if let Some(value) = self.labels.get(key) {
            return vec![value];
        }
        match key {
            "region" => self.facts.regions.iter().map(String::as_str).collect(),
            "zone" => self.facts.zones.iter().map(String::as_str).collect(),
            "provider" => self.facts.provider.as_deref().into_iter().collect(),
            "version" => self.facts.version.as_deref().into_iter().collect(),
            _ => Vec::new(),
        }
    }
}
