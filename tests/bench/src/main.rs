//! `make bench`: how fast Hanse gets objects to its members, how soon single changes are seen, what it costs, and what
//! its tunnel adds, each beside a bare client that does the same without Hanse in the same run. All share one machine, so
//! absolute figures say little about anybody else's; ratios are what counts.
//!
//! | part | file |
//! |---|---|
//! | `tunnel`: the tunnel alone | [`tunnel`], one file per measurement below it |
//! | `footprint`: start, idle memory | [`footprint`] |
//! | `batches`: 1,000 × 3 objects; `fan-out`: 200 × 10 | [`batches`]; [`plain`] and [`federated`] write |
//! | `loaded`: single changes, status, drift on the loaded system | [`loaded`] |
//! | `gateway`: small reads through the gateway | [`gateway`] |
//!
//! [`figures`] has percentiles, ratios and targets; [`report`] writes them; [`bed`] is what federation is measured on.

mod agent;
mod api;
mod batches;
mod bed;
mod database;
mod federated;
mod figures;
mod footprint;
mod gateway;
mod loaded;
mod machine;
mod observer;
mod plain;
mod report;
mod sample;
mod scale;
mod start;
mod tunnel;

use std::{
    future::Future,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use crate::{batches::Way, bed::Bed, report::Report, scale::Scale};

/// The whole run ends by then, whatever happens.
const DEADLINE: Duration = Duration::from_secs(1500);
/// So does each part.
const PART_DEADLINE: Duration = Duration::from_secs(600);

/// Measures Hanse beside a bare client.
#[derive(Parser)]
struct Arguments {
    /// The server's binary; by default the one beside this program
    #[arg(long, env = "HANSE_BINARY", value_name = "FILE")]
    hanse: Option<PathBuf>,
    /// Where to write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to write the tables, between their markers [default: docs/benchmark.md, unless --only is given]
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Measures this part only; may be repeated
    #[arg(long, value_name = "PART")]
    only: Vec<Part>,
    /// Less of everything: four minutes instead of eighteen
    #[arg(long)]
    quick: bool,
    /// Hardly anything of anything: for working on the benchmark itself
    #[arg(long, hide = true)]
    tiny: bool,
    #[command(subcommand)]
    process: Option<Own>,
}

#[derive(Subcommand)]
enum Own {
    /// What this program runs as when it has started itself
    #[command(hide = true, subcommand)]
    Role(tunnel::Process),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Tunnel,
    Footprint,
    Batches,
    Loaded,
    Gateway,
    FanOut,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let Some(Own::Role(role)) = arguments.process {
        return Box::pin(role.run()).await;
    }
    let mut terminated = signal(SignalKind::terminate())?;
    // What was started ends with its owner, so that giving up a measurement cleans up after it.
    let report = tokio::select! {
        ended = tokio::time::timeout(DEADLINE, Box::pin(measure(&arguments))) => {
            ended.context("the benchmark takes too long")??
        }
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminated.recv() => anyhow::bail!("terminated"),
    };
    if let Some(path) = &arguments.json {
        let json = serde_json::to_string_pretty(&report.json())?;
        std::fs::write(path, format!("{json}\n")).with_context(|| path.display().to_string())?;
    }
    let text = report.markdown();
    let page = arguments
        .markdown
        .clone()
        .or_else(|| arguments.only.is_empty().then(|| PathBuf::from("docs/benchmark.md")));
    print(&text);
    if let Some(page) = page {
        report::write_between_markers(&page, &text)?;
    }
    let missing: Vec<&str> = report.failures.iter().map(|(part, _)| *part).collect();
    anyhow::ensure!(missing.is_empty(), "not measured: {}", missing.join(", "));
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let binary = match &arguments.hanse {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("hanse"),
    };
    anyhow::ensure!(binary.is_file(), "no {}: build it, or say where it is by --hanse", binary.display());
    let scale = match (arguments.tiny, arguments.quick) {
        (true, _) => Scale::tiny(),
        (_, true) => Scale::quick(),
        _ => Scale::whole(),
    };
    let mut run = Run { began: Instant::now(), only: &arguments.only, failures: Vec::new() };
    let (mut sections, mut phases, mut fanned) = (Vec::new(), Vec::new(), Vec::new());
    let (mut loaded, mut read, mut footprint) = (Vec::new(), Vec::new(), None);
    let mut tunnel = Vec::new();
    // While the machine is quiet: nothing else has been started.
    if let Some(found) = run.part(Part::Tunnel, "tunnel", tunnel::measure(&scale.tunnel)).await {
        tunnel = found;
    }
    for way in [Way::Direct, Way::Tunnel] {
        let wanted = [Part::Batches, Part::Loaded, Part::Gateway].iter().any(|part| run.wants(*part));
        let footprint_wanted = way == Way::Direct && run.wants(Part::Footprint);
        if !(wanted || footprint_wanted) {
            continue;
        }
        let starts = if footprint_wanted { 3 } else { 1 };
        let Some(bed) = run.bed(&binary, way, 3, starts).await else { continue };
        if way == Way::Direct {
            let measured = footprint::measure(&bed, &binary, scale.idle);
            footprint = run.part(Part::Footprint, "footprint", measured).await;
        }
        let measured = batches::measure(&bed, &scale.batches, scale.rounds, scale.patience);
        phases.extend(run.part(Part::Batches, "batches", measured).await.unwrap_or_default());
        let measured = gateway::measure(&bed, scale.reads, scale.reading);
        read.extend(run.part(Part::Gateway, "gateway", measured).await.unwrap_or_default());
        let measured = loaded::measure(&bed, scale.loaded, scale.samples);
        loaded.extend(run.part(Part::Loaded, "loaded", measured).await);
    }
    for way in [Way::Direct, Way::Tunnel] {
        if !run.wants(Part::FanOut) {
            break;
        }
        let Some(bed) = run.bed(&binary, way, scale.fan_out_members, 1).await else { continue };
        let measured = batches::measure(&bed, &scale.fan_out, scale.fan_out_rounds, scale.patience);
        fanned.extend(run.part(Part::FanOut, "fan-out", measured).await.unwrap_or_default());
    }
    sections.extend(batches::sections(("batches", "batchCosts"), 3, &phases));
    sections.extend(batches::sections(("fanOut", "fanOutCosts"), scale.fan_out_members, &fanned));
    sections.extend(loaded::section(&loaded));
    sections.extend(gateway::section(&read));
    sections.extend(tunnel);
    sections.extend(footprint);
    Ok(Report {
        machine: machine::describe()?,
        scope: scale.for_people(),
        scale: serde_json::to_value(&scale)?,
        sections,
        failures: run.failures,
    })
}

/// Runs parts, and goes on when one fails.
struct Run<'a> {
    began: Instant,
    only: &'a [Part],
    failures: Vec<(&'static str, String)>,
}

impl Run<'_> {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    async fn part<T>(
        &mut self,
        part: Part,
        name: &'static str,
        measured: impl Future<Output = anyhow::Result<T>>,
    ) -> Option<T> {
        if !self.wants(part) {
            return None;
        }
        let measured = tokio::time::timeout(PART_DEADLINE, Box::pin(measured)).await;
        let measured = measured.context("it takes too long").and_then(|measured| measured);
        say(&format!("{name}: {} s since the start", self.began.elapsed().as_secs()));
        self.kept(name, measured)
    }

    async fn bed(&mut self, binary: &Path, way: Way, members: usize, starts: usize) -> Option<Bed> {
        let bed = Box::pin(Bed::start(binary, way, members, starts)).await;
        self.kept("control planes and server", bed)
    }

    fn kept<T>(&mut self, name: &'static str, measured: anyhow::Result<T>) -> Option<T> {
        match measured {
            Ok(found) => Some(found),
            Err(error) => {
                say(&format!("{name}: {error:#}"));
                self.failures.push((name, format!("{error:#}")));
                None
            }
        }
    }
}

/// For whoever waits.
fn say(text: &str) {
    eprintln!("bench  {text}");
}

#[expect(clippy::print_stdout, reason = "the output of a program for people")]
fn print(text: &str) {
    println!("{text}");
}
