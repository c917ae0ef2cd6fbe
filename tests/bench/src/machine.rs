//! What Linux and the API servers tell about work done: processor time, memory, requests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::Context;
use hanse_harness::Cluster;

/// A process that is looked at from outside.
pub struct Process {
    folder: PathBuf,
}

impl Process {
    /// The server with this data folder.
    pub fn of_server(data_dir: &Path) -> anyhow::Result<Self> {
        let data_dir = data_dir.to_string_lossy().into_owned();
        Self::find(|words| words.iter().any(|word| word == "serve") && words.contains(&data_dir))
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

    /// Largest memory (resident set) since its start, in bytes.
    pub fn peak_rss(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(self.folder.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kibibytes: u64 = line.split_whitespace().next().context("no VmHWM")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// Processor time since its start.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(self.folder.join("stat"))?;
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
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
}

fn label<'a>(labels: &'a str, name: &str) -> &'a str {
    let marker = format!("{name}=\"");
    let found = labels.split(['{', ',']).find_map(|pair| pair.strip_prefix(marker.as_str()));
    found.map_or("", |rest| rest.split('"').next().unwrap_or_default())
}

/// What members have done up to now.
pub struct Work {
    pub cpu_seconds: f64,
    pub requests: BTreeMap<String, f64>,
}

impl Work {
    pub async fn of(members: &[Member]) -> anyhow::Result<Self> {
        let mut work = Self { cpu_seconds: 0.0, requests: BTreeMap::new() };
        for member in members {
            for (what, count) in member.requests().await? {
                *work.requests.entry(what).or_default() += count;
            }
            work.cpu_seconds += member.server.cpu_seconds()?;
        }
        Ok(work)
    }

    /// What was done since `earlier`.
    pub fn since(mut self, earlier: &Self) -> Self {
        self.cpu_seconds -= earlier.cpu_seconds;
        for (what, count) in &mut self.requests {
            *count -= earlier.requests.get(what).copied().unwrap_or_default();
        }
        self.requests.retain(|_, count| *count > 0.0);
        self
    }
}

/// The machine, in a few words.
pub fn describe() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    let kibibytes: u64 = total.split_whitespace().next().unwrap_or_default().parse().unwrap_or_default();
    Ok(format!("{cores} cores, {} GB of memory", kibibytes.div_ceil(1 << 20)))
}
