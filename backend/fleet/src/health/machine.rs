//! From what probes see to what is said of a cluster. Pure: time comes in with each observation.

use std::{collections::VecDeque, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use hanse_types::cluster::{ClusterPhase, Condition};

use super::{Health, HealthOptions};

/// What one probe saw.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    /// The API answered.
    Answered {
        /// Round trip.
        latency: Duration,
        /// Cluster's clock minus ours, where the answer told its time.
        skew: Option<TimeDelta>,
        /// Whether it is ready; else its own words.
        ready: Result<(), String>,
        /// Whether it accepts the credential; else its own words.
        credential: Result<(), String>,
        /// Whether it is the cluster that was taken in, where that was asked; else what it is instead.
        identity: Option<Result<(), String>>,
    },
    /// No answer, or none of a Kubernetes API.
    Failed {
        /// One word for programs, such as `Timeout`.
        reason: &'static str,
        /// Cause and next step.
        message: String,
    },
}

/// The state of one cluster.
#[derive(Clone, Debug)]
pub struct Machine {
    options: HealthOptions,
    health: Health,
    failed: u32,
    refused: u32,
    good: u32,
    credential_ends: Option<DateTime<Utc>>,
    /// When it fell, the latest last.
    falls: VecDeque<DateTime<Utc>>,
}

impl Machine {
    /// A cluster of which nothing is known yet.
    #[must_use]
    pub fn new(options: HealthOptions, now: DateTime<Utc>) -> Self {
        let unknown = |type_: &str| Condition {
            type_: type_.to_owned(),
            status: "Unknown".to_owned(),
            reason: "NotYetProbed".to_owned(),
            message: "The cluster has not been asked yet.".to_owned(),
            last_transition_time: now,
        };
        let types = ["Ready", "Reachable", "CredentialValid", "ClockSynchronized", "IdentityConfirmed"];
        let health = Health {
            phase: ClusterPhase::Pending,
            conditions: types.map(unknown).to_vec(),
            latency: None,
            last_seen_at: None,
            probed_at: None,
            clock_skew: None,
        };
        Self {
            options,
            health,
            failed: 0,
            refused: 0,
            good: 0,
            credential_ends: None,
            falls: VecDeque::new(),
        }
    }

    /// Warns when the credential is about to end.
    #[must_use]
    pub fn credential_ends(mut self, at: Option<DateTime<Utc>>) -> Self {
        self.credential_ends = at;
        self
    }

    /// What is said of the cluster now.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// How long to wait until the next probe.
    #[must_use]
    pub fn pause(&self) -> Duration {
        match self.health.phase {
            ClusterPhase::Unreachable => self.options.away,
            _ if self.failed > 0 || self.refused > 0 => self.options.confirm,
            // On the way back, and at the start, each answer counts.
            ClusterPhase::Pending | ClusterPhase::NotReady if self.good > 0 => self.options.confirm,
            _ => self.options.interval,
        }
    }

    /// Takes in what a probe saw.
    pub fn observe(&mut self, now: DateTime<Utc>, seen: Observation) {
        self.health.probed_at = Some(now);
        match seen {
            Observation::Failed { reason, message } => self.failed(now, reason, &message),
            Observation::Answered { latency, skew, ready, credential, identity } => {
                self.failed = 0;
                self.health.latency = Some(latency);
                self.health.last_seen_at = Some(now);
                self.clock(now, skew);
                if let Some(identity) = identity {
                    let (status, reason, message) = match &identity {
                        Ok(()) => {
                            ("True", "SameCluster", "This is the cluster that was taken in.".to_owned())
                        }
                        Err(other) => ("False", "AnotherCluster", other.clone()),
                    };
                    self.set(now, "IdentityConfirmed", status, reason, &message);
                }
                self.answered(now, &ready, &credential);
            }
        }
    }

    fn failed(&mut self, now: DateTime<Utc>, reason: &'static str, message: &str) {
        self.good = 0;
        self.refused = 0;
        self.failed = self.failed.saturating_add(1);
        if self.failed < self.options.failures {
            return;
        }
        if !matches!(self.health.phase, ClusterPhase::Unreachable) {
            self.fell(now);
            self.health.phase = ClusterPhase::Unreachable;
        }
        let since = self.health.last_seen_at.map_or_else(
            || "It has not answered yet".to_owned(),
            |at| format!("It last answered at {}", at.format("%Y-%m-%d %H:%M:%S UTC")),
        );
        let message = format!("{message} {since}.");
        self.set(now, "Reachable", "False", reason, &message);
        self.set(now, "Ready", "Unknown", "ClusterUnreachable", &message);
        for type_ in ["CredentialValid", "ClockSynchronized", "IdentityConfirmed"] {
            self.set(now, type_, "Unknown", "ClusterUnreachable", "It cannot be asked now.");
        }
    }

