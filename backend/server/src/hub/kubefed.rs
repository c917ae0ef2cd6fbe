//! KubeFed's own objects: what is admitted of them, what they default to, those that a new hub has, and those that are
//! derived. Names, defaults and sentences are KubeFed's; its clients compare them.

use std::sync::Arc;

use base64::Engine as _;
use hanse_federation::{Resource, v2};
use hanse_machinery::{Descriptor, Status, json, status::FieldError};
use hanse_store::{hub, types};
use hanse_types::federated::FederatedStatus;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    kinds::{Kind, SYSTEM},
    render,
    shelf::{Item, Source},
};

const CORE: &str = "core.kubefed.io";
/// Types that a KubeFed host has from the start: group, version, kind, plural, namespaced.
const TYPES: [(&str, &str, &str, &str, bool); 10] = [
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
    ("", "v1", "ConfigMap", "configmaps", true),
    ("apps", "v1", "Deployment", "deployments", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    ("batch", "v1", "Job", "jobs", true),
    ("", "v1", "Namespace", "namespaces", true),
    ("apps", "v1", "ReplicaSet", "replicasets", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    ("", "v1", "Service", "services", true),
];

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Fills in what is left out, derives status where there is one, and refuses what KubeFed's webhooks refuse.
///
/// # Errors
/// 422 with every field at fault.
pub fn admit(kind: &Descriptor, object: &mut Value) -> Result<(), Status> {
    if kind.group != CORE {
        return Ok(());
    }
    let faults = match kind.kind.as_str() {
        "KubeFedConfig" => config(object),
        "FederatedTypeConfig" => {
            let faults = type_config(object);
            if faults.is_empty() {
                run(object);
            }
            faults
        }
        "KubeFedCluster" => cluster(object),
        _ => Vec::new(),
    };
    if faults.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(kind.kind_in(), text(object, "/metadata/name"), &faults))
}

fn config(object: &mut Value) -> Vec<FieldError> {
    let defaults: [(&[&str], Value); 15] = [
        (&["spec", "scope"], "Cluster".into()),
        (&["spec", "controllerDuration", "availableDelay"], "20s".into()),
        (&["spec", "controllerDuration", "unavailableDelay"], "1m0s".into()),
        (&["spec", "controllerDuration", "cacheSyncTimeout"], "5m0s".into()),
        (&["spec", "leaderElect", "leaseDuration"], "15s".into()),
        (&["spec", "leaderElect", "renewDeadline"], "10s".into()),
        (&["spec", "leaderElect", "retryPeriod"], "5s".into()),
        (&["spec", "leaderElect", "resourceLock"], "configmaps".into()),
        (&["spec", "clusterHealthCheck", "period"], "10s".into()),
        (&["spec", "clusterHealthCheck", "failureThreshold"], 3.into()),
        (&["spec", "clusterHealthCheck", "successThreshold"], 1.into()),
        (&["spec", "clusterHealthCheck", "timeout"], "3s".into()),
        (&["spec", "syncController", "maxConcurrentReconciles"], 1.into()),
        (&["spec", "syncController", "adoptResources"], "Enabled".into()),
        (&["spec", "statusController", "maxConcurrentReconciles"], 1.into()),
    ];
    for (path, value) in defaults {
        json::fill(object, path, value);
    }
    let gates = [
        ("PushReconciler", "Enabled"),
        ("RawResourceStatusCollection", "Disabled"),
        ("SchedulerPreferences", "Enabled"),
    ];
    let given = object.pointer("/spec/featureGates").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut all = given.clone();
    for (name, state) in gates {
        if !given.iter().any(|gate| gate["name"] == name) {
            all.push(json!({"name": name, "configuration": state}));
        }
    }
    all.sort_by(|a, b| text(a, "/name").cmp(text(b, "/name")));
    json::set(object, &["spec", "featureGates"], all);
    let mut faults = Vec::new();
    let mut one_of = |pointer: &str, field: &str, known: &[&str]| {
        let value = text(object, pointer);
        if !known.contains(&value) {
            faults.push(FieldError::not_supported(field, value, known));
        }
    };
    one_of("/spec/scope", "spec.scope", &["Cluster", "Namespaced"]);
    one_of(
        "/spec/syncController/adoptResources",
        "spec.syncController.adoptResources",
        &["Enabled", "Disabled"],
    );
    one_of(
        "/spec/leaderElect/resourceLock",
        "spec.leaderElect.resourceLock",
        &["configmaps", "endpoints", "leases"],
    );
    faults
}

fn type_config(object: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let (plural, group) =
        (text(object, "/spec/targetType/pluralName"), text(object, "/spec/targetType/group"));
    let expected = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
    let name = text(object, "/metadata/name");
    if name != expected {
        let detail = "name must be 'TARGET_PLURAL_NAME(.TARGET_GROUP_NAME)'";
        faults.push(FieldError::invalid("name", name, detail));
    }
    for side in ["targetType", "federatedType"] {
        let at = |field: &str| text(object, &format!("/spec/{side}/{field}")).to_owned();
        if side == "federatedType" && at("group").is_empty() {
            faults.push(FieldError::required(format!("spec.{side}.group"), ""));
        }
        for field in ["version", "kind", "pluralName"] {
            if at(field).is_empty() {
                faults.push(FieldError::required(format!("spec.{side}.{field}"), ""));
            }
        }
        let version = at("version");
        if version.chars().any(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')) {
            let detail = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                          alphabetic character, and end with an alphanumeric character";
            faults.push(FieldError::invalid(format!("spec.{side}.version"), version, detail));
        }
        let scope = at("scope");
        if !["Cluster", "Namespaced"].contains(&scope.as_str()) {
            let field = format!("spec.{side}.scope");
            faults.push(FieldError::not_supported(field, scope, &["Cluster", "Namespaced"]));
        }
    }
    match text(object, "/spec/propagation") {
        "" => faults.push(FieldError::required("spec.propagation", "")),
        "Enabled" | "Disabled" => {}
        other => {
            faults.push(FieldError::not_supported("spec.propagation", other, &["Enabled", "Disabled"]));
        }
    }
    let collection = text(object, "/spec/statusCollection");
    if !["", "Enabled", "Disabled"].contains(&collection) {
        faults.push(FieldError::not_supported("spec.statusCollection", collection, &["Enabled", "Disabled"]));
    }
    faults
}

/// The kind that a FederatedTypeConfig has federated. The federated kinds are the hub's own, so it may name no others.
///
/// # Errors
/// 422 with every field that names another.
pub fn declared(object: &Value) -> Result<types::Declared, Status> {
    let target = |field: &str| text(object, &format!("/spec/targetType/{field}")).to_owned();
    let declared = types::Declared {
        group: target("group"),
        version: target("version"),
        kind: target("kind"),
        plural: target("pluralName"),
        // A namespace is federated by an object in it, which is all that its scope says.
        namespaced: target("scope") == "Namespaced" && target("kind") != "Namespace",
        enabled: text(object, "/spec/propagation") == "Enabled",
    };
    let expected = [
        ("group", v2::TYPES_GROUP.to_owned()),
        ("version", "v1beta1".to_owned()),
        ("kind", format!("Federated{}", declared.kind)),
        ("pluralName", format!("federated{}", declared.plural)),
    ];
    let faults: Vec<FieldError> = expected
        .into_iter()
        .filter_map(|(field, expected)| {
            let found = text(object, &format!("/spec/federatedType/{field}"));
            let detail = format!("must be {expected:?}: this hub has one federated kind for each kind");
            (found != expected)
                .then(|| FieldError::invalid(format!("spec.federatedType.{field}"), found, detail))
        })
        .collect();
    if faults.is_empty() {
        return Ok(declared);
    }
    let kind = hanse_machinery::status::In { group: CORE, kind: "FederatedTypeConfig" };
    Err(Status::invalid(kind, text(object, "/metadata/name"), &faults))
}

/// What a controller would say of a type: it runs when it is enabled.
fn run(object: &mut Value) {
    let word = |enabled: bool| if enabled { "Running" } else { "NotRunning" };
    let propagation = text(object, "/spec/propagation") == "Enabled";
    let status = text(object, "/spec/statusCollection") == "Enabled";
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or(1);
    json::set(
        object,
        &["status"],
        json!({
            "observedGeneration": generation,
            "propagationController": word(propagation),
            "statusController": word(propagation && status),
        }),
    );
}

fn cluster(object: &Value) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let field = "spec.apiEndpoint";
    let endpoint = text(object, "/spec/apiEndpoint");
    let host = match endpoint.split_once("://") {
        None if endpoint.is_empty() => {
            faults.push(FieldError::required(field, ""));
            ""
        }
        Some((scheme, _)) if !["http", "https"].contains(&scheme) => {
            faults.push(FieldError::not_supported(field, scheme, &["https", "http"]));
            ""
        }
        Some((_, rest)) => rest.split('/').next().unwrap_or_default(),
        None if endpoint.contains('/') => {
            faults.push(FieldError::invalid(field, endpoint, "host must be a URL or a host:port pair"));
            ""
        }
        None => endpoint,
    };
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map(|(_, port)| port);
    match port.map(str::parse::<i64>) {
        Some(Ok(port)) if port < 0 => faults.push(FieldError::invalid(field, endpoint, "invalid port")),
        Some(Ok(port)) if !(1..=65_535).contains(&port) => {
            faults.push(FieldError::invalid(field, port, "must be between 1 and 65535, inclusive"));
        }
        Some(Err(_)) => faults.push(FieldError::invalid(field, endpoint, "invalid port")),
        _ => {}
    }
    if text(object, "/spec/secretRef/name").is_empty() {
        faults.push(FieldError::required("spec.secretRef.name", ""));
    }
    let proxy = text(object, "/spec/proxyURL");
    let scheme = proxy.split_once("://").map_or("", |(scheme, _)| scheme);
    if !proxy.is_empty() && !["http", "https", "socks5"].contains(&scheme) {
        let detail = "proxy URL scheme must be one of: [http, https, socks5]";
        faults.push(FieldError::invalid("spec.proxyURL", proxy, detail));
    }
    let disabled = object.pointer("/spec/disabledTLSValidations").and_then(Value::as_array);
    let disabled: Vec<&str> = disabled.into_iter().flatten().filter_map(Value::as_str).collect();
    for name in &disabled {
        if !["*", "SubjectName", "ValidityPeriod"].contains(name) {
            let known = ["*", "SubjectName", "ValidityPeriod"];
            faults.push(FieldError::not_supported("spec.disabledTLSValidations", *name, &known));
        }
    }
    if disabled.contains(&"*") && disabled.len() > 1 {
        let detail = "when * is specified, it is expected to be the only option in list";
        faults.push(FieldError::invalid("spec.disabledTLSValidations", json!(disabled), detail));
    }
    faults
}

