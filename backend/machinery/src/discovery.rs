//! Telling clients what is served: `/api`, `/apis`, the resources of a group and version, and all of it at once
//! (aggregated discovery, version 2). Clients read these before anything else, older ones every time.

use serde_json::{Value, json};

use crate::Descriptor;

/// A resource and what can be done with it.
#[derive(Clone, Debug)]
pub struct Served {
    /// The kind.
    pub kind: Descriptor,
    /// Verbs, such as `get`, `list`.
    pub verbs: Vec<String>,
}

/// All verbs of a stored resource.
pub const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];

impl Served {
    /// With all verbs.
    #[must_use]
    pub fn with_all_verbs(kind: Descriptor) -> Self {
        Self { kind, verbs: VERBS.map(str::to_owned).into() }
    }
}

/// `/api`. `address` is the one by which clients reach the server, `host:port`.
#[must_use]
pub fn core_versions(address: &str) -> Value {
    json!({
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    })
}

/// Groups with their versions, each in the order given; the first version of a group is the preferred one.
fn groups(served: &[Served]) -> Vec<(&str, Vec<&str>)> {
    let mut out: Vec<(&str, Vec<&str>)> = Vec::new();
    for Served { kind, .. } in served {
        let (group, version) = (kind.group.as_str(), kind.version.as_str());
        match out.iter_mut().find(|(name, _)| *name == group) {
            Some((_, versions)) => {
                if !versions.contains(&version) {
                    versions.push(version);
                }
            }
            None => out.push((group, vec![version])),
        }
    }
    out
}

fn group_body(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": format!("{group}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// `/apis`.
#[must_use]
pub fn group_list(served: &[Served]) -> Value {
    let named = groups(served).into_iter().filter(|(group, _)| !group.is_empty());
    let groups: Vec<Value> = named.map(|(group, versions)| group_body(group, &versions)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`; `None` when nothing of the group is served.
#[must_use]
pub fn group(served: &[Served], name: &str) -> Option<Value> {
    let (group, versions) =
        groups(served).into_iter().find(|(group, _)| *group == name && !name.is_empty())?;
    let mut body = group_body(group, &versions);
    let map = body.as_object_mut()?;
    map.insert("kind".into(), "APIGroup".into());
    map.insert("apiVersion".into(), "v1".into());
    Some(body)
}

/// `/api/v1`, `/apis/GROUP/VERSION`; `None` when nothing of it is served.
#[must_use]
pub fn resources(served: &[Served], api_version: &str) -> Option<Value> {
    let mut list = Vec::new();
    for Served { kind, verbs } in served.iter().filter(|served| served.kind.api_version() == api_version) {
        let mut resource = json!({
            "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced,
            "kind": kind.kind, "verbs": verbs,
        });
        if let Some(map) = resource.as_object_mut() {
            if !kind.short.is_empty() {
                map.insert("shortNames".into(), json!(kind.short));
            }
            if !kind.categories.is_empty() {
                map.insert("categories".into(), json!(kind.categories));
            }
        }
        list.push(resource);
        if kind.scale {
            list.push(json!({
                "name": format!("{}/scale", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "group": "autoscaling", "version": "v1", "kind": "Scale", "verbs": STATUS_VERBS,
            }));
        }
        if kind.status {
            list.push(json!({
                "name": format!("{}/status", kind.plural), "singularName": "", "namespaced": kind.namespaced,
                "kind": kind.kind, "verbs": STATUS_VERBS,
            }));
        }
    }
    if list.is_empty() {
        return None;
    }
    list.sort_by(|a, b| a.get("name").and_then(Value::as_str).cmp(&b.get("name").and_then(Value::as_str)));
    Some(
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": list}),
    )
}

/// Everything at once, for `/api` (`core`) or `/apis`, version 2.
#[must_use]
pub fn aggregated(served: &[Served], core: bool) -> Value {
    let items: Vec<Value> = groups(served)
        .into_iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let versions: Vec<Value> =
                versions.iter().map(|version| aggregated_version(served, group, version)).collect();
            let metadata = if core { json!({}) } else { json!({"name": group}) };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    })
}

fn aggregated_version(served: &[Served], group: &str, version: &str) -> Value {
    let mut of_version: Vec<&Served> =
        served.iter().filter(|served| served.kind.group == group && served.kind.version == version).collect();
    of_version.sort_by(|a, b| a.kind.plural.cmp(&b.kind.plural));
    let resource = |Served { kind, verbs }: &Served| {
        let response = |group: &str, version: &str, kind: &str| json!({"group": group, "version": version, "kind": kind});
        let own = response(&kind.group, &kind.version, &kind.kind);
        let mut body = json!({
            "resource": kind.plural,
            "responseKind": own,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": kind.singular,
            "verbs": verbs,
        });
        let mut below = Vec::new();
        if kind.scale {
            let scale = response("autoscaling", "v1", "Scale");
            below.push(json!({"subresource": "scale", "responseKind": scale, "verbs": STATUS_VERBS}));
        }
        if kind.status {
            below.push(json!({"subresource": "status", "responseKind": own, "verbs": STATUS_VERBS}));
        }
        if let Some(map) = body.as_object_mut() {
            for (name, list) in [
                ("shortNames", json!(kind.short)),
                ("categories", json!(kind.categories)),
                ("subresources", json!(below)),
            ] {
                if list.as_array().is_some_and(|list| !list.is_empty()) {
                    map.insert(name.into(), list);
                }
            }
        }
        body
    };
    let resources: Vec<Value> = of_version.into_iter().map(resource).collect();
    json!({"version": version, "resources": resources, "freshness": "Current"})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Vec<Served> {
        Descriptor::all_built_in().into_iter().map(Served::with_all_verbs).collect()
    }

    #[test]
    fn plain_and_aggregated_discovery_tell_the_same() {
        let served = served();
        let all = aggregated(&served, false);
        for item in all["items"].as_array().unwrap() {
            for version in item["versions"].as_array().unwrap() {
                let api_version = format!(
                    "{}/{}",
                    item["metadata"]["name"].as_str().unwrap(),
                    version["version"].as_str().unwrap()
                );
                let plain = resources(&served, &api_version).unwrap();
                let top = |name: &str| !name.contains('/');
                let plain = plain["resources"].as_array().unwrap();
                let names: Vec<_> =
                    plain.iter().filter_map(|r| r["name"].as_str()).filter(|n| top(n)).collect();
                let aggregated = version["resources"].as_array().unwrap();
                assert_eq!(
                    names,
                    aggregated.iter().filter_map(|r| r["resource"].as_str()).collect::<Vec<_>>()
                );
            }
        }
        assert_eq!(aggregated(&served, true)["items"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn the_first_version_of_a_group_is_preferred() {
        let group = group(&served(), "autoscaling").unwrap();
        assert_eq!(group["preferredVersion"]["groupVersion"], "autoscaling/v2");
        assert!(super::group(&served(), "nope").is_none());
        assert!(resources(&served(), "nope/v1").is_none());
        let apps = resources(&served(), "apps/v1").unwrap();
        let names: Vec<_> =
            apps["resources"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
        assert!(names.contains(&"deployments/scale") && names.contains(&"daemonsets/status"));
    }
}
