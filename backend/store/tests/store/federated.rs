//! Federated objects: revisions, placement, recorded removals, sealed payloads, and their end.

use std::collections::BTreeSet;

use hanse_authz::Located;
use hanse_store::{
    Op, Store, StoreError,
    entity::{federated_object, federated_revision},
    federated::{self, Changed, New, Row, placed},
    page::Page,
    projects,
    removals::Mode,
};
use hanse_types::{ClusterId, ListParams};
use sea_orm::{Database, EntityTrait as _};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    db::{Db, both, somebody},
    tenancy::{cluster, handle, project},
};

const ROUNDS: usize = 25;

fn ids(clusters: &[Uuid]) -> BTreeSet<ClusterId> {
    clusters.iter().map(|id| ClusterId(*id)).collect()
}

fn config_map(name: &str, clusters: &[Uuid]) -> New {
    New {
        type_: "configmaps".into(),
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: "shop".into(),
        name: name.into(),
        spec: json!({"template": {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}}),
        placed: ids(clusters),
        author: "ada".into(),
    }
}

async fn create(
    store: &Store,
    project: &projects::Model,
    new: New,
) -> Result<federated_object::Model, StoreError> {
    let mut tx = store.begin(&somebody()).await?;
    let row = federated::create(&mut tx, Some(project), new).await?;
    tx.commit().await?;
    Ok(row)
}

async fn update(
    store: &Store,
    project: &projects::Model,
    object: &federated_object::Model,
    spec: Value,
    clusters: &[Uuid],
) -> Result<federated_object::Model, StoreError> {
    let row = Located::new(Row { object: object.clone(), project: Some(project.clone()) });
    let row = handle(row, "project.federated-objects.edit").await;
    let changed = Changed {
        api_version: object.api_version.clone(),
        spec,
        placed: ids(clusters),
        author: "bob".into(),
        leaving: Mode::Delete,
        options: Some(json!({"gracePeriodSeconds": 0})),
    };
    let mut tx = store.begin(&somebody()).await?;
    let next = federated::update(&mut tx, &row, changed).await?;
    tx.commit().await?;
    Ok(next)
}

async fn delete(
    store: &Store,
    project: &projects::Model,
    object: &federated_object::Model,
) -> Result<Option<federated_object::Model>, StoreError> {
    let mut tx = store.begin(&somebody()).await?;
    let left = federated::delete(&mut tx, Some(project), object.clone(), Mode::Delete, None).await?;
    tx.commit().await?;
    Ok(left)
}

async fn removals_in(store: &Store, object: Uuid) -> BTreeSet<Uuid> {
    store.removals_of(vec![object]).await.unwrap().into_iter().map(|row| row.cluster_id).collect()
}

async fn stored(store: &Store, id: Uuid) -> Option<federated_object::Model> {
    store.federated_by_ids(vec![id]).await.unwrap().pop()
}

async fn two_clusters(db: &Db) -> (Uuid, Uuid, projects::Model) {
    let (eu, us) = (cluster(&db.store, "eu").await.id, cluster(&db.store, "us").await.id);
    let (_, project) = project(&db.store, "shop", &[eu, us], &[eu, us]).await;
    (eu, us, project)
}

