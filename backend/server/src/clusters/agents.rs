//! Clusters that come in through an agent: join tokens, certificates, who may have a tunnel, and the ladder that people
//! follow while an agent joins.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use hanse_fleet::{Connector, identity::ClaimError, probe::permissions::NEEDS};
use hanse_store::{
    AuditEvent, Store, StoreError, WriteContext,
    agents::{self as rows, Token, is_pending},
    clusters::{self as cluster_rows, Model},
    meta,
};
use hanse_tunnel::{
    Hello, Registry, Settings,
    hub::{Admission, Listener, WebDoor},
    pki::{Authority, Identity, LIFETIME},
};
use hanse_types::{
    ClusterId,
    agent::{AgentClusterCreate, AgentClusterCreated, JoinAnswer, JoinInstructions, JoinRequest},
    cluster::Condition,
    error::ErrorCode,
};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{body, check_labels, find, may_import, ports};
use crate::{
    Platform,
    clock::{SharedClock, hash, secret},
    config::Config,
    context::{AnonymousContext, OpContext},
    error::{Error, Result, taken},
    live::{Event, Topic},
    serve::StartError,
};

/// How long a join token is good for.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Purpose under which the authority is sealed.
const AUTHORITY: &str = "tunnel-authority";
const MANIFEST: &str = include_str!("../../../../deploy/agent.yaml.in");

/// What an agent did last at the door, for people.
#[derive(Clone, Debug)]
struct Contact {
    at: DateTime<Utc>,
    fault: Option<String>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    token: Option<Token>,
    contact: Option<Contact>,
    /// Why the cluster could not be marked as ours.
    claim: Option<String>,
}

/// Agents and their tunnels.
pub struct Agents {
    store: Store,
    clock: SharedClock,
    authority: Authority,
    tunnels: Registry,
    url: String,
    address: String,
    image: String,
    known: RwLock<HashMap<ClusterId, Known>>,
    /// Those that are being detached here: their tunnel is still needed to clean up behind us.
    leaving: Mutex<HashSet<ClusterId>>,
}

impl Agents {
    /// Opens or makes the authority, and listens for agents.
    ///
    /// # Errors
    /// When the records cannot be read, or the configured address cannot be listened on.
    pub async fn start(
        config: &Config,
        server: SocketAddr,
        store: &Store,
        clock: &SharedClock,
        stop: CancellationToken,
    ) -> std::result::Result<(Arc<Self>, Option<Listener>, WebDoor), StartError> {
        let authority = authority(store, clock.now()).await?;
        let listen = config.tunnel.listen.unwrap_or_else(|| {
            let port = if config.server.listen.port() == 0 { 0 } else { server.port().wrapping_add(1) };
            SocketAddr::new(server.ip(), port)
        });
        let socket = match TcpListener::bind(listen).await {
            Ok(socket) => Some(socket),
            Err(source) if config.tunnel.listen.is_some() => {
                return Err(StartError::Tunnel { address: listen, source });
            }
            Err(error) => {
                tracing::warn!(
                    "no agent can connect: {listen} cannot be listened on ({error}): set listen of [tunnel]"
                );
                None
            }
        };
        let bound = socket.as_ref().and_then(|socket| socket.local_addr().ok()).unwrap_or(listen);
        let public = config.server.public_url.as_ref();
        let url = public
            .map_or_else(|| format!("http://{server}"), |url| url.as_str().trim_end_matches('/').to_owned());
        let address = config.tunnel.address.clone().unwrap_or_else(|| {
            public
                .and_then(url::Url::host_str)
                .map_or_else(|| bound.to_string(), |host| format!("{host}:{}", bound.port()))
        });
        let image = config.tunnel.image.clone();
        let agents = Arc::new(Self {
            store: store.clone(),
            clock: Arc::clone(clock),
            tunnels: Registry::new(Settings::default()),
            url,
            address,
            image: image.unwrap_or_else(|| format!("hanse-agent:{}", env!("CARGO_PKG_VERSION"))),
            known: RwLock::default(),
            leaving: Mutex::default(),
            authority,
        });
        for row in store.all_clusters().await? {
            agents.refresh_row(&row).await?;
        }
        let tls = agents.authority.listener(clock.now()).map_err(anyhow::Error::from)?;
        let admission = Arc::clone(&agents) as Arc<dyn Admission>;
        let web = WebDoor::new(Arc::clone(&tls), agents.tunnels.clone(), admission, stop);
        let listener = socket.map(|socket| Listener {
            socket,
            tls,
            registry: agents.tunnels.clone(),
            admission: Arc::clone(&agents) as Arc<dyn Admission>,
        });
        Ok((agents, listener, web))
    }

