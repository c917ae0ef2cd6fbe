//! Federated objects, their history, and where their copies are wanted.
//!
//! One row per object whatever the number of clusters. What leaves the set of wanted clusters becomes a recorded removal
//! in the same transaction; see [`crate::removals`]. Payloads of Secrets are sealed and never in the plain column.

mod read;

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use hanse_authz::{Handle, Scope, Scoped};
use hanse_types::{ClusterId, FederatedId, ProjectId, WorkspaceId};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};
use serde_json::{Value, json};
use uuid::Uuid;

pub use read::Whole;

use crate::{
    Op, Sealed, Store, StoreError, Tx,
    entity::{cluster, federated_object, federated_revision, project},
    removals::{self, Leaving, Mode},
    tx::{FEDERATED, NewChange},
};

pub use crate::entity::federated_object::Model;

/// Fields of a Secret's template that are sealed.
const PAYLOAD: [&str; 2] = ["data", "stringData"];

/// A federated object with the project that it belongs to.
#[derive(Clone, Debug)]
pub struct Row {
    /// The object.
    pub object: Model,
    /// Its project; none for one of a cluster-scoped kind, which belongs to the platform.
    pub project: Option<project::Model>,
}

impl Scoped for Row {
    fn scope(&self) -> Scope {
        self.project.as_ref().map_or(Scope::Platform, |project| {
            Scope::Project(WorkspaceId(project.workspace_id), ProjectId(project.id))
        })
    }
    fn known_by(&self) -> &'static str {
        if self.project.is_some() { "project.federated-objects.view" } else { "platform.types.view" }
    }
}

/// Where objects belong, for somebody who may do something there.
#[derive(Clone, Debug)]
pub enum Home {
    /// In a project.
    Project(Box<Handle<project::Model>>),
    /// On the platform: cluster-scoped kinds.
    Platform(Handle<hanse_authz::Platform>),
}

impl Home {
    /// The project, if it is one.
    #[must_use]
    pub fn project(&self) -> Option<&project::Model> {
        match self {
            Self::Project(project) => Some(project),
            Self::Platform(_) => None,
        }
    }

    fn filter(&self) -> sea_orm::sea_query::SimpleExpr {
        match self {
            Self::Project(project) => federated_object::Column::ProjectId.eq(project.id),
            Self::Platform(_) => federated_object::Column::ProjectId.is_null(),
        }
    }
}

/// A new object.
#[derive(Clone, Debug)]
pub struct New {
    /// `plural.group`.
    pub type_: String,
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Template, placement, overrides, replicas, policy.
    pub spec: Value,
    /// Clusters where copies are wanted.
    pub placed: BTreeSet<ClusterId>,
    /// By whom.
    pub author: String,
}

pub(crate) fn belongs_to(object: Uuid) -> String {
    format!("federated/{object}")
}

/// Takes the payload of a Secret out of the specification and seals it.
fn seal(store: &Store, id: Uuid, kind: &str, spec: &mut Value) -> Result<Option<Sealed>, StoreError> {
    if kind != "Secret" {
        return Ok(None);
    }
    let Some(template) = spec.get_mut("template").and_then(Value::as_object_mut) else { return Ok(None) };
    let mut payload = serde_json::Map::new();
    for field in PAYLOAD {
        if let Some(value) = template.remove(field) {
            payload.insert(field.to_owned(), value);
        }
    }
    // Overrides may carry payload, too.
    if let Some(overrides) = spec.as_object_mut().and_then(|spec| spec.remove("overrides")) {
        payload.insert("overrides".to_owned(), overrides);
    }
    let plain = Value::Object(payload).to_string();
    Ok(Some(store.keys().seal(&belongs_to(id), plain.as_bytes())?))
}

/// Puts a sealed payload back into a specification.
fn unseal(
    store: &Store,
    id: Uuid,
    mut spec: Value,
    sealed: Option<Vec<u8>>,
    key_id: Option<String>,
) -> Result<Value, StoreError> {
    let (Some(bytes), Some(key_id)) = (sealed, key_id) else { return Ok(spec) };
    let mut payload: serde_json::Map<String, Value> =
        store.keys().open_json(&belongs_to(id), &Sealed { key_id, bytes })?;
    if let Some(overrides) = payload.remove("overrides")
        && let Some(spec) = spec.as_object_mut()
    {
        spec.insert("overrides".to_owned(), overrides);
    }
    if let Some(template) = spec.get_mut("template").and_then(Value::as_object_mut) {
        template.extend(payload);
    }
    Ok(spec)
}

