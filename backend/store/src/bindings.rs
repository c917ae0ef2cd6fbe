//! Roles bound to people.

use chrono::{DateTime, Utc};
use hanse_authz::{Binding, Scope};
use hanse_types::{BindingId, ClusterId, ProjectId, UserId, WorkspaceId, access::ScopeKind};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, JoinType,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    entity::{project, role_binding, user},
    tx::NewChange,
};

/// Role whose last holder stays.
const ADMINISTRATOR: &str = "administrator";

fn parts(scope: Scope) -> (&'static str, Uuid) {
    match scope {
        Scope::Platform => ("platform", Uuid::nil()),
        Scope::Cluster(id) => ("cluster", id.0),
        Scope::Workspace(id) => ("workspace", id.0),
        Scope::Project(_, id) => ("project", id.0),
    }
}

fn change(scope: Scope, user: Uuid, op: Op) -> NewChange {
    let (workspace, project, cluster) = match scope {
        Scope::Platform => (None, None, None),
        Scope::Cluster(id) => (None, None, Some(id.0)),
        Scope::Workspace(id) => (Some(id.0), None, None),
        Scope::Project(workspace, id) => (Some(workspace.0), Some(id.0), None),
    };
    NewChange { kind: "binding", object: user, workspace, project, cluster, name: String::new(), op }
}

/// A member of a scope: account, roles there, since when.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Account.
    pub user: user::Model,
    /// Roles, sorted.
    pub roles: Vec<String>,
    /// When the first was bound.
    pub since: DateTime<Utc>,
}

/// Replaces the roles of a person at a scope. An empty list removes them all.
///
/// # Errors
/// [`StoreError::LastAdministrator`] when nobody would be left to administer a platform or workspace.
pub async fn set_roles(tx: &mut Tx, scope: Scope, user: UserId, roles: &[String]) -> Result<(), StoreError> {
    let (kind, id) = parts(scope);
    let before = role_binding::Entity::find()
        .filter(role_binding::Column::Scope.eq(kind))
        .filter(role_binding::Column::ScopeId.eq(id))
        .filter(role_binding::Column::SubjectKind.eq("user"))
        .filter(role_binding::Column::SubjectId.eq(user.0))
        .all(tx.db())
        .await?;
    let loses =
        before.iter().any(|b| b.role == ADMINISTRATOR) && !roles.iter().any(|role| role == ADMINISTRATOR);
    if loses {
        keep_an_administrator(tx, scope, user).await?;
    }
    for gone in before.iter().filter(|binding| !roles.contains(&binding.role)) {
        role_binding::Entity::delete_by_id(gone.id).exec(tx.db()).await?;
    }
    let now = tx.now();
    for role in roles.iter().filter(|role| !before.iter().any(|binding| binding.role == **role)) {
        role_binding::ActiveModel {
            id: Set(BindingId::new().into()),
            scope: Set(kind.to_owned()),
            scope_id: Set(id),
            subject_kind: Set("user".to_owned()),
            subject_id: Set(user.0),
            role: Set(role.clone()),
            created_at: Set(now),
        }
        .insert(tx.db())
        .await?;
    }
    let op = if roles.is_empty() { Op::Deleted } else { Op::Updated };
    tx.changed(change(scope, user.0, op));
    Ok(())
}

/// Somebody else who can sign in must administer the platform or workspace.
async fn keep_an_administrator(tx: &Tx, scope: Scope, user: UserId) -> Result<(), StoreError> {
    let what = match scope {
        Scope::Platform => "the platform",
        Scope::Workspace(_) => "the workspace",
        Scope::Cluster(_) | Scope::Project(..) => return Ok(()),
    };
    tx.lock_administrators().await?;
    if other_administrators(tx.db(), scope, user).await? == 0 {
        return Err(StoreError::LastAdministrator(what));
    }
    Ok(())
}

