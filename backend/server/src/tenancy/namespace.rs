//! Labels and annotations of a project's namespace: those that are the project's to give travel into all of its clusters.
//!
//! Clusters decide by them what may run in a namespace and what is checked of it: a label of Pod Security alone opens the
//! way from a pod to its node, and so to everybody's work there. Such labels belong to who administers the namespaces of
//! all clusters, also of those that come to the project later; setting, changing and removing them needs that.

use std::collections::BTreeMap;

use hanse_authz::{Handle, Located, Scope, authorize};
use hanse_store::{
    AuditEvent,
    federated::{self, Row},
    hub, projects,
    removals::Mode,
};
use hanse_types::FieldError;
use serde_json::{Value, json};

use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied},
};

/// Permission that guarded keys need, on the whole platform.
const GUARD: &str = "cluster.namespaces.manage";
/// Domain by which clusters decide what pods of a namespace may do.
const POD_SECURITY: &str = "pod-security.kubernetes.io";
/// Whose keys are not a project's to give.
const OWNED: [&str; 4] = ["kubernetes.io", "k8s.io", "kubefed.io", "hanse.io"];

/// Labels or annotations.
pub type Map = BTreeMap<String, String>;

fn domain(key: &str) -> &str {
    key.split_once('/').map_or("", |(domain, _)| domain)
}

