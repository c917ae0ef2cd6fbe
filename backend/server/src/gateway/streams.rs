//! What is open. Answers of any length pass through without being kept, and each can be cut from outside: when its
//! reader has gone to sleep over it, when the caller may no longer see it, and when the server stops.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use hanse_fleet::connector::Body;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::BoxError;

use super::{limit::Place, request::Asked, standing};
use crate::{Platform, context::OpContext, identity::session::Credential};

/// How often expiry and unread answers are looked for.
const PERIOD: Duration = Duration::from_secs(2);

/// Whose an open answer is, and what it is about: for deciding again.
#[derive(Clone)]
pub struct Owner {
    /// What the caller showed.
    pub credential: Credential,
    /// The caller.
    pub op: OpContext,
    /// Name of the cluster.
    pub cluster: String,
    /// What was asked.
    pub asked: Arc<Asked>,
}

/// What is open.
#[derive(Default)]
pub struct Streams {
    open: Mutex<HashMap<u64, (Owner, Handle)>>,
    next: AtomicU64,
    changed: Notify,
}

#[derive(Clone)]
enum Handle {
    Body(Arc<Shared>),
    Bytes(CancellationToken),
}

impl Handle {
    fn cut(&self) {
        match self {
            Self::Body(shared) => shared.cut(),
            Self::Bytes(token) => token.cancel(),
        }
    }
}

/// Something open that is taken off the list when it is dropped.
pub struct Entry {
    platform: Arc<Platform>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.platform.gateway.streams.list().remove(&self.id);
    }
}

impl Streams {
    fn list(&self) -> std::sync::MutexGuard<'_, HashMap<u64, (Owner, Handle)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(platform: &Arc<Platform>, owner: Owner, handle: Handle) -> Entry {
        let streams = &platform.gateway.streams;
        let id = streams.next.fetch_add(1, Ordering::Relaxed);
        streams.list().insert(id, (owner, handle));
        Entry { platform: Arc::clone(platform), id }
    }

    /// Roles, accounts, projects or clusters changed: everything open is decided on again.
    pub fn changed(&self) {
        self.changed.notify_one();
    }

    /// Number of what is open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list().len()
    }
}

/// An answer's body on the list, holding its place.
pub fn body(platform: &Arc<Platform>, owner: Owner, body: Body, place: Place) -> Body {
    let shared = Arc::new(Shared {
        body: Mutex::new(Some((body, place))),
        waker: Mutex::default(),
        given: Mutex::default(),
    });
    let entry = Streams::add(platform, owner, Handle::Body(Arc::clone(&shared)));
    Open { shared, _entry: entry }.boxed_unsync()
}

/// Upgraded bytes on the list: the token ends them.
pub fn bytes(platform: &Arc<Platform>, owner: Owner) -> (Entry, CancellationToken) {
    let token = CancellationToken::new();
    (Streams::add(platform, owner, Handle::Bytes(token.clone())), token)
}

/// A body that another task can take away.
struct Shared {
    /// With its place; none once it was cut. A sleeping reader's connection may stay for long, the place must not.
    body: Mutex<Option<(Body, Place)>>,
    waker: Mutex<Option<Waker>>,
    /// When the reader was given something last and has not come back since.
    given: Mutex<Option<Instant>>,
}

impl Shared {
    fn cut(&self) {
        drop(self.body.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    fn unread_for(&self) -> Duration {
        let given = *self.given.lock().unwrap_or_else(PoisonError::into_inner);
        given.map_or(Duration::ZERO, |at| at.elapsed())
    }
}

struct Open {
    shared: Arc<Shared>,
    _entry: Entry,
}

impl hyper::body::Body for Open {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let shared = &self.shared;
        *shared.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        let mut body = shared.body.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((body, _)) = body.as_mut() else {
            return Poll::Ready(Some(Err("the answer was cut off".into())));
        };
        let polled = Pin::new(body).poll_frame(cx);
        let given = matches!(polled, Poll::Ready(Some(Ok(_)))).then(Instant::now);
        *shared.given.lock().unwrap_or_else(PoisonError::into_inner) = given;
        polled
    }

    fn is_end_stream(&self) -> bool {
        let body = self.shared.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_ref().is_some_and(|(body, _)| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let body = self.shared.body.lock().unwrap_or_else(PoisonError::into_inner);
        body.as_ref().map(|(body, _)| body.size_hint()).unwrap_or_default()
    }
}

/// Looks after what is open until the server stops, and then cuts it.
pub async fn keep(platform: Arc<Platform>) {
    let streams = &platform.gateway.streams;
    let patience = Duration::from_secs(platform.config.gateway.unread_timeout_seconds);
    loop {
        tokio::select! {
            () = platform.stop.cancelled() => break,
            () = streams.changed.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
        let open: Vec<(u64, (Owner, Handle))> =
            streams.list().iter().map(|(id, entry)| (*id, entry.clone())).collect();
        for (id, (owner, handle)) in open {
            let asleep = matches!(&handle, Handle::Body(shared) if shared.unread_for() > patience);
            if asleep || !still_allowed(&platform, &owner).await {
                handle.cut();
                streams.list().remove(&id);
            }
        }
    }
    for (_, handle) in streams.list().values() {
        handle.cut();
    }
}

/// Whether the credential still holds and the decision is still the same. While the database is away, nothing is known
/// to have changed.
async fn still_allowed(platform: &Platform, owner: &Owner) -> bool {
    let now = platform.clock.now();
    let address = owner.op.request.address;
    let actor = platform.identity.authenticate(&platform.store, &owner.credential, address, now).await;
    let away = |error: &crate::error::Error| error.code == hanse_types::error::ErrorCode::Unavailable;
    let actor = match actor {
        Ok(actor) => actor,
        Err(error) => return away(&error),
    };
    let op = OpContext { actor, ..owner.op.clone() };
    let directory = match platform.gateway.directories.of(platform, &owner.cluster).await {
        Ok(Some(directory)) => directory,
        Ok(None) => return false,
        Err(error) => return away(&error),
    };
    match standing::decide(platform, &op, &directory, &owner.asked).await {
        Ok(()) => true,
        Err(error) => away(&error),
    }
}
