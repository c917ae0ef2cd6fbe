//! A federated object as the API answers it: what the command line needs to read of it. JSON and YAML show the
//! answer itself, with everything a newer server may have added.

use chrono::{DateTime, Utc};
use hanse_types::federated::{FederatedStatus, Phase};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::{Answer, Api},
    error::Result,
    kinds::group_of,
    output::Style,
};

/// The part of a federated object that people see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Object {
    #[serde(rename = "type")]
    pub(crate) type_: String,
    pub(crate) name: String,
    /// None for one of a cluster-scoped kind.
    #[serde(default)]
    pub(crate) project: Option<String>,
    pub(crate) generation: i64,
    pub(crate) spec: Value,
    pub(crate) status: FederatedStatus,
    pub(crate) created_at: DateTime<Utc>,
    #[serde(default)]
    pub(crate) deleted_at: Option<DateTime<Utc>>,
}

impl Object {
    /// `deployments.apps/web`.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}", self.type_, self.name)
    }

    /// Whether every placed cluster has the latest generation and is well.
    pub(crate) fn is_ready(&self) -> bool {
        self.status.phase == Phase::Ready && self.status.observed_generation >= self.generation
    }
}

/// Ready and wanted replicas; a dash for kinds without.
pub(crate) fn replicas(ready: Option<i64>, wanted: Option<i64>) -> String {
    match (ready, wanted) {
        (None, None) => "-".to_owned(),
        (ready, wanted) => format!("{}/{}", ready.unwrap_or(0), wanted.unwrap_or(0)),
    }
}

/// Colour of a phase.
pub(crate) const fn phase_style(phase: Phase) -> Style {
    match phase {
        Phase::Ready => Style::Good,
        Phase::Progressing | Phase::Paused => Style::Plain,
        Phase::Degraded | Phase::Unknown => Style::Warn,
        Phase::Failed => Style::Bad,
    }
}

/// Path below a project, or with none below the platform.
pub(crate) fn below<'a>(project: Option<&'a str>, rest: &[&'a str]) -> Vec<&'a str> {
    let home = project.map_or_else(Vec::new, |project| vec!["projects", project]);
    [home.as_slice(), rest].concat()
}

/// Path of a federated object.
pub(crate) fn path<'a>(project: Option<&'a str>, type_: &'a str, name: &'a str) -> Vec<&'a str> {
    below(project, &["federated-objects", type_, name])
}

/// Finds the federated object of a kind and name when the server's list of types does not know the kind.
pub(crate) async fn find(
    api: &Api,
    project: Option<&str>,
    api_version: &str,
    kind: &str,
    name: &str,
) -> Result<Option<Answer>> {
    let found = api.list(&below(project, &["federated-objects"]), &[("search", name)]).await?;
    let text =
        |item: &Value, field: &str| item.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let fits = |item: &&Value| {
        text(item, "name") == name
            && text(item, "kind") == kind
            && group_of(&text(item, "apiVersion")) == group_of(api_version)
    };
    match found.iter().find(fits) {
        Some(item) => api.get(&path(project, &text(item, "type"), name)).await.map(Some),
        None => Ok(None),
    }
}