    fn answered(&mut self, now: DateTime<Utc>, ready: &Result<(), String>, credential: &Result<(), String>) {
        self.set(now, "Reachable", "True", "Answers", "The API server answers.");
        let impostor = self.status("IdentityConfirmed") == Some("False");
        let refusal = match (credential, ready) {
            _ if impostor => Some(("AnotherCluster", "Another cluster answers at this address.".to_owned())),
            (Err(why), _) => Some(("CredentialRefused", why.clone())),
            (_, Err(why)) => Some(("NotReady", why.clone())),
            (Ok(()), Ok(())) => None,
        };
        match refusal {
            None => {
                self.refused = 0;
                self.good = self.good.saturating_add(1);
                self.accepted(now);
                if self.health.phase == ClusterPhase::Ready || self.good >= self.needed(now) {
                    self.health.phase = ClusterPhase::Ready;
                    self.set(now, "Ready", "True", "Ready", "The API server is ready.");
                } else {
                    self.health.phase = ClusterPhase::NotReady;
                    let message = "The cluster has come and gone several times; it is watched for a little before it \
                         is called ready.";
                    self.set(now, "Ready", "False", "Unsteady", message);
                }
            }
            Some((reason, message)) => {
                self.good = 0;
                self.refused = self.refused.saturating_add(1);
                // Coming from no contact at all there is nothing to hold on to.
                if self.refused < self.options.refusals && self.health.phase == ClusterPhase::Ready {
                    return;
                }
                if self.health.phase == ClusterPhase::Ready {
                    self.fell(now);
                }
                self.health.phase = ClusterPhase::NotReady;
                self.set(now, "Ready", "False", reason, &message);
                match credential {
                    Err(why) => self.set(now, "CredentialValid", "False", "Refused", why),
                    Ok(()) => self.accepted(now),
                }
            }
        }
    }

    fn accepted(&mut self, now: DateTime<Utc>) {
        let ends = self.credential_ends.map(|at| (at, (at - now).num_days()));
        // The reason changes as the end comes closer, so that whoever watches is told again.
        let soon = ends.and_then(|(at, days)| match days {
            ..1 => Some((at, "EndsWithinADay")),
            1..7 => Some((at, "EndsWithinAWeek")),
            7..30 => Some((at, "EndsWithinAMonth")),
            _ => None,
        });
        match soon {
            None => {
                self.set(now, "CredentialValid", "True", "Accepted", "The cluster accepts the credential.");
            }
            Some((at, reason)) => {
                let message = format!(
                    "The credential ends on {}. Replace it before, or the cluster is lost from sight.",
                    at.format("%Y-%m-%d %H:%M UTC")
                );
                self.set(now, "CredentialValid", "True", reason, &message);
            }
        }
    }

    fn clock(&mut self, now: DateTime<Utc>, skew: Option<TimeDelta>) {
        self.health.clock_skew = skew;
        let Some(skew) = skew else {
            self.set(
                now,
                "ClockSynchronized",
                "Unknown",
                "NoTimeTold",
                "The API server does not tell its time.",
            );
            return;
        };
        if skew.abs().to_std().is_ok_and(|skew| skew <= self.options.skew) {
            self.set(now, "ClockSynchronized", "True", "Synchronized", "The clocks agree.");
        } else {
            let (seconds, side) =
                (skew.num_seconds().abs(), if skew < TimeDelta::zero() { "behind" } else { "ahead of" });
            let message = format!(
                "The cluster's clock is {seconds} s {side} ours. Synchronise both with NTP: certificates and tokens \
                 depend on it."
            );
            self.set(now, "ClockSynchronized", "False", "ClocksDiffer", &message);
        }
    }

    fn fell(&mut self, now: DateTime<Utc>) {
        self.falls.push_back(now);
        while self.falls.len() > 16 {
            self.falls.pop_front();
        }
    }

    /// Good answers in a row that the next return to ready takes.
    fn needed(&self, now: DateTime<Utc>) -> u32 {
        let window = TimeDelta::from_std(self.options.flap_window).unwrap_or(TimeDelta::MAX);
        let recent = self.falls.iter().filter(|fell| now.signed_duration_since(**fell) <= window).count();
        if u32::try_from(recent).unwrap_or(u32::MAX) >= self.options.flaps {
            self.options.steady.max(1)
        } else {
            1
        }
    }

    fn status(&self, type_: &str) -> Option<&str> {
        self.health.condition(type_).map(|condition| condition.status.as_str())
    }

    fn set(&mut self, now: DateTime<Utc>, type_: &str, status: &str, reason: &str, message: &str) {
        let Some(condition) = self.health.conditions.iter_mut().find(|condition| condition.type_ == type_)
        else {
            return;
        };
        if condition.status != status {
            status.clone_into(&mut condition.status);
            condition.last_transition_time = now;
        }
        reason.clone_into(&mut condition.reason);
        message.clone_into(&mut condition.message);
    }
}

#[cfg(test)]
mod tests;
