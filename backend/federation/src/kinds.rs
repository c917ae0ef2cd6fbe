//! The kinds that are known without asking a member.
//!
//! The server discovers kinds from members; where there is none to ask (`hanse simulate`, submissions that name
//! only a kind) this table of Kubernetes' own kinds answers, and for others the usual way to make a plural.

use crate::object::Resource;

/// Group, version, kind, plural, namespaced.
const BUILT_IN: [(&str, &str, &str, &str, bool); 38] = [
    ("", "v1", "Namespace", "namespaces", false),
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "Service", "services", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("", "v1", "PersistentVolume", "persistentvolumes", false),
    ("", "v1", "Pod", "pods", true),
    ("", "v1", "ReplicationController", "replicationcontrollers", true),
    ("", "v1", "LimitRange", "limitranges", true),
    ("", "v1", "ResourceQuota", "resourcequotas", true),
    ("", "v1", "Endpoints", "endpoints", true),
    ("", "v1", "Event", "events", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("apps", "v1", "ReplicaSet", "replicasets", true),
    ("apps", "v1", "StatefulSet", "statefulsets", true),
    ("apps", "v1", "DaemonSet", "daemonsets", true),
    ("batch", "v1", "Job", "jobs", true),
    ("batch", "v1", "CronJob", "cronjobs", true),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    ("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("apiregistration.k8s.io", "v1", "APIService", "apiservices", false),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        false,
    ),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", false),
    ("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", false),
    ("coordination.k8s.io", "v1", "Lease", "leases", true),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", true),
    ("events.k8s.io", "v1", "Event", "events", true),
    ("multicluster.x-k8s.io", "v1alpha1", "ServiceImport", "serviceimports", true),
];

/// Groups in which kinds lived before they moved to the one in the table.
const MOVED: [(&str, &str, &str); 4] = [
    ("extensions", "Deployment", "apps"),
    ("extensions", "ReplicaSet", "apps"),
    ("extensions", "DaemonSet", "apps"),
    ("extensions", "Ingress", "networking.k8s.io"),
];

/// Splits `group/version`; the core group has only a version.
#[must_use]
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Whether text is a version, or a group and a version.
#[must_use]
pub fn is_api_version(text: &str) -> bool {
    let word = |part: &str, more: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || more.as_bytes().contains(&b);
        edge(part.bytes().next()) && edge(part.bytes().last()) && part.bytes().all(inner)
    };
    match text.split_once('/') {
        Some((group, version)) => group.len() <= 253 && word(group, "-.") && word(version, "-"),
        None => word(text, "-"),
    }
}

/// Whether text can be the name of a kind: a word that begins with a letter.
#[must_use]
pub fn is_kind(text: &str) -> bool {
    text.len() <= 63
        && text.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The built-in kind of this name: in the group of `api_version` when given, otherwise in any.
#[must_use]
pub fn built_in(kind: &str, api_version: Option<&str>) -> Option<Resource> {
    let wanted = api_version.map(split_api_version);
    let row = BUILT_IN.iter().find(|(group, _, name, _, _)| {
        *name == kind
            && wanted.is_none_or(|(wanted, _)| wanted == *group || MOVED.contains(&(wanted, kind, group)))
    })?;
    let (group, version, kind, plural, namespaced) = *row;
    let version = wanted.filter(|(wanted, _)| *wanted == group).map_or(version, |(_, version)| version);
    Some(Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced,
    })
}

/// A kind that is not built in: its plural is made the usual way.
#[must_use]
pub fn custom(kind: &str, api_version: &str, namespaced: bool) -> Resource {
    let (group, version) = split_api_version(api_version);
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        plural: plural(kind),
        namespaced,
    }
}

/// The plural as API machinery guesses it.
#[must_use]
pub fn plural(kind: &str) -> String {
    let singular = kind.to_ascii_lowercase();
    if ["s", "x", "z", "ch", "sh"].iter().any(|ending| singular.ends_with(ending)) {
        return format!("{singular}es");
    }
    match singular.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{singular}s"),
    }
}
