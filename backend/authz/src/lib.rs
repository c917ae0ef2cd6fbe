//! Who may do what: permissions and roles as data, the decision, and handles.
//!
//! A decision needs only the caller's bindings and where the thing is, so there is neither SQL nor HTTP here. What a
//! lookup finds is [`Located`] and good for nothing until [`authorize`] has turned it into a [`Handle`], which cannot be
//! made any other way: a mutation that takes a handle cannot be reached without a decision.

mod actor;
mod catalogue;
mod decision;
mod handle;
pub mod kubernetes;
mod role;

pub use actor::{Actor, Binding, Credential, Scope};
pub use catalogue::{CATALOGUE, PermissionDef, definition};
pub use decision::{DecisionError, Decisions};
pub use handle::{Denied, Handle, Located, Platform, Scoped, authorize, authorize_platform};
pub use role::{BUILT_IN, RoleDef, built_in};
