//! The kubeconfig that reaches the hub and the members through Hanse. It never holds a private key: whoever uses it
//! shows a token, which the command line hands out by itself or which is written in for a short while.

use serde_json::{Value, json};

/// How users of a kubeconfig show who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// `hanse kube-credential` is asked, which knows the token of `hanse login`.
    Plugin,
    /// By this token.
    Token(String),
}

/// A member cluster, and how it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its own port; below the server's URL without one.
    pub port: Option<u16>,
}

impl Place {
    /// Reached below the server's URL.
    #[must_use]
    pub fn below(self) -> Self {
        Self { port: None, ..self }
    }
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// Base URL of the server.
    pub server: String,
    /// URL that the command line signed in to, where it is another.
    pub login: String,
    /// Member clusters.
    pub clusters: Vec<Place>,
    /// Whether the hub's own API is among the contexts.
    pub hub: bool,
    /// How to show who one is.
    pub sign_in: SignIn,
    /// The server's authority as base64 of PEM, where it is none that everybody trusts.
    pub authority: Option<String>,
    /// Namespace of all contexts.
    pub namespace: Option<String>,
}

impl Kubeconfig {
    /// The file's content. The first context is the current one.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let base = self.server.trim_end_matches('/');
        let login = self.login.trim_end_matches('/');
        let mut places: Vec<(String, String)> = Vec::new();
        if self.hub {
            places.push(("hub".to_owned(), format!("{base}/kube")));
            places.push(("hub-kubefed".to_owned(), format!("{base}/kubefed")));
        }
        for cluster in &self.clusters {
            let Place { name: cluster, port } = cluster;
            let taken = places.iter().any(|(name, _)| name == cluster);
            let name = if taken { format!("cluster-{cluster}") } else { cluster.clone() };
            let server = match port {
                Some(port) => format!("https://{}:{port}", host(base)),
                None => format!("{base}/clusters/{cluster}"),
            };
            places.push((name, server));
        }
        let cluster = |(name, server): &(String, String)| match &self.authority {
            Some(pem) => {
                json!({"name": name, "cluster": {"server": server, "certificate-authority-data": pem}})
            }
            None => json!({"name": name, "cluster": {"server": server}}),
        };
        let context = |(name, _): &(String, String)| match &self.namespace {
            Some(namespace) => {
                json!({"name": name, "context": {"cluster": name, "user": "hanse", "namespace": namespace}})
            }
            None => json!({"name": name, "context": {"cluster": name, "user": "hanse"}}),
        };
        let user = match &self.sign_in {
            SignIn::Token(token) => json!({"token": token}),
            SignIn::Plugin => json!({"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "hanse",
                "args": ["kube-credential", "--server", login],
                "installHint": format!("install hanse and sign in: hanse login {login}"),
                "interactiveMode": "Never",
                "provideClusterInfo": false,
            }}),
        };
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": places.first().map(|(name, _)| name.as_str()).unwrap_or_default(),
            "clusters": places.iter().map(cluster).collect::<Vec<_>>(),
            "contexts": places.iter().map(context).collect::<Vec<_>>(),
            "users": [{"name": "hanse", "user": user}],
        })
    }
}

/// The host of a URL, with the brackets of an IPv6 address.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_context_of_its_own() {
        let config = Kubeconfig {
            server: "https://hanse.example.com/".into(),
            login: "https://hanse.example.com/".into(),
            clusters: vec![
                Place { name: "eu".into(), port: None },
                Place { name: "hub".into(), port: None },
                Place { name: "us".into(), port: Some(16443) },
            ],
            hub: true,
            sign_in: SignIn::Plugin,
            authority: None,
            namespace: Some("shop".into()),
        };
        let value = config.to_value();
        let names: Vec<&str> =
            value["contexts"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["hub", "hub-kubefed", "eu", "cluster-hub", "us"]);
        assert_eq!(value["clusters"][4]["cluster"]["server"], "https://hanse.example.com:16443");
        assert_eq!(value["clusters"][2]["cluster"]["server"], "https://hanse.example.com/clusters/eu");
        assert_eq!(value["users"][0]["user"]["exec"]["args"][2], "https://hanse.example.com");
        assert_eq!(value["contexts"][0]["context"]["namespace"], "shop");
    }

    #[test]
    fn the_host_of_a_url_is_found() {
        for (url, wanted) in [
            ("https://hanse.example.com/base", "hanse.example.com"),
            ("http://127.0.0.1:8080", "127.0.0.1"),
            ("https://[::1]:8080/x", "[::1]"),
            ("https://[::1]", "[::1]"),
        ] {
            assert_eq!(host(url), wanted, "{url}");
        }
    }
}
