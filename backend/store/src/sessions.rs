//! Browser sessions and personal access tokens: both are random secrets of which only a hash is kept.

use chrono::{DateTime, Utc};
use hanse_types::{SessionId, TokenId, UserId};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, Set,
};
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    entity::{access_token, session, user},
    page::{Page, Rows, page_of},
    tx::NewChange,
};

pub use crate::entity::{access_token::Model as TokenRow, session::Model as SessionRow};

fn change(kind: &'static str, id: Uuid, op: Op) -> NewChange {
    NewChange { kind, object: id, workspace: None, project: None, cluster: None, name: String::new(), op }
}

/// A new session.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose.
    pub user: UserId,
    /// Hash of the cookie.
    pub token_hash: String,
    /// Address that it began from.
    pub address: Option<String>,
    /// What the browser says it is.
    pub user_agent: Option<String>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Begins a session.
///
/// # Errors
/// When the database refuses.
pub async fn begin(tx: &mut Tx, new: NewSession) -> Result<SessionRow, StoreError> {
    let row = session::ActiveModel {
        id: Set(SessionId::new().into()),
        user_id: Set(new.user.into()),
        token_hash: Set(new.token_hash),
        address: Set(new.address),
        user_agent: Set(new.user_agent),
        created_at: Set(tx.now()),
        expires_at: Set(new.expires_at),
    }
    .insert(tx.db())
    .await?;
    tx.changed(change("session", row.id, Op::Created));
    Ok(row)
}

/// Ends a session.
///
/// # Errors
/// When the database refuses.
pub async fn end(tx: &mut Tx, id: SessionId) -> Result<(), StoreError> {
    session::Entity::delete_by_id(id.0).exec(tx.db()).await?;
    tx.changed(change("session", id.0, Op::Deleted));
    Ok(())
}

/// Ends all sessions of a person, except one. Expired ones of anybody go, too.
///
/// # Errors
/// When the database refuses.
pub async fn end_all(tx: &mut Tx, user: UserId, except: Option<SessionId>) -> Result<(), StoreError> {
    let mut query = session::Entity::delete_many().filter(session::Column::UserId.eq(user.0));
    if let Some(except) = except {
        query = query.filter(session::Column::Id.ne(except.0));
    }
    query.exec(tx.db()).await?;
    let now = tx.now();
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lt(now)).exec(tx.db()).await?;
    tx.changed(change("session", user.0, Op::Deleted));
    Ok(())
}

/// A new token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub user: UserId,
    /// Name among the person's tokens.
    pub name: String,
    /// Hash of the secret.
    pub token_hash: String,
    /// Permissions that it is limited to.
    pub permissions: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Makes a token.
///
/// # Errors
/// [`StoreError::Taken`] when the person has a token of that name.
pub async fn create_token(tx: &mut Tx, new: NewToken) -> Result<TokenRow, StoreError> {
    let row = access_token::ActiveModel {
        id: Set(TokenId::new().into()),
        user_id: Set(new.user.into()),
        name: Set(new.name),
        token_hash: Set(new.token_hash),
        permissions: Set(new.permissions.map(Into::into)),
        created_at: Set(tx.now()),
        expires_at: Set(new.expires_at),
        last_used_at: Set(None),
    }
    .insert(tx.db())
    .await?;
    tx.changed(change("token", row.id, Op::Created));
    Ok(row)
}

/// Revokes a person's own token; `false` when there is none of that name.
///
/// # Errors
/// When the database refuses.
pub async fn revoke_token(tx: &mut Tx, user: UserId, name: &str) -> Result<bool, StoreError> {
    let found = access_token::Entity::find()
        .filter(access_token::Column::UserId.eq(user.0))
        .filter(access_token::Column::Name.eq(name))
        .one(tx.db())
        .await?;
    let Some(found) = found else { return Ok(false) };
    access_token::Entity::delete_by_id(found.id).exec(tx.db()).await?;
    tx.changed(change("token", found.id, Op::Deleted));
    Ok(true)
}

/// Removes all tokens of a person.
///
/// # Errors
/// When the database refuses.
pub async fn revoke_all_tokens(tx: &mut Tx, user: UserId) -> Result<(), StoreError> {
    access_token::Entity::delete_many().filter(access_token::Column::UserId.eq(user.0)).exec(tx.db()).await?;
    tx.changed(change("token", user.0, Op::Deleted));
    Ok(())
}

impl Store {
    /// A session by the hash of its cookie, with its account.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn session(&self, hash: &str) -> Result<Option<(SessionRow, user::Model)>, StoreError> {
        let found =
            session::Entity::find().filter(session::Column::TokenHash.eq(hash)).one(self.db()).await?;
        let Some(found) = found else { return Ok(None) };
        let account = user::Entity::find_by_id(found.user_id).one(self.db()).await?;
        Ok(account.map(|account| (found, account)))
    }

    /// A token by the hash of its secret, with its account.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn token(&self, hash: &str) -> Result<Option<(TokenRow, user::Model)>, StoreError> {
        let found = access_token::Entity::find()
            .filter(access_token::Column::TokenHash.eq(hash))
            .one(self.db())
            .await?;
        let Some(found) = found else { return Ok(None) };
        let account = user::Entity::find_by_id(found.user_id).one(self.db()).await?;
        Ok(account.map(|account| (found, account)))
    }

    /// A token by id.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn token_by_id(&self, id: TokenId) -> Result<Option<TokenRow>, StoreError> {
        Ok(access_token::Entity::find_by_id(Uuid::from(id)).one(self.db()).await?)
    }

    /// Notes when a token was used last. Not audited and not told: it is only for looking at.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn touch_token(&self, id: TokenId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let tx = self.begin(&crate::WriteContext::platform("token use", at)).await?;
        access_token::Entity::update_many()
            .set(access_token::ActiveModel { last_used_at: Set(Some(at)), ..Default::default() })
            .filter(access_token::Column::Id.eq(id.0))
            .exec(tx.db())
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Fields that tokens can be sorted by.
    pub const TOKEN_SORTS: &[&str] = &["name", "createdAt", "expiresAt"];

    /// A page of a person's own tokens.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list_tokens(&self, user: UserId, page: &Page) -> Result<Rows<TokenRow>, StoreError> {
        let revision = self.revision();
        let query = access_token::Entity::find().filter(access_token::Column::UserId.eq(user.0));
        Ok(page_of!(self.db(), query, access_token, page, revision, {
            "name" => Name, "createdAt" => CreatedAt, "expiresAt" => ExpiresAt,
        }))
    }

    /// Number of a person's tokens.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn count_tokens(&self, user: UserId) -> Result<u64, StoreError> {
        Ok(access_token::Entity::find()
            .filter(access_token::Column::UserId.eq(user.0))
            .count(self.db())
            .await?)
    }
}
