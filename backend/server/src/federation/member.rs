//! One member as the engine sees it: its queue of dirty units and a mirror per kind in use. A mirror keeps only what
//! comparing and status need; the whole object is kept only while it differs from what we expect, so that drift can be
//! told field by field without reading it again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak, atomic::AtomicBool, atomic::Ordering},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use hanse_federation::{
    Resource,
    observed::Observed,
    owned::{FIELD_MANAGER, Hash, Sent},
};
use hanse_fleet::{
    MANAGED_SELECTOR, Member, ObjectKey, Reflector, ReflectorSpec, ResourceType,
    reflector::{Call, Event},
};
use hanse_types::{ClusterId, ClusterName};
use serde_json::Value;
use tokio::sync::Notify;

use super::{
    index::CopyKey,
    queue::{Priority, Queue},
};

/// How long the event of an answered apply is awaited; later nothing is taken to be in order because of it.
const AWAITED: Duration = Duration::from_secs(10);
/// Events remembered of a copy while an apply of it is under way.
const TOLD: usize = 64;

/// What is kept of a copy in a member.
#[derive(Clone, Debug)]
pub struct Live {
    /// What decisions need.
    pub observed: Observed,
    /// Whether an autoscaler of the member writes its replicas.
    pub autoscaled: bool,
    /// Paths that the drift policy leaves to the member, of which the values were kept.
    pub ignored: Arc<[String]>,
    /// The whole object, while it differs from what we expect: for telling drift field by field.
    pub whole: Option<Box<Value>>,
    /// When the member told it.
    pub seen_at: DateTime<Utc>,
}

/// What a copy should look like, as far as hashes can say.
#[derive(Clone, Copy, Debug)]
pub struct Expected {
    /// Hash of the manifest sent last.
    pub manifest: Hash,
    /// Hash of our fields as the member stores them; known from the first event at the version of the answer.
    pub stored: Option<Hash>,
    /// When the answer came.
    pub at: Instant,
}

/// A version of a copy and the hash of our fields in it.
type ToldVersion = (Box<str>, Option<Hash>);

/// The mirror of one kind of one member.
pub struct Mirror {
    /// The kind as the member serves it.
    pub resource: Arc<ResourceType>,
    reflector: Mutex<Option<Reflector<Live>>>,
    expected: Mutex<HashMap<ObjectKey, (Expected, Box<str>)>>,
    /// What the watch told of copies while an apply of them is under way: version and hash of our fields. The event of an
    /// apply may come before its answer, and be followed by others before we know which version was ours.
    under_way: Mutex<HashMap<ObjectKey, Vec<ToldVersion>>>,
    synced: AtomicBool,
    /// Paths that drift policies leave to the member, by copy; only of copies that have such a policy.
    ignored: Mutex<HashMap<ObjectKey, Arc<[String]>>>,
    /// Copies read once more because their policy came after their last event; good until the next event.
    read: Mutex<HashMap<ObjectKey, Arc<Live>>>,
    clock: Arc<dyn crate::clock::Clock>,
}

