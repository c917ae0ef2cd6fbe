//! What can go wrong in the store, in words that the domain can act on.

use sea_orm::{DbErr, RuntimeErr, SqlErr};
use thiserror::Error;

/// Why an operation of the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A unique name or id is in use.
    #[error("the name is taken")]
    Taken,
    /// Somebody changed it since it was read.
    #[error("it was changed meanwhile (version {found}, not {expected})")]
    VersionMismatch {
        /// Version that the caller had.
        expected: i64,
        /// Version in force.
        found: i64,
    },
    /// The state of things does not allow it; the sentence says why.
    #[error("{0}")]
    Conflict(String),
    /// It would leave nobody to administer.
    #[error(
        "the last administrator of {0} can be neither removed nor demoted: give somebody else the role first"
    )]
    LastAdministrator(&'static str),
    /// The place in the change feed is no longer kept.
    #[error("changes since revision {0} are no longer kept: list again")]
    Gone(i64),
    /// A sealed value cannot be opened.
    #[error(transparent)]
    Seal(#[from] crate::seal::SealError),
    /// Another process uses the same SQLite file.
    #[error(
        "{path} is in use by another Hanse process{holder}: stop that one, or give this one a data folder of its own"
    )]
    InUse {
        /// The database file.
        path: String,
        /// ` (pid 4711)`, where known.
        holder: String,
    },
    /// Something stored does not have the shape that it must have.
    #[error("stored {what} cannot be read: {reason}")]
    Corrupt {
        /// What it is.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The database is away or too busy; trying again may help.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The database refused; a fault of ours.
    #[error("the database refused: {0}")]
    Database(#[source] DbErr),
    /// A file of the data folder cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
}

impl StoreError {
    #[allow(clippy::needless_pass_by_value, reason = "callers hand over errors that they no longer need")]
    pub(crate) fn corrupt(what: &'static str, reason: impl ToString) -> Self {
        Self::Corrupt { what, reason: reason.to_string() }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => return Self::Taken,
            // Every reference was looked up before; it can only have gone, or have come into use, since then.
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                return Self::Conflict(
                    "something that it refers to, or that refers to it, changed meanwhile: look again"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let away = match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner)) => {
                use sqlx::Error as E;
                match &**inner {
                    E::Io(_)
                    | E::PoolTimedOut
                    | E::PoolClosed
                    | E::WorkerCrashed
                    | E::Tls(_)
                    | E::Protocol(_) => true,
                    E::Database(database) => {
                        // 57P01–57P03: the server goes away or starts; 40001, 40P01: try again; 5, 6: SQLite is busy.
                        matches!(
                            database.code().as_deref(),
                            Some("57P01" | "57P02" | "57P03" | "40001" | "40P01" | "5" | "6" | "517" | "261")
                        )
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        if away { Self::Unavailable(error.to_string()) } else { Self::Database(error) }
    }
}
