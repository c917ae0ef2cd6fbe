//! Personal access tokens. A new secret goes alone to standard output, so that `TOKEN=$(hanse token create ci)` works.

use clap::{Args, Subcommand};
use hanse_types::{
    Name,
    identity::{Token as TokenInfo, TokenCreate, TokenCreated},
};
use serde_json::json;

use crate::{
    client::read,
    error::Result,
    output::{Format, Style},
    quantity::ago,
    shell::Shell,
    table::{Cell, Table, or_dash},
};

/// Commands of `hanse token`.
#[derive(Clone, Debug, Subcommand)]
pub enum Token {
    /// Make a token and print its secret, once
    Create(Create),
    /// List your tokens
    List,
    /// Revoke a token at once
    Revoke {
        /// Its name
        name: String,
    },
}

/// Options of `hanse token create`.
#[derive(Clone, Debug, Args)]
pub struct Create {
    /// Its name, unique among your tokens
    name: Name,
    /// Days until it expires, 1 to 366
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    expires_in_days: u32,
    /// A permission it may use, as listed by the server; give it several times. All of yours when left out
    #[arg(long = "permission", value_name = "NAME")]
    permissions: Vec<String>,
}

/// Runs one of them.
pub(crate) async fn run(shell: &mut Shell, command: &Token) -> Result<()> {
    let api = shell.api()?;
    let format = shell.out.format();
    match command {
        Token::Create(args) => {
            let request = TokenCreate {
                name: args.name.clone(),
                expires_in_days: Some(args.expires_in_days),
                permissions: (!args.permissions.is_empty()).then(|| args.permissions.clone()),
            };
            let answer = api.post(&["me", "tokens"], &request).await?;
            if format != Format::Table {
                return Ok(shell.out.value(&answer.body, format)?);
            }
            let made: TokenCreated = answer.read()?;
            let until = made.token.expires_at.format("%Y-%m-%d");
            shell.out.note(format_args!(
                "token {} is valid until {until}; keep it safe, it cannot be shown again:",
                made.token.name
            ));
            Ok(shell.out.line(made.secret)?)
        }
        Token::List => {
            let items = api.list(&["me", "tokens"], &[]).await?;
            if format != Format::Table {
                return Ok(shell.out.value(&json!({"items": items}), format)?);
            }
            let now = (shell.now)();
            let mut table = Table::new(&["NAME", "CREATED", "EXPIRES", "LAST USED", "PERMISSIONS"]);
            for item in items {
                let token: TokenInfo = read(item)?;
                let expired = token.expires_at <= now;
                table.row(vec![
                    token.name.as_str().into(),
                    ago(now, token.created_at).into(),
                    if expired {
                        Cell::new("expired", Style::Bad)
                    } else {
                        token.expires_at.format("%Y-%m-%d").to_string().into()
                    },
                    or_dash(token.last_used_at.map(|at| ago(now, at))),
                    token
                        .permissions
                        .map_or_else(|| "all of yours".to_owned(), |some| some.join(", "))
                        .into(),
                ]);
            }
            Ok(shell.out.table(&table, "no tokens: make one with `hanse token create NAME`")?)
        }
        Token::Revoke { name } => {
            api.delete(&["me", "tokens", name]).await?;
            Ok(shell.out.line(format_args!("token {name} revoked"))?)
        }
    }
}
