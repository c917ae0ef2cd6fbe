//! Tables for people: columns as wide as their widest cell, counted in terminal columns so that names in Chinese
//! line up, no rulers, no trailing blanks.

use unicode_width::UnicodeWidthStr as _;

use crate::output::{Style, clean, paint};

/// One cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Text in a style.
    pub(crate) fn new(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: clean(text.as_ref()), style }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text, Style::Plain)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text, Style::Plain)
    }
}

/// A value or a dash.
pub(crate) fn or_dash<T: ToString>(value: Option<T>) -> Cell {
    value.map_or_else(|| Cell::new("-", Style::Dim), |value| Cell::from(value.to_string()))
}

/// Rows under a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The text, ending in a newline.
    pub(crate) fn render(&self, colour: bool) -> String {
        let header: Vec<Cell> = self.header.iter().map(|text| Cell::new(text, Style::Strong)).collect();
        let mut widths = vec![0; self.header.len()];
        for row in std::iter::once(&header).chain(&self.rows) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let mut text = String::new();
        for row in std::iter::once(&header).chain(&self.rows) {
            // Blanks wait for the next cell that has something, so that no line ends in them.
            let mut blanks = 0;
            for (width, cell) in widths.iter().zip(row) {
                if !cell.text.is_empty() {
                    text.extend(std::iter::repeat_n(' ', blanks));
                    text.push_str(&paint(colour, cell.style, &cell.text));
                    blanks = 0;
                }
                blanks += width + 2 - cell.text.width();
            }
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_terminal_columns() {
        let mut table = Table::new(&["NAME", "SHOWN", "PHASE"]);
        table.row(vec!["eu".into(), "欧洲".into(), Cell::new("Ready", Style::Good)]);
        table.row(vec!["edge-1".into(), "".into(), "Unreachable".into()]);
        table.row(vec!["x".into(), "".into(), "".into()]);
        insta::assert_snapshot!(table.render(false), @r"
        NAME    SHOWN  PHASE
        eu      欧洲   Ready
        edge-1         Unreachable
        x
        ");
        assert!(table.render(true).contains("\x1b[32mReady\x1b[0m\n"));
    }
}
