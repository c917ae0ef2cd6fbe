//! Answers kept for repeated requests. A key is taken before the request is carried out, so that two at once cannot both
//! be, and the answer is added when it is known. A key whose answer was lost (the process died in between) says so instead
//! of doing the work again.

use chrono::{DateTime, TimeDelta, Utc};
use hanse_types::UserId;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set, sea_query::OnConflict,
};

use crate::{Store, StoreError, WriteContext, entity::idempotency};

/// How long answers are kept.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Location` and `ETag`, as JSON.
    pub headers: String,
    /// Body.
    pub body: String,
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is taken now, go on.
    Fresh,
    /// The same request was answered.
    Answered(Answer),
    /// The same request is under way, or its answer was lost.
    Unanswered(DateTime<Utc>),
    /// Another request had this key.
    Different,
}

impl Store {
    /// Takes a key for a request, or says what is known of it.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn take_key(
        &self,
        user: UserId,
        key: &str,
        request: &str,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Known, StoreError> {
        // A body may hold a password: what is kept of it must not help anybody to guess that.
        let body_hash = self.keys().fingerprint(body);
        let tx = self.begin(&WriteContext::platform("idempotency", now)).await?;
        idempotency::Entity::delete_many()
            .filter(idempotency::Column::CreatedAt.lt(now - KEPT))
            .exec(tx.db())
            .await?;
        let row = idempotency::ActiveModel {
            user_id: Set(user.0),
            key: Set(key.to_owned()),
            request: Set(request.to_owned()),
            body_hash: Set(body_hash.clone()),
            status: Set(None),
            headers: Set(None),
            body: Set(None),
            created_at: Set(now),
        };
        let done = idempotency::Entity::insert(row)
            .on_conflict(
                OnConflict::columns([idempotency::Column::UserId, idempotency::Column::Key])
                    .do_nothing()
                    .to_owned(),
            )
            .exec_without_returning(tx.db())
            .await?;
        // The count of rows is what tells; "do nothing" is a success.
        let known = match done {
            1 => Known::Fresh,
            _ => match idempotency::Entity::find_by_id((user.0, key.to_owned())).one(tx.db()).await? {
                None => Known::Fresh,
                Some(row) if row.request != request || row.body_hash != body_hash => Known::Different,
                Some(row) => match (row.status, row.headers, row.body) {
                    (Some(status), Some(headers), Some(body)) => Known::Answered(Answer {
                        status: u16::try_from(status).map_err(|e| StoreError::corrupt("answer", e))?,
                        headers,
                        body,
                    }),
                    _ => Known::Unanswered(row.created_at),
                },
            },
        };
        tx.commit().await?;
        Ok(known)
    }

    /// Keeps the answer of a taken key, or gives the key back when the request was refused.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn answer_key(
        &self,
        user: UserId,
        key: &str,
        answer: Option<Answer>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let tx = self.begin(&WriteContext::platform("idempotency", now)).await?;
        match answer {
            None => {
                idempotency::Entity::delete_by_id((user.0, key.to_owned())).exec(tx.db()).await?;
            }
            Some(answer) => {
                idempotency::ActiveModel {
                    user_id: Set(user.0),
                    key: Set(key.to_owned()),
                    status: Set(Some(i32::from(answer.status))),
                    headers: Set(Some(answer.headers)),
                    body: Set(Some(answer.body)),
                    ..Default::default()
                }
                .update(tx.db())
                .await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }
}
