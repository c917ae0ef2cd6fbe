//! The hub's way in over HTTP: reads requests, picks the verb, and answers in the words of an apiserver.

#![allow(clippy::disallowed_types, reason = "this is the module where the hub's HTTP belongs")]

use std::sync::Arc;

use axum::{
    Extension, Router,
    body::Body,
    extract::{FromRequestParts as _, Request as HttpRequest, State},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
    routing::any,
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use hanse_machinery::{
    Status, convert, discovery, meta, openapi2, ssa,
    status::{FieldError, In, MODIFIED},
};
use hanse_types::error::ErrorCode;
use serde_json::{Value, json};

use super::{
    documents,
    fault::Fault,
    kinds::Kind,
    route::{self, Root, Route},
    verbs::{self, LARGEST, Query, Request},
    watch::Watch,
};
use crate::{
    Platform,
    api::{Op, Refused, credential},
    error::Error,
    gateway::limit::{Full, Place},
};

/// The version of Kubernetes' API whose behaviour is served.
const MINOR: &str = "36";
/// Seconds after which to try again when there are too many watches.
const WATCH_AGAIN: u32 = 5;

/// The routes of both roots.
pub fn routes() -> Router<Arc<Platform>> {
    let of = |root: Root, path: &str| {
        Router::new()
            .route(path, any(serve))
            .route(&format!("{path}/"), any(serve))
            .route(&format!("{path}/{{*rest}}"), any(serve))
            .layer(Extension(root))
    };
    of(Root::KubeFed, "/kubefed").merge(of(Root::Kube, "/kube"))
}

async fn serve(
    State(platform): State<Arc<Platform>>,
    Extension(root): Extension<Root>,
    request: HttpRequest,
) -> Response {
    let mut seen: Option<(Arc<Kind>, String)> = None;
    match answer(platform, root, request, &mut seen).await {
        Ok(response) => response,
        Err(fault) => refuse(fault, seen.as_ref().map(|(kind, name)| (&**kind, name.as_str()))),
    }
}

async fn answer(
    platform: Arc<Platform>,
    root: Root,
    request: HttpRequest,
    seen: &mut Option<(Arc<Kind>, String)>,
) -> Result<Response, Fault> {
    let (mut parts, body) = request.into_parts();
    let prefix = format!("/{}", root.as_str());
    let path = parts.uri.path().strip_prefix(&prefix).unwrap_or_default().to_owned();
    let route = route::read(&path).ok_or_else(Status::no_such_path)?;
    if route == Route::Health {
        return Ok((StatusCode::OK, "ok").into_response());
    }
    let Op(op) = Op::from_request_parts(&mut parts, &platform).await?;
    let accept = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let catalogue = platform.shelves.catalogue(root).await?;
    let reading = matches!(parts.method, Method::GET | Method::HEAD);
    if !reading && !matches!(route, Route::Resource(_)) {
        return Err(Status::method_not_allowed().into());
    }
    let version = env!("CARGO_PKG_VERSION");
    let host = || parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bytes = |document: Value| Some(Bytes::from(document.to_string()));
    let mut media = "application/json";
    let name = format!("{route:?}");
    let document = match route {
        Route::Resource(path) => {
            let kind = catalogue.by_plural(&path.api_version, &path.plural);
            let kind = kind.ok_or_else(Status::no_such_path)?;
            *seen = Some((Arc::clone(&kind), path.name.clone()));
            // Large: every verb is in it.
            return Box::pin(resource(platform, op, kind, path, &parts, body)).await;
        }
        Route::Paths => bytes(json!({"paths": ["/api", "/apis", "/openapi/v2", "/openapi/v3", "/version"]})),
        Route::Health => None,
        Route::Version => bytes(json!({
            "major": "1", "minor": MINOR, "gitVersion": format!("v1.{MINOR}.0+hanse-{version}"),
            "gitCommit": "", "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z",
            "goVersion": "none", "compiler": "rustc", "platform": "linux/amd64",
        })),
        Route::Groups { core } => {
            let wanted = convert::negotiate(accept).map_or(convert::Form::Plain, |wanted| wanted.form);
            if wanted == convert::Form::Discovery {
                media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
                catalogue.document(&format!("{name} at once"), |catalogue| {
                    bytes(discovery::aggregated(&catalogue.served(), core))
                })
            } else if core {
                bytes(discovery::core_versions(host()))
            } else {
                catalogue.document(&name, |catalogue| bytes(discovery::group_list(&catalogue.served())))
            }
        }
        Route::Group(group) => catalogue
            .document(&name, |catalogue| discovery::group(&catalogue.served(), &group).and_then(bytes)),
        Route::Resources(api_version) => catalogue.document(&name, |catalogue| {
            discovery::resources(&catalogue.served(), &api_version).and_then(bytes)
        }),
        Route::OpenApi2 => {
            let form = convert::negotiate_openapi(accept)?;
            media = form.content_type();
            catalogue.document(&format!("{name} {media}"), |catalogue| {
                let document = documents::version2(catalogue, version);
                match form {
                    convert::OpenApi::Json => bytes(document),
                    convert::OpenApi::Protobuf => Some(Bytes::from(openapi2::encode(&document))),
                }
            })
        }
        Route::OpenApi3(path) if path.is_empty() => {
            catalogue.document(&name, |catalogue| bytes(documents::index3(catalogue, &prefix, version)))
        }
        Route::OpenApi3(path) => catalogue
            .document(&name, |catalogue| documents::version3(catalogue, &path, version).and_then(bytes)),
    };
    let document = document.ok_or_else(Status::no_such_path)?;
    Ok(([(header::CONTENT_TYPE, media)], document).into_response())
}

async fn resource(
    platform: Arc<Platform>,
    op: crate::context::OpContext,
    kind: Arc<Kind>,
    path: route::Path,
    parts: &Parts,
    body: Body,
) -> Result<Response, Fault> {
    let text = |name: header::HeaderName| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let descriptor = &kind.descriptor;
    let misplaced = descriptor.namespaced && path.namespace.is_empty() && !path.name.is_empty();
    let foreign = !descriptor.namespaced && !path.namespace.is_empty();
    let known = match path.subresource.as_str() {
        "" => true,
        "status" => descriptor.status,
        "scale" => descriptor.scale,
        "finalize" => descriptor.kind == "Namespace",
        _ => false,
    };
    if misplaced || foreign || !known {
        return Err(Status::no_such_path().into());
    }
    let query = query(parts.uri.query().unwrap_or_default())?;
    let wanted = convert::negotiate(Some(text(header::ACCEPT).as_str()))?;
    let agent = text(header::USER_AGENT);
    let manager = if query.manager.is_empty() {
        ssa::manager_of_user_agent(&agent).to_owned()
    } else {
        query.manager.clone()
    };
    let body = read(body).await?;
    let request = Request {
        platform,
        op,
        kind,
        path,
        query,
        manager,
        wanted,
        credential: credential(&parts.headers),
        content_type: text(header::CONTENT_TYPE),
        body,
    };
    let single = !request.path.name.is_empty();
    let answer = match (parts.method.as_str(), single) {
        ("GET" | "HEAD", single) => {
            if request.query.list.watch {
                return watch(request).await;
            }
            if single { verbs::get(&request).await? } else { verbs::list(&request).await? }
        }
        ("POST", false) => verbs::create(&request).await?,
        ("PUT", true) => verbs::update(&request).await?,
        ("PATCH", true) => verbs::patch(&request).await?,
        ("DELETE", true) => verbs::delete(&request).await?,
        ("DELETE", false) => verbs::delete_collection(&request).await?,
        _ => return Err(Status::method_not_allowed().into()),
    };
    let mut response = match request.wanted.encoding {
        convert::Encoding::Json => json_as(answer.code, &answer.body, "application/json"),
        convert::Encoding::Yaml => {
            let text = serde_saphyr::to_string(&answer.body).map_err(|error| {
                Status::internal(&format!("the answer cannot be written as YAML: {error}"))
            })?;
            let code = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::OK);
            (code, [(header::CONTENT_TYPE, "application/yaml")], text).into_response()
        }
    };
    for warning in answer.warnings {
        let text = format!("299 - {}", Value::from(warning));
        if let Ok(value) = HeaderValue::try_from(text) {
            response.headers_mut().append(header::WARNING, value);
        }
    }
    Ok(response)
}

