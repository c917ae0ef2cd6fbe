//! Workloads for tests, and the knobs by which kwok makes their pods late, crash or fail. The knobs are annotations
//! of the pod template, so that they travel through federation like any other part of a manifest.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

/// A pod is Ready only after this long; it runs at once.
pub const READY_DELAY: &str = "hanse.test/ready-delay";
/// `"true"`: containers are in `CrashLoopBackOff`, restarts counting up. Set on a pod that runs, it starts to crash;
/// taken away, it recovers.
pub const CRASH: &str = "hanse.test/crash";
/// Ready at first, in `CrashLoopBackOff` from this time on.
pub const CRASH_AFTER: &str = "hanse.test/crash-after";
/// `"true"`: the pod's phase becomes `Failed`, a second after it was scheduled.
pub const FAIL: &str = "hanse.test/fail";
/// The pod of a Job runs this long before it succeeds; without it it succeeds at once.
pub const RUN_FOR: &str = "hanse.test/run-for";
/// A deleted pod stays Terminating this long.
pub const DELETE_DELAY: &str = "hanse.test/delete-delay";

/// What the pods of a template shall do. Without any of it they are Ready at once.
#[derive(Clone, Debug, Default)]
pub struct Knobs(BTreeMap<String, String>);

impl Knobs {
    /// Ready at once, as long as they live.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// See [`READY_DELAY`].
    #[must_use]
    pub fn ready_after(self, delay: Duration) -> Self {
        self.with(READY_DELAY, &span(delay))
    }

    /// See [`CRASH`].
    #[must_use]
    pub fn crashing(self) -> Self {
        self.with(CRASH, "true")
    }

    /// See [`CRASH_AFTER`].
    #[must_use]
    pub fn crashing_after(self, delay: Duration) -> Self {
        self.with(CRASH_AFTER, &span(delay))
    }

    /// See [`FAIL`].
    #[must_use]
    pub fn failing(self) -> Self {
        self.with(FAIL, "true")
    }

    /// See [`RUN_FOR`].
    #[must_use]
    pub fn running_for(self, time: Duration) -> Self {
        self.with(RUN_FOR, &span(time))
    }

    /// See [`DELETE_DELAY`].
    #[must_use]
    pub fn deleted_after(self, delay: Duration) -> Self {
        self.with(DELETE_DELAY, &span(delay))
    }

    /// The annotations of the pod template.
    #[must_use]
    pub const fn annotations(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    fn with(mut self, knob: &str, value: &str) -> Self {
        self.0.insert(knob.to_owned(), value.to_owned());
        self
    }
}

fn span(time: Duration) -> String {
    format!("{}ms", time.as_millis())
}

/// A small Deployment whose pods do what the knobs say.
///
/// # Panics
/// Never: what it builds is a Deployment.
#[must_use]
pub fn deployment(name: &str, replicas: i32, knobs: &Knobs) -> Deployment {
    let manifest = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": knobs.annotations()},
                "spec": {"containers": [{
                    "name": "web",
                    "image": "nginx:1.29",
                    "resources": {"requests": {"cpu": "50m", "memory": "32Mi"}},
                }]},
            },
        },
    });
    match serde_json::from_value(manifest) {
        Ok(deployment) => deployment,
        Err(error) => crate::die(&error.into()),
    }
}
