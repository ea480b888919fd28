//! The trials of one table in memory.

use std::f64::consts::PI;
use std::sync::Arc;

use errare_core::angle::distance;

use super::{TableSummary, Units};
use crate::{Display, Error, Result, Source};

/// Largest set size of a table.
pub(crate) const MAX_SET_SIZE: usize = 8;

/// One trial: who saw what, and answered what. Angles in radians in [−π, π).
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Label of the participant, as in the file.
    pub participant: Arc<str>,
    /// Label of the condition, where the table has conditions.
    pub condition: Option<Arc<str>>,
    /// Label of the session, where the table records it.
    pub session: Option<Arc<str>>,
    /// Trial number of the source.
    pub trial: Option<u64>,
    /// The items; item 0 is the cued one. `cued_slot` is 0 unless the table records it.
    pub display: Display,
    /// The reported angle (radians).
    pub response: f64,
    /// Where the response came from: known in simulated tables only.
    pub source: Option<Source>,
    /// Values of the table's [`extra_columns`](TrialTable::extra_columns), in their order.
    pub extra: Vec<Arc<str>>,
}

impl Trial {
    /// A trial of `participant` without any of the optional labels.
    #[must_use]
    pub fn new(participant: impl Into<Arc<str>>, display: Display, response: f64) -> Self {
        Self {
            participant: participant.into(),
            condition: None,
            session: None,
            trial: None,
            display,
            response,
            source: None,
            extra: Vec::new(),
        }
    }

    /// Signed error (radians) of the response relative to the cued item.
    #[must_use]
    pub fn error(&self) -> f64 {
        errare_core::angle::difference(self.response, self.display.report[0])
    }
}

/// Smallest and largest value of a feature, in the units of the file.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct ValueRange {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl ValueRange {
    /// The range of some values; `None` when there are none.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        values.into_iter().fold(None, |range: Option<Self>, value| {
            Some(match range {
                None => Self { min: value, max: value },
                Some(range) => Self { min: range.min.min(value), max: range.max.max(value) },
            })
        })
    }
}

/// How a table was written: what the reader found before it converted anything.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Origin {
    /// Units of the report feature and the response.
    pub report_units: Units,
    /// Units of the probe feature.
    pub probe_units: Units,
    /// Name of the report feature's columns, without `_0`, `_1`, ….
    pub report_prefix: String,
    /// Name of the probe feature's columns, where they were read.
    pub probe_prefix: Option<String>,
    /// Every block of columns `name_0`, `name_1`, … in the file, read or not.
    pub features: Vec<String>,
    /// Range of the responses and report features, in the units of the file.
    pub report_range: Option<ValueRange>,
    /// Range of the probe features, in the units of the file.
    pub probe_range: Option<ValueRange>,
}

impl Origin {
    /// The origin of trials made in memory: radians, standard names.
    fn of(trials: &[Trial]) -> Self {
        let probed = trials.iter().any(|trial| !trial.display.probe.is_empty());
        let report = || trials.iter().flat_map(|t| t.display.report.iter().copied().chain([t.response]));
        let mut features = vec!["report".to_owned()];
        features.extend(probed.then(|| "probe".to_owned()));
        Self {
            report_units: Units::Rad,
            probe_units: Units::Rad,
            report_prefix: "report".to_owned(),
            probe_prefix: probed.then(|| "probe".to_owned()),
            features,
            report_range: ValueRange::of(report()),
            probe_range: ValueRange::of(trials.iter().flat_map(|t| t.display.probe.iter().copied())),
        }
    }
}

/// The smallest distances (radians) between two items of a display, over the displays of one set size.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Separation {
    /// Set size, at least 2.
    pub set_size: usize,
    /// Smallest distance in the probe feature, where the table has one.
    pub probe: Option<f64>,
    /// Smallest distance in the report feature.
    pub report: f64,
}

/// The trials of one table. Never empty; either every display has probe features or none has.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialTable {
    name: String,
    trials: Vec<Trial>,
    extra_columns: Vec<String>,
    origin: Origin,
}

