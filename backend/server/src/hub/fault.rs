//! What can go wrong on the way to an answer: in the words of the platform, or in those of an apiserver.

use hanse_machinery::Status;
use hanse_store::StoreError;

use crate::error::Error;

/// What can go wrong on the way to an answer.
#[derive(Debug)]
pub enum Fault {
    /// In the words of the platform.
    Error(Error),
    /// In the words of an apiserver.
    Status(Box<Status>),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}
