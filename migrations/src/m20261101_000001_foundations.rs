//! Users, tenancy, clusters, federated objects, and the change feed and audit trail that every mutation writes to.

#![allow(elided_lifetimes_in_paths, reason = "the trait is declared with its lifetimes elided")]

use sea_orm_migration::{prelude::*, schema::*};

/// The first migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

/// Tables in the order of their making; dropped the other way round.
const TABLES: &[&str] = &[
    "meta",
    "change",
    "audit",
    "users",
    "sessions",
    "access_tokens",
    "roles",
    "role_bindings",
    "workspaces",
    "clusters",
    "cluster_status",
    "workspace_clusters",
    "projects",
    "project_clusters",
    "secrets",
    "federated_types",
    "federated_objects",
    "federated_revisions",
    "federated_status",
    "removals",
    "idempotency",
];

fn table(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).take()
}

fn at(name: &'static str) -> ColumnDef {
    timestamp_with_time_zone(name)
}

fn at_null(name: &'static str) -> ColumnDef {
    timestamp_with_time_zone_null(name)
}

fn cascade(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").on_delete(ForeignKeyAction::Cascade).to_owned()
}

fn restrict(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").on_delete(ForeignKeyAction::Restrict).to_owned()
}

fn index(table: &'static str, columns: &[&'static str], unique: bool) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(format!("{}_{}_{}", if unique { "uq" } else { "ix" }, table, columns.join("_"))).table(table);
    for column in columns {
        index.col(*column);
    }
    if unique {
        index.unique();
    }
    index
}

fn feed_and_audit() -> Vec<TableCreateStatement> {
    vec![
        table("meta").col(string("key").primary_key()).col(text("value")).take(),
        table("change")
            .col(big_pk_auto("revision"))
            .col(string("kind"))
            .col(uuid("object_id"))
            .col(uuid_null("workspace_id"))
            .col(uuid_null("project_id"))
            .col(uuid_null("cluster_id"))
            .col(string("name"))
            .col(string("op"))
            .col(at("at"))
            .take(),
        table("audit")
            .col(big_pk_auto("id"))
            .col(at("at"))
            .col(uuid_null("actor_id"))
            .col(string("actor"))
            .col(uuid_null("token_id"))
            .col(string_null("address"))
            .col(string("verb"))
            .col(string("kind"))
            .col(string("name"))
            .col(string_null("workspace"))
            .col(string_null("project"))
            .col(string_null("cluster"))
            .col(text_null("before"))
            .col(text_null("after"))
            .col(string("result"))
            .col(string("request_id"))
            .col(big_integer("duration_ms"))
            .col(string("prev_hash"))
            .col(string("hash"))
            .take(),
        table("idempotency")
            .col(uuid("user_id"))
            .col(string("key"))
            .col(string("request"))
            .col(string("body_hash"))
            .col(integer_null("status"))
            .col(text_null("headers"))
            .col(text_null("body"))
            .col(at("created_at"))
            .primary_key(Index::create().col("user_id").col("key"))
            .take(),
    ]
}

fn people() -> Vec<TableCreateStatement> {
    vec![
        table("users")
            .col(pk_uuid("id"))
            .col(string_uniq("name"))
            .col(string_null("display_name"))
            .col(string_null("email"))
            .col(string_null("language"))
            .col(string_null("password_hash"))
            .col(string("state"))
            .col(at_null("last_sign_in_at"))
            .col(big_integer("version"))
            .col(at("created_at"))
            .col(at("updated_at"))
            .take(),
        table("sessions")
            .col(pk_uuid("id"))
            .col(uuid("user_id"))
            .col(string_uniq("token_hash"))
            .col(string_null("address"))
            .col(string_null("user_agent"))
            .col(at("created_at"))
            .col(at("expires_at"))
            .foreign_key(&mut cascade("sessions", "user_id", "users"))
            .take(),
        table("access_tokens")
            .col(pk_uuid("id"))
            .col(uuid("user_id"))
            .col(string("name"))
            .col(string_uniq("token_hash"))
            .col(json_binary_null("permissions"))
            .col(at("created_at"))
            .col(at("expires_at"))
            .col(at_null("last_used_at"))
            .foreign_key(&mut cascade("access_tokens", "user_id", "users"))
            .take(),
        table("roles")
            .col(pk_uuid("id"))
            .col(string("scope"))
            .col(uuid_null("owner_id"))
            .col(string("name"))
            .col(string_null("description"))
            .col(json_binary("permissions"))
            .col(big_integer("version"))
            .col(at("created_at"))
            .take(),
        table("role_bindings")
            .col(pk_uuid("id"))
            .col(string("scope"))
            // The nil uuid stands for the platform, so that the unique index holds there, too.
            .col(uuid("scope_id"))
            .col(string("subject_kind"))
            .col(uuid("subject_id"))
            .col(string("role"))
            .col(at("created_at"))
            .take(),
    ]
}