    /// Live tunnels.
    #[must_use]
    pub const fn tunnels(&self) -> &Registry {
        &self.tunnels
    }

    fn known<T>(&self, cluster: ClusterId, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(known.entry(cluster).or_default())
    }

    /// A cluster is about to be let go: its tunnel stands until [`Self::forget`].
    pub fn leave(&self, cluster: ClusterId) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).insert(cluster);
    }

    /// It stays after all.
    pub fn stay(&self, cluster: ClusterId) {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).remove(&cluster);
    }

    /// A cluster was let go, as the change feed says: at once, unless whoever lets it go here is not done with it.
    pub fn gone(&self, cluster: ClusterId) {
        if !self.leaving.lock().unwrap_or_else(PoisonError::into_inner).contains(&cluster) {
            self.forget(cluster);
        }
    }

    /// A cluster was let go.
    pub fn forget(&self, cluster: ClusterId) {
        self.stay(cluster);
        self.tunnels.forget(cluster);
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&cluster);
    }

    /// Whether a cluster was found to be another Hanse's, and is therefore let be.
    #[must_use]
    pub fn is_foreign(&self, cluster: ClusterId) -> bool {
        self.known(cluster, |known| known.claim.is_some())
    }

    /// A cluster was found to be another Hanse's.
    fn is_anothers(&self, cluster: ClusterId, error: &ClaimError) {
        let why = format!("{error}: detach it there, or detach it here and join it again with force.");
        self.known(cluster, |known| known.claim = Some(why));
    }

    /// Reads again what is stored of a cluster's agent, and ends tunnels whose certificate was revoked meanwhile, also
    /// by another replica.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn refresh(&self, cluster: ClusterId) -> Result<()> {
        if let Some(row) = self.store.clusters_by_ids(vec![cluster.0]).await?.remove(&cluster.0) {
            self.refresh_row(&row).await?;
        }
        for serial in self.tunnels.serials(cluster) {
            if let Some(why) = refused(self.store.agent_certificate(&serial).await?.as_ref()) {
                self.tunnels.close_serial(&serial, &why);
            }
        }
        Ok(())
    }

    async fn refresh_row(&self, row: &Model) -> std::result::Result<(), StoreError> {
        if row.connection == "agent" {
            let token = self.store.newest_agent_token(row.id).await?;
            self.known(ClusterId(row.id), |known| known.token = token);
        }
        Ok(())
    }

    /// Where a cluster's agent stands: token issued, first contact, identity, tunnel.
    #[must_use]
    pub fn ladder(&self, row: &Model) -> Vec<Condition> {
        let cluster = ClusterId(row.id);
        let known = self.known(cluster, |known| known.clone());
        let presence = self.tunnels.presence(cluster).borrow().clone();
        let joined = !is_pending(row);
        let now = self.clock.now();
        let step = |type_: &str, status: &str, reason: &str, message: String, at: DateTime<Utc>| Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason: reason.to_owned(),
            message,
            last_transition_time: at,
        };
        let token = match &known.token {
            // Another token that nobody used does not matter to an agent that has joined.
            Some(token) if joined || token.used_at.is_some() || token.expires_at > now => step(
                "JoinTokenIssued",
                "True",
                if token.used_at.is_some() { "Spent" } else { "Issued" },
                match token.used_at {
                    Some(at) => format!("The join token was spent {}.", at.format("%Y-%m-%d %H:%M:%S UTC")),
                    None => format!("A join token is good until {}.", token.expires_at.format("%H:%M UTC")),
                },
                token.used_at.unwrap_or(token.created_at),
            ),
            Some(token) => step(
                "JoinTokenIssued",
                "False",
                "Expired",
                "The join token has expired. Issue another one.".to_owned(),
                token.expires_at,
            ),
            None => step(
                "JoinTokenIssued",
                "False",
                "Missing",
                "There is no join token. Issue one to let an agent join.".to_owned(),
                row.created_at,
            ),
        };
        let contact = match &known.contact {
            Some(Contact { at, fault: Some(fault) }) => step(
                "AgentSeen",
                "True",
                "Refused",
                format!("An agent tried to join and was refused: {fault}."),
                *at,
            ),
            Some(Contact { at, fault: None }) => {
                step("AgentSeen", "True", "Joined", "The agent has exchanged its token.".to_owned(), *at)
            }
            None if joined => {
                step("AgentSeen", "True", "Joined", "The agent joined earlier.".to_owned(), row.updated_at)
            }
            None => step(
                "AgentSeen",
                "False",
                "Waiting",
                format!(
                    "No agent has asked yet. It dials {}: check name resolution, proxies and firewalls there.",
                    self.url
                ),
                row.created_at,
            ),
        };
        let identity = match (joined, &known.claim) {
            (true, None) => step(
                "AgentIdentified",
                "True",
                "Confirmed",
                format!("The cluster is {}.", row.system_uid),
                row.updated_at,
            ),
            (true, Some(why)) => step("AgentIdentified", "False", "Claimed", why.clone(), row.updated_at),
            (false, _) => step(
                "AgentIdentified",
                "Unknown",
                "Waiting",
                "Known when the agent has joined.".to_owned(),
                row.created_at,
            ),
        };
        let tunnel = match (&presence.since, &presence.refused, &presence.lost) {
            (Some(since), ..) => {
                let agent = presence.agent.as_ref().map_or("", |agent| agent.way.as_str());
                let count = presence.tunnels;
                step("TunnelConnected", "True", "Connected", format!("{count} tunnel(s), {agent}."), *since)
            }
            (None, Some((at, why)), _) => {
                step("TunnelConnected", "False", "Refused", format!("The agent is refused: {why}."), *at)
            }
            (None, None, Some((at, why))) => step(
                "TunnelConnected",
                "False",
                "Lost",
                format!("The tunnel ended: {why}. The agent dials again by itself."),
                *at,
            ),
            (None, None, None) => step(
                "TunnelConnected",
                "False",
                "Waiting",
                format!("The agent has not dialled {} yet.", self.address),
                row.created_at,
            ),
        };
        vec![token, contact, identity, tunnel]
    }

    fn instructions(&self, token: String, expires_at: DateTime<Utc>) -> JoinInstructions {
        let ca_sha256 = self.authority.fingerprint();
        let command = format!(
            "hanse-agent join --url {} --ca-sha256 {ca_sha256} --token {token} --kubeconfig ~/.kube/config \
             --state /var/lib/hanse-agent",
            self.url
        );
        let manifest = MANIFEST
            .replace("@RULES@", &rules())
            .replace("@TOKEN@", &token)
            .replace("@IMAGE@", &self.image)
            .replace("@URL@", &self.url)
            .replace("@CA@", &ca_sha256);
        JoinInstructions {
            token,
            expires_at,
            url: self.url.clone(),
            ca_sha256,
            tunnel_address: self.address.clone(),
            command,
            manifest,
        }
    }
}

