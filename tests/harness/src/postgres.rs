//! A private PostgreSQL from the system's binaries, and a database per test from a template that is migrated once
//! per run. The starting is a shell script (`postgres.sh`), because `make test` uses the same one.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::sync::{Mutex, OnceCell};

use crate::{die, try_wait_for, unique};

/// A PostgreSQL server with superuser rights and no password.
pub struct Postgres {
    url: String,
    psql: PathBuf,
    templates: Mutex<HashMap<String, Arc<OnceCell<String>>>>,
    /// Its open standard input is what keeps the server alive: it ends with this process.
    _server: Option<Child>,
}

impl Postgres {
    /// The server of this run: the one that `HANSE_TEST_POSTGRES` names, or one of this process's own, which ends
    /// with it.
    ///
    /// # Panics
    /// When it does not start, such as for want of PostgreSQL's binaries.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        let started = tokio::task::spawn_blocking(|| {
            SHARED.get_or_init(|| {
                let server = match std::env::var("HANSE_TEST_POSTGRES") {
                    Ok(url) => Self::at(url, PathBuf::from("psql"), None),
                    Err(_) => Self::start(),
                };
                server.map_err(|error| format!("{error:#}"))
            })
        });
        match started.await {
            Ok(Ok(postgres)) => postgres,
            Ok(Err(error)) => die(&anyhow::anyhow!("{error}")),
            Err(error) => die(&error.into()),
        }
    }

    fn start() -> anyhow::Result<Self> {
        let script = crate::testbed::repository().join("tests/harness/postgres.sh");
        let mut server = Command::new("bash")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C in the terminal is for us; the closed pipe then ends the server in good order.
            .process_group(0)
            .spawn()
            .context("cannot run postgres.sh")?;
        let mut line = String::new();
        BufReader::new(server.stdout.take().context("standard output of postgres.sh")?)
            .read_line(&mut line)?;
        let mut words = line.split_whitespace();
        let (Some("ready"), Some(url), Some(folder)) = (words.next(), words.next(), words.next()) else {
            bail!("PostgreSQL did not start; its own words are above");
        };
        Self::at(url.to_owned(), PathBuf::from(folder).join("psql"), Some(server))
    }

    fn at(url: String, psql: PathBuf, server: Option<Child>) -> anyhow::Result<Self> {
        if !url.ends_with("/postgres") {
            bail!("{url}: must end with the database /postgres of the server");
        }
        Ok(Self { url, psql, templates: Mutex::default(), _server: server })
    }

    /// URL of the server's database `postgres`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// An empty database that nobody else uses. Gone when the answer is dropped.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn database(&'static self) -> Database {
        self.made_from("template0").await
    }

    /// A database that nobody else uses, a copy of a template. The template is made once per server: `migrate` gets
    /// the URL of an empty database, fills it, and **closes every connection** before it ends. `key` names what the
    /// template holds; another content needs another key (letters, digits, `_`).
    ///
    /// # Panics
    /// When `migrate` fails, or a database cannot be made.
    pub async fn from_template<F, Fut>(&'static self, key: &str, migrate: F) -> Database
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let cell = Arc::clone(self.templates.lock().await.entry(key.to_owned()).or_default());
        match cell.get_or_try_init(|| self.template(key, migrate)).await {
            Ok(template) => self.made_from(template).await,
            Err(error) => die(&error.context(format!("template {key}"))),
        }
    }

    async fn template<F, Fut>(&self, key: &str, migrate: F) -> anyhow::Result<String>
    where
        F: FnOnce(String) -> Fut,
        Fut: Future<Output = anyhow::Result<()>>,
    {
        let template = format!("template_{key}");
        let exists = format!("SELECT count(*) FROM pg_database WHERE datname = '{template}'");
        if self.query(&exists).await?.trim() == "1" {
            return Ok(template);
        }
        // Nobody finds it half done; of two processes that make it at once, one wins.
        let draft = unique("draft").replace('-', "_");
        self.query(&format!("CREATE DATABASE {draft} TEMPLATE template0")).await?;
        migrate(self.url_of(&draft)).await?;
        let renamed = self.when_unused(&format!("ALTER DATABASE {draft} RENAME TO {template}")).await;
        if let Err(error) = renamed {
            self.query(&format!("DROP DATABASE {draft} WITH (FORCE)")).await?;
            if self.query(&exists).await?.trim() != "1" {
                return Err(error);
            }
        }
        Ok(template)
    }

    async fn made_from(&'static self, template: &str) -> Database {
        let name = unique("test").replace('-', "_");
        match self.when_unused(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await {
            Ok(()) => Database { server: self, url: self.url_of(&name), name },
            Err(error) => die(&error),
        }
    }

    /// A connection that has just been closed lingers on the server for a moment.
    async fn when_unused(&self, statement: &str) -> anyhow::Result<()> {
        let outcome = try_wait_for(Duration::from_secs(10), statement, || async {
            match self.query(statement).await {
                Err(error) if error.to_string().contains("being accessed by other users") => Err(error),
                other => Ok(other),
            }
        });
        outcome.await?.map(|_| ())
    }

    fn url_of(&self, database: &str) -> String {
        format!("{}/{database}", self.url.trim_end_matches("/postgres"))
    }

    async fn query(&self, statement: &str) -> anyhow::Result<String> {
        let output = tokio::process::Command::new(&self.psql)
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", &self.url, "-c", statement])
            .stdin(Stdio::null())
            .output()
            .await
            .context("cannot run psql")?;
        if !output.status.success() {
            bail!("{statement}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// A database of one test.
pub struct Database {
    server: &'static Postgres,
    name: String,
    url: String,
}

impl Database {
    /// `postgres://…` of this database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = Command::new(&self.server.psql)
            .args(["-XAtq", "-d", &self.server.url, "-c", &statement])
            .stdin(Stdio::null())
            .status();
        if let Err(error) = dropped {
            tracing::warn!(%error, "cannot drop the test's database; the server's end will");
        }
    }
}
