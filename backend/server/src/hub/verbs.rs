//! One function per verb. Each answers like an apiserver; what a write comes to is decided by `write`.

mod change;
mod read;
mod removal;

use std::sync::Arc;

use bytes::Bytes;
use hanse_machinery::{
    Status,
    convert::{self, Include, Row, Wanted},
    list, meta,
};
use serde_json::Value;

pub(super) use change::is_race;
pub use change::{create, patch, update};
pub use read::{Selection, get, list};
pub use removal::{delete, delete_collection};

use super::{
    access::{self, Need, Visible},
    fault::Fault,
    kinds::{Backing, Kind},
    route::Path,
    shelf::{Item, Key, Shared, Source},
    write::Writer,
};
use crate::{Platform, context::OpContext, error::Error, identity::session::Credential};

/// Largest body of a write, as apiservers have it.
pub const LARGEST: usize = 3 * 1024 * 1024;

/// Parameters of a query that verbs look at.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `fieldManager`.
    pub manager: String,
    /// `fieldValidation`.
    pub validation: String,
    /// `force`.
    pub force: bool,
    /// `labelSelector`.
    pub labels: String,
    /// `fieldSelector`.
    pub fields: String,
    /// `includeObject`.
    pub include: String,
    /// `timeoutSeconds`.
    pub timeout: Option<u64>,
    /// Of lists and watches.
    pub list: list::Options,
    /// Of deletions, where the body says nothing.
    pub delete: meta::DeleteOptions,
}

/// A request for objects.
pub struct Request {
    /// The platform.
    pub platform: Arc<Platform>,
    /// Who asks.
    pub op: OpContext,
    /// Of which kind.
    pub kind: Arc<Kind>,
    /// Which.
    pub path: Path,
    /// The query.
    pub query: Query,
    /// Who owns the fields that are written.
    pub manager: String,
    /// The shape of the answer.
    pub wanted: Wanted,
    /// What the caller signed in with.
    pub credential: Option<Credential>,
    /// The body's media type; empty where none is said.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// What a verb answers.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub code: u16,
    /// The body.
    pub body: Value,
    /// Warnings.
    pub warnings: Vec<String>,
}

type Result<T> = std::result::Result<T, Fault>;

impl Request {
    fn namespace(&self) -> &str {
        &self.path.namespace
    }

    fn writer(&self) -> Writer<'_> {
        Writer { platform: &self.platform, op: &self.op, kind: &self.kind, namespace: self.namespace() }
    }

    async fn shelf(&self) -> Result<Shared> {
        Ok(self.platform.shelves.of(&self.kind).await?)
    }

    fn key(&self, name: &str) -> Key {
        (self.namespace().to_owned(), name.to_owned())
    }

    async fn find(&self, name: &str) -> Result<Option<Arc<Item>>> {
        Ok(self.platform.shelves.find(&self.kind, &self.key(name)).await?)
    }

    /// A record as it was seen last, if it was; others may have changed it since.
    fn seen(&self, name: &str) -> Option<Arc<Item>> {
        if !matches!(self.kind.backing, Backing::Federated(_) | Backing::Plain(_)) {
            return None;
        }
        let item = self.platform.shelves.seen(&self.kind, &self.key(name))?;
        matches!(item.source, Source::Federated(_)).then_some(item)
    }

    fn missing(&self, name: &str) -> Status {
        Status::not_found(self.kind.descriptor.resource_in(), name)
    }

    async fn existing(&self) -> Result<Arc<Item>> {
        let found = self.find(&self.path.name).await?;
        found.ok_or_else(|| self.missing(&self.path.name).into())
    }

    /// Decides; for namespaces themselves by the project that they are.
    async fn decide(&self, need: Need) -> Result<()> {
        if self.kind.backing != Backing::Namespace {
            access::decide(&self.platform, &self.op, &self.kind, self.namespace(), need).await?;
            return Ok(());
        }
        // Making and removing projects is decided by the domain.
        if !self.path.name.is_empty() {
            let visible = access::visible(&self.platform, &self.op, &self.kind).await?;
            if !visible.shows(&self.path.name) {
                return Err(Fault::Error(Error {
                    refused: true,
                    ..Error::not_found("namespaces", &self.path.name)
                }));
            }
        }
        Ok(())
    }

    /// Objects of all namespaces are shown as far as the caller may see them; of one namespace, if it may.
    pub(super) async fn visible(&self) -> Result<Visible> {
        if self.kind.backing == Backing::Namespace
            || (self.namespace().is_empty() && self.kind.descriptor.namespaced)
        {
            return access::visible(&self.platform, &self.op, &self.kind).await;
        }
        self.decide(Need::View).await?;
        Ok(Visible::All)
    }

    fn one(&self, row: Row<'_>) -> Value {
        match self.wanted.form {
            convert::Form::Table => {
                let metadata = row.object.get("metadata").cloned().unwrap_or_default();
                self.table(&[row], &metadata, true)
            }
            convert::Form::Partial => convert::partial(row.object, "v1"),
            _ => row.object.clone(),
        }
    }

    pub(super) fn table(&self, rows: &[Row<'_>], metadata: &Value, headers: bool) -> Value {
        let include = Include::parse(&self.query.include).unwrap_or_default();
        let now = self.platform.clock.now().timestamp();
        convert::table(&self.kind.descriptor, rows, metadata, include, now, headers)
    }

    fn answer(&self, code: u16, object: &Value, warnings: Vec<String>) -> Answer {
        Answer { code, body: self.one(object.into()), warnings }
    }
}

/// Of a body that no apiserver takes.
pub(super) fn too_large() -> Status {
    Status::too_large(&format!("limit is {LARGEST}"))
}
