//! Frames of the live connection `/api/v1/live`: one WebSocket per tab with many subscriptions.
//!
//! A topic is the path of a REST resource below `/api/v1/`, such as `clusters` or
//! `projects/shop/federated-objects/deployments.apps/web`. Whoever may not read the resource cannot subscribe.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// From the browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientFrame {
    /// Follow a topic. With `since`, the answer is at once `changed` if anything happened after that revision.
    Subscribe {
        /// Chosen by the client, echoed in every frame about it.
        id: String,
        /// Path of the resource below `/api/v1/`.
        topic: String,
        /// Revision of the data that the client has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
    },
    /// Stop following.
    Unsubscribe {
        /// The subscription.
        id: String,
    },
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ServerFrame {
    /// The subscription stands.
    Subscribed {
        /// The subscription.
        id: String,
        /// Revision from which changes will be told.
        revision: i64,
    },
    /// Something under the topic changed; at most four of these per second and subscription.
    Changed {
        /// The subscription.
        id: String,
        /// Revision of the last change told.
        revision: i64,
        /// The resource itself for topics of one federated object; otherwise absent: fetch it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<Value>,
    },
    /// The subscription ended or was refused.
    Closed {
        /// The subscription.
        id: String,
        /// Stable code, as in errors of the REST API.
        code: crate::error::ErrorCode,
        /// A sentence.
        message: String,
    },
}
