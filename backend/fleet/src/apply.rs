//! Writing to and reading from a member. Every write says whose it is (the field manager) and what it expects (uid,
//! version), has a deadline, and asks for the smallest answer: half of a member's work for an apply is printing it back.

use std::{collections::BTreeMap, io, time::Duration};

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize as _};
use serde_json::{Map, Value, json, ser::Formatter};

use crate::{
    FIELD_MANAGER, MANAGED_LABEL,
    api::{Call, JSON, METADATA, query},
    error::MemberError,
    member::Member,
    resource::{ObjectMeta, ResourceType},
};

/// One object of a member.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its kind.
    pub resource: &'a ResourceType,
    /// Its namespace; `None` for objects of the cluster.
    pub namespace: Option<&'a str>,
    /// Its name.
    pub name: &'a str,
}

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Take over fields that others own, instead of [`MemberError::Conflict`].
    pub force: bool,
    /// Deadline; the fleet's default when `None`.
    pub deadline: Option<Duration>,
}

/// What an apply did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Which incarnation of the name was applied to.
    pub uid: String,
    /// Version of the object after the apply. Unchanged when there was nothing to change.
    pub resource_version: String,
    /// Generation after the apply; 0 for kinds that do not count.
    pub generation: i64,
    /// Whether the object was created by it.
    pub created: bool,
}

/// How to delete. Without a uid, whatever has the name is deleted: only for what a person asked for by name.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// Delete only this incarnation; another one gives [`MemberError::Conflict`].
    pub uid: Option<String>,
    /// Delete only this version.
    pub resource_version: Option<String>,
    /// `Foreground`, `Background` or `Orphan`; the kind's default when `None`.
    pub propagation_policy: Option<String>,
    /// Seconds of grace; the object's own when `None`.
    pub grace_period_seconds: Option<i64>,
    /// Further fields of `DeleteOptions`, as a person wrote them; the fields above win.
    pub extra: Option<Map<String, Value>>,
    /// Deadline; the fleet's default when `None`.
    pub deadline: Option<Duration>,
}

/// What a deletion did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone.
    Gone,
    /// It was marked, and goes when its finalisers are done.
    Terminating,
    /// There was no such object.
    Absent,
}

/// What a release did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// The label and our ownership are off; the object stays.
    Done,
    /// It was not ours: no label and no ownership.
    NotManaged,
    /// There was no such object, or the name now belongs to another incarnation.
    Absent,
}

/// Attempts of a release that meets changes of the object in between.
const RELEASE_ATTEMPTS: usize = 5;
/// Stands in the list of field owners of an object that was released and that nobody else owns anything of.
const RELEASED: &str = "hanse-released";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";

impl Member {
    /// Applies a manifest on the server side as field manager [`FIELD_MANAGER`](crate::FIELD_MANAGER).
    ///
    /// # Errors
    /// What the member says, such as [`MemberError::Invalid`] with fields that the kind does not have;
    /// [`MemberError::Conflict`] when others own a field and `force` is off.
    pub async fn apply(
        &self,
        target: Target<'_>,
        manifest: &Value,
        options: ApplyOptions,
    ) -> Result<Applied, MemberError> {
        let answer = self.call(apply_call(target, manifest, options, false).accept(METADATA)).await?;
        let Partial { metadata } = answer.json()?;
        Ok(Applied {
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            created: answer.status == StatusCode::CREATED,
        })
    }

