//! Status of clusters and objects. It is derived, so it is written in groups: at once when nothing was written a moment
//! ago, otherwise with everything else that came in meanwhile. Nothing waits for it. Each group is also told in the change
//! feed (kinds `status` and `cluster-status`), so that watches at the hub resume over a restart.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use hanse_types::{ClusterId, FederatedId};
use sea_orm::{EntityTrait as _, Set, sea_query::OnConflict};
use serde_json::Value;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, WriteContext,
    entity::{cluster, cluster_status, federated_object, federated_status},
    tx::NewChange,
};

/// Rows written by one statement.
const CHUNK: usize = 200;
/// Longest wait for a flush.
const DEADLINE: Duration = Duration::from_secs(30);
/// Rest after a flush, as a multiple of the time that it took.
const REST: u32 = 6;
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_millis(150);
/// Wait after a failed flush.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Pending {
    clusters: HashMap<ClusterId, (Value, DateTime<Utc>)>,
    objects: HashMap<FederatedId, (String, Value, DateTime<Utc>)>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.objects.is_empty()
    }
}

/// Gathers status and writes it. Holds at most one entry per cluster and object, so it is bounded by what there is.
#[derive(Clone)]
pub struct StatusWriter {
    pending: Arc<Mutex<Pending>>,
    wake: Arc<Notify>,
    flushes: Arc<AtomicU64>,
}

impl std::fmt::Debug for StatusWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusWriter").field("flushes", &self.flushes()).finish_non_exhaustive()
    }
}

impl Default for StatusWriter {
    fn default() -> Self {
        Self { pending: Arc::default(), wake: Arc::new(Notify::new()), flushes: Arc::default() }
    }
}

impl StatusWriter {
    /// Hands over a cluster's status; an older one that is not yet written is replaced.
    pub fn cluster(&self, id: ClusterId, status: Value, at: DateTime<Utc>) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).clusters.insert(id, (status, at));
        self.wake.notify_one();
    }

    /// Hands over an object's status; an older one that is not yet written is replaced.
    pub fn object(&self, id: FederatedId, phase: String, status: Value, at: DateTime<Utc>) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).objects.insert(id, (phase, status, at));
        self.wake.notify_one();
    }

    /// How many transactions have been written.
    #[must_use]
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Writes until dropped.
    pub async fn run(&self, store: Store, now: impl Fn() -> DateTime<Utc>) {
        loop {
            self.wake.notified().await;
            let batch = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
            if batch.is_empty() {
                continue;
            }
            let began = Instant::now();
            let written = tokio::time::timeout(DEADLINE, flush(&store, &batch, now())).await;
            let written = written
                .unwrap_or_else(|_| Err(StoreError::Unavailable("no answer within 30 seconds".to_owned())));
            if let Err(error) = written {
                tracing::warn!("status could not be written, it is tried again: {error}");
                self.put_back(batch);
                tokio::time::sleep(RETRY).await;
                self.wake.notify_one();
            } else {
                self.flushes.fetch_add(1, Ordering::Relaxed);
                // Everybody who follows the feed has work after each: under load more comes together in one.
                tokio::time::sleep((began.elapsed() * REST).min(LONGEST_REST)).await;
            }
        }
    }

    fn put_back(&self, batch: Pending) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, status) in batch.clusters {
            pending.clusters.entry(id).or_insert(status);
        }
        for (id, status) in batch.objects {
            pending.objects.entry(id).or_insert(status);
        }
    }
}

async fn flush(store: &Store, batch: &Pending, now: DateTime<Utc>) -> Result<(), StoreError> {
    use sea_orm::{ColumnTrait as _, QueryFilter as _, QuerySelect as _};
    let mut tx = store.begin(&WriteContext::platform("status", now)).await?;
    let clusters: Vec<_> = batch.clusters.iter().collect();
    for chunk in clusters.chunks(CHUNK) {
        let known: HashMap<Uuid, String> = cluster::Entity::find()
            .filter(cluster::Column::Id.is_in(chunk.iter().map(|(id, _)| id.0)))
            .select_only()
            .columns([cluster::Column::Id, cluster::Column::Name])
            .into_tuple::<(Uuid, String)>()
            .all(tx.db())
            .await?
            .into_iter()
            .collect();
        let rows: Vec<_> = chunk
            .iter()
            .filter(|(id, _)| known.contains_key(&id.0))
            .map(|(id, (status, at))| cluster_status::ActiveModel {
                cluster_id: Set(id.0),
                status: Set(status.clone()),
                observed_at: Set(*at),
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        for (id, name) in known {
            tx.changed(NewChange {
                kind: "cluster-status",
                object: id,
                workspace: None,
                project: None,
                cluster: Some(id),
                name,
                op: Op::Updated,
            });
        }
        let update = [cluster_status::Column::Status, cluster_status::Column::ObservedAt];
        cluster_status::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(cluster_status::Column::ClusterId).update_columns(update).to_owned(),
            )
            .exec_without_returning(tx.db())
            .await?;
    }
    let objects: Vec<_> = batch.objects.iter().collect();
    for chunk in objects.chunks(CHUNK) {
        // An object may have gone since its status was computed.
        let known: HashMap<Uuid, (Option<Uuid>, String, String)> = federated_object::Entity::find()
            .filter(federated_object::Column::Id.is_in(chunk.iter().map(|(id, _)| id.0)))
            .select_only()
            .columns([
                federated_object::Column::Id,
                federated_object::Column::ProjectId,
                federated_object::Column::Type,
                federated_object::Column::Name,
            ])
            .into_tuple::<(Uuid, Option<Uuid>, String, String)>()
            .all(tx.db())
            .await?
            .into_iter()
            .map(|(id, project, type_, name)| (id, (project, type_, name)))
            .collect();
        let rows: Vec<_> = chunk
            .iter()
            .filter(|(id, _)| known.contains_key(&id.0))
            .map(|(id, (phase, status, at))| federated_status::ActiveModel {
                object_id: Set(id.0),
                phase: Set(phase.clone()),
                status: Set(status.clone()),
                observed_at: Set(*at),
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        for (id, (project, type_, name)) in known {
            tx.changed(NewChange {
                kind: "status",
                object: id,
                workspace: None,
                project,
                cluster: None,
                name: format!("{type_}/{name}"),
                op: Op::Updated,
            });
        }
        let update = [
            federated_status::Column::Phase,
            federated_status::Column::Status,
            federated_status::Column::ObservedAt,
        ];
        federated_status::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(federated_status::Column::ObjectId).update_columns(update).to_owned(),
            )
            .exec_without_returning(tx.db())
            .await?;
    }
    tx.commit().await?;
    Ok(())
}
