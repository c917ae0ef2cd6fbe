//! Watches that note when something was seen first: at each member, at the hub, and on the live feed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures::{AsyncBufReadExt as _, SinkExt as _, StreamExt as _, TryStreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest as _};

use crate::{
    bed::Bed,
    sample::{CHANGED, Kind, PLAIN, PROJECT, TIER},
};

const DEADLINE: Duration = Duration::from_secs(20);

/// Who showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    Member(usize),
    Hub,
    Live,
}

/// What it showed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// This value of the label that changes set.
    Changed(String),
    /// So many ready replicas.
    Ready(i64),
    /// This value of the label that drift sets.
    Drifted(String),
    /// Another value after that.
    Reverted(String),
}

/// By whom, in which namespace, of which object, what.
pub type Key = (Source, &'static str, String, Mark);

#[derive(Default)]
struct Seen {
    first: HashMap<Key, Instant>,
    /// Last label of each object, for drift that is put right.
    tiers: HashMap<(Source, String), String>,
    /// Watches that have begun.
    ready: usize,
    failed: Option<String>,
}

impl Seen {
    fn note(&mut self, source: Source, object: &Object, now: Instant) {
        let Metadata { name, namespace, labels } = &object.metadata;
        let namespace = match namespace.as_str() {
            PROJECT => PROJECT,
            PLAIN => PLAIN,
            _ => return,
        };
        let mut note = |mark| {
            self.first.entry((source, namespace, name.clone(), mark)).or_insert(now);
        };
        if let Some(mark) = labels.get(CHANGED) {
            note(Mark::Changed(mark.clone()));
        }
        if let Some(ready) = object.status.ready_replicas {
            note(Mark::Ready(ready));
        }
        if let (Source::Member(_), PROJECT, Some(tier)) = (source, namespace, labels.get(TIER)) {
            if tier.starts_with("drift-") {
                note(Mark::Drifted(tier.clone()));
            }
            let before = self.tiers.insert((source, name.clone()), tier.clone());
            if let Some(before) = before.filter(|before| before != tier && before.starts_with("drift-")) {
                self.first.entry((source, namespace, name.clone(), Mark::Reverted(before))).or_insert(now);
            }
        }
    }
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    type_: String,
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    labels: HashMap<String, String>,
}

/// A watch that fails sends a `Status`, whose status is a word.
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
struct Status {
    ready_replicas: Option<i64>,
}

impl From<Value> for Status {
    fn from(value: Value) -> Self {
        Self { ready_replicas: value.get("readyReplicas").and_then(Value::as_i64) }
    }
}

/// Watches at all members, at the hub, and a live connection. Ended with the last of its clones.
#[derive(Clone)]
pub struct Followers {
    seen: Arc<Mutex<Seen>>,
    changed: watch::Receiver<()>,
    _tasks: Arc<JoinSet<()>>,
}

impl Followers {
    /// Starts them; the live connection follows these objects.
    pub async fn start(bed: &Bed, live: &[String]) -> anyhow::Result<Self> {
        let seen = Arc::<Mutex<Seen>>::default();
        let (tell, changed) = watch::channel(());
        let notes = Notes { seen: Arc::clone(&seen), tell: Arc::new(tell) };
        let mut tasks = JoinSet::new();
        for (number, member) in bed.members.iter().enumerate() {
            let notes = notes.clone();
            let client = member.client.clone();
            let path = "/apis/apps/v1/deployments";
            tasks.spawn(async move {
                let followed = follow(client, path, Source::Member(number), &notes).await;
                notes.ended("at a member", followed);
            });
        }
        let mut config = kube::Config::new(format!("{}/kube", bed.server.url()).parse()?);
        config.auth_info.token = Some(bed.api.token().to_owned().into());
        let client = kube::Client::try_from(config)?;
        let hub = notes.clone();
        tasks.spawn(async move {
            let path = format!("/apis/apps/v1/namespaces/{PROJECT}/deployments");
            let followed = follow(client, &path, Source::Hub, &hub).await;
            hub.ended("at the hub", followed);
        });
        let (url, token, live) = (bed.server.url(), bed.api.token().to_owned(), live.to_vec());
        tasks.spawn(async move {
            let followed = live_feed(&url, &token, &live, &notes).await;
            notes.ended("on the live connection", followed);
        });
        let begun = tasks.len();
        let followers = Self { seen, changed, _tasks: Arc::new(tasks) };
        followers.until(|seen| (seen.ready >= begun).then_some(())).await.context("the watches")?;
        Ok(followers)
    }

    /// When these were seen first, each of them.
    pub async fn seen(&self, keys: &[Key]) -> anyhow::Result<Vec<Instant>> {
        let looking = self.until(|seen| keys.iter().map(|key| seen.first.get(key).copied()).collect());
        looking.await.with_context(|| {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let missing: Vec<&Key> = keys.iter().filter(|key| !seen.first.contains_key(key)).collect();
            format!("not seen: {missing:?}")
        })
    }

    async fn until<T>(&self, look: impl Fn(&Seen) -> Option<T>) -> anyhow::Result<T> {
        let mut changed = self.changed.clone();
        let looking = async {
            loop {
                changed.borrow_and_update();
                {
                    let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(failure) = &seen.failed {
                        bail!("a watch failed: {failure}");
                    }
                    if let Some(found) = look(&seen) {
                        return Ok(found);
                    }
                }
                changed.changed().await?;
            }
        };
        tokio::time::timeout(DEADLINE, looking).await.context("not in time")?
    }
}

#[derive(Clone)]
struct Notes {
    seen: Arc<Mutex<Seen>>,
    tell: Arc<watch::Sender<()>>,
}

impl Notes {
    fn with(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        self.tell.send_replace(());
    }

    fn ended(&self, place: &str, outcome: anyhow::Result<()>) {
        let why = outcome.err().map_or_else(|| "it ended".to_owned(), |error| format!("{error:#}"));
        self.with(|seen| seen.failed = Some(format!("{place}: {why}")));
    }
}

async fn follow(client: kube::Client, path: &str, source: Source, notes: &Notes) -> anyhow::Result<()> {
    let list = client.request_text(http::Request::get(format!("{path}?limit=1")).body(Vec::new())?).await?;
    let list: Value = serde_json::from_str(&list)?;
    let version = list.pointer("/metadata/resourceVersion").and_then(Value::as_str).context("no version")?;
    let watch = format!("{path}?watch=1&timeoutSeconds=600&resourceVersion={version}");
    let lines = client.request_stream(http::Request::get(watch).body(Vec::new())?).await?;
    notes.with(|seen| seen.ready += 1);
    let mut lines = std::pin::pin!(lines.lines());
    while let Some(line) = lines.try_next().await? {
        let now = Instant::now();
        let line: Line = serde_json::from_str(&line).with_context(|| line.clone())?;
        match line.type_.as_str() {
            "ADDED" | "MODIFIED" => notes.with(|seen| seen.note(source, &line.object, now)),
            "ERROR" => bail!("the watch says that it has failed"),
            _ => {}
        }
    }
    Ok(())
}

async fn live_feed(url: &str, token: &str, names: &[String], notes: &Notes) -> anyhow::Result<()> {
    let mut request = format!("{}/api/v1/live", url.replacen("http", "ws", 1)).into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await?;
    for name in names {
        let topic = format!("projects/{PROJECT}/federated-objects/{}/{name}", Kind::Deployment.type_name());
        let frame = json!({"type": "subscribe", "id": name, "topic": topic});
        socket.send(Message::text(frame.to_string())).await?;
    }
    let mut standing = 0;
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else { continue };
        let now = Instant::now();
        let frame: Value = serde_json::from_str(&text)?;
        let name = frame.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        match frame.get("type").and_then(Value::as_str) {
            Some("subscribed") => {
                standing += 1;
                if standing == names.len() {
                    notes.with(|seen| seen.ready += 1);
                }
            }
            Some("changed") => {
                let ready = frame.pointer("/data/status/readyReplicas").and_then(Value::as_i64);
                if let Some(ready) = ready {
                    let key = (Source::Live, PROJECT, name, Mark::Ready(ready));
                    notes.with(|seen| {
                        seen.first.entry(key).or_insert(now);
                    });
                }
            }
            _ => bail!("it says {text}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(tier: &str, ready: i64) -> Object {
        let value = json!({
            "metadata": {"name": "web", "namespace": PROJECT, "labels": {TIER: tier, CHANGED: "mark-1"}},
            "status": {"readyReplicas": ready},
        });
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_first_sight_counts_and_drift_is_put_right_once_it_was_seen() {
        let (mut seen, source) = (Seen::default(), Source::Member(1));
        let key = |mark| (source, PROJECT, "web".to_owned(), mark);
        let times: Vec<Instant> = (0..4).map(|n| Instant::now() + Duration::from_secs(n)).collect();
        seen.note(source, &object("web", 1), times[0]);
        seen.note(source, &object("drift-7", 1), times[1]);
        seen.note(source, &object("web", 2), times[2]);
        seen.note(source, &object("web", 2), times[3]);
        let first = |mark| seen.first.get(&key(mark)).copied();
        assert_eq!(first(Mark::Changed("mark-1".into())), Some(times[0]));
        assert_eq!(first(Mark::Ready(2)), Some(times[2]));
        assert_eq!(first(Mark::Drifted("drift-7".into())), Some(times[1]));
        assert_eq!(first(Mark::Reverted("drift-7".into())), Some(times[2]));
        assert_eq!(first(Mark::Drifted("web".into())), None);
    }

    #[test]
    fn a_failed_watch_is_read_as_such() {
        let line = r#"{"type":"ERROR","object":{"kind":"Status","status":"Failure","code":410}}"#;
        let line: Line = serde_json::from_str(line).unwrap();
        assert_eq!(line.type_, "ERROR");
    }
}
