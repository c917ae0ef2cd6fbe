//! Workspaces and their projects.

use clap::{Args, Subcommand};
use hanse_types::{
    ClusterName, ProjectName, WorkspaceName,
    tenancy::{Project, ProjectCreate, Workspace, WorkspaceCreate},
};
use serde_json::{Value, json};

use crate::{
    client::{Api, read},
    error::Result,
    output::{Format, Style},
    quantity::age,
    shell::Shell,
    table::{Cell, Table, or_dash},
};

/// Commands of `hanse workspaces`.
#[derive(Clone, Debug, Subcommand)]
pub enum Workspaces {
    /// List the workspaces that you may know
    List,
    /// Make a workspace
    Create(WorkspaceArgs),
    /// Show one workspace
    Get {
        /// Its name
        name: String,
    },
    /// Remove an empty workspace
    Delete(Removal),
}

/// Commands of `hanse projects`.
#[derive(Clone, Debug, Subcommand)]
pub enum Projects {
    /// List the projects that you may know
    List {
        /// Only those of this workspace
        #[arg(long, short, value_name = "NAME")]
        workspace: Option<String>,
    },
    /// Make a project: a namespace of its name in each of its clusters
    Create(ProjectArgs),
    /// Show one project
    Get {
        /// Its name
        name: String,
    },
    /// Remove a project, with everything in it, from all its clusters
    Delete(Removal),
}

