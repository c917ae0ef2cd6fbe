//! Federated objects, their history, and where their copies are wanted.
//!
//! One row per object whatever the number of clusters. What leaves the set of wanted clusters becomes a recorded removal
//! in the same transaction; see [`crate::removals`]. Payloads of Secrets are sealed and never in the plain column.

use std::collections::{BTreeSet, HashMap};

use hanse_authz::{Handle, Scope, Scoped};
use hanse_types::{ClusterId, FederatedId, ProjectId, WorkspaceId};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Op, Sealed, Store, StoreError, Tx,
    entity::{federated_object, federated_revision, federated_status, project},
    page::{Page, Rows, page_of},
    removals::{self, Mode},
    tx::NewChange,
    users::like,
};

pub use crate::entity::federated_object::Model;

/// Fields of a Secret's template that are sealed.
const PAYLOAD: [&str; 2] = ["data", "stringData"];

/// A federated object with the project that it belongs to.
#[derive(Clone, Debug)]
pub struct Row {
    /// The object.
    pub object: Model,
    /// Its project.
    pub project: project::Model,
}

impl Scoped for Row {
    fn scope(&self) -> Scope {
        Scope::Project(WorkspaceId(self.project.workspace_id), ProjectId(self.project.id))
    }
    fn known_by(&self) -> &'static str {
        "project.federated-objects.view"
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

fn change(object: &Model, project: &project::Model, op: Op) -> NewChange {
    NewChange {
        kind: "federated",
        object: object.id,
        workspace: Some(project.workspace_id),
        project: Some(project.id),
        cluster: None,
        name: format!("{}/{}", object.r#type, object.name),
        op,
    }
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

/// Accepts a new object. The project's clusters are set before.
///
/// # Errors
/// [`StoreError::Taken`] when the name is in use, also by one that is still being removed; [`StoreError::Conflict`] when
/// the project is going or has left one of the clusters.
pub async fn create(tx: &mut Tx, project: &project::Model, new: New) -> Result<Model, StoreError> {
    crate::projects::admits(tx, project, &new.placed).await?;
    let id = Uuid::from(FederatedId::new());
    let mut spec = new.spec;
    let sealed = seal(tx.store(), id, &new.kind, &mut spec)?;
    let now = tx.now();
    let row = Model {
        id,
        project_id: project.id,
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
    let next = place(
        tx,
        &row.project,
        next,
        &changed.placed,
        changed.leaving,
        changed.options.as_ref(),
        "placement",
    )
    .await?;
    record(tx, &next);
    Ok(next)
}

/// Wants copies in other clusters than before, with the specification as it is: labels or the project's clusters changed.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn replace_placed(
    tx: &mut Tx,
    project: &project::Model,
    object: Model,
    placed: &BTreeSet<ClusterId>,
    leaving: Mode,
    reason: &'static str,
) -> Result<Model, StoreError> {
    place(tx, project, object, placed, leaving, None, reason).await
}

/// Stores an object with a new set of clusters and records the removals that follow.
async fn place(
    tx: &mut Tx,
    project: &project::Model,
    mut next: Model,
    wanted: &BTreeSet<ClusterId>,
    leaving: Mode,
    options: Option<&Value>,
    reason: &'static str,
) -> Result<Model, StoreError> {
    crate::projects::admits(tx, project, wanted).await?;
    let before = placed(&next)?;
    let expected = next.version;
    next.version += 1;
    next.updated_at = tx.now();
    next.placed = placed_json(wanted);
    store_version(tx, &next, expected).await?;
    let gone: Vec<ClusterId> = before.difference(wanted).copied().collect();
    removals::record(tx, &next, &gone, leaving, options, reason).await?;
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
    store_version(tx, &next, expected).await?;
    record(tx, &next);
    tx.changed(change(&next, project, Op::Updated));
    Ok(next)
}

/// Counts a write that changes nothing of what is stored here.
pub(crate) async fn touch(
    tx: &mut Tx,
    project: &project::Model,
    mut next: Model,
) -> Result<Model, StoreError> {
    let expected = next.version;
    next.version += 1;
    store_version(tx, &next, expected).await?;
    tx.changed(change(&next, project, Op::Updated));
    Ok(next)
}

async fn store_version(tx: &Tx, next: &Model, expected: i64) -> Result<(), StoreError> {
    let active = federated_object::ActiveModel {
        api_version: Set(next.api_version.clone()),
        generation: Set(next.generation),
        version: Set(next.version),
        spec: Set(next.spec.clone()),
        sealed: Set(next.sealed.clone()),
        key_id: Set(next.key_id.clone()),
        placed: Set(next.placed.clone()),
        updated_by: Set(next.updated_by.clone()),
        updated_at: Set(next.updated_at),
        deleted_at: Set(next.deleted_at),
        ..Default::default()
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

/// Marks an object as going and records the removal of all its copies. Without copies it goes at once; then `None`.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn delete(
    tx: &mut Tx,
    project: &project::Model,
    object: &Model,
    mode: Mode,
    options: Option<&Value>,
) -> Result<Option<Model>, StoreError> {
    let mut next = object.clone();
    if next.deleted_at.is_some() {
        return Ok(Some(next));
    }
    let copies: Vec<ClusterId> = placed(&next)?.into_iter().collect();
    let expected = next.version;
    next.version += 1;
    next.updated_at = tx.now();
    next.updated_by.clone_from(&tx.context().actor_name);
    next.deleted_at = Some(tx.now());
    next.placed = json!([]);
    store_version(tx, &next, expected).await?;
    removals::record(tx, &next, &copies, mode, options, "deletion").await?;
    if copies.is_empty() && sweep(tx, next.id).await? {
        return Ok(None);
    }
    tx.changed(change(&next, project, Op::Updated));
    Ok(Some(next))
}

/// Objects, each held until the end of the transaction: of two that confirm an object's last two copies at once, the
/// second then sees what the first did. Always in the order of ids and before removals, so that nobody waits in a circle.
pub(crate) async fn lock(tx: &Tx, ids: &[Uuid]) -> Result<Vec<Model>, StoreError> {
    Ok(federated_object::Entity::find()
        .filter(federated_object::Column::Id.is_in(ids.to_vec()))
        .order_by_asc(federated_object::Column::Id)
        .lock_exclusive()
        .all(tx.db())
        .await?)
}

/// Removes the row of an object that is marked and has no copies left to remove. Says whether it went.
pub(crate) async fn sweep(tx: &mut Tx, id: Uuid) -> Result<bool, StoreError> {
    let Some(row) = lock(tx, &[id]).await?.pop() else { return Ok(false) };
    if row.deleted_at.is_none() || removals::any_of(tx, id).await? {
        return Ok(false);
    }
    let Some(project) = project::Entity::find_by_id(row.project_id).one(tx.db()).await? else {
        return Ok(false);
    };
    federated_object::Entity::delete_by_id(id).exec(tx.db()).await?;
    crate::hub::forget_views(tx, id).await?;
    tx.changed(change(&row, &project, Op::Deleted));
    if project.deleted_at.is_some() {
        crate::projects::sweep(tx, project.id).await?;
    }
    Ok(true)
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

/// An object with its specification put together.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The row.
    pub row: Model,
    /// The specification with what was sealed.
    pub spec: Value,
}

impl Store {
    /// The specification of an object with what was sealed: for the engine and for computing a change, never for answers.
    ///
    /// # Errors
    /// When it does not open.
    pub fn whole(&self, row: Model) -> Result<Whole, StoreError> {
        let spec = unseal(self, row.id, row.spec.clone(), row.sealed.clone(), row.key_id.clone())?;
        Ok(Whole { row, spec })
    }

    /// Objects of one project by type and name, whatever may be seen of it: the project has been authorized.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_in(
        &self,
        project: &Handle<project::Model>,
        type_: &str,
        name: &str,
    ) -> Result<Option<Row>, StoreError> {
        let row = federated_object::Entity::find()
            .filter(federated_object::Column::ProjectId.eq(project.id))
            .filter(federated_object::Column::Type.eq(type_))
            .filter(federated_object::Column::Name.eq(name))
            .one(self.db())
            .await?;
        Ok(row.map(|object| Row { object, project: (**project).clone() }))
    }

    /// Fields that federated objects can be sorted by.
    pub const FEDERATED_SORTS: &[&str] = &["name", "type", "createdAt", "updatedAt"];

    /// A page of a project's objects, without the project's own namespace.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_federated(
        &self,
        project: &Handle<project::Model>,
        type_: Option<&str>,
        page: &Page,
    ) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = federated_object::Entity::find()
            .filter(federated_object::Column::ProjectId.eq(project.id))
            .filter(federated_object::Column::Type.ne("namespaces"));
        if let Some(type_) = type_ {
            query = query.filter(federated_object::Column::Type.eq(type_));
        }
        if let Some(search) = &page.search {
            query = query.filter(like(federated_object::Column::Name, search));
        }
        Ok(page_of!(self.db(), query, federated_object, page, revision, {
            "name" => Name, "type" => Type, "createdAt" => CreatedAt, "updatedAt" => UpdatedAt,
        }))
    }

    /// Every object after an id, in the order of ids: for loading all of them in pieces.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn all_federated(&self, after: Option<Uuid>, limit: u64) -> Result<Vec<Model>, StoreError> {
        let mut query =
            federated_object::Entity::find().order_by_asc(federated_object::Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(federated_object::Column::Id.gt(after));
        }
        Ok(query.all(self.db()).await?)
    }

