//! Objects as an apiserver writes them in protobuf, decoded, are the objects that it writes in JSON.

use hanse_harness::{ControlPlanes, Raw};
use hanse_machinery::protobuf;
use serde_json::{Value, json};

use super::play::namespace;

fn objects() -> Vec<(&'static str, Value)> {
    let pod = json!({
        "metadata": {"labels": {"app": "a"}, "annotations": {"x": "y"}},
        "spec": {
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 0, "hostNetwork": false,
            "securityContext": {"runAsUser": 0, "fsGroup": 12, "sysctls": [{"name": "a.b", "value": "1"}]},
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}]}}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "a"}}}],
            "volumes": [
                {"name": "c", "configMap": {"name": "x", "defaultMode": 292, "items": [{"key": "a", "path": "b"}], "optional": true}},
                {"name": "s", "secret": {"secretName": "y"}},
                {"name": "e", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
                {"name": "h", "hostPath": {"path": "/x", "type": ""}},
                {"name": "p", "persistentVolumeClaim": {"claimName": "z", "readOnly": true}},
                {"name": "j", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}},
                    {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]}},
            ],
            "initContainers": [{"name": "i", "image": "x:1", "command": ["sh", "-c", "true"]}],
            "containers": [{
                "name": "c", "image": "x:1", "args": ["-a"], "workingDir": "/w",
                "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
                "env": [{"name": "A", "value": ""}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": false}}},
                    {"name": "D", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}],
                "envFrom": [{"prefix": "P_", "configMapRef": {"name": "cm"}}],
                "resources": {"requests": {"cpu": "100m", "memory": "1.5Gi"}, "limits": {"cpu": "1"}},
                "livenessProbe": {"httpGet": {"path": "/", "port": "http", "httpHeaders": [{"name": "a", "value": "b"}]}, "periodSeconds": 3},
                "readinessProbe": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 0},
                "startupProbe": {"exec": {"command": ["true"]}, "failureThreshold": 30},
                "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
                "securityContext": {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "privileged": false},
                "volumeMounts": [{"name": "c", "mountPath": "/c", "subPath": "x", "readOnly": true}],
            }],
        },
    });
    let meta = |name: &str| json!({"name": name, "labels": {"a": "b"}, "finalizers": ["example.com/f"]});
    let job = json!({"backoffLimit": 0, "completions": 2, "parallelism": 1, "template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "x"}]}}});
    vec![
        (
            "apps/v1/deployments",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("d"), "spec": {
            "replicas": 0, "selector": {"matchLabels": {"app": "a"}}, "paused": true,
            "strategy": {"rollingUpdate": {"maxSurge": "30%", "maxUnavailable": 1}}, "template": pod}}),
        ),
        (
            "apps/v1/statefulsets",
            json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta("s"), "spec": {
            "serviceName": "s", "selector": {"matchLabels": {"app": "a"}}, "template": pod,
            "volumeClaimTemplates": [{"metadata": {"name": "v"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}]}}),
        ),
        (
            "v1/services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("svc"), "spec": {
            "type": "NodePort", "selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": "http", "name": "a"}, {"port": 81, "name": "b"}]}}),
        ),
        (
            "v1/configmaps",
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("cm"),
            "data": {"a": "", "b": "ü\n"}, "binaryData": {"c": "AP8="}, "immutable": true}),
        ),
        (
            "v1/secrets",
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": meta("sec"), "data": {"a": "AP8=", "b": ""}}),
        ),
        (
            "batch/v1/jobs",
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": meta("j"), "spec": job}),
        ),
        (
            "batch/v1/cronjobs",
            json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta("cj"), "spec": {
            "schedule": "* * * * *", "suspend": true, "jobTemplate": {"spec": job}}}),
        ),
        (
            "autoscaling/v2/horizontalpodautoscalers",
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": meta("h"), "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}}}}),
        ),
        (
            "networking.k8s.io/v1/ingresses",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta("i"), "spec": {
            "tls": [{"hosts": ["a.example"], "secretName": "t"}], "rules": [{"host": "a.example", "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}}]}}]}}),
        ),
        (
            "networking.k8s.io/v1/networkpolicies",
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta("n"), "spec": {
            "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
            "ports": [{"port": "http", "protocol": "TCP"}, {"port": 1, "endPort": 9}]}]}}),
        ),
        (
            "policy/v1/poddisruptionbudgets",
            json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta("p"), "spec": {
            "minAvailable": "50%", "selector": {"matchLabels": {"app": "a"}}}}),
        ),
        (
            "rbac.authorization.k8s.io/v1/roles",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta("r"),
            "rules": [{"apiGroups": [""], "resources": ["pods"], "resourceNames": ["a"], "verbs": ["get"]}]}),
        ),
        (
            "coordination.k8s.io/v1/leases",
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta("l"),
            "spec": {"holderIdentity": "me", "leaseDurationSeconds": 3, "renewTime": "2026-01-02T03:04:05.000006Z"}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn protobuf_of_an_apiserver_is_its_json() {
    let raw = Raw::to(ControlPlanes::shared().await.cluster("bremen")).await;
    let namespace = namespace(&raw).await;
    for (path, object) in objects() {
        let (api_version, plural) = path.rsplit_once('/').unwrap();
        let root = if api_version == "v1" { "api" } else { "apis" };
        let list = format!("/{root}/{api_version}/namespaces/{namespace}/{plural}");
        let headers = [("content-type", "application/json")];
        let made = raw.send("POST", &list, &headers, object.to_string().into_bytes()).await.unwrap();
        assert_eq!(made.code, 201, "{path}: {}", made.json());
        let one = format!("{list}/{}", object["metadata"]["name"].as_str().unwrap());
        let json = raw.send("GET", &one, &[("accept", "application/json")], Vec::new()).await.unwrap().json();
        let answer = raw.send("GET", &one, &[("accept", protobuf::MEDIA_TYPE)], Vec::new()).await.unwrap();
        assert!(protobuf::is(&answer.body), "{path}");
        let ours = protobuf::decode(&answer.body).unwrap();
        let (mut expected, mut ours) = (json, ours);
        // What an embedded object is of is not written in protobuf.
        if let Some(claim) =
            expected.pointer_mut("/spec/volumeClaimTemplates/0").and_then(Value::as_object_mut)
        {
            claim.remove("apiVersion");
            claim.remove("kind");
        }
        for object in [&mut expected, &mut ours] {
            without_nothing(object);
        }
        assert_eq!(ours, expected, "{path}");
    }
}

/// Nulls and empty structs say the same as nothing.
fn without_nothing(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for child in map.values_mut() {
                without_nothing(child);
            }
            map.retain(|_, child| {
                !child.is_null() && child.as_object().is_none_or(|child| !child.is_empty())
            });
        }
        Value::Array(list) => list.iter_mut().for_each(without_nothing),
        _ => {}
    }
}
