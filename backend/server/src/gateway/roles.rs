//! Roles in members. What roles give on the host is written into each member as Kubernetes' own roles, bound to the
//! groups that the gateway says, so that a member refuses by itself what the host would refuse. They are compared and
//! put right from time to time; a member that does not let Hanse write roles goes without, and the host alone decides.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use hanse_authz::{BUILT_IN, RoleDef, kubernetes};
use hanse_fleet::{
    ApplyOptions, Member, MemberError, Target, TypeName,
    api::{Call, JSON},
};
use hanse_types::{ClusterId, access::ScopeKind, cluster::ClusterPhase};
use http::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::standing::{Directory, group};
use crate::Platform;

/// Label of everything written here.
const LABEL: &str = "hanse.io/access";
const SELECTOR: &str = "labelSelector=hanse.io%2Faccess%3Dtrue";
const API: &str = "/apis/rbac.authorization.k8s.io/v1";
/// Soonest next look while something is missing, such as a namespace that is still being made.
const SOON: Duration = Duration::from_millis(300);
/// Latest next look while something is missing.
const LATER: Duration = Duration::from_secs(30);
/// Members seen to at a time.
const AT_ONCE: usize = 16;
/// Everything is compared anew after this time.
const ANEW: Duration = Duration::from_secs(600);
/// Longest that leaving a cluster waits for its roles to go.
const GOODBYE: Duration = Duration::from_secs(10);

/// What is known to be in members.
#[derive(Default)]
pub struct Roles {
    known: Mutex<HashMap<ClusterId, Known>>,
    wake: Notify,
}

#[derive(Clone, Default)]
struct Known {
    /// Roles of the cluster as they were written.
    roles: Option<Arc<Vec<Value>>>,
    /// Namespaces with their workspaces whose bindings are there.
    bound: BTreeSet<(String, String)>,
    compared: Option<Instant>,
    /// What the member does not let Hanse do.
    trouble: Option<String>,
    /// Which member it is about.
    of: Option<std::sync::Weak<Member>>,
}

impl Roles {
    /// Something changed: look again.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// A cluster was let go.
    pub fn forget(&self, cluster: ClusterId) {
        self.map().remove(&cluster);
    }

    /// Why a cluster has no roles of ours, in a sentence.
    #[must_use]
    pub fn trouble(&self, cluster: ClusterId) -> Option<String> {
        self.map().get(&cluster)?.trouble.clone()
    }

    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<ClusterId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn metadata(name: &str, namespace: Option<&str>) -> Value {
    let mut metadata = json!({"name": name, "labels": {LABEL: "true"}});
    if let (Some(namespace), Some(map)) = (namespace, metadata.as_object_mut()) {
        map.insert("namespace".to_owned(), json!(namespace));
    }
    metadata
}

/// Name of a role in members, and of the binding to it.
fn name_of(role: &RoleDef) -> String {
    group(role.scope.as_str(), None, role.name)
}

/// Where a role is bound in members: in the whole cluster, or in each namespace of a project.
fn scope_of(role: &RoleDef) -> ScopeKind {
    match role.scope {
        ScopeKind::Platform | ScopeKind::Cluster => ScopeKind::Cluster,
        ScopeKind::Workspace | ScopeKind::Project => ScopeKind::Project,
    }
}

fn rules_of(role: &RoleDef, custom: &[String]) -> Vec<Value> {
    let given: BTreeSet<&str> = role.permissions().collect();
    let rule = |rule: kubernetes::Rule| {
        if rule.groups.is_empty() {
            json!({"nonResourceURLs": rule.paths, "verbs": rule.verbs})
        } else {
            json!({"apiGroups": rule.groups, "resources": rule.resources, "verbs": rule.verbs})
        }
    };
    kubernetes::rules(&given, scope_of(role), custom).into_iter().map(rule).collect()
}

/// Whether a role gives everything that there is to be given in a cluster.
fn is_everything(role: &RoleDef) -> bool {
    let given: BTreeSet<&str> = role.permissions().collect();
    let mut all = hanse_authz::CATALOGUE.iter().filter(|one| one.scope() == ScopeKind::Cluster);
    scope_of(role) == ScopeKind::Cluster && all.all(|one| given.contains(one.name))
}

/// The ClusterRoles and ClusterRoleBindings of a cluster.
#[must_use]
pub fn of_cluster(custom: &[String]) -> Vec<Value> {
    let mut manifests = Vec::new();
    for role in BUILT_IN {
        let name = name_of(role);
        let rules = rules_of(role, custom);
        if rules.is_empty() {
            continue;
        }
        let everything = is_everything(role);
        if !everything {
            manifests.push(json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": metadata(&name, None), "rules": rules,
            }));
        }
        if scope_of(role) == ScopeKind::Cluster {
            let gives = if everything { "cluster-admin" } else { &name };
            manifests.push(json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": metadata(&name, None),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": gives},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}],
            }));
        }
    }
    manifests
}

