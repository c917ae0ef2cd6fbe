//! What a member's refusal means. A status code alone does not say whether to wait, to read again, or to tell the
//! owner; the variants here do, and [`MemberError::retry_class`] turns each into what a work queue needs to know.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;
use thiserror::Error;

use crate::connector::TransportError;

/// One field or owner that a refusal names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Reason in one word, such as `FieldValueInvalid` or `FieldManagerConflict`.
    pub reason: String,
    /// Path of the field, such as `spec.replicas`; empty when none is named.
    pub field: String,
    /// The member's sentence.
    pub message: String,
}

/// Why a request to a member did not do what was asked.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum MemberError {
    /// Another manager owns a field (server-side apply), or the object changed since it was read.
    #[error("{message}")]
    Conflict {
        /// The member's sentence.
        message: String,
        /// Fields in dispute, with their owners in the messages; empty for a stale version.
        causes: Vec<Cause>,
    },
    /// The name is taken.
    #[error("{0}")]
    AlreadyExists(String),
    /// There is no such object.
    #[error("{0}")]
    NotFound(String),
    /// The member does not serve this kind in this version.
    #[error("the cluster does not serve this kind: {0}")]
    KindMissing(String),
    /// The namespace does not exist.
    #[error("namespace {namespace:?} does not exist")]
    NamespaceMissing {
        /// Its name.
        namespace: String,
    },
    /// The namespace is being deleted and takes nothing new.
    #[error("namespace {namespace:?} is being deleted")]
    NamespaceTerminating {
        /// Its name.
        namespace: String,
    },
    /// The credential may not do this, or an admission rule or quota of the member refuses it.
    #[error("{0}")]
    Forbidden(String),
    /// The credential is not accepted.
    #[error("the cluster does not accept the credential: {0}")]
    Unauthorized(String),
    /// The object breaks the kind's schema or rules.
    #[error("{message}")]
    Invalid {
        /// The member's sentence.
        message: String,
        /// The fields it names.
        causes: Vec<Cause>,
    },
    /// The request itself makes no sense to the member.
    #[error("{0}")]
    BadRequest(String),
    /// The request is larger than the member takes.
    #[error("{0}")]
    TooLarge(String),
    /// The resource version asked for is no longer kept: list again.
    #[error("{0}")]
    Expired(String),
    /// The member sheds load.
    #[error("the cluster asks to slow down")]
    TooManyRequests {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The member's API is up but cannot serve now.
    #[error("the cluster cannot serve now (HTTP {status}): {message}")]
    Unavailable {
        /// HTTP status.
        status: u16,
        /// The member's sentence.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// Something inside the member failed.
    #[error("the cluster failed inside (HTTP {status}): {message}")]
    Internal {
        /// HTTP status.
        status: u16,
        /// The member's sentence.
        message: String,
    },
    /// No answer within the deadline. Whether the request took effect is not known.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The way to the member failed. Whether the request took effect is not known once it was sent.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// An answer came, but not one that a Kubernetes API gives.
    #[error("the answer is not one of a Kubernetes API: {0}")]
    NotKubernetes(String),
    /// The member was removed or Hanse is stopping.
    #[error("the request was given up because the cluster's connection is being closed")]
    Cancelled,
}

/// What a failed request calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryClass {
    /// Read the object again and decide anew, at once.
    Reread,
    /// Try again with backoff: it may pass by itself.
    Backoff,
    /// Try again after this long.
    After(Duration),
    /// Wait until the cluster's health says that it is back.
    WhenReachable,
    /// Trying again changes nothing until the object, the member or the credential is changed.
    Permanent,
}

impl MemberError {
    /// What a work queue should do.
    #[must_use]
    pub fn retry_class(&self) -> RetryClass {
        match self {
            Self::Conflict { .. } | Self::AlreadyExists(_) | Self::NotFound(_) | Self::Expired(_) => {
                RetryClass::Reread
            }
            Self::NamespaceMissing { .. }
            | Self::NamespaceTerminating { .. }
            | Self::Internal { .. }
            | Self::Timeout(_)
            | Self::NotKubernetes(_) => RetryClass::Backoff,
            Self::TooManyRequests { retry_after } | Self::Unavailable { retry_after, .. } => {
                retry_after.map_or(RetryClass::Backoff, RetryClass::After)
            }
            Self::Transport(_) => RetryClass::WhenReachable,
            Self::KindMissing(_)
            | Self::Forbidden(_)
            | Self::Unauthorized(_)
            | Self::Invalid { .. }
            | Self::BadRequest(_)
            | Self::TooLarge(_)
            | Self::Cancelled => RetryClass::Permanent,
        }
    }

