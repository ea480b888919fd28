//! Reading a table: everything that is wrong is collected before anything is refused.

use std::io::Read;
use std::path::Path;

use super::columns::Columns;
use super::parquet::{MAGIC, ParquetRows};
use super::problem::Refusal;
use super::row::{Faults, RowReader};
use super::{Origin, Problem, ReadOptions, Trial, TrialTable};
use crate::Result;

/// Reads a table from a CSV file: one row a trial, with a header.
///
/// Columns: `participant`, `set_size` (1 to 8), `response`, `report_0`, `report_1`, … (item 0 is the cued
/// one; cells beyond the set size are empty, `NA` or `NaN`); optionally `probe_0`, …, `condition`, `session`,
/// `trial`, `source` (`uniform` or an item) and `cued_slot`. Other columns are kept as text. Angles may be
/// signed or start at zero, but not both in one block of columns; they are stored in radians in [−π, π).
/// Fields are separated by commas, semicolons or tabs, whichever the header uses.
///
/// # Errors
/// [`Error::InvalidTable`] with every problem, by row and column; [`errare_core::Error::Io`] when the file
/// cannot be read.
pub fn read_csv(path: impl AsRef<Path>, options: &ReadOptions) -> Result<TrialTable> {
    let path = path.as_ref();
    let bytes =
        std::fs::read(path).map_err(|source| errare_core::Error::Io { path: path.to_owned(), source })?;
    read_bytes(&path.display().to_string(), &bytes, options)
}

