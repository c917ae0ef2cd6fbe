//! The last administrator stays, whoever races.

use hanse_authz::{Scope, Scoped as _};
use hanse_store::{Store, StoreError, bindings, projects, users, workspaces};
use hanse_types::{UserId, WorkspaceId};

use crate::db::{Db, both, somebody, user};

const ROUNDS: usize = 15;

async fn demote(store: Store, scope: Scope, who: UserId) -> Result<i64, StoreError> {
    let mut tx = store.begin(&somebody()).await?;
    bindings::set_roles(&mut tx, scope, who, &[]).await?;
    tokio::task::yield_now().await;
    tx.commit().await
}

async fn disable(store: Store, name: String, who: UserId) -> Result<i64, StoreError> {
    let mut row = store.user_row(&name).await?.unwrap();
    let mut tx = store.begin(&somebody()).await?;
    bindings::may_go(&mut tx, who).await?;
    tokio::task::yield_now().await;
    row.state = "disabled".to_owned();
    users::update(&mut tx, row).await?;
    tx.commit().await
}

/// Exactly one of two succeeded, and the other was told why.
fn one_of(a: Result<i64, StoreError>, b: Result<i64, StoreError>) {
    match (a, b) {
        (Ok(_), Err(StoreError::LastAdministrator(_))) | (Err(StoreError::LastAdministrator(_)), Ok(_)) => {}
        other => panic!("{other:?}"),
    }
}

async fn administrators(store: &Store, scope: Scope) -> usize {
    let members = store.members(scope).await.unwrap();
    let able = members.iter().filter(|member| member.user.state == "active");
    able.filter(|member| member.roles.iter().any(|role| role == "administrator")).count()
}

both! {
    async fn the_only_administrator_is_not_demoted(db: &Db) {
        let only = user(&db.store, "only", &["administrator"]).await;
        user(&db.store, "other", &["auditor"]).await;
        let refused = demote(db.store.clone(), Scope::Platform, only).await;
        assert!(matches!(refused, Err(StoreError::LastAdministrator(_))), "{refused:?}");
        let refused = disable(db.store.clone(), "only".into(), only).await;
        assert!(matches!(refused, Err(StoreError::LastAdministrator(_))), "{refused:?}");
        assert_eq!(administrators(&db.store, Scope::Platform).await, 1);
    }

    async fn a_disabled_administrator_does_not_count(db: &Db) {
        let able = user(&db.store, "able", &["administrator"]).await;
        let other = user(&db.store, "other", &["administrator"]).await;
        disable(db.store.clone(), "other".into(), other).await.unwrap();
        let refused = demote(db.store.clone(), Scope::Platform, able).await;
        assert!(matches!(refused, Err(StoreError::LastAdministrator(_))), "{refused:?}");
    }

    async fn of_two_that_lose_the_role_at_once_one_keeps_it(db: &Db) {
        let people = [user(&db.store, "a", &[]).await, user(&db.store, "b", &[]).await];
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let workspace = workspaces::create(&mut tx, "acme".into(), None, None).await.unwrap();
        tx.commit().await.unwrap();
        for scope in [Scope::Platform, Scope::Workspace(WorkspaceId(workspace.id))] {
            for _ in 0..ROUNDS {
                for who in people {
                    appoint(&db.store, scope, who).await;
                }
                let [a, b] = people.map(|who| tokio::spawn(demote(db.store.clone(), scope, who)));
                one_of(a.await.unwrap(), b.await.unwrap());
                assert_eq!(administrators(&db.store, scope).await, 1);
            }
        }
    }

    async fn of_one_demoted_while_the_other_is_disabled_one_is_left(db: &Db) {
        let a = user(&db.store, "a", &[]).await;
        let b = user(&db.store, "b", &[]).await;
        for _ in 0..ROUNDS {
            appoint(&db.store, Scope::Platform, a).await;
            appoint(&db.store, Scope::Platform, b).await;
            let demoted = tokio::spawn(demote(db.store.clone(), Scope::Platform, a));
            let disabled = tokio::spawn(disable(db.store.clone(), "b".into(), b));
            one_of(demoted.await.unwrap(), disabled.await.unwrap());
            assert_eq!(administrators(&db.store, Scope::Platform).await, 1);
            let mut row = db.store.user_row("b").await.unwrap().unwrap();
            row.state = "active".to_owned();
            let mut tx = db.store.begin(&somebody()).await.unwrap();
            users::update(&mut tx, row).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    async fn who_leaves_a_workspace_loses_the_roles_in_its_projects(db: &Db) {
        let keeper = user(&db.store, "keeper", &[]).await;
        let leaver = user(&db.store, "leaver", &[]).await;
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        let mut scopes = Vec::new();
        for name in ["acme", "other"] {
            let workspace = workspaces::create(&mut tx, name.into(), None, None).await.unwrap();
            let project = projects::create(&mut tx, &workspace, format!("{name}-shop"), None, None).await.unwrap();
            scopes.extend([workspace.scope(), project.scope()]);
        }
        for scope in &scopes {
            for who in [keeper, leaver] {
                bindings::set_roles(&mut tx, *scope, who, &["administrator".into()]).await.unwrap();
            }
        }
        tx.commit().await.unwrap();
        let Scope::Workspace(acme) = scopes[0] else { unreachable!() };
        let mut tx = db.store.begin(&somebody()).await.unwrap();
        bindings::remove_from_workspace(&mut tx, acme, leaver).await.unwrap();
        tx.commit().await.unwrap();
        let left: Vec<Scope> = db.store.bindings_of(leaver).await.unwrap().iter().map(|b| b.scope).collect();
        assert!(!left.contains(&scopes[0]) && !left.contains(&scopes[1]), "{left:?}");
        assert!(left.contains(&scopes[2]) && left.contains(&scopes[3]), "{left:?}");
        assert_eq!(db.store.bindings_of(keeper).await.unwrap().len(), 4);
    }
}

async fn appoint(store: &Store, scope: Scope, who: UserId) {
    let mut tx = store.begin(&somebody()).await.unwrap();
    bindings::set_roles(&mut tx, scope, who, &["administrator".into()]).await.unwrap();
    tx.commit().await.unwrap();
}
