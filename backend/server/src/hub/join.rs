//! Joining in the words of KubeFed: a Secret with a token and a KubeFedCluster that names it take a cluster in, by the
//! same ladder and the same function as everything else. The credential is sealed with the cluster and the Secret is
//! spent; what reads back leads to the gateway with the caller's own token. Leaving is the KubeFedCluster's deletion.

use std::collections::BTreeMap;

use base64::Engine as _;
use hanse_machinery::{Status, json};
use hanse_store::{hub, workspaces};
use hanse_types::{
    ClusterName, FieldError,
    cluster::ClusterImport,
    error::ErrorCode,
    probe::{ProbeState, ProbeStep},
};
use serde_json::{Value, json};

use super::{fault::Fault, kinds::SYSTEM, render, route::Root, shelf::Source, write::Writer};
use crate::{
    clusters::{self, Joining},
    error::Error,
};

/// Annotation with the workspace that a joining cluster is granted to; without it the one called `default`, if there is
/// one.
const WORKSPACE: &str = "hanse.io/workspace";
/// That workspace.
const DEFAULT: &str = "default";

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn fault(field: &str, message: impl Into<String>) -> Error {
    Error::invalid(field, message)
}

/// Takes in the cluster that a KubeFedCluster describes.
///
/// # Errors
/// 422 with the field that the failed step of the ladder is about, `already_exists`, `forbidden`.
pub async fn join(writer: &Writer<'_>, object: &Value) -> Result<(), Fault> {
    let (platform, op) = (writer.platform, writer.op);
    clusters::may_import(platform, op)?;
    let name = text(object, "/metadata/name");
    let name =
        ClusterName::parse(name.to_owned()).map_err(|error| fault("metadata.name", error.to_string()))?;
    if platform.store.cluster(name.as_str()).await?.is_some() {
        return Err(Error::already_exists("cluster", name.as_str()).into());
    }
    let insecure = unchecked(object)?;
    let secret_name = text(object, "/spec/secretRef/name");
    let secret = secret(writer, secret_name).await?;
    let labels: BTreeMap<String, String> =
        serde_json::from_value(object.pointer("/metadata/labels").cloned().unwrap_or_else(|| json!({})))
            .map_err(|error| fault("metadata.labels", error.to_string()))?;
    let workspace = workspace(writer, object).await?;
    let mut own = render::own_metadata(object, true);
    if let Some(own) = own.as_object_mut() {
        own.remove("labels");
    }
    let joining = Joining {
        root: Root::KubeFed.as_str(),
        body: json!({"metadata": own, "secret": secret_name}),
        spent: &secret,
        workspace,
    };
    let request = ClusterImport {
        name,
        display_name: None,
        labels,
        kubeconfig: kubeconfig(object, &secret, insecure)?.to_string(),
        context: None,
        force: false,
        fixed_port: false,
    };
    clusters::import_joining(platform, op, request, Some(joining)).await.map_err(in_words)?;
    Ok(())
}

/// Whether the member's certificate is not to be looked at.
fn unchecked(object: &Value) -> Result<bool, Error> {
    let disabled = object.pointer("/spec/disabledTLSValidations").and_then(Value::as_array);
    let disabled: Vec<&str> = disabled.into_iter().flatten().filter_map(Value::as_str).collect();
    match disabled.as_slice() {
        [] => Ok(false),
        ["*"] => Ok(true),
        _ => Err(fault(
            "spec.disabledTLSValidations",
            "a member's certificate is looked at as a whole or, with \"*\", not at all: give the authority that signed it as caBundle and a name that it is for in apiEndpoint, or say \"*\"",
        )),
    }
}

/// The Secret that holds the token.
async fn secret(writer: &Writer<'_>, name: &str) -> Result<hub::Local, Fault> {
    let catalogue = writer.platform.shelves.catalogue(Root::KubeFed).await?;
    let kind = catalogue.by_plural("v1", "secrets").ok_or_else(Status::no_such_path)?;
    let found = writer.platform.shelves.find(&kind, &(SYSTEM.to_owned(), name.to_owned())).await?;
    match found.as_ref().map(|item| &item.source) {
        Some(Source::Local(local)) => Ok((**local).clone()),
        _ => Err(fault(
            "spec.secretRef.name",
            format!(
                "there is no Secret {name:?} in {SYSTEM}: make it first, with the member's token as `token`"
            ),
        )
        .into()),
    }
}

