//! How much of everything: the whole run, and less of it.

use std::time::Duration;

use serde::Serialize;

use crate::{sample::Kind, tunnel};

/// Of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scale {
    name: &'static str,
    /// Objects of each kind to three members.
    pub batches: Vec<(Kind, usize)>,
    pub rounds: usize,
    /// Objects of each kind to many members.
    pub fan_out: Vec<(Kind, usize)>,
    pub fan_out_members: usize,
    pub fan_out_rounds: usize,
    /// No further round of batches is begun when those before took longer.
    pub patience: Duration,
    /// Deployments while single changes are measured.
    pub loaded: usize,
    /// Single changes of each sort.
    pub samples: usize,
    /// Rounds of small reads, each so long.
    pub reads: usize,
    pub reading: Duration,
    /// How long idle clusters are watched.
    pub idle: Duration,
    pub tunnel: tunnel::Scale,
}

impl Scale {
    /// Eighteen minutes on two cores. Deployments are of a usual size, so theirs is the figure that counts; ConfigMaps
    /// are there for comparison.
    pub fn whole() -> Self {
        Self {
            name: "whole",
            batches: vec![(Kind::Deployment, 1000), (Kind::ConfigMap, 300)],
            rounds: 3,
            fan_out: vec![(Kind::Deployment, 200), (Kind::ConfigMap, 100)],
            fan_out_members: 10,
            fan_out_rounds: 2,
            patience: Duration::from_secs(300),
            loaded: 1000,
            samples: 150,
            reads: 2,
            reading: Duration::from_secs(2),
            idle: Duration::from_secs(10),
            tunnel: tunnel::Scale {
                rounds: 3,
                lasting_ms: 1000,
                watches: 1000,
                watching_ms: 5000,
                tries: 3,
                agents: 2000,
            },
        }
    }

    /// Four minutes.
    pub fn quick() -> Self {
        Self {
            name: "quick",
            batches: vec![(Kind::Deployment, 200), (Kind::ConfigMap, 100)],
            rounds: 1,
            fan_out: vec![(Kind::Deployment, 40)],
            fan_out_members: 10,
            fan_out_rounds: 1,
            patience: Duration::ZERO,
            loaded: 300,
            samples: 40,
            reads: 1,
            reading: Duration::from_secs(1),
            idle: Duration::from_secs(4),
            tunnel: tunnel::Scale {
                rounds: 1,
                lasting_ms: 500,
                watches: 300,
                watching_ms: 2500,
                tries: 1,
                agents: 500,
            },
        }
    }

    /// Whether everything works.
    pub fn tiny() -> Self {
        Self {
            name: "tiny",
            batches: vec![(Kind::Deployment, 20), (Kind::ConfigMap, 10)],
            rounds: 1,
            fan_out: vec![(Kind::Deployment, 5)],
            fan_out_members: 4,
            fan_out_rounds: 1,
            patience: Duration::ZERO,
            loaded: 120,
            samples: 10,
            reads: 1,
            reading: Duration::from_millis(300),
            idle: Duration::from_secs(1),
            tunnel: tunnel::Scale {
                rounds: 1,
                lasting_ms: 200,
                watches: 50,
                watching_ms: 2500,
                tries: 1,
                agents: 50,
            },
        }
    }

    /// In a few words.
    pub fn for_people(&self) -> String {
        format!(
            "{} run: up to {} rounds to 3 members, up to {} to {}, medians",
            self.name, self.rounds, self.fan_out_rounds, self.fan_out_members
        )
    }
}
