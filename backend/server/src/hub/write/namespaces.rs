//! Namespaces are projects: their clusters, labels and annotations at both roots.

use hanse_federation::{Resource, object::Placement, v1, v2};
use hanse_store::{hub, projects};
use hanse_types::{ProjectName, WorkspaceName, tenancy::ProjectCreate};
use serde_json::{Value, json};

use super::{Done, Writer, name_of, reading::complete, trimmed};
use crate::{
    error::Error,
    hub::{fault::Fault, render, route::Root},
    tenancy::{namespace, project},
};

impl Writer<'_> {
    pub(super) async fn create_namespace(&self, object: &Value) -> Done {
        let name = name_of(object).to_owned();
        let workspace = self.workspace(object).await?;
        let parsed = ProjectName::parse(name.clone())
            .map_err(|error| self.invalid(&name, [("metadata.name".to_owned(), error.to_string())]))?;
        // At a KubeFed host a namespace is federated by a FederatedNamespace; at a Federation v1 server by being there.
        let placement = match self.kind.root {
            Root::KubeFed => Placement::named::<String>([]),
            Root::Kube => self.followed(object)?,
        };
        let travelling = self.kind.root == Root::Kube;
        if travelling {
            // Said before anything is made.
            let none = namespace::Map::new();
            for field in ["labels", "annotations"] {
                let new = namespace::travelling(object, field);
                namespace::guard(self.platform, self.op, field, &none, &new)?;
            }
        }
        let request = ProjectCreate { name: parsed, display_name: None, description: None, clusters: None };
        let row = project::create_following(self.platform, self.op, workspace.as_str(), request, &placement)
            .await?;
        if self.op.request.dry_run {
            return Ok(());
        }
        if travelling {
            return self.describe_namespace(&name, object).await;
        }
        self.keep_namespace_view(&row, object).await
    }

    /// The clusters that a namespace at a Federation v1 server is in: all that are granted, or those that it selects.
    pub(super) fn followed(&self, object: &Value) -> Result<Placement, Fault> {
        let target = Resource {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            plural: "namespaces".to_owned(),
            namespaced: false,
        };
        let name = name_of(object).to_owned();
        let parsed = v1::parse(object, "", &target)
            .map_err(|fault| self.invalid(&name, [(trimmed(&fault.path), fault.message)]))?;
        self.refuse(&name, &parsed)?;
        Ok(parsed.object.spec.placement)
    }

    /// The workspace that a new namespace belongs to: the one it names, or the only one that the caller may make
    /// projects in, or the one called `default`.
    pub(super) async fn workspace(&self, object: &Value) -> Result<WorkspaceName, Fault> {
        let named = ["annotations", "labels"].into_iter().find_map(|part| {
            object.get("metadata")?.get(part)?.get("hanse.io/workspace")?.as_str().map(str::to_owned)
        });
        let name = match named {
            Some(name) => name,
            None => crate::tenancy::workspace::home_of_new_projects(self.platform, self.op).await?,
        };
        WorkspaceName::parse(name).map_err(|error| {
            self.invalid(
                name_of(object),
                [("metadata.annotations[hanse.io/workspace]".to_owned(), error.to_string())],
            )
        })
    }

    /// At a Federation v1 server a namespace's labels and annotations travel.
    pub(super) async fn describe_namespace(&self, name: &str, object: &Value) -> Done {
        let body = json!({"metadata": render::own_metadata(object, true)});
        let (labels, annotations) =
            (namespace::travelling(object, "labels"), namespace::travelling(object, "annotations"));
        let view = (self.kind.root.as_str(), &body);
        namespace::describe(self.platform, self.op, name, &labels, &annotations, view).await?;
        Ok(())
    }

    pub(super) async fn keep_namespace_view(&self, row: &projects::Model, object: &Value) -> Done {
        let body = json!({"metadata": render::own_metadata(object, true)});
        let mut tx = self.platform.store.begin(&self.op.write()).await?;
        hub::put_view(&tx, row.id, self.kind.root.as_str(), 0, &body, false).await?;
        hub::touch_project(&mut tx, row);
        // With the last finalizer goes what waits for nothing else.
        projects::remove_if_empty(&mut tx, row).await?;
        self.platform.commit(tx).await?;
        Ok(())
    }

    pub(super) async fn update_namespace(&self, live: &Value, row: &projects::Model, object: &Value) -> Done {
        let located = self
            .platform
            .store
            .project(&row.name)
            .await?
            .ok_or_else(|| Error::not_found("namespaces", &row.name))?;
        hanse_authz::authorize(&self.platform.decisions, &self.op.actor, "project.settings.manage", located)
            .map_err(crate::error::denied("namespaces", &row.name))?;
        if self.kind.root == Root::Kube {
            let (before, after) = (self.followed(live)?, self.followed(object)?);
            if before != after {
                let root = Root::KubeFed.as_str();
                let view = project::NamespaceView { root, body: None, forget: false, content: None };
                project::place_namespace(self.platform, self.op, &row.name, &after, view).await?;
            }
            return self.describe_namespace(&row.name, object).await;
        }
        self.keep_namespace_view(row, object).await
    }

    /// Federates the namespace that a FederatedNamespace is in: its clusters become the project's, and its labels,
    /// annotations and overrides those of the project's namespace there.
    pub(super) async fn federate_namespace(&self, target: &Resource, object: &Value) -> Done {
        let name = name_of(object).to_owned();
        let resolve = |kind: &str, _: Option<&str>| (kind == target.kind).then(|| target.clone());
        let parsed = v2::parse(object, "", &resolve)
            .map_err(|fault| self.invalid(&name, [(trimmed(&fault.path), fault.message)]))?;
        self.refuse(&name, &parsed)?;
        let mut record = parsed.object;
        complete(&mut record.spec.template, target, &name);
        let named = |name: &String| hanse_federation::ClusterView::named(name.clone());
        let clusters: Vec<_> = record
            .spec
            .overrides
            .iter()
            .filter_map(|entry| entry.clusters.as_ref())
            .flatten()
            .map(named)
            .collect();
        let faults = hanse_federation::validate::validate(&record, &clusters);
        if !faults.is_empty() {
            let faults = faults.into_iter().map(|fault| (v2::field_path(&fault.path), fault.message));
            return Err(self.invalid(&name, faults));
        }
        let body = json!({
            "metadata": render::own_metadata(object, true),
            "spec": object.get("spec").cloned().unwrap_or_else(|| json!({})),
        });
        let content = project::NamespaceContent {
            described: object.pointer("/spec/template/metadata").is_some(),
            template: record.spec.template,
            overrides: record.spec.overrides,
        };
        self.place_project(self.namespace, &record.spec.placement, Some(&body), content).await
    }

    pub(super) async fn place_project(
        &self,
        name: &str,
        placement: &Placement,
        body: Option<&Value>,
        content: project::NamespaceContent,
    ) -> Done {
        let view = project::NamespaceView {
            root: Root::KubeFed.as_str(),
            body,
            forget: body.is_none(),
            content: Some(content),
        };
        project::place_namespace(self.platform, self.op, name, placement, view)
            .await
            .map_err(|error| self.in_words(error, v2::field_path))?;
        Ok(())
    }
}
