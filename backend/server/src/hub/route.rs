//! What a path below a root means. Pure; nothing is looked up.

/// One of the two roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Root {
    /// A KubeFed host.
    KubeFed,
    /// A Federation v1 server.
    Kube,
}

impl Root {
    /// As in paths and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KubeFed => "kubefed",
            Self::Kube => "kube",
        }
    }
}

/// What a path addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`: paths that are served.
    Paths,
    /// `/version`.
    Version,
    /// `/healthz` and the like.
    Health,
    /// `/openapi/v2`.
    OpenApi2,
    /// `/openapi/v3` and below; empty for the index.
    OpenApi3(String),
    /// `/api`, `/apis`, aggregated on request.
    Groups {
        /// Of the core group.
        core: bool,
    },
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`.
    Resources(String),
    /// Objects.
    Resource(Path),
}

/// A resource, or one object of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// `group/version`.
    pub api_version: String,
    /// Plural.
    pub plural: String,
    /// Namespace; empty for all, or for cluster-scoped kinds.
    pub namespace: String,
    /// Name; empty for the whole collection.
    pub name: String,
    /// Such as `status`; empty for the object itself.
    pub subresource: String,
}

/// Reads a path below a root, with or without its first slash. `None`: nothing is served there.
#[must_use]
pub fn read(path: &str) -> Option<Route> {
    let path = path.trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    // An encoded slash or dot would be read otherwise by somebody behind us.
    if path.contains('%') || parts.iter().any(|part| matches!(*part, "." | "..")) {
        return None;
    }
    let trimmed: &[&str] = match parts.as_slice() {
        [rest @ .., ""] => rest,
        all => all,
    };
    if trimmed.iter().any(|part| part.is_empty()) {
        return None;
    }
    Some(match trimmed {
        [] => Route::Paths,
        ["version"] => Route::Version,
        ["healthz" | "readyz" | "livez", ..] => Route::Health,
        ["openapi", "v2"] => Route::OpenApi2,
        ["openapi", "v3", rest @ ..] => Route::OpenApi3(rest.join("/")),
        ["api"] => Route::Groups { core: true },
        ["apis"] => Route::Groups { core: false },
        ["api", version] => Route::Resources((*version).to_owned()),
        ["apis", group] => Route::Group((*group).to_owned()),
        ["apis", group, version] => Route::Resources(format!("{group}/{version}")),
        ["api", version, rest @ ..] => Route::Resource(resource(version, rest)?),
        ["apis", group, version, rest @ ..] => {
            Route::Resource(resource(&format!("{group}/{version}"), rest)?)
        }
        _ => return None,
    })
}

fn resource(api_version: &str, rest: &[&str]) -> Option<Path> {
    let at = |namespace: &str, plural: &str, name: &str, subresource: &str| {
        Some(Path {
            api_version: api_version.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        })
    };
    match *rest {
        ["namespaces"] => at("", "namespaces", "", ""),
        ["namespaces", name] => at("", "namespaces", name, ""),
        ["namespaces", name, sub @ ("status" | "finalize")] if api_version == "v1" => {
            at("", "namespaces", name, sub)
        }
        ["namespaces", namespace, plural] => at(namespace, plural, "", ""),
        ["namespaces", namespace, plural, name] => at(namespace, plural, name, ""),
        ["namespaces", namespace, plural, name, sub] => at(namespace, plural, name, sub),
        [plural] => at("", plural, "", ""),
        [plural, name] => at("", plural, name, ""),
        [plural, name, sub] => at("", plural, name, sub),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_they_mean_to_an_apiserver() {
        let path = |text: &str| match read(text) {
            Some(Route::Resource(path)) => {
                [path.api_version, path.plural, path.namespace, path.name, path.subresource].join("|")
            }
            other => format!("{other:?}"),
        };
        assert_eq!(path("api/v1/namespaces"), "v1|namespaces|||");
        assert_eq!(path("/api/v1/namespaces/a"), "v1|namespaces||a|");
        assert_eq!(path("api/v1/namespaces/a/status"), "v1|namespaces||a|status");
        assert_eq!(path("api/v1/namespaces/a/secrets"), "v1|secrets|a||");
        assert_eq!(path("apis/apps/v1/namespaces/a/deployments/b/scale"), "apps/v1|deployments|a|b|scale");
        assert_eq!(path("apis/apps/v1/deployments"), "apps/v1|deployments|||");
        assert_eq!(read("apis"), Some(Route::Groups { core: false }));
        assert_eq!(read("apis/apps/v1/"), Some(Route::Resources("apps/v1".into())));
        for bad in ["api/v1/namespaces/a%2f..", "api//v1", "apis/../x", "api/v1/a/b/c/d/e/f", "nothing"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
