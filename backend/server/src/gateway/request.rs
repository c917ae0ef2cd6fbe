//! What a request to a member's API is about. A member reads the same path that is decided on here, byte for byte, so
//! whatever two readers could read differently is refused: dots, encoded slashes, empty segments, backslashes.

use thiserror::Error;

/// A request that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// In Kubernetes' words: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`.
    pub verb: &'static str,
    /// For what.
    pub target: Target,
    /// Whether the answer goes on until somebody ends it.
    pub open_ended: bool,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Objects of a kind.
    Resource(Resource),
    /// What is about the API itself: discovery, schemas, version, health.
    Discovery,
    /// Anything else, such as `/metrics`.
    Other,
}

/// Objects of a kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Plural.
    pub resource: String,
    /// Such as `exec`; empty for the object itself.
    pub subresource: String,
    /// Namespace; for a namespace itself its own name.
    pub namespace: Option<String>,
    /// Name; none for a collection.
    pub name: Option<String>,
}

/// A request that is refused before anybody is asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Subresources of a pod that take over the connection, and those that pass requests on.
const CONNECTS: &[&str] = &["exec", "attach", "portforward", "proxy"];

impl Asked {
    /// Whether it does anything but look.
    #[must_use]
    pub fn changes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }

    /// The resource, when it is one.
    #[must_use]
    pub fn resource(&self) -> Option<&Resource> {
        match &self.target {
            Target::Resource(resource) => Some(resource),
            Target::Discovery | Target::Other => None,
        }
    }

    /// `exec`, `attach`, `port-forward` or `proxy`: what takes the connection over or passes requests on.
    #[must_use]
    pub fn connects(&self) -> Option<&'static str> {
        let subresource = &self.resource()?.subresource;
        let found = CONNECTS.iter().find(|one| **one == subresource.as_str())?;
        Some(if *found == "portforward" { "port-forward" } else { found })
    }

    /// What the audit trail keeps it under, if it is to be kept: changes, connections and reading of secrets.
    #[must_use]
    pub fn noteworthy(&self) -> Option<&'static str> {
        if self.connects().is_some() {
            return self.connects();
        }
        let resource = self.resource();
        // Asking about oneself changes nothing.
        let asks =
            resource.is_some_and(|one| one.resource.starts_with("self") && one.resource.ends_with("reviews"));
        if self.changes() {
            return (!self.dry_run && !asks).then_some(self.verb);
        }
        resource.filter(|one| one.group.is_empty() && one.resource == "secrets").map(|_| self.verb)
    }
}

impl Resource {
    /// `default/deployments.apps/web/scale`, for the audit trail.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = String::new();
        if let Some(namespace) = self.namespace.as_deref().filter(|_| self.resource != "namespaces") {
            text.push_str(namespace);
            text.push('/');
        }
        text.push_str(&self.resource);
        if !self.group.is_empty() {
            text.push('.');
            text.push_str(&self.group);
        }
        for part in [self.name.as_deref().unwrap_or_default(), &self.subresource] {
            if !part.is_empty() {
                text.push('/');
                text.push_str(part);
            }
        }
        text
    }
}

/// Understands a request: its method, its path below the cluster, and its query, all as they came.
///
/// # Errors
/// [`Malformed`], with what is wrong and what to do.
pub fn parse(method: &str, path: &str, query: Option<&str>) -> Result<Asked, Malformed> {
    let segments = segments(path)?;
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let mut verb = match method {
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => {
            return Err(Malformed(
                "the method is not one of Kubernetes: use GET, POST, PUT, PATCH or DELETE",
            ));
        }
    };
    let (group, rest): (&str, &[&str]) = match parts.as_slice() {
        ["api", _, _, ..] => ("", parts.get(1..).unwrap_or_default()),
        ["apis", group, _, _, ..] => (*group, parts.get(2..).unwrap_or_default()),
        _ => return Ok(Asked { verb, target: api_itself(&parts, verb), open_ended: false, dry_run: false }),
    };
    let [version, rest @ ..] = rest else { return Err(Malformed("the path names no version")) };
    let mut rest = rest;
    let mut watches = false;
    match rest {
        ["watch", of @ ..] => {
            if verb != "get" || of.is_empty() {
                return Err(Malformed("a path with /watch/ is for GET and names what is watched"));
            }
            watches = true;
            rest = of;
        }
        ["proxy", ..] => {
            return Err(Malformed("paths with /proxy/ in front are not served: use the subresource proxy"));
        }
        _ => {}
    }
    let mut namespace = None;
    if let ["namespaces", name, inside @ ..] = rest {
        namespace = Some((*name).to_owned());
        if inside.first().is_some_and(|first| !matches!(*first, "status" | "finalize")) {
            rest = inside;
        }
    }
    let Some(resource) = rest.first() else { return Err(Malformed("the path names no resource")) };
    let name = rest.get(1).map(|name| (*name).to_owned());
    let subresource = rest.get(2).map(|one| (*one).to_owned()).unwrap_or_default();
    if rest.len() > 3 && subresource != "proxy" {
        return Err(Malformed("the path goes on after its subresource"));
    }
    if verb == "get" && (watches || name.is_none()) {
        verb = if watches || flag(query, "watch") { "watch" } else { "list" };
    } else if verb == "delete" && name.is_none() {
        verb = "deletecollection";
    } else if verb == "create" && subresource.is_empty() && name.is_some() {
        return Err(Malformed("POST goes to a collection or a subresource, not to an object"));
    }
    let follows = subresource == "log" && flag(query, "follow");
    let connects = CONNECTS.contains(&subresource.as_str());
    let dry_run = pairs(query).any(|(key, _)| key == "dryRun");
    let target = Target::Resource(Resource {
        group: group.to_owned(),
        version: (*version).to_owned(),
        resource: (*resource).to_owned(),
        subresource,
        namespace,
        name,
    });
    Ok(Asked { verb, target, open_ended: verb == "watch" || follows || connects, dry_run })
}

