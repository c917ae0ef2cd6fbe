//! Watches: what is there, then what changes, one JSON document per line. A watch holds a place in the order of the feed
//! and nothing else, so a slow reader costs nothing; one that falls behind what is kept is told to list again. It ends
//! when the caller may see something else than at its beginning.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use hanse_machinery::{
    Status,
    convert::Form,
    convert::Row,
    json,
    list::{self, INITIAL_EVENTS_END, Start},
};
use serde_json::{Value, json};
use tokio::{
    sync::watch::Receiver,
    time::{Instant, sleep_until},
};

use super::{
    fault::Fault,
    shelf::{Event, Item, Shared},
    verbs::{Request, Selection},
};

/// Time between bookmarks.
const BOOKMARK: Duration = Duration::from_secs(30);
/// How long a watch lasts that says nothing about it.
const LASTS: Duration = Duration::from_secs(45 * 60);
/// Longest that a watch lasts.
const LONGEST: Duration = Duration::from_secs(2 * 60 * 60);

/// A watch under way.
pub struct Watch {
    request: Request,
    selection: Selection,
    shelf: Shared,
    /// Everything up to here has been told.
    told: i64,
    lines: VecDeque<Bytes>,
    progress: Receiver<i64>,
    access: Receiver<u64>,
    ends: Instant,
    bookmark: Instant,
    headers: bool,
    done: bool,
}

impl Watch {
    /// Begins a watch.
    ///
    /// # Errors
    /// As for a list; 410 when changes since its revision are no longer kept.
    pub async fn begin(request: Request) -> Result<Self, Fault> {
        let selection = Selection::of(&request).await?;
        // Before the shelf is looked at, so that no change is missed in between.
        let access = request.platform.shelves.access();
        let shelf = request.platform.shelves.of(&request.kind).await?;
        let progress = shelf.read().progress();
        let view = shelf.read().view(&request.path.namespace);
        let current = u64::try_from(view.revision).unwrap_or(0);
        let start = list::watch_from(&request.query.list, 0, current)?;
        let lasts = request.query.timeout.filter(|seconds| *seconds > 0).map_or(LASTS, Duration::from_secs);
        let now = Instant::now();
        let mut watch = Self {
            told: view.revision,
            lines: VecDeque::new(),
            progress,
            access,
            ends: now + lasts.min(LONGEST),
            bookmark: now + BOOKMARK,
            headers: true,
            done: false,
            selection,
            shelf: shelf.clone(),
            request,
        };
        match start {
            Start::Now => {}
            Start::Initial { bookmark, .. } => {
                for item in &view.items {
                    if watch.selection.takes(item) {
                        watch.tell("ADDED", item.row());
                    }
                }
                if bookmark {
                    watch.bookmark(true);
                }
            }
            Start::After(after) => {
                let after = i64::try_from(after).unwrap_or(i64::MAX);
                let events = shelf.read().events_after(after);
                if let Some(events) = events {
                    watch.told = after;
                    watch.events(&events);
                    watch.told = watch.told.max(after);
                } else {
                    let (upto, events) =
                        watch.request.platform.shelves.since(&watch.request.kind, after).await?;
                    watch.events(&events);
                    watch.told = upto;
                }
            }
        }
        Ok(watch)
    }

    /// The next lines; `None` when the watch is over.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.done {
                return None;
            }
            self.catch_up();
            if !self.lines.is_empty() || self.done {
                continue;
            }
            let stop = self.request.platform.stop.clone();
            tokio::select! {
                changed = self.progress.changed() => if changed.is_err() { return None },
                changed = self.access.changed() => {
                    if changed.is_err() || !self.may_go_on().await {
                        return None;
                    }
                }
                () = sleep_until(self.bookmark) => {
                    self.bookmark = Instant::now() + BOOKMARK;
                    if self.request.query.list.allow_watch_bookmarks {
                        self.bookmark(false);
                    }
                }
                () = sleep_until(self.ends) => return None,
                () = stop.cancelled() => return None,
            }
        }
    }

    fn catch_up(&mut self) {
        let (events, revision) = {
            let shelf = self.shelf.read();
            (shelf.events_after(self.told), shelf.revision())
        };
        match events {
            None => {
                let status = Status::expired(format!("too old resource version: {} ({revision})", self.told));
                self.line("ERROR", &status.to_value());
                self.done = true;
            }
            Some(events) => {
                self.events(&events);
                self.told = self.told.max(revision);
            }
        }
    }

    fn events(&mut self, events: &[Event]) {
        for event in events {
            let takes = |item: &Option<Arc<Item>>| {
                item.as_ref().filter(|item| self.selection.takes(item)).map(Arc::clone)
            };
            let (before, after) = (takes(&event.before), takes(&event.after));
            let replaced = matches!((&before, &after), (Some(before), Some(after)) if before.id != after.id);
            match (before, after) {
                (None, Some(after)) => self.tell("ADDED", after.row()),
                (Some(before), Some(after)) if replaced => {
                    self.gone(&before, event);
                    self.tell("ADDED", after.row());
                }
                (Some(_), Some(after)) => self.tell("MODIFIED", after.row()),
                (Some(before), None) => self.gone(&before, event),
                (None, None) => {}
            }
            self.told = event.revision;
        }
    }

    /// An object that is gone, or no longer selected, as it was last, at the version at which it went.
    fn gone(&mut self, before: &Item, event: &Event) {
        let mut object =
            event.after.as_ref().map_or_else(|| (*before.object).clone(), |after| (*after.object).clone());
        json::set(&mut object, &["metadata", "resourceVersion"], event.revision.to_string());
        self.tell("DELETED", Row { object: &object, wanted: before.wanted() });
    }

    fn tell(&mut self, kind: &str, row: Row<'_>) {
        let object = row.object;
        let shaped = match self.request.wanted.form {
            Form::Table => {
                let headers = std::mem::replace(&mut self.headers, false);
                let metadata = object.get("metadata").cloned().unwrap_or_default();
                self.request.table(&[row], &metadata, headers)
            }
            Form::Partial | Form::PartialList => hanse_machinery::convert::partial(object, "v1"),
            _ => object.clone(),
        };
        self.line(kind, &shaped);
    }

    fn bookmark(&mut self, initial: bool) {
        let kind = &self.request.kind.descriptor;
        let mut object = json!({
            "kind": kind.kind, "apiVersion": kind.api_version(),
            "metadata": {"resourceVersion": self.told.to_string(), "creationTimestamp": null},
        });
        if initial {
            json::set(&mut object, &["metadata", "annotations"], json!({INITIAL_EVENTS_END: "true"}));
        }
        if self.request.wanted.form == Form::Table {
            let metadata = object.get("metadata").cloned().unwrap_or_default();
            object = self.request.table(&[], &metadata, false);
        }
        self.line("BOOKMARK", &object);
    }

    fn line(&mut self, kind: &str, object: &Value) {
        let mut line = json!({"type": kind, "object": object}).to_string();
        line.push('\n');
        self.lines.push_back(Bytes::from(line));
    }

    /// Whether the caller is still who it was and may see the same as at the beginning.
    async fn may_go_on(&mut self) -> bool {
        let platform = Arc::clone(&self.request.platform);
        let Some(credential) = &self.request.credential else { return false };
        let now = platform.clock.now();
        platform.identity.forget();
        let address = self.request.op.request.address;
        let Ok(actor) = platform.identity.authenticate(&platform.store, credential, address, now).await
        else {
            return false;
        };
        self.request.op.actor = actor;
        match self.request.visible().await {
            Ok(visible) => self.selection.same_visibility(&visible),
            Err(_) => false,
        }
    }
}
