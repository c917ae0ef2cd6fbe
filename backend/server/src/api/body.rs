//! Request bodies: read under a limit, parsed with the path of what is wrong.

use axum::{
    extract::{FromRequest, Request},
    http::header,
};
use futures::StreamExt as _;
use hanse_types::{FieldError, error::ErrorCode};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A JSON body. Refused with the field's path when it does not fit; nesting deeper than 128 levels, invalid UTF-8
/// and anything over the limit are refused before a value is built.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        if let Some(kind) = request.headers().get(header::CONTENT_TYPE) {
            let kind = kind.to_str().unwrap_or_default();
            let essence = kind.split(';').next().unwrap_or_default().trim();
            let json = essence == "application/json" || essence.ends_with("+json");
            if !json {
                return Err(Error::bad_request(format!(
                    "the body is {essence:?}; send JSON with Content-Type: application/json"
                )));
            }
        }
        let bytes = read(request).await?;
        parse(&bytes).map(Self)
    }
}

/// Largest body, in bytes; set for every request by the outermost layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(pub usize);

/// Read and thrown away of a body that is too large, so that its sender gets to read the refusal.
const DRAINED: usize = 32 * 1024 * 1024;

/// Reads a body into memory, as far as it may be.
async fn read(request: Request) -> Result<Vec<u8>, Error> {
    let limit = request.extensions().get::<Limit>().map_or(0, |limit| limit.0);
    read_body(request.into_body(), limit).await
}

/// Reads a body of so many bytes at most into memory.
///
/// # Errors
/// `too_large`, and `bad_request` for a body that breaks off.
pub(super) async fn read_body(body: axum::body::Body, limit: usize) -> Result<Vec<u8>, Error> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| Error::bad_request("the body ended before it was complete"))?;
        seen = seen.saturating_add(chunk.len());
        if seen <= limit {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
            if seen > DRAINED {
                break;
            }
        }
    }
    if seen > limit {
        return Err(Error::new(
            ErrorCode::TooLarge,
            format!("the body is larger than the {limit} bytes that this server takes: send less at once"),
        ));
    }
    Ok(bytes)
}

/// Parses JSON; an error carries the path of the field that does not fit.
///
/// # Errors
/// `bad_request` for what is no JSON, `invalid` with the field's path for what does not fit.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data if path != "." => {
                Error::fields(vec![FieldError { field: path, message: without_place(&inner.to_string()) }])
            }
            serde_json::error::Category::Data => {
                Error::new(ErrorCode::Invalid, without_place(&inner.to_string()))
            }
            _ => Error::bad_request(format!("the body is not valid JSON: {inner}")),
        }
    })?;
    reader
        .end()
        .map_err(|error| Error::bad_request(format!("the body goes on after its JSON value: {error}")))?;
    Ok(value)
}

/// Drops serde's ` at line 1 column 20`: the path says it better.
fn without_place(message: &str) -> String {
    message.rfind(" at line ").map_or(message, |at| message.get(..at).unwrap_or(message)).to_owned()
}

#[cfg(test)]
mod tests {
    use hanse_types::tenancy::WorkspaceCreate;

    use super::*;

    fn refused(text: &str) -> Error {
        parse::<WorkspaceCreate>(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let error = refused(r#"{"name":"acme","project":{"name":"Shop"}}"#);
        assert_eq!(error.code, ErrorCode::Invalid);
        assert_eq!(error.fields[0].field, "project.name");
        assert!(error.message.contains("lower-case"), "{}", error.message);
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let error = refused(r#"{"name":"acme","clutsers":[]}"#);
        assert!(error.message.contains("clutsers"), "{}", error.message);
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        assert_eq!(refused("{").code, ErrorCode::BadRequest);
        assert_eq!(refused(r#"{"name":"a"} {}"#).code, ErrorCode::BadRequest);
        assert_eq!(parse::<serde_json::Value>(b"\"\xff\"").unwrap_err().code, ErrorCode::BadRequest);
        let deep = "[".repeat(100_000);
        assert_eq!(parse::<serde_json::Value>(deep.as_bytes()).unwrap_err().code, ErrorCode::BadRequest);
    }
}
