//! Files that become federated objects.

use wiremock::{
    Mock,
    matchers::{header, method, path, query_param, query_param_is_missing},
};

use super::*;

const DEPLOYMENT: &str =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n";

pub(super) fn types() -> Value {
    json!([
        {"type": "configmaps", "group": "", "version": "v1", "kind": "ConfigMap", "namespaced": true, "builtIn": true},
        {"type": "deployments.apps", "group": "apps", "version": "v1", "kind": "Deployment", "namespaced": true, "builtIn": true},
    ])
}

pub(super) fn stored(type_: &str, name: &str, generation: i64) -> Value {
    json!({"id": "01890000-0000-7000-8000-000000000001", "type": type_, "apiVersion": "apps/v1", "kind": "Deployment",
           "name": name, "project": "shop", "generation": generation, "version": 9,
           "spec": {"template": {}, "placement": {"clusters": ["eu"]}, "overrides": [{"clusters": ["eu"]}]},
           "createdBy": "ada", "updatedBy": "ada", "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z",
           "status": {"phase": "Ready", "message": "", "observedGeneration": generation, "clustersPlaced": 1,
                      "clustersReady": 1, "replicas": 2, "readyReplicas": 2, "aggregated": {},
                      "clusters": [{"cluster": "eu", "scheduled": true, "why": "named", "applied": true, "phase": "Ready",
                                    "message": "", "replicas": 2, "readyReplicas": 2, "drift": [], "lastError": null,
                                    "status": null, "observedAt": "2026-01-01T12:00:09Z"}],
                      "updatedAt": "2026-01-01T12:00:09Z"}})
}

const OBJECTS: &str = "/api/v1/projects/shop/federated-objects";

async fn server() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/types"))
        .respond_with(ResponseTemplate::new(200).set_body_json(types()))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(format!("{OBJECTS}/deployments.apps/old")))
        .respond_with(
            ResponseTemplate::new(200)
                .set_body_json(stored("deployments.apps", "old", 3))
                .insert_header("etag", "\"9\""),
        )
        .mount(&server)
        .await;
    server
}

async fn answers(server: &MockServer, verb: &str, place: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(place))
        .respond_with(ResponseTemplate::new(status).set_body_json(body))
        .mount(server)
        .await;
    Mock::given(method("GET"))
        .respond_with(refusal(404, "not_found", "it does not exist"))
        .with_priority(250)
        .mount(server)
        .await;
}

#[tokio::test]
async fn a_plain_object_goes_where_the_command_line_says() {
    let server = server().await;
    answers(&server, "POST", OBJECTS, 201, stored("deployments.apps", "web", 1)).await;
    let person = Person { typed: DEPLOYMENT.into(), ..Person::new() };
    let uri = server.uri();
    let base = ["--server", &uri, "apply", "-f", "-", "-p", "shop"];
    for (options, placement) in [
        (vec!["--clusters", "eu,us"], json!({"clusters": ["eu", "us"]})),
        (
            vec!["--selector", "region=eu", "--selector", "tier=gold"],
            json!({"clusterSelector": {"matchLabels": {"region": "eu", "tier": "gold"}}}),
        ),
        (vec!["--all-clusters"], json!({"clusterSelector": {}})),
    ] {
        let ended = person.runs(&[&base[..], &options].concat()).await;
        assert_eq!((ended.code, ended.out.as_str()), (0, "deployments.apps/web created\n"), "{ended:?}");
        let (_, body) = sent(&server, OBJECTS).await.pop().unwrap();
        assert_eq!(body["spec"]["placement"], placement);
        assert_eq!(body["spec"]["template"]["spec"]["replicas"], 2);
    }
    let ended = person.runs(&base).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    error: standard input, document 1, line 1: Deployment web says nothing about where it goes: give --clusters A,B or --selector KEY=VALUE or --all-clusters
    exit code 2
    ");
    let ended = person.runs(&[&base[..], &["--all-clusters", "--clusters", "eu"]].concat()).await;
    assert_eq!(ended.code, 2);
}

