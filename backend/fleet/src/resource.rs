//! Names of kinds and of objects. A caller names a kind as people do (`apps/v1`, `Deployment` or `deployments.apps`);
//! a member's discovery turns that into a [`ResourceType`], which is what URLs are made of.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a caller names a kind, before a member has been asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeName {
    /// API group; empty for the core group.
    pub group: String,
    /// Version, where the caller cares. One that the member does not serve falls back to the one it prefers.
    pub version: Option<String>,
    /// Kind or plural.
    pub name: KindOrPlural,
}

/// The two ways in which a kind is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KindOrPlural {
    /// Such as `Deployment`.
    Kind(String),
    /// Such as `deployments`.
    Plural(String),
}

impl TypeName {
    /// From a manifest's `apiVersion` and `kind`.
    #[must_use]
    pub fn of_kind(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.to_owned(),
            version: (!version.is_empty()).then(|| version.to_owned()),
            name: KindOrPlural::Kind(kind.to_owned()),
        }
    }

    /// From `plural.group` or `plural`, as type configurations are called.
    #[must_use]
    pub fn of_plural(plural_dot_group: &str) -> Self {
        let (plural, group) = plural_dot_group.split_once('.').unwrap_or((plural_dot_group, ""));
        Self { group: group.to_owned(), version: None, name: KindOrPlural::Plural(plural.to_owned()) }
    }
}

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (KindOrPlural::Kind(name) | KindOrPlural::Plural(name)) = &self.name;
        f.write_str(name)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

/// A kind as one member serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResourceType {
    /// API group; empty for the core group.
    pub group: String,
    /// Version that is used for every request.
    pub version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// Such as `deployments`.
    pub plural: String,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// What the member lets be done with the kind, such as `watch`.
    pub verbs: Vec<String>,
    /// Sub-resources, such as `status`.
    pub subresources: Vec<String>,
}

impl ResourceType {
    /// `apps/v1`, or `v1` for the core group.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, or `configmaps` for the core group.
    #[must_use]
    pub fn plural_dot_group(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Whether the member offers a verb for this kind.
    #[must_use]
    pub fn allows(&self, verb: &str) -> bool {
        self.verbs.iter().any(|offered| offered == verb)
    }

    /// Path of the collection, over all namespaces when `namespace` is `None`.
    #[must_use]
    pub fn collection_path(&self, namespace: Option<&str>) -> String {
        let mut path = String::with_capacity(96);
        if self.group.is_empty() {
            path.push_str("/api/");
        } else {
            path.push_str("/apis/");
            escape(&self.group, &mut path);
            path.push('/');
        }
        escape(&self.version, &mut path);
        if let Some(namespace) = namespace.filter(|_| self.namespaced) {
            path.push_str("/namespaces/");
            escape(namespace, &mut path);
        }
        path.push('/');
        escape(&self.plural, &mut path);
        path
    }

    /// Path of one object.
    #[must_use]
    pub fn object_path(&self, namespace: Option<&str>, name: &str) -> String {
        let mut path = self.collection_path(namespace);
        path.push('/');
        escape(name, &mut path);
        path
    }
}

/// Percent-encodes one path segment: names come from people, and a `/` or `..` in one must not become another path.
fn escape(segment: &str, into: &mut String) {
    if segment == "." || segment == ".." {
        for _ in segment.chars() {
            into.push_str("%2E");
        }
        return;
    }
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Identity of an object within one kind of one member.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Namespace; empty for objects of the cluster.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
}

impl ObjectKey {
    /// A key; `namespace` is empty for objects of the cluster.
    #[must_use]
    pub fn new(namespace: impl Into<Box<str>>, name: impl Into<Box<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// The few words of an object's metadata that decisions need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectMeta {
    /// Which incarnation of the name this is.
    pub uid: String,
    /// Version of its content; compared for equality only.
    pub resource_version: String,
    /// Counts changes of the spec; 0 for kinds that do not count.
    pub generation: i64,
    /// Whether somebody has asked for its deletion.
    pub terminating: bool,
    /// Finalisers that still hold it.
    pub finalizers: Vec<String>,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Annotations.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// Who owns which field, as the member reports it.
    pub managed_fields: Vec<Value>,
}
