//! Reading the audit trail. Writing happens where things happen, in the same transaction.

use chrono::{DateTime, Utc};
use hanse_authz::authorize_platform;
use hanse_store::{audit, page::Page};
use hanse_types::{List, ListParams};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Platform,
    context::OpContext,
    error::{Result, denied},
};

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
