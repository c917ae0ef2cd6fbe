//! Reading federated objects: record and status in one body, payloads of Secrets never.

use hanse_authz::{Handle, Located, authorize};
use hanse_federation::FederatedSpec;
use hanse_store::{
    Store,
    federated::{self, Home},
    page::Page,
    projects,
};
use hanse_types::{
    FederatedId, List, ListParams, ProjectName,
    federated::{FederatedStatus, Phase},
};
use serde_json::{Value, json};

use super::{
    accept::{self, Need, Place},
    model::{FederatedObject, ObjectFilter, Revision, TypeInfo},
};
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied},
};

/// What stands where a payload was.
const HIDDEN: &str = "(not shown)";

/// Takes payloads of a Secret out of a specification, leaving the names of their keys.
pub(super) fn redact(spec: &mut Value) {
    if let Some(template) = spec.get_mut("template").and_then(Value::as_object_mut) {
        for field in ["data", "stringData"] {
            if let Some(payload) = template.get_mut(field).and_then(Value::as_object_mut) {
                payload.values_mut().for_each(|value| *value = json!(HIDDEN));
            }
        }
    }
    if let Some(spec) = spec.as_object_mut() {
        spec.remove("overrides");
    }
}

fn spec_of(platform: &Platform, row: &federated::Model, full: bool) -> Result<FederatedSpec> {
    let mut spec = if row.sealed.is_some() {
        let mut spec = platform.store.spec_of(row)?;
        redact(&mut spec);
        spec
    } else {
        row.spec.clone()
    };
    if !full && let Some(template) = spec.get_mut("template") {
        *template = json!({
            "apiVersion": template.get("apiVersion"), "kind": template.get("kind"),
            "metadata": {"name": template.pointer("/metadata/name"), "labels": template.pointer("/metadata/labels")},
        });
    }
    serde_json::from_value(spec).map_err(Error::internal)
}

/// The body of one object.
pub(super) fn body(
    platform: &Platform,
    project: Option<&projects::Model>,
    row: federated::Model,
    full: bool,
) -> Result<FederatedObject> {
    let status = status(platform, &row);
    let held_by = federated::held_by(&row);
    Ok(FederatedObject {
        id: FederatedId(row.id),
        spec: spec_of(platform, &row, full)?,
        status,
        type_: row.r#type,
        api_version: row.api_version,
        kind: row.kind,
        name: row.name,
        project: project
            .map(|project| ProjectName::parse(project.name.clone()))
            .transpose()
            .map_err(Error::internal)?,
        generation: row.generation,
        created_by: row.created_by,
        updated_by: row.updated_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
        held_by: if row.deleted_at.is_some() { held_by } else { Vec::new() },
        deleted_at: row.deleted_at,
        version: row.version,
    })
}

/// Status as the engine computed it last. For a record that the engine has not seen yet: on its way.
fn status(platform: &Platform, row: &federated::Model) -> FederatedStatus {
    let computed = platform.engine.index.get(FederatedId(row.id));
    let current = computed.filter(|object| object.record.generation >= row.generation);
    if let Some(status) = current.and_then(|_| platform.engine.status(FederatedId(row.id))) {
        return (*status).clone();
    }
    FederatedStatus {
        phase: Phase::Progressing,
        message: "accepted; it is on its way to its clusters".to_owned(),
        observed_generation: 0,
        clusters_placed: row
            .placed
            .as_array()
            .map_or(0, |placed| u32::try_from(placed.len()).unwrap_or(u32::MAX)),
        clusters_ready: 0,
        replicas: None,
        ready_replicas: None,
        aggregated: json!({}),
        clusters: Vec::new(),
        updated_at: row.updated_at,
    }
}

/// Whether the caller may list the objects of a place.
///
/// # Errors
/// `not_found` or `forbidden`.
pub async fn may_list(platform: &Platform, op: &OpContext, place: Place<'_>) -> Result<()> {
    accept::home(platform, op, place, Need::View).await.map(drop)
}

/// A page of the objects of a project or of the platform.
///
/// # Errors
/// `not_found`, `forbidden`, or `invalid` for the query.
pub async fn list(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    filter: &ObjectFilter,
) -> Result<List<FederatedObject>> {
    let home = accept::home(platform, op, place, Need::View).await?;
    let params = ListParams {
        limit: filter.limit,
        continue_: filter.continue_.clone(),
        sort: filter.sort.clone(),
        search: filter.search.clone(),
        label_selector: None,
    };
    let page = Page::read(&params, Store::FEDERATED_SORTS)?;
    let found = platform.store.list_federated(&home, filter.type_.as_deref(), &page).await?;
    let items: Result<Vec<FederatedObject>> =
        found.rows.into_iter().map(|row| body(platform, home.project(), row, filter.full)).collect();
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
    place: Place<'_>,
    type_: &str,
    name: &str,
) -> Result<(Home, Handle<federated::Row>)> {
    let home = accept::home(platform, op, place, Need::View).await?;
    let label = format!("{type_}/{name}");
    let row = platform
        .store
        .federated_in(&home, type_, name)
        .await?
        .ok_or_else(|| Error::not_found("federated object", &label))?;
    let permission = match home {
        Home::Project(_) => "project.federated-objects.view",
        Home::Platform(_) => "platform.types.view",
    };
    let row = authorize(&platform.decisions, &op.actor, permission, Located::new(row))
        .map_err(denied("federated object", &label))?;
    Ok((home, row))
}

/// One object with its status.
///
/// # Errors
/// `not_found` or `forbidden`.
pub async fn get(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
) -> Result<FederatedObject> {
    let (home, row) = find(platform, op, place, type_, name).await?;
    body(platform, home.project(), row.into_inner().object, true)
}

/// Its accepted revisions, newest first.
///
/// # Errors
/// `not_found`, `forbidden`, or `invalid` for the query.
pub async fn revisions(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    type_: &str,
    name: &str,
    params: &ListParams,
) -> Result<List<Revision>> {
    let (_, row) = find(platform, op, place, type_, name).await?;
    let page = Page::read(params, &["-generation"])?;
    let found = platform.store.revisions(&row, &page).await?;
    let items: Result<Vec<Revision>> = found
        .rows
        .into_iter()
        .map(|revision| {
            Ok(Revision {
                generation: revision.generation,
                spec: serde_json::from_value(revision.spec).map_err(Error::internal)?,
                author: revision.author,
                at: revision.at,
            })
        })
        .collect();
    Ok(List {
        items: items?,
        total: found.total,
        continue_: page.next(found.total),
        revision: found.revision,
    })
}

/// Kinds that can be federated.
///
/// # Errors
/// When the database is away.
pub async fn types(platform: &Platform) -> Result<Vec<TypeInfo>> {
    let rows = platform.store.federated_types().await?;
    Ok(rows
        .into_iter()
        .filter(|row| row.enabled)
        .map(|row| TypeInfo {
            type_: row.r#type,
            group: row.group,
            version: row.version,
            kind: row.kind,
            namespaced: row.namespaced,
            built_in: row.built_in,
        })
        .collect())
}
