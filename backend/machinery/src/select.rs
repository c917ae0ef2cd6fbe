//! Selectors: by labels, as text in a query or as a structure in an object, and by fields.

mod fields;
mod labels;

pub use fields::FieldSelector;
pub use labels::{Operator, Requirement, Selector};
