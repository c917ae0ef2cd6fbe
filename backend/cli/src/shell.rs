//! What a command works with: the options of every command, input and output, the file of contexts, the clock. All of
//! it is handed in, so that tests run a command as a person would without touching the process.

use std::{
    io::{self, BufRead, IsTerminal as _},
    path::PathBuf,
};

use chrono::{DateTime, Utc};

use crate::{
    Globals,
    client::Api,
    config::{self, Config, Target},
    error::{Error, Result},
    output::Output,
};

/// The surroundings of one command.
pub(crate) struct Shell {
    /// Options of every command.
    pub(crate) globals: Globals,
    /// Results and remarks.
    pub(crate) out: Output,
    /// What is typed or piped in.
    pub(crate) input: Box<dyn BufRead + Send>,
    /// Whether somebody sits at the input and can be asked.
    pub(crate) interactive: bool,
    /// Asks for a password without showing it.
    pub(crate) password: fn() -> io::Result<String>,
    /// Place of the file of contexts.
    pub(crate) config: PathBuf,
    /// Name of this machine.
    pub(crate) host: String,
    /// The time of day.
    pub(crate) now: fn() -> DateTime<Utc>,
}

impl Shell {
    /// That of the process.
    pub(crate) fn of_process(globals: &Globals) -> Self {
        let mut globals = globals.clone();
        // A variable that is set to nothing says nothing.
        for text in [&mut globals.server, &mut globals.token, &mut globals.context, &mut globals.project] {
            text.take_if(|text| text.is_empty());
        }
        Self {
            out: Output::of_process(globals.output),
            input: Box::new(io::BufReader::new(io::stdin())),
            interactive: io::stdin().is_terminal(),
            password: || rpassword::read_password(),
            config: config::default_path(),
            host: hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            now: Utc::now,
            globals,
        }
    }

    /// Server, token and project that are meant.
    pub(crate) fn target(&self) -> Result<Target> {
        Config::load(&self.config)?.target(&self.globals)
    }

    /// The API of the server that is meant.
    pub(crate) fn api(&self) -> Result<Api> {
        Api::new(&self.target()?)
    }

    /// The project that is meant.
    pub(crate) fn project(&self) -> Result<String> {
        self.target()?
            .project
            .ok_or_else(|| Error::usage("no project is named: give -p PROJECT (HANSE_PROJECT)"))
    }

    /// Goes on only when somebody says yes, or `--yes` was given.
    pub(crate) fn confirm(&mut self, yes: bool, question: &str) -> Result<()> {
        if yes {
            return Ok(());
        }
        if !self.interactive {
            return Err(Error::usage("nobody can be asked here: give --yes to go on"));
        }
        self.out.ask(format_args!("{question} [y/N] "));
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(Error::failed("nothing was done", ""))
    }
}

/// The parts of `key=value`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("give KEY=VALUE".to_owned()),
    }
}
