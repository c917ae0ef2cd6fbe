//! What the owner of the member lets the hub do, whatever the hub decided: a pure function of a request's head.

use std::collections::BTreeSet;

use anyhow::Context as _;
use http::{HeaderMap, Method, Uri};
use serde::Deserialize;

/// Where Hanse leaves its mark, also where `kube-system` is not among the allowed namespaces.
const MARKERS: &str = "/api/v1/namespaces/kube-system/configmaps";

/// The policy file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Policy {
    /// Nothing may be changed, and nothing run in pods.
    pub read_only: bool,
    /// Namespaces that may be touched; all when absent.
    pub namespaces: Option<BTreeSet<String>>,
    /// Verbs that may be used (`get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`); all
    /// when absent.
    pub verbs: Option<BTreeSet<String>>,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Kubernetes verb.
    pub verb: &'static str,
    /// API group; empty for the core and for paths that are no resources.
    pub group: String,
    /// Plural; empty for paths that are no resources.
    pub resource: String,
    /// Namespace, where one is named.
    pub namespace: Option<String>,
    /// Name, where one is given.
    pub name: Option<String>,
    /// Such as `exec`.
    pub subresource: Option<String>,
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// When it does not fit; a misspelt key must not open what it was to close.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).context("the policy file")
    }

    /// Whether a request may pass; else a sentence.
    ///
    /// # Errors
    /// The sentence.
    pub fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Attributes, String> {
        path_is_plain(uri)?;
        let impersonated = impersonation(headers)?;
        let about = attributes(method, uri);
        let reads = matches!(about.verb, "get" | "list" | "watch");
        let runs = matches!(about.subresource.as_deref(), Some("exec" | "attach" | "portforward" | "proxy"));
        let asks = matches!(about.group.as_str(), "authorization.k8s.io" | "authentication.k8s.io")
            && about.resource.starts_with("self");
        if self.read_only && !asks && (!reads || runs) {
            return Err("the owner of this cluster lets Hanse read only".to_owned());
        }
        if let Some(verbs) = &self.verbs
            && !verbs.contains(about.verb)
            && !asks
        {
            return Err(format!("the owner of this cluster does not let Hanse {}", about.verb));
        }
        if let Some(namespaces) = &self.namespaces {
            let marks =
                !impersonated && (uri.path() == MARKERS || uri.path() == format!("{MARKERS}/hanse-identity"));
            let knows =
                !impersonated && reads && about.resource == "namespaces" && about.subresource.is_none();
            match &about.namespace {
                Some(namespace) if namespaces.contains(namespace) || marks || knows => {}
                Some(namespace) => {
                    return Err(format!(
                        "the owner of this cluster does not let Hanse into namespace {namespace:?}"
                    ));
                }
                // Hanse watches kinds across namespaces; people do not get to.
                None if reads && !impersonated || asks || about.resource.is_empty() => {}
                None => {
                    return Err(
                        "the owner of this cluster lets Hanse into certain namespaces only".to_owned()
                    );
                }
            }
        }
        Ok(about)
    }
}

/// Refuses what could mean another path to the apiserver than to us.
fn path_is_plain(uri: &Uri) -> Result<(), String> {
    let path = uri.path();
    let refused = || Err(format!("the path {path:?} is not a plain one"));
    if !path.starts_with('/') || path.contains('\\') {
        return refused();
    }
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)];
            let code =
                std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
            // Slashes, dots, percent signs and control characters have no business in here.
            match code {
                None | Some(0..=0x20 | b'/' | b'\\' | b'.' | b'%' | 0x7f) => return refused(),
                Some(_) => {}
            }
        }
    }
    if path == "/" {
        return Ok(());
    }
    let body = path.strip_prefix('/').unwrap_or(path);
    let body = body.strip_suffix('/').unwrap_or(body);
    if body.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return refused();
    }
    Ok(())
}

