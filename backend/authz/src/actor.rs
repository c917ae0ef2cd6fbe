//! Who acts, and what was bound to them where.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use hanse_types::{
    ClusterId, ProjectId, SessionId, TokenId, UserId, UserName, WorkspaceId, access::ScopeKind,
};

/// A place that roles are bound at and things are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The whole platform.
    Platform,
    /// One cluster.
    Cluster(ClusterId),
    /// One workspace.
    Workspace(WorkspaceId),
    /// One project of a workspace.
    Project(WorkspaceId, ProjectId),
}

impl Scope {
    /// Its kind.
    #[must_use]
    pub const fn kind(self) -> ScopeKind {
        match self {
            Self::Platform => ScopeKind::Platform,
            Self::Cluster(_) => ScopeKind::Cluster,
            Self::Workspace(_) => ScopeKind::Workspace,
            Self::Project(..) => ScopeKind::Project,
        }
    }

    /// Whether a role bound here applies to something there: at the same place or at an ancestor of it.
    #[must_use]
    pub fn covers(self, there: Self) -> bool {
        match (self, there) {
            (Self::Platform, _) => true,
            (Self::Workspace(own), Self::Project(of, _)) => own == of,
            (own, there) => own == there,
        }
    }
}

/// A role bound to a person at a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    /// Where.
    pub scope: Scope,
    /// Which role, by name within the kind of scope.
    pub role: String,
}

/// What the actor signed in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A browser session.
    Session(SessionId),
    /// A personal access token.
    Token(TokenId),
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Account.
    pub user: UserId,
    /// Its name.
    pub name: UserName,
    /// What it signed in with.
    pub credential: Credential,
    /// Permissions that the token is limited to; `None` = all of its owner's.
    pub limited_to: Option<Arc<BTreeSet<String>>>,
    /// Roles.
    pub bindings: Arc<[Binding]>,
    /// Where from.
    pub address: Option<IpAddr>,
}
