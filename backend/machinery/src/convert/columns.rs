//! The columns of each kind: those of kubectl for Kubernetes' kinds, those of KubeFed's definitions for its kinds,
//! and name and age for all others.

use crate::Descriptor;

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Heading.
    pub name: &'static str,
    /// OpenAPI type.
    pub kind: &'static str,
    /// OpenAPI format; `name` marks the column that names the object.
    pub format: &'static str,
    /// What it shows.
    pub description: &'static str,
    /// Zero is always shown, more only when asked for.
    pub priority: i32,
    /// Where its value comes from.
    pub(super) from: From,
}

/// Where the value of a cell comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A field, with what stands for it when absent.
    Field(&'static str, &'static str),
    /// A flag in a field; absent is false.
    Flag(&'static str),
    /// A number in a field; absent is zero.
    Number(&'static str),
    /// `ready/wanted`.
    Ready(&'static str, &'static str),
    /// The age of the object.
    Age,
    /// The age of a time in a field.
    Since(&'static str),
    /// Number of entries of these maps or lists.
    Count(&'static [&'static str]),
    /// A selector.
    Selector(&'static str),
    /// Names of containers of a pod's specification.
    Containers(&'static str),
    /// Their images.
    Images(&'static str),
    /// Status of a condition of a type.
    Condition(&'static str),
    /// What its name says; computed for one kind.
    Special(Special),
}

/// Cells that are computed for one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    JobStatus,
    JobCompletions,
    JobDuration,
    ServiceExternal,
    ServicePorts,
    IngressHosts,
    IngressAddress,
    IngressPorts,
    HpaReference,
    HpaTargets,
    ClaimCapacity,
    AccessModes,
    RoleName,
    Subjects(&'static str),
    PodReady,
    PodStatus,
    PodRestarts,
    ReadinessGates,
    EventObject,
    EventSource,
    EventCount,
    EventFirst,
    EventLast,
    EventMessage,
    IngressParameters,
}

const fn column(name: &'static str, kind: &'static str, priority: i32, from: From) -> Column {
    Column { name, kind, format: "", description: name, priority, from }
}

const NAME: Column = Column {
    name: "Name",
    kind: "string",
    format: "name",
    description: "Name must be unique within a namespace.",
    priority: 0,
    from: From::Field("metadata.name", ""),
};
const AGE: Column = Column {
    name: "Age",
    kind: "string",
    format: "",
    description: "CreationTimestamp is a timestamp representing the server time when this object was created.",
    priority: 0,
    from: From::Age,
};

const fn text(name: &'static str, from: From) -> Column {
    column(name, "string", 0, from)
}

const fn number(name: &'static str, from: &'static str) -> Column {
    column(name, "integer", 0, From::Number(from))
}

const fn wide(name: &'static str, from: From) -> Column {
    column(name, "string", 1, from)
}

const POD: &str = "spec.template.spec";

/// Columns of a kind.
#[must_use]
pub(super) fn of(kind: &Descriptor) -> Vec<Column> {
    let mut columns = vec![NAME];
    let last = match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps" | "batch", _) => workload(&kind.kind),
        ("", _) => core(&kind.kind),
        ("networking.k8s.io" | "policy" | "autoscaling" | "rbac.authorization.k8s.io", _) => {
            other(&kind.kind)
        }
        ("apiextensions.k8s.io" | "coordination.k8s.io" | "scheduling.k8s.io", _) => other(&kind.kind),
        ("core.kubefed.io" | "scheduling.kubefed.io" | "types.kubefed.io", _) => kubefed(&kind.kind),
        _ => vec![AGE],
    };
    if kind.group.is_empty() && kind.kind == "Event" {
        columns.clear();
    }
    columns.extend(last);
    columns
}

fn pods() -> [Column; 3] {
    [
        wide("Containers", From::Containers(POD)),
        wide("Images", From::Images(POD)),
        wide("Selector", From::Selector("spec.selector")),
    ]
}

fn workload(kind: &str) -> Vec<Column> {
    let mut columns = match kind {
        "Deployment" => vec![
            text("Ready", From::Ready("status.readyReplicas", "spec.replicas")),
            text("Up-to-date", From::Number("status.updatedReplicas")),
            text("Available", From::Number("status.availableReplicas")),
            AGE,
        ],
        "ReplicaSet" => vec![
            number("Desired", "spec.replicas"),
            number("Current", "status.replicas"),
            number("Ready", "status.readyReplicas"),
            AGE,
        ],
        "StatefulSet" => vec![text("Ready", From::Ready("status.readyReplicas", "spec.replicas")), AGE],
        "DaemonSet" => vec![
            number("Desired", "status.desiredNumberScheduled"),
            number("Current", "status.currentNumberScheduled"),
            number("Ready", "status.numberReady"),
            number("Up-to-date", "status.updatedNumberScheduled"),
            number("Available", "status.numberAvailable"),
            text("Node Selector", From::Selector("spec.template.spec.nodeSelector")),
            AGE,
        ],
        "Job" => vec![
            text("Status", From::Special(Special::JobStatus)),
            text("Completions", From::Special(Special::JobCompletions)),
            text("Duration", From::Special(Special::JobDuration)),
            AGE,
        ],
        "CronJob" => {
            let pod = "spec.jobTemplate.spec.template.spec";
            return vec![
                text("Schedule", From::Field("spec.schedule", "")),
                text("Timezone", From::Field("spec.timeZone", "<none>")),
                column("Suspend", "boolean", 0, From::Field("spec.suspend", "False")),
                column("Active", "integer", 0, From::Count(&["status.active"])),
                text("Last Schedule", From::Since("status.lastScheduleTime")),
                AGE,
                wide("Containers", From::Containers(pod)),
                wide("Images", From::Images(pod)),
                wide("Selector", From::Selector("spec.jobTemplate.spec.selector")),
            ];
        }
        _ => return vec![AGE],
    };
    columns.extend(pods());
    if kind == "StatefulSet" {
        columns.pop();
    }
    columns
}

fn core(kind: &str) -> Vec<Column> {
    match kind {
        "Namespace" => vec![text("Status", From::Field("status.phase", "")), AGE],
        "ConfigMap" => vec![text("Data", From::Count(&["data", "binaryData"])), AGE],
        "Secret" => {
            vec![text("Type", From::Field("type", "")), text("Data", From::Count(&["data"])), AGE]
        }
        "Service" => vec![
            text("Type", From::Field("spec.type", "")),
            text("Cluster-IP", From::Field("spec.clusterIP", "<none>")),
            text("External-IP", From::Special(Special::ServiceExternal)),
            text("Port(s)", From::Special(Special::ServicePorts)),
            AGE,
            wide("Selector", From::Selector("spec.selector")),
        ],
        "PersistentVolumeClaim" => vec![
            text("Status", From::Field("status.phase", "")),
            text("Volume", From::Field("spec.volumeName", "")),
            text("Capacity", From::Special(Special::ClaimCapacity)),
            text("Access Modes", From::Special(Special::AccessModes)),
            text("StorageClass", From::Field("spec.storageClassName", "")),
            text("VolumeAttributesClass", From::Field("spec.volumeAttributesClassName", "<unset>")),
            AGE,
            wide("VolumeMode", From::Field("spec.volumeMode", "<unset>")),
        ],
        "Pod" => vec![
            text("Ready", From::Special(Special::PodReady)),
            text("Status", From::Special(Special::PodStatus)),
            text("Restarts", From::Special(Special::PodRestarts)),
            AGE,
            wide("IP", From::Field("status.podIP", "<none>")),
            wide("Node", From::Field("spec.nodeName", "<none>")),
            wide("Nominated Node", From::Field("status.nominatedNodeName", "<none>")),
            wide("Readiness Gates", From::Special(Special::ReadinessGates)),
        ],
        "Event" => vec![
            text("Last Seen", From::Special(Special::EventLast)),
            text("Type", From::Field("type", "")),
            text("Reason", From::Field("reason", "")),
            text("Object", From::Special(Special::EventObject)),
            wide("Subobject", From::Field("involvedObject.fieldPath", "")),
            wide("Source", From::Special(Special::EventSource)),
            text("Message", From::Special(Special::EventMessage)),
            wide("First Seen", From::Special(Special::EventFirst)),
            wide("Count", From::Special(Special::EventCount)),
            Column { priority: 1, ..NAME },
        ],
        _ => vec![AGE],
    }
}

fn other(kind: &str) -> Vec<Column> {
    match kind {
        "Ingress" => vec![
            text("Class", From::Field("spec.ingressClassName", "<none>")),
            text("Hosts", From::Special(Special::IngressHosts)),
            text("Address", From::Special(Special::IngressAddress)),
            text("Ports", From::Special(Special::IngressPorts)),
            AGE,
        ],
        "NetworkPolicy" => vec![text("Pod-Selector", From::Selector("spec.podSelector")), AGE],
        "PodDisruptionBudget" => vec![
            text("Min Available", From::Field("spec.minAvailable", "N/A")),
            text("Max Unavailable", From::Field("spec.maxUnavailable", "N/A")),
            number("Allowed Disruptions", "status.disruptionsAllowed"),
            AGE,
        ],
        "HorizontalPodAutoscaler" => vec![
            text("Reference", From::Special(Special::HpaReference)),
            text("Targets", From::Special(Special::HpaTargets)),
            text("MinPods", From::Field("spec.minReplicas", "<unset>")),
            text("MaxPods", From::Number("spec.maxReplicas")),
            text("Replicas", From::Number("status.currentReplicas")),
            AGE,
        ],
        "IngressClass" => vec![
            text("Controller", From::Field("spec.controller", "")),
            text("Parameters", From::Special(Special::IngressParameters)),
            AGE,
        ],
        "Lease" => vec![text("Holder", From::Field("spec.holderIdentity", "")), AGE],
        "PriorityClass" => vec![
            number("Value", "value"),
            column("Global-Default", "boolean", 0, From::Flag("globalDefault")),
            AGE,
            text("PreemptionPolicy", From::Field("preemptionPolicy", "")),
        ],
        "Role" | "ClusterRole" | "CustomResourceDefinition" => {
            vec![column("Created At", "date", 0, From::Field("metadata.creationTimestamp", ""))]
        }
        "RoleBinding" | "ClusterRoleBinding" => vec![
            text("Role", From::Special(Special::RoleName)),
            AGE,
            wide("Users", From::Special(Special::Subjects("User"))),
            wide("Groups", From::Special(Special::Subjects("Group"))),
            wide("ServiceAccounts", From::Special(Special::Subjects("ServiceAccount"))),
        ],
        _ => vec![AGE],
    }
}

/// KubeFed's definitions print little; its users look for propagation and clusters.
fn kubefed(kind: &str) -> Vec<Column> {
    match kind {
        "KubeFedCluster" => vec![
            AGE,
            text("Ready", From::Condition("Ready")),
            wide("Version", From::Field("status.kubernetesVersion", "")),
        ],
        "FederatedTypeConfig" | "KubeFedConfig" => vec![AGE],
        kind if kind.starts_with("Federated") => vec![
            text("Propagated", From::Condition("Propagation")),
            column("Clusters", "integer", 0, From::Count(&["status.clusters"])),
            AGE,
        ],
        _ => vec![AGE],
    }
}
