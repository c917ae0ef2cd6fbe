//! From an object as a client wants it to the record that is meant, in one transaction.

mod ending;

use std::collections::BTreeMap;

use hanse_federation::{
    FederatedSpec, Resource,
    adapter::Parsed,
    object::{Placement, Policy, ReplicaMode, Replicas},
    prune, v1, v2,
    v2::SchedulingPreference,
};
use hanse_fleet::MemberError;
use hanse_machinery::{
    Status, json, meta,
    status::{Cause, FieldError, MODIFIED},
};
use hanse_store::{
    AuditEvent, StoreError, Tx,
    federated::{self, Home},
    hub,
    owners::Kept,
    projects, types,
};
use hanse_types::{ProjectName, WorkspaceName, tenancy::ProjectCreate};
use serde_json::{Value, json};
use uuid::Uuid;

use ending::is_going;

use super::{
    access::{self, Need},
    collector,
    fault::Fault,
    join,
    kinds::{Backing, Kind, SYSTEM},
    kubefed,
    render::{self, LAST_APPLIED},
    route::Root,
    shelf::{Item, Source},
    verbs,
};
use crate::{
    Platform,
    context::OpContext,
    error::Error,
    federation::{
        accept::{self, Addition, Place, Written},
        decide,
        model::FederatedWrite,
        rehearsal,
    },
    tenancy::{namespace, project},
};

/// Attempts of a write that follows from another one when others are quicker.
const ATTEMPTS: usize = 16;

type Done = Result<(), Fault>;
/// What was written, where that is known without looking; otherwise whoever wants to know looks.
type Wrote = Result<Option<Item>, Fault>;

/// A write on its way to a record.
pub struct Writer<'a> {
    /// The platform.
    pub platform: &'a Platform,
    /// Who, and how.
    pub op: &'a OpContext,
    /// Of which kind.
    pub kind: &'a Kind,
    /// In which namespace; empty for cluster-scoped kinds.
    pub namespace: &'a str,
}

fn name_of(object: &Value) -> &str {
    object.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default()
}

