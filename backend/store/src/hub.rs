//! What the Kubernetes-style API at the hub keeps: objects that live only there, and, beside a record that all interfaces
//! share, what one of the roots adds to it (finalizers, owners of fields, the words in which it was written).
//!
//! The version of anything the hub shows is the revision of its last change in the feed, so it is the same after a
//! restart and on every replica. A [`Snapshot`] reads changes and rows of one moment together: what is derived from it is
//! neither ahead of the changes nor behind them.

use std::collections::{HashMap, HashSet};

use hanse_authz::Handle;
use sea_orm::{
    AccessMode, ActiveModelTrait as _, ColumnTrait as _, DatabaseTransaction, DbBackend, EntityTrait as _,
    IsolationLevel, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set, TransactionTrait as _,
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Change, Op, Sealed, Store, StoreError, Tx,
    entity::{
        change, cluster, cluster_status, federated_object, federated_status, hub_object, hub_view, project,
        removal,
    },
    federated, meta,
    owners::{self, Kept},
    tx::NewChange,
};

/// Values of one `IN` list.
const LIST: usize = 500;

/// An object that is kept at the hub.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// Stable id; the object's uid.
    pub id: Uuid,
    /// Which of the roots it belongs to.
    pub root: String,
    /// `plural.group`.
    pub type_: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Counts writes; for noticing that somebody was quicker.
    pub version: i64,
    /// The object, without a resource version.
    pub object: Value,
}

impl Local {
    fn change(&self, op: Op) -> NewChange {
        NewChange {
            kind: "hub",
            object: self.id,
            workspace: None,
            project: None,
            cluster: None,
            name: format!("{} {} {}/{}", self.root, self.type_, self.namespace, self.name),
            op,
        }
    }

    fn is_secret(&self) -> bool {
        self.type_ == "secrets"
    }
}

/// What one root adds to a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Generation of the record when it was written.
    pub generation: i64,
    /// The additions.
    pub body: Value,
}

pub(crate) fn belongs_to(id: Uuid, root: &str) -> String {
    format!("hub/{root}/{id}")
}

/// Text and sealed bytes of a value: Secrets are sealed as a whole.
fn columns(
    store: &Store,
    id: Uuid,
    root: &str,
    value: &Value,
    secret: bool,
) -> Result<(String, Option<Sealed>), StoreError> {
    if secret {
        let sealed = store.keys().seal(&belongs_to(id, root), value.to_string().as_bytes())?;
        return Ok(("{}".to_owned(), Some(sealed)));
    }
    Ok((value.to_string(), None))
}

fn value_of(
    store: &Store,
    id: Uuid,
    root: &str,
    text: &str,
    sealed: Option<Vec<u8>>,
    key_id: Option<String>,
) -> Result<Value, StoreError> {
    match (sealed, key_id) {
        (Some(bytes), Some(key_id)) => {
            store.keys().open_json(&belongs_to(id, root), &Sealed { key_id, bytes })
        }
        _ => serde_json::from_str(text).map_err(|e| StoreError::corrupt("hub object", e)),
    }
}

pub(crate) fn local(store: &Store, row: hub_object::Model) -> Result<Local, StoreError> {
    let object = value_of(store, row.id, &row.root, &row.object, row.sealed, row.key_id)?;
    Ok(Local {
        id: row.id,
        root: row.root,
        type_: row.r#type,
        namespace: row.namespace,
        name: row.name,
        version: row.version,
        object,
    })
}

/// Keeps a new object.
///
/// # Errors
/// [`StoreError::Taken`] when the name is in use.
pub async fn create(tx: &mut Tx, new: Local) -> Result<Local, StoreError> {
    let (object, sealed) = columns(tx.store(), new.id, &new.root, &new.object, new.is_secret())?;
    hub_object::ActiveModel {
        id: Set(new.id),
        root: Set(new.root.clone()),
        r#type: Set(new.type_.clone()),
        namespace: Set(new.namespace.clone()),
        name: Set(new.name.clone()),
        version: Set(1),
        object: Set(object),
        key_id: Set(sealed.as_ref().map(|sealed| sealed.key_id.clone())),
        sealed: Set(sealed.map(|sealed| sealed.bytes)),
    }
    .insert(tx.db())
    .await?;
    owners::put(tx, new.id, &new.root, &[], &Kept::of(&new.object).owners).await?;
    tx.changed(new.change(Op::Created));
    Ok(Local { version: 1, ..new })
}

