//! Further facts of the systems that the recorded ones come from, as their public tests state them: every row of the
//! planners of Federation v1 and v2, of v1's Jobs, autoscalers and cluster selectors.

use serde_json::{Value, json};

use super::support::{cluster, run};

fn federated(total: i64, rebalance: bool, preferences: &Value) -> Value {
    json!([
        {
            "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment",
            "metadata": { "name": "web", "namespace": "ns" },
            "spec": { "template": { "spec": {} }, "placement": { "clusterSelector": {} } },
        },
        {
            "apiVersion": "scheduling.kubefed.io/v1alpha1", "kind": "ReplicaSchedulingPreference",
            "metadata": { "name": "web", "namespace": "ns" },
            "spec": {
                "targetKind": "FederatedDeployment", "totalReplicas": total, "rebalance": rebalance,
                "clusters": preferences,
            },
        },
    ])
}

fn plain(total: i64, rebalance: bool, preferences: &Value) -> Value {
    let annotation = json!({ "REBALANCE": rebalance, "Clusters": preferences }).to_string();
    json!([{
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "ns",
            "annotations": { "federation.kubernetes.io/deployment-preferences": annotation },
        },
        "spec": { "replicas": total },
    }])
}

/// One row: preferences, total, clusters, what runs, what fits, the plan, the overflow.
type Row<'a> = (Value, i64, &'a [&'a str], Value, Value, &'a [i64], &'a [i64]);

fn check(rebalance: bool, row: &Row<'_>) {
    let (preferences, total, names, current, capacity, plan, overflow) = row;
    let clusters: Vec<Value> = names
        .iter()
        .map(|name| {
            let mut cluster = json!({ "name": name, "live": [] });
            if let Some(ready) = current.get(*name) {
                cluster["live"] = json!([{
                    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "ns" },
                    "spec": { "replicas": ready }, "status": { "readyReplicas": ready },
                }]);
            }
            if let Some(fits) = capacity.get(*name) {
                cluster["capacity"] = json!({ "deployments.apps/ns/web": fits });
            }
            cluster
        })
        .collect();
    for objects in [federated(*total, rebalance, preferences), plain(*total, rebalance, preferences)] {
        let output = run(&json!({ "tieBreakKey": "", "clusters": clusters, "objects": objects }));
        let of = |field: &str| -> Vec<i64> {
            names.iter().map(|name| cluster(&output, name)[field].as_i64().unwrap()).collect()
        };
        assert_eq!(of("replicas"), *plan, "{preferences} {total} {current} {capacity}");
        let wanted: Vec<i64> = if overflow.is_empty() { vec![0; names.len()] } else { overflow.to_vec() };
        assert_eq!(of("overflow"), wanted, "{preferences} {total} {current} {capacity}");
    }
}