impl Mirror {
    /// Whether a complete list has been seen.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.synced.load(Ordering::Acquire)
    }

    /// A copy as seen last.
    #[must_use]
    pub fn get(&self, key: &ObjectKey) -> Option<Arc<Live>> {
        let live =
            self.reflector.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|r| r.get(key));
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_empty() {
            return live;
        }
        let same = |read: &&Arc<Live>| {
            live.as_ref().is_some_and(|live| live.observed.resource_version == read.observed.resource_version)
        };
        match read.get(key).filter(same) {
            Some(read) => Some(Arc::clone(read)),
            None => {
                read.remove(key);
                live
            }
        }
    }

    /// From now on the values at these paths are kept of a copy.
    pub fn ignore(&self, key: &ObjectKey, paths: &[String]) {
        let mut ignored = self.ignored.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.is_empty() {
            ignored.remove(key);
        } else if ignored.get(key).is_none_or(|known| **known != *paths) {
            ignored.insert(key.clone(), paths.into());
        }
    }

    fn ignored(&self, key: &ObjectKey) -> Arc<[String]> {
        self.ignored.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }

    /// Takes in a copy that was read outside of the watch.
    pub fn read(&self, key: &ObjectKey, whole: Value) -> Option<Arc<Live>> {
        let live =
            Arc::new(trim(whole, &federation_resource(&self.resource), Some(self), self.clock.now()).ok()?);
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), Arc::clone(&live));
        Some(live)
    }

    /// An apply begins: what the watch tells of the copy is kept until its answer is known.
    pub fn sending(&self, key: &ObjectKey) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), Vec::new());
    }

    /// The apply was refused.
    pub fn not_sent(&self, key: &ObjectKey) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Remembers what was sent and the version that came of it. When the watch was quicker than the answer, the stored
    /// hash is known at once.
    pub fn sent(&self, key: &ObjectKey, manifest: Hash, version: &str) {
        // Held from before what was told is taken until what is expected is known: the watch tells from another thread,
        // and an event in between would be neither found here nor compared there, and its version awaited for ever.
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let told =
            self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(key).unwrap_or_default();
        let same = |live: &Arc<Live>| live.observed.resource_version == version;
        let stored = told.into_iter().find(|(seen, _)| **seen == *version).map_or_else(
            || self.get(key).filter(same).and_then(|live| live.observed.owned),
            |(_, owned)| owned,
        );
        expected.insert(key.clone(), (Expected { manifest, stored, at: Instant::now() }, version.into()));
    }

    /// What is expected of a copy.
    #[must_use]
    pub fn expected(&self, key: &ObjectKey) -> Option<Expected> {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(|(expected, _)| *expected)
    }

    /// Whether this manifest was sent and the event of it is still to come.
    #[must_use]
    pub fn awaits(&self, key: &ObjectKey, manifest: Hash) -> bool {
        self.expected(key).is_some_and(|expected| expected.manifest == manifest && expected.is_awaited())
    }

    /// A complete list has no history: what was expected at another version than the listed one is compared afresh.
    fn relisted(&self, key: &ObjectKey, live: &Live) {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = match expected.get_mut(key) {
            Some((expected, version)) if **version == *live.observed.resource_version => {
                expected.stored = live.observed.owned;
                false
            }
            Some((expected, _)) => expected.stored.is_none(),
            None => false,
        };
        if stale {
            expected.remove(key);
        }
    }

    /// Forgets what was expected of a copy.
    pub fn forget(&self, key: &ObjectKey) {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Takes a copy's hash at the version of our own apply as the expected one; says whether the copy is in order. While
    /// the event of our own apply is still to come, nothing is known to be out of order.
    fn check(&self, key: &ObjectKey, live: &Live) -> bool {
        if let Some(told) = self.under_way.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key)
            && told.len() < TOLD
        {
            told.push((live.observed.resource_version.as_str().into(), live.observed.owned));
        }
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((expected, version)) = expected.get_mut(key) else { return false };
        if **version == *live.observed.resource_version {
            expected.stored = live.observed.owned;
            return true;
        }
        expected.is_awaited() || in_order(expected, live.observed.owned)
    }

    fn looks_foreign(&self, key: &ObjectKey, version: &str, owned: Option<Hash>) -> bool {
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.get(key).is_some_and(|(expected, sent)| {
            **sent != *version && expected.stored.is_some() && !in_order(expected, owned)
        })
    }
}

impl Expected {
    /// Whether the event of the apply is still to come.
    fn is_awaited(&self) -> bool {
        self.stored.is_none() && self.at.elapsed() < AWAITED
    }

    /// What was sent and stored, when both are known.
    #[must_use]
    pub fn sent(&self) -> Option<Sent> {
        self.stored.map(|owned| Sent { manifest: self.manifest, owned })
    }
}

/// Whether the fields that the member says are ours are those that we sent.
#[must_use]
pub fn in_order(expected: &Expected, owned: Option<Hash>) -> bool {
    owned.is_some_and(|owned| owned == expected.manifest || Some(owned) == expected.stored)
}

/// What a mirror tells the engine.
#[derive(Clone, Debug)]
pub enum Told {
    /// A complete list came in; every unit of the kind is to be compared.
    Synced(Arc<str>),
    /// A copy changed. The flag says whether it is as we sent it.
    Changed(CopyKey, bool),
    /// A copy is gone.
    Gone(CopyKey),
}

