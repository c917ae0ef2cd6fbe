//! Member clusters: what there are, taking one in step by step, labels, letting go.

use std::{collections::BTreeMap, fs, io::Read, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use hanse_types::{
    ClusterName,
    agent::{AgentClusterCreate, AgentClusterCreated, JoinInstructions},
    cluster::{Cluster, ClusterImport, ClusterPhase, ClusterUpdate},
    patch::Patch,
    probe::{ProbeReport, ProbeStep},
};
use reqwest::{Method, header};
use serde_json::json;

use super::probe;
use crate::{
    client::{Api, read},
    documents::{Limits, read_source},
    error::{Error, Result},
    output::{Format, Style, clean},
    quantity::{ago, cores, memory, milliseconds},
    shell::{Shell, pair},
    table::{Cell, Table, or_dash},
};

/// Commands of `hanse clusters`.
#[derive(Clone, Debug, Subcommand)]
pub enum Clusters {
    /// List clusters with their state
    List {
        /// Only those whose labels match, such as region=eu
        #[arg(long, short = 'l', value_name = "SELECTOR")]
        selector: Option<String>,
    },
    /// Show one cluster with its conditions
    Get {
        /// Its name
        name: String,
    },
    /// Take a cluster in by its kubeconfig, after probing it step by step
    Import(Import),
    /// Make a cluster that cannot be dialled, and print how to start its agent there
    Join(Join),
    /// Probe a cluster step by step, and store nothing
    Probe(Kubeconfig),
    /// Set labels (KEY=VALUE) or remove them (KEY-); placements follow at once
    Label {
        /// Name of the cluster
        name: String,
        /// KEY=VALUE or KEY-
        #[arg(required = true, value_name = "KEY=VALUE|KEY-")]
        labels: Vec<String>,
    },
    /// Give a cluster a port of its own at the server, or take it away
    Port {
        /// Name of the cluster
        name: String,
        /// Take it away
        #[arg(long)]
        remove: bool,
    },
    /// Let go of a cluster
    Detach(Detach),
}

/// How to reach a cluster.
#[derive(Clone, Debug, Args)]
pub struct Kubeconfig {
    /// Its kubeconfig; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: PathBuf,
    /// Context of the kubeconfig, needed when it has several and no current one. (The server is that of --server or
    /// of the current context.)
    // Has the same id as the option of every command, which it thereby hides.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// Options of `hanse clusters import`.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// Its name here
    name: ClusterName,
    #[command(flatten)]
    access: Kubeconfig,
    /// Label that placements can select by; give it several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Take it over even when another Hanse manages it
    #[arg(long)]
    force: bool,
    /// Give it a port of its own at the server, where its API is served at the root
    #[arg(long)]
    fixed_port: bool,
}

/// Options of `hanse clusters join`.
#[derive(Clone, Debug, Args)]
pub struct Join {
    /// Its name here
    name: ClusterName,
    /// Label that placements can select by; give it several times
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// Take it over even when another Hanse manages it
    #[arg(long)]
    force: bool,
    /// Give it a port of its own at the server, where its API is served at the root
    #[arg(long)]
    fixed_port: bool,
    /// Print a manifest for kubectl apply -f - instead of a command
    #[arg(long)]
    manifest: bool,
    /// The cluster is here already: issue another join token for its agent
    #[arg(long, conflicts_with_all = ["labels", "display_name", "force", "fixed_port"])]
    again: bool,
}

/// What becomes of the copies in a cluster that is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Copies {
    /// They stay and run on, without Hanse's label
    Orphan,
    /// They are deleted
    Delete,
}

