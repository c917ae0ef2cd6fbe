//! A trimmed mirror of one kind of one member, fed by one watch.
//!
//! What a caller may rely on: a list becomes visible only when it is complete, so that a cut connection never looks like
//! deletions; an object that cannot be read still counts as present; the watch resumes where it stopped, and lists again
//! only when the member no longer keeps that point.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    sync::{Arc, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    member::Member,
    resource::{ObjectKey, ResourceType},
};

mod item;
mod lines;
pub(crate) mod list;
mod run;

/// What to mirror.
#[derive(Clone, Debug)]
pub struct ReflectorSpec {
    /// The kind.
    pub resource: Arc<ResourceType>,
    /// Only this namespace; all when `None`.
    pub namespace: Option<String>,
    /// Only objects with these labels.
    pub label_selector: Option<String>,
    /// Read metadata only.
    pub metadata_only: bool,
}

impl ReflectorSpec {
    /// Every object of a kind.
    #[must_use]
    pub fn all(resource: Arc<ResourceType>) -> Self {
        Self { resource, namespace: None, label_selector: None, metadata_only: false }
    }

    /// The objects of a kind that Hanse keeps.
    #[must_use]
    pub fn managed(resource: Arc<ResourceType>) -> Self {
        Self { label_selector: Some(crate::MANAGED_SELECTOR.to_owned()), ..Self::all(resource) }
    }
}

/// Turns an object into what is kept of it. An error (a sentence) skips the object with a warning. Objects carry their
/// `apiVersion` and `kind`.
pub trait Trim<T>: Fn(Value) -> Result<T, String> + Send + Sync + 'static {}
impl<T, F: Fn(Value) -> Result<T, String> + Send + Sync + 'static> Trim<T> for F {}

/// What happened in the member.
#[derive(Clone, Debug)]
pub enum Event<T> {
    /// A complete list replaced the mirror. Always the first event.
    Restarted(Restarted<T>),
    /// An object was added or changed.
    Applied(ObjectKey, Arc<T>),
    /// An object is gone, or no longer carries the labels selected by.
    Deleted(ObjectKey),
    /// An object is there but cannot be read; what was known of it before is no longer true.
    Unreadable(ObjectKey),
}

/// A complete list.
#[derive(Clone, Debug)]
pub struct Restarted<T> {
    /// Every object that could be read.
    pub objects: Vec<(ObjectKey, Arc<T>)>,
    /// Objects that are there but cannot be read. They are *not* absent.
    pub unreadable: Vec<ObjectKey>,
    /// Keys of the mirror before that are absent from this list.
    pub gone: Vec<ObjectKey>,
}

/// Where events go. Slow ones hold back the watch, which holds back the member: nothing piles up.
pub trait Sink<T>: Send + 'static {
    /// Takes one event; `false` ends the mirror.
    fn take(&mut self, event: Event<T>) -> impl Future<Output = bool> + Send;
}

impl<T: Send + Sync + 'static> Sink<T> for mpsc::Sender<Event<T>> {
    async fn take(&mut self, event: Event<T>) -> bool {
        self.send(event).await.is_ok()
    }
}

/// A function as [`Sink`]. It runs on the watch's task: it must be quick and must not block.
#[derive(Clone, Copy, Debug)]
pub struct Call<F>(pub F);

impl<T: Send + Sync + 'static, F: FnMut(Event<T>) + Send + 'static> Sink<T> for Call<F> {
    async fn take(&mut self, event: Event<T>) -> bool {
        (self.0)(event);
        true
    }
}

/// How fresh a mirror is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Whether a complete list has been seen since the start.
    pub synced: bool,
    /// Whether a watch is open now.
    pub watching: bool,
    /// When the member last said something on it: a list, an event or a bookmark. Members send a bookmark about every
    /// minute; between them, an open watch and a healthy cluster together say that nothing changed.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Why the watch is not open.
    pub problem: Option<String>,
}

/// A running mirror. Dropping it ends the watch.
pub struct Reflector<T> {
    mirror: Arc<Mirror<T>>,
    freshness: watch::Receiver<Freshness>,
    _ends: DropGuard,
}

/// Objects as they were seen last; `None` for those that are there but cannot be read.
pub(crate) struct Mirror<T>(RwLock<HashMap<ObjectKey, Option<Arc<T>>>>);

impl<T> fmt::Debug for Reflector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reflector")
            .field("len", &self.len())
            .field("freshness", &*self.freshness.borrow())
            .finish()
    }
}

impl<T: Send + Sync + 'static> Reflector<T> {
    pub(crate) fn start<F: Trim<T>, S: Sink<T>>(
        member: &Arc<Member>,
        spec: ReflectorSpec,
        trim: F,
        sink: S,
    ) -> Self {
        let cancel = member.closing_token().child_token();
        let mirror = Arc::new(Mirror(RwLock::default()));
        let (sender, freshness) = watch::channel(Freshness::default());
        let run =
            run::Run::new(Arc::clone(member), spec, trim, sink, Arc::clone(&mirror), sender, cancel.clone());
        member.tasks().spawn(run.run());
        Self { mirror, freshness, _ends: CancellationToken::drop_guard(cancel) }
    }
}

impl<T> Reflector<T> {
    /// One object as it was seen last.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<T>> {
        self.mirror.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned().flatten()
    }

    /// Number of objects, with those that cannot be read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.mirror.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none, which means nothing before [`Freshness::synced`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every object that could be read, as it was seen last.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(ObjectKey, Arc<T>)> {
        let mirror = self.mirror.0.read().unwrap_or_else(PoisonError::into_inner);
        let readable =
            |(key, object): (&ObjectKey, &Option<Arc<T>>)| Some((key.clone(), Arc::clone(object.as_ref()?)));
        mirror.iter().filter_map(readable).collect()
    }

    /// Freshness now and its changes. [`Freshness::last_event_at`] moves without waking anybody.
    #[must_use]
    pub fn freshness(&self) -> watch::Receiver<Freshness> {
        self.freshness.clone()
    }
}

impl<T> Mirror<T> {
    /// Puts a complete list in the place of what was there, and tells what is no longer there.
    fn replace(&self, objects: HashMap<ObjectKey, Option<Arc<T>>>) -> Restarted<T> {
        let mut restarted = Restarted {
            objects: Vec::with_capacity(objects.len()),
            unreadable: Vec::new(),
            gone: Vec::new(),
        };
        for (key, object) in &objects {
            match object {
                Some(object) => restarted.objects.push((key.clone(), Arc::clone(object))),
                None => restarted.unreadable.push(key.clone()),
            }
        }
        let before = std::mem::replace(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner), objects);
        let now = self.0.read().unwrap_or_else(PoisonError::into_inner);
        restarted.gone = before.into_keys().filter(|key| !now.contains_key(key)).collect();
        restarted
    }

    fn put(&self, key: ObjectKey, object: Option<Arc<T>>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, object);
    }

    fn remove(&self, key: &ObjectKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}
