//! `make bench`: how fast Hanse gets objects to its members, beside a bare client that writes the same objects straight
//! to the same members in the same run. Both share one machine with the members, so absolute figures say little about
//! anybody else's; the ratio is what counts.

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
    report::{Phase, Report, Settings, System},
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

    say("three control planes");
    let names = ["hamburg", "luebeck", "bremen"];
    let planes = ControlPlanes::start(&names.map(|name| Plane::new(name, Flavour::ApiOnly))).await?;
    let mut members = Vec::new();
    for cluster in planes.clusters() {
        members.push(Member::find(cluster).await?);
    }

    let mut starts = Vec::new();
    let mut server: Option<HanseProcess> = None;
    for _ in 0..3 {
        drop(server.take());
        let (process, start) = start::start(&binary).await?;
        starts.push(start);
        server = Some(process);
    }
    let server = server.context("no server")?;
    let process = Process::of_server(server.data_dir())?;

    let api = Api::set_up(&server).await?;
    for cluster in planes.clusters() {
        say(&format!("importing {}", cluster.name));
        api.import(&cluster.name, &cluster.kubeconfig(Access::Admin)).await?;
    }
    api.workspace(&names).await?;

    say("letting three idle clusters settle");
    let idle_seconds = if arguments.quick { 5 } else { 10 };
    let idle_cpu = server.cpu_seconds();
    tokio::time::sleep(Duration::from_secs(idle_seconds)).await;
    #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
    let idle_cpu_share = (server.cpu_seconds() - idle_cpu) / idle_seconds as f64;
    let idle_rss = server.rss_bytes();

    plain::prepare(&members).await?;
    let observer = Observer::start(&members).await?;
    let setting = Settings { objects: arguments.objects, rounds: arguments.rounds, members: members.len() };
    let federated = federated::Hanse { api: &api, server: &server, observer: &observer, members: &members };

    say("warming up both");
    for kind in Kind::ALL {
        let warm = sample::batch(kind, "warm", 8);
        plain::propagate(&members, kind, &warm).await?;
        plain::delete(&members, kind, &warm).await?;
        federated.propagate(kind, &warm).await?;
        federated.delete(kind, &warm).await?;
    }

    let mut phases: Vec<Phase> = Vec::new();
    for round in 0..arguments.rounds {
        for kind in Kind::ALL {
            let batch = sample::batch(kind, &format!("round-{round}"), arguments.objects);
            // Whoever begins does so on the machine as the other one left it: take turns.
            let turns =
                if round % 2 == 0 { [System::Plain, System::Hanse] } else { [System::Hanse, System::Plain] };
            for system in turns {
                let done = match system {
                    System::Plain => vec![
                        plain::propagate(&members, kind, &batch).await?,
                        plain::delete(&members, kind, &batch).await?,
                    ],
                    System::Hanse => {
                        vec![federated.propagate(kind, &batch).await?, federated.delete(kind, &batch).await?]
                    }
                };
                for phase in &done {
                    say(&format!("round {}: {}", round + 1, phase.line()));
                }
                phases.extend(done);
            }
        }
    }
    Ok(Report {
        settings: setting,
        phases,
        starts,
        binary_bytes,
        idle_rss,
        idle_cpu_share,
        peak_rss: process.peak_rss()?,
        machine: machine::describe()?,
    })
}

fn say(text: &str) {
    eprintln!("bench  {text}");
}

#[expect(clippy::print_stdout, reason = "the output of a program for people")]
fn print(text: &str) {
    println!("{text}");
}
