//! The live connection: one WebSocket per tab with many subscriptions. Each subscription tells at most four times a
//! second; what happens in between is gathered. Who may follow is decided as for a GET of the resource, when it is
//! asked for and again whenever roles or accounts change.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::HeaderMap,
    response::Response,
};
use hanse_types::{
    error::ErrorCode,
    live::{ClientFrame, ServerFrame},
};
use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval, timeout},
};

use super::extract::{Op, credential};
use crate::{
    Platform, audit, clusters,
    context::OpContext,
    error::{Error, Result},
    federation::{accept::Place, read},
    identity::account,
    live::{Event, Topic},
    tenancy::{project, workspace},
};

/// Subscriptions one connection may hold.
const MAX_SUBSCRIPTIONS: usize = 64;
/// Largest frame that a browser may send.
const MAX_FRAME: usize = 8 * 1024;
/// Shortest time between two frames of one subscription.
const PERIOD: Duration = Duration::from_millis(250);
/// Time between pings; a peer that answers none for three of them is gone.
const PING: Duration = Duration::from_secs(15);
/// Longest time that one frame may take to be sent.
const SEND_DEADLINE: Duration = Duration::from_secs(10);

/// Upgrades to the live connection; see `ClientFrame` and `ServerFrame`.
#[utoipa::path(get, path = "/live", tag = "live", responses((status = SWITCHING_PROTOCOLS)))]
pub(super) async fn connect(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let credential = credential(&headers);
    upgrade.max_message_size(MAX_FRAME).max_frame_size(MAX_FRAME).on_upgrade(move |socket| async move {
        platform.metrics.live_connections.inc();
        let stop = platform.stop.clone();
        let connection =
            Connection { platform: Arc::clone(&platform), op, credential, socket, followed: HashMap::new() };
        tokio::select! {
            () = connection.serve() => {}
            () = stop.cancelled() => {}
        }
        platform.metrics.live_connections.dec();
    })
}

struct Followed {
    topic: Topic,
    /// Revision of the last change not yet told.
    pending: Option<i64>,
    told: Option<Instant>,
}

struct Connection {
    platform: Arc<Platform>,
    op: OpContext,
    credential: Option<crate::identity::session::Credential>,
    socket: WebSocket,
    followed: HashMap<String, Followed>,
}

