//! Lists page, sort, search and leave out what may not be seen, all in SQL.

use hanse_authz::{Platform, Scoped as _};
use hanse_store::{
    Store,
    page::{Page, Visible},
};
use hanse_types::ListParams;
use serde_json::json;

use crate::{
    db::{Db, both, user},
    tenancy::{cluster, handle, labelled, project},
};

fn page(sort: &str, limit: u32, place: Option<String>, search: Option<&str>) -> Page {
    let params = ListParams {
        limit: Some(limit),
        continue_: place,
        sort: Some(sort.into()),
        search: search.map(Into::into),
        ..ListParams::default()
    };
    Page::read(&params, &["name", "createdAt"]).unwrap()
}

both! {
    async fn pages_lead_through_all_rows_once(db: &Db) {
        for n in 0..7 {
            user(&db.store, &format!("u{n}"), &[]).await;
        }
        let platform = handle(hanse_authz::Located::new(Platform), "platform.users.view").await;
        assert_eq!(Platform.scope(), hanse_authz::Scope::Platform);
        for (sort, first) in [("name", "u0"), ("-name", "u6"), ("createdAt", "u0"), ("-createdAt", "u6")] {
            let (mut names, mut place) = (Vec::new(), None);
            loop {
                let asked = page(sort, 3, place.take(), None);
                let got = db.store.list_users(&platform, &asked).await.unwrap();
                assert_eq!(got.total, 7);
                names.extend(got.rows.into_iter().map(|row| row.name));
                match asked.next(got.total) {
                    Some(next) => place = Some(next),
                    None => break,
                }
            }
            assert_eq!((names.len(), names[0].as_str()), (7, first), "{sort}");
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), 7);
        }
    }

    async fn a_search_takes_text_as_text(db: &Db) {
        for name in ["a_b", "axb", "a.b", "A-B-upper"] {
            user(&db.store, &name.to_lowercase(), &[]).await;
        }
        let platform = handle(hanse_authz::Located::new(Platform), "platform.users.view").await;
        let found = async |text: &str| {
            let rows = db.store.list_users(&platform, &page("name", 50, None, Some(text))).await.unwrap().rows;
            rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
        };
        assert_eq!(found("a_b").await, ["a_b"]);
        assert_eq!(found("%").await, Vec::<String>::new());
        assert_eq!(found("UPPER").await, ["a-b-upper"]);
        assert_eq!(found("' OR 1=1 --").await, Vec::<String>::new());
        assert_eq!(found("\\").await, Vec::<String>::new());
    }

    async fn clusters_are_selected_by_labels_as_in_kubernetes(db: &Db) {
        for (name, labels) in [
            ("a", json!({"region": "eu", "example.com/gpu": "yes"})),
            ("b", json!({"region": "us", "1": ""})),
            ("c", json!({})),
        ] {
            labelled(&db.store, name, labels).await;
        }
        for (selector, expected) in [
            ("", "a b c"),
            ("region=eu", "a"),
            ("region!=eu", "b c"),
            ("region in (eu, us)", "a b"),
            ("region notin (eu,us)", "c"),
            ("example.com/gpu", "a"),
            ("!example.com/gpu,region", "b"),
            ("1=", "b"),
            ("region=EU", ""),
        ] {
            let params = ListParams { label_selector: Some(selector.into()), ..ListParams::default() };
            let asked = Page::read(&params, Store::CLUSTER_SORTS).unwrap();
            let found = db.store.list_clusters(&Visible::All, &asked).await.unwrap();
            let names: Vec<_> = found.rows.iter().map(|row| row.name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{selector}");
            assert_eq!(found.total, names.len() as u64);
        }
    }

    async fn what_may_not_be_seen_is_neither_listed_nor_counted(db: &Db) {
        let (eu, us) = (cluster(&db.store, "eu").await, cluster(&db.store, "us").await);
        let (workspace, own) = project(&db.store, "own", &[eu.id, us.id], &[]).await;
        let (other, _) = project(&db.store, "other", &[], &[]).await;
        let asked = page("name", 50, None, None);
        let only = |id| Visible::Only(vec![id]);
        let names = async |store: &Store| {
            let clusters = store.list_clusters(&only(us.id), &asked).await.unwrap();
            let workspaces = store.list_workspaces(&only(workspace.id), &asked).await.unwrap();
            assert_eq!((clusters.total, workspaces.total), (1, 1));
            (clusters.rows[0].name.clone(), workspaces.rows[0].name.clone())
        };
        assert_eq!(names(&db.store).await, ("us".to_owned(), "own-ws".to_owned()));
        assert_eq!(db.store.list_workspaces(&Visible::All, &asked).await.unwrap().total, 2);
        assert_eq!(db.store.list_clusters(&Visible::Only(vec![]), &asked).await.unwrap().total, 0);
        let mine = hanse_types::WorkspaceId(workspace.id);
        let theirs = hanse_types::WorkspaceId(other.id);
        assert_eq!(db.store.list_projects(mine, &only(own.id), &asked).await.unwrap().total, 1);
        assert_eq!(db.store.list_projects(theirs, &only(own.id), &asked).await.unwrap().total, 0);
    }
}