async fn other_administrators(
    db: &impl ConnectionTrait,
    scope: Scope,
    user: UserId,
) -> Result<u64, StoreError> {
    let (kind, id) = parts(scope);
    let holders = role_binding::Entity::find()
        .filter(role_binding::Column::Scope.eq(kind))
        .filter(role_binding::Column::ScopeId.eq(id))
        .filter(role_binding::Column::Role.eq(ADMINISTRATOR))
        .filter(role_binding::Column::SubjectKind.eq("user"))
        .filter(role_binding::Column::SubjectId.ne(user.0))
        .select_only()
        .column(role_binding::Column::SubjectId)
        .into_tuple::<Uuid>()
        .all(db)
        .await?;
    Ok(user::Entity::find()
        .filter(user::Column::Id.is_in(holders))
        .filter(user::Column::State.eq("active"))
        .count(db)
        .await?)
}

/// Refuses when the person is the last administrator of the platform or of any workspace: before an account is disabled
/// or removed.
///
/// # Errors
/// [`StoreError::LastAdministrator`].
pub async fn may_go(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    tx.lock_administrators().await?;
    let administers = role_binding::Entity::find()
        .filter(role_binding::Column::SubjectKind.eq("user"))
        .filter(role_binding::Column::SubjectId.eq(user.0))
        .filter(role_binding::Column::Role.eq(ADMINISTRATOR))
        .filter(role_binding::Column::Scope.is_in(["platform", "workspace"]))
        .all(tx.db())
        .await?;
    for binding in administers {
        let (scope, what) = match binding.scope.as_str() {
            "platform" => (Scope::Platform, "the platform"),
            _ => (Scope::Workspace(WorkspaceId(binding.scope_id)), "a workspace"),
        };
        if other_administrators(tx.db(), scope, user).await? == 0 {
            return Err(StoreError::LastAdministrator(what));
        }
    }
    Ok(())
}

/// Removes all roles of a person, everywhere.
///
/// # Errors
/// [`StoreError::LastAdministrator`] as for [`may_go`].
pub async fn remove_all_of(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    may_go(tx, user).await?;
    role_binding::Entity::delete_many()
        .filter(role_binding::Column::SubjectKind.eq("user"))
        .filter(role_binding::Column::SubjectId.eq(user.0))
        .exec(tx.db())
        .await?;
    tx.changed(change(Scope::Platform, user.0, Op::Deleted));
    Ok(())
}

