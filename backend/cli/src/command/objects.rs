//! `hanse get` and `hanse delete`: federated objects of a project, or of a cluster-scoped kind.

use clap::Args;
use hanse_types::ClusterName;
use serde_json::{Value, json};

use crate::{
    client::{Api, read},
    error::Result,
    kinds::{Kinds, type_and_name},
    object::{self, Object, phase_style},
    output::{Format, Style},
    quantity::age,
    shell::Shell,
    table::{Cell, Table},
};

/// Options of `hanse get`.
#[derive(Clone, Debug, Args)]
pub struct Get {
    /// A type such as deployments.apps, or one object such as deployments.apps/web; everything when left out
    #[arg(value_name = "TYPE[/NAME]")]
    what: Option<String>,
    /// Only objects whose name contains this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

/// Shows them.
pub(crate) async fn get(shell: &mut Shell, args: &Get) -> Result<()> {
    let api = shell.api()?;
    let format = shell.out.format();
    let (type_, name) = match args.what.as_deref().map(|what| what.split_once('/').ok_or(what)) {
        None => (None, None),
        Some(Err(type_)) => (Some(type_), None),
        Some(Ok((type_, name))) => (Some(type_), Some(name)),
    };
    let (type_, of_platform) = match type_ {
        Some(type_) => {
            let kinds = Kinds::load(&api).await?;
            let type_ = kinds.resolve(type_)?;
            let of_platform = kinds.is_of_platform(&type_);
            (Some(type_), of_platform)
        }
        None => (None, false),
    };
    let project = if of_platform { None } else { Some(shell.project()?) };
    let project = project.as_deref();
    if let (Some(type_), Some(name)) = (&type_, name) {
        let body = api.get(&object::path(project, type_, name)).await?.body;
        if format != Format::Table {
            return Ok(shell.out.value(&body, format)?);
        }
        return show(shell, vec![body], "");
    }
    let mut query = Vec::new();
    if let Some(type_) = &type_ {
        query.push(("type", type_.as_str()));
    }
    if let Some(search) = &args.search {
        query.push(("search", search));
    }
    if format != Format::Table {
        query.push(("full", "true"));
    }
    let items = api.list(&object::below(project, &["federated-objects"]), &query).await?;
    if format != Format::Table {
        return Ok(shell.out.value(&json!({"items": items}), format)?);
    }
    let nothing = project.map_or_else(
        || "nothing of this kind is federated".to_owned(),
        |project| format!("nothing is federated in project {project}"),
    );
    show(shell, items, &nothing)
}

fn show(shell: &mut Shell, items: Vec<Value>, when_empty: &str) -> Result<()> {
    let now = (shell.now)();
    let mut table = Table::new(&["OBJECT", "PHASE", "CLUSTERS", "REPLICAS", "AGE", "MESSAGE"]);
    for item in items {
        let object: Object = read(item)?;
        let status = &object.status;
        let phase = match object.deleted_at {
            Some(_) => Cell::new("Deleting", Style::Warn),
            None => Cell::new(status.phase.as_str(), phase_style(status.phase)),
        };
        table.row(vec![
            object.title().into(),
            phase,
            format!("{}/{}", status.clusters_ready, status.clusters_placed).into(),
            object::replicas(status.ready_replicas, status.replicas).into(),
            age(now - object.created_at).into(),
            status.message.as_str().into(),
        ]);
    }
    Ok(shell.out.table(&table, when_empty)?)
}

/// Options of `hanse delete`.
#[derive(Clone, Debug, Args)]
pub struct Delete {
    /// What to delete, such as deployments.apps/web; several may be given
    #[arg(required = true, value_name = "TYPE/NAME", value_parser = type_and_name)]
    what: Vec<(String, String)>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Let the server check everything and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// Says what goes where, asks, and deletes.
pub(crate) async fn delete(shell: &mut Shell, args: &Delete) -> Result<()> {
    let api = shell.api()?;
    let kinds = Kinds::load(&api).await?;
    let mut objects = Vec::new();
    for (type_, name) in &args.what {
        let type_ = kinds.resolve(type_)?;
        let project = if kinds.is_of_platform(&type_) { None } else { Some(shell.project()?) };
        let object: Object = api.get(&object::path(project.as_deref(), &type_, name)).await?.read()?;
        shell.out.note(fate(&object));
        objects.push(object);
    }
    let question = match objects.as_slice() {
        [one] => format!("Delete {}?", one.title()),
        many => format!("Delete these {}?", many.len()),
    };
    shell.confirm(args.yes || args.dry_run, &question)?;
    let mut items = Vec::new();
    for object in &objects {
        items.push(remove(shell, &api, object, args.dry_run).await?);
    }
    match shell.out.format() {
        Format::Table => Ok(()),
        format => Ok(shell.out.value(&json!({"items": items}), format)?),
    }
}

async fn remove(shell: &mut Shell, api: &Api, object: &Object, dry_run: bool) -> Result<Value> {
    let path = object::path(object.project.as_deref(), &object.type_, &object.name);
    let request = api.request(reqwest::Method::DELETE, &path);
    let request = if dry_run { request.query(&[("dryRun", "true")]) } else { request };
    let answer = api.answer(request).await?;
    if shell.out.format() == Format::Table {
        let dry = if dry_run { " (dry run)" } else { "" };
        shell.out.line(format_args!("{} deleted{dry}", object.title()))?;
    }
    Ok(answer.body)
}

/// What deleting it will do.
fn fate(object: &Object) -> String {
    let of = |wanted: fn(&hanse_types::federated::ClusterStatus) -> bool| -> Vec<&str> {
        object
            .status
            .clusters
            .iter()
            .filter(|one| wanted(one))
            .map(|one| ClusterName::as_str(&one.cluster))
            .collect()
    };
    let placed = of(|one| one.scheduled || one.applied);
    let title = object.title();
    if placed.is_empty() {
        return format!("{title}: has no copies");
    }
    let clusters = placed.join(", ");
    if object.spec.pointer("/policy/deletion").and_then(Value::as_str) == Some("Orphan") {
        return format!(
            "{title}: its copies stay in {clusters} and are no longer managed (policy.deletion is Orphan)"
        );
    }
    let away =
        of(|one| (one.scheduled || one.applied) && one.phase == hanse_types::federated::Phase::Unknown);
    let later = match away.as_slice() {
        [] => String::new(),
        away => format!("; from {} once reachable again", away.join(", ")),
    };
    format!("{title}: goes from {clusters}{later}")
}
