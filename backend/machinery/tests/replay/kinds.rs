//! What is sent, kind by kind: configurations small enough that managers meet on the same fields.

use hanse_harness::Raw;
use hanse_machinery::{Descriptor, Schema};
use serde_json::{Map, Value, json};

use super::{
    custom::{define, gadget_schema, widget_schema},
    model::{Body, Request, Subject},
    random::Random,
};

pub struct Case {
    pub name: &'static str,
    pub subject: Subject,
    /// A configuration without metadata and type; `full`: with everything that the kind requires.
    content: fn(&mut Random, bool) -> Value,
    /// Patches of the kind's own, besides configurations.
    strategic: &'static [&'static str],
    json: &'static [&'static str],
}

const MANAGERS: [&str; 4] = ["alice", "bob", "kubectl", "ci"];

impl Case {
    fn config(&self, random: &mut Random, full: bool) -> Value {
        let mut config = (self.content)(random, full);
        let map = config.as_object_mut().unwrap();
        let mut metadata = Map::new();
        for (field, percent) in [("labels", 50), ("annotations", 30)] {
            if random.chance(percent) {
                metadata.insert(field.into(), random.map(&["a", "b", "x.io/c"], &["1", "2"], 60));
            }
        }
        if random.chance(10) {
            let names = random.some(&["x.io/one", "x.io/two"], 60);
            metadata.insert("finalizers".into(), json!(names));
        }
        if random.chance(10) {
            let owner = |n: &&str| json!({"apiVersion": "v1", "kind": "ConfigMap", "name": n, "uid": n});
            let owners: Vec<Value> = random.some(&["o1", "o2"], 60).iter().map(owner).collect();
            metadata.insert("ownerReferences".into(), json!(owners));
        }
        map.insert("metadata".into(), metadata.into());
        config
    }

    fn named(&self, mut config: Value, name: &str, namespace: &str) -> Value {
        config["apiVersion"] = self.subject.kind.api_version().into();
        config["kind"] = self.subject.kind.kind.as_str().into();
        config["metadata"]["name"] = name.into();
        if self.subject.kind.namespaced {
            config["metadata"]["namespace"] = namespace.into();
        }
        config
    }

