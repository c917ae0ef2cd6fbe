//! `hanse simulate`: the pure core on a file. No server, no network, no configuration.

use std::path::PathBuf;

use clap::Args;
use hanse_federation::{
    Action,
    dependencies::Dependency,
    simulate::{Output, Scenario, SimulatedCluster, SimulatedObject, simulate},
};
use serde_json::json;

use super::plan::{action_style, replicas, why};
use crate::{
    difference::{self, Difference},
    documents::{self, Limits},
    error::{Error, Result},
    object::phase_style,
    output::{Format, Style, clean, paint},
    shell::Shell,
    table::{Cell, Table},
};

/// Options of `hanse simulate`.
#[derive(Clone, Debug, Args)]
pub struct Simulate {
    /// Scenario, as YAML or JSON; - reads standard input
    #[arg(long = "file", short, value_name = "FILE")]
    file: PathBuf,
    /// Show each manifest against what lives in the cluster
    #[arg(long)]
    diff: bool,
}

/// Runs it.
pub(crate) fn run(shell: &mut Shell, args: &Simulate) -> Result<()> {
    let format = shell.out.format_or(if args.diff { Format::Table } else { Format::Json });
    if args.diff && format != Format::Table {
        return Err(Error::usage("--diff is written for people: leave -o out, or give -o table"));
    }
    if args.file.is_dir() {
        return Err(Error::usage(format!("{} is a folder: give one scenario", args.file.display())));
    }
    let output = computed(shell, args)?;
    if format == Format::Table {
        let text = picture(&output, args.diff, shell.out.colour());
        return Ok(shell.out.raw(text.as_bytes())?);
    }
    Ok(shell.out.value(&output.to_json(), format)?)
}

fn computed(shell: &mut Shell, args: &Simulate) -> Result<Output> {
    let mut documents = Vec::new();
    for source in documents::sources(std::slice::from_ref(&args.file), &mut shell.input, Limits::SCENARIO)? {
        documents.append(&mut documents::parse(&source, Limits::SCENARIO)?);
    }
    let document = match <[_; 1]>::try_from(documents) {
        Ok([document]) => document,
        Err(many) => {
            let second = many.get(1).map(documents::Document::place).unwrap_or_default();
            return Err(Error::usage(format!(
                "{second}: a file holds one scenario: put this one into another"
            )));
        }
    };
    Scenario::from_value(&document.value)
        .and_then(|scenario| simulate(&scenario))
        .map_err(|error| document.wrong(&error.path, error.message))
}

fn picture(output: &Output, diff: bool, colour: bool) -> String {
    let mut text = String::new();
    for object in &output.objects {
        if !text.is_empty() {
            text.push('\n');
        }
        describe(object, diff, colour, &mut text);
    }
    if output.objects.is_empty() {
        text.push_str("the scenario federates nothing\n");
    }
    for warning in &output.warnings {
        text.push_str(&format!("warning: {}\n", clean(&warning.to_string())));
    }
    text
}

fn describe(object: &SimulatedObject, diff: bool, colour: bool, text: &mut String) {
    let phase = object.aggregated.phase;
    let propagation = match (object.propagation.status.as_str(), object.propagation.reason.as_str()) {
        ("True", _) => String::new(),
        (status, reason) => format!(", propagation {status} {reason}").trim_end().to_owned(),
    };
    text.push_str(&format!(
        "{}: {}{}\n\n",
        clean(&object.key),
        paint(colour, phase_style(phase), phase.as_str()),
        clean(&propagation)
    ));
    let mut table = Table::new(&["CLUSTER", "ACTION", "REPLICAS", "PHASE", "STATUS", "WHY"]);
    let has_replicas = object.clusters.iter().any(|cluster| cluster.replicas > 0 || cluster.overflow > 0);
    for cluster in &object.clusters {
        table.row(row(cluster, has_replicas));
    }
    if table.is_empty() {
        text.push_str("there are no clusters\n");
    } else {
        text.push_str(&table.render(colour));
    }
    for (mark, faults) in [("refused", &object.errors), ("warning", &object.warnings)] {
        for fault in faults {
            text.push_str(&format!("{mark}: {}\n", clean(&fault.to_string())));
        }
    }
    if !object.unplaced_reason.is_empty() {
        text.push_str(&format!("warning: {}\n", clean(&object.unplaced_reason)));
    }
    if !object.dependencies.is_empty() {
        let named =
            |one: &Dependency| format!("{} {}", one.kind, one.name.as_deref().unwrap_or("chosen by label"));
        text.push_str(&format!(
            "refers to: {}\n",
            clean(&object.dependencies.iter().map(named).collect::<Vec<_>>().join(", "))
        ));
    }
    if diff {
        let differences: Vec<(&str, Vec<Difference>)> =
            object.clusters.iter().map(|cluster| (cluster.name.as_str(), against_live(cluster))).collect();
        let slices: Vec<(&str, &[Difference])> =
            differences.iter().map(|(name, differences)| (*name, differences.as_slice())).collect();
        text.push_str(&difference::render(&slices, colour));
    }
}

fn row(cluster: &SimulatedCluster, has_replicas: bool) -> Vec<Cell> {
    let action = json!(cluster.action);
    let action = action.as_str().unwrap_or_default();
    let dash = || Cell::new("-", Style::Dim);
    let status = if cluster.status.is_empty() { dash() } else { Cell::new(&cluster.status, Style::Warn) };
    let (count, phase) = if cluster.selected {
        let count = has_replicas.then(|| replicas(Some(cluster.replicas), Some(cluster.overflow)));
        (count.unwrap_or_else(dash), Cell::new(cluster.phase.as_str(), phase_style(cluster.phase)))
    } else {
        (dash(), dash())
    };
    vec![
        cluster.name.as_str().into(),
        Cell::new(action, action_style(action)),
        count,
        phase,
        status,
        why(&cluster.why, &cluster.message).into(),
    ]
}

/// What sending would change; a new copy differs as a whole.
fn against_live(cluster: &SimulatedCluster) -> Vec<Difference> {
    if cluster.action == Action::Create {
        return vec![Difference { path: String::new(), from: None, to: Some(cluster.manifest.clone()) }];
    }
    let present = |value: &serde_json::Value| Some(value.clone()).filter(|value| !value.is_null());
    let changes = cluster.changes.iter();
    changes
        .map(|change| Difference {
            path: change.path.clone(),
            from: present(&change.from),
            to: present(&change.to),
        })
        .collect()
}