/// What a new hub has: the types of a KubeFed host, and its configuration.
#[must_use]
pub fn seeds(time: &str) -> Vec<hub::Local> {
    let mut objects: Vec<(&str, Value)> = TYPES
        .iter()
        .map(|(group, version, kind, plural, namespaced)| {
            let scope = if *namespaced { "Namespaced" } else { "Cluster" };
            let name = if group.is_empty() { (*plural).to_owned() } else { format!("{plural}.{group}") };
            // A namespace is federated by an object in it.
            let target = if *kind == "Namespace" { "Cluster" } else { scope };
            let object = json!({
                "apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
                "metadata": {"name": name},
                "spec": {
                    "federatedType": {
                        "group": "types.kubefed.io", "version": "v1beta1", "kind": format!("Federated{kind}"),
                        "pluralName": format!("federated{plural}"), "scope": scope,
                    },
                    "propagation": "Enabled",
                    "targetType": {"group": group, "version": version, "kind": kind, "pluralName": plural, "scope": target},
                },
            });
            ("federatedtypeconfigs.core.kubefed.io", object)
        })
        .collect();
    objects.push((
        "kubefedconfigs.core.kubefed.io",
        json!({
            "apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedConfig",
            "metadata": {"name": "kubefed"}, "spec": {},
        }),
    ));
    objects
        .into_iter()
        .map(|(type_, mut object)| {
            let id = Uuid::now_v7();
            let name = text(&object, "/metadata/name").to_owned();
            json::set(&mut object, &["metadata", "namespace"], SYSTEM);
            json::set(&mut object, &["metadata", "uid"], id.to_string());
            json::set(&mut object, &["metadata", "generation"], 1);
            json::set(&mut object, &["metadata", "creationTimestamp"], time);
            let kind = text(&object, "/kind").to_owned();
            let kind = Descriptor::custom("core.kubefed.io/v1beta1", &kind, "", true, true);
            // What is made here is admitted.
            let _ = admit(&kind, &mut object);
            hub::Local {
                id,
                root: "kubefed".to_owned(),
                type_: type_.to_owned(),
                namespace: SYSTEM.to_owned(),
                name,
                version: 1,
                object,
            }
        })
        .collect()
}

