//! One function per verb. Each answers like an apiserver; what a write comes to is decided by `write`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use hanse_machinery::{
    Schema, Status,
    convert::{self, Include, Row, Wanted},
    json,
    list::{self, From as ListFrom},
    meta::{self, Birth},
    patch, protobuf,
    select::{FieldSelector, Selector},
    ssa::{self, Fields},
    strict::{self, Validation},
};
use hanse_store::hub;
use hanse_types::error::ErrorCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    access::{self, Need, Visible},
    fault::Fault,
    kinds::{Backing, Kind, SYSTEM},
    kubefed, render,
    route::{Path, Root},
    shelf::{Item, Key, Shared, Source},
    write::{self, Writer},
};
use crate::{Platform, context::OpContext, error::Error, identity::session::Credential};

/// Largest body of a write, as apiservers have it.
pub const LARGEST: usize = 3 * 1024 * 1024;
/// How long a write that names no version is tried again when others are quicker: an apiserver, too, gives up with the
/// request alone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Parameters of a query that verbs look at.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// `fieldManager`.
    pub manager: String,
    /// `fieldValidation`.
    pub validation: String,
    /// `force`.
    pub force: bool,
    /// `labelSelector`.
    pub labels: String,
    /// `fieldSelector`.
    pub fields: String,
    /// `includeObject`.
    pub include: String,
    /// `timeoutSeconds`.
    pub timeout: Option<u64>,
    /// Of lists and watches.
    pub list: list::Options,
    /// Of deletions, where the body says nothing.
    pub delete: meta::DeleteOptions,
}

/// A request for objects.
pub struct Request {
    /// The platform.
    pub platform: Arc<Platform>,
    /// Who asks.
    pub op: OpContext,
    /// Of which kind.
    pub kind: Arc<Kind>,
    /// Which.
    pub path: Path,
    /// The query.
    pub query: Query,
    /// Who owns the fields that are written.
    pub manager: String,
    /// The shape of the answer.
    pub wanted: Wanted,
    /// What the caller signed in with.
    pub credential: Option<Credential>,
    /// The body's media type; empty where none is said.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// What a verb answers.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub code: u16,
    /// The body.
    pub body: Value,
    /// Warnings.
    pub warnings: Vec<String>,
}

type Result<T> = std::result::Result<T, Fault>;

impl Request {
    fn namespace(&self) -> &str {
        &self.path.namespace
    }

    fn writer(&self) -> Writer<'_> {
        Writer { platform: &self.platform, op: &self.op, kind: &self.kind, namespace: self.namespace() }
    }

    async fn shelf(&self) -> Result<Shared> {
        Ok(self.platform.shelves.of(&self.kind).await?)
    }

    fn key(&self, name: &str) -> Key {
        (self.namespace().to_owned(), name.to_owned())
    }

    async fn find(&self, name: &str) -> Result<Option<Arc<Item>>> {
        Ok(self.platform.shelves.find(&self.kind, &self.key(name)).await?)
    }

    /// A record as it was seen last, if it was; others may have changed it since.
    fn seen(&self, name: &str) -> Option<Arc<Item>> {
        if !matches!(self.kind.backing, Backing::Federated(_) | Backing::Plain(_)) {
            return None;
        }
        let item = self.platform.shelves.seen(&self.kind, &self.key(name))?;
        matches!(item.source, Source::Federated(_)).then_some(item)
    }

    fn missing(&self, name: &str) -> Status {
        Status::not_found(self.kind.descriptor.resource_in(), name)
    }

    async fn existing(&self) -> Result<Arc<Item>> {
        let found = self.find(&self.path.name).await?;
        found.ok_or_else(|| self.missing(&self.path.name).into())
    }

    /// Decides; for namespaces themselves by the project that they are.
    async fn decide(&self, need: Need) -> Result<()> {
        if self.kind.backing != Backing::Namespace {
            access::decide(&self.platform, &self.op, &self.kind, self.namespace(), need).await?;
            return Ok(());
        }
        // Making and removing projects is decided by the domain.
        if !self.path.name.is_empty() {
            let visible = access::visible(&self.platform, &self.op, &self.kind).await?;
            if !visible.shows(&self.path.name) {
                return Err(Fault::Error(Error {
                    refused: true,
                    ..Error::not_found("namespaces", &self.path.name)
                }));
            }
        }
        Ok(())
    }

    /// Objects of all namespaces are shown as far as the caller may see them; of one namespace, if it may.
    pub(super) async fn visible(&self) -> Result<Visible> {
        if self.kind.backing == Backing::Namespace
            || (self.namespace().is_empty() && self.kind.descriptor.namespaced)
        {
            return access::visible(&self.platform, &self.op, &self.kind).await;
        }
        self.decide(Need::View).await?;
        Ok(Visible::All)
    }

    fn one(&self, row: Row<'_>) -> Value {
        match self.wanted.form {
            convert::Form::Table => {
                let metadata = row.object.get("metadata").cloned().unwrap_or_default();
                self.table(&[row], &metadata, true)
            }
            convert::Form::Partial => convert::partial(row.object, "v1"),
            _ => row.object.clone(),
        }
    }

    pub(super) fn table(&self, rows: &[Row<'_>], metadata: &Value, headers: bool) -> Value {
        let include = Include::parse(&self.query.include).unwrap_or_default();
        let now = self.platform.clock.now().timestamp();
        convert::table(&self.kind.descriptor, rows, metadata, include, now, headers)
    }

    fn answer(&self, code: u16, object: &Value, warnings: Vec<String>) -> Answer {
        Answer { code, body: self.one(object.into()), warnings }
    }
}

