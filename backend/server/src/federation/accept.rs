//! Accepting what people want: everything that can be wrong is found before anything is stored, and named by its path.

mod consider;
mod removal;

use std::sync::Arc;

use hanse_authz::{Handle, authorize, authorize_platform};
use hanse_federation::{FederatedSpec, Resource};
use hanse_store::{
    AuditEvent, Doing, Tx,
    federated::{self, Home},
    hub,
};
use hanse_types::error::ErrorCode;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use consider::consider;
use consider::{fault, refuse};
pub use removal::{Left, Removal, delete, delete_row, release_row};

use super::{model, model::FederatedWrite, place, read};
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied, taken},
};

/// What a root of the hub adds to a record, stored with it in one transaction.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The root.
    pub root: &'static str,
    /// What it adds.
    pub body: Value,
    /// Generation of the record that its words say the same as; none for that of the write itself.
    pub generation: Option<i64>,
    /// The record that the write was decided about, and no later one of its name.
    pub only: Option<Uuid>,
}

impl Addition {
    /// Whether it is about this record.
    fn check(&self, row: &federated::Model) -> Result<()> {
        if self.only.is_none_or(|only| only == row.id) {
            return Ok(());
        }
        let message = format!(
            "{}/{} is another one of its name now, it was changed: read it again",
            row.r#type, row.name
        );
        Err(Error::new(ErrorCode::PreconditionFailed, message))
    }

    async fn store(&self, tx: &mut Tx, row: &mut federated::Model) -> Result<()> {
        let generation = self.generation.unwrap_or(row.generation);
        hub::put_federated_view(tx, row, self.root, generation, &self.body).await?;
        Ok(())
    }
}

/// A record as it was written.
#[derive(Debug)]
pub struct Written {
    /// Where it belongs.
    pub home: Home,
    /// Its row.
    pub row: federated::Model,
    /// Its change in the feed; none when nothing was kept.
    pub revision: Option<i64>,
}

/// Where an object belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// In a project, by its name.
    Project(&'a str),
    /// On the platform: cluster-scoped kinds.
    Platform,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To see it.
    View,
    /// To make or change it.
    Edit,
    /// To remove it.
    Remove,
}

impl Need {
    const fn in_project(self) -> &'static str {
        match self {
            Self::View => "project.federated-objects.view",
            Self::Edit => "project.federated-objects.edit",
            Self::Remove => "project.federated-objects.manage",
        }
    }
}

/// The place, for somebody who may do this in it. What is placed in whole clusters can give anybody anything there: it is
/// for those who may give permissions that they lack, which are the platform's administrators.
pub(super) async fn home(platform: &Platform, op: &OpContext, place: Place<'_>, need: Need) -> Result<Home> {
    let Place::Project(name) = place else {
        let on_platform = |permission: &'static str| {
            authorize_platform(&platform.decisions, &op.actor, permission)
                .map_err(|_| Error::forbidden(permission))
        };
        let permission = if need == Need::View { "platform.types.view" } else { "platform.types.manage" };
        let handle = on_platform(permission)?;
        if need != Need::View {
            on_platform("platform.roles.escalate")?;
        }
        return Ok(Home::Platform(handle));
    };
    let located = platform.store.project(name).await?.ok_or_else(|| Error::not_found("project", name))?;
    authorize(&platform.decisions, &op.actor, need.in_project(), located)
        .map(|project| Home::Project(Box::new(project)))
        .map_err(denied("project", name))
}

fn still_here(home: &Home) -> Result<()> {
    match home.project() {
        Some(project) if project.deleted_at.is_some() => {
            Err(Error::conflict(format!("project {:?} is being removed", project.name)))
        }
        _ => Ok(()),
    }
}

/// Federates an object.
///
/// # Errors
/// `invalid` with every field at fault, `already_exists`, `forbidden`, `not_found`.
pub async fn create(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    write: FederatedWrite,
) -> Result<model::FederatedObject> {
    let made = create_row(platform, op, place, write, None).await?;
    read::body(platform, made.home.project(), made.row, true)
}

