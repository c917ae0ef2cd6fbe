//! The home page in one request, and the audit trail.

use std::sync::Arc;

use axum::{Json, extract::State};
use hanse_types::List;

use super::{extract::Op, query::Query};
use crate::{
    Platform,
    audit::{self, AuditEntry, AuditFilter},
    error::Result,
    overview::{self, Overview},
};

/// What there is, how it does, what needs attention.
#[utoipa::path(get, path = "/overview", tag = "overview", responses((status = OK, body = Overview)))]
pub(super) async fn get(State(platform): State<Arc<Platform>>, Op(op): Op) -> Result<Json<Overview>> {
    overview::get(&platform, &op).await.map(Json)
}

/// The audit trail, newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditFilter),
    responses((status = OK, body = List<AuditEntry>)))]
pub(super) async fn audit(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(filter): Query<AuditFilter>,
) -> Result<Json<List<AuditEntry>>> {
    audit::list(&platform, &op, &filter).await.map(Json)
}
