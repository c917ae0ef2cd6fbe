//! Pages of lists: one grammar for limits, places, sorting and searching, so that every list behaves the same.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hanse_types::ListParams;
use sea_orm::Order;

use crate::labels::Labels;

/// Largest page.
const MAX: u32 = 500;
/// Page size when none is asked for.
const USUAL: u32 = 50;

/// What is wrong with a list's query: the parameter and a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {message}")]
pub struct PageError {
    /// The parameter.
    pub parameter: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A page to read.
#[derive(Clone, Debug)]
pub struct Page {
    /// Rows at most.
    pub limit: u64,
    /// Rows before it.
    pub offset: u64,
    /// Field to sort by, one of those that the list allows.
    pub sort: &'static str,
    /// Direction.
    pub order: Order,
    /// Text to look for, in lower case, escaped for `LIKE`.
    pub search: Option<String>,
    /// Labels to have, for lists of what has labels.
    pub labels: Labels,
}

impl Page {
    /// Reads the conventions; `sorts` are the fields that this list can be sorted by, the first being the usual one
    /// (`-` before it for descending).
    ///
    /// # Errors
    /// The parameter that does not fit.
    pub fn read(params: &ListParams, sorts: &[&'static str]) -> Result<Self, PageError> {
        let fault = |parameter, message: String| PageError { parameter, message };
        let limit = params.limit.unwrap_or(USUAL);
        if limit == 0 || limit > MAX {
            return Err(fault("limit", format!("give 1 to {MAX}")));
        }
        let offset = match params.continue_.as_deref() {
            None | Some("") => 0,
            Some(token) => URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .and_then(|text| text.strip_prefix("o:").and_then(|n| n.parse().ok()))
                .ok_or_else(|| fault("continue", "it is not from an answer of this list".to_owned()))?,
        };
        let usual = sorts.first().copied().unwrap_or("name");
        let asked = params.sort.as_deref().filter(|sort| !sort.is_empty()).unwrap_or(usual);
        let (name, order) = match asked.strip_prefix('-') {
            Some(name) => (name, Order::Desc),
            None => (asked, Order::Asc),
        };
        let sort =
            sorts.iter().map(|sort| sort.trim_start_matches('-')).find(|sort| *sort == name).ok_or_else(
                || fault("sort", format!("sort by one of {}", sorts.join(", ").replace('-', ""))),
            )?;
        let search = params.search.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(|text| {
            let escaped = text.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            format!("%{escaped}%")
        });
        let labels = Labels::read(params.label_selector.as_deref().unwrap_or_default())
            .map_err(|message| fault("labelSelector", message))?;
        Ok(Self { limit: u64::from(limit), offset, sort, order, search, labels })
    }

    /// Place of the next page, when there is one.
    #[must_use]
    pub fn next(&self, total: u64) -> Option<String> {
        let next = self.offset.saturating_add(self.limit);
        (next < total).then(|| URL_SAFE_NO_PAD.encode(format!("o:{next}")))
    }
}

/// The direction of lists that always show the newest first.
#[must_use]
pub const fn newest_first() -> Order {
    Order::Desc
}

/// A page of rows.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// This page.
    pub rows: Vec<T>,
    /// Rows in all.
    pub total: u64,
    /// Revision at which it was read; nothing newer is missing from what a reader of the feed will be told.
    pub revision: i64,
}

/// Which rows the caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    /// All of them.
    All,
    /// Those with these ids.
    Only(Vec<uuid::Uuid>),
}

/// Counts, sorts, filters by id and cuts a page out of a query.
macro_rules! page_of {
    ($db:expr, $query:expr, $entity:ident, $page:expr, $revision:expr, { $($sort:literal => $column:ident),* $(,)? }) => {{
        use sea_orm::{PaginatorTrait as _, QueryOrder as _, QuerySelect as _};
        let query = $query;
        let total = query.clone().count($db).await?;
        let column = match $page.sort {
            $($sort => $entity::Column::$column,)*
            _ => page_of!(@first $entity, $($column),*),
        };
        let rows = query
            .order_by(column, $page.order.clone())
            .order_by_asc($entity::Column::Id)
            .limit($page.limit)
            .offset($page.offset)
            .all($db)
            .await?;
        $crate::page::Rows { rows, total, revision: $revision }
    }};
    (@first $entity:ident, $column:ident $(, $rest:ident)*) => { $entity::Column::$column };
}
pub(crate) use page_of;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sort: Option<&str>, limit: Option<u32>, place: Option<&str>) -> Result<Page, PageError> {
        let params = ListParams {
            sort: sort.map(Into::into),
            limit,
            continue_: place.map(Into::into),
            ..ListParams::default()
        };
        Page::read(&params, &["name", "-createdAt"])
    }

    #[test]
    fn a_page_leads_to_the_next() {
        let first = read(None, Some(10), None).unwrap();
        assert_eq!((first.limit, first.offset, first.sort), (10, 0, "name"));
        let token = first.next(25).unwrap();
        let second = read(None, Some(10), Some(&token)).unwrap();
        assert_eq!(second.offset, 10);
        assert_eq!(read(None, Some(10), second.next(25).as_deref()).unwrap().next(25), None);
    }

    #[test]
    fn a_bad_query_names_the_parameter() {
        assert_eq!(read(None, Some(0), None).unwrap_err().parameter, "limit");
        assert_eq!(read(None, Some(501), None).unwrap_err().parameter, "limit");
        assert_eq!(read(None, None, Some("x")).unwrap_err().parameter, "continue");
        let error = read(Some("password_hash"), None, None).unwrap_err();
        assert_eq!(error.to_string(), "sort: sort by one of name, createdAt");
        assert_eq!(read(Some("-createdAt"), None, None).unwrap().order, Order::Desc);
    }
}
