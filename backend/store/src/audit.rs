//! The audit trail: append-only, each row chained to the one before by a hash, so that a gap or an edit shows.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use crate::{
    Store, StoreError,
    entity::audit,
    page::{Page, Rows},
    tx::link,
    users::like,
};

pub use crate::entity::audit::Model;

/// Rows verified at a time.
const BATCH: u64 = 1_000;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Who.
    pub actor: Option<String>,
    /// What was done.
    pub verb: Option<String>,
    /// To what kind.
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

/// What verifying the chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Rows looked at.
    pub rows: u64,
    /// First row that does not follow from the one before, if any.
    pub broken_at: Option<i64>,
}

impl Store {
    /// A page of the trail, newest first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_audit(&self, filter: &Filter, page: &Page) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = audit::Entity::find();
        let equal = [
            (audit::Column::Actor, &filter.actor),
            (audit::Column::Verb, &filter.verb),
            (audit::Column::Kind, &filter.kind),
            (audit::Column::Workspace, &filter.workspace),
            (audit::Column::Project, &filter.project),
        ];
        for (column, wanted) in equal {
            if let Some(wanted) = wanted {
                query = query.filter(column.eq(wanted.as_str()));
            }
        }
        if let Some(since) = filter.since {
            query = query.filter(audit::Column::At.gte(since));
        }
        if let Some(until) = filter.until {
            query = query.filter(audit::Column::At.lte(until));
        }
        if let Some(search) = &page.search {
            query = query.filter(like(audit::Column::Name, search));
        }
        let total = query.clone().count(self.db()).await?;
        let rows = query
            .order_by(audit::Column::Id, page.order.clone())
            .limit(page.limit)
            .offset(page.offset)
            .all(self.db())
            .await?;
        Ok(Rows { rows, total, revision })
    }

    /// Walks the whole chain.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn verify_audit(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified { rows: 0, broken_at: None };
        let mut after = 0_i64;
        // The first row follows from nothing, so a trail whose beginning was cut off shows, too.
        let mut previous = String::new();
        loop {
            let rows = audit::Entity::find()
                .filter(audit::Column::Id.gt(after))
                .order_by_asc(audit::Column::Id)
                .limit(BATCH)
                .all(self.db())
                .await?;
            let Some(last) = rows.last() else { return Ok(verified) };
            after = last.id;
            for row in &rows {
                verified.rows += 1;
                if verified.broken_at.is_none() && (previous != row.prev_hash || link(row) != row.hash) {
                    verified.broken_at = Some(row.id);
                }
                previous.clone_from(&row.hash);
            }
        }
    }
}
