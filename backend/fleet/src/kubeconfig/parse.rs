//! Reading a kubeconfig: choosing the context and following it to its cluster and user. The text becomes a tree under
//! strict limits, and the tree is walked with the path in hand.

use serde_json::Value;
use thiserror::Error;
use url::Url;

use super::{Access, Proxy, ProxyScheme, Secret, pem, tree::Node};

/// Longest text that is read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

pub(super) const FLATTEN: &str = "Embed the contents: `kubectl config view --flatten --minify --raw` prints a kubeconfig \
     that holds everything it needs.";

/// Why a kubeconfig was not accepted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct KubeconfigError {
    /// Path of the field, such as `users[1].user.client-key-data`; empty when it is about the whole text.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// What to do.
    pub fix: String,
}

impl KubeconfigError {
    pub(super) fn at(path: &str, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { path: path.to_owned(), message: message.into(), fix: fix.into() }
    }
}

/// An accepted kubeconfig.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Names of its contexts, in order.
    pub contexts: Vec<String>,
    /// The one that was chosen.
    pub context: String,
    /// What is needed to reach its cluster.
    pub access: Access,
}

/// Names of a kubeconfig's contexts, in order, and the current one; for choosing before [`parse`].
///
/// # Errors
/// When the text is no kubeconfig.
pub fn contexts(text: &str) -> Result<(Vec<String>, Option<String>), KubeconfigError> {
    let root = document(text)?;
    let root = Node::root(&root);
    let names = names(&root, "contexts", "context")?;
    Ok((names, root.optional_name("current-context")?))
}

/// Reads a kubeconfig. Without `context`, the current context is taken, or the only one.
///
/// # Errors
/// When the text is malformed, holds something that is not supported, or leaves the context open. The error names the
/// field and says what to do.
pub fn parse(text: &str, context: Option<&str>) -> Result<Parsed, KubeconfigError> {
    let root = document(text)?;
    let root = Node::root(&root);
    let contexts = names(&root, "contexts", "context")?;
    let context = choose(&root, &contexts, context)?;

    let chosen = entry(&root, "contexts", "context", &context, "")?;
    let (cluster_name, user_name) = (chosen.name("cluster")?, chosen.name("user")?);
    let cluster = entry(&root, "clusters", "cluster", &cluster_name, &chosen.child_path("cluster"))?;
    let user = entry(&root, "users", "user", &user_name, &chosen.child_path("user"))?;

    let credential = super::user::credential(&user)?;
    let insecure = cluster.flag("insecure-skip-tls-verify")?;
    let server_ca = server_ca(&cluster)?;
    if insecure && server_ca.is_some() {
        return Err(KubeconfigError::at(
            &cluster.child_path("insecure-skip-tls-verify"),
            "is set although a certificate authority is given",
            "Remove insecure-skip-tls-verify: with the certificate authority the server can be verified.",
        ));
    }
    let access = Access {
        endpoint: endpoint(&cluster)?,
        server_ca,
        tls_server_name: tls_server_name(&cluster)?,
        insecure,
        proxy: proxy(&cluster)?,
        credential,
    };
    Ok(Parsed { contexts, context, access })
}

/// The text as a tree. Aliases may be used, but not to blow a small text up to a large tree.
fn document(text: &str) -> Result<Value, KubeconfigError> {
    if text.len() > MAX_BYTES {
        return Err(KubeconfigError::at(
            "",
            format!("the kubeconfig is {} bytes long; at most {MAX_BYTES} are read", text.len()),
            "Print only what is needed: `kubectl config view --flatten --minify --raw`.",
        ));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 100_000,
            max_aliases: 100,
            max_anchors: 100,
            max_depth: 32,
            max_nodes: 50_000,
            max_total_scalar_bytes: 2 * MAX_BYTES,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 100,
        },
        with_snippet: false,
    };
    let tree: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        // The text holds secrets, and a parser's message may quote it: only the place is passed on.
        let place = error
            .location()
            .map(|at| format!(" at line {}, column {}", at.line(), at.column()))
            .unwrap_or_default();
        KubeconfigError::at(
            "",
            format!("the text is not well-formed YAML or JSON{place}"),
            "Paste the whole file as `kubectl config view --flatten --minify --raw` prints it.",
        )
    })?;
    let root = Node::root(&tree);
    if !tree.is_object() {
        return Err(KubeconfigError::at(
            "",
            "the text is not a kubeconfig",
            "Paste the whole file as `kubectl config view --flatten --minify --raw` prints it.",
        ));
    }
    for (key, expected) in [("kind", "Config"), ("apiVersion", "v1")] {
        if let Some(found) = root.optional_name(key)?.filter(|found| found != expected) {
            return Err(KubeconfigError::at(
                key,
                format!("is {found:?} where a kubeconfig has {expected:?}"),
                "Give a kubeconfig, not another Kubernetes object.",
            ));
        }
    }
    Ok(tree)
}

