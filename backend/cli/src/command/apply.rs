//! `hanse apply`: makes what files say true. Everything is read and checked before anything is sent; what is sent is
//! sent in the order of the files, and one refusal does not stop the rest.

use std::path::PathBuf;

use clap::Args;
use hanse_types::error::ErrorCode;
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::{
    client::{Answer, Api},
    documents::{self, Limits},
    error::{Error, Result},
    kinds::Kinds,
    manifest::{PlacementArgs, Wanted},
    object,
    output::{Format, Style},
    shell::Shell,
};

/// Options of `hanse apply`.
#[derive(Clone, Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    pub(crate) files: Files,
    /// Let the server check everything and store nothing
    #[arg(long)]
    dry_run: bool,
}

/// Which documents, and where plain ones go.
#[derive(Clone, Debug, Args)]
pub struct Files {
    /// File or folder of YAML or JSON documents; - reads standard input. May be given several times
    #[arg(long = "file", short, required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    placement: PlacementArgs,
}

/// What became of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Created,
    Configured,
    Unchanged,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
        }
    }
}

/// Reads every document of the files.
pub(crate) fn read(shell: &mut Shell, files: &Files) -> Result<Vec<Wanted>> {
    let target = shell.target()?;
    let mut wanted = Vec::new();
    for source in documents::sources(&files.files, &mut shell.input, Limits::MANIFEST)? {
        for document in
            documents::parse(&source, Limits::MANIFEST)?.into_iter().flat_map(documents::Document::flattened)
        {
            wanted.push(Wanted::of(document, &files.placement, &shell.globals, target.project.as_deref())?);
        }
    }
    Ok(wanted)
}

/// The object as it is now, if it is there.
pub(crate) async fn current(api: &Api, kinds: &Kinds, wanted: &Wanted) -> Result<Option<Answer>> {
    let project = wanted.home(kinds);
    let Some(type_) = kinds.of_object(&wanted.api_version, &wanted.kind) else {
        return object::find(api, project, &wanted.api_version, &wanted.kind, &wanted.name).await;
    };
    match api.get(&object::path(project, type_, &wanted.name)).await {
        Ok(answer) => Ok(Some(answer)),
        // Also when the project is not there; creating then says so.
        Err(error) if error.code() == Some(ErrorCode::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs it.
pub(crate) async fn run(shell: &mut Shell, args: &Apply) -> Result<()> {
    let wanted = read(shell, &args.files)?;
    let api = shell.api()?;
    let kinds = Kinds::load(&api).await?;
    let mut done = Vec::new();
    let mut failed = 0;
    for one in &wanted {
        match send(&api, &kinds, one, args.dry_run).await {
            Ok((outcome, answer)) => done.push(tell(shell, outcome, &answer, args.dry_run)?),
            Err(error) if concerns_one(&error) && wanted.len() > 1 => {
                failed += 1;
                shell.out.note(error.report());
            }
            Err(error) => return Err(error),
        }
    }
    let format = shell.out.format();
    if format != Format::Table {
        shell.out.value(&json!({"items": done}), format)?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(Error::Several(format!("{failed} of {} documents could not be applied", wanted.len()))),
    }
}

/// Whether the next document may still do better.
fn concerns_one(error: &Error) -> bool {
    match error {
        Error::Usage(_) => true,
        Error::Api { error, .. } => !matches!(
            error.code,
            ErrorCode::Unauthenticated | ErrorCode::Unavailable | ErrorCode::TooManyRequests
        ),
        _ => false,
    }
}

async fn send(api: &Api, kinds: &Kinds, wanted: &Wanted, dry_run: bool) -> Result<(Outcome, Value)> {
    let existing = current(api, kinds, wanted).await?;
    let body = wanted.body(existing.as_ref().and_then(|answer| answer.body.get("spec")))?;
    let request = match &existing {
        None => api.request(Method::POST, &object::below(wanted.home(kinds), &["federated-objects"])),
        Some(answer) => {
            let type_ = answer.body.get("type").and_then(Value::as_str).unwrap_or_default();
            let request = api.request(Method::PUT, &object::path(wanted.home(kinds), type_, &wanted.name));
            match &answer.etag {
                Some(etag) => request.header(header::IF_MATCH, etag),
                None => request,
            }
        }
    };
    let request = if dry_run { request.query(&[("dryRun", "true")]) } else { request };
    let answer = api.answer(request.json(&body)).await.map_err(|error| wanted.explain(error))?;
    let generation = |body: &Value| body.get("generation").and_then(Value::as_i64);
    let outcome = match &existing {
        None => Outcome::Created,
        Some(before) if generation(&before.body) == generation(&answer.body) => Outcome::Unchanged,
        Some(_) => Outcome::Configured,
    };
    Ok((outcome, answer.body))
}

fn tell(shell: &mut Shell, outcome: Outcome, answer: &Value, dry_run: bool) -> Result<Value> {
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    if shell.out.format() == Format::Table {
        let style = if outcome == Outcome::Unchanged { Style::Dim } else { Style::Good };
        let word = shell.out.paint(style, outcome.as_str());
        let dry = if dry_run { " (dry run)" } else { "" };
        shell.out.line(format_args!("{}/{} {word}{dry}", text("type"), text("name")))?;
    }
    Ok(json!({
        "type": text("type"),
        "name": text("name"),
        "project": answer.get("project"),
        "outcome": outcome.as_str(),
        "generation": answer.get("generation"),
        "dryRun": dry_run,
    }))
}
