//! Clusters that come in through an agent: how one is asked for, and how its agent joins.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    cluster::Cluster,
    id::ClusterId,
    macros::{answer, request},
    name::ClusterName,
};

request! {
    /// Makes a cluster that an agent will bring in.
    pub struct AgentClusterCreate {
        /// Unique name.
        pub name: ClusterName,
        /// Shown name.
        #[serde(default)]
        pub display_name: Option<String>,
        /// Labels that placements select by.
        #[serde(default)]
        pub labels: BTreeMap<String, String>,
        /// Take over a cluster that another Hanse manages.
        #[serde(default)]
        pub force: bool,
        /// Give it a port of its own, where its API is served at the root.
        #[serde(default)]
        pub fixed_port: bool,
    }
}

answer! {
    /// How to start the agent. Told once: the token is stored as a hash only.
    pub struct JoinInstructions {
        /// The join token: good once, for this cluster.
        pub token: String,
        /// When it ends.
        pub expires_at: DateTime<Utc>,
        /// URL that the agent asks.
        pub url: String,
        /// SHA-256 of the certificate of the hub's authority, which the agent pins.
        pub ca_sha256: String,
        /// Where the agent's tunnel leads.
        pub tunnel_address: String,
        /// Command for a machine that has the agent and a kubeconfig.
        pub command: String,
        /// Manifest for `kubectl apply`.
        pub manifest: String,
    }

    /// A cluster that waits for its agent.
    pub struct AgentClusterCreated {
        /// The cluster.
        pub cluster: Cluster,
        /// How to start its agent.
        pub join: JoinInstructions,
    }

    /// What an agent sends to join.
    pub struct JoinRequest {
        /// The join token.
        pub token: String,
        /// Request for a certificate, PEM.
        pub csr: String,
        /// Uid of the namespace `kube-system` of its cluster.
        pub system_uid: String,
    }

    /// What an agent gets.
    pub struct JoinAnswer {
        /// Its cluster.
        pub cluster: ClusterId,
        /// Name of its cluster, for logs.
        pub name: String,
        /// Its certificate, PEM.
        pub certificate: String,
        /// Certificate of the hub's authority, PEM.
        pub ca: String,
        /// Where its tunnel leads, `host:port`.
        pub tunnel_address: String,
    }
}
