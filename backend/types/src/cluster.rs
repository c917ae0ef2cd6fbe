//! Member clusters as people see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    id::ClusterId,
    macros::{answer, request, words},
    name::ClusterName,
    patch::Patch,
};

words! {
    /// How Hanse reaches a cluster.
    pub enum Connection {
        /// By kubeconfig, from the host.
        Direct = "direct",
        /// Through an agent that dials out.
        Agent = "agent",
    }
    /// State of a cluster in one word.
    pub enum ClusterPhase {
        /// Imported, not yet seen.
        Pending = "Pending",
        /// Answers, and its API is ready.
        Ready = "Ready",
        /// Answers, but says that it is not ready.
        NotReady = "NotReady",
        /// Does not answer.
        Unreachable = "Unreachable",
    }
}

request! {
    /// Imports a cluster by kubeconfig.
    pub struct ClusterImport {
        /// Unique name.
        pub name: ClusterName,
        /// Shown name.
        #[serde(default)]
        pub display_name: Option<String>,
        /// Labels that placements select by.
        #[serde(default)]
        pub labels: BTreeMap<String, String>,
        /// The kubeconfig's text. Stored sealed, never answered.
        pub kubeconfig: String,
        /// Context to use; needed when the kubeconfig has several and no current one.
        #[serde(default)]
        pub context: Option<String>,
        /// Take over a cluster that another Hanse manages.
        #[serde(default)]
        pub force: bool,
        /// Give it a port of its own, where its API is served at the root.
        #[serde(default)]
        pub fixed_port: bool,
    }

    /// Runs the probe ladder without storing anything.
    pub struct ClusterProbe {
        /// The kubeconfig's text.
        pub kubeconfig: String,
        /// Context to use.
        #[serde(default)]
        pub context: Option<String>,
    }

    /// Changes to a cluster; what is absent stays.
    pub struct ClusterUpdate {
        /// Shown name.
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
        pub display_name: Patch<String>,
        /// Labels, replacing those of now. Placements are evaluated again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub labels: Option<BTreeMap<String, String>>,
        /// Whether it has a port of its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fixed_port: Option<bool>,
    }
}

answer! {
    /// What is known of a cluster from itself.
    #[derive(Default)]
    pub struct ClusterFacts {
        /// Git version of its apiserver, such as `v1.36.3`.
        pub kubernetes_version: Option<String>,
        /// Nodes.
        pub nodes: u32,
        /// Nodes that are ready.
        pub nodes_ready: u32,
        /// Allocatable processor time of its nodes, in thousandths of a core.
        pub cpu_allocatable_milli: u64,
        /// Allocatable memory of its nodes, in bytes.
        pub memory_allocatable_bytes: u64,
        /// Allocatable pods of its nodes.
        pub pods_allocatable: u64,
        /// Cloud or distribution, from the nodes' provider ids.
        pub provider: Option<String>,
        /// Regions of its nodes, sorted.
        pub regions: Vec<String>,
        /// Zones of its nodes, sorted.
        pub zones: Vec<String>,
    }

    /// A typed condition with its reason, message and time of change.
    pub struct Condition {
        /// Such as `Ready` or `CredentialValid`.
        #[serde(rename = "type")]
        pub type_: String,
        /// `True`, `False` or `Unknown`.
        pub status: String,
        /// One word for programs.
        pub reason: String,
        /// A sentence for people: cause and next step.
        pub message: String,
        /// When the status changed last.
        pub last_transition_time: DateTime<Utc>,
    }

    /// How Hanse signs in to a cluster; never the secret itself.
    pub struct CredentialInfo {
        /// `client certificate`, `token` or `basic`.
        pub kind: String,
        /// When it ends, where that can be known.
        pub expires_at: Option<DateTime<Utc>>,
    }

    /// A member cluster.
    pub struct Cluster {
        /// Stable id.
        pub id: ClusterId,
        /// Unique name.
        pub name: ClusterName,
        /// Shown name.
        pub display_name: Option<String>,
        /// Labels that placements select by.
        pub labels: BTreeMap<String, String>,
        /// How it is reached.
        pub connection: Connection,
        /// URL of its apiserver.
        pub endpoint: String,
        /// Whether its certificate is not verified; a warning that stays visible.
        pub insecure: bool,
        /// Its own port at this server, where its API is served at the root over TLS; it takes what the gateway takes.
        pub fixed_port: Option<u16>,
        /// State in one word.
        pub phase: ClusterPhase,
        /// State in detail.
        pub conditions: Vec<Condition>,
        /// Last-known facts; they stay while the cluster is unreachable.
        pub facts: ClusterFacts,
        /// Round trip of the last probe that was answered.
        pub latency_ms: Option<f64>,
        /// When it last answered.
        pub last_seen_at: Option<DateTime<Utc>>,
        /// How Hanse signs in.
        pub credential: Option<CredentialInfo>,
        /// When it was imported.
        pub created_at: DateTime<Utc>,
        /// Version for `If-Match`, also in the `ETag` header.
        pub version: i64,
    }
}
