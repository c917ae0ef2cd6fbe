//! What one resource shows, in memory: every object as clients see it, and what changed lately. A shelf is filled when it
//! is first asked for and kept up from the change feed. Every read first takes in what has been committed, so that
//! whoever wrote sees it; and because versions are revisions of the feed, a watch resumes over a restart.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use hanse_machinery::{Status, convert::Row};
use hanse_store::{Change, Op, Store, StoreError, hub};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use super::{
    kinds::{Backing, Catalogue, Kind},
    render,
    route::Root,
};
use crate::error::{Error, Result};

/// Whose ReplicaSets are shown.
const DEPLOYMENTS: &str = "deployments.apps";
/// Events kept per shelf, each with the object before and after. Whoever is further behind is told from the feed.
const KEPT: usize = 256;

/// Changes that are not taken in as long as nobody asks for them.
const FARTHEST_BEHIND: i64 = 512;

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
    pub revision: i64,
}

/// What can be seen of a shelf at once.
pub struct View {
    /// As of this revision.
    pub revision: i64,
    /// The objects, in order.
    pub items: Vec<Arc<Item>>,
}

impl Shelf {
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
    fn at_floor(&self, id: Uuid) -> Option<Arc<Item>> {
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
pub type Shared = Arc<RwLock<Shelf>>;

struct Inner {
    shelves: HashMap<(Root, String), (Arc<Kind>, Shared)>,
    /// All shelves are as of this revision.
    applied: i64,
}

/// Where this platform is reached.
#[derive(Clone, Debug)]
pub struct Place {
    /// Without a slash at the end.
    pub url: String,
    /// The authority of its certificate in PEM, where it is its own.
    pub authority: Option<String>,
}

/// All shelves.
pub struct Shelves {
    store: Store,
    place: Place,
    inner: Mutex<Inner>,
    catalogues: RwLock<HashMap<Root, Arc<Catalogue>>>,
    /// Counts how often the kinds were forgotten: what was read before is not kept after.
    forgotten: AtomicU64,
    applied: watch::Sender<i64>,
    access: watch::Sender<u64>,
}

impl Shelves {
    /// None yet.
    #[must_use]
    pub fn new(store: Store, url: String, authority: Option<String>) -> Self {
        let inner = Mutex::new(Inner { shelves: HashMap::new(), applied: 0 });
        Self {
            store,
            place: Place { url, authority },
            inner,
            catalogues: RwLock::default(),
            forgotten: AtomicU64::new(0),
            applied: watch::channel(0).0,
            access: watch::channel(0).0,
        }
    }

    /// Follows the change feed for ever, so that watches are told at once.
    pub async fn follow(self: Arc<Self>) {
        let mut reader = self.store.follow(self.store.revision());
        loop {
            match reader.next().await {
                // What is kept at the hub may define kinds, which are not looked up each time.
                Ok(changes) if self.is_unwatched() && changes.iter().all(|change| change.kind != "hub") => {}
                Ok(_) => {
                    if let Err(error) = self.catch_up().await {
                        tracing::warn!("watches at the hub are behind: {error:?}");
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    }
                }
                Err(error) => {
                    tracing::warn!("watches at the hub are behind: {error}");
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    reader = self.store.follow(self.store.revision());
                }
            }
        }
    }

    /// Whether nobody waits for what is new: then it is taken in when somebody asks, unless that would become long.
    fn is_unwatched(&self) -> bool {
        let behind = self.store.revision() - *self.applied.borrow();
        self.applied.receiver_count() == 0 && self.access.receiver_count() == 0 && behind < FARTHEST_BEHIND
    }

    /// Tells how far all shelves are.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<i64> {
        self.applied.subscribe()
    }

    /// Tells when somebody's roles, sessions or tokens may have changed.
    #[must_use]
    pub fn access(&self) -> watch::Receiver<u64> {
        self.access.subscribe()
    }

    /// What a root serves.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn catalogue(&self, root: Root) -> Result<Arc<Catalogue>> {
        let known = self.catalogues.read().unwrap_or_else(PoisonError::into_inner).get(&root).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let forgotten = self.forgotten.load(Ordering::Acquire);
        let types = self.store.federated_types().await?;
        let snapshot = self.store.snapshot().await?;
        let definitions =
            snapshot.local(root.as_str(), "customresourcedefinitions.apiextensions.k8s.io", None).await?;
        let definitions: Vec<Value> = definitions.into_iter().map(|local| local.object).collect();
        let catalogue = Arc::new(Catalogue::of(root, &types, &definitions));
        let mut catalogues = self.catalogues.write().unwrap_or_else(PoisonError::into_inner);
        if self.forgotten.load(Ordering::Acquire) == forgotten {
            catalogues.insert(root, Arc::clone(&catalogue));
        }
        Ok(catalogue)
    }