#[test]
fn the_planner_divides_as_in_every_row_of_its_public_test() {
    let one = || json!({ "*": { "weight": 1 } });
    let none = || json!({});
    let (a, ab, abc): (&[&str], &[&str], &[&str]) = (&["A"], &["A", "B"], &["A", "B", "C"]);
    let rows: [Row<'_>; 29] = [
        (one(), 50, abc, none(), none(), &[16, 17, 17], &[]),
        (one(), 50, ab, none(), none(), &[25, 25], &[]),
        (one(), 1, ab, none(), none(), &[0, 1], &[]),
        (one(), 1, &["A", "B", "C", "D"], none(), none(), &[0, 0, 0, 1], &[]),
        (one(), 1, a, none(), none(), &[1], &[]),
        (one(), 50, abc, json!({ "C": 30 }), none(), &[10, 10, 30], &[]),
        (one(), 50, ab, json!({ "A": 30 }), none(), &[30, 20], &[]),
        (one(), 15, ab, json!({ "A": 1, "B": 8 }), none(), &[7, 8], &[]),
        (one(), 15, ab, json!({ "A": 5, "B": 8 }), none(), &[7, 8], &[]),
        (one(), 15, ab, json!({ "A": 7, "B": 8 }), none(), &[7, 8], &[]),
        (one(), 50, ab, json!({ "A": 10 }), none(), &[25, 25], &[]),
        (one(), 50, ab, json!({ "A": 10, "B": 70 }), none(), &[0, 50], &[]),
        (one(), 1, ab, json!({ "A": 30 }), none(), &[1, 0], &[]),
        (
            json!({ "A": { "weight": 1 }, "B": { "weight": 1 } }),
            60,
            abc,
            none(),
            json!({ "A": 10, "B": 10 }),
            &[10, 10, 0],
            &[20, 20, 0],
        ),
        (
            json!({ "A": { "weight": 1 }, "B": { "weight": 5 } }),
            60,
            abc,
            none(),
            json!({ "B": 10 }),
            &[50, 10, 0],
            &[],
        ),
        (
            json!({ "*": { "minReplicas": 20, "weight": 0 } }),
            50,
            abc,
            none(),
            json!({ "B": 10 }),
            &[20, 10, 20],
            &[],
        ),
        (json!({ "*": { "minReplicas": 2, "weight": 0 } }), 50, abc, none(), none(), &[2, 2, 2], &[]),
        (json!({ "*": { "minReplicas": 20 } }), 50, abc, none(), none(), &[10, 20, 20], &[]),
        (
            json!({ "*": { "minReplicas": 20 }, "A": { "minReplicas": 100, "weight": 1 } }),
            50,
            abc,
            none(),
            none(),
            &[50, 0, 0],
            &[],
        ),
        (
            json!({ "*": { "minReplicas": 10, "weight": 1, "maxReplicas": 12 } }),
            50,
            abc,
            none(),
            none(),
            &[12, 12, 12],
            &[],
        ),
        (json!({ "*": { "weight": 1, "maxReplicas": 2 } }), 50, abc, none(), none(), &[2, 2, 2], &[]),
        (json!({ "*": { "weight": 0, "maxReplicas": 2 } }), 50, abc, none(), none(), &[0, 0, 0], &[]),
        (json!({ "A": { "weight": 1 }, "B": { "weight": 2 } }), 60, abc, none(), none(), &[20, 40, 0], &[]),
        (
            json!({ "A": { "weight": 10000 }, "B": { "weight": 1 } }),
            50,
            abc,
            none(),
            none(),
            &[50, 0, 0],
            &[],
        ),
        (
            json!({ "A": { "weight": 10000 }, "B": { "weight": 1 } }),
            50,
            &["B", "C"],
            none(),
            none(),
            &[50, 0],
            &[],
        ),
        (
            json!({ "A": { "weight": 10000, "maxReplicas": 10 }, "B": { "weight": 1 }, "C": { "weight": 1, "maxReplicas": 10 } }),
            50,
            abc,
            none(),
            none(),
            &[10, 30, 10],
            &[],
        ),
        (
            json!({
                "A": { "weight": 10000, "maxReplicas": 10 }, "B": { "weight": 1 }, "C": { "weight": 1, "maxReplicas": 21 },
                "D": { "weight": 1, "maxReplicas": 10 }, "E": { "weight": 1 },
            }),
            91,
            &["A", "B", "C", "D", "E"],
            none(),
            none(),
            &[10, 25, 21, 10, 25],
            &[],
        ),
        // Of the user guide: switched weights with running replicas, and a total that grows.
        (json!({ "A": { "weight": 2 }, "B": { "weight": 1 } }), 3, ab, none(), none(), &[2, 1], &[]),
        (json!({ "A": { "weight": 1 }, "B": { "weight": 2 } }), 9, abc, none(), none(), &[3, 6, 0], &[]),
    ];
    rows.iter().for_each(|row| check(false, row));
    let rows: [Row<'_>; 3] = [
        (one(), 50, abc, none(), json!({ "C": 10 }), &[20, 20, 10], &[0, 0, 7]),
        (
            json!({ "A": { "weight": 1 }, "B": { "weight": 2 } }),
            60,
            abc,
            none(),
            json!({ "B": 10 }),
            &[50, 10, 0],
            &[0, 30, 0],
        ),
        (
            json!({ "*": { "minReplicas": 20, "weight": 1 } }),
            60,
            ab,
            none(),
            json!({ "B": 10 }),
            &[50, 10],
            &[0, 15],
        ),
    ];
    rows.iter().for_each(|row| check(true, row));
}

#[test]
fn a_total_over_no_cluster_is_nowhere_and_says_so() {
    let output = run(&json!({ "objects": federated(1, false, &json!({ "*": { "weight": 1 } })) }));
    assert_eq!(output["objects"][0]["clusters"], json!([]));
    assert_eq!(output["objects"][0]["unplaced"], 1);
    assert_eq!(
        output["objects"][0]["unplacedReason"],
        "no ready cluster takes part, so 1 replicas are nowhere"
    );
}

#[test]
fn jobs_without_completions_and_with_fewer_than_clusters_are_split_as_v1_did() {
    for (name, parallelism, completions, parallel, complete) in [
        ("job1", 2, json!(7), [1, 1], [json!(4), json!(3)]),
        ("job2", 2, Value::Null, [1, 1], [Value::Null, Value::Null]),
        ("job3", 7, json!(2), [4, 3], [json!(1), json!(1)]),
        ("job4", 7, json!(1), [4, 3], [json!(1), json!(0)]),
    ] {
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name, "namespace": "default" },
            "spec": { "parallelism": parallelism, "completions": completions },
        });
        let output =
            run(&json!({ "clusters": [{ "name": "k8s-1" }, { "name": "k8s-2" }], "objects": [job] }));
        for (index, cluster_name) in ["k8s-1", "k8s-2"].iter().enumerate() {
            let spec = &cluster(&output, cluster_name)["manifest"]["spec"];
            assert_eq!(spec["parallelism"], parallel[index], "{name}");
            assert_eq!(spec["completions"], complete[index], "{name}");
        }
    }
}

