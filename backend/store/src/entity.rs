//! Rows as they are stored. Fields mean what their columns mean in `hanse-migrations`; words of closed vocabularies are
//! kept as text and parsed by the query modules.

#![allow(missing_docs, reason = "columns are documented in the migrations and in docs/architecture.md")]

macro_rules! entity {
    ($(#[$meta:meta])* $module:ident = $table:literal { $($body:tt)* }) => {
        $(#[$meta])*
        pub mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model { $($body)* }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity! { meta = "meta" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub value: String,
} }

entity! { change = "change" {
    #[sea_orm(primary_key)]
    pub revision: i64,
    pub kind: String,
    pub object_id: Uuid,
    pub workspace_id: Option<Uuid>,
    pub project_id: Option<Uuid>,
    pub cluster_id: Option<Uuid>,
    pub name: String,
    pub op: String,
    pub at: DateTimeUtc,
} }

entity! { audit = "audit" {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub actor_id: Option<Uuid>,
    pub actor: String,
    pub token_id: Option<Uuid>,
    pub address: Option<String>,
    pub verb: String,
    pub kind: String,
    pub name: String,
    pub workspace: Option<String>,
    pub project: Option<String>,
    pub cluster: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub result: String,
    pub request_id: String,
    pub duration_ms: i64,
    pub prev_hash: String,
    pub hash: String,
} }

entity! { idempotency = "idempotency" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: String,
    pub request: String,
    pub body_hash: String,
    pub status: Option<i32>,
    pub headers: Option<String>,
    pub body: Option<String>,
    pub created_at: DateTimeUtc,
} }

entity! { user = "users" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub language: Option<String>,
    pub password_hash: Option<String>,
    pub state: String,
    pub last_sign_in_at: Option<DateTimeUtc>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
} }

entity! { session = "sessions" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub token_hash: String,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
} }

entity! { access_token = "access_tokens" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    pub token_hash: String,
    pub permissions: Option<Json>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub last_used_at: Option<DateTimeUtc>,
} }

entity! { role_binding = "role_bindings" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub scope: String,
    pub scope_id: Uuid,
    pub subject_kind: String,
    pub subject_id: Uuid,
    pub role: String,
    pub created_at: DateTimeUtc,
} }

entity! { workspace = "workspaces" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
} }

entity! { workspace_cluster = "workspace_clusters" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub cluster_id: Uuid,
} }

entity! { project = "projects" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub name: String,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub labels: Option<Json>,
    pub annotations: Option<Json>,
} }

entity! { project_cluster = "project_clusters" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub cluster_id: Uuid,
} }

entity! { cluster = "clusters" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: String,
    pub display_name: Option<String>,
    pub labels: Json,
    pub connection: String,
    pub endpoint: String,
    pub insecure: bool,
    pub system_uid: String,
    pub credential: Option<Json>,
    pub fixed_port: Option<i32>,
    pub take_over: bool,
    pub version: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
} }

entity! { agent_token = "agent_tokens" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub cluster_id: Uuid,
    pub secret_hash: String,
    pub created_by: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub used_at: Option<DateTimeUtc>,
} }

entity! { agent_certificate = "agent_certificates" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub serial: String,
    pub cluster_id: Uuid,
    pub issued_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub revoked_at: Option<DateTimeUtc>,
} }

entity! { cluster_status = "cluster_status" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub cluster_id: Uuid,
    pub status: Json,
    pub observed_at: DateTimeUtc,
} }

entity! { secret = "secrets" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_kind: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub purpose: String,
    pub key_id: String,
    pub sealed: Vec<u8>,
} }

entity! { federated_type = "federated_types" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub r#type: String,
    pub group: String,
    pub version: String,
    pub kind: String,
    pub plural: String,
    pub namespaced: bool,
    pub built_in: bool,
    pub enabled: bool,
} }

entity! { federated_object = "federated_objects" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub project_id: Option<Uuid>,
    pub r#type: String,
    pub api_version: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub generation: i64,
    pub version: i64,
    pub spec: Json,
    pub sealed: Option<Vec<u8>>,
    pub key_id: Option<String>,
    pub placed: Json,
    pub created_by: String,
    pub updated_by: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub deleted_at: Option<DateTimeUtc>,
    pub kept: Option<Json>,
} }

entity! { federated_revision = "federated_revisions" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: i64,
    pub spec: Json,
    pub sealed: Option<Vec<u8>>,
    pub key_id: Option<String>,
    pub author: String,
    pub at: DateTimeUtc,
} }

entity! { federated_status = "federated_status" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_id: Uuid,
    pub phase: String,
    pub status: Json,
    pub observed_at: DateTimeUtc,
} }

entity! { removal = "removals" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub cluster_id: Uuid,
    pub object_id: Option<Uuid>,
    pub r#type: String,
    pub api_version: String,
    pub namespace: String,
    pub name: String,
    pub mode: String,
    pub options: Option<Json>,
    pub reason: String,
    pub requested_by: String,
    pub at: DateTimeUtc,
} }

entity! { hub_object = "hub_objects" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub root: String,
    pub r#type: String,
    pub namespace: String,
    pub name: String,
    pub version: i64,
    pub object: String,
    pub sealed: Option<Vec<u8>>,
    pub key_id: Option<String>,
} }

entity! { hub_view = "hub_views" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub object_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub root: String,
    pub generation: i64,
    pub view: String,
    pub sealed: Option<Vec<u8>>,
    pub key_id: Option<String>,
} }

entity! { hub_owner = "hub_owners" {
    #[sea_orm(primary_key, auto_increment = false)]
    pub dependent_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub root: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_id: Uuid,
} }
