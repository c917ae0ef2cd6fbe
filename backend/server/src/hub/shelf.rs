//! What one resource shows, in memory: every object as clients see it, and what changed lately.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use hanse_machinery::convert::Row;
use hanse_store::hub;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

/// Events kept per shelf, each with the object before and after. Whoever is further behind is told from the feed.
const KEPT: usize = 256;

/// Namespace and name.
pub type Key = (String, String);

/// The record behind an object.
#[derive(Clone, Debug)]
pub enum Source {
    /// Kept at the hub.
    Local(Arc<hub::Local>),
    /// Federated.
    Federated(Arc<hub::Federated>),
    /// A project.
    Project(Arc<hub::Namespace>),
    /// A member cluster: its name and version.
    Cluster(String, i64),
    /// Nothing: it is always there.
    Fixed,
}

/// An object as clients see it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Namespace and name.
    pub key: Key,
    /// Id of the record.
    pub id: Uuid,
    /// Its last change.
    pub revision: i64,
    /// The object, with its resource version.
    pub object: Arc<Value>,
    /// The record.
    pub source: Source,
}

impl Item {
    /// How many replicas are wanted in all clusters together, where the object says how many in each.
    #[must_use]
    pub fn wanted(&self) -> Option<i64> {
        let Source::Federated(row) = &self.source else { return None };
        if row.spec.pointer("/replicas/mode").and_then(Value::as_str) == Some("Divided") {
            return None;
        }
        row.status.as_ref()?.get("replicas")?.as_i64()
    }

    /// As a row of a table.
    #[must_use]
    pub fn row(&self) -> Row<'_> {
        Row { object: &self.object, wanted: self.wanted() }
    }
}

/// A change of one object.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, in the order of the feed.
    pub revision: i64,
    /// What was there.
    pub before: Option<Arc<Item>>,
    /// What is there.
    pub after: Option<Arc<Item>>,
}

/// One resource of one root.
pub struct Shelf {
    items: BTreeMap<Key, Arc<Item>>,
    by_id: HashMap<Uuid, Key>,
    events: VecDeque<Event>,
    /// Every change after this revision is among the events.
    floor: i64,
    /// What is here is as of this revision.
    revision: i64,
    /// Tells the same to whoever watches.
    progress: watch::Sender<i64>,
}

/// What can be seen of a shelf at once.
pub struct View {
    /// As of this revision.
    pub revision: i64,
    /// The objects, in order.
    pub items: Vec<Arc<Item>>,
}

impl Shelf {
    /// With some objects, as of a revision.
    #[must_use]
    pub fn of(items: impl IntoIterator<Item = Item>, revision: i64) -> Self {
        let mut shelf = Self {
            items: BTreeMap::new(),
            by_id: HashMap::new(),
            events: VecDeque::new(),
            floor: revision,
            revision,
            progress: watch::channel(revision).0,
        };
        for item in items {
            shelf.by_id.insert(item.id, item.key.clone());
            shelf.items.insert(item.key.clone(), Arc::new(item));
        }
        shelf
    }

    /// What is here is as of this revision.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Tells whenever there is something new.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<i64> {
        self.progress.subscribe()
    }

    /// Whether somebody waits for what is new.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.progress.receiver_count() > 0
    }

    /// Moves on to a revision with everything that has changed until then.
    pub fn advance(&mut self, changed: Vec<(Uuid, i64, Option<Item>)>, revision: i64) {
        for (id, at, item) in changed {
            self.put(id, item, at);
        }
        self.revision = revision;
        self.progress.send_replace(revision);
    }

    /// Is kept up no longer: whoever watches is told to list again.
    pub fn retire(&mut self) {
        self.floor = i64::MAX;
        self.progress.send_replace(i64::MAX);
    }

    /// Every change after this revision is among the events.
    #[must_use]
    pub fn floor(&self) -> i64 {
        self.floor
    }

    fn put(&mut self, id: Uuid, new: Option<Item>, revision: i64) {
        let before = self.by_id.remove(&id).and_then(|key| self.items.remove(&key));
        let after = new.map(Arc::new);
        if let Some(item) = &after {
            self.by_id.insert(id, item.key.clone());
            if let Some(other) = self.items.insert(item.key.clone(), Arc::clone(item)) {
                // The name was taken over before its last owner was told to be gone.
                self.by_id.remove(&other.id);
                self.tell(Event { revision, before: Some(other), after: None });
            }
        }
        if before.is_some() || after.is_some() {
            self.tell(Event { revision, before, after });
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push_back(event);
        while self.events.len() > KEPT {
            if let Some(dropped) = self.events.pop_front() {
                self.floor = dropped.revision;
            }
        }
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Arc<Item>> {
        self.items.get(key).cloned()
    }

    /// All objects, or those of one namespace.
    #[must_use]
    pub fn view(&self, namespace: &str) -> View {
        let items = self
            .items
            .values()
            .filter(|item| namespace.is_empty() || item.key.0 == namespace)
            .cloned()
            .collect();
        View { revision: self.revision, items }
    }

    /// An object as it was where the events begin.
    #[must_use]
    pub fn at_floor(&self, id: Uuid) -> Option<Arc<Item>> {
        let about = |item: &Option<Arc<Item>>| item.as_ref().is_some_and(|item| item.id == id);
        match self.events.iter().find(|event| about(&event.before) || about(&event.after)) {
            Some(event) => event.before.clone().filter(|item| item.id == id),
            None => self.by_id.get(&id).and_then(|key| self.items.get(key)).cloned(),
        }
    }

    /// Events after a revision; `None` when some of them are no longer kept.
    #[must_use]
    pub fn events_after(&self, revision: i64) -> Option<Vec<Event>> {
        if revision < self.floor {
            return None;
        }
        let from = self.events.partition_point(|event| event.revision <= revision);
        Some(self.events.range(from..).cloned().collect())
    }
}

/// A shelf that can be shared.
#[derive(Clone)]
pub struct Shared(Arc<RwLock<Shelf>>);

impl Shared {
    /// To be shared from here on.
    #[must_use]
    pub fn new(shelf: Shelf) -> Self {
        Self(Arc::new(RwLock::new(shelf)))
    }

    /// To look at, for a moment.
    pub fn read(&self) -> RwLockReadGuard<'_, Shelf> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change.
    pub fn write(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