    /// Objects by id: for the engine.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_by_ids(&self, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(federated_object::Entity::find()
            .filter(federated_object::Column::Id.is_in(ids))
            .all(self.db())
            .await?)
    }

    /// Every object of some projects: for placing them anew.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_of_projects(&self, projects: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(federated_object::Entity::find()
            .filter(federated_object::Column::ProjectId.is_in(projects))
            .order_by_asc(federated_object::Column::Id)
            .all(self.db())
            .await?)
    }

    /// Whether somebody has a record of a copy in a cluster: an object of that name, or a recorded removal.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn knows_copy(
        &self,
        cluster: ClusterId,
        type_: &str,
        namespace: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let object = federated_object::Entity::find()
            .filter(federated_object::Column::Type.eq(type_))
            .filter(federated_object::Column::Namespace.eq(namespace))
            .filter(federated_object::Column::Name.eq(name))
            .count(self.db())
            .await?;
        Ok(object > 0 || removals::exists(self, cluster, type_, namespace, name).await?)
    }

    /// Stored status of objects, which serves until their members have been observed anew.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_status(&self, ids: Vec<Uuid>) -> Result<HashMap<Uuid, Value>, StoreError> {
        let rows = federated_status::Entity::find()
            .filter(federated_status::Column::ObjectId.is_in(ids))
            .all(self.db())
            .await?;
        Ok(rows.into_iter().map(|row| (row.object_id, row.status)).collect())
    }

    /// A page of an object's revisions, newest first, payloads of Secrets left out.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn revisions(
        &self,
        row: &Handle<Row>,
        page: &Page,
    ) -> Result<Rows<federated_revision::Model>, StoreError> {
        let revision = self.revision();
        let query =
            federated_revision::Entity::find().filter(federated_revision::Column::ObjectId.eq(row.object.id));
        let total = query.clone().count(self.db()).await?;
        let rows = query
            .order_by_desc(federated_revision::Column::Generation)
            .limit(page.limit)
            .offset(page.offset)
            .all(self.db())
            .await?;
        Ok(Rows { rows, total, revision })
    }

    /// Number of objects by phase as stored last, within some projects (`None` = all).
    ///
    /// # Errors
    /// When the database is away.
    pub async fn phases(
        &self,
        projects: Option<Vec<Uuid>>,
    ) -> Result<Vec<(Uuid, String, String, Uuid)>, StoreError> {
        let mut query = federated_object::Entity::find()
            .filter(federated_object::Column::Type.ne("namespaces"))
            .select_only()
            .column(federated_object::Column::Id)
            .column(federated_object::Column::Type)
            .column(federated_object::Column::Name)
            .column(federated_object::Column::ProjectId);
        if let Some(projects) = projects {
            query = query.filter(federated_object::Column::ProjectId.is_in(projects));
        }
        Ok(query.into_tuple().all(self.db()).await?)
    }
}
