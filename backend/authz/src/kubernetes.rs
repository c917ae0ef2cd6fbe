//! Kubernetes' resources in the words of the catalogue. One table says what belongs to what; read one way it decides on
//! a request to a member's API, read the other way it gives the rules that are written into members, so that a member
//! refuses what the host would refuse.

use std::collections::BTreeSet;

use hanse_types::access::ScopeKind;

use crate::catalogue::{CATALOGUE, definition};

/// What reads do.
const READ: &[&str] = &["get", "list", "watch"];
/// What changes do.
const WRITE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
/// What a connection into a pod does, whatever the protocol: upgrades by GET or POST, proxied requests by any method.
const CONNECT: &[&str] = &["get", "create", "update", "patch", "delete"];

/// Resources that one pair of permissions is about.
struct Area {
    /// Second part of the permissions' names.
    name: &'static str,
    /// By group; `*` is every resource of the group with its subresources.
    resources: &'static [(&'static str, &'static [&'static str])],
}

const AREAS: &[Area] = &[
    Area {
        name: "workloads",
        resources: &[
            (
                "",
                &[
                    "pods",
                    "pods/status",
                    "pods/eviction",
                    "pods/resize",
                    "replicationcontrollers",
                    "replicationcontrollers/status",
                    "replicationcontrollers/scale",
                    "podtemplates",
                    "events",
                ],
            ),
            ("apps", &["*"]),
            ("batch", &["*"]),
            ("autoscaling", &["*"]),
            ("policy", &["*"]),
            ("events.k8s.io", &["*"]),
            ("metrics.k8s.io", &["pods"]),
        ],
    },
    Area { name: "logs", resources: &[("", &["pods/log"])] },
    Area {
        name: "exec",
        resources: &[(
            "",
            &[
                "pods/exec",
                "pods/attach",
                "pods/portforward",
                "pods/proxy",
                "pods/ephemeralcontainers",
                "services/proxy",
            ],
        )],
    },
    Area { name: "config", resources: &[("", &["configmaps"]), ("coordination.k8s.io", &["*"])] },
    Area { name: "secrets", resources: &[("", &["secrets"])] },
    Area {
        name: "network",
        resources: &[
            ("", &["services", "services/status", "endpoints"]),
            ("networking.k8s.io", &["*"]),
            ("discovery.k8s.io", &["*"]),
            ("gateway.networking.k8s.io", &["*"]),
        ],
    },
    Area {
        name: "storage",
        resources: &[
            (
                "",
                &[
                    "persistentvolumeclaims",
                    "persistentvolumeclaims/status",
                    "persistentvolumes",
                    "persistentvolumes/status",
                ],
            ),
            ("storage.k8s.io", &["*"]),
            ("snapshot.storage.k8s.io", &["*"]),
        ],
    },
    Area { name: "service-accounts", resources: &[("", &["serviceaccounts"])] },
    Area { name: "impersonation", resources: &[("", &["serviceaccounts/token"])] },
    Area {
        name: "roles",
        resources: &[
            ("rbac.authorization.k8s.io", &["*"]),
            ("authorization.k8s.io", &["localsubjectaccessreviews", "subjectaccessreviews"]),
        ],
    },
    Area { name: "quota", resources: &[("", &["resourcequotas", "resourcequotas/status", "limitranges"])] },
    Area {
        name: "namespaces",
        resources: &[("", &["namespaces", "namespaces/status", "namespaces/finalize"])],
    },
    Area { name: "nodes", resources: &[("", &["nodes", "nodes/status"]), ("metrics.k8s.io", &["nodes"])] },
    Area { name: "custom-resources", resources: &[("apiextensions.k8s.io", &["*"])] },
];

/// What everybody may who may know the cluster: asking about oneself.
const FREE: &[(&str, &str)] = &[
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
];

/// What a request to a member needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// To know the cluster.
    Nothing,
    /// One of these, each at its place.
    Permission {
        /// At the cluster.
        cluster: &'static str,
        /// At the project whose namespace it is; `None` where a project gives no such right.
        project: Option<&'static str>,
    },
}

/// What everything else of a cluster's API needs, such as paths that are no resources.
#[must_use]
pub fn rest(changes: bool) -> Needs {
    permission("administration", changes)
}

/// What a request for a resource needs. `changes` = it is neither get, list nor watch.
#[must_use]
pub fn needs(group: &str, resource: &str, subresource: &str, changes: bool) -> Needs {
    if subresource.is_empty() && FREE.contains(&(group, resource)) {
        return Needs::Nothing;
    }
    // Whoever passes requests on to a node's kubelet by GET opens terminals by GET.
    permission(area(group, resource, subresource), changes || subresource == "proxy")
}

