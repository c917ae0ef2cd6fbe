//! Whom the command line talks to: contexts (server, token, default project) kept in one file that only its owner may
//! read. Flags and environment go before the file. A stored token is only ever sent to the server that gave it.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Globals,
    error::{Error, Result},
};

/// The file's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    /// Context used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// By name.
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// One server and how to sign in to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Context {
    /// Base URL.
    pub(crate) server: Url,
    /// Personal access token.
    pub(crate) token: String,
    /// Name of the token when `hanse login` made it, so that `hanse logout` can revoke it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token_name: Option<String>,
    /// Who signed in.
    pub(crate) user: String,
    /// Project used when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project: Option<String>,
}

/// What a command needs to know before it can ask anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// Base URL.
    pub(crate) server: Url,
    /// Token to show, where there is one.
    pub(crate) token: Option<String>,
    /// Project from the command line or the context.
    pub(crate) project: Option<String>,
}

/// Place of the file: `${XDG_CONFIG_HOME:-~/.config}/hanse/config.json`.
pub(crate) fn default_path() -> PathBuf {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base =
        set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config"))).unwrap_or_default();
    base.join("hanse").join("config.json")
}

impl Config {
    /// Reads the file; one that is not there is an empty one.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::failed(format!("cannot read {}: {error}", path.display()), "")),
        };
        serde_json::from_slice(&text).map_err(|error| {
            Error::failed(
                format!("{} cannot be understood: {error}", path.display()),
                "mend it, or remove it and sign in again with `hanse login URL`",
            )
        })
    }

    /// Writes the file for its owner alone; a reader sees the old one or the new one, never half of it.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        self.write(path).map_err(|error| {
            Error::failed(
                format!("cannot write {}: {error}", path.display()),
                "make its folder writable, or set XDG_CONFIG_HOME to one that is",
            )
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut make = fs::DirBuilder::new();
        make.recursive(true);
        let mut create = fs::OpenOptions::new();
        create.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
            make.mode(0o700);
            create.mode(0o600);
        }
        make.create(folder)?;
        let draft = folder.join(format!(".config.json.{:08x}", rand::random::<u32>()));
        let mut file = create.open(&draft)?;
        let written = serde_json::to_vec_pretty(self)
            .map_err(io::Error::other)
            .and_then(|text| file.write_all(&text))
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&draft, path));
        if written.is_err() {
            drop(fs::remove_file(&draft));
        }
        written
    }

    /// The context that is meant: the one named, else the current one.
    pub(crate) fn context(&self, name: Option<&str>) -> Result<Option<(&str, &Context)>> {
        let Some(wanted) = name.or(self.current.as_deref()) else { return Ok(None) };
        match self.contexts.get_key_value(wanted) {
            Some((name, context)) => Ok(Some((name, context))),
            None if name.is_none() => Ok(None),
            None => {
                let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
                Err(Error::usage(if known.is_empty() {
                    format!(
                        "there is no context {wanted:?}: sign in with `hanse login URL --context {wanted}`"
                    )
                } else {
                    format!("there is no context {wanted:?}: there are {}", known.join(", "))
                }))
            }
        }
    }

    /// Puts flags, environment and file together.
    pub(crate) fn target(&self, globals: &Globals) -> Result<Target> {
        let context = self.context(globals.context.as_deref())?.map(|(_, context)| context);
        let server = match (&globals.server, context) {
            (Some(text), _) => server_url(text)?,
            (None, Some(context)) => context.server.clone(),
            (None, None) => {
                return Err(Error::usage(
                    "no server is known: sign in with `hanse login URL`, or name one with --server URL (HANSE_SERVER)",
                ));
            }
        };
        let own = context.filter(|context| context.server == server);
        let of_server = || self.contexts.values().find(|context| context.server == server);
        let token =
            globals.token.clone().or_else(|| own.or_else(of_server).map(|context| context.token.clone()));
        let project = globals.project.clone().or_else(|| own.and_then(|context| context.project.clone()));
        Ok(Target { server, token, project })
    }
}

