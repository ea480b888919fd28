//! What a fit keeps: the Gaussian posterior over the coefficients, and what it predicts.

use std::f64::consts::PI;

use errare_core::random::{Purpose, stream};
use errare_core::special::NORMAL_975;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::basis::{Feature, MAX_MODES, SwapDependence};
use super::dense::{cholesky_in_place, dot};
use super::nodes::Nodes;
use crate::likelihood::softmax;
use crate::{Display, Observations};

/// Posterior of the coefficients `[guess, level, features…]` of a BNS fit, on the scale of the logits: f(Δ) =
/// level + Σₖ coefficientₖ φₖ(Δ) with φ₀ = 1, φₖ = √2 cos kΔ of the offset in one feature. For `both` the features are
/// the products φⱼ(probe) φₖ(report), k running fastest; for `additive` those of the probe, then those of the report.
/// Without a guess in models that have none, and only `[guess]` for a fit to displays of one item.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SwapPosterior {
    /// What the swap function depends on.
    pub dependence: SwapDependence,
    /// Modes a feature, beside the constant one.
    pub modes: usize,
    /// Whether the first coefficient is the logit of a guess.
    pub uniform: bool,
    /// Mean of the coefficients.
    pub mean: Vec<f64>,
    /// Rows of the lower Cholesky factor of their covariance, up to the diagonal.
    pub covariance_cholesky: Vec<Vec<f64>>,
}

/// The swap function at one distance.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SwapCurvePoint {
    /// Distance (radians in [0, π]) in the probe feature, or in the report feature when the swap function depends on that
    /// alone.
    pub distance: f64,
    /// Posterior mean of p(swap) in a comparison of two items without guesses, e^f/(1 + e^f).
    pub mean: f64,
    /// Lower end of the 95 % credible interval.
    pub lo: f64,
    /// Upper end of it.
    pub hi: f64,
    /// Whether the distance lies within those of the data, and beyond the exclusion radius when it is one in the report
    /// feature; elsewhere the curve is the prior's, or that of correct reports.
    pub has_data: bool,
}

/// The swap function at a pair of distances.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SwapSurfacePoint {
    /// Probe distance (radians in [0, π]).
    pub probe: f64,
    /// Report distance (radians in [0, π]).
    pub report: f64,
    /// Odds e^f of the item against the cued one at the posterior mean of f, which is the median of the odds.
    pub odds: f64,
    /// Posterior mean of p(swap) in a comparison of two items without guesses.
    pub mean: f64,
    /// Lower end of the 95 % credible interval.
    pub lo: f64,
    /// Upper end of it.
    pub hi: f64,
    /// Whether the data have an item within a step of the grid, and the report distance is beyond the exclusion radius.
    pub has_data: bool,
}

impl SwapPosterior {
    pub(super) fn new(
        dependence: SwapDependence,
        modes: usize,
        uniform: bool,
        mean: &DVector<f64>,
        factor: &DMatrix<f64>,
    ) -> Self {
        let covariance_cholesky =
            (0..mean.len()).map(|row| factor.row(row).iter().take(row + 1).copied().collect()).collect();
        Self { dependence, modes, uniform, mean: mean.as_slice().to_vec(), covariance_cholesky }
    }

    /// Whether the fit saw displays with an item to swap to.
    #[must_use]
    pub fn has_swaps(&self) -> bool {
        self.mean.len() > self.guesses()
    }

    /// Posterior mean of the guess logit, against that of the cued item.
    pub(crate) fn guess(&self) -> Option<f64> {
        self.uniform.then(|| self.mean[0])
    }

    /// Posterior mean of the swap function's average over all offsets (a logit against the cued item).
    pub(crate) fn level(&self) -> Option<f64> {
        self.swap_logit(f64::NAN, f64::NAN).map(|(level, _)| level)
    }

    /// Coefficients before those of the swap function.
    fn guesses(&self) -> usize {
        usize::from(self.uniform)
    }