/// The least that federation and the gateway need, as rules of a ClusterRole.
fn rules() -> String {
    let line = |group: &str, resource: &str, verbs: &[&str]| {
        format!("- apiGroups: [\"{group}\"]\n  resources: [{resource}]\n  verbs: [{}]", verbs.join(", "))
    };
    NEEDS.iter().map(|need| line(need.group, need.resource, need.verbs)).collect::<Vec<_>>().join("\n")
}

/// Why a certificate is not let in, if so.
fn refused(certificate: Option<&rows::Certificate>) -> Option<String> {
    match certificate {
        None => Some("its certificate is not known here: join again with a fresh token".to_owned()),
        Some(known) if known.revoked_at.is_some() => {
            Some("its certificate was revoked: join again with a fresh token".to_owned())
        }
        Some(_) => None,
    }
}

async fn authority(store: &Store, now: DateTime<Utc>) -> std::result::Result<Authority, StartError> {
    let sealed = store.secret("platform", Uuid::nil(), AUTHORITY).await?;
    let text = match sealed {
        Some(text) => text,
        None => {
            let fresh = Authority::create(now).map_err(anyhow::Error::from)?;
            let text = json!({"certificate": fresh.certificate_pem(), "key": fresh.key_pem()}).to_string();
            let mut tx = store.begin(&WriteContext::platform("start", now)).await?;
            // Another replica may have been quicker; its authority then stands.
            meta::put_secret_once(&mut tx, "platform", Uuid::nil(), AUTHORITY, text.as_bytes()).await?;
            tx.commit().await?;
            store
                .secret("platform", Uuid::nil(), AUTHORITY)
                .await?
                .ok_or_else(|| anyhow::anyhow!("the authority of the tunnel was not kept"))?
        }
    };
    let kept: serde_json::Value = serde_json::from_slice(&text).map_err(anyhow::Error::from)?;
    let part = |name: &str| kept.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    Ok(Authority::load(part("certificate"), part("key")).map_err(anyhow::Error::from)?)
}

