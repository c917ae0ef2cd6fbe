//! How many objects are accepted in a second, one transaction each. Not a test: it prints what it measured.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{collections::BTreeSet, time::Instant};

use hanse_store::{AuditEvent, federated};
use hanse_types::ClusterId;
use serde_json::json;

use crate::{
    db::{Db, both, somebody},
    tenancy::{cluster, project},
};

const WRITERS: usize = 16;
const EACH: usize = 150;

both! {
    #[ignore = "prints a rate; run it by name with --nocapture"]
    async fn objects_accepted_in_a_second(db: &Db) {
        let eu = cluster(&db.store, "eu").await.id;
        let (_, project) = project(&db.store, "shop", &[eu], &[eu]).await;
        let began = Instant::now();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (store, project) = (db.store.clone(), project.clone());
                tokio::spawn(async move {
                    for n in 0..EACH {
                        let mut tx = store.begin(&somebody()).await.unwrap();
                        let new = federated::New {
                            type_: "configmaps".into(),
                            api_version: "v1".into(),
                            kind: "ConfigMap".into(),
                            namespace: "shop".into(),
                            name: format!("a{writer}-{n}"),
                            spec: json!({"template": {"data": {"text": "x".repeat(500)}}}),
                            placed: BTreeSet::from([ClusterId(eu)]),
                            author: "ada".into(),
                        };
                        federated::create(&mut tx, Some(&project), new).await.unwrap();
                        tx.audit(AuditEvent { verb: "create", kind: "federated", ..AuditEvent::default() });
                        tx.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let rate = (WRITERS * EACH) as f64 / began.elapsed().as_secs_f64();
        println!("{}: {rate:.0} objects/s", if db.is_postgres() { "PostgreSQL" } else { "SQLite" });
    }
}
