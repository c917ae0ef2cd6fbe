//! Federated objects as this process has written them a moment ago. The engine follows the feed and would read each of
//! them again; what the writer had in hand saves that. It is only a shortcut: whatever is not here is read.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

use crate::{
    Store,
    entity::{federated_object, removal},
};

/// Objects kept at most: some groups of writes. Whoever follows the feed takes them out at once; when it is further behind,
/// it reads.
const KEPT: usize = 256;

/// A federated object as a write left it.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Its row.
    pub row: federated_object::Model,
    /// Name of its project; none for one of the platform.
    pub project: Option<String>,
    /// Removals that the write recorded. Those from before stand as they were.
    pub leaving: Vec<removal::Model>,
}

/// Objects by id, each with the revision of the change that it belongs to.
///
/// Every commit of a change of an object in this process replaces or removes its entry before the change can be seen. So
/// an entry with the revision of a change is what that change left, also where a revision that was given up is used again.
#[derive(Default)]
pub(crate) struct Table(Mutex<HashMap<Uuid, (i64, Fresh)>>);

impl Table {
    pub(crate) fn put(&self, id: Uuid, revision: i64, fresh: Option<Fresh>) {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.remove(&id);
        if let Some(fresh) = fresh {
            if table.len() >= KEPT {
                table.clear();
            }
            table.insert(id, (revision, fresh));
        }
    }

    fn take(&self, id: Uuid, revision: i64) -> Option<Fresh> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.get(&id)?.0 != revision {
            return None;
        }
        table.remove(&id).map(|(_, fresh)| fresh)
    }
}

impl Store {
    /// The object as the change of this revision left it, where that is known without reading. Given once, to the one who
    /// follows the feed.
    #[must_use]
    pub fn fresh(&self, object: Uuid, revision: i64) -> Option<Fresh> {
        self.fresh_table().take(object, revision)
    }
}
