//! Browser sessions: signing in by password, signing out.

use chrono::TimeDelta;
use hanse_store::{AuditEvent, sessions, users};
use hanse_types::{
    UserId,
    error::ErrorCode,
    identity::{SignIn, User},
};

use super::account;
use crate::{
    Platform,
    clock::{hash, secret},
    context::{AnonymousContext, OpContext},
    error::{Error, Result},
};

/// What a request brought to show who it is.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// The session cookie.
    Session(String),
    /// A bearer token.
    Token(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Session(_) => "Session(…)",
            Self::Token(_) => "Token(…)",
        })
    }
}

/// Signs in by password. The answer is the same, and takes as long, for an unknown user and a wrong password.
///
/// # Errors
/// `unauthenticated`, or `too_many_requests` with the time to wait.
pub async fn sign_in(platform: &Platform, op: &AnonymousContext, request: SignIn) -> Result<(User, String)> {
    let identity = &platform.identity;
    let account_key = format!("account {}", request.name.to_lowercase());
    let address_key =
        op.request.address.map_or_else(|| "address unknown".to_owned(), |a| format!("address {a}"));
    let keys = [account_key.as_str(), address_key.as_str()];
    if let Some(seconds) = identity.throttle.wait(&keys, op.now) {
        return Err(Error {
            retry_after: Some(seconds),
            ..Error::new(
                ErrorCode::TooManyRequests,
                format!("too many failed attempts: try again in {seconds} seconds"),
            )
        });
    }
    let found = platform.store.user_row(&request.name).await?;
    let stored = found.as_ref().and_then(|account| account.password_hash.clone());
    let (matches, outdated) = identity.hasher.verify(request.password.clone(), stored).await?;
    let account = match found {
        Some(account) if matches && account.state == "active" => account,
        _ => {
            identity.throttle.failed(&keys, op.now);
            let mut tx = platform
                .store
                .begin(&op.write(None, &request.name.chars().take(63).collect::<String>()))
                .await?;
            tx.audit(AuditEvent {
                verb: "sign-in",
                kind: "session",
                result: Some("unauthenticated".to_owned()),
                ..AuditEvent::default()
            });
            tx.commit().await?;
            return Err(Error::new(ErrorCode::Unauthenticated, "user name or password is wrong"));
        }
    };
    identity.throttle.succeeded(&account_key);
    let mut changed = account.clone();
    changed.last_sign_in_at = Some(op.now);
    if outdated {
        changed.password_hash = Some(identity.hasher.hash(request.password).await?);
    }
    begin(platform, op, changed, "sign-in").await
}

/// Begins a session for an account that has shown who it is; stores the account as given.
pub(super) async fn begin(
    platform: &Platform,
    op: &AnonymousContext,
    account: users::Model,
    verb: &'static str,
) -> Result<(User, String)> {
    let mut tx = platform.store.begin(&op.write(Some(UserId(account.id)), &account.name)).await?;
    let account = users::update(&mut tx, account).await?;
    let secret = open(platform, &mut tx, op, &account, verb).await?;
    platform.commit(tx).await?;
    Ok((account::one(platform, account).await?, secret))
}

/// Adds a session to a transaction; gives the cookie's secret.
pub(super) async fn open(
    platform: &Platform,
    tx: &mut hanse_store::Tx,
    op: &AnonymousContext,
    account: &users::Model,
    verb: &'static str,
) -> Result<String> {
    let secret = secret()?;
    let hours = i64::try_from(platform.config.identity.session_hours).unwrap_or(24 * 7);
    let new = sessions::NewSession {
        user: UserId(account.id),
        token_hash: hash(&secret),
        address: op.request.address.map(|address| address.to_string()),
        user_agent: op.user_agent.clone(),
        expires_at: op.now + TimeDelta::hours(hours),
    };
    sessions::begin(tx, new).await?;
    tx.audit(AuditEvent { verb, kind: "session", name: account.name.clone(), ..AuditEvent::default() });
    Ok(secret)
}

/// Ends the session of the request.
///
/// # Errors
/// When the request came with a token instead.
pub async fn sign_out(platform: &Platform, op: &OpContext) -> Result<()> {
    let hanse_authz::Credential::Session(id) = op.actor.credential else {
        return Err(Error::bad_request(
            "this request came with a token, not with a session: revoke the token instead",
        ));
    };
    let mut tx = platform.store.begin(&op.write()).await?;
    sessions::end(&mut tx, id).await?;
    tx.audit(AuditEvent {
        verb: "sign-out",
        kind: "session",
        name: op.actor.name.to_string(),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(())
}
