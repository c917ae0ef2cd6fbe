//! The one place that writes to the terminal. Results go to standard output, remarks to standard error, so that a
//! pipe gets only results. Text from a server or a member is cleaned of control characters before it is shown: a
//! cluster's message must not be able to move the reader's cursor.

use std::{
    fmt::Display,
    io::{self, IsTerminal as _, Write},
};

use clap::ValueEnum;
use serde_json::Value;

use crate::table::Table;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
}

/// Meaning of a piece of text; a colour on a terminal, nothing elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Should be looked at.
    Warn,
    /// Wrong.
    Bad,
    /// Beside the point.
    Dim,
    /// A heading.
    Strong,
}

/// Where results and remarks go.
pub(crate) struct Output {
    out: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
    format: Option<Format>,
    terminal: bool,
    colour: bool,
}

impl Output {
    /// Standard output and standard error of the process.
    pub(crate) fn of_process(format: Option<Format>) -> Self {
        let terminal = io::stdout().is_terminal();
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            out: Box::new(io::stdout()),
            notes: Box::new(io::stderr()),
            format,
            terminal,
            colour: terminal && !refused,
        }
    }

    #[cfg(test)]
    pub(crate) fn to_writers(
        out: Box<dyn Write + Send>,
        notes: Box<dyn Write + Send>,
        format: Option<Format>,
        terminal: bool,
    ) -> Self {
        Self { out, notes, format, terminal, colour: false }
    }

    /// The format asked for; people get a table.
    pub(crate) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Table)
    }

    /// The format asked for, or that of a command whose answers are mostly read by programs.
    pub(crate) fn format_or(&self, default: Format) -> Format {
        self.format.unwrap_or(default)
    }

    /// Whether standard output is a terminal, so that it can be redrawn.
    pub(crate) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether styles become colours.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// Text in a style.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        paint(self.colour, style, text)
    }

    /// A line of the result.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Text of the result as it is.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// A remark for people that is not part of the result. A closed standard error is no reason to fail.
    pub(crate) fn note(&mut self, text: impl Display) {
        drop(writeln!(self.notes, "{text}"));
    }

    /// The start of a question; the answer is typed on the same line.
    pub(crate) fn ask(&mut self, text: impl Display) {
        drop(write!(self.notes, "{text}"));
        drop(self.notes.flush());
    }

    /// A table, or a sentence when it has no rows.
    pub(crate) fn table(&mut self, table: &Table, when_empty: &str) -> io::Result<()> {
        if table.is_empty() {
            self.note(when_empty);
            return Ok(());
        }
        let text = table.render(self.colour);
        self.raw(text.as_bytes())
    }

    /// A whole value as JSON or YAML.
    pub(crate) fn value(&mut self, value: &Value, format: Format) -> io::Result<()> {
        let text = match format {
            Format::Yaml => serde_saphyr::to_string(value).map_err(io::Error::other)?,
            Format::Json | Format::Table => {
                let mut text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
                text.push('\n');
                text
            }
        };
        self.raw(text.as_bytes())
    }

    /// Clears the screen and writes from its top.
    pub(crate) fn redraw(&mut self, text: &str) -> io::Result<()> {
        self.raw(format!("\x1b[H\x1b[2J{text}").as_bytes())
    }
}

pub(crate) fn paint(colour: bool, style: Style, text: &str) -> String {
    let code = match style {
        Style::Plain => "",
        Style::Good => "32",
        Style::Warn => "33",
        Style::Bad => "31",
        Style::Dim => "2",
        Style::Strong => "1",
    };
    if colour && !code.is_empty() && !text.is_empty() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Text from elsewhere, safe to show: control characters (escape sequences among them) become spaces.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_from_elsewhere_are_not_shown() {
        assert_eq!(clean("a\x1b[2Jb\nc"), "a [2Jb c");
    }

    #[test]
    fn styles_are_silent_without_colour() {
        assert_eq!(paint(false, Style::Bad, "no"), "no");
        assert_eq!(paint(true, Style::Bad, "no"), "\x1b[31mno\x1b[0m");
        assert_eq!(paint(true, Style::Plain, "no"), "no");
    }
}
