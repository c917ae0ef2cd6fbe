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
