//! Join tokens and certificates of agents.

#![allow(elided_lifetimes_in_paths, reason = "the trait is declared with its lifetimes elided")]

use sea_orm_migration::{prelude::*, schema::*};

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

fn of_cluster(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "cluster_id")
        .to("clusters", "id")
        .on_delete(ForeignKeyAction::Cascade)
        .to_owned()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tokens = Table::create()
            .table("agent_tokens")
            .col(pk_uuid("id"))
            .col(uuid("cluster_id"))
            .col(string("secret_hash"))
            .col(string("created_by"))
            .col(timestamp_with_time_zone("created_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("used_at"))
            .foreign_key(&mut of_cluster("agent_tokens"))
            .take();
        let certificates = Table::create()
            .table("agent_certificates")
            .col(string("serial").primary_key())
            .col(uuid("cluster_id"))
            .col(timestamp_with_time_zone("issued_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("revoked_at"))
            .foreign_key(&mut of_cluster("agent_certificates"))
            .take();
        for table in [tokens, certificates] {
            manager.create_table(table).await?;
        }
        for table in ["agent_tokens", "agent_certificates"] {
            let index =
                Index::create().name(format!("ix_{table}_cluster_id")).table(table).col("cluster_id").take();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["agent_certificates", "agent_tokens"] {
            manager.drop_table(Table::drop().table(table).if_exists().to_owned()).await?;
        }
        Ok(())
    }
}
