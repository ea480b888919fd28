//! What a command prints on stdout: lines and tables for people, or one JSON document for programs.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::{Failure, Stage, printing};

/// Where a command's results are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a part of the summary before the results are there; nothing with `--json`.
    pub(crate) fn say(self, text: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        let mut stdout = std::io::stdout().lock();
        write!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(printing)
    }

    /// Prints the results of `command`: the summary, or `{"command", "version", "out", …}` with the keys of
    /// `document`.
    pub(crate) fn show(
        self,
        command: &str,
        out: Option<&Path>,
        document: &impl Serialize,
        summary: &str,
    ) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        if !self.json {
            return write!(stdout, "{summary}").and_then(|()| stdout.flush()).map_err(printing);
        }
        let mut whole = Map::new();
        whole.insert("command".to_owned(), command.into());
        whole.insert("version".to_owned(), errare::build().version.into());
        whole.insert("out".to_owned(), out.map(|out| out.to_string_lossy().into_owned()).into());
        if let Value::Object(keys) = serde_json::to_value(document).or_failed()? {
            whole.extend(keys);
        }
        let text = serde_json::to_string_pretty(&whole).or_failed()?;
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(printing)
    }
}

/// A path as text in a JSON document; what is not Unicode in it is replaced.
pub(crate) fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// A CSV file of rows that name their columns.
pub(crate) fn csv<R: Serialize>(rows: impl IntoIterator<Item = R>) -> Result<Vec<u8>, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).or_failed()?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error).or_failed()
}

/// A table of text with aligned columns: the first to the left, the others to the right.
#[derive(Debug, Default)]
pub(crate) struct TextTable {
    rows: Vec<Vec<String>>,
    left: usize,
}

impl TextTable {
    /// A table with a heading, whose first `left` columns are text.
    pub(crate) fn new<S: Into<String>>(left: usize, heading: impl IntoIterator<Item = S>) -> Self {
        Self { rows: vec![heading.into_iter().map(Into::into).collect()], left }
    }

    /// Adds a row of as many cells as the heading has.
    pub(crate) fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }
}

impl std::fmt::Display for TextTable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for row in &self.rows {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column < self.left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(formatter, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A count with thousands separated: `7,271`.
pub(crate) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 trial`, `2 trials`.
pub(crate) fn counted(number: usize, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align() {
        let mut table = TextTable::new(1, ["name", "κ"]);
        table.row(["a longer name", "7.69"]);
        table.row(["b", "17"]);
        assert_eq!(table.to_string(), "name              κ\na longer name  7.69\nb                17\n");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!([0, 999, 1000, 1234567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "trial"), "1 trial");
        assert_eq!(counted(12, "participant"), "12 participants");
    }
}
