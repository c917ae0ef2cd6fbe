//! All shelves. A shelf is filled when it is first asked for and kept up from the change feed: at once while somebody
//! watches it, otherwise when it is asked for again. Every read first takes in what has been committed, so that whoever
//! wrote sees it; and because versions are revisions of the feed, a watch resumes over a restart.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use hanse_store::{Change, Op, Store, StoreError, hub};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use uuid::Uuid;

use super::{
    fault::Fault,
    kinds::{Backing, Catalogue, Kind},
    render,
    route::Root,
    shelf::{Event, Item, Key, Shared, Shelf, Source},
};
use crate::error::Result;

/// Whose ReplicaSets are shown.
const DEPLOYMENTS: &str = "deployments.apps";
/// Changes that are not taken in as long as nobody asks for them.
const FARTHEST_BEHIND: i64 = 2048;

/// A shelf that is kept up.
#[derive(Clone)]
struct Kept {
    kind: Arc<Kind>,
    shelf: Shared,
    /// Whether it was asked for since it was kept up without being watched.
    asked: Arc<AtomicBool>,
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
    /// Who moves shelves on: one at a time.
    turn: Mutex<()>,
    shelves: RwLock<HashMap<(Root, String), Kept>>,
    catalogues: RwLock<HashMap<Root, Arc<Catalogue>>>,
    /// Counts how often the kinds were forgotten: what was read before is not kept after.
    forgotten: AtomicU64,
    access: watch::Sender<u64>,
}

fn name(kind: &Kind) -> (Root, String) {
    (kind.root, kind.type_name())
}

impl Shelves {
    /// None yet.
    #[must_use]
    pub fn new(store: Store, url: String, authority: Option<String>) -> Self {
        Self {
            store,
            place: Place { url, authority },
            turn: Mutex::new(()),
            shelves: RwLock::default(),
            catalogues: RwLock::default(),
            forgotten: AtomicU64::new(0),
            access: watch::channel(0).0,
        }
    }

