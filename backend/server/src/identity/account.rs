//! Accounts: one's own, and everybody's for who may manage them.

use hanse_authz::{Handle, Platform as WholePlatform, Scope, authorize, authorize_platform};
use hanse_store::{AuditEvent, Store, bindings, page::Page, sessions, users};
use hanse_types::{
    List, ListParams, Name, UserId, UserName,
    access::ScopeKind,
    error::ErrorCode,
    identity::{Language, PasswordChange, User, UserCreate, UserState, UserUpdate},
    patch::Patch,
};
use serde_json::json;

use super::password;
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied, taken},
};

/// The body of one account.
pub(super) async fn one(platform: &Platform, row: users::Model) -> Result<User> {
    let roles = platform.store.platform_roles(vec![row.id]).await?.remove(&row.id).unwrap_or_default();
    body(row, roles)
}

fn body(row: users::Model, roles: Vec<String>) -> Result<User> {
    let roles: std::result::Result<Vec<Name>, _> = roles.into_iter().map(Name::parse).collect();
    Ok(User {
        id: UserId(row.id),
        name: UserName::parse(row.name).map_err(Error::internal)?,
        display_name: row.display_name,
        email: row.email,
        state: row.state.parse().map_err(Error::internal)?,
        language: row.language.and_then(|language| language.parse::<Language>().ok()),
        roles: roles.map_err(Error::internal)?,
        created_at: row.created_at,
        last_sign_in_at: row.last_sign_in_at,
    })
}

async fn own_row(platform: &Platform, op: &OpContext) -> Result<users::Model> {
    platform.store.user_by_id(op.actor.user).await?.ok_or_else(Error::unauthenticated)
}

/// The caller's own account.
///
/// # Errors
/// When the database is away.
pub async fn own(platform: &Platform, op: &OpContext) -> Result<User> {
    one(platform, own_row(platform, op).await?).await
}

/// Changes the caller's own display name, e-mail address and language; never state or roles.
///
/// # Errors
/// `forbidden` for what others must do.
pub async fn update_own(platform: &Platform, op: &OpContext, update: UserUpdate) -> Result<User> {
    if update.state.is_some() || update.roles.is_some() {
        return Err(Error::new(
            ErrorCode::Forbidden,
            "nobody changes the state or the roles of their own account: ask another administrator",
        ));
    }
    let row = own_row(platform, op).await?;
    store_changes(platform, op, row, update).await
}

