//! The only way to a member cluster.
//!
//! Everything that crosses to a member goes through here, so that there is one place that knows how a cluster is
//! reached, how much it can take, and what its answers mean. Nothing above knows whether the way is direct or a tunnel.
//!
//! * [`kubeconfig`] turns a kubeconfig's text into [`Access`], or says which field is wrong and what to do.
//! * [`probe`] climbs the ladder from that text to a cluster that can be taken in.
//! * [`Fleet`] holds one [`Member`] per cluster; a member applies, deletes, reads, watches, and reports its health,
//!   facts and kinds.
//! * [`reflector`] keeps a trimmed mirror of what a member holds, one watch per kind.

pub mod api;
pub mod apply;
pub mod connector;
pub mod discovery;
pub mod error;
pub mod facts;
pub mod fleet;
pub mod health;
pub mod identity;
pub mod kubeconfig;
pub mod limiter;
pub mod member;
pub mod probe;
pub mod quantity;
pub mod reflector;
pub mod resource;

pub use apply::{Applied, ApplyOptions, DeleteOptions, Deleted, Released, Target};
pub use connector::Connector;
pub use error::{MemberError, RetryClass};
pub use fleet::{Fleet, FleetOptions, MemberSpec};
pub use health::Health;
pub use kubeconfig::{Access, KubeconfigError};
pub use member::Member;
pub use reflector::{Reflector, ReflectorSpec};
pub use resource::{ObjectKey, ObjectMeta, ResourceType, TypeName};

/// Field manager of everything that Hanse applies.
pub const FIELD_MANAGER: &str = "hanse";

/// Label on every object that Hanse keeps in a member, and its value.
pub const MANAGED_LABEL: (&str, &str) = ("kubefed.io/managed", "true");

/// Selector of the objects that Hanse keeps.
pub const MANAGED_SELECTOR: &str = "kubefed.io/managed=true";
