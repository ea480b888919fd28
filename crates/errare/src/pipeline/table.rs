//! Responses of a simulation as a Parquet table, one row a trial.

use std::ops::Range;

use errare_behaviour::Display;
use errare_behaviour::data::{ParquetColumn, ParquetTable};
use errare_core::angle::wrap;
use errare_network::Responses;

use super::Result;

/// Rows that are held as columns at once.
const ROW_GROUP: usize = 1 << 18;

/// The table: `participant` (`network`, so that models of behaviour can be fitted to it), `display`, `sample`,
/// `set_size`, `cued_slot`, `response` (radians), `x`, `y` (read-out), then `report_k` and `probe_k` (radians) of every
/// item, the cued one first; null beyond the set size.
///
/// # Errors
/// When the format refuses a column.
pub fn responses_as_parquet(responses: &Responses) -> Result<Vec<u8>> {
    let items = responses.displays.iter().map(Display::set_size).max().unwrap_or(0);
    let mut names: Vec<String> =
        ["participant", "display", "sample", "set_size", "cued_slot", "response", "x", "y"]
            .map(str::to_owned)
            .into();
    names.extend((0..items).flat_map(|item| [format!("report_{item}"), format!("probe_{item}")]));
    let mut table = ParquetTable::new(Vec::new(), &names, &columns(responses, 0..0, items))?;
    let rows = responses.points.len();
    for from in (0..rows).step_by(ROW_GROUP) {
        table.write(&columns(responses, from..(from + ROW_GROUP).min(rows), items))?;
    }
    Ok(table.finish()?)
}

/// The columns of some of the rows, with so many items.
fn columns(responses: &Responses, rows: Range<usize>, items: usize) -> Vec<ParquetColumn> {
    let display = |row: usize| &responses.displays[row / responses.samples];
    let whole = |of: &dyn Fn(usize) -> usize| {
        ParquetColumn::Whole(rows.clone().map(|row| Some(of(row) as i64)).collect())
    };
    let real = |of: &dyn Fn(usize) -> Option<f64>| ParquetColumn::Real(rows.clone().map(of).collect());
    let point = |row: usize, axis: usize| f64::from(responses.points[row][axis]);
    let mut columns = vec![
        ParquetColumn::Text(vec![Some("network".to_owned()); rows.len()]),
        whole(&|row| row / responses.samples),
        whole(&|row| row % responses.samples),
        whole(&|row| display(row).set_size()),
        whole(&|row| display(row).cued_slot),
        real(&|row| Some(wrap(point(row, 1).atan2(point(row, 0))))),
        real(&|row| Some(point(row, 0))),
        real(&|row| Some(point(row, 1))),
    ];
    for item in 0..items {
        columns.push(real(&|row| display(row).report.get(item).copied()));
        columns.push(real(&|row| display(row).probe.get(item).copied()));
    }
    columns
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
        assert_eq!((rows[3].get_long(1).unwrap(), rows[3].get_long(2).unwrap()), (1, 1));
        assert!((rows[3].get_double(5).unwrap() + std::f64::consts::FRAC_PI_2).abs() < 1e-12);
        assert!((rows[2].get_double(8).unwrap() + 0.5).abs() < 1e-12);
    }

    #[test]
    fn row_groups_go_on_where_the_last_one_ended() {
        let display = Display { probe: vec![0.0], report: vec![0.5], cued_slot: 0 };
        let samples = ROW_GROUP + 2;
        let points = (0..samples).map(|sample| [1.0, sample as f32]).collect();
        let responses = Responses { displays: vec![display], samples, points };
        let reader = SerializedFileReader::new(bytes_of(responses_as_parquet(&responses).unwrap())).unwrap();
        let last = reader.get_row_group(1).unwrap().get_row_iter(None).unwrap().last().unwrap().unwrap();
        assert_eq!((reader.num_row_groups(), last.get_long(2).unwrap()), (2, ROW_GROUP as i64 + 1));
    }

    /// A file on disk, as a reader wants it.
    fn bytes_of(bytes: Vec<u8>) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        file
    }
}