/// Replaces an object.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn update(tx: &mut Tx, old: &Local, object: Value) -> Result<Local, StoreError> {
    let (text, sealed) = columns(tx.store(), old.id, &old.root, &object, old.is_secret())?;
    let next = Local { version: old.version + 1, object, ..old.clone() };
    let active = hub_object::ActiveModel {
        version: Set(next.version),
        object: Set(text),
        key_id: Set(sealed.as_ref().map(|sealed| sealed.key_id.clone())),
        sealed: Set(sealed.map(|sealed| sealed.bytes)),
        ..Default::default()
    };
    let done = hub_object::Entity::update_many()
        .set(active)
        .filter(hub_object::Column::Id.eq(old.id))
        .filter(hub_object::Column::Version.eq(old.version))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        return Err(StoreError::VersionMismatch { expected: old.version, found: 0 });
    }
    let owners_of = |local: &Local| Kept::of(&local.object).owners;
    owners::put(tx, next.id, &next.root, &owners_of(old), &owners_of(&next)).await?;
    tx.changed(next.change(Op::Updated));
    Ok(next)
}

/// Removes an object.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn delete(tx: &mut Tx, old: &Local) -> Result<(), StoreError> {
    let done = hub_object::Entity::delete_many()
        .filter(hub_object::Column::Id.eq(old.id))
        .filter(hub_object::Column::Version.eq(old.version))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        return Err(StoreError::VersionMismatch { expected: old.version, found: 0 });
    }
    // What is forgotten as a whole is not read before.
    if old.object.is_null() || !Kept::of(&old.object).owners.is_empty() {
        owners::forget(tx, old.id).await?;
    }
    tx.changed(old.change(Op::Deleted));
    Ok(())
}

/// Removes what is kept in a namespace that is no more.
pub(crate) async fn forget_namespace(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let rows = hub_object::Entity::find().filter(hub_object::Column::Namespace.eq(name));
    let rows = rows.all(tx.db()).await?;
    forget(tx, rows).await
}

/// Removes every object of a type that is no longer served.
///
/// # Errors
/// When the database refuses.
pub async fn forget_type(tx: &mut Tx, root: &str, type_: &str) -> Result<(), StoreError> {
    let rows = hub_object::Entity::find()
        .filter(hub_object::Column::Root.eq(root))
        .filter(hub_object::Column::Type.eq(type_))
        .all(tx.db())
        .await?;
    forget(tx, rows).await
}

async fn forget(tx: &mut Tx, rows: Vec<hub_object::Model>) -> Result<(), StoreError> {
    for row in rows {
        let gone = Local {
            id: row.id,
            root: row.root,
            type_: row.r#type,
            namespace: row.namespace,
            name: row.name,
            version: row.version,
            object: Value::Null,
        };
        delete(tx, &gone).await?;
    }
    Ok(())
}

/// Whether clients put finalizers on what a root shows of a record that is no federated object.
pub(crate) async fn is_held(tx: &Tx, id: Uuid) -> Result<bool, StoreError> {
    let rows = hub_view::Entity::find().filter(hub_view::Column::ObjectId.eq(id)).all(tx.db()).await?;
    Ok(rows.iter().any(|row| {
        let body: Value = serde_json::from_str(&row.view).unwrap_or_default();
        !Kept::of(&body).finalizers.is_empty()
    }))
}

/// Removes what the roots added to records that are no more.
pub(crate) async fn forget_views(tx: &Tx, ids: Vec<Uuid>) -> Result<(), StoreError> {
    hub_view::Entity::delete_many().filter(hub_view::Column::ObjectId.is_in(ids)).exec(tx.db()).await?;
    Ok(())
}

/// Keeps what a root adds to a federated object, and notes what of it holds the record or takes it along. `generation` is
/// that of the record which the root's words say the same as.
///
/// # Errors
/// When the database refuses.
pub async fn put_federated_view(
    tx: &Tx,
    row: &mut federated::Model,
    root: &str,
    generation: i64,
    body: &Value,
) -> Result<(), StoreError> {
    owners::note(tx, row, root, body).await?;
    put_view(tx, row.id, root, generation, body, row.kind == "Secret").await
}

