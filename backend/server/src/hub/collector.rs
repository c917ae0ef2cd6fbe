//! What goes along with what: an object whose owners are gone is removed, here and, if it is federated, in its members. Its
//! owners may be kept at the hub or be federated, and so may it. It is looked after at once by whoever removes an owner, and
//! by following the change feed for owners that go later, when their last copy is gone; at the start everything that has
//! an owner is looked at once, so that nothing is missed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hanse_machinery::meta::{self, Collect, OwnerState};
use hanse_store::{
    AuditEvent, Op, Tx, WriteContext, federated,
    hub::{self, View},
    owners::{self, Dependent, FOREGROUND, ORPHAN},
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{render, route::Root, verbs::is_race};
use crate::{
    Platform,
    error::{Error, Result},
    federation::place,
};

/// Objects removed at once with one owner, at most; the rest follows by the change feed.
const AT_ONCE: usize = 1_000;
/// Attempts when others are quicker.
const ATTEMPTS: usize = 5;
/// Rest after a failure.
const REST: Duration = Duration::from_secs(1);

/// Does something again when somebody was quicker.
macro_rules! attempts {
    ($work:expr) => {{
        let mut attempt = 1;
        loop {
            match $work.await {
                Err(error) if attempt < ATTEMPTS && is_race(&error) => attempt += 1,
                done => break done,
            }
        }
    }};
}

/// What is to be looked at.
#[derive(Default)]
pub struct Collector {
    /// Whose owners are to be looked at, or whose dependents.
    marked: Mutex<HashSet<Uuid>>,
    /// Owners that go after their dependents.
    waiting: Mutex<HashSet<Uuid>>,
    wake: Notify,
}

impl Collector {
    /// Has an object looked at soon.
    pub fn mark(&self, id: Uuid) {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.wake.notify_one();
    }

    async fn marked(&self) -> HashSet<Uuid> {
        loop {
            let taken = std::mem::take(&mut *self.marked.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.wake.notified().await;
        }
    }

    /// Notes whether an owner goes after its dependents; one that is gone waits no more.
    fn waits(&self, id: Uuid, waits: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waits {
            waiting.insert(id);
        } else {
            waiting.remove(&id);
        }
    }

    fn waiting(&self) -> Vec<Uuid> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// Follows the change feed for ever.
pub async fn follow(platform: Arc<Platform>) {
    loop {
        if let Err(error) = follow_once(&platform).await {
            tracing::warn!("what its owners leave behind is looked at again: {error:?}");
        }
        tokio::time::sleep(REST).await;
    }
}

async fn follow_once(platform: &Platform) -> Result<()> {
    let mut reader = platform.store.follow(platform.store.revision());
    for id in platform.store.owned().await?.into_iter().chain(platform.store.owning().await?) {
        look(platform, id).await?;
    }
    loop {
        tokio::select! {
            changes = reader.next() => {
                let gone: Vec<Uuid> = changes?
                    .iter()
                    .filter(|change| change.op == Op::Deleted)
                    .filter(|change| matches!(change.kind.as_str(), "hub" | "federated" | "project"))
                    .map(|change| change.object)
                    .collect();
                if gone.is_empty() {
                    continue;
                }
                for id in platform.store.dependents(&gone).await?.into_iter().chain(platform.collector.waiting()) {
                    look(platform, id).await?;
                }
            }
            marked = platform.collector.marked() => {
                for id in marked {
                    look(platform, id).await?;
                }
            }
        }
    }
}

/// An owner is gone: what it owned goes, too, and what that owned.
///
/// # Errors
/// When the database is away; it is then done later.
pub async fn went(platform: &Platform, owner: Uuid) -> Result<()> {
    let mut gone = vec![owner];
    let mut seen = 0;
    while !gone.is_empty() && seen < AT_ONCE {
        let dependents = platform.store.dependents(&gone).await?;
        gone.clear();
        for id in dependents {
            seen += 1;
            if look(platform, id).await? {
                gone.push(id);
            }
        }
    }
    Ok(())
}

/// Takes an owner out of everything that it owns, so that all of it stays.
///
/// # Errors
/// When the database refuses.
pub async fn orphan(platform: &Platform, owner: Uuid) -> Result<()> {
    for id in platform.store.dependents(&[owner]).await? {
        attempts!(orphan_one(platform, id, owner))?;
    }
    Ok(())
}

async fn orphan_one(platform: &Platform, id: Uuid, owner: Uuid) -> Result<()> {
    let mut tx = begin(platform).await?;
    if let Some(found) = owners::dependent(&tx, id).await? {
        let dependent = read(&tx, found).await?;
        unlink(&mut tx, dependent, &[owner.to_string()]).await?;
        platform.commit(tx).await?;
    }
    Ok(())
}

async fn begin(platform: &Platform) -> Result<Tx> {
    Ok(platform.store.begin(&WriteContext::platform("garbage collection", platform.clock.now())).await?)
}

/// Looks at an object: whether its owners are there, and whether it waits for its dependents. Says whether it went.
async fn look(platform: &Platform, id: Uuid) -> Result<bool> {
    let gone = attempts!(collect(platform, id))?;
    if gone {
        platform.collector.waits(id, false);
    } else {
        wait(platform, id).await?;
    }
    Ok(gone)
}

/// Something with owners, and what the roots say about it.
struct Owned {
    dependent: Dependent,
    views: Vec<(&'static str, View)>,
    namespace: String,
    /// References to owners, as far as metadata of all roots has them.
    object: Value,
}

async fn read(tx: &Tx, dependent: Dependent) -> Result<Owned> {
    let mut views = Vec::new();
    let (namespace, object) = match &dependent {
        Dependent::Local(local) => (local.namespace.clone(), local.object.clone()),
        Dependent::Federated(row) => {
            let mut metadata = json!({"ownerReferences": [], "finalizers": []});
            for root in [Root::Kube, Root::KubeFed] {
                let Some(view) = hub::view(tx, row.object.id, root.as_str()).await? else { continue };
                for field in ["ownerReferences", "finalizers"] {
                    let more = view.body.pointer(&format!("/metadata/{field}")).and_then(Value::as_array);
                    let all = metadata.get_mut(field).and_then(Value::as_array_mut);
                    if let (Some(all), Some(more)) = (all, more) {
                        all.extend(more.iter().cloned());
                    }
                }
                views.push((root.as_str(), view));
            }
            (row.object.namespace.clone(), json!({"metadata": metadata}))
        }
    };
    Ok(Owned { dependent, views, namespace, object })
}

/// Removes an object whose owners are gone, or takes those of them out that are. Says whether it is gone.
async fn collect(platform: &Platform, id: Uuid) -> Result<bool> {
    let mut tx = begin(platform).await?;
    // Somebody else was quicker to remove it.
    let Some(found) = owners::dependent(&tx, id).await? else { return Ok(true) };
    let owned = read(&tx, found).await?;
    let references = owned.object.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let mut states: HashMap<String, OwnerState> = HashMap::new();
    for uid in references.into_iter().flatten().filter_map(|reference| reference.get("uid")?.as_str()) {
        let state = match Uuid::parse_str(uid) {
            // Objects that are always there.
            Ok(uid) if uid.is_nil() => OwnerState::Present,
            Err(_) => OwnerState::Unknown,
            Ok(owner) => match owners::owner(&tx, owner).await? {
                None => OwnerState::Absent,
                // In another namespace it is another one's; of what belongs to no namespace nothing in one can be owner.
                Some(owner) if !owner.namespace.is_empty() && owner.namespace != owned.namespace => {
                    if owned.namespace.is_empty() { OwnerState::Unknown } else { OwnerState::Absent }
                }
                Some(owner) if owner.waits => OwnerState::GoingAfterDependents,
                Some(_) => OwnerState::Present,
            },
        };
        states.insert(uid.to_owned(), state);
    }
    let state = |reference: &Value| {
        let uid = reference.get("uid").and_then(Value::as_str).unwrap_or_default();
        states.get(uid).copied().unwrap_or(OwnerState::Unknown)
    };
    let gone = match meta::collect(&owned.object, state) {
        Collect::Keep => return Ok(false),
        Collect::Unlink(uids) => {
            unlink(&mut tx, owned, &uids).await?;
            false
        }
        Collect::Delete(_) => remove(platform, &mut tx, owned).await?,
    };
    platform.commit(tx).await?;
    Ok(gone)
}

fn event(name: String, project: Option<String>) -> AuditEvent {
    AuditEvent { verb: "delete", kind: "hub-object", name, project, ..AuditEvent::default() }
}

async fn remove(platform: &Platform, tx: &mut Tx, owned: Owned) -> Result<bool> {
    match owned.dependent {
        Dependent::Federated(row) => {
            // A project's namespace goes with its project alone.
            if row.object.kind == "Namespace" || row.object.deleted_at.is_some() {
                return Ok(false);
            }
            let policy = row.object.spec.get("policy").cloned().unwrap_or_default();
            let (mode, options) = place::leaving(&serde_json::from_value(policy).map_err(Error::internal)?);
            let name = format!("{}/{}", row.object.r#type, row.object.name);
            tx.audit(event(name, row.project.as_ref().map(|project| project.name.clone())));
            let left =
                federated::delete(tx, row.project.as_ref(), row.object, mode, options.as_ref()).await?;
            Ok(left.is_none())
        }
        Dependent::Local(local) => {
            let held = |name: &&Value| **name != ORPHAN && **name != FOREGROUND;
            let finalizers = owned.object.pointer("/metadata/finalizers").and_then(Value::as_array);
            if finalizers.into_iter().flatten().any(|name| held(&name)) {
                if local.object.pointer("/metadata/deletionTimestamp").is_none() {
                    let mut marked = local.object.clone();
                    let at = render::time(platform.clock.now());
                    hanse_machinery::json::set(&mut marked, &["metadata", "deletionTimestamp"], at);
                    hanse_machinery::json::set(&mut marked, &["metadata", "deletionGracePeriodSeconds"], 0);
                    hub::update(tx, &local, marked).await?;
                }
                return Ok(false);
            }
            hub::delete(tx, &local).await?;
            if local.type_ == "customresourcedefinitions.apiextensions.k8s.io" {
                hub::forget_type(tx, &local.root, &local.name).await?;
            }
            let name = format!("{}/{}/{}", local.root, local.type_, local.name);
            tx.audit(event(name, (!local.namespace.is_empty()).then_some(local.namespace)));
            Ok(true)
        }
    }
}

/// Takes owners out of an object.
async fn unlink(tx: &mut Tx, owned: Owned, uids: &[String]) -> Result<()> {
    let without = |object: &mut Value| {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
            owners.retain(|owner| {
                let uid = owner.get("uid").and_then(Value::as_str).unwrap_or_default();
                !uids.iter().any(|gone| gone == uid)
            });
            if owners.is_empty() {
                metadata.remove("ownerReferences");
            }
        }
    };
    rewrite(tx, owned, without).await
}

/// Changes metadata of an object in every root that has some. What is being removed goes with its last finalizer.
async fn rewrite(tx: &mut Tx, owned: Owned, change: impl Fn(&mut Value)) -> Result<()> {
    match owned.dependent {
        Dependent::Local(local) => {
            let mut object = local.object.clone();
            change(&mut object);
            if meta::is_finished(&local.object, &object) {
                hub::delete(tx, &local).await?;
            } else {
                hub::update(tx, &local, object).await?;
            }
        }
        Dependent::Federated(row) => {
            let mut views = owned.views;
            for (_, view) in &mut views {
                change(&mut view.body);
            }
            hub::rewrite_views(tx, *row, views).await?;
        }
    }
    Ok(())
}

/// An owner that goes after its dependents: they are removed, and when the last one is gone, so is what holds it.
async fn wait(platform: &Platform, id: Uuid) -> Result<()> {
    let waits = {
        let tx = begin(platform).await?;
        owners::owner(&tx, id).await?.is_some_and(|owner| owner.waits)
    };
    platform.collector.waits(id, waits);
    if !waits {
        return Ok(());
    }
    for dependent in platform.store.dependents(&[id]).await? {
        attempts!(collect(platform, dependent))?;
    }
    if !platform.store.dependents(&[id]).await?.is_empty() {
        return Ok(());
    }
    attempts!(free(platform, id))?;
    platform.collector.waits(id, false);
    Ok(())
}

/// Takes away what holds an owner until its dependents are gone.
async fn free(platform: &Platform, id: Uuid) -> Result<()> {
    let mut tx = begin(platform).await?;
    let Some(found) = owners::dependent(&tx, id).await? else { return Ok(()) };
    let owned = read(&tx, found).await?;
    rewrite(&mut tx, owned, |object| {
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
        if let Some(names) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
            names.retain(|name| *name != FOREGROUND);
            if names.is_empty() {
                metadata.remove("finalizers");
            }
        }
    })
    .await?;
    platform.commit(tx).await?;
    Ok(())
}
