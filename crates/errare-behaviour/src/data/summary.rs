//! What a table holds: `data check`.

use std::fmt;

use errare_core::angle::CircularSummary;

use super::warnings::{self, count};
use super::{GroupKey, TrialTable, Units, ValueRange};

/// Counts, ranges and warnings of a table.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TableSummary {
    /// Name of the set, or path of the file.
    pub name: String,
    /// Number of trials.
    pub trials: usize,
    /// Number of participants.
    pub participants: usize,
    /// Fewest trials of a participant.
    pub trials_per_participant_min: usize,
    /// Median number of trials of a participant.
    pub trials_per_participant_median: f64,
    /// Most trials of a participant.
    pub trials_per_participant_max: usize,
    /// The set sizes, ascending.
    pub set_sizes: Vec<SetSizeSummary>,
    /// Conditions in order of appearance, with their numbers of trials.
    pub conditions: Vec<(String, usize)>,
    /// The report feature, the responses included.
    pub report: FeatureSummary,
    /// The probe feature, where the table has one.
    pub probe: Option<FeatureSummary>,
    /// Features of the file that were not read.
    pub other_features: Vec<String>,
    /// Columns of the file that mean nothing to errare.
    pub extra_columns: Vec<String>,
    /// Whether the source of every response is known.
    pub sources_known: bool,
    /// What should make one look twice.
    pub warnings: Vec<String>,
}

/// The trials of one set size.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SetSizeSummary {
    /// Number of items.
    pub set_size: usize,
    /// Number of trials.
    pub trials: usize,
    /// Circular standard deviation of the error (radians), √(−2 ln R).
    pub error_sd: f64,
    /// Smallest distance between two probe features of a display (radians); `None` for one item.
    pub min_probe_separation: Option<f64>,
    /// Smallest distance between two report features of a display (radians); `None` for one item.
    pub min_report_separation: Option<f64>,
}

/// One feature as the file has it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FeatureSummary {
    /// Name of its columns, without `_0`, `_1`, ….
    pub prefix: String,
    /// The units it was read in.
    pub units: Units,
    /// Range of its values, in these units.
    pub range: Option<ValueRange>,
}

impl TableSummary {
    /// Summarises a table.
    #[must_use]
    pub fn of(table: &TrialTable) -> Self {
        let origin = table.origin();
        let mut per_participant: Vec<usize> =
            table.group_by(&[GroupKey::Participant]).iter().map(|group| group.table.len()).collect();
        per_participant.sort_unstable();
        let (count, middle) = (per_participant.len(), per_participant.len() / 2);
        let median = 0.5 * (per_participant[(count - 1) / 2] + per_participant[middle]) as f64;
        let count_of = |condition: &str| {
            table.trials().iter().filter(|trial| trial.condition.as_deref() == Some(condition)).count()
        };
        let read = [Some(&origin.report_prefix), origin.probe_prefix.as_ref()];
        Self {
            name: table.name().to_owned(),
            trials: table.len(),
            participants: count,
            trials_per_participant_min: per_participant[0],
            trials_per_participant_median: median,
            trials_per_participant_max: per_participant[count - 1],
            set_sizes: set_sizes(table),
            conditions: table.conditions().iter().map(|label| (label.to_string(), count_of(label))).collect(),
            report: FeatureSummary {
                prefix: origin.report_prefix.clone(),
                units: origin.report_units,
                range: origin.report_range,
            },
            probe: origin.probe_prefix.as_ref().map(|prefix| FeatureSummary {
                prefix: prefix.clone(),
                units: origin.probe_units,
                range: origin.probe_range,
            }),
            other_features: origin
                .features
                .iter()
                .filter(|name| !read.contains(&Some(name)))
                .cloned()
                .collect(),
            extra_columns: table.extra_columns().to_vec(),
            sources_known: table.has_sources(),
            warnings: warnings::of(table),
        }
    }
}

fn set_sizes(table: &TrialTable) -> Vec<SetSizeSummary> {
    let separations = table.minimum_separations();
    let summary = |set_size| {
        let errors =
            || table.trials().iter().filter(|t| t.display.set_size() == set_size).map(super::Trial::error);
        let separation = separations.iter().find(|separation| separation.set_size == set_size);
        SetSizeSummary {
            set_size,
            trials: errors().count(),
            error_sd: CircularSummary::of(errors()).standard_deviation(),
            min_probe_separation: separation.and_then(|separation| separation.probe),
            min_report_separation: separation.map(|separation| separation.report),
        }
    };
    table.set_sizes().into_iter().map(summary).collect()
}

impl fmt::Display for TableSummary {
    /// The summary for people: a few lines, then the set sizes, then the warnings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        writeln!(
            f,
            "  {} of {} ({} to {} each, median {})",
            count(self.trials, "trial"),
            count(self.participants, "participant"),
            self.trials_per_participant_min,
            self.trials_per_participant_max,
            self.trials_per_participant_median
        )?;
        feature(f, "report feature", &self.report)?;
        match &self.probe {
            Some(probe) => feature(f, "probe feature", probe)?,
            None => writeln!(f, "  probe feature    none: swaps cannot depend on probe distance")?,
        }
        let mut list = |label: &str, names: &[String]| {
            if names.is_empty() { Ok(()) } else { writeln!(f, "  {label:<16} {}", names.join(", ")) }
        };
        list("other features", &self.other_features)?;
        list("other columns", &self.extra_columns)?;
        let conditions = self.conditions.iter().map(|(label, trials)| format!("{label} ({trials})"));
        list("conditions", &conditions.collect::<Vec<_>>())?;
        if self.sources_known {
            writeln!(f, "  sources          known (simulated)")?;
        }
        writeln!(f, "  set size   trials   error sd   closest probe   closest report   (rad)")?;
        for row in &self.set_sizes {
            let angle =
                |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
            writeln!(
                f,
                "  {:>8} {:>8} {:>10} {:>15} {:>16}",
                row.set_size,
                row.trials,
                angle(Some(row.error_sd)),
                angle(row.min_probe_separation),
                angle(row.min_report_separation)
            )?;
        }
        for warning in &self.warnings {
            writeln!(f, "  warning: {warning}")?;
        }
        Ok(())
    }
}

fn feature(f: &mut fmt::Formatter<'_>, label: &str, feature: &FeatureSummary) -> fmt::Result {
    write!(f, "  {label:<16} {} in {}", feature.prefix, feature.units)?;
    match feature.range {
        Some(range) => writeln!(f, ", {} to {}", range.min, range.max),
        None => writeln!(f),
    }
}
