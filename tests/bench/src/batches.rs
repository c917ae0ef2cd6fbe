//! Part `batches` (and `fan-out`, the same with ten members): create, change and delete many objects, through every way
//! in, beside a bare client in the same round. Ratios are taken within each round.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    bed::Bed,
    figures::{Latency, Ratio, Verdict, float, median, mib, short},
    machine::Work,
    plain,
    report::Section,
    sample::{self, Kind},
    say,
};

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum System {
    /// The bare client, by server-side apply.
    Apply,
    /// The bare client, by plain creates and updates.
    Create,
    /// Through REST.
    Rest,
    /// Plain objects through the hub's root `/kube`.
    Kube,
    /// Federated objects through the hub's root `/kubefed`.
    Kubefed,
}

/// How the server reaches the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    Direct,
    Tunnel,
}

impl Way {
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Direct => "dialled by the server",
            Self::Tunnel => "behind their agents",
        }
    }

    const fn systems(self) -> &'static [System] {
        match self {
            Self::Direct => &[System::Apply, System::Create, System::Rest, System::Kube, System::Kubefed],
            Self::Tunnel => &[System::Apply, System::Rest],
        }
    }
}

/// What is done with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    Propagate,
    Update,
    Delete,
}

impl Action {
    const ALL: [Self; 3] = [Self::Propagate, Self::Update, Self::Delete];

    const fn heading(self) -> &'static str {
        match self {
            Self::Propagate => "propagate",
            Self::Update => "update all",
            Self::Delete => "delete all",
        }
    }

    /// Ratio to plain apply that is wanted.
    const fn wanted(self, way: Way) -> f64 {
        match (self, way) {
            (_, Way::Tunnel) => 0.6,
            (Self::Delete, Way::Direct) => 0.8,
            (_, Way::Direct) => 0.9,
        }
    }
}

/// What the host has used for a batch.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    pub cpu_seconds: f64,
    pub transactions: f64,
    pub commits: f64,
    /// By which its database grew.
    pub bytes: i64,
    pub peak_rss: u64,
    /// How long the answers took.
    pub answer: Latency,
    /// From the answer until the last member has it.
    pub last_member: Latency,
}

/// One batch, written by one of them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    pub way: Way,
    pub round: usize,
    pub system: System,
    pub action: Action,
    pub kind: Kind,
    pub objects: usize,
    pub clusters: usize,
    pub seconds: f64,
    #[serde(skip)]
    pub work: Work,
    /// What Hanse itself used; nothing for the bare client.
    pub host: Option<Host>,
}

impl Phase {
    pub fn new(
        (system, action, kind): (System, Action, Kind),
        (objects, clusters): (usize, usize),
        seconds: f64,
        work: Work,
    ) -> Self {
        Self {
            way: Way::Direct,
            round: 0,
            system,
            action,
            kind,
            objects,
            clusters,
            seconds,
            work,
            host: None,
        }
    }

    fn pairs(&self) -> f64 {
        float(self.objects * self.clusters)
    }

    fn rate(&self) -> f64 {
        self.pairs() / self.seconds
    }

    /// Writes that the members saw per (object, cluster): one is what is needed.
    fn writes_per_pair(&self) -> f64 {
        let ours = |what: &str| {
            what.split_once(' ').is_some_and(|(verb, resource)| {
                resource == self.kind.plural() && !["GET", "LIST", "WATCHLIST"].contains(&verb)
            })
        };
        self.work.requests.iter().filter(|(what, _)| ours(what)).map(|(_, count)| count).sum::<f64>()
            / self.pairs()
    }

    fn json(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let per_pair: BTreeMap<&str, f64> =
            self.work.requests.iter().map(|(what, count)| (what.as_str(), count / self.pairs())).collect();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("pairsPerSecond".to_owned(), self.rate().into());
            fields.insert(
                "memberCpuMsPerPair".to_owned(),
                (self.work.cpu_seconds * 1000.0 / self.pairs()).into(),
            );
            fields.insert("memberRequestsPerPair".to_owned(), json!(per_pair));
        }
        value
    }
}