    /// Follows the change feed for ever, so that watches are told at once.
    pub async fn follow(self: Arc<Self>) {
        let mut reader = self.store.follow(self.store.revision());
        loop {
            let kept = match reader.next().await {
                Ok(changes) => {
                    self.note(&changes);
                    self.keep_up().await
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = kept {
                tracing::warn!("watches at the hub are behind: {error:?}");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                reader = self.store.follow(self.store.revision());
                // Whatever was missed may have been about it.
                self.forget_kinds();
                self.tell_access();
            }
        }
    }

    /// What changes mean besides what shelves show.
    fn note(&self, changes: &[Arc<Change>]) {
        let defines = |change: &Change| {
            [" customresourcedefinitions.apiextensions.k8s.io ", " federatedtypeconfigs.core.kubefed.io "]
                .iter()
                .any(|type_| change.name.contains(type_))
        };
        if changes.iter().any(|change| change.kind == "hub" && defines(change)) {
            self.forget_kinds();
        }
        let about = ["user", "binding", "session", "token", "project", "workspace"];
        if changes.iter().any(|change| about.contains(&change.kind.as_str())) {
            self.tell_access();
        }
    }

    fn tell_access(&self) {
        self.access.send_modify(|count| *count += 1);
    }

    /// Moves those on that somebody watches, and those that would take long to move on when they are asked for. One for
    /// which nobody has asked meanwhile is given up.
    async fn keep_up(&self) -> Result<()> {
        let now = self.store.revision();
        let mut behind: Vec<Kept> = Vec::new();
        let mut given_up: Vec<Kept> = Vec::new();
        for kept in self.shelves.read().unwrap_or_else(PoisonError::into_inner).values() {
            let (watched, revision) = {
                let shelf = kept.shelf.read();
                (shelf.is_watched(), shelf.revision())
            };
            if watched {
                behind.push(kept.clone());
            } else if now - revision >= FARTHEST_BEHIND {
                let asked = kept.asked.swap(false, Ordering::AcqRel);
                if asked { behind.push(kept.clone()) } else { given_up.push(kept.clone()) }
            }
        }
        for kept in given_up {
            self.give_up(&kept);
        }
        if behind.is_empty() {
            return Ok(());
        }
        let _turn = self.turn.lock().await;
        let snapshot = self.store.snapshot().await?;
        self.advance(&behind, &snapshot).await
    }

    fn give_up(&self, kept: &Kept) {
        let mut shelves = self.shelves.write().unwrap_or_else(PoisonError::into_inner);
        let name = name(&kept.kind);
        if shelves.get(&name).is_some_and(|there| Arc::ptr_eq(&there.asked, &kept.asked)) {
            shelves.remove(&name);
        }
        kept.shelf.write().retire();
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
        self.up_to(kind, self.store.committed()).await
    }

    /// One object with everything that has been committed of it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn find(&self, kind: &Arc<Kind>, key: &Key) -> Result<Option<Arc<Item>>> {
        // What is kept at the hub alone is as it was as long as nothing of that sort was written.
        let committed = match kind.backing {
            Backing::Local if !kind.is_derived() => self.store.committed_of_hub(),
            _ => self.store.committed(),
        };
        let shelf = self.up_to(kind, committed).await?;
        let found = shelf.read().get(key);
        Ok(found)
    }

    /// One object as it was seen last, without what was committed lately; none when nobody has asked for its kind before.
    #[must_use]
    pub fn seen(&self, kind: &Kind, key: &Key) -> Option<Arc<Item>> {
        let kept = self.kept(kind)?;
        kept.shelf.read().get(key)
    }

    fn kept(&self, kind: &Kind) -> Option<Kept> {
        let shelves = self.shelves.read().unwrap_or_else(PoisonError::into_inner);
        let kept = shelves.get(&name(kind)).filter(|kept| kept.kind.backing == kind.backing)?;
        kept.asked.store(true, Ordering::Release);
        Some(kept.clone())
    }

    /// The shelf of a kind with everything up to a revision, or with everything.
    async fn up_to(&self, kind: &Arc<Kind>, committed: Option<i64>) -> Result<Shared> {
        let is_there = || {
            let shelf = self.kept(kind)?.shelf;
            let reached = shelf.read().revision();
            committed.is_some_and(|committed| committed <= reached).then_some(shelf)
        };
        if let Some(shelf) = is_there() {
            return Ok(shelf);
        }
        let _turn = self.turn.lock().await;
        // Somebody else has just taken in what there was when this was asked.
        if let Some(shelf) = is_there() {
            return Ok(shelf);
        }
        let snapshot = self.store.snapshot().await?;
        if let Some(kept) = self.kept(kind) {
            self.advance(std::slice::from_ref(&kept), &snapshot).await?;
            if self.kept(kind).is_some() {
                return Ok(kept.shelf);
            }
        }
        let shelf = Shared::new(fill(kind, &snapshot, &self.place).await?);
        let kept =
            Kept { kind: Arc::clone(kind), shelf: shelf.clone(), asked: Arc::new(AtomicBool::new(true)) };
        let before = self.shelves.write().unwrap_or_else(PoisonError::into_inner).insert(name(kind), kept);
        if let Some(before) = before {
            // The name means other records now: whoever watches is told to list again.
            before.shelf.write().retire();
        }
        Ok(shelf)
    }

    /// Moves shelves on to a moment of the database. By whoever has the turn.
    async fn advance(&self, shelves: &[Kept], snapshot: &hub::Snapshot) -> Result<()> {
        let revision = snapshot.revision();
        let reached: Vec<i64> = shelves.iter().map(|kept| kept.shelf.read().revision()).collect();
        let Some(oldest) = reached.iter().min().copied() else { return Ok(()) };
        if revision <= oldest {
            return Ok(());
        }
        let changes = match snapshot.changes_after(oldest).await {
            Ok(changes) => changes,
            Err(StoreError::Gone(_)) => {
                // Whoever watches is told to list again, and the shelves are filled anew.
                for kept in shelves {
                    self.give_up(kept);
                }
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        for (kept, reached) in shelves.iter().zip(reached) {
            let concerned: Vec<&Change> = changes
                .iter()
                .filter(|change| change.revision > reached && concerns(&kept.kind, change))
                .collect();
            let fresh = if concerned.is_empty() {
                Vec::new()
            } else {
                changed_items(&kept.kind, snapshot, &self.place, &concerned).await?
            };
            kept.shelf.write().advance(fresh, revision.max(reached));
        }
        Ok(())
    }

    /// What changed of a kind since a revision that the shelf no longer reaches back to, as of its present revision.
    ///
    /// # Errors
    /// 410 when it is not known any more.
    pub async fn since(&self, kind: &Arc<Kind>, after: i64) -> std::result::Result<(i64, Vec<Event>), Fault> {
        let shelf = self.of(kind).await.map_err(Fault::Error)?;
        let _turn = self.turn.lock().await;
        let snapshot = self.store.snapshot().await.map_err(|error| Fault::Error(error.into()))?;
        let upto = shelf.read().revision();
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
        let shelf = shelf.read();
        // Up to where the shelf reaches back, objects are told as they were then: each once, with its last change. What
        // came after is told event by event.
        let floor = shelf.floor().min(upto);
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
        events.extend(shelf.events_after(floor).unwrap_or_default());
        Ok((upto, events))
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
    found.extend(render::fixed(kind));
    let items = found.into_iter().map(|item| {
        let revision = revisions.get(&item.id).copied().unwrap_or(1).max(1);
        render::at(item, revision)
    });
    Ok(Shelf::of(items, snapshot.revision()))
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
