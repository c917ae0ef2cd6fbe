//! What the agent keeps over restarts: where the hub is, and its certificate with its key. In a folder of its own on a
//! machine, in a Secret in a pod.

use std::{io::Write as _, path::PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::BoxFuture;
use hanse_tunnel::agent::{Credentials, Forwarder, Keep};
use hanse_types::ClusterId;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::member::Member;

const FILE: &str = "agent.json";

/// What is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The cluster that this agent stands for.
    pub cluster: ClusterId,
    /// Name of the cluster, for logs.
    pub name: String,
    /// Where the tunnel leads.
    pub address: String,
    /// URL of the hub that it joined at.
    #[serde(default)]
    pub url: Option<Url>,
    /// Tells a restarted agent from a second one.
    pub instance: String,
    /// Certificate, key, and the hub's authority.
    pub credentials: Credentials,
}

/// Where it is kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder that only its owner can look into.
    Folder(PathBuf),
    /// A Secret in the pod's namespace.
    Secret {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// The apiserver that has it.
        member: Box<Member>,
        /// Connections to it.
        forwarder: Box<Forwarder>,
    },
}

impl Place {
    /// What was kept, if anything.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn load(&self) -> anyhow::Result<Option<State>> {
        let text = match self {
            Self::Folder(folder) => match std::fs::read(folder.join(FILE)) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) => {
                    return Err(error).with_context(|| format!("cannot read {FILE} in {}", folder.display()));
                }
            },
            Self::Secret { namespace, name, member, forwarder } => {
                let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
                let (status, body) = member.ask(forwarder, Method::GET, &path, None).await?;
                if status == StatusCode::NOT_FOUND {
                    return Ok(None);
                }
                refused(status, &body, "read", name)?;
                match body.pointer("/data/agent.json").and_then(Value::as_str) {
                    Some(data) => STANDARD.decode(data).context("the Secret is not base64")?,
                    None => return Ok(None),
                }
            }
        };
        serde_json::from_slice(&text)
            .map(Some)
            .context("what the agent kept cannot be understood: join again")
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn save(&self, state: &State) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(state)?;
        match self {
            Self::Folder(folder) => {
                let mut builder = std::fs::DirBuilder::new();
                builder.recursive(true);
                #[cfg(unix)]
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                let written = builder.create(folder).and_then(|()| {
                    // Beside, then renamed: a crash leaves the old one whole.
                    let fresh = folder.join(format!("{FILE}.new"));
                    let mut options = std::fs::OpenOptions::new();
                    options.write(true).create(true).truncate(true);
                    #[cfg(unix)]
                    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                    let mut file = options.open(&fresh)?;
                    file.write_all(&text)?;
                    file.sync_all()?;
                    std::fs::rename(fresh, folder.join(FILE))
                });
                written.with_context(|| format!("cannot write {FILE} in {}", folder.display()))
            }
            Self::Secret { namespace, name, member, forwarder } => {
                let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
                let body = json!({
                    "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                    "metadata": {"name": name, "namespace": namespace},
                    "data": {FILE: STANDARD.encode(&text)},
                });
                let path = format!("{secrets}/{name}");
                let (status, said) = member.ask(forwarder, Method::PUT, &path, Some(body.clone())).await?;
                if status != StatusCode::NOT_FOUND {
                    return refused(status, &said, "write", name);
                }
                let (status, said) = member.ask(forwarder, Method::POST, &secrets, Some(body)).await?;
                refused(status, &said, "make", name)
            }
        }
    }
}

fn refused(status: StatusCode, body: &Value, what: &str, name: &str) -> anyhow::Result<()> {
    ensure!(
        status.is_success(),
        "the apiserver does not let the agent {what} the Secret {name} (HTTP {}: {})",
        status.as_u16(),
        body.pointer("/message").and_then(Value::as_str).unwrap_or_default()
    );
    Ok(())
}

/// Keeps renewed credentials where the state is.
pub(crate) struct Renewed {
    pub(crate) place: Place,
    pub(crate) state: State,
}

impl Keep for Renewed {
    fn keep<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let state = State { credentials: credentials.clone(), ..self.state.clone() };
            self.place.save(&state).await.map_err(|error| format!("{error:#}"))
        })
    }
}

/// The place that the options name.
///
/// # Errors
/// When they name none, or this is no pod.
pub(crate) fn place(
    folder: Option<PathBuf>,
    secret: Option<String>,
    member: &Member,
    forwarder: &Forwarder,
) -> anyhow::Result<Place> {
    match (folder, secret) {
        (Some(folder), None) => Ok(Place::Folder(folder)),
        (None, Some(name)) => {
            let file = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
            let namespace =
                std::fs::read_to_string(file).context("--state-secret is for pods: give --state FOLDER")?;
            let namespace = namespace.trim().to_owned();
            Ok(Place::Secret {
                namespace,
                name,
                member: Box::new(member.clone()),
                forwarder: Box::new(forwarder.clone()),
            })
        }
        _ => bail!("say where to keep the certificate: --state FOLDER, or in a pod --state-secret NAME"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_keeps_it_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Folder(folder.path().join("state"));
        assert!(place.load().await.unwrap().is_none());
        let credentials = Credentials { ca: "a".into(), certificate: "b".into(), key: "c".into() };
        let state = State {
            cluster: ClusterId::new(),
            name: "x".into(),
            address: "h:1".into(),
            url: None,
            instance: "i".into(),
            credentials,
        };
        place.save(&state).await.unwrap();
        place.save(&state).await.unwrap();
        assert_eq!(place.load().await.unwrap().unwrap().credentials, state.credentials);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode =
                std::fs::metadata(folder.path().join("state/agent.json")).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
    }
}
