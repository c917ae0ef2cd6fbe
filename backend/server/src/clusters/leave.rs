//! A cluster that leaves as a whole, as Federation v2 has it: out of every project and workspace at once. Copies stay where
//! they are and lose the label, as far as the cluster still answers and for a bounded time: whoever has it leave has
//! often taken our rights there already.

use std::time::Duration;

use hanse_store::{AuditEvent, hub, projects, removals::Mode, workspaces};
use hanse_types::{ClusterId, cluster::ClusterPhase};
use serde_json::json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Copies, detach, find, may_import};
use crate::{Platform, context::OpContext, error::Result, federation::place};

/// How long a cluster that answers has for letting its copies go.
const RELEASED_WITHIN: Duration = Duration::from_secs(15);
/// Time between two looks at what is left.
const LOOK: Duration = Duration::from_millis(100);

/// Takes a cluster out of all projects and workspaces, orphaning what was placed there, and lets it go.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when somebody uses it anew meanwhile.
pub async fn leave(platform: &Platform, op: &OpContext, name: &str) -> Result<()> {
    let handle = find(platform, op, name, "cluster.settings.manage").await?;
    may_import(platform, op)?;
    op.check_version(handle.version)?;
    if op.request.dry_run {
        return Ok(());
    }
    let id = ClusterId(handle.id);
    let mut tx = platform.store.begin(&op.write()).await?;
    let using = platform.store.projects_by_ids(platform.store.projects_using(handle.id).await?).await?;
    for project in using.into_values() {
        let clusters: Vec<_> = place::clusters_of(platform, &project)
            .await?
            .into_iter()
            .filter(|(cluster, _)| *cluster != id)
            .collect();
        let ids: Vec<Uuid> = clusters.iter().map(|(cluster, _)| cluster.0).collect();
        projects::set_clusters(&mut tx, &project, &ids).await?;
        let kept = Some(Mode::Release);
        place::again_leaving(platform, &mut tx, &project, &clusters, kept, "the cluster left").await?;
        hub::touch_project(&mut tx, &project);
        tx.audit(AuditEvent {
            verb: "update",
            kind: "project",
            name: project.name.clone(),
            project: Some(project.name.clone()),
            cluster: Some(name.to_owned()),
            after: Some(json!({"left": name, "copies": Copies::Orphan})),
            ..AuditEvent::default()
        });
    }
    workspaces::withdraw(&tx, handle.id).await?;
    platform.commit(tx).await?;
    let deadline = Instant::now() + RELEASED_WITHIN;
    while Instant::now() < deadline
        && platform.monitor.of(id).phase == ClusterPhase::Ready
        && platform.store.removals_left(id).await? > 0
    {
        sleep(LOOK).await;
    }
    let mut op = op.clone();
    op.request.if_match = None;
    detach(platform, &op, name, Copies::Orphan).await
}
