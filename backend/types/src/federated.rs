//! Status of federated objects, in the one vocabulary that API, console and hub share. The specification itself
//! (template, placement, overrides) belongs to the federation crate.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{
    macros::{answer, words},
    name::ClusterName,
};

words! {
    /// Overall state of a federated object or of its copy in one cluster.
    pub enum Phase {
        /// Every placed cluster observed the latest generation and is healthy.
        Ready = "Ready",
        /// On its way.
        Progressing = "Progressing",
        /// Runs, but not fully.
        Degraded = "Degraded",
        /// Will not get there without a change.
        Failed = "Failed",
        /// A placed cluster cannot be reached.
        Unknown = "Unknown",
        /// Stopped on purpose.
        Paused = "Paused",
    }
}

answer! {
    /// The last thing that went wrong with one copy.
    pub struct LastError {
        /// Status word, such as `CreationFailed` or `ApplyOverridesFailed`.
        pub reason: String,
        /// What happened and what to do.
        pub message: String,
        /// When.
        pub at: DateTime<Utc>,
    }

    /// A field that a member's copy has different from what was sent, before it was put right.
    pub struct DriftEntry {
        /// JSON pointer of the field.
        pub path: String,
        /// What Hanse wants.
        pub expected: Value,
        /// What the member had.
        pub actual: Value,
        /// Field manager that changed it, where known.
        pub manager: Option<String>,
        /// When it was seen.
        pub at: DateTime<Utc>,
    }

    /// One cluster's part of a federated object.
    pub struct ClusterStatus {
        /// The cluster.
        pub cluster: ClusterName,
        /// Whether the placement selects it.
        pub scheduled: bool,
        /// Why it is selected or not.
        pub why: String,
        /// Whether the member holds what was last asked for.
        pub applied: bool,
        /// State of this copy.
        pub phase: Phase,
        /// A sentence with cause and next step; empty when all is well.
        pub message: String,
        /// Replicas asked for here, for kinds that have them.
        pub replicas: Option<i64>,
        /// Replicas ready here, for kinds that have them.
        pub ready_replicas: Option<i64>,
        /// Fields found changed and put right (the last ones).
        pub drift: Vec<DriftEntry>,
        /// The last error, while it lasts.
        pub last_error: Option<LastError>,
        /// The copy's own status, trimmed.
        pub status: Option<Value>,
        /// The copy's own version: `gen:GENERATION`, or `rv:VERSION` for kinds without.
        #[serde(default)]
        pub version: Option<String>,
        /// When the member was last observed.
        pub observed_at: Option<DateTime<Utc>>,
    }

    /// Status over all clusters.
    pub struct FederatedStatus {
        /// Overall state.
        pub phase: Phase,
        /// A sentence with cause and next step, such as `2 of 3 clusters ready: edge-2 is unreachable`.
        pub message: String,
        /// Generation that every placed cluster has observed; lower than `generation` while on its way.
        pub observed_generation: i64,
        /// Placed clusters.
        pub clusters_placed: u32,
        /// Placed clusters that are ready.
        pub clusters_ready: u32,
        /// Replicas asked for over all clusters, for kinds that have them.
        pub replicas: Option<i64>,
        /// Replicas ready over all clusters, for kinds that have them.
        pub ready_replicas: Option<i64>,
        /// Native status aggregated over all clusters.
        pub aggregated: Value,
        /// Every cluster of the project.
        pub clusters: Vec<ClusterStatus>,
        /// When this was computed.
        pub updated_at: DateTime<Utc>,
    }
}
