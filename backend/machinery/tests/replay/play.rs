//! Playing sequences and comparing.

use std::time::{Duration, Instant};

use hanse_harness::{ControlPlanes, Raw, unique};
use serde_json::{Value, json};

use super::{
    kinds::{self, Case},
    model::{Body, Request},
    random::Random,
};

const STEPS: usize = 14;

pub fn path(case: &Case, namespace: &str, name: &str, subresource: &str) -> String {
    let kind = &case.subject.kind;
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    let mut path = format!("/{root}/{}", kind.api_version());
    if kind.namespaced {
        path.push_str(&format!("/namespaces/{namespace}"));
    }
    path.push_str(&format!("/{}", kind.plural));
    for part in [name, subresource].into_iter().filter(|part| !part.is_empty()) {
        path.push_str(&format!("/{part}"));
    }
    path
}

/// Sends a request as it is.
pub async fn send(raw: &Raw, case: &Case, namespace: &str, name: &str, request: &Request) -> (u16, Value) {
    let (method, content_type, body) = match &request.body {
        Body::Create(body) => ("POST", "application/json", body),
        Body::Update(body) => ("PUT", "application/json", body),
        Body::Merge(body) => ("PATCH", "application/merge-patch+json", body),
        Body::Strategic(body) => ("PATCH", "application/strategic-merge-patch+json", body),
        Body::Json(body) => ("PATCH", "application/json-patch+json", body),
        Body::Apply { config, .. } => ("PATCH", "application/apply-patch+yaml", config),
    };
    let name = if method == "POST" { "" } else { name };
    let mut path = path(case, namespace, name, request.subresource);
    path.push_str(&format!("?fieldManager={}&fieldValidation=Ignore", request.manager));
    if matches!(request.body, Body::Apply { force: true, .. }) {
        path.push_str("&force=true");
    }
    let headers = [("content-type", content_type), ("accept", "application/json")];
    let answer = raw.send(method, &path, &headers, body.to_string().into_bytes()).await.unwrap();
    (answer.code, answer.json())
}

/// Without what differs from run to run.
fn timeless(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for gone in ["uid", "resourceVersion", "creationTimestamp"] {
            metadata.remove(gone);
        }
        for entry in metadata.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(time) = entry.get_mut("time") {
                *time = "some".into();
            }
        }
        // Entries are ordered by time, to the second: which of two is earlier is a matter of luck here.
        if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            entries.sort_by_key(|entry| {
                let text = |name: &str| entry.get(name).map(ToString::to_string);
                (text("operation"), text("manager"), text("subresource"))
            });
        }
    }
    // Causes of several managers come in any order.
    if let Some(causes) = object.pointer_mut("/details/causes").and_then(Value::as_array_mut) {
        causes.sort_by_key(ToString::to_string);
        // Metadata of custom objects is validated more than once.
        causes.dedup();
    }
    object
}

