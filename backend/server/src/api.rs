//! HTTP, and only HTTP: every route is listed here, every handler parses, calls one domain function and answers.

#![allow(clippy::disallowed_types, reason = "this is the module where HTTP belongs")]

mod agents;
mod body;
mod clusters;
mod extract;
mod federated;
mod idempotency;
mod kubeconfig;
mod layers;
mod live;
mod me;
mod overview;
mod platform_objects;
mod projects;
mod query;
mod respond;
mod session;
mod setup;
mod system;
mod users;
mod workspaces;

use std::sync::Arc;

pub(crate) use extract::{Op, credential};
pub(crate) use respond::Refused;

use axum::{Extension, Router, routing::get};
pub(crate) use extract::{authenticate, same_origin_always as same_origin};
pub(crate) use respond::{refused, status as status_of};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::Platform;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hanse",
        description = "One platform that governs many Kubernetes clusters for many tenants.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(
        hanse_types::ApiError,
        hanse_types::live::ClientFrame,
        hanse_types::live::ServerFrame
    ))
)]
struct Document;

/// Every route of `/api/v1`.
fn routes() -> OpenApiRouter<Arc<Platform>> {
    OpenApiRouter::new()
        .routes(routes!(setup::state, setup::complete))
        .routes(routes!(setup::url_test))
        .routes(routes!(session::sign_in))
        .routes(routes!(session::sign_out))
        .routes(routes!(me::get, me::update))
        .routes(routes!(me::change_password))
        .routes(routes!(me::access))
        .routes(routes!(me::tokens, me::create_token))
        .routes(routes!(me::revoke_token))
        .routes(routes!(overview::get))
        .routes(routes!(overview::audit))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::update, users::delete))
        .routes(routes!(users::permissions))
        .routes(routes!(users::roles))
        .routes(routes!(clusters::list, clusters::import))
        .routes(routes!(clusters::probe))
        .routes(routes!(kubeconfig::get))
        .routes(routes!(agents::create))
        .routes(routes!(agents::join_token))
        .routes(routes!(agents::revoke))
        .routes(routes!(clusters::get, clusters::update, clusters::detach))
        .routes(routes!(workspaces::list, workspaces::create))
        .routes(routes!(workspaces::get, workspaces::update, workspaces::delete))
        .routes(routes!(workspaces::members))
        .routes(routes!(workspaces::put_member, workspaces::remove_member))
        .routes(routes!(workspaces::projects, workspaces::create_project))
        .routes(routes!(projects::get, projects::update, projects::delete))
        .routes(routes!(projects::members))
        .routes(routes!(projects::put_member, projects::remove_member))
        .routes(routes!(federated::types))
        .routes(routes!(federated::plan))
        .routes(routes!(federated::list, federated::create))
        .routes(routes!(federated::get, federated::replace, federated::patch, federated::delete))
        .routes(routes!(federated::revisions))
        .routes(routes!(platform_objects::plan))
        .routes(routes!(platform_objects::list, platform_objects::create))
        .routes(routes!(
            platform_objects::get,
            platform_objects::replace,
            platform_objects::patch,
            platform_objects::delete
        ))
        .routes(routes!(platform_objects::revisions))
        .routes(routes!(live::connect))
}

/// The OpenAPI document, generated from the routes.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let (_, mut api) = OpenApiRouter::<Arc<Platform>>::with_openapi(Document::openapi())
        .nest("/api/v1", routes())
        .split_for_parts();
    for (path, item) in &mut api.paths.paths {
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(operation_id(method, path));
            }
        }
    }
    api
}

/// `get /api/v1/clusters/{cluster}` is `getClustersByCluster`: handlers share names, operations must not.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for part in path.trim_start_matches("/api/v1/").split('/') {
        let name = part.trim_matches(['{', '}']);
        if part.starts_with('{') {
            id.push_str("By");
        }
        for word in name.split('-') {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id
}

/// The service on a port of a cluster's own.
pub(crate) fn port_router(platform: &Arc<Platform>, door: crate::gateway::ports::Door) -> Router {
    let gateway = Router::new().fallback(crate::gateway::serve_port);
    layers::wrap_streams(gateway, platform).layer(Extension(door)).with_state(Arc::clone(platform))
}

/// The whole HTTP service.
pub fn router(platform: &Arc<Platform>) -> Router {
    let (api, _) = OpenApiRouter::new().nest("/api/v1", routes()).split_for_parts();
    let api = api
        .route("/api/v1/openapi.json", get(system::openapi))
        .route("/api/{*rest}", axum::routing::any(system::no_route))
        .route("/agent/v1/join", axum::routing::post(agents::join))
        .route("/agent/v1/tunnel", get(agents::tunnel))
        .route("/healthz", get(system::healthz))
        .route("/readyz", get(system::readyz))
        .route("/metrics", get(system::metrics))
        .route("/ca.pem", get(system::authority))
        .merge(crate::hub::http::routes())
        .fallback(crate::web::serve)
        .method_not_allowed_fallback(system::no_method);
    // Bodies of the gateway are streams without an end that anybody knows, so it has no part in deadlines and replays.
    let gateway = Router::new()
        .route("/clusters/{cluster}/", axum::routing::any(crate::gateway::serve))
        .route("/clusters/{cluster}/{*path}", axum::routing::any(crate::gateway::serve));
    layers::wrap(api, platform)
        .merge(layers::wrap_streams(gateway, platform))
        .with_state(Arc::clone(platform))
}
