//! Typed ids, so that a project's id cannot be handed over where a workspace's is meant. UUIDv7: they sort by
//! time of creation, which keeps index inserts at the right edge on both databases.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident),* $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);
        impl $name {
            /// A fresh id, ordered after those made before it.
            #[must_use]
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self { Self(Uuid::now_v7()) }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> { s.parse().map(Self) }
        }
        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid { id.0 }
        }
        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self { Self(id) }
        }
    )*};
}

ids! {
    /// A user account.
    UserId,
    /// A browser session.
    SessionId,
    /// A personal access token.
    TokenId,
    /// A workspace, the smallest tenant.
    WorkspaceId,
    /// A project: one namespace of the same name in each of its clusters.
    ProjectId,
    /// A member cluster.
    ClusterId,
    /// A federated object.
    FederatedId,
    /// A role bound to a subject at a scope.
    BindingId,
}
