//! How the tunnel's figures are shown, and what is wanted of them.

use serde_json::json;

use super::{
    bulk::{self, Direction},
    run::Figures,
    small, stuck,
};
use crate::{
    figures::{Latency, Ratio, Verdict, median, short},
    report::Section,
};

/// The tables.
pub fn sections(figures: &Figures) -> Vec<Section> {
    let mut beside = Section {
        key: "tunnel",
        title: "The tunnel alone, beside direct".to_owned(),
        note: "Plain HTTP origin behind an agent on the same machine, against the same origin over TLS with connections \
               kept. *CPU* is that of all processes, origin included."
            .to_owned(),
        columns: vec!["", "tunnel", "direct", "ratio"],
        json: json!(figures),
        ..Section::default()
    };
    small_rows(&figures.small, &mut beside);
    bulk_rows(&figures.bulk, &mut beside);
    let watches = &figures.watches;
    beside.rows.push(vec![
        format!("{} watches, an event a second each: late, p50 / p99", watches.watches),
        format!("{} ms", Latency { p50: watches.tunnel_p50_ms, p99: watches.tunnel_p99_ms }),
        format!("{} ms", Latency { p50: watches.direct_p50_ms, p99: watches.direct_p99_ms }),
        format!("{:.2}", watches.tunnel_p99_ms / watches.direct_p99_ms.max(f64::MIN_POSITIVE)),
    ]);
    let mut alone = Section {
        key: "tunnelAlone",
        title: "The tunnel alone: memory and faults".to_owned(),
        note: "Agents share one process here; each has its own connection and certificate.".to_owned(),
        columns: vec!["", ""],
        json: json!(null),
        ..Section::default()
    };
    stuck_rows(&figures.stuck, &mut alone);
    alone_rows(figures, &mut alone);
    vec![beside, alone]
}

fn small_rows(rounds: &[small::Round], section: &mut Section) {
    let mut seen = Vec::new();
    for one in rounds {
        let key = (one.in_flight, one.during_bulk);
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let of: Vec<&small::Round> =
            rounds.iter().filter(|round| (round.in_flight, round.during_bulk) == key).collect();
        let over = |pick: fn(&small::Round) -> f64| median(of.iter().map(|round| pick(round)));
        let during = if one.during_bulk { " while bulk flows" } else { "" };
        let heading = format!("1 KiB requests, {} in flight{during}", one.in_flight);
        let rates = Ratio::of(of.iter().map(|round| (round.tunnel.per_second, round.direct.per_second)));
        let p99s = Ratio::of(of.iter().map(|round| (round.tunnel.p99_ms, round.direct.p99_ms)));
        let show =
            |ratio: Option<Ratio>| ratio.map_or("–".to_owned(), |ratio| format!("{:.2}", ratio.median));
        section.rows.push(vec![
            format!("{heading}: rate"),
            format!("{}/s", short(over(|round| round.tunnel.per_second))),
            format!("{}/s", short(over(|round| round.direct.per_second))),
            show(rates),
        ]);
        let tunnel =
            Latency { p50: over(|round| round.tunnel.p50_ms), p99: over(|round| round.tunnel.p99_ms) };
        let direct =
            Latency { p50: over(|round| round.direct.p50_ms), p99: over(|round| round.direct.p99_ms) };
        section.rows.push(vec![
            format!("{heading}: p50 / p99"),
            format!("{tunnel} ms"),
            format!("{direct} ms"),
            format!("{} (p99)", show(p99s)),
        ]);
        match key {
            (1, false) => section.verdicts.push(Verdict::at_most(
                format!("tunnel, {heading}: p50"),
                tunnel.p50 * 1000.0,
                "µs",
                150.0,
            )),
            (64, false) => {
                let rate = over(|round| round.tunnel.per_second);
                section.verdicts.push(Verdict::at_least(
                    format!("tunnel, {heading}: rate"),
                    rate,
                    "/s",
                    40_000.0,
                ));
                section.verdicts.extend(p99s.map(|p99s| {
                    Verdict::at_most(format!("tunnel, {heading}: p99 beside direct"), p99s.median, "×", 2.0)
                }));
            }
            _ => {}
        }
    }
}

