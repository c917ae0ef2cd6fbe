//! Who may do what at the hub: the same permissions, and the same two refusals, as in the REST interface.

use std::collections::HashSet;

use hanse_authz::{Handle, Scope, Scoped as _, authorize, authorize_platform};
use hanse_machinery::{Status, status::In};
use hanse_store::projects;

use super::{
    fault::Fault,
    kinds::{Backing, Kind, SYSTEM},
};
use crate::{Platform, context::OpContext, error::Error};

/// What is wanted of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To see it.
    View,
    /// To make or change it.
    Edit,
    /// To remove it.
    Remove,
}

/// The permission that a kind needs within a project.
const fn in_project(kind: Sort, need: Need) -> &'static str {
    match (kind, need) {
        (Sort::Secret, Need::View) => "project.secrets.view",
        (Sort::Secret, Need::Edit) => "project.secrets.manage",
        (Sort::Roles, Need::Edit | Need::Remove) => "project.roles.manage",
        (_, Need::View) => "project.federated-objects.view",
        (_, Need::Edit) => "project.federated-objects.edit",
        (_, Need::Remove) => "project.federated-objects.manage",
    }
}

#[derive(Clone, Copy)]
enum Sort {
    Secret,
    Roles,
    Other,
}

fn sort(kind: &Kind) -> Sort {
    let group = match &kind.backing {
        Backing::Federated(target) | Backing::Plain(target) => target.group.as_str(),
        _ => kind.descriptor.group.as_str(),
    };
    match (group, kind.descriptor.kind.trim_start_matches("Federated")) {
        ("", "Secret") => Sort::Secret,
        ("rbac.authorization.k8s.io", _) => Sort::Roles,
        _ => Sort::Other,
    }
}

/// What the platform's own kinds need.
fn on_platform(kind: &Kind, need: Need) -> &'static str {
    match (&kind.backing, need) {
        (Backing::Cluster, Need::View) => "platform.clusters.view",
        // They hold members' credentials until the clusters have joined by them.
        _ if kind.is("", "Secret") => "platform.clusters.manage",
        (Backing::Cluster, _) => "platform.clusters.manage",
        (_, Need::View) => "platform.types.view",
        _ => "platform.types.manage",
    }
}

/// Decides about objects of a namespace, which is a project, or about the platform's own.
///
/// # Errors
/// 404 when the caller may not know the namespace, 403 when it may but lacks the permission.
pub async fn decide(
    platform: &Platform,
    op: &OpContext,
    kind: &Kind,
    namespace: &str,
    need: Need,
) -> Result<Option<Handle<projects::Model>>, Fault> {
    if namespace.is_empty() || namespace == SYSTEM {
        authorize_platform(&platform.decisions, &op.actor, on_platform(kind, need))
            .map_err(|_| Fault::Error(Error::forbidden(on_platform(kind, need))))?;
        return Ok(None);
    }
    let missing = || Status::not_found(In { group: "", kind: "namespaces" }, namespace);
    let located = platform.store.project(namespace).await?.ok_or_else(missing)?;
    let permission = in_project(sort(kind), need);
    match authorize(&platform.decisions, &op.actor, permission, located) {
        Ok(handle) => Ok(Some(handle)),
        Err(hanse_authz::Denied::NotFound) => {
            // Told as if it were not there; written down as refused.
            Err(Fault::Error(Error { refused: true, ..Error::not_found("namespaces", namespace) }))
        }
        Err(hanse_authz::Denied::Forbidden(permission)) => Err(Fault::Error(Error::forbidden(permission))),
    }
}

/// Namespaces whose objects of a kind the caller may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visible {
    /// All.
    All,
    /// These.
    Only(HashSet<String>),
}

impl Visible {
    /// Whether an object of this namespace may be seen. For namespaces themselves it is their name.
    #[must_use]
    pub fn shows(&self, namespace: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(namespace),
        }
    }
}

/// Namespaces whose objects of a kind the caller may see, for lists over all of them.
///
/// # Errors
/// When the database is away.
pub async fn visible(platform: &Platform, op: &OpContext, kind: &Kind) -> Result<Visible, Fault> {
    let permission = if kind.backing == Backing::Namespace {
        "project.settings.view"
    } else {
        in_project(sort(kind), Need::View)
    };
    let everywhere = platform.decisions.allows(&op.actor, permission, Scope::Platform);
    let own = platform.decisions.allows(&op.actor, on_platform(kind, Need::View), Scope::Platform);
    if everywhere && own {
        return Ok(Visible::All);
    }
    let projects = platform.store.all_projects().await?;
    let mut names: HashSet<String> = projects
        .into_iter()
        .filter(|project| everywhere || platform.decisions.allows(&op.actor, permission, project.scope()))
        .map(|project| project.name)
        .collect();
    if own {
        names.insert(SYSTEM.to_owned());
    }
    Ok(Visible::Only(names))
}
