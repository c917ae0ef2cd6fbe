//! Who somebody is to a cluster: what may be asked there, and as which user and groups a member is asked. What projects
//! a cluster has is remembered until anything is written, because each request asks for it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hanse_authz::{
    Located, Scope, Scoped, authorize,
    kubernetes::{self, Needs},
};
use hanse_store::{clusters, projects};
use hanse_types::ClusterId;

use super::request::{Asked, Target};
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied},
};

/// Groups that one request says at most.
const MAX_GROUPS: usize = 200;

/// A cluster with the projects that use it.
pub struct Directory {
    /// The cluster.
    pub cluster: clusters::Model,
    projects: HashMap<String, Project>,
}

/// A project, whose name is that of its namespace.
pub struct Project {
    row: projects::Model,
    /// Name of its workspace.
    pub workspace: String,
}

impl Directory {
    /// The cluster's id.
    #[must_use]
    pub fn id(&self) -> ClusterId {
        ClusterId(self.cluster.id)
    }

    /// The project that a namespace is.
    #[must_use]
    pub fn project(&self, namespace: &str) -> Option<&Project> {
        self.projects.get(namespace)
    }

    /// Namespace and workspace of every project.
    pub fn projects(&self) -> impl Iterator<Item = (&str, &str)> {
        self.projects.iter().map(|(name, project)| (name.as_str(), project.workspace.as_str()))
    }
}

/// Remembers directories.
#[derive(Default)]
pub struct Directories {
    known: Mutex<HashMap<String, (u64, Arc<Directory>)>>,
    turn: AtomicU64,
}

impl Directories {
    /// Forgets everything: something was written.
    pub fn forget(&self) {
        self.turn.fetch_add(1, Ordering::SeqCst);
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The directory of a cluster, if there is such a cluster.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn of(&self, platform: &Platform, name: &str) -> Result<Option<Arc<Directory>>> {
        let turn = self.turn.load(Ordering::SeqCst);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some((of, directory)) = known
            && of == turn
        {
            return Ok(Some(directory));
        }
        let Some(directory) = load(platform, name).await? else { return Ok(None) };
        let directory = Arc::new(directory);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), (turn, Arc::clone(&directory)));
        Ok(Some(directory))
    }
}

async fn load(platform: &Platform, name: &str) -> Result<Option<Directory>> {
    let store = &platform.store;
    let Some(cluster) = store.all_clusters().await?.into_iter().find(|row| row.name == name) else {
        return Ok(None);
    };
    let rows = store.projects_by_ids(store.projects_using(cluster.id).await?).await?;
    let homes = store.workspaces_by_ids(rows.values().map(|row| row.workspace_id).collect()).await?;
    let projects = rows
        .into_values()
        .filter_map(|row| {
            let workspace = homes.get(&row.workspace_id)?.name.clone();
            Some((row.name.clone(), Project { row, workspace }))
        })
        .collect();
    Ok(Some(Directory { cluster, projects }))
}

/// Decides on a request. A cluster that the caller may not know does not exist for them; what they may not do there is
/// told with the permission that is missing.
///
/// # Errors
/// `not_found` or `forbidden`.
pub async fn decide(platform: &Platform, op: &OpContext, directory: &Directory, asked: &Asked) -> Result<()> {
    let refused = match needed(asked) {
        Needs::Nothing => None,
        Needs::Permission { cluster, project } => {
            if platform.decisions.allows(&op.actor, cluster, directory.cluster.scope()) {
                return Ok(());
            }
            let namespace = asked.resource().and_then(|resource| resource.namespace.as_deref());
            match (namespace.and_then(|name| directory.project(name)), project) {
                (Some(place), Some(permission)) => {
                    let located = Located::new(place.row.clone());
                    match authorize(&platform.decisions, &op.actor, permission, located) {
                        Ok(_) => return Ok(()),
                        // Whether a namespace is a project that others know is not said.
                        Err(hanse_authz::Denied::NotFound) => Some(cluster),
                        Err(hanse_authz::Denied::Forbidden(permission)) => Some(permission),
                    }
                }
                _ => Some(cluster),
            }
        }
    };
    let name = directory.cluster.name.as_str();
    if !crate::clusters::may_know(platform, op, &directory.cluster).await? {
        return Err(denied("cluster", name)(hanse_authz::Denied::NotFound));
    }
    refused.map_or(Ok(()), |permission| Err(Error::forbidden(permission)))
}

fn needed(asked: &Asked) -> Needs {
    match &asked.target {
        Target::Discovery => Needs::Nothing,
        Target::Other => kubernetes::rest(asked.changes()),
        Target::Resource(one) => {
            kubernetes::needs(&one.group, &one.resource, &one.subresource, asked.changes())
        }
    }
}

/// The user that a member is asked as.
#[must_use]
pub fn user(op: &OpContext) -> String {
    format!("hanse:{}", op.actor.name)
}

/// The groups that a member is asked with: one for each role that concerns the cluster and, where it is about one
/// namespace, that namespace.
#[must_use]
pub fn groups(op: &OpContext, directory: &Directory, asked: &Asked) -> Vec<String> {
    let namespace = asked.resource().and_then(|resource| resource.namespace.as_deref());
    let mut groups = BTreeSet::new();
    for binding in op.actor.bindings.iter() {
        match binding.scope {
            Scope::Platform => {
                groups.insert(group("platform", None, &binding.role));
            }
            Scope::Cluster(id) if id.0 == directory.cluster.id => {
                groups.insert(group("cluster", None, &binding.role));
            }
            Scope::Cluster(_) => {}
            Scope::Workspace(_) | Scope::Project(..) => {
                for (name, project) in &directory.projects {
                    if namespace.is_some_and(|namespace| namespace != name)
                        || !binding.scope.covers(project.row.scope())
                    {
                        continue;
                    }
                    groups.insert(match binding.scope {
                        Scope::Project(..) => group("project", Some(name), &binding.role),
                        _ => group("workspace", Some(&project.workspace), &binding.role),
                    });
                }
            }
        }
    }
    groups.into_iter().take(MAX_GROUPS).collect()
}

/// Name of a group in members: `hanse:project:shop:viewer`, `hanse:cluster:administrator`.
#[must_use]
pub fn group(scope: &str, of: Option<&str>, role: &str) -> String {
    match of {
        Some(of) => format!("hanse:{scope}:{of}:{role}"),
        None => format!("hanse:{scope}:{role}"),
    }
}
