//! Member clusters: taking in, looking, changing, letting go.

pub mod agents;
pub mod leave;
pub mod monitor;
pub mod ports;

use std::collections::{BTreeMap, HashSet};

use hanse_authz::{Handle, Scoped as _, authorize, authorize_platform};
use hanse_federation::ClusterView;
use hanse_fleet::{
    Connector, Health, MemberSpec,
    identity::ClaimError,
    probe::{Candidate, Outcome, ProbeOptions, climb},
};
use hanse_store::{
    AuditEvent, Store,
    clusters::{self as rows, Model},
    hub, meta,
    page::{Page, Visible},
    removals::Mode,
    workspaces,
};
use hanse_types::{
    ClusterId, ClusterName, List, ListParams,
    access::ScopeKind,
    cluster::{Cluster, ClusterImport, ClusterPhase, ClusterProbe, ClusterUpdate},
    error::ErrorCode,
    probe::{ProbeReport, ProbeResult, ProbeState},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied},
    federation::place,
    identity::access::{visible, workspaces_with},
    tenancy::{follow, project, workspace},
};

/// Purpose under which a cluster's way in is sealed.
pub const ACCESS: &str = "access";

/// What becomes of copies in a cluster that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Copies {
    /// They stay, without the label.
    #[default]
    Orphan,
    /// They are deleted.
    Delete,
}

/// One sentence about a cluster that is not ready: since when, and why.
#[must_use]
pub fn not_ready_sentence(health: &Health) -> String {
    let why = health
        .conditions
        .iter()
        .find(|condition| condition.status != "True")
        .map_or_else(|| "it has not been seen yet".to_owned(), |condition| condition.message.clone());
    match health.last_seen_at {
        Some(seen) => format!("{why} (last seen {})", seen.format("%Y-%m-%d %H:%M:%S UTC")),
        None => why,
    }
}

/// The body of a cluster: what is stored, with what was observed last.
pub(crate) fn body(platform: &Platform, row: Model) -> Result<Cluster> {
    let mut observed = platform.monitor.of(ClusterId(row.id));
    if let Some(message) = platform.gateway.roles.trouble(ClusterId(row.id)) {
        observed.conditions.push(hanse_types::cluster::Condition {
            type_: "RolesWritten".to_owned(),
            status: "False".to_owned(),
            reason: "Forbidden".to_owned(),
            message,
            last_transition_time: row.updated_at,
        });
    }
    if let Some(condition) = platform.gateway.ports.condition(&row) {
        if condition.status != "True" && observed.phase == ClusterPhase::Ready {
            observed.phase = ClusterPhase::NotReady;
            if let Some(ready) = observed.conditions.iter_mut().find(|one| one.type_ == "Ready") {
                "False".clone_into(&mut ready.status);
                ready.reason.clone_from(&condition.reason);
                ready.message.clone_from(&condition.message);
            }
        }
        observed.conditions.push(condition);
    }
    if row.connection == "agent" {
        let ladder = platform.agents.ladder(&row);
        observed.conditions.splice(0..0, ladder);
    }
    let fixed_port = row.port();
    Ok(Cluster {
        id: ClusterId(row.id),
        name: ClusterName::parse(row.name).map_err(Error::internal)?,
        display_name: row.display_name,
        labels: serde_json::from_value(row.labels).map_err(Error::internal)?,
        connection: row.connection.parse().map_err(Error::internal)?,
        endpoint: row.endpoint,
        insecure: row.insecure,
        fixed_port,
        phase: observed.phase,
        conditions: observed.conditions,
        facts: observed.facts,
        latency_ms: observed.latency_ms,
        last_seen_at: observed.last_seen_at,
        credential: row.credential.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        created_at: row.created_at,
        version: row.version,
    })
}