/// Options that a new workspace and a new project share.
#[derive(Clone, Debug, Args)]
pub struct About {
    /// Name shown to people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// Options of `hanse workspaces create`.
#[derive(Clone, Debug, Args)]
pub struct WorkspaceArgs {
    /// Its name, unique on the platform
    name: WorkspaceName,
    #[command(flatten)]
    about: About,
    /// Clusters granted to it
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    clusters: Vec<ClusterName>,
}

/// Options of `hanse projects create`.
#[derive(Clone, Debug, Args)]
pub struct ProjectArgs {
    /// Its name, unique on the platform
    name: ProjectName,
    /// Workspace it belongs to
    #[arg(long, short, value_name = "NAME")]
    workspace: String,
    #[command(flatten)]
    about: About,
    /// Clusters among those of the workspace; all of them when left out
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    clusters: Option<Vec<ClusterName>>,
}

/// Options of a removal.
#[derive(Clone, Debug, Args)]
pub struct Removal {
    /// Its name
    name: String,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// Runs a command on workspaces.
pub(crate) async fn workspaces(shell: &mut Shell, command: &Workspaces) -> Result<()> {
    let api = shell.api()?;
    match command {
        Workspaces::List => {
            let items = api.list(&["workspaces"], &[]).await?;
            show(
                shell,
                items,
                None,
                workspace_table,
                "no workspaces: make one with `hanse workspaces create NAME`",
            )
        }
        Workspaces::Create(args) => {
            let request = WorkspaceCreate {
                name: args.name.clone(),
                display_name: args.about.display_name.clone(),
                description: args.about.description.clone(),
                clusters: args.clusters.clone(),
                project: None,
            };
            let answer = api.post(&["workspaces"], &request).await?;
            made(shell, &answer.body, &format!("workspace {} created", args.name))
        }
        Workspaces::Get { name } => {
            let item = api.get(&["workspaces", name]).await?.body;
            show(shell, vec![item.clone()], Some(item), workspace_table, "")
        }
        Workspaces::Delete(args) => {
            api.get(&["workspaces", &args.name]).await?;
            shell.confirm(args.yes, &format!("Remove workspace {}?", args.name))?;
            api.delete(&["workspaces", &args.name]).await?;
            Ok(shell.out.line(format_args!("workspace {} removed", args.name))?)
        }
    }
}

/// Runs a command on projects.
pub(crate) async fn projects(shell: &mut Shell, command: &Projects) -> Result<()> {
    let api = shell.api()?;
    match command {
        Projects::List { workspace } => {
            let items = match workspace {
                Some(workspace) => api.list(&["workspaces", workspace, "projects"], &[]).await?,
                None => all_projects(&api).await?,
            };
            show(
                shell,
                items,
                None,
                project_table,
                "no projects: make one with `hanse projects create NAME -w WORKSPACE`",
            )
        }
        Projects::Create(args) => {
            let request = ProjectCreate {
                name: args.name.clone(),
                display_name: args.about.display_name.clone(),
                description: args.about.description.clone(),
                clusters: args.clusters.clone(),
            };
            let answer = api.post(&["workspaces", &args.workspace, "projects"], &request).await?;
            made(shell, &answer.body, &format!("project {} created", args.name))
        }
        Projects::Get { name } => {
            let item = api.get(&["projects", name]).await?.body;
            show(shell, vec![item.clone()], Some(item), project_table, "")
        }
        Projects::Delete(args) => {
            let project: Project = api.get(&["projects", &args.name]).await?.read()?;
            let clusters = match project.clusters.len() {
                0 => "no cluster".to_owned(),
                _ => join(&project.clusters),
            };
            shell.out.note(format_args!(
                "project {} has {} federated objects in {clusters}; all of them and its namespace go",
                project.name, project.federated_objects
            ));
            shell.confirm(args.yes, &format!("Remove project {}?", project.name))?;
            api.delete(&["projects", &args.name]).await?;
            Ok(shell.out.line(format_args!("project {} is being removed", project.name))?)
        }
    }
}

/// Projects of every workspace, one list after the other.
async fn all_projects(api: &Api) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    for workspace in api.list(&["workspaces"], &[]).await? {
        let workspace: Workspace = read(workspace)?;
        items.append(&mut api.list(&["workspaces", workspace.name.as_str(), "projects"], &[]).await?);
    }
    Ok(items)
}

/// A list, or with `single` one item that JSON and YAML show as it is.
fn show(
    shell: &mut Shell,
    items: Vec<Value>,
    single: Option<Value>,
    table: fn(&Shell, Vec<Value>) -> Result<Table>,
    when_empty: &str,
) -> Result<()> {
    match shell.out.format() {
        Format::Table => {
            let table = table(shell, items)?;
            Ok(shell.out.table(&table, when_empty)?)
        }
        format => Ok(shell.out.value(&single.unwrap_or_else(|| json!({"items": items})), format)?),
    }
}

fn made(shell: &mut Shell, body: &Value, sentence: &str) -> Result<()> {
    match shell.out.format() {
        Format::Table => Ok(shell.out.line(sentence)?),
        format => Ok(shell.out.value(body, format)?),
    }
}

fn workspace_table(shell: &Shell, items: Vec<Value>) -> Result<Table> {
    let now = (shell.now)();
    let mut table = Table::new(&["NAME", "SHOWN AS", "PROJECTS", "MEMBERS", "AGE", "CLUSTERS"]);
    for item in items {
        let workspace: Workspace = read(item)?;
        table.row(vec![
            workspace.name.as_str().into(),
            or_dash(workspace.display_name),
            workspace.projects.to_string().into(),
            workspace.members.to_string().into(),
            age(now - workspace.created_at).into(),
            join(&workspace.clusters).into(),
        ]);
    }
    Ok(table)
}

fn project_table(shell: &Shell, items: Vec<Value>) -> Result<Table> {
    let now = (shell.now)();
    let mut table = Table::new(&["NAME", "WORKSPACE", "SHOWN AS", "OBJECTS", "STATE", "AGE", "CLUSTERS"]);
    for item in items {
        let project: Project = read(item)?;
        let state = match project.deleted_at {
            Some(_) => Cell::new("Removing", Style::Warn),
            None => "Active".into(),
        };
        table.row(vec![
            project.name.as_str().into(),
            project.workspace.as_str().into(),
            or_dash(project.display_name),
            project.federated_objects.to_string().into(),
            state,
            age(now - project.created_at).into(),
            join(&project.clusters).into(),
        ]);
    }
    Ok(table)
}

fn join(clusters: &[ClusterName]) -> String {
    clusters.iter().map(ClusterName::as_str).collect::<Vec<_>>().join(", ")
}
