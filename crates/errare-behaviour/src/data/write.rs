//! Writing a table in the schema that the reader reads.

use std::f64::consts::PI;
use std::path::Path;

use errare_core::run_dir::write_atomic;

use super::TrialTable;
use super::filter::source_text;
use super::table::Trial;
use crate::Result;

/// Writes a table as CSV, in radians with six decimals: the standard columns (see [`read_csv`](super::read_csv)),
/// those of the optional ones that some trial has, and the extra columns. The file appears under its name only
/// when it is complete.
///
/// # Errors
/// [`errare_core::Error::Io`] when the file cannot be written.
pub fn write_csv(path: impl AsRef<Path>, table: &TrialTable) -> Result<()> {
    Ok(write_atomic(path, &to_bytes(table, &[]))?)
}

/// A further feature of the items: the prefix of its columns and the angles (radians) by trial and item.
pub(super) type FeatureBlock<'a> = (&'a str, &'a [Vec<f64>]);

/// The CSV file of a table, with `features` after the probe feature.
pub(super) fn to_bytes(table: &TrialTable, features: &[FeatureBlock<'_>]) -> Vec<u8> {
    let trials = table.trials();
    let width = table.set_sizes().last().copied().unwrap_or(0);
    let any = |has: fn(&Trial) -> bool| trials.iter().any(has);
    let (session, number) = (any(|t| t.session.is_some()), any(|t| t.trial.is_some()));
    let (condition, source) = (any(|t| t.condition.is_some()), any(|t| t.source.is_some()));
    let slot = source || any(|t| t.display.cued_slot > 0);

    let mut rows = Rows::default();
    rows.text("participant");
    for (name, present) in [("session", session), ("trial", number), ("condition", condition)] {
        rows.optional(present, name);
    }
    rows.text("set_size");
    rows.text("response");
    let probe = table.has_probe().then_some("probe");
    for prefix in ["report"].into_iter().chain(probe).chain(features.iter().map(|(prefix, _)| *prefix)) {
        (0..width).for_each(|item| rows.text(&format!("{prefix}_{item}")));
    }
    rows.optional(source, "source");
    rows.optional(slot, "cued_slot");
    table.extra_columns().iter().for_each(|name| rows.text(name));
    rows.end();

    for (index, trial) in trials.iter().enumerate() {
        rows.text(&trial.participant);
        rows.optional(session, trial.session.as_deref().unwrap_or(""));
        rows.optional(number, &trial.trial.map_or(String::new(), |number| number.to_string()));
        rows.optional(condition, trial.condition.as_deref().unwrap_or(""));
        rows.text(&trial.display.set_size().to_string());
        rows.text(&angle_text(trial.response));
        let probe = probe.map(|_| trial.display.probe.as_slice());
        let further = features.iter().map(|(_, angles)| angles[index].as_slice());
        for angles in [trial.display.report.as_slice()].into_iter().chain(probe).chain(further) {
            (0..width)
                .for_each(|item| rows.text(&angles.get(item).map_or(String::new(), |&a| angle_text(a))));
        }
        rows.optional(source, &trial.source.map_or(String::new(), source_text));
        rows.optional(slot, &trial.display.cued_slot.to_string());
        trial.extra.iter().for_each(|text| rows.text(text));
        rows.end();
    }
    rows.bytes()
}

/// An angle with six decimals. Rounding would carry the ends of [−π, π) outside, where they would be read as
/// the other end.
fn angle_text(angle: f64) -> String {
    let last = (PI * 1e6).floor() / 1e6;
    format!("{:.6}", angle.clamp(-last, last))
}

/// Collects CSV rows in memory, where writing cannot fail.
struct Rows(csv::Writer<Vec<u8>>);

impl Default for Rows {
    fn default() -> Self {
        Self(csv::WriterBuilder::new().flexible(true).from_writer(Vec::new()))
    }
}

impl Rows {
    fn text(&mut self, text: &str) {
        self.0.write_field(text).expect("writing to memory does not fail");
    }

    fn optional(&mut self, present: bool, text: &str) {
        if present {
            self.text(text);
        }
    }

    fn end(&mut self) {
        self.0.write_record(None::<&[u8]>).expect("rows may have any length");
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("writing to memory does not fail")
    }
}
