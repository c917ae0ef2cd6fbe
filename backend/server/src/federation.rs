//! Federated objects: accepting what people want, and making it so in every cluster.

pub mod accept;
pub mod decide;
pub mod engine;
pub mod index;
pub mod member;
pub mod model;
pub mod place;
pub mod preview;
pub mod queue;
pub mod read;
mod records;
mod status;
mod types;
mod worker;
