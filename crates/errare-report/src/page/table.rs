//! Tables whose columns have units and whose verdicts can be read without colour.

use crate::{Error, Estimate, Metric, Result, Unit};

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub(crate) title: String,
    pub(crate) numeric: bool,
}

impl Column {
    /// A column of words, to the left.
    #[must_use]
    pub fn text(title: impl Into<String>) -> Self {
        Self { title: title.into(), numeric: false }
    }

    /// A column of numbers with their unit in its head, to the right.
    #[must_use]
    pub fn number(title: &str, unit: &Unit) -> Self {
        Self { title: unit.label(title), numeric: true }
    }
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words or a formatted number.
    Text(String),
    /// Words with an explanation below.
    Explained {
        /// The words.
        text: String,
        /// The explanation.
        detail: String,
    },
    /// Whether a criterion is met; `None` when it was not tested.
    Met(Option<bool>),
    /// "n/a".
    Missing,
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number to `digits` significant digits; "n/a" for `None` and what is not finite.
    #[must_use]
    pub fn number(value: impl Into<Option<f64>>, digits: usize) -> Self {
        let finite = value.into().filter(|value| value.is_finite());
        finite.map_or(Self::Missing, |value| Self::Text(crate::number::significant(value, digits)))
    }

    /// A value with its interval, without the unit, which belongs in the column's head.
    #[must_use]
    pub fn estimate(estimate: &Estimate) -> Self {
        let bare = Estimate { unit: Unit::Dimensionless, ..estimate.clone() };
        if bare.value.is_none() { Self::Missing } else { Self::Text(bare.to_string()) }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A table; the first cell of a row is its head.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub(crate) caption: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    pub(crate) note: String,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(caption: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        let columns = columns.into_iter().collect();
        Self { caption: caption.into(), columns, rows: Vec::new(), note: String::new() }
    }

    /// Metrics with value, unit and interval, floor, limit, verdict and number; columns that no metric uses are
    /// left out.
    #[must_use]
    pub fn of_metrics<'a>(caption: impl Into<String>, metrics: impl IntoIterator<Item = &'a Metric>) -> Self {
        let heads = [
            ("metric", false),
            ("value", true),
            ("floor", true),
            ("limit", true),
            ("verdict", false),
            ("n", true),
        ];
        let rows: Vec<Vec<Cell>> = metrics.into_iter().map(Metric::cells).collect();
        let bare = |cell: &Cell| matches!(cell, Cell::Missing | Cell::Met(None));
        let used: Vec<usize> =
            (0..heads.len()).filter(|&c| c < 2 || rows.iter().any(|row| !bare(&row[c]))).collect();
        let columns = used.iter().map(|&c| Column { title: heads[c].0.into(), numeric: heads[c].1 });
        let mut table = Self::new(caption, columns);
        table.rows = rows.iter().map(|row| used.iter().map(|&c| row[c].clone()).collect()).collect();
        table
    }

    /// Adds a row.
    #[must_use]
    pub fn row<C: Into<Cell>>(mut self, cells: impl IntoIterator<Item = C>) -> Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Adds small print below: what floors and intervals are.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let columns = self.columns.len();
        match self.rows.iter().position(|row| row.len() != columns) {
            None => Ok(()),
            Some(row) => Err(Error::TableRow {
                table: self.caption.clone(),
                row: row + 1,
                cells: self.rows[row].len(),
                columns,
            }),
        }
    }
}