    pub fn request(&self, random: &mut Random, live: Option<&Value>, name: &str, namespace: &str) -> Request {
        let manager = (*random.pick(&MANAGERS)).to_owned();
        let Some(live) = live else {
            let config = self.config(random, true);
            let mut config = self.named(config, name, namespace);
            if random.chance(25) {
                // As client-side apply leaves it: kubectl may take these fields over.
                let text = format!("{config}\n");
                if !config["metadata"]["annotations"].is_object() {
                    config["metadata"]["annotations"] = json!({});
                }
                config["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                    text.into();
                return Request { body: Body::Create(config), manager: "kubectl".into(), subresource: "" };
            }
            let body =
                if random.chance(60) { Body::Create(config) } else { Body::Apply { config, force: false } };
            return Request { body, manager, subresource: "" };
        };
        if self.subject.kind.status && random.chance(12) {
            let mut status = json!({"conditions": [{"type": random.pick(&["A", "B"]), "status": random.pick(&["True", "False"]),
                "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "R", "message": "m"}]});
            if self.subject.kind.kind == "Widget" {
                status["note"] = (*random.pick(&["x", "y"])).into();
            }
            if self.subject.kind.kind == "Deployment" {
                // A time that is no pointer is written when absent, as null: not ours to imitate.
                status["conditions"][0]["lastUpdateTime"] = "2026-01-01T00:00:00Z".into();
            }
            let body = if random.chance(50) {
                let config = self.named(json!({"metadata": {}, "status": status}), name, namespace);
                Body::Apply { config, force: random.chance(50) }
            } else {
                Body::Merge(json!({"status": status, "metadata": {"labels": {"s": "t"}}, "spec": null}))
            };
            return Request { body, manager, subresource: "status" };
        }
        let body = match random.below(100) {
            0..35 => {
                let full = random.chance(40);
                let config = self.config(random, full);
                Body::Apply { config: self.named(config, name, namespace), force: random.chance(40) }
            }
            35..50 => {
                let mut new = self.config(random, true);
                if random.chance(50) {
                    // The object as read, with something else in it.
                    let mut object = live.clone();
                    json_merge(&mut object, &new);
                    new = object;
                    if random.chance(20) {
                        new["metadata"]["resourceVersion"] = "1".into();
                    }
                } else {
                    // Without a version, or as custom kinds need it with the current one.
                    if !self.subject.kind.unconditional_update && random.chance(90) {
                        new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
                    }
                    if random.chance(10) {
                        new["metadata"]["managedFields"] = json!([{}]);
                    }
                }
                Body::Update(self.named(new, name, namespace))
            }
            50..65 => {
                let mut patch = self.config(random, false);
                if random.chance(30) {
                    patch["metadata"]["labels"] = json!({"a": null});
                }
                Body::Merge(patch)
            }
            65..80 if self.subject.custom.is_none() => {
                if self.strategic.is_empty() || random.chance(50) {
                    Body::Strategic(self.config(random, false))
                } else {
                    Body::Strategic(serde_json::from_str(random.pick::<&str>(self.strategic)).unwrap())
                }
            }
            _ => {
                let common = [
                    r#"[{"op": "add", "path": "/metadata/labels", "value": {"a": "9"}}]"#,
                    r#"[{"op": "remove", "path": "/metadata/labels/a"}]"#,
                    r#"[{"op": "test", "path": "/metadata/name", "value": "other"}]"#,
                    r#"[{"op": "add", "path": "/metadata/annotations", "value": {"a": "9"}}]"#,
                    r#"[{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}]"#,
                    r#"[{"op": "add", "path": "/metadata/labels", "value": {"-": "x y"}}]"#,
                    r#"[{"op": "add", "path": "/metadata/generateName", "value": "g-"}]"#,
                ];
                let own = !self.json.is_empty() && random.chance(50);
                let text: &str =
                    if own { random.pick::<&str>(self.json) } else { random.pick::<&str>(&common) };
                Body::Json(serde_json::from_str(text).unwrap())
            }
        };
        Request { body, manager, subresource: "" }
    }
}

fn json_merge(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (name, value) in patch {
                json_merge(object.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (object, patch) => *object = patch.clone(),
    }
}

fn built_in(api_version: &str, kind: &str, default: fn(&mut Value)) -> Subject {
    Subject { kind: Descriptor::built_in(api_version, kind).unwrap(), custom: None, default }
}

fn nothing(_: &mut Value) {}

fn default_network_policy(object: &mut Value) {
    set(&mut object["spec"], "policyTypes", json!(["Ingress"]));
}

fn set(object: &mut Value, field: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.entry(field).or_insert(value);
    }
}

fn default_pod_spec(pod: &mut Value) {
    for (field, value) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("securityContext", json!({})),
        ("schedulerName", json!("default-scheduler")),
    ] {
        set(pod, field, value);
    }
    for container in pod["containers"].as_array_mut().into_iter().flatten() {
        for (field, value) in [
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
        ] {
            set(container, field, value);
        }
        let latest = container["image"].as_str().is_some_and(|image| !image.contains(':'));
        set(container, "imagePullPolicy", json!(if latest { "Always" } else { "IfNotPresent" }));
        for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
            set(port, "protocol", json!("TCP"));
        }
    }
}

fn default_deployment(object: &mut Value) {
    let spec = &mut object["spec"];
    set(spec, "replicas", json!(1));
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "progressDeadlineSeconds", json!(600));
    set(&mut spec["strategy"], "type", json!("RollingUpdate"));
    if spec["strategy"]["type"] == "RollingUpdate" {
        set(&mut spec["strategy"], "rollingUpdate", json!({}));
        set(&mut spec["strategy"]["rollingUpdate"], "maxSurge", json!("25%"));
        set(&mut spec["strategy"]["rollingUpdate"], "maxUnavailable", json!("25%"));
    }
    default_pod_spec(&mut spec["template"]["spec"]);
}

fn default_service(object: &mut Value) {
    let spec = &mut object["spec"];
    for (field, value) in [
        ("type", json!("ClusterIP")),
        ("sessionAffinity", json!("None")),
        ("internalTrafficPolicy", json!("Cluster")),
    ] {
        set(spec, field, value);
    }
    for port in spec.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        set(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        set(port, "targetPort", number);
    }
}

fn deployment(random: &mut Random, full: bool) -> Value {
    let mut spec = json!({});
    if random.chance(50) {
        spec["replicas"] = (random.below(3) + 1).into();
    }
    if random.chance(25) {
        spec["strategy"] = match random.below(2) {
            0 => json!({"type": "Recreate"}),
            _ => json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}),
        };
    }
    if full {
        spec["selector"] = json!({"matchLabels": {"app": "x"}});
    }
    if full || random.chance(70) {
        let names = random.some(&["a", "b", "c"], 60);
        let names = if names.is_empty() { vec!["a"] } else { names };
        let containers: Vec<Value> = names.into_iter().map(|name| container(random, name, full)).collect();
        spec["template"] = json!({"spec": {"containers": containers}});
        if full || random.chance(30) {
            let mut labels = random.map(&["k", "l"], &["1", "2"], 50);
            labels["app"] = "x".into();
            spec["template"]["metadata"] = json!({"labels": labels});
        }
        if random.chance(20) {
            spec["template"]["spec"]["nodeSelector"] = random.map(&["n", "m"], &["1", "2"], 60);
        }
        if random.chance(20) {
            let all =
                ["Exists", "Equal"].map(|op| json!({"key": op, "operator": op, "effect": "NoSchedule"}));
            spec["template"]["spec"]["tolerations"] = json!(random.some(&all, 60));
        }
        if random.chance(15) {
            spec["template"]["spec"]["hostAliases"] = json!([{"ip": "1.2.3.4", "hostnames": ["h"]}]);
        }
    }
    json!({"spec": spec})
}

