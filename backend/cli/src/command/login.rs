//! Signing in and out. A password is used once, to make a personal access token; only the token is kept.

use clap::Args;
use hanse_types::{
    Name,
    error::ErrorCode,
    identity::{SetupState, SignIn, TokenCreate, TokenCreated, User},
};
use reqwest::{
    Method,
    header::{COOKIE, HeaderMap, ORIGIN, SET_COOKIE},
};
use serde_json::json;
use url::Url;

use crate::{
    client::Api,
    config::{Config, Context, Target, context_name, is_unprotected, server_url},
    error::{Error, Result},
    output::Format,
    shell::Shell,
    table::{Table, or_dash},
};

/// Name of the session cookie.
const SESSION: &str = "hanse_session";

/// Options of `hanse login`.
#[derive(Clone, Debug, Args)]
pub struct Login {
    /// URL of the server, such as https://hanse.example.com
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// User name; asked for when left out
    #[arg(long, short, value_name = "NAME")]
    user: Option<String>,
    /// Read the password from standard input instead of asking for it
    #[arg(long, conflicts_with = "token")]
    password_stdin: bool,
}

/// Signs in and remembers server and token.
pub(crate) async fn login(shell: &mut Shell, args: &Login) -> Result<()> {
    let url = args.url.clone().or_else(|| shell.globals.server.clone());
    let url = url.ok_or_else(|| {
        Error::usage("no server is named: give its URL, as in `hanse login https://hanse.example.com`")
    })?;
    let server = server_url(&url)?;
    if is_unprotected(&server) {
        shell.out.note(format_args!(
            "warning: {server} is not encrypted: whoever is on the way can read your password and token"
        ));
    }
    let by_password = args.password_stdin || args.user.is_some();
    let given = shell.globals.token.clone().filter(|_| !by_password);
    let api = Api::new(&Target { server: server.clone(), token: given.clone(), project: None })?;
    let (user, token, token_name) = match given {
        Some(token) => (api.get(&["me"]).await?.read::<User>()?, token, None),
        None => {
            let (user, made) = by_session(shell, args, &api).await?;
            (user, made.secret, Some(made.token.name.to_string()))
        }
    };
    let mut config = Config::load(&shell.config)?;
    let name = shell.globals.context.clone().unwrap_or_else(|| context_name(&server));
    let user = user.name.to_string();
    let context =
        Context { server, token, token_name, user: user.clone(), project: shell.globals.project.clone() };
    let before = config.contexts.insert(name.clone(), context);
    config.current = Some(name.clone());
    config.save(&shell.config)?;
    if let Some(before) = before {
        // Nobody has the old token any more.
        drop(revoke(&before).await);
    }
    shell.out.line(format_args!("signed in to {} as {user} (context {name})", api.server()))?;
    Ok(())
}

async fn by_session(shell: &mut Shell, args: &Login, api: &Api) -> Result<(User, TokenCreated)> {
    let name = match &args.user {
        Some(name) => name.clone(),
        None if shell.interactive && !args.password_stdin => {
            shell.out.ask("user: ");
            let mut name = String::new();
            shell.input.read_line(&mut name)?;
            name.trim().to_owned()
        }
        None => return Err(Error::usage("no user is named: give --user NAME, or --token TOKEN instead")),
    };
    let password = if args.password_stdin {
        let mut line = String::new();
        shell.input.read_line(&mut line)?;
        line.trim_end_matches(['\r', '\n']).to_owned()
    } else if shell.interactive {
        shell.out.ask("password: ");
        (shell.password)()?
    } else {
        return Err(Error::usage(
            "nobody can be asked for the password here: give --password-stdin, or --token TOKEN",
        ));
    };
    let answer = match api.post(&["sessions"], &SignIn { name, password }).await {
        Err(Error::Api { error, .. }) if error.code == ErrorCode::Unauthenticated => {
            return Err(refused(api, error.message).await);
        }
        other => other?,
    };
    let user: User = answer.read()?;
    let cookie = session_cookie(&answer.headers).ok_or_else(|| {
        Error::failed("the server signed in but gave no session", "tell the platform's administrator")
    })?;
    let origin = api.server().origin().ascii_serialization();
    let with_session = |method, path: &[&str]| {
        api.request(method, path).header(COOKIE, format!("{SESSION}={cookie}")).header(ORIGIN, &origin)
    };
    let request = TokenCreate { name: token_name(&shell.host)?, expires_in_days: None, permissions: None };
    let made = api.answer(with_session(Method::POST, &["me", "tokens"]).json(&request)).await;
    // The session has served; when ending it fails it ends by itself.
    drop(api.send(with_session(Method::DELETE, &["sessions", "current"])).await);
    Ok((user, made?.read()?))
}

