//! The tables, made by the same code on SQLite and PostgreSQL.
//!
//! A migration that has been released is never changed; what comes later is a new file.

use sea_orm_migration::prelude::*;

mod m20261101_000001_foundations;
mod m20261124_000001_hub;
mod m20261124_000002_agents;
mod m20261125_000003_ways_in;
mod m20261125_000004_platform_objects;

/// Brings a database to the present state.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261101_000001_foundations::Migration),
            Box::new(m20261124_000001_hub::Migration),
            Box::new(m20261124_000002_agents::Migration),
            Box::new(m20261125_000003_ways_in::Migration),
            Box::new(m20261125_000004_platform_objects::Migration),
        ]
    }
}