fn container(random: &mut Random, name: &str, full: bool) -> Value {
    let mut container = json!({"name": name});
    if full || random.chance(60) {
        container["image"] = (*random.pick(&["x:1", "x:2", "y"])).into();
    }
    if random.chance(40) {
        let env: Vec<Value> = random
            .some(&["A", "B", "C"], 60)
            .into_iter()
            .map(|name| json!({"name": name, "value": random.pick(&["1", "2"])}))
            .collect();
        container["env"] = json!(env);
    }
    if random.chance(40) {
        let ports: Vec<Value> = random
            .some(&[80, 81], 70)
            .into_iter()
            .map(|port| match random.below(3) {
                0 => json!({"containerPort": port}),
                1 => json!({"containerPort": port, "protocol": "UDP"}),
                _ => json!({"containerPort": port, "protocol": "TCP", "name": format!("p{port}")}),
            })
            .collect();
        container["ports"] = json!(ports);
    }
    if random.chance(30) {
        container["args"] = json!(random.some(&["-a", "-b", "-c"], 60));
    }
    if random.chance(30) {
        container["resources"] = json!({"limits": random.map(&["cpu", "memory"], &["1", "2"], 70)});
    }
    container
}

fn config_map(random: &mut Random, _: bool) -> Value {
    let mut config = json!({"data": random.map(&["a", "b", "c.d"], &["1", "2", ""], 60)});
    if random.chance(20) {
        config["binaryData"] = random.map(&["z"], &["AAA=", "AQI="], 60);
    }
    if random.chance(10) {
        config.as_object_mut().unwrap().remove("data");
    }
    config
}

fn service(random: &mut Random, full: bool) -> Value {
    // What the server allocates is always said.
    let mut spec = json!({"clusterIP": "None", "clusterIPs": ["None"], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "selector": {"app": "0"}});
    if full || random.chance(60) {
        let all = [("a", 80, "TCP"), ("b", 81, "TCP"), ("c", 80, "UDP")];
        let mut some = random.some(&all, 60);
        if some.is_empty() {
            some.push(all[0]);
        }
        let ports: Vec<Value> = some
            .into_iter()
            .map(|(name, port, protocol)| match (protocol, random.below(2)) {
                ("TCP", 0) => json!({"name": name, "port": port}),
                _ => json!({"name": name, "port": port, "protocol": protocol, "targetPort": random.pick(&["x", "y"])}),
            })
            .collect();
        spec["ports"] = json!(ports);
    }
    if random.chance(40) {
        spec["selector"] = random.map(&["app", "tier"], &["1", "2"], 70);
    }
    json!({"spec": spec})
}

fn role(random: &mut Random, _: bool) -> Value {
    let rules: Vec<Value> = random
        .some(&["pods", "secrets"], 70)
        .into_iter()
        .map(|name| json!({"apiGroups": [""], "resources": [name], "verbs": ["get"]}))
        .collect();
    json!({"rules": rules})
}

fn service_account(random: &mut Random, _: bool) -> Value {
    let secrets: Vec<Value> =
        random.some(&["s", "t"], 60).into_iter().map(|name| json!({"name": name})).collect();
    let mut config = json!({"secrets": secrets});
    if random.chance(50) {
        config["automountServiceAccountToken"] = random.chance(50).into();
    }
    if random.chance(50) {
        config["imagePullSecrets"] = json!([{"name": "p"}]);
    }
    config
}

