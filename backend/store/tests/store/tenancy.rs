//! Workspaces, projects and clusters hold together, also when two people change both ends at once.

use std::{collections::BTreeSet, sync::Arc};

use hanse_authz::{Actor, Binding, Credential, Decisions, Handle, Located, Scope, Scoped, authorize};
use hanse_store::{Store, StoreError, clusters, projects, workspaces};
use hanse_types::{SessionId, UserId, UserName};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::db::{Db, both, somebody};

const ROUNDS: usize = 25;

/// A handle as an administrator of the platform gets it.
pub async fn handle<T: Scoped>(located: Located<T>, permission: &'static str) -> Handle<T> {
    let actor = Arc::new(Actor {
        user: UserId::new(),
        name: UserName::parse("ada").unwrap(),
        credential: Credential::Session(SessionId::new()),
        limited_to: None,
        bindings: [Binding { scope: Scope::Platform, role: "administrator".into() }].into(),
        address: None,
    });
    static DECISIONS: tokio::sync::OnceCell<Decisions> = tokio::sync::OnceCell::const_new();
    let decisions = DECISIONS.get_or_init(async || Decisions::load().await.unwrap()).await;
    authorize(decisions, &actor, permission, located).unwrap()
}

/// A cluster as it is taken in.
pub async fn cluster(store: &Store, name: &str) -> clusters::Model {
    labelled(store, name, json!({"region": "eu"})).await
}

/// The same with labels.
pub async fn labelled(store: &Store, name: &str, labels: Value) -> clusters::Model {
    let mut tx = store.begin(&somebody()).await.unwrap();
    let new = clusters::New {
        name: name.to_owned(),
        display_name: None,
        labels,
        connection: "direct".into(),
        endpoint: "https://10.0.0.1:6443".into(),
        insecure: false,
        system_uid: Some(Uuid::now_v7().to_string()),
        credential: None,
        fixed_port: None,
        take_over: false,
    };
    let row = clusters::create(&mut tx, new).await.unwrap();
    tx.commit().await.unwrap();
    row
}

/// A workspace with clusters granted, and a project of it.
pub async fn project(
    store: &Store,
    name: &str,
    granted: &[Uuid],
    used: &[Uuid],
) -> (workspaces::Model, projects::Model) {
    let mut tx = store.begin(&somebody()).await.unwrap();
    let workspace = workspaces::create(&mut tx, format!("{name}-ws"), None, None).await.unwrap();
    workspaces::grant(&mut tx, &workspace, granted).await.unwrap();
    let project = projects::create(&mut tx, &workspace, name.to_owned(), None, None).await.unwrap();
    projects::set_clusters(&mut tx, &project, used).await.unwrap();
    tx.commit().await.unwrap();
    (workspace, project)
}

async fn use_clusters(
    store: Store,
    project: projects::Model,
    clusters: Vec<Uuid>,
) -> Result<i64, StoreError> {
    let mut tx = store.begin(&somebody()).await?;
    projects::set_clusters(&mut tx, &project, &clusters).await?;
    tokio::task::yield_now().await;
    tx.commit().await
}

async fn grant(store: Store, workspace: workspaces::Model, clusters: Vec<Uuid>) -> Result<i64, StoreError> {
    let mut tx = store.begin(&somebody()).await?;
    workspaces::grant(&mut tx, &workspace, &clusters).await?;
    tokio::task::yield_now().await;
    tx.commit().await
}

async fn detach(store: Store, name: String) -> Result<i64, StoreError> {
    let found = store.cluster(&name).await?.unwrap();
    let cluster = handle(found, "platform.clusters.manage").await;
    let mut tx = store.begin(&somebody()).await?;
    clusters::delete(&mut tx, &cluster).await?;
    tokio::task::yield_now().await;
    tx.commit().await
}

fn names(map: &std::collections::HashMap<Uuid, Vec<clusters::Model>>, id: Uuid) -> BTreeSet<String> {
    map.get(&id).into_iter().flatten().map(|cluster| cluster.name.clone()).collect()
}

