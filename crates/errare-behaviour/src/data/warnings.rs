//! What in a table should make one look twice.

use std::collections::HashMap;
use std::f64::consts::PI;

use errare_core::angle::CircularSummary;

use super::table::{Origin, closest};
use super::{Trial, TrialTable, Units, ValueRange};

/// Participants with fewer trials than this are pointed out.
const FEW_TRIALS: usize = 50;
/// Probe distances that take at most this many values are pointed out.
const FEW_DISTANCES: usize = 16;
/// Angles closer than this (radians) are the same up to rounding.
const SAME: f64 = 1e-3;
/// Report features closer than this (radians) cannot be told apart in the responses.
const CLOSE: f64 = 0.1;
/// Fewer responses than this say nothing about how a table is coded.
const ENOUGH: usize = 20;

/// The warnings about a table, those about its coding first.
pub(super) fn of(table: &TrialTable) -> Vec<String> {
    let mut warnings = table.coding_warnings();
    warnings.extend(same_probes(table));
    warnings.extend(quantised_distances(table));
    warnings.extend(close_reports(table));
    warnings.extend(few_trials(table));
    warnings.extend(mixed_conditions(table));
    warnings
}

impl TrialTable {
    /// What makes it likely that the table was read in other units, or with other items first, than it was written.
    #[must_use]
    pub fn coding_warnings(&self) -> Vec<String> {
        let origin = self.origin();
        let mut warnings = Vec::new();
        warnings.extend(half_circle(self, origin));
        warnings.extend(radians_as_degrees(origin));
        warnings.extend(unrelated_responses(self));
        warnings.extend(relative_coding(self));
        warnings
    }
}

/// A number of things, in words.
pub(super) fn count(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Responses and report features that fill half of the circle: probably orientations that were not doubled.
fn half_circle(table: &TrialTable, origin: &Origin) -> Option<String> {
    let within = |low: f64, high: f64| {
        table.trials().iter().all(|trial| {
            trial
                .display
                .report
                .iter()
                .chain([&trial.response])
                .all(|a| (low - SAME..=high + SAME).contains(a))
        })
    };
    let (units, advice) = match origin.report_units {
        Units::Rad => ("[0, pi) or [-pi/2, pi/2)", "rad180"),
        Units::Deg => ("[0, 180) or [-90, 90)", "deg180"),
        _ => return None,
    };
    let half = table.len() >= ENOUGH && (within(0.0, PI) || within(-0.5 * PI, 0.5 * PI));
    half.then(|| {
        format!(
            "all responses and report features lie in {units}: if the feature is an orientation (half circle), \
             read it with --report-units {advice}, which doubles it"
        )
    })
}

fn radians_as_degrees(origin: &Origin) -> Option<String> {
    let ranges = [
        (&origin.report_prefix, origin.report_units, origin.report_range),
        (
            origin.probe_prefix.as_ref().unwrap_or(&origin.report_prefix),
            origin.probe_units,
            origin.probe_range,
        ),
    ];
    let small = |range: ValueRange| range.min.abs().max(range.max.abs()) < 2.0 * PI + SAME;
    let found = ranges.into_iter().find(|(_, units, range)| {
        matches!(units, Units::Deg | Units::Deg180)
            && range.is_some_and(|range| small(range) && range.max != range.min)
    });
    found.map(|(name, units, _)| {
        format!("{name} was read in {units}, but no value exceeds 2 pi: are these radians?")
    })
}

/// At the smallest set size people mostly report the cued item; if not, item 0 is hardly the cued one.
fn unrelated_responses(table: &TrialTable) -> Option<String> {
    let smallest = *table.set_sizes().first()?;
    let trials = table.trials().iter().filter(|trial| trial.display.set_size() == smallest);
    let summary = CircularSummary::of(trials.map(Trial::error));
    // Three standard errors of R for unrelated responses, at least 0.2.
    let chance = (3.0 / (summary.count as f64).sqrt()).max(0.2);
    (summary.count >= ENOUGH && summary.resultant < chance).then(|| {
        format!(
            "responses at set size {smallest} are hardly related to item 0 (resultant {:.2}): is it the cued item, \
             and are the units right?",
            summary.resultant
        )
    })
}

fn relative_coding(table: &TrialTable) -> Option<String> {
    let relative = table.len() >= ENOUGH && table.trials().iter().all(|trial| trial.display.report[0] == 0.0);
    relative.then(|| {
        "the cued item's report feature is always 0: angles are relative to it, so absolute biases cannot be seen"
            .to_owned()
    })
}

fn same_probes(table: &TrialTable) -> Option<String> {
    let same = table.trials().iter().filter(|trial| closest(&trial.display.probe) < SAME).count();
    (same > 0).then(|| {
        format!(
            "two items have the same probe feature in {}: the cue does not say which is meant",
            count(same, "trial")
        )
    })
}

fn quantised_distances(table: &TrialTable) -> Option<String> {
    let mut distances: Vec<f64> = table
        .trials()
        .iter()
        .flat_map(|trial| (1..trial.display.set_size()).filter_map(|item| trial.display.probe_offset(item)))
        .map(f64::abs)
        .collect();
    if distances.len() < ENOUGH {
        return None;
    }
    distances.sort_by(f64::total_cmp);
    distances.dedup_by(|b, a| *b - *a < SAME);
    (distances.len() <= FEW_DISTANCES).then(|| {
        let listed: Vec<String> = distances.iter().map(|distance| format!("{distance:.3}")).collect();
        format!(
            "probe distances take only {} ({} rad): between them, swap functions are interpolated",
            count(distances.len(), "value"),
            listed.join(", ")
        )
    })
}

fn close_reports(table: &TrialTable) -> Option<String> {
    let separations = table.minimum_separations();
    let smallest = separations.iter().map(|separation| separation.report).fold(f64::INFINITY, f64::min);
    (smallest < CLOSE).then(|| {
        format!(
            "report features of one display come as close as {smallest:.3} rad: a swap to so close an item looks like \
             a correct report"
        )
    })
}

fn few_trials(table: &TrialTable) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    table.trials().iter().for_each(|trial| *counts.entry(&*trial.participant).or_default() += 1);
    let few: Vec<String> = table
        .participants()
        .iter()
        .filter(|label| counts[&***label] < FEW_TRIALS)
        .map(|label| format!("{label} ({})", counts[&**label]))
        .collect();
    let listed = few.iter().take(FEW_DISTANCES).cloned().collect::<Vec<_>>().join(", ");
    let more = if few.len() > FEW_DISTANCES { ", ..." } else { "" };
    (!few.is_empty()).then(|| {
        format!("fewer than {FEW_TRIALS} trials of {}: {listed}{more}", count(few.len(), "participant"))
    })
}

fn mixed_conditions(table: &TrialTable) -> Option<String> {
    let without = table.trials().iter().filter(|trial| trial.condition.is_none()).count();
    (without > 0 && without < table.len())
        .then(|| format!("no condition in {}, though the others have one", count(without, "trial")))
}
