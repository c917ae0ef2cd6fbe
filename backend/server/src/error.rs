//! The one error at the boundary. Lower crates have small errors of their own; here they get a stable code, a
//! sentence, and a decision what the caller may know. Internals are logged once, with their chain, and never leave
//! the process.

use hanse_authz::Denied;
use hanse_store::{StoreError, page::PageError};
use hanse_types::{FieldError, error::ErrorCode, probe::ProbeReport};

/// A refused or failed operation.
#[derive(Debug)]
pub struct Error {
    /// Stable code; decides the HTTP status.
    pub code: ErrorCode,
    /// A sentence: what happened, to what, what to do.
    pub message: String,
    /// Fields at fault.
    pub fields: Vec<FieldError>,
    /// The ladder's report when an import stopped at a step.
    pub probe: Option<Box<ProbeReport>>,
    /// Seconds after which to try again.
    pub retry_after: Option<u64>,
    /// What caused it, for the log only.
    pub source: Option<anyhow::Error>,
    /// Whether a missing permission is the reason, said or hidden: such attempts are written down.
    pub refused: bool,
}

/// Result of domain functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fields: Vec::new(),
            probe: None,
            retry_after: None,
            source: None,
            refused: false,
        }
    }

    /// A request that cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadRequest, message)
    }

    /// Something that does not exist, or that the caller may not know of.
    #[must_use]
    pub fn not_found(what: &str, name: &str) -> Self {
        Self::new(ErrorCode::NotFound, format!("{what} {name:?} does not exist"))
    }

    /// The caller lacks a permission.
    #[must_use]
    pub fn forbidden(permission: &str) -> Self {
        let what = hanse_authz::definition(permission).map_or("", |definition| definition.description);
        let message = format!(
            "this needs the permission {permission} ({what}): ask an administrator for a role that has it"
        );
        Self { refused: true, ..Self::new(ErrorCode::Forbidden, message) }
    }

    /// The state of things does not allow it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Conflict, message)
    }

    /// The name is taken.
    #[must_use]
    pub fn already_exists(what: &str, name: &str) -> Self {
        Self::new(ErrorCode::AlreadyExists, format!("{what} {name:?} exists already: choose another name"))
    }

    /// No or unusable credentials.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated, "sign in first, or send a valid token")
    }

    /// One field is wrong.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Several fields are wrong. The sentence repeats the first, so that it stands alone.
    #[must_use]
    pub fn fields(fields: Vec<FieldError>) -> Self {
        let message = fields.first().map_or_else(
            || "the request is not valid".to_owned(),
            |first| match fields.len() {
                1 => format!("{}: {}", first.field, first.message),
                n => format!("{}: {} (and {} more)", first.field, first.message, n - 1),
            },
        );
        Self { fields, ..Self::new(ErrorCode::Invalid, message) }
    }

    /// A fault of the platform; the cause is logged, the caller gets the request id.
    pub fn internal(source: impl Into<anyhow::Error>) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(
                ErrorCode::Internal,
                "something went wrong on our side; the log has it under this request id",
            )
        }
    }

    /// A needed part is away for now.
    pub fn unavailable(message: impl Into<String>, source: impl Into<anyhow::Error>) -> Self {
        Self {
            source: Some(source.into()),
            retry_after: Some(2),
            ..Self::new(ErrorCode::Unavailable, message)
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| -> &(dyn std::error::Error + 'static) { source.as_ref() })
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken => Self::new(ErrorCode::AlreadyExists, "the name is taken: choose another"),
            StoreError::VersionMismatch { expected, found } => Self::conflict(format!(
                "it was changed meanwhile (version {found}, not {expected}): read it again and repeat the change"
            )),
            StoreError::Conflict(message) => Self::conflict(message),
            error @ StoreError::LastAdministrator(_) => Self::conflict(error.to_string()),
            error @ StoreError::Gone(_) => Self::conflict(error.to_string()),
            error @ StoreError::Unavailable(_) => Self::unavailable(
                "the database is not available, nothing was changed: try again in a moment",
                error,
            ),
            error => Self::internal(error),
        }
    }
}

/// Names the kind and name of what is taken.
pub(crate) fn taken(what: &'static str, name: &str) -> impl FnOnce(StoreError) -> Error {
    move |error| match error {
        StoreError::Taken => Error::already_exists(what, name),
        error => error.into(),
    }
}

/// Turns a refusal into an error that says what was refused, or that the thing does not exist.
pub(crate) fn denied(what: &'static str, name: &str) -> impl FnOnce(Denied) -> Error {
    move |denied| match denied {
        Denied::NotFound => Error { refused: true, ..Error::not_found(what, name) },
        Denied::Forbidden(permission) => Error::forbidden(permission),
    }
}

impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        Self::invalid(error.parameter, error.message)
    }
}

impl From<crate::clock::RandomError> for Error {
    fn from(error: crate::clock::RandomError) -> Self {
        Self::internal(error)
    }
}

impl From<crate::identity::password::HashError> for Error {
    fn from(error: crate::identity::password::HashError) -> Self {
        Self::internal(error)
    }
}