/// What a root added to a record.
///
/// # Errors
/// When the database refuses, or it does not open.
pub async fn view(tx: &Tx, id: Uuid, root: &str) -> Result<Option<View>, StoreError> {
    let row = hub_view::Entity::find_by_id((id, root.to_owned())).one(tx.db()).await?;
    row.map(|row| {
        let body = value_of(tx.store(), row.object_id, &row.root, &row.view, row.sealed, row.key_id)?;
        Ok(View { generation: row.generation, body })
    })
    .transpose()
}

/// Keeps what a root adds to a record. The record's own change is told by whoever changes it, or by [`touch`].
///
/// # Errors
/// When the database refuses.
pub async fn put_view(
    tx: &Tx,
    id: Uuid,
    root: &str,
    generation: i64,
    body: &Value,
    secret: bool,
) -> Result<(), StoreError> {
    use sea_orm::sea_query::OnConflict;
    let (view, sealed) = columns(tx.store(), id, root, body, secret)?;
    let row = hub_view::ActiveModel {
        object_id: Set(id),
        root: Set(root.to_owned()),
        generation: Set(generation),
        view: Set(view),
        key_id: Set(sealed.as_ref().map(|sealed| sealed.key_id.clone())),
        sealed: Set(sealed.map(|sealed| sealed.bytes)),
    };
    hub_view::Entity::insert(row)
        .on_conflict(
            OnConflict::columns([hub_view::Column::ObjectId, hub_view::Column::Root])
                .update_columns([
                    hub_view::Column::Generation,
                    hub_view::Column::View,
                    hub_view::Column::Sealed,
                    hub_view::Column::KeyId,
                ])
                .to_owned(),
        )
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Replaces what roots added to a federated object, and lets it go when nothing holds it any more.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn rewrite_views(
    tx: &mut Tx,
    row: federated::Row,
    views: Vec<(&'static str, View)>,
) -> Result<(), StoreError> {
    let mut next = federated::touch(tx, row.project.as_ref(), row.object).await?;
    for (root, view) in views {
        put_federated_view(tx, &mut next, root, view.generation, &view.body).await?;
    }
    federated::let_go(tx, &next).await?;
    Ok(())
}

/// Takes away what a root added to a record.
///
/// # Errors
/// When the database refuses.
pub async fn delete_view(tx: &Tx, id: Uuid, root: &str) -> Result<(), StoreError> {
    hub_view::Entity::delete_many()
        .filter(hub_view::Column::ObjectId.eq(id))
        .filter(hub_view::Column::Root.eq(root))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Under which name it is kept, beside what the roots add, what a project's clusters follow.
const FOLLOWED: &str = "placement";

/// Has a project's clusters follow a placement from here on, or stay as they are.
///
/// # Errors
/// When the database refuses.
pub async fn follow(tx: &Tx, project: Uuid, placement: Option<&Value>) -> Result<(), StoreError> {
    match placement {
        Some(placement) => put_view(tx, project, FOLLOWED, 0, placement, false).await,
        None => delete_view(tx, project, FOLLOWED).await,
    }
}

/// What a root adds to a project's namespace as a federated object.
///
/// # Errors
/// When the database refuses.
pub async fn namespace_view(
    tx: &Tx,
    project: &project::Model,
    root: &str,
) -> Result<Option<Value>, StoreError> {
    let Some(row) = namespace_of(tx, project).await? else { return Ok(None) };
    let view = hub_view::Entity::find_by_id((row.id, root.to_owned())).one(tx.db()).await?;
    let body = |view: hub_view::Model| {
        value_of(tx.store(), view.object_id, &view.root, &view.view, view.sealed, view.key_id)
    };
    view.map(body).transpose()
}

/// The record of a project's namespace.
///
/// # Errors
/// When the database refuses.
pub async fn namespace_spec(tx: &Tx, project: &project::Model) -> Result<Option<Value>, StoreError> {
    Ok(namespace_of(tx, project).await?.map(|row| row.spec))
}

/// Has a project's namespace be otherwise in its clusters, or what a root says of it: either is a new generation of it.
///
/// # Errors
/// When the database refuses.
pub async fn write_namespace(
    tx: &mut Tx,
    project: &project::Model,
    root: &str,
    body: Option<&Value>,
    spec: Value,
) -> Result<(), StoreError> {
    let said = |body: Option<&Value>| body.and_then(|body| body.get("spec")).cloned();
    let before = namespace_view(tx, project, root).await?;
    let Some(row) = namespace_of(tx, project).await? else { return Ok(()) };
    if row.spec != spec || said(before.as_ref()) != said(body) {
        federated::rewrite(tx, project, row, spec).await?;
    }
    Ok(())
}

async fn namespace_of(
    tx: &Tx,
    project: &project::Model,
) -> Result<Option<federated_object::Model>, StoreError> {
    Ok(federated_object::Entity::find()
        .filter(federated_object::Column::ProjectId.eq(project.id))
        .filter(federated_object::Column::Type.eq("namespaces"))
        .one(tx.db())
        .await?)
}

/// Counts a write to a federated object that changes nothing that is propagated.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn touch(tx: &mut Tx, row: &Handle<federated::Row>) -> Result<federated::Model, StoreError> {
    federated::touch(tx, row.project.as_ref(), row.object.clone()).await
}

/// Counts a write to a project and to its namespace, and keeps what a root adds to that.
///
/// # Errors
/// When the database refuses.
pub async fn touch_namespace(
    tx: &mut Tx,
    project: &project::Model,
    root: &str,
    body: Option<&Value>,
    forget: bool,
) -> Result<(), StoreError> {
    if let Some(row) = namespace_of(tx, project).await? {
        let mut row = federated::touch(tx, Some(project), row).await?;
        let generation = row.generation;
        if let Some(body) = body {
            put_federated_view(tx, &mut row, root, generation, body).await?;
        }
        if forget {
            owners::note(tx, &mut row, root, &Value::Null).await?;
            delete_view(tx, row.id, root).await?;
        }
        federated::let_go(tx, &row).await?;
    }
    touch_project(tx, project);
    Ok(())
}

/// What the roots say about a record in words of one generation, they say of the next one, too: it changed nothing of
/// what they say.
///
/// # Errors
/// When the database refuses.
pub async fn carry_views(tx: &Tx, id: Uuid, from: i64, to: i64) -> Result<(), StoreError> {
    hub_view::Entity::update_many()
        .set(hub_view::ActiveModel { generation: Set(to), ..Default::default() })
        .filter(hub_view::Column::ObjectId.eq(id))
        .filter(hub_view::Column::Generation.eq(from))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Counts a write to a project that changes only how a root shows it.
pub fn touch_project(tx: &mut Tx, project: &project::Model) {
    tx.changed(crate::projects::change(project, Op::Updated));
}

/// A federated object with everything that its views are made from.
#[derive(Clone, Debug)]
pub struct Federated {
    /// The row.
    pub row: federated::Model,
    /// The specification with what was sealed.
    pub spec: Value,
    /// Its project; none for one that belongs to the platform.
    pub project: Option<project::Model>,
    /// Whether members may still hold copies of it, where it may be going.
    pub copies: bool,
    /// Status as stored last.
    pub status: Option<Value>,
    /// What the roots add, by root.
    pub views: HashMap<String, View>,
}

/// A project with what the roots add to its namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// The row.
    pub project: project::Model,
    /// By root.
    pub views: HashMap<String, View>,
}

/// Rows and changes as of one moment.
pub struct Snapshot {
    tx: DatabaseTransaction,
    store: Store,
    revision: i64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Store {
    /// Projects of some workspaces whose clusters follow a placement, with it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn followers(&self, workspaces: &[Uuid]) -> Result<Vec<(project::Model, Value)>, StoreError> {
        let projects = project::Entity::find()
            .filter(project::Column::WorkspaceId.is_in(workspaces.to_vec()))
            .filter(project::Column::DeletedAt.is_null())
            .all(self.db())
            .await?;
        let mut out = Vec::new();
        for chunk in projects.chunks(LIST) {
            let ids: Vec<Uuid> = chunk.iter().map(|project| project.id).collect();
            let views = hub_view::Entity::find()
                .filter(hub_view::Column::ObjectId.is_in(ids))
                .filter(hub_view::Column::Root.eq(FOLLOWED))
                .all(self.db())
                .await?;
            for view in views {
                let placement =
                    value_of(self, view.object_id, &view.root, &view.view, view.sealed, view.key_id)?;
                let project = chunk.iter().find(|project| project.id == view.object_id).cloned();
                out.extend(project.map(|project| (project, placement)));
            }
        }
        Ok(out)
    }

    /// A moment of the database.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let db = self.db();
        let tx = if db.get_database_backend() == DbBackend::Postgres {
            db.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly)).await?
        } else {
            db.begin().await?
        };
        let last: Option<i64> = change::Entity::find()
            .select_only()
            .column(change::Column::Revision)
            .order_by_desc(change::Column::Revision)
            .limit(1)
            .into_tuple()
            .one(&tx)
            .await?;
        Ok(Snapshot { tx, store: self.clone(), revision: last.unwrap_or(0) })
    }
}

