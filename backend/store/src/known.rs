//! Projects with their clusters, and kinds, as read last: nearly every request looks them up, and they change seldom. What was read is
//! good until a change of anything but copies is committed here or, by the change feed, elsewhere. Whoever writes looks
//! again within its transaction ([`crate::projects`]), so what another replica changed a moment ago is not overruled.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use uuid::Uuid;

use crate::entity::{cluster, federated_type, project};

/// Projects kept at most.
const KEPT: usize = 10_000;

#[derive(Default)]
struct Tables {
    /// What is in the tables was read after this many changes.
    as_of: u64,
    projects: HashMap<String, project::Model>,
    clusters: HashMap<Uuid, Arc<Vec<cluster::Model>>>,
    /// By group and kind.
    types: HashMap<(String, String), federated_type::Model>,
}

/// What is known. Cheap to clone; clones are one.
#[derive(Clone, Default)]
pub(crate) struct Known {
    changes: Arc<AtomicU64>,
    tables: Arc<RwLock<Tables>>,
}

/// Whether a kind of change is about objects or derived, so that people, roles, projects and clusters are as before.
pub(crate) fn is_about_copies(kind: &str) -> bool {
    matches!(kind, "federated" | "status" | "cluster-status" | "hub")
}

/// Whether a change may be about what is kept here.
pub(crate) fn concerns(kind: &str, name: &str) -> bool {
    // A kind is switched on and off by an object of the hub.
    !is_about_copies(kind) || (kind == "hub" && name.contains("federatedtypeconfigs"))
}

impl Known {
    /// Something changed: nothing that was read before counts.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// How many changes there were: to be asked for before reading what is to be kept.
    pub(crate) fn as_of(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn look<T>(&self, find: impl FnOnce(&Tables) -> Option<T>) -> Option<T> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if tables.as_of == self.as_of() { find(&tables) } else { None }
    }

    fn keep(&self, as_of: u64, put: impl FnOnce(&mut Tables)) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if tables.as_of > as_of {
            return;
        }
        if tables.as_of < as_of || tables.projects.len() >= KEPT || tables.clusters.len() >= KEPT {
            *tables = Tables { as_of, ..Tables::default() };
        }
        put(&mut tables);
    }

    pub(crate) fn project(&self, name: &str) -> Option<project::Model> {
        self.look(|tables| tables.projects.get(name).cloned())
    }

    pub(crate) fn keep_project(&self, as_of: u64, project: &project::Model) {
        self.keep(as_of, |tables| drop(tables.projects.insert(project.name.clone(), project.clone())));
    }

    pub(crate) fn type_of(&self, group: &str, kind: &str) -> Option<federated_type::Model> {
        self.look(|tables| tables.types.get(&(group.to_owned(), kind.to_owned())).cloned())
    }

    pub(crate) fn keep_type(&self, as_of: u64, row: &federated_type::Model) {
        let name = (row.group.clone(), row.kind.clone());
        self.keep(as_of, |tables| drop(tables.types.insert(name, row.clone())));
    }

    pub(crate) fn clusters(&self, project: Uuid) -> Option<Arc<Vec<cluster::Model>>> {
        self.look(|tables| tables.clusters.get(&project).cloned())
    }

    pub(crate) fn keep_clusters(&self, as_of: u64, project: Uuid, clusters: Arc<Vec<cluster::Model>>) {
        self.keep(as_of, |tables| drop(tables.clusters.insert(project, clusters)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_and_not_given() {
        let known = Known::default();
        let id = Uuid::now_v7();
        let before = known.as_of();
        known.keep_clusters(before, id, Arc::default());
        assert!(known.clusters(id).is_some());
        known.forget();
        assert!(known.clusters(id).is_none(), "given after a change");
        known.keep_clusters(before, id, Arc::default());
        assert!(known.clusters(id).is_none(), "kept although read before the change");
        known.keep_clusters(known.as_of(), id, Arc::default());
        assert!(known.clusters(id).is_some());
    }
}
