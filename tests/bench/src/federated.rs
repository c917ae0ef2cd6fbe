//! The same objects through Hanse's APIs. A batch is done when the last member has (or has no longer) the last of them.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use serde_json::{Value, json};

use crate::{
    api::Api,
    batches::{Action, Host, Phase, System},
    database,
    figures::Latency,
    machine::{Member, Process, Work},
    observer::Observer,
    plain::AT_ONCE,
    sample::{CHANGED, Kind},
};

const DEADLINE: Duration = Duration::from_secs(120);
/// The host is quiet when it has written nothing for this long.
const QUIET: Duration = Duration::from_millis(250);
/// Statuses may go on coming: longer than this is not waited for.
const SETTLE: Duration = Duration::from_secs(3);

/// Everything that a measurement of the server needs.
pub struct Hanse<'a> {
    pub api: &'a Api,
    pub server: &'a Process,
    /// File of its database.
    pub database: PathBuf,
    pub observer: &'a Observer,
    pub members: &'a [Member],
}

/// What the host has used and written up to now.
struct Used {
    cpu_seconds: f64,
    transactions: f64,
    commits: f64,
    bytes: u64,
}

impl Hanse<'_> {
    /// Does one thing with every object.
    pub async fn batch(&self, what: (System, Action, Kind), names: &[String]) -> anyhow::Result<Phase> {
        let (_, action, kind) = what;
        let before = Work::before(self.members).await?;
        self.server.forget_peak()?;
        let used = self.used().await?;
        let began = Instant::now();
        let writes = stream::iter(names.iter().enumerate()).map(|(index, name)| async move {
            let sent = Instant::now();
            self.write(what, name).await?;
            anyhow::Ok((index, sent.elapsed(), Instant::now()))
        });
        let answers = writes.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>();
        let answers = tokio::time::timeout(DEADLINE, answers).await.context("the server takes too long")?;
        // In the order of the names, so that each answer can be laid beside its arrival.
        let mut answers = answers?;
        answers.sort_unstable_by_key(|(index, ..)| *index);
        let moments = match action {
            Action::Propagate => self.observer.arrived(kind, names).await?,
            Action::Update => self.observer.updated(kind, names).await?,
            Action::Delete => self.observer.gone(kind, names).await?,
        };
        let last = moments.iter().max().context("nothing was measured")?;
        let seconds = last.duration_since(began).as_secs_f64();
        // What comes after the last copy (its status, above all) belongs to the work.
        self.settle().await?;
        let after = self.used().await?;
        let work = Work::since(self.members, &before).await?;
        let mut phase = Phase::new(what, (names.len(), self.members.len()), seconds, work);
        phase.host = Some(Host {
            cpu_seconds: after.cpu_seconds - used.cpu_seconds,
            transactions: after.transactions - used.transactions,
            commits: after.commits - used.commits,
            #[expect(clippy::cast_possible_wrap, reason = "some megabytes")]
            bytes: after.bytes as i64 - used.bytes as i64,
            peak_rss: self.server.peak_rss()?,
            answer: Latency::of(answers.iter().map(|(_, took, _)| *took)),
            last_member: Latency::of(
                answers
                    .iter()
                    .zip(&moments)
                    .map(|((.., answered), seen)| seen.saturating_duration_since(*answered)),
            ),
        });
        Ok(phase)
    }

    async fn write(&self, (system, action, kind): (System, Action, Kind), name: &str) -> anyhow::Result<()> {
        let clusters: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        let labels = json!({"metadata": {"labels": {CHANGED: "yes"}}});
        let hub = |root: &'static str, method: Method, path: String, body: Option<Value>| async move {
            self.api.hub(root, method, &path, body.as_ref()).await
        };
        match (system, action) {
            (System::Kube, Action::Propagate) => {
                hub("kube", Method::POST, kind.hub_path(""), Some(kind.object(name))).await
            }
            (System::Kube, Action::Update) => {
                hub("kube", Method::PATCH, kind.hub_path(name), Some(labels)).await
            }
            (System::Kube, Action::Delete) => hub("kube", Method::DELETE, kind.hub_path(name), None).await,
            (System::Kubefed, Action::Propagate) => {
                let body = kind.federated(name, &clusters);
                hub("kubefed", Method::POST, kind.kubefed_path(""), Some(body)).await
            }
            (System::Kubefed, Action::Update) => {
                let body = json!({"spec": {"template": labels}});
                hub("kubefed", Method::PATCH, kind.kubefed_path(name), Some(body)).await
            }
            (System::Kubefed, Action::Delete) => {
                hub("kubefed", Method::DELETE, kind.kubefed_path(name), None).await
            }
            (_, Action::Propagate) => self.api.federate(&kind.object(name), &clusters).await,
            (_, Action::Update) => self.api.change(kind, &kind.changed(name), name).await,
            (_, Action::Delete) => self.api.delete(kind, name).await,
        }
    }

    async fn used(&self) -> anyhow::Result<Used> {
        Ok(Used {
            cpu_seconds: self.server.cpu_seconds()?,
            transactions: self.api.metric("hanse_store_transactions_total").await?,
            commits: self.api.metric("hanse_store_commits_total").await?,
            bytes: database::used_bytes(&self.database)?,
        })
    }

    /// Waits until the host writes no more.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut last = -1.0;
        while began.elapsed() < SETTLE {
            let now = self.api.metric("hanse_store_transactions_total").await?;
            if (now - last).abs() < 0.5 {
                return Ok(());
            }
            last = now;
            tokio::time::sleep(QUIET).await;
        }
        Ok(())
    }
}
