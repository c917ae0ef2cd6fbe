//! The end of an object: what a client's finalizer holds stays, and only what holds it may change; what it owns goes with
//! it or is let go.

use hanse_federation::object::Placement;
use hanse_machinery::{Status, json, meta};
use hanse_store::{
    hub,
    owners::{FOREGROUND, Kept, ORPHAN},
    removals::Mode,
};
use serde_json::Value;
use uuid::Uuid;

use super::{Done, Writer};
use crate::{
    federation::accept::{self, Addition, Removal},
    hub::{
        collector,
        fault::Fault,
        kinds::Backing,
        render,
        shelf::{Item, Source},
    },
    tenancy::project,
};

impl Writer<'_> {
    /// A write to a record that is being removed: what is wanted of it no longer counts, what holds it does.
    pub(super) async fn release(&self, live: &Item, row: &hub::Federated, object: &Value) -> Done {
        let wanted = |object: &Value| {
            let mut wanted = object.clone();
            for gone in ["metadata", "status"] {
                if let Some(map) = wanted.as_object_mut() {
                    map.remove(gone);
                }
            }
            wanted
        };
        if wanted(object) != wanted(&live.object) {
            let message = "may not be changed any more: the object is being removed".to_owned();
            let field = if self.kind.backing_is_plain() { "" } else { "spec" };
            return Err(self.invalid(&live.key.1, [(field.to_owned(), message)]));
        }
        let addition = self.words_beside(row, object);
        if matches!(self.kind.backing, Backing::FederatedNamespace(_)) {
            return self.show_namespace(live, &addition).await;
        }
        let mut op = self.op.clone();
        op.request.if_match = Some(row.row.version);
        accept::release_row(self.platform, &op, self.place(), &row.row.r#type, &live.key.1, &addition)
            .await?;
        if !op.request.dry_run && !Kept::of(&addition.body).finalizers.iter().any(|name| name == FOREGROUND) {
            collector::went(self.platform, row.row.id).await?;
        }
        Ok(())
    }

    /// What this root keeps beside a record, with an object's metadata in place of its own.
    fn words_beside(&self, row: &hub::Federated, object: &Value) -> Addition {
        let root = self.kind.home().as_str();
        let view = row.views.get(root).cloned().unwrap_or_default();
        let mut body = view.body;
        json::set(&mut body, &["metadata"], render::own_metadata(object, !self.kind.backing_is_plain()));
        Addition { root, body, generation: Some(view.generation), only: Some(row.row.id) }
    }

    /// A FederatedNamespace that a client's finalizer holds, or that it lets go.
    async fn show_namespace(&self, live: &Item, addition: &Addition) -> Done {
        let mut body = addition.body.clone();
        let held = !Kept::of(&body).finalizers.is_empty();
        if let Some(at) = live.object.pointer("/metadata/deletionTimestamp") {
            json::set(&mut body, &["metadata", "deletionTimestamp"], at.clone());
            json::set(&mut body, &["metadata", "deletionGracePeriodSeconds"], 0);
        }
        let view = project::NamespaceView {
            root: addition.root,
            body: held.then_some(&body),
            forget: !held,
            content: None,
        };
        project::show_namespace(self.platform, self.op, &live.key.1, view).await?;
        Ok(())
    }

    /// Removes an object; with finalizers it is only marked. Gives what is left of a record that nobody but its copies
    /// holds; otherwise whoever wants to know looks.
    pub async fn delete(
        &self,
        live: &Item,
        options: &meta::DeleteOptions,
    ) -> Result<Option<accept::Left>, Fault> {
        let time = render::time(self.op.now);
        let decided = meta::delete(&self.kind.descriptor, &live.object, options, &time)?;
        match &live.source {
            Source::Local(_) | Source::Federated(_) => {
                let Some(mut mark) = decided else { return Ok(None) };
                let orphan = mark.take(ORPHAN);
                if orphan && !self.op.request.dry_run {
                    collector::orphan(self.platform, live.id).await?;
                }
                if !self.has_dependents(&mark, live.id).await? {
                    mark.take(FOREGROUND);
                }
                let given = options.preconditions.as_ref();
                let exact = given.is_some_and(|given| given.resource_version.is_some());
                self.end(live, &mark, orphan, exact).await
            }
            _ => {
                self.delete_other(live).await?;
                Ok(None)
            }
        }
    }

    /// Whether an object that is to go after its dependents has any.
    async fn has_dependents(&self, mark: &meta::DeletionMark, id: Uuid) -> Result<bool, Fault> {
        Ok(mark.is_held_by(FOREGROUND) && !self.platform.store.dependents(&[id]).await?.is_empty())
    }

    /// Removes an object, or leaves it as it is marked when somebody holds it.
    async fn end(
        &self,
        live: &Item,
        mark: &meta::DeletionMark,
        orphan: bool,
        exact: bool,
    ) -> Result<Option<accept::Left>, Fault> {
        let mut left = None;
        match &live.source {
            Source::Local(local) if mark.finalizers.is_empty() => {
                self.remove_local(local).await?;
            }
            Source::Local(local) => self.update_local(local, &mark.on(&live.object)).await?,
            Source::Federated(row) => {
                if matches!(self.kind.backing, Backing::FederatedNamespace(_)) {
                    let marked = mark.on(&live.object);
                    self.end_namespace(row, &marked, self.words_beside(row, &marked)).await?;
                    return Ok(None);
                }
                let held = render::of_clients(mark.finalizers.clone());
                let changes = held != render::kept(&live.object).finalizers;
                if !is_going(&live.object) {
                    let mut op = self.op.clone();
                    op.request.if_match = exact.then_some(row.row.version);
                    let keep = orphan && self.kind.backing_is_plain();
                    let how = Removal {
                        copies: keep.then_some(Mode::Release),
                        addition: changes.then(|| self.words_beside(row, &mark.on(&live.object))),
                    };
                    let ended = accept::delete_row(self.platform, &op, self.place(), row, how).await?;
                    // What it owns goes when it is gone; of one whose copies are still there the feed tells it later.
                    if ended.gone && !op.request.dry_run {
                        collector::went(self.platform, row.row.id).await?;
                    }
                    left = (held.is_empty() && !op.request.dry_run).then_some(ended);
                } else if changes {
                    self.release(live, row, &mark.on(&live.object)).await?;
                }
            }
            _ => {}
        }
        if mark.is_held_by(FOREGROUND) && !self.op.request.dry_run {
            self.platform.collector.mark(live.id);
        }
        Ok(left)
    }

    /// A FederatedNamespace goes: its namespace leaves all clusters. A client's finalizer holds what is shown.
    async fn end_namespace(&self, row: &hub::Federated, marked: &Value, mut addition: Addition) -> Done {
        let Some(project) = &row.project else { return Ok(()) };
        let nowhere = Placement::named::<String>([]);
        if Kept::of(&addition.body).finalizers.is_empty() {
            let nothing = project::NamespaceContent::default();
            return self.place_project(&project.name, &nowhere, None, nothing).await;
        }
        for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
            let value = marked.pointer(&format!("/metadata/{field}")).cloned().unwrap_or_default();
            json::set(&mut addition.body, &["metadata", field], value);
        }
        let nothing = project::NamespaceContent::default();
        self.place_project(&project.name, &nowhere, Some(&addition.body), nothing).await
    }

    async fn delete_other(&self, live: &Item) -> Done {
        match &live.source {
            Source::Project(_) => {
                project::delete(self.platform, self.op, &live.key.1).await?;
                Ok(())
            }
            Source::Cluster(name, _) => {
                crate::clusters::leave::leave(self.platform, self.op, name).await?;
                Ok(())
            }
            Source::Fixed => Err(Status::forbidden(
                self.kind.descriptor.resource_in(),
                &live.key.1,
                "it is derived from something else, or belongs to the platform",
            )
            .into()),
            Source::Local(_) | Source::Federated(_) => Err(Status::method_not_allowed().into()),
        }
    }
}

/// Whether an object is being removed.
pub(super) fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null())
}
