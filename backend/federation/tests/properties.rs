//! What holds for every input: replica division, placement, overrides, ownership, and plans as a whole.
#![recursion_limit = "256"]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod properties {
    pub mod native;
    pub mod owned;
    pub mod placement;
    pub mod plan;
    pub mod quantity;
    pub mod replicas;
    pub mod scenario;
}
