//! What a workload refers to: ConfigMaps, Secrets, ServiceAccounts and PersistentVolumeClaims.
//!
//! Without them its pods do not start, so they are shown with every plan, and travel with the workload where its
//! policy says so.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    FieldError,
    object::FederatedObject,
    selector::{Operator, Selector},
    workload,
};

/// Something that must be in a cluster for a workload to run there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Group and version.
    #[serde(default)]
    pub api_version: String,
    /// Kind.
    #[serde(default)]
    pub kind: String,
    /// Namespace; absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name; absent when it is chosen by label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Labels that it is chosen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<Selector>,
}

/// What a federated object's template refers to, by kind and name.
#[must_use]
pub fn of(object: &FederatedObject) -> Vec<Dependency> {
    let (resource, template) = (&object.resource, &object.spec.template);
    let found = match (resource.group.as_str(), resource.kind.as_str()) {
        ("networking.k8s.io" | "extensions", "Ingress") => tls_secrets(template),
        _ => match workload::pod_spec(&resource.kind, template) {
            Some(spec) => {
                let mut found = Found::default();
                found.pod(spec);
                let own = template.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
                for claim in own.into_iter().flatten() {
                    if let Some(name) = claim.pointer("/metadata/name").and_then(Value::as_str) {
                        found.claims.remove(name);
                    }
                }
                found
            }
            None => Found::default(),
        },
    };
    found.list(object.namespace.as_deref())
}

#[derive(Default)]
struct Found<'a> {
    config_maps: BTreeSet<&'a str>,
    secrets: BTreeSet<&'a str>,
    accounts: BTreeSet<&'a str>,
    claims: BTreeSet<&'a str>,
}

fn items<'a>(object: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    object.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn name<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str).filter(|name| !name.is_empty())
}

fn tls_secrets(ingress: &Value) -> Found<'_> {
    let mut found = Found::default();
    if let Some(spec) = ingress.get("spec") {
        found.secrets.extend(items(spec, "tls").filter_map(|tls| name(tls, "/secretName")));
    }
    found
}

impl<'a> Found<'a> {
    fn pod(&mut self, spec: &'a Value) {
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            items(spec, list).for_each(|container| self.container(container));
        }
        items(spec, "volumes").for_each(|volume| self.volume(volume));
        self.secrets.extend(items(spec, "imagePullSecrets").filter_map(|secret| name(secret, "/name")));
        let account = name(spec, "/serviceAccountName").or_else(|| name(spec, "/serviceAccount"));
        // Every namespace has this one.
        self.accounts.extend(account.filter(|account| *account != "default"));
    }

    fn container(&mut self, container: &'a Value) {
        for source in items(container, "envFrom") {
            self.config_maps.extend(name(source, "/configMapRef/name"));
            self.secrets.extend(name(source, "/secretRef/name"));
        }
        for variable in items(container, "env") {
            self.config_maps.extend(name(variable, "/valueFrom/configMapKeyRef/name"));
            self.secrets.extend(name(variable, "/valueFrom/secretKeyRef/name"));
        }
    }

    fn volume(&mut self, volume: &'a Value) {
        self.config_maps.extend(name(volume, "/configMap/name"));
        self.secrets.extend(name(volume, "/secret/secretName"));
        self.claims.extend(name(volume, "/persistentVolumeClaim/claimName"));
        let sources = volume.pointer("/projected/sources").and_then(Value::as_array);
        for source in sources.into_iter().flatten() {
            self.config_maps.extend(name(source, "/configMap/name"));
            self.secrets.extend(name(source, "/secret/name"));
        }
        // Drivers that take credentials from a Secret beside the pod.
        for driver in ["azureFile", "cephfs", "cinder", "rbd", "flexVolume", "scaleIO", "iscsi", "storageos"]
        {
            let secret = volume
                .get(driver)
                .and_then(|driver| name(driver, "/secretName").or_else(|| name(driver, "/secretRef/name")));
            self.secrets.extend(secret);
        }
        self.secrets.extend(name(volume, "/csi/nodePublishSecretRef/name"));
    }

    fn list(self, namespace: Option<&str>) -> Vec<Dependency> {
        let kinds = [
            ("ConfigMap", self.config_maps),
            ("Secret", self.secrets),
            ("ServiceAccount", self.accounts),
            ("PersistentVolumeClaim", self.claims),
        ];
        let dependency = |kind: &str, name: &str| Dependency {
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: Some(name.to_owned()),
            label_selector: None,
        };
        kinds
            .into_iter()
            .flat_map(|(kind, names)| {
                names.into_iter().map(|name| dependency(kind, name)).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// What is malformed in references that somebody else determined: kind and version are needed, and a name or a
/// selector that is one.
#[must_use]
pub fn faults(dependencies: &[Dependency], path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (index, dependency) in dependencies.iter().enumerate() {
        let here = format!("{path}[{index}]");
        let missing = [("apiVersion", &dependency.api_version), ("kind", &dependency.kind)];
        for (field, _) in missing.into_iter().filter(|(_, value)| value.is_empty()) {
            faults.push(FieldError::new(format!("{here}.{field}"), "is required"));
        }
        let has_name = dependency.name.as_deref().is_some_and(|name| !name.is_empty());
        match &dependency.label_selector {
            None if !has_name => faults.push(FieldError::new(&here, "needs a name or a labelSelector")),
            None => {}
            Some(selector) => {
                let path = format!("{here}.labelSelector");
                faults.extend(selector.faults(&path));
                faults.extend(selector.match_expressions.iter().enumerate().filter_map(
                    |(index, requirement)| {
                        let foreign = matches!(requirement.operator, Operator::Gt | Operator::Lt);
                        foreign.then(|| {
                            FieldError::new(
                                format!("{path}.matchExpressions[{index}].operator"),
                                "is not an operator of Kubernetes label selectors",
                            )
                        })
                    },
                ));
            }
        }
    }
    faults
}