impl Admission for Agents {
    fn admit<'a>(
        &'a self,
        identity: &'a Identity,
        hello: &'a Hello,
    ) -> BoxFuture<'a, std::result::Result<(), String>> {
        Box::pin(async move {
            let away = |_| "the hub's database is away: try again".to_owned();
            let certificate = self.store.agent_certificate(&identity.serial).await.map_err(away)?;
            if let Some(why) = refused(certificate.as_ref()) {
                return Err(why);
            }
            let id = identity.cluster.0;
            let row = self.store.clusters_by_ids(vec![id]).await.map_err(away)?.remove(&id);
            let row = row.ok_or_else(|| "its cluster was detached".to_owned())?;
            match &hello.system_uid {
                Some(uid) if *uid != row.system_uid => Err(format!(
                    "it runs in another cluster ({uid}) than the one that joined as {:?} ({})",
                    row.name, row.system_uid
                )),
                _ => Ok(()),
            }
        })
    }

    fn renew<'a>(
        &'a self,
        identity: &'a Identity,
        csr: &'a str,
    ) -> BoxFuture<'a, std::result::Result<String, String>> {
        Box::pin(async move {
            let now = self.clock.now();
            let known =
                self.store.agent_certificate(&identity.serial).await.map_err(|error| error.to_string())?;
            if let Some(why) = refused(known.as_ref()) {
                return Err(why);
            }
            let issued = self
                .authority
                .sign(csr, identity.cluster, now, LIFETIME)
                .map_err(|error| error.to_string())?;
            let kept = async {
                let mut tx = self.store.begin(&WriteContext::platform("agent", now)).await?;
                rows::add_certificate(&mut tx, identity.cluster.0, issued.serial, issued.expires_at).await?;
                tx.audit(AuditEvent {
                    verb: "renew",
                    kind: "agent",
                    name: identity.cluster.to_string(),
                    ..AuditEvent::default()
                });
                tx.commit().await
            };
            kept.await.map_err(|error: StoreError| error.to_string())?;
            Ok(issued.pem)
        })
    }
}

