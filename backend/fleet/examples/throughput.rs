//! How fast one member takes what is applied to it, and what that costs here: server-side applies of small ConfigMaps
//! over different connections and concurrencies, then the same objects through a mirror. The figures that decided the
//! defaults are in `docs/decisions/member-connections.md`.
//!
//! ```text
//! cargo run --release -p hanse-fleet --example throughput -- KUBECONFIG [OBJECTS] [ROUNDS] [PID[,PID]…]
//! ```
//!
//! The processes are the member's (API server, etcd), whose processor time is then told too. On a machine that does
//! other things as well, processor time is the figure to trust.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use hanse_fleet::{
    ApplyOptions, Connector, DeleteOptions, Fleet, FleetOptions, Member, MemberSpec, ReflectorSpec, Target,
    TypeName,
    connector::{Protocol, Tuning},
    kubeconfig,
    limiter::LimiterOptions,
    reflector::{Call, Event},
};
use hanse_types::{id::ClusterId, name::ClusterName};
use serde_json::json;

/// The objects of this program alone.
const SELECTOR: &str = "app=throughput";

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("give the path of a kubeconfig")?;
    let objects: usize = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let processes: Vec<String> = arguments
        .next()
        .unwrap_or_default()
        .split(',')
        .filter(|pid| !pid.is_empty())
        .map(ToOwned::to_owned)
        .collect();
    let text = std::fs::read_to_string(path)?;

    let ways: [(&str, Protocol, usize); 5] = [
        ("h1 pool", Protocol::Http1, 1),
        ("h2 x 1", Protocol::Http2, 1),
        ("h2 x 2", Protocol::Http2, 2),
        ("h2 x 4", Protocol::Http2, 4),
        ("h2 x 8", Protocol::Http2, 8),
    ];
    say(
        "| connections | at once | objects/s | p50 ms | p99 ms | client CPU ms/object | member CPU ms/object |",
    );
    say("|---|---|---|---|---|---|---|");
    for _ in 0..rounds {
        for concurrency in [16, 32, 64] {
            for (name, protocol, connections) in ways {
                // Spread evenly, where there are several.
                let streams = usize::try_from(concurrency)?.div_ceil(connections);
                let tuning = Tuning {
                    requests: protocol,
                    request_connections: connections,
                    streams,
                    ..Tuning::default()
                };
                let figures = applies(&text, tuning, concurrency, objects, &processes).await?;
                say(&format!("| {name} | {concurrency} | {figures}"));
            }
        }
    }
    mirror(&text, objects).await
}

#[expect(clippy::print_stdout, reason = "the output of a program for people")]
fn say(line: &str) {
    println!("{line}");
}

async fn member(text: &str, tuning: Tuning, concurrency: u32) -> Result<(Fleet, Arc<Member>), Failure> {
    let access = kubeconfig::parse(text, None)?.access;
    let limiter = LimiterOptions {
        initial: concurrency,
        min: concurrency,
        max: concurrency,
        ..LimiterOptions::default()
    };
    let fleet = Fleet::new(FleetOptions { limiter, tuning, facts: false, ..FleetOptions::default() });
    let spec = MemberSpec {
        id: ClusterId::new(),
        name: ClusterName::parse("measured")?,
        connector: Connector::direct(access),
        uid: None,
    };
    let member = fleet.add(spec)?;
    Ok((fleet, member))
}

fn manifest(name: &str, round: usize) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": "default",
            "labels": { "kubefed.io/managed": "true", "app": "throughput" },
        },
        "data": { "round": round.to_string(), "text": "x".repeat(700) },
    })
}

async fn applies(
    text: &str,
    tuning: Tuning,
    concurrency: u32,
    objects: usize,
    processes: &[String],
) -> Result<String, Failure> {
    let (fleet, member) = member(text, tuning, concurrency).await?;
    let kind =
        member.discovery().resolve(&TypeName::of_kind("v1", "ConfigMap")).await?.ok_or("no ConfigMaps")?;
    let names: Vec<String> = (0..objects).map(|i| format!("throughput-{i}")).collect();
    let members = || processes.iter().map(|pid| cpu_of(pid)).sum::<Duration>();
    let (started, cpu, member_cpu) = (Instant::now(), cpu(), members());
    let apply = |name: &String| {
        let (member, kind, name) = (Arc::clone(&member), Arc::clone(&kind), name.clone());
        async move {
            let manifest = manifest(&name, 0);
            let target = Target { resource: &kind, namespace: Some("default"), name: &name };
            let sent = Instant::now();
            member.apply(target, &manifest, ApplyOptions::default()).await?;
            Ok::<_, Failure>(sent.elapsed())
        }
    };
    let at_once = usize::try_from(concurrency)?;
    let mut took: Vec<Duration> =
        stream::iter(&names).map(apply).buffer_unordered(at_once).try_collect().await?;
    let (elapsed, cpu, member_cpu) = (started.elapsed(), self::cpu() - cpu, members() - member_cpu);
    took.sort_unstable();
    let percentile =
        |part: usize| took.get(took.len() * part / 100).map_or(0.0, Duration::as_secs_f64) * 1000.0;
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let count = objects as f64;
    let figures = format!(
        "{:.0} | {:.1} | {:.1} | {:.3} | {:.2} |",
        count / elapsed.as_secs_f64(),
        percentile(50),
        percentile(99),
        cpu.as_secs_f64() * 1000.0 / count,
        member_cpu.as_secs_f64() * 1000.0 / count
    );
    delete(&member, &kind, &names).await?;
    fleet.shutdown(Duration::from_secs(5)).await;
    Ok(figures)
}

