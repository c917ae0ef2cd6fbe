//! The gateway: `/clusters/{name}/…` is the member's API for people. A request is authenticated, understood, decided on,
//! freed of everything that says who somebody is, and sent on in the caller's name; the member decides once more by
//! itself. Answers pass as streams, so a watch, a log or a terminal costs no more than its windows.

#![allow(clippy::disallowed_types, reason = "this module is HTTP, too")]

mod headers;
pub mod limit;
pub mod ports;
pub mod request;
pub mod roles;
pub mod standing;
pub mod streams;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body as HttpBody,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header, request::Parts},
    response::{IntoResponse, Response},
};
use hanse_fleet::{
    Member,
    connector::{Body, Lane, TransportError, Upgraded},
};
use hanse_machinery::Status;
use hanse_store::AuditEvent;
use hanse_types::error::ErrorCode;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use serde_json::json;

use self::{
    limit::{Full, Limits, Place},
    ports::Door,
    request::{Asked, Malformed, Target},
    standing::{Directories, Directory},
    streams::{Owner, Streams},
};
use crate::{Platform, api, config::Config, context::OpContext, error::Error};

/// Bytes kept of each direction of an upgraded connection.
const UPGRADE_BUFFER: usize = 64 * 1024;

/// What the gateway keeps.
pub struct Gateway {
    /// What is open.
    pub streams: Streams,
    /// Projects of clusters.
    pub directories: Directories,
    /// Roles in members.
    pub roles: roles::Roles,
    /// Ports of clusters' own.
    pub ports: ports::Ports,
    limits: Limits,
}

impl Gateway {
    /// With nothing open.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            streams: Streams::default(),
            directories: Directories::default(),
            roles: roles::Roles::default(),
            ports: ports::Ports::default(),
            limits: Limits::new(config.gateway.clone()),
        }
    }

    /// Something was written that may change who may do what.
    pub fn changed(&self) {
        self.directories.forget();
        self.streams.changed();
        self.roles.wake();
    }

    /// A cluster was let go.
    pub fn forget(&self, cluster: hanse_types::ClusterId) {
        self.limits.forget(cluster);
        self.roles.forget(cluster);
        self.ports.forget(cluster);
    }
}

