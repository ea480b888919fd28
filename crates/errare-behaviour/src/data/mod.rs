//! Trial tables: what people did, read from a CSV or Parquet file or from the sets inside the program.
//!
//! The first step of the flow. A [`TrialTable`] holds the trials of one experiment in radians, whatever units
//! the file had; everything downstream (mixture models, swap functions, networks) takes its displays and
//! responses. A file is read whole or not at all: [`read_csv`] collects every bad cell, with its row and
//! column, before it refuses.

mod bundled;
mod columns;
mod filter;
mod group;
mod options;
mod parquet;
mod problem;
mod read;
mod row;
mod simulated;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod units;
mod warnings;
mod write;

pub use bundled::{BundledSet, bundled, load_bundled, open};
pub(crate) use filter::listing;
pub use group::{Group, GroupKey};
pub use options::ReadOptions;
pub use parquet::{ParquetColumn, ParquetTable};
pub use problem::Problem;
pub(crate) use problem::describe;
pub use read::{read_bytes, read_csv, read_table};
pub use simulated::ProbeEffect;
pub use summary::{FeatureSummary, SetSizeSummary, TableSummary};
pub(crate) use table::{MAX_SET_SIZE, distinct};
pub use table::{Origin, Separation, Trial, TrialTable, ValueRange};
pub use units::Units;
pub use write::{TableFormat, TrialColumns, TrialWriter, write_csv, write_table};