async fn delete(member: &Member, kind: &hanse_fleet::ResourceType, names: &[String]) -> Result<(), Failure> {
    let delete = |name: &String| {
        let name = name.clone();
        async move {
            let target = Target { resource: kind, namespace: Some("default"), name: &name };
            member.delete(target, &DeleteOptions::default()).await
        }
    };
    stream::iter(names).map(delete).buffer_unordered(32).try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

/// What a mirror costs per event, beside the usual library's watcher over the same events.
async fn mirror(text: &str, objects: usize) -> Result<(), Failure> {
    let names: Vec<String> = (0..objects).map(|i| format!("throughput-{i}")).collect();
    let (_writers, writer) = member(text, Tuning::default(), 32).await?;
    let kind =
        writer.discovery().resolve(&TypeName::of_kind("v1", "ConfigMap")).await?.ok_or("no ConfigMaps")?;
    for name in &names {
        let target = Target { resource: &kind, namespace: Some("default"), name };
        writer.apply(target, &manifest(name, 0), ApplyOptions::default()).await?;
    }
    let runtime = |way: &'static str| {
        let text = text.to_owned();
        let kind = Arc::clone(&kind);
        move |lists: usize| -> Result<(), Failure> {
            let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            threads.block_on(async move {
                let (fleet, member) = member(&text, Tuning::default(), 32).await?;
                let (started, before) = (Instant::now(), cpu());
                for _ in 0..lists {
                    match way {
                        "own" => own(&member, &kind, objects).await?,
                        _ => usual(&member, objects).await?,
                    }
                }
                let (elapsed, cpu) = (started.elapsed(), cpu() - before);
                let events = u32::try_from(objects * lists)?;
                say(&format!(
                    "{way} watcher: {:?} CPU, {:?} wall per object listed",
                    cpu / events,
                    elapsed / events
                ));
                fleet.shutdown(Duration::from_secs(5)).await;
                Ok(())
            })
        }
    };
    for way in ["own", "usual", "own", "usual"] {
        let measure = runtime(way);
        tokio::task::spawn_blocking(move || measure(20)).await??;
    }
    delete(&writer, &kind, &names).await
}

async fn own(
    member: &Arc<Member>,
    kind: &Arc<hanse_fleet::ResourceType>,
    objects: usize,
) -> Result<(), Failure> {
    let (sender, mut done) = tokio::sync::mpsc::channel(1);
    let trim = |object: serde_json::Value| {
        Ok(object.pointer("/metadata/uid").and_then(|uid| uid.as_str()).unwrap_or_default().to_owned())
    };
    let sink = Call(move |event: Event<String>| {
        if let Event::Restarted(list) = event {
            let _ = sender.try_send(list.objects.len());
        }
    });
    let spec =
        ReflectorSpec { label_selector: Some(SELECTOR.to_owned()), ..ReflectorSpec::all(Arc::clone(kind)) };
    let _reflector = member.reflect(spec, trim, sink);
    let listed = done.recv().await.ok_or("the mirror ended")?;
    if listed == objects { Ok(()) } else { Err(format!("{listed} of {objects}").into()) }
}

async fn usual(member: &Member, objects: usize) -> Result<(), Failure> {
    use kube::{
        Api,
        api::{ApiResource, DynamicObject},
        runtime::watcher,
    };
    let resource = ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        plural: "configmaps".to_owned(),
    };
    let api: Api<DynamicObject> = Api::all_with(member.client(), &resource);
    let config = watcher::Config::default().labels(SELECTOR).streaming_lists();
    let listed = AtomicUsize::new(0);
    let mut events = std::pin::pin!(watcher(api, config));
    while let Some(event) = events.try_next().await? {
        match event {
            watcher::Event::InitApply(object) => {
                listed.fetch_add(
                    object.metadata.uid.map_or(0, |uid| usize::from(!uid.is_empty())),
                    Ordering::Relaxed,
                );
            }
            watcher::Event::InitDone => break,
            _ => {}
        }
    }
    let listed = listed.into_inner();
    if listed == objects { Ok(()) } else { Err(format!("{listed} of {objects}").into()) }
}

/// Processor time of this process.
fn cpu() -> Duration {
    cpu_of("self")
}

fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
