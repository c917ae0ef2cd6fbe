//! What just changed, for whoever watches: one bounded broadcast in the process, fed by the store's change feed and by
//! the engine's status, and the topics that the console subscribes to. A topic is the path of a REST resource, so
//! whoever may read the resource may follow it, and nothing else needs to be decided.

use std::sync::Arc;

use hanse_types::{ClusterName, ProjectName, WorkspaceName};
use tokio::sync::broadcast;

/// Events kept for a slow reader before it is told to fetch everything again.
const CAPACITY: usize = 4096;

/// Something that can be followed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// All clusters.
    Clusters,
    /// One cluster.
    Cluster(String),
    /// All workspaces.
    Workspaces,
    /// One workspace with its projects and members.
    Workspace(String),
    /// One project with its members.
    Project(String),
    /// The federated objects of a project, or of the platform.
    FederatedObjects(Option<String>),
    /// One federated object with its status.
    FederatedObject {
        /// Its project; none for one that belongs to the platform.
        project: Option<String>,
        /// `plural.group`.
        type_: String,
        /// Its name.
        name: String,
    },
    /// The home page.
    Overview,
    /// Accounts.
    Users,
    /// The audit trail.
    Audit,
}

impl Topic {
    /// Reads the path of a resource below `/api/v1/`; `None` for what cannot be followed.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let cluster = |name: &str| ClusterName::parse(name).ok().map(String::from);
        let project = |name: &str| ProjectName::parse(name).ok().map(String::from);
        let workspace = |name: &str| WorkspaceName::parse(name).ok().map(String::from);
        Some(match parts.as_slice() {
            ["clusters"] => Self::Clusters,
            ["clusters", name] => Self::Cluster(cluster(name)?),
            ["workspaces"] => Self::Workspaces,
            ["workspaces", name] => Self::Workspace(workspace(name)?),
            ["projects", name] => Self::Project(project(name)?),
            ["projects", name, "federated-objects"] => Self::FederatedObjects(Some(project(name)?)),
            ["federated-objects"] => Self::FederatedObjects(None),
            ["federated-objects", type_, name] if !type_.is_empty() && !name.is_empty() => {
                Self::FederatedObject { project: None, type_: (*type_).to_owned(), name: (*name).to_owned() }
            }
            ["projects", in_project, "federated-objects", type_, name]
                if !type_.is_empty() && !name.is_empty() =>
            {
                Self::FederatedObject {
                    project: Some(project(in_project)?),
                    type_: (*type_).to_owned(),
                    name: (*name).to_owned(),
                }
            }
            ["overview"] => Self::Overview,
            ["users"] => Self::Users,
            ["audit"] => Self::Audit,
            _ => return None,
        })
    }
}

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Revision of the change, or the last one known for a change of status alone.
    pub revision: i64,
    /// Topics under which it is told.
    pub topics: Vec<Topic>,
    /// Whether it may change what somebody is allowed to see: followers are checked again.
    pub access: bool,
}

/// The broadcast.
#[derive(Clone, Debug)]
pub struct Hub {
    sender: broadcast::Sender<Arc<Event>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { sender: broadcast::channel(CAPACITY).0 }
    }
}

impl Hub {
    /// Tells everyone who follows. Nobody following is fine.
    pub fn tell(&self, event: Event) {
        drop(self.sender.send(Arc::new(event)));
    }

    /// Follows everything from now on; a reader that lags is told how many events it missed.
    #[must_use]
    pub fn follow(&self) -> broadcast::Receiver<Arc<Event>> {
        self.sender.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_resource_paths() {
        assert_eq!(Topic::parse("clusters"), Some(Topic::Clusters));
        assert_eq!(Topic::parse("/clusters/eu"), Some(Topic::Cluster("eu".into())));
        assert_eq!(
            Topic::parse("projects/shop/federated-objects/deployments.apps/web"),
            Some(Topic::FederatedObject {
                project: Some("shop".into()),
                type_: "deployments.apps".into(),
                name: "web".into()
            })
        );
        for bad in ["", "nope", "clusters/../users", "projects/Shop", "projects/shop/federated-objects//web"]
        {
            assert_eq!(Topic::parse(bad), None, "{bad}");
        }
    }
}
