//! Which kind a template is of: by the table of types, otherwise by what the members know.

use hanse_federation::Resource;
use hanse_fleet::TypeName;
use hanse_types::ClusterId;
use serde_json::Value;

use crate::{
    Platform,
    error::{Error, Result},
};

/// The kind of a template.
///
/// # Errors
/// `invalid` with the field's path when it is no object, or no kind that can be federated.
pub async fn of_template(platform: &Platform, template: &Value, clusters: &[ClusterId]) -> Result<Resource> {
    let text = |field: &str| {
        template.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).ok_or_else(|| {
            Error::invalid(
                format!("spec.template.{field}"),
                "is missing: a template is a whole Kubernetes object",
            )
        })
    };
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if let Some(row) = platform.store.federated_type(group, kind).await? {
        if !row.enabled {
            return Err(Error::invalid(
                "spec.template.kind",
                format!("{kind} is switched off on this platform"),
            ));
        }
        return Ok(Resource {
            group: row.group,
            version: version.to_owned(),
            kind: row.kind,
            plural: row.plural,
            namespaced: row.namespaced,
        });
    }
    let name = TypeName::of_kind(api_version, kind);
    let mut asked = 0;
    for cluster in clusters {
        let Some(member) = platform.fleet.get(*cluster) else { continue };
        match member.discovery().resolve(&name).await {
            Ok(Some(found)) => {
                return Ok(super::member::federation_resource(&found));
            }
            Ok(None) => asked += 1,
            Err(error) => tracing::debug!(cluster = %member.name(), "kinds cannot be read: {error}"),
        }
    }
    let message = if asked == 0 {
        format!(
            "{kind} ({api_version}) is no built-in kind, and no cluster of the project answers to say whether it knows it"
        )
    } else {
        format!(
            "{kind} ({api_version}) is known neither here nor to any cluster of the project: check the spelling, or install what defines it there"
        )
    };
    Err(Error::invalid("spec.template.kind", message))
}
