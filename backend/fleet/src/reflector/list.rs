//! A complete list in pages, for members that do not stream lists. Whatever is short of complete is an error.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    ReflectorSpec,
    item::{self, Read},
};
use crate::{
    api::{Api, Call, JSON, query},
    error::MemberError,
};

/// Objects per page.
const PAGE: &str = "500";
/// Longest page. Objects are 3 MiB at most, and few are more than some kilobytes.
const PAGE_BYTES: usize = 512 * 1024 * 1024;
/// A list that expires while it is read starts anew; one that always does is read in one piece.
const ATTEMPTS: usize = 3;

const METADATA_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// Objects and the point from which on to watch.
pub(crate) struct List {
    pub(crate) items: Vec<Item>,
    pub(crate) version: String,
}

/// One object of a list.
pub(crate) struct Item(pub(super) Read);

impl Item {
    /// The object, if it could be read.
    pub(crate) fn object(&self) -> Option<Value> {
        match &self.0 {
            Read::Whole { object, .. } => Some(object.clone()),
            Read::Named { .. } | Read::Nameless => None,
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    kind: String,
    metadata: PageMetadata,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMetadata {
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

/// Reads a complete list.
pub(crate) async fn complete(api: &Api, spec: &ReflectorSpec) -> Result<List, MemberError> {
    let mut last = MemberError::Cancelled;
    for attempt in 1..=ATTEMPTS {
        let mut items = Vec::new();
        let limit = if attempt < ATTEMPTS { PAGE } else { "" };
        match pages(api, spec, limit, |item| items.push(Item(item))).await {
            Ok(version) => return Ok(List { items, version }),
            Err(error @ MemberError::Expired(_)) => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Reads page after page; gives the list's version, which is the same for all its pages.
async fn pages(
    api: &Api,
    spec: &ReflectorSpec,
    limit: &str,
    mut take: impl FnMut(Read),
) -> Result<String, MemberError> {
    let path = spec.resource.collection_path(spec.namespace.as_deref());
    let mut next = String::new();
    loop {
        let query = query(&[
            ("labelSelector", spec.label_selector.as_deref().unwrap_or_default()),
            ("limit", limit),
            ("continue", &next),
        ]);
        let call = Call::get(format!("{path}{query}"))
            .accept(if spec.metadata_only { METADATA_LIST } else { JSON })
            .answer_bytes(PAGE_BYTES);
        let answer = api.call(call).await?;
        let wrong =
            |what: &str| MemberError::NotKubernetes(format!("the list of {} {what}", spec.resource.plural));
        let page: Page<'_> = serde_json::from_slice(&answer.body)
            .map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        if !page.kind.ends_with("List") || page.metadata.resource_version.is_empty() {
            return Err(wrong("is not a list"));
        }
        for raw in page.items.unwrap_or_default() {
            match item::read(raw.get()) {
                Read::Whole { key, version, mut object } => {
                    item::with_kind(&mut object, &spec.resource);
                    take(Read::Whole { key, version, object });
                }
                named @ Read::Named { .. } => take(named),
                // Something is there of which it cannot be said what: nothing can be called absent.
                Read::Nameless => return Err(wrong("holds an object without a name")),
            }
        }
        match page.metadata.next.filter(|next| !next.is_empty()) {
            Some(token) => next = token,
            None => return Ok(page.metadata.resource_version),
        }
    }
}
