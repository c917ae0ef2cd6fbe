//! The ceiling: a bare client that applies the same objects straight to the members and asks for small answers. It
//! has nothing to store, to plan or to watch.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Method, Request, header};
use serde_json::json;

use crate::{
    machine::{Member, Work},
    report::{Action, Phase, System},
    sample::{Kind, PLAIN},
};

const AT_ONCE: usize = 32;
const DEADLINE: Duration = Duration::from_secs(120);
const SMALL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Makes the namespace.
pub async fn prepare(members: &[Member]) -> anyhow::Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLAIN}});
    for member in members {
        let path = format!("/api/v1/namespaces/{PLAIN}?fieldManager=bench&force=true");
        send(member, apply(&path, &body)?).await?;
    }
    Ok(())
}

pub async fn propagate(members: &[Member], kind: Kind, names: &[String]) -> anyhow::Result<Phase> {
    measured(Action::Propagate, members, kind, names, |name| {
        let path = format!("{}?fieldManager=bench&force=true", kind.path(PLAIN, name));
        apply(&path, &kind.object(name))
    })
    .await
}

pub async fn update(members: &[Member], kind: Kind, names: &[String]) -> anyhow::Result<Phase> {
    measured(Action::Update, members, kind, names, |name| {
        let path = format!("{}?fieldManager=bench&force=true", kind.path(PLAIN, name));
        apply(&path, &kind.changed(name))
    })
    .await
}

pub async fn delete(members: &[Member], kind: Kind, names: &[String]) -> anyhow::Result<Phase> {
    measured(Action::Delete, members, kind, names, |name| {
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(kind.path(PLAIN, name))
            .header(header::ACCEPT, SMALL)
            .header(header::CONTENT_TYPE, "application/json");
        Ok(request.body(serde_json::to_vec(&json!({"propagationPolicy": "Background"}))?)?)
    })
    .await
}

async fn measured(
    action: Action,
    members: &[Member],
    kind: Kind,
    names: &[String],
    request: impl Fn(&str) -> anyhow::Result<Request<Vec<u8>>>,
) -> anyhow::Result<Phase> {
    let before = Work::of(members).await?;
    let began = Instant::now();
    let pairs = names.iter().flat_map(|name| members.iter().map(move |member| (name, member)));
    let writes = stream::iter(pairs).map(|(name, member)| {
        let request = request(name);
        async move { send(member, request?).await }
    });
    let all = writes.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) });
    tokio::time::timeout(DEADLINE, all).await.context("the bare client takes too long")??;
    let seconds = began.elapsed().as_secs_f64();
    let work = Work::of(members).await?.since(&before);
    Ok(Phase::new((System::Plain, action, kind), names.len() * members.len(), seconds, work))
}

fn apply(path: &str, body: &serde_json::Value) -> anyhow::Result<Request<Vec<u8>>> {
    let request = Request::patch(path)
        .header(header::ACCEPT, SMALL)
        .header(header::CONTENT_TYPE, "application/apply-patch+yaml");
    Ok(request.body(serde_json::to_vec(body)?)?)
}

async fn send(member: &Member, request: Request<Vec<u8>>) -> anyhow::Result<()> {
    member.client.request_text(request).await.with_context(|| member.name.clone()).map(|_| ())
}
