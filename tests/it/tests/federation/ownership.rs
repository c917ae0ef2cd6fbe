//! Whose an object is: what was there before is adopted, left alone or never touched, as its owners say.

use hanse_harness::{ControlPlanes, wait_for};
use hanse_it::{Db, TestApp};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::fixture::{self, SOON, api, config_map, everywhere, member, phase, row, turn};

#[tokio::test]
async fn what_was_there_before_is_adopted_left_alone_or_never_touched() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let bremen = planes.cluster("bremen");
    fixture::import(&app.admin, &[bremen]).await;
    let project = fixture::project(&app, &[bremen]).await;
    let objects = format!("projects/{project}/federated-objects");
    let maps = api(bremen, "", "ConfigMap", &project).await;
    // The namespace is there with the first object.
    app.admin.post(&objects, everywhere(config_map("first", "1"))).await.is(201);
    member(&maps, "first", "the first copy", |_| true).await;

    let before = |name: &str, labels: Value| -> kube::api::DynamicObject {
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels},
            "data": {"key": "theirs", "own": "kept"},
        }))
        .unwrap()
    };
    for (name, labels) in
        [("adopt", json!({})), ("fail", json!({})), ("refused", json!({"kubefed.io/managed": "false"}))]
    {
        maps.create(&PostParams::default(), &before(name, labels)).await.unwrap();
    }
    app.admin.post(&objects, everywhere(config_map("adopt", "ours"))).await.is(201);
    let mut fail = everywhere(config_map("fail", "ours"));
    fail["spec"]["policy"] = json!({"conflict": "Fail"});
    app.admin.post(&objects, fail).await.is(201);
    app.admin.post(&objects, everywhere(config_map("refused", "ours"))).await.is(201);

    let adopted = member(&maps, "adopt", "adopted", |copy| copy["data"]["key"] == "ours").await;
    assert_eq!(adopted["data"]["own"], "kept");
    assert_eq!(adopted["metadata"]["labels"]["kubefed.io/managed"], "true");
    for (name, word) in [("fail", "AlreadyExists"), ("refused", "ManagedLabelFalse")] {
        wait_for(SOON, word, || async {
            let found = app.admin.get(&format!("{objects}/configmaps/{name}")).await.is(200);
            let told =
                row(&found, "bremen")["lastError"]["reason"] == word && found["status"]["phase"] == "Failed";
            if told { Ok(()) } else { Err(found["status"].to_string()) }
        })
        .await;
        let copy = member(&maps, name, name, |_| true).await;
        assert_eq!(copy["data"]["key"], "theirs", "{name}");
        // Removing the record removes nothing that was not ours.
        app.admin.delete(&format!("{objects}/configmaps/{name}")).await.is(202);
        fixture::gone(&app.admin, &format!("{objects}/configmaps/{name}")).await;
        member(&maps, name, "still there", |copy| copy["data"]["key"] == "theirs").await;
    }

    // Orphaning keeps the copy and takes the label off.
    let adopt = format!("{objects}/configmaps/adopt");
    app.admin.patch(&adopt, json!({"spec": {"policy": {"deletion": "Orphan"}}})).await.is(200);
    app.admin.delete(&adopt).await.is(202);
    fixture::gone(&app.admin, &adopt).await;
    member(&maps, "adopt", "released", |copy| copy["metadata"]["labels"]["kubefed.io/managed"].is_null())
        .await;

    // A labelled copy without a record loses its label and stays.
    let stray = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray", "labels": {"kubefed.io/managed": "true"}}, "data": {"key": "kept"}});
    maps.patch("stray", &PatchParams::apply("kubefed"), &Patch::Apply(&stray)).await.unwrap();
    let stray = member(&maps, "stray", "let go of", |copy| {
        copy["metadata"]["labels"]["kubefed.io/managed"].is_null()
    })
    .await;
    assert_eq!(stray["data"]["key"], "kept");
}

