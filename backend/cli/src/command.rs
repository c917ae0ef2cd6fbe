//! The commands, one file for each subject.

pub mod apply;
pub mod clusters;
pub mod kubeconfig;
pub mod login;
pub mod objects;
pub mod plan;
mod probe;
pub mod simulate;
pub mod status;
pub mod tenancy;
pub mod token;
