//! First start: a one-time link makes the first administrator. No default password exists.

use std::time::Duration;

use hanse_authz::Scope;
use hanse_store::{AuditEvent, Store, bindings, meta, users};
use hanse_types::{
    UserId,
    error::ErrorCode,
    identity::{SetupRequest, SetupState, UrlTest, UrlTestResult, User},
};
use subtle::ConstantTimeEq as _;

use super::{account, password, session};
use crate::{
    Platform,
    clock::{hash, secret},
    context::AnonymousContext,
    error::{Error, Result, taken},
};

/// Longest answer that testing a URL reads.
const MAX_ANSWER: usize = 1024;

/// While nobody has an account: makes a fresh token for the setup link, replacing the one before.
///
/// # Errors
/// When the database is away.
pub async fn fresh_token(store: &Store) -> Result<Option<String>> {
    if store.count_users().await? > 0 {
        return Ok(None);
    }
    let token = secret()?;
    store.put_setup_token(hash(&token)).await?;
    Ok(Some(token))
}

/// Whether setup is still to be done.
///
/// # Errors
/// When the database is away.
pub async fn state(platform: &Platform) -> Result<SetupState> {
    let needed = platform.store.count_users().await? == 0;
    Ok(SetupState { needed, version: env!("CARGO_PKG_VERSION").to_owned() })
}

async fn check_token(platform: &Platform, op: &AnonymousContext, token: &str) -> Result<String> {
    let key = op.request.address.map_or_else(|| "setup unknown".to_owned(), |a| format!("setup {a}"));
    if let Some(seconds) = platform.identity.throttle.wait(&[&key], op.now) {
        return Err(Error {
            retry_after: Some(seconds),
            ..Error::new(
                ErrorCode::TooManyRequests,
                format!("too many wrong tokens: try again in {seconds} seconds"),
            )
        });
    }
    let given = hash(token);
    let kept = platform.store.setup_token().await?;
    if kept.is_some_and(|kept| bool::from(kept.as_bytes().ct_eq(given.as_bytes()))) {
        return Ok(given);
    }
    platform.identity.throttle.failed(&[&key], op.now);
    Err(Error::new(
        ErrorCode::Unauthenticated,
        "this setup link is not valid (any more): take the one that the server printed last, or sign in if setup is done",
    ))
}

/// Makes the first administrator and signs in.
///
/// # Errors
/// `unauthenticated` when the token is wrong or spent; `invalid` with the field at fault.
pub async fn complete(
    platform: &Platform,
    op: &AnonymousContext,
    request: SetupRequest,
) -> Result<(User, String)> {
    let token = check_token(platform, op, &request.token).await?;
    password::check(&request.password, request.name.as_str(), platform.config.identity.password_min_length)
        .map_err(|refused| Error::invalid("password", refused.to_string()))?;
    let password_hash = platform.identity.hasher.hash(request.password).await?;
    let mut tx = platform.store.begin(&op.write(None, request.name.as_str())).await?;
    if !meta::spend_setup_token(&mut tx, &token).await? {
        return Err(Error::new(ErrorCode::Unauthenticated, "setup was done meanwhile: sign in"));
    }
    let new = users::New {
        name: request.name.to_string(),
        display_name: request.display_name.filter(|name| !name.trim().is_empty()),
        email: None,
        language: request.language.map(|language| language.as_str().to_owned()),
        password_hash,
    };
    let account = users::create(&mut tx, new).await.map_err(taken("user", request.name.as_str()))?;
    bindings::set_roles(&mut tx, Scope::Platform, UserId(account.id), &["administrator".to_owned()]).await?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "user",
        name: account.name.clone(),
        after: Some(serde_json::json!({"roles": ["administrator"]})),
        ..AuditEvent::default()
    });
    let secret = session::open(platform, &mut tx, op, &account, "setup").await?;
    platform.commit(tx).await?;
    Ok((account::one(platform, account).await?, secret))
}

/// Tests a URL to be advertised: asks it for this server's health, from the server.
///
/// # Errors
/// `unauthenticated` when the token is wrong.
pub async fn test_url(platform: &Platform, op: &AnonymousContext, request: UrlTest) -> Result<UrlTestResult> {
    check_token(platform, op, &request.token).await?;
    let url = url::Url::parse(&request.url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
        .ok_or_else(|| {
            Error::invalid("url", "give an http or https URL, such as https://hanse.example.com")
        })?;
    let health = url.join("healthz").map_err(|error| Error::invalid("url", error.to_string()))?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(Error::internal)?;
    let no = |message: String| Ok(UrlTestResult { reachable: false, message });
    match client.get(health.clone()).send().await {
        Ok(answer) if answer.status().is_success() => {
            let body = answer.bytes().await.unwrap_or_default();
            if body.len() <= MAX_ANSWER && body.as_ref() == b"ok" {
                return Ok(UrlTestResult { reachable: true, message: format!("{health} answers") });
            }
            no(format!("{health} answers, but it is not Hanse: check that the URL leads here"))
        }
        Ok(answer) => no(format!("{health} answers {}: check the proxy in front", answer.status())),
        Err(error) if error.is_timeout() => {
            no(format!("{health} did not answer within 5 seconds: check firewalls and routes"))
        }
        Err(error) if error.is_connect() => no(format!(
            "{health} cannot be reached from this server: check the name, the port, and certificates"
        )),
        Err(error) => no(format!("{health}: {error}")),
    }
}
