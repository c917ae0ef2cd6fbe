//! Making and changing objects.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hanse_machinery::{
    Schema, Status, json,
    meta::{self, Birth},
    patch as patches, protobuf,
    ssa::{self, Fields},
    strict::{self, Validation},
};
use hanse_types::error::ErrorCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, LARGEST, Request, Result, too_large};
use crate::{
    error::Error,
    hub::{access::Need, fault::Fault, kinds::Backing, kubefed, render, shelf::Item, write},
};

/// How long a write that names no version is tried again when others are quicker: an apiserver, too, gives up with the
/// request alone.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A body of a write, as the kind's server reads it.
fn decode(request: &Request) -> Result<(Value, Vec<String>)> {
    let text = media(&request.content_type);
    let json: Bytes = match text {
        "" | "application/json" => request.body.clone(),
        "application/yaml" => yaml(&request.body)?,
        protobuf::MEDIA_TYPE => Bytes::from(protobuf::decode(&request.body)?.to_string()),
        _ => {
            return Err(Status::unsupported_media_type(&["application/json", "application/yaml"]).into());
        }
    };
    let default = if request.kind.custom.is_some() || request.kind.descriptor.is_built_in() {
        Validation::Warn
    } else {
        Validation::Ignore
    };
    let validation = match request.query.validation.as_str() {
        "" => default,
        text => Validation::parse(text, "CreateOptions")?,
    };
    let (value, warnings) = strict::decode(
        &request.kind.descriptor,
        &Schema::built_in(),
        &request.kind.fields(),
        &json,
        validation,
    )?;
    if !value.is_object() {
        return Err(Status::bad_request("the body is no object").into());
    }
    meta::check_type(&request.kind.descriptor, &value)?;
    Ok((payload(value), warnings))
}

fn media(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Levels of nesting in YAML.
const YAML_DEPTH: usize = 100;

/// YAML as JSON. What aliases stand for is bounded, and so is the result.
fn yaml(body: &Bytes) -> Result<Bytes> {
    // Most clients write JSON also where YAML may stand.
    if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() {
        return Ok(body.clone());
    }
    let text = std::str::from_utf8(body).map_err(|error| Status::bad_request(error.to_string()))?;
    let mut options = serde_saphyr::Options::default();
    options.legacy_octal_numbers = true; // `defaultMode: 0644`, as Kubernetes' own tools read it
    options.with_snippet = false;
    options.alias_limits.max_total_replayed_events = 20_000;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = YAML_DEPTH;
        budget.flow_nesting_limit = YAML_DEPTH;
    }
    let value: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Status::bad_request(format!("yaml: {error}")))?;
    let json = value.to_string();
    if json.len() > LARGEST {
        return Err(too_large().into());
    }
    Ok(Bytes::from(json))
}

/// `stringData` of a Secret becomes `data`, as an apiserver does it.
fn payload(mut object: Value) -> Value {
    use base64::Engine as _;
    let secret = object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1");
    if let (true, Some(map)) = (secret, object.as_object_mut())
        && let Some(Value::Object(plain)) = map.remove("stringData")
    {
        let data = map.entry("data").or_insert_with(|| json!({}));
        if !data.is_object() {
            *data = json!({});
        }
        for (name, text) in plain {
            let text = text.as_str().unwrap_or_default();
            json::set(data, &[&name], base64::engine::general_purpose::STANDARD.encode(text));
        }
    }
    object
}

fn entropy() -> u64 {
    let id = Uuid::new_v4();
    id.as_u64_pair().1
}

/// The part of an object that is written: a scale is written as the object itself.
fn part(request: &Request) -> &str {
    match request.path.subresource.as_str() {
        "scale" => "",
        sub => sub,
    }
}

fn fields(request: &Request) -> Fields {
    Fields::new(&request.kind.descriptor, request.kind.custom.clone(), part(request))
}

/// The object as it is after a write: the one that is shown, or for a dry run the one that would be.
async fn outcome(request: &Request, name: &str, wanted: Value, made: Option<Item>) -> Result<Arc<Value>> {
    if let Some(item) = made {
        return Ok(item.object);
    }
    let shown = if request.op.request.dry_run { None } else { request.find(name).await? };
    Ok(shown.map_or_else(|| Arc::new(wanted), |item| Arc::clone(&item.object)))
}

/// `POST`.
pub async fn create(request: &Request) -> Result<Answer> {
    request.decide(Need::Edit).await?;
    let (object, warnings) = decode(request)?;
    let generated = name_of(&object).is_empty();
    let time = render::time(request.op.now);
    let writer = ssa::Writer { manager: &request.manager, time: &time };
    let fields = fields(request);
    let given = fields.tidy(object);
    let object = born(request, fields.update(None, fill(request, given.clone()), writer))?;
    let name = name_of(&object);
    match write_new(request, object, &given).await {
        Err(Fault::Error(error)) if error.code == ErrorCode::AlreadyExists => {
            let resource = request.kind.descriptor.resource_in();
            Err(if generated {
                Status::generated_name_exists(resource, &name).into()
            } else {
                Status::already_exists(resource, &name).into()
            })
        }
        Err(fault) => Err(fault),
        Ok(made) => Ok(request.answer(201, &made, warnings)),
    }
}

