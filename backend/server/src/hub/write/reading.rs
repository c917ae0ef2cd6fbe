//! What a client wrote, in the words of the record: KubeFed's kinds, and plain objects with settings in annotations.

use std::collections::BTreeMap;

use hanse_federation::{
    FederatedObject, FederatedSpec, Resource,
    object::{Policy, ReplicaMode, Replicas},
    prune, v1, v2,
    v2::SchedulingPreference,
};
use hanse_machinery::json;
use hanse_store::hub;
use serde_json::{Value, json};

use super::{Writer, name_of, trimmed};
use crate::{
    federation::{accept::Addition, decide},
    hub::{
        access::{self, Need},
        fault::Fault,
        render::{self, LAST_APPLIED},
        route::Root,
        shelf::Item,
    },
    tenancy::project,
};

impl Writer<'_> {
    /// The preference of replicas for a target, if there is one.
    pub(super) async fn preference(
        &self,
        target: &Resource,
        name: &str,
    ) -> Result<Option<SchedulingPreference>, Fault> {
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
    pub(super) async fn foresee(&self, governed: &FederatedObject) -> Result<BTreeMap<String, i64>, Fault> {
        let project = access::decide(self.platform, self.op, self.kind, self.namespace, Need::Edit).await?;
        let Some(project) = project else { return Ok(BTreeMap::new()) };
        let granted = project::granted(self.platform, project.workspace_id).await?;
        let views: Vec<_> = granted.into_iter().map(|(_, view)| view).collect();
        Ok(decide::foresee(governed, &views, self.op.now))
    }

    /// A federated kind as the record that it means. What this generation has no words for stays as it is.
    pub(super) async fn read_v2(
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
            let mut governed = FederatedObject { spec, ..parsed.object };
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

    /// A plain object as the record that it means, or as one that is kept at the hub. `given` is what of a new one the
    /// client gave; of one that is there, the record says it.
    pub(super) fn read_v1(
        &self,
        target: &Resource,
        object: &Value,
        given: &Value,
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
        match &old {
            Some(old) => undo_defaults(template, &old.template),
            None => as_given(template, given),
        }
        if template.pointer("/spec/clusterIP").and_then(Value::as_str) == Some(render::EVERY_CLUSTERS_OWN) {
            remove(template, "/spec/clusterIP");
        }
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
}

/// What the annotations of a plain object say about where it lives.
pub(super) enum Settings {
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
pub(super) fn complete(template: &mut Value, resource: &Resource, name: &str) {
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

/// Of a new object is wanted what the client gave: what was filled in is only shown. Its metadata is final already.
fn as_given(template: &mut Value, given: &Value) {
    let (Some(template), Some(given)) = (template.as_object_mut(), given.as_object()) else { return };
    template.retain(|name, _| name == "metadata" || given.contains_key(name));
    for (name, value) in given.iter().filter(|(name, _)| *name != "metadata" && *name != "status") {
        template.insert(name.clone(), value.clone());
    }
}

/// Takes out what was only shown: fields that were not wanted before and are as they are filled in. What is left means the
/// same: where a default follows from another field that was changed, everything stays as it is.
fn undo_defaults(template: &mut Value, before: &Value) {
    let filled = |object: &Value| {
        let mut filled = object.clone();
        render::defaults(&mut filled);
        filled
    };
    let mut wanted = template.clone();
    forget_shown(&mut wanted, before, &filled(before));
    if filled(&wanted) == *template {
        *template = wanted;
    }
}

fn forget_shown(now: &mut Value, before: &Value, shown: &Value) {
    match (now, before, shown) {
        (Value::Object(now), Value::Object(before), Value::Object(shown)) => {
            now.retain(|name, value| match (before.get(name), shown.get(name)) {
                (None, Some(filled)) => value != filled,
                (Some(before), Some(shown)) => {
                    forget_shown(value, before, shown);
                    true
                }
                (_, None) => true,
            });
        }
        // Entries of a list that became longer or shorter are not told apart.
        (Value::Array(now), Value::Array(before), Value::Array(shown)) if now.len() == before.len() => {
            for ((now, before), shown) in now.iter_mut().zip(before).zip(shown) {
                forget_shown(now, before, shown);
            }
        }
        _ => {}
    }
}

fn remove(object: &mut Value, pointer: &str) {
    if let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undone(before: &Value, change: impl Fn(&mut Value)) -> Value {
        let mut now = before.clone();
        render::defaults(&mut now);
        change(&mut now);
        undo_defaults(&mut now, before);
        now
    }

    #[test]
    fn what_was_only_shown_is_not_kept() {
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "spec": {"strategy": {"type": "RollingUpdate"}, "template": {"spec": {"containers": [{"name": "c"}]}}},
        });
        assert_eq!(undone(&deployment, |_| {}), deployment);
        let scaled = undone(&deployment, |now| now["spec"]["replicas"] = json!(3));
        assert_eq!(scaled["spec"]["replicas"], 3);
        assert_eq!(scaled["spec"].get("revisionHistoryLimit"), None);
        let recreated = undone(&deployment, |now| now["spec"]["strategy"] = json!({"type": "Recreate"}));
        assert_eq!(recreated["spec"]["strategy"], json!({"type": "Recreate"}));
    }

    #[test]
    fn a_default_that_followed_from_what_is_changed_stays() {
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "spec": {"type": "ExternalName", "ports": [{"port": 80}]},
        });
        assert_eq!(undone(&service, |_| {}), service);
        let moved = undone(&service, |now| now["spec"]["ports"][0]["port"] = json!(81));
        assert_eq!(moved["spec"]["ports"][0], json!({"port": 81, "targetPort": 80, "protocol": "TCP"}));
    }
}