/// What is read, and thrown away, of a body that is too large: who is still writing does not hear the answer.
const DRAINED: usize = 8 * LARGEST;

async fn read(body: Body) -> Result<Bytes, Status> {
    let mut chunks = body.into_data_stream();
    let (mut taken, mut seen) = (BytesMut::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Status::bad_request(format!("the body broke off: {error}")))?;
        seen += chunk.len();
        if seen > DRAINED {
            break;
        }
        if seen <= LARGEST {
            taken.extend_from_slice(&chunk);
        }
    }
    if seen > LARGEST {
        return Err(verbs::too_large());
    }
    Ok(taken.freeze())
}

async fn watch(request: Request) -> Result<Response, Fault> {
    let platform = Arc::clone(&request.platform);
    let place = platform.watches.enter(request.op.actor.user).await.map_err(|full| {
        let (whose, bound) = match full {
            Full::Own => ("you have", platform.config.hub.watches_per_user),
            Full::Cluster => ("all people together have", platform.config.hub.watches),
        };
        let message = format!("{whose} {bound} watches at the hub, which is the bound: end some of them");
        Status::too_many_requests(&message, WATCH_AGAIN)
    })?;
    let watch = Watch::begin(request).await?;
    platform.metrics.live_connections.inc();
    let counted = Counted(platform, place);
    let stream = futures::stream::unfold((watch, counted), |(mut watch, counted)| async move {
        let line = watch.next().await?;
        Some((Ok::<_, std::convert::Infallible>(line), (watch, counted)))
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], Body::from_stream(stream)).into_response())
}