/// What an apiserver fills in: for records as they are shown, for objects kept at the hub only a Secret's type.
fn fill(request: &Request, mut object: Value) -> Value {
    if request.kind.backing != Backing::Local || request.kind.is("", "Secret") {
        render::defaults(&mut object);
    }
    object
}

/// A new object with what an apiserver gives it, admitted.
fn born(request: &Request, object: Value) -> Result<Value> {
    let time = render::time(request.op.now);
    let uid = Uuid::now_v7().to_string();
    let birth = Birth { namespace: request.namespace(), uid: &uid, time: &time, entropy: entropy() };
    let mut object = meta::create(&request.kind.descriptor, object, birth)?;
    kubefed::admit(&request.kind.descriptor, &mut object)?;
    Ok(object)
}

/// Stores a new object. `given` is what of it the client gave, before it was filled in.
async fn write_new(request: &Request, object: Value, given: &Value) -> Result<Arc<Value>> {
    let name = name_of(&object);
    let made = Box::pin(request.writer().create(object.clone(), given)).await?;
    outcome(request, &name, object, made).await
}

/// The live object, changed in some way; decided against the same object that it is stored over.
async fn change(
    request: &Request,
    unconditional: bool,
    make: impl Fn(&Value) -> std::result::Result<Value, Status>,
) -> Result<Arc<Value>> {
    // What was seen last is nearly always what is there still, and then need not be looked up: the transaction finds out.
    // That nothing is to be done, or cannot be done, is decided about the latest alone.
    if let Some(item) = request.seen(&request.path.name)
        && let Ok(Some(made)) = alter(request, &item, &make).await
    {
        return Ok(made);
    }
    let began = Instant::now();
    loop {
        let item = request.existing().await?;
        match alter(request, &item, &make).await {
            Ok(made) => return Ok(made.unwrap_or_else(|| Arc::clone(&item.object))),
            Err(Fault::Error(error)) if is_race(&error) => {
                if !unconditional || began.elapsed() >= PATIENCE {
                    return Err(write::modified(&request.kind, &item.key.1).into());
                }
            }
            Err(fault) => return Err(fault),
        }
    }
}

/// One object, changed in some way; none when that is what it is.
async fn alter(
    request: &Request,
    item: &Item,
    make: impl Fn(&Value) -> std::result::Result<Value, Status>,
) -> Result<Option<Arc<Value>>> {
    let live = &*item.object;
    let on = part(request);
    let mut new = meta::update(&request.kind.descriptor, live, make(live)?, on)?;
    kubefed::admit(&request.kind.descriptor, &mut new)?;
    ssa::keep_times(live, &mut new);
    if new == *live {
        return Ok(None);
    }
    let made = Box::pin(request.writer().update(item, &new, on)).await?;
    Ok(Some(outcome(request, &item.key.1, new, made).await?))
}

/// Whether somebody was quicker, as opposed to a state that does not allow it.
pub(in crate::hub) fn is_race(error: &Error) -> bool {
    matches!(error.code, ErrorCode::Conflict | ErrorCode::PreconditionFailed)
        && error.message.contains("it was changed")
}

fn version_of(object: &Value) -> &str {
    object.pointer("/metadata/resourceVersion").and_then(Value::as_str).unwrap_or_default()
}

/// `PUT`.
pub async fn update(request: &Request) -> Result<Answer> {
    request.decide(Need::Edit).await?;
    if request.path.subresource == "scale" {
        return scale(request, |_| {
            serde_json::from_slice(&request.body).map_err(|error| Status::bad_request(error.to_string()))
        })
        .await;
    }
    let (object, warnings) = decode(request)?;
    let time = render::time(request.op.now);
    let writer = ssa::Writer { manager: &request.manager, time: &time };
    let fields = fields(request);
    let unconditional = version_of(&object).is_empty();
    if unconditional && !request.kind.descriptor.unconditional_update {
        let fault = hanse_machinery::status::FieldError::invalid(
            "metadata.resourceVersion",
            0,
            "must be specified for an update",
        );
        let kind = request.kind.descriptor.kind_in();
        // An object that is not there is told first.
        let name = request.existing().await?.key.1.clone();
        return Err(Status::invalid(kind, &name, &[fault]).into());
    }
    let made = change(request, unconditional, |live| {
        Ok(fields.update(Some(live), fill(request, fields.tidy(object.clone())), writer))
    })
    .await?;
    Ok(request.answer(200, &made, warnings))
}

