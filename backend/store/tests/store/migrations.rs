//! The tables can be made, taken back and made again.

use hanse_migrations::Migrator;
use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection};
use sea_orm_migration::MigratorTrait as _;

use crate::db::{Db, KEY_1, both, open};

async fn tables(db: &DatabaseConnection) -> Vec<String> {
    let sql = match db.get_database_backend() {
        sea_orm::DbBackend::Postgres => {
            "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
    };
    let rows =
        db.query_all_raw(sea_orm::Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

both! {
    async fn migrations_go_down_and_up_again(db: &Db) {
        let raw = Database::connect(db.url.as_str()).await.unwrap();
        let before = tables(&raw).await;
        assert!(before.len() > 20, "{before:?}");
        db.store.close().await;
        Migrator::down(&raw, None).await.unwrap();
        assert_eq!(tables(&raw).await, ["seaql_migrations"]);
        Migrator::up(&raw, None).await.unwrap();
        assert_eq!(tables(&raw).await, before);
    }

    async fn opening_again_finds_everything_in_place(db: &Db) {
        crate::db::user(&db.store, "ada", &["administrator"]).await;
        if !db.is_postgres() {
            return;
        }
        let again = open(&db.url, KEY_1).await.unwrap();
        assert!(again.user_row("ada").await.unwrap().is_some());
        assert_eq!(again.revision(), db.store.follow(0).next().await.unwrap().last().unwrap().revision);
    }
}

both! {
    async fn what_was_stored_before_is_there_after(db: &Db) {
        let raw = Database::connect(db.url.as_str()).await.unwrap();
        let postgres = db.is_postgres();
        db.store.close().await;
        Migrator::down(&raw, None).await.unwrap();
        // As of the release before objects could belong to the platform.
        Migrator::up(&raw, Some(3)).await.unwrap();
        let id = |number: u128| {
            let id = uuid::Uuid::from_u128(number);
            if postgres { format!("'{id}'") } else { format!("X'{}'", id.simple()) }
        };
        let at = "'2026-11-01 00:00:00+00:00'";
        let (workspace, project, object, owner) = (id(1), id(2), id(3), uuid::Uuid::from_u128(9));
        let view = format!(
            r#"{{"metadata": {{"finalizers": ["example.com/hold"], "ownerReferences": [{{"uid": "{owner}"}}]}}}}"#
        );
        for sql in [
            format!("INSERT INTO workspaces (id, name, version, created_at, updated_at) VALUES ({workspace}, 'w', 1, {at}, {at})"),
            format!(
                "INSERT INTO projects (id, workspace_id, name, version, created_at, updated_at) VALUES ({project}, \
                 {workspace}, 'p', 1, {at}, {at})"
            ),
            format!(
                "INSERT INTO federated_objects (id, project_id, type, api_version, kind, namespace, name, generation, \
                 version, spec, placed, created_by, updated_by, created_at, updated_at) VALUES ({object}, {project}, \
                 'configmaps', 'v1', 'ConfigMap', 'p', 'a', 2, 3, '{{}}', '[]', 'x', 'x', {at}, {at})"
            ),
            format!(
                "INSERT INTO federated_revisions (object_id, generation, spec, author, at) VALUES ({object}, 2, '{{}}', \
                 'x', {at})"
            ),
            format!(
                "INSERT INTO federated_status (object_id, phase, status, observed_at) VALUES ({object}, 'Ready', '{{}}', \
                 {at})"
            ),
            format!("INSERT INTO hub_views (object_id, root, generation, view) VALUES ({object}, 'kube', 2, '{view}')"),
        ] {
            raw.execute_unprepared(&sql).await.unwrap();
        }
        Migrator::up(&raw, None).await.unwrap();
        drop(raw);
        let store = open(&db.url, KEY_1).await.unwrap();
        let row = store.federated_by_ids(vec![uuid::Uuid::from_u128(3)]).await.unwrap().pop().unwrap();
        assert_eq!((row.project_id, row.generation, row.version), (Some(uuid::Uuid::from_u128(2)), 2, 3));
        assert_eq!(hanse_store::federated::held_by(&row), ["example.com/hold"]);
        assert_eq!(store.dependents(&[owner]).await.unwrap(), [row.id]);
        assert_eq!(store.federated_status(vec![row.id]).await.unwrap().len(), 1, "parts outlive the new table");
        let tables = Database::connect(db.url.as_str()).await.unwrap();
        let revisions = tables
            .query_all_raw(sea_orm::Statement::from_string(
                tables.get_database_backend(),
                "SELECT generation FROM federated_revisions",
            ))
            .await
            .unwrap();
        assert_eq!(revisions.len(), 1);
    }
}