/// Measures batches of so many objects by kind. On a slow machine no further round is begun when those before took longer
/// than `patience`.
pub async fn measure(
    bed: &Bed,
    sizes: &[(Kind, usize)],
    rounds: usize,
    patience: Duration,
) -> anyhow::Result<Vec<Phase>> {
    let systems = bed.way.systems();
    let (began, mut phases) = (Instant::now(), Vec::new());
    for (kind, _) in sizes {
        for system in systems {
            let names = sample::batch(*kind, &format!("warm-{}", name_of(*system)), 8);
            batch(bed, *system, *kind, &names).await?;
        }
    }
    for round in 0..rounds {
        if round > 0 && began.elapsed() > patience {
            say(&format!("no further round: {round} took {} s", began.elapsed().as_secs()));
            break;
        }
        for (kind, objects) in sizes {
            // Whoever begins does so on the machine as the others left it: take turns.
            for turn in 0..systems.len() {
                let Some(system) = systems.get((turn + round) % systems.len()).copied() else { continue };
                let names = sample::batch(*kind, &format!("round-{round}-{}", name_of(system)), *objects);
                for mut phase in batch(bed, system, *kind, &names).await? {
                    (phase.way, phase.round) = (bed.way, round);
                    say(&format!(
                        "{:?} × {}, round {}: {system:?} {} {}: {:.0} pairs/s",
                        phase.objects,
                        phase.clusters,
                        round + 1,
                        phase.action.heading(),
                        kind.heading(),
                        phase.rate()
                    ));
                    phases.push(phase);
                }
            }
        }
    }
    Ok(phases)
}

const fn name_of(system: System) -> &'static str {
    match system {
        System::Apply => "apply",
        System::Create => "create",
        System::Rest => "rest",
        System::Kube => "kube",
        System::Kubefed => "kubefed",
    }
}

/// Creates, changes and deletes a batch.
async fn batch(bed: &Bed, system: System, kind: Kind, names: &[String]) -> anyhow::Result<Vec<Phase>> {
    let mut phases = Vec::new();
    for action in Action::ALL {
        let what = (system, action, kind);
        phases.push(match system {
            System::Apply | System::Create => plain::batch(&bed.members, what, names).await?,
            _ => bed.hanse().batch(what, names).await?,
        });
    }
    Ok(phases)
}

/// The first way in.
const REST: &str = "REST";

/// All rounds of one way in, at one size.
struct Line<'a> {
    through: &'static str,
    way: Way,
    action: Action,
    kind: Kind,
    size: (usize, usize),
    hanse: Vec<&'a Phase>,
    apply: Vec<&'a Phase>,
    create: Vec<&'a Phase>,
}

impl<'a> Line<'a> {
    fn all(phases: &'a [Phase], clusters: usize) -> Vec<Self> {
        let ways = [
            (REST, Way::Direct, System::Rest),
            ("hub `/kube`", Way::Direct, System::Kube),
            ("hub `/kubefed`", Way::Direct, System::Kubefed),
            ("REST, behind agents", Way::Tunnel, System::Rest),
        ];
        let mut lines = Vec::new();
        for kind in [Kind::Deployment, Kind::ConfigMap] {
            for action in Action::ALL {
                for (through, way, system) in ways {
                    let of = |system: System| -> Vec<&Phase> {
                        let wanted = |phase: &&Phase| {
                            (phase.way, phase.system, phase.action, phase.kind, phase.clusters)
                                == (way, system, action, kind, clusters)
                        };
                        phases.iter().filter(wanted).collect()
                    };
                    let (hanse, apply, create) = (of(system), of(System::Apply), of(System::Create));
                    if let Some(first) = hanse.first() {
                        let size = (first.objects, first.clusters);
                        lines.push(Self { through, way, action, kind, size, hanse, apply, create });
                    }
                }
            }
        }
        lines
    }

