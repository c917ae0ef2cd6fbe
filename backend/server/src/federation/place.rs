//! Where copies are wanted: computed when an object is accepted, and again for every object of a project when clusters are
//! relabelled, or come to or leave the project. A cluster that leaves becomes a recorded removal; nothing else ever
//! removes a copy.

use std::{collections::BTreeSet, time::Duration};

use hanse_federation::{
    ClusterView,
    object::{Deletion, Placement, Policy},
    placement::{Bounds, select},
};
use hanse_store::{Tx, clusters, federated, projects, removals::Mode};
use hanse_types::ClusterId;
use serde_json::Value;

use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result},
};

/// Longest time for taking the platform's objects out of a cluster that goes.
const LEAVING: Duration = Duration::from_secs(20);
/// Time between two looks at how far that is.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The clusters of a project as decisions see them, or with no project all clusters, in the order of their names.
///
/// # Errors
/// When the database is away.
pub async fn clusters_of(
    platform: &Platform,
    project: Option<&projects::Model>,
) -> Result<Vec<(ClusterId, ClusterView)>> {
    let Some(project) = project else {
        let mut rows = platform.store.all_clusters().await?;
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        return Ok(rows.into_iter().map(|row| view_of(platform, row)).collect());
    };
    let rows = platform.store.clusters_of_project(project.id).await?;
    Ok(rows.iter().map(|row| view_of(platform, row.clone())).collect())
}

/// One cluster as decisions see it: stored name and labels, last observed facts and health.
#[must_use]
pub fn view_of(platform: &Platform, row: clusters::Model) -> (ClusterId, ClusterView) {
    let id = ClusterId(row.id);
    let mut view = platform.engine.views().get(&id).cloned().unwrap_or_default();
    view.name = row.name;
    view.labels = serde_json::from_value(row.labels).unwrap_or_default();
    (id, view)
}

/// The clusters that a placement selects among some.
#[must_use]
pub fn selected(placement: &Placement, clusters: &[(ClusterId, ClusterView)]) -> BTreeSet<ClusterId> {
    let views: Vec<ClusterView> = clusters.iter().map(|(_, view)| view.clone()).collect();
    select(placement, &views, Bounds::Unbounded)
        .into_iter()
        .zip(clusters)
        .filter(|(choice, _)| choice.selected)
        .map(|(_, (id, _))| *id)
        .collect()
}

/// What happens to copies that are no longer wanted.
#[must_use]
pub fn leaving(policy: &Policy) -> (Mode, Option<Value>) {
    let mode = match policy.deletion {
        Deletion::Delete => Mode::Delete,
        Deletion::Orphan => Mode::Release,
    };
    (mode, policy.delete_options.as_ref().and_then(|options| serde_json::to_value(options).ok()))
}

/// Places every object of a project anew, or with none those of the platform, within the transaction that changed the
/// clusters or their labels.
///
/// # Errors
/// When the database refuses.
pub async fn again(
    platform: &Platform,
    tx: &mut Tx,
    project: Option<&projects::Model>,
    clusters: &[(ClusterId, ClusterView)],
    reason: &'static str,
) -> Result<()> {
    again_leaving(platform, tx, project, clusters, None, reason).await
}

/// [`again`]; `copies` says what happens to those in clusters that leave, whatever the objects' policies are.
///
/// # Errors
/// As for [`again`].
pub async fn again_leaving(
    platform: &Platform,
    tx: &mut Tx,
    project: Option<&projects::Model>,
    clusters: &[(ClusterId, ClusterView)],
    copies: Option<Mode>,
    reason: &'static str,
) -> Result<()> {
    let rows = match project {
        Some(project) => platform.store.federated_of_projects(vec![project.id]).await?,
        None => platform.store.federated_of_platform().await?,
    };
    for row in rows {
        if row.deleted_at.is_some() {
            continue;
        }
        let part = |field: &str| row.spec.get(field).cloned().unwrap_or_default();
        let placement: Placement = serde_json::from_value(part("placement")).map_err(Error::internal)?;
        let policy: Policy = serde_json::from_value(part("policy")).map_err(Error::internal)?;
        let wanted = selected(&placement, clusters);
        if federated::placed(&row)? == wanted {
            continue;
        }
        let (mode, _) = leaving(&policy);
        federated::replace_placed(tx, project, row, &wanted, copies.unwrap_or(mode), reason).await?;
    }
    Ok(())
}

/// A cluster comes: objects of the platform whose placement selects it go there.
///
/// # Errors
/// When the database refuses.
pub async fn joined(platform: &Platform, tx: &mut Tx, cluster: &clusters::Model) -> Result<()> {
    let mut all = clusters_of(platform, None).await?;
    all.push(view_of(platform, cluster.clone()));
    again(platform, tx, None, &all, "the cluster came").await
}

/// A cluster is about to go: objects of the platform leave it, and if it answers, their copies have left it or lost the
/// label when this returns.
///
/// # Errors
/// When the database refuses.
pub async fn leave(platform: &Platform, op: &OpContext, cluster: ClusterId, mode: Mode) -> Result<()> {
    let mut tx = platform.store.begin(&op.write()).await?;
    let mut objects = Vec::new();
    for row in platform.store.federated_of_platform().await? {
        let mut wanted = federated::placed(&row)?;
        if wanted.remove(&cluster) && row.deleted_at.is_none() {
            objects.push(row.id);
            federated::replace_placed(&mut tx, None, row, &wanted, mode, "the cluster goes").await?;
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    platform.commit(tx).await?;
    let left = async {
        while platform.engine.is_ready(cluster) {
            let removals = platform.store.removals_of(objects.clone()).await?;
            if !removals.iter().any(|removal| removal.cluster_id == cluster.0) {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    };
    tokio::time::timeout(LEAVING, left).await.unwrap_or_else(|_| {
        tracing::info!(cluster = %cluster.0, "copies of the platform's objects are left in a cluster that goes: it is too slow");
        Ok(())
    })
}