/// The Secret that a KubeFedCluster refers to: the caller's own token, which is good at the gateway. No credential of a
/// member leaves.
#[must_use]
pub fn credentials(name: &str, token: &str, authority: Option<&str>, revision: &str) -> Value {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let mut data = json!({"token": encode(token)});
    if let Some(authority) = authority {
        json::set(&mut data, &["ca.crt"], encode(authority));
    }
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": SYSTEM, "uid": Uuid::nil(), "resourceVersion": revision},
        "data": data,
    })
}

/// JSON as KubeFed hashes it: sorted, compact, with `<`, `>` and `&` escaped, and a line feed at the end.
fn hash(value: &Value) -> String {
    let text = value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    hex::encode(Md5::digest(format!("{text}\n")))
}

/// The versions of a federated object that its clusters hold, as KubeFed notes them.
#[must_use]
pub fn propagated_version(
    kind: &Kind,
    target: &Resource,
    row: &hub::Federated,
    spec: &Value,
) -> Option<Item> {
    let status: FederatedStatus = serde_json::from_value(row.status.clone()?).ok()?;
    let versions: Vec<Value> = status
        .clusters
        .iter()
        .filter(|part| part.scheduled && part.applied)
        .filter_map(|part| Some(json!({"clusterName": part.cluster, "version": part.version.as_ref()?})))
        .collect();
    let template = spec.get("template").map_or_else(String::new, hash);
    let mut overrides = Map::new();
    overrides.insert("overrides".into(), spec.get("overrides").cloned().unwrap_or(Value::Null));
    let name = format!("{}-{}", target.kind.to_lowercase(), row.row.name);
    let namespace = row.project.as_ref().map(|project| project.name.clone()).unwrap_or_default();
    let mut object = json!({
        "apiVersion": kind.descriptor.api_version(), "kind": kind.descriptor.kind,
        "metadata": {
            "name": name, "uid": Uuid::from_u128(row.row.id.as_u128() ^ 2),
            "creationTimestamp": render::time(row.row.created_at), "generation": 1,
        },
        "status": {
            "templateVersion": template, "overridesVersion": hash(&Value::Object(overrides)),
            "clusterVersions": versions,
        },
    });
    if !namespace.is_empty() {
        json::set(&mut object, &["metadata", "namespace"], namespace.clone());
    }
    Some(Item {
        key: (namespace, name),
        id: row.row.id,
        revision: 0,
        object: Arc::new(object),
        source: Source::Fixed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_hashed_as_kubefed_does_it() {
        // echo '{"overrides":null}' | md5sum
        assert_eq!(hash(&json!({"overrides": null})), "2979b7538b527abe06492021841caf47");
        assert_eq!(hash(&json!({"b": "<&>", "a": 1})), "87010012a3a18ec849df4e5ea97162a2");
    }

    #[test]
    fn what_a_new_hub_has_is_admitted() {
        for seed in seeds("2026-01-01T00:00:00Z") {
            let kind =
                Descriptor::custom("core.kubefed.io/v1beta1", text(&seed.object, "/kind"), "", true, true);
            let mut object = seed.object.clone();
            admit(&kind, &mut object).unwrap();
            assert_eq!(object, seed.object);
        }
    }

    /// What KubeFed's own tests say, as it was recorded.
    fn recorded(group: &str) -> Value {
        let file = std::fs::read_to_string("../federation/tests/cases/kubefed_behaviour.json").unwrap();
        let mut cases: Value = serde_json::from_str(&file).unwrap();
        cases[group].take()
    }

    fn strings(list: &Value) -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }

    /// The refusal of an object, or nothing when it is admitted.
    fn refusal(kind: &str, spec: &Value, name: &str) -> String {
        let mut object = json!({
            "apiVersion": "core.kubefed.io/v1beta1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        let kind = Descriptor::custom("core.kubefed.io/v1beta1", kind, "", true, true);
        admit(&kind, &mut object).err().map(|status| status.message).unwrap_or_default()
    }

    #[test]
    fn clusters_are_refused_as_kubefed_refuses_them() {
        let cases = recorded("validation");
        let spec = |field: &str, value: Value| {
            let mut spec = json!({"apiEndpoint": "https://example.com", "secretRef": {"name": "its-own"}});
            spec[field] = value;
            spec
        };
        let check = |field: &str, value: Value, expected: &str| {
            let said = refusal("KubeFedCluster", &spec(field, value.clone()), "one");
            assert_eq!(said.is_empty(), expected.is_empty(), "{field}: {value}: {said:?}");
            assert!(said.contains(expected), "{field}: {value}: {said:?}");
        };
        for good in strings(&cases["apiEndpoint_ok"]) {
            check("apiEndpoint", good.into(), "");
        }
        for bad in cases["apiEndpoint_bad"].as_array().unwrap() {
            check("apiEndpoint", bad[0].clone(), bad[1].as_str().unwrap());
        }
        for good in strings(&cases["proxyURL"]["ok"]) {
            check("proxyURL", if good == "(empty)" { "".into() } else { good.into() }, "");
        }
        for bad in strings(&cases["proxyURL"]["bad"]) {
            check("proxyURL", bad.into(), cases["proxyURL"]["error"].as_str().unwrap());
        }
        for (group, expected) in
            [("ok", ""), ("bad", cases["disabledTLSValidations"]["error"].as_str().unwrap())]
        {
            for list in cases["disabledTLSValidations"][group].as_array().unwrap() {
                check("disabledTLSValidations", list.clone(), expected);
            }
        }
    }

    #[test]
    fn types_are_refused_as_kubefed_refuses_them() {
        let good = json!({
            "federatedType": {
                "group": "types.kubefed.io", "version": "v1beta1", "kind": "FederatedDeployment",
                "pluralName": "federateddeployments", "scope": "Namespaced",
            },
            "propagation": "Enabled",
            "targetType": {
                "group": "apps", "version": "v1", "kind": "Deployment", "pluralName": "deployments",
                "scope": "Namespaced",
            },
        });
        assert_eq!(refusal("FederatedTypeConfig", &good, "deployments.apps"), "");
        let cases = recorded("validation")["federatedTypeConfig"].take();
        for case in cases.as_array().unwrap() {
            let what = case["what"].as_str().unwrap();
            let (field, value) = match what {
                "federatedType.group empty" => ("/federatedType/group", ""),
                "propagation empty" => ("/propagation", ""),
                "targetType.version \"Alpha\"" => ("/targetType/version", "Alpha"),
                "propagation \"InvalidPropagationMode\"" => ("/propagation", "InvalidPropagationMode"),
                "name \"deployments\" for target apps/deployments" => ("", "deployments"),
                other => panic!("no test for {other}"),
            };
            let (mut spec, mut name) = (good.clone(), "deployments.apps");
            match spec.pointer_mut(field).filter(|_| !field.is_empty()) {
                Some(at) => *at = value.into(),
                None => name = value,
            }
            let said = refusal("FederatedTypeConfig", &spec, name);
            assert!(said.contains(case["error"].as_str().unwrap()), "{what}: {said:?}");
        }
    }

    #[test]
    fn a_configuration_defaults_as_kubefeds_does_and_keeps_what_is_said() {
        // The file has two durations as people write them; KubeFed stores them as Go prints them.
        let stored = |value: &Value| match value.as_str() {
            Some("60s") => json!("1m0s"),
            Some("5m") => json!("5m0s"),
            _ => value.clone(),
        };
        let kind = Descriptor::custom("core.kubefed.io/v1beta1", "KubeFedConfig", "", true, true);
        let admitted = |spec: Value| {
            let mut object = json!({"metadata": {"name": "kubefed"}, "spec": spec});
            admit(&kind, &mut object).unwrap();
            object["spec"].take()
        };
        let found = admitted(json!({}));
        let mut expected = recorded("defaults");
        expected.as_object_mut().unwrap().remove("source");
        for (group, fields) in expected.as_object().unwrap() {
            match (group.as_str(), fields.as_object()) {
                ("featureGates", Some(gates)) => {
                    let all = found["featureGates"].as_array().unwrap();
                    assert_eq!(all.len(), gates.len());
                    for (name, state) in gates {
                        let gate = json!({"name": name, "configuration": state});
                        assert!(all.contains(&gate), "{gate} is not among {all:?}");
                    }
                }
                (_, Some(fields)) => {
                    for (field, value) in fields {
                        assert_eq!(found[group][field], stored(value), "{group}.{field}");
                    }
                }
                (_, None) => assert_eq!(found[group], *fields, "{group}"),
            }
        }
        // Whatever is set stays: each default, changed, alone.
        let mut set = json!({
            "scope": "Namespaced",
            "controllerDuration": {"availableDelay": "7s", "unavailableDelay": "8s", "cacheSyncTimeout": "9s"},
            "leaderElect": {"leaseDuration": "7s", "renewDeadline": "6s", "retryPeriod": "1s", "resourceLock": "leases"},
            "clusterHealthCheck": {"period": "7s", "failureThreshold": 7, "successThreshold": 2, "timeout": "1s"},
            "syncController": {"maxConcurrentReconciles": 7, "adoptResources": "Disabled"},
            "statusController": {"maxConcurrentReconciles": 7},
            "featureGates": [
                {"name": "PushReconciler", "configuration": "Disabled"},
                {"name": "RawResourceStatusCollection", "configuration": "Enabled"},
                {"name": "SchedulerPreferences", "configuration": "Disabled"},
            ],
        });
        assert_eq!(admitted(set.clone()), set);
        set.as_object_mut().unwrap().remove("scope");
        assert_eq!(admitted(set)["scope"], "Cluster");
    }
}
