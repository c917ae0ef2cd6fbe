//! The engine's way to the stored records, and from the change feed into its index.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::{Duration, Instant},
};

use hanse_federation::{ClusterView, FederatedObject, FederatedSpec, Resource, fleet::Facts};
use hanse_fleet::ObjectKey;
use hanse_store::{Fresh, Op, WriteContext, federated, removals};
use hanse_types::{ClusterId, FederatedId, ProjectId, cluster::ClusterPhase};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    engine::{Engine, Removals},
    index::{CopyKey, Object, Removal, RemovalMode},
};
use crate::error::{Error, Result};

/// Objects loaded at a time.
const PIECE: u64 = 500;
/// Confirmed removals written at a time.
const CONFIRMATIONS: usize = 500;
/// Rest after writing some, as a multiple of the time that it took: in a batch the copies of an object go at different
/// moments, and each confirmation by itself would be a transaction. A single one is written at once; when there is much to
/// do in members, that goes first.
const REST: u32 = 16;
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_millis(250);

fn removal(row: removals::Model) -> Removal {
    Removal {
        id: row.id,
        cluster: ClusterId(row.cluster_id),
        key: CopyKey { type_: row.r#type.into(), key: ObjectKey::new(row.namespace, row.name) },
        api_version: row.api_version,
        mode: match removals::Mode::parse(&row.mode) {
            removals::Mode::Delete => RemovalMode::Delete,
            removals::Mode::Release => RemovalMode::Release,
        },
        options: row.options,
        object: row.object_id.map(FederatedId),
        at: row.at,
    }
}

/// Kinds by `plural.group`, for records of kinds that are not in the table of types.
fn resource(row: &federated::Model) -> Resource {
    let (group, version) = row.api_version.split_once('/').unwrap_or(("", &row.api_version));
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: row.kind.clone(),
        plural: row.r#type.split('.').next().unwrap_or(&row.r#type).to_owned(),
        namespaced: !row.namespace.is_empty(),
    }
}

/// A stored object as the engine works on it.
pub(super) fn object(engine: &Engine, row: federated::Model, project: Option<&str>) -> Result<Object> {
    let held_by = federated::held_by(&row);
    let placed = federated::placed(&row)?.into_iter().collect();
    let whole = engine.parts.store.whole(row)?;
    let row = whole.row;
    let spec: FederatedSpec = serde_json::from_value(whole.spec).map_err(Error::internal)?;
    let namespace = (!row.namespace.is_empty()).then(|| row.namespace.clone());
    Ok(Object {
        id: FederatedId(row.id),
        project: row.project_id.map(ProjectId),
        project_name: project.map(Into::into),
        held_by,
        key: CopyKey {
            type_: row.r#type.as_str().into(),
            key: ObjectKey::new(row.namespace.clone(), row.name.clone()),
        },
        record: FederatedObject {
            resource: resource(&row),
            namespace,
            name: row.name.clone(),
            labels: BTreeMap::new(),
            generation: row.generation,
            deleting: row.deleted_at.is_some(),
            spec,
        },
        version: row.version,
        placed,
        seen: Instant::now(),
        cells: Mutex::default(),
        status: Mutex::default(),
        is_told: AtomicBool::new(false),
        shares: Mutex::default(),
    })
}

/// Loads everything. Returns the revision from which to follow.
pub(super) async fn load(engine: &Engine) -> Result<i64> {
    let store = &engine.parts.store;
    // Read before the rows: what changes while they are read comes again through the feed.
    let revision = store.revision();
    load_project_clusters(engine).await?;
    let mut after: Option<Uuid> = None;
    let mut seen = HashSet::new();
    let mut by_object: HashMap<Uuid, Vec<Removal>> = HashMap::new();
    for row in store.all_removals().await? {
        match row.object_id {
            Some(object) => by_object.entry(object).or_default().push(removal(row)),
            None => engine.index.add_removals([removal(row)]),
        }
    }
    loop {
        let rows = store.all_federated(after, PIECE).await?;
        let Some(last) = rows.last() else { break };
        after = Some(last.id);
        let projects = store.projects_by_ids(rows.iter().filter_map(|row| row.project_id).collect()).await?;
        let statuses = store.federated_status(rows.iter().map(|row| row.id).collect()).await?;
        for row in rows {
            let id = row.id;
            seen.insert(FederatedId(id));
            let project = row.project_id.and_then(|id| projects.get(&id));
            if project.is_none() && row.project_id.is_some() {
                continue;
            }
            match object(engine, row, project.map(|project| &*project.name)) {
                Ok(object) => {
                    // The stored status serves until members have been observed.
                    if let Some(status) =
                        statuses.get(&id).and_then(|status| serde_json::from_value(status.clone()).ok())
                    {
                        *object.status.lock().unwrap_or_else(PoisonError::into_inner) =
                            Some(Arc::new(status));
                    }
                    engine.accept(object, Removals::All(by_object.remove(&id).unwrap_or_default()));
                }
                // One record that cannot be read must not stop the others.
                Err(error) => tracing::error!(object = %id, "a federated object cannot be loaded: {error:?}"),
            }
        }
    }
    for object in engine.index.objects() {
        if !seen.contains(&object.id) {
            engine.forget(object.id);
        }
    }
    Ok(revision)
}

async fn load_project_clusters(engine: &Engine) -> Result<()> {
    let store = &engine.parts.store;
    let projects = store.all_projects().await?;
    let clusters = store.project_clusters(projects.iter().map(|row| row.id).collect()).await?;
    let all = clusters
        .into_iter()
        .map(|(project, rows)| {
            (ProjectId(project), Arc::new(rows.into_iter().map(|row| ClusterId(row.id)).collect()))
        })
        .collect();
    *engine.project_clusters.write().unwrap_or_else(PoisonError::into_inner) = all;
    engine.forget_reach();
    Ok(())
}