/// Counts a watch while it lasts, and keeps its place.
struct Counted(Arc<Platform>, #[allow(dead_code, reason = "held until the watch ends")] Place);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.live_connections.dec();
    }
}

fn json_as(code: u16, body: &Value, media: &'static str) -> Response {
    let code = StatusCode::from_u16(code).unwrap_or(StatusCode::OK);
    (code, [(header::CONTENT_TYPE, media)], body.to_string()).into_response()
}

fn query(text: &str) -> Result<Query, Status> {
    let mut query = Query::default();
    let flag = |name: &str, text: &str| match text {
        "" | "true" | "1" | "True" => Ok(true),
        "false" | "0" | "False" => Ok(false),
        other => Err(Status::bad_request(format!("{name}: {other:?} is neither true nor false"))),
    };
    let number = |name: &str, text: &str| {
        text.parse::<u64>().map_err(|_| Status::bad_request(format!("{name}: {text:?} is no number")))
    };
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        let value = value.into_owned();
        match &*name {
            "fieldManager" => query.manager = value,
            "fieldValidation" => query.validation = value,
            "force" => query.force = flag("force", &value)?,
            "labelSelector" => query.labels = value,
            "fieldSelector" => query.fields = value,
            "includeObject" => query.include = value,
            "timeoutSeconds" if !value.is_empty() => query.timeout = Some(number("timeoutSeconds", &value)?),
            "watch" => query.list.watch = flag("watch", &value)?,
            "limit" if !value.is_empty() => query.list.limit = number("limit", &value)?,
            "continue" => query.list.continuation = value,
            "resourceVersion" => query.list.resource_version = value,
            "resourceVersionMatch" => query.list.resource_version_match = value,
            "sendInitialEvents" => {
                query.list.send_initial_events = Some(flag("sendInitialEvents", &value)?);
            }
            "allowWatchBookmarks" => {
                query.list.allow_watch_bookmarks = flag("allowWatchBookmarks", &value)?;
            }
            "propagationPolicy" if !value.is_empty() => {
                query.delete.propagation_policy = Some(match value.as_str() {
                    "Orphan" => meta::Propagation::Orphan,
                    "Background" => meta::Propagation::Background,
                    "Foreground" => meta::Propagation::Foreground,
                    other => {
                        let known = ["Foreground", "Background", "Orphan"];
                        let fault = FieldError::not_supported("propagationPolicy", other, &known);
                        let kind = In { group: "meta.k8s.io", kind: "DeleteOptions" };
                        return Err(Status::invalid(kind, "", &[fault]));
                    }
                });
            }
            "orphanDependents" => query.delete.orphan_dependents = Some(flag("orphanDependents", &value)?),
            "gracePeriodSeconds" if !value.is_empty() => {
                query.delete.grace_period_seconds = i64::try_from(number("gracePeriodSeconds", &value)?).ok();
            }
            _ => {}
        }
    }
    if query.manager.chars().count() > 128 {
        let fault = FieldError::too_long("fieldManager", 128);
        return Err(Status::invalid(In { group: "meta.k8s.io", kind: "PatchOptions" }, "", &[fault]));
    }
    Ok(query)
}

