//! From an object as a client wants it to the record that is meant, in one transaction.

mod ending;
mod local;
mod namespaces;
mod reading;

use hanse_federation::{FederatedSpec, adapter::Parsed, v1, v2};
use hanse_fleet::MemberError;
use hanse_machinery::{
    Status,
    status::{Cause, FieldError, MODIFIED},
};
use hanse_store::{
    AuditEvent,
    federated::{self, Home},
    hub,
    owners::Kept,
};
use serde_json::{Value, json};

use ending::is_going;
use reading::Settings;

use super::{
    access::{self, Need},
    fault::Fault,
    join,
    kinds::{Backing, Kind, SYSTEM},
    render,
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
        model::FederatedWrite,
        rehearsal,
    },
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

    /// Makes an object. Its name is final. `given` is what of it the client gave: the rest is only shown.
    pub async fn create(&self, object: Value, given: &Value) -> Wrote {
        let name = name_of(&object).to_owned();
        match &self.kind.backing {
            Backing::Federated(target) => {
                let (spec, addition) = self.read_v2(target, &object, None).await?;
                return self.accept(spec, addition, v2::field_path).await;
            }
            Backing::Plain(target) => match self.read_v1(target, &object, given, None)? {
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
    pub async fn update(&self, live: &Item, object: &Value, subresource: &str) -> Wrote {
        let name = live.key.1.clone();
        if let Source::Local(local) = &live.source {
            self.update_local(local, object).await?;
            return Ok(None);
        }
        // Status of records is derived: what a client says about it does not count.
        if subresource == "status" {
            return Ok(None);
        }
        if let (true, Source::Federated(row)) = (is_going(&live.object), &live.source) {
            self.release(live, row, object).await?;
            return Ok(None);
        }
        match (&self.kind.backing, &live.source) {
            (Backing::Federated(target), Source::Federated(row)) => {
                let (spec, addition) = self.read_v2(target, object, Some((live, row))).await?;
                return self.replace(spec, addition, row, v2::field_path).await;
            }
            (Backing::FederatedNamespace(target), Source::Federated(_)) => {
                self.federate_namespace(target, object).await
            }
            (Backing::Plain(target), Source::Federated(row)) => {
                match self.read_v1(target, object, &Value::Null, Some(row))? {
                    Settings::Hub => {
                        let fault = (
                            "metadata.annotations[hanse.io/placement]".to_owned(),
                            "what is federated cannot be kept at the hub only: delete it and create it anew"
                                .to_owned(),
                        );
                        Err(self.invalid(&name, [fault]))
                    }
                    Settings::Record(spec, addition) => {
                        return self.replace(*spec, addition, row, v1::field_path).await;
                    }
                }
            }
            (Backing::Namespace, Source::Project(row)) => {
                self.update_namespace(&live.object, &row.project, object).await
            }
            (Backing::Cluster, Source::Cluster(cluster, version)) => {
                self.update_cluster(live, cluster, *version, object).await
            }
            _ => Err(Status::method_not_allowed().into()),
        }?;
        Ok(None)
    }

    async fn replace(
        &self,
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
        let (place, kept) = (self.place(), addition.clone());
        let made = accept::replace_row(self.platform, &op, place, row, write, kept).await;
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
                match Box::pin(writer.update(&item, &item.object, "")).await {
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

    fn refuse(&self, name: &str, parsed: &Parsed) -> Done {
        let errors = &parsed.refusals.errors;
        if errors.is_empty() {
            return Ok(());
        }
        Err(self.invalid(name, errors.iter().map(|fault| (trimmed(&fault.path), fault.message.clone()))))
    }

    fn in_words(&self, mut error: Error, path: fn(&str) -> String) -> Fault {
        for fault in &mut error.fields {
            fault.field = path(&fault.field);
        }
        Fault::Error(error)
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

fn trimmed(path: &str) -> String {
    path.trim_start_matches('.').to_owned()
}

/// The refusal of a write that somebody else was quicker than.
#[must_use]
pub fn modified(kind: &Kind, name: &str) -> Status {
    Status::conflict(kind.descriptor.resource_in(), name, MODIFIED)
}
