//! Part `loaded`: how soon single changes are seen while a thousand objects are federated. Five a second of each kind:
//!
//! - **change**: sent → the watch of the last member shows it; through REST, through `/kube`, and by a bare client that
//!   applies its own object straight to the same members at the same time;
//! - **status**: a member's status written → the aggregate shown by the live feed and by a watch at the hub, beside the
//!   member's own watch showing that very write;
//! - **drift**: somebody changes a field in a member → put right, beside the member's own watch showing that very write.

mod follow;

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use http::Method;
use serde::Serialize;
use serde_json::json;

use crate::{
    batches::Way,
    bed::Bed,
    figures::{Latency, Verdict, float, mib, short},
    plain,
    report::Section,
    sample::{self, CHANGED, Kind, PLAIN, PROJECT, TIER},
    say,
};
use follow::{Followers, Key, Mark, Source};

const KIND: Kind = Kind::Deployment;
const AT_ONCE: usize = 16;
/// Changes of each kind per second.
const PER_SECOND: u32 = 5;
/// Objects whose status is followed by one live connection.
const FOLLOWED: usize = 60;
/// Objects of the bare client.
const BARE: usize = 20;
const DEADLINE: Duration = Duration::from_secs(120);

/// One thing that was waited for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    what: &'static str,
    wanted_p50: f64,
    wanted_p99: f64,
    hanse: Latency,
    bare: Latency,
    samples: usize,
}

/// What was seen on one loaded system.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loaded {
    way: Way,
    objects: usize,
    clusters: usize,
    lines: Vec<Line>,
    /// With everything loaded and nothing going on.
    rss: u64,
    idle_rss: u64,
    peak_rss: u64,
    agents_peak_mib: f64,
}

/// Loads so many objects and takes so many samples of each.
pub async fn measure(bed: &Bed, objects: usize, samples: usize) -> anyhow::Result<Loaded> {
    let idle_rss = bed.process.rss()?;
    let names = sample::batch(KIND, "loaded", objects.max(FOLLOWED * 2));
    say(&format!("loading {} Deployments × {}", names.len(), bed.members.len()));
    fill(bed, &names).await?;
    let (followed, changed) = names.split_at(FOLLOWED);
    let followers = Followers::start(bed, followed).await?;
    let run = Run { bed, followers, samples };
    // So that the first of each kind is not measured.
    Run { samples: 5, ..run.borrowed() }.changes(changed, "warm").await?;
    bed.process.forget_peak()?;
    say("single changes, five a second");
    let mut lines = run.changes(changed, "mark").await?;
    say("changes of status in members, five a second");
    lines.extend(run.statuses(followed).await?);
    say("drift in members, five a second");
    lines.push(run.drift(changed).await?);
    bed.hanse().settle().await?;
    Ok(Loaded {
        way: bed.way,
        objects: names.len(),
        clusters: bed.members.len(),
        lines,
        rss: bed.process.rss()?,
        idle_rss,
        peak_rss: bed.process.peak_rss()?,
        agents_peak_mib: bed.agents_peak_mib()?,
    })
}

async fn fill(bed: &Bed, names: &[String]) -> anyhow::Result<()> {
    let clusters: Vec<&str> = bed.members.iter().map(|member| member.name.as_str()).collect();
    let clusters = &clusters;
    let writes = stream::iter(names)
        .map(|name| async move { bed.api.federate(&KIND.object(name), clusters).await })
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) });
    tokio::time::timeout(DEADLINE, writes).await.context("loading takes too long")??;
    bed.observer.arrived(KIND, names).await?;
    for name in sample::batch(KIND, "bare", BARE) {
        let body = KIND.object(&name);
        try_join_all(bed.members.iter().map(|member| async {
            plain::send(member, plain::apply(&KIND.path(PLAIN, &name), &body)?).await
        }))
        .await?;
    }
    bed.hanse().settle().await
}

struct Run<'a> {
    bed: &'a Bed,
    followers: Followers,
    samples: usize,
}

/// Sent, and seen by whom.
type Sample = (Instant, Instant);

fn latency(samples: &[Sample]) -> Latency {
    Latency::of(samples.iter().map(|(sent, seen)| seen.saturating_duration_since(*sent)))
}