/// Follows the change feed until it breaks off.
pub(super) async fn follow(engine: &Engine, revision: i64) -> Result<()> {
    let mut reader = engine.parts.store.follow(revision);
    loop {
        let changes = reader.next().await?;
        let mut objects: HashMap<Uuid, i64> = HashMap::new();
        for change in changes.iter().filter(|change| change.kind == "federated") {
            // An id comes only once: what is gone need not be looked for.
            if change.op == Op::Deleted {
                objects.remove(&change.object);
                engine.forget(FederatedId(change.object));
            } else {
                objects.insert(change.object, change.revision);
            }
        }
        if changes.iter().any(|change| change.kind == "project") {
            load_project_clusters(engine).await?;
        }
        if changes.iter().any(|change| change.kind == "cluster") {
            engine.refresh_views().await;
        }
        let unknown: Vec<Uuid> = objects
            .into_iter()
            .filter(|(id, revision)| {
                !engine.parts.store.fresh(*id, *revision).is_some_and(|fresh| take_over(engine, fresh))
            })
            .map(|(id, _)| id)
            .collect();
        if !unknown.is_empty() {
            reload(engine, unknown).await?;
        }
    }
}

/// Takes an object in as its writer left it, if that is the next version of what is here. Otherwise it must be read.
fn take_over(engine: &Engine, fresh: Fresh) -> bool {
    let known = engine.index.get(FederatedId(fresh.row.id)).map_or(0, |object| object.version);
    if fresh.row.version <= known {
        // It was read already with what came after.
        return true;
    }
    if fresh.row.version != known + 1 {
        return false;
    }
    let Ok(object) = object(engine, fresh.row, fresh.project.as_deref()) else { return false };
    engine.accept(object, Removals::Added(fresh.leaving.into_iter().map(removal).collect()));
    true
}

async fn reload(engine: &Engine, ids: Vec<Uuid>) -> Result<()> {
    let store = &engine.parts.store;
    for piece in ids.chunks(usize::try_from(PIECE).unwrap_or(500)) {
        let rows = store.federated_by_ids(piece.to_vec()).await?;
        let projects = store.projects_by_ids(rows.iter().filter_map(|row| row.project_id).collect()).await?;
        let mut removals: HashMap<Uuid, Vec<Removal>> = HashMap::new();
        for row in store.removals_of(piece.to_vec()).await? {
            if let Some(object) = row.object_id {
                removals.entry(object).or_default().push(removal(row));
            }
        }
        let found: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        for row in rows {
            let id = row.id;
            let project = row.project_id.and_then(|id| projects.get(&id));
            if project.is_none() && row.project_id.is_some() {
                continue;
            }
            match object(engine, row, project.map(|project| &*project.name)) {
                Ok(object) => engine.accept(object, Removals::All(removals.remove(&id).unwrap_or_default())),
                Err(error) => tracing::error!(object = %id, "a federated object cannot be loaded: {error:?}"),
            }
        }
        for gone in piece.iter().filter(|id| !found.contains(*id)) {
            engine.forget(FederatedId(*gone));
        }
    }
    Ok(())
}

/// Clusters as decisions see them: stored names and labels, observed facts and health.
pub(super) async fn views(engine: &Engine) -> Result<BTreeMap<ClusterId, ClusterView>> {
    let rows = engine.parts.store.all_clusters().await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let id = ClusterId(row.id);
            let labels = serde_json::from_value(row.labels).unwrap_or_default();
            let mut view = ClusterView { name: row.name, labels, ..ClusterView::default() };
            if let Some(member) = engine.parts.fleet.get(id) {
                let health = member.health().borrow().clone();
                view.ready = health.phase == ClusterPhase::Ready;
                if !view.ready {
                    view.not_ready_reason = crate::clusters::not_ready_sentence(&health);
                }
                if let Some(facts) = member.facts().borrow().as_ref() {
                    view.facts = Facts {
                        regions: facts.facts.regions.clone(),
                        zones: facts.facts.zones.clone(),
                        provider: facts.facts.provider.clone(),
                        version: facts.facts.kubernetes_version.clone(),
                    };
                }
            }
            (id, view)
        })
        .collect())
}

/// Whether anybody has a record of a copy, by what is stored.
pub(super) async fn is_known(engine: &Engine, cluster: ClusterId, key: &CopyKey) -> Result<bool> {
    Ok(engine.parts.store.knows_copy(cluster, &key.type_, &key.key.namespace, &key.key.name).await?)
}

/// Writes confirmed removals, as many as there are at a time.
pub(super) async fn write_confirmations(engine: Arc<Engine>, mut confirmed: mpsc::Receiver<Removal>) {
    let mut batch = Vec::new();
    while confirmed.recv_many(&mut batch, CONFIRMATIONS).await > 0 {
        let context = WriteContext::platform("removal", engine.parts.clock.now());
        let ids: Vec<Uuid> = batch.iter().map(|removal| removal.id).collect();
        let began = Instant::now();
        while let Err(error) = engine.parts.store.finish_removals(ids.clone(), &context).await {
            tracing::warn!("confirmed removals could not be written, it is tried again: {error}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let took = began.elapsed();
        for removal in batch.drain(..) {
            engine.index.removed(&removal);
            if let Some(object) = removal.object {
                engine.dirty_status.mark(object);
            }
        }
        tokio::time::sleep((took * REST).min(LONGEST_REST)).await;
    }
}
