//! Transactions: rows, changes and audit are one thing, or nothing.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use hanse_types::{TokenId, UserId};
use sea_orm::{
    ConnectionTrait as _, DatabaseTransaction, DbBackend, EntityTrait as _, QueryOrder as _,
    QuerySelect as _, Set, TransactionTrait as _,
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    entity::{audit, change, federated_object, federated_revision, project, removal},
    feed::{Op, WAKE_CHANNEL},
    fresh::Fresh,
    group::{Entered, Turn},
    known::{concerns, is_about_copies},
    removals,
};

/// Rows written by one statement.
const CHUNK: usize = 200;
/// Longest wait for a commit to last, where nothing else ends the wait.
const DEADLINE: Duration = Duration::from_secs(30);
/// Advisory lock that orders commits on PostgreSQL; see [`crate::feed`].
const COMMIT_LOCK: i64 = 0x4841_4e53_4501;
/// Advisory lock around decisions about administrators on PostgreSQL.
const ADMINISTRATORS_LOCK: i64 = 0x4841_4e53_4502;
/// Advisory lock around the allocation of ports on PostgreSQL.
const PORTS_LOCK: i64 = 0x4841_4e53_4503;

/// Kind of the changes of federated objects.
pub(crate) const FEDERATED: &str = "federated";

/// Who writes, and why.
#[derive(Clone, Debug)]
pub struct WriteContext {
    /// Account; none for the platform itself.
    pub actor: Option<UserId>,
    /// Its name, or what the platform was doing.
    pub actor_name: String,
    /// Token it signed in with.
    pub token: Option<TokenId>,
    /// Address that the request came from.
    pub address: Option<IpAddr>,
    /// Id of the request.
    pub request_id: String,
    /// Time of the operation.
    pub now: DateTime<Utc>,
    /// Do everything but keep it.
    pub dry_run: bool,
    /// When the operation began.
    pub started: Instant,
}

impl WriteContext {
    /// The platform itself writes.
    #[must_use]
    pub fn platform(doing: &str, now: DateTime<Utc>) -> Self {
        Self {
            actor: None,
            actor_name: format!("hanse ({doing})"),
            token: None,
            address: None,
            request_id: String::new(),
            now,
            dry_run: false,
            started: Instant::now(),
        }
    }
}

/// A change to be told.
#[derive(Clone, Debug)]
pub(crate) struct NewChange {
    pub kind: &'static str,
    pub object: Uuid,
    pub workspace: Option<Uuid>,
    pub project: Option<Uuid>,
    pub cluster: Option<Uuid>,
    pub name: String,
    pub op: Op,
}

/// What the audit trail keeps of an operation.
#[derive(Clone, Debug, Default)]
pub struct AuditEvent {
    /// `create`, `update`, `delete`, `sign-in` and the like.
    pub verb: &'static str,
    /// Kind of the thing.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its workspace.
    pub workspace: Option<String>,
    /// Its project.
    pub project: Option<String>,
    /// Its cluster.
    pub cluster: Option<String>,
    /// What it was, without secrets.
    pub before: Option<serde_json::Value>,
    /// What it is, without secrets.
    pub after: Option<serde_json::Value>,
    /// `ok` unless said otherwise.
    pub result: Option<String>,
}

/// A transaction. Dropping it leaves nothing.
pub struct Tx {
    inner: DatabaseTransaction,
    store: Store,
    context: WriteContext,
    changes: Vec<(DateTime<Utc>, NewChange)>,
    audits: Vec<(WriteContext, Arc<AuditEvent>)>,
    /// Rows of the history; written with the changes, in few statements.
    revisions: Vec<federated_revision::ActiveModel>,
    /// Rows of recorded removals that are not written yet.
    removals: Vec<removal::Model>,
    /// Federated objects as their last change in this transaction left them.
    fresh: HashMap<Uuid, Fresh>,
    /// Clusters of projects that were looked at in this transaction and are held by it, where several writes share it.
    admitted: Option<HashMap<Uuid, BTreeSet<Uuid>>>,
    /// Whether no removal at all is recorded, where several writes share the transaction and one has looked.
    no_removals: Option<bool>,
    /// End of the audit chain with this transaction's rows, once they are written.
    audit_end: Option<String>,
    /// The turn to write on SQLite. The last field, so that a rollback goes before the next one's turn.
    turn: Option<Turn>,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("changes", &self.changes.len()).finish_non_exhaustive()
    }
}