/// `GET` of one object.
pub async fn get(request: &Request) -> Result<Answer> {
    if let Some(secret) = credentials(request).await? {
        return Ok(request.answer(200, &secret, Vec::new()));
    }
    request.decide(Need::View).await?;
    let found = request.find(&request.path.name).await?;
    let item = found.ok_or_else(|| request.missing(&request.path.name))?;
    if request.path.subresource == "scale" {
        return Ok(Answer { code: 200, body: scale_of(&item.object), warnings: Vec::new() });
    }
    Ok(Answer { code: 200, body: request.one(item.row()), warnings: Vec::new() })
}

/// The Secret that a KubeFedCluster refers to, made for the caller.
async fn credentials(request: &Request) -> Result<Option<Value>> {
    let own =
        request.kind.root == Root::KubeFed && request.kind.is("", "Secret") && request.namespace() == SYSTEM;
    let name = &request.path.name;
    let (true, Some(Credential::Token(token))) = (own, &request.credential) else { return Ok(None) };
    let platform = &request.platform;
    let catalogue = platform.shelves.catalogue(Root::KubeFed).await?;
    let Some(kind) = catalogue.0.iter().find(|kind| kind.backing == Backing::Cluster).cloned() else {
        return Ok(None);
    };
    let shelf = platform.shelves.of(&kind).await?;
    let clusters = shelf.read().view(SYSTEM).items;
    let names = |item: &Arc<Item>| {
        item.object.pointer("/spec/secretRef/name").and_then(Value::as_str) == Some(name.as_str())
    };
    if !clusters.iter().any(names) {
        return Ok(None);
    }
    access::decide(platform, &request.op, &kind, SYSTEM, Need::View).await?;
    let revision = request.platform.store.revision().to_string();
    let authority = request.platform.tls.authority.as_deref();
    Ok(Some(kubefed::credentials(name, token, authority, &revision)))
}

/// What a list or watch selects.
pub struct Selection {
    labels: Selector,
    fields: FieldSelector,
    visible: Visible,
    namespaces: bool,
    namespace: String,
}

