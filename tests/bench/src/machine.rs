//! What Linux and the API servers tell about work done: processor time, memory, requests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hanse_harness::Cluster;
use http_body_util::BodyExt as _;

/// A process that is looked at from outside.
pub struct Process {
    folder: PathBuf,
}

impl Process {
    /// By its number.
    pub fn of(pid: u32) -> Self {
        Self { folder: PathBuf::from(format!("/proc/{pid}")) }
    }

    /// The server with this data folder.
    pub fn of_server(data_dir: &Path) -> anyhow::Result<Self> {
        let folder = data_dir.to_string_lossy().into_owned();
        Self::find(|words| words.iter().any(|word| word == "serve") && words.contains(&folder))
            .context("no process of the server")
    }

    fn find(is_it: impl Fn(&[String]) -> bool) -> anyhow::Result<Self> {
        for entry in std::fs::read_dir("/proc")? {
            let folder = entry?.path();
            let Ok(line) = std::fs::read(folder.join("cmdline")) else { continue };
            let words: Vec<String> = line
                .split(|byte| *byte == 0)
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            if is_it(&words) {
                return Ok(Self { folder });
            }
        }
        anyhow::bail!("not among the processes")
    }

    /// Largest memory (resident set) since its start or since [`Process::forget_peak`], in bytes.
    pub fn peak_rss(&self) -> anyhow::Result<u64> {
        self.memory("VmHWM:")
    }

    /// Memory (resident set), in bytes.
    pub fn rss(&self) -> anyhow::Result<u64> {
        self.memory("VmRSS:")
    }

    /// Counts the largest memory from now on.
    pub fn forget_peak(&self) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.join("clear_refs"), "5")?)
    }

    fn memory(&self, name: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(self.folder.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a process has ended")?;
        let kibibytes: u64 = line.split_whitespace().next().context("no figure")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// Processor time since its start.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(self.folder.join("stat"))?;
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
        // A hundred a second, whatever the kernel's own clock: so Linux has told it for decades.
        let ticks: u32 = fields.filter_map(|field| field.parse::<u32>().ok()).sum();
        Ok(f64::from(ticks) / 100.0)
    }
}

/// A member: a client for it, and its API server's process.
pub struct Member {
    pub name: String,
    pub client: kube::Client,
    server: Process,
}

impl Member {
    pub async fn find(cluster: &Cluster) -> anyhow::Result<Self> {
        let port = format!("--secure-port={}", cluster.address().port());
        let server = Process::find(|words| words.contains(&port)).context("no process of an API server")?;
        Ok(Self { name: cluster.name.clone(), client: cluster.admin_client().await, server })
    }

    /// Requests that it has answered, by verb and resource. Nothing that only watches or asks for metrics.
    async fn requests(&self) -> anyhow::Result<BTreeMap<String, f64>> {
        let text = self.client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?;
        let mut sums = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
            let Some((labels, value)) = line.rsplit_once(' ') else { continue };
            let (verb, resource) = (label(labels, "verb"), label(labels, "resource"));
            if !resource.is_empty() && verb != "WATCH" {
                *sums.entry(format!("{verb} {resource}")).or_default() += value.parse::<f64>()?;
            }
        }
        Ok(sums)
    }

    /// Lets its API server collect its garbage. A collection costs as much as hundreds of requests and comes when enough
    /// has piled up, whoever piled it up: a phase of two seconds may meet one of the phase before or none of its own.
    async fn tidy(&self) -> anyhow::Result<()> {
        let request = http::Request::get("/debug/pprof/heap?gc=1").body(kube::client::Body::empty())?;
        let answer = self.client.send(request).await?;
        anyhow::ensure!(answer.status().is_success(), "{}: no profiler: {}", self.name, answer.status());
        answer.into_body().collect().await?;
        Ok(())
    }
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let marker = format!("{name}=\"");
    let found = labels.split(['{', ',']).find_map(|pair| pair.strip_prefix(marker.as_str()));
    found.map_or("", |rest| rest.split('"').next().unwrap_or_default())
}

/// What members have done up to now.
#[derive(Clone, Debug, Default)]
pub struct Work {
    pub cpu_seconds: f64,
    pub requests: BTreeMap<String, f64>,
}

impl Work {
    /// Before something is measured. Whoever comes finds the members tidied up, and asking for the requests costs them
    /// work of its own, which does not count.
    pub async fn before(members: &[Member]) -> anyhow::Result<Self> {
        futures::future::try_join_all(members.iter().map(Member::tidy)).await?;
        let requests = requests(members).await?;
        Ok(Self { cpu_seconds: cpu_seconds(members)?, requests })
    }

    /// What was done since.
    pub async fn since(members: &[Member], earlier: &Self) -> anyhow::Result<Self> {
        let cpu_seconds = cpu_seconds(members)? - earlier.cpu_seconds;
        let mut requests = requests(members).await?;
        for (what, count) in &mut requests {
            *count -= earlier.requests.get(what).copied().unwrap_or_default();
        }
        requests.retain(|_, count| *count > 0.0);
        Ok(Self { cpu_seconds, requests })
    }
}

fn cpu_seconds(members: &[Member]) -> anyhow::Result<f64> {
    members.iter().map(|member| member.server.cpu_seconds()).sum()
}

async fn requests(members: &[Member]) -> anyhow::Result<BTreeMap<String, f64>> {
    let mut sums = BTreeMap::new();
    for found in futures::future::try_join_all(members.iter().map(Member::requests)).await? {
        for (what, count) in found {
            *sums.entry(what).or_default() += count;
        }
    }
    Ok(sums)
}

/// Files that this process may have open.
pub fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(1024)
}

/// The machine, in a few words.
pub fn describe() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let kibibytes: u64 = total.split_whitespace().next().unwrap_or_default().parse().unwrap_or_default();
    Ok(format!("{cores} cores, {} GB of memory", kibibytes.div_ceil(1 << 20)))
}
