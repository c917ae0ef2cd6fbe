//! `hanse status`: one federated object over all clusters, now or as it changes.

use std::{ops::ControlFlow, time::Duration};

use chrono::{DateTime, Utc};
use clap::Args;
use hanse_types::{
    error::ErrorCode,
    federated::{ClusterStatus, FederatedStatus},
};
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    client::{Api, read},
    error::{Error, Result},
    kinds::{Kinds, type_and_name},
    live::{self, News},
    object::{self, Object, phase_style},
    output::{Format, Style, clean, paint},
    quantity::ago,
    shell::Shell,
    table::{Cell, Table, or_dash},
};

/// Options of `hanse status`.
#[derive(Clone, Debug, Args)]
pub struct Status {
    /// What to look at, such as deployments.apps/web
    #[arg(value_name = "TYPE/NAME", value_parser = type_and_name)]
    what: (String, String),
    /// Follow it until interrupted
    #[arg(long, short)]
    watch: bool,
    /// Follow it until it is ready everywhere; fails when it is not in time
    #[arg(long)]
    until_ready: bool,
    /// Longest time to follow it, such as 90s, 5m or 1h [default with --until-ready: 5m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    timeout: Option<Duration>,
}

/// Longest wait for readiness when none is given.
const READY_WITHIN: Duration = Duration::from_secs(300);

/// Shows it.
pub(crate) async fn run(shell: &mut Shell, args: &Status) -> Result<()> {
    let api = shell.api()?;
    let (type_, name) = &args.what;
    let kinds = Kinds::load(&api).await?;
    let type_ = kinds.resolve(type_)?;
    let project = if kinds.is_of_platform(&type_) { None } else { Some(shell.project()?) };
    let path = object::path(project.as_deref(), &type_, name);
    let body = api.get(&path).await?.body;
    let mut view = View {
        shown: None,
        until_ready: args.until_ready,
        following: args.watch || args.until_ready,
        lost: false,
    };
    if view.show(shell, &body)? || !view.following {
        return Ok(());
    }
    let topic = path.join("/");
    let limit = args.timeout.or(args.until_ready.then_some(READY_WITHIN));
    let following = follow(shell, &api, &topic, &mut view);
    match limit {
        None => following.await,
        Some(limit) => match timeout(limit, following).await {
            Ok(ended) => ended,
            Err(_) if args.until_ready => Err(view.late(&format!("{type_}/{name}"), limit)),
            Err(_) => Ok(()),
        },
    }
}

async fn follow(shell: &mut Shell, api: &Api, topic: &str, view: &mut View) -> Result<()> {
    let until_ready = view.until_ready;
    let outcome = live::follow(api, topic, |news| {
        match news {
            News::Data(body) => {
                if std::mem::take(&mut view.lost) {
                    shell.out.note("connected again");
                }
                if view.show(shell, &body)? {
                    return Ok(ControlFlow::Break(()));
                }
            }
            News::Lost(why) if !std::mem::replace(&mut view.lost, true) => {
                shell.out.note(format_args!("connection lost ({}); trying again", clean(&why)));
            }
            News::Lost(_) => {}
        }
        Ok(ControlFlow::Continue(()))
    })
    .await;
    match outcome {
        Err(error) if error.code() == Some(ErrorCode::NotFound) && !until_ready => {
            Ok(shell.out.line("it has been deleted")?)
        }
        Err(error) if error.code() == Some(ErrorCode::NotFound) => {
            Err(Error::failed("it has been deleted", ""))
        }
        other => other,
    }
}

/// What has been shown so far.
struct View {
    shown: Option<Object>,
    until_ready: bool,
    following: bool,
    lost: bool,
}

impl View {
    /// Shows the object as it is now; true when there is nothing more to wait for.
    fn show(&mut self, shell: &mut Shell, body: &Value) -> Result<bool> {
        let now = (shell.now)();
        let format = shell.out.format();
        let object: Object = read(body.clone())?;
        let colour = shell.out.colour();
        if format == Format::Json && self.following {
            shell.out.line(body)?;
        } else if format == Format::Yaml && self.following {
            shell.out.line("---")?;
            shell.out.value(body, format)?;
        } else if format != Format::Table {
            shell.out.value(body, format)?;
        } else if !self.following {
            let text = picture(&object, now, colour);
            shell.out.raw(text.as_bytes())?;
        } else if shell.out.is_terminal() {
            let text = picture(&object, now, colour);
            shell.out.redraw(&text)?;
        } else {
            for line in changes(self.shown.as_ref().map(|shown| &shown.status), &object.status) {
                shell.out.line(format_args!("{} {line}", object.status.updated_at.format("%H:%M:%S")))?;
            }
        }
        let ready = object.is_ready();
        self.shown = Some(object);
        Ok(self.until_ready && ready)
    }