fn bulk_rows(rounds: &[bulk::Round], section: &mut Section) {
    for delayed in [false, true] {
        for direction in [Direction::Down, Direction::Up] {
            for streams in [1, 4] {
                let of: Vec<&bulk::Round> = rounds
                    .iter()
                    .filter(|round| {
                        (round.delayed, round.direction, round.streams) == (delayed, direction, streams)
                    })
                    .collect();
                let Some(ratio) = Ratio::of(
                    of.iter()
                        .map(|round| (round.tunnel.gigabytes_per_second, round.direct.gigabytes_per_second)),
                ) else {
                    continue;
                };
                let over = |pick: fn(&bulk::Round) -> f64| median(of.iter().map(|round| pick(round)));
                let way = if direction == Direction::Down { "agent → hub" } else { "hub → agent" };
                let heading = format!(
                    "bulk {way}, {streams} {}{}",
                    if streams == 1 { "stream" } else { "streams" },
                    if delayed { ", 50 ms there and back" } else { "" }
                );
                let rate = over(|round| round.tunnel.gigabytes_per_second);
                section.rows.push(vec![
                    heading.clone(),
                    format!("{} GB/s", short(rate)),
                    format!("{} GB/s", short(over(|round| round.direct.gigabytes_per_second))),
                    format!("{:.2}", ratio.median),
                ]);
                if delayed {
                    continue;
                }
                section.rows.push(vec![
                    format!("{heading}: CPU"),
                    format!("{} s/GB", short(over(|round| round.tunnel.cpu_seconds_per_gb))),
                    format!("{} s/GB", short(over(|round| round.direct.cpu_seconds_per_gb))),
                    String::new(),
                ]);
                if streams == 1 {
                    section.verdicts.push(Verdict::at_least(format!("tunnel, {heading}"), rate, "GB/s", 0.6));
                    section.verdicts.push(Verdict::at_most(
                        format!("tunnel, {heading}: CPU of both ends"),
                        over(|round| round.tunnel.ends_cpu_seconds_per_gb),
                        "s/GB",
                        2.0,
                    ));
                }
            }
        }
    }
}

fn stuck_rows(rounds: &[stuck::Round], section: &mut Section) {
    let p99 = |round: usize, stuck: usize| {
        let found = rounds.iter().find(|one| one.round == round && one.stuck == stuck);
        found.map(|one| one.others.p99_ms)
    };
    for stuck in [0, 1, 10, 100] {
        let of: Vec<&stuck::Round> = rounds.iter().filter(|round| round.stuck == stuck).collect();
        let ratio = Ratio::of(of.iter().filter_map(|one| Some((one.others.p99_ms, p99(one.round, 0)?))));
        let Some(ratio) = ratio else { continue };
        let others = Latency {
            p50: median(of.iter().map(|one| one.others.p50_ms)),
            p99: median(of.iter().map(|one| one.others.p99_ms)),
        };
        let growth = of.iter().map(|one| one.growth_mib).fold(0.0, f64::max);
        section.rows.push(vec![
            format!("{stuck} stuck readers, others at 8 in flight: p50 / p99, and beside none"),
            format!("{others} ms, {:.2} ×, {} MiB more at both ends", ratio.median, short(growth)),
        ]);
        if stuck == 100 {
            section.verdicts.push(Verdict::at_most(
                "tunnel, 100 stuck readers: p99 of others beside none",
                ratio.median,
                "×",
                1.5,
            ));
            section.verdicts.push(Verdict::at_most(
                "tunnel, 100 stuck readers: memory of both ends",
                growth,
                "MiB",
                100.0,
            ));
        }
    }
}

fn alone_rows(figures: &Figures, section: &mut Section) {
    let Figures { watches, faults, storm, .. } = figures;
    let mut row = |what: &str, figure: String| section.rows.push(vec![what.to_owned(), figure]);
    row(
        "an idle stream, hub / agent with its connection to the origin",
        format!("{} / {} KiB", short(watches.hub_kib_per_watch), short(watches.agent_kib_per_watch)),
    );
    row(&format!("{} such watches, both ends", watches.watches), format!("{} cores", short(watches.cores)));
    row(
        "an idle agent, hub / its own end",
        format!("{} / {} KiB", short(storm.hub_kib_per_agent), short(storm.agent_kib_per_agent)),
    );
    let seconds = |figure: f64| format!("{} s", short(figure));
    let limited = if storm.limited { " (as many as open files allow)" } else { "" };
    row(&format!("{} agents connect{limited}", storm.agents), seconds(storm.first_seconds));
    row(
        &format!("{} agents are back after the hub was gone for a moment", storm.agents),
        format!("{}, hub's peak {} MiB", seconds(storm.again_seconds), short(storm.hub_peak_mib)),
    );
    row("silent line → the hub knows", seconds(faults.silence_at_hub));
    row("silent line → the agent dials anew", seconds(faults.silence_at_agent));
    row("silent line is whole again → first answer", seconds(faults.after_silence));
    row("line cut and whole again → first answer", seconds(faults.after_cut));
    row("agent killed and started again → first answer", seconds(faults.after_agent));
    row("hub gone and back → first answer", seconds(faults.after_hub));
    row(
        "one of two agents killed → longest time without an answer",
        format!("{}, {} failed", seconds(faults.failover), faults.failover_failed),
    );
    section.verdicts.extend([
        Verdict::at_most("tunnel, silent line → the hub knows", faults.silence_at_hub, "s", 15.0),
        Verdict::at_most("tunnel, silent line → the agent knows", faults.silence_at_agent, "s", 15.0),
        Verdict::at_most("tunnel, failover with two tunnels", faults.failover, "s", 1.0),
        Verdict::at_most(
            format!("tunnel, {} agents reconnect", storm.agents),
            storm.again_seconds,
            "s",
            10.0,
        ),
    ]);
}
