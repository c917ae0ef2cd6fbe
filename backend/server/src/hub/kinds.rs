//! What each root serves: Kubernetes' own kinds, those of the federation, and whatever is defined at the hub by a
//! CustomResourceDefinition; and behind each, which record it shows.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use hanse_federation::{Resource, v2};
use hanse_machinery::{
    Descriptor, Schema,
    discovery::{Served, VERBS},
    schema::Type,
};
use hanse_store::types;
use serde_json::Value;

use super::route::Root;

/// Namespace of KubeFed's own objects.
pub const SYSTEM: &str = "kube-federation-system";

/// Which record a kind shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backing {
    /// An object kept at the hub.
    Local,
    /// A project.
    Namespace,
    /// A federated object in the words of Federation v2.
    Federated(Resource),
    /// A project's namespace in the words of Federation v2.
    FederatedNamespace(Resource),
    /// A federated object as a plain one; or one that is kept at the hub.
    Plain(Resource),
    /// A member cluster.
    Cluster,
}

/// A kind as a root serves it.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The root.
    pub root: Root,
    /// Names, scope, sub-resources.
    pub descriptor: Descriptor,
    /// What a definition says about its fields.
    pub custom: Option<Type>,
    /// The record behind it.
    pub backing: Backing,
}

impl Kind {
    /// `plural.group`.
    #[must_use]
    pub fn type_name(&self) -> String {
        let Descriptor { group, plural, .. } = &self.descriptor;
        if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") }
    }

    /// Whether it is a kind of this group.
    #[must_use]
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.descriptor.group == group && self.descriptor.kind == kind
    }

    /// Where what is kept of it is kept: KubeFed's kinds are the same at both roots.
    #[must_use]
    pub fn home(&self) -> Root {
        if self.descriptor.group.ends_with("kubefed.io") { Root::KubeFed } else { self.root }
    }

    /// Whether objects of it also follow from others.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        self.is("core.kubefed.io", "PropagatedVersion")
    }

    /// The type of its fields.
    #[must_use]
    pub fn fields(&self) -> Type {
        let of = || Schema::built_in().kind(&self.descriptor.api_version(), &self.descriptor.kind);
        self.custom.clone().or_else(of).unwrap_or_else(Schema::unknown)
    }
}

/// Everything that one root serves, and documents about it once they were asked for: clients read them again and again,
/// older ones before every request.
#[derive(Debug, Default)]
pub struct Catalogue(pub Vec<Arc<Kind>>, Mutex<HashMap<String, Bytes>>);

impl Catalogue {
    /// Of a root, with the kinds that can be federated and the definitions kept at the hub.
    #[must_use]
    pub fn of(root: Root, federated: &[types::Model], definitions: &[Value]) -> Self {
        let mut kinds = Vec::new();
        let mut add = |descriptor: Descriptor, custom: Option<Type>, backing: Backing| {
            kinds.push(Arc::new(Kind { root, descriptor, custom, backing }));
        };
        let local = |kind: &Descriptor| match root {
            Root::KubeFed => kind.kind != "Namespace",
            Root::Kube => matches!(kind.kind.as_str(), "Event" | "Lease"),
        };
        for kind in Descriptor::all_built_in() {
            if kind.kind == "Namespace" {
                add(kind, None, Backing::Namespace);
            } else if local(&kind) {
                add(kind, None, Backing::Local);
            }
        }
        for row in federated {
            let target = resource(row);
            // What was federated while a kind was on can be seen and removed after it was switched off.
            if root == Root::Kube && row.namespaced && row.enabled {
                let known = Descriptor::built_in(&target.api_version(), &row.kind);
                let kind = known.unwrap_or_else(|| {
                    Descriptor::custom(&target.api_version(), &row.kind, &row.plural, true, true)
                });
                add(kind, None, Backing::Plain(target.clone()));
            }
            if row.kind == "Namespace" {
                add(federated_kind(row), None, Backing::FederatedNamespace(target));
            } else if row.namespaced {
                add(federated_kind(row), None, Backing::Federated(target));
            }
        }
        for (api_version, kind, plural, short, namespaced, status) in KUBEFED {
            let mut descriptor = Descriptor::custom(api_version, kind, plural, *namespaced, *status);
            descriptor.short = short.iter().map(|name| (*name).to_owned()).collect();
            let backing = if *kind == "KubeFedCluster" { Backing::Cluster } else { Backing::Local };
            add(descriptor, None, backing);
        }
        if root == Root::KubeFed {
            for definition in definitions {
                for (descriptor, custom) in defined(definition) {
                    if !kinds.iter().any(|known| {
                        known.descriptor.group == descriptor.group
                            && known.descriptor.plural == descriptor.plural
                            && known.descriptor.version == descriptor.version
                    }) {
                        kinds.push(Arc::new(Kind { root, descriptor, custom, backing: Backing::Local }));
                    }
                }
            }
        }
        Self(kinds, Mutex::default())
    }