/// Paths that are no resources. Those about the API itself are only ever read.
fn api_itself(parts: &[&str], verb: &str) -> Target {
    let known = matches!(
        parts,
        [] | ["version" | "api" | "apis" | "healthz" | "livez" | "readyz"]
            | ["api" | "apis" | "healthz" | "livez" | "readyz", _]
            | ["apis", _, _]
            | ["openapi", ..]
            | [".well-known", "openid-configuration"]
            | ["openid", "v1", "jwks"]
    );
    if known && verb == "get" { Target::Discovery } else { Target::Other }
}

fn pairs(
    query: Option<&str>,
) -> impl Iterator<Item = (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}

/// As API machinery reads flags: the first value counts, and anything that is not plainly false is true.
fn flag(query: Option<&str>, name: &str) -> bool {
    pairs(query)
        .find(|(key, _)| key == name)
        .is_some_and(|(_, value)| !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"))
}

/// The path's segments, decoded. One slash at the end is nobody's segment.
fn segments(path: &str) -> Result<Vec<String>, Malformed> {
    let inner = path.strip_prefix('/').ok_or(Malformed("the path does not begin with a slash"))?;
    if inner.is_empty() {
        return Ok(Vec::new());
    }
    inner.strip_suffix('/').unwrap_or(inner).split('/').map(segment).collect()
}

fn segment(raw: &str) -> Result<String, Malformed> {
    if raw.is_empty() {
        return Err(Malformed("the path holds an empty segment (//): write each slash once"));
    }
    if raw == "." || raw == ".." {
        return Err(Malformed("the path holds . or ..: write the path that is meant"));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            if !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'?' | b'#') {
                return Err(Malformed("the path holds a character that must be encoded"));
            }
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Malformed("the path holds a % that encodes nothing"));
        };
        let decoded = u8::try_from(high * 16 + low).unwrap_or_default();
        // Reading these differently is how one path becomes two.
        if matches!(decoded, b'/' | b'\\' | b'.' | b'%' | b'?' | b'#') || decoded.is_ascii_control() {
            return Err(Malformed(
                "the path holds an encoded slash, dot, percent sign or control character: write it plainly",
            ));
        }
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| Malformed("the path is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(line: &str) -> Asked {
        let (method, uri) = line.split_once(' ').unwrap();
        let (path, query) = uri.split_once('?').map_or((uri, None), |(path, query)| (path, Some(query)));
        parse(method, path, query).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    fn line(line: &str) -> String {
        let asked = asked(line);
        match &asked.target {
            Target::Resource(one) => format!(
                "{} {} v={} ns={}",
                asked.verb,
                one.describe(),
                one.version,
                one.namespace.as_deref().unwrap_or("-")
            ),
            other => format!("{} {other:?}", asked.verb),
        }
    }

    #[test]
    fn requests_are_read_as_an_apiserver_reads_them() {
        for (request, read) in [
            ("GET /api/v1/pods", "list pods v=v1 ns=-"),
            ("GET /api/v1/pods?watch=true", "watch pods v=v1 ns=-"),
            ("GET /api/v1/pods?watch=", "watch pods v=v1 ns=-"),
            ("GET /api/v1/pods?watch=0", "list pods v=v1 ns=-"),
            ("GET /api/v1/watch/namespaces/a/pods/x", "watch a/pods/x v=v1 ns=a"),
            ("GET /api/v1/namespaces", "list namespaces v=v1 ns=-"),
            ("GET /api/v1/namespaces/a", "get namespaces/a v=v1 ns=a"),
            ("PUT /api/v1/namespaces/a/finalize", "update namespaces/a/finalize v=v1 ns=a"),
            ("GET /api/v1/namespaces/a/pods/x/log?follow=true", "get a/pods/x/log v=v1 ns=a"),
            ("POST /api/v1/namespaces/a/pods/x/exec?command=sh", "create a/pods/x/exec v=v1 ns=a"),
            ("GET /api/v1/namespaces/a/services/web:80/proxy/x/y/", "get a/services/web:80/proxy v=v1 ns=a"),
            (
                "DELETE /apis/apps/v1/namespaces/a/deployments",
                "deletecollection a/deployments.apps v=v1 ns=a",
            ),
            (
                "PATCH /apis/apps/v1/namespaces/a/deployments/w/scale",
                "patch a/deployments.apps/w/scale v=v1 ns=a",
            ),
            (
                "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system:node",
                "get clusterroles.rbac.authorization.k8s.io/system:node v=v1 ns=-",
            ),
            ("GET /", "get Discovery"),
            ("GET /apis/apps/v1/", "get Discovery"),
            ("GET /openapi/v3/apis/apps/v1?hash=x", "get Discovery"),
            ("GET /readyz/etcd", "get Discovery"),
            ("POST /version", "create Other"),
            ("GET /metrics", "get Other"),
            ("GET /logs/x", "get Other"),
        ] {
            assert_eq!(line(request), read, "{request}");
        }
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for path in [
            "",
            "api",
            "//api/v1/pods",
            "/api//v1/pods",
            "/api/v1/pods//",
            "/api/v1/namespaces/a/../b/pods",
            "/api/v1/./pods",
            "/api/v1/namespaces/a%2fb/pods",
            "/api/v1/namespaces/%2E%2e/pods",
            "/api/v1/namespaces/a%00/pods",
            "/api/v1/namespaces/a%5cb/pods",
            "/api/v1/namespaces/a\\b/pods",
            "/api/v1/namespaces/a%252f/pods",
            "/api/v1/namespaces/a%/pods",
            "/api/v1/namespaces/a%2/pods",
            "/api/v1/namespaces/a%ff/pods",
            "/api/v1/proxy/namespaces/a/pods/x",
            "/api/v1/watch",
            "/api/v1/namespaces/a/pods/x/log/more",
        ] {
            assert!(parse("GET", path, None).is_err(), "{path}");
        }
        for method in ["CONNECT", "TRACE", "OPTIONS", "get"] {
            assert!(parse(method, "/api/v1/pods", None).is_err(), "{method}");
        }
        assert!(parse("POST", "/api/v1/namespaces/a/pods/x", None).is_err());
    }

    #[test]
    fn changes_connections_and_secrets_are_noteworthy() {
        for (request, noted) in [
            ("GET /api/v1/namespaces/a/pods", None),
            ("GET /api/v1/namespaces/a/secrets", Some("list")),
            ("GET /api/v1/secrets?watch=1", Some("watch")),
            ("GET /api/v1/namespaces/a/pods/x/exec", Some("exec")),
            ("POST /api/v1/namespaces/a/pods/x/portforward", Some("port-forward")),
            ("POST /api/v1/namespaces/a/configmaps", Some("create")),
            ("POST /api/v1/namespaces/a/configmaps?dryRun=All", None),
            ("POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None),
        ] {
            assert_eq!(asked(request).noteworthy(), noted, "{request}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_means_the_same_when_read_again(
            path in "(/|[a-z0-9.:-]{1,6}|%[0-9a-fA-F]{2}|%|\\\\|\\.\\.){0,12}",
            method in prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ) {
            let path = format!("/api/v1{path}");
            if let Ok(asked) = parse(method, &path, None) {
                let decoded = percent_encoding::percent_decode_str(&path).decode_utf8().unwrap().into_owned();
                let segments: Vec<&str> = decoded.trim_matches('/').split('/').collect();
                prop_assert!(segments.iter().all(|one| !one.is_empty() && *one != "." && *one != ".."), "{}", path);
                // A reader that normalises finds nothing to normalise.
                prop_assert_eq!(path.matches('/').count(), decoded.matches('/').count());
                if let Target::Resource(resource) = &asked.target {
                    if let Some(namespace) = &resource.namespace {
                        prop_assert_eq!(Some(&namespace.as_str()), segments.get(3).filter(|_| segments[2] == "namespaces").or_else(|| segments.get(4)));
                    }
                    prop_assert!(segments.contains(&resource.resource.as_str()));
                }
            }
        }

        #[test]
        fn nothing_makes_it_panic(method in "\\PC{0,8}", path in "\\PC{0,60}", query in prop::option::of("\\PC{0,40}")) {
            drop(parse(&method, &path, query.as_deref()));
        }
    }
}
