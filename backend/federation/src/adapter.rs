//! What the adapters of both older generations have in common.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{FieldError, field::Field, object::FederatedObject, plan::Refusals};

/// An object of an older generation in the native model.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The native object.
    pub object: FederatedObject,
    /// What is wrong with it as a whole. At submission any of it is a refusal.
    pub refusals: Refusals,
    /// Why it is kept at the hub and goes nowhere, when it is.
    pub kept_at_hub: Option<String>,
    /// The status that the object itself carries: the aggregate so far.
    pub status: Option<Value>,
}

/// Metadata that both generations read alike.
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) generation: i64,
    pub(crate) deleting: bool,
}

impl Metadata {
    pub(crate) fn read(object: &Field<'_>) -> Result<Self, FieldError> {
        let metadata = object.get("metadata");
        metadata.required_object()?;
        let texts = |field: Field<'_>| -> Result<BTreeMap<String, String>, FieldError> {
            let entries = field.entries()?.into_iter();
            entries
                .map(|(key, value)| Ok((key.to_owned(), value.text()?.unwrap_or_default().to_owned())))
                .collect()
        };
        let namespace = metadata.get("namespace").text()?.filter(|namespace| !namespace.is_empty());
        Ok(Self {
            name: metadata.get("name").required_text()?.to_owned(),
            namespace: namespace.map(str::to_owned),
            labels: texts(metadata.get("labels"))?,
            annotations: texts(metadata.get("annotations"))?,
            generation: metadata.get("generation").integer()?.unwrap_or(0),
            deleting: metadata.get("deletionTimestamp").text()?.is_some_and(|time| !time.is_empty()),
        })
    }
}