async fn issue(tx: &mut hanse_store::Tx, row: &Model, now: DateTime<Utc>) -> Result<(String, DateTime<Utc>)> {
    let (id, secret) = (Uuid::now_v7(), secret()?);
    let expires_at = now + TOKEN_LIFETIME;
    rows::create_token(tx, row, id, hash(&secret), expires_at).await?;
    Ok((format!("{}.{secret}", id.simple()), expires_at))
}

/// Makes a cluster that an agent brings in.
///
/// # Errors
/// `already_exists`, `forbidden`, or `invalid` with the field at fault.
pub async fn create(
    platform: &Platform,
    op: &OpContext,
    request: AgentClusterCreate,
) -> Result<AgentClusterCreated> {
    may_import(platform, op)?;
    check_labels(&request.labels)?;
    let mut new = cluster_rows::New {
        name: request.name.to_string(),
        display_name: request.display_name.filter(|text| !text.trim().is_empty()),
        labels: json!(request.labels),
        connection: "agent".to_owned(),
        endpoint: "tunnel".to_owned(),
        insecure: false,
        system_uid: None,
        credential: None,
        fixed_port: None,
        take_over: request.force,
    };
    let mut tx = platform.store.begin(&op.write()).await?;
    if request.fixed_port {
        new.fixed_port = Some(ports::take(platform, &mut tx).await?);
    }
    let row = cluster_rows::create(&mut tx, new).await.map_err(taken("cluster", request.name.as_str()))?;
    crate::federation::place::joined(platform, &mut tx, &row).await?;
    let (token, expires_at) = issue(&mut tx, &row, op.now).await?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "cluster",
        name: row.name.clone(),
        cluster: Some(row.name.clone()),
        after: Some(json!({
            "connection": "agent",
            "labels": row.labels,
            "fixedPort": row.fixed_port,
            "force": row.take_over,
        })),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    if !op.request.dry_run {
        platform.agents.refresh(ClusterId(row.id)).await?;
        platform.monitor.admit(ClusterId(row.id), None);
    }
    let cluster = body(platform, row)?;
    Ok(AgentClusterCreated { cluster, join: platform.agents.instructions(token, expires_at) })
}