fn placed_json(placed: &BTreeSet<ClusterId>) -> Value {
    json!(placed)
}

/// Clusters where copies of an object are wanted.
///
/// # Errors
/// When the stored list cannot be read.
pub fn placed(row: &Model) -> Result<BTreeSet<ClusterId>, StoreError> {
    serde_json::from_value(row.placed.clone()).map_err(|e| StoreError::corrupt("placement", e))
}

fn change(object: &Model, project: Option<&project::Model>, op: Op) -> NewChange {
    change_of(object.id, format!("{}/{}", object.r#type, object.name), project, op)
}

fn change_of(object: Uuid, name: String, project: Option<&project::Model>, op: Op) -> NewChange {
    NewChange {
        kind: FEDERATED,
        object,
        workspace: project.map(|project| project.workspace_id),
        project: project.map(|project| project.id),
        cluster: None,
        name,
        op,
    }
}

/// Nothing more of an object is changed in this transaction: whoever follows the feed need not read it. For a write that
/// leaves the object in the clusters where it was, or that marks it as going.
pub fn done(tx: &mut Tx, row: &Model, project: Option<&project::Model>) {
    tx.leaves_as(row, project);
}

fn record(tx: &mut Tx, object: &Model) {
    tx.revised(federated_revision::ActiveModel {
        object_id: Set(object.id),
        generation: Set(object.generation),
        spec: Set(object.spec.clone()),
        sealed: Set(object.sealed.clone()),
        key_id: Set(object.key_id.clone()),
        author: Set(object.updated_by.clone()),
        at: Set(object.updated_at),
    });
}

/// Refuses to place copies where there is no place for them (any more).
async fn admits(
    tx: &mut Tx,
    project: Option<&project::Model>,
    wanted: &BTreeSet<ClusterId>,
) -> Result<(), StoreError> {
    match project {
        Some(project) => crate::projects::admits(tx, project, wanted).await,
        None if standing(tx, wanted).await? == *wanted => Ok(()),
        None => {
            Err(StoreError::Conflict("a cluster was let go meanwhile: look at the clusters again".to_owned()))
        }
    }
}

/// Those of some clusters that are here, held until the end of the transaction.
async fn standing(tx: &Tx, clusters: &BTreeSet<ClusterId>) -> Result<BTreeSet<ClusterId>, StoreError> {
    let rows = cluster::Entity::find()
        .filter(cluster::Column::Id.is_in(clusters.iter().map(|cluster| cluster.0)))
        .lock_shared()
        .all(tx.db())
        .await?;
    Ok(rows.into_iter().map(|row| ClusterId(row.id)).collect())
}

/// Accepts a new object. The project's clusters are set before.
///
/// # Errors
/// [`StoreError::Taken`] when the name is in use, also by one that is still being removed; [`StoreError::Conflict`] when
/// the project is going or has left one of the clusters.
pub async fn create(tx: &mut Tx, project: Option<&project::Model>, new: New) -> Result<Model, StoreError> {
    admits(tx, project, &new.placed).await?;
    let id = Uuid::from(FederatedId::new());
    let mut spec = new.spec;
    let sealed = seal(tx.store(), id, &new.kind, &mut spec)?;
    let now = tx.now();
    let row = Model {
        id,
        project_id: project.map(|project| project.id),
        r#type: new.type_,
        api_version: new.api_version,
        kind: new.kind,
        namespace: new.namespace,
        name: new.name,
        generation: 1,
        version: 1,
        spec,
        key_id: sealed.as_ref().map(|sealed| sealed.key_id.clone()),
        sealed: sealed.map(|sealed| sealed.bytes),
        placed: placed_json(&new.placed),
        created_by: new.author.clone(),
        updated_by: new.author,
        created_at: now,
        updated_at: now,
        deleted_at: None,
        kept: None,
    };
    let insert = row.clone().into_active_model().reset_all();
    federated_object::Entity::insert(insert).exec_without_returning(tx.db()).await?;
    record(tx, &row);
    // What a removal would take away is wanted again.
    removals::withdraw(tx, &row, &new.placed).await?;
    tx.changed(change(&row, project, Op::Created));
    Ok(row)
}

/// A change to an object.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Group and version of the template.
    pub api_version: String,
    /// The new specification.
    pub spec: Value,
    /// Clusters where copies are wanted.
    pub placed: BTreeSet<ClusterId>,
    /// By whom.
    pub author: String,
    /// What happens to copies in clusters that leave.
    pub leaving: Mode,
    /// Delete options for those copies.
    pub options: Option<Value>,
}

/// Accepts a changed specification: a new generation and revision.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn update(tx: &mut Tx, row: &Handle<Row>, changed: Changed) -> Result<Model, StoreError> {
    let mut next = row.object.clone();
    let mut spec = changed.spec;
    let sealed = seal(tx.store(), next.id, &next.kind, &mut spec)?;
    next.spec = spec;
    next.key_id = sealed.as_ref().map(|sealed| sealed.key_id.clone());
    next.sealed = sealed.map(|sealed| sealed.bytes);
    next.api_version = changed.api_version;
    next.updated_by = changed.author;
    next.generation += 1;
    let leaving = Leaving { mode: changed.leaving, options: changed.options.as_ref(), reason: "placement" };
    let next = place(tx, row.project.as_ref(), next, Part::Specification, &changed.placed, leaving).await?;
    record(tx, &next);
    Ok(next)
}

