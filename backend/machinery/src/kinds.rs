//! What is served about each kind, besides the types of its fields.
//!
//! One descriptor per resource: names by which clients find it, how its objects may be named, when their generation
//! moves, and whether status is written apart. Custom kinds make their own.

/// A kind and the resource under which it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// API group; empty is the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural, lower case, as in paths.
    pub plural: String,
    /// Singular, lower case.
    pub singular: String,
    /// Short names (`deploy`).
    pub short: Vec<String>,
    /// Categories (`all`).
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether status is a subresource.
    pub status: bool,
    /// Whether replicas are a subresource.
    pub scale: bool,
    /// What names its objects may have.
    pub names: Names,
    /// When `metadata.generation` moves.
    pub generation: Generation,
    /// Whether an update may leave out the resource version.
    pub unconditional_update: bool,
}

/// Rules for names of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// DNS-1123 subdomain.
    Subdomain,
    /// DNS-1123 label.
    Label,
    /// Anything that can stand in a path.
    Path,
}

/// Which changes move `metadata.generation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// There is none.
    None,
    /// Of spec.
    Spec,
    /// Of spec or annotations: Deployments.
    SpecAndAnnotations,
    /// Of anything but metadata and status.
    AllButStatus,
    /// Of anything but metadata.
    All,
}

impl Descriptor {
    /// `group/version`, or the version alone in the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Whether it is one of Kubernetes' own, compiled into its servers.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.iter().any(|row| row.kind == self.kind && row.api_version == self.api_version())
    }

    /// As errors about the resource name it.
    #[must_use]
    pub fn resource_in(&self) -> crate::status::In<'_> {
        crate::status::In { group: &self.group, kind: &self.plural }
    }

    /// As errors about fields name it.
    #[must_use]
    pub fn kind_in(&self) -> crate::status::In<'_> {
        crate::status::In { group: &self.group, kind: &self.kind }
    }

    /// A custom kind, by the rules for CustomResourceDefinitions; `status`: whether it has the subresource.
    #[must_use]
    pub fn custom(api_version: &str, kind: &str, plural: &str, namespaced: bool, status: bool) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: plural.into(),
            singular: kind.to_ascii_lowercase(),
            short: Vec::new(),
            categories: Vec::new(),
            namespaced,
            status,
            scale: false,
            names: Names::Subdomain,
            generation: if status { Generation::AllButStatus } else { Generation::All },
            unconditional_update: false,
        }
    }

    /// A kind of Kubernetes' own.
    #[must_use]
    pub fn built_in(api_version: &str, kind: &str) -> Option<Self> {
        BUILT_IN.iter().find(|row| row.api_version == api_version && row.kind == kind).map(Row::descriptor)
    }

    /// All of them.
    #[must_use]
    pub fn all_built_in() -> Vec<Self> {
        BUILT_IN.iter().map(Row::descriptor).collect()
    }
}

struct Row {
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    /// Short names, comma-separated.
    short: &'static str,
    /// `n` namespaced, `s` status, `c` scale, `a` category all, `x` category api-extensions.
    flags: &'static str,
    names: Names,
    generation: Generation,
}

impl Row {
    fn descriptor(&self) -> Descriptor {
        let has = |flag: char| self.flags.contains(flag);
        let words = |text: &str| text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Descriptor {
            short: words(self.short),
            categories: [('a', "all"), ('x', "api-extensions")]
                .into_iter()
                .filter(|(flag, _)| has(*flag))
                .map(|(_, name)| name.to_owned())
                .collect(),
            scale: has('c'),
            names: self.names,
            generation: self.generation,
            unconditional_update: true,
            ..Descriptor::custom(self.api_version, self.kind, self.plural, has('n'), has('s'))
        }
    }
}

macro_rules! rows {
    ($($api:literal $kind:literal $plural:literal $short:literal $flags:literal $names:ident $generation:ident;)*) => {
        [$(Row {
            api_version: $api,
            kind: $kind,
            plural: $plural,
            short: $short,
            flags: $flags,
            names: Names::$names,
            generation: Generation::$generation,
        }),*]
    };
}

#[rustfmt::skip]
static BUILT_IN: [Row; 27] = rows! {
    "v1" "Namespace" "namespaces" "ns" "s" Label None;
    "v1" "ConfigMap" "configmaps" "cm" "n" Subdomain None;
    "v1" "Secret" "secrets" "" "n" Subdomain None;
    "v1" "Service" "services" "svc" "nsa" Label None;
    "v1" "ServiceAccount" "serviceaccounts" "sa" "n" Subdomain None;
    "v1" "PersistentVolumeClaim" "persistentvolumeclaims" "pvc" "ns" Subdomain None;
    "v1" "Pod" "pods" "po" "nsa" Subdomain Spec;
    "v1" "Event" "events" "ev" "n" Subdomain None;
    "apps/v1" "Deployment" "deployments" "deploy" "nsca" Subdomain SpecAndAnnotations;
    "apps/v1" "ReplicaSet" "replicasets" "rs" "nsca" Subdomain Spec;
    "apps/v1" "StatefulSet" "statefulsets" "sts" "nsca" Label Spec;
    "apps/v1" "DaemonSet" "daemonsets" "ds" "nsa" Subdomain Spec;
    "batch/v1" "Job" "jobs" "" "nsa" Subdomain Spec;
    "batch/v1" "CronJob" "cronjobs" "cj" "nsa" Subdomain Spec;
    "autoscaling/v2" "HorizontalPodAutoscaler" "horizontalpodautoscalers" "hpa" "nsa" Subdomain None;
    "autoscaling/v1" "HorizontalPodAutoscaler" "horizontalpodautoscalers" "hpa" "nsa" Subdomain None;
    "policy/v1" "PodDisruptionBudget" "poddisruptionbudgets" "pdb" "ns" Subdomain Spec;
    "networking.k8s.io/v1" "Ingress" "ingresses" "ing" "ns" Subdomain Spec;
    "networking.k8s.io/v1" "IngressClass" "ingressclasses" "" "" Subdomain Spec;
    "networking.k8s.io/v1" "NetworkPolicy" "networkpolicies" "netpol" "n" Subdomain Spec;
    "rbac.authorization.k8s.io/v1" "Role" "roles" "" "n" Path None;
    "rbac.authorization.k8s.io/v1" "RoleBinding" "rolebindings" "" "n" Path None;
    "rbac.authorization.k8s.io/v1" "ClusterRole" "clusterroles" "" "" Path None;
    "rbac.authorization.k8s.io/v1" "ClusterRoleBinding" "clusterrolebindings" "" "" Path None;
    "apiextensions.k8s.io/v1" "CustomResourceDefinition" "customresourcedefinitions" "crd,crds" "sx" Subdomain Spec;
    "coordination.k8s.io/v1" "Lease" "leases" "" "n" Subdomain None;
    "scheduling.k8s.io/v1" "PriorityClass" "priorityclasses" "pc" "" Subdomain None;
};