/// A failure in the words of an apiserver.
fn refuse(fault: Fault, seen: Option<(&Kind, &str)>) -> Response {
    let (status, refused) = match fault {
        Fault::Status(status) => (*status, None),
        Fault::Error(error) => {
            let refused = error.refused.then_some(Refused(error.code));
            (status_of(error, seen), refused)
        }
    };
    let mut response = json_as(status.code, &status.to_value(), "application/json");
    if let Some(refused) = refused {
        response.extensions_mut().insert(refused);
    }
    if status.code == 401 {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = status.details.as_ref().map(|details| details.retry_after_seconds)
        && seconds > 0
    {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn status_of(error: Error, seen: Option<(&Kind, &str)>) -> Status {
    let none = In { group: "", kind: "" };
    let (resource, kind, name) = seen.map_or((none, none, ""), |(kind, name)| {
        (kind.descriptor.resource_in(), kind.descriptor.kind_in(), name)
    });
    match error.code {
        ErrorCode::Unauthenticated => Status::unauthorized(),
        ErrorCode::Forbidden => Status::forbidden(resource, name, &error.message),
        ErrorCode::NotFound => {
            // Said of the namespace where that is what is not there.
            let namespace = error
                .message
                .strip_prefix("namespaces \"")
                .or_else(|| error.message.strip_prefix("project \""));
            match namespace.and_then(|rest| rest.split('"').next()) {
                Some(namespace) => Status::not_found(In { group: "", kind: "namespaces" }, namespace),
                None => Status::not_found(resource, name),
            }
        }
        ErrorCode::MethodNotAllowed => Status::method_not_allowed(),
        ErrorCode::AlreadyExists => Status::already_exists(resource, name),
        ErrorCode::PreconditionFailed => Status::conflict(resource, name, MODIFIED),
        ErrorCode::Conflict if error.message.contains("is being removed") && name.is_empty() => {
            Status::namespace_terminating(resource, name, "")
        }
        ErrorCode::Conflict => Status::conflict(resource, name, &error.message),
        ErrorCode::Invalid | ErrorCode::ProbeFailed => {
            let faults: Vec<FieldError> = error
                .fields
                .into_iter()
                .map(|fault| FieldError::invalid(fault.field, Value::Null, fault.message))
                .collect();
            Status::invalid(kind, name, &faults)
        }
        ErrorCode::BadRequest => Status::bad_request(error.message),
        ErrorCode::TooLarge => Status::too_large(&error.message),
        ErrorCode::TooManyRequests => {
            let seconds = error.retry_after.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(1);
            Status::too_many_requests(&error.message, seconds)
        }
        ErrorCode::Unavailable => Status::unavailable(&error.message),
        ErrorCode::Timeout => Status::timeout(&error.message, 1),
        ErrorCode::Internal => {
            tracing::error!("a request at the hub failed: {:?}", error.source);
            Status::internal(&error.message)
        }
    }
}
