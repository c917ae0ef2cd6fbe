//! Removing an object: its copies first, its record with the last of them.

use std::sync::Arc;

use hanse_authz::Handle;
use hanse_store::{
    AuditEvent,
    federated::{self, Home},
    hub,
    removals::Mode,
};
use serde_json::json;

use super::{Addition, Need, Place, allowed, event, find, home, store};
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result},
    federation::{model, place, read},
};

/// Removes an object from all clusters; its record goes when its copies are gone and no client's finalizer holds it.
///
/// # Errors
/// `forbidden`, `not_found`, `precondition_failed`.
pub async fn delete(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
) -> Result<model::FederatedObject> {
    let home = entered(platform, op, place).await?;
    let row = find(platform, op, &home, type_, name, Need::Remove).await?;
    let left = delete_found(platform, op, home, row, Removal::default()).await?;
    read::body(platform, left.home.project(), left.row, true)
}

/// How an object is removed.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    /// What happens to the copies, whatever the object's policy is.
    pub copies: Option<Mode>,
    /// What a root of the hub adds to what is left.
    pub addition: Option<Addition>,
}

/// What is left of an object that was removed.
pub struct Left {
    /// Where it belongs.
    pub home: Home,
    /// Its record, as it is marked.
    pub row: federated::Model,
    /// Whether nothing held the record: then it is gone already.
    pub gone: bool,
}

/// [`delete`] of a record as it was seen, and no later one of its name, in the ways that a root of the hub knows.
///
/// # Errors
/// As for [`delete`], and `conflict` when somebody was quicker, also with removing it.
pub async fn delete_row(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    seen: &hub::Federated,
    how: Removal,
) -> Result<Left> {
    let home = entered(platform, op, place).await?;
    let (type_, name) = (&*seen.row.r#type, &*seen.row.name);
    let row = match seen.as_seen(&home) {
        Some(row) => allowed(platform, op, &home, row, Need::Remove)?,
        None => find(platform, op, &home, type_, name, Need::Remove).await?,
    };
    if row.object.id != seen.row.id {
        return Err(Error::not_found("federated object", &format!("{type_}/{name}")));
    }
    delete_found(platform, op, home, row, how).await
}

/// The place, for somebody who may see it: who may not remove a thing is told by what it may see.
async fn entered(platform: &Platform, op: &OpContext, place: Place<'_>) -> Result<Home> {
    let need = match place {
        Place::Project(_) => Need::View,
        Place::Platform => Need::Remove,
    };
    home(platform, op, place, need).await
}

/// [`delete`] of a record that was looked up.
async fn delete_found(
    platform: &Platform,
    op: &OpContext,
    home: Home,
    row: Handle<federated::Row>,
    how: Removal,
) -> Result<Left> {
    op.check_version(row.object.version)?;
    let policy = serde_json::from_value(row.object.spec.get("policy").cloned().unwrap_or_default());
    let (mode, options) = place::leaving(&policy.map_err(Error::internal)?);
    let mode = how.copies.unwrap_or(mode);
    let audit = AuditEvent {
        before: Some(json!({"generation": row.object.generation})),
        after: Some(json!({"copies": mode.as_str()})),
        ..event("delete", format!("{}/{}", row.object.r#type, row.object.name), &home)
    };
    let audit = Arc::new(audit);
    let going = Arc::new(row.into_inner().object);
    let (at, addition) = (home.clone(), how.addition);
    let marked = Arc::clone(&going);
    let (next, _) = store(platform, op, &home, move |tx| {
        let (home, mut going, addition) = (at.clone(), (*marked).clone(), addition.clone());
        let (options, audit) = (options.clone(), Arc::clone(&audit));
        Box::pin(async move {
            if let Some(addition) = &addition {
                addition.store(tx, &mut going).await?;
            }
            let next = federated::delete(tx, home.project(), going, mode, options.as_ref()).await?;
            if let Some(next) = &next {
                federated::done(tx, next, home.project());
            }
            tx.audit(audit);
            Ok(next)
        })
    })
    .await?;
    let gone = next.is_none();
    let row =
        next.unwrap_or_else(|| federated::Model { deleted_at: Some(op.now), ..Arc::unwrap_or_clone(going) });
    Ok(Left { home, row, gone })
}

/// Changes only what a root of the hub adds to an object that is being removed: with the last finalizer it goes.
///
/// # Errors
/// `forbidden`, `not_found`, and `conflict` or `precondition_failed` when somebody was quicker.
pub async fn release_row(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
    addition: &Addition,
) -> Result<()> {
    let home = home(platform, op, place, Need::Edit).await?;
    let row = find(platform, op, &home, type_, name, Need::Edit).await?;
    addition.check(&row.object)?;
    op.check_version(row.object.version)?;
    let mut tx = platform.store.begin(&op.write()).await?;
    let mut next = hub::touch(&mut tx, &row).await?;
    addition.store(&mut tx, &mut next).await?;
    federated::let_go(&mut tx, &next).await?;
    tx.audit(event("update", format!("{type_}/{name}"), &home));
    platform.commit(tx).await?;
    Ok(())
}
