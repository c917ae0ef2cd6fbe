//! Join tokens are good once and for an hour, certificates until they are revoked, and both go with their cluster.

use chrono::TimeDelta;
use hanse_store::{Store, WriteContext, agents};
use uuid::Uuid;

use crate::{
    db::{Db, both, somebody},
    tenancy::{cluster, handle},
};

async fn spend(store: &Store, id: Uuid, hash: &str, context: WriteContext) -> bool {
    let mut tx = store.begin(&context).await.unwrap();
    let spent = agents::spend_token(&mut tx, id, hash).await.unwrap();
    tx.commit().await.unwrap();
    spent
}

both! {
    async fn a_join_token_is_good_once_and_not_for_ever(db: &Db) {
        let store = db.store.clone();
        let row = cluster(&store, "eu").await;
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let mut tx = store.begin(&somebody()).await.unwrap();
        let now = tx.now();
        for id in [first, second] {
            agents::create_token(&mut tx, &row, id, "hash".into(), now + TimeDelta::hours(1)).await.unwrap();
        }
        tx.commit().await.unwrap();
        assert!(!spend(&store, first, "another", somebody()).await);
        assert!(!spend(&store, Uuid::now_v7(), "hash", somebody()).await);
        assert!(spend(&store, first, "hash", somebody()).await);
        assert!(!spend(&store, first, "hash", somebody()).await, "once");
        let late = WriteContext { now: now + TimeDelta::minutes(61), ..somebody() };
        assert!(!spend(&store, second, "hash", late).await, "within the hour");
    }

    async fn what_an_agent_has_ends_with_a_revocation_and_goes_with_its_cluster(db: &Db) {
        let store = db.store.clone();
        let row = cluster(&store, "eu").await;
        let unspent = Uuid::now_v7();
        let mut tx = store.begin(&somebody()).await.unwrap();
        let end = tx.now() + TimeDelta::days(7);
        agents::add_certificate(&mut tx, row.id, "0a".into(), end).await.unwrap();
        agents::create_token(&mut tx, &row, unspent, "hash".into(), end).await.unwrap();
        tx.commit().await.unwrap();
        assert!(store.agent_certificate("0a").await.unwrap().unwrap().revoked_at.is_none());
        let mut tx = store.begin(&somebody()).await.unwrap();
        assert_eq!(agents::revoke(&mut tx, &row).await.unwrap(), 1);
        tx.commit().await.unwrap();
        assert!(store.agent_certificate("0a").await.unwrap().unwrap().revoked_at.is_some());
        assert!(store.agent_token(unspent).await.unwrap().is_none());
        let found = store.cluster("eu").await.unwrap().unwrap();
        let mut tx = store.begin(&somebody()).await.unwrap();
        hanse_store::clusters::delete(&mut tx, &handle(found, "cluster.settings.manage").await).await.unwrap();
        tx.commit().await.unwrap();
        assert!(store.agent_certificate("0a").await.unwrap().is_none());
    }
}
