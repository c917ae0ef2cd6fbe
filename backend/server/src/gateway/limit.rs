//! How much goes to one member at a time, and how many watches are at the hub. Everybody has a share of a cluster that is smaller than the cluster's bound,
//! so that one person's script leaves room for others; and what goes on for long (watches, logs, terminals) is counted
//! apart from what ends soon.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hanse_types::{ClusterId, UserId};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::config;

/// Longest wait for a place.
const WAIT: Duration = Duration::from_secs(5);
/// People remembered for a cluster before those who hold nothing are forgotten.
const REMEMBERED: usize = 1024;

/// A place among the requests to a cluster, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _own: OwnedSemaphorePermit,
    _of_cluster: OwnedSemaphorePermit,
}

/// No place was free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The caller has too much under way.
    Own,
    /// Everybody together has.
    Cluster,
}

/// Places of one kind.
pub struct Places {
    all: Arc<Semaphore>,
    each: usize,
    users: Mutex<HashMap<UserId, Arc<Semaphore>>>,
}

impl Places {
    /// So many, of which one person may have so many.
    #[must_use]
    pub fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), each: each.min(all), users: Mutex::default() }
    }

    fn own(&self, user: UserId) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= REMEMBERED {
            users.retain(|_, places| Arc::strong_count(places) > 1);
        }
        Arc::clone(users.entry(user).or_insert_with(|| Arc::new(Semaphore::new(self.each))))
    }

    /// Waits for a place, for a short while. The own share first: whoever waits for that takes no place that another
    /// could have.
    ///
    /// # Errors
    /// [`Full`] when none gets free.
    pub async fn enter(&self, user: UserId) -> Result<Place, Full> {
        let enter = async |places: Arc<Semaphore>| timeout(WAIT, places.acquire_owned()).await.ok()?.ok();
        let own = enter(self.own(user)).await.ok_or(Full::Own)?;
        let of_cluster = enter(Arc::clone(&self.all)).await.ok_or(Full::Cluster)?;
        Ok(Place { _own: own, _of_cluster: of_cluster })
    }
}

struct Cluster {
    short: Places,
    long: Places,
}

/// Limits of every cluster.
pub struct Limits {
    config: config::Gateway,
    clusters: Mutex<HashMap<ClusterId, Arc<Cluster>>>,
}

impl Limits {
    /// With nothing under way.
    #[must_use]
    pub fn new(config: config::Gateway) -> Self {
        Self { config, clusters: Mutex::default() }
    }

    /// Waits for a place, for a short while.
    ///
    /// # Errors
    /// [`Full`] when none gets free.
    pub async fn enter(&self, cluster: ClusterId, user: UserId, long: bool) -> Result<Place, Full> {
        let of_cluster = {
            let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
            let config = &self.config;
            let new = || {
                Arc::new(Cluster {
                    short: Places::new(config.requests_per_cluster, config.requests_per_user),
                    long: Places::new(config.streams_per_cluster, config.streams_per_user),
                })
            };
            Arc::clone(clusters.entry(cluster).or_insert_with(new))
        };
        if long { of_cluster.long.enter(user).await } else { of_cluster.short.enter(user).await }
    }

    /// A cluster was let go.
    pub fn forget(&self, cluster: ClusterId) {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner).remove(&cluster);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_person_leaves_room_for_others() {
        let config = config::Gateway {
            requests_per_cluster: 3,
            requests_per_user: 2,
            streams_per_cluster: 1,
            streams_per_user: 1,
            ..config::Gateway::default()
        };
        let limits = Limits::new(config);
        let (cluster, greedy, modest) = (ClusterId::new(), UserId::new(), UserId::new());
        let first = limits.enter(cluster, greedy, false).await.unwrap();
        let _second = limits.enter(cluster, greedy, false).await.unwrap();
        assert_eq!(limits.enter(cluster, greedy, false).await.unwrap_err(), Full::Own);
        let _third = limits.enter(cluster, modest, false).await.unwrap();
        assert_eq!(limits.enter(cluster, modest, false).await.unwrap_err(), Full::Cluster);
        // Long ones are counted apart, and a place that is given back is there for the next.
        let _stream = limits.enter(cluster, greedy, true).await.unwrap();
        assert_eq!(limits.enter(cluster, modest, true).await.unwrap_err(), Full::Cluster);
        drop(first);
        limits.enter(cluster, modest, false).await.unwrap();
        limits.enter(ClusterId::new(), greedy, false).await.unwrap();
    }
}
