//! Expectations of the likelihood and its derivatives under a Gaussian over the coefficients.
//!
//! Coefficients are `[guess, level, features…]` (only `[guess]` where every display has one item): the logit of
//! a guess is the first one, that of an uncued item is level + Σ coefficient · φ. Per trial only the normal
//! distribution of its own logits matters, of as many dimensions as there are items.

use std::ops::Range;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::basis::{SwapBasis, SwapDependence};
use super::nodes::Nodes;
use crate::likelihood::{LogEmissions, sum_over_chunks, trial_log_likelihood};
use crate::{Error, Observations, Result};

/// The trials with the features of every uncued item.
#[derive(Debug)]
pub(super) struct Design<'a> {
    pub(super) observations: &'a Observations,
    /// `[1, φ…]` of every uncued item, in order.
    features: Vec<f64>,
    /// Length of one row of `features`; 0 where every display has one item.
    width: usize,
    nodes: Vec<Arc<Nodes>>,
}

/// Sums over trials of expectations under q.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    /// E log likelihood (nats).
    pub(super) log_likelihood: f64,
    /// E of its gradient by the coefficients.
    pub(super) gradient: DVector<f64>,
    /// E of minus its Hessian by the coefficients.
    pub(super) curvature: DMatrix<f64>,
    /// E responsibility of all items, and that times the cosine of the error: the κ step needs no more.
    pub(super) item_mass: f64,
    pub(super) item_cosine: f64,
    /// Log likelihood of the predictive mixture, whose weights are E π.
    pub(super) predictive: f64,
    /// Sums over trials of the predictive weights of guesses, of cued items, of all others.
    pub(super) weights: [f64; 3],
}

impl<'a> Design<'a> {
    /// # Errors
    /// [`Error::MissingProbe`] when the dependence needs probe offsets and there are none.
    pub(super) fn new(
        observations: &'a Observations,
        basis: &dyn SwapBasis,
        dependence: SwapDependence,
    ) -> Result<Self> {
        let widest = observations.max_set_size();
        let width = if widest > 1 { 1 + basis.features() } else { 0 };
        if dependence.needs_probe() && width > 0 && observations.probe_offsets().is_none() {
            return Err(Error::MissingProbe);
        }
        let mut features = Vec::with_capacity((observations.errors().len() - observations.len()) * width);
        for trial in 0..observations.len() {
            for item in observations.items(trial).skip(1) {
                let first = features.len();
                features.resize(first + width, 1.0);
                let probe = observations.probe_offsets().map_or(f64::NAN, |offsets| offsets[item]);
                basis.fill(probe, observations.report_offsets()[item], &mut features[first + 1..]);
            }
        }
        let nodes = (1..=widest).map(Nodes::of).collect();
        Ok(Self { observations, features, width, nodes })
    }

    /// Number of coefficients.
    pub(super) fn coefficients(&self) -> usize {
        1 + self.width
    }

    /// Rows `[1, φ…]` of a trial's uncued items.
    fn rows(&self, trial: usize) -> &[f64] {
        let items = self.observations.items(trial);
        let first = (items.start - trial) * self.width;
        &self.features[first..first + (items.len() - 1) * self.width]
    }

    /// Logits `[guess, cued item, others…]` of a trial at given coefficients.
    pub(super) fn logits(&self, trial: usize, coefficients: &[f64], logits: &mut [f64]) {
        logits[0] = coefficients[0];
        logits[1] = 0.0;
        if self.width > 0 {
            for (logit, row) in logits[2..].iter_mut().zip(self.rows(trial).chunks_exact(self.width)) {
                *logit = dot(row, &coefficients[1..]);
            }
        }
    }

    /// Expectations under N(`mean`, `covariance`) of the coefficients.
    pub(super) fn expectation(
        &self,
        emissions: &LogEmissions,
        mean: &DVector<f64>,
        covariance: &DMatrix<f64>,
    ) -> Expectation {
        sum_over_chunks(
            self.observations.len(),
            |trials| Chunk::new(self, emissions, mean, covariance).sum(trials),
            |sum, part| {
                sum.log_likelihood += part.log_likelihood;
                sum.gradient += part.gradient;
                sum.curvature += part.curvature;
                sum.item_mass += part.item_mass;
                sum.item_cosine += part.item_cosine;
                sum.predictive += part.predictive;
                (0..3).for_each(|index| sum.weights[index] += part.weights[index]);
            },
        )
        .expect("observations hold at least one trial")
    }
}

