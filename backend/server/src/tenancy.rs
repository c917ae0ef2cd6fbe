//! Workspaces, projects and who belongs to them.

pub(crate) mod follow;
pub mod member;
pub mod project;
pub mod workspace;
