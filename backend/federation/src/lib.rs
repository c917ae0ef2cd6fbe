//! What a federated object means, as functions without I/O.
//!
//! From a template, a placement, overrides and the observed fleet this crate derives what every cluster should
//! hold, why, and how the whole is doing. The engine, the preview in the console, `explain` and `hanse simulate`
//! all call the functions of [`plan`], so they cannot disagree. Nothing here knows a network, a database or a
//! clock: whoever calls hands in what was observed.

pub mod adapter;
pub mod dependencies;
pub mod diff;
mod fault;
mod field;
pub mod fleet;
pub mod health;
pub mod kinds;
pub mod object;
pub mod observed;
pub mod overrides;
pub mod owned;
pub mod placement;
pub mod plan;
pub mod prune;
pub mod quantity;
pub mod quota;
pub mod render;
pub mod replicas;
pub mod retention;
pub mod selector;
pub mod simulate;
pub mod status;
pub mod v1;
pub mod v2;
pub mod validate;
pub mod workload;

pub use fault::FieldError;
pub use fleet::ClusterView;
pub use object::{FederatedObject, FederatedSpec, Resource};
pub use plan::{Action, ClusterPlan, ObjectPlan, StatusWord};