/// Reads a server's URL as people write it. Without a scheme it is https, on this machine http.
pub(crate) fn server_url(text: &str) -> Result<Url> {
    let refuse = |why: &str| {
        Error::usage(format!("server {text:?} {why}: give a URL such as https://hanse.example.com"))
    };
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        let here = ["localhost", "127.", "[::1]"].iter().any(|name| text.starts_with(name));
        format!("{}://{text}", if here { "http" } else { "https" })
    };
    let mut url = Url::parse(&full).map_err(|error| refuse(&format!("is no URL ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refuse("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("holds a user name or password, which belong to `hanse login`"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{path}/"));
    Ok(url)
}

/// Whether what is sent there can be read on the way.
pub(crate) fn is_unprotected(url: &Url) -> bool {
    let here = match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !here
}

/// Name of a context for a server: its host, with the port unless it is the usual one.
pub(crate) fn context_name(server: &Url) -> String {
    let host = server.host_str().unwrap_or("hanse");
    server.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let context = |server: &str, token: &str| Context {
            server: server_url(server).unwrap(),
            token: token.into(),
            token_name: None,
            user: "ada".into(),
            project: Some("shop".into()),
        };
        Config {
            current: Some("a".into()),
            contexts: [
                ("a".to_owned(), context("https://a.example", "hanse_a")),
                ("b".to_owned(), context("https://b.example:8443/x", "hanse_b")),
            ]
            .into(),
        }
    }

    fn target(globals: &Globals) -> (String, Option<String>, Option<String>) {
        let target = config().target(globals).unwrap();
        (target.server.to_string(), target.token, target.project)
    }

    #[test]
    fn a_token_goes_only_to_the_server_that_gave_it() {
        let a = ("https://a.example/".to_owned(), Some("hanse_a".to_owned()), Some("shop".to_owned()));
        assert_eq!(target(&Globals::default()), a);
        let other = Globals { server: Some("https://evil.example".into()), ..Globals::default() };
        assert_eq!(target(&other), ("https://evil.example/".into(), None, None));
        let known = Globals { server: Some("https://b.example:8443/x/".into()), ..Globals::default() };
        assert_eq!(target(&known), ("https://b.example:8443/x/".into(), Some("hanse_b".into()), None));
        let both = Globals { token: Some("hanse_t".into()), project: Some("p".into()), ..other };
        assert_eq!(target(&both), ("https://evil.example/".into(), Some("hanse_t".into()), Some("p".into())));
    }

    #[test]
    fn an_unknown_context_is_refused_with_those_there_are() {
        let globals = Globals { context: Some("c".into()), ..Globals::default() };
        let error = config().target(&globals).unwrap_err();
        assert_eq!(error.to_string(), "there is no context \"c\": there are a, b");
        assert_eq!(error.exit_code(), 2);
        let error = Config::default().target(&Globals::default()).unwrap_err();
        assert!(error.to_string().starts_with("no server is known: sign in"), "{error}");
    }

    #[test]
    fn servers_are_read_as_people_write_them() {
        for (text, url) in [
            ("hanse.example.com", "https://hanse.example.com/"),
            ("localhost:8080", "http://localhost:8080/"),
            ("127.0.0.1:8080/", "http://127.0.0.1:8080/"),
            ("http://h/base/?x=1#y", "http://h/base/"),
        ] {
            assert_eq!(server_url(text).unwrap().as_str(), url);
        }
        for bad in ["ftp://x", "https://a:b@x", "https://", "a b"] {
            assert_eq!(server_url(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_alone_even_where_it_was_not() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/hanse/config.json");
        config().save(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        config().save(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Config::load(&path).unwrap(), config());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left behind");
    }

    #[test]
    fn a_broken_file_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        assert_eq!(Config::load(&path).unwrap(), Config::default());
        fs::write(&path, "{").unwrap();
        assert!(Config::load(&path).unwrap_err().report().contains("next: mend it"));
    }

    #[test]
    fn plain_http_is_fine_on_this_machine_only() {
        assert!(is_unprotected(&server_url("http://hanse.example").unwrap()));
        for safe in ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8", "https://x"] {
            assert!(!is_unprotected(&server_url(safe).unwrap()), "{safe}");
        }
    }
}
