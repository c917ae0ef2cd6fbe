//! Replays recorded facts of other systems (`tests/cases`) through the functions that `hanse simulate` runs.
//!
//! Every case is either replayed, or listed by id with the reason why our answer is another one; the counts are
//! asserted, so that none can be skipped silently.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod replay {
    pub mod further;
    pub mod kubefed;
    pub mod placement;
    pub mod planner;
    pub mod quota;
    pub mod status;
    pub mod support;
}
