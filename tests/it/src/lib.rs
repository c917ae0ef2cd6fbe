//! What integration tests stand on: a whole server in the test's own process, on either database, already set up,
//! and clients for it: a browser session, a token, nobody. Being in one process, a test can also look at the store
//! behind the answers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test whose surroundings are broken has nothing better to do"
)]

mod client;
mod clock;
mod live;

use std::{path::PathBuf, sync::Arc};

pub use client::{Answer, Client};
pub use clock::TestClock;
use hanse_harness::{Postgres, postgres::Database};
use hanse_server::{Platform, config::Config, serve::Server};
pub use live::Live;
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

/// Password of every account that [`TestApp`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// Where a test's server keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Db {
    /// The embedded database, in the data folder.
    Sqlite,
    /// A database of its own on the run's PostgreSQL.
    Postgres,
}

/// A server of its own for one test. It ends with the test.
pub struct TestApp {
    /// `http://127.0.0.1:PORT`, the same over restarts.
    pub url: String,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// The first administrator, called `admin`, in a browser session. Nobody before [`TestApp::set_up`].
    pub admin: Client,
    /// The platform behind it.
    pub platform: Arc<Platform>,
    /// The one-time link, where setup was still to be done at the start.
    pub setup_url: Option<String>,
    /// Its clock.
    pub clock: Arc<TestClock>,
    config: Config,
    running: Option<Running>,
    _folder: tempfile::TempDir,
    _database: Option<Database>,
}

struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl TestApp {
    /// A server that is set up: `admin` is its administrator.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(db: Db) -> Self {
        Self::start_with(db, |_| {}).await
    }

    /// [`TestApp::start`] with another configuration.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(db: Db, configure: impl FnOnce(&mut Config)) -> Self {
        let mut app = Self::fresh(db, configure).await;
        app.set_up().await;
        app
    }

    /// A server at its first start: setup is still to be done.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn fresh(db: Db, configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::Builder::new().prefix("hanse-it-").tempdir().unwrap();
        let database = match db {
            Db::Sqlite => None,
            Db::Postgres => Some(Postgres::shared().await.database().await),
        };
        let mut config = Config::default();
        config.server.listen = ([127, 0, 0, 1], 0).into();
        config.tunnel.listen = Some(([127, 0, 0, 1], 0).into());
        config.server.data_dir = folder.path().to_owned();
        config.database.url = database.as_ref().map(|database| database.url().to_owned());
        config.clusters.probe_interval_seconds = 1;
        configure(&mut config);
        let clock = Arc::new(TestClock::default());
        let server =
            Server::start_at(config.clone(), Arc::clone(&clock) as _).await.expect("the server starts");
        config.server.listen = server.address;
        config.tunnel.listen = server.tunnel_address;
        let url = format!("http://{}", server.address);
        Self {
            admin: Client::nobody(&url),
            data_dir: folder.path().to_owned(),
            platform: Arc::clone(&server.platform),
            setup_url: server.setup_url.clone(),
            running: Some(run(server)),
            clock,
            url,
            config,
            _folder: folder,
            _database: database,
        }
    }

    /// The token of the one-time link.
    ///
    /// # Panics
    /// When setup was done before the start.
    #[must_use]
    pub fn setup_token(&self) -> String {
        let url = self.setup_url.as_deref().expect("setup is to be done");
        url.split_once("token=").expect("a token in the link").1.to_owned()
    }

    /// Makes the first administrator.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn set_up(&mut self) {
        let body = json!({"token": self.setup_token(), "name": "admin", "password": PASSWORD});
        let answer = self.nobody().post("setup", body).await;
        answer.clone().is(201);
        self.admin = self.nobody().with_session(&answer);
    }

    /// Ends the server in good order; the data stay.
    ///
    /// # Panics
    /// When it does not end in good order.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop.send(()).ok();
            running.ended.await.expect("the server ends in good order");
        }
    }

    /// Ends the server and looks for a secret in every file of its data folder.
    ///
    /// # Panics
    /// When a file holds it.
    pub async fn stop_and_search(mut self, secret: &str) {
        self.stop().await;
        for file in std::fs::read_dir(&self.data_dir).unwrap() {
            let path = file.unwrap().path();
            let content = std::fs::read(&path).unwrap();
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds the secret in the clear", path.display());
        }
    }

    /// Ends the server in good order and starts it again at the same address over the same data. Clients go on.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.stop().await;
        let clock = Arc::clone(&self.clock) as _;
        let server = Server::start_at(self.config.clone(), clock).await.expect("the server starts again");
        self.platform = Arc::clone(&server.platform);
        self.setup_url.clone_from(&server.setup_url);
        self.running = Some(run(server));
    }

    /// Somebody who has not signed in.
    #[must_use]
    pub fn nobody(&self) -> Client {
        Client::nobody(&self.url)
    }

    /// Signs in with [`PASSWORD`].
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn sign_in(&self, name: &str) -> Client {
        let answer = self.nobody().post("sessions", json!({"name": name, "password": PASSWORD})).await;
        answer.clone().is(201);
        self.nobody().with_session(&answer)
    }

    /// Makes an account with roles of the platform and signs it in.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn user(&self, name: &str, roles: &[&str]) -> Client {
        self.admin.post("users", json!({"name": name, "password": PASSWORD, "roles": roles})).await.is(201);
        self.sign_in(name).await
    }

    /// Makes a workspace, administered by `admin`.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn workspace(&self, name: &str) -> Value {
        self.admin.post("workspaces", json!({"name": name})).await.is(201)
    }

    /// Makes a project in a workspace, in all of the workspace's clusters.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn project(&self, workspace: &str, name: &str) -> Value {
        self.admin.post(&format!("workspaces/{workspace}/projects"), json!({"name": name})).await.is(201)
    }

    /// Gives an account roles in `workspaces/NAME` or `projects/NAME`.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn member(&self, place: &str, user: &str, roles: &[&str]) {
        self.admin.put(&format!("{place}/members/{user}"), json!({"roles": roles})).await.is(200);
    }
}

fn run(server: Server) -> Running {
    let (stop, told) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let until = async {
            // The sender's end, too, is the server's end.
            drop(told.await);
        };
        server.run(until).await.expect("the server runs");
    });
    Running { stop, ended }
}
