//! What accepting a write would do in every cluster, before it is done: the same functions as the engine's, on what the
//! members have now.

use std::{collections::BTreeMap, time::Duration};

use futures::future::join_all;
use hanse_federation::{
    ClusterView, FederatedObject as Record, diff,
    placement::Bounds,
    plan::{LiveCopy, Options, Refusals, Situation, plan as plan_object},
    retention::Form,
};
use hanse_fleet::{MemberError, Target, TypeName};
use hanse_types::ClusterId;
use serde_json::Value;

use super::{
    accept::{self, Need, Place},
    model::{ClusterPlan, Dependency, Difference, FederatedWrite, Plan},
    place, read,
};
use crate::{Platform, context::OpContext, error::Result};

/// Longest wait for one cluster; the others do not wait for it.
const DEADLINE: Duration = Duration::from_secs(5);

/// What a member holds of an object.
enum Found {
    Nothing,
    Copy(Box<Value>),
    KindMissing,
    NotAsked(String),
}

async fn look(platform: &Platform, record: &Record, cluster: ClusterId) -> Found {
    let Some(member) = platform.fleet.get(cluster) else {
        return Found::NotAsked("it is not connected".to_owned());
    };
    if !platform.engine.is_ready(cluster) {
        return Found::NotAsked("it does not answer now".to_owned());
    }
    let work = async {
        let name = TypeName::of_kind(&record.resource.api_version(), &record.resource.kind);
        let resource = match member.discovery().resolve(&name).await {
            Ok(Some(resource)) => resource,
            Ok(None) => return Found::KindMissing,
            Err(error) => return Found::NotAsked(error.to_string()),
        };
        let target =
            Target { resource: &resource, namespace: record.namespace.as_deref(), name: &record.name };
        match member.get(target).await {
            Ok(live) => Found::Copy(Box::new(live)),
            Err(MemberError::NotFound(_) | MemberError::NamespaceMissing { .. }) => Found::Nothing,
            Err(error) => Found::NotAsked(error.to_string()),
        }
    };
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(found) => found,
        Err(_) => Found::NotAsked(format!("it did not answer within {} seconds", DEADLINE.as_secs())),
    }
}

/// Plans a write. Faults of fields are part of the answer, so that a form can show them beside the rest.
///
/// # Errors
/// `not_found`, `forbidden`, or `invalid` when not even the kind is known.
pub async fn plan(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    write: FederatedWrite,
) -> Result<Plan> {
    let need = if place == Place::Platform { Need::Edit } else { Need::View };
    let home = accept::home(platform, op, place, need).await?;
    let considered = accept::consider(platform, op, &home, write, 1, false).await?;
    let mut record = considered.record;
    let clusters = place::clusters_of(platform, home.project()).await?;
    if let Some(row) = platform.store.federated_in(&home, &record.resource.type_name(), &record.name).await? {
        record.generation = row.object.generation + 1;
    }
    let found = join_all(clusters.iter().map(|(id, _)| look(platform, &record, *id))).await;
    let fleet: Vec<ClusterView> = clusters.iter().map(|(_, view)| view.clone()).collect();
    let options = Options { form: Form::Full, ..Options::default() };
    let live: BTreeMap<String, LiveCopy<'_>> = fleet
        .iter()
        .zip(&found)
        .filter_map(|(view, found)| {
            let copy = match found {
                Found::Copy(live) => LiveCopy::whole(&record, live, &options),
                Found::KindMissing => LiveCopy { kind_missing: true, ..LiveCopy::default() },
                Found::Nothing | Found::NotAsked(_) => return None,
            };
            Some((view.name.clone(), copy))
        })
        .collect();
    let refusals = Refusals::default();
    let situation = Situation {
        fleet: &fleet,
        bounds: Bounds::Unbounded,
        tie_break_key: None,
        refusals: &refusals,
        now: op.now,
    };
    let planned = plan_object(&record, &situation, &live, None, &options);
    let secret = record.resource.is("", "Secret");
    let clusters = planned
        .clusters
        .into_iter()
        .zip(&found)
        .map(|(cluster, found)| {
            let differences = match (&cluster.manifest, found) {
                (Some(manifest), Found::Copy(live)) if !secret => {
                    diff::against_live(manifest, live, hanse_fleet::FIELD_MANAGER)
                        .into_iter()
                        .map(|change| Difference {
                            path: change.path,
                            from: Some(change.from).filter(|value| !value.is_null()),
                            to: Some(change.to).filter(|value| !value.is_null()),
                        })
                        .collect()
                }
                _ => Vec::new(),
            };
            let mut message = cluster.message;
            if let (true, Found::NotAsked(why)) = (cluster.selected && message.is_empty(), found) {
                message = format!("its present state could not be compared: {why}");
            }
            let manifest = cluster
                .manifest
                .filter(|_| cluster.selected)
                .map(|manifest| if secret { hidden(&manifest) } else { manifest });
            ClusterPlan {
                cluster: cluster.name,
                selected: cluster.selected,
                why: cluster.why,
                replicas: cluster.replicas,
                overflow: Some(cluster.overflow).filter(|overflow| *overflow > 0),
                action: serde_json::to_value(cluster.action)
                    .ok()
                    .and_then(|word| word.as_str().map(ToOwned::to_owned))
                    .unwrap_or_default(),
                status: cluster.status.map_or_else(String::new, |word| word.to_string()),
                message,
                manifest,
                differences,
            }
        })
        .collect();
    let dependencies = planned
        .dependencies
        .into_iter()
        .filter_map(|dependency| {
            Some(Dependency {
                api_version: dependency.api_version,
                kind: dependency.kind,
                name: dependency.name?,
            })
        })
        .collect();
    Ok(Plan { clusters, dependencies, fields: considered.faults })
}

fn hidden(manifest: &Value) -> Value {
    let mut wrapped = serde_json::json!({"template": manifest});
    read::redact(&mut wrapped);
    wrapped.get_mut("template").map(Value::take).unwrap_or_default()
}
