//! One row of a file to one trial.

use std::collections::HashSet;
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use csv::StringRecord;
use errare_core::angle::wrap;

use super::columns::Columns;
use super::table::{MAX_SET_SIZE, ValueRange};
use super::units::{TOLERANCE, Units};
use super::{Problem, ReadOptions, Trial};
use crate::{Display, Source};

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) problems: Vec<Problem>,
}

impl Faults {
    fn cell(&mut self, row: u64, column: &str, reason: impl Into<String>) {
        self.problems.push(Problem::cell(row, column, reason));
    }
}

/// Ranges of the values in the units of the file.
#[derive(Debug)]
pub(super) struct Ranges {
    pub(super) report: Option<ValueRange>,
    pub(super) probe: Option<ValueRange>,
}

/// Shares equal labels between trials.
#[derive(Debug, Default)]
struct Labels(HashSet<Arc<str>>);

impl Labels {
    fn of(&mut self, text: &str) -> Arc<str> {
        if let Some(label) = self.0.get(text) {
            return label.clone();
        }
        let label: Arc<str> = text.into();
        self.0.insert(label.clone());
        label
    }
}

/// Reads rows, remembering what only whole columns can tell.
pub(super) struct RowReader<'a> {
    columns: &'a Columns,
    labels: Labels,
    response: Angles,
    report: Angles,
    probe: Angles,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(columns: &'a Columns, options: &ReadOptions) -> Self {
        Self {
            columns,
            labels: Labels::default(),
            response: Angles::new("response", options.report_units),
            report: Angles::new(&options.report_prefix, options.report_units),
            probe: Angles::new(&options.probe_prefix, options.probe_units),
        }
    }

    /// Reads one row; adds what is wrong with it to `faults` and then returns `None`.
    pub(super) fn read(&mut self, row: u64, record: &StringRecord, faults: &mut Faults) -> Option<Trial> {
        let columns = self.columns;
        let before = faults.problems.len();
        if record.iter().all(str::is_empty) {
            faults.problems.push(Problem::row(row, "every field is empty; expected a trial, or no row"));
            return None;
        }
        if record.len() != columns.names.len() {
            faults.problems.push(Problem::row(row, wrong_length(record, &columns.names)));
            return None;
        }
        let name = |index: usize| columns.names[index].as_str();
        let value = |index: Option<usize>| index.map(|i| &record[i]).filter(|text| !missing(text));
        // NA may be somebody's initials: a label is missing only when empty.
        let label = |index: Option<usize>| index.map(|i| &record[i]).filter(|text| !text.is_empty());

        let participant = &record[columns.participant];
        if participant.is_empty() {
            faults.cell(row, name(columns.participant), "empty; expected the participant's label");
        }
        let set_size = set_size(&record[columns.set_size])
            .map_err(|reason| faults.cell(row, name(columns.set_size), reason))
            .ok();
        let response = self.response.read(row, name(columns.response), &record[columns.response], faults);
        let mut items = |block: &[usize], angles: &mut Angles| -> Vec<f64> {
            if let Some(size) = set_size {
                check_items(row, record, columns, block, size, faults);
            }
            let filled = block.iter().filter(|&&index| !missing(&record[index]));
            filled.filter_map(|&index| angles.read(row, name(index), &record[index], faults)).collect()
        };
        let report = items(&columns.report, &mut self.report);
        let probe = items(&columns.probe, &mut self.probe);
        let mut item = |index: Option<usize>, text: &str, what: &str| {
            let number = whole_number(text).filter(|&item| set_size.is_none_or(|size| item < size as u64));
            if number.is_none() {
                let limit = set_size.map_or(String::new(), |size| format!(" below the set size {size}"));
                faults.cell(row, name(index?), format!("{text:?} is no {what}{limit}"));
            }
            number.map(|item| item as usize)
        };
        let cued_slot = value(columns.cued_slot)
            .map_or(Some(0), |text| item(columns.cued_slot, text, "slot; expected a whole number from 0"));
        let source = value(columns.source).and_then(|text| match text {
            "uniform" => Some(Source::Uniform),
            text => item(columns.source, text, "source; expected `uniform` or the number of an item")
                .map(Source::Item),
        });
        let trial = value(columns.trial).and_then(|text| {
            whole_number(text).or_else(|| {
                let column = name(columns.trial?);
                faults.cell(
                    row,
                    column,
                    format!("{text:?} is not a trial number; expected a whole number from 0"),
                );
                None
            })
        });
        if faults.problems.len() > before {
            return None;
        }
        Some(Trial {
            participant: self.labels.of(participant),
            condition: label(columns.condition).map(|label| self.labels.of(label)),
            session: label(columns.session).map(|label| self.labels.of(label)),
            trial,
            display: Display { probe, report, cued_slot: cued_slot? },
            response: response?,
            source,
            extra: columns.extra.iter().map(|&index| self.labels.of(&record[index])).collect(),
        })
    }

    /// The units that the angles fit, where many lie outside those that they were read in.
    pub(super) fn other_units(&self) -> Vec<String> {
        let report = fitting(&[&self.response, &self.report]);
        let probe = fitting(&[&self.probe]);
        let advice = |what: &str, option: &str, units: &[Units]| {
            let choices: Vec<String> = units.iter().map(|units| format!("{option} {units}")).collect();
            let which = if units.contains(&Units::Deg180) && units.len() > 1 {
                ", the former if the feature is a half circle such as orientation"
            } else {
                ""
            };
            format!(
                "{what} are out of range in {}, but all fit {}: read them with {}{which}",
                if option == "--probe-units" { self.probe.units } else { self.report.units },
                units.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
                choices.join(" or ")
            )
        };
        match (report.as_slice(), probe.as_slice()) {
            ([], []) => vec![],
            (report, probe) if report == probe && self.report.units == self.probe.units => {
                vec![advice("many angles", "--units", report)]
            }
            (report, probe) => {
                let of_report = ("many responses and report features", "--report-units", report);
                let of_probe = ("many probe features", "--probe-units", probe);
                let given = [of_report, of_probe].into_iter().filter(|(.., units)| !units.is_empty());
                given.map(|(what, option, units)| advice(what, option, units)).collect()
            }
        }
    }

    /// Adds the problems that only whole columns show; returns the ranges.
    pub(super) fn finish(self, faults: &mut Faults) -> Ranges {
        let join = |a: Option<ValueRange>, b: Option<ValueRange>| {
            ValueRange::of([a, b].into_iter().flatten().flat_map(|range| [range.min, range.max]))
        };
        let ranges = Ranges { report: join(self.response.range, self.report.range), probe: self.probe.range };
        for angles in [self.response, self.report, self.probe] {
            angles.finish(faults);
        }
        ranges
    }
}

