//! The error type of this crate: every variant names the value and the limit it broke.

use std::path::PathBuf;

/// What can go wrong in the foundations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A parameter lies outside its domain.
    #[error("{name} is {value}, but it must be {expected}")]
    OutOfRange {
        /// Name of the parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// The domain, in words.
        expected: &'static str,
    },
    /// So many angles cannot keep so large a separation.
    #[error("{count} angles cannot be {separation} rad apart on a circle of 2π")]
    SeparationTooLarge {
        /// Number of angles asked for.
        count: usize,
        /// Minimum separation asked for, in radians.
        separation: f64,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A JSON file does not hold what it should.
    #[error("{path}: {source}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        source: serde_json::Error,
    },
    /// An output path is a file.
    #[error("{path} is a file, but a directory is needed for the output", path = path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// An output directory holds something that must not be overwritten.
    #[error(
        "{path} is not empty and holds {holds}: choose an empty or new directory for {wanted}",
        path = path.display()
    )]
    DirectoryTaken {
        /// The directory.
        path: PathBuf,
        /// What it holds.
        holds: String,
        /// What it was wanted for.
        wanted: String,
    },
    /// Another process is writing to an output directory.
    #[error("{path} is being written to by another process", path = path.display())]
    DirectoryBusy {
        /// The directory.
        path: PathBuf,
    },
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