    /// A document about what is served, made when it is first asked for. `None`, which is not kept, when there is none.
    pub fn document(&self, name: &str, make: impl FnOnce(&Self) -> Option<Bytes>) -> Option<Bytes> {
        let known = self.1.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if known.is_some() {
            return known;
        }
        let made = make(self)?;
        self.1.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), made.clone());
        Some(made)
    }

    /// The kind that is served under a plural.
    #[must_use]
    pub fn by_plural(&self, api_version: &str, plural: &str) -> Option<Arc<Kind>> {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        self.0
            .iter()
            .find(|kind| {
                let kind = &kind.descriptor;
                kind.group == group && kind.version == version && kind.plural == plural
            })
            .cloned()
    }

    /// As discovery tells it.
    #[must_use]
    pub fn served(&self) -> Vec<Served> {
        let mut served: Vec<Served> = self
            .0
            .iter()
            .map(|kind| Served {
                kind: kind.descriptor.clone(),
                verbs: VERBS.iter().map(|verb| (*verb).to_owned()).collect(),
            })
            .collect();
        // Clients take the first group that knows a name: Kubernetes' own come first.
        served.sort_by_key(|served| {
            (served.kind.group.contains("kubefed.io"), !Descriptor::is_built_in(&served.kind))
        });
        served
    }
}

type Row = (&'static str, &'static str, &'static str, &'static [&'static str], bool, bool);

const KUBEFED: &[Row] = &[
    ("core.kubefed.io/v1beta1", "KubeFedCluster", "kubefedclusters", &[], true, true),
    ("core.kubefed.io/v1beta1", "KubeFedConfig", "kubefedconfigs", &[], true, false),
    ("core.kubefed.io/v1beta1", "FederatedTypeConfig", "federatedtypeconfigs", &["ftc"], true, true),
    ("core.kubefed.io/v1alpha1", "PropagatedVersion", "propagatedversions", &[], true, true),
    ("core.kubefed.io/v1alpha1", "ClusterPropagatedVersion", "clusterpropagatedversions", &[], false, true),
    (
        "scheduling.kubefed.io/v1alpha1",
        "ReplicaSchedulingPreference",
        "replicaschedulingpreferences",
        &["rsp"],
        true,
        true,
    ),
];

/// A row of the table of types as decisions name it.
#[must_use]
pub fn resource(row: &types::Model) -> Resource {
    Resource {
        group: row.group.clone(),
        version: row.version.clone(),
        kind: row.kind.clone(),
        plural: row.plural.clone(),
        namespaced: row.namespaced,
    }
}

fn federated_kind(row: &types::Model) -> Descriptor {
    let mut kind = Descriptor::custom(
        &format!("{}/v1beta1", v2::TYPES_GROUP),
        &format!("Federated{}", row.kind),
        &format!("federated{}", row.plural),
        true,
        true,
    );
    if let Some(known) = Descriptor::built_in(&resource(row).api_version(), &row.kind) {
        kind.short = known.short.iter().map(|name| format!("f{name}")).collect();
    }
    kind
}

/// The kinds that a CustomResourceDefinition defines, one per served version.
fn defined(definition: &Value) -> Vec<(Descriptor, Option<Type>)> {
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let list = |pointer: &str| -> Vec<String> {
        let items = definition.pointer(pointer).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (group, kind, plural) = (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"));
    let versions = definition.pointer("/spec/versions").and_then(Value::as_array);
    let served = versions
        .into_iter()
        .flatten()
        .filter(|version| version.get("served").and_then(Value::as_bool).unwrap_or(false));
    served
        .filter_map(|version| {
            let name = version.get("name").and_then(Value::as_str)?;
            let namespaced = text("/spec/scope") == "Namespaced";
            let status = version.pointer("/subresources/status").is_some();
            let mut descriptor =
                Descriptor::custom(&format!("{group}/{name}"), kind, plural, namespaced, status);
            if !text("/spec/names/singular").is_empty() {
                text("/spec/names/singular").clone_into(&mut descriptor.singular);
            }
            descriptor.short = list("/spec/names/shortNames");
            descriptor.categories = list("/spec/names/categories");
            let custom = version.pointer("/schema/openAPIV3Schema").map(Schema::custom);
            Some((descriptor, custom))
        })
        .collect()
}
