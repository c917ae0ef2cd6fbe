//! What is written: small ConfigMaps, and Deployments of about one kilobyte.

use serde_json::{Value, json};

/// Namespace of the project, made by Hanse.
pub const PROJECT: &str = "measured";
/// Namespace of the bare client.
pub const PLAIN: &str = "plain";

/// A kind that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    ConfigMap,
    Deployment,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::ConfigMap, Self::Deployment];

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
        "metadata": {"name": name, "labels": {"app": name, "tier": "web", "part-of": "shop"}},
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
