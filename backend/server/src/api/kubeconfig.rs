//! The kubeconfig for download, with a context for the hub and for each cluster that the caller may know.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use base64::Engine as _;
use hanse_types::kubeconfig::{Kubeconfig, Place, SignIn};
use serde::Deserialize;

use super::{extract::Op, query::Query};
use crate::{
    Platform, clusters,
    error::{Error, Result},
};

/// Query of the kubeconfig.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Only this cluster.
    cluster: Option<String>,
    /// Lead to clusters by their own ports, where they have one.
    #[serde(default)]
    ports: bool,
}

/// A kubeconfig (YAML) without secrets: kubectl asks `hanse kube-credential` for the token of `hanse login`.
#[utoipa::path(get, path = "/kubeconfig", tag = "clusters", params(Which),
    responses((status = OK, body = String, content_type = "application/yaml")))]
pub(super) async fn get(
    State(platform): State<Arc<Platform>>,
    Op(op): Op,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Result<Response> {
    let (clusters, hub) = match which.cluster {
        Some(name) => {
            let found = clusters::get(&platform, &op, &name).await?;
            (vec![Place { name: found.name.to_string(), port: found.fixed_port }], false)
        }
        None => {
            let found = clusters::names(&platform, &op).await?;
            (found.into_iter().map(|(name, port)| Place { name, port }).collect(), true)
        }
    };
    let clusters =
        clusters.into_iter().map(|place| if which.ports { place } else { place.below() }).collect();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // kubectl shows who it is over TLS only; the port that was asked speaks it, too.
    let server = match &platform.config.server.public_url {
        Some(url) => url.to_string(),
        None => format!("https://{}", text("host").unwrap_or("localhost")),
    };
    let authority = platform
        .tls
        .authority
        .as_ref()
        .map(|pem| base64::engine::general_purpose::STANDARD.encode(pem))
        .filter(|_| server.starts_with("https://") && platform.config.server.public_url.is_none());
    let login = match &platform.config.server.public_url {
        Some(_) => server.clone(),
        None => format!("http://{}", text("host").unwrap_or("localhost")),
    };
    let config =
        Kubeconfig { server, login, clusters, hub, sign_in: SignIn::Plugin, authority, namespace: None };
    let body = serde_saphyr::to_string(&config.to_value()).map_err(Error::internal)?;
    let place = "attachment; filename=\"hanse-kubeconfig.yaml\"";
    Ok(([(header::CONTENT_TYPE, "application/yaml"), (header::CONTENT_DISPOSITION, place)], body)
        .into_response())
}