/// Clusters that the caller may know: by a role on them, or because a workspace or project of theirs uses them.
pub(crate) async fn visible_to(platform: &Platform, op: &OpContext) -> Result<Visible> {
    let mut ids = match visible(platform, op, "cluster.settings.view", ScopeKind::Cluster) {
        Visible::All => return Ok(Visible::All),
        Visible::Only(ids) => ids,
    };
    let mut workspaces = workspaces_with(platform, op, "workspace.clusters.view");
    workspaces.extend(workspaces_with(platform, op, "project.settings.view"));
    ids.extend(platform.store.granted(workspaces).await?.into_values().flatten().map(|cluster| cluster.id));
    if let Visible::Only(projects) = visible(platform, op, "project.settings.view", ScopeKind::Project) {
        ids.extend(
            platform
                .store
                .project_clusters(projects)
                .await?
                .into_values()
                .flatten()
                .map(|cluster| cluster.id),
        );
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(Visible::Only(ids))
}

/// Whether the caller may know a cluster: the same for everything that is about one.
///
/// # Errors
/// When the database is away.
pub(crate) async fn may_know(platform: &Platform, op: &OpContext, cluster: &Model) -> Result<bool> {
    if platform.decisions.allows(&op.actor, cluster.known_by(), cluster.scope()) {
        return Ok(true);
    }
    // Whoever works in a project or workspace of the cluster may know it, too.
    Ok(match visible_to(platform, op).await? {
        Visible::All => true,
        Visible::Only(ids) => ids.contains(&cluster.id),
    })
}

/// A page of the clusters that the caller may know.
///
/// # Errors
/// `invalid` for the query.
pub async fn list(platform: &Platform, op: &OpContext, params: &ListParams) -> Result<List<Cluster>> {
    let page = Page::read(params, Store::CLUSTER_SORTS)?;
    let found = platform.store.list_clusters(&visible_to(platform, op).await?, &page).await?;
    let items: Result<Vec<Cluster>> = found.rows.into_iter().map(|row| body(platform, row)).collect();
    Ok(List {
        items: items?,
        total: found.total,
        continue_: page.next(found.total),
        revision: found.revision,
    })
}

/// Names, and own ports, of all clusters that the caller may know.
///
/// # Errors
/// When the database is away.
pub async fn names(platform: &Platform, op: &OpContext) -> Result<Vec<(String, Option<u16>)>> {
    let rows = match visible_to(platform, op).await? {
        Visible::All => platform.store.all_clusters().await?,
        Visible::Only(ids) => platform.store.clusters_by_ids(ids).await?.into_values().collect(),
    };
    let mut names: Vec<(String, Option<u16>)> =
        rows.into_iter().map(|row| (row.port(), row.name)).map(|(port, name)| (name, port)).collect();
    names.sort_unstable();
    Ok(names)
}

/// One cluster.
///
/// # Errors
/// `not_found`.
pub async fn get(platform: &Platform, op: &OpContext, name: &str) -> Result<Cluster> {
    let missing = || Error::not_found("cluster", name);
    let located = platform.store.cluster(name).await?.ok_or_else(missing)?;
    if let Ok(handle) = authorize(&platform.decisions, &op.actor, "cluster.settings.view", located) {
        return body(platform, handle.into_inner());
    }
    let rows = platform.store.all_clusters().await?;
    let row = rows.into_iter().find(|row| row.name == name).ok_or_else(missing)?;
    if may_know(platform, op, &row).await? { body(platform, row) } else { Err(missing()) }
}

/// Whether the caller may take clusters in.
///
/// # Errors
/// `forbidden`.
pub fn may_import(platform: &Platform, op: &OpContext) -> Result<()> {
    authorize_platform(&platform.decisions, &op.actor, "platform.clusters.manage")
        .map_err(denied("platform", ""))?;
    Ok(())
}

async fn known(platform: &Platform) -> Result<BTreeMap<String, String>> {
    Ok(platform.store.all_clusters().await?.into_iter().map(|row| (row.system_uid, row.name)).collect())
}

async fn ladder(
    platform: &Platform,
    kubeconfig: &str,
    context: Option<&str>,
    force: bool,
    progress: Option<mpsc::Sender<ProbeResult>>,
) -> Result<Outcome> {
    let known = known(platform).await?;
    let candidate =
        Candidate { kubeconfig, context, instance: &platform.instance, known: &known, expected: None, force };
    let options = ProbeOptions::default();
    Ok(climb(candidate, &options, progress).await)
}

/// Runs the probe ladder only; each step is also sent to `progress` as it ends.
///
/// # Errors
/// `forbidden`.
pub async fn probe(
    platform: &Platform,
    op: &OpContext,
    request: ClusterProbe,
    progress: Option<mpsc::Sender<ProbeResult>>,
) -> Result<ProbeReport> {
    may_import(platform, op)?;
    Ok(ladder(platform, &request.kubeconfig, request.context.as_deref(), false, progress).await?.report)
}

/// The first failed step as a refusal.
fn stopped(report: ProbeReport) -> Error {
    let failed = report.steps.iter().find(|step| step.state == ProbeState::Failed);
    let message = failed.map_or_else(
        || "the cluster was not taken in".to_owned(),
        |step| match &step.fix {
            Some(fix) => format!("{}: {}. {fix}", step.step, step.message.trim_end_matches('.')),
            None => format!("{}: {}", step.step, step.message),
        },
    );
    Error { probe: Some(Box::new(report)), ..Error::new(ErrorCode::ProbeFailed, message) }
}

/// Labels as Kubernetes has them, since selectors of Kubernetes are matched against them.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in labels {
        if let Some(fault) = hanse_federation::selector::key_fault(key) {
            return Err(Error::invalid(format!("labels.{key}"), fault));
        }
        if let Some(fault) = hanse_federation::selector::value_fault(value) {
            return Err(Error::invalid(format!("labels.{key}"), fault));
        }
    }
    Ok(())
}

