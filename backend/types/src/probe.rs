//! The probe ladder: what was tried, in order, before a cluster was taken in.

use crate::{
    cluster::ClusterFacts,
    macros::{answer, words},
};

words! {
    /// Steps of the ladder, in order.
    pub enum ProbeStep {
        /// The kubeconfig can be read and holds nothing unsupported.
        Parse = "parse",
        /// The server's name resolves.
        Resolve = "resolve",
        /// A TCP connection opens.
        Connect = "connect",
        /// The certificate is trusted, named right and in date.
        Tls = "tls",
        /// The credential is accepted.
        Authentication = "authentication",
        /// The version is supported.
        Version = "version",
        /// The credential may do what federation needs.
        Permissions = "permissions",
        /// The cluster is none that is already here, nor another Hanse's.
        Identity = "identity",
        /// The clocks agree.
        Clock = "clock",
    }
    /// How a step ended.
    pub enum ProbeState {
        /// All is well.
        Passed = "passed",
        /// Usable, but something should be mended.
        Warning = "warning",
        /// The ladder stops here.
        Failed = "failed",
        /// Not reached, because an earlier step failed.
        Skipped = "skipped",
    }
}

answer! {
    /// One step and how it ended.
    pub struct ProbeResult {
        /// The step.
        pub step: ProbeStep,
        /// How it ended.
        pub state: ProbeState,
        /// What was seen.
        pub message: String,
        /// What to do about it, unless it passed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub fix: Option<String>,
        /// How long it took, in milliseconds.
        pub duration_ms: f64,
    }

    /// The whole ladder.
    pub struct ProbeReport {
        /// Whether the cluster can be taken in.
        pub passed: bool,
        /// Every step, in order.
        pub steps: Vec<ProbeResult>,
        /// Contexts of the kubeconfig, to choose among.
        #[serde(default)]
        pub contexts: Vec<String>,
        /// Context that was probed.
        #[serde(default)]
        pub context: Option<String>,
        /// Facts, when the ladder reached the API.
        #[serde(default)]
        pub facts: Option<ClusterFacts>,
    }
}
