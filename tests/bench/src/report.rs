//! The figures, as JSON with everything in it and as one table for people, ratios first. Neither holds a date or the
//! name of a machine, so that a new run changes only what was measured.

use std::{collections::BTreeMap, fmt::Write as _, path::Path, time::Duration};

use anyhow::Context;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{machine::Work, sample::Kind, start::Start};

const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";
const MIB: f64 = 1_048_576.0;

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// The bare client.
    Plain,
    /// Through REST.
    Rest,
    /// Through the hub's Kubernetes-style API.
    Hub,
}

/// How the server reaches the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Direct,
    Tunnel,
}

/// What is done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Propagate,
    Update,
    Delete,
}

/// Percentiles of a duration, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    pub p50: f64,
    pub p99: f64,
}

impl Latency {
    pub fn of(durations: impl Iterator<Item = Duration>) -> Self {
        let mut sorted: Vec<Duration> = durations.collect();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(index).map_or(0.0, Duration::as_secs_f64) * 1000.0
        };
        Self { p50: at(50), p99: at(99) }
    }
}

/// One batch, written by one of the two.
pub struct Phase {
    pub way: Way,
    pub system: System,
    pub action: Action,
    pub kind: Kind,
    /// (Object, cluster).
    pub pairs: f64,
    pub seconds: f64,
    /// What it made the members do.
    pub members: Work,
    pub server_cpu_seconds: f64,
    /// How long the server's answers took.
    pub answer: Option<Latency>,
    /// From the answer until the last member has it.
    pub last_member: Option<Latency>,
}

impl Phase {
    pub fn new(what: (System, Action, Kind), pairs: usize, seconds: f64, members: Work) -> Self {
        let (system, action, kind) = what;
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let pairs = pairs as f64;
        Self {
            way: Way::Direct,
            system,
            action,
            kind,
            pairs,
            seconds,
            members,
            server_cpu_seconds: 0.0,
            answer: None,
            last_member: None,
        }
    }

    fn rate(&self) -> f64 {
        self.pairs / self.seconds
    }

    /// Writes that the members saw per (object, cluster): one is what is needed.
    fn writes_per_pair(&self) -> f64 {
        let ours = |what: &str| {
            what.split_once(' ').is_some_and(|(verb, resource)| {
                resource == self.kind.plural() && !["GET", "LIST", "WATCHLIST"].contains(&verb)
            })
        };
        self.members.requests.iter().filter(|(what, _)| ours(what)).map(|(_, count)| count).sum::<f64>()
            / self.pairs
    }

    /// For whoever waits.
    pub fn line(&self) -> String {
        format!(
            "{:?} {:?} {}: {:.0} pairs/s, {:.2} writes per pair",
            self.system,
            self.action,
            self.kind.heading(),
            self.rate(),
            self.writes_per_pair()
        )
    }

    fn json(&self) -> Value {
        let per_pair: BTreeMap<&str, f64> =
            self.members.requests.iter().map(|(what, count)| (what.as_str(), count / self.pairs)).collect();
        json!({
            "way": format!("{:?}", self.way),
            "system": format!("{:?}", self.system),
            "action": format!("{:?}", self.action),
            "kind": self.kind.heading(),
            "pairs": self.pairs,
            "seconds": self.seconds,
            "pairsPerSecond": self.rate(),
            "serverCpuMsPerPair": self.server_cpu_seconds * 1000.0 / self.pairs,
            "memberCpuMsPerPair": self.members.cpu_seconds * 1000.0 / self.pairs,
            "memberRequestsPerPair": per_pair,
            "answerMs": self.answer,
            "answerToLastMemberMs": self.last_member,
        })
    }
}

/// What was asked for.
#[derive(Serialize)]
pub struct Settings {
    pub objects: usize,
    pub rounds: usize,
    pub members: usize,
}

/// A whole run.
pub struct Report {
    pub settings: Settings,
    pub phases: Vec<Phase>,
    pub starts: Vec<Start>,
    pub binary_bytes: u64,
    pub idle_rss: u64,
    /// Cores that three idle clusters keep busy.
    pub idle_cpu_share: f64,
    pub peak_rss: u64,
    pub machine: String,
}

