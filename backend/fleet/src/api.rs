//! One request and its answer. Everything that asks a member for something that ends soon comes through here: deadline,
//! concurrency limit, bounded answer, and a typed refusal are not left to each caller.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Body as _;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::{Service as _, ServiceExt as _};

use crate::{
    connector::{Body, Stage, Transport, TransportError},
    error::{MemberError, excerpt},
    limiter::{Ended, Limiter},
};

/// Plain JSON.
pub const JSON: &str = "application/json";
/// Metadata only, where the member can; its whole answer otherwise.
pub const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
/// Longest answer about one object. An apiserver's own bound for an object is 3 MiB.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// A request that ends soon.
#[derive(Clone, Debug)]
pub struct Call {
    /// Method.
    pub method: Method,
    /// Path and query, relative to the API root, encoded.
    pub path: String,
    /// Type of the body.
    pub content_type: &'static str,
    /// Types of answer that are understood.
    pub accept: &'static str,
    /// Body; empty for none.
    pub body: Bytes,
    /// Deadline from the moment it is sent; the fleet's default when `None`.
    pub deadline: Option<Duration>,
    /// Longest answer that is read, in bytes.
    pub answer_bytes: usize,
    /// Whether it counts against the member's concurrency limit. Off only for what must get through an overload.
    pub limited: bool,
}

impl Call {
    /// A request with no body.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type: JSON,
            accept: JSON,
            body: Bytes::new(),
            deadline: None,
            answer_bytes: ANSWER_BYTES,
            limited: true,
        }
    }

    /// A read.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// With a body of this type.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.content_type = content_type;
        self.body = body.into();
        self
    }

    /// Understanding these types of answer.
    #[must_use]
    pub fn accept(mut self, accept: &'static str) -> Self {
        self.accept = accept;
        self
    }

    /// With a deadline of its own, where one is given.
    #[must_use]
    pub fn deadline(mut self, deadline: Option<Duration>) -> Self {
        self.deadline = deadline.or(self.deadline);
        self
    }

    /// Outside the concurrency limit.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.limited = false;
        self
    }

    /// With answers of up to this many bytes.
    #[must_use]
    pub fn answer_bytes(mut self, bytes: usize) -> Self {
        self.answer_bytes = bytes;
        self
    }

    pub(crate) fn request(&self) -> Result<Request<Body>, MemberError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(header::ACCEPT, HeaderValue::from_static(self.accept));
        if !self.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        let body = Full::new(self.body.clone()).map_err(|never| match never {}).boxed_unsync();
        request
            .body(body)
            .map_err(|error| MemberError::BadRequest(format!("no request can be made: {error}")))
    }
}

/// A member's answer, whole and not a refusal.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status, 2xx.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not what was expected.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, MemberError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| MemberError::NotKubernetes(format!("{error} in: {}", excerpt(&self.body))))
    }
}

/// The API of one member.
#[derive(Clone)]
pub(crate) struct Api {
    transport: Transport,
    limiter: Limiter,
    deadline: Duration,
    closing: CancellationToken,
}

impl Api {
    pub(crate) fn new(
        transport: Transport,
        limiter: Limiter,
        deadline: Duration,
        closing: CancellationToken,
    ) -> Self {
        Self { transport, limiter, deadline, closing }
    }

    /// The same way to the member, for calls that outlive its removal: they end by their deadline alone.
    pub(crate) fn outliving(&self) -> Self {
        Self { closing: CancellationToken::new(), ..self.clone() }
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Sends a request and reads the whole answer; a refusal is an error.
    pub(crate) async fn call(&self, call: Call) -> Result<Answer, MemberError> {
        let answer = self.call_any(call).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(MemberError::from_answer(answer.status, &answer.headers, &answer.body))
        }
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub(crate) async fn call_any(&self, call: Call) -> Result<Answer, MemberError> {
        let deadline = call.deadline.unwrap_or(self.deadline);
        let work = async {
            let permit = if call.limited {
                // Waiting for a place is not the member's slowness; it has a deadline of its own.
                Some(
                    timeout(deadline, self.limiter.acquire())
                        .await
                        .map_err(|_| MemberError::Timeout(deadline))?,
                )
            } else {
                None
            };
            let result =
                timeout(deadline, self.exchange(&call)).await.unwrap_or(Err(MemberError::Timeout(deadline)));
            if let Some(permit) = permit {
                permit.ended(ended(&result));
            }
            result
        };
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Err(MemberError::Cancelled),
            result = work => result,
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, MemberError> {
        let answer = send(&self.transport, call.request()?).await?;
        let (head, body) = answer.into_parts();
        let body = whole(body, call.answer_bytes).await?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// Sends over a transport. The transport's clone is cheap and is what makes it usable from many tasks.
pub(crate) async fn send(
    transport: &Transport,
    request: Request<Body>,
) -> Result<Response<Body>, TransportError> {
    let mut transport = transport.clone();
    transport.ready().await?.call(request).await
}

/// The whole of a body, unless it is longer than `most` bytes.
pub(crate) async fn whole(mut body: Body, most: usize) -> Result<Bytes, MemberError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
        if collected.len() + data.len() > most {
            return Err(MemberError::NotKubernetes(format!("it is longer than {most} bytes")));
        }
        if collected.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}

/// An answer that ended in the middle.
pub(crate) fn broken(error: &tower::BoxError) -> TransportError {
    let mut last = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        last = current.to_string();
        cause = current.source();
    }
    TransportError::new(
        Stage::Http,
        format!("the connection broke in the middle of an answer: {last}"),
        "It is opened again by itself. If this stays, check what is between Hanse and the cluster.",
    )
}

fn ended(result: &Result<Answer, MemberError>) -> Ended {
    match result {
        Ok(answer) if matches!(answer.status.as_u16(), 429 | 503) => {
            match MemberError::from_answer(answer.status, &answer.headers, &answer.body) {
                MemberError::TooManyRequests { retry_after }
                | MemberError::Unavailable { retry_after, .. } => Ended::Overloaded { retry_after },
                _ => Ended::Answered,
            }
        }
        Ok(_) => Ended::Answered,
        Err(_) => Ended::Lost,
    }
}

/// A query string, encoded; empty values are left out.
pub(crate) fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let mut any = false;
    for (key, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(key, value);
        any = true;
    }
    if any { format!("?{}", query.finish()) } else { String::new() }
}