fn tenancy() -> Vec<TableCreateStatement> {
    vec![
        table("workspaces")
            .col(pk_uuid("id"))
            .col(string_uniq("name"))
            .col(string_null("display_name"))
            .col(text_null("description"))
            .col(big_integer("version"))
            .col(at("created_at"))
            .col(at("updated_at"))
            .take(),
        table("clusters")
            .col(pk_uuid("id"))
            .col(string_uniq("name"))
            .col(string_null("display_name"))
            .col(json_binary("labels"))
            .col(string("connection"))
            .col(string("endpoint"))
            .col(boolean("insecure"))
            .col(string_uniq("system_uid"))
            .col(json_binary_null("credential"))
            .col(big_integer("version"))
            .col(at("created_at"))
            .col(at("updated_at"))
            .take(),
        table("cluster_status")
            .col(pk_uuid("cluster_id"))
            .col(json_binary("status"))
            .col(at("observed_at"))
            .foreign_key(&mut cascade("cluster_status", "cluster_id", "clusters"))
            .take(),
        table("workspace_clusters")
            .col(uuid("workspace_id"))
            .col(uuid("cluster_id"))
            .primary_key(Index::create().col("workspace_id").col("cluster_id"))
            .foreign_key(&mut cascade("workspace_clusters", "workspace_id", "workspaces"))
            .foreign_key(&mut cascade("workspace_clusters", "cluster_id", "clusters"))
            .take(),
        table("projects")
            .col(pk_uuid("id"))
            .col(uuid("workspace_id"))
            .col(string_uniq("name"))
            .col(string_null("display_name"))
            .col(text_null("description"))
            .col(big_integer("version"))
            .col(at("created_at"))
            .col(at("updated_at"))
            .col(at_null("deleted_at"))
            .foreign_key(&mut restrict("projects", "workspace_id", "workspaces"))
            .take(),
        table("project_clusters")
            .col(uuid("project_id"))
            .col(uuid("cluster_id"))
            .primary_key(Index::create().col("project_id").col("cluster_id"))
            .foreign_key(&mut cascade("project_clusters", "project_id", "projects"))
            .foreign_key(&mut cascade("project_clusters", "cluster_id", "clusters"))
            .take(),
        table("secrets")
            .col(string("owner_kind"))
            .col(uuid("owner_id"))
            .col(string("purpose"))
            .col(string("key_id"))
            .col(blob("sealed"))
            .primary_key(Index::create().col("owner_kind").col("owner_id").col("purpose"))
            .take(),
    ]
}

fn federation() -> Vec<TableCreateStatement> {
    vec![
        table("federated_types")
            .col(string("type").primary_key())
            .col(string("group"))
            .col(string("version"))
            .col(string("kind"))
            .col(string("plural"))
            .col(boolean("namespaced"))
            .col(boolean("built_in"))
            .col(boolean("enabled"))
            .take(),
        table("federated_objects")
            .col(pk_uuid("id"))
            .col(uuid("project_id"))
            .col(string("type"))
            .col(string("api_version"))
            .col(string("kind"))
            // Empty for cluster-scoped kinds, so that the unique index holds for them, too.
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
            .col(at("created_at"))
            .col(at("updated_at"))
            .col(at_null("deleted_at"))
            .foreign_key(&mut restrict("federated_objects", "project_id", "projects"))
            .take(),
        table("federated_revisions")
            .col(uuid("object_id"))
            .col(big_integer("generation"))
            .col(json_binary("spec"))
            .col(blob_null("sealed"))
            .col(string_null("key_id"))
            .col(string("author"))
            .col(at("at"))
            .primary_key(Index::create().col("object_id").col("generation"))
            .foreign_key(&mut cascade("federated_revisions", "object_id", "federated_objects"))
            .take(),
        table("federated_status")
            .col(pk_uuid("object_id"))
            .col(string("phase"))
            .col(json_binary("status"))
            .col(at("observed_at"))
            .foreign_key(&mut cascade("federated_status", "object_id", "federated_objects"))
            .take(),
        table("removals")
            .col(pk_uuid("id"))
            .col(uuid("cluster_id"))
            .col(uuid_null("object_id"))
            .col(string("type"))
            .col(string("api_version"))
            .col(string("namespace"))
            .col(string("name"))
            .col(string("mode"))
            .col(json_binary_null("options"))
            .col(string("reason"))
            .col(string("requested_by"))
            .col(at("at"))
            .foreign_key(&mut cascade("removals", "cluster_id", "clusters"))
            .take(),
    ]
}

fn indices() -> Vec<IndexCreateStatement> {
    vec![
        index("access_tokens", &["user_id", "name"], true),
        index("sessions", &["user_id"], false),
        index("sessions", &["expires_at"], false),
        index("roles", &["scope", "owner_id", "name"], true),
        index("role_bindings", &["scope", "scope_id", "subject_kind", "subject_id", "role"], true),
        index("role_bindings", &["subject_kind", "subject_id"], false),
        index("projects", &["workspace_id"], false),
        index("workspace_clusters", &["cluster_id"], false),
        index("project_clusters", &["cluster_id"], false),
        index("federated_objects", &["type", "namespace", "name"], true),
        index("federated_objects", &["project_id", "name"], false),
        index("removals", &["cluster_id", "type", "namespace", "name"], true),
        index("removals", &["object_id"], false),
        index("audit", &["at"], false),
        index("idempotency", &["created_at"], false),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for group in [feed_and_audit(), people(), tenancy(), federation()] {
            for table in group {
                manager.create_table(table).await?;
            }
        }
        for index in indices() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager.drop_table(Table::drop().table(*table).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
