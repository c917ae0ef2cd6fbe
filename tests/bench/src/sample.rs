//! What is written: small ConfigMaps, and Deployments of about one kilobyte.

use serde_json::{Value, json};

/// Namespace of the project, made by Hanse.
pub const PROJECT: &str = "measured";
/// Namespace of the bare client.
pub const PLAIN: &str = "plain";

/// Label that an update sets.
pub const CHANGED: &str = "changed";

/// Label of a Deployment that somebody in a member changes, for drift.
pub const TIER: &str = "tier";

/// A kind that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    ConfigMap,
    Deployment,
}

impl Kind {
    pub const fn plural(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Deployment => "deployments",
        }
    }

    /// Its name in the paths of Hanse's API.
    pub const fn type_name(self) -> &'static str {
        match self {
            Self::ConfigMap => "configmaps",
            Self::Deployment => "deployments.apps",
        }
    }

    pub const fn heading(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMaps",
            Self::Deployment => "Deployments",
        }
    }

    /// Path of an object at a member.
    pub fn path(self, namespace: &str, name: &str) -> String {
        let base = match self {
            Self::ConfigMap => "/api/v1",
            Self::Deployment => "/apis/apps/v1",
        };
        format!("{base}/namespaces/{namespace}/{plural}/{name}", plural = self.plural())
    }

    /// Path below a root of the hub; without a name that of the collection.
    pub fn hub_path(self, name: &str) -> String {
        let path = self.path(PROJECT, name);
        path.trim_end_matches('/').to_owned()
    }

    /// Path of its federated kind below `/kubefed`; without a name that of the collection.
    pub fn kubefed_path(self, name: &str) -> String {
        let plural = self.plural();
        let path = format!("/apis/types.kubefed.io/v1beta1/namespaces/{PROJECT}/federated{plural}/{name}");
        path.trim_end_matches('/').to_owned()
    }

    /// The same as an object of its federated kind.
    pub fn federated(self, name: &str, clusters: &[&str]) -> Value {
        let kind = match self {
            Self::ConfigMap => "FederatedConfigMap",
            Self::Deployment => "FederatedDeployment",
        };
        let clusters: Vec<Value> = clusters.iter().map(|cluster| json!({"name": cluster})).collect();
        json!({
            "apiVersion": "types.kubefed.io/v1beta1",
            "kind": kind,
            "metadata": {"name": name, "namespace": PROJECT},
            "spec": {"template": self.object(name), "placement": {"clusters": clusters}},
        })
    }

    /// The object after an update.
    pub fn changed(self, name: &str) -> Value {
        self.marked(name, "yes")
    }

    /// The object with this value of the label that an update sets.
    pub fn marked(self, name: &str, mark: &str) -> Value {
        let mut object = self.object(name);
        if let Some(labels) = object.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.insert(CHANGED.to_owned(), mark.into());
        }
        object
    }

    /// An object without namespace.
    pub fn object(self, name: &str) -> Value {
        match self {
            Self::ConfigMap => json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "labels": {"app": name}},
                "data": {"currency": "EUR", "language": "de"},
            }),
            Self::Deployment => deployment(name),
        }
    }
}

fn deployment(name: &str) -> Value {
    let probe = json!({"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name, TIER: "web", "part-of": "shop"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": name, "tier": "web"}},
                "spec": {"containers": [{
                    "name": "web",
                    "image": "registry.example/shop/web:1.4.2",
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "env": [
                        {"name": "REGION", "value": "eu-north"},
                        {"name": "LOG_LEVEL", "value": "info"},
                        {"name": "DATABASE_HOST", "value": "database.shop.svc"},
                    ],
                    "resources": {
                        "requests": {"cpu": "50m", "memory": "64Mi"},
                        "limits": {"cpu": "500m", "memory": "256Mi"},
                    },
                    "readinessProbe": probe.clone(),
                    "livenessProbe": probe,
                }]},
            },
        },
    })
}

/// Names of one batch.
pub fn batch(kind: Kind, prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{plural}-{number}", plural = kind.plural())).collect()
}
