//! What federation is measured on: control planes, a server over them that knows them directly or through their agents,
//! and watches at each member. Dropping it ends everything in it.

use std::path::Path;

use anyhow::Context;
use hanse_harness::{Access, ControlPlanes, Flavour, HanseProcess, Plane, agent::AgentProcess};

use crate::{
    agent,
    api::Api,
    batches::Way,
    federated::Hanse,
    figures::mib,
    machine::{Member, Process},
    observer::Observer,
    plain, say,
    start::{self, Start},
};

// Ended in this order.
pub struct Bed {
    pub way: Way,
    pub observer: Observer,
    pub members: Vec<Member>,
    pub api: Api,
    pub process: Process,
    pub server: HanseProcess,
    /// What the starts took.
    pub starts: Vec<Start>,
    agents: Vec<(AgentProcess, Process)>,
    _folder: tempfile::TempDir,
    _planes: ControlPlanes,
}

impl Bed {
    /// Starts so many members and a server that has them all; starts the server itself several times.
    pub async fn start(binary: &Path, way: Way, count: usize, starts: usize) -> anyhow::Result<Self> {
        let names: Vec<String> = (1..=count).map(|number| format!("member-{number}")).collect();
        say(&format!("{count} control planes, {}", way.heading()));
        let planes: Vec<Plane> = names.iter().map(|name| Plane::new(name, Flavour::ApiOnly)).collect();
        let planes = ControlPlanes::start(&planes).await?;
        let mut members = Vec::new();
        for cluster in planes.clusters() {
            members.push(Member::find(cluster).await?);
        }
        let (mut server, mut took) = (None::<HanseProcess>, Vec::new());
        for _ in 0..starts.max(1) {
            drop(server.take());
            let (process, start) = start::start(binary).await?;
            took.push(start);
            server = Some(process);
        }
        let server = server.context("no server")?;
        let process = Process::of_server(server.data_dir())?;
        let api = Api::set_up(&server).await?;
        let folder = tempfile::Builder::new().prefix("hanse-bench-").tempdir()?;
        let mut agents = Vec::new();
        for cluster in planes.clusters() {
            match way {
                Way::Direct => api.import(&cluster.name, &cluster.kubeconfig(Access::Admin)).await?,
                Way::Tunnel => {
                    let created = api.agent_cluster(&cluster.name).await?;
                    agents.push(agent::start(folder.path(), cluster, &created).await?);
                }
            }
        }
        for name in &names {
            api.ready(name).await?;
        }
        api.workspace(&names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        plain::prepare(&members).await?;
        let observer = Observer::start(&members).await?;
        Ok(Self {
            way,
            observer,
            members,
            api,
            process,
            server,
            starts: took,
            agents,
            _folder: folder,
            _planes: planes,
        })
    }

    /// For measuring batches.
    pub fn hanse(&self) -> Hanse<'_> {
        Hanse {
            api: &self.api,
            server: &self.process,
            database: self.server.data_dir().join("hanse.db"),
            observer: &self.observer,
            members: &self.members,
        }
    }

    /// Largest memory of any agent since its start, in MiB.
    pub fn agents_peak_mib(&self) -> anyhow::Result<f64> {
        let peaks = self.agents.iter().map(|(_, process)| process.peak_rss());
        Ok(peaks.collect::<anyhow::Result<Vec<_>>>()?.into_iter().map(mib).fold(0.0, f64::max))
    }
}