fn permission(area: &str, changes: bool) -> Needs {
    let verb = match area {
        "exec" | "impersonation" => "manage",
        "logs" => "view",
        _ if changes => "manage",
        _ => "view",
    };
    let find = |scope: &str, resource: &str| {
        let name = |name: &str| name.split('.').eq([scope, resource, verb]);
        CATALOGUE.iter().map(|permission| permission.name).find(|found| name(found))
    };
    // A project is its namespace: what is said about the namespace itself is its settings, and quotas are set above it.
    let (in_cluster, in_project) = match area {
        "namespaces" => ("namespaces", if changes { None } else { Some("settings") }),
        "quota" => ("namespaces", if changes { None } else { Some("quota") }),
        "nodes" | "administration" => (area, None),
        other => (other, Some(other)),
    };
    Needs::Permission {
        cluster: find("cluster", in_cluster).unwrap_or("cluster.administration.manage"),
        project: in_project.and_then(|resource| find("project", resource)),
    }
}

/// The area of a resource. What nobody has thought of is administration, unless it is of a group of its own name: those
/// are custom resources.
fn area(group: &str, resource: &str, subresource: &str) -> &'static str {
    let whole =
        if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    let found = AREAS.iter().find(|area| {
        area.resources
            .iter()
            .any(|(of, resources)| *of == group && resources.iter().any(|one| *one == "*" || **one == *whole))
    });
    match found {
        Some(area) => area.name,
        None if is_custom(group) => "custom-resources",
        None => "administration",
    }
}

/// Whether a group is one that somebody has added to Kubernetes.
#[must_use]
pub fn is_custom(group: &str) -> bool {
    group.contains('.')
        && !group.ends_with(".k8s.io")
        && !AREAS.iter().any(|area| area.resources.iter().any(|(of, _)| *of == group))
}

/// One rule of a role in a member.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Groups; empty for paths that are no resources.
    pub groups: Vec<String>,
    /// Resources with subresources.
    pub resources: Vec<String>,
    /// Paths that are no resources.
    pub paths: Vec<String>,
    /// Verbs.
    pub verbs: Vec<String>,
}

