//! Faults on purpose: a killed server, a member that is down.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt as _, stream};
use hanse_harness::{ControlPlane, ControlPlanes, Flavour, HanseProcess, wait_for};
use hanse_it::{Client, Db, PASSWORD, TestApp};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use crate::fixture::{self, SOON, absent, api, config_map, deployment, everywhere, member, phase, row, turn};

const MANY: usize = 200;

#[tokio::test]
async fn a_killed_server_loses_nothing_that_it_acknowledged() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck"), planes.cluster("bremen")];
    let mut server = HanseProcess::start().await;
    let token = server
        .find_in_log("the setup link", |log| {
            log.split("token=").nth(1)?.split_whitespace().next().map(ToOwned::to_owned)
        })
        .await
        .unwrap();
    let nobody = Client::to(&server.url());
    let signed_in =
        nobody.post("setup", json!({"token": token, "name": "admin", "password": PASSWORD})).await;
    let admin = nobody.with_session(&signed_in);
    fixture::import(&admin, &clusters).await;
    let project = hanse_harness::unique("kill");
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    admin
        .post("workspaces", json!({"name": project, "clusters": names, "project": {"name": project}}))
        .await
        .is(201);
    let objects = format!("projects/{project}/federated-objects");

    // Killed while it propagates: each POST that was answered counts, each that was not may or may not have happened.
    let killed = tokio::sync::Notify::new();
    let posts = stream::iter(0..MANY).map(|n| {
        let (admin, objects, killed) = (admin.clone(), objects.clone(), &killed);
        async move {
            if n == MANY / 2 {
                killed.notify_one();
            }
            let answer = admin.try_post(&objects, everywhere(config_map(&format!("m{n}"), "1"))).await;
            answer.is_some_and(|answer| answer.status == 201).then(|| format!("m{n}"))
        }
    });
    let kill = async {
        killed.notified().await;
        server.kill9();
    };
    let (acknowledged, ()) = tokio::join!(posts.buffer_unordered(8).collect::<Vec<_>>(), kill);
    let acknowledged: BTreeSet<String> = acknowledged.into_iter().flatten().collect();
    assert!(
        acknowledged.len() >= 20 && acknowledged.len() < MANY,
        "killed in the middle: {}",
        acknowledged.len()
    );
    let mut copies = Vec::new();
    for cluster in clusters {
        copies.push(api(cluster, "", "ConfigMap", &project).await);
    }
    let before = uids(&copies).await;
    server.restart().await;

    let stored = wait_for(SOON, "the list", || async {
        let answer = admin.get(&format!("{objects}?limit=500")).await;
        if answer.status == 200 { Ok(answer.body) } else { Err(answer.text) }
    })
    .await;
    let stored: BTreeSet<String> = stored["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect();
    assert!(acknowledged.is_subset(&stored), "lost: {:?}", acknowledged.difference(&stored));
    wait_for(Duration::from_secs(60), "every copy in every cluster", || async {
        for found in uids(&copies).await {
            let names: BTreeSet<String> = found.into_iter().map(|(name, _)| name).collect();
            if names != stored {
                return Err(format!("{} of {} copies", names.len(), stored.len()));
            }
        }
        Ok(())
    })
    .await;
    // None twice: what was there before the restart is the same object still.
    for (before, after) in before.iter().zip(uids(&copies).await) {
        assert!(
            before.is_subset(&after),
            "made anew: {:?}",
            before.difference(&after).take(3).collect::<Vec<_>>()
        );
    }
    // And all of it can be removed again, also where nothing finishes deleting a namespace.
    admin.delete(&format!("projects/{project}")).await.is(202);
    wait_for(Duration::from_secs(60), "every copy gone", || async {
        let left: usize = uids(&copies).await.iter().map(BTreeSet::len).sum();
        if left == 0 { Ok(()) } else { Err(format!("{left} copies left")) }
    })
    .await;
}

/// Names and uids of the managed ConfigMaps in each cluster.
async fn uids(copies: &[kube::Api<kube::api::DynamicObject>]) -> Vec<BTreeSet<(String, String)>> {
    let mut all = Vec::new();
    for copies in copies {
        let list = copies.list(&ListParams::default().labels("kubefed.io/managed=true")).await.unwrap();
        let pair =
            |object: kube::api::DynamicObject| (object.metadata.name.unwrap(), object.metadata.uid.unwrap());
        all.push(list.items.into_iter().map(pair).collect());
    }
    all
}