/// Working memory of one chunk of trials.
struct Chunk<'a> {
    design: &'a Design<'a>,
    emissions: &'a LogEmissions,
    mean: &'a DVector<f64>,
    covariance: &'a DMatrix<f64>,
    sum: Expectation,
    /// Σ-row products, [items][width].
    product: Vec<f64>,
    factor: Vec<f64>,
    centre: Vec<f64>,
    logits: Vec<f64>,
    weights: Vec<f64>,
    responsibilities: Vec<f64>,
    mean_weights: Vec<f64>,
    mean_responsibilities: Vec<f64>,
    curvature: Vec<f64>,
}

impl<'a> Chunk<'a> {
    fn new(
        design: &'a Design<'a>,
        emissions: &'a LogEmissions,
        mean: &'a DVector<f64>,
        covariance: &'a DMatrix<f64>,
    ) -> Self {
        let (widest, size) = (design.observations.max_set_size(), design.coefficients());
        Self {
            design,
            emissions,
            mean,
            covariance,
            sum: Expectation {
                log_likelihood: 0.0,
                gradient: DVector::zeros(size),
                curvature: DMatrix::zeros(size, size),
                item_mass: 0.0,
                item_cosine: 0.0,
                predictive: 0.0,
                weights: [0.0; 3],
            },
            product: vec![0.0; widest * design.width],
            factor: vec![0.0; widest * widest],
            centre: vec![0.0; widest],
            logits: vec![0.0; widest + 1],
            weights: vec![0.0; widest + 1],
            responsibilities: vec![0.0; widest + 1],
            mean_weights: vec![0.0; widest + 1],
            mean_responsibilities: vec![0.0; widest + 1],
            curvature: vec![0.0; widest * widest],
        }
    }

    fn sum(mut self, trials: Range<usize>) -> Expectation {
        for trial in trials {
            self.distribution(trial);
            self.integrate(trial);
            self.accumulate(trial);
        }
        // The lower triangle was accumulated.
        self.sum.curvature.fill_upper_triangle_with_lower_triangle();
        self.sum
    }

    /// Mean and Cholesky factor of a trial's free logits (guess, then the uncued items).
    fn distribution(&mut self, trial: usize) {
        let (width, free) = (self.design.width, self.design.observations.set_size(trial));
        let rows = self.design.rows(trial);
        let (mean, covariance) = (self.mean.as_slice(), self.covariance.as_slice());
        let size = mean.len();
        self.centre[0] = mean[0];
        self.factor[0] = covariance[0];
        for item in 1..free {
            let row = &rows[(item - 1) * width..item * width];
            self.centre[item] = dot(row, &mean[1..]);
            self.factor[item * free] = dot(row, &covariance[1..size]);
            let product = &mut self.product[item * width..(item + 1) * width];
            for (column, value) in product.iter_mut().enumerate() {
                *value = dot(row, &covariance[(column + 1) * size + 1..(column + 2) * size]);
            }
            for other in 1..=item {
                self.factor[item * free + other] = dot(
                    &self.product[item * width..(item + 1) * width],
                    &rows[(other - 1) * width..other * width],
                );
            }
        }
        cholesky_in_place(&mut self.factor, free);
    }

