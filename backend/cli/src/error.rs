//! What went wrong, as a person reads it: the cause first, then the fields, then what to do next.

use std::io;

use hanse_types::{ErrorBody, error::ErrorCode};

use crate::output::clean;

/// Shorthand of this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line or an input file is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// It did not work: exit code 1.
    #[error("{message}")]
    Failed {
        /// What happened.
        message: String,
        /// What to do.
        next: String,
    },
    /// The server refused or failed: exit code 1.
    #[error("{}", headline(.error))]
    Api {
        /// The error as the server sent it.
        error: Box<ErrorBody>,
        /// Seconds after which to try again, where the server said so.
        retry_after: Option<u64>,
    },
    /// Several of a number of things failed, each of which has been told: exit code 1.
    #[error("{0}")]
    Several(String),
    /// The output cannot be written: exit code 1, and silence when the reader has simply gone.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    /// A failure with its next step; an empty one is left out.
    pub(crate) fn failed(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), next: next.into() }
    }

    /// Wrong input.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// The server's code, when it was the server that refused.
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api { error, .. } => Some(error.code),
            _ => None,
        }
    }

    /// Exit code of the process.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            _ => 1,
        }
    }

    /// Lines for standard error; empty when there is nothing to say.
    pub(crate) fn report(&self) -> String {
        let mut text = match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return String::new(),
            other => format!("error: {}", keep_lines(&other.to_string())),
        };
        let mut add = |line: &str| {
            text.push_str("\n  ");
            text.push_str(line);
        };
        match self {
            Self::Failed { next, .. } if !next.is_empty() => add(&format!("next: {next}")),
            Self::Api { error, retry_after } => {
                for field in error.fields.iter().filter(|_| !says_all(error)) {
                    add(&format!("{}: {}", clean(&field.field), clean(&field.message)));
                }
                if let Some(next) = next_step(error.code, *retry_after) {
                    add(&format!("next: {next}"));
                }
                if !error.request_id.is_empty() {
                    add(&format!("request id: {}", clean(&error.request_id)));
                }
            }
            _ => {}
        }
        text
    }
}

/// The server's sentence. It tells the first field at fault, which is dull when all of them follow below.
fn headline(error: &ErrorBody) -> &str {
    match error.fields.as_slice() {
        [first, _, ..] if error.message.contains(&first.message) => "the server refuses it",
        _ => &error.message,
    }
}

/// Whether the sentence tells the only field at fault already.
fn says_all(error: &ErrorBody) -> bool {
    matches!(error.fields.as_slice(), [one] if error.message.contains(&one.message))
}

/// What to do about a code when its sentence cannot know, because it depends on the command line.
fn next_step(code: ErrorCode, retry_after: Option<u64>) -> Option<String> {
    match code {
        ErrorCode::Unauthenticated => {
            Some("sign in with `hanse login URL`, or give a token with --token or HANSE_TOKEN".to_owned())
        }
        ErrorCode::PreconditionFailed => Some(
            "somebody changed it in the meantime: look at it with `hanse get`, then run this again"
                .to_owned(),
        ),
        ErrorCode::TooManyRequests | ErrorCode::Unavailable => Some(match retry_after {
            Some(1) => "try again in a second".to_owned(),
            Some(seconds) => format!("try again in {seconds} seconds"),
            None => "try again in a moment".to_owned(),
        }),
        ErrorCode::Internal => Some("tell the platform's administrator the request id".to_owned()),
        _ => None,
    }
}

/// Cleans each line of a message that may have several, indenting those after the first.
fn keep_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n  ")
}

#[cfg(test)]
mod tests {
    use hanse_types::FieldError;

    use super::*;

    fn api(code: ErrorCode, retry_after: Option<u64>) -> Error {
        let error = ErrorBody {
            code,
            message: "the object is not valid".into(),
            fields: vec![FieldError {
                field: "spec.placement.clusters[0]".into(),
                message: "cluster \"eux\" is not in project \"shop\"\x1b[2J".into(),
            }],
            probe: None,
            request_id: "0190f3".into(),
        };
        Error::Api { error: Box::new(error), retry_after }
    }

    #[test]
    fn a_refusal_shows_fields_and_request_id() {
        insta::assert_snapshot!(api(ErrorCode::Invalid, None).report(), @r#"
        error: the object is not valid
          spec.placement.clusters[0]: cluster "eux" is not in project "shop" [2J
          request id: 0190f3
        "#);
    }

    #[test]
    fn a_field_is_told_once() {
        let Error::Api { mut error, .. } = api(ErrorCode::Invalid, None) else { unreachable!() };
        error.message = format!("{}: {} (and 1 more)", error.fields[0].field, error.fields[0].message);
        let one = Error::Api { error: error.clone(), retry_after: None };
        assert_eq!(one.report().matches("eux").count(), 1, "{}", one.report());
        error.fields.push(FieldError { field: "spec.template.kind".into(), message: "is missing".into() });
        insta::assert_snapshot!(Error::Api { error, retry_after: None }.report(), @r#"
        error: the server refuses it
          spec.placement.clusters[0]: cluster "eux" is not in project "shop" [2J
          spec.template.kind: is missing
          request id: 0190f3
        "#);
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        insta::assert_snapshot!(api(ErrorCode::Unavailable, Some(5)).report(), @r#"
        error: the object is not valid
          spec.placement.clusters[0]: cluster "eux" is not in project "shop" [2J
          next: try again in 5 seconds
          request id: 0190f3
        "#);
    }

    #[test]
    fn a_reader_that_has_gone_is_no_failure() {
        let error = Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((error.exit_code(), error.report()), (0, String::new()));
        let error = Error::from(io::Error::other("disk full"));
        assert_eq!(
            (error.exit_code(), error.report()),
            (1, "error: cannot write the output: disk full".into())
        );
    }

    #[test]
    fn wrong_input_has_its_own_exit_code() {
        assert_eq!(Error::usage("x").exit_code(), 2);
        assert_eq!(Error::failed("x", "y").exit_code(), 1);
    }
}
