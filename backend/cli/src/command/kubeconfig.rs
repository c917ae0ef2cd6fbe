//! kubectl through Hanse: a kubeconfig with a context for the hub and for each cluster, and the plugin that it asks for
//! a token. The token of `hanse login` stays in its own file; only `--with-token` writes one, of its own and short-lived.

use std::{fs, io::Write as _, path::PathBuf};

use base64::Engine as _;
use clap::Args;
use hanse_types::{
    Name,
    cluster::Cluster,
    identity::{TokenCreate, TokenCreated},
    kubeconfig::{Kubeconfig as Content, Place, SignIn},
};
use serde_json::json;

use crate::{
    client::read,
    error::{Error, Result},
    shell::Shell,
};

/// Options of `hanse kubeconfig`.
#[derive(Clone, Debug, Args)]
pub struct Kubeconfig {
    /// Only this cluster; give it several times. The hub and all that you may see when left out
    #[arg(long = "cluster", value_name = "NAME")]
    clusters: Vec<String>,
    /// Write to this file, for you alone to read, instead of standard output
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write a token that is valid for a day into it, for a machine without this command
    #[arg(long)]
    with_token: bool,
    /// Lead to clusters by their own ports, where they have one
    #[arg(long)]
    ports: bool,
    /// Authority that signed the server's certificate (PEM), where it is one of your own
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
}

/// Writes a kubeconfig.
pub(crate) async fn run(shell: &mut Shell, args: &Kubeconfig) -> Result<()> {
    let target = shell.target()?;
    let api = shell.api()?;
    let mut known = Vec::new();
    for item in api.list(&["clusters"], &[("sort", "name")]).await? {
        let cluster: Cluster = read(item)?;
        let place = Place { name: cluster.name.to_string(), port: cluster.fixed_port };
        known.push(if args.ports { place } else { place.below() });
    }
    if let Some(missing) = args.clusters.iter().find(|name| !known.iter().any(|place| place.name == **name)) {
        return Err(Error::usage(format!(
            "there is no cluster {missing:?} that you may see: see `hanse clusters list`"
        )));
    }
    let authority = match &args.certificate_authority {
        None => None,
        Some(path) => {
            let pem = fs::read(path).map_err(|error| {
                Error::usage(format!("cannot read {}: {error}: give a PEM file", path.display()))
            })?;
            Some(base64::engine::general_purpose::STANDARD.encode(pem))
        }
    };
    // kubectl shows who it is over TLS only; the port of a server without a front speaks it, too.
    let (mut server, mut authority) = (target.server.clone(), authority);
    if server.scheme() == "http" {
        match api.authority().await {
            Ok(Some(pem)) => {
                authority = authority.or_else(|| Some(base64::engine::general_purpose::STANDARD.encode(pem)));
                let secure = server.to_string().replacen("http:", "https:", 1);
                server = secure.parse().map_err(|error| Error::usage(format!("{secure}: {error}")))?;
            }
            _ => shell.out.note(
                "warning: the server's URL is not https, and kubectl shows who you are over https only",
            ),
        }
    }
    let sign_in = if args.with_token {
        let name = Name::parse(format!("kubeconfig-{:08x}", rand::random::<u32>()))
            .map_err(|error| Error::failed(format!("cannot name the token: {error}"), ""))?;
        let request = TokenCreate { name, expires_in_days: Some(1), permissions: None };
        let made: TokenCreated = api.post(&["me", "tokens"], &request).await?.read()?;
        shell.out.note(format_args!(
            "its token is valid until {}; end it with `hanse token revoke {}`",
            made.token.expires_at.format("%Y-%m-%d %H:%M UTC"),
            made.token.name
        ));
        SignIn::Token(made.secret)
    } else {
        SignIn::Plugin
    };
    let content = Content {
        server: server.to_string(),
        login: target.server.to_string(),
        hub: args.clusters.is_empty(),
        clusters: known
            .into_iter()
            .filter(|place| args.clusters.is_empty() || args.clusters.contains(&place.name))
            .collect(),
        sign_in,
        authority,
        namespace: shell.globals.project.clone(),
    };
    let text = serde_saphyr::to_string(&content.to_value())
        .map_err(|error| Error::failed(format!("cannot write YAML: {error}"), ""))?;
    let Some(path) = &args.file else { return Ok(shell.out.raw(text.as_bytes())?) };
    write(path, &text).map_err(|error| {
        let next = "name a file in a folder that you may write to";
        Error::failed(format!("cannot write {}: {error}", path.display()), next)
    })?;
    shell.out.note(format_args!("written; use it with KUBECONFIG={}", path.display()));
    Ok(())
}

fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// Prints the token of the server that is meant, as kubectl asks for it.
pub(crate) fn credential(shell: &mut Shell) -> Result<()> {
    let target = shell.target()?;
    let token = target.token.ok_or_else(|| {
        Error::failed(
            format!("nobody has signed in to {}", target.server),
            format!("sign in with `hanse login {}`", target.server),
        )
    })?;
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": token},
    });
    Ok(shell.out.line(credential)?)
}