/// One kind and action over all rounds.
struct Comparison {
    ratio: f64,
    lowest: f64,
    highest: f64,
    plain: f64,
    hanse: f64,
    answer: Latency,
    last_member: Latency,
    server_cpu_ms: f64,
    hanse_member_cpu_ms: f64,
    plain_member_cpu_ms: f64,
    writes: f64,
}

impl Report {
    fn of(&self, way: Way, system: System, action: Action, kind: Kind) -> Vec<&Phase> {
        let wanted = |phase: &&Phase| {
            phase.way == way && phase.system == system && phase.action == action && phase.kind == kind
        };
        self.phases.iter().filter(wanted).collect()
    }

    fn compare(&self, (way, system, action, kind): Row) -> Comparison {
        let plain = self.of(way, System::Plain, action, kind);
        let hanse = self.of(way, system, action, kind);
        let ratios: Vec<f64> =
            plain.iter().zip(&hanse).map(|(plain, hanse)| hanse.rate() / plain.rate()).collect();
        let over = |phases: &[&Phase], figure: fn(&Phase) -> f64| {
            median(phases.iter().map(|phase| figure(phase)).collect())
        };
        let latency = |pick: fn(&Phase) -> Option<Latency>| {
            let all: Vec<Latency> = hanse.iter().filter_map(|phase| pick(phase)).collect();
            Latency {
                p50: median(all.iter().map(|latency| latency.p50).collect()),
                p99: median(all.iter().map(|latency| latency.p99).collect()),
            }
        };
        Comparison {
            lowest: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            highest: ratios.iter().copied().fold(0.0, f64::max),
            ratio: median(ratios),
            plain: over(&plain, Phase::rate),
            hanse: over(&hanse, Phase::rate),
            answer: latency(|phase| phase.answer),
            last_member: latency(|phase| phase.last_member),
            server_cpu_ms: over(&hanse, |phase| phase.server_cpu_seconds * 1000.0 / phase.pairs),
            hanse_member_cpu_ms: over(&hanse, |phase| phase.members.cpu_seconds * 1000.0 / phase.pairs),
            plain_member_cpu_ms: over(&plain, |phase| phase.members.cpu_seconds * 1000.0 / phase.pairs),
            writes: over(&hanse, Phase::writes_per_pair),
        }
    }

    fn start(&self) -> (f64, f64) {
        (
            median(self.starts.iter().map(|start| start.first_page_seconds).collect()),
            median(self.starts.iter().map(|start| start.health_seconds).collect()),
        )
    }

    /// Everything.
    pub fn json(&self) -> Value {
        let ratios: Vec<Value> = rows()
            .map(|row| {
                let comparison = self.compare(row);
                let (way, system, action, kind) = row;
                json!({
                    "way": format!("{way:?}"),
                    "system": format!("{system:?}"),
                    "action": format!("{action:?}"),
                    "kind": kind.heading(),
                    "ratio": comparison.ratio,
                    "lowest": comparison.lowest,
                    "highest": comparison.highest,
                })
            })
            .collect();
        json!({
            "machine": self.machine,
            "settings": self.settings,
            "ratios": ratios,
            "starts": self.starts,
            "binaryBytes": self.binary_bytes,
            "idleRssBytes": self.idle_rss,
            "idleCpuShare": self.idle_cpu_share,
            "peakRssBytes": self.peak_rss,
            "phases": self.phases.iter().map(Phase::json).collect::<Vec<_>>(),
        })
    }

