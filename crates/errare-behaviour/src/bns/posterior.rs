//! What a fit keeps: the Gaussian posterior over the coefficients, and what it predicts.

use errare_core::random::{Purpose, stream};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::basis::SwapDependence;
use super::expectation::{cholesky_in_place, component, dot};
use super::nodes::Nodes;
use crate::Display;
use crate::likelihood::softmax;

/// 97.5 % point of the standard normal distribution.
const BAND: f64 = 1.959_963_984_540_054;

/// Posterior of the coefficients `[guess, level, features…]` of a BNS fit, on the scale of the logits: f(Δ) =
/// level + Σₖ coefficientₖ φₖ(Δ) with φ₀ = 1, φₖ = √2 cos kΔ. Only `[guess]` for a fit to displays of one item.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SwapPosterior {
    /// What the swap function depends on.
    pub dependence: SwapDependence,
    /// Modes a feature, beside the constant one.
    pub modes: usize,
    /// Mean of the coefficients.
    pub mean: Vec<f64>,
    /// Rows of the lower Cholesky factor of their covariance, up to the diagonal.
    pub covariance_cholesky: Vec<Vec<f64>>,
}

/// The swap function at one probe distance.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SwapCurvePoint {
    /// Probe distance (radians in [0, π]).
    pub distance: f64,
    /// Posterior mean of p(swap) in a comparison of two items without guesses, e^f/(1 + e^f).
    pub mean: f64,
    /// Lower end of the 95 % credible interval.
    pub lo: f64,
    /// Upper end of it.
    pub hi: f64,
    /// Whether the distance lies within those of the data; elsewhere the curve is the prior's.
    pub has_data: bool,
}

impl SwapPosterior {
    pub(super) fn new(
        dependence: SwapDependence,
        modes: usize,
        mean: &DVector<f64>,
        factor: &DMatrix<f64>,
    ) -> Self {
        let covariance_cholesky =
            (0..mean.len()).map(|row| factor.row(row).iter().take(row + 1).copied().collect()).collect();
        Self { dependence, modes, mean: mean.as_slice().to_vec(), covariance_cholesky }
    }

    /// Whether the fit saw displays with an item to swap to.
    #[must_use]
    pub fn has_swaps(&self) -> bool {
        self.mean.len() > 1
    }

    /// Whether the parts fit together, as they do unless a file was edited.
    pub(crate) fn is_consistent(&self) -> bool {
        let features = self.dependence.basis_of(self.modes).features();
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        (self.mean.len() == 1 || self.mean.len() == 2 + features)
            && self.covariance_cholesky.len() == self.mean.len()
            && finite(&self.mean)
            && self.covariance_cholesky.iter().enumerate().all(|(i, row)| row.len() == i + 1 && finite(row))
    }

    /// `[1, φ…]` at a pair of offsets, as many as there are coefficients after the first.
    fn features(&self, probe: f64, report: f64) -> Vec<f64> {
        let mut features = vec![1.0; self.mean.len() - 1];
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
        let mut logits = vec![coefficients[0], 0.0];
        if self.has_swaps() {
            logits.extend(self.rows(display).iter().map(|row| dot(row, &coefficients[1..])));
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
        let free = if self.has_swaps() { display.set_size() } else { 1 };
        // Free logits (guess, then uncued items) as centre + factor · normals of the coefficients.
        let (mut centre, mut sensitivity) = (vec![self.mean[0]], vec![self.combination(&[1.0])]);
        if free > 1 {
            for row in self.rows(display) {
                centre.push(dot(&row, &self.mean[1..]));
                sensitivity.push(self.combination(&[&[0.0], row.as_slice()].concat()));
            }
        }
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
                logits[component(item)] =
                    centre[item] + dot(&factor[item * free..=item * free + item], &node[..=item]);
            }
            softmax(&logits, &mut weights);
            sum.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += omega * weight);
        }
        sum
    }

    /// A row times the Cholesky factor: how a linear combination of coefficients moves with their normals.
    fn combination(&self, row: &[f64]) -> Vec<f64> {
        let mut result = vec![0.0; self.mean.len()];
        for (weight, factor) in row.iter().zip(&self.covariance_cholesky) {
            result.iter_mut().zip(factor).for_each(|(sum, value)| *sum += weight * value);
        }
        result
    }

    /// The swap function over probe distance with its 95 % credible band, at `points` equally spaced distances
    /// from 0 to π; `range` holds the smallest and largest distance of the data. Empty without swaps.
    #[must_use]
    pub fn swap_curve(&self, points: usize, range: Option<(f64, f64)>) -> Vec<SwapCurvePoint> {
        let step = std::f64::consts::PI / (points.max(2) - 1) as f64;
        (0..points).map_while(|index| self.swap_probability(step * index as f64, range)).collect()
    }

    /// The swap function at one probe distance (radians).
    #[must_use]
    pub fn swap_probability(&self, distance: f64, range: Option<(f64, f64)>) -> Option<SwapCurvePoint> {
        if !self.has_swaps() {
            return None;
        }
        let row = self.features(distance, f64::NAN);
        let centre = dot(&row, &self.mean[1..]);
        let sensitivity = self.combination(&[&[0.0], row.as_slice()].concat());
        let sd = dot(&sensitivity, &sensitivity).sqrt();
        let logistic = |f: f64| 1.0 / (1.0 + (-f).exp());
        let mean = Nodes::of(1).iter().map(|(node, omega)| omega * logistic(centre + sd * node[0])).sum();
        // Distances of the data are rounded.
        let has_data = range.is_some_and(|(low, high)| (low - 1e-3..=high + 1e-3).contains(&distance));
        let (lo, hi) = (logistic(centre - BAND * sd), logistic(centre + BAND * sd));
        Some(SwapCurvePoint { distance, mean, lo, hi, has_data })
    }
}
