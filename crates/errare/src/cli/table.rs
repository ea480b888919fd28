//! The arguments that say which trials a command works on, and reading those trials.

use std::io::{IsTerminal, Read};

use errare::behaviour::data::{bundled, open, read_bytes};
use errare::behaviour::{ReadOptions, TrialTable, Units};
use errare::core::progress::Progress;
use errare::core::provenance::DataIdentity;

use super::failure::{Failure, Stage};

/// Which table, how it is written, and which of its rows.
#[derive(Debug, clap::Args)]
pub(crate) struct TableArguments {
    /// Name of a bundled data set (see `errare data list`), path of a CSV or Parquet file, or - for a CSV table from
    /// standard input.
    #[arg(value_name = "DATA")]
    data: String,
    #[command(flatten)]
    options: TableOptions,
}

impl TableArguments {
    /// Reads the table and selects its rows; the identity is that of the whole file and the selected rows.
    pub(crate) fn read(&self) -> Result<(TrialTable, DataIdentity), Failure> {
        self.options.read(&self.data)
    }

    /// As [`TableArguments::read`], with a word where the table was probably read in another coding than its own.
    pub(crate) fn read_with_warnings(
        &self,
        progress: &Progress,
    ) -> Result<(TrialTable, DataIdentity), Failure> {
        let (table, identity) = self.read()?;
        table.coding_warnings().iter().for_each(|warning| progress.note(&format!("warning: {warning}")));
        Ok((table, identity))
    }
}

/// How a table is written, and which of its rows to use.
#[derive(Debug, clap::Args)]
pub(crate) struct TableOptions {
    /// Use only the rows whose column holds this value; may be given several times: values of one column are
    /// alternatives, conditions on several columns must all hold.
    #[arg(long = "where", value_name = "COLUMN=VALUE", value_parser = pair, help_heading = "Table")]
    filters: Vec<(String, String)>,
    /// Name of the probe feature's columns: PREFIX_0 (the cued item), PREFIX_1, ...
    #[arg(long, value_name = "PREFIX", default_value = "probe", help_heading = "Table")]
    probe: String,
    /// Name of the report feature's columns: PREFIX_0 (the cued item), PREFIX_1, ...
    #[arg(long, value_name = "PREFIX", default_value = "report", help_heading = "Table")]
    report: String,
    /// Units of all angles of a file: rad, deg, or for half circles such as orientation rad180, deg180 [default: rad].
    #[arg(long, value_name = "UNITS", value_parser = units, hide_default_value = true, help_heading = "Table")]
    units: Option<Units>,
    /// Units of the responses and the report feature, where they differ from --units.
    #[arg(long, value_name = "UNITS", value_parser = units, help_heading = "Table")]
    report_units: Option<Units>,
    /// Units of the probe feature, where they differ from --units.
    #[arg(long, value_name = "UNITS", value_parser = units, help_heading = "Table")]
    probe_units: Option<Units>,
    /// Read the file's column NAME as the standard column, as in subject=participant; may be given several
    /// times.
    #[arg(long = "column", value_name = "NAME=STANDARD", value_parser = pair, help_heading = "Table")]
    columns: Vec<(String, String)>,
}

impl TableOptions {
    /// Whether any of the options was given.
    pub(crate) fn given(&self) -> bool {
        let default = ReadOptions::default();
        !self.filters.is_empty()
            || !self.columns.is_empty()
            || self.probe != default.probe_prefix
            || self.report != default.report_prefix
            || self.units_option().is_some()
    }

    /// Reads a table and selects its rows, as [`TableArguments::read`].
    pub(crate) fn read(&self, data: &str) -> Result<(TrialTable, DataIdentity), Failure> {
        let units = self.units.unwrap_or_default();
        let options = ReadOptions {
            report_units: self.report_units.unwrap_or(units),
            probe_units: self.probe_units.unwrap_or(units),
            report_prefix: self.report.clone(),
            probe_prefix: self.probe.clone(),
            columns: self.columns.clone(),
        };
        let set = bundled().iter().find(|set| set.name == data);
        if let (Some(set), Some(option)) = (set, self.units_option()) {
            return Err(Failure::bad_input(format!(
                "{option}: {} is inside the program, in radians; the option is for files",
                set.name
            )));
        }
        let streamed = if set.is_none() { stream(data)? } else { None };
        let data = name_of(data);
        let mut table = match &streamed {
            Some(bytes) => read_bytes(data, bytes, &options),
            None => open(data, &options),
        }
        .or_bad_input()?;
        let mut columns: Vec<&str> = Vec::new();
        for (column, _) in &self.filters {
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
        for column in columns {
            let of_column = self.filters.iter().filter(|(other, _)| other == column);
            let values: Vec<&str> = of_column.map(|(_, value)| value.as_str()).collect();
            table = table.filter_any(column, &values).or_bad_input()?;
        }
        let identity = match (set, &streamed) {
            (Some(set), _) => DataIdentity::new(set.name, set.csv, table.len()),
            (None, Some(bytes)) => DataIdentity::new(data, bytes, table.len()),
            (None, None) => DataIdentity::of_file(data, table.len()).or_bad_input()?,
        };
        Ok((table, identity))
    }

    /// The first option of units that was given.
    fn units_option(&self) -> Option<&'static str> {
        let given = [
            ("--units", self.units),
            ("--report-units", self.report_units),
            ("--probe-units", self.probe_units),
        ];
        given.into_iter().find(|(_, units)| units.is_some()).map(|(option, _)| option)
    }
}

/// How the command line spells the table that comes in by standard input.
const STANDARD_INPUT: &str = "-";

/// What a table is called in messages and results.
fn name_of(data: &str) -> &str {
    if data == STANDARD_INPUT { "standard input" } else { data }
}

/// All that comes in by standard input or out of another pipe, which can be read once only; `None` for what is no pipe.
fn stream(path: &str) -> Result<Option<Vec<u8>>, Failure> {
    let standard = path == STANDARD_INPUT;
    if standard && std::io::stdin().is_terminal() {
        return Err(Failure::bad_input(
            "- reads the table from standard input, which is a terminal: send a table there, as in `errare data check - \
             < trials.csv`, or name its file",
        ));
    }
    if !standard && !std::fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return Ok(None);
    }
    let read = if standard {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let name = name_of(path);
    let bytes = read.map_err(|error| Failure::bad_input(format!("{name}: {error}")))?;
    if bytes.starts_with(b"PAR1") {
        return Err(Failure::bad_input(format!(
            "{name}: a Parquet table is read from its end, which a pipe does not allow: give a file, or CSV"
        )));
    }
    Ok(Some(bytes))
}

/// Splits `COLUMN=VALUE`; the value may hold further equals signs.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((left, right)) if !left.is_empty() && !right.is_empty() => {
            Ok((left.to_owned(), right.to_owned()))
        }
        _ => Err("expected two names joined by =, as in set_size=4".to_owned()),
    }
}

fn units(text: &str) -> Result<Units, String> {
    text.parse().map_err(|error: errare::behaviour::Error| error.to_string())
}