/// `PATCH`.
pub async fn patch(request: &Request) -> Result<Answer> {
    request.decide(Need::Edit).await?;
    let custom = !request.kind.descriptor.is_built_in();
    let kind = patches::Kind::of_content_type(&request.content_type)
        .filter(|kind| !(custom && *kind == patches::Kind::Strategic))
        .ok_or_else(|| Status::unsupported_media_type(patches::Kind::offered(custom)))?;
    let time = render::time(request.op.now);
    let writer = ssa::Writer { manager: &request.manager, time: &time };
    let fields = fields(request);
    if request.path.subresource == "scale" {
        return scale(request, |scale| match kind {
            patches::Kind::Json => patches::json(scale, &request.body),
            _ => patches::merge(scale, &request.body),
        })
        .await;
    }
    if kind == patches::Kind::Apply {
        return apply(request, &fields, writer).await;
    }
    let schema = Schema::built_in();
    let of = request.kind.fields();
    let made = change(request, true, |live| {
        let patched = match kind {
            patches::Kind::Json => patches::json(live, &request.body)?,
            patches::Kind::Merge => patches::merge(live, &request.body)?,
            _ => patches::strategic_merge(&schema, &of, live, &request.body)?,
        };
        // Of a patch that names a version, that version is meant.
        Ok(fields.update(Some(live), fill(request, fields.tidy(payload(patched))), writer))
    })
    .await?;
    Ok(request.answer(200, &made, Vec::new()))
}

async fn apply(request: &Request, fields: &Fields, writer: ssa::Writer<'_>) -> Result<Answer> {
    if request.query.manager.is_empty() {
        let fault =
            hanse_machinery::status::FieldError::required("fieldManager", "is required for apply patch");
        let kind = hanse_machinery::status::In { group: "meta.k8s.io", kind: "PatchOptions" };
        return Err(Status::invalid(kind, "", &[fault]).into());
    }
    let config: Value = serde_json::from_slice(&yaml(&request.body)?)
        .map_err(|error| Status::bad_request(error.to_string()))?;
    let config = payload(config);
    let make = |live: &Value| {
        Ok(fill(request, fields.tidy(fields.apply(Some(live), &config, request.query.force, writer)?)))
    };
    let name = &request.path.name;
    if request.seen(name).is_some() || request.find(name).await?.is_some() {
        match change(request, true, &make).await {
            // It went meanwhile: then it is made anew.
            Err(Fault::Status(status)) if status.code == 404 => {}
            Err(fault) => return Err(fault),
            Ok(made) => return Ok(request.answer(200, &made, Vec::new())),
        }
    }
    let given = fields.tidy(fields.apply(None, &config, request.query.force, writer)?);
    let mut object = born(request, fill(request, given.clone()))?;
    if name_of(&object).is_empty() {
        json::set(&mut object, &["metadata", "name"], name.clone());
    }
    match write_new(request, object, &given).await {
        Ok(made) => return Ok(request.answer(201, &made, Vec::new())),
        // Somebody made it meanwhile: then it is applied to that.
        Err(Fault::Error(error)) if error.code == ErrorCode::AlreadyExists => {}
        Err(fault) => return Err(fault),
    }
    let made = change(request, true, &make).await?;
    Ok(request.answer(200, &made, Vec::new()))
}

pub(super) fn scale_of(object: &Value) -> Value {
    let metadata = object.get("metadata");
    let get = |name: &str| metadata.and_then(|metadata| metadata.get(name)).cloned().unwrap_or_default();
    let selector = object
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object)
        .map(|labels| {
            let pairs: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
                .collect();
            pairs.join(",")
        })
        .unwrap_or_default();
    json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": get("name"), "namespace": get("namespace"), "uid": get("uid"),
            "resourceVersion": get("resourceVersion"), "creationTimestamp": get("creationTimestamp"),
        },
        "spec": {"replicas": object.pointer("/spec/replicas").cloned().unwrap_or_else(|| json!(1))},
        "status": {
            "replicas": object.pointer("/status/replicas").cloned().unwrap_or_else(|| json!(0)),
            "selector": selector,
        },
    })
}

async fn scale(
    request: &Request,
    make: impl Fn(&Value) -> std::result::Result<Value, Status>,
) -> Result<Answer> {
    let time = render::time(request.op.now);
    let writer = ssa::Writer { manager: &request.manager, time: &time };
    let fields = fields(request);
    let made = change(request, true, |live| {
        let scale = make(&scale_of(live))?;
        let version = version_of(&scale);
        if !version.is_empty() && version != version_of(live) {
            return Err(write::modified(&request.kind, &name_of(live)));
        }
        let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
        if replicas < 0 {
            let fault = hanse_machinery::status::FieldError::invalid(
                "spec.replicas",
                replicas,
                "must be greater than or equal to 0",
            );
            let kind = hanse_machinery::status::In { group: "autoscaling", kind: "Scale" };
            return Err(Status::invalid(kind, &name_of(live), &[fault]));
        }
        let mut object = live.clone();
        json::set(&mut object, &["spec", "replicas"], replicas);
        Ok(fields.update(Some(live), object, writer))
    })
    .await?;
    Ok(Answer { code: 200, body: scale_of(&made), warnings: Vec::new() })
}

fn name_of(object: &Value) -> String {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned()
}