/// Takes a cluster in, if the whole ladder passes. Nothing is stored and nothing is left in the cluster otherwise.
///
/// # Errors
/// `probe_failed` with the report, `already_exists`, `forbidden`, or `invalid` with the field at fault.
pub async fn import(platform: &Platform, op: &OpContext, request: ClusterImport) -> Result<Cluster> {
    import_joining(platform, op, request, None).await
}

/// What a root of the hub adds when a cluster joins through it, stored with it in one transaction.
pub struct Joining<'a> {
    /// The root.
    pub root: &'static str,
    /// What it adds to the cluster's record.
    pub body: serde_json::Value,
    /// The object that held the credential: it is sealed with the cluster from here on, and kept nowhere else.
    pub spent: &'a hub::Local,
    /// Workspace that the cluster is granted to.
    pub workspace: Option<workspaces::Model>,
}

/// [`import`], with what a root of the hub adds.
///
/// # Errors
/// As for [`import`].
pub async fn import_joining(
    platform: &Platform,
    op: &OpContext,
    request: ClusterImport,
    joining: Option<Joining<'_>>,
) -> Result<Cluster> {
    may_import(platform, op)?;
    check_labels(&request.labels)?;
    let taken = || Error::already_exists("cluster", request.name.as_str());
    if platform.store.cluster(request.name.as_str()).await?.is_some() {
        return Err(taken());
    }
    let outcome =
        ladder(platform, &request.kubeconfig, request.context.as_deref(), request.force, None).await?;
    let (Some(access), Some(identity), true) = (outcome.access, outcome.identity, outcome.report.passed)
    else {
        return Err(stopped(outcome.report));
    };
    let plain = serde_json::to_vec(&access).map_err(Error::internal)?;
    let (endpoint, insecure, credential) =
        (access.endpoint.to_string(), access.insecure, access.credential_info());
    let connector = Connector::direct(access);
    let mut new = rows::New {
        name: request.name.to_string(),
        display_name: request.display_name.filter(|text| !text.trim().is_empty()),
        labels: json!(request.labels),
        connection: "direct".to_owned(),
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        insecure,
        system_uid: Some(identity.uid),
        credential: serde_json::to_value(credential).ok(),
        fixed_port: None,
        take_over: false,
    };
    let mut tx = platform.store.begin(&op.write()).await?;
    if request.fixed_port {
        new.fixed_port = Some(ports::take(platform, &mut tx).await?);
    }
    let row = rows::create(&mut tx, new).await.map_err(|error| match error {
        hanse_store::StoreError::Taken => {
            Error::conflict("this cluster or its name was taken in meanwhile: look at the list")
        }
        error => error.into(),
    })?;
    meta::put_secret(&mut tx, "cluster", row.id, ACCESS, &plain).await?;
    place::joined(platform, &mut tx, &row).await?;
    if let Some(joining) = &joining {
        hub::put_view(&tx, row.id, joining.root, 0, &joining.body, false).await?;
        hub::delete(&mut tx, joining.spent).await?;
    }
    if let Some(workspace) = joining.and_then(|joining| joining.workspace) {
        let mut granted =
            platform.store.granted(vec![workspace.id]).await?.remove(&workspace.id).unwrap_or_default();
        granted.push(row.clone());
        workspace::grant(platform, &mut tx, &workspace, granted).await?;
    }
    tx.audit(AuditEvent {
        verb: "import",
        kind: "cluster",
        name: row.name.clone(),
        cluster: Some(row.name.clone()),
        after: Some(json!({
            "endpoint": row.endpoint,
            "labels": row.labels,
            "credential": row.credential,
            "fixedPort": row.fixed_port,
        })),
        ..AuditEvent::default()
    });
    if op.request.dry_run {
        platform.commit(tx).await?;
        return body(platform, row);
    }
    let id = ClusterId(row.id);
    let name = ClusterName::parse(row.name.clone()).map_err(Error::internal)?;
    let member = platform
        .fleet
        .add(MemberSpec { id, name, connector, uid: Some(row.system_uid.clone()) })
        .map_err(|error| Error::invalid("kubeconfig", error.to_string()))?;
    // The mark is left before the record is kept: a record without the mark could be fought over by two of us.
    let kept = match member.claim(&platform.instance, request.force).await {
        Ok(()) => platform.commit(tx).await.map(drop),
        Err(error @ ClaimError::Taken(_)) => {
            Err(Error::conflict(format!("{error}: detach it there, or import with force")))
        }
        Err(ClaimError::Member(error)) => {
            Err(Error::conflict(format!("the cluster could not be marked as ours: {error}")))
        }
    };
    if let Err(error) = kept {
        platform.fleet.remove(id).await;
        return Err(error);
    }
    platform.monitor.admit(id, outcome.facts.map(|facts| facts.facts));
    body(platform, row)
}

