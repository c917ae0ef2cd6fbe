//! Errors as API machinery tells them. Clients branch on `reason` and `code`, kubectl prints `message`, and
//! `details.causes` carries field errors; so all four are made here and nowhere else, in the words a kube-apiserver
//! uses.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::go::quote;

mod field;

pub use field::{Fault, FieldError};

/// A failure, as it is sent to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What happened, for programs: `NotFound`, `Conflict`, … Empty where an apiserver says nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// To what, and why exactly. Boxed: errors travel through many results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
    /// The HTTP status.
    pub code: u16,
    /// A token to go on with, in the answer to an expired one; see [`crate::list`].
    #[serde(skip)]
    pub continuation: Option<String>,
}

/// What a [`Status`] is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Name of the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// API group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// Resource (plural), for field errors the kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// UID of the object, where one is meant.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// One entry per field or conflict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// When trying again makes sense; zero: not said.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

/// One reason among several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cause {
    /// `FieldValueInvalid`, `FieldManagerConflict`, …
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Path of the field.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A group with a resource or a kind, written `deployments.apps`, and without the dot in the core group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct In<'a> {
    /// API group; empty is the core group.
    pub group: &'a str,
    /// Resource or kind.
    pub kind: &'a str,
}

impl std::fmt::Display for In<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.group {
            "" => f.write_str(self.kind),
            group => write!(f, "{}.{group}", self.kind),
        }
    }
}

impl In<'_> {
    fn details(self, name: &str) -> Details {
        Details { name: name.into(), group: self.group.into(), kind: self.kind.into(), ..Details::default() }
    }
}

/// What an update says whose version is not the current one.
pub const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

