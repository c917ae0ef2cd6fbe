//! The probe ladder as it is climbed: each step is printed the moment the server has taken it, with what to do when
//! it did not hold.

use hanse_types::{
    cluster::ClusterProbe,
    probe::{ProbeReport, ProbeResult, ProbeState},
};
use reqwest::{Method, header};
use serde_json::Value;

use crate::{
    client::{Api, read},
    error::{Error, Result},
    output::{Format, Style, clean},
    quantity::milliseconds,
    shell::Shell,
};

/// The longest line that is taken for a step or a report.
const MAX_LINE: usize = 1024 * 1024;

/// Climbs the ladder, printing each step. With JSON or YAML as the format, the steps go to standard error.
pub(crate) async fn run(
    shell: &mut Shell,
    api: &Api,
    kubeconfig: &str,
    context: Option<&str>,
) -> Result<ProbeReport> {
    let probe = ClusterProbe { kubeconfig: kubeconfig.to_owned(), context: context.map(ToOwned::to_owned) };
    let request = api.request(Method::POST, &["clusters", "probe"]);
    let mut response = api.send(request.header(header::ACCEPT, "application/x-ndjson").json(&probe)).await?;
    let mut pending = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| api.unreachable(&error))?;
        let ended = chunk.is_none();
        pending.extend_from_slice(&chunk.unwrap_or_default());
        if ended {
            pending.push(b'\n');
        }
        while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            if let Some(report) = take(shell, &line)? {
                return Ok(report);
            }
        }
        if ended || pending.len() > MAX_LINE {
            return Err(Error::failed("the server broke off the probing", "run the command again"));
        }
    }
}

/// One line of the answer: a step, the report at the end, or an error instead of it.
fn take(shell: &mut Shell, line: &[u8]) -> Result<Option<ProbeReport>> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let value: Value = serde_json::from_slice(line)
        .map_err(|error| Error::failed(format!("the server's answer cannot be understood: {error}"), ""))?;
    if let Some(error) = value.get("error") {
        let message = error.get("message").and_then(Value::as_str).unwrap_or("the probing failed");
        return Err(Error::failed(message, ""));
    }
    if value.get("steps").is_some() {
        return read(value).map(Some);
    }
    let step: ProbeResult = read(value)?;
    let text = describe(shell, &step);
    if shell.out.format() == Format::Table {
        shell.out.line(text)?;
    } else {
        shell.out.note(text);
    }
    Ok(None)
}

fn describe(shell: &Shell, result: &ProbeResult) -> String {
    let (mark, style) = match result.state {
        ProbeState::Passed => ("✓", Style::Good),
        ProbeState::Warning => ("!", Style::Warn),
        ProbeState::Failed => ("✗", Style::Bad),
        ProbeState::Skipped => ("·", Style::Dim),
    };
    let mark = shell.out.paint(style, mark);
    let took = match result.state {
        ProbeState::Skipped => String::new(),
        _ => shell.out.paint(Style::Dim, &format!(" ({})", milliseconds(result.duration_ms))),
    };
    let mut text = format!("{mark} {:<15} {}{took}", result.step.as_str(), clean(&result.message));
    if let Some(fix) = &result.fix {
        text.push_str(&format!("\n  {:<15} fix: {}", "", clean(fix)));
    }
    text.trim_end().to_owned()
}

/// Ends a command whose ladder, shown step by step, did not reach its top.
pub(crate) fn stopped(report: &ProbeReport) -> Error {
    let at = failed_step(report).map_or("its end", |step| step.step.as_str());
    Error::failed(format!("the cluster cannot be taken in: the probing stopped at {at}, see above"), "")
}

/// Why a ladder that was not shown refuses the cluster.
pub(crate) fn refusal(report: &ProbeReport) -> Error {
    let failed = failed_step(report);
    let message = match failed {
        Some(step) => format!("the cluster cannot be taken in: {}", step.message),
        None => "the cluster cannot be taken in: the probing did not pass".to_owned(),
    };
    let next = failed.and_then(|step| step.fix.clone()).unwrap_or_default();
    Error::failed(message, next)
}

/// The step at which it stopped.
pub(crate) fn failed_step(report: &ProbeReport) -> Option<&ProbeResult> {
    report.steps.iter().find(|step| step.state == ProbeState::Failed)
}
