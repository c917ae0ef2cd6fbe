//! From a template to one cluster's manifest.
//!
//! The order is fixed: prune, overrides in order, assigned replicas, forced identity, label. Retention follows
//! where there is a copy already ([`crate::retention`]).

use base64::Engine as _;
use serde_json::{Map, Value, json};

use crate::{
    fleet::ClusterView,
    kinds,
    object::{FederatedObject, Resource},
    overrides::{self, OverrideError},
    plan::Share,
    prune, workload,
};

/// Why no manifest can be made for a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An override does not fit.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The template, or what the overrides made of it, is no Kubernetes object.
    #[error("{0}")]
    Template(String),
}

/// Makes the manifest of a cluster.
///
/// # Errors
/// An override does not fit, or the template is no object.
pub fn render(
    object: &FederatedObject,
    cluster: &ClusterView,
    share: Option<Share>,
) -> Result<Value, RenderError> {
    let resource = &object.resource;
    let mut manifest = object.spec.template.clone();
    if !manifest.is_object() {
        return Err(RenderError::Template("spec.template is not an object".to_owned()));
    }
    prune::template(resource, &mut manifest);
    overrides::apply(&mut manifest, resource, &object.spec.overrides, cluster)?;
    prune::server_fields(&mut manifest);
    if let Some(share) = share {
        assign(object, &mut manifest, share)?;
    }
    if resource.is("", "Secret") {
        encode_string_data(&mut manifest)?;
    }
    identify(object, &mut manifest)?;
    if nulls_mean_nothing(&object.resource) {
        drop_nulls(&mut manifest);
    }
    Ok(manifest)
}

/// To built-in kinds null is the same as absent, but an applied null would be recorded as ours. Schemas of custom
/// kinds may tell them apart.
fn nulls_mean_nothing(resource: &Resource) -> bool {
    kinds::built_in(&resource.kind, Some(&resource.api_version())).is_some()
        && resource.kind != "CustomResourceDefinition"
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn section<'a>(manifest: &'a mut Value, name: &str) -> Result<&'a mut Map<String, Value>, RenderError> {
    let fault = || RenderError::Template(format!("{name} is not an object"));
    let section = manifest.as_object_mut().ok_or_else(fault)?.entry(name).or_insert_with(|| json!({}));
    if section.is_null() {
        *section = json!({});
    }
    section.as_object_mut().ok_or_else(fault)
}

fn assign(object: &FederatedObject, manifest: &mut Value, share: Share) -> Result<(), RenderError> {
    let spec = section(manifest, "spec")?;
    match share {
        Share::Replicas(share) => {
            spec.insert(workload::replicas_field(&object.resource).to_owned(), json!(share.written()));
        }
        Share::Job { parallelism, completions } => {
            spec.insert("parallelism".to_owned(), json!(parallelism));
            if let Some(completions) = completions {
                spec.insert("completions".to_owned(), json!(completions));
            }
        }
        Share::Limits(limits) => {
            spec.insert("minReplicas".to_owned(), json!(limits.min));
            spec.insert("maxReplicas".to_owned(), json!(limits.max));
        }
    }
    Ok(())
}

/// `stringData` is written only: a member never shows it again, so it could neither be owned nor compared.
fn encode_string_data(manifest: &mut Value) -> Result<(), RenderError> {
    let Some(strings) = manifest.as_object_mut().and_then(|manifest| manifest.remove("stringData")) else {
        return Ok(());
    };
    let Value::Object(strings) = strings else {
        return if strings.is_null() {
            Ok(())
        } else {
            Err(RenderError::Template("stringData is not an object".to_owned()))
        };
    };
    let data = section(manifest, "data")?;
    for (key, value) in strings {
        let text = value
            .as_str()
            .ok_or_else(|| RenderError::Template(format!("stringData.{key} is not a string")))?;
        data.insert(key, json!(base64::engine::general_purpose::STANDARD.encode(text)));
    }
    Ok(())
}

fn identify(object: &FederatedObject, manifest: &mut Value) -> Result<(), RenderError> {
    let resource = &object.resource;
    if let Some(manifest) = manifest.as_object_mut() {
        manifest.insert("kind".to_owned(), json!(resource.kind));
        let has_version = manifest.get("apiVersion").and_then(Value::as_str).is_some_and(|v| !v.is_empty());
        if !has_version {
            manifest.insert("apiVersion".to_owned(), json!(resource.api_version()));
        }
    }
    let metadata = section(manifest, "metadata")?;
    metadata.remove("generateName");
    metadata.insert("name".to_owned(), json!(object.name));
    match &object.namespace {
        Some(namespace) => metadata.insert("namespace".to_owned(), json!(namespace)),
        None => metadata.remove("namespace"),
    };
    let labels = metadata.entry("labels").or_insert_with(|| json!({}));
    if labels.is_null() {
        *labels = json!({});
    }
    let labels = labels
        .as_object_mut()
        .ok_or_else(|| RenderError::Template("metadata.labels is not an object".to_owned()))?;
    labels.insert(prune::MANAGED_LABEL.to_owned(), json!("true"));
    Ok(())
}
