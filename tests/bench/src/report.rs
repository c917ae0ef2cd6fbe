//! The figures, as JSON with everything in it and as tables for people. Neither holds a date or the name of a machine,
//! so that a new run changes only what was measured.

use std::{fmt::Write as _, path::Path};

use anyhow::Context;
use serde_json::{Map, Value, json};

use crate::figures::{Verdict, short};

const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// What one part has measured: each part's file says itself how it is shown.
#[derive(Debug, Default)]
pub struct Section {
    /// Its name in the JSON document.
    pub key: &'static str,
    pub title: String,
    /// Sentences above the table.
    pub note: String,
    pub columns: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
    pub verdicts: Vec<Verdict>,
    pub json: Value,
}

impl Section {
    fn markdown(&self, text: &mut String) {
        let Self { title, note, columns, rows, .. } = self;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "### {title}\n\n{note}\n");
        table(text, columns, rows);
    }
}

fn table(text: &mut String, columns: &[&str], rows: &[Vec<String>]) {
    let _ = writeln!(text, "| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text.push('\n');
}

/// A whole run.
#[derive(Debug)]
pub struct Report {
    pub machine: String,
    /// How much was asked for.
    pub scale: Value,
    /// The same for people.
    pub scope: String,
    pub sections: Vec<Section>,
    /// Parts that could not be measured, and why.
    pub failures: Vec<(&'static str, String)>,
}

impl Report {
    /// Everything.
    pub fn json(&self) -> Value {
        let sections: Map<String, Value> =
            self.sections.iter().map(|section| (section.key.to_owned(), section.json.clone())).collect();
        let verdicts: Vec<Value> = self
            .verdicts()
            .map(|verdict| {
                let mut value = serde_json::to_value(verdict).unwrap_or_default();
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("met".to_owned(), verdict.is_met().into());
                }
                value
            })
            .collect();
        json!({
            "machine": self.machine,
            "scale": self.scale,
            "targets": verdicts,
            "failures": self.failures,
            "parts": sections,
        })
    }

    fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.sections.iter().flat_map(|section| &section.verdicts)
    }

    /// The tables.
    pub fn markdown(&self) -> String {
        let (met, all) =
            (self.verdicts().filter(|verdict| verdict.is_met()).count(), self.verdicts().count());
        let mut text = format!(
            "{}, shared by server, members, clients and whatever else ran; {}. {met} of {all} targets met.\n\n",
            self.machine, self.scope
        );
        for (part, why) in &self.failures {
            let _ = writeln!(text, "**Not measured: {part}.** {}\n", why.replace('\n', " "));
        }
        if all > 0 {
            text.push_str("### Targets\n\n");
            let row = |verdict: &Verdict| {
                let figure = format!("{} {}", short(verdict.figure), verdict.unit);
                let met = if verdict.is_met() { "met" } else { "**missed**" };
                vec![verdict.what.clone(), figure.trim_end().to_owned(), verdict.wanted(), met.to_owned()]
            };
            table(&mut text, &["", "measured", "wanted", ""], &self.verdicts().map(row).collect::<Vec<_>>());
        }
        for section in &self.sections {
            section.markdown(&mut text);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

/// Replaces what is between the markers of a page, and leaves the rest as people wrote it.
pub fn write_between_markers(path: &Path, table: &str) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let page = replaced(&page, table).with_context(|| format!("no markers in {}", path.display()))?;
    Ok(std::fs::write(path, page)?)
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_around_the_figures_stays() {
        let page = format!("above\n{BEGIN}\nold\n{END}\nbelow\n");
        let once = replaced(&page, "new\n").unwrap();
        assert_eq!(once, format!("above\n{BEGIN}\nnew\n{END}\nbelow\n"));
        assert_eq!(replaced(&once, "new\n").unwrap(), once);
        assert_eq!(replaced("no markers", "new"), None);
    }

    #[test]
    fn a_missed_target_and_a_failed_part_are_said_plainly() {
        let report = Report {
            machine: "2 cores".to_owned(),
            scale: Value::Null,
            scope: "2 rounds".to_owned(),
            sections: vec![Section {
                key: "batches",
                title: "Batches".to_owned(),
                columns: vec!["", "ratio"],
                rows: vec![vec!["propagate".to_owned(), "0.5".to_owned()]],
                verdicts: vec![Verdict::at_least("propagate", 0.5, "×", 0.9)],
                ..Section::default()
            }],
            failures: vec![("tunnel", "no agent".to_owned())],
        };
        let text = report.markdown();
        for line in [
            "0 of 1 targets met",
            "| propagate | 0.50 × | ≥ 0.90 × | **missed** |",
            "**Not measured: tunnel.** no agent",
            "| propagate | 0.5 |",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert_eq!(report.json().pointer("/targets/0/met"), Some(&Value::Bool(false)));
    }
}