impl Tx {
    pub(crate) async fn begin(store: &Store, context: WriteContext) -> Result<Self, StoreError> {
        let (inner, turn) = match store.writer() {
            None => {
                let begun = tokio::time::timeout(DEADLINE, store.db().begin()).await;
                (
                    begun
                        .map_err(|_| StoreError::Unavailable("no answer within 30 seconds".to_owned()))??,
                    None,
                )
            }
            Some(writer) => {
                let Entered { tx, turn } = writer.begin().await?;
                (tx, Some(turn))
            }
        };
        Ok(Self {
            inner,
            store: store.clone(),
            context,
            changes: Vec::new(),
            audits: Vec::new(),
            revisions: Vec::new(),
            removals: Vec::new(),
            fresh: HashMap::new(),
            admitted: None,
            no_removals: None,
            audit_end: None,
            turn,
        })
    }

    pub(crate) fn db(&self) -> &DatabaseTransaction {
        &self.inner
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Who writes.
    #[must_use]
    pub fn context(&self) -> &WriteContext {
        &self.context
    }

    /// Time of the operation.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.context.now
    }

    pub(crate) fn changed(&mut self, change: NewChange) {
        if change.kind == FEDERATED {
            self.fresh.remove(&change.object);
        }
        self.changes.push((self.context.now, change));
    }

    /// What is written from here on is written for somebody else: several writes share the transaction.
    pub(crate) fn act_for(&mut self, context: WriteContext) {
        self.context = context;
        self.admitted.get_or_insert_default();
    }

    /// Clusters of a project that were looked at before in a shared transaction.
    pub(crate) fn admitted(&self, project: Uuid) -> Option<&BTreeSet<Uuid>> {
        self.admitted.as_ref()?.get(&project)
    }

    /// Remembers a project's clusters, which nobody else can change before this transaction ends.
    pub(crate) fn admit(&mut self, project: Uuid, clusters: BTreeSet<Uuid>) {
        if let Some(admitted) = &mut self.admitted {
            admitted.insert(project, clusters);
        }
    }

    /// Whether several writes share the transaction.
    pub(crate) fn is_shared(&self) -> bool {
        self.admitted.is_some()
    }

    /// Whether no removal at all is recorded, if somebody has looked.
    pub(crate) fn no_removals(&self) -> Option<bool> {
        self.no_removals
    }

    /// Remembers whether a removal is recorded.
    pub(crate) fn removals_seen(&mut self, none: bool) {
        self.no_removals = Some(none);
    }

    /// A federated object stays as its last change, which was noted, has left it; removals of it were the last recorded.
    pub(crate) fn leaves_as(&mut self, row: &federated_object::Model, project: Option<&project::Model>) {
        let of_object = |removal: &&removal::Model| removal.object_id == Some(row.id);
        let fresh = Fresh {
            row: row.clone(),
            project: project.map(|project| project.name.clone()),
            leaving: self.removals.iter().rev().take_while(of_object).cloned().collect(),
        };
        self.fresh.insert(row.id, fresh);
    }

    /// Adds a recorded removal.
    pub(crate) fn leaves(&mut self, row: removal::Model) {
        self.removals_seen(false);
        self.removals.push(row);
    }