    fn late(&self, title: &str, limit: Duration) -> Error {
        let status = self.shown.as_ref().map(|object| &object.status);
        let state = status.map(|status| format!(": {} {}", status.phase, status.message)).unwrap_or_default();
        Error::failed(
            format!("{title} is not ready after {}{}", spoken(limit), state.trim_end()),
            format!("look at it with `hanse status {title}`"),
        )
    }
}

/// Heading, matrix and summary.
fn picture(object: &Object, now: DateTime<Utc>, colour: bool) -> String {
    let status = &object.status;
    let mut table =
        Table::new(&["CLUSTER", "SCHEDULED", "APPLIED", "PHASE", "READY", "DRIFT", "UPDATED", "MESSAGE"]);
    for cluster in &status.clusters {
        table.row(row(cluster, now));
    }
    let home = match &object.project {
        Some(project) => format!("in project {}", clean(project)),
        None => "of the platform".to_owned(),
    };
    let mut text = format!("{} {home}\n\n", clean(&object.title()));
    if table.is_empty() {
        text.push_str("the project has no clusters\n");
    } else {
        text.push_str(&table.render(colour));
    }
    text.push('\n');
    if object.deleted_at.is_some() {
        text.push_str(&paint(colour, Style::Warn, "Deleting"));
        text.push_str(": its copies are being removed\n");
        return text;
    }
    text.push_str(&paint(colour, phase_style(status.phase), status.phase.as_str()));
    text.push_str(&format!(": {}\n", summary(status, object.generation)));
    text
}

fn row(cluster: &ClusterStatus, now: DateTime<Utc>) -> Vec<Cell> {
    let updated = or_dash(cluster.observed_at.map(|at| ago(now, at)));
    if !cluster.scheduled && !cluster.applied {
        let dim = |text: &str| Cell::new(text, Style::Dim);
        return vec![
            cluster.cluster.as_str().into(),
            dim("no"),
            dim("-"),
            dim("-"),
            dim("-"),
            dim("-"),
            updated,
            dim(&cluster.why),
        ];
    }
    let yes = |is: bool| if is { "yes".into() } else { Cell::new("no", Style::Warn) };
    let drift = match cluster.drift.len() {
        0 => "-".into(),
        1 => Cell::new("1 field", Style::Warn),
        many => Cell::new(format!("{many} fields"), Style::Warn),
    };
    vec![
        cluster.cluster.as_str().into(),
        yes(cluster.scheduled),
        yes(cluster.applied),
        Cell::new(cluster.phase.as_str(), phase_style(cluster.phase)),
        object::replicas(cluster.ready_replicas, cluster.replicas).into(),
        drift,
        updated,
        message(cluster).into(),
    ]
}

fn message(cluster: &ClusterStatus) -> String {
    match &cluster.last_error {
        Some(error) if cluster.message.is_empty() => format!("{}: {}", error.reason, error.message),
        _ => cluster.message.clone(),
    }
}

fn summary(status: &FederatedStatus, generation: i64) -> String {
    let mut parts = vec![format!("{} of {} clusters ready", status.clusters_ready, status.clusters_placed)];
    if let Some(wanted) = status.replicas {
        parts.push(format!("{} of {wanted} replicas", status.ready_replicas.unwrap_or(0)));
    }
    if status.observed_generation < generation {
        parts.push(format!("generation {generation} not seen everywhere yet"));
    }
    let mut text = parts.join(", ");
    if !status.message.is_empty() && !text.contains(&status.message) {
        text.push_str("; ");
        text.push_str(&clean(&status.message));
    }
    text
}

/// What is different from what was shown before, one line per cluster and one for the whole.
fn changes(before: Option<&FederatedStatus>, after: &FederatedStatus) -> Vec<String> {
    let of_cluster = |one: &ClusterStatus| {
        if !one.scheduled && !one.applied {
            return format!("{}: not placed", one.cluster);
        }
        let ready = object::replicas(one.ready_replicas, one.replicas);
        let ready = if ready == "-" { String::new() } else { format!(" {ready}") };
        let text = message(one);
        let text = if text.is_empty() { text } else { format!(" ({})", clean(&text)) };
        let applied = if one.applied { "" } else { " not applied" };
        format!("{}: {}{ready}{applied}{text}", one.cluster, one.phase)
    };
    let of_all = |all: &FederatedStatus| {
        let ready = object::replicas(all.ready_replicas, all.replicas);
        let ready = if ready == "-" { String::new() } else { format!(", {ready} replicas") };
        format!("all: {}, {}/{} clusters{ready}", all.phase, all.clusters_ready, all.clusters_placed)
    };
    let mut lines = Vec::new();
    for cluster in &after.clusters {
        let old = before.and_then(|before| before.clusters.iter().find(|old| old.cluster == cluster.cluster));
        let line = of_cluster(cluster);
        if old.map(of_cluster).as_ref() != Some(&line) {
            lines.push(line);
        }
    }
    let line = of_all(after);
    if before.map(of_all).as_ref() != Some(&line) {
        lines.push(line);
    }
    lines
}

