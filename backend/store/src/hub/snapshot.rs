//! Reading for views: rows and changes of one moment together.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    AccessMode, ColumnTrait as _, DatabaseTransaction, DbBackend, EntityTrait as _, IsolationLevel,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, TransactionTrait as _,
};
use serde_json::Value;
use uuid::Uuid;

use super::{FOLLOWED, Federated, LIST, Local, Namespace, View, local, value_of};
use crate::{
    Change, Store, StoreError,
    entity::{
        change, cluster, cluster_status, federated_object, federated_status, hub_object, hub_view, project,
        removal,
    },
    federated, feed, meta,
};

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
        let revision = feed::last(&tx).await?;
        Ok(Snapshot { tx, store: self.clone(), revision })
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