/// Options of `hanse clusters detach`.
#[derive(Clone, Debug, Args)]
pub struct Detach {
    /// Its name
    name: String,
    /// What becomes of what was placed there: orphan (it stays and runs on, without Hanse) or delete
    #[arg(long, value_enum, hide_possible_values = true, default_value = "orphan")]
    copies: Copies,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Runs one of them.
pub(crate) async fn run(shell: &mut Shell, command: &Clusters) -> Result<()> {
    if matches!(command, Clusters::Import(_) | Clusters::Probe(_)) {
        // There, --context is the kubeconfig's.
        shell.globals.context = None;
    }
    let api = shell.api()?;
    match command {
        Clusters::List { selector } => list(shell, &api, selector.as_deref()).await,
        Clusters::Get { name } => get(shell, &api, name).await,
        Clusters::Import(args) => import(shell, &api, args).await,
        Clusters::Join(args) => join(shell, &api, args).await,
        Clusters::Probe(args) => {
            let kubeconfig = read_kubeconfig(shell, args)?;
            let report = probe::run(shell, &api, &kubeconfig, args.context.as_deref()).await?;
            probed(shell, &report)
        }
        Clusters::Label { name, labels } => label(shell, &api, name, labels).await,
        Clusters::Port { name, remove } => port(shell, &api, name, !remove).await,
        Clusters::Detach(args) => detach(shell, &api, args).await,
    }
}

async fn list(shell: &mut Shell, api: &Api, selector: Option<&str>) -> Result<()> {
    let query: Vec<(&str, &str)> = selector.map(|selector| ("labelSelector", selector)).into_iter().collect();
    let items = api.list(&["clusters"], &query).await?;
    let format = shell.out.format();
    if format != Format::Table {
        return Ok(shell.out.value(&json!({"items": items}), format)?);
    }
    let now = (shell.now)();
    let mut table = Table::new(&[
        "NAME",
        "PHASE",
        "VERSION",
        "NODES",
        "CPU",
        "MEMORY",
        "LATENCY",
        "LAST SEEN",
        "PORT",
        "LABELS",
    ]);
    for item in items {
        let cluster: Cluster = read(item)?;
        let facts = &cluster.facts;
        table.row(vec![
            cluster.name.as_str().into(),
            phase(cluster.phase),
            or_dash(facts.kubernetes_version.as_ref()),
            nodes(&cluster),
            cores(facts.cpu_allocatable_milli).into(),
            memory(facts.memory_allocatable_bytes).into(),
            or_dash(cluster.latency_ms.map(milliseconds)),
            or_dash(cluster.last_seen_at.map(|at| ago(now, at))),
            or_dash(cluster.fixed_port),
            or_dash(Some(labels_of(&cluster.labels)).filter(|text| !text.is_empty())),
        ]);
    }
    Ok(shell
        .out
        .table(&table, "no clusters: take one in with `hanse clusters import NAME --kubeconfig FILE`")?)
}

fn phase(phase: ClusterPhase) -> Cell {
    let style = match phase {
        ClusterPhase::Ready => Style::Good,
        ClusterPhase::Pending => Style::Plain,
        ClusterPhase::NotReady => Style::Warn,
        ClusterPhase::Unreachable => Style::Bad,
    };
    Cell::new(phase.as_str(), style)
}

fn nodes(cluster: &Cluster) -> Cell {
    let (ready, all) = (cluster.facts.nodes_ready, cluster.facts.nodes);
    if ready == all { all.to_string().into() } else { Cell::new(format!("{ready} of {all}"), Style::Warn) }
}

fn labels_of(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

async fn get(shell: &mut Shell, api: &Api, name: &str) -> Result<()> {
    let answer = api.get(&["clusters", name]).await?;
    let format = shell.out.format();
    if format != Format::Table {
        return Ok(shell.out.value(&answer.body, format)?);
    }
    let cluster: Cluster = answer.read()?;
    let now = (shell.now)();
    let facts = &cluster.facts;
    let mut about = Table::new(&["CLUSTER", cluster_heading(cluster.phase)]);
    let mut line = |what: &str, text: String| {
        if !text.is_empty() {
            about.row(vec![what.into(), text.into()]);
        }
    };
    line("name", cluster.name.to_string());
    line("shown as", cluster.display_name.clone().unwrap_or_default());
    line("endpoint", format!("{} ({})", cluster.endpoint, cluster.connection));
    line("own port", cluster.fixed_port.map(|port| port.to_string()).unwrap_or_default());
    line("labels", labels_of(&cluster.labels));
    line("version", facts.kubernetes_version.clone().unwrap_or_default());
    line("nodes", format!("{} of {} ready", facts.nodes_ready, facts.nodes));
    line(
        "allocatable",
        format!(
            "{} cores, {} memory, {} pods",
            cores(facts.cpu_allocatable_milli),
            memory(facts.memory_allocatable_bytes),
            facts.pods_allocatable
        ),
    );
    line("provider", facts.provider.clone().unwrap_or_default());
    line("regions", facts.regions.join(", "));
    line("zones", facts.zones.join(", "));
    if let Some(credential) = &cluster.credential {
        let end = credential
            .expires_at
            .map(|at| format!(", valid until {}", at.format("%Y-%m-%d")))
            .unwrap_or_default();
        line("credential", format!("{}{end}", credential.kind));
    }
    line("last seen", cluster.last_seen_at.map_or_else(|| "never".to_owned(), |at| ago(now, at)));
    line("latency", cluster.latency_ms.map(milliseconds).unwrap_or_default());
    if cluster.insecure {
        line("warning", "its certificate is not verified".to_owned());
    }
    shell.out.table(&about, "")?;
    let mut conditions = Table::new(&["CONDITION", "STATUS", "SINCE", "REASON", "MESSAGE"]);
    for condition in &cluster.conditions {
        let style = match condition.status.as_str() {
            "True" => Style::Good,
            "False" => Style::Bad,
            _ => Style::Warn,
        };
        conditions.row(vec![
            condition.type_.as_str().into(),
            Cell::new(&condition.status, style),
            ago(now, condition.last_transition_time).into(),
            condition.reason.as_str().into(),
            condition.message.as_str().into(),
        ]);
    }
    if !conditions.is_empty() {
        shell.out.line("")?;
        shell.out.table(&conditions, "")?;
    }
    Ok(())
}

const fn cluster_heading(phase: ClusterPhase) -> &'static str {
    match phase {
        ClusterPhase::Ready => "READY",
        ClusterPhase::Pending => "PENDING",
        ClusterPhase::NotReady => "NOT READY",
        ClusterPhase::Unreachable => "UNREACHABLE",
    }
}

fn read_kubeconfig(shell: &mut Shell, args: &Kubeconfig) -> Result<String> {
    let path = &args.kubeconfig;
    let source = if path.as_os_str() == "-" {
        read_source("standard input", shell.input.by_ref(), Limits::MANIFEST)?
    } else {
        let file = fs::File::open(path).map_err(|error| {
            Error::usage(format!("cannot read the kubeconfig {}: {error}", path.display()))
        })?;
        read_source(&path.display().to_string(), file, Limits::MANIFEST)?
    };
    Ok(source.text)
}

/// Ends `hanse clusters probe`.
fn probed(shell: &mut Shell, report: &ProbeReport) -> Result<()> {
    let format = shell.out.format();
    if format != Format::Table {
        let value = serde_json::to_value(report).map_err(std::io::Error::other)?;
        shell.out.value(&value, format)?;
    }
    if !report.passed {
        return Err(probe::stopped(report));
    }
    if format == Format::Table {
        shell.out.line("the cluster can be taken in with `hanse clusters import NAME --kubeconfig FILE`")?;
    }
    Ok(())
}

async fn import(shell: &mut Shell, api: &Api, args: &Import) -> Result<()> {
    let kubeconfig = read_kubeconfig(shell, &args.access)?;
    let context = args.access.context.clone();
    let report = probe::run(shell, api, &kubeconfig, context.as_deref()).await?;
    let managed_by_another = probe::failed_step(&report).is_some_and(|step| step.step == ProbeStep::Identity);
    if !(report.passed || args.force && managed_by_another) {
        return Err(probe::stopped(&report));
    }
    let request = ClusterImport {
        name: args.name.clone(),
        display_name: args.display_name.clone(),
        labels: args.labels.iter().cloned().collect(),
        kubeconfig,
        context,
        force: args.force,
        fixed_port: args.fixed_port,
    };
    let answer = api.post(&["clusters"], &request).await.map_err(|error| match error {
        // What the ladder of a moment ago did not see.
        Error::Api { error, .. } if error.probe.is_some() => {
            error.probe.as_ref().map_or_else(|| Error::failed(&error.message, ""), probe::refusal)
        }
        other => other,
    })?;
    let format = shell.out.format();
    if format != Format::Table {
        return Ok(shell.out.value(&answer.body, format)?);
    }
    let cluster: Cluster = answer.read()?;
    let version =
        cluster.facts.kubernetes_version.as_deref().map(|v| format!(", {}", clean(v))).unwrap_or_default();
    Ok(shell.out.line(format_args!("cluster {} imported{version}", cluster.name))?)
}

async fn join(shell: &mut Shell, api: &Api, args: &Join) -> Result<()> {
    let answer = if args.again {
        api.post(&["clusters", args.name.as_str(), "join-tokens"], &json!({})).await?
    } else {
        let request = AgentClusterCreate {
            name: args.name.clone(),
            display_name: args.display_name.clone(),
            labels: args.labels.iter().cloned().collect(),
            force: args.force,
            fixed_port: args.fixed_port,
        };
        api.post(&["agent-clusters"], &request).await?
    };
    let format = shell.out.format();
    if format != Format::Table {
        return Ok(shell.out.value(&answer.body, format)?);
    }
    let join: JoinInstructions =
        if args.again { answer.read()? } else { answer.read::<AgentClusterCreated>()?.join };
    shell.out.note(format_args!(
        "the token is good once, until {}; follow the agent with `hanse clusters get {}`",
        join.expires_at.format("%H:%M UTC"),
        args.name
    ));
    let text = if args.manifest { &join.manifest } else { &join.command };
    Ok(shell.out.line(text.trim_end())?)
}

async fn label(shell: &mut Shell, api: &Api, name: &str, changes: &[String]) -> Result<()> {
    let answer = api.get(&["clusters", name]).await?;
    let cluster: Cluster = answer.read()?;
    let labels = relabelled(&cluster.labels, changes)?;
    let update = ClusterUpdate { display_name: Patch::Absent, labels: Some(labels), fixed_port: None };
    let mut request = api.request(Method::PATCH, &["clusters", name]).json(&update);
    if let Some(etag) = answer.etag {
        request = request.header(header::IF_MATCH, etag);
    }
    let answer = api.answer(request).await?;
    let format = shell.out.format();
    if format != Format::Table {
        return Ok(shell.out.value(&answer.body, format)?);
    }
    let cluster: Cluster = answer.read()?;
    let labels = labels_of(&cluster.labels);
    let labels = if labels.is_empty() { "no labels".to_owned() } else { format!("labels {labels}") };
    Ok(shell.out.line(format_args!("cluster {} has {labels}", cluster.name))?)
}

async fn port(shell: &mut Shell, api: &Api, name: &str, wanted: bool) -> Result<()> {
    let update = ClusterUpdate { display_name: Patch::Absent, labels: None, fixed_port: Some(wanted) };
    let answer = api.answer(api.request(Method::PATCH, &["clusters", name]).json(&update)).await?;
    let format = shell.out.format();
    if format != Format::Table {
        return Ok(shell.out.value(&answer.body, format)?);
    }
    let cluster: Cluster = answer.read()?;
    match cluster.fixed_port {
        Some(port) => shell.out.line(format_args!("cluster {} is served at port {port}", cluster.name))?,
        None => shell.out.line(format_args!("cluster {} has no port of its own", cluster.name))?,
    }
    Ok(())
}

fn relabelled(now: &BTreeMap<String, String>, changes: &[String]) -> Result<BTreeMap<String, String>> {
    let mut labels = now.clone();
    for change in changes {
        if let Some((key, value)) = change.split_once('=').filter(|(key, _)| !key.is_empty()) {
            labels.insert(key.to_owned(), value.to_owned());
        } else if let Some(key) = change.strip_suffix('-').filter(|key| !key.is_empty()) {
            labels.remove(key);
        } else {
            return Err(Error::usage(format!(
                "{change:?} is no change of a label: give KEY=VALUE to set or KEY- to remove"
            )));
        }
    }
    Ok(labels)
}

async fn detach(shell: &mut Shell, api: &Api, args: &Detach) -> Result<()> {
    let cluster: Cluster = api.get(&["clusters", &args.name]).await?.read()?;
    let (copies, fate) = match args.copies {
        Copies::Orphan => ("orphan", "stays and runs on, without Hanse"),
        Copies::Delete => ("delete", "is deleted"),
    };
    shell
        .out
        .note(format_args!("cluster {} ({}): what was placed there {fate}", cluster.name, cluster.phase));
    shell.confirm(args.yes, &format!("Detach {}?", cluster.name))?;
    let request = api.request(Method::DELETE, &["clusters", &args.name]).query(&[("copies", copies)]);
    api.answer(request).await?;
    Ok(shell.out.line(format_args!("cluster {} detached", cluster.name))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_set_and_removed() {
        let now: BTreeMap<_, _> =
            [("region".to_owned(), "eu".to_owned()), ("old".to_owned(), "1".to_owned())].into();
        let changed = relabelled(&now, &["region=us".into(), "old-".into(), "empty=".into()]).unwrap();
        assert_eq!(labels_of(&changed), "empty=,region=us");
        for bad in ["x", "=1", "-", ""] {
            assert_eq!(relabelled(&now, &[bad.into()]).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }
}
