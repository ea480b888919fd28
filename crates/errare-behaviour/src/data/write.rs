//! Writing trials in the schema that the reader reads, a whole table at once or trial by trial.

use std::f64::consts::PI;
use std::io::Write;
use std::path::{Path, PathBuf};

use errare_core::run_dir::AtomicFile;

use super::TrialTable;
use super::filter::source_text;
use super::parquet::{ParquetColumn, ParquetTable};
use super::table::Trial;
use crate::{Error, Result};

/// Rows of a Parquet row group.
const ROW_GROUP: usize = 1 << 16;

/// The format of a table in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableFormat {
    /// Comma-separated text; angles with six decimals.
    Csv,
    /// Apache Parquet with Snappy compression; angles as they are, missing values null.
    Parquet,
}

/// Which columns of the standard schema (see [`read_csv`](super::read_csv)) a written table has. `participant`,
/// `set_size`, `response` and `report_0`, … are always there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialColumns {
    /// Largest set size: the number of columns `report_0`, `report_1`, ….
    pub items: usize,
    /// Whether there are probe features.
    pub probe: bool,
    /// Whether there is a column `session`.
    pub session: bool,
    /// Whether there is a column `trial`.
    pub trial: bool,
    /// Whether there is a column `condition`.
    pub condition: bool,
    /// Whether there is a column `source`.
    pub source: bool,
    /// Whether there is a column `cued_slot`.
    pub cued_slot: bool,
    /// Names of the extra columns, in the order of [`Trial::extra`].
    pub extra: Vec<String>,
}

impl TrialColumns {
    /// The columns that some trial of a table has; a table with sources tells the cued slots too.
    #[must_use]
    pub fn of(table: &TrialTable) -> Self {
        let any = |has: fn(&Trial) -> bool| table.trials().iter().any(has);
        let source = any(|trial| trial.source.is_some());
        Self {
            items: table.set_sizes().last().copied().unwrap_or(0),
            probe: table.has_probe(),
            session: any(|trial| trial.session.is_some()),
            trial: any(|trial| trial.trial.is_some()),
            condition: any(|trial| trial.condition.is_some()),
            source,
            cued_slot: source || any(|trial| trial.display.cued_slot > 0),
            extra: table.extra_columns().to_vec(),
        }
    }
}

/// Writes a table as CSV, in radians with six decimals: the standard columns (see [`read_csv`](super::read_csv)),
/// those of the optional ones that some trial has, and the extra columns. The file appears under its name only
/// when it is complete.
///
/// # Errors
/// [`errare_core::Error::Io`] when the file cannot be written.
pub fn write_csv(path: impl AsRef<Path>, table: &TrialTable) -> Result<()> {
    write_table(path, table, TableFormat::Csv)
}

/// Writes a table in a format, as [`write_csv`].
///
/// # Errors
/// [`errare_core::Error::Io`] when the file cannot be written.
pub fn write_table(path: impl AsRef<Path>, table: &TrialTable, format: TableFormat) -> Result<()> {
    let mut writer = TrialWriter::create(path, format, TrialColumns::of(table))?;
    writer.write(table.trials())?;
    writer.finish()
}

/// Writes trials as they come, so that a table larger than memory can be made. The file appears under its name only
/// when it is [finished](Self::finish).
#[derive(Debug)]
pub struct TrialWriter {
    path: PathBuf,
    columns: TrialColumns,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    Csv(Rows<AtomicFile>),
    Parquet { table: ParquetTable<AtomicFile>, group: Vec<ParquetColumn> },
}