    /// What an apply would give, without doing it: the whole object, after the member's defaults and admission.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub async fn dry_run(
        &self,
        target: Target<'_>,
        manifest: &Value,
        options: ApplyOptions,
    ) -> Result<Value, MemberError> {
        self.call(apply_call(target, manifest, options, true)).await?.json()
    }

    /// Deletes an object. Asking twice is fine.
    ///
    /// # Errors
    /// What the member says; [`MemberError::Conflict`] when the uid or version is another.
    pub async fn delete(&self, target: Target<'_>, options: &DeleteOptions) -> Result<Deleted, MemberError> {
        let body = serde_json::to_vec(&options.body()).unwrap_or_default();
        let call = Call::new(Method::DELETE, target.path())
            .body(JSON, body)
            .accept(METADATA)
            .deadline(options.deadline);
        match self.call(call).await {
            // The answer is a Status when the object went at once, and the object when it is still there.
            Ok(answer) => {
                let answer: DeleteAnswer = answer.json()?;
                let stays = answer.kind != "Status" && answer.metadata.deletion_timestamp.is_some();
                Ok(if stays { Deleted::Terminating } else { Deleted::Gone })
            }
            Err(MemberError::NotFound(_) | MemberError::NamespaceMissing { .. }) => Ok(Deleted::Absent),
            Err(error) => Err(error),
        }
    }

    /// Lets go of an object without deleting it: takes the managed label off, and our name out of its field owners, so
    /// that whoever applies to it next meets no conflict with us. `uid`, when given, must be the object's.
    ///
    /// # Errors
    /// What the member says.
    pub async fn release(&self, target: Target<'_>, uid: Option<&str>) -> Result<Released, MemberError> {
        let mut last = MemberError::Cancelled;
        for _ in 0..RELEASE_ATTEMPTS {
            let meta = match self.get_metadata(target).await {
                Ok(meta) if uid.is_some_and(|uid| uid != meta.uid) => return Ok(Released::Absent),
                Ok(meta) => meta,
                Err(MemberError::NotFound(_) | MemberError::NamespaceMissing { .. }) => {
                    return Ok(Released::Absent);
                }
                Err(error) => return Err(error),
            };
            let Some(patch) = release_patch(&target.resource.api_version(), &meta) else {
                return Ok(Released::NotManaged);
            };
            let path = format!("{}{}", target.path(), query(&[("fieldManager", FIELD_MANAGER)]));
            let call = Call::new(Method::PATCH, path)
                .body(MERGE, serde_json::to_vec(&patch).unwrap_or_default())
                .accept(METADATA);
            match self.call(call).await {
                Ok(_) => return Ok(Released::Done),
                Err(MemberError::NotFound(_)) => return Ok(Released::Absent),
                // It changed since it was read: read again.
                Err(error @ MemberError::Conflict { .. }) => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// What the member says; [`MemberError::NotFound`] when there is none.
    pub async fn get(&self, target: Target<'_>) -> Result<Value, MemberError> {
        self.call(Call::get(target.path())).await?.json()
    }

    /// Reads an object's metadata only.
    ///
    /// # Errors
    /// What the member says; [`MemberError::NotFound`] when there is none.
    pub async fn get_metadata(&self, target: Target<'_>) -> Result<ObjectMeta, MemberError> {
        let Partial { metadata } = self.call(Call::get(target.path()).accept(METADATA)).await?.json()?;
        Ok(ObjectMeta {
            terminating: metadata.deletion_timestamp.is_some(),
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            finalizers: metadata.finalizers,
            labels: metadata.labels,
            annotations: metadata.annotations,
            managed_fields: metadata.managed_fields,
        })
    }
}

impl Target<'_> {
    /// Path of the object.
    #[must_use]
    pub fn path(&self) -> String {
        self.resource.object_path(self.namespace, self.name)
    }
}

fn apply_call(target: Target<'_>, manifest: &Value, options: ApplyOptions, dry_run: bool) -> Call {
    let query = query(&[
        ("fieldManager", FIELD_MANAGER),
        ("force", if options.force { "true" } else { "" }),
        // An apply refuses unknown fields in any case. All that validating adds is to read the whole once more in search
        // of fields that come twice, which what was printed here does not have.
        ("fieldValidation", "Ignore"),
        ("dryRun", if dry_run { "All" } else { "" }),
    ]);
    Call::new(Method::PATCH, format!("{}{query}", target.path()))
        .body(APPLY, text(manifest))
        .deadline(options.deadline)
}

/// A manifest as JSON of short lines. API servers read an apply as YAML, JSON as well, and their reader keeps everything on
/// a line that may still turn out to be a key: of one long line that is three times as much memory as of short ones.
fn text(manifest: &Value) -> Vec<u8> {
    let mut text = Vec::with_capacity(1024);
    let mut printer = serde_json::Serializer::with_formatter(&mut text, ShortLines);
    // Into memory, and a value has no keys but strings: nothing can go wrong.
    manifest.serialize(&mut printer).unwrap_or_default();
    text
}

/// A new line before each field and each entry, and no other space.
struct ShortLines;

impl Formatter for ShortLines {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"\n" } else { b",\n" })
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"\n" } else { b",\n" })
    }
}