/// Reads a table from the bytes of a CSV file; `name` stands for the path in messages. See [`read_csv`].
///
/// # Errors
/// [`Error::InvalidTable`] with every problem, by row and column.
pub fn read_bytes(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<TrialTable> {
    read(name, bytes, options).map_err(|refusal| refusal.of(name.to_owned()))
}

/// Reads a table from a file: Parquet when its name ends in `.parquet` or it begins as such files do, else CSV.
/// A Parquet file has the columns of [`read_csv`], of any numeric or text type, with null for what is missing; its
/// rows are counted from 1.
///
/// # Errors
/// As [`read_csv`].
pub fn read_table(path: impl AsRef<Path>, options: &ReadOptions) -> Result<TrialTable> {
    let path = path.as_ref();
    let fail = |source| errare_core::Error::Io { path: path.to_owned(), source };
    let named = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"));
    let name = path.display().to_string();
    let mut file = std::fs::File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    (&mut file).take(MAGIC.len() as u64).read_to_end(&mut bytes).map_err(fail)?;
    if !named && bytes != MAGIC {
        // Not opened anew: a pipe gives its bytes once.
        file.read_to_end(&mut bytes).map_err(fail)?;
        return read_bytes(&name, &bytes, options);
    }
    read_parquet(path, options).map_err(|refusal| refusal.of(name))
}

fn read_parquet(path: &Path, options: &ReadOptions) -> std::result::Result<TrialTable, Refusal> {
    let file_problem = |reason: String| vec![Problem::file(reason)];
    let file = ParquetRows::open(path).map_err(file_problem)?;
    let columns = Columns::find(&file.header(), None, options)?;
    let mut table = Builder::new(&columns, options);
    for (index, record) in file.rows().map_err(file_problem)?.enumerate() {
        table.row(index as u64 + 1, &record.map_err(file_problem)?);
    }
    table.finish(&path.display().to_string())
}

fn read(name: &str, bytes: &[u8], options: &ReadOptions) -> std::result::Result<TrialTable, Refusal> {
    let text = text_of(bytes).map_err(|problem| vec![problem])?;
    let mut lines = LineCounter::new(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut record = csv::StringRecord::new();
    let mut next = |record: &mut csv::StringRecord| -> std::result::Result<Option<u64>, Vec<Problem>> {
        let more = reader.read_record(record).map_err(|error| vec![Problem::file(error.to_string())])?;
        Ok(more.then(|| lines.line_at(record.position().map_or(0, csv::Position::byte) as usize)))
    };
    let empty = || vec![Problem::file("the file is empty; expected a header and one row a trial")];
    let header_row = next(&mut record)?.ok_or_else(empty)?;
    let header: Vec<String> = record.iter().map(str::to_owned).collect();
    let columns = Columns::find(&header, Some(header_row), options)?;
    let mut table = Builder::new(&columns, options);
    while let Some(row) = next(&mut record)? {
        table.row(row, &record);
    }
    table.finish(name)
}

/// A table that grows row by row, whatever the format of the file.
struct Builder<'a> {
    columns: &'a Columns,
    options: &'a ReadOptions,
    rows: RowReader<'a>,
    faults: Faults,
    trials: Vec<Trial>,
    count: usize,
}

impl<'a> Builder<'a> {
    fn new(columns: &'a Columns, options: &'a ReadOptions) -> Self {
        let rows = RowReader::new(columns, options);
        Self { columns, options, rows, faults: Faults::default(), trials: Vec::new(), count: 0 }
    }

    fn row(&mut self, row: u64, record: &csv::StringRecord) {
        self.count += 1;
        self.trials.extend(self.rows.read(row, record, &mut self.faults));
    }

    fn finish(self, name: &str) -> std::result::Result<TrialTable, Refusal> {
        let Self { columns, options, rows, mut faults, mut trials, count } = self;
        if count == 0 {
            return Err(vec![Problem::file(
                "the table has a header but no trials; expected one row a trial",
            )]
            .into());
        }
        let hints = rows.other_units();
        let ranges = rows.finish(&mut faults);
        if !faults.problems.is_empty() {
            // Faults of whole columns are found last; a reader wants them by row.
            faults.problems.sort_by_key(|problem| problem.row);
            return Err(Refusal { problems: faults.problems, hints });
        }
        trials.shrink_to_fit();
        let origin = Origin {
            report_units: options.report_units,
            probe_units: options.probe_units,
            report_prefix: options.report_prefix.clone(),
            probe_prefix: (!columns.probe.is_empty()).then(|| options.probe_prefix.clone()),
            features: columns.features.clone(),
            report_range: ranges.report,
            probe_range: ranges.probe,
        };
        let extra = columns.extra.iter().map(|&index| columns.names[index].clone()).collect();
        Ok(TrialTable::checked(name.to_owned(), trials, extra, origin))
    }
}

/// The file as text, without a byte-order mark.
fn text_of(bytes: &[u8]) -> std::result::Result<&str, Problem> {
    let advice = "expected a CSV file in UTF-8";
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(Problem::file(format!(
            "a spreadsheet or archive, not a text file; {advice} (export it as CSV)"
        )));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Problem::file(format!("text in UTF-16; {advice} (save it as \"CSV UTF-8\")")));
    }
    let line = |offset: usize| LineCounter::breaks(&bytes[..offset]) + 1;
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        return Err(Problem::row(line(offset), format!("a zero byte: this is a binary file; {advice}")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        Problem::row(line(offset), format!("byte {:#04x} is not UTF-8 text; {advice}", bytes[offset]))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The separator of the header: the most frequent of comma, semicolon and tab.
fn delimiter(text: &str) -> u8 {
    let header = text.trim_start().lines().next().unwrap_or("");
    let count = |separator: u8| header.bytes().filter(|&byte| byte == separator).count();
    // On a tie the last wins: the comma.
    *b"\t;,".iter().max_by_key(|&&separator| count(separator)).unwrap_or(&b',')
}

/// Turns byte offsets of records, in ascending order, into lines of the file.
struct LineCounter<'a> {
    bytes: &'a [u8],
    counted: usize,
    line: u64,
}

impl<'a> LineCounter<'a> {
    fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), counted: 0, line: 1 }
    }

    /// Line breaks in a piece of text: LF, CR LF, or CR alone. A CR at the end of the piece counts.
    fn breaks(piece: &[u8]) -> u64 {
        let is_break = |(index, &byte): (usize, &u8)| {
            byte == b'\n' || byte == b'\r' && piece.get(index + 1) != Some(&b'\n')
        };
        piece.iter().enumerate().filter(|&pair| is_break(pair)).count() as u64
    }

    /// The line of the record that the parser began at `offset`: it may have skipped blank lines first.
    fn line_at(&mut self, offset: usize) -> u64 {
        let blank = self.bytes[offset..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let start = offset + blank;
        self.line += Self::breaks(&self.bytes[self.counted..start]);
        self.counted = start;
        self.line
    }
}
