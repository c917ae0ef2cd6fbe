//! Names of kinds. The server's list of types says which kind goes by which `plural.group`; people may also write a
//! plural, a singular or one of the short names that kubectl knows.

use serde::Deserialize;

use crate::{
    client::{Api, read},
    error::{Error, Result},
};

/// A kind that can be federated, as the server lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeInfo {
    #[serde(rename = "type")]
    type_: String,
    group: String,
    kind: String,
    #[serde(default = "yes")]
    namespaced: bool,
}

const fn yes() -> bool {
    true
}

/// Every kind that can be federated.
#[derive(Clone, Debug)]
pub(crate) struct Kinds(Vec<TypeInfo>);

const SHORT: &[(&str, &str)] = &[
    ("cj", "cronjobs"),
    ("cm", "configmaps"),
    ("crd", "customresourcedefinitions"),
    ("deploy", "deployments"),
    ("ds", "daemonsets"),
    ("hpa", "horizontalpodautoscalers"),
    ("ing", "ingresses"),
    ("limits", "limitranges"),
    ("netpol", "networkpolicies"),
    ("ns", "namespaces"),
    ("pdb", "poddisruptionbudgets"),
    ("pvc", "persistentvolumeclaims"),
    ("quota", "resourcequotas"),
    ("rs", "replicasets"),
    ("sa", "serviceaccounts"),
    ("sts", "statefulsets"),
    ("svc", "services"),
];

impl Kinds {
    /// Asks the server.
    pub(crate) async fn load(api: &Api) -> Result<Self> {
        read(api.get(&["types"]).await?.body).map(Self)
    }

    /// The type of an object's `apiVersion` and `kind`.
    pub(crate) fn of_object(&self, api_version: &str, kind: &str) -> Option<&str> {
        let group = group_of(api_version);
        self.0
            .iter()
            .find(|known| known.group == group && known.kind == kind)
            .map(|known| known.type_.as_str())
    }

    /// Whether objects of a type belong to whole clusters, and so to the platform and to no project.
    pub(crate) fn is_of_platform(&self, type_: &str) -> bool {
        self.0.iter().any(|known| known.type_ == type_ && !known.namespaced && known.type_ != "namespaces")
    }

    /// The type that somebody wrote. What is not known is left as it is, for the server to judge.
    pub(crate) fn resolve(&self, text: &str) -> Result<String> {
        let wanted = text.to_lowercase();
        let plural =
            SHORT.iter().find(|(short, _)| *short == wanted).map_or(wanted.as_str(), |(_, plural)| plural);
        if self.0.iter().any(|known| known.type_ == plural) {
            return Ok(plural.to_owned());
        }
        let fits = |known: &&TypeInfo| {
            let (name, _) = known.type_.split_once('.').unwrap_or((&known.type_, ""));
            name == plural || known.kind.to_lowercase() == plural
        };
        let found: Vec<&str> = self.0.iter().filter(fits).map(|known| known.type_.as_str()).collect();
        match found.as_slice() {
            [] => Ok(wanted),
            [one] => Ok((*one).to_owned()),
            many => Err(Error::usage(format!("{text:?} can be {}: write which", many.join(" or ")))),
        }
    }
}

/// `apps` of `apps/v1`; empty for the core group.
pub(crate) fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// The parts of `type/name`.
pub(crate) fn type_and_name(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((type_, name)) if !type_.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((type_.to_owned(), name.to_owned()))
        }
        _ => Err("give TYPE/NAME, such as deployments.apps/web".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Kinds {
        let known = |type_: &str, kind: &str| TypeInfo {
            type_: type_.into(),
            group: type_.split_once('.').map_or("", |(_, group)| group).into(),
            kind: kind.into(),
            namespaced: true,
        };
        Kinds(vec![
            known("configmaps", "ConfigMap"),
            known("deployments.apps", "Deployment"),
            known("services", "Service"),
            known("services.serving.knative.dev", "Service"),
            known("gateways.gateway.networking.k8s.io", "Gateway"),
            known("gateways.networking.istio.io", "Gateway"),
        ])
    }

    #[test]
    fn kinds_go_by_all_their_names() {
        for text in ["deploy", "deployment", "Deployments", "deployments.apps"] {
            assert_eq!(kinds().resolve(text).unwrap(), "deployments.apps", "{text}");
        }
        assert_eq!(kinds().resolve("svc").unwrap(), "services", "an exact name goes before one with a group");
        assert_eq!(kinds().resolve("widgets.example.com").unwrap(), "widgets.example.com");
        assert_eq!(
            kinds().resolve("gateway").unwrap_err().to_string(),
            "\"gateway\" can be gateways.gateway.networking.k8s.io or gateways.networking.istio.io: write which"
        );
    }

    #[test]
    fn the_group_tells_kinds_of_one_name_apart() {
        assert_eq!(kinds().of_object("v1", "Service"), Some("services"));
        assert_eq!(
            kinds().of_object("serving.knative.dev/v1", "Service"),
            Some("services.serving.knative.dev")
        );
        assert_eq!(kinds().of_object("v1", "Widget"), None);
    }

    #[test]
    fn a_type_without_a_name_is_refused() {
        assert_eq!(type_and_name("deployments.apps/web").unwrap(), ("deployments.apps".into(), "web".into()));
        for bad in ["web", "/web", "a/", "a/b/c"] {
            assert!(type_and_name(bad).is_err(), "{bad}");
        }
    }
}