/// Wants copies in other clusters than before, with the specification as it is: labels or the project's clusters changed.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn replace_placed(
    tx: &mut Tx,
    project: Option<&project::Model>,
    object: Model,
    placed: &BTreeSet<ClusterId>,
    leaving: Mode,
    reason: &'static str,
) -> Result<Model, StoreError> {
    let leaving = Leaving { mode: leaving, options: None, reason };
    place(tx, project, object, Part::Standing, placed, leaving).await
}

/// Stores an object with a new set of clusters and records the removals that follow.
async fn place(
    tx: &mut Tx,
    project: Option<&project::Model>,
    mut next: Model,
    part: Part,
    wanted: &BTreeSet<ClusterId>,
    leaving: Leaving<'_>,
) -> Result<Model, StoreError> {
    admits(tx, project, wanted).await?;
    let before = placed(&next)?;
    let expected = next.version;
    next.version += 1;
    next.updated_at = tx.now();
    next.placed = placed_json(wanted);
    store_version(tx, &next, part, expected).await?;
    let mut gone: BTreeSet<ClusterId> = before.difference(wanted).copied().collect();
    if project.is_none() && !gone.is_empty() {
        // No project keeps its clusters from being let go.
        gone = standing(tx, &gone).await?;
    }
    let gone: Vec<ClusterId> = gone.into_iter().collect();
    removals::record(tx, &next, &gone, leaving);
    removals::withdraw(tx, &next, wanted).await?;
    tx.changed(change(&next, project, Op::Updated));
    Ok(next)
}

/// A new generation of an object in the clusters where it is.
pub(crate) async fn rewrite(
    tx: &mut Tx,
    project: &project::Model,
    mut next: Model,
    spec: Value,
) -> Result<Model, StoreError> {
    let expected = next.version;
    next.version += 1;
    next.generation += 1;
    next.spec = spec;
    next.updated_at = tx.now();
    next.updated_by.clone_from(&tx.context().actor_name);
    store_version(tx, &next, Part::Specification, expected).await?;
    record(tx, &next);
    tx.changed(change(&next, Some(project), Op::Updated));
    Ok(next)
}

/// Counts a write that changes nothing of what is stored here.
pub(crate) async fn touch(
    tx: &mut Tx,
    project: Option<&project::Model>,
    mut next: Model,
) -> Result<Model, StoreError> {
    let expected = next.version;
    next.version += 1;
    store_version(tx, &next, Part::Standing, expected).await?;
    tx.changed(change(&next, project, Op::Updated));
    Ok(next)
}

/// What of a row a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Where it is wanted and whether it is going.
    Standing,
    /// That, and what is wanted.
    Specification,
}

