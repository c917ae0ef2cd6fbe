//! One member cluster: its connections, limits, kinds, health and facts behind one handle that is cheap to share.

use std::{fmt, sync::Arc};

use hanse_types::{id::ClusterId, name::ClusterName};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::{Notify, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{
    api::{self, Answer, Api, Call},
    connector::{Body, Connector, Lane, Transport, TransportError, Upgraded},
    discovery::Discovery,
    error::MemberError,
    facts::{self, Facts},
    fleet::{FleetOptions, MemberSpec},
    health::{Health, Machine, prober::Prober},
    limiter::Limiter,
    reflector::{Reflector, ReflectorSpec, Sink, Trim},
};

/// One member cluster.
pub struct Member {
    id: ClusterId,
    name: ClusterName,
    connector: Connector,
    requests: Transport,
    watches: Transport,
    probes: Transport,
    forwarded: Transport,
    api: Api,
    client: kube::Client,
    discovery: Discovery,
    health: watch::Receiver<Health>,
    facts: watch::Receiver<Option<Facts>>,
    poke: Arc<Notify>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("name", &self.name)
            .field("connector", &self.connector)
            .finish_non_exhaustive()
    }
}

impl Member {
    /// A member whose tasks are running. `known` are the facts of a member that this one replaces.
    pub(crate) fn start(
        spec: MemberSpec,
        options: &FleetOptions,
        closing: CancellationToken,
        known: Option<Facts>,
    ) -> Result<Arc<Self>, TransportError> {
        let open = |lane| spec.connector.open(lane, &options.tuning);
        let (requests, watches, probes) = (open(Lane::Requests)?, open(Lane::Watches)?, open(Lane::Probes)?);
        let forwarded = open(Lane::Forwarded)?;
        let limiter = Limiter::new(options.limiter.clone());
        let api = |transport: &Transport| {
            Api::new(transport.clone(), limiter.clone(), options.request_deadline, closing.clone())
        };
        let poke = Arc::new(Notify::new());
        let (health_sender, health) =
            watch::channel(Machine::new(options.health.clone(), chrono::Utc::now()).health().clone());
        let (facts_sender, facts) = watch::channel(known);
        let prober = Prober {
            api: api(&probes),
            options: options.health.clone(),
            uid: spec.uid,
            credential_ends: spec.connector.credential_ends(),
            poke: Arc::clone(&poke),
            health: health_sender,
            closing: closing.clone(),
        };
        let member = Arc::new(Self {
            id: spec.id,
            name: spec.name,
            connector: spec.connector,
            client: client(&requests),
            api: api(&requests),
            discovery: Discovery::new(api(&requests)),
            requests,
            watches,
            probes,
            forwarded,
            health,
            facts,
            poke,
            closing,
            tasks: TaskTracker::new(),
        });
        member.tasks.spawn(prober.run());
        if options.facts {
            member.tasks.spawn(facts::keep(Arc::clone(&member), facts_sender));
        }
        Ok(member)
    }

    /// Stable id.
    #[must_use]
    pub fn id(&self) -> ClusterId {
        self.id
    }

    /// Unique name.
    #[must_use]
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// How it is reached.
    #[must_use]
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    /// A client of the field's usual library over this member's connections. It has neither deadline nor limit.
    #[must_use]
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Sends one request and reads the whole answer, within a deadline and the concurrency limit.
    ///
    /// # Errors
    /// When the member refuses or the way to it fails.
    pub async fn call(&self, call: Call) -> Result<Answer, MemberError> {
        let result = self.api.call(call).await;
        match &result {
            Err(error) if error.is_about_reachability() => self.poke(),
            Err(MemberError::KindMissing(_)) => self.discovery.invalidate(),
            _ => {}
        }
        result
    }

    /// Sends one request as it is, with this member's credential: for forwarding. No deadline, no concurrency limit.
    ///
    /// # Errors
    /// When the way to the member fails; an answer of any status is no error.
    pub async fn send(&self, lane: Lane, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let transport = match lane {
            Lane::Requests => &self.requests,
            Lane::Watches => &self.watches,
            Lane::Probes => &self.probes,
            Lane::Forwarded => &self.forwarded,
        };
        let result = api::send(transport, request).await;
        if result.is_err() {
            self.poke();
        }
        result
    }

    /// Asks for an upgrade (exec, attach, port-forward) with this member's credential: for forwarding.
    ///
    /// # Errors
    /// When the way to the member fails; an answer that is no upgrade is none.
    pub async fn upgrade(&self, request: Request<()>) -> Result<Upgraded, TransportError> {
        let result = self.connector.upgrade(request).await;
        if result.is_err() {
            self.poke();
        }
        result
    }

    /// [`Member::call`] for what is put in order while the member is being removed: ends by its deadline alone.
    ///
    /// # Errors
    /// As [`Member::call`].
    pub async fn call_outliving(&self, call: Call) -> Result<Answer, MemberError> {
        self.api.outliving().call(call).await
    }

    /// Health now and its changes.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Facts now and their changes; `None` until they were read once.
    #[must_use]
    pub fn facts(&self) -> watch::Receiver<Option<Facts>> {
        self.facts.clone()
    }

    /// The kinds it serves.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    /// How many requests it gets at once now.
    #[must_use]
    pub fn concurrency(&self) -> u32 {
        self.api.limiter().limit()
    }

    /// Asks the prober to look at once, because something seems to have failed. Free to call often.
    pub fn poke(&self) {
        self.poke.notify_one();
    }

    /// Cancelled when the member is removed, replaced, or the fleet stops.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Starts a mirror of one kind. It ends when the returned handle is dropped or the member is closed.
    #[must_use]
    pub fn reflect<T, F, S>(self: &Arc<Self>, spec: ReflectorSpec, trim: F, sink: S) -> Reflector<T>
    where
        T: Send + Sync + 'static,
        F: Trim<T>,
        S: Sink<T>,
    {
        Reflector::start(self, spec, trim, sink)
    }

    pub(crate) fn api(&self) -> &Api {
        &self.api
    }

    pub(crate) fn closing_token(&self) -> &CancellationToken {
        &self.closing
    }

    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Ends every task and waits for them.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The usual client over a transport.
fn client(transport: &Transport) -> kube::Client {
    let transport = transport.clone().map_request(|request: Request<kube::client::Body>| {
        request.map(|body| body.map_err(Into::into).boxed_unsync())
    });
    kube::Client::new(transport, "default")
}