impl Writer<'_> {
    fn event(&self, verb: &'static str, name: &str) -> AuditEvent {
        AuditEvent {
            verb,
            kind: "hub-object",
            name: format!("{}/{}/{name}", self.kind.root.as_str(), self.kind.type_name()),
            project: (!self.namespace.is_empty() && self.namespace != SYSTEM)
                .then(|| self.namespace.to_owned()),
            ..AuditEvent::default()
        }
    }

    fn invalid(&self, name: &str, faults: impl IntoIterator<Item = (String, String)>) -> Fault {
        let faults: Vec<FieldError> = faults
            .into_iter()
            .map(|(field, message)| FieldError::invalid(field, Value::Null, message))
            .collect();
        Status::invalid(self.kind.descriptor.kind_in(), name, &faults).into()
    }

    /// Makes an object. Its name is final.
    pub async fn create(&self, object: Value) -> Wrote {
        let name = name_of(&object).to_owned();
        match &self.kind.backing {
            Backing::Federated(target) => {
                let (spec, addition) = self.read_v2(target, &object, None).await?;
                return self.accept(spec, addition, v2::field_path).await;
            }
            Backing::Plain(target) => match self.read_v1(target, &object, None)? {
                Settings::Hub => self.create_local(object).await,
                Settings::Record(spec, addition) => {
                    return self.accept(*spec, addition, v1::field_path).await;
                }
            },
            Backing::Local => self.create_local(object).await,
            Backing::Namespace => self.create_namespace(&object).await,
            Backing::FederatedNamespace(target) => {
                if name != self.namespace {
                    let fault = ("metadata.name".to_owned(), "must be the name of its namespace".to_owned());
                    return Err(self.invalid(&name, [fault]));
                }
                self.federate_namespace(target, &object).await
            }
            Backing::Cluster if self.namespace != SYSTEM => self.create_local(object).await,
            Backing::Cluster => join::join(self, &object).await,
        }?;
        Ok(None)
    }

    /// Where the records of this namespace belong.
    fn place(&self) -> Place<'_> {
        if self.namespace.is_empty() { Place::Platform } else { Place::Project(self.namespace) }
    }

    async fn accept(&self, spec: FederatedSpec, addition: Addition, path: fn(&str) -> String) -> Wrote {
        let write = FederatedWrite { spec };
        let made =
            accept::create_row(self.platform, self.op, self.place(), write, Some(addition.clone())).await;
        self.wrote(made.map_err(|error| self.in_words(error, path))?, addition, None).await
    }

    /// What a record shows after a write: what was written, what other roots say of it, and its status as it was seen
    /// last.
    async fn wrote(&self, made: Written, addition: Addition, before: Option<&hub::Federated>) -> Wrote {
        if self.op.request.dry_run {
            self.rehearse(&made.home, made.row).await?;
            return Ok(None);
        }
        if !Kept::of(&addition.body).owners.is_empty() {
            self.platform.collector.mark(made.row.id);
        }
        let Some(revision) = made.revision else { return Ok(None) };
        let view =
            hub::View { generation: addition.generation.unwrap_or(made.row.generation), body: addition.body };
        let mut views = before.map(|before| before.views.clone()).unwrap_or_default();
        views.insert(addition.root.to_owned(), view);
        let federated::Whole { row, spec } = self.platform.store.whole(made.row)?;
        let row = hub::Federated {
            row,
            spec,
            project: made.home.project().cloned(),
            copies: false,
            status: before.and_then(|before| before.status.clone()),
            views,
        };
        Ok(render::again(self.kind, row).map(|item| render::at(item, revision)))
    }

    /// Changes an object to what it is to be.
    pub async fn update(&self, live: &Item, object: Value, subresource: &str) -> Wrote {
        let name = live.key.1.clone();
        if let Source::Local(local) = &live.source {
            self.update_local(local, &object).await?;
            return Ok(None);
        }
        // Status of records is derived: what a client says about it does not count.
        if subresource == "status" {
            return Ok(None);
        }
        if let (true, Source::Federated(row)) = (is_going(&live.object), &live.source) {
            self.release(live, row, &object).await?;
            return Ok(None);
        }
        match (&self.kind.backing, &live.source) {
            (Backing::Federated(target), Source::Federated(row)) => {
                let (spec, addition) = self.read_v2(target, &object, Some((live, row))).await?;
                return self.replace(&target.type_name(), &name, spec, addition, row, v2::field_path).await;
            }
            (Backing::FederatedNamespace(target), Source::Federated(_)) => {
                self.federate_namespace(target, &object).await
            }
            (Backing::Plain(target), Source::Federated(row)) => {
                match self.read_v1(target, &object, Some(row))? {
                    Settings::Hub => {
                        let fault = (
                            "metadata.annotations[hanse.io/placement]".to_owned(),
                            "what is federated cannot be kept at the hub only: delete it and create it anew"
                                .to_owned(),
                        );
                        Err(self.invalid(&name, [fault]))
                    }
                    Settings::Record(spec, addition) => {
                        let type_ = target.type_name();
                        return self.replace(&type_, &name, *spec, addition, row, v1::field_path).await;
                    }
                }
            }
            (Backing::Namespace, Source::Project(row)) => {
                self.update_namespace(&live.object, &row.project, &object).await
            }
            (Backing::Cluster, Source::Cluster(cluster, version)) => {
                self.update_cluster(live, cluster, *version, &object).await
            }
            _ => Err(Status::method_not_allowed().into()),
        }?;
        Ok(None)
    }

    async fn replace(
        &self,
        type_: &str,
        name: &str,
        spec: FederatedSpec,
        addition: Addition,
        row: &hub::Federated,
        path: fn(&str) -> String,
    ) -> Wrote {
        // What says nothing new is no change: somebody else who decides the same again and again is not told of it.
        let said = row.views.get(addition.root).filter(|view| view.generation == row.row.generation);
        let same = said.is_some_and(|view| view.body == addition.body);
        if same && serde_json::to_value(&spec).is_ok_and(|spec| spec == row.spec) {
            return Ok(None);
        }
        let mut op = self.op.clone();
        op.request.if_match = Some(row.row.version);
        let write = FederatedWrite { spec };
        let addition = Addition { only: Some(row.row.id), ..addition };
        let (place, kept) = (self.place(), Some(addition.clone()));
        let made = accept::replace_row(self.platform, &op, place, type_, name, write, kept).await;
        self.wrote(made.map_err(|error| self.in_words(error, path))?, addition, Some(row)).await
    }

    /// A dry run: the first ready cluster says what it would say, in its own words.
    async fn rehearse(&self, home: &Home, row: federated::Model) -> Done {
        let name = row.name.clone();
        let Some(objection) = rehearsal::rehearse(self.platform, self.op, home, row).await? else {
            return Ok(());
        };
        let below = if self.kind.backing_is_plain() { "" } else { "spec.template." };
        let message = format!("cluster {}: {}", objection.cluster, objection.error);
        Err(match objection.error {
            MemberError::Invalid { causes, .. } => {
                let mut status = Status::invalid(self.kind.descriptor.kind_in(), &name, &[]);
                status.message = message;
                if let Some(details) = &mut status.details {
                    details.causes = causes
                        .into_iter()
                        .map(|cause| Cause {
                            field: format!("{below}{}", cause.field),
                            reason: cause.reason,
                            message: cause.message,
                        })
                        .collect();
                }
                status.into()
            }
            MemberError::Forbidden(_) => {
                let resource = self.kind.descriptor.resource_in();
                Status { message, ..Status::forbidden(resource, &name, "") }.into()
            }
            _ => Status::bad_request(message).into(),
        })
    }

    // Objects kept at the hub.

    async fn create_local(&self, object: Value) -> Done {
        let name = name_of(&object).to_owned();
        let id = object
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .and_then(|uid| Uuid::parse_str(uid).ok())
            .unwrap_or_else(Uuid::now_v7);
        let new = hub::Local {
            id,
            root: self.kind.home().as_str().to_owned(),
            type_: self.kind.type_name(),
            namespace: self.namespace.to_owned(),
            name: name.clone(),
            version: 1,
            object: without_version(object),
        };
        let owned = !Kept::of(&new.object).owners.is_empty();
        let mut tx = self.platform.store.begin(&self.op.write()).await?;
        self.declare(&tx, &new.object).await?;
        hub::create(&mut tx, new).await?;
        tx.audit(self.event("create", &name));
        self.platform.commit(tx).await?;
        if owned && !self.op.request.dry_run {
            self.platform.collector.mark(id);
        }
        self.kinds_may_change();
        self.govern(&name).await
    }

    async fn update_local(&self, local: &hub::Local, object: &Value) -> Done {
        if meta::is_finished(&local.object, object) {
            return self.remove_local(local).await;
        }
        let mut tx = self.platform.store.begin(&self.op.write()).await?;
        self.declare(&tx, object).await?;
        hub::update(&mut tx, local, without_version(object.clone())).await?;
        tx.audit(self.event("update", &local.name));
        self.platform.commit(tx).await?;
        if Kept::of(object).owners != Kept::of(&local.object).owners && !self.op.request.dry_run {
            self.platform.collector.mark(local.id);
        }
        self.kinds_may_change();
        self.govern(&local.name).await
    }

    async fn remove_local(&self, local: &hub::Local) -> Done {
        let mut tx = self.platform.store.begin(&self.op.write()).await?;
        hub::delete(&mut tx, local).await?;
        if self.kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            // Its name is `plural.group`; without it nobody could reach its objects any more.
            hub::forget_type(&mut tx, &local.root, &local.name).await?;
        }
        if self.declares_types() {
            types::withdraw(&tx, &local.name).await?;
        }
        tx.audit(self.event("delete", &local.name));
        self.platform.commit(tx).await?;
        if !self.op.request.dry_run {
            collector::went(self.platform, local.id).await?;
        }
        self.kinds_may_change();
        self.govern(&local.name).await
    }

    /// Whether objects of the kind say what can be federated: KubeFed's types in its own namespace.
    fn declares_types(&self) -> bool {
        self.kind.is("core.kubefed.io", "FederatedTypeConfig") && self.namespace == SYSTEM
    }

    async fn declare(&self, tx: &Tx, object: &Value) -> Done {
        if self.declares_types() {
            let declared = kubefed::declared(object)?;
            types::declare(tx, &declared).await.map_err(|error| match error {
                StoreError::Conflict(message) => {
                    self.invalid(name_of(object), [("spec.targetType".to_owned(), message)])
                }
                error => error.into(),
            })?;
        }
        Ok(())
    }

    fn kinds_may_change(&self) {
        if self.declares_types() || self.kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            self.platform.shelves.forget_kinds();
        }
    }

    /// What a preference of replicas comes to: it decides the placement and the replicas of the object of its name.
    async fn govern(&self, name: &str) -> Done {
        if !self.kind.is(v2::SCHEDULING_GROUP, "ReplicaSchedulingPreference")
            || self.namespace == SYSTEM
            || self.op.request.dry_run
        {
            return Ok(());
        }
        for type_ in ["deployments.apps", "replicasets.apps"] {
            let catalogue = self.platform.shelves.catalogue(Root::KubeFed).await?;
            let of_type = |kind: &&std::sync::Arc<Kind>| matches!(&kind.backing, Backing::Federated(target) if target.type_name() == type_);
            let Some(kind) = catalogue.0.iter().find(of_type).cloned() else { continue };
            let writer = Writer { kind: &kind, ..*self };
            let mut attempt = 0;
            loop {
                attempt += 1;
                let key = (self.namespace.to_owned(), name.to_owned());
                let Some(item) = self.platform.shelves.find(&kind, &key).await? else { break };
                // Written as it is seen: what the preference comes to is decided on the way, as for any write.
                match Box::pin(writer.update(&item, (*item.object).clone(), "")).await {
                    // Somebody else wrote the object, perhaps before the preference was there: it is looked at again.
                    Err(Fault::Error(error)) if verbs::is_race(&error) && attempt < ATTEMPTS => {}
                    other => {
                        other?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The preference of replicas for a target, if there is one.
    async fn preference(&self, target: &Resource, name: &str) -> Result<Option<SchedulingPreference>, Fault> {
        if target.group != "apps" || !matches!(target.kind.as_str(), "Deployment" | "ReplicaSet") {
            return Ok(None);
        }
        let catalogue = self.platform.shelves.catalogue(Root::KubeFed).await?;
        let kind = catalogue.by_plural("scheduling.kubefed.io/v1alpha1", "replicaschedulingpreferences");
        let Some(kind) = kind else { return Ok(None) };
        let key = (self.namespace.to_owned(), name.to_owned());
        let found = self.platform.shelves.find(&kind, &key).await?;
        let preference = found.and_then(|item| SchedulingPreference::parse(&item.object, "").ok());
        Ok(preference.filter(|preference| preference.target == target.kind))
    }

    /// What a preference comes to among the clusters that its namespace may be in. Shown until members say more, and
    /// where the namespace is in none of them yet.
    async fn foresee(
        &self,
        governed: &hanse_federation::FederatedObject,
    ) -> Result<BTreeMap<String, i64>, Fault> {
        let project = access::decide(self.platform, self.op, self.kind, self.namespace, Need::Edit).await?;
        let Some(project) = project else { return Ok(BTreeMap::new()) };
        let granted = project::granted(self.platform, project.workspace_id).await?;
        let views: Vec<_> = granted.into_iter().map(|(_, view)| view).collect();
        Ok(decide::foresee(governed, &views, self.op.now))
    }

    // Federated objects.

    /// A federated kind as the record that it means. What this generation has no words for stays as it is.
    async fn read_v2(
        &self,
        target: &Resource,
        object: &Value,
        live: Option<(&Item, &hub::Federated)>,
    ) -> Result<(FederatedSpec, Addition), Fault> {
        let name = name_of(object).to_owned();
        let resolve = |kind: &str, version: Option<&str>| {
            let (group, version) = version.map_or((target.group.as_str(), target.version.as_str()), |text| {
                text.split_once('/').unwrap_or(("", text))
            });
            (kind == target.kind && group == target.group)
                .then(|| Resource { version: version.to_owned(), ..target.clone() })
        };
        let parsed = v2::parse(object, "", &resolve)
            .map_err(|fault| self.invalid(&name, [(trimmed(&fault.path), fault.message)]))?;
        self.refuse(&name, &parsed)?;
        let mut spec = parsed.object.spec.clone();
        complete(&mut spec.template, &parsed.object.resource, &name);
        let mut verbatim = object.get("spec").cloned().unwrap_or_else(|| json!({}));
        if let Some((item, row)) = live {
            let old = render::record(target, row).spec;
            let same = |field: &str| {
                item.object.get("spec").and_then(|spec| spec.get(field))
                    == object.get("spec").and_then(|spec| spec.get(field))
            };
            spec.policy = Policy {
                deletion: spec.policy.deletion,
                delete_options: spec.policy.delete_options,
                ..old.policy
            };
            let divided = old.replicas.as_ref().is_some_and(|r| r.mode == ReplicaMode::Divided);
            if same("overrides") {
                spec.overrides = old.overrides;
                spec.replicas = old.replicas;
            } else if !divided {
                spec.replicas = old.replicas;
            }
            if same("placement") {
                spec.placement = old.placement;
            }
            if same("template") {
                spec.template = old.template;
            }
        }
        let mut decided = None;
        if let Some(preference) = self.preference(target, &name).await? {
            let mut governed = hanse_federation::FederatedObject { spec, ..parsed.object };
            let field = format!("/spec/{}", "replicas");
            for entry in &mut governed.spec.overrides {
                entry.patches.retain(|patch| patch.path != field);
            }
            governed.spec.overrides.retain(|entry| !entry.patches.is_empty());
            preference.govern(&mut governed);
            decided = Some(self.foresee(&governed).await?);
            spec = governed.spec;
            // The words are the preference's from here on.
            verbatim = Value::Null;
        } else if live.is_some_and(|(_, row)| was_governed(row)) && spec.replicas.is_some() {
            // The preference is gone: what it came to stays.
            let parsed = v2::parse(object, "", &resolve)
                .map_err(|fault| self.invalid(&name, [(trimmed(&fault.path), fault.message)]))?;
            spec.overrides = parsed.object.spec.overrides;
            spec.placement = parsed.object.spec.placement;
            spec.replicas = None;
        }
        let mut body = json!({"metadata": render::own_metadata(object, true)});
        if let Some(decided) = decided {
            json::set(&mut body, &["governed"], true);
            json::set(&mut body, &["decided"], json!(decided));
        } else {
            json::set(&mut body, &["spec"], verbatim);
        }
        Ok((spec, Addition { root: self.kind.home().as_str(), body, generation: None, only: None }))
    }

    fn refuse(&self, name: &str, parsed: &Parsed) -> Done {
        let errors = &parsed.refusals.errors;
        if errors.is_empty() {
            return Ok(());
        }
        Err(self.invalid(name, errors.iter().map(|fault| (trimmed(&fault.path), fault.message.clone()))))
    }

    /// A plain object as the record that it means, or as one that is kept at the hub.
    fn read_v1(
        &self,
        target: &Resource,
        object: &Value,
        live: Option<&hub::Federated>,
    ) -> Result<Settings, Fault> {
        let name = name_of(object).to_owned();
        let parsed = v1::parse(object, "", target)
            .map_err(|fault| self.invalid(&name, [(trimmed(&fault.path), fault.message)]))?;
        if parsed.kept_at_hub.is_some() {
            return Ok(Settings::Hub);
        }
        self.refuse(&name, &parsed)?;
        let mut spec = parsed.object.spec;
        // The same number everywhere is what a record says by saying nothing.
        spec.replicas = spec.replicas.filter(|replicas| *replicas != Replicas::default());
        let old = live.map(|row| render::record(target, row).spec);
        let template = &mut spec.template;
        prune::server_fields(template);
        if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
            for gone in ["ownerReferences", "finalizers", "namespace", "generateName"] {
                metadata.remove(gone);
            }
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(LAST_APPLIED);
                if annotations.is_empty() {
                    metadata.remove("annotations");
                }
            }
        }
        undo_defaults(template, old.as_ref().map(|old| &old.template));
        if let Some(old) = old {
            spec.retain_replicas |= old.retain_replicas;
            let plain = |template: &Value| -> Value {
                let mut record = template.clone();
                prune::template(target, &mut record);
                record
            };
            // Settings in annotations say what the record says already: then its own words stay.
            if plain(&spec.template) == plain(&old.template)
                && (&spec.placement, &spec.overrides, &spec.replicas, &spec.policy)
                    == (&old.placement, &old.overrides, &old.replicas, &old.policy)
                && annotations_of(&spec.template, false) == annotations_of(&old.template, false)
            {
                spec.template = old.template;
            }
        }
        let body = json!({"metadata": render::own_metadata(object, false)});
        Ok(Settings::Record(
            Box::new(spec),
            Addition { root: self.kind.home().as_str(), body, generation: None, only: None },
        ))
    }

    fn in_words(&self, mut error: Error, path: fn(&str) -> String) -> Fault {
        for fault in &mut error.fields {
            fault.field = path(&fault.field);
        }
        Fault::Error(error)
    }

    // Namespaces are projects.

    async fn create_namespace(&self, object: &Value) -> Done {
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
    fn followed(&self, object: &Value) -> Result<Placement, Fault> {
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
    async fn workspace(&self, object: &Value) -> Result<WorkspaceName, Fault> {
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
    async fn describe_namespace(&self, name: &str, object: &Value) -> Done {
        let body = json!({"metadata": render::own_metadata(object, true)});
        let (labels, annotations) =
            (namespace::travelling(object, "labels"), namespace::travelling(object, "annotations"));
        let view = (self.kind.root.as_str(), &body);
        namespace::describe(self.platform, self.op, name, &labels, &annotations, view).await?;
        Ok(())
    }

    async fn keep_namespace_view(&self, row: &projects::Model, object: &Value) -> Done {
        let body = json!({"metadata": render::own_metadata(object, true)});
        let mut tx = self.platform.store.begin(&self.op.write()).await?;
        hub::put_view(&tx, row.id, self.kind.root.as_str(), 0, &body, false).await?;
        hub::touch_project(&mut tx, row);
        // With the last finalizer goes what waits for nothing else.
        projects::remove_if_empty(&mut tx, row).await?;
        self.platform.commit(tx).await?;
        Ok(())
    }

    async fn update_namespace(&self, live: &Value, row: &projects::Model, object: &Value) -> Done {
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
    async fn federate_namespace(&self, target: &Resource, object: &Value) -> Done {
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

    async fn place_project(
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

    async fn update_cluster(&self, live: &Item, name: &str, version: i64, object: &Value) -> Done {
        access::decide(self.platform, self.op, self.kind, SYSTEM, Need::Edit).await?;
        if let Some((field, _)) = object
            .get("spec")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .find(|(field, value)| live.object.pointer(&format!("/spec/{field}")) != Some(value))
        {
            let message =
                "leads to the gateway, by which every cluster is reached here: to reach the member \
                           otherwise, delete this object and join the cluster again"
                    .to_owned();
            return Err(self.invalid(name, [(format!("spec.{field}"), message)]));
        }
        let labels =
            |object: &Value| object.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({}));
        let mut op = self.op.clone();
        op.request.if_match = Some(version);
        if labels(object) != labels(&live.object) {
            let labels = serde_json::from_value(labels(object)).map_err(Error::internal)?;
            let update = hanse_types::cluster::ClusterUpdate {
                display_name: hanse_types::patch::Patch::Absent,
                labels: Some(labels),
                fixed_port: None,
            };
            crate::clusters::update(self.platform, &op, name, update).await?;
        }
        let mut own = render::own_metadata(object, true);
        if let Some(own) = own.as_object_mut() {
            own.remove("labels");
        }
        let body = json!({"metadata": own, "secret": live.object.pointer("/spec/secretRef/name")});
        let tx = self.platform.store.begin(&self.op.write()).await?;
        hub::put_view(&tx, live.id, self.kind.home().as_str(), 0, &body, false).await?;
        self.platform.commit(tx).await?;
        Ok(())
    }
}

/// What the annotations of a plain object say about where it lives.
enum Settings {
    /// At the hub only.
    Hub,
    /// In members.
    Record(Box<FederatedSpec>, Addition),
}

/// Whether a preference of replicas decided about a record when it was last written here.
fn was_governed(row: &hub::Federated) -> bool {
    row.views
        .get(Root::KubeFed.as_str())
        .is_some_and(|view| view.body.get("governed").and_then(Value::as_bool).unwrap_or(false))
}

fn annotations_of(object: &Value, settings: bool) -> Option<Value> {
    let mut annotations = object.pointer("/metadata/annotations")?.clone();
    if let (false, Some(map)) = (settings, annotations.as_object_mut()) {
        map.retain(|name, _| !name.starts_with("hanse.io/"));
    }
    Some(annotations).filter(|annotations| annotations.as_object().is_some_and(|map| !map.is_empty()))
}

/// A template with what it may leave out and the record says.
fn complete(template: &mut Value, resource: &Resource, name: &str) {
    if !template.is_object() {
        *template = json!({});
    }
    prune::server_fields(template);
    json::set(template, &["apiVersion"], resource.api_version());
    json::set(template, &["kind"], resource.kind.clone());
    if !template.get("metadata").is_some_and(Value::is_object) {
        json::set(template, &["metadata"], json!({}));
    }
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("name".into(), name.into());
        metadata.remove("namespace");
    }
}

/// Takes out what was only shown: fields that the template did not have and that are as [`render::defaults`] fills them.
fn undo_defaults(template: &mut Value, old: Option<&Value>) {
    let shown = |of: &Value| {
        let mut shown = of.clone();
        render::defaults(&mut shown);
        shown
    };
    if let Some(old) = old {
        let (before, now) = (shown(old), template.clone());
        for pointer in ["/spec/replicas", "/spec/parallelism", "/spec/completions", "/spec/backoffLimit"] {
            let absent = old.pointer(pointer).is_none();
            if absent && before.pointer(pointer) == now.pointer(pointer) {
                remove(template, pointer);
            }
        }
    }
    if template.pointer("/spec/clusterIP").and_then(Value::as_str) == Some(render::EVERY_CLUSTERS_OWN) {
        remove(template, "/spec/clusterIP");
    }
}

fn remove(object: &mut Value, pointer: &str) {
    if let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.remove(name);
    }
}

fn without_version(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    object
}

fn trimmed(path: &str) -> String {
    path.trim_start_matches('.').to_owned()
}

/// The refusal of a write that somebody else was quicker than.
#[must_use]
pub fn modified(kind: &Kind, name: &str) -> Status {
    Status::conflict(kind.descriptor.resource_in(), name, MODIFIED)
}