/// Reads `90s`, `5m`, `1h`, or seconds alone.
fn duration(text: &str) -> Result<Duration, String> {
    let refuse = || "give a time such as 90s, 5m or 1h".to_owned();
    let (number, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        Some((at, _)) => text.split_at(at),
        None => (text, "s"),
    };
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(refuse()),
    };
    let number: u64 = number.parse().map_err(|_| refuse())?;
    number
        .checked_mul(factor)
        .filter(|seconds| *seconds <= 365 * 86_400)
        .map(Duration::from_secs)
        .ok_or_else(refuse)
}

fn spoken(limit: Duration) -> String {
    match limit.as_secs() {
        seconds if seconds > 0 && seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds > 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cluster(name: &str, phase: &str, ready: i64, message: &str) -> Value {
        json!({"cluster": name, "scheduled": true, "why": "named", "applied": true, "phase": phase, "message": message,
               "replicas": 3, "readyReplicas": ready, "drift": [], "observedAt": "2026-01-01T12:00:00Z"})
    }

    fn object(phase: &str, observed: i64, clusters: &[Value]) -> Object {
        let value = json!({
            "type": "deployments.apps", "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "project": "shop",
            "generation": 2, "spec": {}, "createdAt": "2026-01-01T00:00:00Z",
            "status": {"phase": phase, "message": "", "observedGeneration": observed, "clustersPlaced": 2,
                       "clustersReady": 1, "replicas": 6, "readyReplicas": 4, "aggregated": {}, "clusters": clusters,
                       "updatedAt": "2026-01-01T12:00:01Z"},
        });
        serde_json::from_value(value).unwrap()
    }

    fn two() -> Object {
        let mut drifted = cluster("us", "Degraded", 1, "1 of 3 pods: image cannot be pulled");
        drifted["drift"] = json!([{"path": "/spec/replicas", "expected": 3, "actual": 1, "manager": "kubectl",
                                   "at": "2026-01-01T12:00:00Z"}]);
        let mut waiting = cluster("ap", "Progressing", 0, "");
        waiting["applied"] = json!(false);
        waiting["lastError"] =
            json!({"reason": "CreationFailed", "message": "quota exceeded", "at": "2026-01-01T12:00:00Z"});
        let away = json!({"cluster": "edge-1", "scheduled": false, "why": "not named in placement.clusters",
                          "applied": false, "phase": "Unknown", "message": "", "drift": []});
        object("Degraded", 1, &[cluster("eu", "Ready", 3, ""), drifted, waiting, away])
    }

    #[test]
    fn the_matrix_shows_every_cluster() {
        let now = "2026-01-01T12:00:05Z".parse().unwrap();
        insta::assert_snapshot!(picture(&two(), now, false), @r"
        deployments.apps/web in project shop

        CLUSTER  SCHEDULED  APPLIED  PHASE        READY  DRIFT    UPDATED  MESSAGE
        eu       yes        yes      Ready        3/3    -        5s ago
        us       yes        yes      Degraded     1/3    1 field  5s ago   1 of 3 pods: image cannot be pulled
        ap       yes        no       Progressing  0/3    -        5s ago   CreationFailed: quota exceeded
        edge-1   no         -        -            -      -        -        not named in placement.clusters

        Degraded: 1 of 2 clusters ready, 4 of 6 replicas, generation 2 not seen everywhere yet
        ");
    }

    #[test]
    fn only_what_changed_is_told_again() {
        let before = two();
        insta::assert_snapshot!(changes(None, &before.status).join("\n"), @r"
        eu: Ready 3/3
        us: Degraded 1/3 (1 of 3 pods: image cannot be pulled)
        ap: Progressing 0/3 not applied (CreationFailed: quota exceeded)
        edge-1: not placed
        all: Degraded, 1/2 clusters, 4/6 replicas
        ");
        let mut after = before.clone();
        after.status.clusters[1].ready_replicas = Some(2);
        insta::assert_snapshot!(changes(Some(&before.status), &after.status).join("\n"), @"us: Degraded 2/3 (1 of 3 pods: image cannot be pulled)");
        assert!(changes(Some(&before.status), &before.status).is_empty());
    }

    #[test]
    fn ready_means_the_latest_generation_everywhere() {
        assert!(object("Ready", 2, &[]).is_ready());
        assert!(!object("Ready", 1, &[]).is_ready());
        assert!(!object("Progressing", 2, &[]).is_ready());
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        let seconds = |text: &str| duration(text).map(|time| time.as_secs());
        assert_eq!(
            [seconds("90s"), seconds("5m"), seconds("1h"), seconds("30")],
            [Ok(90), Ok(300), Ok(3600), Ok(30)]
        );
        for bad in ["", "m", "5 m", "-1s", "1d", "99999999999999999999s", "9999999h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!([30, 60, 7200].map(|s| spoken(Duration::from_secs(s))), ["30s", "1m", "2h"]);
    }
}
