//! The words of the platform: validated names, typed ids and the bodies that travel over the REST API.
//!
//! Every other crate depends on this one and it depends on nothing of ours, so a body means the same in the
//! server, in the command line and in tests. Parsing happens here, at the boundary; what has been parsed is
//! trusted further in. Schemas for the OpenAPI document are derived behind the feature `openapi`.

mod macros;

pub mod access;
pub mod agent;
pub mod cluster;
pub mod error;
pub mod federated;
pub mod id;
pub mod identity;
pub mod kubeconfig;
pub mod list;
pub mod live;
pub mod name;
pub mod patch;
pub mod probe;
pub mod tenancy;

pub use error::{ApiError, ErrorBody, FieldError};
pub use id::{BindingId, ClusterId, FederatedId, ProjectId, SessionId, TokenId, UserId, WorkspaceId};
pub use list::{List, ListParams};
pub use name::{ClusterName, Name, NameError, ProjectName, UserName, WorkspaceName};