    /// Expectations over the nodes of a trial.
    fn integrate(&mut self, trial: usize) {
        let free = self.design.observations.set_size(trial);
        let components = free + 1;
        let row = self.emissions.row(trial);
        let nodes = &self.design.nodes[free - 1];
        let mut value = 0.0;
        self.mean_weights[..components].fill(0.0);
        self.mean_responsibilities[..components].fill(0.0);
        self.curvature[..free * free].fill(0.0);
        for (node, omega) in nodes.iter() {
            for item in 0..free {
                let shift = dot(&self.factor[item * free..item * free + item + 1], &node[..=item]);
                self.logits[component(item)] = self.centre[item] + shift;
            }
            self.logits[1] = 0.0;
            let (pi, rho) = (&mut self.weights[..components], &mut self.responsibilities[..components]);
            value += omega * trial_log_likelihood(&self.logits[..components], row, pi, rho);
            for index in 0..components {
                self.mean_weights[index] += omega * pi[index];
                self.mean_responsibilities[index] += omega * rho[index];
            }
            for item in 0..free {
                let at = component(item);
                let (p, r) = (omega * pi[at], omega * rho[at]);
                for other in 0..=item {
                    let other_at = component(other);
                    self.curvature[item * free + other] += r * rho[other_at] - p * pi[other_at];
                }
            }
        }
        for item in 0..free {
            let at = component(item);
            self.curvature[item * free + item] += self.mean_weights[at] - self.mean_responsibilities[at];
        }
        self.sum.log_likelihood += value;
    }

    /// Adds a trial's expectations to the sums.
    fn accumulate(&mut self, trial: usize) {
        let (width, free) = (self.design.width, self.design.observations.set_size(trial));
        let (pi, rho) = (&self.mean_weights, &self.mean_responsibilities);
        let row = self.emissions.row(trial);
        let density: f64 = pi.iter().zip(row.relative).map(|(pi, relative)| pi * relative).sum();
        self.sum.predictive += density.ln() + row.peak;
        self.sum.weights[0] += pi[0];
        self.sum.weights[1] += pi[1];
        self.sum.weights[2] += pi[2..=free].iter().sum::<f64>();
        for (item, rho) in self.design.observations.items(trial).zip(&rho[1..]) {
            self.sum.item_mass += rho;
            self.sum.item_cosine += rho * self.design.observations.cosines()[item];
        }
        let rows = self.design.rows(trial);
        let size = self.sum.gradient.len();
        let gradient = self.sum.gradient.as_mut_slice();
        let curvature = self.sum.curvature.as_mut_slice();
        gradient[0] += rho[0] - pi[0];
        curvature[0] += self.curvature[0];
        for item in 1..free {
            let features = &rows[(item - 1) * width..item * width];
            let slope = rho[component(item)] - pi[component(item)];
            let product = &mut self.product[..width];
            product.fill(0.0);
            for other in 1..free {
                let (low, high) = (item.min(other), item.max(other));
                let weight = self.curvature[high * free + low];
                for (value, feature) in product.iter_mut().zip(&rows[(other - 1) * width..other * width]) {
                    *value += weight * feature;
                }
            }
            let cross = self.curvature[item * free];
            for (index, &feature) in features.iter().enumerate() {
                gradient[index + 1] += slope * feature;
                curvature[index + 1] += cross * feature;
                // Column `index + 1`, from the diagonal down.
                let column = &mut curvature[(index + 1) * size + index + 1..(index + 2) * size];
                for (value, other) in column.iter_mut().zip(&product[index..]) {
                    *value += feature * other;
                }
            }
        }
    }
}

/// The component of a free logit: the cued item, component 1, has none.
#[inline]
pub(super) fn component(free: usize) -> usize {
    if free == 0 { 0 } else { free + 1 }
}

#[inline]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Cholesky factor of a positive semi-definite matrix given and returned as the lower triangle of rows. Equal
/// offsets make it singular: directions of no variance get a column of zeros.
pub(super) fn cholesky_in_place(matrix: &mut [f64], size: usize) {
    for j in 0..size {
        let variance = matrix[j * size + j];
        let (before, after) = matrix.split_at_mut((j + 1) * size);
        let row = &mut before[j * size..];
        let pivot = variance - dot(&row[..j], &row[..j]);
        let inverse = if pivot > 1e-12 * variance { 1.0 / pivot.sqrt() } else { 0.0 };
        row[j] = pivot * inverse;
        for below in after.chunks_exact_mut(size).take(size - j - 1) {
            below[j] = (below[j] - dot(&below[..j], &row[..j])) * inverse;
        }
    }
}
