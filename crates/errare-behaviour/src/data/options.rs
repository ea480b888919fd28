//! How to read a table: units, and the names of its columns.

use super::Units;

/// How to read a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Units of the responses and report features.
    pub report_units: Units,
    /// Units of the probe features.
    pub probe_units: Units,
    /// The report features are in the columns `report_prefix_0`, `report_prefix_1`, …
    pub report_prefix: String,
    /// The probe features are in the columns `probe_prefix_0`, `probe_prefix_1`, …; a table may lack them,
    /// unless a name other than `probe` is asked for.
    pub probe_prefix: String,
    /// Names of columns in the file with the standard names they stand for, as ("subject", "participant").
    pub columns: Vec<(String, String)>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            report_units: Units::Rad,
            probe_units: Units::Rad,
            report_prefix: "report".to_owned(),
            probe_prefix: "probe".to_owned(),
            columns: Vec::new(),
        }
    }
}

impl ReadOptions {
    /// Both features in the same units.
    #[must_use]
    pub fn in_units(units: Units) -> Self {
        Self { report_units: units, probe_units: units, ..Self::default() }
    }
}
