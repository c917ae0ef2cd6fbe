//! `hanse simulate` on scenario files, as in somebody's own CI.

use super::*;

fn file(name: &str) -> String {
    Path::new("tests/scenarios").join(name).display().to_string()
}

async fn simulates(name: &str, options: &[&str]) -> Ended {
    let file = file(name);
    let mut ended = Person::new().runs(&[&["simulate", "-f", &file][..], options].concat()).await;
    ended.notes = ended.notes.replace(&file, name);
    ended
}

#[tokio::test]
async fn people_get_a_table_and_the_differences() {
    let ended = simulates("shop.yaml", &["-o", "table"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    deployments.apps/shop/web: Unknown, propagation False CheckClusters

    CLUSTER  ACTION  REPLICAS  PHASE        STATUS           WHY
    eu       Update  3         Progressing  -                placement.clusterSelector is empty, which means every cluster
    us       Create  3         Progressing  -                placement.clusterSelector is empty, which means every cluster
    edge     Wait    0         Unknown      ClusterNotReady  placement.clusterSelector is empty, which means every cluster; the cluster is not ready; it is compared afresh when it is back
    old      Create  3         Progressing  -                placement.clusterSelector is empty, which means every cluster
    refers to: ConfigMap settings

    configmaps/shop/settings: Progressing

    CLUSTER  ACTION  REPLICAS  PHASE        STATUS  WHY
    eu       None    -         -            -       does not match placement.clusterSelector: region is eu, wanted us
    us       Create  -         Progressing  -       matches placement.clusterSelector: region=us
    edge     None    -         -            -       does not match placement.clusterSelector: it has no region, wanted us
    old      Delete  -         -            -       does not match placement.clusterSelector: it has no region, wanted us
    ---
    exit code 0
    ");
    let ended = simulates("shop.yaml", &["--diff"]).await;
    insta::assert_snapshot!(ended.all(), @r#"
    deployments.apps/shop/web: Unknown, propagation False CheckClusters

    CLUSTER  ACTION  REPLICAS  PHASE        STATUS           WHY
    eu       Update  3         Progressing  -                placement.clusterSelector is empty, which means every cluster
    us       Create  3         Progressing  -                placement.clusterSelector is empty, which means every cluster
    edge     Wait    0         Unknown      ClusterNotReady  placement.clusterSelector is empty, which means every cluster; the cluster is not ready; it is compared afresh when it is back
    old      Create  3         Progressing  -                placement.clusterSelector is empty, which means every cluster
    refers to: ConfigMap settings

    --- eu (now)
    +++ eu (planned)
    @@ /spec/replicas @@
    - 2
    + 3
    @@ /spec/template/spec/containers/0/envFrom @@
    + - configMapRef:
    +     name: settings
    @@ /spec/template/spec/containers/0/image @@
    - "web:1"
    + "web:2"

    --- us (now)
    +++ us (planned)
    + apiVersion: apps/v1
    + kind: Deployment
    + metadata:
    +   labels:
    +     kubefed.io/managed: "true"
    +   name: web
    +   namespace: shop
    + spec:
    +   replicas: 3
    +   template:
    +     spec:
    +       containers:
    +       - envFrom:
    +         - configMapRef:
    +             name: settings
    +         image: mirror.us/web:2
    +         name: web

    --- old (now)
    +++ old (planned)
    + apiVersion: apps/v1
    + kind: Deployment
    + metadata:
    +   labels:
    +     kubefed.io/managed: "true"
    +   name: web
    +   namespace: shop
    + spec:
    +   replicas: 3
    +   template:
    +     spec:
    +       containers:
    +       - envFrom:
    +         - configMapRef:
    +             name: settings
    +         image: web:2
    +         name: web

    configmaps/shop/settings: Progressing

    CLUSTER  ACTION  REPLICAS  PHASE        STATUS  WHY
    eu       None    -         -            -       does not match placement.clusterSelector: region is eu, wanted us
    us       Create  -         Progressing  -       matches placement.clusterSelector: region=us
    edge     None    -         -            -       does not match placement.clusterSelector: it has no region, wanted us
    old      Delete  -         -            -       does not match placement.clusterSelector: it has no region, wanted us

    --- us (now)
    +++ us (planned)
    + apiVersion: v1
    + data:
    +   mode: fast
    + kind: ConfigMap
    + metadata:
    +   labels:
    +     kubefed.io/managed: "true"
    +   name: settings
    +   namespace: shop
    ---
    exit code 0
    "#);
}

#[tokio::test]
async fn programs_get_every_cluster_with_its_manifest() {
    let ended = simulates("shop.yaml", &["-o", "json"]).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let output: Value = serde_json::from_str(&ended.out).unwrap();
    let objects = output["objects"].as_array().unwrap();
    let keys: Vec<&Value> = objects.iter().map(|object| &object["key"]).collect();
    assert_eq!(keys, ["deployments.apps/shop/web", "configmaps/shop/settings"]);
    let web = &objects[0];
    assert_eq!(web["propagation"], json!({"status": "False", "reason": "CheckClusters"}));
    assert_eq!(web["dependencies"][0]["name"], "settings");
    assert_eq!(web["aggregated"]["phase"], "Unknown");
    let clusters = web["clusters"].as_array().unwrap();
    let brief: Vec<Value> = clusters
        .iter()
        .map(|one| {
            json!([
                one["name"],
                one["selected"],
                one["action"],
                one["replicas"],
                one["overflow"],
                one["status"]
            ])
        })
        .collect();
    assert_eq!(
        brief,
        [
            json!(["eu", true, "Update", 3, 0, ""]),
            json!(["us", true, "Create", 3, 0, ""]),
            json!(["edge", true, "Wait", 0, 0, "ClusterNotReady"]),
            json!(["old", true, "Create", 3, 0, ""]),
        ]
    );
    let image = "/manifest/spec/template/spec/containers/0/image";
    assert_eq!(clusters[1].pointer(image).unwrap(), "mirror.us/web:2");
    assert_eq!(clusters[0]["reflected"]["readyReplicas"], 2);
    assert_eq!(objects[1]["clusters"][3]["action"], "Delete");
    assert_eq!(
        simulates("shop.yaml", &[]).await.out,
        ended.out,
        "JSON is what it prints when nothing is said"
    );
    let ended = simulates("shop.yaml", &["-o", "yaml"]).await;
    assert!(ended.out.starts_with("objects:\n"), "{}", ended.out);
}

#[tokio::test]
async fn a_plain_object_without_annotations_goes_everywhere() {
    let ended = simulates("minimal.json", &["-o", "table"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    configmaps/n/c: Progressing

    CLUSTER  ACTION  REPLICAS  PHASE        STATUS  WHY
    A        Create  -         Progressing  -       placement.clusterSelector is empty, which means every cluster
    B        Create  -         Progressing  -       placement.clusterSelector is empty, which means every cluster
    ---
    exit code 0
    ");
    let text = std::fs::read_to_string(file("minimal.json")).unwrap();
    let piped = Person { typed: text, ..Person::new() }.runs(&["simulate", "-f", "-", "-o", "table"]).await;
    assert_eq!(piped.out, ended.out);
}

#[tokio::test]
async fn bad_input_names_line_and_field() {
    let mut said = String::new();
    for name in ["wrong-field.yaml", "wrong-object.yaml"] {
        let ended = simulates(name, &["-o", "json"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        said.push_str(&ended.notes);
    }
    let header = "apiVersion: simulate.hanse.io/v1alpha1\nkind: Scenario\n";
    for text in [
        "",
        "a: [1\n",
        "[]",
        "apiVersion: v1\nkind: Scenario\nspec: {}\n",
        &format!("{header}spec:\n  clusters:\n  - name: a\n  - name: a\n"),
        &format!("{header}spec:\n  cluster: []\n"),
        &format!("{header}spec: {{}}\n---\n{header}spec: {{}}\n"),
    ] {
        let ended = Person { typed: text.into(), ..Person::new() }.runs(&["simulate", "-f", "-"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{text}");
        said.push_str(&ended.notes);
    }
    insta::assert_snapshot!(said, @r#"
    error: wrong-field.yaml, document 1, line 7: spec.clusters[0].capacity[deployments.apps/shop/web]: expected an integer, found text
    error: wrong-object.yaml, document 1, line 14: spec.objects[0].spec.placement.clusters[0].name: is required
    error: standard input holds no document
    error: standard input, document 1, line 1: unclosed bracket '['
    error: standard input, document 1, line 1: the document is not an object; expected a Scenario
    error: standard input, document 1, line 1: apiVersion: expected simulate.hanse.io/v1alpha1
    error: standard input, document 1, line 6: spec.clusters[1].name: another cluster is named "a"
    error: standard input, document 1, line 4: spec.cluster: is not known here; expected one of tieBreakKey, now, clusters, objects
    error: standard input, document 2, line 5: a file holds one scenario: put this one into another
    "#);
    assert_eq!(simulates("shop.yaml", &["--diff", "-o", "json"]).await.code, 2);
    assert_eq!(Person::new().runs(&["simulate", "-f", "/nowhere"]).await.code, 2);
    assert_eq!(Person::new().runs(&["simulate"]).await.code, 2);
}

/// Runs a scenario of which only the part below `spec` is given, and returns what is said without the file's name.
async fn refused(spec: &str) -> String {
    let text = format!("apiVersion: simulate.hanse.io/v1alpha1\nkind: Scenario\nspec:\n{spec}");
    let ended = Person { typed: text, ..Person::new() }.runs(&["simulate", "-f", "-", "-o", "json"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{spec}\n{ended:?}");
    let note = ended.notes.trim_end();
    note.strip_prefix("error: standard input, document 1, ").unwrap_or(note).to_owned()
}

#[tokio::test]
async fn every_sort_of_bad_input_is_told_by_line_and_field() {
    let map = "metadata: {name: x, namespace: n}";
    let rsp = "apiVersion: scheduling.kubefed.io/v1alpha1, kind: ReplicaSchedulingPreference, metadata: {name: x, namespace: n}";
    let federated = "apiVersion: types.kubefed.io/v1beta1, metadata: {name: x, namespace: n}";
    let mut said = String::new();
    for spec in [
        // Shapes and names of the scenario itself.
        "  clusters: {}\n".to_owned(),
        "  clusters:\n  - {}\n".to_owned(),
        "  clusters:\n  - name: a\n    labels: {tier: 1}\n".to_owned(),
        "  clusters:\n  - name: a\n    ready: maybe\n".to_owned(),
        "  clusters:\n  - name: a\n    redy: true\n".to_owned(),
        "  clusters:\n  - name: a\n    facts: {region: [1]}\n".to_owned(),
        "  clusters:\n  - name: a\n    capacity:\n      deployments.apps/ns/web: 1.5\n".to_owned(),
        "  clusters:\n  - name: a\n    capacity:\n      deployments.apps/ns/web: 99999999999999999999\n"
            .to_owned(),
        "  clusters:\n  - name: a\n  - name: b\n  - name: a\n".to_owned(),
        "  clusters:\n  - name: a\n    live:\n    - kind: Pod\n".to_owned(),
        format!(
            "  clusters:\n  - name: a\n    live:\n    - {{kind: ConfigMap, {map}}}\n    - {{kind: ConfigMap, {map}}}\n"
        ),
        "  tieBreakKey: 7\n".to_owned(),
        "  now: yesterday\n".to_owned(),
        // Objects.
        "  objects:\n  - text\n".to_owned(),
        format!("  objects:\n  - {{kind: ConfigMap, {map}}}\n"),
        format!("  objects:\n  - {{apiVersion: v1, {map}}}\n"),
        "  objects:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {generateName: x-}}\n".to_owned(),
        "  objects:\n  - {apiVersion: v1, kind: ConfigMap, metadata: {name: x, labels: [a]}}\n".to_owned(),
        format!(
            "  objects:\n  - {{apiVersion: v1, kind: ConfigMap, {map}}}\n  - {{apiVersion: v1, kind: ConfigMap, {map}}}\n"
        ),
        format!("  objects:\n  - {{apiVersion: core.kubefed.io/v1beta1, kind: KubeFedCluster, {map}}}\n"),
        format!("  objects:\n  - {{apiVersion: a/b/c, kind: Thing, {map}}}\n"),
        format!("  objects:\n  - {{{federated}, kind: FederatedThing, spec: {{}}}}\n"),
        format!(
            "  objects:\n  - {{{federated}, kind: FederatedConfigMap, spec: {{placement: {{clusters: a}}}}}}\n"
        ),
        format!(
            "  objects:\n  - {{{federated}, kind: FederatedConfigMap, spec: {{overrides: [{{clusterName: a, clusterOverrides: [{{op: move, path: /x}}]}}]}}}}\n"
        ),
        format!("  objects:\n  - {{{federated}, kind: FederatedNamespace, spec: {{}}}}\n"),
        format!("  objects:\n  - {{{rsp}, spec: {{targetKind: FederatedJob, totalReplicas: 1}}}}\n"),
        format!("  objects:\n  - {{{rsp}, spec: {{targetKind: FederatedDeployment, totalReplicas: -1}}}}\n"),
        format!(
            "  objects:\n  - {{{rsp}, spec: {{targetKind: FederatedDeployment, totalReplicas: 9999999999}}}}\n"
        ),
        format!("  objects:\n  - {{{rsp}}}\n"),
        // What YAML itself forbids.
        "  objects: .nan\n".to_owned(),
        "  objects: [\n".to_owned(),
        "  clusters: []\n  clusters: []\n".to_owned(),
        "  clusters: *nowhere\n".to_owned(),
        format!("  objects: {}\n", "[".repeat(200)),
    ] {
        said.push_str(&refused(&spec).await);
        said.push('\n');
    }
    insta::assert_snapshot!(said, @r#"
    line 4: spec.clusters: expected a list, found an object
    line 5: spec.clusters[0].name: is required
    line 6: spec.clusters[0].labels[tier]: expected text, found a number
    line 6: spec.clusters[0].ready: expected true or false, found text
    line 6: spec.clusters[0].redy: is not known here; expected one of name, labels, facts, ready, capacity, live
    line 6: spec.clusters[0].facts.region[0]: expected text, found a number
    line 7: spec.clusters[0].capacity[deployments.apps/ns/web]: expected an integer, found a number
    line 7: spec.clusters[0].capacity[deployments.apps/ns/web]: expected an integer, found a number
    line 7: spec.clusters[2].name: another cluster is named "a"
    line 7: spec.clusters[0].live[0].metadata.name: is required
    line 8: spec.clusters[0].live[1]: ConfigMap x is given by spec.clusters[0].live[0] already
    line 4: spec.tieBreakKey: expected text, found a number
    line 4: spec.now: expected an RFC 3339 time
    line 5: spec.objects[0]: expected an object, found text
    line 5: spec.objects[0].apiVersion: is required
    line 5: spec.objects[0].kind: is required
    line 5: spec.objects[0].metadata.name: is required
    line 5: spec.objects[0].metadata.labels: expected an object, found a list
    line 6: spec.objects[1]: configmaps/n/x is given by spec.objects[0] already
    line 5: spec.objects[0].kind: KubeFedCluster of core.kubefed.io is nothing that can be federated; expected Federated<Kind>, FederatedNamespace, ReplicaSchedulingPreference or a plain object
    line 5: spec.objects[0].apiVersion: "a/b/c" is neither a version nor group/version
    line 5: spec.objects[0].spec.template.apiVersion: is needed: the group of Thing is not known
    line 5: spec.objects[0].spec.placement.clusters: expected a list, found text
    line 5: spec.objects[0].spec.overrides[0].clusterOverrides[0].op: "move" is not supported; expected add, remove or replace
    line 5: spec.objects[0].metadata.name: a FederatedNamespace has the name of the namespace that it is in
    line 5: spec.objects[0].spec.targetKind: "FederatedJob" is not supported; expected FederatedDeployment or FederatedReplicaSet
    line 5: spec.objects[0].spec.totalReplicas: must be between 0 and 2147483647
    line 5: spec.objects[0].spec.totalReplicas: must be between 0 and 2147483647
    line 5: spec.objects[0].spec: is required
    line 4: value `.nan` is not a finite number
    line 4: unclosed bracket '['
    line 5: duplicate mapping key `clusters` is not allowed here
    line 4: reference to unknown value
    line 4: recursion limit exceeded
    "#);
}

#[tokio::test]
async fn text_that_is_not_utf8_names_its_line() {
    let person = Person::new();
    let path = person.folder.path().join("odd.yaml");
    std::fs::write(&path, b"kind: Scenario\nspec: \xff\n").unwrap();
    let path = path.display().to_string();
    let ended = person.runs(&["simulate", "-f", &path]).await;
    assert_eq!(ended.code, 2);
    assert!(ended.notes.contains("line 2: is not UTF-8 text"), "{ended:?}");
}

#[tokio::test]
async fn the_answer_is_the_same_every_time_and_in_the_order_of_the_scenario() {
    let text = "apiVersion: simulate.hanse.io/v1alpha1
kind: Scenario
spec:
  clusters: [{name: zulu}, {name: alpha}, {name: mike}]
  objects:
  - {apiVersion: v1, kind: Secret, metadata: {name: z, namespace: n}}
  - {apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: n}, spec: {replicas: 10}}
";
    let run =
        || async { Person { typed: text.into(), ..Person::new() }.runs(&["simulate", "-f", "-"]).await.out };
    let first = run().await;
    assert_eq!(run().await, first);
    let output: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(output["objects"][0]["key"], "secrets/n/z");
    let names: Vec<&str> = output["objects"][1]["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["zulu", "alpha", "mike"]);
    let json: Value = serde_json::json!({
        "apiVersion": "simulate.hanse.io/v1alpha1", "kind": "Scenario",
        "spec": {
            "clusters": [{"name": "zulu"}, {"name": "alpha"}, {"name": "mike"}],
            "objects": [
                {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "z", "namespace": "n"}},
                {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a", "namespace": "n"}, "spec": {"replicas": 10}},
            ],
        },
    });
    let piped = Person { typed: json.to_string(), ..Person::new() }.runs(&["simulate", "-f", "-"]).await;
    assert_eq!(piped.out, first, "JSON says the same as YAML");
}

#[tokio::test]
async fn what_is_probably_not_meant_is_told_to_people() {
    let text = "apiVersion: simulate.hanse.io/v1alpha1
kind: Scenario
spec:
  clusters: [{name: a}]
  objects:
  - apiVersion: types.kubefed.io/v1beta1
    kind: FederatedDeployment
    metadata: {name: web, namespace: n}
    spec: {placment: {}, placement: {clusters: [{name: ghost}]}}
  - apiVersion: scheduling.kubefed.io/v1alpha1
    kind: ReplicaSchedulingPreference
    metadata: {name: other, namespace: n}
    spec: {targetKind: FederatedDeployment, totalReplicas: 3}
";
    let ended =
        Person { typed: text.into(), ..Person::new() }.runs(&["simulate", "-f", "-", "-o", "table"]).await;
    insta::assert_snapshot!(ended.all(), @r#"
    deployments.apps/n/web: Ready

    CLUSTER  ACTION  REPLICAS  PHASE  STATUS  WHY
    a        None    -         -      -       not named in placement.clusters
    warning: spec.objects[0].spec.placment: is not known here; expected one of template, placement, overrides, retainReplicas
    warning: spec.objects[0].spec.placement.clusters: no cluster is named "ghost": matches nothing
    warning: spec.objects[1]: there is no FederatedDeployment of this name to spread
    ---
    exit code 0
    "#);
}
