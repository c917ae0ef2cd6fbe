//! All members by id and by name. Adding starts a member's tasks, removing ends them; whoever wants to know what changed
//! gets the set of clusters that did, however often they did.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    time::Duration,
};

use hanse_types::{id::ClusterId, name::ClusterName};
use thiserror::Error;
use tokio::{sync::Notify, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::Api,
    connector::{Connector, Lane, Tuning},
    error::MemberError,
    health::HealthOptions,
    limiter::{Limiter, LimiterOptions},
    member::Member,
};

/// A member's tasks stop at their next step; this is how long that may take.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// A member to hold.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// Stable id.
    pub id: ClusterId,
    /// Unique name.
    pub name: ClusterName,
    /// How it is reached.
    pub connector: Connector,
    /// Uid of its `kube-system`: another cluster at the same address is then noticed, and never called ready.
    pub uid: Option<String>,
}

/// How members are treated.
#[derive(Clone, Debug)]
pub struct FleetOptions {
    /// Deadline of a request that names none.
    pub request_deadline: Duration,
    /// Requests at once per member.
    pub limiter: LimiterOptions,
    /// Probes of members.
    pub health: HealthOptions,
    /// Connections to members.
    pub tuning: Tuning,
    /// Whether to keep the facts of members.
    pub facts: bool,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            request_deadline: Duration::from_secs(30),
            limiter: LimiterOptions::default(),
            health: HealthOptions::default(),
            tuning: Tuning::default(),
            facts: true,
        }
    }
}

/// Why a member was not added.
#[derive(Clone, Debug, Error)]
pub enum FleetError {
    /// The id or name is in use.
    #[error("cluster {0} is already in the fleet")]
    Taken(ClusterName),
    /// What is needed to reach it cannot be used, for instance a key that does not fit its certificate.
    #[error("cluster {name}: {message}")]
    Unusable {
        /// Its name.
        name: ClusterName,
        /// What is wrong.
        message: String,
    },
    /// The fleet is stopping.
    #[error("the fleet is stopping")]
    Stopping,
}