/// How the member is reached, in the words in which clusters are imported.
fn kubeconfig(object: &Value, secret: &hub::Local, insecure: bool) -> Result<Value, Error> {
    let decode = |name: &str| {
        let encoded = secret.object.pointer(&format!("/data/{name}")).and_then(Value::as_str)?;
        base64::engine::general_purpose::STANDARD.decode(encoded).ok()
    };
    let token = decode("token")
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|token| token.trim().to_owned())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            fault(
                "spec.secretRef.name",
                format!("the Secret {:?} has no `token`: put the member's bearer token there", secret.name),
            )
        })?;
    let endpoint = text(object, "/spec/apiEndpoint");
    let mut cluster = json!({"server": endpoint});
    if !endpoint.contains("://") {
        // What KubeFed's clients make of a host and a port.
        json::set(&mut cluster, &["server"], format!("https://{endpoint}"));
    }
    let authority = text(object, "/spec/caBundle");
    if insecure {
        json::set(&mut cluster, &["insecure-skip-tls-verify"], true);
    } else if !authority.is_empty() {
        json::set(&mut cluster, &["certificate-authority-data"], authority);
    }
    let proxy = text(object, "/spec/proxyURL");
    if !proxy.is_empty() {
        json::set(&mut cluster, &["proxy-url"], proxy);
    }
    Ok(json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "member",
        "clusters": [{"name": "member", "cluster": cluster}],
        "users": [{"name": "hub", "user": {"token": token}}],
        "contexts": [{"name": "member", "context": {"cluster": "member", "user": "hub"}}],
    }))
}

/// The workspace that the cluster is granted to.
async fn workspace(writer: &Writer<'_>, object: &Value) -> Result<Option<workspaces::Model>, Fault> {
    let field = "metadata.annotations[hanse.io/workspace]";
    let annotations = object.pointer("/metadata/annotations");
    let named =
        annotations.and_then(|annotations| annotations.get(WORKSPACE)).and_then(Value::as_str).unwrap_or("");
    let name = if named.is_empty() { DEFAULT } else { named };
    let Some(located) = writer.platform.store.workspace(name).await? else {
        if named.is_empty() {
            return Ok(None);
        }
        return Err(fault(field, format!("workspace {name:?} does not exist: make it first")).into());
    };
    let permission = "platform.workspaces.manage";
    let allowed =
        writer.platform.decisions.allows(&writer.op.actor, permission, hanse_authz::Scope::Platform);
    if allowed {
        let (decisions, actor) = (&writer.platform.decisions, &writer.op.actor);
        let handle = hanse_authz::authorize(decisions, actor, "workspace.settings.manage", located)
            .map_err(crate::error::denied("workspace", name))?;
        return Ok(Some(handle.into_inner()));
    }
    if named.is_empty() {
        return Ok(None);
    }
    Err(Error::forbidden(permission).into())
}

/// A refusal of the import in the words of a KubeFedCluster.
fn in_words(mut error: Error) -> Fault {
    if let Some(report) = error.probe.as_ref().filter(|_| error.code == ErrorCode::ProbeFailed) {
        let failed = report.steps.iter().find(|step| step.state == ProbeState::Failed);
        let field = match failed.map(|step| step.step) {
            Some(ProbeStep::Tls) => "spec.caBundle",
            Some(ProbeStep::Authentication | ProbeStep::Permissions) => "spec.secretRef.name",
            Some(ProbeStep::Parse) => "spec",
            _ => "spec.apiEndpoint",
        };
        error.fields = vec![FieldError { field: field.to_owned(), message: error.message.clone() }];
    }
    for fault in &mut error.fields {
        if fault.field == "kubeconfig" {
            "spec".clone_into(&mut fault.field);
        } else if fault.field.starts_with("labels.") {
            fault.field = format!("metadata.{}", fault.field);
        }
    }
    Fault::Error(error)
}
