//! Reading federated objects: for people, a page at a time; for the engine, all of them.

use std::collections::HashMap;

use hanse_authz::Handle;
use hanse_types::ClusterId;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Home, Model, Row, unseal};
use crate::{
    Store, StoreError,
    entity::{federated_object, federated_revision, federated_status},
    page::{Page, Rows, page_of},
    removals,
    users::like,
};

/// An object with its specification put together.
#[derive(Clone, Debug)]
pub struct Whole {
    /// The row, without the specification.
    pub row: Model,
    /// The specification with what was sealed.
    pub spec: Value,
}

impl Store {
    /// The specification of an object with what was sealed: for the engine and for computing a change, never for answers.
    ///
    /// # Errors
    /// When it does not open.
    pub fn whole(&self, mut row: Model) -> Result<Whole, StoreError> {
        let spec = std::mem::take(&mut row.spec);
        let spec = unseal(self, row.id, spec, row.sealed.take(), row.key_id.take())?;
        Ok(Whole { row, spec })
    }

    /// The same of an object that is looked at only.
    ///
    /// # Errors
    /// When it does not open.
    pub fn spec_of(&self, row: &Model) -> Result<Value, StoreError> {
        unseal(self, row.id, row.spec.clone(), row.sealed.clone(), row.key_id.clone())
    }

    /// An object of one project, or of the platform, by type and name, whatever may be seen of it: its home has been
    /// authorized.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_in(
        &self,
        home: &Home,
        type_: &str,
        name: &str,
    ) -> Result<Option<Row>, StoreError> {
        let row = federated_object::Entity::find()
            .filter(home.filter())
            .filter(federated_object::Column::Type.eq(type_))
            .filter(federated_object::Column::Name.eq(name))
            .one(self.db())
            .await?;
        Ok(row.map(|object| Row { object, project: home.project().cloned() }))
    }

    /// Fields that federated objects can be sorted by.
    pub const FEDERATED_SORTS: &[&str] = &["name", "type", "createdAt", "updatedAt"];

    /// A page of the objects of a project, without the project's own namespace, or of the platform.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_federated(
        &self,
        home: &Home,
        type_: Option<&str>,
        page: &Page,
    ) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = federated_object::Entity::find()
            .filter(home.filter())
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

    /// Every object of the platform itself: for placing them anew.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_of_platform(&self) -> Result<Vec<Model>, StoreError> {
        Ok(federated_object::Entity::find()
            .filter(federated_object::Column::ProjectId.is_null())
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
    ) -> Result<Vec<(Uuid, String, String, Option<Uuid>)>, StoreError> {
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