fn network_policy(random: &mut Random, full: bool) -> Value {
    let mut spec = json!({});
    if full {
        spec["podSelector"] = json!({"matchLabels": random.map(&["a", "b"], &["1", "2"], 100)});
        spec["policyTypes"] = json!(["Ingress"]);
    }
    if random.chance(50) {
        spec["ingress"] =
            json!([{"from": [{"podSelector": {"matchLabels": {"x": random.pick(&["1", "2"])}}}]}]);
    }
    json!({"spec": spec})
}

fn widget(random: &mut Random, _: bool) -> Value {
    let mut spec = json!({"size": random.below(3)});
    if random.chance(60) {
        let items: Vec<Value> = random
            .some(&["a", "b", "c"], 60)
            .into_iter()
            .map(|name| json!({"name": name, "value": random.below(2), "more": random.map(&["p", "q"], &["1"], 50)}))
            .collect();
        spec["items"] = json!(items);
    }
    if random.chance(50) {
        spec["tags"] = json!(random.some(&["r", "s", "t"], 60));
    }
    if random.chance(50) {
        spec["list"] = json!(random.some(&[1, 2, 3], 60));
    }
    if random.chance(50) {
        spec["whole"] = random.map(&["u", "v"], &["1", "2"], 60);
    }
    if random.chance(50) {
        spec["free"] =
            json!({"deep": random.map(&["u", "v"], &["1", "2"], 60), "list": random.some(&[1, 2], 60)});
    }
    json!({"spec": spec})
}

pub async fn cases(raw: &Raw) -> Vec<Case> {
    define(raw, "Widget", "widgets", &widget_schema(), true).await;
    define(raw, "Gadget", "gadgets", &gadget_schema(), false).await;
    let custom = |kind: &str, plural: &str, schema: &Value, status: bool| Subject {
        kind: Descriptor::custom("replay.hanse.io/v1", kind, plural, true, status),
        custom: Some(Schema::custom(schema)),
        default: nothing,
    };
    let case = |name, subject, content| Case { name, subject, content, strategic: &[], json: &[] };
    vec![
        case("configmap", built_in("v1", "ConfigMap", nothing), config_map),
        case("role", built_in("rbac.authorization.k8s.io/v1", "Role", nothing), role),
        case("serviceaccount", built_in("v1", "ServiceAccount", nothing), service_account),
        case(
            "networkpolicy",
            built_in("networking.k8s.io/v1", "NetworkPolicy", default_network_policy),
            network_policy,
        ),
        case("service", built_in("v1", "Service", default_service), service),
        case("gadget", custom("Gadget", "gadgets", &gadget_schema(), false), widget),
        case("widget", custom("Widget", "widgets", &widget_schema(), true), widget),
        Case {
            strategic: &[
                r#"{"spec": {"template": {"spec": {"containers": [{"name": "b", "$patch": "delete"}, {"name": "a", "image": "z:1"}]}}}}"#,
                r#"{"spec": {"template": {"spec": {"containers": [{"name": "d", "image": "z:1"}, {"$patch": "replace"}]}}}}"#,
                r#"{"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}"#,
                r#"{"spec": {"strategy": {"$patch": "replace", "type": "RollingUpdate"}}}"#,
                r#"{"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}], "containers": [{"name": "c", "image": "z:2"}, {"name": "a", "image": "z:1"}]}}}}"#,
                r#"{"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}}}}"#,
                r#"{"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/one"], "finalizers": ["x.io/two", "x.io/three"]}}"#,
                r#"{"metadata": {"finalizers": ["x.io/two"], "$setElementOrder/finalizers": ["x.io/two", "x.io/one"]}}"#,
                r#"{"spec": {"template": {"spec": {"containers": [{"image": "z:1"}]}}}}"#,
                r#"{"spec": {"template": {"spec": {"containers": [{"name": "a", "$patch": "nonsense"}]}}}}"#,
                r#"{"spec": {"template": {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "web"}]}]}}}}"#,
                r#"{"metadata": {"labels": {"$patch": "replace", "only": "one"}}}"#,
                r#"{"spec": {"selector": {"matchLabels": {"app": "y"}}}}"#,
            ],
            json: &[
                r#"[{"op": "replace", "path": "/spec/replicas", "value": 3}]"#,
                r#"[{"op": "remove", "path": "/spec/template/spec/containers/1"}]"#,
                r#"[{"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "j", "image": "j:1"}}]"#,
                r#"[{"op": "move", "from": "/spec/template/spec/containers/0", "path": "/spec/template/spec/containers/1"}]"#,
                r#"[{"op": "copy", "from": "/metadata/name", "path": "/spec/template/metadata/labels/name"}]"#,
            ],
            ..case("deployment", built_in("apps/v1", "Deployment", default_deployment), deployment)
        },
    ]
}
