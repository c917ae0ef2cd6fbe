//! Writes that share a transaction: a refusal takes nobody along, and each is written down as its own.

use std::collections::{BTreeMap, BTreeSet};

use hanse_store::{
    AuditEvent, Store, StoreError, WriteContext, audit::Filter, federated, page::Page, projects,
};
use hanse_types::{ClusterId, ListParams};
use serde_json::json;

use crate::{
    db::{Db, both, somebody},
    tenancy::{cluster, handle, project},
};

const WRITERS: usize = 48;

fn context(actor: usize) -> WriteContext {
    WriteContext { actor_name: format!("w{actor}"), request_id: format!("r-{actor}"), ..somebody() }
}

fn config_map(name: &str, cluster: ClusterId) -> federated::New {
    federated::New {
        type_: "configmaps".into(),
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: name.to_owned(),
        spec: json!({"template": {"data": {"name": name}}}),
        placed: BTreeSet::from([cluster]),
        author: "ada".into(),
    }
}

async fn write(
    store: Store,
    project: projects::Model,
    actor: usize,
    new: federated::New,
) -> Result<(federated::Model, i64), StoreError> {
    store
        .together(project.id, context(actor), move |tx| {
            let (project, new) = (project.clone(), new.clone());
            Box::pin(async move {
                let name = new.name.clone();
                let row = federated::create(tx, Some(&project), new).await?;
                tx.audit(AuditEvent {
                    verb: "create",
                    kind: "federated-object",
                    name,
                    ..AuditEvent::default()
                });
                Ok(row)
            })
        })
        .await
}

async fn trail(store: &Store) -> BTreeMap<String, (String, String)> {
    let params = ListParams { limit: Some(500), ..ListParams::default() };
    let page = Page::read(&params, &["-id"]).unwrap();
    let filter = Filter { kind: Some("federated-object".into()), ..Filter::default() };
    let rows = store.list_audit(&filter, &page).await.unwrap().rows;
    rows.into_iter().map(|row| (row.name, (row.actor, row.request_id))).collect()
}

both! {
    async fn who_is_refused_takes_nobody_along_and_each_is_written_down_as_its_own(db: &Db) {
        let eu = ClusterId(cluster(&db.store, "eu").await.id);
        let (_, project) = project(&db.store, "shop", &[eu.0], &[eu.0]).await;
        let first = write(db.store.clone(), project.clone(), 0, config_map("taken", eu)).await.unwrap().0.id;
        let mut reader = db.store.follow(db.store.revision());
        let writers: Vec<_> = (1..=WRITERS)
            .map(|n| {
                // Each eighth wants a name that is in use.
                let name = if n % 8 == 0 { "taken".to_owned() } else { format!("a{n}") };
                tokio::spawn(write(db.store.clone(), project.clone(), n, config_map(&name, eu)))
            })
            .collect();
        let mut kept = BTreeMap::new();
        for (n, writer) in (1..=WRITERS).zip(writers) {
            match writer.await.unwrap() {
                Ok((row, revision)) => {
                    assert_ne!(n % 8, 0, "a name was given twice");
                    kept.insert(row.id, revision);
                }
                Err(error) => {
                    assert_eq!(n % 8, 0, "{n}: {error}");
                    assert!(matches!(error, StoreError::Taken), "{error}");
                }
            }
        }
        assert_eq!(kept.len(), WRITERS - WRITERS / 8);
        let mut told = BTreeMap::new();
        while told.len() < kept.len() {
            let changes = tokio::time::timeout(std::time::Duration::from_secs(30), reader.next()).await;
            let changes = changes.unwrap().unwrap();
            // What was written before may still be on its way.
            let others = changes.iter().filter(|change| change.kind == "federated" && change.object != first);
            told.extend(others.map(|change| (change.object, change.revision)));
        }
        assert_eq!(told, kept, "each once with the revision that its writer was told, and nothing that was refused");
        let trail = trail(&db.store).await;
        assert_eq!(trail.len(), kept.len() + 1);
        for n in (1..=WRITERS).filter(|n| n % 8 != 0) {
            assert_eq!(trail[&format!("a{n}")], (format!("w{n}"), format!("r-{n}")));
        }
        assert_eq!(db.store.verify_audit().await.unwrap().broken_at, None);
        let rows = db.store.federated_by_ids(kept.keys().copied().collect()).await.unwrap();
        assert_eq!(rows.len(), kept.len());
    }

    async fn who_stops_waiting_changes_nothing_for_the_others(db: &Db) {
        let eu = ClusterId(cluster(&db.store, "eu").await.id);
        let (_, project) = project(&db.store, "shop", &[eu.0], &[eu.0]).await;
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| tokio::spawn(write(db.store.clone(), project.clone(), n, config_map(&format!("a{n}"), eu))))
            .collect();
        for (n, writer) in writers.into_iter().enumerate() {
            if n % 3 == 0 {
                writer.abort();
            } else {
                writer.await.unwrap().unwrap();
            }
        }
    }

    async fn a_project_that_lost_a_cluster_is_seen_at_once_although_projects_are_remembered(db: &Db) {
        let eu = ClusterId(cluster(&db.store, "eu").await.id);
        let us = ClusterId(cluster(&db.store, "us").await.id);
        let (_, project) = project(&db.store, "shop", &[eu.0, us.0], &[eu.0, us.0]).await;
        assert_eq!(db.store.clusters_of_project(project.id).await.unwrap().len(), 2);
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        projects::set_clusters(&mut tx, &project, &[eu.0]).await.unwrap();
        let handle = handle(db.store.project("shop").await.unwrap().unwrap(), "project.settings.manage").await;
        projects::update(&mut tx, &handle, None, None, false).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(db.store.clusters_of_project(project.id).await.unwrap().len(), 1);
        let refused = write(db.store.clone(), project, 1, config_map("a", us)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Conflict(_)), "{refused}");
    }
}
