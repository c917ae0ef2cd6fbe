//! Which kinds a member serves. Asked once and kept; asked again when somebody names a kind that is not known or a
//! request says that it is gone, at most every few seconds, so that a misspelt kind cannot become a load.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::{
    api::Api,
    error::MemberError,
    resource::{KindOrPlural, ResourceType, TypeName},
};

mod documents;

/// Asking again because of an unknown kind happens at most this often.
const AT_MOST_EVERY: Duration = Duration::from_secs(5);
/// What is known is asked for again after this long, since a preferred version can change without any failure.
const KEPT: Duration = Duration::from_secs(600);

/// The kinds of one member.
pub struct Discovery {
    api: Api,
    kinds: RwLock<Option<Arc<Kinds>>>,
    stale: AtomicBool,
    /// When it was asked last; held while asking, so that many who wait cause one request.
    asked: Mutex<Option<Instant>>,
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Discovery").field("kinds", &self.known().map(|kinds| kinds.all.len())).finish()
    }
}

/// Every kind in every version, preferred versions first.
#[derive(Debug, Default)]
struct Kinds {
    all: Vec<Arc<ResourceType>>,
    by_kind: HashMap<(String, String), Vec<Arc<ResourceType>>>,
    by_plural: HashMap<(String, String), Vec<Arc<ResourceType>>>,
    read_at: Option<Instant>,
}

impl Kinds {
    /// From the member's list, in its order of preference.
    fn new(served: Vec<ResourceType>) -> Self {
        let mut kinds = Self { read_at: Some(Instant::now()), ..Self::default() };
        for kind in served {
            let kind = Arc::new(kind);
            let by_kind = kinds.by_kind.entry((kind.group.clone(), kind.kind.clone())).or_default();
            by_kind.push(Arc::clone(&kind));
            let by_plural = kinds.by_plural.entry((kind.group.clone(), kind.plural.clone())).or_default();
            if by_plural.is_empty() {
                kinds.all.push(Arc::clone(&kind));
            }
            by_plural.push(kind);
        }
        kinds.all.sort_by(|a, b| (&a.group, &a.kind, &a.plural).cmp(&(&b.group, &b.kind, &b.plural)));
        kinds
    }

    fn find(&self, name: &TypeName) -> Option<Arc<ResourceType>> {
        let versions = match &name.name {
            KindOrPlural::Kind(kind) => self.by_kind.get(&(name.group.clone(), kind.clone())),
            KindOrPlural::Plural(plural) => self.by_plural.get(&(name.group.clone(), plural.clone())),
        }?;
        let wanted = name.version.as_deref();
        versions.iter().find(|kind| wanted == Some(&kind.version)).or_else(|| versions.first()).cloned()
    }
}

impl Discovery {
    pub(crate) fn new(api: Api) -> Self {
        Self { api, kinds: RwLock::new(None), stale: AtomicBool::new(false), asked: Mutex::new(None) }
    }

    fn known(&self) -> Option<Arc<Kinds>> {
        self.kinds.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The kind as this member serves it, or `None` when it does not. Asks the member when the kind is not known yet.
    /// The version that the caller named is taken if it is served, else the one that the member prefers.
    ///
    /// # Errors
    /// When the member has never answered and does not now.
    pub async fn resolve(&self, name: &TypeName) -> Result<Option<Arc<ResourceType>>, MemberError> {
        if let Some(found) = self.fresh().and_then(|kinds| kinds.find(name)) {
            return Ok(Some(found));
        }
        Ok(self.refreshed().await?.find(name))
    }

    /// Every kind that the member serves, in its preferred version, sorted by group and kind.
    ///
    /// # Errors
    /// When the member has never answered and does not now.
    pub async fn all(&self) -> Result<Vec<Arc<ResourceType>>, MemberError> {
        let kinds = match self.fresh() {
            Some(kinds) => kinds,
            None => self.refreshed().await?,
        };
        Ok(kinds.all.clone())
    }

    /// Says that a request for a known kind met "no such kind": the next [`resolve`](Self::resolve) asks again.
    pub fn invalidate(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// What is known, unless it is old or was called wrong.
    fn fresh(&self) -> Option<Arc<Kinds>> {
        let fresh = |kinds: &Arc<Kinds>| kinds.read_at.is_some_and(|at| at.elapsed() < KEPT);
        self.known().filter(|kinds| !self.stale.load(Ordering::Relaxed) && fresh(kinds))
    }

    /// Asks the member, unless it was asked a moment ago; what was known before serves when it does not answer.
    async fn refreshed(&self) -> Result<Arc<Kinds>, MemberError> {
        let mut asked = self.asked.lock().await;
        let known = self.known();
        if let Some(known) = &known
            && asked.is_some_and(|at| at.elapsed() < AT_MOST_EVERY)
        {
            return Ok(Arc::clone(known));
        }
        self.stale.store(false, Ordering::Relaxed);
        let answer = documents::read(&self.api).await;
        *asked = Some(Instant::now());
        match (answer, known) {
            (Ok(served), _) => {
                let kinds = Arc::new(Kinds::new(served));
                *self.kinds.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&kinds));
                Ok(kinds)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "the kinds of a cluster could not be read again; those of before serve");
                Ok(known)
            }
            (Err(error), None) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(group: &str, version: &str, kind: &str, plural: &str) -> ResourceType {
        ResourceType {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            plural: plural.to_owned(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        }
    }

    #[test]
    fn the_version_asked_for_wins_where_it_is_served() {
        let kinds = Kinds::new(vec![
            served("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
            served("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
        ]);
        let version = |api_version: &str| {
            kinds
                .find(&TypeName::of_kind(api_version, "HorizontalPodAutoscaler"))
                .map(|kind| kind.version.clone())
        };
        assert_eq!(version("autoscaling/v1").as_deref(), Some("v1"));
        assert_eq!(version("autoscaling/v2").as_deref(), Some("v2"));
        assert_eq!(version("autoscaling/v9").as_deref(), Some("v2"), "the preferred one");
        assert_eq!(version("apps/v1"), None);
        let plural = TypeName::of_plural("horizontalpodautoscalers.autoscaling");
        assert_eq!(kinds.find(&plural).map(|kind| kind.version.clone()).as_deref(), Some("v2"));
        assert_eq!(kinds.all.len(), 1, "one entry per kind");
    }
}
