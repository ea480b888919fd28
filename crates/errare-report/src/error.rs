//! The error type of this crate.

/// What can go wrong with figures and pages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be written.
    #[error(transparent)]
    Core(#[from] errare_core::Error),
    /// A figure's name is not fit for a file name and an element id.
    #[error("the figure name {name:?} must be 1 to 64 of a–z, 0–9, '-' and '_', starting with a letter")]
    FigureName {
        /// The name given.
        name: String,
    },
    /// Two figures of one page share a name.
    #[error("the page has two figures named {name:?}; names must differ")]
    DuplicateFigure {
        /// The name.
        name: String,
    },
    /// A histogram of n bins needs n + 1 edges.
    #[error("{heights} heights of a histogram need {} edges, but {edges} were given", .heights + 1)]
    HistogramEdges {
        /// Number of edges given.
        edges: usize,
        /// Number of heights given.
        heights: usize,
    },
    /// A row of a table has another length than its header.
    #[error("row {row} of the table {table:?} has {cells} cells, but the table has {columns} columns")]
    TableRow {
        /// Caption of the table.
        table: String,
        /// Row, counted from 1.
        row: usize,
        /// Cells of the row.
        cells: usize,
        /// Columns of the table.
        columns: usize,
    },
    /// The page template does not parse or asks for what the page has not.
    #[error("page template: {0:#}")]
    Template(#[from] minijinja::Error),
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
