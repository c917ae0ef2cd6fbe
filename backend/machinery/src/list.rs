//! Lists in pages, and where a list or watch begins.
//!
//! A continue token is opaque to clients; it carries the revision of the first page and the last key, so that all
//! pages show one moment. When that moment is no longer kept the answer is 410 with another token, by which a client
//! that can live with it goes on at the present.

use base64::{DecodeError, Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    Status,
    status::{FieldError, In},
};

/// What a list or watch asks for: the query, decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Watch instead of list.
    pub watch: bool,
    /// Most items; zero: all.
    pub limit: u64,
    /// Token of the page before.
    pub continuation: String,
    /// As in the query.
    pub resource_version: String,
    /// `Exact`, `NotOlderThan` or empty.
    pub resource_version_match: String,
    /// A watch that begins with what is there.
    pub send_initial_events: Option<bool>,
    /// Events that only tell how far the watch is.
    pub allow_watch_bookmarks: bool,
}

/// Where a list reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The present.
    Latest,
    /// Anything; the present will do.
    Any,
    /// This revision or a later one.
    NotOlderThan(u64),
    /// This revision.
    Exact(u64),
    /// A page: this revision (`None`: the present), after this key.
    After {
        /// Revision of the first page.
        revision: Option<u64>,
        /// Last key of the page before.
        key: String,
    },
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With an event for each object that is there, at this revision or a later one, then changes. `bookmark`: a
    /// bookmark with the annotation [`INITIAL_EVENTS_END`] ends the first part.
    Initial {
        /// Not before this revision.
        not_before: u64,
        /// Whether the end is told.
        bookmark: bool,
    },
    /// With changes after this revision.
    After(u64),
    /// With changes from now on.
    Now,
}

/// Annotation of the bookmark after the initial events, `true`.
pub const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// What a continue token holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    #[serde(rename = "v", default)]
    version: String,
    /// Revision of the first page; -1: whatever is present.
    #[serde(rename = "rv", default)]
    revision: i64,
    /// Last key sent.
    #[serde(rename = "start", default)]
    key: String,
}

const VERSION: &str = "meta.k8s.io/v1";

/// The token after a page that ended with `key`. No revision: an inconsistent continuation.
#[must_use]
pub fn token(revision: Option<u64>, key: &str) -> String {
    let revision = revision.map_or(-1, |revision| i64::try_from(revision).unwrap_or(i64::MAX));
    let token = Token { version: VERSION.into(), revision, key: key.into() };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
}

fn read(text: &str) -> Result<Token, Status> {
    let bad =
        |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) => at,
            _ => text.len(),
        };
        bad(&format!("illegal base64 data at input byte {at}"))
    })?;
    let token: Token = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
    if token.version != VERSION {
        return Err(bad(&format!("server does not recognize this encoded version {}", token.version)));
    }
    if token.revision == 0 {
        return Err(bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
    }
    if token.key.is_empty() {
        return Err(bad("encoded start key empty (version meta.k8s.io/v1)"));
    }
    Ok(token)
}

fn version(text: &str) -> Result<Option<u64>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let why = format!(
            "Invalid value: {}: strconv.ParseUint: parsing {0}: invalid syntax",
            crate::go::quote(text)
        );
        Status::bad_request(format!("invalid resource version: resourceVersion: {why}"))
    })
}

fn refuse(faults: &[FieldError]) -> Result<(), Status> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(In { group: "meta.k8s.io", kind: "ListOptions" }, "", faults))
}

const MATCH: &str = "resourceVersionMatch";

