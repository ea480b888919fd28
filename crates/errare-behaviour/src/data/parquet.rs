//! Parquet tables: plain columns without Arrow, written a row group at a time and read row by row as text, so that a
//! row passes the same checks whatever the format of its file.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};

use crate::{Error, Result};

/// What every Parquet file begins with.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// The values of one column in one row group; `None` is null.
#[derive(Debug, Clone, PartialEq)]
pub enum ParquetColumn {
    /// Whole numbers (`int64`).
    Whole(Vec<Option<i64>>),
    /// Real numbers (`double`).
    Real(Vec<Option<f64>>),
    /// Text (UTF-8).
    Text(Vec<Option<String>>),
}

impl ParquetColumn {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Whole(values) => values.len(),
            Self::Real(values) => values.len(),
            Self::Text(values) => values.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Whole(values) => values.clear(),
            Self::Real(values) => values.clear(),
            Self::Text(values) => values.clear(),
        }
    }

    pub(super) fn push_whole(&mut self, value: Option<i64>) {
        let Self::Whole(values) = self else { unreachable!("the column holds whole numbers") };
        values.push(value);
    }

    pub(super) fn push_real(&mut self, value: Option<f64>) {
        let Self::Real(values) = self else { unreachable!("the column holds real numbers") };
        values.push(value);
    }

    pub(super) fn push_text(&mut self, value: Option<&str>) {
        let Self::Text(values) = self else { unreachable!("the column holds text") };
        values.push(value.map(str::to_owned));
    }

    /// The column of the schema; every one may be null.
    fn declared(&self, name: &str) -> Result<TypePtr> {
        let (physical, logical) = match self {
            Self::Whole(_) => (PhysicalType::INT64, None),
            Self::Real(_) => (PhysicalType::DOUBLE, None),
            Self::Text(_) => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let column = Type::primitive_type_builder(name, physical);
        let column = column.with_repetition(Repetition::OPTIONAL).with_logical_type(logical);
        Ok(Arc::new(column.build()?))
    }
}

/// Writes a Parquet table a row group at a time.
pub struct ParquetTable<W: Write + Send> {
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> std::fmt::Debug for ParquetTable<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ParquetTable")
    }
}

impl<W: Write + Send> ParquetTable<W> {
    /// Begins a table of columns with these names; `kinds` says, by empty columns, what each holds.
    ///
    /// # Errors
    /// [`Error::Parquet`] when the format refuses a name, or nothing can be written.
    pub fn new(writer: W, names: &[String], kinds: &[ParquetColumn]) -> Result<Self> {
        let fields =
            names.iter().zip(kinds).map(|(name, kind)| kind.declared(name)).collect::<Result<_>>()?;
        let schema = Type::group_type_builder("trials").with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_created_by("errare".into())
            .set_compression(Compression::SNAPPY)
            .build();
        let writer = SerializedFileWriter::new(writer, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { writer })
    }

    /// Appends a row group of columns of equal length, in the order of [`new`](Self::new).
    ///
    /// # Errors
    /// [`Error::Parquet`] when the columns are not those of the table, or nothing can be written.
    pub fn write(&mut self, columns: &[ParquetColumn]) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in columns {
            let Some(mut target) = group.next_column()? else {
                return Err(Error::Parquet("the table has fewer columns than the row group".into()));
            };
            match column {
                ParquetColumn::Whole(values) => {
                    let (levels, values) = present(values);
                    target.typed::<Int64Type>().write_batch(&values, Some(&levels), None)
                }
                ParquetColumn::Real(values) => {
                    let (levels, values) = present(values);
                    target.typed::<DoubleType>().write_batch(&values, Some(&levels), None)
                }
                ParquetColumn::Text(values) => {
                    let (levels, values) = present(values);
                    let values: Vec<_> = values.iter().map(|text| ByteArray::from(text.as_str())).collect();
                    target.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)
                }
            }?;
            target.close()?;
        }
        group.close()?;
        Ok(())
    }

    /// Completes the table.
    ///
    /// # Errors
    /// [`Error::Parquet`] when it cannot be written.
    pub fn finish(self) -> Result<W> {
        Ok(self.writer.into_inner()?)
    }
}

/// Definition levels, and the values that there are.
fn present<T: Clone>(values: &[Option<T>]) -> (Vec<i16>, Vec<T>) {
    (
        values.iter().map(|value| i16::from(value.is_some())).collect(),
        values.iter().flatten().cloned().collect(),
    )
}

/// A Parquet file as rows of text: numbers in full, null as nothing.
pub(super) struct ParquetRows {
    reader: SerializedFileReader<File>,
}

impl ParquetRows {
    pub(super) fn open(path: &Path) -> std::result::Result<Self, String> {
        let file = File::open(path).map_err(|error| error.to_string())?;
        Ok(Self { reader: SerializedFileReader::new(file).map_err(readable)? })
    }

    /// Names of the columns.
    pub(super) fn header(&self) -> Vec<String> {
        let schema = self.reader.metadata().file_metadata().schema();
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect()
    }

    /// The rows; one that cannot be decoded ends them.
    pub(super) fn rows(
        &self,
    ) -> std::result::Result<impl Iterator<Item = std::result::Result<csv::StringRecord, String>>, String>
    {
        let rows = self.reader.get_row_iter(None).map_err(readable)?;
        Ok(rows.map(|row| {
            let row = row.map_err(readable)?;
            Ok(row.get_column_iter().map(|(_, field)| text(field)).collect())
        }))
    }
}

/// What the reader says, and what to do about a compression that it does not know.
fn readable(error: ParquetError) -> String {
    let message = error.to_string();
    let message = message.strip_prefix("Parquet error: ").unwrap_or(&message);
    if message.contains("Disabled feature") {
        return format!("{message}; expected a Parquet file without compression or with Snappy");
    }
    format!("{message}; expected a Parquet file, or CSV under a name that does not end in .parquet")
}

fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.trim().to_owned(),
        Field::Float(value) => value.to_string(),
        Field::Double(value) => value.to_string(),
        other => other.to_string(),
    }
}

impl From<ParquetError> for Error {
    fn from(error: ParquetError) -> Self {
        Self::Parquet(error.to_string())
    }
}
