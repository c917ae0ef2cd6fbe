//! What a transaction leaves, and what it does not.

use hanse_authz::Scope;
use hanse_store::{Op, StoreError, WriteContext, bindings, users};

use crate::db::{Db, account, both, somebody, user};

both! {
    async fn a_dropped_transaction_and_a_dry_run_leave_nothing(db: &Db) {
        let revision = db.store.revision();
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        users::create(&mut tx, account("dropped")).await.unwrap();
        drop(tx);
        let mut tx = db.store.begin(&WriteContext { dry_run: true, ..somebody() }).await.unwrap();
        users::create(&mut tx, account("dry")).await.unwrap();
        assert_eq!(tx.commit().await.unwrap(), revision);
        assert_eq!(db.store.count_users().await.unwrap(), 0);
        assert_eq!(db.store.revision(), revision);
    }

    async fn the_installation_keeps_its_id(db: &Db) {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.instance().await.unwrap() })
            })
            .collect();
        let id = db.store.instance().await.unwrap();
        for one in asked {
            assert_eq!(one.await.unwrap(), id);
        }
    }

    async fn a_dry_run_finds_what_the_real_one_would(db: &Db) {
        user(&db.store, "ada", &[]).await;
        let mut tx = db.store.begin(&WriteContext { dry_run: true, ..somebody() }).await.unwrap();
        let taken = users::create(&mut tx, account("ada")).await;
        assert!(matches!(taken, Err(StoreError::Taken)), "{taken:?}");
    }

    async fn the_revision_of_a_commit_is_that_of_its_last_change(db: &Db) {
        let mut reader = db.store.follow(db.store.revision());
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let ada = users::create(&mut tx, account("ada")).await.unwrap();
        let bob = users::create(&mut tx, account("bob")).await.unwrap();
        let revision = tx.commit().await.unwrap();
        let mut told = Vec::new();
        while told.len() < 2 {
            let more = tokio::time::timeout(std::time::Duration::from_secs(10), reader.next()).await.unwrap();
            told.extend(more.unwrap());
        }
        assert_eq!(told.iter().map(|c| (c.object, c.op)).collect::<Vec<_>>(), [
            (ada.id, Op::Created),
            (bob.id, Op::Created)
        ]);
        assert_eq!(told[1].revision, revision);
    }

    async fn of_two_updates_of_one_version_the_second_is_refused(db: &Db) {
        user(&db.store, "ada", &[]).await;
        let read = db.store.user_row("ada").await.unwrap().unwrap();
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let next = users::update(&mut tx, read.clone()).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(next.version, read.version + 1);
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let refused = users::update(&mut tx, read).await;
        assert!(matches!(refused, Err(StoreError::VersionMismatch { expected: 1, found: 2 })), "{refused:?}");
    }

    async fn of_many_that_take_one_name_exactly_one_gets_it(db: &Db) {
        let takers: Vec<_> = (0..12)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    let mut tx = store.begin(&somebody()).await?;
                    users::create(&mut tx, account("wanted")).await?;
                    tx.commit().await
                })
            })
            .collect();
        let mut got = 0;
        for taker in takers {
            match taker.await.unwrap() {
                Ok(_) => got += 1,
                Err(error) => assert!(matches!(error, StoreError::Taken), "{error}"),
            }
        }
        assert_eq!(got, 1);
    }

    async fn writing_beside_transactions_that_have_read_is_never_busy(db: &Db) {
        // What is not a transaction of its own (marks) meets transactions that have read and will write.
        let ada = user(&db.store, "ada", &["member"]).await;
        let beside = db.store.clone();
        let marks = tokio::spawn(async move {
            for n in 0..150 {
                beside.put_setup_token(format!("{n}")).await.unwrap();
            }
        });
        for n in 0..60 {
            let roles = if n % 2 == 0 { ["auditor".to_owned()] } else { ["member".to_owned()] };
            let mut tx = db.store.begin(&somebody()).await.unwrap();
            bindings::set_roles(&mut tx, Scope::Platform, ada, &roles).await.unwrap();
            tx.commit().await.unwrap();
        }
        marks.await.unwrap();
        assert_eq!(db.store.setup_token().await.unwrap().as_deref(), Some("149"));
    }
}