/// Where a list reads.
///
/// # Errors
/// 400 or 422 for options that contradict each other or do not parse, 504 for a revision that does not exist yet,
/// 410 for one that is no longer kept.
pub fn list_from(options: &Options, oldest: u64, current: u64) -> Result<From, Status> {
    let mut faults = Vec::new();
    let wanted = options.resource_version_match.as_str();
    if !wanted.is_empty() {
        if options.resource_version.is_empty() {
            let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            faults.push(FieldError::forbidden(MATCH, detail));
        }
        if !options.continuation.is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            faults.push(FieldError::forbidden(MATCH, detail));
        }
        if !matches!(wanted, "Exact" | "NotOlderThan") {
            faults.push(FieldError::not_supported(MATCH, wanted, &["Exact", "NotOlderThan", ""]));
        }
        if wanted == "Exact" && options.resource_version == "0" {
            let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
            faults.push(FieldError::forbidden(MATCH, detail));
        }
    }
    if options.send_initial_events.is_some() {
        let detail = "sendInitialEvents is forbidden for list";
        faults.push(FieldError::forbidden("sendInitialEvents", detail));
    }
    refuse(&faults)?;
    if !options.continuation.is_empty() {
        let token = read(&options.continuation)?;
        if !matches!(options.resource_version.as_str(), "" | "0") {
            return Err(Status::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let revision = u64::try_from(token.revision).ok();
        if revision.is_some_and(|revision| revision < oldest) {
            let mut status = Status::expired(
                "The provided continue parameter is too old to display a consistent list result. You can start a new \
                 list without the continue parameter, or use the continue token in this response to retrieve the \
                 remainder of the results. Continuing with the provided token results in an inconsistent list - \
                 objects that were created, modified, or deleted between the time the first chunk was returned and \
                 now may show up in the list.",
            );
            status.continuation = Some(self::token(None, &token.key));
            return Err(status);
        }
        return Ok(From::After { revision, key: token.key });
    }
    let Some(asked) = version(&options.resource_version)? else { return Ok(From::Latest) };
    if asked == 0 {
        return Ok(From::Any);
    }
    if asked > current {
        return Err(Status::too_large_version(asked, current));
    }
    // Pages show one moment, so the older way to ask for pages of a version means that version.
    let exact = wanted == "Exact" || (wanted.is_empty() && options.limit > 0);
    if exact && asked < oldest {
        return Err(Status::expired("The resourceVersion for the provided list is too old."));
    }
    Ok(if exact { From::Exact(asked) } else { From::NotOlderThan(asked) })
}

/// Where a watch begins.
///
/// # Errors
/// As of [`list_from`]; 410 when changes since the revision are no longer kept: list again.
pub fn watch_from(options: &Options, oldest: u64, current: u64) -> Result<Start, Status> {
    let mut faults = Vec::new();
    let wanted = options.resource_version_match.as_str();
    if options.send_initial_events.is_some() && wanted != "NotOlderThan" {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        faults.push(FieldError::forbidden(MATCH, detail));
    }
    if !wanted.is_empty() {
        if options.send_initial_events.is_none() {
            let detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            faults.push(FieldError::forbidden(MATCH, detail));
        }
        if wanted != "NotOlderThan" {
            faults.push(FieldError::not_supported(MATCH, wanted, &["NotOlderThan"]));
        }
        if !options.continuation.is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            faults.push(FieldError::forbidden(MATCH, detail));
        }
    }
    refuse(&faults)?;
    let asked = version(&options.resource_version)?;
    if asked.is_some_and(|asked| asked > current) {
        return Err(Status::too_large_version(asked.unwrap_or_default(), current));
    }
    match (options.send_initial_events, asked) {
        (Some(true), asked) => {
            let bookmark = options.allow_watch_bookmarks;
            Ok(Start::Initial { not_before: asked.unwrap_or(0), bookmark })
        }
        (Some(false), None | Some(0)) => Ok(Start::Now),
        (None, None | Some(0)) => Ok(Start::Initial { not_before: 0, bookmark: false }),
        (_, Some(asked)) if asked < oldest => Err(too_old(asked, oldest)),
        (_, Some(asked)) => Ok(Start::After(asked)),
    }
}

/// Changes since `asked` are no longer kept.
#[must_use]
pub fn too_old(asked: u64, oldest: u64) -> Status {
    Status::expired(format!("too old resource version: {asked} ({oldest})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(version: &str, wanted: &str) -> Options {
        Options {
            resource_version: version.into(),
            resource_version_match: wanted.into(),
            ..Options::default()
        }
    }

    #[test]
    fn versions_mean_what_the_api_conventions_say() {
        let from = |version: &str, wanted: &str| list_from(&options(version, wanted), 5, 10);
        assert_eq!(from("", ""), Ok(From::Latest));
        assert_eq!(from("0", ""), Ok(From::Any));
        assert_eq!(from("7", ""), Ok(From::NotOlderThan(7)));
        assert_eq!(from("7", "Exact"), Ok(From::Exact(7)));
        assert_eq!(from("3", "Exact").unwrap_err().reason, "Expired");
        assert_eq!(from("11", "").unwrap_err().code, 504);
        assert_eq!(from("", "Exact").unwrap_err().code, 422);
        assert_eq!(from("x", "").unwrap_err().code, 400);
    }

    #[test]
    fn an_expired_token_offers_an_inconsistent_one() {
        let page = |token: String| {
            list_from(&Options { continuation: token, limit: 2, ..Options::default() }, 5, 10)
        };
        assert_eq!(page(token(Some(7), "a/b")), Ok(From::After { revision: Some(7), key: "a/b".into() }));
        let expired = page(token(Some(4), "a/b")).unwrap_err();
        assert_eq!((expired.code, expired.reason.as_str()), (410, "Expired"));
        assert_eq!(expired.to_value()["metadata"]["continue"], expired.continuation.clone().unwrap());
        let onwards = page(expired.continuation.unwrap());
        assert_eq!(onwards, Ok(From::After { revision: None, key: "a/b".into() }));
        assert_eq!(page("nonsense!".into()).unwrap_err().code, 400);
    }

    #[test]
    fn watches_start_after_a_version_or_with_what_is_there() {
        let start = |version: &str| watch_from(&options(version, ""), 5, 10);
        assert_eq!(start("7"), Ok(Start::After(7)));
        assert_eq!(start("0"), Ok(Start::Initial { not_before: 0, bookmark: false }));
        assert_eq!(start("3").unwrap_err().message, "too old resource version: 3 (5)");
        let streaming = Options {
            watch: true,
            send_initial_events: Some(true),
            allow_watch_bookmarks: true,
            ..options("", "NotOlderThan")
        };
        assert_eq!(watch_from(&streaming, 5, 10), Ok(Start::Initial { not_before: 0, bookmark: true }));
        let without = Options { resource_version_match: String::new(), ..streaming };
        assert_eq!(watch_from(&without, 5, 10).unwrap_err().code, 422);
    }
}
