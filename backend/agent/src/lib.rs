//! `hanse-agent`: brings a cluster that cannot be dialled to Hanse.
//!
//! It dials out, serves the hub's requests, and forwards them to one place, its own apiserver, with its own credential,
//! which never leaves the cluster. The cluster's owner has the last word by a policy file.

pub mod gate;
pub mod join;
pub mod member;
pub mod policy;
pub mod run;
pub mod state;
