//! The command line of Hanse: every command of the binary but `serve`.
//!
//! It talks to a server by the REST API only and knows nothing that the API does not say, so that it can do no more
//! than any other client. `simulate` runs the pure core instead and needs no server at all. Results go to standard
//! output, everything else to standard error; the exit code is 0 when it worked, 1 when it did not, and 2 when the
//! command line or an input file is wrong.

mod client;
mod command;
mod config;
mod difference;
mod documents;
mod error;
mod kinds;
mod live;
mod manifest;
mod object;
mod output;
mod quantity;
mod shell;
mod table;

use std::process::ExitCode;

use clap::Subcommand;
use command::{apply, clusters, kubeconfig, login, objects, plan, simulate, status, tenancy, token};
pub use output::Format;

use crate::{error::Result, shell::Shell};

/// What `--help` says below the commands.
pub const EXIT_CODES: &str =
    "Exit codes: 0 it worked, 1 it did not, 2 the command line or an input file is wrong";

/// Options of every command.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Globals {
    /// URL of the server; goes before that of the context
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "HANSE_SERVER",
        hide_env_values = true,
        help_heading = "Options of every command"
    )]
    pub server: Option<String>,
    /// Personal access token; goes before that of the context
    #[arg(
        long,
        global = true,
        value_name = "TOKEN",
        env = "HANSE_TOKEN",
        hide_env_values = true,
        help_heading = "Options of every command"
    )]
    pub token: Option<String>,
    /// Context that `hanse login` stored; the current one when left out
    #[arg(long, global = true, value_name = "NAME", help_heading = "Options of every command")]
    pub context: Option<String>,
    /// Format of results: table, json or yaml
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        hide_possible_values = true,
        value_name = "FORMAT",
        help_heading = "Options of every command"
    )]
    pub output: Option<Format>,
    /// Project to work in
    #[arg(
        long,
        short,
        global = true,
        value_name = "NAME",
        env = "HANSE_PROJECT",
        hide_env_values = true,
        help_heading = "Options of every command"
    )]
    pub project: Option<String>,
    /// The whole command line of the binary, which `completion` describes.
    #[arg(skip)]
    pub root: Option<fn() -> clap::Command>,
}

/// A command.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Sign in to a server and remember it
    ///
    /// Asks for user name and password, makes a personal access token with them and stores the token, not the
    /// password, in ~/.config/hanse/config.json, readable by you alone. With --token, stores that one.
    Login(login::Login),
    /// Forget a server and revoke the token that login made
    Logout(login::Logout),
    /// Servers that you have signed in to
    #[command(subcommand, visible_alias = "context")]
    Contexts(login::Contexts),
    /// Member clusters
    #[command(subcommand, visible_alias = "cluster")]
    Clusters(clusters::Clusters),
    /// Workspaces
    #[command(subcommand, visible_alias = "workspace")]
    Workspaces(tenancy::Workspaces),
    /// Projects
    #[command(subcommand, visible_alias = "project")]
    Projects(tenancy::Projects),
    /// Make what files describe true: create or update federated objects
    ///
    /// Each document is one of: a FederatedObject of hanse.io/v1alpha1 with metadata.project and spec (template,
    /// placement, overrides, replicas, policy); a plain Kubernetes object, placed by --clusters, --selector or
    /// --all-clusters (one that is federated already keeps its placement); or a Federated<Kind> of KubeFed.
    #[command(after_help = EXIT_CODES)]
    Apply(apply::Apply),
    /// Show what an apply would do in every cluster, and do nothing
    #[command(after_help = EXIT_CODES)]
    Plan(plan::Plan),
    /// List federated objects, or show one
    Get(objects::Get),
    /// Delete federated objects from all their clusters
    Delete(objects::Delete),
    /// Show a federated object cluster by cluster
    #[command(after_help = EXIT_CODES)]
    Status(status::Status),
    /// Compute what would happen from a file, without server or network
    ///
    /// The scenario names clusters with what lives in them, and federated objects of any generation; the answer says
    /// for every object and cluster what would be done and why. JSON unless -o table or --diff asks for text.
    #[command(after_help = EXIT_CODES)]
    Simulate(simulate::Simulate),
    /// Your personal access tokens
    #[command(subcommand, visible_alias = "tokens")]
    Token(token::Token),
    /// Write a kubeconfig for kubectl: the hub and each cluster, through Hanse
    Kubeconfig(kubeconfig::Kubeconfig),
    /// Print the token of `hanse login` as kubectl asks for it
    #[command(hide = true)]
    KubeCredential,
    /// Print a script that completes commands in a shell
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs a command to its end and reports what went wrong.
pub async fn run(command: Command, globals: &Globals) -> ExitCode {
    let mut shell = Shell::of_process(globals);
    match Box::pin(dispatch(&mut shell, &command)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let report = error.report();
            if !report.is_empty() {
                shell.out.note(report);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(shell: &mut Shell, command: &Command) -> Result<()> {
    match command {
        Command::Login(args) => login::login(shell, args).await,
        Command::Logout(args) => login::logout(shell, args).await,
        Command::Contexts(command) => login::contexts(shell, command),
        Command::Clusters(command) => clusters::run(shell, command).await,
        Command::Workspaces(command) => tenancy::workspaces(shell, command).await,
        Command::Projects(command) => tenancy::projects(shell, command).await,
        Command::Apply(args) => apply::run(shell, args).await,
        Command::Plan(args) => plan::run(shell, args).await,
        Command::Get(args) => objects::get(shell, args).await,
        Command::Delete(args) => objects::delete(shell, args).await,
        Command::Status(args) => status::run(shell, args).await,
        Command::Simulate(args) => simulate::run(shell, args),
        Command::Token(command) => token::run(shell, command).await,
        Command::Kubeconfig(args) => kubeconfig::run(shell, args).await,
        Command::KubeCredential => kubeconfig::credential(shell),
        Command::Completion { shell: kind } => completion(shell, *kind),
    }
}

fn completion(shell: &mut Shell, kind: clap_complete::Shell) -> Result<()> {
    let mut root = shell.globals.root.map_or_else(
        || <Globals as clap::Args>::augment_args(Command::augment_subcommands(clap::Command::new("hanse"))),
        |root| root(),
    );
    let mut script = Vec::new();
    clap_complete::generate(kind, &mut root, "hanse", &mut script);
    Ok(shell.out.raw(&script)?)
}

#[cfg(test)]
mod tests;
