//! The differences that people want most, without knowing where a kind keeps its containers.

use serde_json::{Map, Value, json};

use crate::{
    FieldError,
    object::{EnvOverride, ImageOverride, Override, Resource},
    selector, workload,
};

/// A field below the entry, and what is wrong with it.
type Fault = (String, String);

pub(super) fn apply(object: &mut Value, resource: &Resource, rule: &Override) -> Result<(), Fault> {
    for (index, image) in rule.image.iter().enumerate() {
        set_image(object, resource, image).map_err(|reason| (format!("image[{index}]"), reason))?;
    }
    if let Some(replicas) = rule.replicas {
        let spec = object
            .get_mut("spec")
            .and_then(Value::as_object_mut)
            .ok_or_else(|| ("replicas".to_owned(), "the template has no spec".to_owned()))?;
        spec.insert(workload::replicas_field(resource).to_owned(), json!(replicas));
    }
    for (index, env) in rule.env.iter().enumerate() {
        set_env(object, resource, env).map_err(|reason| (format!("env[{index}]"), reason))?;
    }
    for (field, entries) in [("labels", &rule.labels), ("annotations", &rule.annotations)] {
        if !entries.is_empty() {
            let map = metadata_map(object, field).ok_or_else(|| {
                (field.to_owned(), format!("metadata.{field} of the template is not an object"))
            })?;
            for (key, value) in entries {
                match value {
                    Some(value) => map.insert(key.clone(), json!(value)),
                    None => map.remove(key),
                };
            }
        }
    }
    Ok(())
}

fn metadata_map<'a>(object: &'a mut Value, field: &str) -> Option<&'a mut Map<String, Value>> {
    let metadata = object.as_object_mut()?.entry("metadata").or_insert_with(|| json!({}));
    let map = metadata.as_object_mut()?.entry(field).or_insert_with(|| json!({}));
    if map.is_null() {
        *map = json!({});
    }
    map.as_object_mut()
}

/// Runs `change` on the containers of that name, or on all of the lists; returns how many there were.
fn for_containers(
    object: &mut Value,
    resource: &Resource,
    lists: &[&str],
    name: Option<&str>,
    change: &mut dyn FnMut(&mut Map<String, Value>),
) -> usize {
    let pointer = workload::pod_template_pointer(&resource.kind);
    let Some(spec) = object.pointer_mut(pointer).and_then(|template| template.get_mut("spec")) else {
        return 0;
    };
    let mut found = 0;
    for list in lists {
        let containers = spec.get_mut(*list).and_then(Value::as_array_mut).into_iter().flatten();
        for container in containers.filter_map(Value::as_object_mut) {
            if name.is_none_or(|name| container.get("name").and_then(Value::as_str) == Some(name)) {
                change(container);
                found += 1;
            }
        }
    }
    found
}

fn not_found(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("the template has no container named {name:?}"),
        None => "the template has no containers".to_owned(),
    }
}

fn set_image(object: &mut Value, resource: &Resource, rule: &ImageOverride) -> Result<(), String> {
    let name = rule.container.as_deref();
    let found = for_containers(object, resource, &["initContainers", "containers"], name, &mut |container| {
        let old = container.get("image").and_then(Value::as_str).unwrap_or_default();
        container.insert("image".to_owned(), json!(image(old, rule)));
    });
    if found == 0 { Err(not_found(name)) } else { Ok(()) }
}

/// The image after the rule; `registry/repository:tag@digest` in its parts.
fn image(old: &str, rule: &ImageOverride) -> String {
    if let Some(image) = &rule.image {
        return image.clone();
    }
    let (registry, rest) = match old.split_once('/') {
        Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (Some(host), rest),
        _ => (None, old),
    };
    let (rest, digest) = rest.split_once('@').map_or((rest, None), |(rest, digest)| (rest, Some(digest)));
    let (repository, tag) = rest.split_once(':').map_or((rest, None), |(rest, tag)| (rest, Some(tag)));
    let mut new = String::new();
    if let Some(registry) = rule.registry.as_deref().or(registry).filter(|r| !r.is_empty()) {
        new.push_str(registry);
        new.push('/');
    }
    new.push_str(rule.repository.as_deref().unwrap_or(repository));
    if let Some(tag) = rule.tag.as_deref().or(tag) {
        new.push(':');
        new.push_str(tag);
    }
    if let (None, Some(digest)) = (&rule.tag, digest) {
        new.push('@');
        new.push_str(digest);
    }
    new
}

fn set_env(object: &mut Value, resource: &Resource, rule: &EnvOverride) -> Result<(), String> {
    let name = rule.container.as_deref();
    let lists: &[&str] = if name.is_some() { &["initContainers", "containers"] } else { &["containers"] };
    let found = for_containers(object, resource, lists, name, &mut |container| {
        let env = container.entry("env").or_insert_with(|| json!([]));
        if env.is_null() {
            *env = json!([]);
        }
        let Some(env) = env.as_array_mut() else { return };
        let is_it = |variable: &Value| variable.get("name").and_then(Value::as_str) == Some(&rule.name);
        match (&rule.value, env.iter_mut().find(|v| is_it(v))) {
            (Some(value), Some(variable)) => *variable = json!({ "name": rule.name, "value": value }),
            (Some(value), None) => env.push(json!({ "name": rule.name, "value": value })),
            (None, _) => env.retain(|variable| !is_it(variable)),
        }
        if env.is_empty() {
            container.remove("env");
        }
    });
    if found == 0 { Err(not_found(name)) } else { Ok(()) }
}

pub(super) fn faults(rule: &Override, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (index, image) in rule.image.iter().enumerate() {
        let parts = [&image.image, &image.registry, &image.repository, &image.tag];
        if parts.iter().all(|part| part.is_none()) {
            faults.push(FieldError::new(
                format!("{path}.image[{index}]"),
                "changes nothing: give image, registry, repository or tag",
            ));
        }
    }
    if rule.replicas.is_some_and(|n| n < 0) {
        faults.push(FieldError::new(format!("{path}.replicas"), "must not be negative"));
    }
    for (index, env) in rule.env.iter().enumerate() {
        if env.name.is_empty() || env.name.contains('=') {
            faults.push(FieldError::new(
                format!("{path}.env[{index}].name"),
                "must not be empty and must not contain \"=\"",
            ));
        }
    }
    for (key, value) in &rule.labels {
        let here = format!("{path}.labels[{key}]");
        faults.extend(selector::key_fault(key).map(|m| FieldError::new(&here, m)));
        faults.extend(value.as_deref().and_then(selector::value_fault).map(|m| FieldError::new(&here, m)));
    }
    for key in rule.annotations.keys() {
        let fault = selector::key_fault(&key.to_ascii_lowercase());
        faults.extend(fault.map(|m| FieldError::new(format!("{path}.annotations[{key}]"), m)));
    }
    faults
}