/// Removes a person's roles in a workspace and in all its projects.
///
/// # Errors
/// [`StoreError::LastAdministrator`].
pub async fn remove_from_workspace(
    tx: &mut Tx,
    workspace: WorkspaceId,
    user: UserId,
) -> Result<(), StoreError> {
    set_roles(tx, Scope::Workspace(workspace), user, &[]).await?;
    let projects: Vec<Uuid> = project::Entity::find()
        .filter(project::Column::WorkspaceId.eq(workspace.0))
        .select_only()
        .column(project::Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    role_binding::Entity::delete_many()
        .filter(role_binding::Column::Scope.eq("project"))
        .filter(role_binding::Column::ScopeId.is_in(projects))
        .filter(role_binding::Column::SubjectKind.eq("user"))
        .filter(role_binding::Column::SubjectId.eq(user.0))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Removes every binding at a scope, when the thing itself goes.
///
/// # Errors
/// When the database refuses.
pub async fn forget_scope(tx: &mut Tx, scope: Scope) -> Result<(), StoreError> {
    let (kind, id) = parts(scope);
    role_binding::Entity::delete_many()
        .filter(role_binding::Column::Scope.eq(kind))
        .filter(role_binding::Column::ScopeId.eq(id))
        .exec(tx.db())
        .await?;
    Ok(())
}

impl Store {
    /// Roles of a person, everywhere.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn bindings_of(&self, user: UserId) -> Result<Vec<Binding>, StoreError> {
        let rows = role_binding::Entity::find()
            .filter(role_binding::Column::SubjectKind.eq("user"))
            .filter(role_binding::Column::SubjectId.eq(user.0))
            .all(self.db())
            .await?;
        let projects: Vec<Uuid> =
            rows.iter().filter(|row| row.scope == "project").map(|row| row.scope_id).collect();
        let homes: std::collections::HashMap<Uuid, Uuid> = if projects.is_empty() {
            Default::default()
        } else {
            let rows =
                project::Entity::find().filter(project::Column::Id.is_in(projects)).all(self.db()).await?;
            rows.into_iter().map(|row| (row.id, row.workspace_id)).collect()
        };
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let scope = match row.scope.as_str() {
                    "platform" => Scope::Platform,
                    "cluster" => Scope::Cluster(ClusterId(row.scope_id)),
                    "workspace" => Scope::Workspace(WorkspaceId(row.scope_id)),
                    "project" => {
                        Scope::Project(WorkspaceId(*homes.get(&row.scope_id)?), ProjectId(row.scope_id))
                    }
                    _ => return None,
                };
                Some(Binding { scope, role: row.role })
            })
            .collect())
    }

    /// Roles of several people at the platform: account → roles.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn platform_roles(
        &self,
        users: Vec<Uuid>,
    ) -> Result<std::collections::HashMap<Uuid, Vec<String>>, StoreError> {
        let rows = role_binding::Entity::find()
            .filter(role_binding::Column::Scope.eq("platform"))
            .filter(role_binding::Column::SubjectId.is_in(users))
            .order_by_asc(role_binding::Column::Role)
            .all(self.db())
            .await?;
        let mut roles: std::collections::HashMap<Uuid, Vec<String>> = Default::default();
        for row in rows {
            roles.entry(row.subject_id).or_default().push(row.role);
        }
        Ok(roles)
    }

    /// Members of a scope, by name. Scopes have few enough members to be read at once; pages are cut by the caller.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn members(&self, scope: Scope) -> Result<Vec<MemberRow>, StoreError> {
        let (kind, id) = parts(scope);
        let rows = role_binding::Entity::find()
            .filter(role_binding::Column::Scope.eq(kind))
            .filter(role_binding::Column::ScopeId.eq(id))
            .filter(role_binding::Column::SubjectKind.eq("user"))
            .order_by_asc(role_binding::Column::Role)
            .all(self.db())
            .await?;
        let users = self.users_by_ids(rows.iter().map(|row| row.subject_id).collect()).await?;
        let mut members: Vec<MemberRow> = users
            .into_iter()
            .filter_map(|user| {
                let own: Vec<_> = rows.iter().filter(|row| row.subject_id == user.id).collect();
                let since = own.iter().map(|row| row.created_at).min()?;
                Some(MemberRow { roles: own.iter().map(|row| row.role.clone()).collect(), user, since })
            })
            .collect();
        members.sort_by(|a, b| a.user.name.cmp(&b.user.name));
        Ok(members)
    }

    /// Number of people with a role at a scope kind, by scope id.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_members(
        &self,
        kind: ScopeKind,
        ids: Vec<Uuid>,
    ) -> Result<std::collections::HashMap<Uuid, u64>, StoreError> {
        let pairs: Vec<(Uuid, Uuid)> = role_binding::Entity::find()
            .filter(role_binding::Column::Scope.eq(kind.as_str()))
            .filter(role_binding::Column::ScopeId.is_in(ids))
            .join(JoinType::InnerJoin, users_relation())
            .select_only()
            .column(role_binding::Column::ScopeId)
            .column(role_binding::Column::SubjectId)
            .distinct()
            .into_tuple()
            .all(self.db())
            .await?;
        let mut counts = std::collections::HashMap::new();
        for (scope, _) in pairs {
            *counts.entry(scope).or_insert(0) += 1;
        }
        Ok(counts)
    }
}

fn users_relation() -> sea_orm::RelationDef {
    role_binding::Entity::belongs_to(user::Entity)
        .from(role_binding::Column::SubjectId)
        .to(user::Column::Id)
        .into()
}
