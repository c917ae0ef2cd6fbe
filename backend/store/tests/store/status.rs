//! Status is written in groups, and nothing waits for it.

use std::time::Duration;

use hanse_harness::wait_for;
use hanse_store::{federated, status::StatusWriter};
use hanse_types::{ClusterId, FederatedId};
use serde_json::json;
use uuid::Uuid;

use crate::{
    db::{Db, both, now, somebody},
    tenancy::{cluster, project},
};

const DEADLINE: Duration = Duration::from_secs(30);

both! {
    async fn many_events_cost_a_handful_of_commits_and_the_last_one_stands(db: &Db) {
        let eu = cluster(&db.store, "eu").await.id;
        let (_, project) = project(&db.store, "shop", &[eu], &[eu]).await;
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let mut objects = Vec::new();
        for n in 0..40 {
            let new = federated::New {
                type_: "configmaps".into(),
                api_version: "v1".into(),
                kind: "ConfigMap".into(),
                namespace: "shop".into(),
                name: format!("a{n}"),
                spec: json!({"template": {}}),
                placed: Default::default(),
                author: "ada".into(),
            };
            objects.push(federated::create(&mut tx, Some(&project), new).await.unwrap().id);
        }
        let revision = tx.commit().await.unwrap();
        let writer = StatusWriter::default();
        let running = tokio::spawn({
            let (writer, store) = (writer.clone(), db.store.clone());
            async move { writer.run(store, now).await }
        });
        for round in 0..50 {
            for id in &objects {
                writer.object(FederatedId(*id), "Ready".into(), json!({"round": round}), now());
            }
            writer.cluster(ClusterId(eu), json!({"round": round}), now());
            tokio::task::yield_now().await;
        }
        // Somebody whose object or cluster has gone meanwhile holds up nobody.
        writer.object(FederatedId(Uuid::now_v7()), "Ready".into(), json!({}), now());
        writer.cluster(ClusterId(Uuid::now_v7()), json!({}), now());
        wait_for(DEADLINE, "the last status of everything", || async {
            let stored = db.store.federated_status(objects.clone()).await.unwrap();
            let clusters = db.store.cluster_status().await.unwrap();
            let last = json!({"round": 49});
            let all = stored.len() == objects.len() && stored.values().all(|status| *status == last);
            if all && clusters.get(&eu).is_some_and(|(status, _)| *status == last) { Ok(()) } else { Err("not yet") }
        })
        .await;
        let told = tokio::time::timeout(DEADLINE, db.store.follow(revision).next()).await.unwrap().unwrap();
        // What is told is what was written, not what happened.
        let flushes = writer.flushes();
        let status = told.iter().filter(|change| change.kind == "status").count();
        assert_eq!(status + told.iter().filter(|change| change.kind == "cluster-status").count(), told.len());
        assert!(status <= usize::try_from(flushes).unwrap() * 40, "{status} changes in {flushes} commits");
        assert!(flushes < 25, "{flushes} commits for 2,050 events");
        running.abort();
    }

    async fn a_single_status_is_written_at_once(db: &Db) {
        let eu = cluster(&db.store, "eu").await.id;
        let writer = StatusWriter::default();
        let running = tokio::spawn({
            let (writer, store) = (writer.clone(), db.store.clone());
            async move { writer.run(store, now).await }
        });
        for n in 1..=3 {
            writer.cluster(ClusterId(eu), json!({"n": n}), now());
            wait_for(DEADLINE, "the status", || async {
                let stored = db.store.cluster_status().await.unwrap();
                let last = stored.get(&eu).is_some_and(|(status, _)| *status == json!({"n": n}));
                if last { Ok(()) } else { Err("not yet") }
            })
            .await;
            wait_for(DEADLINE, "the count", || async { if writer.flushes() == n { Ok(()) } else { Err(writer.flushes()) } }).await;
        }
        running.abort();
    }
}
