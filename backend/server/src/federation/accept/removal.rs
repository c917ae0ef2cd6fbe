//! Removing an object: its copies first, its record with the last of them.

use std::sync::Arc;

use hanse_store::{
    AuditEvent,
    federated::{self, Home},
    hub,
    removals::Mode,
};
use serde_json::json;
use uuid::Uuid;

use super::{Addition, Need, Place, event, find, home, store};
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
    let left = delete_row(platform, op, place, type_, name, Removal::default()).await?;
    read::body(platform, left.home.project(), left.row, true)
}

/// How an object is removed.
#[derive(Clone, Debug, Default)]
pub struct Removal {
    /// What happens to the copies, whatever the object's policy is.
    pub copies: Option<Mode>,
    /// Only this object, and no later one of its name.
    pub only: Option<Uuid>,
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

/// [`delete`], in the ways that a root of the hub knows.
///
/// # Errors
/// As for [`delete`].
pub async fn delete_row(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
    how: Removal,
) -> Result<Left> {
    // Who may not remove it is told by what it may see.
    let home = match place {
        Place::Project(_) => home(platform, op, place, Need::View).await?,
        Place::Platform => home(platform, op, place, Need::Remove).await?,
    };
    let row = find(platform, op, &home, type_, name, Need::Remove).await?;
    if how.only.is_some_and(|only| only != row.object.id) {
        return Err(Error::not_found("federated object", &format!("{type_}/{name}")));
    }
    op.check_version(row.object.version)?;
    let policy = serde_json::from_value(row.object.spec.get("policy").cloned().unwrap_or_default());
    let (mode, options) = place::leaving(&policy.map_err(Error::internal)?);
    let mode = how.copies.unwrap_or(mode);
    let audit = AuditEvent {
        before: Some(json!({"generation": row.object.generation})),
        after: Some(json!({"copies": mode.as_str()})),
        ..event("delete", format!("{type_}/{name}"), &home)
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
