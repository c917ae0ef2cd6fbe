//! Looking a write through: everything that can be wrong with it, named by its path.

use std::collections::BTreeSet;

use hanse_federation::{FederatedObject as Record, Resource, validate};
use hanse_store::federated::Home;
use hanse_types::{ClusterId, FieldError};
use serde_json::Value;

use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result},
    federation::{model::FederatedWrite, place, types},
};

/// A write that has been looked through.
pub(in crate::federation) struct Considered {
    pub record: Record,
    pub placed: BTreeSet<ClusterId>,
    pub faults: Vec<FieldError>,
}

/// Looks a write through: kind, fields, clusters, overrides tried on the template. With `unknown_clusters`, names that
/// no cluster has are accepted and match nothing, as both older generations have it.
pub(in crate::federation) async fn consider(
    platform: &Platform,
    op: &OpContext,
    home: &Home,
    write: FederatedWrite,
    generation: i64,
    unknown_clusters: bool,
) -> Result<Considered> {
    let clusters = place::clusters_of(platform, home.project()).await?;
    let ids: Vec<ClusterId> = clusters.iter().map(|(id, _)| *id).collect();
    let resource = types::of_template(platform, &write.spec.template, &ids).await?;
    may_federate(platform, op, home, &resource)?;
    let name =
        write.spec.template.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut faults = Vec::new();
    if name.is_empty() {
        faults.push(fault("spec.template.metadata.name", "is missing: the copies need a name"));
    } else if !object_name(&name) {
        faults.push(fault(
            "spec.template.metadata.name",
            "may hold only lower-case letters, digits, '-' and '.', at most 253, and must start and end with a letter or digit",
        ));
    }
    if home.project().is_none()
        && let Some(why) = others(&resource, &name)
    {
        faults.push(fault("spec.template.metadata.name", why));
    }
    let namespace = write.spec.template.pointer("/metadata/namespace").and_then(Value::as_str);
    let own = home.project().map(|project| project.name.as_str());
    if let Some(other) = namespace.filter(|namespace| !namespace.is_empty() && Some(*namespace) != own) {
        let message = match own {
            Some(own) => format!("is {other:?}, but this project's namespace is {own:?}: leave it out"),
            None => format!("is {other:?}, but {} belongs to no namespace: leave it out", resource.kind),
        };
        faults.push(fault("spec.template.metadata.namespace", &message));
    }
    if let Some(names) = write.spec.placement.clusters.as_ref().filter(|_| !unknown_clusters) {
        for (index, name) in names.iter().enumerate() {
            if !clusters.iter().any(|(_, view)| view.name == *name) {
                let known: Vec<&str> = clusters.iter().map(|(_, view)| view.name.as_str()).collect();
                faults.push(fault(
                    &format!("spec.placement.clusters[{index}]"),
                    &match home {
                        Home::Project(_) => {
                            format!("{name:?} is no cluster of this project; it has {}", known.join(", "))
                        }
                        Home::Platform(_) => format!("{name:?} is no cluster; there is {}", known.join(", ")),
                    },
                ));
            }
        }
    }
    let record = Record {
        resource,
        namespace: home.project().map(|project| project.name.clone()),
        name,
        labels: std::collections::BTreeMap::new(),
        generation,
        deleting: false,
        spec: write.spec,
    };
    let views: Vec<_> = clusters.iter().map(|(_, view)| view.clone()).collect();
    let own = validate::validate(&record, &views);
    faults.extend(own.into_iter().map(|own| FieldError { field: own.path, message: own.message }));
    let mut seen = BTreeSet::new();
    faults.retain(|fault| seen.insert((fault.field.clone(), fault.message.clone())));
    let placed = place::selected(&record.spec.placement, &clusters);
    Ok(Considered { record, placed, faults })
}

pub(super) fn fault(field: &str, message: &str) -> FieldError {
    FieldError { field: field.to_owned(), message: message.to_owned() }
}

/// DNS-1123 subdomain, or with ':' for RBAC kinds.
fn object_name(name: &str) -> bool {
    let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':');
    let end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
    name.len() <= 253 && name.bytes().all(ok) && end(name.bytes().next()) && end(name.bytes().last())
}

/// Why a name of a cluster-scoped kind is not for us: an object of Kubernetes or one that Hanse keeps in each member. It
/// would be adopted, and at the end be deleted.
fn others(resource: &Resource, name: &str) -> Option<&'static str> {
    if resource.group != "rbac.authorization.k8s.io" {
        return None;
    }
    if name.starts_with("hanse:") {
        return Some("is one of those that Hanse keeps in each cluster: choose another");
    }
    (name.starts_with("system:") || ["cluster-admin", "admin", "edit", "view"].contains(&name))
        .then_some("belongs to Kubernetes in each cluster: choose another")
}

/// Some kinds need more than the permission to federate.
fn may_federate(platform: &Platform, op: &OpContext, home: &Home, resource: &Resource) -> Result<()> {
    use hanse_authz::{Scope, Scoped as _};
    let allows = |permission: &'static str, at: Scope| {
        if platform.decisions.allows(&op.actor, permission, at) {
            Ok(())
        } else {
            Err(Error::forbidden(permission))
        }
    };
    if resource.is("", "Namespace") {
        return Err(Error::invalid(
            "spec.template.kind",
            "a namespace is a project here: make a project, its namespace is federated with it",
        ));
    }
    let project = match (home, resource.namespaced) {
        (Home::Project(project), true) => project,
        // Who may be here at all was decided with the place.
        (Home::Platform(_), false) => return Ok(()),
        (Home::Project(_), false) => {
            allows("platform.types.manage", Scope::Platform)?;
            return Err(Error::invalid(
                "spec.template.kind",
                format!(
                    "{} belongs to whole clusters, not to a project's namespace: federate it without a project",
                    resource.kind
                ),
            ));
        }
        (Home::Platform(_), true) => {
            return Err(Error::invalid(
                "spec.template.kind",
                format!("{} belongs to a namespace: federate it in a project", resource.kind),
            ));
        }
    };
    let at = project.scope();
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Secret") => allows("project.secrets.manage", at),
        ("", "ConfigMap") => allows("project.config.manage", at),
        // Who binds roles in a namespace, or limits it, administers it.
        ("rbac.authorization.k8s.io", _) => allows("project.roles.manage", at),
        ("", "ResourceQuota" | "LimitRange") => allows("project.settings.manage", at),
        _ => Ok(()),
    }
}

pub(super) fn refuse(faults: Vec<FieldError>) -> Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Error::fields(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_names_are_dns_subdomains() {
        for good in ["web", "a.b-c", "system:node"] {
            assert!(object_name(good), "{good}");
        }
        for bad in ["Web", "-a", "a-", "a/b", "a_b", &"a".repeat(254)] {
            assert!(!object_name(bad), "{bad}");
        }
    }
}
