//! Projects whose clusters follow a placement: a namespace federated in the words of Federation v2, or made at a
//! Federation v1 server, names clusters or selects them by labels, and means those that match at any time, not those
//! that matched when it was written. A project whose clusters were chosen one by one through REST follows nothing.

use std::collections::HashSet;

use hanse_federation::{ClusterView, object::Placement};
use hanse_store::{AuditEvent, Tx, hub, projects};
use hanse_types::ClusterId;
use serde_json::json;
use uuid::Uuid;

use crate::{
    Platform,
    error::{Error, Result},
    federation::place,
};

/// Has a project's clusters follow a placement, or stay as they are.
///
/// # Errors
/// When the database refuses.
pub(super) async fn keep(tx: &Tx, project: &projects::Model, placement: Option<&Placement>) -> Result<()> {
    let body = placement.map(serde_json::to_value).transpose().map_err(Error::internal)?;
    hub::follow(tx, project.id, body.as_ref()).await?;
    Ok(())
}

/// Gives the projects of a workspace that follow a placement the clusters that it selects now among those granted, and
/// says which projects those are. Labels of the clusters are as the caller gives them: they may be about to change.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn again(
    platform: &Platform,
    tx: &mut Tx,
    workspace: Uuid,
    granted: &[(ClusterId, ClusterView)],
    reason: &'static str,
) -> Result<HashSet<Uuid>> {
    let mut seen = HashSet::new();
    let followers = platform.store.followers(&[workspace]).await?;
    let ids = followers.iter().map(|(project, _)| project.id).collect();
    let mut present = platform.store.project_clusters(ids).await?;
    for (project, placement) in followers {
        seen.insert(project.id);
        let placement: Placement = serde_json::from_value(placement).map_err(Error::internal)?;
        let wanted = place::selected(&placement, granted);
        let clusters: Vec<Uuid> = wanted.iter().map(|id| id.0).collect();
        let views: Vec<_> = granted.iter().filter(|(id, _)| wanted.contains(id)).cloned().collect();
        let before: HashSet<Uuid> =
            present.remove(&project.id).unwrap_or_default().into_iter().map(|cluster| cluster.id).collect();
        if before == clusters.iter().copied().collect() {
            place::again(platform, tx, &project, &views, reason).await?;
            continue;
        }
        projects::set_clusters(tx, &project, &clusters).await?;
        place::again(platform, tx, &project, &views, reason).await?;
        hub::touch_project(tx, &project);
        let names: Vec<&str> = views.iter().map(|(_, view)| view.name.as_str()).collect();
        tx.audit(AuditEvent {
            verb: "update",
            kind: "project",
            name: project.name.clone(),
            project: Some(project.name.clone()),
            after: Some(json!({"clusters": names, "because": reason})),
            ..AuditEvent::default()
        });
    }
    Ok(seen)
}
