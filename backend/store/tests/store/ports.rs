//! A cluster's own port is given once, whoever asks at the same time, and is free again when its cluster goes.

use std::collections::BTreeSet;

use hanse_store::{Store, StoreError, WriteContext, clusters};
use serde_json::json;
use uuid::Uuid;

use crate::{
    db::{Db, both, somebody},
    tenancy::handle,
};

fn new(name: &str, fixed_port: Option<u16>) -> clusters::New {
    clusters::New {
        name: name.to_owned(),
        display_name: None,
        labels: json!({}),
        connection: "direct".into(),
        endpoint: "https://10.0.0.1:6443".into(),
        insecure: false,
        system_uid: Some(Uuid::now_v7().to_string()),
        credential: None,
        fixed_port,
        take_over: false,
    }
}

async fn with_port(store: &Store, name: &str, context: WriteContext) -> Option<u16> {
    let mut tx = store.begin(&context).await.unwrap();
    let port = clusters::allocate_port(&mut tx, 7001..=7008).await.unwrap();
    clusters::create(&mut tx, new(name, port)).await.unwrap();
    tx.commit().await.unwrap();
    port
}

both! {
    async fn two_who_ask_at_once_never_get_the_same_port(db: &Db) {
        let store = db.store.clone();
        let asking = (0..12).map(|index| {
            let store = store.clone();
            tokio::spawn(async move { with_port(&store, &format!("c{index}"), somebody()).await })
        });
        let mut given = Vec::new();
        for one in asking.collect::<Vec<_>>() {
            given.push(one.await.unwrap());
        }
        let ports: BTreeSet<u16> = given.iter().copied().flatten().collect();
        assert_eq!(ports, (7001..=7008).collect(), "each once");
        assert_eq!(given.iter().filter(|port| port.is_none()).count(), 4, "and then there is none");
        let mut tx = store.begin(&somebody()).await.unwrap();
        let twice = clusters::create(&mut tx, new("twice", Some(7003))).await;
        assert!(matches!(twice, Err(StoreError::Taken)), "{twice:?}");
    }

    async fn a_port_is_free_again_when_it_is_given_back_or_was_never_kept(db: &Db) {
        let store = db.store.clone();
        let dry = WriteContext { dry_run: true, ..somebody() };
        assert_eq!(with_port(&store, "dry", dry).await, Some(7001));
        assert_eq!(with_port(&store, "a", somebody()).await, Some(7001));
        assert_eq!(with_port(&store, "b", somebody()).await, Some(7002));
        let found = handle(store.cluster("a").await.unwrap().unwrap(), "cluster.settings.manage").await;
        assert_eq!(found.port(), Some(7001));
        let mut tx = store.begin(&somebody()).await.unwrap();
        clusters::update(&mut tx, &found, None, json!({}), None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(with_port(&store, "c", somebody()).await, Some(7001));
        let found = handle(store.cluster("b").await.unwrap().unwrap(), "cluster.settings.manage").await;
        let mut tx = store.begin(&somebody()).await.unwrap();
        clusters::delete(&mut tx, &found).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(with_port(&store, "d", somebody()).await, Some(7002));
    }
}
