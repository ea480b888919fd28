//! What is wrong with a table: one [`Problem`] a bad cell or row, and how a list of them reads.

use std::fmt;

use crate::Error;

/// One fault in a table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Line of the file, counted from 1 (the header is line 1 unless blank lines precede it); `None` when the
    /// fault is the file's.
    pub row: Option<u64>,
    /// Column, by its name in the file; `None` when the fault is the row's.
    pub column: Option<String>,
    /// What is wrong, naming the value, and what would be valid.
    pub reason: String,
}

impl Problem {
    /// A fault of the whole file.
    pub(super) fn file(reason: impl Into<String>) -> Self {
        Self { row: None, column: None, reason: reason.into() }
    }

    /// A fault of one row.
    pub(super) fn row(row: u64, reason: impl Into<String>) -> Self {
        Self { row: Some(row), column: None, reason: reason.into() }
    }

    /// A fault of a column's name, in the header at `row` of a text file.
    pub(super) fn header(row: Option<u64>, column: &str, reason: impl Into<String>) -> Self {
        Self { row, column: Some(column.to_owned()), reason: reason.into() }
    }

    /// A fault of one cell.
    pub(super) fn cell(row: u64, column: &str, reason: impl Into<String>) -> Self {
        Self { row: Some(row), column: Some(column.to_owned()), reason: reason.into() }
    }

    /// What is wrong without the value: the same for all problems of a kind, whatever quotes and numbers they name.
    #[must_use]
    pub fn kind(&self) -> String {
        let mut kind = String::new();
        let mut rest = self.reason.chars().peekable();
        while let Some(next) = rest.next() {
            match next {
                '"' => {
                    while let Some(quoted) = rest.next().filter(|&quoted| quoted != '"') {
                        if quoted == '\\' {
                            rest.next();
                        }
                    }
                }
                '-' | '.' if rest.peek().is_some_and(char::is_ascii_digit) => {}
                digit if digit.is_ascii_digit() => {}
                other => kind.push(other),
            }
        }
        kind
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(formatter, "row {row}")?;
        }
        if let Some(column) = &self.column {
            write!(formatter, "{}column {column}", if self.row.is_some() { ", " } else { "" })?;
        }
        if self.row.is_some() || self.column.is_some() {
            write!(formatter, ": ")?;
        }
        write!(formatter, "{}", self.reason)
    }
}

/// How many problems a message spells out; the rest are counted.
const SHOWN: usize = 10;

/// The text of a refused table: one line for a single problem, else a count and an indented list.
pub(crate) fn describe(path: &str, problems: &[Problem], hints: &[String]) -> String {
    if let [only] = problems {
        return format!("{path}: {only}");
    }
    let mut text = format!("{path}: {} problems; nothing was read", problems.len());
    for problem in problems.iter().take(SHOWN) {
        text.push_str(&format!("\n  {problem}"));
    }
    if problems.len() > SHOWN {
        text.push_str(&format!("\n  ... and {} more", problems.len() - SHOWN));
    }
    hints.iter().for_each(|hint| text.push_str(&format!("\n{hint}")));
    text
}

/// A table that is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Everything that is wrong, by row.
    pub(super) problems: Vec<Problem>,
    /// What may be behind it all.
    pub(super) hints: Vec<String>,
}

impl Refusal {
    /// As the error about the table of this name.
    pub(super) fn of(self, path: String) -> Error {
        Error::InvalidTable { path, problems: self.problems, hints: self.hints }
    }
}

impl From<Vec<Problem>> for Refusal {
    fn from(problems: Vec<Problem>) -> Self {
        Self { problems, hints: Vec::new() }
    }
}