#[tokio::test]
async fn what_the_drift_policy_leaves_to_members_stays_as_they_have_it() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let bremen = planes.cluster("bremen");
    fixture::import(&app.admin, &[bremen]).await;
    let project = fixture::project(&app, &[bremen]).await;
    let objects = format!("projects/{project}/federated-objects");
    let maps = api(bremen, "", "ConfigMap", &project).await;
    let map = |version: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tuned"},
            "data": {"tuning": "default", "url": "ours", "version": version}})
    };
    app.admin.post(&objects, everywhere(map("1"))).await.is(201);
    member(&maps, "tuned", "there", |_| true).await;
    let path = format!("{objects}/configmaps/tuned");
    // The policy comes after the copy was seen, so the member has to be asked once more.
    let policy = json!({"drift": {"ignorePaths": ["/data/tuning"]}});
    app.admin.patch(&path, json!({"spec": {"policy": policy}})).await.is(200);
    // What was accepted is told to be in force by its generation: an edit before that may still be reverted.
    wait_for(SOON, "the policy in force", || async {
        let found = app.admin.get(&path).await.is(200);
        let fine = found["status"]["observedGeneration"] == found["generation"];
        if fine { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
    let edit = json!({"data": {"tuning": "theirs", "url": "theirs"}});
    let edit = Patch::Merge(&edit);
    maps.patch(
        "tuned",
        &PatchParams { field_manager: Some("somebody".into()), ..PatchParams::default() },
        &edit,
    )
    .await
    .unwrap();
    member(&maps, "tuned", "the other field reverted", |copy| copy["data"]["url"] == "ours").await;
    app.admin.patch(&path, json!({"spec": {"template": map("2")}})).await.is(200);
    let copy = member(&maps, "tuned", "the new template", |copy| copy["data"]["version"] == "2").await;
    assert_eq!(copy["data"], json!({"tuning": "theirs", "url": "ours", "version": "2"}));
    wait_for(SOON, "in order", || async {
        let found = app.admin.get(&path).await.is(200);
        let fine = found["status"]["phase"] == "Ready" && row(&found, "bremen")["applied"] == true;
        if fine { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
    // Without the policy it is ours again.
    app.admin.patch(&path, json!({"spec": {"policy": {"drift": {"ignorePaths": []}}}})).await.is(200);
    member(&maps, "tuned", "taken back", |copy| copy["data"]["tuning"] == "default").await;
}

#[tokio::test]
async fn a_project_does_not_take_over_a_namespace_of_somebody_else() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let bremen = planes.cluster("bremen");
    fixture::import(&app.admin, &[bremen]).await;
    let theirs = hanse_harness::unique("theirs");
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(bremen.admin_client().await);
    let body = serde_json::from_value(json!({"metadata": {"name": theirs}})).unwrap();
    namespaces.create(&PostParams::default(), &body).await.unwrap();
    let request = json!({"name": theirs, "clusters": ["bremen"], "project": {"name": theirs}});
    app.admin.post("workspaces", request).await.is(201);
    let objects = format!("projects/{theirs}/federated-objects");
    app.admin.post(&objects, everywhere(config_map("c", "1"))).await.is(201);
    let waiting = wait_for(SOON, "the reason told", || async {
        let found = app.admin.get(&format!("{objects}/configmaps/c")).await.is(200);
        let message = row(&found, "bremen")["message"].as_str().unwrap_or_default().to_owned();
        if message.contains("namespace") { Ok(message) } else { Err(found["status"].to_string()) }
    })
    .await;
    assert!(waiting.contains(&theirs), "{waiting}");
    fixture::remove_project(&app, &theirs).await;
    let left = namespaces.get(&theirs).await.unwrap();
    assert!(left.metadata.deletion_timestamp.is_none());
    assert!(!left.metadata.labels.unwrap_or_default().contains_key("kubefed.io/managed"));
}

#[tokio::test]
async fn any_kind_a_member_knows_can_be_federated_and_one_without_it_blocks_nobody() {
    let _turn = turn().await;
    let app = TestApp::start(Db::Sqlite).await;
    let planes = ControlPlanes::shared().await;
    let (hamburg, luebeck) = (planes.cluster("hamburg"), planes.cluster("luebeck"));
    let plural = hanse_harness::unique("widgets").replace('-', "");
    let group = "it.hanse.example";
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {"group": group, "scope": "Namespaced",
            "names": {"plural": plural, "singular": format!("{plural}x"), "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    let crds: kube::Api<kube::api::DynamicObject> = kube::Api::all_with(
        hamburg.admin_client().await,
        &kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
        )),
    );
    crds.create(&PostParams::default(), &serde_json::from_value(crd).unwrap()).await.unwrap();
    fixture::import(&app.admin, &[hamburg, luebeck]).await;
    let project = fixture::project(&app, &[hamburg, luebeck]).await;
    let objects = format!("projects/{project}/federated-objects");
    let widget = json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 3}});
    wait_for(SOON, "the kind to be known", || async {
        let answer = app.admin.post(&objects, everywhere(widget.clone())).await;
        if answer.status == 201 { Ok(()) } else { Err(answer.text) }
    })
    .await;
    let object = format!("{objects}/{plural}.{group}/w");
    wait_for(SOON, "made in one, refused in the other", || async {
        let found = app.admin.get(&object).await.is(200);
        let (made, missing) = (row(&found, "hamburg").clone(), row(&found, "luebeck").clone());
        if made["applied"] == true
            && missing["message"].as_str().unwrap_or_default().contains("does not serve")
        {
            Ok(())
        } else {
            Err(found["status"].to_string())
        }
    })
    .await;
    app.admin.delete(&object).await.is(202);
    fixture::gone(&app.admin, &object).await;
    let map = format!("{objects}/configmaps/c");
    app.admin.post(&objects, everywhere(config_map("c", "1"))).await.is(201);
    phase(&app.admin, &map, "Ready").await;
    fixture::remove_project(&app, &project).await;
    crds.delete(&format!("{plural}.{group}"), &kube::api::DeleteParams::default()).await.unwrap();
}
