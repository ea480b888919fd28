//! Responses of a simulation as a Parquet table, one row a trial.

use std::sync::Arc;

use errare_behaviour::Display;
use errare_core::angle::wrap;
use errare_network::Responses;
use parquet::data_type::{DoubleType, Int32Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{Error, Result};

/// A column by name.
enum Column {
    Whole(String, Vec<i32>),
    Real(String, Vec<f64>),
}

/// The table: `display`, `sample`, `set_size`, `cued_slot`, `response` (radians), `x`, `y` (read-out), then
/// `report_k` and `probe_k` (radians) of every item, the cued one first; NaN beyond the set size.
///
/// # Errors
/// When the format refuses a column.
pub fn responses_as_parquet(responses: &Responses) -> Result<Vec<u8>> {
    let rows = responses.points.len();
    let display = |row: usize| &responses.displays[row / responses.samples];
    let whole = |name: &str, of: &dyn Fn(usize) -> usize| {
        Column::Whole(name.into(), (0..rows).map(|row| of(row) as i32).collect())
    };
    let real = |name: String, of: &dyn Fn(usize) -> f64| Column::Real(name, (0..rows).map(of).collect());
    let point = |row: usize, axis: usize| f64::from(responses.points[row][axis]);
    let mut columns = vec![
        whole("display", &|row| row / responses.samples),
        whole("sample", &|row| row % responses.samples),
        whole("set_size", &|row| display(row).set_size()),
        whole("cued_slot", &|row| display(row).cued_slot),
        real("response".into(), &|row| wrap(point(row, 1).atan2(point(row, 0)))),
        real("x".into(), &|row| point(row, 0)),
        real("y".into(), &|row| point(row, 1)),
    ];
    let largest = responses.displays.iter().map(Display::set_size).max().unwrap_or(0);
    for item in 0..largest {
        let feature = |values: &[f64]| values.get(item).copied().unwrap_or(f64::NAN);
        columns.push(real(format!("report_{item}"), &|row| feature(&display(row).report)));
        columns.push(real(format!("probe_{item}"), &|row| feature(&display(row).probe)));
    }
    write(&columns)
}

fn write(columns: &[Column]) -> Result<Vec<u8>> {
    let fail = |error: parquet::errors::ParquetError| Error::Table(error.to_string());
    let fields: String = columns
        .iter()
        .map(|column| match column {
            Column::Whole(name, _) => format!("required int32 {name}; "),
            Column::Real(name, _) => format!("required double {name}; "),
        })
        .collect();
    let schema = parse_message_type(&format!("message responses {{ {fields} }}")).map_err(fail)?;
    let properties = Arc::new(WriterProperties::builder().set_created_by("errare".into()).build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), properties).map_err(fail)?;
    let mut group = writer.next_row_group().map_err(fail)?;
    for column in columns {
        let Some(mut target) = group.next_column().map_err(fail)? else {
            return Err(Error::Table("the schema has fewer columns than the table".into()));
        };
        match column {
            Column::Whole(_, values) => target.typed::<Int32Type>().write_batch(values, None, None),
            Column::Real(_, values) => target.typed::<DoubleType>().write_batch(values, None, None),
        }
        .map_err(fail)?;
        target.close().map_err(fail)?;
    }
    group.close().map_err(fail)?;
    writer.close().map_err(fail)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn rows_read_back() {
        let display = |angle: f64| Display { probe: vec![0.0, 1.0], report: vec![angle, 2.0], cued_slot: 1 };
        let responses = Responses {
            displays: vec![display(0.5), display(-0.5)],
            samples: 2,
            points: vec![[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]],
        };
        let bytes = responses_as_parquet(&responses).unwrap();
        let reader = SerializedFileReader::new(bytes_of(bytes)).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(std::result::Result::unwrap).collect();
        assert_eq!(rows.len(), 4);
        assert_eq!((rows[3].get_int(0).unwrap(), rows[3].get_int(1).unwrap()), (1, 1));
        assert!((rows[3].get_double(4).unwrap() + std::f64::consts::FRAC_PI_2).abs() < 1e-12);
        assert!((rows[2].get_double(7).unwrap() + 0.5).abs() < 1e-12);
    }

    /// A file on disk, as a reader wants it.
    fn bytes_of(bytes: Vec<u8>) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        file
    }
}