impl Snapshot {
    /// Revision of the last change.
    #[must_use]
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// Changes after a revision, in order.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when some of them are no longer kept.
    pub async fn changes_after(&self, revision: i64) -> Result<Vec<Change>, StoreError> {
        if revision >= self.revision {
            return Ok(Vec::new());
        }
        if revision < self.oldest().await? {
            return Err(StoreError::Gone(revision));
        }
        let rows = change::Entity::find()
            .filter(change::Column::Revision.gt(revision))
            .order_by_asc(change::Column::Revision)
            .all(&self.tx)
            .await?;
        Ok(rows.into_iter().map(Change::from).collect())
    }

    /// Changes up to this revision are no longer kept.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn oldest(&self) -> Result<i64, StoreError> {
        meta::purged(&self.tx).await
    }

    /// The last change of each of these things, with or without those of status. One whose changes are no longer kept changed when the last of those was
    /// made that are not kept.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn last_changes(&self, ids: &[Uuid], status: bool) -> Result<HashMap<Uuid, i64>, StoreError> {
        let oldest = self.oldest().await?;
        let mut out: HashMap<Uuid, i64> = ids.iter().map(|id| (*id, oldest)).collect();
        for chunk in ids.chunks(LIST) {
            let all = change::Entity::find();
            let those = if status { all } else { all.filter(change::Column::Kind.ne("status")) };
            let rows: Vec<(Uuid, i64)> = those
                .select_only()
                .column(change::Column::ObjectId)
                .column_as(change::Column::Revision.max(), "last")
                .filter(change::Column::ObjectId.is_in(chunk.to_vec()))
                .group_by(change::Column::ObjectId)
                .into_tuple()
                .all(&self.tx)
                .await?;
            out.extend(rows);
        }
        Ok(out)
    }

    async fn views(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, HashMap<String, View>>, StoreError> {
        let mut out: HashMap<Uuid, HashMap<String, View>> = HashMap::new();
        for chunk in ids.chunks(LIST) {
            let rows = hub_view::Entity::find()
                .filter(hub_view::Column::ObjectId.is_in(chunk.to_vec()))
                .all(&self.tx)
                .await?;
            for row in rows {
                let body =
                    value_of(&self.store, row.object_id, &row.root, &row.view, row.sealed, row.key_id)?;
                let view = View { generation: row.generation, body };
                out.entry(row.object_id).or_default().insert(row.root, view);
            }
        }
        Ok(out)
    }

    /// Those of some objects of which copies are still to be removed.
    async fn with_copies(&self, ids: Vec<Uuid>) -> Result<HashSet<Uuid>, StoreError> {
        let mut out = HashSet::new();
        for chunk in ids.chunks(LIST) {
            let rows: Vec<Option<Uuid>> = removal::Entity::find()
                .select_only()
                .column(removal::Column::ObjectId)
                .filter(removal::Column::ObjectId.is_in(chunk.to_vec()))
                .into_tuple()
                .all(&self.tx)
                .await?;
            out.extend(rows.into_iter().flatten());
        }
        Ok(out)
    }

    async fn projects(&self, ids: HashSet<Uuid>) -> Result<HashMap<Uuid, project::Model>, StoreError> {
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let mut out = HashMap::new();
        for chunk in ids.chunks(LIST) {
            let rows = project::Entity::find()
                .filter(project::Column::Id.is_in(chunk.to_vec()))
                .all(&self.tx)
                .await?;
            out.extend(rows.into_iter().map(|row| (row.id, row)));
        }
        Ok(out)
    }

    /// Federated objects of a type, or with no type of any: all, or those of these ids.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated(&self, type_: &str, ids: Option<&[Uuid]>) -> Result<Vec<Federated>, StoreError> {
        let of_type = || match type_ {
            "" => federated_object::Entity::find(),
            type_ => federated_object::Entity::find().filter(federated_object::Column::Type.eq(type_)),
        };
        let mut rows = Vec::new();
        match ids {
            None => rows = of_type().all(&self.tx).await?,
            Some(ids) => {
                for chunk in ids.chunks(LIST) {
                    let of_ids = of_type().filter(federated_object::Column::Id.is_in(chunk.to_vec()));
                    rows.extend(of_ids.all(&self.tx).await?);
                }
            }
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let projects = self.projects(rows.iter().filter_map(|row| row.project_id).collect()).await?;
        // A namespace may be going at one root only.
        let may_go = |row: &&federated::Model| row.deleted_at.is_some() || row.kind == "Namespace";
        let going = rows.iter().filter(may_go).map(|row| row.id).collect();
        let copies = self.with_copies(going).await?;
        let mut views = self.views(&ids).await?;
        let mut statuses = HashMap::new();
        for chunk in ids.chunks(LIST) {
            let found = federated_status::Entity::find()
                .filter(federated_status::Column::ObjectId.is_in(chunk.to_vec()))
                .all(&self.tx)
                .await?;
            statuses.extend(found.into_iter().map(|row| (row.object_id, row.status)));
        }
        let mut out = Vec::new();
        for row in rows {
            let project = row.project_id.and_then(|id| projects.get(&id)).cloned();
            if project.is_none() && row.project_id.is_some() {
                continue;
            }
            let federated::Whole { row, spec } = self.store.whole(row)?;
            out.push(Federated {
                copies: copies.contains(&row.id),
                status: statuses.remove(&row.id),
                views: views.remove(&row.id).unwrap_or_default(),
                row,
                spec,
                project,
            });
        }
        Ok(out)
    }

    /// Objects kept at the hub, of a root and type: all, or those of these ids.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn local(
        &self,
        root: &str,
        type_: &str,
        ids: Option<&[Uuid]>,
    ) -> Result<Vec<Local>, StoreError> {
        let of_type = || {
            hub_object::Entity::find()
                .filter(hub_object::Column::Root.eq(root))
                .filter(hub_object::Column::Type.eq(type_))
        };
        let mut rows = Vec::new();
        match ids {
            None => rows = of_type().all(&self.tx).await?,
            Some(ids) => {
                for chunk in ids.chunks(LIST) {
                    let of_ids = of_type().filter(hub_object::Column::Id.is_in(chunk.to_vec()));
                    rows.extend(of_ids.all(&self.tx).await?);
                }
            }
        }
        rows.into_iter().map(|row| local(&self.store, row)).collect()
    }

    /// Projects as namespaces: all, or those of these ids.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn namespaces(&self, ids: Option<&[Uuid]>) -> Result<Vec<Namespace>, StoreError> {
        let mut query = project::Entity::find();
        if let Some(ids) = ids {
            query = query.filter(project::Column::Id.is_in(ids.to_vec()));
        }
        let rows = query.all(&self.tx).await?;
        let mut views = self.views(&rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        Ok(rows
            .into_iter()
            .map(|project| Namespace { views: views.remove(&project.id).unwrap_or_default(), project })
            .collect())
    }

    /// Clusters with their stored status: all, or those of these ids.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn clusters(
        &self,
        ids: Option<&[Uuid]>,
    ) -> Result<Vec<(cluster::Model, Option<Value>, HashMap<String, View>)>, StoreError> {
        let mut query = cluster::Entity::find();
        if let Some(ids) = ids {
            query = query.filter(cluster::Column::Id.is_in(ids.to_vec()));
        }
        let rows = query.all(&self.tx).await?;
        let mut views = self.views(&rows.iter().map(|row| row.id).collect::<Vec<_>>()).await?;
        let status = cluster_status::Entity::find().all(&self.tx).await?;
        let mut status: HashMap<Uuid, Value> =
            status.into_iter().map(|row| (row.cluster_id, row.status)).collect();
        Ok(rows
            .into_iter()
            .map(|row| {
                let (status, views) = (status.remove(&row.id), views.remove(&row.id).unwrap_or_default());
                (row, status, views)
            })
            .collect())
    }
}