/// All members. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fleet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: FleetOptions,
    members: RwLock<Members>,
    subscribers: Mutex<Vec<Weak<Subscriber>>>,
    closing: CancellationToken,
    /// Tasks that pass on changes of members, and the closing of members that were replaced.
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Members {
    by_id: HashMap<ClusterId, Arc<Member>>,
    by_name: HashMap<ClusterName, ClusterId>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Fleet {
    /// An empty fleet.
    #[must_use]
    pub fn new(options: FleetOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            members: RwLock::default(),
            subscribers: Mutex::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Adds a member and starts its tasks. Returns at once: health says when it answers. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the id or name is in use, or what is needed to reach it cannot be used.
    pub fn add(&self, spec: MemberSpec) -> Result<Arc<Member>, FleetError> {
        self.put(spec, false)
    }

    /// Replaces a member's way (a new credential) or adds it. Handles of the old one end; its facts are carried over.
    ///
    /// # Errors
    /// When the name belongs to another member, or what is needed to reach it cannot be used; the old one then stays.
    pub fn replace(&self, spec: MemberSpec) -> Result<Arc<Member>, FleetError> {
        self.put(spec, true)
    }

    fn put(&self, spec: MemberSpec, replace: bool) -> Result<Arc<Member>, FleetError> {
        let inner = &self.0;
        let (id, name) = (spec.id, spec.name.clone());
        let mut members = inner.members.write().unwrap_or_else(PoisonError::into_inner);
        if inner.closing.is_cancelled() {
            return Err(FleetError::Stopping);
        }
        let named = members.by_name.get(&name);
        if named.is_some_and(|other| *other != id) || (!replace && members.by_id.contains_key(&id)) {
            return Err(FleetError::Taken(name));
        }
        let old = members.by_id.get(&id).cloned();
        let known = old.as_ref().and_then(|old| old.facts().borrow().clone());
        let member = Member::start(spec, &inner.options, inner.closing.child_token(), known)
            .map_err(|error| FleetError::Unusable { name: name.clone(), message: error.message })?;
        if let Some(old) = old {
            members.by_name.remove(old.name());
            old.closing_token().cancel();
            inner.tasks.spawn(async move { old.close().await });
        }
        members.by_id.insert(id, Arc::clone(&member));
        members.by_name.insert(name, id);
        drop(members);
        inner.tasks.spawn(announce(Arc::downgrade(inner), Arc::clone(&member)));
        inner.changed(id);
        Ok(member)
    }

    /// A way to a cluster that is no member (yet).
    pub(crate) fn api(&self, connector: &Connector) -> Result<Api, MemberError> {
        let Inner { options, closing, .. } = &*self.0;
        let transport = connector.open(Lane::Probes, &options.tuning)?;
        let limiter = Limiter::new(options.limiter.clone());
        Ok(Api::new(transport, limiter, options.request_deadline, closing.child_token()))
    }

    /// Removes a member and waits, a few seconds at most, until its tasks have ended. `false` when there was none.
    pub async fn remove(&self, id: ClusterId) -> bool {
        let removed = {
            let mut members = self.0.members.write().unwrap_or_else(PoisonError::into_inner);
            let removed = members.by_id.remove(&id);
            if let Some(member) = &removed {
                members.by_name.remove(member.name());
            }
            removed
        };
        let Some(member) = removed else { return false };
        member.closing_token().cancel();
        self.0.changed(id);
        if timeout(CLOSE_DEADLINE, member.close()).await.is_err() {
            tracing::warn!(cluster = %member.name(), "the tasks of a removed cluster have not ended yet");
        }
        true
    }

    /// A member by id.
    #[must_use]
    pub fn get(&self, id: ClusterId) -> Option<Arc<Member>> {
        self.0.members.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }

    /// A member by name.
    #[must_use]
    pub fn named(&self, name: &ClusterName) -> Option<Arc<Member>> {
        let members = self.0.members.read().unwrap_or_else(PoisonError::into_inner);
        members.by_id.get(members.by_name.get(name)?).cloned()
    }

    /// Every member, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Member>> {
        let members = self.0.members.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = members.by_id.values().cloned().collect();
        drop(members);
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Changes from now on: members added, removed or replaced, and changes of health or facts.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let subscriber = Arc::new(Subscriber::default());
        let mut subscribers = self.0.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|known| known.strong_count() > 0);
        subscribers.push(Arc::downgrade(&subscriber));
        drop(subscribers);
        Changes { subscriber, closing: self.0.closing.clone() }
    }

    /// Ends every member, waiting at most this long for their tasks.
    pub async fn shutdown(&self, deadline: Duration) {
        let members = {
            let mut members = self.0.members.write().unwrap_or_else(PoisonError::into_inner);
            // Under the lock, so that nothing is added after.
            self.0.closing.cancel();
            std::mem::take(&mut *members)
        };
        self.0.tasks.close();
        let all = async {
            for member in members.by_id.values() {
                member.close().await;
            }
            self.0.tasks.wait().await;
        };
        if timeout(deadline, all).await.is_err() {
            tracing::warn!("some tasks of the fleet have not ended in time");
        }
    }
}

impl Inner {
    fn changed(&self, id: ClusterId) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| {
            let Some(subscriber) = subscriber.upgrade() else { return false };
            subscriber.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
            subscriber.notify.notify_one();
            true
        });
    }
}

/// Passes changes of a member's health and facts on until it is closed.
async fn announce(fleet: Weak<Inner>, member: Arc<Member>) {
    let (mut health, mut facts) = (member.health(), member.facts());
    let closing = member.closing();
    // A member that keeps no facts has no sender for them.
    let mut facts_open = true;
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            changed = health.changed() => if changed.is_err() { return },
            changed = facts.changed(), if facts_open => if changed.is_err() {
                facts_open = false;
                continue;
            },
        }
        let Some(fleet) = fleet.upgrade() else { return };
        fleet.changed(member.id());
    }
}

#[derive(Debug, Default)]
struct Subscriber {
    changed: Mutex<BTreeSet<ClusterId>>,
    notify: Notify,
}

/// Clusters that changed. Holds a set, not a queue: a slow reader misses no cluster and holds up nobody.
#[derive(Debug)]
pub struct Changes {
    subscriber: Arc<Subscriber>,
    closing: CancellationToken,
}

impl Changes {
    /// Waits until something changed and takes the set of clusters. `None` when the fleet has stopped.
    pub async fn next(&mut self) -> Option<BTreeSet<ClusterId>> {
        loop {
            let changed =
                std::mem::take(&mut *self.subscriber.changed.lock().unwrap_or_else(PoisonError::into_inner));
            if !changed.is_empty() {
                return Some(changed);
            }
            tokio::select! {
                () = self.subscriber.notify.notified() => {}
                () = self.closing.cancelled() => return None,
            }
        }
    }
}