async fn store_version(tx: &Tx, next: &Model, part: Part, expected: i64) -> Result<(), StoreError> {
    let specification = match part {
        Part::Standing => Default::default(),
        Part::Specification => federated_object::ActiveModel {
            api_version: Set(next.api_version.clone()),
            generation: Set(next.generation),
            spec: Set(next.spec.clone()),
            sealed: Set(next.sealed.clone()),
            key_id: Set(next.key_id.clone()),
            ..Default::default()
        },
    };
    let active = federated_object::ActiveModel {
        version: Set(next.version),
        placed: Set(next.placed.clone()),
        updated_by: Set(next.updated_by.clone()),
        updated_at: Set(next.updated_at),
        deleted_at: Set(next.deleted_at),
        ..specification
    };
    let done = federated_object::Entity::update_many()
        .set(active)
        .filter(federated_object::Column::Id.eq(next.id))
        .filter(federated_object::Column::Version.eq(expected))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        let found =
            federated_object::Entity::find_by_id(next.id).one(tx.db()).await?.map_or(0, |row| row.version);
        return Err(StoreError::VersionMismatch { expected, found });
    }
    Ok(())
}

/// Marks an object as going and records the removal of all its copies. With neither copies nor anybody's finalizer it goes
/// at once; then `None`.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn delete(
    tx: &mut Tx,
    project: Option<&project::Model>,
    mut next: Model,
    mode: Mode,
    options: Option<&Value>,
) -> Result<Option<Model>, StoreError> {
    if next.deleted_at.is_some() {
        return Ok(Some(next));
    }
    let mut copies = placed(&next)?;
    if project.is_none() {
        copies = standing(tx, &copies).await?;
    }
    let copies: Vec<ClusterId> = copies.into_iter().collect();
    let expected = next.version;
    next.version += 1;
    next.updated_at = tx.now();
    next.updated_by.clone_from(&tx.context().actor_name);
    next.deleted_at = Some(tx.now());
    next.placed = json!([]);
    store_version(tx, &next, Part::Standing, expected).await?;
    removals::record(tx, &next, &copies, Leaving { mode, options, reason: "deletion" });
    if copies.is_empty() && matches!(finish(tx, next.id).await?, End::Gone) {
        return Ok(None);
    }
    tx.changed(change(&next, project, Op::Updated));
    Ok(Some(next))
}

/// Lets go of a record that is going, if nothing holds it any more. Says whether it went.
///
/// # Errors
/// When the database refuses.
pub async fn let_go(tx: &mut Tx, object: &Model) -> Result<bool, StoreError> {
    Ok(matches!(finish(tx, object.id).await?, End::Gone))
}

/// What the end of an object is decided from.
#[derive(Debug)]
pub(crate) struct Going {
    id: Uuid,
    project_id: Option<Uuid>,
    /// `type/name`.
    label: String,
    deleted_at: Option<DateTime<Utc>>,
    kept: Option<Value>,
}

impl Going {
    /// Which it is.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    fn change(&self, project: Option<&project::Model>, op: Op) -> NewChange {
        change_of(self.id, self.label.clone(), project, op)
    }
}

