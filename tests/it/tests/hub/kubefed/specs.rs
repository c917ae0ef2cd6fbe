//! The specs of KubeFed's own suite: which of them run, in which process, and why the others cannot concern a hub.

/// How a process runs its specs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Everything that has to do with replicas over exactly two clusters; relabels a cluster.
    Scheduling,
    /// Create, read, update and delete of one federated type after the other.
    Crud,
    /// The same of types that pods belong to, and everything about their status.
    Workloads,
    /// Versions that KubeFed's own manager writes, defaults, validation, elections, federating what is there.
    Rest,
    /// KubeFed's own controllers run in the suite's process, with the hub as their apiserver.
    Embedded,
}

/// Specs that run and pass, by their full names.
pub const RUN: &[(Run, &[&str])] = &[
    (
        Run::Scheduling,
        &[
            "Scheduling ReplicaSchedulingPreferences scheduling for federated deployments.apps should result in replicas spread equally in clusters with no explicit per cluster preferences",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated deployments.apps should result in replicas spread in proportion of weights when explicit preferences with weights specified",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated deployments.apps should result in replicas spread considering min replicas when both minreplica and weights specified",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated deployments.apps should result in target clusters are the intersection of the RSP clusters and federated resource placement",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated replicasets.apps should result in replicas spread equally in clusters with no explicit per cluster preferences",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated replicasets.apps should result in replicas spread in proportion of weights when explicit preferences with weights specified",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated replicasets.apps should result in replicas spread considering min replicas when both minreplica and weights specified",
            "Scheduling ReplicaSchedulingPreferences scheduling for federated replicasets.apps should result in target clusters are the intersection of the RSP clusters and federated resource placement",
        ],
    ),
    (
        Run::Crud,
        &[
            "Federated \"ingresses.networking.k8s.io\" should be created, read, updated and deleted successfully",
            "Federated \"services\" should be created, read, updated and deleted successfully",
            "Federated \"serviceaccounts\" should be created, read, updated and deleted successfully",
            "Federated \"namespaces\" should be created, read, updated and deleted successfully",
            "Federated \"secrets\" should be created, read, updated and deleted successfully",
            "Federated \"configmaps\" should be created, read, updated and deleted successfully",
            "Federated \"configmaps\" should report NamespaceNotFederated in propagation status if the containing namespace is not federated",
            "Federated \"configmaps\" should have the managed label removed if not managed",
            "Federated \"configmaps\" should not be deleted if unlabeled",
            "Federated \"clusterroles.rbac.authorization.k8s.io\" should be created, read, updated and deleted successfully",
        ],
    ),
    (
        Run::Workloads,
        &[
            "Federated \"replicasets.apps\" should be created, read, updated and deleted successfully",
            "Federated \"replicasets.apps\" should be created, read its remote status and deleted successfully",
            "Federated \"deployments.apps\" should be created, read, updated and deleted successfully",
            "Federated \"deployments.apps\" should be created, read its remote status and deleted successfully",
            "Federated \"jobs.batch\" should be created, read, updated and deleted successfully",
            "Federated \"jobs.batch\" should be created, read its remote status and deleted successfully",
            "DeleteOptions Deployment should be created and deleted successfully, but ReplicaSet that created by Deployment won't be deleted",
        ],
    ),
    (
        Run::Rest,
        &[
            "VersionManager NamespacedVersionManager should create a new version in the API",
            "VersionManager NamespacedVersionManager should load versions from the API on sync",
            "VersionManager NamespacedVersionManager should refresh and update after out-of-band creation",
            "VersionManager NamespacedVersionManager should refresh and update after out-of-band update",
            "VersionManager NamespacedVersionManager should recreate after out-of-band deletion",
            "VersionManager NamespacedVersionManager should add owner reference that ensures garbage collection when template is deleted",
            "VersionManager ClusterVersionManager should create a new version in the API",
            "VersionManager ClusterVersionManager should load versions from the API on sync",
            "VersionManager ClusterVersionManager should refresh and update after out-of-band creation",
            "VersionManager ClusterVersionManager should refresh and update after out-of-band update",
            "VersionManager ClusterVersionManager should recreate after out-of-band deletion",
            "VersionManager ClusterVersionManager should add owner reference that ensures garbage collection when template is deleted",
            "Core API Validation for FederatedTypeConfig should fail when an invalid FederatedTypeConfig is created or updated",
            "Core API Validation for KubeFedCluster should fail when an invalid KubeFedCluster is created or updated",
            "Core API Validation for KubeFedConfig should fail when an invalid KubeFedConfig is created or updated",
            "Federate resource \"configmaps\", should create an equivalent federated resource in the host cluster",
            "Federate resource \"clusterroles.rbac.authorization.k8s.io\", should create an equivalent federated resource in the host cluster",
            "Federate namespace with contents, should create equivalent federated resources for all namespaced resources",
            "Federate input yaml from a file, should emit equivalent federated resources",
            "Default KubeFedConfig is created by mutating admissing webhook and preserves values set by user",
            "Default KubeFedConfig does not cause controller-manager to fail",
            "Leader Elector should chose secondary instance, primary goes down",
            "KubeFedCluster should correctly report the Kubernetes git version of the cluster",
        ],
    ),
    (
        Run::Embedded,
        &[
            "Scheduler Manager when federatedtypeconfig resources are changed related scheduler and plugin controllers should be dynamically disabled/enabled",
            "FTC controller should be refreshed if the target CRD version changed for a federated CRD",
        ],
    ),
];

const ONE_NAMESPACE: &str =
    "is for a KubeFed that serves one namespace only (-limited-scope); a hub serves all of them";
const HUB_AS_MEMBER: &str = "makes definitions in the member that is named as the client's context, which must be the \
                             host itself: the hub is no member of its own";

/// Specs that do not run, with the reason.
pub const LEFT_OUT: &[(&str, &[&str])] = &[
    (
        ONE_NAMESPACE,
        &[
            "Placement should be computed from namespace and resource placement for a namespaced control plane",
            "[NOT_READY] Simulated not-ready nodes should simulate unhealthy clusters",
            "Core API Validation when running with namespace scoped deployment for FederatedTypeConfig should succeed when an invalid FederatedTypeConfig is created outside the kubefed system namespace",
            "Core API Validation when running with namespace scoped deployment for KubeFedCluster should succeed when an invalid KubeFedCluster is created outside the kubefed system namespace",
            "Core API Validation when running with namespace scoped deployment for KubeFedConfig should succeed when an invalid KubeFedConfig is created outside the kubefed system namespace",
            "Simulated Scale should create a simulated federation",
        ],
    ),
    (
        HUB_AS_MEMBER,
        &[
            "Federated CRD resources with namespaced=true should be created, read, updated and deleted successfully",
            "Federated CRD resources with namespaced=false should be created, read, updated and deleted successfully",
        ],
    ),
];
