//! Which cluster this is, and who governs it. A cluster is known by the uid of its `kube-system` namespace; the Hanse
//! that governs it leaves its instance id in a ConfigMap there, so that two of them never fight over the same objects
//! unnoticed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use crate::{
    FIELD_MANAGER,
    api::{Api, Call, JSON, METADATA},
    connector::Connector,
    error::MemberError,
    fleet::Fleet,
    member::Member,
};

/// Name of the marker in `kube-system`.
pub const MARKER: &str = "hanse-identity";

const KUBE_SYSTEM: &str = "/api/v1/namespaces/kube-system";
const MARKERS: &str = "/api/v1/namespaces/kube-system/configmaps";
/// Attempts of a claim that meets others who claim at the same time.
const ATTEMPTS: usize = 3;

/// What a cluster says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Uid of `kube-system`.
    pub uid: String,
    /// The Hanse that governs it, if any.
    pub claim: Option<Claim>,
}

/// A Hanse's mark on a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Id of the Hanse instance.
    pub instance: String,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
}

impl Claim {
    /// Whether a Hanse other than `instance` left it; an empty mark is nobody's.
    #[must_use]
    pub fn is_of_another(&self, instance: &str) -> bool {
        !self.instance.is_empty() && self.instance != instance
    }
}

/// Why a cluster was not claimed.
#[derive(Clone, Debug, Error)]
pub enum ClaimError {
    /// Another Hanse governs it.
    #[error("the cluster is managed by another Hanse (instance {})", .0.instance)]
    Taken(Claim),
    /// The member refused or did not answer.
    #[error(transparent)]
    Member(#[from] MemberError),
}

impl Fleet {
    /// Who the cluster at the end of a way is, and who governs it: for looking before it becomes a member.
    ///
    /// # Errors
    /// When the way cannot be used, or the cluster refuses or does not answer.
    pub async fn identity(&self, connector: &Connector) -> Result<Identity, MemberError> {
        read(&self.api(connector)?).await
    }
}

impl Member {
    /// Reads who the cluster is and who governs it.
    ///
    /// # Errors
    /// When the member refuses or does not answer.
    pub async fn identity(&self) -> Result<Identity, MemberError> {
        read(self.api()).await
    }

    /// Marks the cluster as governed by `instance`; with `force`, also when another does. Marking twice is fine.
    ///
    /// # Errors
    /// When another Hanse governs it (without `force`), or when the member refuses or does not answer.
    pub async fn claim(&self, instance: &str, force: bool) -> Result<(), ClaimError> {
        let mut last = MemberError::Cancelled;
        for _ in 0..ATTEMPTS {
            let marker = marker(self.api()).await?;
            let (method, path, version) = match &marker {
                Some(Marker { claim, .. }) if claim.instance == instance => return Ok(()),
                Some(Marker { claim, .. }) if !force && claim.is_of_another(instance) => {
                    return Err(ClaimError::Taken(claim.clone()));
                }
                Some(Marker { version, .. }) => {
                    (Method::PUT, format!("{MARKERS}/{MARKER}"), Some(version.clone()))
                }
                None => (Method::POST, MARKERS.to_owned(), None),
            };
            let body = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": { "name": MARKER, "namespace": "kube-system", "resourceVersion": version },
                "data": { "instance": instance, "since": Utc::now().to_rfc3339() },
            });
            let path = format!("{path}?fieldManager={FIELD_MANAGER}");
            match self.api().call(Call::new(method, path).body(JSON, body.to_string())).await {
                Ok(_) => return Ok(()),
                // Somebody was quicker: look again who.
                Err(
                    error @ (MemberError::AlreadyExists(_)
                    | MemberError::Conflict { .. }
                    | MemberError::NotFound(_)),
                ) => last = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(last.into())
    }

    /// Removes the mark, if it is `instance`'s own; also while the member is being removed from the fleet.
    ///
    /// # Errors
    /// When the member refuses or does not answer.
    pub async fn unclaim(&self, instance: &str) -> Result<(), MemberError> {
        let api = self.api().outliving();
        let Some(marker) = marker(&api).await? else { return Ok(()) };
        if marker.claim.instance != instance {
            return Ok(());
        }
        let body = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": { "uid": marker.uid, "resourceVersion": marker.version },
        });
        let call = Call::new(Method::DELETE, format!("{MARKERS}/{MARKER}")).body(JSON, body.to_string());
        match api.call(call).await {
            // A conflict says that it was replaced in between: what is there now is another's.
            Ok(_) | Err(MemberError::NotFound(_) | MemberError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

struct Marker {
    uid: String,
    version: String,
    claim: Claim,
}

/// Reads who the cluster is and who governs it.
pub(crate) async fn read(api: &Api) -> Result<Identity, MemberError> {
    let uid = uid(api).await?;
    Ok(Identity { uid, claim: marker(api).await?.map(|marker| marker.claim) })
}

/// Uid of `kube-system`.
pub(crate) async fn uid(api: &Api) -> Result<String, MemberError> {
    let namespace: Object = api.call(Call::get(KUBE_SYSTEM).accept(METADATA).unlimited()).await?.json()?;
    if namespace.metadata.uid.is_empty() {
        return Err(MemberError::NotKubernetes("its kube-system namespace has no uid".to_owned()));
    }
    Ok(namespace.metadata.uid)
}

async fn marker(api: &Api) -> Result<Option<Marker>, MemberError> {
    let object: Object = match api.call(Call::get(format!("{MARKERS}/{MARKER}"))).await {
        Ok(answer) => answer.json()?,
        Err(MemberError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let text = |key: &str| object.data.get(key).and_then(Value::as_str);
    let since = text("since").and_then(|since| DateTime::parse_from_rfc3339(since).ok());
    let claim = Claim {
        instance: text("instance").unwrap_or_default().to_owned(),
        since: since.map(|since| since.with_timezone(&Utc)),
    };
    Ok(Some(Marker { uid: object.metadata.uid, version: object.metadata.resource_version, claim }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    metadata: Metadata,
    data: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
}
