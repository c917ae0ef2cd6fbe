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

/// What is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfig {
    /// Base URL of the server.
    pub server: String,
    /// URL that the command line signed in to, where it is another.
    pub login: String,
    /// Names of member clusters.
    pub clusters: Vec<String>,
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
            let taken = places.iter().any(|(name, _)| name == cluster);
            let name = if taken { format!("cluster-{cluster}") } else { cluster.clone() };
            places.push((name, format!("{base}/clusters/{cluster}")));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_has_a_context_of_its_own() {
        let config = Kubeconfig {
            server: "https://hanse.example.com/".into(),
            login: "https://hanse.example.com/".into(),
            clusters: vec!["eu".into(), "hub".into()],
            hub: true,
            sign_in: SignIn::Plugin,
            authority: None,
            namespace: Some("shop".into()),
        };
        let value = config.to_value();
        let names: Vec<&str> =
            value["contexts"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["hub", "hub-kubefed", "eu", "cluster-hub"]);
        assert_eq!(value["clusters"][2]["cluster"]["server"], "https://hanse.example.com/clusters/eu");
        assert_eq!(value["users"][0]["user"]["exec"]["args"][2], "https://hanse.example.com");
        assert_eq!(value["contexts"][0]["context"]["namespace"], "shop");
    }
}
