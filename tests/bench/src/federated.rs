//! The same objects through Hanse's API. A batch is done when the last member has (or has no longer) the last of them.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use hanse_harness::HanseProcess;

use crate::{
    api::Api,
    machine::{Member, Work},
    observer::Observer,
    report::{Action, Latency, Phase, System},
    sample::Kind,
};

const AT_ONCE: usize = 16;
const DEADLINE: Duration = Duration::from_secs(120);

/// Everything that a measurement of the server needs.
pub struct Hanse<'a> {
    pub api: &'a Api,
    pub server: &'a HanseProcess,
    pub observer: &'a Observer,
    pub members: &'a [Member],
}

impl Hanse<'_> {
    /// Creates through REST or the hub.
    pub async fn propagate(&self, system: System, kind: Kind, names: &[String]) -> anyhow::Result<Phase> {
        let clusters: Vec<&str> = self.members.iter().map(|member| member.name.as_str()).collect();
        let clusters = &clusters;
        let write = |name: &String| {
            let object = kind.object(name);
            async move {
                match system {
                    System::Hub => self.api.hub(http::Method::POST, &kind.hub_path(""), Some(&object)).await,
                    _ => self.api.federate(&object, clusters).await,
                }
            }
        };
        let done = self.observer.arrived(kind, names);
        self.measured((system, Action::Propagate, kind), names, write, done).await
    }

    /// Changes every object.
    pub async fn update(&self, system: System, kind: Kind, names: &[String]) -> anyhow::Result<Phase> {
        let write = |name: &String| {
            let (object, name) = (kind.changed(name), name.clone());
            async move {
                match system {
                    System::Hub => {
                        let patch =
                            serde_json::json!({"metadata": {"labels": {crate::sample::CHANGED: "yes"}}});
                        self.api.hub(http::Method::PATCH, &kind.hub_path(&name), Some(&patch)).await
                    }
                    _ => self.api.change(kind, &object, &name).await,
                }
            }
        };
        let done = self.observer.updated(kind, names);
        self.measured((system, Action::Update, kind), names, write, done).await
    }

    /// Deletes every object.
    pub async fn delete(&self, system: System, kind: Kind, names: &[String]) -> anyhow::Result<Phase> {
        let write = |name: &String| {
            let name = name.clone();
            async move {
                match system {
                    System::Hub => self.api.hub(http::Method::DELETE, &kind.hub_path(&name), None).await,
                    _ => self.api.delete(kind, &name).await,
                }
            }
        };
        let done = self.observer.gone(kind, names);
        self.measured((system, Action::Delete, kind), names, write, done).await
    }

    async fn measured<W: Future<Output = anyhow::Result<()>>>(
        &self,
        what: (System, Action, Kind),
        names: &[String],
        write: impl Fn(&String) -> W,
        done: impl Future<Output = anyhow::Result<Vec<Instant>>>,
    ) -> anyhow::Result<Phase> {
        let before = Work::of(self.members).await?;
        let (cpu, began) = (self.server.cpu_seconds(), Instant::now());
        let writes = stream::iter(names.iter().enumerate()).map(|(index, name)| {
            let sent = Instant::now();
            let write = write(name);
            async move {
                write.await?;
                anyhow::Ok((index, sent.elapsed(), Instant::now()))
            }
        });
        let answers = writes.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>();
        let mut answers =
            tokio::time::timeout(DEADLINE, answers).await.context("the server takes too long")??;
        // In the order of the names, so that each answer can be laid beside its arrival.
        answers.sort_unstable_by_key(|(index, ..)| *index);
        let moments = done.await?;
        let last = moments.iter().max().context("nothing was measured")?;
        let seconds = last.duration_since(began).as_secs_f64();
        let work = Work::of(self.members).await?.since(&before);
        let server_cpu = self.server.cpu_seconds() - cpu;
        let mut phase = Phase::new(what, names.len() * self.members.len(), seconds, work);
        phase.server_cpu_seconds = server_cpu;
        phase.answer = Some(Latency::of(answers.iter().map(|(_, took, _)| *took)));
        phase.last_member = Some(Latency::of(
            answers
                .iter()
                .zip(&moments)
                .map(|((.., answered), seen)| seen.saturating_duration_since(*answered)),
        ));
        Ok(phase)
    }
}