fn within(domain: &str, of: &str) -> bool {
    domain == of || domain.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether a key travels: it belongs neither to Kubernetes nor to Hanse.
#[must_use]
pub fn travels(key: &str) -> bool {
    let domain = domain(key);
    domain == POD_SECURITY || !OWNED.iter().any(|owner| within(domain, owner))
}

/// Those of an object's labels or annotations that travel.
#[must_use]
pub fn travelling(object: &Value, field: &str) -> Map {
    let map = object.pointer(&format!("/metadata/{field}")).and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .filter(|(key, _)| travels(key))
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// As a project's record has them.
#[must_use]
pub fn stored(column: Option<&Value>) -> Map {
    column.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
}

/// Refuses what changes keys that are not for everybody who manages a project.
///
/// # Errors
/// `forbidden` with the keys at fault.
pub fn guard(platform: &Platform, op: &OpContext, field: &str, old: &Map, new: &Map) -> Result<()> {
    let guarded = |key: &str| {
        platform.config.hub.guarded_domains.iter().any(|guarded| within(domain(key), guarded))
            || domain(key) == POD_SECURITY
    };
    let changed: Vec<FieldError> = old
        .keys()
        .chain(new.keys())
        .filter(|key| guarded(key) && old.get(*key) != new.get(*key))
        .map(|key| FieldError {
            field: format!("metadata.{field}[{key}]"),
            message:
                "decides what clusters let run in the namespace: who administers their namespaces sets it"
                    .to_owned(),
        })
        .collect();
    if changed.is_empty() || platform.decisions.allows(&op.actor, GUARD, Scope::Platform) {
        return Ok(());
    }
    let keys: Vec<&str> = changed.iter().map(|fault| fault.field.as_str()).collect();
    let refusal = Error::forbidden(GUARD);
    let message = format!("{}: {}", keys.join(", "), refusal.message);
    Err(Error { fields: changed, message, ..refusal })
}

/// [`guard`] of what is not read key by key, such as a template with patches: whatever mentions a guarded domain is refused.
///
/// # Errors
/// `forbidden`.
pub fn guard_mentions(platform: &Platform, op: &OpContext, texts: &[&str]) -> Result<()> {
    let domains = platform.config.hub.guarded_domains.iter().map(String::as_str).chain([POD_SECURITY]);
    // In a patch's path a slash is spelled otherwise.
    let mentioned = domains.flat_map(|domain| [format!("{domain}/"), format!("{domain}~1")]);
    let found = mentioned.into_iter().any(|domain| texts.iter().any(|text| text.contains(&domain)));
    if !found || platform.decisions.allows(&op.actor, GUARD, Scope::Platform) {
        return Ok(());
    }
    Err(Error::forbidden(GUARD))
}

/// Gives a project's namespace labels and annotations, and keeps what a root of the hub shows of it.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict`.
pub async fn describe(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    labels: &Map,
    annotations: &Map,
    view: (&'static str, &Value),
) -> Result<()> {
    let located = platform.store.project(name).await?.ok_or_else(|| Error::not_found("project", name))?;
    let project = authorize(&platform.decisions, &op.actor, "project.settings.manage", located)
        .map_err(denied("project", name))?;
    let (old_labels, old_annotations) =
        (stored(project.labels.as_ref()), stored(project.annotations.as_ref()));
    guard(platform, op, "labels", &old_labels, labels)?;
    guard(platform, op, "annotations", &old_annotations, annotations)?;
    let same = *labels == old_labels && *annotations == old_annotations;
    let namespace = if same { None } else { namespace_of(platform, op, &project).await? };
    let mut tx = platform.store.begin(&op.write()).await?;
    if same {
        hub::touch_project(&mut tx, &project);
    } else {
        projects::set_labels(&mut tx, &project, json!(labels), json!(annotations)).await?;
    }
    if let Some(row) = namespace.filter(|_| project.deleted_at.is_none()) {
        let mut spec = row.object.spec.clone();
        for (field, map) in [("labels", labels), ("annotations", annotations)] {
            if map.is_empty() {
                if let Some(metadata) = spec.pointer_mut("/template/metadata").and_then(Value::as_object_mut)
                {
                    metadata.remove(field);
                }
            } else {
                hanse_machinery::json::set(&mut spec, &["template", "metadata", field], json!(map));
            }
        }
        let changed = federated::Changed {
            api_version: row.object.api_version.clone(),
            spec,
            placed: federated::placed(&row.object)?,
            author: op.actor.name.to_string(),
            leaving: Mode::Release,
            options: None,
        };
        let before = row.object.generation;
        let next = federated::update(&mut tx, &row, changed).await?;
        hub::carry_views(&tx, next.id, before, next.generation).await?;
    }
    let (root, body) = view;
    hub::put_view(&tx, project.id, root, 0, body, false).await?;
    // With the last finalizer goes what waits for nothing else.
    projects::remove_if_empty(&mut tx, &project).await?;
    tx.audit(AuditEvent {
        verb: "update",
        kind: "project",
        name: project.name.clone(),
        project: Some(project.name.clone()),
        before: Some(json!({"labels": old_labels, "annotations": old_annotations})),
        after: Some(json!({"labels": labels, "annotations": annotations})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(())
}

async fn namespace_of(
    platform: &Platform,
    op: &OpContext,
    project: &Handle<projects::Model>,
) -> Result<Option<Handle<Row>>> {
    let rows = platform.store.federated_of_projects(vec![project.id]).await?;
    let Some(object) = rows.into_iter().find(|row| row.kind == "Namespace") else { return Ok(None) };
    let row = Located::new(Row { object, project: Some((**project).clone()) });
    authorize(&platform.decisions, &op.actor, "project.settings.manage", row)
        .map(Some)
        .map_err(denied("project", &project.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_kubernetes_or_hanse_does_not_travel() {
        for key in ["team", "example.com/team", "pod-security.kubernetes.io/enforce", "notkubernetes.io/x"] {
            assert!(travels(key), "{key}");
        }
        for key in [
            "kubernetes.io/metadata.name",
            "kubectl.kubernetes.io/last-applied-configuration",
            "federation.alpha.kubernetes.io/cluster-selector",
            "scheduler.alpha.kubernetes.io/node-selector",
            "kubefed.io/managed",
            "hanse.io/workspace",
            "x.k8s.io/y",
        ] {
            assert!(!travels(key), "{key}");
        }
    }
}
