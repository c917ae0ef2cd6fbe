//! Personal access tokens, for scripts and the command line.

use chrono::TimeDelta;
use hanse_authz::Credential;
use hanse_store::{AuditEvent, Store, page::Page, sessions};
use hanse_types::{
    List, ListParams, Name, TokenId,
    error::ErrorCode,
    identity::{Token, TokenCreate, TokenCreated},
};

use crate::{
    Platform,
    clock::{hash, secret},
    context::OpContext,
    error::{Error, Result, taken},
};

/// What every token begins with, so that leaked ones can be found.
const PREFIX: &str = "hanse_";
/// Tokens per person at most.
const MAX: u64 = 100;

fn body(row: sessions::TokenRow) -> Result<Token> {
    Ok(Token {
        id: TokenId(row.id),
        name: Name::parse(row.name).map_err(Error::internal)?,
        permissions: row.permissions.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
    })
}

/// The caller's tokens.
///
/// # Errors
/// `invalid` for the query.
pub async fn list(platform: &Platform, op: &OpContext, params: &ListParams) -> Result<List<Token>> {
    let page = Page::read(params, Store::TOKEN_SORTS)?;
    let found = platform.store.list_tokens(op.actor.user, &page).await?;
    let items: Result<Vec<Token>> = found.rows.into_iter().map(body).collect();
    Ok(List {
        items: items?,
        total: found.total,
        continue_: page.next(found.total),
        revision: found.revision,
    })
}

/// The token of the request itself, when it came with one.
async fn own(platform: &Platform, op: &OpContext) -> Result<Option<sessions::TokenRow>> {
    match op.actor.credential {
        Credential::Session(_) => Ok(None),
        Credential::Token(id) => {
            Ok(Some(platform.store.token_by_id(id).await?.ok_or_else(Error::unauthenticated)?))
        }
    }
}

/// Makes a token. One made with a token does not outlive it, and one made with a limited token is limited to the same:
/// whoever found a token gains nothing by making another.
///
/// # Errors
/// `already_exists`, or `invalid` with the field at fault.
pub async fn create(platform: &Platform, op: &OpContext, request: TokenCreate) -> Result<TokenCreated> {
    let days = request.expires_in_days.unwrap_or(90);
    if !(1..=366).contains(&days) {
        return Err(Error::invalid("expiresInDays", "give 1 to 366 days"));
    }
    if let Some(permissions) = &request.permissions {
        for (index, name) in permissions.iter().enumerate() {
            if hanse_authz::definition(name).is_none() {
                return Err(Error::invalid(
                    format!("permissions[{index}]"),
                    format!("{name:?} is no permission"),
                ));
            }
        }
    }
    let permissions = match (&op.actor.limited_to, request.permissions) {
        (None, asked) => asked,
        (Some(limits), None) => Some(limits.iter().cloned().collect()),
        (Some(limits), Some(asked)) => match asked.iter().find(|name| !limits.contains(*name)) {
            None => Some(asked),
            Some(beyond) => {
                return Err(Error::new(
                    ErrorCode::Forbidden,
                    format!(
                        "the token of this request does not hold {beyond}, so it cannot give it to another"
                    ),
                ));
            }
        },
    };
    let mut expires_at = op.now + TimeDelta::days(i64::from(days));
    if let Some(own) = own(platform, op).await? {
        expires_at = expires_at.min(own.expires_at);
    }
    if platform.store.count_tokens(op.actor.user).await? >= MAX {
        return Err(Error::conflict(format!("you have {MAX} tokens already: revoke one first")));
    }
    let secret = format!("{PREFIX}{}", secret()?);
    let new = sessions::NewToken {
        user: op.actor.user,
        name: request.name.to_string(),
        token_hash: hash(&secret),
        permissions,
        expires_at,
    };
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = sessions::create_token(&mut tx, new).await.map_err(taken("token", request.name.as_str()))?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "token",
        name: row.name.clone(),
        after: Some(serde_json::json!({"permissions": row.permissions, "expiresAt": row.expires_at})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(TokenCreated { token: body(row)?, secret })
}

/// Revokes one of the caller's tokens. A limited token revokes none but itself.
///
/// # Errors
/// `not_found`, or `forbidden` for another token than the limited one of the request.
pub async fn revoke(platform: &Platform, op: &OpContext, name: &str) -> Result<()> {
    if op.actor.limited_to.is_some() && own(platform, op).await?.is_none_or(|own| own.name != name) {
        return Err(Error {
            refused: true,
            ..Error::new(
                ErrorCode::Forbidden,
                "a token with limited permissions can revoke itself only: sign in to revoke others",
            )
        });
    }
    let mut tx = platform.store.begin(&op.write()).await?;
    if !sessions::revoke_token(&mut tx, op.actor.user, name).await? {
        return Err(Error::not_found("token", name));
    }
    tx.audit(AuditEvent { verb: "delete", kind: "token", name: name.to_owned(), ..AuditEvent::default() });
    platform.commit(tx).await?;
    Ok(())
}