/// Where two values differ first.
fn difference(path: &str, real: &Value, ours: &Value, out: &mut Vec<String>) {
    match (real, ours) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let (a, b) = (a.get(name), b.get(name));
                match (a, b) {
                    (Some(a), Some(b)) => difference(&format!("{path}/{name}"), a, b, out),
                    _ => out.push(format!("{path}/{name}: real {a:?}, ours {b:?}")),
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                difference(&format!("{path}/{index}"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{path}: real {a}, ours {b}")),
    }
}

/// Whether an apiserver refused what a kind itself does not allow: the machinery knows no kind's own rules.
fn is_rule_of_the_kind(real: &(u16, Value)) -> bool {
    let causes = real.1.pointer("/details/causes").and_then(Value::as_array);
    let field = |cause: &Value| cause["field"].as_str().unwrap_or_default().to_owned();
    real.0 == 422
        && causes.is_some_and(|causes| {
            causes.iter().map(field).all(|field| !field.starts_with("metadata") && field != "patch")
        })
}

fn compare(real: &(u16, Value), ours: &Result<Value, hanse_machinery::Status>) -> Vec<String> {
    let mut out = Vec::new();
    if is_rule_of_the_kind(real) {
        let causes = |body: &Value| {
            body.pointer("/details/causes").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let theirs = causes(&real.1);
        // What the machinery does know of such rules it must say in the same words.
        match ours {
            Ok(_) => return out,
            Err(ours) if causes(&ours.to_value()).iter().all(|cause| theirs.contains(cause)) => return out,
            Err(_) => {}
        }
    }
    let (code, body) = match ours {
        Ok(object) => (if real.0 == 201 { 201 } else { 200 }, object.clone()),
        Err(status) => (status.code, status.to_value()),
    };
    if code != real.0 {
        out.push(format!(
            "code: real {}, ours {code}: {}",
            real.0,
            if real.0 > 300 { &real.1 } else { &body }
        ));
        return out;
    }
    difference("", &timeless(&real.1), &timeless(&body), &mut out);
    out
}

/// Plays one sequence; answers with what differed and how many answers were errors.
pub async fn sequence(raw: &Raw, namespace: &str, case: &Case, number: u64) -> (Vec<String>, usize) {
    let mut random = Random::new(number);
    let name = format!("{}-{number}", case.subject.kind.singular);
    let mut live: Option<Value> = None;
    let mut trace = Vec::new();
    let mut refused = 0;
    for _ in 0..STEPS {
        let request = case.request(&mut random, live.as_ref(), &name, namespace);
        let real = send(raw, case, namespace, &name, &request).await;
        let ours = case.subject.answer(live.as_ref(), &request, namespace);
        let differences = compare(&real, &ours);
        trace.push(format!("{request:?}"));
        if !differences.is_empty() {
            let mut report = vec![format!("{}:{number}, step {}", case.name, trace.len())];
            report.push(format!("  request {}", trace.last().unwrap()));
            if std::env::var_os("HANSE_REPLAY").is_some() {
                report.push(format!("  before {}", live.unwrap_or_default()));
            }
            report.extend(differences.iter().map(|difference| format!("  {difference}")));
            return (report, refused);
        }
        if real.0 < 300 {
            live = Some(real.1);
        } else {
            refused += 1;
        }
    }
    raw.send("DELETE", &path(case, namespace, &name, ""), &[], Vec::new()).await.unwrap();
    (Vec::new(), refused)
}

pub async fn namespace(raw: &Raw) -> String {
    let name = unique("replay");
    let body = json!({"metadata": {"name": name}}).to_string().into_bytes();
    let headers = [("content-type", "application/json")];
    assert_eq!(raw.send("POST", "/api/v1/namespaces", &headers, body).await.unwrap().code, 201);
    name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_of_writes_end_as_on_an_apiserver() {
    let raw = Raw::to(ControlPlanes::shared().await.cluster("bremen")).await;
    let namespace = namespace(&raw).await;
    let cases = kinds::cases(&raw).await;
    let only = std::env::var("HANSE_REPLAY").ok();
    let count: u64 =
        std::env::var("HANSE_REPLAY_COUNT").ok().and_then(|text| text.parse().ok()).unwrap_or(12);
    let began = Instant::now();
    let mut reports = Vec::new();
    let (mut played, mut refused) = (0, 0);
    for case in cases {
        let case = std::sync::Arc::new(case);
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..count {
            if only
                .as_ref()
                .is_some_and(|only| *only != format!("{}:{number}", case.name) && *only != case.name)
            {
                continue;
            }
            let (raw, namespace, case) = (raw.clone(), namespace.clone(), std::sync::Arc::clone(&case));
            tasks.spawn(async move { sequence(&raw, &namespace, &case, number).await });
        }
        for (report, errors) in tasks.join_all().await {
            played += 1;
            refused += errors;
            reports.extend((!report.is_empty()).then(|| report.join("\n")));
        }
    }
    reports.sort_by_key(String::len);
    eprintln!("{played} sequences, {refused} refusals, {:?}", began.elapsed());
    assert!(
        reports.is_empty(),
        "{} of {played} sequences differ:\n{}",
        reports.len(),
        reports.iter().take(12).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(only.is_some() || refused > 0, "no request was refused: errors were not compared");
    assert!(only.is_some() || count > 12 || began.elapsed() < Duration::from_secs(40));
}