/// Whom a mirror tells. It is called on the watch's task: it marks things dirty and returns.
pub trait Listener: Send + Sync + 'static {
    /// Something happened in a member.
    fn told(&self, cluster: ClusterId, what: Told);
}

/// One member.
pub struct Runtime {
    /// Stable id.
    pub id: ClusterId,
    /// Unique name.
    pub name: ClusterName,
    /// The way to it.
    pub member: Arc<Member>,
    queue: Mutex<Queue<CopyKey>>,
    wake: Notify,
    mirrors: Mutex<HashMap<Arc<str>, Arc<Mirror>>>,
}

impl Runtime {
    /// A runtime with nothing to do.
    #[must_use]
    pub fn new(id: ClusterId, name: ClusterName, member: Arc<Member>) -> Self {
        Self { id, name, member, queue: Mutex::default(), wake: Notify::new(), mirrors: Mutex::default() }
    }

    /// Marks a unit dirty.
    pub fn push(&self, key: CopyKey, priority: Priority) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(key, priority);
        self.wake.notify_one();
    }

    /// Marks a unit dirty at a later time.
    pub fn push_later(&self, key: CopyKey, at: Instant) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_later(key, at);
        self.wake.notify_one();
    }

    /// Works on the queue itself; the lock is held for the call only.
    pub fn with_queue<T>(&self, work: impl FnOnce(&mut Queue<CopyKey>) -> T) -> T {
        work(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something was marked dirty.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// The mirror of a kind, if it is in use.
    #[must_use]
    pub fn mirror(&self, type_: &str) -> Option<Arc<Mirror>> {
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner).get(type_).cloned()
    }

    /// The mirror of a kind, started when it is not in use yet.
    pub fn mirror_or_start(
        &self,
        type_: &Arc<str>,
        resource: &Arc<ResourceType>,
        listener: Weak<dyn Listener>,
        now: Arc<dyn crate::clock::Clock>,
    ) -> Arc<Mirror> {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mirror) = mirrors.get(type_) {
            return Arc::clone(mirror);
        }
        let mirror = Arc::new(Mirror {
            resource: Arc::clone(resource),
            reflector: Mutex::new(None),
            expected: Mutex::default(),
            under_way: Mutex::default(),
            synced: AtomicBool::new(false),
            ignored: Mutex::default(),
            read: Mutex::default(),
            clock: Arc::clone(&now),
        });
        let spec = ReflectorSpec {
            resource: Arc::clone(resource),
            namespace: None,
            label_selector: Some(MANAGED_SELECTOR.to_owned()),
            metadata_only: false,
        };
        let trim = {
            let (mirror, resource) = (Arc::downgrade(&mirror), federation_resource(resource));
            move |value: Value| trim(value, &resource, mirror.upgrade().as_deref(), now.now())
        };
        let sink = {
            let (mirror, type_, cluster) = (Arc::downgrade(&mirror), Arc::clone(type_), self.id);
            move |event: Event<Live>| {
                if let (Some(mirror), Some(listener)) = (mirror.upgrade(), listener.upgrade()) {
                    pass_on(event, &mirror, &type_, cluster, &*listener);
                }
            }
        };
        let reflector = self.member.reflect(spec, trim, Call(sink));
        *mirror.reflector.lock().unwrap_or_else(PoisonError::into_inner) = Some(reflector);
        mirrors.insert(Arc::clone(type_), Arc::clone(&mirror));
        mirror
    }
}

/// The federation crate's words for a kind.
#[must_use]
pub fn federation_resource(resource: &ResourceType) -> Resource {
    Resource {
        group: resource.group.clone(),
        version: resource.version.clone(),
        kind: resource.kind.clone(),
        plural: resource.plural.clone(),
        namespaced: resource.namespaced,
    }
}