    /// Whether the parts fit together, as they do unless a file was edited.
    pub(crate) fn is_consistent(&self) -> bool {
        // More modes than any basis has would be an edited number.
        if self.modes > MAX_MODES {
            return false;
        }
        let features = self.dependence.basis_of(self.modes).features();
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        self.mean.len().checked_sub(self.guesses()).is_some_and(|swaps| swaps == 0 || swaps == 1 + features)
            && self.covariance_cholesky.len() == self.mean.len()
            && finite(&self.mean)
            && self.covariance_cholesky.iter().enumerate().all(|(i, row)| row.len() == i + 1 && finite(row))
    }

    /// `[1, φ…]` at a pair of offsets, as many as there are coefficients of the swap function.
    fn features(&self, probe: f64, report: f64) -> Vec<f64> {
        let mut features = vec![1.0; self.mean.len() - self.guesses()];
        self.dependence.basis_of(self.modes).fill(probe, report, &mut features[1..]);
        features
    }

    fn rows(&self, display: &Display) -> Vec<Vec<f64>> {
        (1..display.set_size())
            .map(|item| {
                self.features(display.probe_offset(item).unwrap_or(f64::NAN), display.report_offset(item))
            })
            .collect()
    }

    /// Coefficients drawn from the posterior, the same for the same seed.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Vec<f64> {
        let mut stream = stream(seed, Purpose::Posterior, &[u64::MAX]);
        let normals: Vec<f64> = self.mean.iter().map(|_| stream.sample(StandardNormal)).collect();
        self.mean.iter().zip(&self.covariance_cholesky).map(|(mean, row)| mean + dot(row, &normals)).collect()
    }

    /// Weights `[uniform, cued item, others…]` in a display of any set size at given coefficients.
    ///
    /// A display without probe features takes, for each of its items, the average of f over the circle.
    #[must_use]
    pub fn weights_at(&self, coefficients: &[f64], display: &Display) -> Vec<f64> {
        let guesses = self.guesses();
        let mut logits = vec![if self.uniform { coefficients[0] } else { f64::NEG_INFINITY }, 0.0];
        if self.has_swaps() {
            logits.extend(self.rows(display).iter().map(|row| dot(row, &coefficients[guesses..])));
        } else {
            logits.resize(display.set_size() + 1, f64::NEG_INFINITY);
        }
        let mut weights = vec![0.0; logits.len()];
        softmax(&logits, &mut weights);
        weights
    }

    /// Posterior mean of the weights `[uniform, cued item, others…]` in a display of any set size, as
    /// [`weights_at`](Self::weights_at).
    #[must_use]
    pub fn mean_weights(&self, display: &Display) -> Vec<f64> {
        let guesses = self.guesses();
        // Free logits (guess, then uncued items) as centre + factor · normals of the coefficients.
        let (mut centre, mut sensitivity) = (Vec::new(), Vec::new());
        if self.uniform {
            centre.push(self.mean[0]);
            sensitivity.push(self.combination(0, &[1.0]));
        }
        if self.has_swaps() {
            for row in self.rows(display) {
                centre.push(dot(&row, &self.mean[guesses..]));
                sensitivity.push(self.combination(guesses, &row));
            }
        }
        let free = centre.len();
        let mut factor = vec![0.0; free * free];
        for i in 0..free {
            for j in 0..=i {
                factor[i * free + j] = dot(&sensitivity[i], &sensitivity[j]);
            }
        }
        cholesky_in_place(&mut factor, free);
        let mut logits = vec![f64::NEG_INFINITY; display.set_size() + 1];
        logits[1] = 0.0;
        let (mut weights, mut sum) = (vec![0.0; logits.len()], vec![0.0; logits.len()]);
        for (node, omega) in Nodes::of(free).iter() {
            for item in 0..free {
                logits[if item < guesses { 0 } else { item + 2 - guesses }] =
                    centre[item] + dot(&factor[item * free..=item * free + item], &node[..=item]);
            }
            softmax(&logits, &mut weights);
            sum.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += omega * weight);
        }
        sum
    }

    /// A row of weights of the coefficients from `first` on, times the Cholesky factor: how a linear combination of
    /// coefficients moves with their normals.
    fn combination(&self, first: usize, row: &[f64]) -> Vec<f64> {
        let mut result = vec![0.0; self.mean.len()];
        for (weight, factor) in row.iter().zip(&self.covariance_cholesky[first..]) {
            result.iter_mut().zip(factor).for_each(|(sum, value)| *sum += weight * value);
        }
        result
    }

    /// The swap function with its 95 % credible band at `points` equally spaced distances from 0 to π, as
    /// [`swap_probability`](Self::swap_probability). Empty without swaps.
    #[must_use]
    pub fn swap_curve(&self, points: usize, range: Option<(f64, f64)>) -> Vec<SwapCurvePoint> {
        let step = PI / (points.max(2) - 1) as f64;
        (0..points).map_while(|index| self.swap_probability(step * index as f64, range)).collect()
    }

    /// The swap function at one distance (radians): in the report feature when it depends on that alone, else in the
    /// probe feature, averaged over the circle of report offsets where it depends on both. `range` holds the smallest
    /// and largest distance of the data.
    #[must_use]
    pub fn swap_probability(&self, distance: f64, range: Option<(f64, f64)>) -> Option<SwapCurvePoint> {
        let (centre, sd) = match self.dependence.curve_feature() {
            Feature::Probe => self.swap_logit(distance, f64::NAN)?,
            Feature::Report => self.swap_logit(f64::NAN, distance)?,
        };
        // Distances of the data are rounded.
        let has_data = range.is_some_and(|(low, high)| (low - 1e-3..=high + 1e-3).contains(&distance));
        let [mean, lo, hi] = probability(centre, sd);
        Some(SwapCurvePoint { distance, mean, lo, hi, has_data })
    }

    /// The swap function over a grid of `points` × `points` pairs of distances from 0 to π, report distance running
    /// fastest. Empty without swaps.
    #[must_use]
    pub fn swap_surface(
        &self,
        points: usize,
        observations: &Observations,
        exclusion_radius: f64,
    ) -> Vec<SwapSurfacePoint> {
        let step = PI / (points.max(2) - 1) as f64;
        let mut seen = vec![false; points * points];
        let cell = |offset: f64| ((offset.abs() / step).round() as usize).min(points - 1);
        if let Some(probes) = observations.probe_offsets() {
            for item in (0..observations.len()).flat_map(|trial| observations.items(trial).skip(1)) {
                seen[cell(probes[item]) * points + cell(observations.report_offsets()[item])] = true;
            }
        }
        let near = |index: usize| index.saturating_sub(1)..(index + 2).min(points);
        let pairs = (0..points).flat_map(|row| (0..points).map(move |column| (row, column)));
        pairs
            .map_while(|(row, column)| {
                let (probe, report) = (step * row as f64, step * column as f64);
                let (centre, sd) = self.swap_logit(probe, report)?;
                let [mean, lo, hi] = probability(centre, sd);
                let has_data = report >= exclusion_radius
                    && near(row).any(|row| near(column).any(|column| seen[row * points + column]));
                Some(SwapSurfacePoint { probe, report, odds: centre.exp(), mean, lo, hi, has_data })
            })
            .collect()
    }

    /// Posterior mean and standard deviation of f at a pair of offsets (radians; NaN averages over the circle).
    fn swap_logit(&self, probe: f64, report: f64) -> Option<(f64, f64)> {
        if !self.has_swaps() {
            return None;
        }
        let row = self.features(probe, report);
        let guesses = self.guesses();
        let sensitivity = self.combination(guesses, &row);
        Some((dot(&row, &self.mean[guesses..]), dot(&sensitivity, &sensitivity).sqrt()))
    }
}

/// Mean and ends of the 95 % interval of e^f/(1 + e^f) for a normal f.
fn probability(centre: f64, sd: f64) -> [f64; 3] {
    let logistic = |f: f64| 1.0 / (1.0 + (-f).exp());
    let mean = Nodes::of(1).iter().map(|(node, omega)| omega * logistic(centre + sd * node[0])).sum();
    [mean, logistic(centre - NORMAL_975 * sd), logistic(centre + NORMAL_975 * sd)]
}