/// The RoleBindings of a project's namespace.
#[must_use]
pub fn of_namespace(namespace: &str, workspace: &str) -> Vec<Value> {
    let in_projects =
        |role: &&RoleDef| scope_of(role) == ScopeKind::Project && !rules_of(role, &[]).is_empty();
    BUILT_IN
        .iter()
        .filter(in_projects)
        .map(|role| {
            let of = if role.scope == ScopeKind::Project { namespace } else { workspace };
            let subject = group(role.scope.as_str(), Some(of), role.name);
            let name = name_of(role);
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                "metadata": metadata(&name, Some(namespace)),
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": subject}],
            })
        })
        .collect()
}

/// Keeps roles in all members until the server stops.
pub async fn keep(platform: Arc<Platform>) {
    let mut changes = platform.fleet.changes();
    let mut pause = SOON;
    loop {
        let ready = platform
            .fleet
            .all()
            .into_iter()
            .filter(|member| member.health().borrow().phase == ClusterPhase::Ready);
        let each = |member| {
            let platform = Arc::clone(&platform);
            async move { sync(&platform, &member).await }
        };
        let done: Vec<bool> =
            futures::stream::iter(ready.map(each)).buffer_unordered(AT_ONCE).collect().await;
        let waiting = done.contains(&false);
        pause = if waiting { (pause * 2).min(LATER) } else { SOON };
        let next = if waiting { pause } else { Duration::from_secs(60) };
        tokio::select! {
            () = platform.gateway.roles.wake.notified() => pause = SOON,
            changed = changes.next() => if changed.is_none() { return },
            () = tokio::time::sleep(next) => {}
        }
        // What follows at once on a change belongs to it.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sees to one member; says whether nothing is left to do.
async fn sync(platform: &Arc<Platform>, member: &Arc<Member>) -> bool {
    let (id, name) = (member.id(), member.name().as_str());
    let directory = match platform.gateway.directories.of(platform, name).await {
        Ok(Some(directory)) => directory,
        Ok(None) => return true,
        Err(_) => return false,
    };
    let mut known = platform.gateway.roles.map().get(&id).cloned().unwrap_or_default();
    let same =
        known.of.as_ref().and_then(std::sync::Weak::upgrade).is_some_and(|of| Arc::ptr_eq(&of, member));
    if !same {
        known = Known { of: Some(Arc::downgrade(member)), trouble: known.trouble, ..Known::default() };
    }
    let result = write(member, &directory, &mut known).await;
    let done = match result {
        Ok(done) => {
            known.trouble = None;
            done
        }
        Err(MemberError::Forbidden(why)) => {
            let trouble = format!(
                "Hanse's credential may not write roles there, so that the host alone decides: {why}. Give it the \
                 rights to manage rbac.authorization.k8s.io with the verbs bind and escalate"
            );
            if known.trouble.as_ref() != Some(&trouble) {
                tracing::warn!(cluster = name, "{trouble}");
            }
            known.trouble = Some(trouble);
            false
        }
        Err(error) => {
            tracing::debug!(cluster = name, "roles could not be written: {error}");
            false
        }
    };
    if platform.fleet.get(id).is_some() {
        platform.gateway.roles.map().insert(id, known);
    }
    done
}

async fn write(member: &Member, directory: &Directory, known: &mut Known) -> Result<bool, MemberError> {
    let kinds = member.discovery().all().await?;
    let custom: BTreeSet<String> =
        kinds.iter().map(|kind| kind.group.clone()).filter(|group| kubernetes::is_custom(group)).collect();
    let roles = Arc::new(of_cluster(&custom.into_iter().collect::<Vec<_>>()));
    let wanted: BTreeSet<(String, String)> =
        directory.projects().map(|(name, workspace)| (name.to_owned(), workspace.to_owned())).collect();
    let anew = known.compared.is_none_or(|at| at.elapsed() > ANEW);
    if anew || known.roles.as_ref() != Some(&roles) {
        for manifest in roles.iter() {
            apply(member, manifest).await?;
        }
        known.roles = Some(roles);
    }
    if anew || !known.bound.is_subset(&wanted) {
        known.bound = compare(member, &wanted).await?;
        known.compared = Some(Instant::now());
    }
    let mut complete = true;
    for place in wanted.difference(&known.bound.clone()) {
        let mut there = true;
        for manifest in of_namespace(&place.0, &place.1) {
            match apply(member, &manifest).await {
                Ok(()) => {}
                // It is made in a moment, or on its way out.
                Err(
                    MemberError::NamespaceMissing { .. }
                    | MemberError::NamespaceTerminating { .. }
                    | MemberError::NotFound(_),
                ) => {
                    there = false;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if there {
            known.bound.insert(place.clone());
        }
        complete &= there;
    }
    Ok(complete)
}

/// Which places have exactly their bindings; those of other places are removed.
async fn compare(
    member: &Member,
    wanted: &BTreeSet<(String, String)>,
) -> Result<BTreeSet<(String, String)>, MemberError> {
    let call = Call::get(format!("{API}/rolebindings?{SELECTOR}")).answer_bytes(256 * 1024 * 1024);
    let list: Value = member.call(call).await?.json()?;
    let text =
        |value: &Value, at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut there: BTreeMap<String, BTreeMap<String, (Value, Value)>> = BTreeMap::new();
    for item in list.get("items").and_then(Value::as_array).into_iter().flatten() {
        let (namespace, name) = (text(item, "/metadata/namespace"), text(item, "/metadata/name"));
        let part = |key: &str| item.get(key).cloned().unwrap_or_default();
        there.entry(namespace).or_default().insert(name, (part("roleRef"), part("subjects")));
    }
    for namespace in there.keys().filter(|found| !wanted.iter().any(|(name, _)| name == *found)) {
        remove(member, namespace, false).await?;
    }
    let complete = |(namespace, workspace): &&(String, String)| {
        let found = there.get(namespace);
        of_namespace(namespace, workspace).iter().all(|manifest| {
            let name = text(manifest, "/metadata/name");
            found.and_then(|found| found.get(&name)).is_some_and(|(role, subjects)| {
                Some(role) == manifest.get("roleRef") && Some(subjects) == manifest.get("subjects")
            })
        })
    };
    Ok(wanted.iter().filter(complete).cloned().collect())
}

async fn apply(member: &Member, manifest: &Value) -> Result<(), MemberError> {
    let text = |at: &str| manifest.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let name = TypeName::of_kind(text("/apiVersion"), text("/kind"));
    let Some(resource) = member.discovery().resolve(&name).await? else {
        return Err(MemberError::KindMissing(name.to_string()));
    };
    let namespace = text("/metadata/namespace");
    let target = Target {
        resource: &resource,
        namespace: (!namespace.is_empty()).then_some(namespace),
        name: text("/metadata/name"),
    };
    let options = ApplyOptions { force: true, ..ApplyOptions::default() };
    member.apply(target, manifest, options).await.map(drop)
}

async fn remove(member: &Member, namespace: &str, leaving: bool) -> Result<(), MemberError> {
    let path = format!("{API}/namespaces/{namespace}/rolebindings?{SELECTOR}");
    gone(member, path, leaving).await
}

async fn gone(member: &Member, path: String, leaving: bool) -> Result<(), MemberError> {
    let call = Call::new(Method::DELETE, path).body(JSON, "{}");
    let result = if leaving { member.call_outliving(call).await } else { member.call(call).await };
    match result {
        Ok(_) | Err(MemberError::NotFound(_) | MemberError::NamespaceMissing { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes everything of ours out of a member that is let go of, as far as it answers.
pub async fn clean(member: &Member) {
    let cleaning = async {
        let call = Call::get(format!("{API}/rolebindings?{SELECTOR}")).answer_bytes(256 * 1024 * 1024);
        let list: Value = member.call_outliving(call).await?.json()?;
        let namespaces: BTreeSet<&str> = list
            .get("items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|item| item.pointer("/metadata/namespace").and_then(Value::as_str))
            .collect();
        for namespace in namespaces {
            remove(member, namespace, true).await?;
        }
        gone(member, format!("{API}/clusterrolebindings?{SELECTOR}"), true).await?;
        gone(member, format!("{API}/clusterroles?{SELECTOR}"), true).await
    };
    match tokio::time::timeout(GOODBYE, cleaning).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::info!(cluster = %member.name(), "its roles could not be removed: {error}"),
        Err(_) => tracing::info!(cluster = %member.name(), "its roles could not be removed in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn administrators_are_bound_to_the_members_own_role_and_viewers_read_no_secrets() {
        let manifests = of_cluster(&["example.com".to_owned()]);
        let find = |kind: &str, name: &str| {
            manifests.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name)
        };
        for name in
            ["hanse:platform:administrator", "hanse:platform:cluster-manager", "hanse:cluster:administrator"]
        {
            assert_eq!(find("ClusterRoleBinding", name).unwrap()["roleRef"]["name"], "cluster-admin");
            assert!(find("ClusterRole", name).is_none());
        }
        for name in [
            "hanse:platform:auditor",
            "hanse:cluster:viewer",
            "hanse:project:viewer",
            "hanse:workspace:viewer",
        ] {
            let role = find("ClusterRole", name).unwrap().to_string();
            assert!(
                !role.contains("secrets") && !role.contains("pods/exec") && role.contains("example.com"),
                "{role}"
            );
        }
        assert!(find("ClusterRoleBinding", "hanse:platform:member").is_none());
        assert!(find("ClusterRole", "hanse:workspace:member").is_none());
        assert!(manifests.iter().all(|one| !one.to_string().contains("kubefed.io/managed")));
    }

    #[test]
    fn a_namespace_is_bound_to_the_groups_of_its_project_and_workspace() {
        let subjects: Vec<String> = of_namespace("shop", "acme")
            .iter()
            .map(|one| {
                format!("{} -> {}", one["subjects"][0]["name"], one["roleRef"]["name"]).replace('"', "")
            })
            .collect();
        assert_eq!(
            subjects,
            [
                "hanse:workspace:acme:administrator -> hanse:workspace:administrator",
                "hanse:workspace:acme:viewer -> hanse:workspace:viewer",
                "hanse:project:shop:administrator -> hanse:project:administrator",
                "hanse:project:shop:operator -> hanse:project:operator",
                "hanse:project:shop:viewer -> hanse:project:viewer",
            ]
        );
    }
}