    fn heading(&self) -> String {
        let (objects, clusters) = self.size;
        format!("{} {objects} {} × {clusters}, {}", self.action.heading(), self.kind.heading(), self.through)
    }

    fn ratio(&self, plain: &[&Phase]) -> Option<Ratio> {
        Ratio::of(self.hanse.iter().zip(plain).map(|(hanse, plain)| (hanse.rate(), plain.rate())))
    }

    fn hosts(&self, figure: impl Fn(&Phase, &Host) -> f64) -> f64 {
        median(self.hanse.iter().filter_map(|phase| Some(figure(phase, phase.host.as_ref()?))))
    }

    fn cpu_ms_per_pair(&self) -> f64 {
        self.hosts(|phase, host| host.cpu_seconds * 1000.0 / phase.pairs())
    }

    fn latency(&self, pick: impl Fn(&Host) -> Latency) -> Latency {
        let all: Vec<Latency> = self.hanse.iter().filter_map(|phase| phase.host.as_ref()).map(pick).collect();
        Latency::over(&all)
    }

    fn row(&self) -> Vec<String> {
        let over = |phases: &[&Phase], figure: fn(&Phase) -> f64| {
            if phases.is_empty() {
                "–".to_owned()
            } else {
                short(median(phases.iter().map(|phase| figure(phase))))
            }
        };
        let ratio = self.ratio(&self.apply);
        let cpu: fn(&Phase) -> f64 = |phase| phase.work.cpu_seconds * 1000.0 / phase.pairs();
        vec![
            self.heading(),
            ratio.map_or("–".to_owned(), |ratio| format!("**{:.2}**", ratio.median)),
            ratio.map_or("–".to_owned(), |ratio| format!("{:.2}–{:.2}", ratio.lowest, ratio.highest)),
            self.ratio(&self.create).map_or("–".to_owned(), |ratio| format!("{:.2}", ratio.median)),
            over(&self.hanse, Phase::rate),
            format!("{} / {}", over(&self.apply, Phase::rate), over(&self.create, Phase::rate)),
            self.latency(|host| host.answer).to_string(),
            self.latency(|host| host.last_member).to_string(),
            self.hanse.len().to_string(),
            format!("{} / {}", over(&self.hanse, cpu), over(&self.apply, cpu)),
        ]
    }

    /// What it costs the host.
    fn cost(&self) -> Vec<String> {
        let objects = float(self.size.0);
        #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
        let bytes = self.hosts(|_, host| host.bytes as f64 / objects);
        vec![
            self.heading(),
            short(self.cpu_ms_per_pair()),
            short(self.hosts(|_, host| host.transactions / objects)),
            short(self.hosts(|_, host| host.commits / objects)),
            short(bytes / 1024.0),
            short(self.hosts(|_, host| mib(host.peak_rss))),
            short(median(self.hanse.iter().map(|phase| phase.writes_per_pair()))),
        ]
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let heading = self.heading();
        let mut verdicts = Vec::new();
        if let Some(ratio) = self.ratio(&self.apply) {
            let what = format!("{heading}: ratio to plain apply");
            verdicts.push(Verdict::at_least(what, ratio.median, "", self.action.wanted(self.way)));
        }
        let mut at_most = |what: &str, figure: f64, unit, wanted: f64| {
            verdicts.push(Verdict::at_most(format!("{heading}: {what}"), figure, unit, wanted));
        };
        if self.action != Action::Delete {
            at_most("server CPU per pair", self.cpu_ms_per_pair(), "ms", 1.0);
        }
        // What is stored is the same through every way in.
        if self.action == Action::Propagate && self.through == REST {
            let objects = float(self.size.0);
            at_most("host commits per object", self.hosts(|_, host| host.commits / objects), "", 1.0);
            #[expect(clippy::cast_precision_loss, reason = "some megabytes")]
            let bytes = self.hosts(|_, host| host.bytes as f64 / objects / 1024.0);
            at_most("database growth per object", bytes, "KiB", 4.0);
            at_most("server's peak memory", self.hosts(|_, host| mib(host.peak_rss)), "MiB", 100.0);
        }
        verdicts
    }
}

