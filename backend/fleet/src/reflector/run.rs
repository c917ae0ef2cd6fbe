//! The task of one mirror: list, watch, resume, list again. Everything that can be half (a list, a line, a connection)
//! is either whole or has not happened.

use std::{borrow::Cow, collections::HashMap, sync::Arc, time::Duration};

use chrono::Utc;
use hanse_types::cluster::ClusterPhase;
use rand::RngExt as _;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Event, Freshness, Mirror, ReflectorSpec, Sink, Trim,
    item::{self, Read},
    lines::{LineError, Lines},
    list,
};
use crate::{
    api::{self, Call, JSON, METADATA, query},
    connector::Lane,
    error::{MemberError, excerpt},
    member::Member,
    resource::ObjectKey,
};

/// Until a watch is open.
const OPEN_DEADLINE: Duration = Duration::from_secs(30);
/// Longest silence within a streamed list.
const LIST_SILENCE: Duration = Duration::from_secs(30);
/// Longest silence of a watch: members send a bookmark about every minute.
const WATCH_SILENCE: Duration = Duration::from_secs(150);
/// A watch that lived this long was no failure, whatever ended it.
const LIVED: Duration = Duration::from_secs(5);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_LONGEST: Duration = Duration::from_secs(30);
/// Answers in a row that made no sense at the same point, after which the point itself is doubted. Failures of the way to
/// the member say nothing against it.
const DOUBT_AFTER: u32 = 3;

/// How one connection ended.
enum Ended {
    /// Nobody wants the mirror any more.
    Unwanted,
    /// The member ended the watch, as it does every few minutes.
    Over,
    /// The member no longer keeps the point to resume from.
    Expired,
    /// The member does not stream lists.
    NoStreaming,
    /// It failed.
    Failed(MemberError),
}

impl From<MemberError> for Ended {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Expired(_) => Self::Expired,
            MemberError::Cancelled => Self::Unwanted,
            error => Self::Failed(error),
        }
    }
}

pub(super) struct Run<T, F, S> {
    member: Arc<Member>,
    spec: ReflectorSpec,
    trim: F,
    sink: S,
    mirror: Arc<Mirror<T>>,
    freshness: watch::Sender<Freshness>,
    cancel: CancellationToken,
    /// Point up to which everything was seen.
    position: Option<String>,
    streaming: bool,
}

/// A list that is not complete yet.
type Gathered<T> = HashMap<ObjectKey, Option<Arc<T>>>;

