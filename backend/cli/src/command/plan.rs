//! `hanse plan`: what an apply would do in every cluster, before anything happens.

use clap::Args;
use hanse_types::FieldError;
use serde::Deserialize;
use serde_json::json;

use super::apply;
use crate::{
    difference,
    error::{Error, Result},
    kinds::Kinds,
    object,
    output::{Format, Style, clean},
    shell::Shell,
    table::{Cell, Table, or_dash},
};

/// Options of `hanse plan`.
#[derive(Clone, Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    files: apply::Files,
}

/// The answer to a plan.
#[derive(Clone, Debug, Deserialize)]
struct Answer {
    clusters: Vec<ClusterPlan>,
    #[serde(default)]
    dependencies: Vec<Dependency>,
    #[serde(default)]
    fields: Vec<FieldError>,
}

#[derive(Clone, Debug, Deserialize)]
struct ClusterPlan {
    cluster: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    replicas: Option<i64>,
    #[serde(default)]
    overflow: Option<i64>,
    action: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    differences: Vec<difference::Difference>,
}

#[derive(Clone, Debug, Deserialize)]
struct Dependency {
    kind: String,
    #[serde(default)]
    name: Option<String>,
}

/// Runs it.
pub(crate) async fn run(shell: &mut Shell, args: &Plan) -> Result<()> {
    let wanted = apply::read(shell, &args.files)?;
    let api = shell.api()?;
    let kinds = Kinds::load(&api).await?;
    let mut items = Vec::new();
    let mut refused = 0;
    for one in &wanted {
        let existing = apply::current(&api, &kinds, one).await?;
        let body = one.body(existing.as_ref().and_then(|answer| answer.body.get("spec")))?;
        let answer = api
            .post(&object::below(one.home(&kinds), &["plan"]), &body)
            .await
            .map_err(|error| one.explain(error))?;
        let plan: Answer = answer.read()?;
        if !plan.fields.is_empty() {
            refused += 1;
        }
        if shell.out.format() == Format::Table {
            if !items.is_empty() {
                shell.out.line("")?;
            }
            let home = one.home(&kinds);
            let title = match home {
                Some(project) => format!("{} in project {project}", one.title()),
                None => format!("{} of the platform", one.title()),
            };
            let text = render(&title, &plan, shell.out.colour());
            shell.out.raw(text.as_bytes())?;
        }
        items.push(json!({
            "apiVersion": one.api_version, "kind": one.kind, "name": one.name, "project": one.home(&kinds),
            "plan": answer.body,
        }));
    }
    let format = shell.out.format();
    if format != Format::Table {
        shell.out.value(&json!({"items": items}), format)?;
    }
    match refused {
        0 => Ok(()),
        1 if wanted.len() == 1 => Err(Error::Several("it would be refused".to_owned())),
        refused => Err(Error::Several(format!("{refused} of {} documents would be refused", wanted.len()))),
    }
}

/// Colour of an action.
pub(crate) fn action_style(action: &str) -> Style {
    match action {
        "Create" => Style::Good,
        "Update" | "Wait" => Style::Warn,
        "Delete" | "Release" => Style::Bad,
        _ => Style::Dim,
    }
}

/// Replicas with those on top that a full cluster was asked for.
pub(crate) fn replicas(replicas: Option<i64>, overflow: Option<i64>) -> Cell {
    match overflow.filter(|overflow| *overflow > 0) {
        Some(overflow) => format!("{}+{overflow}", replicas.unwrap_or(0)).into(),
        None => or_dash(replicas),
    }
}

/// Why a cluster is selected or not, and what stands in the way.
pub(crate) fn why(why: &str, message: &str) -> String {
    match (why, message) {
        (why, "") => why.to_owned(),
        ("", message) => message.to_owned(),
        (why, message) => format!("{why}; {message}"),
    }
}

