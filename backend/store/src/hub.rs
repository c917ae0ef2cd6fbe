//! What the Kubernetes-style API at the hub keeps: objects that live only there, and, beside a record that all interfaces
//! share, what one of the roots adds to it (finalizers, owners of fields, the words in which it was written).
//!
//! The version of anything the hub shows is the revision of its last change in the feed, so it is the same after a
//! restart and on every replica. A [`Snapshot`] reads changes and rows of one moment together: what is derived from it is
//! neither ahead of the changes nor behind them.

mod snapshot;

use std::collections::HashMap;

use hanse_authz::Handle;
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use serde_json::Value;
use uuid::Uuid;

pub use snapshot::Snapshot;

use crate::{
    Op, Sealed, Store, StoreError, Tx,
    entity::{federated_object, hub_object, hub_view, project},
    federated,
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

impl Federated {
    /// The record as it is here, for a write that is decided about it: the transaction finds out whether it still has this
    /// version. None when it belongs to another home, when what is sealed was opened for it, and for a project's own
    /// namespace.
    #[must_use]
    pub fn as_seen(&self, home: &federated::Home) -> Option<federated::Row> {
        let project = home.project();
        let other = matches!(self.row.kind.as_str(), "Secret" | "Namespace");
        if other || self.row.project_id != project.map(|project| project.id) {
            return None;
        }
        let object = federated::Model { spec: self.spec.clone(), ..self.row.clone() };
        Some(federated::Row { object, project: project.cloned() })
    }
}

/// A project with what the roots add to its namespace.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// The row.
    pub project: project::Model,
    /// By root.
    pub views: HashMap<String, View>,
}