impl TrialTable {
    /// A table of trials made in memory (a simulation, surrogate data), with angles in radians.
    ///
    /// # Errors
    /// [`Error::InvalidTable`] when there are no trials, or for every trial (its `row` counts from 1) whose
    /// angles are not in [−π, π), whose set size is not 1 to 8, whose probe features do not match its items or
    /// the other trials', or whose cued slot or source is not one of its items.
    pub fn new(name: impl Into<String>, trials: Vec<Trial>) -> Result<Self> {
        let name = name.into();
        let mut problems = Vec::new();
        match trials.first() {
            None => problems.push(super::Problem::file("the table has no trials")),
            Some(first) => {
                let probed = !first.display.probe.is_empty();
                for (index, trial) in trials.iter().enumerate() {
                    if let Some(reason) = fault(trial, probed) {
                        problems.push(super::Problem::row(index as u64 + 1, reason));
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::InvalidTable { path: name, problems, hints: Vec::new() });
        }
        let origin = Origin::of(&trials);
        Ok(Self { name, trials, extra_columns: Vec::new(), origin })
    }

    /// A table whose trials the reader has checked.
    pub(super) fn checked(
        name: String,
        trials: Vec<Trial>,
        extra_columns: Vec<String>,
        origin: Origin,
    ) -> Self {
        debug_assert!(!trials.is_empty());
        Self { name, trials, extra_columns, origin }
    }

    /// The same table with other trials; there must be some.
    pub(super) fn with_trials(&self, trials: Vec<Trial>) -> Self {
        Self::checked(self.name.clone(), trials, self.extra_columns.clone(), self.origin.clone())
    }

    /// Name of the bundled set, or path of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The trials, in the order of the file.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Number of trials, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.trials.len()
    }

    /// Columns of the file that mean nothing to errare; trials carry their text, and filters can use them.
    #[must_use]
    pub fn extra_columns(&self) -> &[String] {
        &self.extra_columns
    }

    /// How the table was written.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The set sizes that occur, ascending.
    #[must_use]
    pub fn set_sizes(&self) -> Vec<usize> {
        let mut seen = [false; MAX_SET_SIZE + 1];
        self.trials.iter().for_each(|trial| seen[trial.display.set_size()] = true);
        (1..=MAX_SET_SIZE).filter(|&set_size| seen[set_size]).collect()
    }

    /// Labels of the participants, in order of appearance.
    #[must_use]
    pub fn participants(&self) -> Vec<Arc<str>> {
        distinct(self.trials.iter().map(|trial| &trial.participant))
    }

    /// Labels of the conditions, in order of appearance; empty when the table has none.
    #[must_use]
    pub fn conditions(&self) -> Vec<Arc<str>> {
        distinct(self.trials.iter().filter_map(|trial| trial.condition.as_ref()))
    }

    /// Whether the items have probe features.
    #[must_use]
    pub fn has_probe(&self) -> bool {
        self.trials.iter().all(|trial| !trial.display.probe.is_empty())
    }

    /// Whether the source of every response is known (simulated tables).
    #[must_use]
    pub fn has_sources(&self) -> bool {
        self.trials.iter().all(|trial| trial.source.is_some())
    }

    /// The smallest distances between two items, for every set size from 2 up, ascending.
    #[must_use]
    pub fn minimum_separations(&self) -> Vec<Separation> {
        self.set_sizes()
            .into_iter()
            .filter(|&set_size| set_size > 1)
            .map(|set_size| {
                let displays = || self.trials.iter().map(|t| &t.display).filter(|d| d.set_size() == set_size);
                let smallest = |angles: fn(&Display) -> &[f64]| {
                    displays().map(|display| closest(angles(display))).fold(f64::INFINITY, f64::min)
                };
                Separation {
                    set_size,
                    probe: self.has_probe().then(|| smallest(|display| &display.probe)),
                    report: smallest(|display| &display.report),
                }
            })
            .collect()
    }

    /// Counts, ranges and warnings: what `data check` shows.
    #[must_use]
    pub fn summary(&self) -> TableSummary {
        TableSummary::of(self)
    }
}

/// The smallest circular distance (radians) between two of the angles; infinite for fewer than two.
pub(super) fn closest(angles: &[f64]) -> f64 {
    let pairs =
        angles.iter().enumerate().flat_map(|(i, &a)| angles[..i].iter().map(move |&b| distance(a, b)));
    pairs.fold(f64::INFINITY, f64::min)
}

/// The distinct labels, in order of appearance.
pub(crate) fn distinct<'a>(labels: impl Iterator<Item = &'a Arc<str>>) -> Vec<Arc<str>> {
    let mut seen = std::collections::HashSet::new();
    labels.filter(|label| seen.insert(*label)).cloned().collect()
}

/// What is wrong with a trial made in memory.
fn fault(trial: &Trial, probed: bool) -> Option<String> {
    let display = &trial.display;
    let set_size = display.set_size();
    if !(1..=MAX_SET_SIZE).contains(&set_size) {
        return Some(format!("set size {set_size}; expected 1 to {MAX_SET_SIZE}"));
    }
    let expected_probes = if probed { set_size } else { 0 };
    if display.probe.len() != expected_probes {
        let found = display.probe.len();
        return Some(format!("{found} probe features for {set_size} items; expected {expected_probes}"));
    }
    let angles = display.report.iter().chain(&display.probe).chain([&trial.response]);
    if let Some(angle) = angles.into_iter().find(|angle| !(-PI..PI).contains(*angle)) {
        return Some(format!("an angle of {angle} rad; expected [-pi, pi)"));
    }
    if display.cued_slot >= set_size {
        return Some(format!("cued slot {}; expected less than the set size {set_size}", display.cued_slot));
    }
    match trial.source {
        Some(Source::Item(item)) if item >= set_size => {
            Some(format!("source is item {item}; expected less than the set size {set_size}"))
        }
        _ => None,
    }
}
