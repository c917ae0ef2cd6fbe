//! What every refusal looks like on the wire: a stable code, a sentence, the fields at fault, the request's id.

use crate::macros::{answer, words};

words! {
    /// Stable error codes; a client may match on them.
    pub enum ErrorCode {
        /// The request cannot be understood (400).
        BadRequest = "bad_request",
        /// No or unusable credentials (401).
        Unauthenticated = "unauthenticated",
        /// The caller may know the thing but not do this (403).
        Forbidden = "forbidden",
        /// It does not exist, or the caller may not know that it does (404).
        NotFound = "not_found",
        /// The path is there, but not for this method (405); `Allow` lists those it is for.
        MethodNotAllowed = "method_not_allowed",
        /// The name is taken (409).
        AlreadyExists = "already_exists",
        /// The state of things does not allow it (409).
        Conflict = "conflict",
        /// `If-Match` names an older version (412).
        PreconditionFailed = "precondition_failed",
        /// The body is larger than allowed (413).
        TooLarge = "too_large",
        /// Understood, but fields are wrong; `fields` lists them (422).
        Invalid = "invalid",
        /// A step of the probe ladder failed; `probe` has the report (422).
        ProbeFailed = "probe_failed",
        /// Too many attempts (429); `Retry-After` says when to come back.
        TooManyRequests = "too_many_requests",
        /// A fault of the platform (500).
        Internal = "internal",
        /// The database or a needed part is away (503); `Retry-After` is set.
        Unavailable = "unavailable",
        /// A deadline passed (504).
        Timeout = "timeout",
    }
}

answer! {
    /// One field at fault.
    pub struct FieldError {
        /// Path of the field in the body, such as `spec.overrides[0].patches[1].path`.
        pub field: String,
        /// What is wrong and what would be right.
        pub message: String,
    }

    /// The error itself.
    pub struct ErrorBody {
        /// Stable code.
        pub code: ErrorCode,
        /// A sentence: what happened, to what, what to do.
        pub message: String,
        /// Fields at fault, when there are any.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub fields: Vec<FieldError>,
        /// The ladder's report when a cluster's import stopped at a step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub probe: Option<crate::probe::ProbeReport>,
        /// The request's id, as in the answer's `X-Request-Id` and in the log.
        pub request_id: String,
    }

    /// The body of every answer with a status of 400 and above.
    pub struct ApiError {
        /// The error itself.
        pub error: ErrorBody,
    }
}
