//! Accounts.

use hanse_authz::{Handle, Located, Platform, Scope, Scoped};
use hanse_types::UserId;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, Set,
    sea_query::{Expr, ExprTrait as _, Func},
};
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    entity::user,
    page::{Page, Rows, page_of},
    tx::NewChange,
};

pub use crate::entity::user::Model;

impl Scoped for Model {
    fn scope(&self) -> Scope {
        Scope::Platform
    }
    fn known_by(&self) -> &'static str {
        "platform.users.view"
    }
}

/// A new account.
#[derive(Clone, Debug)]
pub struct New {
    /// Unique name.
    pub name: String,
    /// Shown name.
    pub display_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Language of the console.
    pub language: Option<String>,
    /// Argon2 hash.
    pub password_hash: String,
}

fn change(row: &Model, op: Op) -> NewChange {
    NewChange {
        kind: "user",
        object: row.id,
        workspace: None,
        project: None,
        cluster: None,
        name: row.name.clone(),
        op,
    }
}

/// Makes an account.
///
/// # Errors
/// [`StoreError::Taken`] when the name is in use.
pub async fn create(tx: &mut Tx, new: New) -> Result<Model, StoreError> {
    let now = tx.now();
    let row = user::ActiveModel {
        id: Set(UserId::new().into()),
        name: Set(new.name),
        display_name: Set(new.display_name),
        email: Set(new.email),
        language: Set(new.language),
        password_hash: Set(Some(new.password_hash)),
        state: Set("active".to_owned()),
        last_sign_in_at: Set(None),
        version: Set(1),
        created_at: Set(now),
        updated_at: Set(now),
    }
    .insert(tx.db())
    .await?;
    tx.changed(change(&row, Op::Created));
    Ok(row)
}

/// Stores a changed account, if it is still at the version that was read.
///
/// # Errors
/// [`StoreError::VersionMismatch`] when somebody was quicker.
pub async fn update(tx: &mut Tx, changed: Model) -> Result<Model, StoreError> {
    let expected = changed.version;
    let mut next = changed;
    next.version += 1;
    next.updated_at = tx.now();
    let active = user::ActiveModel {
        display_name: Set(next.display_name.clone()),
        email: Set(next.email.clone()),
        language: Set(next.language.clone()),
        password_hash: Set(next.password_hash.clone()),
        state: Set(next.state.clone()),
        last_sign_in_at: Set(next.last_sign_in_at),
        version: Set(next.version),
        updated_at: Set(next.updated_at),
        ..Default::default()
    };
    let done = user::Entity::update_many()
        .set(active)
        .filter(user::Column::Id.eq(next.id))
        .filter(user::Column::Version.eq(expected))
        .exec(tx.db())
        .await?;
    if done.rows_affected == 0 {
        let found = user::Entity::find_by_id(next.id).one(tx.db()).await?.map_or(0, |row| row.version);
        return Err(StoreError::VersionMismatch { expected, found });
    }
    tx.changed(change(&next, Op::Updated));
    Ok(next)
}

/// Removes an account; sessions and tokens go with it, bindings by [`crate::bindings::remove_all_of`].
///
/// # Errors
/// When the database refuses.
pub async fn delete(tx: &mut Tx, account: &Handle<Model>) -> Result<(), StoreError> {
    user::Entity::delete_by_id(account.id).exec(tx.db()).await?;
    tx.changed(change(account, Op::Deleted));
    Ok(())
}

impl Store {
    /// An account by name, for deciding about it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn user(&self, name: &str) -> Result<Option<Located<Model>>, StoreError> {
        Ok(self.user_row(name).await?.map(Located::new))
    }

    /// An account by name, for signing in and for the account itself.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn user_row(&self, name: &str) -> Result<Option<Model>, StoreError> {
        Ok(user::Entity::find().filter(user::Column::Name.eq(name)).one(self.db()).await?)
    }

    /// An account by id, for the account itself.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn user_by_id(&self, id: UserId) -> Result<Option<Model>, StoreError> {
        Ok(user::Entity::find_by_id(id.0).one(self.db()).await?)
    }

    /// Names and shown names of accounts.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn users_by_ids(&self, ids: Vec<Uuid>) -> Result<Vec<Model>, StoreError> {
        Ok(user::Entity::find().filter(user::Column::Id.is_in(ids)).all(self.db()).await?)
    }

    /// Number of accounts.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_users(&self) -> Result<u64, StoreError> {
        Ok(user::Entity::find().count(self.db()).await?)
    }

    /// Fields that accounts can be sorted by.
    pub const USER_SORTS: &[&str] = &["name", "createdAt", "lastSignInAt", "state"];

    /// A page of accounts.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_users(&self, _: &Handle<Platform>, page: &Page) -> Result<Rows<Model>, StoreError> {
        let revision = self.revision();
        let mut query = user::Entity::find();
        if let Some(search) = &page.search {
            query = query.filter(
                Condition::any()
                    .add(like(user::Column::Name, search))
                    .add(like(user::Column::DisplayName, search))
                    .add(like(user::Column::Email, search)),
            );
        }
        Ok(page_of!(self.db(), query, user, page, revision, {
            "name" => Name, "createdAt" => CreatedAt, "lastSignInAt" => LastSignInAt, "state" => State,
        }))
    }
}

/// `lower(column) LIKE pattern`, the same on both databases.
pub(crate) fn like(column: impl sea_orm::ColumnTrait, pattern: &str) -> Expr {
    Expr::expr(Func::lower(Expr::col(column.as_column_ref())))
        .like(sea_orm::sea_query::LikeExpr::new(pattern.to_owned()).escape('\\'))
}
