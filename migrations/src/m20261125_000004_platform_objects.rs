//! Federated objects that belong to the platform and to no project, what holds a record of the hub or takes it along
//! (finalizers and owners), and labels of projects that travel with their namespaces.

#![allow(elided_lifetimes_in_paths, reason = "the trait is declared with its lifetimes elided")]

use sea_orm_migration::{
    prelude::*,
    schema::*,
    sea_orm::{DbBackend, Statement, TryGetable as _},
};
use serde_json::Value;

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// Tables that refer to federated objects, with their columns.
const PARTS: [(&str, &str); 2] = [
    ("federated_revisions", "object_id, generation, spec, sealed, key_id, author, at"),
    ("federated_status", "object_id, phase, status, observed_at"),
];
/// Columns of federated objects as they were.
const COLUMNS: &str = "id, project_id, type, api_version, kind, namespace, name, generation, version, spec, sealed, \
                       key_id, placed, created_by, updated_by, created_at, updated_at, deleted_at";

fn objects(name: &'static str) -> TableCreateStatement {
    Table::create()
        .table(name)
        .col(pk_uuid("id"))
        // None for what belongs to the platform.
        .col(uuid_null("project_id"))
        .col(string("type"))
        .col(string("api_version"))
        .col(string("kind"))
        .col(string("namespace"))
        .col(string("name"))
        .col(big_integer("generation"))
        .col(big_integer("version"))
        .col(json_binary("spec"))
        .col(blob_null("sealed"))
        .col(string_null("key_id"))
        .col(json_binary("placed"))
        .col(string("created_by"))
        .col(string("updated_by"))
        .col(timestamp_with_time_zone("created_at"))
        .col(timestamp_with_time_zone("updated_at"))
        .col(timestamp_with_time_zone_null("deleted_at"))
        // Finalizers and owners by root of the hub; none when there are none.
        .col(json_binary_null("kept"))
        .foreign_key(
            ForeignKey::create()
                .from(name, "project_id")
                .to("projects", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .take()
}

/// SQLite cannot change a column: the table is made anew, and what refers to it waits in copies meanwhile, because
/// dropping a table deletes what refers to its rows. All of it is one transaction.
async fn rebuild(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    for (table, columns) in PARTS {
        let copy = format!("CREATE TABLE {table}_kept AS SELECT {columns} FROM {table}; DELETE FROM {table}");
        db.execute_unprepared(&copy).await?;
    }
    manager.create_table(objects("federated_objects_next")).await?;
    db.execute_unprepared(&format!(
        "INSERT INTO federated_objects_next ({COLUMNS}) SELECT {COLUMNS} FROM federated_objects; \
         DROP TABLE federated_objects; ALTER TABLE federated_objects_next RENAME TO federated_objects"
    ))
    .await?;
    for (table, columns) in PARTS {
        let back = format!(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}_kept; DROP TABLE {table}_kept"
        );
        db.execute_unprepared(&back).await?;
    }
    let names = Index::create()
        .name("uq_federated_objects_type_namespace_name")
        .table("federated_objects")
        .col("type")
        .col("namespace")
        .col("name")
        .unique()
        .to_owned();
    manager.create_index(names).await?;
    let of_project = Index::create()
        .name("ix_federated_objects_project_id_name")
        .table("federated_objects")
        .col("project_id")
        .col("name")
        .to_owned();
    manager.create_index(of_project).await
}

fn metadata<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    object.pointer(&format!("/metadata/{field}")).and_then(Value::as_array).into_iter().flatten()
}

fn owners(object: &Value) -> Vec<String> {
    let uids = metadata(object, "ownerReferences").filter_map(|owner| owner.get("uid")?.as_str());
    // Only what is a uid, since it becomes part of a statement.
    let is_uid = |uid: &&str| uid.len() == 36 && uid.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    uids.filter(is_uid).map(str::to_lowercase).collect()
}

/// What is kept in the open says by whom it is held and owned; what is sealed says so at its next write.
async fn note_what_is_kept(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let db = manager.get_connection();
    let backend = db.get_database_backend();
    let rows = async |sql: &str| db.query_all_raw(Statement::from_string(backend, sql.to_owned())).await;
    let insert = async |id: uuid::Uuid, root: &str, owner: &str| {
        let Ok(owner) = uuid::Uuid::parse_str(owner) else { return Ok(()) };
        let row = Query::insert()
            .into_table("hub_owners")
            .columns(["dependent_id", "root", "owner_id"])
            .values_panic([id.into(), root.into(), owner.into()])
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .to_owned();
        db.execute(&row).await.map(drop)
    };
    for row in rows("SELECT id, root, object FROM hub_objects WHERE object LIKE '%ownerReferences%'").await? {
        let (id, root) = (uuid::Uuid::try_get(&row, "", "id")?, String::try_get(&row, "", "root")?);
        let object = serde_json::from_str(&String::try_get(&row, "", "object")?).unwrap_or_default();
        for owner in owners(&object) {
            insert(id, &root, &owner).await?;
        }
    }
    let views = "SELECT object_id, root, view FROM hub_views WHERE view LIKE '%ownerReferences%' OR view LIKE \
                 '%finalizers%' ORDER BY object_id";
    let mut kept: std::collections::BTreeMap<uuid::Uuid, serde_json::Map<String, Value>> =
        std::collections::BTreeMap::new();
    for row in rows(views).await? {
        let (id, root) = (uuid::Uuid::try_get(&row, "", "object_id")?, String::try_get(&row, "", "root")?);
        let view = serde_json::from_str(&String::try_get(&row, "", "view")?).unwrap_or_default();
        let finalizers: Vec<Value> = metadata(&view, "finalizers").cloned().collect();
        let owners = owners(&view);
        for owner in &owners {
            insert(id, &root, owner).await?;
        }
        if !finalizers.is_empty() || !owners.is_empty() {
            let part = serde_json::json!({"finalizers": finalizers, "owners": owners});
            kept.entry(id).or_default().insert(root, part);
        }
    }
    for (id, kept) in kept {
        let update = Query::update()
            .table("federated_objects")
            .value("kept", Value::Object(kept))
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        db.execute(&update).await?;
    }
    Ok(())
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if db.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared(
                "ALTER TABLE federated_objects ALTER COLUMN project_id DROP NOT NULL, ADD COLUMN kept jsonb",
            )
            .await?;
        } else {
            rebuild(manager).await?;
        }
        let owners = Table::create()
            .table("hub_owners")
            .col(uuid("dependent_id"))
            .col(string("root"))
            .col(uuid("owner_id"))
            .primary_key(Index::create().col("dependent_id").col("root").col("owner_id"))
            .take();
        manager.create_table(owners).await?;
        let by_owner =
            Index::create().name("ix_hub_owners_owner_id").table("hub_owners").col("owner_id").to_owned();
        manager.create_index(by_owner).await?;
        for column in ["labels", "annotations"] {
            let add = Table::alter().table("projects").add_column(json_binary_null(column)).to_owned();
            manager.alter_table(add).await?;
        }
        note_what_is_kept(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        // Without a project there was no place for them.
        db.execute_unprepared("DELETE FROM federated_objects WHERE project_id IS NULL").await?;
        for (table, column) in
            [("federated_objects", "kept"), ("projects", "labels"), ("projects", "annotations")]
        {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        if db.get_database_backend() == DbBackend::Postgres {
            db.execute_unprepared("ALTER TABLE federated_objects ALTER COLUMN project_id SET NOT NULL")
                .await?;
        }
        manager.drop_table(Table::drop().table("hub_owners").to_owned()).await
    }
}