/// [`create`], with what a root of the hub adds.
///
/// # Errors
/// As for [`create`].
pub async fn create_row(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    write: FederatedWrite,
    addition: Option<Addition>,
) -> Result<Written> {
    let home = home(platform, op, place, Need::Edit).await?;
    still_here(&home)?;
    let considered = consider(platform, op, &home, write, 1, addition.is_some()).await?;
    refuse(considered.faults)?;
    let record = considered.record;
    let type_ = record.resource.type_name();
    let spec = serde_json::to_value(&record.spec).map_err(Error::internal)?;
    let new = federated::New {
        type_: type_.clone(),
        api_version: record.resource.api_version(),
        kind: record.resource.kind.clone(),
        namespace: record.namespace.clone().unwrap_or_default(),
        name: record.name.clone(),
        spec,
        placed: considered.placed,
        author: op.actor.name.to_string(),
    };
    let label = format!("{type_}/{}", record.name);
    let after = shown(&record.resource, record.generation, new.spec.clone());
    let audit = AuditEvent { after: Some(after), ..event("create", label.clone(), &home) };
    let audit = Arc::new(audit);
    let at = home.clone();
    let (row, revision) = store(platform, op, &home, move |tx| {
        let (new, label, audit) = (new.clone(), label.clone(), Arc::clone(&audit));
        let (home, addition) = (at.clone(), addition.clone());
        Box::pin(async move {
            let mut row = federated::create(tx, home.project(), new)
                .await
                .map_err(taken("federated object", &label))?;
            if let Some(addition) = &addition {
                addition.store(tx, &mut row).await?;
            }
            federated::done(tx, &row, home.project());
            tx.audit(audit);
            Ok(row)
        })
    })
    .await?;
    Ok(Written { home, row, revision })
}

/// Stores: together with what others write at the same moment, unless nothing is to be kept. With the revision, where
/// something is.
async fn store<T: Send + 'static>(
    platform: &Platform,
    op: &OpContext,
    home: &Home,
    work: impl for<'t> Fn(&'t mut Tx) -> Doing<'t, Result<T>> + Send + Sync + 'static,
) -> Result<(T, Option<i64>)> {
    if op.request.dry_run {
        let mut tx = platform.store.begin(&op.write()).await?;
        let done = work(&mut tx).await?;
        platform.commit(tx).await?;
        return Ok((done, None));
    }
    let about = home.project().map_or_else(Uuid::nil, |project| project.id);
    let (done, revision) = platform.store.together(about, op.write(), work).await?;
    Ok((done, Some(revision)))
}

fn event(verb: &'static str, name: String, home: &Home) -> AuditEvent {
    AuditEvent {
        verb,
        kind: "federated-object",
        name,
        project: home.project().map(|project| project.name.clone()),
        ..AuditEvent::default()
    }
}

/// What the audit trail keeps: everything but payloads of Secrets.
fn shown(resource: &Resource, generation: i64, mut spec: Value) -> Value {
    if resource.is("", "Secret") {
        read::redact(&mut spec);
    }
    let mut shown = json!({"generation": generation});
    hanse_machinery::json::set(&mut shown, &["spec"], spec);
    shown
}

async fn find(
    platform: &Platform,
    op: &OpContext,
    home: &Home,
    type_: &str,
    name: &str,
    need: Need,
) -> Result<Handle<federated::Row>> {
    let label = format!("{type_}/{name}");
    let row = platform
        .store
        .federated_in(home, type_, name)
        .await?
        .filter(|row| row.object.kind != "Namespace")
        .ok_or_else(|| Error::not_found("federated object", &label))?;
    allowed(platform, op, home, row, need)
}

