//! The home page: what there is, how it does, what needs attention, and what to do first while it is empty.

use std::collections::BTreeMap;

use hanse_store::page::{Page, Visible};
use hanse_types::{FederatedId, ListParams, access::ScopeKind, cluster::ClusterPhase, federated::Phase};
use serde::{Deserialize, Serialize};

use crate::{
    Platform, clusters,
    context::OpContext,
    error::Result,
    identity::access::{visible, workspaces_with},
};

/// Items that need attention, at most.
const ATTENTION: usize = 50;

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    /// `cluster` or `federated-object`.
    pub kind: String,
    /// Path of the resource below `/api/v1/`.
    pub path: String,
    /// Its name.
    pub name: String,
    /// State in one word.
    pub phase: String,
    /// Cause and next step.
    pub message: String,
}

/// One step of the checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChecklistStep {
    /// `setup`, `cluster`, `second-cluster`, `workspace`, `application`.
    pub step: String,
    /// Whether it is done.
    pub done: bool,
}

/// The home page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Clusters by phase.
    pub clusters: BTreeMap<String, u64>,
    /// Federated objects by phase.
    pub federated_objects: BTreeMap<String, u64>,
    /// Workspaces that the caller may know.
    pub workspaces: u64,
    /// Projects that the caller may know.
    pub projects: u64,
    /// What needs attention, worst first.
    pub attention: Vec<Attention>,
    /// First steps; for platform administrators.
    pub checklist: Vec<ChecklistStep>,
    /// Revision at which it was read.
    pub revision: i64,
}

/// Reads it for the caller: only what the caller may know is counted.
///
/// # Errors
/// When the database is away.
pub async fn get(platform: &Platform, op: &OpContext) -> Result<Overview> {
    let revision = platform.store.revision();
    let mut attention = Vec::new();
    let mut by_phase: BTreeMap<String, u64> = BTreeMap::new();
    let page = Page::read(
        &ListParams { limit: Some(500), ..ListParams::default() },
        hanse_store::Store::CLUSTER_SORTS,
    )?;
    let found = platform.store.list_clusters(&clusters::visible_to(platform, op).await?, &page).await?;
    let cluster_count = found.total;
    for row in found.rows {
        let cluster = clusters::body(platform, row)?;
        *by_phase.entry(cluster.phase.to_string()).or_default() += 1;
        if !matches!(cluster.phase, ClusterPhase::Ready | ClusterPhase::Pending) {
            let message = cluster
                .conditions
                .iter()
                .find(|c| c.status != "True")
                .map_or_else(String::new, |c| c.message.clone());
            attention.push(Attention {
                kind: "cluster".to_owned(),
                path: format!("clusters/{}", cluster.name),
                name: cluster.name.to_string(),
                phase: cluster.phase.to_string(),
                message,
            });
        }
    }
    let workspaces = visible(platform, op, "workspace.settings.view", ScopeKind::Workspace);
    let projects = match visible(platform, op, "project.federated-objects.view", ScopeKind::Project) {
        Visible::All => Visible::All,
        Visible::Only(mut ids) => {
            for workspace in workspaces_with(platform, op, "project.federated-objects.view") {
                let (_, own) = platform.store.tenancy(&Visible::Only(vec![workspace]), &Visible::All).await?;
                ids.extend(own.iter().filter(|row| row.workspace_id == workspace).map(|row| row.id));
            }
            Visible::Only(ids)
        }
    };
    let (workspace_rows, project_rows) = platform.store.tenancy(&workspaces, &projects).await?;
    let mut objects: BTreeMap<String, u64> = BTreeMap::new();
    let only = match projects {
        Visible::All => None,
        Visible::Only(ids) => Some(ids),
    };
    let mut object_count = 0_u64;
    for (id, type_, name, project) in platform.store.phases(only).await? {
        object_count += 1;
        let status = platform.engine.status(FederatedId(id));
        let phase = status.as_ref().map_or(Phase::Progressing, |status| status.phase);
        *objects.entry(phase.to_string()).or_default() += 1;
        if let Some(status) = status
            && matches!(phase, Phase::Failed | Phase::Degraded | Phase::Unknown)
        {
            let project = project.map(|project| {
                let found = project_rows.iter().find(|row| row.id == project);
                format!("projects/{}/", found.map(|row| row.name.clone()).unwrap_or_default())
            });
            let place = project.unwrap_or_default();
            attention.push(Attention {
                kind: "federated-object".to_owned(),
                path: format!("{place}federated-objects/{type_}/{name}"),
                name: format!("{type_}/{name}"),
                phase: phase.to_string(),
                message: status.message.clone(),
            });
        }
    }
    let worst = |phase: &str| match phase {
        "Unreachable" | "Failed" => 0,
        "NotReady" | "Degraded" => 1,
        _ => 2,
    };
    attention.sort_by(|a, b| (worst(&a.phase), &a.path).cmp(&(worst(&b.phase), &b.path)));
    attention.truncate(ATTENTION);
    let manages =
        platform.decisions.allows(&op.actor, "platform.clusters.manage", hanse_authz::Scope::Platform);
    let step = |step: &str, done: bool| ChecklistStep { step: step.to_owned(), done };
    let checklist = if manages {
        vec![
            step("setup", true),
            step("cluster", cluster_count >= 1),
            step("second-cluster", cluster_count >= 2),
            step("workspace", !workspace_rows.is_empty() && !project_rows.is_empty()),
            step("application", object_count > 0),
        ]
    } else {
        Vec::new()
    };
    Ok(Overview {
        clusters: by_phase,
        federated_objects: objects,
        workspaces: u64::try_from(workspace_rows.len()).unwrap_or(0),
        projects: u64::try_from(project_rows.len()).unwrap_or(0),
        attention,
        checklist,
        revision,
    })
}
