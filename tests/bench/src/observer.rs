//! Sees with a watch of its own, at each member, when the copies that Hanse keeps arrive and go: what Hanse says about
//! itself is not asked.

use std::{
    collections::{HashMap, HashSet},
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use futures::TryStreamExt as _;
use k8s_openapi::{
    api::{apps::v1::Deployment, core::v1::ConfigMap},
    serde::de::DeserializeOwned,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    core::PartialObjectMeta,
    runtime::watcher::{Config, Event, watcher},
};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    machine::Member,
    sample::{CHANGED, Kind},
};

const DEADLINE: Duration = Duration::from_secs(120);

#[derive(Default)]
struct Seen {
    /// By kind and name: when each member had it first.
    arrived: HashMap<(Kind, String), Vec<Instant>>,
    updated: HashMap<(Kind, String), Vec<Instant>>,
    gone: HashMap<(Kind, String), Vec<Instant>>,
    /// Watches that have begun.
    ready: usize,
    failed: Option<String>,
}

/// Watches at all members.
pub struct Observer {
    seen: Arc<Mutex<Seen>>,
    changed: watch::Receiver<()>,
    members: usize,
    _watches: JoinSet<()>,
}

impl Observer {
    /// Starts them, and returns when all have begun.
    pub async fn start(members: &[Member]) -> anyhow::Result<Self> {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (tell, changed) = watch::channel(());
        let tell = Arc::new(tell);
        let mut watches = JoinSet::new();
        for member in members {
            let (seen, tell) = (&seen, &tell);
            watches.spawn(follow::<ConfigMap>(
                member.client.clone(),
                Kind::ConfigMap,
                Arc::clone(seen),
                Arc::clone(tell),
            ));
            watches.spawn(follow::<Deployment>(
                member.client.clone(),
                Kind::Deployment,
                Arc::clone(seen),
                Arc::clone(tell),
            ));
        }
        let begun = watches.len();
        let observer = Self { seen, changed, members: members.len(), _watches: watches };
        observer.until("the watches", |seen| (seen.ready >= begun).then_some(())).await?;
        Ok(observer)
    }

    /// When the last member got each of these objects.
    pub async fn arrived(&self, kind: Kind, names: &[String]) -> anyhow::Result<Vec<Instant>> {
        self.until("arrival", |seen| self.last(&seen.arrived, kind, names)).await
    }

    /// When the last member had the change of each of these objects.
    pub async fn updated(&self, kind: Kind, names: &[String]) -> anyhow::Result<Vec<Instant>> {
        self.until("change", |seen| self.last(&seen.updated, kind, names)).await
    }

    /// When the last member lost each of these objects.
    pub async fn gone(&self, kind: Kind, names: &[String]) -> anyhow::Result<Vec<Instant>> {
        self.until("deletion", |seen| self.last(&seen.gone, kind, names)).await
    }

    fn last(
        &self,
        moments: &HashMap<(Kind, String), Vec<Instant>>,
        kind: Kind,
        names: &[String],
    ) -> Option<Vec<Instant>> {
        let last = |name: &String| {
            let moments = moments.get(&(kind, name.clone()))?;
            (moments.len() >= self.members).then(|| moments.iter().max().copied()).flatten()
        };
        // The newest are most probably missing: look there first.
        let mut all: Vec<Instant> = names.iter().rev().map(last).collect::<Option<_>>()?;
        all.reverse();
        Some(all)
    }

    async fn until<T>(&self, what: &str, look: impl Fn(&Seen) -> Option<T>) -> anyhow::Result<T> {
        let mut changed = self.changed.clone();
        let looking = async {
            loop {
                changed.borrow_and_update();
                {
                    let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(failure) = &seen.failed {
                        anyhow::bail!("a watch failed: {failure}");
                    }
                    if let Some(found) = look(&seen) {
                        return Ok(found);
                    }
                }
                changed.changed().await?;
            }
        };
        tokio::time::timeout(DEADLINE, looking).await.with_context(|| format!("{what}: not in time"))?
    }
}

async fn follow<K>(client: Client, kind: Kind, seen: Arc<Mutex<Seen>>, tell: Arc<watch::Sender<()>>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    // Everything, so that what the bare client writes is watched, too: the instrument costs both alike.
    let config = Config::default();
    let (mut known, mut changed) = (HashSet::new(), HashSet::new());
    let mut events = std::pin::pin!(watcher(Api::<PartialObjectMeta<K>>::all(client), config));
    loop {
        let event = events.try_next().await;
        let now = Instant::now();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match event {
            Ok(Some(Event::Apply(object))) => {
                // Later events of the same object are changes.
                let name = object.name_any();
                if object.labels().contains_key(CHANGED) && changed.insert(name.clone()) {
                    seen.updated.entry((kind, name.clone())).or_default().push(now);
                }
                if known.insert(name.clone()) {
                    seen.arrived.entry((kind, name)).or_default().push(now);
                }
                None
            }
            Ok(Some(Event::Delete(object))) => {
                seen.gone.entry((kind, object.name_any())).or_default().push(now);
                None
            }
            Ok(Some(Event::InitDone)) => {
                seen.ready += 1;
                None
            }
            Ok(Some(_)) => None,
            Ok(None) => Some("it ended".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        let over = ended.is_some();
        if over {
            seen.failed = ended;
        }
        drop(seen);
        tell.send_replace(());
        if over {
            return;
        }
    }
}