/// Whether somebody is impersonated; nobody of the cluster itself may be.
fn impersonation(headers: &HeaderMap) -> Result<bool, String> {
    let users: Vec<_> = headers.get_all("impersonate-user").iter().collect();
    let groups: Vec<_> = headers.get_all("impersonate-group").iter().collect();
    if users.len() > 1 {
        return Err("more than one user is impersonated".to_owned());
    }
    for value in users.iter().chain(&groups) {
        let name = value.to_str().map_err(|_| "an impersonated name is not plain text".to_owned())?;
        if name.trim_start().get(..7).is_some_and(|start| start.eq_ignore_ascii_case("system:")) {
            return Err(format!("{name:?} may not be impersonated: it belongs to the cluster itself"));
        }
    }
    if users.is_empty() && !groups.is_empty() {
        return Err("groups are impersonated without a user".to_owned());
    }
    let others = headers.keys().find(|name| {
        let name = name.as_str();
        name.starts_with("impersonate-") && name != "impersonate-user" && name != "impersonate-group"
    });
    if let Some(other) = others {
        return Err(format!("the header {other} is not the hub's"));
    }
    Ok(!users.is_empty())
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// What a request is about, as an apiserver reads it.
fn attributes(method: &Method, uri: &Uri) -> Attributes {
    let parts: Vec<String> = uri.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let mut parts = parts.into_iter();
    let group = match parts.next().as_deref() {
        Some("api") => parts.next().map(|_| String::new()),
        Some("apis") => {
            let group = parts.next();
            parts.next().and(group)
        }
        _ => None,
    };
    let mut about = Attributes {
        verb: "get",
        group: String::new(),
        resource: String::new(),
        namespace: None,
        name: None,
        subresource: None,
    };
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let mut watches = query.iter().any(|(key, value)| key == "watch" && value != "false" && value != "0");
    if let Some(group) = group {
        about.group = group;
        let mut rest: Vec<String> = parts.collect();
        if rest.first().is_some_and(|first| first == "watch") {
            watches = true;
            rest.remove(0);
        }
        let mut rest = rest.into_iter().peekable();
        if rest.peek().is_some_and(|first| first == "namespaces") {
            rest.next();
            about.namespace = rest.next();
            if rest.peek().is_none() {
                // The namespace itself is what is asked for.
                "namespaces".clone_into(&mut about.resource);
                about.name.clone_from(&about.namespace);
            } else if matches!(rest.peek().map(String::as_str), Some("status" | "finalize")) {
                "namespaces".clone_into(&mut about.resource);
                about.name.clone_from(&about.namespace);
                about.subresource = rest.next();
            }
        }
        if about.resource.is_empty() {
            about.resource = rest.next().unwrap_or_default();
            about.name = rest.next();
            about.subresource = rest.next();
        }
    }
    let whole = about.name.is_none() && !about.resource.is_empty();
    about.verb = match *method {
        Method::GET | Method::HEAD | Method::OPTIONS if watches => "watch",
        Method::GET | Method::HEAD | Method::OPTIONS if whole => "list",
        Method::GET | Method::HEAD | Method::OPTIONS => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if whole => "deletecollection",
        Method::DELETE => "delete",
        _ => "unknown",
    };
    about
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        policy: &str,
        method: &str,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Attributes, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Policy::parse(policy).unwrap().check(&method, &path.parse().unwrap(), &map)
    }

    #[test]
    fn requests_are_read_as_an_apiserver_reads_them() {
        for (method, path, verb, resource, namespace, name) in [
            ("GET", "/api/v1/pods", "list", "pods", None, None),
            ("GET", "/api/v1/pods?watch=true", "watch", "pods", None, None),
            ("GET", "/api/v1/watch/namespaces/a/pods", "watch", "pods", Some("a"), None),
            ("GET", "/api/v1/namespaces/a/pods/b", "get", "pods", Some("a"), Some("b")),
            (
                "DELETE",
                "/apis/apps/v1/namespaces/a/deployments",
                "deletecollection",
                "deployments",
                Some("a"),
                None,
            ),
            ("PATCH", "/api/v1/namespaces/a", "patch", "namespaces", Some("a"), Some("a")),
            ("PUT", "/api/v1/namespaces/a/finalize", "update", "namespaces", Some("a"), Some("a")),
            ("POST", "/api/v1/namespaces", "create", "namespaces", None, None),
            ("GET", "/readyz", "get", "", None, None),
        ] {
            let about = check("", method, path, &[]).unwrap();
            assert_eq!(
                (about.verb, about.resource.as_str(), about.namespace.as_deref(), about.name.as_deref()),
                (verb, resource, namespace, name),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn nobody_of_the_cluster_itself_is_impersonated() {
        for (header, value) in [
            ("impersonate-user", "system:admin"),
            ("impersonate-user", "System:kube-scheduler"),
            ("impersonate-group", "system:masters"),
            ("impersonate-uid", "1"),
            ("impersonate-extra-scopes", "x"),
        ] {
            let headers = [("impersonate-user", "hanse:ann"), (header, value)];
            let headers = if header == "impersonate-user" { &headers[1..] } else { &headers[..] };
            assert!(check("", "GET", "/version", headers).is_err(), "{header}: {value}");
        }
        assert!(check("", "GET", "/version", &[("impersonate-group", "hanse:a")]).is_err());
        let two = [("impersonate-user", "hanse:ann"), ("impersonate-user", "hanse:bob")];
        assert!(check("", "GET", "/version", &two).is_err());
        let fine = [("impersonate-user", "hanse:ann"), ("impersonate-group", "hanse:project:shop:viewer")];
        assert!(check("", "GET", "/version", &fine).is_ok());
    }

    #[test]
    fn paths_that_could_mean_another_are_refused() {
        for path in [
            "/api/v1/namespaces/a/../b/pods",
            "/api/v1/namespaces/a/%2e%2e/b/pods",
            "/api/v1/namespaces/a%2Fb/pods",
            "/api/v1/namespaces/a%5cb/pods",
            "/api/v1//pods",
            "//evil/api",
            "//",
            "/api/v1/namespaces/a%00/pods",
            "/api/v1/%252e",
            "/api/%zz",
        ] {
            if let Ok(uri) = path.parse::<Uri>() {
                assert!(path_is_plain(&uri).is_err(), "{path}");
            }
        }
        for path in ["/", "/api/v1/", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Aadmin"] {
            path_is_plain(&path.parse().unwrap()).unwrap();
        }
    }

    #[test]
    fn the_owner_has_the_last_word() {
        let read_only = "readOnly: true";
        assert!(check(read_only, "GET", "/api/v1/pods", &[]).is_ok());
        assert!(check(read_only, "PATCH", "/api/v1/namespaces/a/configmaps/b", &[]).is_err());
        assert!(check(read_only, "GET", "/api/v1/namespaces/a/pods/b/exec", &[]).is_err());
        let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        assert!(check(read_only, "POST", reviews, &[]).is_ok());
        let some = "namespaces: [shop]";
        let ann = [("impersonate-user", "hanse:ann")];
        assert!(check(some, "PATCH", "/api/v1/namespaces/shop/configmaps/b", &ann).is_ok());
        assert!(check(some, "PATCH", "/api/v1/namespaces/shop", &[]).is_ok());
        assert!(check(some, "GET", "/api/v1/namespaces/bank/secrets/b", &[]).is_err());
        assert!(check(some, "GET", "/api/v1/secrets", &ann).is_err());
        assert!(check(some, "GET", "/api/v1/configmaps?watch=1", &[]).is_ok());
        assert!(check(some, "POST", "/api/v1/namespaces", &[]).is_err());
        assert!(check(some, "DELETE", "/api/v1/nodes/n", &[]).is_err());
        assert!(check(some, "GET", "/api/v1/namespaces/kube-system", &[]).is_ok());
        assert!(check(some, "POST", MARKERS, &[]).is_ok());
        assert!(check(some, "GET", "/api/v1/namespaces/kube-system/secrets", &[]).is_err());
        assert!(check(some, "POST", MARKERS, &ann).is_err());
        assert!(check("verbs: [get, list, watch]", "DELETE", "/api/v1/pods", &[]).is_err());
        assert!(Policy::parse("readonly: true").is_err(), "a misspelt key must not open anything");
    }

    proptest::proptest! {
        #[test]
        fn whatever_passes_has_no_tricks(path in "/[a-z%./0-9A-F\\\\]{0,40}") {
            if let Ok(uri) = path.parse::<Uri>() && path_is_plain(&uri).is_ok() {
                let decoded = decoded(uri.path());
                assert!(!decoded.contains("..") || !decoded.split('/').any(|part| part == ".."), "{path}");
                assert!(!decoded.contains("//"), "{path}");
            }
        }
    }
}
