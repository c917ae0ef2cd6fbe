//! Whether a member answers. One lost packet must not move replicas, and a cluster that comes and goes must not be
//! called ready each time: the state machine is pure and has real hysteresis; a task of its own feeds it with probes of
//! `/readyz`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hanse_types::cluster::{ClusterPhase, Condition};

mod machine;
pub(crate) mod prober;

pub use machine::{Machine, Observation};

/// Health of a cluster at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    /// State in one word.
    pub phase: ClusterPhase,
    /// State in detail: `Ready`, `Reachable`, `CredentialValid`, `ClockSynchronized`, `IdentityConfirmed`.
    pub conditions: Vec<Condition>,
    /// Round trip of the last probe that was answered.
    pub latency: Option<Duration>,
    /// When it last answered.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When it was last asked.
    pub probed_at: Option<DateTime<Utc>>,
    /// How far the cluster's clock is ahead of ours.
    pub clock_skew: Option<TimeDelta>,
}

impl Health {
    /// A condition by its type.
    #[must_use]
    pub fn condition(&self, type_: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }

    /// Whether anything but the figures that change with every probe differs.
    #[must_use]
    pub fn differs_from(&self, other: &Self) -> bool {
        self.phase != other.phase || self.conditions != other.conditions
    }
}

/// Pace and patience.
#[derive(Clone, Debug)]
pub struct HealthOptions {
    /// Between probes of a cluster that answers.
    pub interval: Duration,
    /// Until a probe counts as failed.
    pub deadline: Duration,
    /// Between probes after a first failure, until the cluster is called unreachable.
    pub confirm: Duration,
    /// Between probes of a cluster that is unreachable.
    pub away: Duration,
    /// Consecutive failures until the cluster is called unreachable.
    pub failures: u32,
    /// Consecutive answers that say "not ready" or "not signed in" until the cluster is called not ready.
    pub refusals: u32,
    /// Falls within [`flap_window`](Self::flap_window) from which on a return needs
    /// [`steady`](Self::steady) answers instead of one.
    pub flaps: u32,
    /// How long a fall is remembered.
    pub flap_window: Duration,
    /// Consecutive good answers that a cluster which comes and goes must give to be called ready.
    pub steady: u32,
    /// Clock skew from which on the clock is called wrong.
    pub skew: Duration,
}

impl Default for HealthOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(5),
            deadline: Duration::from_secs(3),
            confirm: Duration::from_millis(400),
            away: Duration::from_secs(2),
            failures: 3,
            refusals: 2,
            flaps: 3,
            flap_window: Duration::from_secs(300),
            steady: 3,
            skew: Duration::from_secs(30),
        }
    }
}