#[tokio::test]
async fn a_member_that_is_down_holds_nobody_up_and_catches_up_when_it_is_back() {
    let (well, down) = tokio::join!(
        ControlPlane::start_private(Flavour::ApiOnly),
        ControlPlane::start_private(Flavour::ApiOnly)
    );
    let app = TestApp::start(Db::Sqlite).await;
    let mut agents = Vec::new();
    for (name, plane) in [("well", &well), ("down", &down)] {
        agents.push(fixture::bring(&app.admin, name, plane).await);
        fixture::ready(&app.admin, name).await;
    }
    let request = json!({"name": "acme", "clusters": ["well", "down"], "project": {"name": "shop"}});
    app.admin.post("workspaces", request).await.is(201);
    let objects = "projects/shop/federated-objects";
    app.admin.post(objects, everywhere(config_map("old", "1"))).await.is(201);
    app.admin.post(objects, everywhere(config_map("gone", "1"))).await.is(201);
    phase(&app.admin, &format!("{objects}/configmaps/old"), "Ready").await;
    phase(&app.admin, &format!("{objects}/configmaps/gone"), "Ready").await;
    app.admin.post(objects, everywhere(deployment("pods", 2))).await.is(201);
    let pods = format!("{objects}/deployments.apps/pods");
    for plane in [&well, &down] {
        let api = api(plane, "apps", "Deployment", "shop").await;
        member(&api, "pods", "its copy", |_| true).await;
        // Nobody runs anything in these control planes: the test says what a controller would.
        let status = json!({"status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2,
            "readyReplicas": 2, "availableReplicas": 2}});
        api.patch_status("pods", &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    }
    let both = phase(&app.admin, &pods, "Ready").await;
    assert_eq!((&both["status"]["readyReplicas"], &both["status"]["replicas"]), (&json!(4), &json!(4)));

    down.stop().await;
    fixture::phase_of_cluster(&app.admin, "down", "Unreachable").await;
    app.admin.post(objects, everywhere(config_map("new", "1"))).await.is(201);
    app.admin
        .patch(&format!("{objects}/configmaps/old"), json!({"spec": {"template": {"data": {"key": "2"}}}}))
        .await
        .is(200);
    app.admin.delete(&format!("{objects}/configmaps/gone")).await.is(202);
    let here = api(&well, "", "ConfigMap", "shop").await;
    member(&here, "new", "made where it can be", |_| true).await;
    member(&here, "old", "changed where it can be", |copy| copy["data"]["key"] == "2").await;
    absent(&here, "gone").await;
    // Never said to be ready while a placed cluster is away, with since when.
    let told = wait_for(SOON, "Unknown", || async {
        let found = app.admin.get(&format!("{objects}/configmaps/new")).await.is(200);
        if found["status"]["phase"] == "Unknown" { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await;
    assert_eq!(row(&told, "well")["phase"], "Ready");
    assert!(row(&told, "down")["message"].as_str().unwrap().contains("last seen"), "{told}");
    // What it said last does not count: nobody knows whether its pods run.
    let told = wait_for(SOON, "half of the pods", || async {
        let found = app.admin.get(&pods).await.is(200);
        if found["status"]["readyReplicas"] == 2 { Ok(found) } else { Err(found["status"].to_string()) }
    })
    .await;
    assert_eq!(told["status"]["aggregated"]["availableReplicas"], 2, "{told}");
    // The record of what is still to be removed there is shown, not forgotten.
    let going = app.admin.get(&format!("{objects}/configmaps/gone")).await.is(200);
    assert!(going["status"]["message"].as_str().unwrap().contains("down"), "{going}");

    down.start().await;
    fixture::ready(&app.admin, "down").await;
    let there = api(&down, "", "ConfigMap", "shop").await;
    member(&there, "new", "caught up", |_| true).await;
    member(&there, "old", "caught up", |copy| copy["data"]["key"] == "2").await;
    absent(&there, "gone").await;
    fixture::gone(&app.admin, &format!("{objects}/configmaps/gone")).await;
    phase(&app.admin, &format!("{objects}/configmaps/new"), "Ready").await;
}