impl TrialWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// [`errare_core::Error::Io`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>, format: TableFormat, columns: TrialColumns) -> Result<Self> {
        let path = path.as_ref();
        let file = AtomicFile::create(path)?;
        let sink = match format {
            TableFormat::Csv => {
                let mut rows = Rows::new(file);
                rows.header(&columns, &[]).map_err(|error| failure(path, error))?;
                Sink::Csv(rows)
            }
            TableFormat::Parquet => {
                let group = parquet_columns(&columns);
                let table = ParquetTable::new(file, &parquet_names(&columns), &group)?;
                Sink::Parquet { table, group }
            }
        };
        Ok(Self { path: path.to_owned(), columns, sink })
    }

    /// Appends trials. What they have beyond the columns of the file is left out.
    ///
    /// # Errors
    /// [`errare_core::Error::Io`] when the file cannot be written.
    pub fn write(&mut self, trials: &[Trial]) -> Result<()> {
        for trial in trials {
            match &mut self.sink {
                Sink::Csv(rows) => {
                    rows.trial(&self.columns, trial, &[]).map_err(|error| failure(&self.path, error))?;
                }
                Sink::Parquet { table, group } => {
                    push(&self.columns, trial, group);
                    if group[0].len() >= ROW_GROUP {
                        table.write(group)?;
                        group.iter_mut().for_each(ParquetColumn::clear);
                    }
                }
            }
        }
        Ok(())
    }

    /// Completes the file.
    ///
    /// # Errors
    /// [`errare_core::Error::Io`] when the file cannot be written.
    pub fn finish(self) -> Result<()> {
        let file = match self.sink {
            Sink::Csv(rows) => {
                rows.0.into_inner().map_err(|error| failure(&self.path, error.into_error()))?
            }
            Sink::Parquet { mut table, group } => {
                if !group[0].is_empty() {
                    table.write(&group)?;
                }
                table.finish()?
            }
        };
        Ok(file.commit()?)
    }
}

fn failure(path: &Path, error: impl Into<std::io::Error>) -> Error {
    errare_core::Error::Io { path: path.to_owned(), source: error.into() }.into()
}