impl<T: Send + Sync + 'static, F: Trim<T>, S: Sink<T>> Run<T, F, S> {
    pub(super) fn new(
        member: Arc<Member>,
        spec: ReflectorSpec,
        trim: F,
        sink: S,
        mirror: Arc<Mirror<T>>,
        freshness: watch::Sender<Freshness>,
        cancel: CancellationToken,
    ) -> Self {
        Self { member, spec, trim, sink, mirror, freshness, cancel, position: None, streaming: true }
    }

    pub(super) async fn run(mut self) {
        let cancel = self.cancel.clone();
        let (mut failures, mut garbled) = (0_u32, 0_u32);
        loop {
            let started = Instant::now();
            let before = self.position.clone();
            let ended = tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                ended = self.connect() => ended,
            };
            if started.elapsed() >= LIVED || self.position != before {
                (failures, garbled) = (0, 0);
            }
            let problem = match ended {
                Ended::Unwanted => return,
                Ended::NoStreaming => {
                    self.streaming = false;
                    continue;
                }
                Ended::Expired => {
                    self.position = None;
                    None
                }
                Ended::Over => None,
                Ended::Failed(error) => Some(error),
            };
            if let Some(error) = &problem {
                if error.is_about_reachability() {
                    self.member.poke();
                }
                if matches!(error, MemberError::NotKubernetes(_)) {
                    garbled = garbled.saturating_add(1);
                }
                if matches!(error, MemberError::KindMissing(_)) {
                    self.member.discovery().invalidate();
                }
                tracing::debug!(cluster = %self.member.name(), kind = %self.spec.resource.kind, %error, "a watch ended");
            }
            self.closed(problem.map(|error| error.to_string()));
            failures = failures.saturating_add(1);
            if garbled >= DOUBT_AFTER {
                self.position = None;
            }
            // The first time at once: most ends are ordinary.
            if failures > 1 {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = pause(&self.member, failures) => {}
                }
            }
        }
    }

    async fn connect(&mut self) -> Ended {
        match self.position.clone() {
            Some(version) => match open(&self.member, &self.spec, &[("resourceVersion", &version)]).await {
                Ok(lines) => {
                    self.opened();
                    self.follow(lines, None).await
                }
                Err(ended) => ended,
            },
            None if self.streaming => {
                let streamed = [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")];
                match open(&self.member, &self.spec, &streamed).await {
                    Ok(lines) => self.follow(lines, Some(HashMap::new())).await,
                    Err(Ended::Failed(MemberError::Invalid { .. } | MemberError::BadRequest(_))) => {
                        Ended::NoStreaming
                    }
                    Err(ended) => ended,
                }
            }
            None => match list::complete(self.member.api(), &self.spec).await {
                Ok(list) => {
                    let items = list.items.into_iter();
                    let gathered = items.filter_map(|list::Item(read)| {
                        let (key, _, object) = self.keep(read)?;
                        Some((key, object))
                    });
                    let gathered = gathered.collect();
                    self.position = Some(list.version);
                    // The watch from here on is the next connection.
                    if self.publish(gathered).await {
                        Box::pin(self.connect()).await
                    } else {
                        Ended::Unwanted
                    }
                }
                Err(error) => error.into(),
            },
        }
    }

    /// Follows a watch to its end. `gathered` is the list that it begins with, while that is not complete.
    async fn follow(&mut self, mut lines: Lines, mut gathered: Option<Gathered<T>>) -> Ended {
        loop {
            let silence = if gathered.is_some() { LIST_SILENCE } else { WATCH_SILENCE };
            let line = match timeout(silence, lines.next()).await {
                Err(_) => return Ended::Failed(MemberError::Timeout(silence)),
                Ok(Ok(Some(line))) => line,
                Ok(Ok(None)) if gathered.is_some() => return cut("it ended before its list was complete"),
                Ok(Ok(None)) => return Ended::Over,
                Ok(Err(LineError::Broken(error))) => return Ended::Failed(error.into()),
                Ok(Err(error)) => return cut(&error.to_string()),
            };
            let line = match parse(&line) {
                Ok(line) => line,
                Err(ended) => return ended,
            };
            self.freshness.send_if_modified(|freshness| {
                freshness.last_event_at = Some(Utc::now());
                false
            });
            match line {
                Line::Bookmark { version, list_ends } => {
                    // Within a list a bookmark's point is not yet ours.
                    if list_ends && let Some(list) = gathered.take() {
                        self.position = Some(version);
                        if !self.publish(list).await {
                            return Ended::Unwanted;
                        }
                        self.opened();
                    } else if gathered.is_none() {
                        self.position = Some(version);
                    }
                }
                Line::Object(read) => {
                    let Some((key, version, object)) = self.keep(read) else { continue };
                    if let Some(list) = &mut gathered {
                        list.insert(key, object);
                        continue;
                    }
                    self.reached(version);
                    self.mirror.put(key.clone(), object.clone());
                    let event = object.map_or_else(
                        || Event::Unreadable(key.clone()),
                        |object| Event::Applied(key.clone(), object),
                    );
                    if !self.sink.take(event).await {
                        return Ended::Unwanted;
                    }
                }
                Line::Gone { key, version } => {
                    if let Some(list) = &mut gathered {
                        list.remove(&key);
                        continue;
                    }
                    self.reached(version);
                    self.mirror.remove(&key);
                    if !self.sink.take(Event::Deleted(key)).await {
                        return Ended::Unwanted;
                    }
                }
                Line::Nameless => self.nameless(),
            }
        }
    }

    fn reached(&mut self, version: String) {
        if !version.is_empty() {
            self.position = Some(version);
        }
    }

    fn nameless(&self) {
        tracing::warn!(
            cluster = %self.member.name(), kind = %self.spec.resource.kind,
            "a watch told of an object without a name; it is skipped"
        );
    }

    /// Trims an object. `None` for a line that names nobody: there is nothing to hold on to.
    fn keep(&self, read: Read) -> Option<(ObjectKey, String, Option<Arc<T>>)> {
        let (key, version, why) = match read {
            Read::Whole { key, version, object } => match (self.trim)(object) {
                Ok(object) => return Some((key, version, Some(Arc::new(object)))),
                Err(why) => (key, version, why),
            },
            Read::Named { key, version, why } => (key, version, why),
            Read::Nameless => {
                self.nameless();
                return None;
            }
        };
        tracing::warn!(
            cluster = %self.member.name(), kind = %self.spec.resource.kind, %key, why,
            "an object cannot be read; it is skipped"
        );
        Some((key, version, None))
    }

    /// Makes a complete list visible.
    async fn publish(&mut self, gathered: Gathered<T>) -> bool {
        let restarted = self.mirror.replace(gathered);
        self.freshness.send_modify(|freshness| {
            freshness.synced = true;
            freshness.last_event_at = Some(Utc::now());
        });
        self.sink.take(Event::Restarted(restarted)).await
    }

    fn opened(&self) {
        self.freshness.send_if_modified(|freshness| {
            let changed = !freshness.watching || freshness.problem.is_some();
            freshness.watching = true;
            freshness.problem = None;
            changed
        });
    }

    fn closed(&self, problem: Option<String>) {
        self.freshness.send_if_modified(|freshness| {
            let changed = freshness.watching || freshness.problem != problem;
            freshness.watching = false;
            freshness.problem = problem;
            changed
        });
    }
}

