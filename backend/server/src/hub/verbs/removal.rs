//! Removing objects.

use std::{sync::Arc, time::Instant};

use hanse_machinery::{Status, meta, protobuf, strict};
use hanse_types::error::ErrorCode;
use serde_json::{Value, json};

use super::{
    Answer, Request, Result, Selection,
    change::{PATIENCE, is_race},
};
use crate::{
    federation::accept,
    hub::{access::Need, fault::Fault, render, shelf::Item, write},
};

/// `DELETE` of one object.
pub async fn delete(request: &Request) -> Result<Answer> {
    request.decide(Need::Remove).await?;
    let options = delete_options(request)?;
    // Most clients ask for nothing that depends on the very latest: then what was seen last will do, and the transaction
    // finds out whether it still is so. What holds a FederatedNamespace is read from what is shown of it, which then must
    // be the latest.
    let seen = if options.is_plain() { request.seen(&request.path.name) } else { None };
    let item = match seen {
        Some(item) => item,
        None => request.existing().await?,
    };
    let removed = remove(request, item, &options, |_| true).await?;
    let (item, left) = removed.ok_or_else(|| request.missing(&request.path.name))?;
    answer(request, &item, left).await
}

/// Removes an object that was seen, or when it was changed since, what has its name now and is meant, too. Gives it with
/// what is left of it; none when there is nothing to remove any more.
async fn remove(
    request: &Request,
    mut item: Arc<Item>,
    options: &meta::DeleteOptions,
    is_meant: impl Fn(&Item) -> bool,
) -> Result<Option<(Arc<Item>, Option<accept::Left>)>> {
    let began = Instant::now();
    loop {
        let gone = match request.writer().delete(&item, options).await {
            Ok(left) => return Ok(Some((item, left))),
            Err(Fault::Error(error)) if error.code == ErrorCode::NotFound => true,
            Err(Fault::Error(error)) if is_race(&error) => false,
            Err(fault) => return Err(fault),
        };
        let found = request.find(&item.key.1).await?;
        let meant = found.filter(|latest| is_meant(latest) && !(gone && latest.id == item.id));
        let Some(latest) = meant else { return Ok(None) };
        if began.elapsed() >= PATIENCE {
            return Err(write::modified(&request.kind, &item.key.1).into());
        }
        item = latest;
    }
}

async fn answer(request: &Request, item: &Item, left: Option<accept::Left>) -> Result<Answer> {
    if request.op.request.dry_run {
        return Ok(Answer { code: 200, body: (*item.object).clone(), warnings: Vec::new() });
    }
    let left = match left {
        Some(left) if left.gone => None,
        Some(left) => left.row.deleted_at.map(|at| Arc::new(render::going(&request.kind, &item.object, at))),
        None => {
            let found = request.find(&item.key.1).await?.filter(|left| left.id == item.id);
            found.map(|left| Arc::clone(&left.object))
        }
    };
    Ok(match left {
        Some(left) => request.answer(200, &left, Vec::new()),
        None => {
            let resource = request.kind.descriptor.resource_in();
            let body = Status::success(resource, &item.key.1, &item.id.to_string());
            Answer { code: 200, body, warnings: Vec::new() }
        }
    })
}

fn delete_options(request: &Request) -> Result<meta::DeleteOptions> {
    let mut options = request.query.delete.clone();
    if !request.body.iter().all(u8::is_ascii_whitespace) {
        let mut body: Value = if protobuf::is(&request.body) {
            protobuf::decode(&request.body)?
        } else {
            serde_json::from_slice(&request.body).map_err(|error| Status::bad_request(error.to_string()))?
        };
        if let Some(map) = body.as_object_mut() {
            map.remove("apiVersion");
            map.remove("kind");
        }
        let text = body.to_string();
        let said: meta::DeleteOptions = strict::options(text.as_bytes())?;
        options = meta::DeleteOptions {
            propagation_policy: said.propagation_policy.or(options.propagation_policy),
            orphan_dependents: said.orphan_dependents.or(options.orphan_dependents),
            ..said
        };
    }
    Ok(options)
}

/// `DELETE` of a collection.
pub async fn delete_collection(request: &Request) -> Result<Answer> {
    request.decide(Need::Remove).await?;
    let options = delete_options(request)?;
    let selection = Selection::of(request).await?;
    let shelf = request.shelf().await?;
    let view = shelf.read().view(request.namespace());
    let chosen: Vec<Arc<Item>> = view.items.into_iter().filter(|item| selection.takes(item)).collect();
    for item in &chosen {
        let is_meant = |latest: &Item| latest.id == item.id && selection.takes(latest);
        remove(request, Arc::clone(item), &options, is_meant).await?;
    }
    let kind = &request.kind.descriptor;
    let objects: Vec<Value> = chosen.iter().map(|item| (*item.object).clone()).collect();
    let body = json!({
        "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": view.revision.to_string()}, "items": objects,
    });
    Ok(Answer { code: 200, body, warnings: Vec::new() })
}