fn render(title: &str, plan: &Answer, colour: bool) -> String {
    let mut text = format!("{title}\n\n");
    let mut table = Table::new(&["CLUSTER", "ACTION", "REPLICAS", "WHY"]);
    for cluster in &plan.clusters {
        table.row(vec![
            cluster.cluster.as_str().into(),
            Cell::new(&cluster.action, action_style(&cluster.action)),
            replicas(cluster.replicas, cluster.overflow),
            why(&cluster.why, &cluster.message).into(),
        ]);
    }
    if table.is_empty() {
        text.push_str("the project has no clusters\n");
    } else {
        text.push_str(&table.render(colour));
    }
    let changes: Vec<(&str, &[difference::Difference])> = plan
        .clusters
        .iter()
        .filter(|cluster| cluster.action == "Update")
        .map(|cluster| (cluster.cluster.as_str(), cluster.differences.as_slice()))
        .collect();
    text.push_str(&difference::render(&changes, colour));
    if !plan.dependencies.is_empty() {
        let named =
            |one: &Dependency| format!("{} {}", one.kind, one.name.as_deref().unwrap_or("chosen by label"));
        let names: Vec<String> = plan.dependencies.iter().map(named).collect();
        text.push_str(&format!("\nrefers to: {}\n", clean(&names.join(", "))));
    }
    if !plan.fields.is_empty() {
        text.push_str("\nwould be refused:\n");
        for field in &plan.fields {
            text.push_str(&format!("  {}: {}\n", clean(&field.field), clean(&field.message)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::read;

    #[test]
    fn a_plan_reads_from_where_to_what() {
        let answer = json!({
            "clusters": [
                {"cluster": "eu", "selected": true, "why": "named in placement.clusters", "replicas": 3, "overflow": null,
                 "action": "Update", "status": "", "message": "",
                 "differences": [{"path": "/spec/replicas", "from": 2, "to": 3},
                                 {"path": "/metadata/labels/tier", "to": "web"}]},
                {"cluster": "us", "selected": true, "why": "named in placement.clusters", "replicas": 3, "overflow": 1,
                 "action": "Update", "status": "", "message": "",
                 "differences": [{"path": "/spec/replicas", "from": 2, "to": 3},
                                 {"path": "/metadata/labels/tier", "to": "web"}]},
                {"cluster": "edge-1", "selected": false, "why": "not named in placement.clusters", "replicas": null,
                 "action": "Delete", "status": "", "message": "", "differences": []},
                {"cluster": "edge-2", "selected": true, "why": "named in placement.clusters", "replicas": 3,
                 "action": "Wait", "status": "ClusterNotReady", "message": "unreachable since 10:00", "differences": []},
            ],
            "dependencies": [{"apiVersion": "v1", "kind": "Secret", "name": "tls"}],
            "fields": [{"field": "spec.overrides[0].clusters[1]", "message": "no cluster \"moon\""}],
        });
        let plan: Answer = read(answer).unwrap();
        insta::assert_snapshot!(render("Deployment web in project shop", &plan, false), @r#"
        Deployment web in project shop

        CLUSTER  ACTION  REPLICAS  WHY
        eu       Update  3         named in placement.clusters
        us       Update  3+1       named in placement.clusters
        edge-1   Delete  -         not named in placement.clusters
        edge-2   Wait    3         named in placement.clusters; unreachable since 10:00

        --- eu, us (now)
        +++ eu, us (planned)
        @@ /spec/replicas @@
        - 2
        + 3
        @@ /metadata/labels/tier @@
        + "web"

        refers to: Secret tls

        would be refused:
          spec.overrides[0].clusters[1]: no cluster "moon"
        "#);
    }

    #[test]
    fn a_project_without_clusters_is_said_to_have_none() {
        let plan = Answer { clusters: vec![], dependencies: vec![], fields: vec![] };
        assert_eq!(
            render("ConfigMap a in project p", &plan, false),
            "ConfigMap a in project p\n\nthe project has no clusters\n"
        );
    }
}