/// The tables of one number of members. Targets are those of Deployments, whose size is a usual one.
pub fn sections(key: (&'static str, &'static str), clusters: usize, phases: &[Phase]) -> Vec<Section> {
    let lines = Line::all(phases, clusters);
    if lines.is_empty() {
        return Vec::new();
    }
    let speed = Section {
        key: key.0,
        title: format!("Batches to {clusters} members"),
        note: "*plain* is the bare client, by server-side apply and by plain creates and updates; *answer → last \
               member* is mostly the queue of what was accepted."
            .to_owned(),
        columns: vec![
            "",
            "ratio to plain apply",
            "lowest–highest",
            "ratio to plain create",
            "Hanse, pairs/s",
            "plain apply / create, pairs/s",
            "answer, p50 / p99 ms",
            "answer → last member, p50 / p99 ms",
            "rounds",
            "member CPU, ms/pair, Hanse / plain apply",
        ],
        rows: lines.iter().map(Line::row).collect(),
        verdicts: lines
            .iter()
            .filter(|line| line.kind == Kind::Deployment)
            .flat_map(Line::verdicts)
            .collect(),
        json: Value::Array(phases.iter().map(Phase::json).collect()),
    };
    let cost = Section {
        key: key.1,
        title: format!("What batches to {clusters} members cost"),
        note: "Counted until the host writes no more. *Transactions* are what was written; on SQLite those that follow \
               each other closely share a *commit*. The database is measured in pages in use, so an update grows it by \
               its revision, and a deletion by what the audit trail keeps."
            .to_owned(),
        columns: vec![
            "",
            "server CPU, ms/pair",
            "host transactions per object",
            "host commits per object",
            "database growth per object, KiB",
            "server memory, peak, MiB",
            "member writes per pair",
        ],
        rows: lines.iter().map(Line::cost).collect(),
        ..Section::default()
    };
    vec![speed, cost]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(system: System, way: Way, round: usize, seconds: f64) -> Phase {
        let what = (system, Action::Propagate, Kind::Deployment);
        let host = (system == System::Rest).then(|| Host {
            cpu_seconds: 3.0,
            transactions: 1000.0,
            commits: 500.0,
            bytes: 4 << 20,
            peak_rss: 50 << 20,
            answer: Latency::default(),
            last_member: Latency::default(),
        });
        Phase { way, round, host, ..Phase::new(what, (1000, 3), seconds, Work::default()) }
    }

    #[test]
    fn a_way_in_is_compared_with_the_bare_client_of_its_own_round() {
        let phases = [
            phase(System::Apply, Way::Direct, 0, 1.0),
            phase(System::Rest, Way::Direct, 0, 2.0),
            phase(System::Rest, Way::Direct, 1, 10.0),
            phase(System::Apply, Way::Direct, 1, 8.0),
            // Of other planes.
            phase(System::Apply, Way::Tunnel, 0, 100.0),
        ];
        let sections = sections(("batches", "costs"), 3, &phases);
        let [speed, cost] = sections.as_slice() else { panic!("{sections:?}") };
        assert_eq!(speed.rows.len(), 1, "{speed:?}");
        assert_eq!(speed.rows[0][1..4], ["**0.65**", "0.50–0.80", "–"]);
        assert_eq!(cost.rows[0][1..5], ["1.00", "1.00", "0.50", "4.10"]);
        let missed: Vec<&str> =
            speed.verdicts.iter().filter(|verdict| !verdict.is_met()).map(|v| v.what.as_str()).collect();
        assert_eq!(missed.len(), 2, "{missed:?}");
    }
}