/// Names of the columns of a file, in order.
fn parquet_names(columns: &TrialColumns) -> Vec<String> {
    let mut rows = Rows::new(Vec::new());
    let in_memory = "writing to memory does not fail";
    rows.header(columns, &[]).expect(in_memory);
    let bytes = rows.0.into_inner().expect(in_memory);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes.as_slice());
    reader.records().flatten().flat_map(|row| row.iter().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Empty columns in the order of [`Rows::header`].
fn parquet_columns(columns: &TrialColumns) -> Vec<ParquetColumn> {
    let text = || ParquetColumn::Text(Vec::new());
    let whole = || ParquetColumn::Whole(Vec::new());
    let real = || ParquetColumn::Real(Vec::new());
    let mut all = vec![text()];
    all.extend(columns.session.then(text));
    all.extend(columns.trial.then(whole));
    all.extend(columns.condition.then(text));
    all.extend([whole(), real()]);
    let blocks = 1 + usize::from(columns.probe);
    all.extend((0..blocks * columns.items).map(|_| real()));
    all.extend(columns.source.then(text));
    all.extend(columns.cued_slot.then(whole));
    all.extend(columns.extra.iter().map(|_| text()));
    all
}

/// Appends a trial to the columns of [`parquet_columns`].
fn push(columns: &TrialColumns, trial: &Trial, group: &mut [ParquetColumn]) {
    let mut group = group.iter_mut();
    let mut next = || group.next().expect("a column for every field");
    next().push_text(Some(&trial.participant));
    if columns.session {
        next().push_text(trial.session.as_deref());
    }
    if columns.trial {
        next().push_whole(trial.trial.and_then(|number| i64::try_from(number).ok()));
    }
    if columns.condition {
        next().push_text(trial.condition.as_deref());
    }
    next().push_whole(Some(trial.display.set_size() as i64));
    next().push_real(Some(trial.response));
    let probe = columns.probe.then_some(&trial.display.probe);
    for angles in [&trial.display.report].into_iter().chain(probe) {
        (0..columns.items).for_each(|item| next().push_real(angles.get(item).copied()));
    }
    if columns.source {
        next().push_text(trial.source.map(source_text).as_deref());
    }
    if columns.cued_slot {
        next().push_whole(Some(trial.display.cued_slot as i64));
    }
    trial.extra.iter().for_each(|text| next().push_text(Some(text)));
}

/// A further feature of the items: the prefix of its columns and the angles (radians) by trial and item.
pub(super) type FeatureBlock<'a> = (&'a str, &'a [Vec<f64>]);

/// The CSV file of a table, with `features` after the probe feature.
pub(super) fn to_bytes(table: &TrialTable, features: &[FeatureBlock<'_>]) -> Vec<u8> {
    let columns = TrialColumns::of(table);
    let mut rows = Rows::new(Vec::new());
    let in_memory = "writing to memory does not fail";
    let prefixes: Vec<&str> = features.iter().map(|(prefix, _)| *prefix).collect();
    rows.header(&columns, &prefixes).expect(in_memory);
    for (index, trial) in table.trials().iter().enumerate() {
        let further: Vec<&[f64]> = features.iter().map(|(_, angles)| angles[index].as_slice()).collect();
        rows.trial(&columns, trial, &further).expect(in_memory);
    }
    rows.0.into_inner().expect(in_memory)
}

/// An angle with six decimals. Rounding would carry the ends of [−π, π) outside, where they would be read as
/// the other end.
fn angle_text(angle: f64) -> String {
    let last = (PI * 1e6).floor() / 1e6;
    format!("{:.6}", angle.clamp(-last, last))
}

/// CSV rows.
#[derive(Debug)]
struct Rows<W: Write>(csv::Writer<W>);

impl<W: Write> Rows<W> {
    fn new(writer: W) -> Self {
        Self(csv::WriterBuilder::new().flexible(true).from_writer(writer))
    }

    /// The header, with further features named by their prefixes.
    fn header(&mut self, columns: &TrialColumns, features: &[&str]) -> csv::Result<()> {
        self.0.write_field("participant")?;
        self.optional(columns.session, "session")?;
        self.optional(columns.trial, "trial")?;
        self.optional(columns.condition, "condition")?;
        self.0.write_field("set_size")?;
        self.0.write_field("response")?;
        let probe = columns.probe.then_some("probe");
        for prefix in ["report"].into_iter().chain(probe).chain(features.iter().copied()) {
            for item in 0..columns.items {
                self.0.write_field(format!("{prefix}_{item}"))?;
            }
        }
        self.optional(columns.source, "source")?;
        self.optional(columns.cued_slot, "cued_slot")?;
        for name in &columns.extra {
            self.0.write_field(name)?;
        }
        self.0.write_record(None::<&[u8]>)
    }

    /// A trial, with its angles in the further features.
    fn trial(&mut self, columns: &TrialColumns, trial: &Trial, further: &[&[f64]]) -> csv::Result<()> {
        self.0.write_field(&*trial.participant)?;
        self.optional(columns.session, trial.session.as_deref().unwrap_or(""))?;
        self.optional(columns.trial, &trial.trial.map_or(String::new(), |number| number.to_string()))?;
        self.optional(columns.condition, trial.condition.as_deref().unwrap_or(""))?;
        self.0.write_field(trial.display.set_size().to_string())?;
        self.0.write_field(angle_text(trial.response))?;
        let probe = columns.probe.then_some(trial.display.probe.as_slice());
        let blocks = [trial.display.report.as_slice()].into_iter().chain(probe);
        for angles in blocks.chain(further.iter().copied()) {
            for item in 0..columns.items {
                self.0.write_field(angles.get(item).map_or(String::new(), |&angle| angle_text(angle)))?;
            }
        }
        self.optional(columns.source, &trial.source.map_or(String::new(), source_text))?;
        self.optional(columns.cued_slot, &trial.display.cued_slot.to_string())?;
        for text in &trial.extra {
            self.0.write_field(&**text)?;
        }
        self.0.write_record(None::<&[u8]>)
    }

    fn optional(&mut self, present: bool, text: &str) -> csv::Result<()> {
        if present { self.0.write_field(text) } else { Ok(()) }
    }
}