async fn store_changes(
    platform: &Platform,
    op: &OpContext,
    row: users::Model,
    update: UserUpdate,
) -> Result<User> {
    let before = json!({"displayName": row.display_name, "email": row.email, "language": row.language});
    let mut changed = row;
    changed.display_name = shorter(update.display_name, "displayName")?.or(changed.display_name.take());
    changed.email = shorter(update.email, "email")?.or(changed.email.take());
    if let Some(language) = update.language {
        changed.language = Some(language.as_str().to_owned());
    }
    let after =
        json!({"displayName": changed.display_name, "email": changed.email, "language": changed.language});
    let mut tx = platform.store.begin(&op.write()).await?;
    let changed = users::update(&mut tx, changed).await?;
    tx.audit(AuditEvent {
        verb: "update",
        kind: "user",
        name: changed.name.clone(),
        before: Some(before),
        after: Some(after),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    one(platform, changed).await
}

/// Texts that people read have a bound.
fn shorter(text: Patch<String>, field: &'static str) -> Result<Patch<String>> {
    match text {
        Patch::Value(text) if text.chars().count() > 200 => {
            Err(Error::invalid(field, "is longer than 200 characters"))
        }
        Patch::Value(text) if text.trim().is_empty() => Ok(Patch::Null),
        text => Ok(text),
    }
}

/// Changes the caller's own password; its other sessions end.
///
/// # Errors
/// `invalid` when the current one is wrong or the new one is refused.
pub async fn change_password(platform: &Platform, op: &OpContext, change: PasswordChange) -> Result<()> {
    let hanse_authz::Credential::Session(session) = op.actor.credential else {
        return Err(Error::new(
            ErrorCode::Forbidden,
            "a password is changed from a browser session, not with a token",
        ));
    };
    let key = format!("password {}", op.actor.name);
    if let Some(seconds) = platform.identity.throttle.wait(&[&key], op.now) {
        return Err(Error {
            retry_after: Some(seconds),
            ..Error::new(
                ErrorCode::TooManyRequests,
                format!("too many failed attempts: try again in {seconds} seconds"),
            )
        });
    }
    let mut row = own_row(platform, op).await?;
    let (matches, _) = platform.identity.hasher.verify(change.current, row.password_hash.clone()).await?;
    if !matches {
        platform.identity.throttle.failed(&[&key], op.now);
        return Err(Error::invalid("current", "this is not your password"));
    }
    password::check(&change.new, &row.name, platform.config.identity.password_min_length)
        .map_err(|refused| Error::invalid("new", refused.to_string()))?;
    row.password_hash = Some(platform.identity.hasher.hash(change.new).await?);
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = users::update(&mut tx, row).await?;
    sessions::end_all(&mut tx, op.actor.user, Some(session)).await?;
    tx.audit(AuditEvent { verb: "change-password", kind: "user", name: row.name, ..AuditEvent::default() });
    platform.commit(tx).await?;
    Ok(())
}

fn on_platform(
    platform: &Platform,
    op: &OpContext,
    permission: &'static str,
) -> Result<Handle<WholePlatform>> {
    authorize_platform(&platform.decisions, &op.actor, permission).map_err(denied("platform", ""))
}

/// Whether the caller may list accounts.
///
/// # Errors
/// `forbidden`.
pub fn may_list(platform: &Platform, op: &OpContext) -> Result<()> {
    on_platform(platform, op, "platform.users.view").map(drop)
}

/// A page of accounts.
///
/// # Errors
/// `forbidden`, or `invalid` for the query.
pub async fn list(platform: &Platform, op: &OpContext, params: &ListParams) -> Result<List<User>> {
    let handle = on_platform(platform, op, "platform.users.view")?;
    let page = Page::read(params, Store::USER_SORTS)?;
    let found = platform.store.list_users(&handle, &page).await?;
    let mut roles = platform.store.platform_roles(found.rows.iter().map(|row| row.id).collect()).await?;
    let items: Result<Vec<User>> = found
        .rows
        .into_iter()
        .map(|row| {
            let roles = roles.remove(&row.id).unwrap_or_default();
            body(row, roles)
        })
        .collect();
    Ok(List {
        items: items?,
        total: found.total,
        continue_: page.next(found.total),
        revision: found.revision,
    })
}

async fn find(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    permission: &'static str,
) -> Result<Handle<users::Model>> {
    let located = platform.store.user(name).await?.ok_or_else(|| {
        // Whether a name is taken is for those to know who may see accounts.
        Error::not_found("user", name)
    })?;
    authorize(&platform.decisions, &op.actor, permission, located).map_err(denied("user", name))
}

/// One account.
///
/// # Errors
/// `not_found`.
pub async fn get(platform: &Platform, op: &OpContext, name: &str) -> Result<(i64, User)> {
    let row = find(platform, op, name, "platform.users.view").await?.into_inner();
    Ok((row.version, one(platform, row).await?))
}

fn check_roles(platform: &Platform, op: &OpContext, roles: &[Name]) -> Result<Vec<String>> {
    for (index, role) in roles.iter().enumerate() {
        let field = format!("roles[{index}]");
        if platform.decisions.of_role(ScopeKind::Platform, role.as_str()).is_none() {
            return Err(Error::invalid(field, format!("{role:?} is no role of the platform")));
        }
        let lacking =
            platform.decisions.lacking(&op.actor, ScopeKind::Platform, role.as_str(), Scope::Platform);
        if let Some(first) = lacking.first() {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!("you cannot give the role {role}: it holds {first}, which you do not have"),
            ));
        }
    }
    Ok(roles.iter().map(ToString::to_string).collect())
}

