//! Reading the audit trail, and writing refused attempts into it. Everything that was done is written where it happens,
//! in the same transaction.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use hanse_authz::authorize_platform;
use hanse_store::{AuditEvent, Store, WriteContext, audit, page::Page};
use hanse_types::{List, ListParams, error::ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    Platform,
    context::OpContext,
    error::{Result, denied},
    metrics::Metrics,
};

/// Refusals waiting to be written; somebody who is refused faster than that is counted only.
const REFUSALS: usize = 1024;

/// An attempt at something that the caller may not do.
pub struct Refusal {
    /// Who.
    pub caller: WriteContext,
    /// What.
    pub verb: &'static str,
    /// To what, as the path of the request.
    pub path: String,
    /// What the caller was told.
    pub code: ErrorCode,
}

/// Takes refusals without keeping anybody waiting.
pub struct Refusals {
    queue: mpsc::Sender<Refusal>,
    metrics: Arc<Metrics>,
}

impl Refusals {
    /// The queue, and what is to be handed to [`write_refusals`].
    #[must_use]
    pub fn new(metrics: Arc<Metrics>) -> (Self, mpsc::Receiver<Refusal>) {
        let (queue, receiver) = mpsc::channel(REFUSALS);
        (Self { queue, metrics }, receiver)
    }

    /// Takes one in, or counts it when too many are waiting.
    pub fn note(&self, refusal: Refusal) {
        if self.queue.try_send(refusal).is_err() {
            self.metrics.refusals_unwritten.inc();
        }
    }
}

/// Writes refusals until nobody can hand in any more.
pub async fn write_refusals(store: Store, metrics: Arc<Metrics>, mut refusals: mpsc::Receiver<Refusal>) {
    while let Some(refusal) = refusals.recv().await {
        let event = refused(&refusal);
        let written = async {
            let mut tx = store.begin(&WriteContext { dry_run: false, ..refusal.caller }).await?;
            tx.audit(event);
            tx.commit().await
        };
        if let Err(error) = written.await {
            tracing::warn!("a refused attempt could not be written down: {error}");
            metrics.refusals_unwritten.inc();
        }
    }
}

/// Where it was tried is told by the path: `projects/shop/…` is in the project `shop`.
fn refused(refusal: &Refusal) -> AuditEvent {
    let path = refusal.path.trim_start_matches('/').trim_start_matches("api/v1/");
    let mut parts = path.split('/');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().map(ToOwned::to_owned));
    let at = |collection: &str| second.clone().filter(|_| first == collection);
    AuditEvent {
        verb: refusal.verb,
        kind: "request",
        name: path.to_owned(),
        workspace: at("workspaces"),
        project: at("projects"),
        cluster: at("clusters"),
        result: Some(refusal.code.to_string()),
        ..AuditEvent::default()
    }
}

/// One row of the trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Place in the trail.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// Whether a token was used.
    pub by_token: bool,
    /// Where from.
    pub address: Option<String>,
    /// What was done.
    pub verb: String,
    /// To what kind of thing.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub workspace: Option<String>,
    /// Its project.
    pub project: Option<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// What it was, without secrets.
    pub before: Option<Value>,
    /// What it is, without secrets.
    pub after: Option<Value>,
    /// `ok`, or the code of the refusal.
    pub result: String,
    /// Id of the request.
    pub request_id: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
}

/// Query of the trail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditFilter {
    /// At most this many items, 1–500; 50 when absent.
    pub limit: Option<u32>,
    /// Opaque place to go on from, out of the previous answer.
    #[serde(rename = "continue")]
    pub continue_: Option<String>,
    /// Text that the name contains.
    pub search: Option<String>,
    /// Who.
    pub actor: Option<String>,
    /// What was done.
    pub verb: Option<String>,
    /// To what kind of thing.
    pub kind: Option<String>,
    /// In which workspace.
    pub workspace: Option<String>,
    /// In which project.
    pub project: Option<String>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Not after.
    pub until: Option<DateTime<Utc>>,
}

/// Whether the caller may read the whole trail.
///
/// # Errors
/// `forbidden`.
pub fn may_list(platform: &Platform, op: &OpContext) -> Result<()> {
    authorize_platform(&platform.decisions, &op.actor, "platform.audit.view")
        .map_err(denied("platform", ""))?;
    Ok(())
}

/// A page of the trail, newest first.
///
/// # Errors
/// `forbidden`, or `invalid` for the query.
pub async fn list(platform: &Platform, op: &OpContext, filter: &AuditFilter) -> Result<List<AuditEntry>> {
    may_list(platform, op)?;
    let params = ListParams {
        limit: filter.limit,
        continue_: filter.continue_.clone(),
        sort: None,
        search: filter.search.clone(),
        label_selector: None,
    };
    let mut page = Page::read(&params, &["id"])?;
    page.order = hanse_store::page::newest_first();
    let wanted = audit::Filter {
        actor: filter.actor.clone(),
        verb: filter.verb.clone(),
        kind: filter.kind.clone(),
        workspace: filter.workspace.clone(),
        project: filter.project.clone(),
        since: filter.since,
        until: filter.until,
    };
    let found = platform.store.list_audit(&wanted, &page).await?;
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
    let items = found
        .rows
        .into_iter()
        .map(|row| AuditEntry {
            id: row.id,
            at: row.at,
            actor: row.actor,
            by_token: row.token_id.is_some(),
            address: row.address,
            verb: row.verb,
            kind: row.kind,
            name: row.name,
            workspace: row.workspace,
            project: row.project,
            cluster: row.cluster,
            before: json(row.before),
            after: json(row.after),
            result: row.result,
            request_id: row.request_id,
            duration_ms: row.duration_ms,
        })
        .collect();
    Ok(List { items, total: found.total, continue_: page.next(found.total), revision: found.revision })
}
