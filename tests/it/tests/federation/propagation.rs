//! The main path: placed, different where wanted, put right, moved, removed.

use hanse_harness::{ControlPlanes, wait_for};
use hanse_it::{Db, TestApp};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::fixture::{self, SOON, absent, api, deployment, everywhere, member, phase, row, turn};

#[tokio::test]
async fn a_deployment_runs_where_it_was_placed_with_its_differences() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Postgres).await;
    let planes = ControlPlanes::shared().await;
    let (hamburg, luebeck) = (planes.cluster("hamburg"), planes.cluster("luebeck"));
    fixture::import(&app.admin, &[hamburg, luebeck]).await;
    let project = fixture::project(&app, &[hamburg, luebeck]).await;
    let objects = format!("projects/{project}/federated-objects");
    let object = format!("{objects}/deployments.apps/web");
    let spec = json!({"spec": {
        "template": deployment("web", 2), "placement": {"clusters": ["hamburg", "luebeck"]},
        "overrides": [{"clusters": ["luebeck"], "patches": [{"path": "/spec/replicas", "value": 3}]}],
    }});

    // What would happen is told before, and nothing happens by telling.
    let plan = app.admin.post(&format!("projects/{project}/plan"), spec.clone()).await.is(200);
    assert_eq!(plan["fields"], json!([]));
    let actions: Vec<_> =
        plan["clusters"].as_array().unwrap().iter().map(|c| (&c["action"], &c["replicas"])).collect();
    assert_eq!(actions, [(&json!("Create"), &json!(2)), (&json!("Create"), &json!(3))]);
    app.admin.get(&object).await.is(404);

    app.admin.post(&objects, spec.clone()).await.is(201);
    let ready = phase(&app.admin, &object, "Ready").await;
    assert_eq!((&ready["status"]["replicas"], &ready["status"]["readyReplicas"]), (&json!(5), &json!(5)));
    assert_eq!(row(&ready, "hamburg")["readyReplicas"], 2);
    assert_eq!(row(&ready, "luebeck")["readyReplicas"], 3);
    assert_eq!(ready["status"]["aggregated"]["availableReplicas"], 5);
    let copies = api(hamburg, "apps", "Deployment", &project).await;
    let copy = member(&copies, "web", "the copy", |_| true).await;
    assert_eq!(copy["metadata"]["labels"], json!({"kubefed.io/managed": "true"}), "no other label of ours");
    assert_eq!(
        copy["metadata"]["annotations"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["deployment.kubernetes.io/revision"]
    );

    // A member's own annotation survives, a changed field of ours is put right and told with who did it.
    let patch = json!({"metadata": {"annotations": {"own": "kept"}}, "spec": {"replicas": 7}});
    let by = PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() };
    copies.patch("web", &by, &Patch::Merge(&patch)).await.unwrap();
    let copy = member(&copies, "web", "replicas put right", |copy| copy["spec"]["replicas"] == 2).await;
    assert_eq!(copy["metadata"]["annotations"]["own"], "kept");
    let told = wait_for(SOON, "the drift told", || async {
        let found = app.admin.get(&object).await.is(200);
        let drift = row(&found, "hamburg")["drift"].as_array().cloned().unwrap_or_default();
        if drift.is_empty() { Err(found["status"].to_string()) } else { Ok(drift) }
    })
    .await;
    assert_eq!((&told[0]["path"], &told[0]["manager"]), (&json!("/spec/replicas"), &json!("somebody")));
    assert_eq!(told.len(), 1, "one change is told once: {told:?}");

    // What a member deletes comes back.
    copies.delete("web", &DeleteParams::default()).await.unwrap();
    let uid = copy["metadata"]["uid"].clone();
    member(&copies, "web", "made anew", |copy| copy["metadata"]["uid"] != uid).await;

    // Leaving placement removes there only; the version guards against a lost update.
    let current = app.admin.get(&object).await.is(200);
    let only = json!({"spec": {"placement": {"clusters": ["luebeck"]}}});
    app.admin.patch(&object, only).await.is(200);
    absent(&copies, "web").await;
    let there = api(luebeck, "apps", "Deployment", &project).await;
    member(&there, "web", "still there", |_| true).await;
    let stale =
        app.admin.request(reqwest::Method::PUT, &object).header("if-match", current["version"].to_string());
    hanse_it::Answer::to(stale.json(&spec)).await.is(412);

    // Removed everywhere; the record goes when the copies are gone, and with the project its namespaces.
    app.admin.delete(&object).await.is(202);
    fixture::gone(&app.admin, &object).await;
    absent(&there, "web").await;
    fixture::remove_project(&app, &project).await;
    let namespaces: kube::Api<kube::api::DynamicObject> = kube::Api::all_with(
        hamburg.admin_client().await,
        &kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk("", "v1", "Namespace")),
    );
    absent(&namespaces, &project).await;
}

