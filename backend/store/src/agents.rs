//! Join tokens and certificates of agents. A token is kept as a hash and is good once; a certificate is known by its
//! serial number until its cluster goes, so that one that was revoked, or was never given, is told from a good one.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, Set,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    Op, Store, StoreError, Tx,
    clusters::{self, change},
    entity::{agent_certificate, agent_token, cluster},
};

pub use crate::entity::{agent_certificate::Model as Certificate, agent_token::Model as Token};

/// What stands for the uid of a cluster whose agent has not joined yet.
#[must_use]
pub fn pending(cluster: Uuid) -> String {
    format!("pending:{cluster}")
}

/// Whether a cluster's agent has not joined yet.
#[must_use]
pub fn is_pending(row: &clusters::Model) -> bool {
    row.system_uid.starts_with("pending:")
}

/// Keeps a join token's hash.
///
/// # Errors
/// When the database is away.
pub async fn create_token(
    tx: &mut Tx,
    cluster: &clusters::Model,
    id: Uuid,
    secret_hash: String,
    expires_at: DateTime<Utc>,
) -> Result<Token, StoreError> {
    let row = agent_token::ActiveModel {
        id: Set(id),
        cluster_id: Set(cluster.id),
        secret_hash: Set(secret_hash),
        created_by: Set(tx.context().actor_name.clone()),
        created_at: Set(tx.now()),
        expires_at: Set(expires_at),
        used_at: Set(None),
    };
    let row = row.insert(tx.db()).await?;
    tx.changed(change(cluster, Op::Updated));
    Ok(row)
}

/// Spends a token; `false` when it is not known, was spent already, or has expired.
///
/// # Errors
/// When the database is away.
pub async fn spend_token(tx: &mut Tx, id: Uuid, secret_hash: &str) -> Result<bool, StoreError> {
    let now = tx.now();
    let spent = agent_token::Entity::update_many()
        .col_expr(agent_token::Column::UsedAt, Expr::value(now))
        .filter(agent_token::Column::Id.eq(id))
        .filter(agent_token::Column::SecretHash.eq(secret_hash))
        .filter(agent_token::Column::UsedAt.is_null())
        .filter(agent_token::Column::ExpiresAt.gt(now))
        .exec(tx.db())
        .await?;
    Ok(spent.rows_affected == 1)
}

/// Notes which cluster an agent has joined from.
///
/// # Errors
/// [`StoreError::Taken`] when that cluster is here already.
pub async fn joined(
    tx: &mut Tx,
    row: clusters::Model,
    system_uid: String,
) -> Result<clusters::Model, StoreError> {
    let active = cluster::ActiveModel {
        id: Set(row.id),
        system_uid: Set(system_uid),
        version: Set(row.version + 1),
        updated_at: Set(tx.now()),
        ..Default::default()
    };
    let row = active.update(tx.db()).await?;
    tx.changed(change(&row, Op::Updated));
    Ok(row)
}

/// Notes a certificate that was given.
///
/// # Errors
/// When the database is away.
pub async fn add_certificate(
    tx: &mut Tx,
    cluster: Uuid,
    serial: String,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let row = agent_certificate::ActiveModel {
        serial: Set(serial),
        cluster_id: Set(cluster),
        issued_at: Set(tx.now()),
        expires_at: Set(expires_at),
        revoked_at: Set(None),
    };
    row.insert(tx.db()).await?;
    Ok(())
}

/// Revokes all certificates of a cluster and forgets its unspent tokens. Returns how many certificates were good.
///
/// # Errors
/// When the database is away.
pub async fn revoke(tx: &mut Tx, cluster: &clusters::Model) -> Result<u64, StoreError> {
    let revoked = agent_certificate::Entity::update_many()
        .col_expr(agent_certificate::Column::RevokedAt, Expr::value(tx.now()))
        .filter(agent_certificate::Column::ClusterId.eq(cluster.id))
        .filter(agent_certificate::Column::RevokedAt.is_null())
        .exec(tx.db())
        .await?;
    agent_token::Entity::delete_many()
        .filter(agent_token::Column::ClusterId.eq(cluster.id))
        .filter(agent_token::Column::UsedAt.is_null())
        .exec(tx.db())
        .await?;
    tx.changed(change(cluster, Op::Updated));
    Ok(revoked.rows_affected)
}

impl Store {
    /// A join token by its id.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn agent_token(&self, id: Uuid) -> Result<Option<Token>, StoreError> {
        Ok(agent_token::Entity::find_by_id(id).one(self.db()).await?)
    }

    /// The newest join token of a cluster.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn newest_agent_token(&self, cluster: Uuid) -> Result<Option<Token>, StoreError> {
        Ok(agent_token::Entity::find()
            .filter(agent_token::Column::ClusterId.eq(cluster))
            .order_by_desc(agent_token::Column::CreatedAt)
            .one(self.db())
            .await?)
    }

    /// A certificate by its serial number.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn agent_certificate(&self, serial: &str) -> Result<Option<Certificate>, StoreError> {
        Ok(agent_certificate::Entity::find_by_id(serial.to_owned()).one(self.db()).await?)
    }
}