/// Opens a watch.
async fn open(member: &Member, spec: &ReflectorSpec, how: &[(&str, &str)]) -> Result<Lines, Ended> {
    let seconds = rand::rng().random_range(290..590_u32).to_string();
    let mut pairs = vec![
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("labelSelector", spec.label_selector.as_deref().unwrap_or_default()),
        ("timeoutSeconds", &seconds),
    ];
    pairs.extend_from_slice(how);
    let path = spec.resource.collection_path(spec.namespace.as_deref());
    let call = Call::get(format!("{path}{}", query(&pairs))).accept(if spec.metadata_only {
        METADATA
    } else {
        JSON
    });
    let opening = async {
        let answer = member.send(Lane::Watches, call.request()?).await?;
        let (head, body) = answer.into_parts();
        if head.status.is_success() {
            return Ok(Lines::new(body));
        }
        let body = api::whole(body, 64 * 1024).await.unwrap_or_default();
        Err(MemberError::from_answer(head.status, &head.headers, &body))
    };
    match timeout(OPEN_DEADLINE, opening).await {
        Ok(opened) => opened.map_err(Ended::from),
        Err(_) => Err(Ended::Failed(MemberError::Timeout(OPEN_DEADLINE))),
    }
}

/// Waits for its turn, or until the cluster is back.
async fn pause(member: &Member, failures: u32) {
    let doubled = BACKOFF_FIRST.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    let pause = doubled.min(BACKOFF_LONGEST).mul_f64(rand::rng().random_range(0.5..1.0));
    let mut health = member.health();
    let ready = health.borrow_and_update().phase == ClusterPhase::Ready;
    let back = async {
        if ready {
            return std::future::pending().await;
        }
        if health.wait_for(|health| health.phase == ClusterPhase::Ready).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = sleep(pause) => {}
        () = back => {}
    }
}

fn cut(why: &str) -> Ended {
    Ended::Failed(MemberError::NotKubernetes(format!("a watch was cut: {why}")))
}

/// One line of a watch.
enum Line {
    Bookmark { version: String, list_ends: bool },
    Object(Read),
    Gone { key: ObjectKey, version: String },
    Nameless,
}

impl Line {
    fn of(kind: &str, read: Read) -> Self {
        match read {
            read if kind != "DELETED" => Self::Object(read),
            Read::Whole { key, version, .. } | Read::Named { key, version, .. } => {
                Self::Gone { key, version }
            }
            Read::Nameless => Self::Nameless,
        }
    }
}

#[derive(Deserialize)]
struct Whole {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// How a member begins to tell that an object is gone. What it was is not read: its name is enough.
const GONE: &[u8] = br#"{"type":"DELETED","object":"#;

fn parse(line: &[u8]) -> Result<Line, Ended> {
    if line.starts_with(GONE)
        && let Some((key, version)) = item::identity(line)
    {
        return Ok(Line::Gone { key, version });
    }
    let (kind, read, object) = match serde_json::from_slice::<Whole>(line) {
        Ok(Whole { kind, object }) if kind == "ADDED" || kind == "MODIFIED" || kind == "DELETED" => {
            return Ok(Line::of(&kind, item::from_value(object)));
        }
        Ok(Whole { kind, object }) => (kind, None, object),
        // The object may be what is wrong, not the line.
        Err(error) => match serde_json::from_slice::<Outer<'_>>(line) {
            Ok(Outer { kind, object }) => (kind.into_owned(), Some(item::read(object.get())), Value::Null),
            Err(_) => return Err(cut(&format!("a line is not an event ({error}): {}", excerpt(line)))),
        },
    };
    match (kind.as_str(), read) {
        ("ADDED" | "MODIFIED" | "DELETED", Some(read)) => Ok(Line::of(&kind, read)),
        ("BOOKMARK", None) => {
            let metadata = object.get("metadata");
            let text = |key: &str| metadata.and_then(|metadata| metadata.get(key)).and_then(Value::as_str);
            let Some(version) = text("resourceVersion").filter(|version| !version.is_empty()) else {
                return Err(cut("a bookmark has no version"));
            };
            let ends = metadata
                .and_then(|metadata| metadata.get("annotations"))
                .and_then(|annotations| annotations.get("k8s.io/initial-events-end"));
            Ok(Line::Bookmark {
                version: version.to_owned(),
                list_ends: ends.and_then(Value::as_str) == Some("true"),
            })
        }
        ("ERROR", None) => {
            let code = object.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
            let status = code.and_then(|code| http::StatusCode::from_u16(code).ok());
            let status = status.unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
            let body = serde_json::to_vec(&object).unwrap_or_default();
            Err(MemberError::from_answer(status, &http::HeaderMap::new(), &body).into())
        }
        _ => Err(cut(&format!("a line is of the unknown type {kind:?}"))),
    }
}
