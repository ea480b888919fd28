//! The statistics that people and surrogates are compared by, of the trials of one condition and set size.

use std::f64::consts::{PI, TAU};

use errare_core::angle::{CircularSummary, difference, distance};

use crate::Trial;

/// Bins of the densities over [−π, π), 15° each.
pub(super) const DENSITY_BINS: usize = 24;
/// Bins of probe distance over [0, π].
pub(super) const DISTANCE_BINS: usize = 10;

/// A summary of the errors about the cued item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SummaryStatistic {
    /// Circular standard deviation (radians).
    CircularSd,
    /// Mean direction (radians).
    Bias,
    /// Circular kurtosis.
    Kurtosis,
    /// Mean resultant length.
    Resultant,
}

impl SummaryStatistic {
    /// Every one there is.
    pub const ALL: [Self; 4] = [Self::CircularSd, Self::Bias, Self::Kurtosis, Self::Resultant];

    fn of(self, errors: &CircularSummary) -> f64 {
        match self {
            Self::CircularSd => errors.standard_deviation(),
            Self::Bias => errors.mean,
            Self::Kurtosis => errors.kurtosis,
            Self::Resultant => errors.resultant,
        }
    }
}

/// A curve of responses against something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CurveStatistic {
    /// Density (per radian) of the error about the cued item.
    ErrorDensity,
    /// Density (per radian) of the deviation of the response from every uncued item.
    NontargetDensity,
    /// Mean distance (radians) of the response from an uncued item, by that item's probe distance.
    DistanceByProbe,
}

impl CurveStatistic {
    /// Every one there is.
    pub const ALL: [Self; 3] = [Self::ErrorDensity, Self::NontargetDensity, Self::DistanceByProbe];

    /// Whether trials have what the curve needs: uncued items, probe features.
    pub(super) fn applies(self, trial: &Trial) -> bool {
        match self {
            Self::ErrorDensity => true,
            Self::NontargetDensity => trial.display.set_size() > 1,
            Self::DistanceByProbe => trial.display.set_size() > 1 && !trial.display.probe.is_empty(),
        }
    }

    /// Centres of the bins (radians).
    pub(super) fn centres(self) -> Vec<f64> {
        let (low, width, bins) = match self {
            Self::DistanceByProbe => (0.0, PI / DISTANCE_BINS as f64, DISTANCE_BINS),
            _ => (-PI, TAU / DENSITY_BINS as f64, DENSITY_BINS),
        };
        (0..bins).map(|bin| low + width * (bin as f64 + 0.5)).collect()
    }

    /// The curve; NaN in bins that no item falls into.
    fn of<'a>(self, trials: impl Iterator<Item = (&'a Trial, f64)>) -> Vec<f64> {
        let bin =
            |value: f64, low: f64, width: f64, bins: usize| (((value - low) / width) as usize).min(bins - 1);
        if self == Self::DistanceByProbe {
            let (mut sums, mut counts) = ([0.0; DISTANCE_BINS], [0.0; DISTANCE_BINS]);
            for (Trial { display, .. }, response) in trials {
                for item in 1..display.set_size() {
                    let Some(offset) = display.probe_offset(item) else { continue };
                    let index = bin(offset.abs(), 0.0, PI / DISTANCE_BINS as f64, DISTANCE_BINS);
                    sums[index] += distance(response, display.report[item]);
                    counts[index] += 1.0;
                }
            }
            return sums.iter().zip(counts).map(|(sum, count)| sum / count).collect();
        }
        let width = TAU / DENSITY_BINS as f64;
        let (mut counts, mut total) = ([0.0; DENSITY_BINS], 0.0);
        for (Trial { display, .. }, response) in trials {
            let items = if self == Self::ErrorDensity { 0..1 } else { 1..display.set_size() };
            for item in items {
                counts[bin(difference(response, display.report[item]), -PI, width, DENSITY_BINS)] += 1.0;
                total += 1.0;
            }
        }
        counts.iter().map(|count| count / (total * width)).collect()
    }
}

/// All statistics of some trials with given responses.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Statistics {
    /// In the order of [`SummaryStatistic::ALL`].
    pub(super) summaries: Vec<f64>,
    /// In the order of the curves asked for.
    pub(super) curves: Vec<Vec<f64>>,
}

impl Statistics {
    pub(super) fn of<'a>(
        trials: impl Iterator<Item = (&'a Trial, f64)> + Clone,
        curves: &[CurveStatistic],
    ) -> Self {
        let errors = trials.clone().map(|(trial, response)| difference(response, trial.display.report[0]));
        let errors = CircularSummary::of(errors);
        Self {
            summaries: SummaryStatistic::ALL.iter().map(|one| one.of(&errors)).collect(),
            curves: curves.iter().map(|curve| curve.of(trials.clone())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Display;

    #[test]
    fn curves_count_what_they_say() {
        let display = Display { probe: vec![0.0, 1.0, -2.0], report: vec![0.5, 2.0, -1.0], cued_slot: 0 };
        let trial = Trial::new("a", display, 1.0);
        let of = |curve: CurveStatistic| curve.of([(&trial, 1.0)].into_iter());
        let bin = |curve: CurveStatistic, x: f64| {
            let near = |a: &f64, b: &f64| (a - x).abs().total_cmp(&(b - x).abs());
            let centres = curve.centres();
            centres.iter().position(|c| Some(c) == centres.iter().min_by(|a, b| near(a, b))).unwrap()
        };
        let per_bin = DENSITY_BINS as f64 / TAU;
        assert!(
            (of(CurveStatistic::ErrorDensity)[bin(CurveStatistic::ErrorDensity, 0.5)] - per_bin).abs()
                < 1e-12
        );
        let nontargets = of(CurveStatistic::NontargetDensity);
        for deviation in [-1.0, 2.0] {
            assert!(
                (nontargets[bin(CurveStatistic::NontargetDensity, deviation)] - per_bin / 2.0).abs() < 1e-12
            );
        }
        let distances = of(CurveStatistic::DistanceByProbe);
        assert!((distances[bin(CurveStatistic::DistanceByProbe, 1.0)] - 1.0).abs() < 1e-12);
        assert!((distances[bin(CurveStatistic::DistanceByProbe, 2.0)] - 2.0).abs() < 1e-12);
        assert_eq!(distances.iter().filter(|value| value.is_nan()).count(), DISTANCE_BINS - 2);
    }
}