impl DeleteOptions {
    fn body(&self) -> Value {
        let mut body = self.extra.clone().unwrap_or_default();
        body.insert("kind".to_owned(), json!("DeleteOptions"));
        body.insert("apiVersion".to_owned(), json!("v1"));
        let mut preconditions = Map::new();
        if let Some(uid) = &self.uid {
            preconditions.insert("uid".to_owned(), json!(uid));
        }
        if let Some(version) = &self.resource_version {
            preconditions.insert("resourceVersion".to_owned(), json!(version));
        }
        if !preconditions.is_empty() {
            body.insert("preconditions".to_owned(), Value::Object(preconditions));
        }
        if let Some(policy) = &self.propagation_policy {
            body.insert("propagationPolicy".to_owned(), json!(policy));
        }
        if let Some(seconds) = self.grace_period_seconds {
            body.insert("gracePeriodSeconds".to_owned(), json!(seconds));
        }
        Value::Object(body)
    }
}

/// The merge patch that lets go of an object, or `None` when there is nothing to let go of.
fn release_patch(api_version: &str, meta: &ObjectMeta) -> Option<Value> {
    let ours = |entry: &Value| entry.get("manager").and_then(Value::as_str) == Some(FIELD_MANAGER);
    let (label, managed) = MANAGED_LABEL;
    let labelled = meta.labels.get(label).is_some_and(|value| value == managed);
    let owning = meta.managed_fields.iter().any(ours);
    if !labelled && !owning {
        return None;
    }
    let mut metadata = Map::new();
    metadata.insert("uid".to_owned(), json!(meta.uid));
    metadata.insert("resourceVersion".to_owned(), json!(meta.resource_version));
    if labelled {
        metadata.insert("labels".to_owned(), json!({ label: null }));
    }
    if owning {
        let others: Vec<&Value> = meta.managed_fields.iter().filter(|entry| !ours(entry)).collect();
        // An object without any owner is one whose every field belongs to "before-first-apply", with whom whoever
        // applies next would be in conflict. An entry that owns nothing keeps that from happening.
        let nothing = json!({
            "manager": RELEASED,
            "operation": "Update",
            "apiVersion": api_version,
            "fieldsType": "FieldsV1",
            "fieldsV1": { "f:metadata": {} },
        });
        let others = if others.is_empty() { vec![&nothing] } else { others };
        metadata.insert("managedFields".to_owned(), json!(others));
    }
    Some(json!({ "metadata": metadata }))
}

/// An answer of which only the metadata counts.
#[derive(Deserialize)]
struct Partial {
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeleteAnswer {
    kind: String,
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
    generation: i64,
    deletion_timestamp: Option<String>,
    finalizers: Vec<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    managed_fields: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Any JSON, with what YAML may take for something else.
    fn json() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            any::<String>(),
            "[-:?#&*!|>%@`,{}\\[\\]\"' \n\t]{0,6}",
            Just("---".to_owned()),
            Just("...".to_owned()),
            Just("yes".to_owned()),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map(text.clone(), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_sent_is_the_manifest(manifest in json()) {
            let sent: Value = serde_json::from_slice(&text(&manifest)).unwrap();
            prop_assert_eq!(sent, manifest);
        }
    }

    #[test]
    fn lines_are_short() {
        let manifest = json!({"a": {"b": [1, "x, y"], "c": {}, "d": []}, "e": null});
        let sent = String::from_utf8(text(&manifest)).unwrap();
        assert_eq!(sent, "{\n\"a\":{\n\"b\":[\n1,\n\"x, y\"],\n\"c\":{},\n\"d\":[]},\n\"e\":null}");
    }
}