/// Names of a list's entries; a name that comes twice leaves open which is meant.
fn names(root: &Node<'_>, list: &str, what: &str) -> Result<Vec<String>, KubeconfigError> {
    let mut names: Vec<String> = Vec::new();
    for item in root.list(list)? {
        let name = item.name("name")?;
        if names.contains(&name) {
            return Err(KubeconfigError::at(
                &item.child_path("name"),
                format!("a second {what} is called {name:?}"),
                "Give each entry a name of its own.",
            ));
        }
        names.push(name);
    }
    Ok(names)
}

fn choose(root: &Node<'_>, contexts: &[String], wanted: Option<&str>) -> Result<String, KubeconfigError> {
    let known = |name: &str| contexts.iter().any(|context| context == name);
    let among = || format!("Choose one of: {}.", contexts.join(", "));
    if contexts.is_empty() {
        return Err(KubeconfigError::at(
            "contexts",
            "is empty: nothing says which cluster and user belong together",
            "Print a complete kubeconfig: `kubectl config view --flatten --minify --raw`.",
        ));
    }
    if let Some(name) = wanted.filter(|name| !name.is_empty()) {
        return if known(name) {
            Ok(name.to_owned())
        } else {
            Err(KubeconfigError::at("contexts", format!("no context is called {name:?}"), among()))
        };
    }
    match root.optional_name("current-context")?.filter(|name| !name.is_empty()) {
        Some(name) if known(&name) => Ok(name),
        Some(name) => {
            Err(KubeconfigError::at("current-context", format!("no context is called {name:?}"), among()))
        }
        None => match contexts {
            [only] => Ok(only.clone()),
            _ => Err(KubeconfigError::at(
                "contexts",
                format!("there are {} contexts and none is chosen", contexts.len()),
                among(),
            )),
        },
    }
}

/// The body of a named entry: `users[1].user` for the user called `name`.
fn entry<'a>(
    root: &Node<'a>,
    list: &str,
    key: &str,
    name: &str,
    named_at: &str,
) -> Result<Node<'a>, KubeconfigError> {
    names(root, list, key)?;
    for item in root.list(list)? {
        if item.name("name")? == name {
            return item.object(key);
        }
    }
    Err(KubeconfigError::at(
        named_at,
        format!("no entry of {list} is called {name:?}"),
        "Print a complete kubeconfig: `kubectl config view --flatten --minify --raw`.",
    ))
}

fn endpoint(cluster: &Node<'_>) -> Result<Url, KubeconfigError> {
    let path = cluster.child_path("server");
    let wrong = |message: String| {
        KubeconfigError::at(&path, message, "Give the URL of the API server, such as https://10.0.0.1:6443.")
    };
    let text = cluster.text("server")?.ok_or_else(|| wrong("is missing".to_owned()))?;
    let mut url = Url::parse(text.trim()).map_err(|error| wrong(format!("is not a URL: {error}")))?;
    if url.scheme() != "https" {
        return Err(wrong(format!("is not an https URL (it starts with {:?})", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user name or password, which belong in users".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a query or fragment, which an API server's URL has not".to_owned()));
    }
    let trimmed = url.path().trim_end_matches('/').to_owned();
    url.set_path(&trimmed);
    Ok(url)
}

fn server_ca(cluster: &Node<'_>) -> Result<Option<String>, KubeconfigError> {
    match cluster.text("certificate-authority-data")?.filter(|text| !text.is_empty()) {
        Some(data) => {
            let path = cluster.child_path("certificate-authority-data");
            pem::certificates(&path, &data).map(Some)
        }
        None => {
            cluster.refuse_file("certificate-authority")?;
            Ok(None)
        }
    }
}

fn tls_server_name(cluster: &Node<'_>) -> Result<Option<String>, KubeconfigError> {
    let Some(name) = cluster.text("tls-server-name")?.filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
        return Err(KubeconfigError::at(
            &cluster.child_path("tls-server-name"),
            format!("{name:?} is neither a host name nor an address"),
            "Give a name that the server's certificate carries.",
        ));
    }
    Ok(Some(name))
}

fn proxy(cluster: &Node<'_>) -> Result<Option<Proxy>, KubeconfigError> {
    let Some(text) = cluster.text("proxy-url")?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = |message: String| {
        KubeconfigError::at(
            &cluster.child_path("proxy-url"),
            message,
            "Give http://host:port, https://host:port or socks5://host:port.",
        )
    };
    let url = Url::parse(text.trim()).map_err(|error| wrong(format!("is not a URL: {error}")))?;
    let (scheme, default_port) = match url.scheme() {
        "http" => (ProxyScheme::Http, 80),
        "https" => (ProxyScheme::Https, 443),
        "socks5" | "socks5h" => (ProxyScheme::Socks5, 1080),
        other => return Err(wrong(format!("has the scheme {other:?}, which is not supported"))),
    };
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| wrong("names no host".to_owned()))?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let login = if url.username().is_empty() {
        None
    } else {
        let decode = |text: &str| {
            percent_encoding::percent_decode_str(text)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| wrong("holds a login that is not text".to_owned()))
        };
        Some((decode(url.username())?, Secret::new(decode(url.password().unwrap_or_default())?)))
    };
    Ok(Some(Proxy { scheme, host: host.to_owned(), port: url.port().unwrap_or(default_port), login }))
}