/// Makes an account.
///
/// # Errors
/// `forbidden`, `already_exists`, or `invalid` with the field at fault.
pub async fn create(platform: &Platform, op: &OpContext, request: UserCreate) -> Result<(i64, User)> {
    on_platform(platform, op, "platform.users.manage")?;
    let roles = check_roles(platform, op, &request.roles)?;
    password::check(&request.password, request.name.as_str(), platform.config.identity.password_min_length)
        .map_err(|refused| Error::invalid("password", refused.to_string()))?;
    let password_hash = platform.identity.hasher.hash(request.password).await?;
    let new = users::New {
        name: request.name.to_string(),
        display_name: request.display_name,
        email: request.email,
        language: request.language.map(|language| language.as_str().to_owned()),
        password_hash,
    };
    let mut tx = platform.store.begin(&op.write()).await?;
    let row = users::create(&mut tx, new).await.map_err(taken("user", request.name.as_str()))?;
    bindings::set_roles(&mut tx, Scope::Platform, UserId(row.id), &roles).await?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "user",
        name: row.name.clone(),
        after: Some(json!({"roles": roles})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok((row.version, body(row, roles)?))
}

/// Changes an account of somebody else: state and roles.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when it is the last administrator.
pub async fn update(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    update: UserUpdate,
) -> Result<(i64, User)> {
    let handle = find(platform, op, name, "platform.users.manage").await?;
    op.check_version(handle.version)?;
    let own = handle.id == op.actor.user.0;
    if own && (update.state.is_some() || update.roles.is_some()) {
        return Err(Error::new(
            ErrorCode::Forbidden,
            "nobody changes the state or the roles of their own account: ask another administrator",
        ));
    }
    may_act_on(platform, op, &handle).await?;
    let user = UserId(handle.id);
    let mut row = handle.into_inner();
    let before = json!({"displayName": row.display_name, "email": row.email, "state": row.state});
    row.display_name = shorter(update.display_name, "displayName")?.or(row.display_name.take());
    row.email = shorter(update.email, "email")?.or(row.email.take());
    if let Some(language) = update.language {
        row.language = Some(language.as_str().to_owned());
    }
    let roles = update.roles.as_deref().map(|roles| check_roles(platform, op, roles)).transpose()?;
    let mut tx = platform.store.begin(&op.write()).await?;
    if let Some(state) = update.state {
        match state {
            UserState::Disabled if row.state != "disabled" => {
                bindings::may_go(&mut tx, user).await?;
                sessions::end_all(&mut tx, user, None).await?;
            }
            UserState::Active | UserState::Disabled => {}
            UserState::Locked | UserState::Invited => {
                return Err(Error::invalid("state", "can be set to active or disabled"));
            }
        }
        row.state = state.as_str().to_owned();
    }
    if let Some(roles) = &roles {
        bindings::set_roles(&mut tx, Scope::Platform, user, roles).await?;
    }
    let row = users::update(&mut tx, row).await?;
    tx.audit(AuditEvent {
        verb: "update",
        kind: "user",
        name: row.name.clone(),
        before: Some(before),
        after: Some(
            json!({"displayName": row.display_name, "email": row.email, "state": row.state, "roles": roles}),
        ),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    let version = row.version;
    Ok((version, one(platform, row).await?))
}

/// Whoever manages accounts may not touch one that holds more than they do.
async fn may_act_on(platform: &Platform, op: &OpContext, target: &users::Model) -> Result<()> {
    let roles = platform.store.platform_roles(vec![target.id]).await?.remove(&target.id).unwrap_or_default();
    for role in roles {
        let lacking = platform.decisions.lacking(&op.actor, ScopeKind::Platform, &role, Scope::Platform);
        if !lacking.is_empty() {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!(
                    "{:?} has the role {role}, which holds more than you do: ask an administrator",
                    target.name
                ),
            ));
        }
    }
    Ok(())
}

/// Removes an account with its sessions, tokens and roles.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when it is the last administrator.
pub async fn delete(platform: &Platform, op: &OpContext, name: &str) -> Result<()> {
    let handle = find(platform, op, name, "platform.users.manage").await?;
    op.check_version(handle.version)?;
    if handle.id == op.actor.user.0 {
        return Err(Error::new(
            ErrorCode::Forbidden,
            "nobody removes their own account: ask another administrator",
        ));
    }
    may_act_on(platform, op, &handle).await?;
    let user = UserId(handle.id);
    let mut tx = platform.store.begin(&op.write()).await?;
    bindings::remove_all_of(&mut tx, user).await?;
    sessions::end_all(&mut tx, user, None).await?;
    sessions::revoke_all_tokens(&mut tx, user).await?;
    users::delete(&mut tx, &handle).await?;
    tx.audit(AuditEvent { verb: "delete", kind: "user", name: name.to_owned(), ..AuditEvent::default() });
    platform.commit(tx).await?;
    Ok(())
}