    /// Writes the recorded removals that are not written yet; of several of one copy only the last.
    pub(crate) async fn write_removals(&mut self) -> Result<(), StoreError> {
        let rows = std::mem::take(&mut self.removals);
        let mut copies = HashSet::new();
        let last: Vec<&removal::Model> = rows
            .iter()
            .rev()
            .filter(|row| copies.insert((row.cluster_id, &row.r#type, &row.namespace, &row.name)))
            .collect();
        for chunk in last.chunks(CHUNK) {
            removals::write(self, chunk.iter().map(|row| (*row).clone())).await?;
        }
        Ok(())
    }

    /// Adds a row to the history.
    pub(crate) fn revised(&mut self, revision: federated_revision::ActiveModel) {
        self.revisions.push(revision);
    }

    /// Whether what was noted may change what somebody is allowed to do.
    #[must_use]
    pub fn touches_access(&self) -> bool {
        self.changes.iter().any(|(_, change)| matches!(change.kind, "user" | "binding" | "session" | "token"))
    }

    /// Whether what was noted is about people, roles, projects or clusters, and not only about federated objects.
    #[must_use]
    pub fn touches_standing(&self) -> bool {
        self.changes.iter().any(|(_, change)| !is_about_copies(change.kind))
    }

    /// Notes what the audit trail is to keep.
    pub fn audit(&mut self, event: impl Into<Arc<AuditEvent>>) {
        self.audits.push((self.context.clone(), event.into()));
    }

    /// Whoever decides about administrators goes one after the other.
    pub(crate) async fn lock_administrators(&self) -> Result<(), StoreError> {
        self.advisory(ADMINISTRATORS_LOCK).await
    }

    /// Whoever takes a port goes one after the other.
    pub(crate) async fn lock_ports(&self) -> Result<(), StoreError> {
        self.advisory(PORTS_LOCK).await
    }

    async fn advisory(&self, lock: i64) -> Result<(), StoreError> {
        if self.inner.get_database_backend() == DbBackend::Postgres {
            self.inner.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
        }
        Ok(())
    }

    /// How many changes were noted so far.
    pub(crate) fn noted(&self) -> usize {
        self.changes.len()
    }

    /// Writes changes and audit and makes everything last. Returns the revision of the last change, or the present one
    /// for a dry run or when nothing changed.
    ///
    /// # Errors
    /// When the database refuses; nothing has happened then.
    pub async fn commit(self) -> Result<i64, StoreError> {
        let now = self.store.revision();
        Ok(self.commit_each().await?.last().copied().unwrap_or(now))
    }

    /// [`Tx::commit`], with the revision of each change in the order in which they were noted; none for a dry run.
    pub(crate) async fn commit_each(mut self) -> Result<Vec<i64>, StoreError> {
        if self.context.dry_run {
            self.inner.rollback().await?;
            return Ok(Vec::new());
        }
        self.write_removals().await?;
        if self.changes.is_empty() && self.audits.is_empty() {
            self.finish().await?;
            return Ok(Vec::new());
        }
        self.write_revisions().await?;
        // From here to the commit only one transaction at a time: revisions appear in the order in which they count, and
        // the audit chain has one end.
        self.order().await?;
        let revisions = self.write_changes().await?;
        self.audit_end = self.write_audits().await?;
        let store = self.store.clone();
        self.show_fresh(&revisions);
        let of_hub = self.changes.iter().rposition(|(_, change)| change.kind == "hub");
        self.finish().await?;
        if let Some(last) = revisions.last() {
            store.feed().commits(*last, of_hub.and_then(|at| revisions.get(at)).copied());
        }
        Ok(revisions)
    }

    /// Has what objects are like ready for whoever follows the feed, before it can see their changes.
    fn show_fresh(&mut self, revisions: &[i64]) {
        let of_objects =
            self.changes.iter().zip(revisions).filter(|((_, change), _)| change.kind == FEDERATED);
        // Of several changes of an object the last one counts.
        let last: HashMap<Uuid, i64> =
            of_objects.map(|((_, change), revision)| (change.object, *revision)).collect();
        for (object, revision) in last {
            self.store.fresh_table().put(object, revision, self.fresh.remove(&object));
        }
    }

    /// Makes it last: on PostgreSQL by its own commit, on SQLite with others in one.
    async fn finish(self) -> Result<(), StoreError> {
        let Self { inner, store, mut turn, audit_end, changes, .. } = self;
        let known =
            changes.iter().any(|(_, change)| concerns(change.kind, &change.name)).then(|| Forgetting(&store));
        // While it is open whether this transaction counts, so is where the chain ends.
        let chain = turn.as_mut().and_then(|turn| {
            let chain = turn.audit_end().cloned();
            turn.set_audit_end(None);
            chain
        });
        // On a connection that is half open an answer never comes.
        let committed = tokio::time::timeout(DEADLINE, inner.commit()).await;
        committed.map_err(|_| {
            StoreError::Unavailable("no answer to a commit; it may have happened".to_owned())
        })??;
        match turn {
            None => store.feed().wake().notify_one(),
            Some(mut turn) => {
                turn.set_audit_end(audit_end.or(chain));
                turn.lasting().await?;
            }
        }
        drop(known);
        store.count_transaction();
        Ok(())
    }

    /// Waits until no other transaction is committing changes, and has other replicas woken by the commit. A statement of
    /// its own: what comes after it sees what the one before has committed.
    async fn order(&self) -> Result<(), StoreError> {
        if self.inner.get_database_backend() == DbBackend::Postgres {
            let sql = format!("SELECT pg_advisory_xact_lock({COMMIT_LOCK}); NOTIFY {WAKE_CHANNEL}");
            self.inner.execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    async fn write_revisions(&mut self) -> Result<(), StoreError> {
        let mut rows = std::mem::take(&mut self.revisions);
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(CHUNK));
            federated_revision::Entity::insert_many(std::mem::replace(&mut rows, rest))
                .exec_without_returning(&self.inner)
                .await?;
        }
        Ok(())
    }

    /// Writes the changes in few statements, because nobody else commits meanwhile. Rows of one statement are numbered in
    /// their order. Gives their revisions.
    async fn write_changes(&self) -> Result<Vec<i64>, StoreError> {
        let mut revisions = Vec::with_capacity(self.changes.len());
        for chunk in self.changes.chunks(CHUNK) {
            let rows = chunk.iter().map(|(at, change)| change::ActiveModel {
                revision: sea_orm::NotSet,
                kind: Set(change.kind.to_owned()),
                object_id: Set(change.object),
                workspace_id: Set(change.workspace),
                project_id: Set(change.project),
                cluster_id: Set(change.cluster),
                name: Set(change.name.clone()),
                op: Set(change.op.as_str().to_owned()),
                at: Set(*at),
            });
            let written = change::Entity::insert_many(rows).exec_with_returning(&self.inner).await?;
            revisions.extend(written.iter().map(|row| row.revision));
        }
        // In whatever order the database gives the rows back, they were numbered in that of the changes.
        revisions.sort_unstable();
        Ok(revisions)
    }

    /// Writes the rows of the trail. Gives the new end of the chain.
    async fn write_audits(&self) -> Result<Option<String>, StoreError> {
        if self.audits.is_empty() {
            return Ok(None);
        }
        let mut prev_hash = match self.turn.as_ref().and_then(Turn::audit_end) {
            Some(end) => end.clone(),
            None => {
                let last: Option<String> = audit::Entity::find()
                    .select_only()
                    .column(audit::Column::Hash)
                    .order_by_desc(audit::Column::Id)
                    .limit(1)
                    .into_tuple()
                    .one(&self.inner)
                    .await?;
                last.unwrap_or_default()
            }
        };
        let mut rows = Vec::new();
        for (context, event) in &self.audits {
            let text = |value: &Option<serde_json::Value>| value.as_ref().map(ToString::to_string);
            let mut row = audit::Model {
                id: 0,
                // Databases keep microseconds; the chain must be computed from what can be read back.
                at: truncate(context.now),
                actor_id: context.actor.map(Uuid::from),
                actor: context.actor_name.clone(),
                token_id: context.token.map(Uuid::from),
                address: context.address.map(|address| address.to_string()),
                verb: event.verb.to_owned(),
                kind: event.kind.to_owned(),
                name: event.name.clone(),
                workspace: event.workspace.clone(),
                project: event.project.clone(),
                cluster: event.cluster.clone(),
                before: text(&event.before),
                after: text(&event.after),
                result: event.result.clone().unwrap_or_else(|| "ok".to_owned()),
                request_id: context.request_id.clone(),
                duration_ms: i64::try_from(context.started.elapsed().as_millis()).unwrap_or(i64::MAX),
                prev_hash: prev_hash.clone(),
                hash: String::new(),
            };
            row.hash = link(&row);
            prev_hash.clone_from(&row.hash);
            let mut active: audit::ActiveModel = row.into();
            active.id = sea_orm::NotSet;
            rows.push(active);
        }
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(CHUNK));
            audit::Entity::insert_many(std::mem::replace(&mut rows, rest))
                .exec_without_returning(&self.inner)
                .await?;
        }
        Ok(Some(prev_hash))
    }
}

/// What is known of projects is forgotten at the end of a commit, also of one of which the end is not known.
struct Forgetting<'a>(&'a Store);