#[tokio::test]
async fn what_is_there_already_is_changed_or_left() {
    let server = server().await;
    let place = format!("{OBJECTS}/deployments.apps/old");
    Mock::given(method("PUT"))
        .and(path(&place))
        .and(header("if-match", "\"9\""))
        .and(query_param_is_missing("dryRun"))
        .respond_with(ResponseTemplate::new(200).set_body_json(stored("deployments.apps", "old", 4)))
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(path(&place))
        .and(query_param("dryRun", "true"))
        .respond_with(ResponseTemplate::new(200).set_body_json(stored("deployments.apps", "old", 3)))
        .mount(&server)
        .await;
    let person = Person { typed: DEPLOYMENT.replace("web", "old"), ..Person::new() };
    let uri = server.uri();
    let base = ["--server", &uri, "apply", "-f", "-", "-p", "shop"];
    let ended = person.runs(&base).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "deployments.apps/old configured\n"), "{ended:?}");
    let (_, body) = sent(&server, &place).await.pop().unwrap();
    assert_eq!(body["spec"]["placement"], json!({"clusters": ["eu"]}), "a plain object keeps its placement");
    assert_eq!(body["spec"]["overrides"], json!([{"clusters": ["eu"]}]));
    assert_eq!(body["spec"]["template"]["spec"]["replicas"], 2);
    let ended = person.runs(&[&base[..], &["--dry-run"]].concat()).await;
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (0, "deployments.apps/old unchanged (dry run)\n"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn one_refusal_does_not_stop_the_rest_and_names_the_line() {
    let server = server().await;
    Mock::given(method("POST"))
        .and(path(OBJECTS))
        .and(wiremock::matchers::body_string_contains("\"bad\""))
        .respond_with(ResponseTemplate::new(422).set_body_json(json!({"error": {
            "code": "invalid", "message": "the object is not valid", "requestId": "req-9",
            "fields": [{"field": "spec.placement.clusters[1]", "message": "no cluster \"moon\" in project \"shop\""},
                       {"field": "spec.template.spec", "message": "is missing"}]}})))
        .with_priority(1)
        .mount(&server)
        .await;
    answers(&server, "POST", OBJECTS, 201, stored("deployments.apps", "web", 1)).await;
    let person = Person::new();
    let file = person.file(
        "app.yaml",
        &format!(
            "apiVersion: hanse.io/v1alpha1\nkind: FederatedObject\nmetadata:\n  project: shop\nspec:\n  template:\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata:\n      name: bad\n  placement:\n    clusters:\n    - eu\n    - moon\n---\n{DEPLOYMENT}"
        ),
    );
    let uri = server.uri();
    let ended =
        person.runs(&["--server", &uri, "apply", "-f", &file, "-p", "shop", "--clusters", "eu"]).await;
    insta::assert_snapshot!(ended.all(), @r#"
    deployments.apps/web created
    ---
    error: FOLDER/app.yaml, document 1, line 1: the object is not valid
      line 14: spec.placement.clusters[1]: no cluster "moon" in project "shop"
      line 7: spec.template.spec: is missing
      request id: req-9
    error: 1 of 2 documents could not be applied
    exit code 1
    "#);
}

#[tokio::test]
async fn nothing_is_sent_when_a_document_is_wrong() {
    let server = server().await;
    let uri = server.uri();
    let person = Person::new();
    let own = |metadata: &str, spec: &str| {
        format!(
            "{DEPLOYMENT}---\napiVersion: hanse.io/v1alpha1\nkind: FederatedObject\nmetadata: {metadata}\nspec:\n{spec}\n"
        )
    };
    let template = "  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}";
    let mut said = String::new();
    for text in [
        own("{project: shop}", &format!("{template}\n  placment: {{}}")),
        own("{project: shop}", "  template: {apiVersion: v1, kind: ConfigMap}"),
        own("{}", template),
        own("{project: shop, name: b}", template),
        "kind: ConfigMap\nmetadata: {name: a}\n".to_owned(),
        "apiVersion: hanse.io/v2\nkind: FederatedObject\n".to_owned(),
        "- 1\n".to_owned(),
    ] {
        let file = person.file("app.yaml", &text.replace("name: web", "name: web\n  namespace: shop"));
        let ended = person.runs(&["--server", &uri, "apply", "-f", &file, "--all-clusters"]).await;
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        said.push_str(&ended.notes);
    }
    let file = person.file("app.yaml", &own("{project: shop}", template));
    said.push_str(&person.runs(&["--server", &uri, "apply", "-f", &file, "-p", "other"]).await.notes);
    insta::assert_snapshot!(said, @r#"
    error: FOLDER/app.yaml, document 2, line 14: spec.placment: unknown field `placment`, expected one of `template`, `placement`, `overrides`, `replicas`, `retainReplicas`, `policy`
    error: FOLDER/app.yaml, document 2, line 13: spec.template.metadata.name: is missing
    error: FOLDER/app.yaml, document 2, line 11: metadata.project: is missing: say in which project, here or with -p PROJECT
    error: FOLDER/app.yaml, document 2, line 11: metadata.name: is not the template's name "a": leave it out
    error: FOLDER/app.yaml, document 1, line 1: apiVersion: is missing: this is no Kubernetes object nor one of Hanse's
    error: FOLDER/app.yaml, document 1, line 2: kind: hanse.io/v2 FederatedObject is not known: there is hanse.io/v1alpha1 FederatedObject
    error: FOLDER/app.yaml, document 1, line 1: apiVersion: is missing: this is no Kubernetes object nor one of Hanse's
    error: FOLDER/app.yaml, document 2, line 10: metadata.project: is "shop", but -p says "other": leave one of them out
    "#);
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_kind_that_the_list_of_types_lacks_is_found_by_name() {
    let server = server().await;
    let mut other = stored("widgets.example.com", "web", 1);
    other["apiVersion"] = json!("example.com/v1");
    other["kind"] = json!("Widget");
    Mock::given(method("GET"))
        .and(path(OBJECTS))
        .and(query_param("search", "web"))
        .respond_with(page(&[stored("deployments.apps", "web", 1), other.clone()]))
        .mount(&server)
        .await;
    Mock::given(method("GET"))
        .and(path(format!("{OBJECTS}/widgets.example.com/web")))
        .respond_with(ResponseTemplate::new(200).set_body_json(&other))
        .mount(&server)
        .await;
    answers(&server, "PUT", &format!("{OBJECTS}/widgets.example.com/web"), 200, other).await;
    let text = "apiVersion: example.com/v2\nkind: Widget\nmetadata: {name: web, namespace: shop}\n";
    let person = Person { typed: text.into(), ..Person::new() };
    let uri = server.uri();
    let ended = person.runs(&["--server", &uri, "apply", "-f", "-", "--all-clusters"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "widgets.example.com/web unchanged\n"), "{ended:?}");
}

#[tokio::test]
async fn what_get_printed_can_be_applied_again() {
    let server = server().await;
    let mut kept = stored("deployments.apps", "old", 3);
    kept["spec"]["template"] =
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "old"}});
    answers(&server, "PUT", &format!("{OBJECTS}/deployments.apps/old"), 200, kept.clone()).await;
    let person = Person { typed: serde_saphyr::to_string(&kept).unwrap(), ..Person::new() };
    let uri = server.uri();
    let ended = person.runs(&["--server", &uri, "apply", "-f", "-"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "deployments.apps/old unchanged\n"), "{ended:?}");
}

#[tokio::test]
async fn objects_of_older_generations_are_read_in_their_own_words() {
    let server = server().await;
    answers(&server, "POST", OBJECTS, 201, stored("deployments.apps", "web", 1)).await;
    let uri = server.uri();
    let v2 = "apiVersion: types.kubefed.io/v1beta1\nkind: FederatedDeployment\nmetadata: {name: web, namespace: shop}\nspec:\n  template: {spec: {replicas: 2}}\n  placement: {clusters: [{name: eu}]}\n  overrides:\n  - clusterName: eu\n    clusterOverrides: [{path: /spec/replicas, value: 5}]\n";
    let ended =
        Person { typed: v2.into(), ..Person::new() }.runs(&["--server", &uri, "apply", "-f", "-"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "deployments.apps/web created\n"), "{ended:?}");
    let (_, body) = sent(&server, OBJECTS).await.pop().unwrap();
    insta::assert_json_snapshot!(body["spec"], @r#"
    {
      "overrides": [
        {
          "clusters": [
            "eu"
          ],
          "patches": [
            {
              "op": "replace",
              "path": "/spec/replicas",
              "value": 5
            }
          ]
        }
      ],
      "placement": {
        "clusters": [
          "eu"
        ]
      },
      "policy": {
        "conflict": "Adopt",
        "deletion": "Delete",
        "drift": {
          "mode": "Revert"
        }
      },
      "template": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
          "name": "web"
        },
        "spec": {
          "replicas": 2
        }
      }
    }
    "#);
    let v1 = DEPLOYMENT.replace(
        "name: web",
        "name: web\n  annotations:\n    federation.kubernetes.io/deployment-preferences: '{\"clusters\":{\"eu\":{\"weight\":2}}}'",
    );
    let ended = Person { typed: v1, ..Person::new() }
        .runs(&["--server", &uri, "apply", "-f", "-", "-p", "shop"])
        .await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "deployments.apps/web created\n"), "{ended:?}");
    let (_, body) = sent(&server, OBJECTS).await.pop().unwrap();
    insta::assert_json_snapshot!(body["spec"]["replicas"], @r#"
    {
      "clusters": {
        "eu": {
          "minReplicas": 0,
          "weight": 2
        }
      },
      "mode": "Divided",
      "strategy": "Preferences"
    }
    "#);
    let mut said = String::new();
    for text in [
        v2.replace("clusterName: eu", "clusterName: [eu]"),
        v2.replace("path: /spec/replicas", "path: /kind"),
        v2.replace("FederatedDeployment", "FederatedNamespace").replace("name: web", "name: shop"),
        v2.replace("FederatedDeployment", "FederatedWidget"),
        "apiVersion: scheduling.kubefed.io/v1alpha1\nkind: ReplicaSchedulingPreference\nmetadata: {name: a}\n".to_owned(),
        DEPLOYMENT.replace("name: web", "name: web\n  annotations: {hanse.io/placement: '{'}"),
    ] {
        let ended = Person { typed: text, ..Person::new() }.runs(&["--server", &uri, "apply", "-f", "-", "-p", "shop"]).await;
        assert_eq!(ended.code, 2);
        said.push_str(&ended.notes);
    }
    insta::assert_snapshot!(said, @r#"
    error: standard input, document 1, line 8: spec.overrides[0].clusterName: expected text, found a list
    error: standard input, document 1, line 9: spec.overrides[0].clusterOverrides[0].path: override[0] for cluster "eu" has an invalid path: /kind (name, namespace and kind come from the record)
    error: standard input, document 1, line 2: kind: is a project here: make it with `hanse projects create`
    error: standard input, document 1, line 5: spec.template.apiVersion: is needed: the group of Widget is not known
    error: standard input, document 1, line 2: kind: is not federated by itself: of KubeFed's kinds only Federated<Kind> are taken here; write replica preferences as spec.replicas of a FederatedObject
    error: standard input, document 1, line 5: metadata.annotations[hanse.io/placement]: is not JSON: EOF while parsing an object at line 1 column 1
    "#);
}

#[tokio::test]
async fn a_plan_asks_and_sends_nothing_else() {
    let server = server().await;
    let answer = json!({"clusters": [{"cluster": "eu", "selected": true, "why": "every cluster", "replicas": 2,
        "overflow": 0, "action": "Create", "status": "", "message": "", "differences": []}],
        "dependencies": [], "fields": []});
    answers(&server, "POST", "/api/v1/projects/shop/plan", 200, answer).await;
    let person = Person { typed: DEPLOYMENT.into(), ..Person::new() };
    let uri = server.uri();
    let ended = person.runs(&["--server", &uri, "plan", "-f", "-", "-p", "shop", "--all-clusters"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    Deployment web in project shop

    CLUSTER  ACTION  REPLICAS  WHY
    eu       Create  2         every cluster
    ---
    exit code 0
    ");
    let ended = person
        .runs(&["--server", &uri, "plan", "-f", "-", "-p", "shop", "--all-clusters", "-o", "yaml"])
        .await;
    assert!(ended.out.contains("action: Create"), "{ended:?}");
}