pub(crate) async fn find(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    permission: &'static str,
) -> Result<Handle<Model>> {
    let located = platform.store.cluster(name).await?.ok_or_else(|| Error::not_found("cluster", name))?;
    authorize(&platform.decisions, &op.actor, permission, located).map_err(denied("cluster", name))
}

/// Changes shown name and labels; objects of its projects are placed anew in the same transaction.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict`, or `invalid` with the field at fault.
pub async fn update(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    update: ClusterUpdate,
) -> Result<Cluster> {
    let handle = find(platform, op, name, "cluster.settings.manage").await?;
    op.check_version(handle.version)?;
    let before = json!({
        "displayName": handle.display_name,
        "labels": handle.labels,
        "fixedPort": handle.fixed_port,
    });
    let labels = match &update.labels {
        None => handle.labels.clone(),
        Some(labels) => {
            check_labels(labels)?;
            json!(labels)
        }
    };
    let relabelled = labels != handle.labels;
    let display_name = update.display_name.or(handle.display_name.clone());
    let mut tx = platform.store.begin(&op.write()).await?;
    let port = match (update.fixed_port, handle.port()) {
        (Some(true), None) => {
            // It opens a door of the machine, not only of the cluster.
            may_import(platform, op)?;
            Some(ports::take(platform, &mut tx).await?)
        }
        (Some(false), _) => None,
        (Some(true) | None, port) => port,
    };
    let row = rows::update(&mut tx, &handle, display_name, labels, port).await?;
    if relabelled {
        let relabel = |clusters: &mut Vec<(ClusterId, ClusterView)>| {
            for (_, view) in clusters.iter_mut().filter(|(id, _)| id.0 == row.id) {
                view.labels = update.labels.clone().unwrap_or_default();
            }
        };
        let mut done = HashSet::new();
        for workspace in platform.store.granting(row.id).await? {
            let mut granted = project::granted(platform, workspace).await?;
            relabel(&mut granted);
            done.extend(
                follow::again(platform, &mut tx, workspace, &granted, "the cluster was relabelled").await?,
            );
        }
        let projects = platform.store.projects_by_ids(platform.store.projects_using(row.id).await?).await?;
        for project in projects.into_values().filter(|project| !done.contains(&project.id)) {
            let mut clusters = place::clusters_of(platform, Some(&project)).await?;
            relabel(&mut clusters);
            place::again(platform, &mut tx, Some(&project), &clusters, "the cluster was relabelled").await?;
        }
        let mut clusters = place::clusters_of(platform, None).await?;
        relabel(&mut clusters);
        place::again(platform, &mut tx, None, &clusters, "the cluster was relabelled").await?;
    }
    tx.audit(AuditEvent {
        verb: "update",
        kind: "cluster",
        name: row.name.clone(),
        cluster: Some(row.name.clone()),
        before: Some(before),
        after: Some(json!({
            "displayName": row.display_name,
            "labels": row.labels,
            "fixedPort": row.fixed_port,
        })),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    body(platform, row)
}

/// Lets a cluster go. It leaves all workspaces and projects first; copies there are orphaned or deleted while it still
/// answers. A cluster that is gone for good is let go of, too.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` while projects use it.
pub async fn detach(platform: &Platform, op: &OpContext, name: &str, copies: Copies) -> Result<()> {
    let handle = find(platform, op, name, "cluster.settings.manage").await?;
    may_import(platform, op)?;
    op.check_version(handle.version)?;
    let used: Vec<Uuid> = platform.store.projects_using(handle.id).await?;
    if !used.is_empty() {
        let projects = platform.store.projects_by_ids(used).await?;
        let mut names: Vec<&str> = projects.values().map(|project| project.name.as_str()).collect();
        names.sort_unstable();
        return Err(Error::conflict(format!(
            "cluster {name:?} is used by {}: take it out of {} first, which {} what was placed there",
            names.join(", "),
            if names.len() == 1 { "that project" } else { "those projects" },
            match copies {
                Copies::Orphan => "removes or orphans, by each object's policy,",
                Copies::Delete => "deletes",
            },
        )));
    }
    let id = ClusterId(handle.id);
    debug_assert_eq!(handle.scope().kind(), ScopeKind::Cluster);
    if !op.request.dry_run {
        let mode = if copies == Copies::Delete { Mode::Delete } else { Mode::Release };
        place::leave(platform, op, id, mode).await?;
    }
    // Taken before the commit: whoever follows the changes may let the member go the moment after it.
    let member = platform.fleet.get(id);
    let mut tx = platform.store.begin(&op.write()).await?;
    rows::delete(&mut tx, &handle).await?;
    tx.audit(AuditEvent {
        verb: "detach",
        kind: "cluster",
        name: name.to_owned(),
        cluster: Some(name.to_owned()),
        before: Some(json!({"endpoint": handle.endpoint, "labels": handle.labels})),
        ..AuditEvent::default()
    });
    platform.agents.leave(id);
    if let Err(error) = platform.commit(tx).await {
        platform.agents.stay(id);
        return Err(error);
    }
    if op.request.dry_run {
        platform.agents.stay(id);
        return Ok(());
    }
    if let Some(member) = member {
        // A cluster that does not answer keeps its mark; importing it again with force removes it.
        crate::gateway::roles::clean(&member).await;
        if let Err(error) = member.unclaim(&platform.instance).await {
            tracing::info!(cluster = name, "its mark could not be removed: {error}");
        }
    }
    platform.fleet.remove(id).await;
    platform.monitor.forget(id);
    platform.gateway.forget(id);
    platform.agents.forget(id);
    Ok(())
}

/// Whether a phase counts as reachable.
#[must_use]
pub const fn reachable(phase: ClusterPhase) -> bool {
    matches!(phase, ClusterPhase::Ready | ClusterPhase::NotReady)
}
