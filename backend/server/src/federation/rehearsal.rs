//! A rehearsal: what a member itself says to a write that is only tried. Its own dry run knows the kind's rules, its
//! defaults and its admission better than anybody else; it is asked for the one write that must not be wrong in silence,
//! a client's dry run, and never on the way of a real write, which would then wait for a member.

use std::{collections::BTreeMap, time::Duration};

use hanse_federation::{
    ClusterView, FederatedObject, FederatedSpec, Resource,
    placement::Bounds,
    plan::{Options, Refusals, Situation, plan},
    retention::Form,
};
use hanse_fleet::{ApplyOptions, MemberError, Target, TypeName};
use hanse_machinery::Descriptor;
use hanse_store::federated::{self, Home};

use super::place;
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result},
};

/// Longest wait for the member's word; without it the write is as good as it is known to be.
const DEADLINE: Duration = Duration::from_secs(2);

/// What a member has against a write.
#[derive(Clone, Debug)]
pub struct Objection {
    /// The member.
    pub cluster: String,
    /// Its refusal.
    pub error: MemberError,
}

/// Asks the first ready cluster of a write that was tried and not kept. Only for Kubernetes' own kinds: others may not
/// be there yet.
///
/// # Errors
/// When the database is away.
pub async fn rehearse(
    platform: &Platform,
    op: &OpContext,
    home: &Home,
    row: federated::Model,
) -> Result<Option<Objection>> {
    if Descriptor::built_in(&row.api_version, &row.kind).is_none() {
        return Ok(None);
    }
    let placed = federated::placed(&row)?;
    let clusters = place::clusters_of(platform, home.project()).await?;
    let Some(index) =
        clusters.iter().position(|(id, _)| placed.contains(id) && platform.engine.is_ready(*id))
    else {
        return Ok(None);
    };
    let fleet: Vec<ClusterView> = clusters.iter().map(|(_, view)| view.clone()).collect();
    let whole = platform.store.whole(row)?;
    let row = whole.row;
    let (group, version) = row.api_version.split_once('/').unwrap_or(("", &row.api_version));
    let record = FederatedObject {
        resource: Resource {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: row.kind.clone(),
            plural: row.r#type.split('.').next().unwrap_or_default().to_owned(),
            namespaced: !row.namespace.is_empty(),
        },
        namespace: Some(row.namespace.clone()).filter(|namespace| !namespace.is_empty()),
        name: row.name.clone(),
        labels: BTreeMap::new(),
        generation: row.generation,
        deleting: false,
        spec: serde_json::from_value::<FederatedSpec>(whole.spec).map_err(Error::internal)?,
    };
    let refusals = Refusals::default();
    let situation = Situation {
        fleet: &fleet,
        bounds: Bounds::Unbounded,
        tie_break_key: None,
        refusals: &refusals,
        now: op.now,
    };
    let options = Options { form: Form::Apply, ..Options::default() };
    let planned = plan(&record, &situation, &BTreeMap::new(), None, &options);
    let manifest = planned.clusters.into_iter().nth(index).and_then(|cluster| cluster.manifest);
    let member = clusters.get(index).and_then(|(id, _)| platform.fleet.get(*id));
    let (Some(manifest), Some(member)) = (manifest, member) else { return Ok(None) };
    let work = async {
        let name = TypeName::of_kind(&row.api_version, &row.kind);
        let Ok(Some(resource)) = member.discovery().resolve(&name).await else { return None };
        let target =
            Target { resource: &resource, namespace: record.namespace.as_deref(), name: &record.name };
        let options = ApplyOptions { force: true, deadline: Some(DEADLINE) };
        member.dry_run(target, &manifest, options).await.err()
    };
    let refused = tokio::time::timeout(DEADLINE, work).await.ok().flatten();
    Ok(refused
        .filter(|error| {
            matches!(
                error,
                MemberError::Invalid { .. } | MemberError::Forbidden(_) | MemberError::BadRequest(_)
            )
        })
        .map(|error| Objection { cluster: member.name().to_string(), error }))
}
