//! Bad writes are refused before anything is stored, with the path of the field.

use hanse_harness::ControlPlanes;
use hanse_it::{Db, TestApp};
use serde_json::{Value, json};

use crate::fixture::{self, config_map, deployment, everywhere, turn};

#[tokio::test]
async fn a_bad_write_is_refused_with_the_path_of_the_field() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let luebeck = planes.cluster("luebeck");
    fixture::import(&app.admin, &[luebeck]).await;
    let project = fixture::project(&app, &[luebeck]).await;
    let objects = format!("projects/{project}/federated-objects");
    let with = |change: fn(&mut Value)| {
        let mut body = everywhere(deployment("web", 1));
        change(&mut body["spec"]);
        body
    };
    let cases: Vec<(Value, &str)> = vec![
        (
            everywhere(json!({"apiVersion": "no.such/v1", "kind": "Thing", "metadata": {"name": "x"}})),
            "spec.template.kind",
        ),
        (everywhere(json!({"kind": "ConfigMap", "metadata": {"name": "x"}})), "spec.template.apiVersion"),
        (everywhere(json!({"apiVersion": "v1", "kind": "ConfigMap"})), "spec.template.metadata.name"),
        (everywhere(config_map("Upper", "1")), "spec.template.metadata.name"),
        (
            everywhere(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}})),
            "spec.template.kind",
        ),
        (
            with(|spec| spec["template"]["metadata"]["namespace"] = json!("other")),
            "spec.template.metadata.namespace",
        ),
        (
            with(|spec| spec["placement"] = json!({"clusters": ["luebeck", "ghost"]})),
            "spec.placement.clusters[1]",
        ),
        (
            with(|spec| {
                spec["overrides"] =
                    json!([{"clusters": ["luebeck"], "patches": [{"op": "remove", "path": "/spec/nope"}]}]);
            }),
            "spec.overrides[0].patches[0].path",
        ),
        (
            with(|spec| {
                spec["overrides"] =
                    json!([{"clusters": ["luebeck"], "patches": [{"path": "/metadata/name", "value": "x"}]}]);
            }),
            "spec.overrides[0].patches[0].path",
        ),
        (
            with(|spec| {
                spec["overrides"] =
                    json!([{"clusters": ["luebeck"], "patches": [{"op": "move", "path": "/a"}]}]);
            }),
            "spec.overrides[0].patches[0].op",
        ),
        (with(|spec| spec["placemant"] = json!({})), "spec"),
    ];
    for (body, field) in cases {
        let answer = app.admin.post(&objects, body.clone()).await;
        assert_eq!(answer.status, 422, "{field}: {}", answer.text);
        let fields = answer.fields();
        assert!(
            fields.iter().any(|found| found.starts_with(field)),
            "{field} is not among {fields:?}: {}",
            answer.text
        );
    }
    assert_eq!(app.admin.get(&objects).await.is(200)["total"], 0);
    // Trying out stores nothing either; a name is taken once.
    app.admin.post(&format!("{objects}?dryRun=true"), everywhere(config_map("c", "1"))).await.is(201);
    assert_eq!(app.admin.get(&objects).await.is(200)["total"], 0);
    app.admin.post(&objects, everywhere(config_map("c", "1"))).await.is(201);
    app.admin.post(&objects, everywhere(config_map("c", "2"))).await.is(409);
    fixture::remove_project(&app, &project).await;
}

#[tokio::test]
async fn only_who_may_sees_and_changes_federated_objects() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let luebeck = planes.cluster("luebeck");
    fixture::import(&app.admin, &[luebeck]).await;
    let project = fixture::project(&app, &[luebeck]).await;
    let objects = format!("projects/{project}/federated-objects");
    let object = format!("{objects}/configmaps/c");
    app.admin.post(&objects, everywhere(config_map("c", "1"))).await.is(201);
    let stranger = app.user("stranger", &[]).await;
    let viewer = app.user("viewer", &[]).await;
    let operator = app.user("operator", &[]).await;
    app.member(&format!("projects/{project}"), "viewer", &["viewer"]).await;
    app.member(&format!("projects/{project}"), "operator", &["operator"]).await;
    let secret = everywhere(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}));
    let role = everywhere(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": []}),
    );
    for (who, read, write) in [(&stranger, 404, 404), (&viewer, 200, 403), (&operator, 200, 200)] {
        assert_eq!(who.get(&object).await.status, read);
        assert_eq!(who.get(&objects).await.status, read);
        assert_eq!(
            who.patch(&object, json!({"spec": {"template": {"data": {"key": "2"}}}})).await.status,
            write
        );
    }
    assert_eq!(viewer.delete(&object).await.status, 403);
    assert_eq!(viewer.post(&objects, secret.clone()).await.status, 403);
    assert_eq!(operator.post(&objects, secret).await.status, 201);
    // Who binds roles in a namespace administers it: an operator may not.
    assert_eq!(operator.post(&objects, role).await.status, 403);
    assert_eq!(operator.delete(&object).await.status, 202);
    fixture::remove_project(&app, &project).await;
}