    /// Whether the failure speaks against the cluster's health rather than against this one request.
    #[must_use]
    pub fn is_about_reachability(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Transport(_) | Self::NotKubernetes(_))
    }

    /// Reads a refusal. `body` is a Kubernetes `Status` when the answer comes from an apiserver.
    #[must_use]
    pub fn from_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        match serde_json::from_slice::<Status>(body) {
            Ok(answer) if answer.kind == "Status" => Self::from_status(status, headers, answer),
            _ => Self::from_bare(status, headers, body),
        }
    }

    fn from_status(status: StatusCode, headers: &HeaderMap, answer: Status) -> Self {
        let Status { reason, message, details, .. } = answer;
        let retry_after = retry_after(headers, details.retry_after_seconds);
        let namespace = || details.name.clone();
        let causes = || details.causes.iter().map(Cause::from).collect::<Vec<_>>();
        match (status.as_u16(), reason.as_str()) {
            (_, "AlreadyExists") => Self::AlreadyExists(message),
            (409, "Conflict") => Self::Conflict { causes: causes(), message },
            (404, _) if details.kind == "namespaces" => Self::NamespaceMissing { namespace: namespace() },
            // A known kind names the object; an unknown path cannot.
            (404, _) if details.name.is_empty() => Self::KindMissing(message),
            (404, _) => Self::NotFound(message),
            (403, _) if details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating") => {
                let cause = details.causes.iter().find(|cause| cause.reason == "NamespaceTerminating");
                Self::NamespaceTerminating { namespace: terminating_namespace(cause) }
            }
            (403, _) => Self::Forbidden(message),
            (401, _) => Self::Unauthorized(message),
            (422, _) => Self::Invalid { causes: causes(), message },
            (405 | 415, _) => Self::KindMissing(message),
            (410, _) | (_, "Expired" | "Gone") => Self::Expired(message),
            (413, _) => Self::TooLarge(message),
            (429, _) => Self::TooManyRequests { retry_after },
            (502..=504, _) | (_, "ServiceUnavailable" | "ServerTimeout" | "Timeout") => {
                Self::Unavailable { status: status.as_u16(), message, retry_after }
            }
            // A server-side apply of a field that the kind does not have comes as a failure of the server's own.
            (500, _) if message.starts_with("failed to create typed patch object") => {
                Self::Invalid { causes: undeclared(&message), message }
            }
            (500.., _) => Self::Internal { status: status.as_u16(), message },
            (400, _) if message.contains("strict decoding error") => {
                Self::Invalid { causes: unknown_fields(&message), message }
            }
            _ => Self::BadRequest(message),
        }
    }

    /// An answer without a `Status`: from a load balancer, a proxy, or a path that the apiserver does not know.
    fn from_bare(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let text = excerpt(body);
        match status.as_u16() {
            401 => Self::Unauthorized(text),
            403 => Self::Forbidden(text),
            404 => Self::KindMissing(text),
            410 => Self::Expired(text),
            413 => Self::TooLarge(text),
            429 => Self::TooManyRequests { retry_after: retry_after(headers, 0) },
            code @ 502..=504 => {
                Self::Unavailable { status: code, message: text, retry_after: retry_after(headers, 0) }
            }
            code @ 500.. => Self::Internal { status: code, message: text },
            code => Self::NotKubernetes(format!("HTTP {code}: {text}")),
        }
    }
}

/// Fields of `… strict decoding error: unknown field "spec.repilcas", unknown field "spec.x"`.
fn unknown_fields(message: &str) -> Vec<Cause> {
    let quoted = message.split("unknown field \"").skip(1).filter_map(|rest| rest.split_once('"'));
    let cause = |(field, _): (&str, &str)| Cause {
        reason: "FieldNotDeclared".to_owned(),
        field: field.to_owned(),
        message: "unknown field".to_owned(),
    };
    quoted.map(cause).collect()
}

/// Fields of `… (ns/name; v1, Kind=ConfigMap): .spec.repilcas: field not declared in schema`, one or several as
/// `errors:\n  .a: …\n  .b: …`.
fn undeclared(message: &str) -> Vec<Cause> {
    let parts = message.split_once("): ").map_or("", |(_, rest)| rest).lines().filter_map(|line| {
        let (field, message) = line.trim().split_once(": ")?;
        field.starts_with('.').then(|| Cause {
            reason: "FieldNotDeclared".to_owned(),
            field: field.trim_start_matches('.').to_owned(),
            message: message.to_owned(),
        })
    });
    parts.collect()
}

