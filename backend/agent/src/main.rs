//! The command `hanse-agent`.

use clap::{Parser, Subcommand};
use hanse_agent::{join, run};

#[derive(Parser)]
#[command(
    name = "hanse-agent",
    version,
    about = "Brings this Kubernetes cluster to a Hanse that cannot dial it"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Exchange a join token for a certificate, then run. Where that was done before, just run
    Join(join::Join),
    /// Run after a join
    Run(run::Run),
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let ended = match Arguments::parse().command {
        Command::Join(join) => join.run().await,
        Command::Run(run) => run.run().await,
    };
    match ended {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