fn trim(
    value: Value,
    resource: &Resource,
    mirror: Option<&Mirror>,
    now: DateTime<Utc>,
) -> Result<Live, String> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let key = ObjectKey::new(text("/metadata/namespace"), text("/metadata/name"));
    let ignored = mirror.map(|mirror| mirror.ignored(&key)).unwrap_or_default();
    let observed = Observed::of(resource, &value, FIELD_MANAGER, &ignored);
    if observed.uid.is_empty() || observed.resource_version.is_empty() {
        return Err("its metadata has no uid or resourceVersion".to_owned());
    }
    let foreign =
        mirror.is_some_and(|mirror| mirror.looks_foreign(&key, &observed.resource_version, observed.owned));
    let autoscaled = autoscaled(&value);
    Ok(Live { observed, autoscaled, ignored, whole: foreign.then(|| Box::new(value)), seen_at: now })
}

/// The autoscaler is the one controller that writes replicas through the scale sub-resource.
fn autoscaled(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        text("manager") == "kube-controller-manager"
            && text("subresource") == "scale"
            && entry.pointer("/fieldsV1/f:spec/f:replicas").is_some()
    })
}

fn pass_on(
    event: Event<Live>,
    mirror: &Mirror,
    type_: &Arc<str>,
    cluster: ClusterId,
    listener: &dyn Listener,
) {
    let copy = |key: ObjectKey| CopyKey { type_: Arc::clone(type_), key };
    match event {
        Event::Restarted(list) => {
            for (key, live) in &list.objects {
                mirror.relisted(key, live);
            }
            for key in &list.gone {
                mirror.forget(key);
            }
            mirror.synced.store(true, Ordering::Release);
            for (key, _) in &list.objects {
                listener.told(cluster, Told::Changed(copy(key.clone()), false));
            }
            listener.told(cluster, Told::Synced(Arc::clone(type_)));
        }
        Event::Applied(key, live) => {
            let fine = mirror.check(&key, &live);
            listener.told(cluster, Told::Changed(copy(key), fine));
        }
        Event::Deleted(key) => {
            mirror.forget(&key);
            listener.told(cluster, Told::Gone(copy(key)));
        }
        Event::Unreadable(key) => listener.told(cluster, Told::Changed(copy(key), true)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use hanse_federation::owned;
    use serde_json::json;

    use super::*;

    fn mirror() -> Mirror {
        let resource = ResourceType {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            plural: "configmaps".to_owned(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        };
        Mirror {
            resource: Arc::new(resource),
            reflector: Mutex::new(None),
            expected: Mutex::default(),
            under_way: Mutex::default(),
            synced: AtomicBool::new(true),
            ignored: Mutex::default(),
            read: Mutex::default(),
            clock: Arc::new(crate::clock::SystemClock),
        }
    }

    /// The answer to an apply and its event come at the same moment, on two threads.
    #[test]
    fn what_was_stored_is_known_however_answer_and_event_meet() {
        let mirror = mirror();
        let key = ObjectKey::new("shop", "a");
        let manifest = owned::manifest_hash(&json!({"data": {"a": "1"}}));
        let told = |version: usize| {
            let object = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "name": "a", "namespace": "shop", "uid": "u", "resourceVersion": version.to_string(),
                    "managedFields": [{
                        "manager": FIELD_MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
                        "fieldsV1": {"f:data": {"f:a": {}}},
                    }],
                },
                "data": {"a": "1"},
            });
            trim(object, &federation_resource(&mirror.resource), None, DateTime::UNIX_EPOCH).unwrap()
        };
        let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let meet = |count: &AtomicUsize, number: usize| {
            count.fetch_add(1, Ordering::AcqRel);
            while count.load(Ordering::Acquire) < number * 2 {
                std::hint::spin_loop();
            }
        };
        let (times, mut unknown) = (20_000, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 1..=times {
                    let live = told(number);
                    meet(&begun, number);
                    mirror.check(&key, &live);
                    meet(&ended, number);
                }
            });
            for number in 1..=times {
                mirror.sending(&key);
                meet(&begun, number);
                mirror.sent(&key, manifest, &number.to_string());
                meet(&ended, number);
                unknown +=
                    usize::from(mirror.expected(&key).is_none_or(|expected| expected.stored.is_none()));
            }
        });
        assert_eq!(unknown, 0, "of {times} applies");
    }
}