impl Selection {
    /// From the query, for what the caller may see.
    pub async fn of(request: &Request) -> Result<Self> {
        let declared = ["metadata.name", "metadata.namespace"];
        let more: &[&str] = match request.kind.descriptor.kind.as_str() {
            "Event" => &[
                "involvedObject.name",
                "involvedObject.namespace",
                "involvedObject.uid",
                "involvedObject.kind",
                "reason",
                "type",
            ],
            "Secret" => &["type"],
            "Pod" | "Namespace" => &["status.phase"],
            _ => &[],
        };
        let declared: Vec<&str> = declared.iter().chain(more).copied().collect();
        let mut fields = request.query.fields.clone();
        if !request.path.name.is_empty() {
            fields = format!("metadata.name={}", request.path.name);
        }
        Ok(Self {
            labels: Selector::parse(&request.query.labels)?,
            fields: FieldSelector::parse(&fields, &declared)?,
            visible: request.visible().await?,
            namespaces: request.kind.backing == Backing::Namespace,
            namespace: request.namespace().to_owned(),
        })
    }

    /// Whether an object is among them.
    #[must_use]
    pub fn takes(&self, item: &Item) -> bool {
        let home = if self.namespaces { &item.key.1 } else { &item.key.0 };
        (self.namespace.is_empty() || item.key.0 == self.namespace)
            && self.visible.shows(home)
            && self.labels.matches(&item.object)
            && self.fields.matches(&item.object)
    }

    /// Whether the caller may still see the same.
    #[must_use]
    pub fn same_visibility(&self, now: &Visible) -> bool {
        self.visible == *now
    }
}

fn unsigned(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or(0)
}

/// `GET` of a collection.
pub async fn list(request: &Request) -> Result<Answer> {
    let selection = Selection::of(request).await?;
    let shelf = request.shelf().await?;
    let view = shelf.read().view(request.namespace());
    let current = unsigned(view.revision);
    // What is there now is all that is kept: an exact revision is served while it is the present one.
    let from = list::list_from(&request.query.list, 0, current)?;
    let mut after = None;
    match from {
        ListFrom::Latest | ListFrom::Any | ListFrom::NotOlderThan(_) => {}
        ListFrom::Exact(revision) if revision == current => {}
        ListFrom::Exact(revision) => return Err(list::too_old(revision, current).into()),
        ListFrom::After { key, .. } => after = Some(key),
    }
    let limit = usize::try_from(request.query.list.limit).unwrap_or(usize::MAX);
    let key = |item: &Item| format!("{}/{}", item.key.0, item.key.1);
    let mut chosen: Vec<&Arc<Item>> = view
        .items
        .iter()
        .filter(|item| after.as_ref().is_none_or(|after| key(item).as_str() > after.as_str()))
        .filter(|item| selection.takes(item))
        .collect();
    let mut metadata = json!({"resourceVersion": view.revision.to_string()});
    if limit > 0 && chosen.len() > limit {
        let remaining = chosen.len() - limit;
        chosen.truncate(limit);
        if let Some(last) = chosen.last() {
            // Pages after the first show what is there then: each object is shown once, in order.
            json::set(&mut metadata, &["continue"], list::token(None, &key(last)));
        }
        if request.query.labels.is_empty() && request.query.fields.is_empty() {
            json::set(&mut metadata, &["remainingItemCount"], remaining);
        }
    }
    let body = match request.wanted.form {
        convert::Form::Table => {
            let rows: Vec<Row<'_>> = chosen.into_iter().map(|item| item.row()).collect();
            request.table(&rows, &metadata, true)
        }
        form => {
            let objects: Vec<Value> = chosen.into_iter().map(|item| (*item.object).clone()).collect();
            let kind = &request.kind.descriptor;
            let list = json!({
                "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
                "metadata": metadata, "items": objects,
            });
            match form {
                convert::Form::PartialList | convert::Form::Partial => convert::partial_list(&list, "v1"),
                _ => list,
            }
        }
    };
    Ok(Answer { code: 200, body, warnings: Vec::new() })
}

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

