//! Part `tunnel`: the tunnel alone, with a plain HTTP origin behind the agent, beside the same origin asked directly
//! over TLS with connections kept, in turn. Hub, agent and origin are processes of their own; whoever asks is in the
//! hub's, as in the server. One file per measurement; [`table`] shows them.

mod agents;
mod bulk;
mod faults;
mod hub;
mod line;
mod origin;
mod role;
mod run;
mod small;
mod storm;
mod stuck;
mod table;
mod watches;

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;

use run::Figures;
pub use run::Scale;

use crate::{report::Section, say};

/// Longest time for all of it.
const DEADLINE: Duration = Duration::from_secs(420);

/// What this program runs as when it has started itself.
#[derive(Subcommand)]
pub enum Process {
    /// Serves what is asked for.
    Origin,
    /// Dials the hub.
    Agents {
        /// What to run
        order: PathBuf,
    },
    /// Asks through the tunnel.
    Hub {
        /// For files of its own, removed by whoever started it
        folder: PathBuf,
        /// How much
        scale: String,
    },
}

impl Process {
    /// Runs until whoever started it ends.
    pub async fn run(self) -> anyhow::Result<()> {
        role::follow_starter();
        match self {
            Self::Origin => origin::run().await,
            Self::Agents { order } => agents::run(&order).await,
            Self::Hub { folder, scale } => run::run(&folder, serde_json::from_str(&scale)?).await,
        }
    }
}

/// Measures all of it in a process of its own, so that its memory is the tunnel's.
pub async fn measure(scale: &Scale) -> anyhow::Result<Vec<Section>> {
    say("the tunnel alone");
    let scale = serde_json::to_string(scale)?;
    let folder = tempfile::Builder::new().prefix("hanse-bench-").tempdir()?;
    let mut hub = role::Role::start(["hub", &folder.path().to_string_lossy(), scale.as_str()])?;
    let figures: Figures = hub.says(DEADLINE).await?;
    Ok(table::sections(&figures))
}
