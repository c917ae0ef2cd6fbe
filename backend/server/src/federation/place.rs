//! Where copies are wanted: computed when an object is accepted, and again for every object of a project when clusters are
//! relabelled, or come to or leave the project. A cluster that leaves becomes a recorded removal; nothing else ever
//! removes a copy.

use std::collections::BTreeSet;

use hanse_federation::{
    ClusterView,
    object::{Deletion, Placement, Policy},
    placement::{Bounds, select},
};
use hanse_store::{Tx, federated, projects, removals::Mode};
use hanse_types::ClusterId;
use serde_json::Value;

use crate::{
    Platform,
    error::{Error, Result},
};

/// A project's clusters as decisions see them.
///
/// # Errors
/// When the database is away.
pub async fn clusters_of(
    platform: &Platform,
    project: &projects::Model,
) -> Result<Vec<(ClusterId, ClusterView)>> {
    let rows = platform.store.clusters_of_project(project.id).await?;
    Ok(rows.iter().map(|row| view_of(platform, row.clone())).collect())
}

/// One cluster as decisions see it: stored name and labels, last observed facts and health.
#[must_use]
pub fn view_of(platform: &Platform, row: hanse_store::clusters::Model) -> (ClusterId, ClusterView) {
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

/// Places every object of a project anew, within the transaction that changed its clusters or their labels.
///
/// # Errors
/// When the database refuses.
pub async fn again(
    platform: &Platform,
    tx: &mut Tx,
    project: &projects::Model,
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
    project: &projects::Model,
    clusters: &[(ClusterId, ClusterView)],
    copies: Option<Mode>,
    reason: &'static str,
) -> Result<()> {
    for row in platform.store.federated_of_projects(vec![project.id]).await? {
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
