//! Recorded removals, found by copy, by object and by namespace without looking through all of them: many objects are
//! removed at once more often than one.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use hanse_types::{ClusterId, FederatedId};
use uuid::Uuid;

use super::CopyKey;

/// What happens to a copy that is no longer wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalMode {
    /// It is deleted.
    Delete,
    /// It stays and loses the label.
    Release,
}

/// A recorded decision to remove one copy.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Id of the row.
    pub id: Uuid,
    /// Where.
    pub cluster: ClusterId,
    /// Which copy.
    pub key: CopyKey,
    /// Group and version, for kinds that the member must be asked for.
    pub api_version: String,
    /// How.
    pub mode: RemovalMode,
    /// Delete options as a person wrote them.
    pub options: Option<serde_json::Value>,
    /// Object whose copy it was.
    pub object: Option<FederatedId>,
    /// When it was decided.
    pub at: DateTime<Utc>,
}

/// Every recorded removal.
#[derive(Default)]
pub(super) struct Removals {
    by_copy: HashMap<ClusterId, HashMap<CopyKey, Removal>>,
    by_object: HashMap<FederatedId, HashMap<ClusterId, CopyKey>>,
    /// How many there are by cluster and namespace.
    inside: HashMap<(ClusterId, Box<str>), usize>,
    /// Those whose copy is gone and whose row goes next.
    carried_out: HashSet<Uuid>,
}

impl Removals {
    pub(super) fn insert(&mut self, removal: Removal) {
        if let Some(object) = removal.object {
            self.by_object.entry(object).or_default().insert(removal.cluster, removal.key.clone());
        }
        let (cluster, namespace) = (removal.cluster, Box::from(&*removal.key.key.namespace));
        let old = self.by_copy.entry(cluster).or_default().insert(removal.key.clone(), removal);
        match old {
            None => *self.inside.entry((cluster, namespace)).or_default() += 1,
            Some(old) => {
                self.carried_out.remove(&old.id);
            }
        }
    }

    /// Replaces the removals of one object.
    pub(super) fn replace(&mut self, object: FederatedId, removals: Vec<Removal>) {
        let still: HashSet<Uuid> = removals.iter().map(|removal| removal.id).collect();
        let carried_out: Vec<Uuid> = still.intersection(&self.carried_out).copied().collect();
        for (cluster, key) in self.by_object.remove(&object).unwrap_or_default() {
            self.take(cluster, &key, |old| old.object == Some(object));
        }
        for removal in removals {
            self.insert(removal);
        }
        self.carried_out.extend(carried_out);
    }

    pub(super) fn remove(&mut self, removal: &Removal) {
        if !self.take(removal.cluster, &removal.key, |old| old.id == removal.id) {
            return;
        }
        if let Some(object) = removal.object
            && let Some(clusters) = self.by_object.get_mut(&object)
        {
            clusters.remove(&removal.cluster);
            if clusters.is_empty() {
                self.by_object.remove(&object);
            }
        }
    }

    /// Takes one out of the tables by copy and namespace, if it is the one that is meant.
    fn take(&mut self, cluster: ClusterId, key: &CopyKey, meant: impl FnOnce(&Removal) -> bool) -> bool {
        let Some(copies) = self.by_copy.get_mut(&cluster) else { return false };
        if !copies.get(key).is_some_and(meant) {
            return false;
        }
        if let Some(old) = copies.remove(key) {
            self.carried_out.remove(&old.id);
        }
        let inside = (cluster, Box::from(&*key.key.namespace));
        if let Some(count) = self.inside.get_mut(&inside) {
            *count -= 1;
            if *count == 0 {
                self.inside.remove(&inside);
            }
        }
        true
    }

    pub(super) fn carried_out(&mut self, id: Uuid) {
        self.carried_out.insert(id);
    }

    pub(super) fn get(&self, cluster: ClusterId, key: &CopyKey) -> Option<(Removal, bool)> {
        let removal = self.by_copy.get(&cluster)?.get(key)?;
        Some((removal.clone(), self.carried_out.contains(&removal.id)))
    }

    pub(super) fn any_inside(&self, cluster: ClusterId, namespace: &str) -> bool {
        self.inside.contains_key(&(cluster, Box::from(namespace)))
    }

    pub(super) fn clusters_of(&self, object: FederatedId) -> HashSet<ClusterId> {
        self.by_object.get(&object).into_iter().flat_map(HashMap::keys).copied().collect()
    }

    pub(super) fn in_cluster(&self, cluster: ClusterId) -> impl Iterator<Item = &CopyKey> {
        self.by_copy.get(&cluster).into_iter().flat_map(HashMap::keys)
    }
}

#[cfg(test)]
mod tests {
    use hanse_fleet::ObjectKey;

    use super::*;

    fn removal(object: FederatedId, cluster: ClusterId, name: &str) -> Removal {
        Removal {
            id: Uuid::now_v7(),
            cluster,
            key: CopyKey { type_: "configmaps".into(), key: ObjectKey::new("shop", name) },
            api_version: "v1".to_owned(),
            mode: RemovalMode::Delete,
            options: None,
            object: Some(object),
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn every_way_of_finding_agrees() {
        let (a, b) = (FederatedId(Uuid::now_v7()), FederatedId(Uuid::now_v7()));
        let (eu, us) = (ClusterId(Uuid::now_v7()), ClusterId(Uuid::now_v7()));
        let mut all = Removals::default();
        let (first, second, other) = (removal(a, eu, "a"), removal(a, us, "a"), removal(b, eu, "b"));
        all.replace(a, vec![first.clone(), second.clone()]);
        all.replace(b, vec![other.clone()]);
        assert_eq!(all.clusters_of(a), HashSet::from([eu, us]));
        assert_eq!(all.in_cluster(eu).count(), 2);
        all.carried_out(first.id);
        assert!(all.get(eu, &first.key).is_some_and(|(_, done)| done));
        // Told again as stored, while its row is going: it stays carried out.
        all.replace(a, vec![first.clone(), second.clone()]);
        assert!(all.get(eu, &first.key).is_some_and(|(_, done)| done));
        // A new decision about the same copy is another one.
        let again = removal(a, eu, "a");
        all.insert(again.clone());
        assert!(all.get(eu, &first.key).is_some_and(|(found, done)| found.id == again.id && !done));
        all.remove(&first);
        assert_eq!(all.clusters_of(a), HashSet::from([eu, us]));
        for gone in [&again, &second, &other] {
            assert!(all.any_inside(gone.cluster, "shop"));
            all.remove(gone);
        }
        assert!(!all.any_inside(eu, "shop") && !all.any_inside(us, "shop"));
        assert!(all.by_object.is_empty() && all.inside.is_empty() && all.carried_out.is_empty());
    }
}