/// A local autoscaler: limits, current and desired replicas, and whether it scaled long ago.
type Local = Option<(i64, i64, Option<(i64, i64, bool)>)>;

fn limits(min: i64, max: i64, local: &[Local]) -> Vec<(i64, i64)> {
    let clusters: Vec<Value> = local
        .iter()
        .enumerate()
        .map(|(index, local)| {
            let live = local.map_or_else(Vec::new, |(min, max, status)| {
                let mut scaler = json!({
                    "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
                    "metadata": { "name": "web", "namespace": "ns" },
                    "spec": { "minReplicas": min, "maxReplicas": max },
                });
                if let Some((current, desired, long_ago)) = status {
                    let last = if long_ago { "2025-12-31T23:56:00Z" } else { "2026-01-01T00:00:00Z" };
                    scaler["status"] =
                        json!({ "currentReplicas": current, "desiredReplicas": desired, "lastScaleTime": last });
                }
                vec![scaler]
            });
            json!({ "name": format!("c{}", index + 1), "live": live })
        })
        .collect();
    let scaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "web", "namespace": "ns" },
        "spec": { "minReplicas": min, "maxReplicas": max },
    });
    let output = run(&json!({ "now": "2026-01-01T00:00:00Z", "clusters": clusters, "objects": [scaler] }));
    let limits = |name: &str| {
        let spec = &cluster(&output, name)["manifest"]["spec"];
        (spec["minReplicas"].as_i64().unwrap(), spec["maxReplicas"].as_i64().unwrap())
    };
    (1..=local.len()).map(|index| limits(&format!("c{index}"))).collect()
}

#[test]
fn limits_of_autoscalers_move_as_in_every_row_of_v1s_public_test() {
    // A newcomer gets one from whoever did not scale yet.
    assert_eq!(limits(1, 10, &[Some((1, 10, None)), None]), [(1, 9), (1, 1)]);
    let busy = [
        Some((1, 7, Some((5, 5, true)))),
        Some((1, 1, Some((1, 1, true)))),
        Some((1, 2, Some((1, 1, false)))),
    ];
    assert_eq!(limits(1, 10, &busy), [(1, 6), (1, 2), (1, 2)]);
    // Nobody has one to give.
    let full = [Some((1, 9, Some((9, 9, false)))), Some((1, 1, Some((1, 1, true))))];
    assert_eq!(limits(1, 10, &full), [(1, 9), (1, 1)]);
    let idle = [Some((3, 6, Some((3, 3, true)))), Some((1, 4, Some((3, 3, true))))];
    assert_eq!(limits(4, 10, &idle), [(2, 6), (2, 4)]);
    let used = [Some((3, 6, Some((4, 4, true)))), Some((1, 4, Some((3, 3, true))))];
    assert_eq!(limits(4, 10, &used), [(3, 6), (1, 4)]);
    for (min, max, local) in
        [(1, 10, [None, None]), (4, 14, [Some((1, 5, None)); 2]), (3, 8, [Some((2, 8, None)); 2])]
    {
        let split = limits(min, max, &local);
        assert_eq!(split.iter().map(|(_, max)| max).sum::<i64>(), max);
        assert!(split.iter().map(|(min, _)| min).sum::<i64>() >= min);
        assert!(split.iter().all(|(min, max)| *min >= 1 && min <= max), "{split:?}");
    }
}

#[test]
fn v1_cluster_selectors_mean_what_their_public_test_says() {
    let selected = |requirements: Value| {
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "x", "namespace": "ns", "annotations": {
                "federation.alpha.kubernetes.io/cluster-selector": requirements.to_string(),
            } },
        });
        let labels = json!({ "location": "europe", "environment": "prod", "version": "15" });
        let output = run(&json!({ "clusters": [{ "name": "c", "labels": labels }], "objects": [map] }));
        cluster(&output, "c")["selected"] == true
    };
    let one = |key: &str, operator: &str, values: Value| json!({ "key": key, "operator": operator, "values": values });
    let europe = one("location", "in", json!(["europe"]));
    assert!(selected(json!([europe, one("environment", "==", json!(["prod"]))])));
    assert!(!selected(json!([europe, one("environment", "==", json!(["test"]))])));
    assert!(selected(json!([
        one("location", "!=", json!(["usa"])),
        one("environment", "in", json!(["prod"]))
    ])));
    assert!(selected(json!([one("version", ">", json!(["14"]))])));
    assert!(!selected(json!([one("version", ">", json!(["15"]))])));
    assert!(selected(json!([{ "Key": "version", "Operator": "lt", "Values": ["16"] }])));
    assert!(selected(json!([])));
    for (operator, values) in [
        ("in", json!([])),
        ("exists", json!(["x"])),
        ("gt", json!(["x"])),
        ("=", json!(["a", "b"])),
        ("near", json!([])),
    ] {
        assert!(!selected(json!([one("version", operator, values)])), "{operator}");
    }
}
