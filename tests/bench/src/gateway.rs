//! Part `gateway`: the whole way of a small read: client → gateway (TLS, authentication, decision, impersonation) → the
//! member's API server, dialled or behind its agent, beside the same client asking the API server itself.

use std::time::{Duration, Instant};

use anyhow::Context;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    batches::Way,
    bed::Bed,
    figures::{Latency, Ratio, Verdict, float, median, short},
    plain,
    report::Section,
    sample::{Kind, PLAIN},
    say,
};

const IN_FLIGHT: [usize; 2] = [1, 64];
const SMALL: &str = "small";

/// One round at one number of requests in flight.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    way: Way,
    in_flight: usize,
    direct: Reads,
    gateway: Reads,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reads {
    per_second: f64,
    latency: Latency,
}

/// Both in turn, for so long each.
pub async fn measure(bed: &Bed, rounds: usize, lasting: Duration) -> anyhow::Result<Vec<Round>> {
    say(&format!("small reads through the gateway, members {}", bed.way.heading()));
    let member = bed.members.first().context("no members")?;
    let path = Kind::ConfigMap.path(PLAIN, SMALL);
    let mut object = Kind::ConfigMap.object(SMALL);
    if let Some(fields) = object.as_object_mut() {
        fields.insert("data".to_owned(), json!({"text": "x".repeat(700)}));
    }
    plain::send(member, plain::apply(&path, &object)?).await?;
    let url = bed.server.url().replacen("http:", "https:", 1);
    let mut config = kube::Config::new(format!("{url}/clusters/{}", member.name).parse()?);
    let authority = CertificateDer::from_pem_slice(bed.api.authority().await?.as_bytes())?;
    config.root_cert = Some(vec![authority.to_vec()]);
    config.auth_info.token = Some(bed.api.token().to_owned().into());
    // As the direct client: what fails is not tried again in silence.
    config.default_retry = false;
    let gateway = kube::Client::try_from(config)?;
    let direct = member.client.clone();
    let mut all = Vec::new();
    for round in 0..=rounds {
        for in_flight in IN_FLIGHT {
            // The first is for warming up.
            let lasting = if round == 0 { lasting / 4 } else { lasting };
            let asked = |client: &kube::Client| reads(client.clone(), path.clone(), in_flight, lasting);
            let found = if round % 2 == 0 {
                let direct = asked(&direct).await?;
                Round { way: bed.way, in_flight, direct, gateway: asked(&gateway).await? }
            } else {
                let gateway = asked(&gateway).await?;
                Round { way: bed.way, in_flight, direct: asked(&direct).await?, gateway }
            };
            if round > 0 {
                all.push(found);
            }
        }
    }
    Ok(all)
}

async fn reads(
    client: kube::Client,
    path: String,
    in_flight: usize,
    lasting: Duration,
) -> anyhow::Result<Reads> {
    let (began, mut readers) = (Instant::now(), JoinSet::new());
    for _ in 0..in_flight {
        let (client, path) = (client.clone(), path.clone());
        readers.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < lasting {
                let sent = Instant::now();
                let text = client.request_text(http::Request::get(&path).body(Vec::new())?).await?;
                anyhow::ensure!(text.contains("ConfigMap"), "another answer than wanted: {text}");
                took.push(sent.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(reader) = readers.join_next().await {
        took.extend(reader??);
    }
    let seconds = began.elapsed().as_secs_f64();
    Ok(Reads { per_second: float(took.len()) / seconds, latency: Latency::of(took) })
}

/// The table.
pub fn section(rounds: &[Round]) -> Option<Section> {
    let mut section = Section {
        key: "gateway",
        title: "Small reads through the gateway".to_owned(),
        note: "One client, GET of a ConfigMap of about 1 KiB, TLS and connections kept; through the gateway with \
               authentication, decision and impersonation, and straight to the API server."
            .to_owned(),
        columns: vec![
            "",
            "ratio of rates",
            "gateway, requests/s",
            "direct, requests/s",
            "gateway, p50 / p99 ms",
            "direct, p50 / p99 ms",
        ],
        json: json!(rounds),
        ..Section::default()
    };
    for way in [Way::Direct, Way::Tunnel] {
        for in_flight in IN_FLIGHT {
            let of: Vec<&Round> =
                rounds.iter().filter(|round| round.way == way && round.in_flight == in_flight).collect();
            let ratio = Ratio::of(of.iter().map(|round| (round.gateway.per_second, round.direct.per_second)));
            let Some(ratio) = ratio else { continue };
            let rate = |pick: fn(&Round) -> Reads| median(of.iter().map(|round| pick(round).per_second));
            let latency = |pick: fn(&Round) -> Reads| {
                Latency::over(&of.iter().map(|round| pick(round).latency).collect::<Vec<_>>())
            };
            let heading = format!("{in_flight} in flight, members {}", way.heading());
            section.rows.push(vec![
                heading.clone(),
                format!("**{:.2}**", ratio.median),
                short(rate(|round| round.gateway)),
                short(rate(|round| round.direct)),
                latency(|round| round.gateway).to_string(),
                latency(|round| round.direct).to_string(),
            ]);
            if way == Way::Tunnel && in_flight == 64 {
                let times =
                    Ratio::of(of.iter().map(|round| (round.gateway.latency.p99, round.direct.latency.p99)));
                section.verdicts.extend(times.map(|times| {
                    Verdict::at_most(format!("gateway, {heading}: p99 beside direct"), times.median, "×", 2.0)
                }));
            }
        }
    }
    (!section.rows.is_empty()).then_some(section)
}
