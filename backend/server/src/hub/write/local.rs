//! Objects that are kept at the hub alone; some of them say what is served.

use hanse_machinery::meta;
use hanse_store::{StoreError, Tx, hub, owners::Kept, types};
use serde_json::Value;
use uuid::Uuid;

use super::{Done, Writer, name_of};
use crate::hub::{collector, kinds::SYSTEM, kubefed};

impl Writer<'_> {
    pub(super) async fn create_local(&self, object: Value) -> Done {
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

    pub(super) async fn update_local(&self, local: &hub::Local, object: &Value) -> Done {
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

    pub(super) async fn remove_local(&self, local: &hub::Local) -> Done {
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
    pub(super) fn declares_types(&self) -> bool {
        self.kind.is("core.kubefed.io", "FederatedTypeConfig") && self.namespace == SYSTEM
    }

    pub(super) async fn declare(&self, tx: &Tx, object: &Value) -> Done {
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

    pub(super) fn kinds_may_change(&self) {
        if self.declares_types() || self.kind.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            self.platform.shelves.forget_kinds();
        }
    }
}

fn without_version(mut object: Value) -> Value {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
    object
}