/// Issues another join token.
///
/// # Errors
/// `forbidden`, `not_found`, or `conflict` for a cluster that is reached directly.
pub async fn join_token(platform: &Platform, op: &OpContext, name: &str) -> Result<JoinInstructions> {
    let handle = find(platform, op, name, "cluster.settings.manage").await?;
    may_import(platform, op)?;
    of_agent(&handle)?;
    let mut tx = platform.store.begin(&op.write()).await?;
    let (token, expires_at) = issue(&mut tx, &handle, op.now).await?;
    tx.audit(AuditEvent {
        verb: "create",
        kind: "join-token",
        name: name.to_owned(),
        cluster: Some(name.to_owned()),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    platform.agents.refresh(ClusterId(handle.id)).await?;
    Ok(platform.agents.instructions(token, expires_at))
}

fn of_agent(row: &Model) -> Result<()> {
    if row.connection == "agent" {
        return Ok(());
    }
    Err(Error::conflict(format!("cluster {:?} is reached directly: it has no agent", row.name)))
}

/// Revokes what a cluster's agent has; its tunnels end at once.
///
/// # Errors
/// `forbidden`, `not_found`, or `conflict` for a cluster that is reached directly.
pub async fn revoke(platform: &Platform, op: &OpContext, name: &str) -> Result<()> {
    let handle = find(platform, op, name, "cluster.settings.manage").await?;
    may_import(platform, op)?;
    of_agent(&handle)?;
    let mut tx = platform.store.begin(&op.write()).await?;
    let revoked = rows::revoke(&mut tx, &handle).await?;
    tx.audit(AuditEvent {
        verb: "revoke",
        kind: "agent",
        name: name.to_owned(),
        cluster: Some(name.to_owned()),
        before: Some(json!({"certificates": revoked})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    if !op.request.dry_run {
        platform.agents.refresh(ClusterId(handle.id)).await?;
    }
    Ok(())
}

/// An agent joins.
///
/// # Errors
/// `unauthenticated` for a token that is not good, `conflict` for a cluster that may not join, `invalid` for a request
/// that is none, `too_many_requests`.
pub async fn join(platform: &Platform, op: &AnonymousContext, request: JoinRequest) -> Result<JoinAnswer> {
    let key = op.request.address.map_or_else(|| "join unknown".to_owned(), |a| format!("join {a}"));
    if let Some(seconds) = platform.identity.throttle.wait(&[&key], op.now) {
        return Err(Error {
            retry_after: Some(seconds),
            ..Error::new(
                ErrorCode::TooManyRequests,
                format!("too many wrong tokens: try again in {seconds} seconds"),
            )
        });
    }
    let not_good = || {
        platform.identity.throttle.failed(&[&key], op.now);
        Error::new(
            ErrorCode::Unauthenticated,
            "the join token is not good: it was spent, has expired, or is mistyped. Issue another one in Hanse",
        )
    };
    let (id, given) = request.token.split_once('.').ok_or_else(not_good)?;
    let id = Uuid::parse_str(id).map_err(|_| not_good())?;
    let token = platform.store.agent_token(id).await?.ok_or_else(not_good)?;
    let given = hash(given);
    if !bool::from(subtle::ConstantTimeEq::ct_eq(given.as_bytes(), token.secret_hash.as_bytes())) {
        return Err(not_good());
    }
    let cluster = ClusterId(token.cluster_id);
    let joined = admit(platform, op, request, &token, not_good).await;
    let fault = joined.as_ref().err().map(|error| error.message.clone());
    platform.agents.known(cluster, |known| known.contact = Some(Contact { at: op.now, fault }));
    let told = platform.store.clusters_by_ids(vec![cluster.0]).await?.remove(&cluster.0);
    if let (Err(_), Some(row)) = (&joined, told) {
        tell(platform, row.name);
    }
    joined
}

async fn admit(
    platform: &Platform,
    op: &AnonymousContext,
    request: JoinRequest,
    token: &Token,
    not_good: impl FnOnce() -> Error,
) -> Result<JoinAnswer> {
    let uid = request.system_uid;
    if uid.is_empty() || uid.len() > 64 || !uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(Error::invalid("systemUid", "is not the uid of a namespace"));
    }
    let agents = &platform.agents;
    let cluster = ClusterId(token.cluster_id);
    let issued = agents
        .authority
        .sign(&request.csr, cluster, op.now, LIFETIME)
        .map_err(|error| Error::invalid("csr", error.to_string()))?;
    let row = platform.store.clusters_by_ids(vec![cluster.0]).await?.remove(&cluster.0);
    let row = row.ok_or_else(|| Error::conflict("the cluster of this token was detached"))?;
    if !is_pending(&row) && row.system_uid != uid {
        return Err(Error::conflict(format!(
            "this token is for cluster {:?}, which is another one ({}): create a cluster for this one",
            row.name, row.system_uid
        )));
    }
    let others = platform.store.all_clusters().await?;
    if let Some(other) = others.iter().find(|other| other.system_uid == uid && other.id != row.id) {
        return Err(Error::conflict(format!(
            "this cluster is already here, as {:?}: detach it there first",
            other.name
        )));
    }
    let mut tx = platform.store.begin(&op.write(None, &format!("agent of {}", row.name))).await?;
    if !rows::spend_token(&mut tx, token.id, &token.secret_hash).await? {
        return Err(not_good());
    }
    let row = rows::joined(&mut tx, row, uid).await.map_err(|error| match error {
        StoreError::Taken => Error::conflict("this cluster was taken in meanwhile: look at the list"),
        error => error.into(),
    })?;
    rows::add_certificate(&mut tx, row.id, issued.serial, issued.expires_at).await?;
    tx.audit(AuditEvent {
        verb: "join",
        kind: "agent",
        name: row.name.clone(),
        cluster: Some(row.name.clone()),
        after: Some(json!({"systemUid": row.system_uid, "certificateExpiresAt": issued.expires_at})),
        ..AuditEvent::default()
    });
    platform.commit(tx).await?;
    Ok(JoinAnswer {
        cluster,
        name: row.name,
        certificate: issued.pem,
        ca: agents.authority.certificate_pem().to_owned(),
        tunnel_address: agents.address.clone(),
    })
}

/// Tells live connections that something about a cluster is not what it was.
pub(crate) fn tell(platform: &Platform, name: String) {
    platform.live.tell(Event {
        revision: platform.store.revision(),
        topics: vec![Topic::Clusters, Topic::Cluster(name), Topic::Overview],
        access: false,
    });
}

/// Follows tunnels for ever: a cluster whose tunnel comes or goes is looked at, and told of, at once; one that came gets
/// our mark.
pub(crate) async fn follow(platform: Arc<Platform>) {
    let mut changes = platform.agents.tunnels.changes();
    loop {
        for id in platform.agents.tunnels.take_changed() {
            if platform.agents.tunnels.presence(id).borrow().tunnels > 0 {
                let platform = Arc::clone(&platform);
                let tasks = platform.tasks.clone();
                tasks.spawn(async move {
                    if let Err(error) = came(&platform, id).await {
                        tracing::warn!(cluster = %id, "its mark could not be seen to: {error:?}");
                    }
                });
            } else if let Some(member) = platform.fleet.get(id) {
                member.poke();
                tell(&platform, member.name().to_string());
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// A tunnel stands. A cluster that another Hanse governs is let be: two must not write into one.
async fn came(platform: &Platform, id: ClusterId) -> Result<()> {
    let Some(row) = platform.store.clusters_by_ids(vec![id.0]).await?.remove(&id.0) else { return Ok(()) };
    if platform.fleet.get(id).is_none() {
        // Its mark is read before it is a member: not even for a moment may anything be written to another's.
        let connector = Connector::tunnel(platform.agents.tunnels().clone(), id);
        let mark = match platform.fleet.identity(&connector).await {
            Ok(identity) => identity.claim,
            // It was another's when it was seen last.
            Err(_) if platform.agents.is_foreign(id) => return Ok(()),
            Err(_) => None,
        };
        if let Some(claim) = mark.filter(|claim| !row.take_over && claim.is_of_another(&platform.instance)) {
            platform.agents.is_anothers(id, &ClaimError::Taken(claim));
            tell(platform, row.name);
            return Ok(());
        }
        super::monitor::connect(&platform.store, &platform.fleet, platform.agents.tunnels(), &row).await?;
    }
    let Some(member) = platform.fleet.get(id) else { return Ok(()) };
    let claimed = member.claim(&platform.instance, row.take_over).await;
    match claimed {
        Err(error @ ClaimError::Taken(_)) => {
            platform.agents.is_anothers(id, &error);
            platform.fleet.remove(id).await;
        }
        Ok(()) => {
            platform.agents.known(id, |known| known.claim = None);
            if row.take_over {
                let mut tx =
                    platform.store.begin(&WriteContext::platform("agent", platform.clock.now())).await?;
                cluster_rows::taken_over(&mut tx, &row).await?;
                tx.audit(AuditEvent {
                    verb: "take-over",
                    kind: "cluster",
                    name: row.name.clone(),
                    cluster: Some(row.name.clone()),
                    ..AuditEvent::default()
                });
                platform.commit(tx).await?;
            }
            member.poke();
        }
        Err(ClaimError::Member(_)) => member.poke(),
    }
    tell(platform, row.name);
    Ok(())
}