/// An object that was looked up, for somebody who may do this with it.
fn allowed(
    platform: &Platform,
    op: &OpContext,
    home: &Home,
    row: federated::Row,
    need: Need,
) -> Result<Handle<federated::Row>> {
    let label = format!("{}/{}", row.object.r#type, row.object.name);
    let permission = match (home, need) {
        (Home::Project(_), need) => need.in_project(),
        // More was asked for when the place was looked up.
        (Home::Platform(_), Need::View) => "platform.types.view",
        (Home::Platform(_), _) => "platform.types.manage",
    };
    authorize(&platform.decisions, &op.actor, permission, hanse_authz::Located::new(row))
        .map_err(denied("federated object", &label))
}

/// Replaces the specification.
///
/// # Errors
/// As for [`create`], and `conflict` or `precondition_failed` when somebody was quicker.
pub async fn replace(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
    write: FederatedWrite,
) -> Result<model::FederatedObject> {
    let home = home(platform, op, place, Need::Edit).await?;
    let row = find(platform, op, &home, type_, name, Need::Edit).await?;
    let made = replace_found(platform, op, home, row, write, None).await?;
    read::body(platform, made.home.project(), made.row, true)
}

/// [`replace`] of a record as it was seen, with what a root of the hub adds.
///
/// # Errors
/// As for [`replace`]; a record that is gone is a conflict, too.
pub async fn replace_row(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    seen: &hub::Federated,
    write: FederatedWrite,
    addition: Addition,
) -> Result<Written> {
    let home = home(platform, op, place, Need::Edit).await?;
    let row = match seen.as_seen(&home) {
        Some(row) => allowed(platform, op, &home, row, Need::Edit)?,
        None => find(platform, op, &home, &seen.row.r#type, &seen.row.name, Need::Edit).await?,
    };
    replace_found(platform, op, home, row, write, Some(addition)).await
}

/// [`replace`] of a record that was looked up.
async fn replace_found(
    platform: &Platform,
    op: &OpContext,
    home: Home,
    row: Handle<federated::Row>,
    write: FederatedWrite,
    addition: Option<Addition>,
) -> Result<Written> {
    let (type_, name) = (&*row.object.r#type, &*row.object.name);
    still_here(&home)?;
    if let Some(addition) = &addition {
        addition.check(&row.object)?;
    }
    op.check_version(row.object.version)?;
    if row.object.deleted_at.is_some() {
        return Err(Error::conflict(format!("{type_}/{name} is being removed: wait until it is gone")));
    }
    let considered =
        consider(platform, op, &home, write, row.object.generation + 1, addition.is_some()).await?;
    let mut faults = considered.faults;
    let record = considered.record;
    if record.resource.type_name() != type_ {
        faults.push(fault(
            "spec.template.kind",
            &format!("is {}, but this object is of type {type_}", record.resource.kind),
        ));
    }
    if record.name != name {
        faults.push(fault(
            "spec.template.metadata.name",
            &format!("is {:?}, but this object is {name:?}", record.name),
        ));
    }
    refuse(faults)?;
    let before = platform.store.spec_of(&row.object)?;
    let spec = serde_json::to_value(&record.spec).map_err(Error::internal)?;
    let label = format!("{type_}/{name}");
    let stays = federated::placed(&row.object)? == considered.placed;
    if before == spec && stays {
        // Nothing changes: no new generation, nothing to propagate.
        let Some(addition) = addition else {
            return Ok(Written { home, row: row.into_inner().object, revision: None });
        };
        let mut tx = platform.store.begin(&op.write()).await?;
        let mut next = hub::touch(&mut tx, &row).await?;
        addition.store(&mut tx, &mut next).await?;
        tx.audit(event("update", label, &home));
        let revision = platform.commit(tx).await?;
        return Ok(Written { home, row: next, revision: (!op.request.dry_run).then_some(revision) });
    }
    let (leaving, options) = place::leaving(&record.spec.policy);
    let changed = federated::Changed {
        api_version: record.resource.api_version(),
        spec,
        placed: considered.placed,
        author: op.actor.name.to_string(),
        leaving,
        options,
    };
    let audit = AuditEvent {
        before: Some(shown(&record.resource, row.object.generation, before)),
        after: Some(shown(&record.resource, record.generation, changed.spec.clone())),
        ..event("update", label, &home)
    };
    let (row, audit) = (Arc::new(row), Arc::new(audit));
    let (next, revision) = store(platform, op, &home, move |tx| {
        let (row, changed, addition) = (Arc::clone(&row), changed.clone(), addition.clone());
        let audit = Arc::clone(&audit);
        Box::pin(async move {
            let mut next = federated::update(tx, &row, changed).await?;
            if let Some(addition) = &addition {
                addition.store(tx, &mut next).await?;
            }
            if stays {
                federated::done(tx, &next, row.project.as_ref());
            }
            tx.audit(audit);
            Ok(next)
        })
    })
    .await?;
    Ok(Written { home, row: next, revision })
}

/// Changes parts of the specification by merge patch.
///
/// # Errors
/// As for [`replace`].
pub async fn patch(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
    patch: &Value,
) -> Result<model::FederatedObject> {
    let home = home(platform, op, place, Need::Edit).await?;
    let row = find(platform, op, &home, type_, name, Need::Edit).await?;
    if patch.as_object().is_none_or(|patch| patch.keys().any(|key| key != "spec")) {
        return Err(Error::invalid("spec", "a patch is an object with the one field `spec`"));
    }
    let mut document = json!({"spec": platform.store.spec_of(&row.object)?});
    merge(&mut document, patch);
    let spec: FederatedSpec =
        hanse_federation::object::read("spec", document.get("spec").cloned().unwrap_or_default())
            .map_err(|fault| Error::invalid(fault.path, fault.message))?;
    // What was merged into must not have changed since.
    op.check_version(row.object.version)?;
    let made = replace_found(platform, op, home, row, FederatedWrite { spec }, None).await?;
    read::body(platform, made.home.project(), made.row, true)
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_patch_sets_merges_and_removes() {
        let mut target = json!({"spec": {"a": 1, "b": {"c": 2, "d": 3}, "l": [1]}});
        merge(&mut target, &json!({"spec": {"a": null, "b": {"c": 9}, "l": [2, 3]}}));
        assert_eq!(target, json!({"spec": {"b": {"c": 9, "d": 3}, "l": [2, 3]}}));
    }
}
