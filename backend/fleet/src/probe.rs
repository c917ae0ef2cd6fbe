//! The ladder that a cluster climbs before it is taken in. Each rung is tried on its own, so that the message is about
//! the first thing that is wrong and says how to mend it; nothing is stored or changed anywhere.

use std::{collections::BTreeMap, time::Duration};

use hanse_types::probe::{ProbeReport, ProbeResult, ProbeState, ProbeStep};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use crate::{facts::Facts, identity::Identity, kubeconfig::Access};

mod network;
pub mod permissions;
mod rungs;

/// Oldest version that is taken in, as (major, minor).
///
/// 1.29 is the oldest that has everything federation leans on as stable: server-side apply with field validation (1.27),
/// `SelfSubjectReview` (1.28), aggregated discovery, and a definite answer on whether lists can be streamed.
pub const OLDEST_VERSION: (u32, u32) = (1, 29);

/// What to probe and what to expect.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The kubeconfig's text.
    pub kubeconfig: &'a str,
    /// Context to use.
    pub context: Option<&'a str>,
    /// Id of this Hanse: its own mark on the cluster is no obstacle.
    pub instance: &'a str,
    /// Clusters that are here already: uid of `kube-system` → name.
    pub known: &'a BTreeMap<String, String>,
    /// The cluster that this must be, when its credential is being replaced: uid of `kube-system`.
    pub expected: Option<&'a str>,
    /// Take over a cluster that another Hanse manages.
    pub force: bool,
}

/// Deadlines and bounds.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// Deadline of each rung.
    pub rung: Duration,
    /// Clock skew from which on a warning is given.
    pub skew_warning: Duration,
    /// Clock skew from which on the ladder fails: certificates and tokens would be refused at random.
    pub skew_failure: Duration,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        Self {
            rung: Duration::from_secs(10),
            skew_warning: Duration::from_secs(30),
            skew_failure: Duration::from_secs(300),
        }
    }
}

/// How the ladder ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Every rung, for people.
    pub report: ProbeReport,
    /// What is needed to reach the cluster; present when the first rung passed. Store it only when the report passed.
    pub access: Option<Access>,
    /// Who the cluster is, when that rung was reached.
    pub identity: Option<Identity>,
    /// What is known of it, when its API was reached.
    pub facts: Option<Facts>,
}

/// Climbs the ladder. Each rung's result is also sent to `progress` as it ends; a capacity of 16 never waits.
pub async fn climb(
    candidate: Candidate<'_>,
    options: &ProbeOptions,
    progress: Option<mpsc::Sender<ProbeResult>>,
) -> Outcome {
    let mut ladder = Ladder { steps: Vec::new(), progress, deadline: options.rung };
    let mut outcome = Outcome {
        report: ProbeReport {
            passed: false,
            steps: Vec::new(),
            contexts: Vec::new(),
            context: None,
            facts: None,
        },
        access: None,
        identity: None,
        facts: None,
    };
    // The rungs stop at the first that fails; what is left was not tried.
    let wanted = Wanted::of(&candidate);
    let reached = rungs::climb(&wanted, options, &mut ladder, &mut outcome).await;
    let tried: Vec<ProbeStep> = ladder.steps.iter().map(|result| result.step).collect();
    let missing: Vec<ProbeStep> =
        ProbeStep::ALL.iter().copied().filter(|step| !tried.contains(step)).collect();
    for step in missing {
        let skipped = ProbeResult {
            step,
            state: ProbeState::Skipped,
            message: "Not tried, because an earlier step failed.".to_owned(),
            fix: None,
            duration_ms: 0.0,
        };
        ladder.push(skipped).await;
    }
    ladder.steps.sort_by_key(|result| result.step);
    outcome.report.passed = reached.is_some();
    outcome.report.facts = outcome.facts.as_ref().map(|facts| facts.facts.clone());
    outcome.report.steps = ladder.steps;
    outcome
}

/// What is probed, owned: a future over borrows within borrows cannot be moved between threads by its callers.
#[derive(Debug)]
struct Wanted {
    kubeconfig: String,
    context: Option<String>,
    instance: String,
    known: BTreeMap<String, String>,
    expected: Option<String>,
    force: bool,
}

impl Wanted {
    fn of(candidate: &Candidate<'_>) -> Self {
        Self {
            kubeconfig: candidate.kubeconfig.to_owned(),
            context: candidate.context.map(ToOwned::to_owned),
            instance: candidate.instance.to_owned(),
            known: candidate.known.clone(),
            expected: candidate.expected.map(ToOwned::to_owned),
            force: candidate.force,
        }
    }
}

/// What a rung found, before it is timed.
#[derive(Debug)]
enum Rung<T> {
    Passed(T, String),
    Warning(T, String, String),
    Failed(String, String),
}

struct Ladder {
    steps: Vec<ProbeResult>,
    progress: Option<mpsc::Sender<ProbeResult>>,
    deadline: Duration,
}

impl Ladder {
    /// Tries a rung within its deadline. `None` ends the climb.
    async fn rung<T>(&mut self, step: ProbeStep, attempt: impl Future<Output = Rung<T>>) -> Option<T> {
        let started = Instant::now();
        let rung = timeout(self.deadline, attempt).await.unwrap_or_else(|_| {
            Rung::Failed(
                format!("There is no answer within {} s.", self.deadline.as_secs_f32()),
                "Check what is between Hanse and the cluster: a firewall or load balancer may accept connections and \
                 pass nothing on. If the cluster is only slow, try again."
                    .to_owned(),
            )
        });
        let duration_ms = started.elapsed().as_secs_f64() * 1000.0;
        let (state, message, fix, value) = match rung {
            Rung::Passed(value, message) => (ProbeState::Passed, message, None, Some(value)),
            Rung::Warning(value, message, fix) => (ProbeState::Warning, message, Some(fix), Some(value)),
            Rung::Failed(message, fix) => (ProbeState::Failed, message, Some(fix), None),
        };
        self.push(ProbeResult { step, state, message, fix, duration_ms }).await;
        value
    }

    async fn push(&mut self, result: ProbeResult) {
        if let Some(progress) = &self.progress {
            // Nobody may be looking any more; the report has it all the same.
            let _ = timeout(self.deadline, progress.send(result.clone())).await;
        }
        self.steps.push(result);
    }
}

/// A sentence from an error's words. A field's path at its beginning stays as it is written.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let is_path = text.split([' ', ':']).next().is_some_and(|word| word.contains(['.', '[']));
    let mut chars = text.chars();
    let mut out: String = match chars.next() {
        Some(first) if !is_path => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    };
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn sentences_begin_with_a_capital_and_paths_do_not() {
        assert_eq!(sentence("connection refused"), "Connection refused.");
        assert_eq!(sentence("Is it there?"), "Is it there?");
        assert_eq!(sentence("users[0].user.exec: runs a program"), "users[0].user.exec: runs a program.");
        assert_eq!(sentence(""), ".");
    }
}
