//! What a Kubernetes API server promises its clients, as functions without I/O.
//!
//! Clients of the hub API are unmodified: kubectl, helm, kubefedctl, Argo. They rely not only on paths and fields but
//! on reasons of errors, on lists merged by key, on managed fields, on tokens that expire in a known way. All of that
//! is here, over plain JSON values; whoever serves it brings the store, the clock, the entropy and the wire. Every
//! rule that matters is replayed against a real kube-apiserver (`tests/it/tests/machinery.rs`), because the only
//! specification of most of it is what that server does.

pub mod convert;
pub mod discovery;
pub mod go;
pub mod json;
pub mod kinds;
pub mod list;
pub mod meta;
pub mod openapi2;
pub mod patch;
pub mod protobuf;
pub mod schema;
pub mod select;
pub mod ssa;
pub mod status;
pub mod strict;

pub use kinds::Descriptor;
pub use schema::Schema;
pub use status::Status;