impl Connection {
    async fn serve(mut self) {
        let mut events = self.platform.live.follow();
        let mut tick = interval(PERIOD / 2);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ping = interval(PING);
        let mut unanswered = 0_u8;
        loop {
            let going_on = tokio::select! {
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.asked(text.as_str()).await,
                    Some(Ok(Message::Pong(_))) => { unanswered = 0; true }
                    Some(Ok(Message::Ping(_) | Message::Binary(_))) => true,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => false,
                },
                event = events.recv() => match event {
                    Ok(event) => self.happened(&event).await,
                    Err(RecvError::Lagged(_)) => { self.everything_changed(); true }
                    Err(RecvError::Closed) => false,
                },
                _ = tick.tick(), if self.followed.values().any(|followed| followed.pending.is_some()) => {
                    self.tell().await
                }
                _ = ping.tick() => {
                    unanswered += 1;
                    unanswered <= 3 && self.send_raw(Message::Ping(axum::body::Bytes::new())).await
                }
            };
            if !going_on {
                return;
            }
        }
    }

    async fn asked(&mut self, text: &str) -> bool {
        let frame = match super::body::parse::<ClientFrame>(text.as_bytes()) {
            Ok(frame) => frame,
            Err(error) => {
                return self
                    .send(&ServerFrame::Closed {
                        id: String::new(),
                        code: error.code,
                        message: error.message,
                    })
                    .await;
            }
        };
        match frame {
            ClientFrame::Subscribe { id, topic, since } => {
                let outcome = self.subscribe(&id, &topic, since).await;
                match outcome {
                    Ok(revision) => {
                        self.send(&ServerFrame::Subscribed { id, revision }).await && self.tell().await
                    }
                    Err(error) => {
                        self.send(&ServerFrame::Closed { id, code: error.code, message: error.message }).await
                    }
                }
            }
            ClientFrame::Unsubscribe { id } => {
                self.followed.remove(&id);
                true
            }
        }
    }

    async fn subscribe(&mut self, id: &str, topic: &str, since: Option<i64>) -> Result<i64> {
        if id.is_empty() || id.len() > 64 {
            return Err(Error::invalid("id", "give 1 to 64 characters"));
        }
        if !self.followed.contains_key(id) && self.followed.len() >= MAX_SUBSCRIPTIONS {
            return Err(Error::new(
                ErrorCode::TooManyRequests,
                format!("one connection may follow {MAX_SUBSCRIPTIONS} topics: unsubscribe from some"),
            ));
        }
        let topic = Topic::parse(topic)
            .ok_or_else(|| Error::invalid("topic", format!("{topic:?} cannot be followed")))?;
        let revision = self.platform.store.revision();
        may_follow(&self.platform, &self.op, &topic).await?;
        // The data of one object is always sent first; others only when they changed since.
        let stale =
            matches!(topic, Topic::FederatedObject { .. }) || since.is_some_and(|since| since < revision);
        let pending = stale.then_some(revision);
        self.followed.insert(id.to_owned(), Followed { topic, pending, told: None });
        Ok(revision)
    }

    async fn happened(&mut self, event: &Event) -> bool {
        if event.access && !self.still_allowed().await {
            return false;
        }
        let mut hit = false;
        for followed in self.followed.values_mut() {
            if event.topics.contains(&followed.topic) {
                followed.pending = Some(followed.pending.unwrap_or(0).max(event.revision));
                hit = true;
            }
        }
        if hit { self.tell().await } else { true }
    }

    fn everything_changed(&mut self) {
        let revision = self.platform.store.revision();
        for followed in self.followed.values_mut() {
            followed.pending = Some(revision);
        }
    }

    /// Roles or accounts changed: the credential must still hold, and every topic must still be readable.
    async fn still_allowed(&mut self) -> bool {
        let Some(credential) = &self.credential else { return false };
        let now = self.platform.clock.now();
        let address = self.op.request.address;
        let Ok(actor) =
            self.platform.identity.authenticate(&self.platform.store, credential, address, now).await
        else {
            return false;
        };
        self.op.actor = actor;
        let mut refused = Vec::new();
        for (id, followed) in &self.followed {
            if let Err(error) = may_follow(&self.platform, &self.op, &followed.topic).await {
                refused.push((id.clone(), error));
            }
        }
        for (id, error) in refused {
            self.followed.remove(&id);
            if !self.send(&ServerFrame::Closed { id, code: error.code, message: error.message }).await {
                return false;
            }
        }
        true
    }

    /// Tells every subscription that has something and has been quiet for long enough.
    async fn tell(&mut self) -> bool {
        let now = Instant::now();
        let due: Vec<(String, Topic, i64)> = self
            .followed
            .iter_mut()
            .filter(|(_, followed)| followed.told.is_none_or(|told| now.duration_since(told) >= PERIOD))
            .filter_map(|(id, followed)| {
                let revision = followed.pending.take()?;
                followed.told = Some(now);
                Some((id.clone(), followed.topic.clone(), revision))
            })
            .collect();
        for (id, topic, revision) in due {
            let data = match &topic {
                Topic::FederatedObject { project, type_, name } => {
                    let place = place(project.as_deref());
                    match read::get(&self.platform, &self.op, place, type_, name).await {
                        Ok(object) => serde_json::to_value(object).ok(),
                        Err(error) => {
                            self.followed.remove(&id);
                            let frame = ServerFrame::Closed { id, code: error.code, message: error.message };
                            if !self.send(&frame).await {
                                return false;
                            }
                            continue;
                        }
                    }
                }
                _ => None,
            };
            if !self.send(&ServerFrame::Changed { id, revision, data }).await {
                return false;
            }
        }
        true
    }

    async fn send(&mut self, frame: &ServerFrame) -> bool {
        match serde_json::to_string(frame) {
            Ok(text) => self.send_raw(Message::Text(text.into())).await,
            Err(_) => false,
        }
    }

    async fn send_raw(&mut self, message: Message) -> bool {
        matches!(timeout(SEND_DEADLINE, self.socket.send(message)).await, Ok(Ok(())))
    }
}

fn place(project: Option<&str>) -> Place<'_> {
    project.map_or(Place::Platform, Place::Project)
}

/// The same decision as a GET of the resource.
async fn may_follow(platform: &Platform, op: &OpContext, topic: &Topic) -> Result<()> {
    match topic {
        Topic::Clusters | Topic::Workspaces | Topic::Overview => Ok(()),
        Topic::Cluster(name) => clusters::get(platform, op, name).await.map(drop),
        Topic::Workspace(name) => workspace::get(platform, op, name).await.map(drop),
        Topic::Project(name) => project::get(platform, op, name).await.map(drop),
        Topic::FederatedObjects(project) => read::may_list(platform, op, place(project.as_deref())).await,
        Topic::FederatedObject { project, type_, name } => {
            read::get(platform, op, place(project.as_deref()), type_, name).await.map(drop)
        }
        Topic::Users => account::may_list(platform, op),
        Topic::Audit => audit::may_list(platform, op),
    }
}
