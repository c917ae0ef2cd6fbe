//! The documents in which a member lists its kinds: one aggregated document per root where the member has them (two
//! requests in all), else one per group and version.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;

use crate::{
    api::{Api, Call},
    error::MemberError,
    resource::ResourceType,
};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
/// Documents of a member with very many custom kinds are large.
const DOCUMENT_BYTES: usize = 64 * 1024 * 1024;
const AT_ONCE: usize = 8;

/// Every kind in every version, in the member's order of preference.
pub(super) async fn read(api: &Api) -> Result<Vec<ResourceType>, MemberError> {
    let (core, groups) = tokio::try_join!(root(api, "/api"), root(api, "/apis"))?;
    Ok(core.into_iter().chain(groups).collect())
}

async fn root(api: &Api, path: &'static str) -> Result<Vec<ResourceType>, MemberError> {
    let call = Call::get(path).accept(AGGREGATED).answer_bytes(DOCUMENT_BYTES).unlimited();
    let document: Root = api.call(call).await?.json()?;
    match document.kind.as_str() {
        "APIGroupDiscoveryList" => Ok(document.items.iter().flat_map(Group::kinds).collect()),
        "APIVersions" => {
            let versions = document.versions.iter().map(|version| ("", version.as_str()));
            one_by_one(api, versions.map(|(group, version)| (group.to_owned(), version.to_owned())).collect())
                .await
        }
        "APIGroupList" => {
            let versions = document.groups.iter().flat_map(|group| {
                // The preferred version first, whatever the order of the list.
                let preferred = &group.preferred_version.version;
                let mut versions: Vec<_> = group.versions.iter().map(|served| &served.version).collect();
                versions.sort_by_key(|version| *version != preferred);
                versions.into_iter().map(|version| (group.name.clone(), version.clone()))
            });
            one_by_one(api, versions.collect()).await
        }
        other => Err(MemberError::NotKubernetes(format!("{path} lists {other:?}, not kinds"))),
    }
}

async fn one_by_one(api: &Api, versions: Vec<(String, String)>) -> Result<Vec<ResourceType>, MemberError> {
    let read = |(group, version): (String, String)| async move {
        let path =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match api.call(Call::get(path).answer_bytes(DOCUMENT_BYTES).unlimited()).await {
            Ok(answer) => Ok(answer.json::<ResourceList>()?.kinds(&group, &version)),
            // An extension API server that is down must not hide every other kind.
            Err(error @ (MemberError::Unavailable { .. } | MemberError::KindMissing(_))) => {
                tracing::warn!(group, version, %error, "a group of kinds could not be read");
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    };
    stream::iter(versions).map(read).buffered(AT_ONCE).try_concat().await
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Root {
    kind: String,
    items: Vec<Group>,
    versions: Vec<String>,
    groups: Vec<PlainGroup>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    metadata: Named,
    versions: Vec<Version>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Version {
    version: String,
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Resource {
    resource: String,
    response_kind: Option<ResponseKind>,
    scope: String,
    verbs: Vec<String>,
    subresources: Vec<Subresource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseKind {
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subresource {
    subresource: String,
}

impl Group {
    fn kinds(&self) -> impl Iterator<Item = ResourceType> {
        let group = &self.metadata.name;
        self.versions.iter().flat_map(move |version| {
            version.resources.iter().filter_map(move |resource| {
                let kind = resource.response_kind.as_ref().filter(|kind| !kind.kind.is_empty())?;
                Some(ResourceType {
                    group: group.clone(),
                    version: version.version.clone(),
                    kind: kind.kind.clone(),
                    plural: resource.resource.clone(),
                    namespaced: resource.scope == "Namespaced",
                    verbs: resource.verbs.clone(),
                    subresources: resource.subresources.iter().map(|sub| sub.subresource.clone()).collect(),
                })
            })
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PlainGroup {
    name: String,
    versions: Vec<PlainVersion>,
    preferred_version: PlainVersion,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainVersion {
    version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceList {
    resources: Vec<PlainResource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PlainResource {
    name: String,
    kind: String,
    namespaced: bool,
    verbs: Vec<String>,
}

impl ResourceList {
    fn kinds(&self, group: &str, version: &str) -> Vec<ResourceType> {
        let subresources = |plural: &str| {
            let of_it = |name: &str| name.strip_prefix(plural)?.strip_prefix('/').map(ToOwned::to_owned);
            self.resources.iter().filter_map(|resource| of_it(&resource.name)).collect()
        };
        let whole = self
            .resources
            .iter()
            .filter(|resource| !resource.name.contains('/') && !resource.kind.is_empty());
        whole
            .map(|resource| ResourceType {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: resource.kind.clone(),
                plural: resource.name.clone(),
                namespaced: resource.namespaced,
                verbs: resource.verbs.clone(),
                subresources: subresources(&resource.name),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_document_give_the_same_kinds() {
        let aggregated: Root = serde_json::from_str(
            r#"{"kind":"APIGroupDiscoveryList","items":[{"metadata":{"name":"apps"},"versions":[{"version":"v1",
            "resources":[{"resource":"deployments","responseKind":{"group":"","version":"","kind":"Deployment"},
            "scope":"Namespaced","verbs":["get","watch"],"subresources":[{"subresource":"status"}]},
            {"resource":"broken","responseKind":null}]}]}]}"#,
        )
        .unwrap();
        let plain: ResourceList = serde_json::from_str(
            r#"{"resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["get","watch"]},
            {"name":"deployments/status","kind":"Deployment","namespaced":true,"verbs":["get"]}]}"#,
        )
        .unwrap();
        let aggregated: Vec<_> = aggregated.items.iter().flat_map(Group::kinds).collect();
        assert_eq!(aggregated, plain.kinds("apps", "v1"));
        assert_eq!(aggregated.len(), 1);
    }
}