both! {
    async fn a_project_uses_only_what_its_workspace_was_granted(db: &Db) {
        let (eu, us) = (cluster(&db.store, "eu").await.id, cluster(&db.store, "us").await.id);
        let (workspace, project) = project(&db.store, "shop", &[eu], &[eu]).await;
        let refused = use_clusters(db.store.clone(), project.clone(), vec![eu, us]).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        let refused = grant(db.store.clone(), workspace, vec![us]).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        let used = db.store.project_clusters(vec![project.id]).await.unwrap();
        assert_eq!(names(&used, project.id), BTreeSet::from(["eu".to_owned()]));
    }

    async fn a_cluster_withdrawn_while_a_project_takes_it_is_either_granted_or_unused(db: &Db) {
        let us = cluster(&db.store, "us").await.id;
        let (workspace, project) = project(&db.store, "shop", &[], &[]).await;
        for _ in 0..ROUNDS {
            use_clusters(db.store.clone(), project.clone(), vec![]).await.unwrap();
            grant(db.store.clone(), workspace.clone(), vec![us]).await.unwrap();
            let taken = tokio::spawn(use_clusters(db.store.clone(), project.clone(), vec![us]));
            let withdrawn = tokio::spawn(grant(db.store.clone(), workspace.clone(), vec![]));
            let (taken, withdrawn) = (taken.await.unwrap(), withdrawn.await.unwrap());
            let used = names(&db.store.project_clusters(vec![project.id]).await.unwrap(), project.id);
            let granted = names(&db.store.granted(vec![workspace.id]).await.unwrap(), workspace.id);
            assert!(used.is_subset(&granted), "{used:?} of {granted:?}: {taken:?} {withdrawn:?}");
        }
    }

    async fn a_cluster_detached_while_a_project_takes_it_does_not_vanish_from_it(db: &Db) {
        for round in 0..ROUNDS {
            let name = format!("c{round}");
            let id = cluster(&db.store, &name).await.id;
            let (_, project) = project(&db.store, &format!("p{round}"), &[id], &[]).await;
            let taken = tokio::spawn(use_clusters(db.store.clone(), project.clone(), vec![id]));
            let detached = tokio::spawn(detach(db.store.clone(), name.clone()));
            let (taken, detached) = (taken.await.unwrap(), detached.await.unwrap());
            let used = names(&db.store.project_clusters(vec![project.id]).await.unwrap(), project.id);
            match (&taken, &detached) {
                (Ok(_), Err(StoreError::Conflict(_))) => assert!(used.contains(&name)),
                (Err(StoreError::Conflict(_)), Ok(_)) => assert!(used.is_empty()),
                other => panic!("{other:?}, used {used:?}"),
            }
        }
    }

    async fn a_workspace_with_projects_is_not_removed(db: &Db) {
        project(&db.store, "shop", &[], &[]).await;
        let found = db.store.workspace("shop-ws").await.unwrap().unwrap();
        let workspace = handle(found, "workspace.settings.manage").await;
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let refused = workspaces::delete(&mut tx, &workspace).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
    }

    async fn a_workspace_removed_while_a_project_is_made_in_it_is_a_conflict_for_one(db: &Db) {
        for round in 0..ROUNDS {
            let mut tx = db.store.begin(&somebody()).await.unwrap();
            let workspace = workspaces::create(&mut tx, format!("w{round}"), None, None).await.unwrap();
            tx.commit().await.unwrap();
            let found = db.store.workspace(&workspace.name).await.unwrap().unwrap();
            let removable = handle(found, "workspace.settings.manage").await;
            let (a, b) = (db.store.clone(), db.store.clone());
            let made = tokio::spawn(async move {
                let mut tx = a.begin(&somebody()).await?;
                projects::create(&mut tx, &workspace, format!("p{round}"), None, None).await?;
                tx.commit().await
            });
            let removed = tokio::spawn(async move {
                let mut tx = b.begin(&somebody()).await?;
                workspaces::delete(&mut tx, &removable).await?;
                tx.commit().await
            });
            match (made.await.unwrap(), removed.await.unwrap()) {
                (Ok(_), Err(StoreError::Conflict(_))) | (Err(StoreError::Conflict(_)), Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