impl Drop for Forgetting<'_> {
    fn drop(&mut self) {
        self.0.known().forget();
    }
}

fn truncate(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// Hash of one row of the audit trail over its content and the hash before it. Each field is preceded by its length, so
/// that no two rows read alike.
pub(crate) fn link(row: &audit::Model) -> String {
    let mut hasher = Sha256::new();
    let at = row.at.timestamp_micros().to_string();
    let duration = row.duration_ms.to_string();
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    let (actor, token) = (id(row.actor_id), id(row.token_id));
    let fields: [Option<&str>; 17] = [
        Some(&row.prev_hash),
        Some(&at),
        actor.as_deref(),
        Some(&row.actor),
        token.as_deref(),
        row.address.as_deref(),
        Some(&row.verb),
        Some(&row.kind),
        Some(&row.name),
        row.workspace.as_deref(),
        row.project.as_deref(),
        row.cluster.as_deref(),
        row.before.as_deref(),
        row.after.as_deref(),
        Some(&row.result),
        Some(&row.request_id),
        Some(&duration),
    ];
    for field in fields {
        match field {
            None => hasher.update([0]),
            Some(text) => {
                hasher.update([1]);
                hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
                hasher.update(text.as_bytes());
            }
        }
    }
    hex::encode(hasher.finalize())
}
