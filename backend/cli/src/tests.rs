//! Commands as a person runs them: a line typed, a server that answers, what is printed and the exit code.

use std::{
    io::{self, Cursor, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use clap::{CommandFactory as _, Parser};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::{Command, Globals, dispatch, output::Output, shell::Shell};

mod apply;
mod clusters;
mod kubeconfig;
mod live;
mod login;
mod objects;
mod simulate;

#[derive(Parser)]
#[command(name = "hanse")]
struct Line {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// Something to write to and to read back.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A person at a machine: a folder of their own and what they type.
struct Person {
    folder: tempfile::TempDir,
    typed: String,
    interactive: bool,
    terminal: bool,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
struct Ended {
    code: u8,
    out: String,
    notes: String,
}

impl Ended {
    fn all(&self) -> String {
        format!("{}---\n{}exit code {}", self.out, self.notes, self.code)
    }
}

impl Person {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            typed: String::new(),
            interactive: false,
            terminal: false,
        }
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("hanse/config.json")
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs `hanse` with these arguments. The folder's name and the server's address are replaced in what is printed.
    async fn runs(&self, arguments: &[&str]) -> Ended {
        let line = match Line::try_parse_from(std::iter::once(&"hanse").chain(arguments)) {
            Ok(line) => line,
            Err(error) => {
                let code = u8::try_from(error.exit_code()).unwrap();
                return Ended { code, out: String::new(), notes: error.to_string() };
            }
        };
        let (out, notes) = (Paper::default(), Paper::default());
        let mut shell = Shell {
            out: Output::to_writers(
                Box::new(out.clone()),
                Box::new(notes.clone()),
                line.globals.output,
                self.terminal,
            ),
            globals: line.globals,
            input: Box::new(Cursor::new(self.typed.clone())),
            interactive: self.interactive,
            password: || Ok("typed unseen".to_owned()),
            config: self.config(),
            host: "desk.example.com".to_owned(),
            now: || "2026-01-01T12:00:10Z".parse().unwrap(),
        };
        let code = match dispatch(&mut shell, &line.command).await {
            Ok(()) => 0,
            Err(error) => {
                shell.out.note(error.report());
                error.exit_code()
            }
        };
        let folder = self.folder.path().display().to_string();
        let plain = |paper: &Paper| paper.text().replace(&folder, "FOLDER");
        Ended { code, out: plain(&out), notes: plain(&notes) }
    }
}

/// A page that is the whole list.
fn page(items: &[Value]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"items": items, "total": items.len(), "revision": 7}))
}

fn refusal(status: u16, code: &str, message: &str) -> ResponseTemplate {
    let body = json!({"error": {"code": code, "message": message, "requestId": "req-1"}});
    ResponseTemplate::new(status).set_body_json(body)
}

/// Bodies that the server was sent to a path, with the method.
async fn sent(server: &MockServer, path: &str) -> Vec<(String, Value)> {
    let requests = server.received_requests().await.unwrap();
    let of_path = requests.iter().filter(|request| request.url.path() == path);
    of_path
        .map(|request| {
            (request.method.to_string(), serde_json::from_slice(&request.body).unwrap_or_default())
        })
        .collect()
}

#[test]
fn the_command_line_is_consistent() {
    Line::command().debug_assert();
}

#[test]
fn every_option_and_command_says_what_it_is_for() {
    fn walk(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path} says nothing");
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{path} {} says nothing", argument.get_id());
        }
        for inner in command.get_subcommands() {
            walk(inner, &format!("{path} {}", inner.get_name()));
        }
    }
    for command in Line::command().get_subcommands() {
        walk(command, command.get_name());
    }
}

#[tokio::test]
async fn completion_knows_every_command() {
    let ended = Person::new().runs(&["completion", "bash"]).await;
    assert_eq!(ended.code, 0);
    for word in ["clusters", "apply", "--until-ready", "--kubeconfig"] {
        assert!(ended.out.contains(word), "{word}");
    }
}

#[tokio::test]
async fn without_a_server_the_next_step_is_named() {
    let ended = Person::new().runs(&["clusters", "list"]).await;
    insta::assert_snapshot!(ended.all(), @r"
    ---
    error: no server is known: sign in with `hanse login URL`, or name one with --server URL (HANSE_SERVER)
    exit code 2
    ");
}