    /// The table.
    pub fn markdown(&self) -> String {
        let Settings { objects, rounds, members } = self.settings;
        let mut text = format!(
            "{machine}, shared by server, members, clients and whatever else ran; {objects} objects of each kind to \
             {members} members, {rounds} rounds, medians.\n\n",
            machine = self.machine
        );
        text.push_str(
            "| | ratio to plain | lowest–highest | plain, pairs/s | Hanse, pairs/s | answer, p50 / p99 ms | answer → \
             last member, p50 / p99 ms | server CPU, ms/pair | member CPU, ms/pair, Hanse / plain | member writes \
             per pair |\n|---|---|---|---|---|---|---|---|---|---|\n",
        );
        for row in rows() {
            let found = self.compare(row);
            let (way, system, action, kind) = row;
            let verb = match action {
                Action::Propagate => "propagate",
                Action::Update => "update all",
                Action::Delete => "delete all",
            };
            let through = match (way, system) {
                (Way::Tunnel, _) => "REST, members behind their agents",
                (Way::Direct, System::Hub) => "the hub",
                (Way::Direct, _) => "REST",
            };
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "| {verb} {kind}, {through} | **{:.2}** | {:.2}–{:.2} | {:.0} | {:.0} | {:.0} / {:.0} | {:.0} / {:.0} | {:.2} | {:.2} \
                 / {:.2} | {:.2} |",
                found.ratio,
                found.lowest,
                found.highest,
                found.plain,
                found.hanse,
                found.answer.p50,
                found.answer.p99,
                found.last_member.p50,
                found.last_member.p99,
                found.server_cpu_ms,
                found.hanse_member_cpu_ms,
                found.plain_member_cpu_ms,
                found.writes,
                kind = kind.heading(),
            );
        }
        let (page, health) = self.start();
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let mib = |bytes: u64| bytes as f64 / MIB;
        let _ = write!(
            text,
            "\n| | |\n|---|---|\n| start → first page, empty database | {:.0} ms |\n| start → `/healthz` | {:.0} ms |\n\
             | resident, {members} idle clusters | {:.0} MiB |\n| processor, {members} idle clusters | {:.1} % of a \
             core |\n| resident, peak | {:.0} MiB |\n| the binary, console inside | {:.0} MiB |\n",
            page * 1000.0,
            health * 1000.0,
            mib(self.idle_rss),
            self.idle_cpu_share * 100.0,
            mib(self.peak_rss),
            mib(self.binary_bytes),
        );
        text
    }
}

type Row = (Way, System, Action, Kind);

fn rows() -> impl Iterator<Item = Row> {
    let systems = [(Way::Direct, System::Rest), (Way::Direct, System::Hub), (Way::Tunnel, System::Rest)];
    [Action::Propagate, Action::Update, Action::Delete].into_iter().flat_map(move |action| {
        Kind::ALL
            .into_iter()
            .flat_map(move |kind| systems.into_iter().map(move |(way, system)| (way, system, action, kind)))
    })
}

/// Of an even number: the mean of the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let upper = figures.get(middle).copied().unwrap_or_default();
    if figures.len().is_multiple_of(2) {
        let lower = middle.checked_sub(1).and_then(|index| figures.get(index)).copied().unwrap_or(upper);
        f64::midpoint(lower, upper)
    } else {
        upper
    }
}

/// Replaces what is between the markers of a page, and leaves the rest as people wrote it.
pub fn write_between_markers(path: &Path, table: &str) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let page = replaced(&page, table).with_context(|| format!("no markers in {}", path.display()))?;
    Ok(std::fs::write(path, page)?)
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median(Vec::new()).abs() < 1e-9);
    }

    #[test]
    fn percentiles_of_few_durations_are_among_them() {
        let latency = Latency::of([3, 1, 2].map(Duration::from_millis).into_iter());
        assert!((latency.p50 - 2.0).abs() < 1e-9, "{latency:?}");
        assert!((latency.p99 - 3.0).abs() < 1e-9, "{latency:?}");
    }

    #[test]
    fn what_people_wrote_around_the_figures_stays() {
        let page = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        let once = replaced(&page, "new\n").unwrap();
        assert_eq!(once, format!("above\n{BEGIN}\nnew\n{END}\nbelow\n"));
        assert_eq!(replaced(&once, "new\n").unwrap(), once);
        assert_eq!(replaced("no markers", "new"), None);
    }
}
