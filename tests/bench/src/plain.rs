//! The ceilings: a bare client that writes the same objects straight to the members and asks for small answers, 32 at a
//! time, once by server-side apply and once by plain creates and updates. It has nothing to store, to plan or to watch.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request, header};
use serde_json::{Value, json};

use crate::{
    batches::{Action, Phase, System},
    machine::{Member, Work},
    sample::{Kind, PLAIN},
};

/// Requests under way at a time: of the bare client to members, and of whoever asks Hanse.
pub const AT_ONCE: usize = 32;
const DEADLINE: Duration = Duration::from_secs(120);
const SMALL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Makes the namespace.
pub async fn prepare(members: &[Member]) -> anyhow::Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLAIN}});
    for member in members {
        send(member, apply(&format!("/api/v1/namespaces/{PLAIN}"), &body)?).await?;
    }
    Ok(())
}

/// Does one thing with every object in every member.
pub async fn batch(
    members: &[Member],
    (system, action, kind): (System, Action, Kind),
    names: &[String],
) -> anyhow::Result<Phase> {
    let before = Work::before(members).await?;
    let began = Instant::now();
    let pairs = names.iter().flat_map(|name| members.iter().map(move |member| (name, member)));
    let writes = stream::iter(pairs).map(|(name, member)| {
        let request = request(system, action, kind, name);
        async move { send(member, request?).await }
    });
    let all = writes.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) });
    tokio::time::timeout(DEADLINE, all).await.context("the bare client takes too long")??;
    let seconds = began.elapsed().as_secs_f64();
    let work = Work::since(members, &before).await?;
    Ok(Phase::new((system, action, kind), (names.len(), members.len()), seconds, work))
}

fn request(system: System, action: Action, kind: Kind, name: &str) -> anyhow::Result<Request<Vec<u8>>> {
    let path = kind.path(PLAIN, name);
    match (action, system) {
        (Action::Delete, _) => write(Method::DELETE, &path, &json!({"propagationPolicy": "Background"})),
        (Action::Propagate, System::Create) => {
            write(Method::POST, path.trim_end_matches(name).trim_end_matches('/'), &kind.object(name))
        }
        (Action::Update, System::Create) => write(Method::PUT, &path, &kind.changed(name)),
        (Action::Propagate, _) => apply(&path, &kind.object(name)),
        (Action::Update, _) => apply(&path, &kind.changed(name)),
    }
}

fn write(method: Method, path: &str, body: &Value) -> anyhow::Result<Request<Vec<u8>>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, SMALL)
        .header(header::CONTENT_TYPE, "application/json");
    Ok(request.body(serde_json::to_vec(body)?)?)
}

/// A server-side apply.
pub fn apply(path: &str, body: &Value) -> anyhow::Result<Request<Vec<u8>>> {
    let request = Request::patch(format!("{path}?fieldManager=bench&force=true"))
        .header(header::ACCEPT, SMALL)
        .header(header::CONTENT_TYPE, "application/apply-patch+yaml");
    Ok(request.body(serde_json::to_vec(body)?)?)
}

/// A JSON merge patch.
pub fn patch(path: &str, body: &Value) -> anyhow::Result<Request<Vec<u8>>> {
    let request = Request::patch(path)
        .header(header::ACCEPT, SMALL)
        .header(header::CONTENT_TYPE, "application/merge-patch+json");
    Ok(request.body(serde_json::to_vec(body)?)?)
}

pub async fn send(member: &Member, request: Request<Vec<u8>>) -> anyhow::Result<()> {
    member.client.request_text(request).await.with_context(|| member.name.clone()).map(|_| ())
}
