//! `hanse`: the server and the command line in one binary.

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};
use hanse_server::{
    config::{Config, Flags},
    serve::Server,
};
use tracing_subscriber::EnvFilter;

/// Gives memory back while nothing happens, and takes less time under load than the system's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// One platform that governs many Kubernetes clusters for many tenants.
#[derive(Parser)]
#[command(name = "hanse", version, propagate_version = true, after_help = hanse_cli::EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    globals: hanse_cli::Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: console, API and everything behind it
    Serve(Serve),
    /// Print the OpenAPI document of the REST API
    #[command(hide = true)]
    Openapi,
    #[command(flatten)]
    Client(hanse_cli::Command),
}

#[derive(clap::Args)]
struct Serve {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "HANSE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no threads are to be had: {error}")),
    };
    match cli.command {
        Command::Serve(serve) => runtime.block_on(self::serve(serve)),
        Command::Openapi => openapi(),
        Command::Client(command) => {
            let globals = hanse_cli::Globals { root: Some(Cli::command), ..cli.globals };
            runtime.block_on(async move { hanse_cli::run(command, &globals).await })
        }
    }
}

#[allow(clippy::print_stderr, reason = "this is the terminal")]
fn fail(message: &str) -> ExitCode {
    eprintln!("hanse: {message}");
    ExitCode::FAILURE
}

#[allow(clippy::print_stdout, reason = "this is the terminal")]
fn openapi() -> ExitCode {
    match hanse_server::api::document().to_pretty_json() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&error.to_string()),
    }
}

async fn serve(serve: Serve) -> ExitCode {
    let config = match Config::load(serve.config.as_deref(), &serve.flags) {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new(&config.log.filter));
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => return fail(&format!("log.filter: {error}")),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if config.log.json {
        log.json().init();
    } else {
        log.init();
    }
    let server = match Server::start(config).await {
        Ok(server) => server,
        Err(error) => return fail(&format!("{error:#}")),
    };
    announce(&server);
    match server.run(told_to_stop()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

#[allow(clippy::print_stdout, reason = "this is the terminal")]
fn announce(server: &Server) {
    println!("Hanse listens on http://{}", server.address);
    if let Some(url) = &server.setup_url {
        println!("Set it up by opening this link once: {url}");
    }
}

async fn told_to_stop() {
    let interrupted = tokio::signal::ctrl_c();
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::warn!("SIGTERM is not heard: {error}");
            drop(interrupted.await);
            return;
        }
    };
    tokio::select! {
        _ = interrupted => {}
        _ = terminate.recv() => {}
    }
}