both! {
    async fn a_change_is_a_generation_a_revision_and_a_removal_where_it_leaves(db: &Db) {
        let (eu, us, project) = two_clusters(db).await;
        let first = create(&db.store, &project, config_map("app", &[eu, us])).await.unwrap();
        assert_eq!((first.generation, first.version), (1, 1));
        assert_eq!(placed(&first).unwrap(), ids(&[eu, us]));
        let spec = json!({"template": {"data": {"a": "2"}}});
        let second = update(&db.store, &project, &first, spec.clone(), &[eu]).await.unwrap();
        assert_eq!((second.generation, second.version), (2, 2));
        let removals = db.store.removals_of(vec![first.id]).await.unwrap();
        assert_eq!(removals.len(), 1);
        assert_eq!((removals[0].cluster_id, removals[0].mode.as_str()), (us, "delete"));
        assert_eq!(removals[0].options, Some(json!({"gracePeriodSeconds": 0})));
        let row = handle(
            Located::new(Row { object: second.clone(), project: Some(project.clone()) }),
            "project.federated-objects.view",
        )
        .await;
        let page = Page::read(&ListParams::default(), &["-generation"]).unwrap();
        let history = db.store.revisions(&row, &page).await.unwrap();
        assert_eq!(history.total, 2);
        assert_eq!((history.rows[0].generation, history.rows[0].author.as_str()), (2, "bob"));
        assert_eq!(history.rows[0].spec, spec);
        assert_eq!(history.rows[1].author, "ada");
        // The copy is wanted again before its removal was carried out: nothing is left to carry out.
        update(&db.store, &project, &second, spec, &[eu, us]).await.unwrap();
        assert!(removals_in(&db.store, first.id).await.is_empty());
    }

    async fn what_a_write_left_is_given_once_and_is_what_is_stored(db: &Db) {
        let store = &db.store;
        let (eu, us, project) = two_clusters(db).await;
        let make = async |name: &str| {
            let mut tx = store.begin(&somebody()).await.unwrap();
            let new = config_map(name, &[eu, us]);
            let row = federated::create(&mut tx, Some(&project), new).await.unwrap();
            federated::done(&mut tx, &row, Some(&project));
            (row, tx.commit().await.unwrap())
        };
        let (row, made) = make("a").await;
        let fresh = store.fresh(row.id, made).unwrap();
        assert_eq!(Some(&fresh.row), stored(store, row.id).await.as_ref());
        assert_eq!((fresh.project.as_deref(), fresh.leaving.len()), (Some(&*project.name), 0));
        assert!(store.fresh(row.id, made).is_none(), "given twice");
        // Whoever writes without saying so leaves nothing, also not what was left before.
        let (other, made) = make("b").await;
        update(store, &project, &other, json!({"template": {}}), &[eu, us]).await.unwrap();
        assert!(store.fresh(other.id, made).is_none() && store.fresh(other.id, made + 1).is_none());
        // Going: with the removals that this recorded, and none from before.
        let row = update(store, &project, &row, json!({"template": {}}), &[eu]).await.unwrap();
        let mut tx = store.begin(&somebody()).await.unwrap();
        let going = federated::delete(&mut tx, Some(&project), row, Mode::Delete, None).await.unwrap().unwrap();
        federated::done(&mut tx, &going, Some(&project));
        let marked = tx.commit().await.unwrap();
        let fresh = store.fresh(going.id, marked).unwrap();
        assert_eq!(Some(&fresh.row), stored(store, going.id).await.as_ref());
        assert_eq!(fresh.leaving.iter().map(|row| row.cluster_id).collect::<Vec<_>>(), [eu]);
        assert_eq!(removals_in(store, going.id).await, BTreeSet::from([eu, us]));
    }

    async fn of_two_changes_of_one_version_the_second_is_refused_whole(db: &Db) {
        let (eu, us, project) = two_clusters(db).await;
        let first = create(&db.store, &project, config_map("app", &[eu, us])).await.unwrap();
        update(&db.store, &project, &first, json!({"template": {}}), &[eu, us]).await.unwrap();
        let refused = update(&db.store, &project, &first, json!({"template": {}}), &[]).await;
        assert!(matches!(refused, Err(StoreError::VersionMismatch { expected: 1, found: 2 })), "{refused:?}");
        assert!(removals_in(&db.store, first.id).await.is_empty());
    }

    async fn a_deleted_object_stays_until_its_last_copy_is_gone(db: &Db) {
        let (eu, us, project) = two_clusters(db).await;
        let object = create(&db.store, &project, config_map("app", &[eu, us])).await.unwrap();
        let left = delete(&db.store, &project, &object).await.unwrap().unwrap();
        assert!(left.deleted_at.is_some());
        let taken = create(&db.store, &project, config_map("app", &[eu])).await;
        assert!(matches!(taken, Err(StoreError::Taken)), "{taken:?}");
        let mut reader = db.store.follow(db.store.revision());
        for (n, removal) in db.store.removals_of(vec![object.id]).await.unwrap().into_iter().enumerate() {
            assert_eq!(stored(&db.store, object.id).await.is_some(), n < 2);
            db.store.finish_removals(vec![removal.id], &somebody()).await.unwrap();
        }
        assert!(stored(&db.store, object.id).await.is_none());
        loop {
            let told = tokio::time::timeout(std::time::Duration::from_secs(10), reader.next()).await.unwrap().unwrap();
            if told.iter().any(|change| change.object == object.id && change.op == Op::Deleted) {
                break;
            }
        }
        create(&db.store, &project, config_map("app", &[eu])).await.unwrap();
    }

    async fn an_object_without_copies_goes_at_once(db: &Db) {
        let (_, _, project) = two_clusters(db).await;
        let object = create(&db.store, &project, config_map("app", &[])).await.unwrap();
        assert!(delete(&db.store, &project, &object).await.unwrap().is_none());
        assert!(stored(&db.store, object.id).await.is_none());
    }

    async fn the_last_two_copies_confirmed_at_once_do_not_leave_the_object_behind(db: &Db) {
        let (eu, us, project) = two_clusters(db).await;
        for round in 0..ROUNDS {
            let object = create(&db.store, &project, config_map(&format!("a{round}"), &[eu, us])).await.unwrap();
            delete(&db.store, &project, &object).await.unwrap();
            let removals = db.store.removals_of(vec![object.id]).await.unwrap();
            let confirming: Vec<_> = removals
                .into_iter()
                .map(|removal| {
                    let store = db.store.clone();
                    tokio::spawn(async move { store.finish_removals(vec![removal.id], &somebody()).await.unwrap() })
                })
                .collect();
            for confirmed in confirming {
                confirmed.await.unwrap();
            }
            assert!(stored(&db.store, object.id).await.is_none(), "round {round}");
        }
    }

    async fn a_removed_project_goes_with_its_last_objects_also_when_they_go_at_once(db: &Db) {
        let eu = cluster(&db.store, "eu").await.id;
        for round in 0..ROUNDS {
            let name = format!("p{round}");
            let (_, project) = project(&db.store, &name, &[eu], &[eu]).await;
            let mut objects = Vec::new();
            for part in ["x", "y"] {
                let new = New { namespace: name.clone(), ..config_map(part, &[eu]) };
                objects.push(create(&db.store, &project, new).await.unwrap());
            }
            let found = handle(db.store.project(&name).await.unwrap().unwrap(), "project.settings.manage").await;
            let mut tx = db.store.begin(&somebody()).await.unwrap();
            let project = projects::update(&mut tx, &found, None, None, true).await.unwrap();
            for object in &objects {
                federated::delete(&mut tx, Some(&project), object.clone(), Mode::Delete, None).await.unwrap();
            }
            tx.commit().await.unwrap();
            let ids: Vec<Uuid> = objects.iter().map(|object| object.id).collect();
            let confirming: Vec<_> = db
                .store
                .removals_of(ids)
                .await
                .unwrap()
                .into_iter()
                .map(|removal| {
                    let store = db.store.clone();
                    tokio::spawn(async move { store.finish_removals(vec![removal.id], &somebody()).await.unwrap() })
                })
                .collect();
            for confirmed in confirming {
                confirmed.await.unwrap();
            }
            assert!(db.store.project(&name).await.unwrap().is_none(), "round {round}");
        }
    }

    async fn an_object_made_while_its_project_is_removed_is_refused_or_removed_with_it(db: &Db) {
        let eu = cluster(&db.store, "eu").await.id;
        for round in 0..ROUNDS {
            let name = format!("p{round}");
            let (_, project) = project(&db.store, &name, &[eu], &[eu]).await;
            let found = handle(db.store.project(&name).await.unwrap().unwrap(), "project.settings.manage").await;
            let new = New { namespace: name.clone(), ..config_map("late", &[eu]) };
            let (a, b, seen) = (db.store.clone(), db.store.clone(), project.clone());
            let made = tokio::spawn(async move { create(&a, &seen, new).await });
            let removed = tokio::spawn(async move {
                let mut tx = b.begin(&somebody()).await?;
                let project = projects::update(&mut tx, &found, None, None, true).await?;
                for object in federated::of_project(&tx, &project).await? {
                    federated::delete(&mut tx, Some(&project), object, Mode::Delete, None).await?;
                }
                tx.commit().await
            });
            let (made, removed) = (made.await.unwrap(), removed.await.unwrap());
            removed.unwrap();
            match made {
                Ok(object) => assert!(stored(&db.store, object.id).await.unwrap().deleted_at.is_some(), "round {round}"),
                Err(error) => assert!(matches!(error, StoreError::Conflict(_)), "{error}"),
            }
        }
    }

    async fn an_object_placed_while_its_project_leaves_the_cluster_is_refused(db: &Db) {
        let (eu, us, project) = two_clusters(db).await;
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        projects::set_clusters(&mut tx, &project, &[eu]).await.unwrap();
        tx.commit().await.unwrap();
        // What was computed from the project as it was.
        let refused = create(&db.store, &project, config_map("app", &[eu, us])).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        let object = create(&db.store, &project, config_map("app", &[eu])).await.unwrap();
        let refused = update(&db.store, &project, &object, json!({"template": {}}), &[us]).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }

    async fn payloads_of_secrets_are_in_no_plain_column(db: &Db) {
        let (eu, _, project) = two_clusters(db).await;
        let spec = json!({
            "template": {"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "data": {"password": "c2VzYW0="}, "stringData": {"user": "alibaba"}},
            "overrides": [{"clusters": ["eu"], "patches": [{"op": "replace", "path": "/data/password", "value": "c2ltc2lt"}]}],
        });
        let new = New {
            type_: "secrets".into(),
            kind: "Secret".into(),
            spec: spec.clone(),
            ..config_map("login", &[eu])
        };
        let object = create(&db.store, &project, new).await.unwrap();
        assert_eq!(db.store.whole(object.clone()).unwrap().spec, spec);
        let next = update(&db.store, &project, &object, spec.clone(), &[eu]).await.unwrap();
        assert_eq!(db.store.whole(next).unwrap().spec, spec);
        let raw = Database::connect(db.url.as_str()).await.unwrap();
        let objects = federated_object::Entity::find().all(&raw).await.unwrap();
        let revisions = federated_revision::Entity::find().all(&raw).await.unwrap();
        assert_eq!((objects.len(), revisions.len()), (1, 2));
        let sealed = objects.iter().map(|row| (&row.spec, &row.sealed));
        for (plain, sealed) in sealed.chain(revisions.iter().map(|row| (&row.spec, &row.sealed))) {
            let plain = plain.to_string();
            assert!(["c2VzYW0=", "alibaba", "c2ltc2lt"].iter().all(|word| !plain.contains(word)), "{plain}");
            assert!(plain.contains("Opaque"));
            assert!(sealed.as_ref().is_some_and(|sealed| !sealed.windows(7).any(|part| part == b"alibaba")));
        }
        db.store.rotate_secrets(&somebody()).await.unwrap();
    }

    async fn all_objects_are_loaded_in_pieces(db: &Db) {
        let (eu, _, project) = two_clusters(db).await;
        for n in 0..7 {
            create(&db.store, &project, config_map(&format!("a{n}"), &[eu])).await.unwrap();
        }
        let (mut loaded, mut after) = (Vec::new(), None);
        loop {
            let piece = db.store.all_federated(after, 3).await.unwrap();
            let Some(last) = piece.last() else { break };
            after = Some(last.id);
            loaded.extend(piece.into_iter().map(|row| row.name));
        }
        assert_eq!(loaded, ["a0", "a1", "a2", "a3", "a4", "a5", "a6"]);
    }

    async fn names_of_cluster_scoped_objects_are_taken_once(db: &Db) {
        let (eu, _, project) = two_clusters(db).await;
        let new = || New { namespace: String::new(), type_: "namespaces".into(), ..config_map("shop", &[eu]) };
        create(&db.store, &project, new()).await.unwrap();
        let taken = create(&db.store, &project, new()).await;
        assert!(matches!(taken, Err(StoreError::Taken)), "{taken:?}");
    }
}

both! {
    async fn an_object_of_the_platform_belongs_to_no_project_and_is_held_by_finalizers(db: &Db) {
        let (eu, us, _) = two_clusters(db).await;
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let new = New {
            type_: "clusterroles.rbac.authorization.k8s.io".into(),
            api_version: "rbac.authorization.k8s.io/v1".into(),
            kind: "ClusterRole".into(),
            namespace: String::new(),
            ..config_map("readers", &[eu, us])
        };
        let mut row = federated::create(&mut tx, None, new.clone()).await.unwrap();
        let body = json!({"metadata": {"finalizers": ["example.com/hold"], "ownerReferences": [{"uid": eu.to_string()}]}});
        hanse_store::hub::put_federated_view(&tx, &mut row, "kube", 1, &body).await.unwrap();
        tx.commit().await.unwrap();
        let row = stored(&db.store, row.id).await.unwrap();
        assert_eq!((row.project_id, federated::held_by(&row)), (None, vec!["example.com/hold".to_owned()]));
        assert_eq!(db.store.dependents(&[eu]).await.unwrap(), [row.id]);
        assert_eq!(db.store.federated_of_platform().await.unwrap().len(), 1);
        // A cluster that is not here takes nothing.
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let nowhere = New { name: "other".into(), placed: ids(&[Uuid::from_u128(7)]), ..new };
        assert!(matches!(federated::create(&mut tx, None, nowhere).await, Err(StoreError::Conflict(_))));
        drop(tx);
        // Removed everywhere, it is held; let go, it is gone, and so is what was noted of it.
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        assert!(federated::delete(&mut tx, None, row.clone(), Mode::Delete, None).await.unwrap().is_some());
        tx.commit().await.unwrap();
        let removals = db.store.removals_of(vec![row.id]).await.unwrap();
        assert_eq!(removals.len(), 2);
        let before = db.store.revision();
        db.store.finish_removals(removals.iter().map(|removal| removal.id).collect(), &somebody()).await.unwrap();
        let held = stored(&db.store, row.id).await.unwrap();
        assert!(held.deleted_at.is_some());
        assert!(db.store.follow(before).next().await.unwrap().iter().any(|change| change.object == row.id));
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let row = Row { object: held, project: None };
        let view = hanse_store::hub::View { generation: 1, body: json!({}) };
        hanse_store::hub::rewrite_views(&mut tx, row, vec![("kube", view)]).await.unwrap();
        tx.commit().await.unwrap();
        assert!(db.store.federated_of_platform().await.unwrap().is_empty());
        assert!(db.store.dependents(&[eu]).await.unwrap().is_empty());
    }
}