/// Of a body that no apiserver takes.
pub(super) fn too_large() -> Status {
    Status::too_large(&format!("limit is {LARGEST}"))
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

fn fields(request: &Request) -> Fields {
    let sub = match request.path.subresource.as_str() {
        "scale" => "",
        sub => sub,
    };
    Fields::new(&request.kind.descriptor, request.kind.custom.clone(), sub)
}

/// The object as it is after a write: the one that is shown, or for a dry run the one that would be.
async fn outcome(request: &Request, name: &str, wanted: Value, made: Option<Item>) -> Result<Arc<Value>> {
    if let Some(item) = made {
        return Ok(item.object);
    }
    let shown = if request.op.request.dry_run { None } else { request.find(name).await? };
    Ok(shown.map_or_else(|| Arc::new(wanted), |item| Arc::clone(&item.object)))
}

fn name_of(object: &Value) -> String {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `POST`.
pub async fn create(request: &Request) -> Result<Answer> {
    request.decide(Need::Edit).await?;
    let (object, warnings) = decode(request)?;
    let generated = name_of(&object).is_empty();
    let object = create_object(request, object).await?;
    let name = name_of(&object);
    match write_new(request, object).await {
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

async fn create_object(request: &Request, object: Value) -> Result<Value> {
    let time = render::time(request.op.now);
    let writer = ssa::Writer { manager: &request.manager, time: &time };
    let uid = Uuid::now_v7().to_string();
    let birth = Birth { namespace: request.namespace(), uid: &uid, time: &time, entropy: entropy() };
    let fields = fields(request);
    let object = fields.update(None, fill(request, fields.tidy(object)), writer);
    let mut object = meta::create(&request.kind.descriptor, object, birth)?;
    kubefed::admit(&request.kind.descriptor, &mut object)?;
    Ok(object)
}

async fn write_new(request: &Request, object: Value) -> Result<Arc<Value>> {
    let name = name_of(&object);
    let made = Box::pin(request.writer().create(object.clone())).await?;
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
    let on = match request.path.subresource.as_str() {
        "scale" => "",
        sub => sub,
    };
    let mut new = meta::update(&request.kind.descriptor, live, make(live)?, on)?;
    kubefed::admit(&request.kind.descriptor, &mut new)?;
    ssa::keep_times(live, &mut new);
    if new == *live {
        return Ok(None);
    }
    let made = Box::pin(request.writer().update(item, new.clone(), on)).await?;
    Ok(Some(outcome(request, &item.key.1, new, made).await?))
}

/// Whether somebody was quicker, as opposed to a state that does not allow it.
pub(super) fn is_race(error: &Error) -> bool {
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
    let kind = patch::Kind::of_content_type(&request.content_type)
        .filter(|kind| !(custom && *kind == patch::Kind::Strategic))
        .ok_or_else(|| Status::unsupported_media_type(patch::Kind::offered(custom)))?;
    let time = render::time(request.op.now);
    let writer = ssa::Writer { manager: &request.manager, time: &time };
    let fields = fields(request);
    if request.path.subresource == "scale" {
        return scale(request, |scale| match kind {
            patch::Kind::Json => patch::json(scale, &request.body),
            _ => patch::merge(scale, &request.body),
        })
        .await;
    }
    if kind == patch::Kind::Apply {
        return apply(request, &fields, writer).await;
    }
    let schema = Schema::built_in();
    let of = request.kind.fields();
    let made = change(request, true, |live| {
        let patched = match kind {
            patch::Kind::Json => patch::json(live, &request.body)?,
            patch::Kind::Merge => patch::merge(live, &request.body)?,
            _ => patch::strategic_merge(&schema, &of, live, &request.body)?,
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
    let object = fill(request, fields.tidy(fields.apply(None, &config, request.query.force, writer)?));
    let time = render::time(request.op.now);
    let uid = Uuid::now_v7().to_string();
    let birth = Birth { namespace: request.namespace(), uid: &uid, time: &time, entropy: entropy() };
    let mut object = meta::create(&request.kind.descriptor, object, birth)?;
    kubefed::admit(&request.kind.descriptor, &mut object)?;
    if name_of(&object).is_empty() {
        json::set(&mut object, &["metadata", "name"], name.clone());
    }
    match write_new(request, object).await {
        Ok(made) => return Ok(request.answer(201, &made, Vec::new())),
        // Somebody made it meanwhile: then it is applied to that.
        Err(Fault::Error(error)) if error.code == ErrorCode::AlreadyExists => {}
        Err(fault) => return Err(fault),
    }
    let made = change(request, true, &make).await?;
    Ok(request.answer(200, &made, Vec::new()))
}

/// `DELETE` of one object.
pub async fn delete(request: &Request) -> Result<Answer> {
    request.decide(Need::Remove).await?;
    let options = delete_options(request)?;
    // Most clients ask for nothing that depends on the very latest: then what was seen last will do, if it still is the
    // same object. The record itself, and who holds it, is looked at in the transaction; what holds a FederatedNamespace
    // is read from what is shown of it, which then must be the latest.
    if options.is_plain()
        && let Some(item) = request.seen(&request.path.name)
    {
        match end(request, &item, &options).await {
            Err(Fault::Error(error)) if error.code == ErrorCode::NotFound => {}
            other => return other,
        }
    }
    let item = request.existing().await?;
    end(request, &item, &options).await
}

async fn end(request: &Request, item: &Arc<Item>, options: &meta::DeleteOptions) -> Result<Answer> {
    let left = request.writer().delete(item, options).await?;
    if request.op.request.dry_run {
        return Ok(Answer { code: 200, body: (*item.object).clone(), warnings: Vec::new() });
    }
    let left = match (left, &item.source) {
        (Some(left), _) if left.gone => None,
        (Some(left), Source::Federated(row)) => {
            let marked = hub::Federated { row: left.row, copies: true, ..(**row).clone() };
            let shown = render::again(&request.kind, marked);
            shown.map(|shown| Arc::new(render::at(shown, item.revision)))
        }
        _ => request.find(&item.key.1).await?.filter(|left| left.id == item.id),
    };
    Ok(match left {
        Some(left) => request.answer(200, &left.object, Vec::new()),
        None => {
            let resource = request.kind.descriptor.resource_in();
            let body = Status::success(resource, &item.key.1, &item.id.to_string());
            Answer { code: 200, body, warnings: Vec::new() }
        }
    })
}

fn delete_options(request: &Request) -> Result<meta::DeleteOptions> {
    let mut options = request.query.delete.clone();
    if !request.body.iter().all(u8::is_ascii_whitespace) {
        let mut body: Value = if protobuf::is(&request.body) {
            protobuf::decode(&request.body)?
        } else {
            serde_json::from_slice(&request.body).map_err(|error| Status::bad_request(error.to_string()))?
        };
        if let Some(map) = body.as_object_mut() {
            map.remove("apiVersion");
            map.remove("kind");
        }
        let text = body.to_string();
        let said: meta::DeleteOptions = strict::options(text.as_bytes())?;
        options = meta::DeleteOptions {
            propagation_policy: said.propagation_policy.or(options.propagation_policy),
            orphan_dependents: said.orphan_dependents.or(options.orphan_dependents),
            ..said
        };
    }
    Ok(options)
}

/// `DELETE` of a collection.
pub async fn delete_collection(request: &Request) -> Result<Answer> {
    request.decide(Need::Remove).await?;
    let options = delete_options(request)?;
    let selection = Selection::of(request).await?;
    let shelf = request.shelf().await?;
    let view = shelf.read().view(request.namespace());
    let chosen: Vec<Arc<Item>> = view.items.into_iter().filter(|item| selection.takes(item)).collect();
    for item in &chosen {
        match request.writer().delete(item, &options).await {
            Err(Fault::Error(error)) if error.code == ErrorCode::NotFound => {}
            other => {
                other?;
            }
        }
    }
    let kind = &request.kind.descriptor;
    let objects: Vec<Value> = chosen.iter().map(|item| (*item.object).clone()).collect();
    let body = json!({
        "kind": format!("{}List", kind.kind), "apiVersion": kind.api_version(),
        "metadata": {"resourceVersion": view.revision.to_string()}, "items": objects,
    });
    Ok(Answer { code: 200, body, warnings: Vec::new() })
}

fn scale_of(object: &Value) -> Value {
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
