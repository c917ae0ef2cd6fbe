//! The audit trail: in the transaction of the change, and chained so that a gap or an edit shows.

use hanse_store::{
    AuditEvent, Store,
    audit::{Filter, Verified},
    entity::audit,
    page::Page,
    users,
};
use hanse_types::ListParams;
use sea_orm::{ConnectionTrait as _, Database, EntityTrait as _, QueryOrder as _};
use serde_json::json;

use crate::db::{Db, account, both, somebody};

async fn audited(store: &Store, name: &str) {
    let mut tx = store.begin(&somebody()).await.unwrap();
    users::create(&mut tx, account(name)).await.unwrap();
    tx.audit(AuditEvent {
        verb: "create",
        kind: "user",
        name: name.to_owned(),
        after: Some(json!({"name": name, "text": "é\n\""})),
        ..AuditEvent::default()
    });
    tx.commit().await.unwrap();
}

async fn trail(db: &Db) -> Vec<audit::Model> {
    let raw = Database::connect(db.url.as_str()).await.unwrap();
    audit::Entity::find().order_by_asc(audit::Column::Id).all(&raw).await.unwrap()
}

both! {
    async fn each_link_holds_the_hash_before_it_also_under_concurrency(db: &Db) {
        let writers: Vec<_> = (0..16)
            .map(|writer| {
                let store = db.store.clone();
                tokio::spawn(async move {
                    for n in 0..6 {
                        audited(&store, &format!("w{writer}-{n}")).await;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let rows = trail(db).await;
        assert_eq!(rows.len(), 96);
        let mut before = String::new();
        for row in &rows {
            assert_eq!(row.prev_hash, before, "row {}", row.id);
            before.clone_from(&row.hash);
        }
        assert_eq!(rows[0].actor, "ada");
        assert_eq!(rows[0].address.as_deref(), Some("127.0.0.1"));
        assert_eq!(rows[0].request_id, "r-1");
    }

    async fn what_was_rolled_back_left_no_trace_in_the_trail(db: &Db) {
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        tx.audit(AuditEvent { verb: "create", kind: "user", name: "x".into(), ..AuditEvent::default() });
        drop(tx);
        let mut tx = db.store.begin(&hanse_store::WriteContext { dry_run: true, ..somebody() }).await.unwrap();
        tx.audit(AuditEvent { verb: "create", kind: "user", name: "y".into(), ..AuditEvent::default() });
        tx.commit().await.unwrap();
        assert_eq!(trail(db).await, []);
    }

    async fn an_edit_a_gap_and_a_swap_show(db: &Db) {
        for n in 0..5 {
            audited(&db.store, &format!("u{n}")).await;
        }
        let raw = Database::connect(db.url.as_str()).await.unwrap();
        let ids: Vec<i64> = trail(db).await.iter().map(|row| row.id).collect();
        assert_eq!(db.store.verify_audit().await.unwrap(), Verified { rows: 5, broken_at: None });
        let after = async |sql: String| {
            raw.execute_unprepared(&sql).await.unwrap();
            db.store.verify_audit().await.unwrap().broken_at
        };
        for (column, other, own) in
            [("actor", "eve", "ada"), ("result", "denied", "ok"), ("name", "x", "u2"), ("request_id", "", "r-1")]
        {
            let set = |value: &str| format!("UPDATE audit SET {column} = '{value}' WHERE id = {}", ids[2]);
            assert_eq!(after(set(other)).await, Some(ids[2]), "{column}");
            assert_eq!(after(set(own)).await, None, "{column}");
        }
        // Two rows that change places.
        let moved = |from: i64, to: i64| format!("UPDATE audit SET id = {to} WHERE id = {from}");
        let spare = ids[4] + 100;
        for (from, to) in [(ids[1], spare), (ids[2], ids[1]), (spare, ids[2])] {
            raw.execute_unprepared(&moved(from, to)).await.unwrap();
        }
        assert_eq!(db.store.verify_audit().await.unwrap().broken_at, Some(ids[1]));
        for (from, to) in [(ids[1], spare), (ids[2], ids[1]), (spare, ids[2])] {
            raw.execute_unprepared(&moved(from, to)).await.unwrap();
        }
        let gone = |id: i64| format!("DELETE FROM audit WHERE id = {id}");
        assert_eq!(after(gone(ids[3])).await, Some(ids[4]), "a row gone from the middle");
        assert_eq!(after(gone(ids[4])).await, None);
        assert_eq!(after(gone(ids[0])).await, Some(ids[1]), "the first row gone");
    }

    async fn the_trail_is_found_by_who_what_and_when(db: &Db) {
        for n in 0..4 {
            audited(&db.store, &format!("u{n}")).await;
        }
        let page = |search: Option<&str>| {
            let params = ListParams { search: search.map(Into::into), ..ListParams::default() };
            Page::read(&params, &["-at"]).unwrap()
        };
        let all = db.store.list_audit(&Filter::default(), &page(None)).await.unwrap();
        assert_eq!(all.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["u3", "u2", "u1", "u0"]);
        let none = Filter { actor: Some("eve".into()), ..Filter::default() };
        assert_eq!(db.store.list_audit(&none, &page(None)).await.unwrap().total, 0);
        let later = Filter { since: Some(all.rows[1].at), ..Filter::default() };
        assert_eq!(db.store.list_audit(&later, &page(None)).await.unwrap().total, 2);
        assert_eq!(db.store.list_audit(&Filter::default(), &page(Some("U2"))).await.unwrap().total, 1);
    }
}