impl Run<'_> {
    fn borrowed(&self) -> Self {
        Self { bed: self.bed, followers: self.followers.clone(), samples: self.samples }
    }

    /// Runs `one` for each sample at its time, `lanes` of them in turn within each fifth of a second.
    async fn paced<T, F: Future<Output = anyhow::Result<T>>>(
        &self,
        lanes: usize,
        one: impl Fn(usize, usize) -> F,
    ) -> anyhow::Result<Vec<T>> {
        let begin = tokio::time::Instant::now();
        let step = Duration::from_secs(1) / PER_SECOND / u32::try_from(lanes).unwrap_or(1);
        let all = stream::iter(0..self.samples * lanes).map(|number| {
            let at = begin + step * u32::try_from(number).unwrap_or(u32::MAX);
            let future = one(number % lanes, number / lanes);
            async move {
                tokio::time::sleep_until(at).await;
                future.await
            }
        });
        // Far more than are ever under way, unless something hangs.
        tokio::time::timeout(DEADLINE, all.buffer_unordered(64).try_collect())
            .await
            .context("single changes take too long")?
    }

    /// Until the last member shows this label.
    async fn last_member(&self, namespace: &'static str, name: &str, mark: &str) -> anyhow::Result<Instant> {
        let keys: Vec<Key> = (0..self.bed.members.len())
            .map(|member| {
                (Source::Member(member), namespace, name.to_owned(), Mark::Changed(mark.to_owned()))
            })
            .collect();
        let seen = self.followers.seen(&keys).await?;
        seen.into_iter().max().context("no members")
    }

    async fn changes(&self, names: &[String], prefix: &str) -> anyhow::Result<Vec<Line>> {
        let bare = sample::batch(KIND, "bare", BARE);
        let bare = &bare;
        let all = self.paced(3, |lane, number| async move {
            let mark = format!("{prefix}-{lane}-{number}");
            // Neighbours of another lane are changed at another time.
            let pool = if lane == 0 { bare.as_slice() } else { names };
            let name = pool.get((number * 2 + lane) % pool.len()).context("nothing is loaded")?;
            let path = KIND.hub_path(name);
            // Made before: only sending counts.
            let whole = KIND.marked(name, &mark);
            let label = json!({"metadata": {"labels": {CHANGED: mark}}});
            let sent = Instant::now();
            match lane {
                0 => {
                    let path = KIND.path(PLAIN, name);
                    try_join_all(
                        self.bed
                            .members
                            .iter()
                            .map(|member| async { plain::send(member, plain::apply(&path, &whole)?).await }),
                    )
                    .await?;
                }
                1 => self.bed.api.change(KIND, &whole, name).await?,
                _ => self.bed.api.hub("kube", Method::PATCH, &path, Some(&label)).await?,
            }
            let namespace = if lane == 0 { PLAIN } else { PROJECT };
            let seen = self.last_member(namespace, name, &mark).await?;
            anyhow::Ok((lane, (sent, seen)))
        });
        let all = all.await?;
        let of = |lane: usize| -> Vec<Sample> {
            all.iter().filter(|(of, _)| *of == lane).map(|(_, sample)| *sample).collect()
        };
        let bare = latency(&of(0));
        let line = |what, lane: usize| {
            let samples = of(lane);
            Line {
                what,
                wanted_p50: 10.0,
                wanted_p99: 30.0,
                hanse: latency(&samples),
                bare,
                samples: samples.len(),
            }
        };
        Ok(vec![line("change → last member, REST", 1), line("change → last member, hub `/kube`", 2)])
    }

    async fn statuses(&self, names: &[String]) -> anyhow::Result<Vec<Line>> {
        let members = self.bed.members.len();
        let known: Mutex<HashMap<(usize, usize), i64>> = Mutex::default();
        let known = &known;
        let all = self.paced(1, |_, number| async move {
            let (object, member) = (number % names.len(), number % members);
            let name = names.get(object).context("nothing is followed")?;
            let to = self.bed.members.get(member).context("no members")?;
            let ready = i64::try_from(number).unwrap_or_default() + 1;
            let sum = {
                let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
                known.insert((object, member), ready);
                (0..members).filter_map(|member| known.get(&(object, member))).sum::<i64>()
            };
            let status = json!({"status": {
                "observedGeneration": 1, "replicas": ready, "updatedReplicas": ready,
                "readyReplicas": ready, "availableReplicas": ready,
            }});
            let path = format!("{}/status?fieldManager=bench", KIND.path(PROJECT, name));
            let request = plain::patch(&path, &status)?;
            let sent = Instant::now();
            plain::send(to, request).await?;
            let key = |source, ready| (source, PROJECT, name.clone(), Mark::Ready(ready));
            let keys = [key(Source::Member(member), ready), key(Source::Live, sum), key(Source::Hub, sum)];
            let seen = self.followers.seen(&keys).await?;
            let [own, live, hub] = seen.as_slice() else { anyhow::bail!("something was not seen") };
            anyhow::Ok([(sent, *own), (sent, *live), (sent, *hub)])
        });
        let all = all.await?;
        let of = |which: usize| -> Vec<Sample> {
            all.iter().filter_map(|samples| samples.get(which).copied()).collect()
        };
        let bare = latency(&of(0));
        let line = |what, which: usize| Line {
            what,
            wanted_p50: 10.0,
            wanted_p99: 30.0,
            hanse: latency(&of(which)),
            bare,
            samples: all.len(),
        };
        Ok(vec![
            line("status in a member → aggregate on the live feed", 1),
            line("status in a member → aggregate on a watch at the hub", 2),
        ])
    }

    async fn drift(&self, names: &[String]) -> anyhow::Result<Line> {
        let members = self.bed.members.len();
        let all = self.paced(1, |_, number| async move {
            let member = number % members;
            let name = names.get(number % names.len()).context("nothing is loaded")?;
            let to = self.bed.members.get(member).context("no members")?;
            let tier = format!("drift-{number}");
            let path = format!("{}?fieldManager=somebody", KIND.path(PROJECT, name));
            let request = plain::patch(&path, &json!({"metadata": {"labels": {TIER: tier}}}))?;
            let sent = Instant::now();
            plain::send(to, request).await?;
            let key = |mark| (Source::Member(member), PROJECT, name.clone(), mark);
            let seen =
                self.followers.seen(&[key(Mark::Drifted(tier.clone())), key(Mark::Reverted(tier))]).await?;
            let [drifted, reverted] = seen.as_slice() else { anyhow::bail!("something was not seen") };
            anyhow::Ok(((sent, *drifted), (sent, *reverted)))
        });
        let (bare, hanse): (Vec<Sample>, Vec<Sample>) = all.await?.into_iter().unzip();
        Ok(Line {
            what: "drift in a member → put right",
            wanted_p50: 8.0,
            wanted_p99: 15.0,
            hanse: latency(&hanse),
            bare: latency(&bare),
            samples: hanse.len(),
        })
    }
}