/// Why nobody was signed in. The general advice for 401 is to sign in, which is what was just tried.
async fn refused(api: &Api, message: String) -> Error {
    let state = api.get(&["setup"]).await.and_then(|answer| answer.read::<SetupState>());
    if state.is_ok_and(|state| state.needed) {
        return Error::failed(
            format!("{} has not been set up yet: nobody can sign in", api.server()),
            "open the link that `hanse serve` printed when it started, and make the first administrator",
        );
    }
    Error::failed(message, "")
}

fn session_cookie(headers: &HeaderMap) -> Option<String> {
    headers.get_all(SET_COOKIE).iter().find_map(|header| {
        let (name, value) = header.to_str().ok()?.split(';').next()?.split_once('=')?;
        (name.trim() == SESSION && !value.is_empty()).then(|| value.to_owned())
    })
}

/// `cli-<host>-<random>`, which tells the owner later which machine a token is on.
fn token_name(host: &str) -> Result<Name> {
    let host: String = host
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let host = host.trim_matches('-');
    let host = if host.is_empty() { "machine" } else { host };
    Name::parse(format!("cli-{host}-{:06x}", rand::random_range(0..0x0100_0000_u32)))
        .map_err(|error| Error::failed(format!("cannot name the token: {error}"), ""))
}

/// Options of `hanse logout`.
#[derive(Clone, Debug, Args)]
pub struct Logout {}

/// Forgets a context and revokes its token when `login` made it.
pub(crate) async fn logout(shell: &mut Shell, _: &Logout) -> Result<()> {
    let mut config = Config::load(&shell.config)?;
    let Some((name, context)) = config.context(shell.globals.context.as_deref())? else {
        return Err(Error::failed("nobody is signed in", ""));
    };
    let (name, context) = (name.to_owned(), context.clone());
    if let Err(error) = revoke(&context).await {
        shell.out.note(format_args!(
            "warning: the token could not be revoked and is valid until it expires: {error}"
        ));
    }
    config.contexts.remove(&name);
    if config.current.as_deref() == Some(&name) {
        config.current = None;
    }
    config.save(&shell.config)?;
    shell.out.line(format_args!("signed out of {} (context {name})", context.server))?;
    if config.current.is_none() && !config.contexts.is_empty() {
        let others: Vec<&str> = config.contexts.keys().map(String::as_str).collect();
        shell.out.note(format_args!(
            "other contexts: {}; choose one with `hanse contexts use NAME`",
            others.join(", ")
        ));
    }
    Ok(())
}

async fn revoke(context: &Context) -> Result<()> {
    let Some(name) = &context.token_name else { return Ok(()) };
    let target = Target { server: context.server.clone(), token: Some(context.token.clone()), project: None };
    match Api::new(&target)?.delete(&["me", "tokens", name]).await {
        Err(error) if !matches!(error.code(), Some(ErrorCode::NotFound | ErrorCode::Unauthenticated)) => {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Commands of `hanse contexts`.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Contexts {
    /// List the servers that you have signed in to
    List,
    /// Make a context the current one
    Use {
        /// Its name
        name: String,
    },
}

/// Lists or chooses contexts.
pub(crate) fn contexts(shell: &mut Shell, command: &Contexts) -> Result<()> {
    let mut config = Config::load(&shell.config)?;
    match command {
        Contexts::List => list(shell, &config),
        Contexts::Use { name } => {
            config.context(Some(name))?;
            config.current = Some(name.clone());
            config.save(&shell.config)?;
            Ok(shell.out.line(format_args!("context {name} is the current one"))?)
        }
    }
}

fn list(shell: &mut Shell, config: &Config) -> Result<()> {
    let is_current = |name: &String| config.current.as_ref() == Some(name);
    let format = shell.out.format();
    if format == Format::Table {
        let mut table = Table::new(&["CURRENT", "NAME", "SERVER", "USER", "PROJECT"]);
        for (name, context) in &config.contexts {
            let mark = if is_current(name) { "*" } else { "" };
            let server: &Url = &context.server;
            table.row(vec![
                mark.into(),
                name.as_str().into(),
                server.as_str().into(),
                context.user.as_str().into(),
                or_dash(context.project.as_ref()),
            ]);
        }
        return Ok(shell.out.table(&table, "no contexts: sign in with `hanse login URL`")?);
    }
    // Tokens stay in the file.
    let items: Vec<_> = config
        .contexts
        .iter()
        .map(|(name, context)| {
            json!({"name": name, "current": is_current(name), "server": context.server, "user": context.user, "project": context.project})
        })
        .collect();
    Ok(shell.out.value(&json!({"items": items}), format)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_names_are_names_whatever_the_host() {
        for host in ["", "build-7.example.com", "Ada's MacBook", "-", &"x".repeat(200), "主机"] {
            let name = token_name(host).unwrap();
            assert!(name.as_str().starts_with("cli-"), "{name}");
        }
        assert!(token_name("Build_7.example.com").unwrap().as_str().starts_with("cli-build-7-"));
    }
}