/// The angles of one block of columns. They are either signed or start at zero; a mixture is a mistake.
struct Angles {
    block: String,
    units: Units,
    /// Of the angles that can be used.
    range: Option<ValueRange>,
    /// Of all numbers there are, good or bad.
    all: Option<ValueRange>,
    /// How many these are.
    count: usize,
    /// How many of them are out of range whatever the others are.
    outside: usize,
    /// Whether some angle is negative beyond rounding.
    signed: bool,
    /// Cells above half a turn: row, column, value.
    high: Vec<(u64, String, f64)>,
}

impl Angles {
    fn new(block: &str, units: Units) -> Self {
        Self {
            block: block.to_owned(),
            units,
            range: None,
            all: None,
            count: 0,
            outside: 0,
            signed: false,
            high: Vec::new(),
        }
    }

    /// Reads one angle (radians, wrapped).
    fn read(&mut self, row: u64, column: &str, text: &str, faults: &mut Faults) -> Option<f64> {
        let units = self.units;
        let value = match angle_number(text, units) {
            Ok(value) => value,
            Err(reason) => {
                faults.cell(row, column, reason);
                return None;
            }
        };
        self.count += 1;
        self.all = joined(self.all, value);
        let radians = units.to_radians(value);
        if radians.abs() > TAU + TOLERANCE {
            self.outside += 1;
            faults.cell(row, column, beyond_a_turn(value, units));
            return None;
        }
        if radians < -PI - TOLERANCE {
            self.outside += 1;
            faults.cell(
                row,
                column,
                format!("{value} is out of range; expected {} in {units}", units.intervals()),
            );
            return None;
        }
        self.signed |= radians < -TOLERANCE;
        if radians > PI + TOLERANCE {
            self.high.push((row, column.to_owned(), value));
        }
        self.range = joined(self.range, value);
        Some(wrap(radians))
    }

    fn finish(self, faults: &mut Faults) {
        if !self.signed {
            return;
        }
        for (row, column, value) in self.high {
            let reason = format!(
                "{value} is out of range, since other values of {} are negative; expected {} in {}",
                self.block,
                self.units.intervals(),
                self.units
            );
            faults.cell(row, &column, reason);
        }
    }
}

/// A range with one value more.
fn joined(range: Option<ValueRange>, value: f64) -> Option<ValueRange> {
    ValueRange::of(range.into_iter().flat_map(|range| [range.min, range.max]).chain([value]))
}