/// A namespace's cause says `namespace <name> is being terminated`; newer servers also name the field only.
fn terminating_namespace(cause: Option<&StatusCause>) -> String {
    cause
        .and_then(|cause| cause.message.strip_prefix("namespace "))
        .and_then(|rest| rest.split_once(' '))
        .map(|(name, _)| name.to_owned())
        .unwrap_or_default()
}

/// `Retry-After` in seconds; a date in it is not used by Kubernetes and is ignored. Bounded, since it comes from
/// outside.
fn retry_after(headers: &HeaderMap, from_status: u32) -> Option<Duration> {
    let header = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let seconds = header.or((from_status > 0).then_some(u64::from(from_status)))?;
    Some(Duration::from_secs(seconds.min(300)))
}

/// The first words of an answer that is not understood, fit for a message.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body.get(..400).unwrap_or(body))
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(160)
        .collect();
    let text = text.trim();
    if text.is_empty() { "empty answer".to_owned() } else { text.to_owned() }
}

/// The parts of `metav1.Status` that are used. Everything is optional: it comes from outside.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) kind: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(crate) reason: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(crate) message: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(crate) code: u16,
    #[serde(deserialize_with = "null_is_default")]
    pub(crate) details: StatusDetails,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct StatusDetails {
    #[serde(deserialize_with = "null_is_default")]
    name: String,
    #[serde(deserialize_with = "null_is_default")]
    kind: String,
    #[serde(deserialize_with = "null_is_default")]
    causes: Vec<StatusCause>,
    #[serde(deserialize_with = "null_is_default")]
    retry_after_seconds: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StatusCause {
    #[serde(deserialize_with = "null_is_default")]
    reason: String,
    #[serde(deserialize_with = "null_is_default")]
    field: String,
    #[serde(deserialize_with = "null_is_default")]
    message: String,
}

impl From<&StatusCause> for Cause {
    fn from(cause: &StatusCause) -> Self {
        Self { reason: cause.reason.clone(), field: cause.field.clone(), message: cause.message.clone() }
    }
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, body: &str) -> MemberError {
        MemberError::from_answer(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn fields_that_the_kind_lacks_are_named_in_both_spellings() {
        let fields = |error: MemberError| match error {
            MemberError::Invalid { causes, .. } => {
                causes.into_iter().map(|cause| cause.field).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        let strict = r#"{"kind":"Status","code":400,"reason":"BadRequest","message":"Boat in version \"v1\" cannot be handled: strict decoding error: unknown field \"spec.a\", unknown field \"spec.b\""}"#;
        assert_eq!(fields(answer(400, strict)), ["spec.a", "spec.b"]);
        let one = r#"{"kind":"Status","code":500,"message":"failed to create typed patch object (n/a; /v1, Kind=ConfigMap): .dada: field not declared in schema"}"#;
        assert_eq!(fields(answer(500, one)), ["dada"]);
        let several = r#"{"kind":"Status","code":500,"message":"failed to create typed patch object (n/a; apps/v1, Kind=Deployment): errors:\n  .spec.a: field not declared in schema\n  .spec.b: field not declared in schema"}"#;
        assert_eq!(fields(answer(500, several)), ["spec.a", "spec.b"]);
    }

    #[test]
    fn nulls_and_strangers_in_a_status_are_taken_as_they_come() {
        let error =
            answer(404, r#"{"kind":"Status","message":null,"reason":null,"details":null,"metadata":7}"#);
        assert!(matches!(error, MemberError::KindMissing(_)), "{error:?}");
        let error = answer(418, "I'm a \u{7}teapot");
        assert_eq!(error.to_string(), "the answer is not one of a Kubernetes API: HTTP 418: I'm a  teapot");
        assert!(matches!(answer(502, ""), MemberError::Unavailable { status: 502, .. }));
    }

    #[test]
    fn a_wait_asked_for_is_taken_from_the_header_or_the_status_and_is_bounded() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "999999".parse().unwrap());
        let error = MemberError::from_answer(StatusCode::TOO_MANY_REQUESTS, &headers, b"");
        assert_eq!(error.retry_class(), RetryClass::After(Duration::from_secs(300)));
        let error = answer(429, r#"{"kind":"Status","details":{"retryAfterSeconds":3}}"#);
        assert_eq!(error.retry_class(), RetryClass::After(Duration::from_secs(3)));
        assert_eq!(answer(429, "").retry_class(), RetryClass::Backoff);
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(status in 100_u16..600, body in "\\PC{0,80}") {
            let _ = answer(status, &body).retry_class();
            let _ = answer(status, &format!(r#"{{"kind":"Status","message":{body:?},"details":{{"causes":[]}}}}"#));
        }
    }
}
