//! Reading: one object, or a list of them.

use std::sync::Arc;

use hanse_machinery::{
    convert::{self, Row},
    json,
    list::{self, From as ListFrom},
    select::{FieldSelector, Selector},
};
use serde_json::{Value, json};

use super::{Answer, Request, Result, change::scale_of};
use crate::{
    hub::{
        access::{self, Need, Visible},
        kinds::{Backing, SYSTEM},
        kubefed,
        route::Root,
        shelf::Item,
    },
    identity::session::Credential,
};

/// `GET` of one object.
pub async fn get(request: &Request) -> Result<Answer> {
    if let Some(secret) = credentials(request).await? {
        return Ok(request.answer(200, &secret, Vec::new()));
    }
    request.decide(Need::View).await?;
    let found = request.find(&request.path.name).await?;
    let item = found.ok_or_else(|| request.missing(&request.path.name))?;
    if request.path.subresource == "scale" {
        return Ok(Answer { code: 200, body: scale_of(&item.object), warnings: Vec::new() });
    }
    Ok(Answer { code: 200, body: request.one(item.row()), warnings: Vec::new() })
}

/// The Secret that a KubeFedCluster refers to, made for the caller.
async fn credentials(request: &Request) -> Result<Option<Value>> {
    let own =
        request.kind.root == Root::KubeFed && request.kind.is("", "Secret") && request.namespace() == SYSTEM;
    let name = &request.path.name;
    let (true, Some(Credential::Token(token))) = (own, &request.credential) else { return Ok(None) };
    let platform = &request.platform;
    let catalogue = platform.shelves.catalogue(Root::KubeFed).await?;
    let Some(kind) = catalogue.0.iter().find(|kind| kind.backing == Backing::Cluster).cloned() else {
        return Ok(None);
    };
    let shelf = platform.shelves.of(&kind).await?;
    let clusters = shelf.read().view(SYSTEM).items;
    let names = |item: &Arc<Item>| {
        item.object.pointer("/spec/secretRef/name").and_then(Value::as_str) == Some(name.as_str())
    };
    if !clusters.iter().any(names) {
        return Ok(None);
    }
    access::decide(platform, &request.op, &kind, SYSTEM, Need::View).await?;
    let revision = request.platform.store.revision().to_string();
    let authority = request.platform.tls.authority.as_deref();
    Ok(Some(kubefed::credentials(name, token, authority, &revision)))
}

/// What a list or watch selects.
pub struct Selection {
    labels: Selector,
    fields: FieldSelector,
    visible: Visible,
    namespaces: bool,
    namespace: String,
}

impl Selection {
    /// From the query, for what the caller may see.
    pub async fn of(request: &Request) -> Result<Self> {
        let declared = ["metadata.name", "metadata.namespace"];
        let more: &[&str] = match request.kind.descriptor.kind.as_str() {
            "Event" => &[
                "involvedObject.name",
                "involvedObject.namespace",
                "involvedObject.uid",
                "involvedObject.kind",
                "reason",
                "type",
            ],
            "Secret" => &["type"],
            "Pod" | "Namespace" => &["status.phase"],
            _ => &[],
        };
        let declared: Vec<&str> = declared.iter().chain(more).copied().collect();
        let mut fields = request.query.fields.clone();
        if !request.path.name.is_empty() {
            fields = format!("metadata.name={}", request.path.name);
        }
        Ok(Self {
            labels: Selector::parse(&request.query.labels)?,
            fields: FieldSelector::parse(&fields, &declared)?,
            visible: request.visible().await?,
            namespaces: request.kind.backing == Backing::Namespace,
            namespace: request.namespace().to_owned(),
        })
    }

    /// Whether an object is among them.
    #[must_use]
    pub fn takes(&self, item: &Item) -> bool {
        let home = if self.namespaces { &item.key.1 } else { &item.key.0 };
        (self.namespace.is_empty() || item.key.0 == self.namespace)
            && self.visible.shows(home)
            && self.labels.matches(&item.object)
            && self.fields.matches(&item.object)
    }

    /// Whether the caller may still see the same.
    #[must_use]
    pub fn same_visibility(&self, now: &Visible) -> bool {
        self.visible == *now
    }
}

fn unsigned(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or(0)
}

/// `GET` of a collection.
pub async fn list(request: &Request) -> Result<Answer> {
    let selection = Selection::of(request).await?;
    let shelf = request.shelf().await?;
    let view = shelf.read().view(request.namespace());
    let current = unsigned(view.revision);
    // What is there now is all that is kept: an exact revision is served while it is the present one.
    let from = list::list_from(&request.query.list, 0, current)?;
    let mut after = None;
    match from {
        ListFrom::Latest | ListFrom::Any | ListFrom::NotOlderThan(_) => {}
        ListFrom::Exact(revision) if revision == current => {}
        ListFrom::Exact(revision) => return Err(list::too_old(revision, current).into()),
        ListFrom::After { key, .. } => after = Some(key),
    }
    let limit = usize::try_from(request.query.list.limit).unwrap_or(usize::MAX);
    let key = |item: &Item| format!("{}/{}", item.key.0, item.key.1);
    let mut chosen: Vec<&Arc<Item>> = view
        .items
        .iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item).as_str() > after.as_str()))
        .filter(|item| selection.takes(item))
        .collect();
    let mut metadata = json!({"resourceVersion": view.revision.to_string()});
    if limit > 0 && chosen.len() > limit {
        let remaining = chosen.len() - limit;
        chosen.truncate(limit);
        if let Some(last) = chosen.last() {
            // Pages after the first show what is there then: each object is shown once, in order.
            json::set(&mut metadata, &["continue"], list::token(None, &key(last)));
        }
        if request.query.labels.is_empty() && request.query.fields.is_empty() {
            json::set(&mut metadata, &["remainingItemCount"], remaining);
        }
    }
    let body = match request.wanted.form {
        convert::Form::Table => {
            let rows: Vec<Row<'_>> = chosen.into_iter().map(|item| item.row()).collect();
            request.table(&rows, &metadata, true)
        }
        form => {
            let objects: Vec<Value> = chosen.into_iter().map(|item| (*item.object).clone()).collect();
            let kind = &request.kind.descriptor;
            let list = json!({
                "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
                "metadata": metadata, "items": objects,
            });
            match form {
                convert::Form::PartialList | convert::Form::Partial => convert::partial_list(&list, "v1"),
                _ => list,
            }
        }
    };
    Ok(Answer { code: 200, body, warnings: Vec::new() })
}