/// The rules that give in a member what permissions give on the host, at a cluster or at a project. `custom` are the
/// groups of custom resources that the member serves: naming them is the only way to leave Kubernetes' own out.
#[must_use]
pub fn rules(permissions: &BTreeSet<&str>, scope: ScopeKind, custom: &[String]) -> Vec<Rule> {
    let has = |resource: &str, verb: &str| {
        let name = format!("{scope}.{resource}.{verb}");
        definition(&name).is_some() && permissions.contains(name.as_str())
    };
    let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let in_project = scope == ScopeKind::Project;
    let mut rules = Vec::new();
    for area in AREAS {
        let (view, manage) = match (area.name, in_project) {
            ("namespaces", true) => ("settings", ""),
            ("quota", true) => ("quota", ""),
            ("quota", false) => ("namespaces", "namespaces"),
            (name, _) => (name, name),
        };
        let verbs: Vec<&str> = match area.name {
            "logs" if has(view, "view") => vec!["get"],
            "exec" if has(manage, "manage") => CONNECT.to_vec(),
            "impersonation" if has(manage, "manage") => vec!["create"],
            "logs" | "exec" | "impersonation" => Vec::new(),
            _ => {
                let mut verbs = Vec::new();
                if has(view, "view") {
                    verbs.extend(READ);
                }
                if has(manage, "manage") {
                    verbs.extend(WRITE);
                }
                verbs
            }
        };
        if verbs.is_empty() {
            continue;
        }
        for (group, resources) in area.resources {
            // In a project there are no objects of the cluster.
            if in_project && *group == "apiextensions.k8s.io" {
                continue;
            }
            rules.push(Rule {
                groups: strings(&[*group]),
                resources: strings(resources),
                paths: Vec::new(),
                verbs: strings(&verbs),
            });
        }
        if area.name == "custom-resources" && !custom.is_empty() {
            rules.push(Rule {
                groups: custom.to_vec(),
                resources: strings(&["*"]),
                paths: Vec::new(),
                verbs: strings(&verbs),
            });
        }
    }
    if !in_project && has("administration", "view") {
        let mut verbs = strings(READ);
        if has("administration", "manage") {
            verbs.extend(strings(WRITE));
        }
        let groups = [
            "admissionregistration.k8s.io",
            "apiregistration.k8s.io",
            "certificates.k8s.io",
            "flowcontrol.apiserver.k8s.io",
            "node.k8s.io",
            "resource.k8s.io",
            "scheduling.k8s.io",
        ];
        rules.push(Rule {
            groups: strings(&groups),
            resources: strings(&["*"]),
            paths: Vec::new(),
            verbs: verbs.clone(),
        });
        rules.push(Rule {
            groups: Vec::new(),
            resources: Vec::new(),
            paths: strings(&["*"]),
            verbs: strings(&["get"]),
        });
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::built_in;

    fn at(
        group: &str,
        resource: &str,
        subresource: &str,
        changes: bool,
    ) -> (&'static str, Option<&'static str>) {
        match needs(group, resource, subresource, changes) {
            Needs::Permission { cluster, project } => (cluster, project),
            Needs::Nothing => ("", None),
        }
    }

    #[test]
    fn requests_need_what_they_are_about() {
        for (request, needed) in [
            (("", "pods", "", false), ("cluster.workloads.view", Some("project.workloads.view"))),
            (
                ("apps", "deployments", "scale", true),
                ("cluster.workloads.manage", Some("project.workloads.manage")),
            ),
            (("", "secrets", "", false), ("cluster.secrets.view", Some("project.secrets.view"))),
            (("", "pods", "exec", false), ("cluster.exec.manage", Some("project.exec.manage"))),
            (("", "services", "proxy", false), ("cluster.exec.manage", Some("project.exec.manage"))),
            (("", "pods", "log", false), ("cluster.logs.view", Some("project.logs.view"))),
            (
                ("", "serviceaccounts", "token", true),
                ("cluster.impersonation.manage", Some("project.impersonation.manage")),
            ),
            (("", "namespaces", "", false), ("cluster.namespaces.view", Some("project.settings.view"))),
            (("", "namespaces", "", true), ("cluster.namespaces.manage", None)),
            (("", "resourcequotas", "", true), ("cluster.namespaces.manage", None)),
            (("", "nodes", "proxy", false), ("cluster.administration.manage", None)),
            (("", "pods", "binding", true), ("cluster.administration.manage", None)),
            (
                ("example.com", "widgets", "", true),
                ("cluster.custom-resources.manage", Some("project.custom-resources.manage")),
            ),
            (("new.k8s.io", "things", "", true), ("cluster.administration.manage", None)),
            (("authorization.k8s.io", "selfsubjectaccessreviews", "", true), ("", None)),
        ] {
            let (group, resource, subresource, changes) = request;
            assert_eq!(at(group, resource, subresource, changes), needed, "{request:?}");
        }
    }

    #[test]
    fn every_permission_that_is_needed_exists() {
        for area in AREAS.iter().map(|area| area.name).chain(["administration"]) {
            for changes in [false, true] {
                let Needs::Permission { cluster, project } = permission(area, changes) else {
                    unreachable!()
                };
                assert!(definition(cluster).is_some(), "{area}");
                assert!(project.is_none_or(|name| definition(name).is_some()), "{area}");
            }
        }
    }

    fn allows(rules: &[Rule], group: &str, resource: &str, verb: &str) -> bool {
        rules.iter().any(|rule| {
            rule.groups.iter().any(|one| one == group)
                && rule.resources.iter().any(|one| one == "*" || one == resource)
                && rule.verbs.iter().any(|one| one == verb)
        })
    }

    #[test]
    fn what_the_host_allows_in_a_project_the_member_allows_and_no_more() {
        let verbs = [("get", false), ("list", false), ("create", true), ("delete", true), ("patch", true)];
        let custom = vec!["example.com".to_owned()];
        for name in ["administrator", "operator", "viewer"] {
            let given: BTreeSet<&str> = built_in(ScopeKind::Project, name).unwrap().permissions().collect();
            let rules = rules(&given, ScopeKind::Project, &custom);
            for (group, resource) in [
                ("", "pods"),
                ("apps", "deployments"),
                ("", "configmaps"),
                ("", "secrets"),
                ("", "services"),
                ("", "persistentvolumeclaims"),
                ("", "serviceaccounts"),
                ("rbac.authorization.k8s.io", "rolebindings"),
                ("", "resourcequotas"),
                ("", "namespaces"),
                ("", "nodes"),
                ("example.com", "widgets"),
                ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
            ] {
                for (verb, changes) in verbs {
                    let host = match needs(group, resource, "", changes) {
                        Needs::Permission { project, .. } => project.is_some_and(|one| given.contains(one)),
                        Needs::Nothing => true,
                    };
                    assert_eq!(
                        host,
                        allows(&rules, group, resource, verb),
                        "{name} {verb} {resource}.{group}"
                    );
                }
            }
        }
    }

    #[test]
    fn no_rule_of_a_viewer_reads_secrets_or_opens_terminals() {
        for scope in [ScopeKind::Cluster, ScopeKind::Project] {
            let given: BTreeSet<&str> = built_in(scope, "viewer").unwrap().permissions().collect();
            let rules = rules(&given, scope, &[]);
            for resource in
                ["secrets", "pods/exec", "pods/portforward", "serviceaccounts/token", "nodes/proxy"]
            {
                for verb in ["get", "list", "create"] {
                    assert!(!allows(&rules, "", resource, verb), "{scope} {resource} {verb}");
                }
            }
            assert!(rules.iter().all(|rule| !rule.groups.iter().any(|group| group == "*")));
        }
    }
}