/// The units that all numbers of these blocks fit, if they are probably not in those that they were read in: at least
/// a quarter are out of range, as are those of a full circle that is read as half of one.
fn fitting(blocks: &[&Angles]) -> Vec<Units> {
    let high = |block: &Angles| if block.signed { block.high.len() } else { 0 };
    let outside: usize = blocks.iter().map(|block| block.outside + high(block)).sum();
    let count: usize = blocks.iter().map(|block| block.count).sum();
    if outside == 0 || 4 * outside < count {
        return Vec::new();
    }
    let ranges: Vec<ValueRange> = blocks.iter().filter_map(|block| block.all).collect();
    let read_in = blocks.first().map(|block| block.units);
    let fits = |units: Units| {
        let (turn, room) = (units.turn(), TOLERANCE * units.turn() / TAU);
        let within = |range: &ValueRange, low: f64| range.min >= low - room && range.max <= low + turn + room;
        // Almost any numbers are few degrees: they must also fill some of the circle.
        let fills = ranges.iter().any(|range| range.max.max(-range.min) >= 0.125 * turn);
        fills && ranges.iter().all(|range| within(range, 0.0) || within(range, -0.5 * turn))
    };
    let mut fitting: Vec<Units> =
        Units::ALL.into_iter().filter(|&units| Some(units) != read_in && fits(units)).collect();
    fitting.sort_by(|a, b| a.turn().total_cmp(&b.turn()));
    fitting
}

/// Whether a cell says that there is no value.
fn missing(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("na") || text.eq_ignore_ascii_case("nan")
}

/// A whole number, also as written by programs that keep every number as a float (`3.0`).
fn whole_number(text: &str) -> Option<u64> {
    let value: f64 = text.parse().ok()?;
    (value >= 0.0 && value.fract() == 0.0 && value < 9e15).then_some(value as u64)
}

fn set_size(text: &str) -> Result<usize, String> {
    match whole_number(text) {
        Some(size) if (1..=MAX_SET_SIZE as u64).contains(&size) => Ok(size as usize),
        _ if text.is_empty() => Err(format!("empty; expected the set size, 1 to {MAX_SET_SIZE}")),
        _ => Err(format!("{text:?} is not a set size; expected a whole number from 1 to {MAX_SET_SIZE}")),
    }
}

fn angle_number(text: &str, units: Units) -> Result<f64, String> {
    if text.is_empty() {
        return Err(format!("empty; expected an angle in {units}"));
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(format!("{text:?} is not finite; expected an angle in {units}")),
        Err(_) if text.contains(',') => {
            Err(format!("{text:?} is not a number; expected an angle in {units}, with a decimal point"))
        }
        Err(_) => Err(format!("{text:?} is not a number; expected an angle in {units}")),
    }
}

fn beyond_a_turn(value: f64, units: Units) -> String {
    match units {
        Units::Rad => format!(
            "{value} rad is more than 2 pi; if the angles are in degrees, read them with --units deg \
             (deg180 for a half circle such as orientation)"
        ),
        Units::Deg180 => format!(
            "{value} degrees is more than the half circle of deg180; for a full circle use --units deg"
        ),
        _ => format!(
            "{value} is more than a turn, {:.5}; expected {} in {units}",
            units.turn(),
            units.intervals()
        ),
    }
}

/// Checks that exactly the first `set_size` cells of a block are filled.
fn check_items(
    row: u64,
    record: &StringRecord,
    columns: &Columns,
    block: &[usize],
    set_size: usize,
    faults: &mut Faults,
) {
    let Some(&last) = block.last() else { return };
    let name = |index: usize| columns.names[index].as_str();
    if set_size > block.len() {
        let reason = format!(
            "{set_size}, but the table has only {} to {}; expected at most {}",
            name(block[0]),
            name(last),
            block.len()
        );
        return faults.cell(row, name(columns.set_size), reason);
    }
    let size_column = name(columns.set_size);
    if let Some(&gap) = block[..set_size].iter().find(|&&index| missing(&record[index])) {
        let found = if record[gap].is_empty() { "empty".to_owned() } else { format!("{:?}", &record[gap]) };
        let reason =
            format!("{found}, but {size_column} is {set_size}; expected an angle, or a smaller set size");
        faults.cell(row, name(gap), reason);
    }
    if let Some(&surplus) = block[set_size..].iter().find(|&&index| !missing(&record[index])) {
        let reason = format!(
            "{:?}, but {size_column} is {set_size}; expected an empty cell, or a larger set size",
            &record[surplus]
        );
        faults.cell(row, name(surplus), reason);
    }
}

fn wrong_length(record: &StringRecord, names: &[String]) -> String {
    let (found, expected) = (record.len(), names.len());
    let open_quote =
        if record.iter().any(|field| field.contains('\n')) { "; is a quote left open?" } else { "" };
    if found < expected {
        return format!("{found} of {expected} fields, so {} is missing{open_quote}", names[found]);
    }
    format!("{found} fields, but the header has {expected}{open_quote}")
}
