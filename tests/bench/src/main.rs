//! `make bench`: how fast Hanse gets objects to its members, beside a bare client that writes the same objects straight
//! to the same members in the same run. Both share one machine with the members, so absolute figures say little about
//! anybody else's; the ratio is what counts.

mod agent;
mod api;
mod federated;
mod machine;
mod observer;
mod plain;
mod report;
mod sample;
mod start;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;
use hanse_harness::{Access, ControlPlanes, Flavour, HanseProcess, Plane};

use crate::{
    api::Api,
    machine::{Member, Process},
    observer::Observer,
    report::{Phase, Report, Settings, System, Way},
    sample::Kind,
};

/// The whole run ends by then, whatever happens.
const DEADLINE: Duration = Duration::from_secs(570);

/// Measures a server beside a bare client.
#[derive(Parser)]
struct Arguments {
    /// The server's binary; by default the one beside this program
    #[arg(long, env = "HANSE_BINARY", value_name = "FILE")]
    hanse: Option<PathBuf>,
    /// Where to write all figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where to write the table, between its markers
    #[arg(long, value_name = "FILE", default_value = "docs/benchmark.md")]
    markdown: PathBuf,
    /// Objects of each kind in each round
    #[arg(long, default_value_t = 200)]
    objects: usize,
    /// Rounds: the bare client and the server in turn
    #[arg(long, default_value_t = 4)]
    rounds: usize,
    /// Half of everything
    #[arg(long)]
    quick: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::parse();
    if arguments.quick {
        arguments.objects = (arguments.objects / 2).max(1);
        arguments.rounds = (arguments.rounds / 2).max(2);
    }
    let report = tokio::select! {
        ended = tokio::time::timeout(DEADLINE, Box::pin(measure(&arguments))) => {
            ended.context("the benchmark takes too long")??
        }
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
    };
    let json = serde_json::to_string_pretty(&report.json())?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{json}\n")).with_context(|| path.display().to_string())?;
    }
    let table = report.markdown();
    report::write_between_markers(&arguments.markdown, &table)?;
    print(&table);
    Ok(())
}

async fn measure(arguments: &Arguments) -> anyhow::Result<Report> {
    let binary = match &arguments.hanse {
        Some(path) => path.clone(),
        None => std::env::current_exe()?.with_file_name("hanse"),
    };
    let binary_bytes = std::fs::metadata(&binary).with_context(|| format!("no {}", binary.display()))?.len();
    let mut report = Report {
        settings: Settings { objects: arguments.objects, rounds: arguments.rounds, members: NAMES.len() },
        phases: Vec::new(),
        starts: Vec::new(),
        binary_bytes,
        idle_rss: 0,
        idle_cpu_share: 0.0,
        peak_rss: 0,
        machine: machine::describe()?,
    };
    for way in [Way::Direct, Way::Tunnel] {
        measure_way(arguments, &binary, way, &mut report).await?;
    }
    Ok(report)
}

/// One server over control planes of its own: two servers would take each other's copies for strays.
async fn measure_way(
    arguments: &Arguments,
    binary: &std::path::Path,
    way: Way,
    report: &mut Report,
) -> anyhow::Result<()> {
    say("three control planes");
    let planes = ControlPlanes::start(&NAMES.map(|name| Plane::new(name, Flavour::ApiOnly))).await?;
    let mut members = Vec::new();
    for cluster in planes.clusters() {
        members.push(Member::find(cluster).await?);
    }
    let mut server: Option<HanseProcess> = None;
    for _ in 0..if way == Way::Direct { 3 } else { 1 } {
        drop(server.take());
        let (process, start) = start::start(binary).await?;
        report.starts.push(start);
        server = Some(process);
    }
    let server = server.context("no server")?;
    let process = Process::of_server(server.data_dir())?;
    let api = Api::set_up(&server).await?;
    let folder = tempfile::tempdir()?;
    let mut agents = Vec::new();
    for cluster in planes.clusters() {
        say(&format!("bringing {} in", cluster.name));
        if way == Way::Direct {
            api.import(&cluster.name, &cluster.kubeconfig(Access::Admin)).await?;
        } else {
            let created = api.agent_cluster(&cluster.name).await?;
            agents.push(agent::start(folder.path(), cluster, &created).await?);
        }
        api.ready(&cluster.name).await?;
    }
    api.workspace(&NAMES).await?;
    if way == Way::Direct {
        say("letting three idle clusters settle");
        let idle_seconds = if arguments.quick { 5 } else { 10 };
        let idle_cpu = server.cpu_seconds();
        tokio::time::sleep(Duration::from_secs(idle_seconds)).await;
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let share = (server.cpu_seconds() - idle_cpu) / idle_seconds as f64;
        report.idle_cpu_share = share;
        report.idle_rss = server.rss_bytes();
    }

    plain::prepare(&members).await?;
    let observer = Observer::start(&members).await?;
    let federated = federated::Hanse { api: &api, server: &server, observer: &observer, members: &members };
    let systems: &[System] = match way {
        Way::Direct => &[System::Plain, System::Rest, System::Hub],
        Way::Tunnel => &[System::Plain, System::Rest],
    };
    say("warming up");
    for kind in Kind::ALL {
        for system in systems {
            let warm = sample::batch(kind, &format!("warm-{}", name_of(*system)), 8);
            batch(&members, &federated, *system, kind, &warm).await?;
        }
    }
    for round in 0..arguments.rounds {
        for kind in Kind::ALL {
            // Whoever begins does so on the machine as the others left it: take turns.
            for turn in 0..systems.len() {
                let Some(system) = systems.get((turn + round) % systems.len()).copied() else { continue };
                let names =
                    sample::batch(kind, &format!("round-{round}-{}", name_of(system)), arguments.objects);
                for mut phase in batch(&members, &federated, system, kind, &names).await? {
                    phase.way = way;
                    say(&format!("{way:?}, round {}: {}", round + 1, phase.line()));
                    report.phases.push(phase);
                }
            }
        }
    }
    report.peak_rss = report.peak_rss.max(process.peak_rss()?);
    drop(agents);
    Ok(())
}

const NAMES: [&str; 3] = ["hamburg", "luebeck", "bremen"];

const fn name_of(system: System) -> &'static str {
    match system {
        System::Plain => "plain",
        System::Rest => "rest",
        System::Hub => "hub",
    }
}

/// Creates, changes and deletes a batch.
async fn batch(
    members: &[Member],
    federated: &federated::Hanse<'_>,
    system: System,
    kind: Kind,
    names: &[String],
) -> anyhow::Result<Vec<Phase>> {
    if system == System::Plain {
        return Ok(vec![
            plain::propagate(members, kind, names).await?,
            plain::update(members, kind, names).await?,
            plain::delete(members, kind, names).await?,
        ]);
    }
    Ok(vec![
        federated.propagate(system, kind, names).await?,
        federated.update(system, kind, names).await?,
        federated.delete(system, kind, names).await?,
    ])
}

fn say(text: &str) {
    eprintln!("bench  {text}");
}

#[expect(clippy::print_stdout, reason = "the output of a program for people")]
fn print(text: &str) {
    println!("{text}");
}
