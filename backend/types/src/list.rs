//! List conventions: every list pages, sorts and filters on the server and says how many there are in all.

use serde::{Deserialize, Serialize};

/// Query of every list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(rename_all = "camelCase", default)]
pub struct ListParams {
    /// At most this many items, 1–500; 50 when absent.
    pub limit: Option<u32>,
    /// Opaque place to go on from, out of the previous answer.
    #[serde(rename = "continue")]
    pub continue_: Option<String>,
    /// Field to sort by, `-` before it for descending. Each list names its fields.
    pub sort: Option<String>,
    /// Text that the name or display name contains.
    pub search: Option<String>,
    /// Kubernetes label selector, where the items have labels.
    pub label_selector: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// This page.
    pub items: Vec<T>,
    /// How many items match in all, over all pages.
    pub total: u64,
    /// Pass it back as `continue` for the next page; absent on the last.
    #[serde(rename = "continue", default, skip_serializing_if = "Option::is_none")]
    pub continue_: Option<String>,
    /// Revision of the change feed at which the list was read; a live subscription can go on from it.
    pub revision: i64,
}
