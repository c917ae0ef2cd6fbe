//! Which kinds can be federated.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, Set, sea_query::OnConflict,
};

use crate::{
    Store, StoreError, Tx, WriteContext,
    entity::{federated_object, federated_type},
};

pub use crate::entity::federated_type::Model;

/// A kind that comes with the release: group, version, kind, plural, namespaced.
pub type BuiltIn = (&'static str, &'static str, &'static str, &'static str, bool);

/// Kinds that come with the release and are on (FEDERATION.md §1).
pub const BUILT_IN: &[BuiltIn] = &[
    ("", "v1", "Namespace", "namespaces", false),
    ("apps", "v1", "Deployment", "deployments", true),
    ("apps", "v1", "ReplicaSet", "replicasets", true),
    ("apps", "v1", "StatefulSet", "statefulsets", true),
    ("apps", "v1", "DaemonSet", "daemonsets", true),
    ("batch", "v1", "Job", "jobs", true),
    ("batch", "v1", "CronJob", "cronjobs", true),
    ("", "v1", "Service", "services", true),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", true),
    ("", "v1", "ConfigMap", "configmaps", true),
    ("", "v1", "Secret", "secrets", true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true),
    ("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", true),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", true),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", true),
    ("", "v1", "LimitRange", "limitranges", true),
    ("", "v1", "ResourceQuota", "resourcequotas", true),
    ("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", false),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", false),
    ("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", false),
];

/// A kind to be federated, or no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// API group; empty for the core group.
    pub group: String,
    /// Version of the API.
    pub version: String,
    /// Kind.
    pub kind: String,
    /// Plural.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it may be federated.
    pub enabled: bool,
}

impl Declared {
    /// `plural.group`.
    #[must_use]
    pub fn name(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// Declares a kind. Of one that is known only its version and whether it is on may change.
///
/// # Errors
/// [`StoreError::Conflict`] when the name or the kind is known otherwise.
pub async fn declare(tx: &Tx, declared: &Declared) -> Result<(), StoreError> {
    let known = federated_type::Entity::find()
        .filter(federated_type::Column::Group.eq(&declared.group))
        .filter(
            Condition::any()
                .add(federated_type::Column::Plural.eq(&declared.plural))
                .add(federated_type::Column::Kind.eq(&declared.kind)),
        )
        .all(tx.db())
        .await?;
    let other = known.iter().find(|row| {
        (&row.kind, &row.plural, row.namespaced) != (&declared.kind, &declared.plural, declared.namespaced)
    });
    if let Some(row) = other {
        let scope = if row.namespaced { "Namespaced" } else { "Cluster" };
        return Err(StoreError::Conflict(format!(
            "{} is known as kind {} with plural {} and scope {scope}",
            row.r#type, row.kind, row.plural
        )));
    }
    let row = federated_type::ActiveModel {
        r#type: Set(declared.name()),
        group: Set(declared.group.clone()),
        version: Set(declared.version.clone()),
        kind: Set(declared.kind.clone()),
        plural: Set(declared.plural.clone()),
        namespaced: Set(declared.namespaced),
        built_in: Set(false),
        enabled: Set(declared.enabled),
    };
    federated_type::Entity::insert(row)
        .on_conflict(
            OnConflict::column(federated_type::Column::Type)
                .update_columns([federated_type::Column::Version, federated_type::Column::Enabled])
                .to_owned(),
        )
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}

/// Takes a declaration back: the kind is switched off, and forgotten where it neither came with the release nor has
/// objects.
///
/// # Errors
/// When the database refuses.
pub async fn withdraw(tx: &Tx, name: &str) -> Result<(), StoreError> {
    let used =
        federated_object::Entity::find().filter(federated_object::Column::Type.eq(name)).count(tx.db());
    let Some(row) = federated_type::Entity::find_by_id(name.to_owned()).one(tx.db()).await? else {
        return Ok(());
    };
    if row.built_in || used.await? > 0 {
        let off = federated_type::ActiveModel { enabled: Set(false), ..row.into() };
        off.update(tx.db()).await?;
    } else {
        federated_type::Entity::delete_by_id(name.to_owned()).exec(tx.db()).await?;
    }
    Ok(())
}

impl Store {
    /// Sees to it that the built-in kinds are there; what was switched off stays off.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn ensure_built_in_types(&self, context: &WriteContext) -> Result<(), StoreError> {
        let tx = self.begin(context).await?;
        let rows = BUILT_IN.iter().map(|(group, version, kind, plural, namespaced)| {
            let name = if group.is_empty() { (*plural).to_owned() } else { format!("{plural}.{group}") };
            federated_type::ActiveModel {
                r#type: Set(name),
                group: Set((*group).to_owned()),
                version: Set((*version).to_owned()),
                kind: Set((*kind).to_owned()),
                plural: Set((*plural).to_owned()),
                namespaced: Set(*namespaced),
                built_in: Set(true),
                enabled: Set(true),
            }
        });
        federated_type::Entity::insert_many(rows)
            .on_conflict(
                OnConflict::column(federated_type::Column::Type)
                    .update_columns([federated_type::Column::Version, federated_type::Column::BuiltIn])
                    .to_owned(),
            )
            .exec_without_returning(tx.db())
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Kinds by name.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_types(&self) -> Result<Vec<Model>, StoreError> {
        Ok(federated_type::Entity::find().order_by_asc(federated_type::Column::Type).all(self.db()).await?)
    }

    /// The kind of a template.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn federated_type(&self, group: &str, kind: &str) -> Result<Option<Model>, StoreError> {
        if let Some(known) = self.known().type_of(group, kind) {
            return Ok(Some(known));
        }
        let as_of = self.known().as_of();
        let row = federated_type::Entity::find()
            .filter(federated_type::Column::Group.eq(group))
            .filter(federated_type::Column::Kind.eq(kind))
            .one(self.db())
            .await?;
        if let Some(row) = &row {
            self.known().keep_type(as_of, row);
        }
        Ok(row)
    }
}