/// Why a request went no further.
struct Refusal {
    status: Box<Status>,
    /// Whether it is for the audit trail.
    refused: Option<ErrorCode>,
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self { status: Box::new(status), refused: None }
    }
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Status::bad_request(error.to_string()).into()
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let code = api::status_of(error.code).as_u16();
        let reason = match error.code {
            ErrorCode::Unauthenticated => "Unauthorized",
            ErrorCode::Forbidden => "Forbidden",
            ErrorCode::NotFound => "NotFound",
            ErrorCode::BadRequest => "BadRequest",
            ErrorCode::TooManyRequests => "TooManyRequests",
            ErrorCode::Unavailable => "ServiceUnavailable",
            ErrorCode::Timeout => "Timeout",
            _ => "InternalError",
        };
        if let Some(source) = &error.source {
            tracing::error!("{}: {source:#}", error.message);
        }
        let refused = error.refused.then_some(error.code);
        let mut status = Status::unexplained(error.message);
        (status.code, status.reason) = (code, reason.to_owned());
        Self { status: Box::new(status), refused }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = StatusCode::from_u16(self.status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (code, axum::Json(self.status.to_value())).into_response();
        if let Some(details) = &self.status.details
            && details.retry_after_seconds > 0
        {
            let seconds = HeaderValue::from(details.retry_after_seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if code == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(code) = self.refused {
            api::refused(&mut response, code);
        }
        response
    }
}

/// Answers everything below `/clusters/{name}/`.
pub async fn serve(State(platform): State<Arc<Platform>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if is_page(&parts) {
        return crate::web::serve(parts.method, parts.uri, parts.headers).await;
    }
    match Box::pin(answer(&platform, parts, body, None)).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// Answers everything on a cluster's own port.
pub async fn serve_port(
    State(platform): State<Arc<Platform>>,
    Extension(door): Extension<Door>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    match Box::pin(answer(&platform, parts, body, Some(&door))).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

/// Whether a browser opens one of the console's pages, whose paths begin alike. No API is asked for as a page.
fn is_page(parts: &Parts) -> bool {
    let accepts = parts.headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = parts.uri.path().split('/').nth(3).unwrap_or_default();
    let page = !first.is_empty() && first.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let api = matches!(
        first,
        "api"
            | "apis"
            | "openapi"
            | "version"
            | "healthz"
            | "livez"
            | "readyz"
            | "metrics"
            | "logs"
            | "debug"
            | "openid"
    );
    parts.method == Method::GET && accepts.starts_with("text/html") && page && !api
}

async fn answer(
    platform: &Arc<Platform>,
    mut parts: Parts,
    body: HttpBody,
    door: Option<&Door>,
) -> Result<Response, Refusal> {
    if door.is_some() {
        // Cookies do not know ports, and a page that the member serves here would be of the cookie's own site.
        parts.headers.remove(header::COOKIE);
    }
    let (op, credential) = api::authenticate(platform, &parts).await?;
    if parts.version < Version::HTTP_2 && parts.uri.authority().is_some() {
        return Err(Malformed("the request names a server in its first line: send the path alone").into());
    }
    if let Some(why) = headers::ambiguous(&parts.headers) {
        return Err(Status::bad_request(format!("the request is ambiguous: {why}")).into());
    }
    let (name, path) = match door {
        Some(door) => (door.name.as_str(), parts.uri.path()),
        None => split(parts.uri.path())?,
    };
    let asked = Arc::new(request::parse(parts.method.as_str(), path, parts.uri.query())?);
    if asked.connects().is_some() {
        // With a browser's cookie, other sites' pages must not get this far, whatever the method.
        api::same_origin(platform, &parts, &credential)?;
    }
    let missing = || Error::not_found("cluster", name);
    let directory = platform.gateway.directories.of(platform, name).await?.ok_or_else(missing)?;
    if door.is_some_and(|door| door.cluster != directory.id() || directory.cluster.port().is_none()) {
        // The connection is older than the port's end.
        return Err(missing().into());
    }
    standing::decide(platform, &op, &directory, &asked).await?;
    if platform.stop.is_cancelled() {
        return Err(Status::unavailable("this server is stopping: try again").into());
    }
    let member = platform.fleet.get(directory.id()).ok_or_else(|| {
        Status::unavailable(&format!("cluster {name:?} is not connected: look at its page in the console"))
    })?;
    let place = platform.gateway.limits.enter(directory.id(), op.actor.user, asked.open_ended).await;
    let place = place.map_err(|full| busy(full, name))?;
    let target = match parts.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let uri: Uri = target.parse().map_err(|_| Malformed("the path cannot be sent on"))?;
    let upgrade = headers::upgrade(&parts.headers).filter(|_| asked.connects().is_some());
    let mut sent = headers::of_request(&parts.headers);
    impersonate(&mut sent, &op, &directory, &asked);
    let owner = Owner { credential, op, cluster: name.to_owned(), asked };
    let errand = Errand { platform: Arc::clone(platform), member, directory, owner, place };
    let switching = upgrade.is_some() && parts.version < Version::HTTP_2;
    if let Some(protocol) = upgrade.filter(|_| switching) {
        sent.insert(header::UPGRADE, protocol);
        let mut onward = http::Request::new(());
        (*onward.method_mut(), *onward.uri_mut(), *onward.headers_mut()) = (parts.method.clone(), uri, sent);
        let client = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        return errand.upgrade(onward, client).await;
    }
    let mut onward = http::Request::new(body.map_err(Into::into).boxed_unsync());
    (*onward.method_mut(), *onward.uri_mut(), *onward.headers_mut()) = (parts.method, uri, sent);
    errand.send(onward).await
}

/// The cluster's name and the path below it, as they came.
fn split(path: &str) -> Result<(&str, &str), Malformed> {
    let rest = path.strip_prefix("/clusters/").ok_or(Malformed("the path is not below /clusters/"))?;
    let at = rest.find('/').ok_or(Malformed("the path names nothing below the cluster"))?;
    let (name, path) = rest.split_at(at);
    hanse_types::ClusterName::parse(name)
        .map_err(|_| Malformed("the path holds no valid name of a cluster"))?;
    Ok((name, path))
}

fn impersonate(headers: &mut HeaderMap, op: &OpContext, directory: &Directory, asked: &Asked) {
    let user = HeaderValue::try_from(standing::user(op));
    // Names are checked where they are made; one that no header takes must not become nobody, who is the credential itself.
    let nobody = HeaderValue::from_static("hanse:");
    headers.insert("impersonate-user", user.unwrap_or(nobody));
    for group in standing::groups(op, directory, asked) {
        if let Ok(group) = HeaderValue::try_from(group) {
            headers.append("impersonate-group", group);
        }
    }
    // One id in our trail and in the member's.
    if let Ok(id) = HeaderValue::try_from(op.request.id.as_str()) {
        headers.insert("audit-id", id);
    }
}

fn busy(full: Full, cluster: &str) -> Status {
    match full {
        Full::Own => Status::too_many_requests(
            &format!(
                "you have as many requests to cluster {cluster:?} under way as one person may: end some"
            ),
            1,
        ),
        Full::Cluster => Status::too_many_requests(
            &format!("cluster {cluster:?} has as many requests under way as it gets at once: try again"),
            1,
        ),
    }
}

fn unreachable(cluster: &str, error: &TransportError) -> Status {
    Status::unavailable(&format!("cluster {cluster:?} cannot be reached: {}. {}", error.message, error.fix))
}

/// A request that was decided on, with all that it needs to its end.
struct Errand {
    platform: Arc<Platform>,
    member: Arc<Member>,
    directory: Arc<Directory>,
    owner: Owner,
    place: Place,
}

impl Errand {
    /// Sends and gives the answer as it comes. What is noted is noted even when the caller hangs up meanwhile.
    async fn send(self, request: http::Request<Body>) -> Result<Response, Refusal> {
        let tasks = self.platform.tasks.clone();
        if self.owner.asked.noteworthy().is_none() {
            return self.exchange(request).await;
        }
        let done = tasks.spawn(Box::pin(self.exchange(request))).await;
        done.unwrap_or_else(|_| Err(Status::internal("the request ended badly").into()))
    }

    async fn exchange(self, request: http::Request<Body>) -> Result<Response, Refusal> {
        let follows = self.owner.asked.resource().is_some_and(|one| one.subresource == "log");
        let sending = self.member.send(Lane::Forwarded, request);
        let answered = if self.owner.asked.open_ended && follows {
            // A container that says nothing has nothing to begin with.
            Ok(sending.await)
        } else {
            tokio::time::timeout(self.patience(), sending).await
        };
        let answer = match answered {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.failed(unreachable(&self.owner.cluster, &error)).await),
            Err(_) => return Err(self.failed(self.slow()).await),
        };
        self.note(answer.status().as_u16()).await?;
        self.answered(answer)
    }

    async fn upgrade(
        self,
        request: http::Request<()>,
        client: Option<hyper::upgrade::OnUpgrade>,
    ) -> Result<Response, Refusal> {
        let Some(client) = client else {
            return Err(Malformed("this connection cannot be upgraded: ask over HTTP/1.1").into());
        };
        let (mut answer, bytes) =
            match tokio::time::timeout(self.patience(), self.member.upgrade(request)).await {
                Ok(Ok(Upgraded::Switched(answer, bytes))) => (answer, bytes),
                Ok(Ok(Upgraded::Answered(answer))) => {
                    self.note(answer.status().as_u16()).await?;
                    return self.answered(answer);
                }
                Ok(Err(error)) => return Err(self.failed(unreachable(&self.owner.cluster, &error)).await),
                Err(_) => return Err(self.failed(self.slow()).await),
            };
        self.note(answer.status().as_u16()).await?;
        let protocol = answer.headers().get(header::UPGRADE).cloned();
        headers::of_answer(answer.headers_mut());
        if let Some(protocol) = protocol {
            answer.headers_mut().insert(header::UPGRADE, protocol);
        }
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        let (entry, cut) = streams::bytes(&self.platform, self.owner.clone());
        let place = self.place;
        self.platform.tasks.spawn(async move {
            let _held = (entry, place);
            let copying = async {
                let Ok(client) = client.await else { return };
                if let Err(error) = hanse_tunnel::pass(TokioIo::new(client), bytes, UPGRADE_BUFFER).await {
                    tracing::debug!("an upgraded connection broke: {error}");
                }
            };
            tokio::select! {
                () = copying => {}
                () = cut.cancelled() => {}
            }
        });
        Ok(answer.map(|()| HttpBody::empty()).into_response())
    }

    /// The member's answer as the caller gets it.
    fn answered(self, answer: http::Response<Body>) -> Result<Response, Refusal> {
        if answer.status() == StatusCode::UNAUTHORIZED {
            // Passed on, it would tell the caller that their own credential is bad.
            let cluster = &self.owner.cluster;
            return Err(Status::unavailable(&format!(
                "cluster {cluster:?} does not accept Hanse's credential: an administrator must renew it"
            ))
            .into());
        }
        let (mut head, body) = answer.into_parts();
        headers::of_answer(&mut head.headers);
        let body = streams::body(&self.platform, self.owner, body, self.place);
        let mut response = Response::new(HttpBody::new(body));
        (*response.status_mut(), *response.headers_mut()) = (head.status, head.headers);
        Ok(response)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.platform.config.gateway.answer_timeout_seconds.max(1))
    }

    fn slow(&self) -> Status {
        let (cluster, seconds) = (&self.owner.cluster, self.patience().as_secs());
        Status::timeout(&format!("cluster {cluster:?} did not answer within {seconds} seconds: try again"), 1)
    }

    /// Notes what came of nothing, and tells so.
    async fn failed(&self, status: Status) -> Refusal {
        match self.note(status.code).await {
            Ok(()) => status.into(),
            Err(refusal) => refusal,
        }
    }

    /// Writes down what is to be kept: before anybody reads a secret or types into a terminal, and after a change.
    async fn note(&self, code: u16) -> Result<(), Refusal> {
        let Some(verb) = self.owner.asked.noteworthy() else { return Ok(()) };
        let result = match code {
            101 | 200..=299 => None,
            code => Some(format!("http_{code}")),
        };
        let resource = self.owner.asked.resource();
        let namespace = resource.and_then(|one| one.namespace.as_deref());
        let project = namespace.and_then(|name| Some((name, self.directory.project(name)?)));
        let event = AuditEvent {
            verb,
            kind: "member-object",
            name: match (&self.owner.asked.target, resource) {
                (Target::Resource(_), Some(resource)) => resource.describe(),
                _ => "(path)".to_owned(),
            },
            workspace: project.map(|(_, project)| project.workspace.clone()),
            project: project.map(|(name, _)| name.to_owned()),
            cluster: Some(self.owner.cluster.clone()),
            after: Some(json!({"status": code})),
            result,
            ..AuditEvent::default()
        };
        let written = async {
            let mut tx = self.platform.store.begin(&self.owner.op.write()).await?;
            tx.audit(event);
            tx.commit().await
        };
        if let Err(error) = written.await {
            if self.owner.asked.changes() && self.owner.asked.connects().is_none() {
                // It has happened, and saying otherwise would make it happen twice.
                tracing::error!("a change in a member could not be written down: {error}");
                return Ok(());
            }
            return Err(Error::from(error).into());
        }
        Ok(())
    }
}
