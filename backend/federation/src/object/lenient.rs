//! Reading what people write: clusters as names or as `{name}`, and a null that is a value.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a cluster's name or {\"name\": …}")]
enum ClusterRef {
    Name(String),
    Object { name: String },
}

pub(super) fn cluster_names<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vec<String>>, D::Error> {
    let refs = Option::<Vec<ClusterRef>>::deserialize(input)?;
    Ok(refs.map(|refs| {
        refs.into_iter()
            .map(|reference| match reference {
                ClusterRef::Name(name) | ClusterRef::Object { name } => name,
            })
            .collect()
    }))
}

/// Keeps an explicit null apart from an absent field.
pub(super) fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(input).map(Some)
}