/// Objects, each held until the end of the transaction: of two that confirm an object's last two copies at once, the
/// second then sees what the first did. Always in the order of ids and before removals, so that nobody waits in a circle.
pub(crate) async fn lock(tx: &Tx, ids: &[Uuid]) -> Result<Vec<Going>, StoreError> {
    type Columns = (Uuid, Option<Uuid>, String, String, Option<DateTime<Utc>>, Option<Value>);
    let rows: Vec<Columns> = federated_object::Entity::find()
        .select_only()
        .columns([
            federated_object::Column::Id,
            federated_object::Column::ProjectId,
            federated_object::Column::Type,
            federated_object::Column::Name,
            federated_object::Column::DeletedAt,
            federated_object::Column::Kept,
        ])
        .filter(federated_object::Column::Id.is_in(ids.to_vec()))
        .order_by_asc(federated_object::Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(tx.db())
        .await?;
    let going = |(id, project_id, type_, name, deleted_at, kept): Columns| Going {
        id,
        project_id,
        label: format!("{type_}/{name}"),
        deleted_at,
        kept,
    };
    Ok(rows.into_iter().map(going).collect())
}

/// How far the end of an object has come.
#[derive(Debug)]
enum End {
    /// It is not going, or has copies left to remove.
    NotYet,
    /// Its copies are gone; somebody's finalizers hold the record.
    Held(Going),
    /// Its record is gone.
    Gone,
}

/// Removes the row of an object that is marked, has no copies left to remove and is held by nobody.
async fn finish(tx: &mut Tx, id: Uuid) -> Result<End, StoreError> {
    let Some(row) = lock(tx, &[id]).await?.pop() else { return Ok(End::NotYet) };
    if row.deleted_at.is_none() || removals::any_of(tx, id).await? {
        return Ok(End::NotYet);
    }
    if !holders(row.kept.as_ref()).is_empty() {
        return Ok(End::Held(row));
    }
    let project = match row.project_id {
        None => None,
        Some(project) => project::Entity::find_by_id(project).one(tx.db()).await?,
    };
    federated_object::Entity::delete_by_id(id).exec(tx.db()).await?;
    crate::hub::forget_views(tx, vec![id]).await?;
    if row.kept.is_some() {
        crate::owners::forget(tx, id).await?;
    }
    tx.changed(row.change(project.as_ref(), Op::Deleted));
    if let Some(project) = project.filter(|project| project.deleted_at.is_some()) {
        crate::projects::sweep(tx, project.id).await?;
    }
    Ok(End::Gone)
}

/// Looks at an object whose copies are being removed: it goes with the last one, or is told to be held.
pub(crate) async fn sweep(tx: &mut Tx, id: Uuid) -> Result<(), StoreError> {
    if let End::Held(row) = finish(tx, id).await? {
        let project = match row.project_id {
            None => None,
            Some(project) => project::Entity::find_by_id(project).one(tx.db()).await?,
        };
        tx.changed(row.change(project.as_ref(), Op::Updated));
    }
    Ok(())
}

/// [`sweep`] of many objects, which the caller holds; few statements for all that nothing holds.
pub(crate) async fn sweep_all(tx: &mut Tx, rows: Vec<Going>) -> Result<(), StoreError> {
    let going: Vec<Going> = rows.into_iter().filter(|row| row.deleted_at.is_some()).collect();
    let left = removals::left(tx, going.iter().map(|row| row.id).collect()).await?;
    let without_copies = going.into_iter().filter(|row| !left.contains(&row.id));
    let (free, noted): (Vec<Going>, Vec<Going>) = without_copies.partition(|row| row.kept.is_none());
    for row in noted {
        sweep(tx, row.id).await?;
    }
    if free.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = free.iter().map(|row| row.id).collect();
    let projects: BTreeSet<Uuid> = free.iter().filter_map(|row| row.project_id).collect();
    let projects = project::Entity::find().filter(project::Column::Id.is_in(projects)).all(tx.db()).await?;
    let projects: HashMap<Uuid, project::Model> = projects.into_iter().map(|row| (row.id, row)).collect();
    federated_object::Entity::delete_many()
        .filter(federated_object::Column::Id.is_in(ids.clone()))
        .exec(tx.db())
        .await?;
    crate::hub::forget_views(tx, ids).await?;
    for row in &free {
        let project = row.project_id.and_then(|id| projects.get(&id));
        tx.changed(row.change(project, Op::Deleted));
    }
    for project in projects.into_values().filter(|project| project.deleted_at.is_some()) {
        crate::projects::sweep(tx, project.id).await?;
    }
    Ok(())
}

/// Finalizers that clients put on an object at the hub, without those that mean something to owners and dependents only
/// while it is there.
#[must_use]
pub fn held_by(row: &Model) -> Vec<String> {
    holders(row.kept.as_ref())
}

fn holders(kept: Option<&Value>) -> Vec<String> {
    let mut names: Vec<String> = crate::owners::kept(kept)
        .into_values()
        .flat_map(|kept| kept.finalizers)
        .filter(|name| name != crate::owners::ORPHAN)
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Every object of a project, read in the transaction that marks the project as going: none is made after that.
///
/// # Errors
/// When the database refuses.
pub async fn of_project(tx: &Tx, project: &project::Model) -> Result<Vec<Model>, StoreError> {
    Ok(federated_object::Entity::find()
        .filter(federated_object::Column::ProjectId.eq(project.id))
        .order_by_asc(federated_object::Column::Id)
        .all(tx.db())
        .await?)
}
