//! A port of its own for a cluster, and whether an agent's cluster is to be taken over from another Hanse when it comes.

#![allow(elided_lifetimes_in_paths, reason = "the trait is declared with its lifetimes elided")]

use sea_orm_migration::prelude::*;

/// The migration.
#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEX: &str = "ux_clusters_fixed_port";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut port = ColumnDef::new("fixed_port");
        let mut take_over = ColumnDef::new("take_over");
        // One at a time: SQLite adds no two columns in one statement.
        for column in [port.integer().null(), take_over.boolean().not_null().default(false)] {
            manager.alter_table(Table::alter().table("clusters").add_column(column).to_owned()).await?;
        }
        // Where there is none there may be many: both databases let NULL be there more than once.
        let index = Index::create().name(INDEX).table("clusters").col("fixed_port").unique().to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table("clusters").to_owned()).await?;
        for column in ["take_over", "fixed_port"] {
            manager.alter_table(Table::alter().table("clusters").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
