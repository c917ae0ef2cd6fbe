//! The task that asks `/readyz`, on a connection of its own: a bulk of writes must not make a cluster look slow.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use http::{StatusCode, header};
use rand::RngExt as _;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Health, HealthOptions, Machine, Observation};
use crate::{
    api::{Answer, Api, Call},
    connector::Stage,
    error::{MemberError, excerpt},
    identity,
    probe::sentence,
};

/// However often it is asked to look at once, it does so at most this often.
const POKED_AT_MOST_EVERY: Duration = Duration::from_millis(200);
/// That it is still the same cluster is asked after every silence, and this often besides.
const CONFIRM_EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Prober {
    pub(crate) api: Api,
    pub(crate) options: HealthOptions,
    /// Uid that the cluster must have.
    pub(crate) uid: Option<String>,
    /// When the credential ends, where that is known.
    pub(crate) credential_ends: Option<DateTime<Utc>>,
    pub(crate) poke: Arc<Notify>,
    pub(crate) health: watch::Sender<Health>,
    pub(crate) closing: CancellationToken,
}

impl Prober {
    /// Probes until the member is closed.
    pub(crate) async fn run(self) {
        let mut machine =
            Machine::new(self.options.clone(), Utc::now()).credential_ends(self.credential_ends);
        let mut confirmed = None;
        loop {
            let started = Instant::now();
            let seen = tokio::select! {
                () = self.closing.cancelled() => return,
                seen = self.look(&mut confirmed) => seen,
            };
            machine.observe(Utc::now(), seen);
            let health = machine.health();
            self.health.send_if_modified(|known| {
                let changed = known.differs_from(health);
                known.clone_from(health);
                changed
            });
            let pause = jittered(machine.pause());
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = sleep(pause) => {}
                () = self.poke.notified() => {
                    sleep(POKED_AT_MOST_EVERY.saturating_sub(started.elapsed())).await;
                }
            }
        }
    }

    async fn look(&self, confirmed: &mut Option<Instant>) -> Observation {
        let sent = Utc::now();
        let started = Instant::now();
        let call = Call::get("/readyz").deadline(Some(self.options.deadline)).unlimited();
        let answer = self.api.call_any(call).await;
        let latency = started.elapsed();
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                *confirmed = None;
                return failed(&error, self.options.deadline);
            }
        };
        let (ready, credential) = match read(&answer) {
            Ok(said) => said,
            Err(observation) => {
                *confirmed = None;
                return observation;
            }
        };
        let identity = match &self.uid {
            Some(uid) if credential.is_ok() && confirmed.is_none_or(|at| at.elapsed() > CONFIRM_EVERY) => {
                self.confirm(uid, confirmed).await
            }
            _ => None,
        };
        Observation::Answered { latency, skew: skew(&answer, sent, latency), ready, credential, identity }
    }

    async fn confirm(&self, expected: &str, confirmed: &mut Option<Instant>) -> Option<Result<(), String>> {
        let asked = tokio::time::timeout(self.options.deadline, identity::uid(&self.api)).await;
        match asked {
            Ok(Ok(uid)) if uid == expected => {
                *confirmed = Some(Instant::now());
                Some(Ok(()))
            }
            Ok(Ok(uid)) => Some(Err(format!(
                "Another cluster answers at this address: the uid of its kube-system namespace is {uid}, not {expected}. \
                 If the cluster was installed anew, detach it and import it again."
            ))),
            // Not known: the next probe asks again.
            _ => None,
        }
    }
}

type Said = (Result<(), String>, Result<(), String>);

/// What `/readyz` says: readiness and whether the credential is accepted.
fn read(answer: &Answer) -> Result<Said, Observation> {
    let words = excerpt(&answer.body);
    match answer.status {
        // Who may not read it was let in all the same.
        StatusCode::OK | StatusCode::FORBIDDEN => Ok((Ok(()), Ok(()))),
        StatusCode::UNAUTHORIZED => Ok((
            Ok(()),
            Err("The cluster does not accept the credential. Give the cluster a fresh one.".to_owned()),
        )),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Ok((
            Err(format!("The API server says that it is not ready (HTTP {}): {words}", status.as_u16())),
            Ok(()),
        )),
        status => Err(Observation::Failed {
            reason: "NotKubernetes",
            message: format!("What answers is not a Kubernetes API (HTTP {}: {words}).", status.as_u16()),
        }),
    }
}

fn failed(error: &MemberError, deadline: Duration) -> Observation {
    let (reason, message) = match error {
        MemberError::Timeout(_) => ("Timeout", format!("No answer within {} s.", deadline.as_secs_f32())),
        MemberError::Transport(error) => {
            let reason = match error.stage {
                Stage::Resolve => "NameNotResolved",
                Stage::Connect => "ConnectionFailed",
                Stage::Proxy => "ProxyFailed",
                Stage::Tls => "TlsFailed",
                Stage::Http => "ConnectionBroken",
            };
            (reason, format!("{} {}", sentence(&error.message), error.fix))
        }
        other => ("NotKubernetes", sentence(&other.to_string())),
    };
    Observation::Failed { reason, message }
}

/// Cluster's clock minus ours, from the `Date` of an answer. The header has whole seconds and was written at some moment
/// of the round trip: what that leaves open counts in the clocks' favour.
pub(crate) fn skew(answer: &Answer, sent: DateTime<Utc>, latency: Duration) -> Option<TimeDelta> {
    let date = answer.headers.get(header::DATE)?.to_str().ok()?;
    let earliest = DateTime::parse_from_rfc2822(date).ok()?.with_timezone(&Utc);
    let latest = earliest + TimeDelta::seconds(1);
    let received = sent + TimeDelta::from_std(latency).ok()?;
    Some(if latest < sent {
        latest - sent
    } else if earliest > received {
        earliest - received
    } else {
        TimeDelta::zero()
    })
}

/// ± 10 %, so that many clusters are not all asked in the same moment.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.9..1.1))
}