#[tokio::test]
async fn relabelling_a_cluster_moves_what_selects_by_label() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let (hamburg, luebeck) = (planes.cluster("hamburg"), planes.cluster("luebeck"));
    fixture::import(&app.admin, &[hamburg, luebeck]).await;
    let project = fixture::project(&app, &[hamburg, luebeck]).await;
    let template = fixture::config_map("settings", "1");
    let spec = json!({"spec": {"template": template, "placement": {"clusterSelector": {"matchLabels": {"tier": "gold"}}}}});
    app.admin.post(&format!("projects/{project}/federated-objects"), spec).await.is(201);
    let there = api(hamburg, "", "ConfigMap", &project).await;
    app.admin.patch("clusters/hamburg", json!({"labels": {"tier": "gold"}})).await.is(200);
    member(&there, "settings", "placed by its label", |_| true).await;
    app.admin.patch("clusters/hamburg", json!({"labels": {"tier": "tin"}})).await.is(200);
    absent(&there, "settings").await;
    fixture::remove_project(&app, &project).await;
}

#[tokio::test]
async fn divided_replicas_add_up_and_follow_the_weights() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let (hamburg, luebeck) = (planes.cluster("hamburg"), planes.cluster("luebeck"));
    fixture::import(&app.admin, &[hamburg, luebeck]).await;
    let project = fixture::project(&app, &[hamburg, luebeck]).await;
    let object = format!("projects/{project}/federated-objects/deployments.apps/spread");
    let mut spec = everywhere(deployment("spread", 1));
    spec["spec"]["replicas"] = json!({"mode": "Divided", "total": 9, "clusters": {"hamburg": {"weight": 2}, "luebeck": {"weight": 1}}});
    app.admin.post(&format!("projects/{project}/federated-objects"), spec).await.is(201);
    let ready = phase(&app.admin, &object, "Ready").await;
    assert_eq!(row(&ready, "hamburg")["readyReplicas"], 6);
    assert_eq!(row(&ready, "luebeck")["readyReplicas"], 3);
    assert_eq!(ready["status"]["readyReplicas"], 9);
    fixture::remove_project(&app, &project).await;
}

#[tokio::test]
async fn a_secret_reaches_its_members_and_never_an_answer() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let bremen = planes.cluster("bremen");
    fixture::import(&app.admin, &[bremen]).await;
    let project = fixture::project(&app, &[bremen]).await;
    let object = format!("projects/{project}/federated-objects/secrets/key");
    let template = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"k": "gEhEiM"}});
    let answer = app.admin.post(&format!("projects/{project}/federated-objects"), everywhere(template)).await;
    assert!(!answer.text.contains("gEhEiM"), "{}", answer.text);
    answer.is(201);
    let copies = api(bremen, "", "Secret", &project).await;
    member(&copies, "key", "the secret", |copy| copy["data"]["k"] == "Z0VoRWlN").await;
    for path in [object.as_str(), &format!("{object}/revisions"), "audit"] {
        let answer = app.admin.get(path).await;
        assert!(
            !answer.text.contains("gEhEiM") && !answer.text.contains("Z0VoRWlN"),
            "{path}: {}",
            answer.text
        );
    }
    app.stop_and_search("gEhEiM").await;
}