/// The table.
pub fn section(all: &[Loaded]) -> Option<Section> {
    let first = all.first()?;
    let pairs = float(first.objects * first.clusters);
    let mut section = Section {
        key: "loaded",
        title: format!("Single changes with {} Deployments × {} loaded", first.objects, first.clusters),
        note: format!(
            "Five a second, from sending to seeing. *Bare* is the same write's way without Hanse, at the same time: for \
             a change a client that applies to the same members; for status and drift the member's own watch showing \
             that very write. {} samples each.",
            first.lines.first().map_or(0, |line| line.samples)
        ),
        columns: vec!["", "Hanse, p50 / p99 ms", "bare, p50 / p99 ms", "members are"],
        json: json!(all),
        ..Section::default()
    };
    for loaded in all {
        for line in &loaded.lines {
            section.rows.push(vec![
                line.what.to_owned(),
                line.hanse.to_string(),
                line.bare.to_string(),
                loaded.way.heading().to_owned(),
            ]);
            let heading = format!("{}, members {}", line.what, loaded.way.heading());
            section.verdicts.push(Verdict::at_most(
                format!("{heading}: p50"),
                line.hanse.p50,
                "ms",
                line.wanted_p50,
            ));
            section.verdicts.push(Verdict::at_most(
                format!("{heading}: p99"),
                line.hanse.p99,
                "ms",
                line.wanted_p99,
            ));
        }
        let mut row = |what: &str, figure: String| {
            section.rows.push(vec![what.to_owned(), figure, String::new(), loaded.way.heading().to_owned()]);
        };
        let memory = |bytes| format!("{} MiB", short(mib(bytes)));
        row("server, resident, before loading", memory(loaded.idle_rss));
        row("server, resident, loaded and quiet", memory(loaded.rss));
        row("server, resident, peak while measured", memory(loaded.peak_rss));
        if loaded.way == Way::Tunnel {
            row("an agent, resident, peak", format!("{} MiB", short(loaded.agents_peak_mib)));
            section.verdicts.push(Verdict::at_most(
                "an agent's memory, peak",
                loaded.agents_peak_mib,
                "MiB",
                20.0,
            ));
        } else {
            let growth = mib(loaded.rss.saturating_sub(loaded.idle_rss)) * 1024.0 / pairs;
            row(
                "server, resident, by which each (object, cluster) grew it",
                format!("{} KiB", short(growth)),
            );
            section.verdicts.push(Verdict::at_most(
                "server memory per (object, cluster), loaded",
                growth,
                "KiB",
                2.0,
            ));
            section.verdicts.push(Verdict::at_most(
                "server memory, peak while single changes are measured",
                mib(loaded.peak_rss),
                "MiB",
                100.0,
            ));
        }
    }
    Some(section)
}
