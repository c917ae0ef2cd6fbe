//! Part `footprint`: what the server takes before anybody asks it for anything. Start, idle memory, idle processor.

use std::{path::Path, time::Duration};

use serde_json::json;

use crate::{
    bed::Bed,
    figures::{median, mib, short},
    report::Section,
    say,
};

/// Lets the members stand idle for a while.
pub async fn measure(bed: &Bed, binary: &Path, idle: Duration) -> anyhow::Result<Section> {
    say("letting idle clusters settle");
    // A health probe or two, so that what comes with the import is over.
    tokio::time::sleep(idle / 2).await;
    let cpu = bed.process.cpu_seconds()?;
    tokio::time::sleep(idle).await;
    let share = (bed.process.cpu_seconds()? - cpu) / idle.as_secs_f64();
    let idle_rss = bed.process.rss()?;
    let binary_bytes = std::fs::metadata(binary)?.len();
    let page = median(bed.starts.iter().map(|start| start.first_page_seconds));
    let health = median(bed.starts.iter().map(|start| start.health_seconds));
    let members = bed.members.len();
    let row = |what: &str, figure: String| vec![what.to_owned(), figure];
    Ok(Section {
        key: "footprint",
        title: "The server at rest".to_owned(),
        note: "Embedded database, console inside, allocator and settings as shipped.".to_owned(),
        columns: vec!["", ""],
        rows: vec![
            row("start → first page, empty database", format!("{} ms", short(page * 1000.0))),
            row("start → `/healthz`", format!("{} ms", short(health * 1000.0))),
            row(&format!("resident, {members} idle clusters"), format!("{} MiB", short(mib(idle_rss)))),
            row(
                &format!("processor, {members} idle clusters"),
                format!("{} % of a core", short(share * 100.0)),
            ),
            row("the binary", format!("{} MiB", short(mib(binary_bytes)))),
        ],
        verdicts: Vec::new(),
        json: json!({
            "starts": bed.starts,
            "idleRssBytes": idle_rss,
            "idleCpuShare": share,
            "binaryBytes": binary_bytes,
        }),
    })
}
