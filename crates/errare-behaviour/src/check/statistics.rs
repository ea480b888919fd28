//! The statistics that people and surrogates are compared by, of the trials of one condition and set size.

use std::f64::consts::{PI, TAU};

use errare_core::angle::{CircularSummary, difference, distance};

use crate::{Display, Trial};

/// Bins of the densities over [−π, π), 15° each.
pub(super) const DENSITY_BINS: usize = 24;
/// Bins of probe distance about the multiples of π/8, those at 0 and π half as wide: items on a circle of 4, 8 or 16 places,
/// or of 5, 6, 7, 9 or 10, are never at the edge of one, where rounding would part them.
pub(super) const DISTANCE_BINS: usize = 9;
const DISTANCE_STEP: f64 = PI / 8.0;

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

    /// Where the points of the curve lie (radians): the centres of the bins of a density, the mean probe distances of the
    /// trials; NaN in bins that no item falls into.
    pub(super) fn places<'a>(self, trials: impl Iterator<Item = &'a Trial>) -> Vec<f64> {
        if self != Self::DistanceByProbe {
            let width = TAU / DENSITY_BINS as f64;
            return (0..DENSITY_BINS).map(|bin| -PI + width * (bin as f64 + 0.5)).collect();
        }
        mean_by_probe_distance(trials.flat_map(|trial| {
            probe_distances(&trial.display).map(|(_, probe_distance)| (probe_distance, probe_distance))
        }))
    }

    /// The curve; NaN in bins that no item falls into.
    fn of<'a>(self, trials: impl Iterator<Item = (&'a Trial, f64)>) -> Vec<f64> {
        if self == Self::DistanceByProbe {
            return mean_by_probe_distance(trials.flat_map(|(Trial { display, .. }, response)| {
                probe_distances(display).map(move |(item, probe_distance)| {
                    (probe_distance, distance(response, display.report[item]))
                })
            }));
        }
        let width = TAU / DENSITY_BINS as f64;
        let (mut counts, mut total) = ([0.0; DENSITY_BINS], 0.0);
        for (Trial { display, .. }, response) in trials {
            let items = if self == Self::ErrorDensity { 0..1 } else { 1..display.set_size() };
            for item in items {
                let bin = ((difference(response, display.report[item]) + PI) / width) as usize;
                counts[bin.min(DENSITY_BINS - 1)] += 1.0;
                total += 1.0;
            }
        }
        counts.iter().map(|count| count / (total * width)).collect()
    }
}

/// The uncued items of a display with their probe distances (radians).
fn probe_distances(display: &Display) -> impl Iterator<Item = (usize, f64)> + '_ {
    (1..display.set_size()).filter_map(|item| Some((item, display.probe_offset(item)?.abs())))
}

/// Means of values by probe distance (radians).
fn mean_by_probe_distance(values: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let (mut sums, mut counts) = ([0.0; DISTANCE_BINS], [0.0; DISTANCE_BINS]);
    for (probe_distance, value) in values {
        let bin = ((probe_distance / DISTANCE_STEP).round() as usize).min(DISTANCE_BINS - 1);
        sums[bin] += value;
        counts[bin] += 1.0;
    }
    sums.iter().zip(counts).map(|(sum, count)| sum / count).collect()
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
    use errare_core::angle::wrap;

    use super::*;

    #[test]
    fn curves_count_what_they_say() {
        let display = Display { probe: vec![0.0, 1.0, -2.0], report: vec![0.5, 2.0, -1.0], cued_slot: 0 };
        let trial = Trial::new("a", display, 1.0);
        let of = |curve: CurveStatistic| curve.of([(&trial, 1.0)].into_iter());
        let bin = |curve: CurveStatistic, x: f64| {
            let near = |a: &f64, b: &f64| (a - x).abs().total_cmp(&(b - x).abs());
            let places = curve.places([&trial].into_iter());
            places.iter().position(|c| Some(c) == places.iter().min_by(|a, b| near(a, b))).unwrap()
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
        let places = CurveStatistic::DistanceByProbe.places([&trial].into_iter());
        assert_eq!(places.into_iter().filter(|place| !place.is_nan()).collect::<Vec<_>>(), [1.0, 2.0]);
    }

    #[test]
    fn places_on_a_circle_are_not_parted_by_rounding() {
        for count in [4, 5, 6, 7, 8, 9, 10, 16] {
            let trials: Vec<Trial> = (1..count)
                .flat_map(|place| [-4e-5, 4e-5].map(|off| (TAU * f64::from(place) / f64::from(count)) + off))
                .map(|probe| Display { probe: vec![0.0, wrap(probe)], report: vec![0.0, 1.0], cued_slot: 0 })
                .map(|display| Trial::new("a", display, 0.0))
                .collect();
            let places = CurveStatistic::DistanceByProbe.places(trials.iter());
            assert!(places.iter().filter(|place| !place.is_nan()).count() <= count as usize / 2, "{count}");
        }
    }
}
