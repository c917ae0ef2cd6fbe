//! What federation needs to be allowed in a member, as data: the probe asks for it, and the least-privilege role is
//! made from it.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use serde_json::json;

use crate::{
    api::{Api, Call, JSON},
    error::MemberError,
};

/// One thing to be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// API group.
    pub group: &'static str,
    /// Plural.
    pub resource: &'static str,
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// Without it the cluster cannot be a member; else only something is missing, which `for_what` says.
    pub required: bool,
    /// What it is for.
    pub for_what: &'static str,
}

const KEEP: &[&str] = &["get", "list", "watch", "create", "patch", "delete"];
const LOOK: &[&str] = &["get", "list", "watch"];

const fn need(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    required: bool,
    for_what: &'static str,
) -> Need {
    Need { group, resource, verbs, required, for_what }
}

/// Everything, required things first.
pub const NEEDS: &[Need] = &[
    need("", "namespaces", KEEP, true, "projects"),
    need(
        "",
        "configmaps",
        &["get", "list", "watch", "create", "update", "patch", "delete"],
        true,
        "federated objects",
    ),
    need("", "secrets", KEEP, true, "federated objects"),
    need("", "services", KEEP, true, "federated objects"),
    need("", "serviceaccounts", KEEP, true, "federated objects"),
    need("apps", "deployments", KEEP, true, "federated workloads"),
    need("apps", "replicasets", KEEP, true, "federated workloads"),
    need("apps", "statefulsets", KEEP, true, "federated workloads"),
    need("apps", "daemonsets", KEEP, true, "federated workloads"),
    need("batch", "jobs", KEEP, true, "federated workloads"),
    need("batch", "cronjobs", KEEP, true, "federated workloads"),
    need("rbac.authorization.k8s.io", "rolebindings", KEEP, true, "members of projects"),
    need("", "resourcequotas", KEEP, true, "quotas of projects"),
    need("", "limitranges", KEEP, true, "quotas of projects"),
    need("", "nodes", LOOK, false, "the number, room and places of nodes"),
    need("", "pods", LOOK, false, "pods behind workloads"),
    need("", "persistentvolumeclaims", KEEP, false, "federated persistent volume claims"),
    need("networking.k8s.io", "ingresses", KEEP, false, "federated ingresses"),
    need("networking.k8s.io", "networkpolicies", KEEP, false, "federated network policies"),
    need("autoscaling", "horizontalpodautoscalers", KEEP, false, "federated autoscalers"),
    need("policy", "poddisruptionbudgets", KEEP, false, "federated disruption budgets"),
    need("rbac.authorization.k8s.io", "roles", KEEP, false, "federated roles"),
    need("rbac.authorization.k8s.io", "clusterroles", KEEP, false, "federated cluster roles"),
    need("rbac.authorization.k8s.io", "clusterrolebindings", KEEP, false, "federated cluster role bindings"),
    need("apiextensions.k8s.io", "customresourcedefinitions", KEEP, false, "federated custom kinds"),
    need("", "users", &["impersonate"], false, "access of people through the gateway"),
    need("", "groups", &["impersonate"], false, "access of people through the gateway"),
];

/// Asked at once.
const AT_ONCE: usize = 8;

/// What is not allowed: needs with only the verbs that are missing.
pub(super) async fn missing(api: &Api) -> Result<Vec<(Need, Vec<&'static str>)>, MemberError> {
    if allowed(api, "*", "*", "*").await? {
        return Ok(Vec::new());
    }
    let check = |need: &'static Need| async move {
        if allowed(api, need.group, need.resource, "*").await? {
            return Ok::<_, MemberError>((*need, Vec::new()));
        }
        let mut missing = Vec::new();
        for verb in need.verbs {
            if !allowed(api, need.group, need.resource, verb).await? {
                missing.push(*verb);
            }
        }
        Ok((*need, missing))
    };
    // Made before they are buffered: a stream that calls a borrowing closure cannot be moved between threads.
    let checks: Vec<_> = NEEDS.iter().map(check).collect();
    let found: Vec<(Need, Vec<&'static str>)> = stream::iter(checks).buffered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().filter(|(_, missing)| !missing.is_empty()).collect())
}

async fn allowed(api: &Api, group: &str, resource: &str, verb: &str) -> Result<bool, MemberError> {
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        #[serde(default)]
        allowed: bool,
    }
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "group": group, "resource": resource, "verb": verb } },
    });
    let call = Call::new(http::Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    let review: Review = api.call(call.body(JSON, body.to_string())).await?.json()?;
    Ok(review.status.allowed)
}

/// `deployments.apps: patch, delete` for each.
pub(super) fn words(missing: &[(Need, Vec<&'static str>)]) -> String {
    let one = |(need, verbs): &(Need, Vec<&'static str>)| {
        let dot = if need.group.is_empty() { "" } else { "." };
        format!("{}{dot}{} ({})", need.resource, need.group, verbs.join(", "))
    };
    missing.iter().map(one).collect::<Vec<_>>().join("; ")
}
