//! The Kubernetes-style API at the hub: objects that are kept there, and what each of its roots adds to a record.

#![allow(elided_lifetimes_in_paths, reason = "the trait is declared with its lifetimes elided")]

use sea_orm_migration::{prelude::*, schema::*};

/// Tables of the hub.
#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("hub_objects")
                    .col(pk_uuid("id"))
                    .col(string("root"))
                    .col(string("type"))
                    // Empty for cluster-scoped kinds, so that the unique index holds for them, too.
                    .col(string("namespace"))
                    .col(string("name"))
                    .col(big_integer("version"))
                    .col(text("object"))
                    .col(blob_null("sealed"))
                    .col(string_null("key_id"))
                    .take(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("hub_views")
                    .col(uuid("object_id"))
                    .col(string("root"))
                    .col(big_integer("generation"))
                    .col(text("view"))
                    .col(blob_null("sealed"))
                    .col(string_null("key_id"))
                    .primary_key(Index::create().col("object_id").col("root"))
                    .take(),
            )
            .await?;
        let names = Index::create()
            .name("uq_hub_objects_root_type_namespace_name")
            .table("hub_objects")
            .col("root")
            .col("type")
            .col("namespace")
            .col("name")
            .unique()
            .to_owned();
        manager.create_index(names).await?;
        // The version of an object is its last change.
        let changes = Index::create()
            .name("ix_change_object_id_revision")
            .table("change")
            .col("object_id")
            .col("revision")
            .to_owned();
        manager.create_index(changes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_index(Index::drop().name("ix_change_object_id_revision").table("change").to_owned())
            .await?;
        manager.drop_table(Table::drop().table("hub_views").to_owned()).await?;
        manager.drop_table(Table::drop().table("hub_objects").to_owned()).await
    }
}