    /// Has the kinds looked up again.
    pub fn forget_kinds(&self) {
        let mut catalogues = self.catalogues.write().unwrap_or_else(PoisonError::into_inner);
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        catalogues.clear();
    }

    /// The shelf of a kind with everything that has been committed.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn of(&self, kind: &Arc<Kind>) -> Result<Shared> {
        // What is kept at the hub alone is as it was as long as nothing of that sort was written.
        let committed = match kind.backing {
            Backing::Local if !kind.is_derived() => self.store.committed_of_hub(),
            _ => self.store.committed(),
        };
        let name = (kind.root, kind.type_name());
        let mut inner = self.inner.lock().await;
        // Somebody else has just taken in what there was when this was asked.
        if committed.is_some_and(|committed| committed <= inner.applied)
            && let Some((known, shelf)) = inner.shelves.get(&name)
            && known.backing == kind.backing
        {
            return Ok(Arc::clone(shelf));
        }
        let snapshot = self.store.snapshot().await?;
        self.advance(&mut inner, &snapshot).await?;
        if let Some((known, shelf)) = inner.shelves.get(&name) {
            if known.backing == kind.backing {
                return Ok(Arc::clone(shelf));
            }
            // The name means other records now: whoever watches is told to list again.
            shelf.write().unwrap_or_else(PoisonError::into_inner).floor = i64::MAX;
        }
        let shelf = Arc::new(RwLock::new(fill(kind, &snapshot, &self.place).await?));
        inner.shelves.insert(name, (Arc::clone(kind), Arc::clone(&shelf)));
        Ok(shelf)
    }

    /// The shelf of a kind as it is, without what was committed lately; none when nobody has asked for it before.
    pub async fn as_is(&self, kind: &Arc<Kind>) -> Option<Shared> {
        let inner = self.inner.lock().await;
        let (known, shelf) = inner.shelves.get(&(kind.root, kind.type_name()))?;
        (known.backing == kind.backing).then(|| Arc::clone(shelf))
    }

    /// Takes in everything that has been committed.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn catch_up(&self) -> Result<()> {
        let committed = self.store.committed();
        let mut inner = self.inner.lock().await;
        if committed.is_some_and(|committed| committed <= inner.applied) {
            return Ok(());
        }
        let snapshot = self.store.snapshot().await?;
        self.advance(&mut inner, &snapshot).await
    }

    async fn advance(&self, inner: &mut Inner, snapshot: &hub::Snapshot) -> Result<()> {
        let revision = snapshot.revision();
        if revision <= inner.applied {
            return Ok(());
        }
        if inner.applied == 0 {
            inner.applied = revision;
            self.applied.send_replace(revision);
            return Ok(());
        }
        let changes = match snapshot.changes_after(inner.applied).await {
            Ok(changes) => changes,
            Err(StoreError::Gone(_)) => {
                // Whoever watches is told to list again, and the shelves are filled anew.
                for (_, (_, shelf)) in inner.shelves.drain() {
                    let mut shelf = shelf.write().unwrap_or_else(PoisonError::into_inner);
                    shelf.floor = i64::MAX;
                }
                inner.applied = revision;
                self.applied.send_replace(revision);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        for (kind, shelf) in inner.shelves.values() {
            let concerned: Vec<&Change> = changes.iter().filter(|change| concerns(kind, change)).collect();
            if !concerned.is_empty() {
                let fresh = changed_items(kind, snapshot, &self.place, &concerned).await?;
                let mut shelf = shelf.write().unwrap_or_else(PoisonError::into_inner);
                for (id, revision, item) in fresh {
                    shelf.put(id, item, revision);
                }
            }
            shelf.write().unwrap_or_else(PoisonError::into_inner).revision = revision;
        }
        let about = |kinds: &[&str]| changes.iter().any(|change| kinds.contains(&change.kind.as_str()));
        let defines = |change: &Change| {
            [" customresourcedefinitions.apiextensions.k8s.io ", " federatedtypeconfigs.core.kubefed.io "]
                .iter()
                .any(|type_| change.name.contains(type_))
        };
        if changes.iter().any(|change| change.kind == "hub" && defines(change)) {
            self.forget_kinds();
        }
        inner.applied = revision;
        self.applied.send_replace(revision);
        if about(&["user", "binding", "session", "token", "project", "workspace"]) {
            self.access.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    /// What changed of a kind since a revision that the shelf no longer reaches back to, as of its present revision.
    ///
    /// # Errors
    /// 410 when it is not known any more.
    pub async fn since(&self, kind: &Arc<Kind>, after: i64) -> std::result::Result<(i64, Vec<Event>), Fault> {
        let shelf = self.of(kind).await.map_err(Fault::Error)?;
        let inner = self.inner.lock().await;
        let snapshot = self.store.snapshot().await.map_err(|error| Fault::Error(error.into()))?;
        let upto = inner.applied;
        let changes = match snapshot.changes_after(after).await {
            Ok(changes) => changes,
            Err(StoreError::Gone(_)) => {
                return Err(Fault::Status(Box::new(hanse_machinery::list::too_old(
                    u64::try_from(after).unwrap_or(0),
                    u64::try_from(upto).unwrap_or(0),
                ))));
            }
            Err(error) => return Err(Fault::Error(error.into())),
        };
        let projects: Vec<Uuid> = changes.iter().filter_map(|change| change.project).collect();
        let mut names: HashMap<Uuid, String> = HashMap::new();
        for change in changes.iter().filter(|change| change.kind == "project") {
            names.insert(change.object, change.name.clone());
        }
        for (id, row) in self.store.projects_by_ids(projects).await? {
            names.insert(id, row.name);
        }
        let shelf = shelf.read().unwrap_or_else(PoisonError::into_inner);
        // Up to where the shelf reaches back, objects are told as they were then: each once, with its last change. What
        // came after is told event by event.
        let floor = shelf.floor.min(upto);
        let mut seen: HashMap<Uuid, (bool, &Change)> = HashMap::new();
        for change in changes.iter().filter(|change| change.revision <= floor && concerns(kind, change)) {
            let new = change.op == Op::Created;
            seen.entry(change.object).and_modify(|(_, last)| *last = change).or_insert((new, change));
        }
        let mut events: Vec<Event> = seen
            .into_iter()
            .filter_map(|(id, (new, last))| {
                let after = shelf.at_floor(id);
                let before = (!new).then(|| Arc::new(stub(kind, id, last, &names)));
                let nothing = before.is_none() && after.is_none();
                (!nothing).then_some(Event { revision: last.revision, before, after })
            })
            .collect();
        events.sort_by_key(|event| event.revision);
        events.extend(shelf.events.iter().filter(|event| event.revision > floor).cloned());
        Ok((upto, events))
    }
}

/// What can go wrong on the way to an answer.
#[derive(Debug)]
pub enum Fault {
    /// In the words of the platform.
    Error(Error),
    /// In the words of an apiserver.
    Status(Box<Status>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

/// All that is known of an object that is gone: what the change says.
fn stub(kind: &Kind, id: Uuid, change: &Change, projects: &HashMap<Uuid, String>) -> Item {
    let rest = change.name.rsplit(' ').next().unwrap_or_default();
    let (namespace, name) = rest.split_once('/').unwrap_or(("", rest));
    let project = change.project.and_then(|id| projects.get(&id)).map(String::as_str);
    // Federated objects are named `type/name`, and their namespace is their project.
    let namespace = if change.kind == "hub" { namespace } else { project.unwrap_or_default() };
    let namespace = if kind.descriptor.namespaced { namespace } else { "" };
    let descriptor = &kind.descriptor;
    let object = json!({
        "apiVersion": descriptor.api_version(), "kind": descriptor.kind,
        "metadata": {"name": name, "namespace": namespace, "uid": id, "resourceVersion": change.revision.to_string()},
    });
    Item {
        key: (namespace.to_owned(), name.to_owned()),
        id,
        revision: change.revision,
        object: Arc::new(object),
        source: Source::Fixed,
    }
}

fn concerns(kind: &Kind, change: &Change) -> bool {
    let of_hub = || {
        change.kind == "hub"
            && change
                .name
                .strip_prefix(kind.home().as_str())
                .and_then(|rest| rest.strip_prefix(' '))
                .and_then(|rest| rest.strip_prefix(kind.type_name().as_str()))
                .is_some_and(|rest| rest.starts_with(' '))
    };
    // A kind without status does not change when that of its record does.
    let of_type = |type_: &str| {
        (change.kind == "federated" || (change.kind == "status" && kind.descriptor.status))
            && change.name.split('/').next() == Some(type_)
    };
    match &kind.backing {
        Backing::Local if kind.is_derived() => {
            of_hub() || matches!(change.kind.as_str(), "federated" | "status")
        }
        Backing::Local => of_hub(),
        Backing::Namespace => change.kind == "project",
        Backing::Federated(target) => of_type(&target.type_name()),
        Backing::FederatedNamespace(_) => of_type("namespaces"),
        Backing::Plain(target) => {
            of_type(&target.type_name()) || of_hub() || (render::has_derived(target) && of_type(DEPLOYMENTS))
        }
        Backing::Cluster => matches!(change.kind.as_str(), "cluster" | "cluster-status") || of_hub(),
    }
}

/// Items as of a snapshot: all, or those of some ids.
async fn items(
    kind: &Kind,
    snapshot: &hub::Snapshot,
    place: &Place,
    ids: Option<&[Uuid]>,
) -> Result<Vec<Item>> {
    let mut out: Vec<Item> = Vec::new();
    let root = kind.home().as_str();
    match &kind.backing {
        Backing::Namespace => {
            for row in snapshot.namespaces(ids).await? {
                out.push(render::namespace(kind, row));
            }
        }
        Backing::Federated(target) | Backing::FederatedNamespace(target) | Backing::Plain(target) => {
            for row in snapshot.federated(&target.type_name(), ids).await? {
                out.extend(render::federated(kind, target, row));
            }
        }
        Backing::Cluster => {
            for (row, status, views) in snapshot.clusters(ids).await? {
                out.push(render::cluster(kind, place, &row, status.as_ref(), &views));
            }
        }
        Backing::Local => {}
    }
    if kind.is_derived() {
        for row in snapshot.federated("", ids).await? {
            out.extend(render::propagated_version(kind, &row));
        }
    }
    if let Backing::Plain(target) = &kind.backing
        && render::has_derived(target)
    {
        for row in snapshot.federated(DEPLOYMENTS, ids).await? {
            out.extend(render::replica_set(&row));
        }
    }
    if matches!(kind.backing, Backing::Local | Backing::Plain(_) | Backing::Cluster) {
        for local in snapshot.local(root, &kind.type_name(), ids).await? {
            out.push(render::local(kind, local));
        }
    }
    Ok(out)
}

async fn fill(kind: &Kind, snapshot: &hub::Snapshot, place: &Place) -> Result<Shelf> {
    let mut found = items(kind, snapshot, place, None).await?;
    let ids: Vec<Uuid> = found.iter().map(|item| item.id).collect();
    let revisions = snapshot.last_changes(&ids, kind.descriptor.status).await?;
    let mut shelf = Shelf {
        items: BTreeMap::new(),
        by_id: HashMap::new(),
        events: VecDeque::new(),
        floor: snapshot.revision(),
        revision: snapshot.revision(),
    };
    found.extend(render::fixed(kind));
    for item in found {
        let revision = revisions.get(&item.id).copied().unwrap_or(1).max(1);
        let item = render::at(item, revision);
        shelf.by_id.insert(item.id, item.key.clone());
        shelf.items.insert(item.key.clone(), Arc::new(item));
    }
    Ok(shelf)
}

/// What changed objects look like now, in the order of their last changes.
async fn changed_items(
    kind: &Kind,
    snapshot: &hub::Snapshot,
    place: &Place,
    changes: &[&Change],
) -> Result<Vec<(Uuid, i64, Option<Item>)>> {
    let mut last: HashMap<Uuid, i64> = HashMap::new();
    for change in changes {
        last.insert(change.object, change.revision);
    }
    let ids: Vec<Uuid> = last.keys().copied().collect();
    let mut found: HashMap<Uuid, Item> =
        items(kind, snapshot, place, Some(&ids)).await?.into_iter().map(|item| (item.id, item)).collect();
    let mut out: Vec<(Uuid, i64, Option<Item>)> = last
        .into_iter()
        .map(|(id, revision)| (id, revision, found.remove(&id).map(|item| render::at(item, revision))))
        .collect();
    out.sort_by_key(|(_, revision, _)| *revision);
    Ok(out)
}