impl Status {
    fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { message: message.into(), reason: reason.into(), details: None, code, continuation: None }
    }

    fn about(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// No object of this name. Without a name: no such resource.
    #[must_use]
    pub fn not_found(resource: In<'_>, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {} not found", quote(name)))
            .about(resource.details(name))
    }

    /// A path that nothing is served at.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
            .about(Details::default())
    }

    /// Creation under a name in use.
    #[must_use]
    pub fn already_exists(resource: In<'_>, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} {} already exists", quote(name)))
            .about(resource.details(name))
    }

    /// A generated name was in use.
    #[must_use]
    pub fn generated_name_exists(resource: In<'_>, name: &str) -> Self {
        let name_quoted = quote(name);
        let message = format!(
            "{resource} {name_quoted} already exists, the server was not able to generate a unique name for the object"
        );
        let details = Details { retry_after_seconds: 1, ..resource.details(name) };
        Self::new(409, "AlreadyExists", message).about(details)
    }

    /// An update that does not fit what is stored; `why` is [`MODIFIED`] for a stale version.
    #[must_use]
    pub fn conflict(resource: In<'_>, name: &str, why: &str) -> Self {
        Self::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {resource} {}: {why}", quote(name)),
        )
        .about(resource.details(name))
    }

    /// Server-side apply would overwrite fields of other managers.
    #[must_use]
    pub fn apply_conflict(message: String, causes: Vec<Cause>) -> Self {
        Self::new(409, "Conflict", message).about(Details { causes, ..Details::default() })
    }

    /// The caller may not; without a name, not on any of the resource.
    #[must_use]
    pub fn forbidden(resource: In<'_>, name: &str, why: &str) -> Self {
        let message = match (resource.kind, name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{resource} is forbidden: {why}"),
            _ => format!("{resource} {} is forbidden: {why}", quote(name)),
        };
        Self::new(403, "Forbidden", message).about(resource.details(name))
    }

    /// Creation in a namespace that is being deleted.
    #[must_use]
    pub fn namespace_terminating(resource: In<'_>, name: &str, namespace: &str) -> Self {
        let why =
            format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut status = Self::forbidden(resource, name, &why);
        if let Some(details) = &mut status.details {
            details.causes.push(Cause {
                reason: "NamespaceTerminating".into(),
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".into(),
            });
        }
        status
    }

    /// Fields that may not be so. `kind` names the kind, not the resource.
    #[must_use]
    pub fn invalid(kind: In<'_>, name: &str, faults: &[FieldError]) -> Self {
        let causes = faults.iter().map(FieldError::cause).collect();
        let mut lines: Vec<String> = Vec::new();
        for fault in faults {
            let line = fault.to_string();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let message = match lines.as_slice() {
            [] => format!("{kind} {} is invalid", quote(name)),
            [one] => format!("{kind} {} is invalid: {one}", quote(name)),
            many => format!("{kind} {} is invalid: [{}]", quote(name), many.join(", ")),
        };
        Self::new(422, "Invalid", message).about(Details { causes, ..kind.details(name) })
    }

    /// A JSON patch that does not fit the object: an apiserver says no more than this.
    #[must_use]
    pub fn unprocessable() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
            .about(Details::default())
    }

    /// A request that cannot be understood.
    #[must_use]
    pub fn bad_request(why: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", why)
    }

    /// No valid credentials.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// Gone for good.
    #[must_use]
    pub fn gone(message: &str) -> Self {
        Self::new(410, "Gone", message)
    }

    /// The version asked for is no longer there: list again.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// A verb that the resource does not have.
    #[must_use]
    pub fn method_not_supported(resource: In<'_>, verb: &str) -> Self {
        let message =
            format!("{verb} is not supported on resources of kind {}", quote(&resource.to_string()));
        Self::new(405, "MethodNotAllowed", message).about(resource.details(""))
    }

    /// A method that the path does not have.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
            .about(Details::default())
    }

    /// No media type that the client accepts.
    #[must_use]
    pub fn not_acceptable(offered: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", offered.join(", "));
        Self::new(406, "NotAcceptable", message)
    }

    /// A body of a media type that is not read.
    #[must_use]
    pub fn unsupported_media_type(offered: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            offered.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// A patch of a media type that is not read; apiservers say no more about patches.
    #[must_use]
    pub fn unsupported_patch() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").about(Details::default())
    }

    /// A body, or a patch, beyond the limits.
    #[must_use]
    pub fn too_large(message: &str) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: {message}"))
    }

    /// Not done in time.
    #[must_use]
    pub fn timeout(message: &str, retry_after_seconds: u32) -> Self {
        Self::new(504, "Timeout", format!("Timeout: {message}"))
            .about(Details { retry_after_seconds, ..Details::default() })
    }

    /// A version that does not exist yet.
    #[must_use]
    pub fn too_large_version(asked: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let mut status = Self::timeout(&message, 1);
        if let Some(details) = &mut status.details {
            details.causes.push(Cause {
                reason: "ResourceVersionTooLarge".into(),
                message: "Too large resource version".into(),
                field: String::new(),
            });
        }
        status
    }

    /// The server cannot do it now.
    #[must_use]
    pub fn server_timeout(resource: In<'_>, operation: &str, retry_after_seconds: u32) -> Self {
        let message = format!(
            "The {operation} operation against {resource} could not be completed at this time, please try again."
        );
        Self::new(500, "ServerTimeout", message)
            .about(Details { retry_after_seconds, ..resource.details(operation) })
    }

    /// Too many requests of this client.
    #[must_use]
    pub fn too_many_requests(message: &str, retry_after_seconds: u32) -> Self {
        Self::new(429, "TooManyRequests", message)
            .about(Details { retry_after_seconds, ..Details::default() })
    }

    /// Not now.
    #[must_use]
    pub fn unavailable(message: &str) -> Self {
        Self::new(503, "ServiceUnavailable", message)
    }

    /// A fault of ours. The message goes to the client.
    #[must_use]
    pub fn internal(message: &str) -> Self {
        let causes = vec![Cause { message: message.into(), ..Cause::default() }];
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
            .about(Details { causes, ..Details::default() })
    }

    /// An error that an apiserver passes on without a reason.
    #[must_use]
    pub fn unexplained(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// The body.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut metadata = json!({});
        if let (Some(token), Some(map)) = (&self.continuation, metadata.as_object_mut()) {
            map.insert("continue".into(), token.as_str().into());
        }
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure", "code": self.code,
        });
        if let Some(map) = body.as_object_mut() {
            if !self.message.is_empty() {
                map.insert("message".into(), self.message.as_str().into());
            }
            if !self.reason.is_empty() {
                map.insert("reason".into(), self.reason.as_str().into());
            }
            if let Some(details) = &self.details {
                map.insert("details".into(), serde_json::to_value(details).unwrap_or_default());
            }
        }
        body
    }

    /// The answer to a deletion that is done.
    #[must_use]
    pub fn success(resource: In<'_>, name: &str, uid: &str) -> Value {
        let details = Details { uid: uid.into(), ..resource.details(name) };
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": serde_json::to_value(details).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENTS: In<'_> = In { group: "apps", kind: "deployments" };

    #[test]
    fn messages_are_those_of_an_apiserver() {
        assert_eq!(Status::not_found(DEPLOYMENTS, "x").message, r#"deployments.apps "x" not found"#);
        assert_eq!(
            Status::conflict(DEPLOYMENTS, "x", MODIFIED).message,
            "Operation cannot be fulfilled on deployments.apps \"x\": the object has been modified; please apply \
             your changes to the latest version and try again"
        );
        let body = Status::not_found(DEPLOYMENTS, "x").to_value();
        assert_eq!(body["details"], json!({"name": "x", "group": "apps", "kind": "deployments"}));
        assert_eq!((&body["code"], &body["status"]), (&json!(404), &json!("Failure")));
    }

    #[test]
    fn field_errors_are_listed_once_and_all_become_causes() {
        let fault = FieldError::required("metadata.name", "name or generateName is required");
        let status = Status::invalid(In { group: "", kind: "ConfigMap" }, "", &[fault.clone(), fault]);
        assert_eq!(
            status.message,
            r#"ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required"#
        );
        assert_eq!(status.details.unwrap().causes.len(), 2);
    }
}
