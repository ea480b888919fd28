//! Expectations of the likelihood and its derivatives under a Gaussian over the coefficients.
//!
//! Per trial only the normal distribution of its own logits matters, of as many dimensions as there are free logits. What
//! costs is two matrix products a block of trials: features × covariance, and the curvature.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::dense::{cholesky_in_place, dot};
use super::design::Design;
use crate::likelihood::{LogEmissions, sum_over_chunks, trial_log_likelihood};

/// Sums over trials of expectations under q.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    /// E log likelihood (nats).
    pub(super) log_likelihood: f64,
    /// E of its gradient by the coefficients.
    pub(super) gradient: DVector<f64>,
    /// E of minus its Hessian by the coefficients.
    pub(super) curvature: DMatrix<f64>,
    /// E responsibility of every item of every trial, in order.
    pub(super) responsibilities: Vec<f64>,
    /// Log likelihood of the predictive mixture, whose weights are E π.
    pub(super) predictive: f64,
    /// Sums over trials of the predictive weights of guesses, of cued items, of all others.
    pub(super) weights: [f64; 3],
    /// Part of the last of these on items beyond a radius from the cued one in the report feature.
    pub(super) beyond: f64,
}

impl Expectation {
    /// Adds the sums over the trials that follow.
    fn add(&mut self, part: Self) {
        self.log_likelihood += part.log_likelihood;
        self.gradient += part.gradient;
        self.curvature += part.curvature;
        self.responsibilities.extend(part.responsibilities);
        self.predictive += part.predictive;
        (0..3).for_each(|index| self.weights[index] += part.weights[index]);
        self.beyond += part.beyond;
    }
}

impl Design<'_> {
    /// Expectations under N(`mean`, `covariance`) of the coefficients, summed over some of the trials; items are counted
    /// as beyond from a report distance of `radius` on.
    pub(super) fn expectation(
        &self,
        trials: Range<usize>,
        emissions: &LogEmissions,
        mean: &DVector<f64>,
        covariance: &DMatrix<f64>,
        radius: f64,
    ) -> Expectation {
        sum_over_chunks(
            trials.len(),
            |part| {
                let part = trials.start + part.start..trials.start + part.end;
                Chunk::new(self, emissions, mean, covariance, radius).sum(part)
            },
            Expectation::add,
        )
        .expect("at least one trial")
    }
}

/// Working memory of one chunk of trials.
struct Chunk<'a> {
    design: &'a Design<'a>,
    emissions: &'a LogEmissions,
    mean: &'a DVector<f64>,
    covariance: &'a DMatrix<f64>,
    radius: f64,
    sum: Expectation,
    /// A column per uncued item of the block: features, covariance × features, features × curvature of the trial.
    features: DMatrix<f64>,
    product: DMatrix<f64>,
    weighted: DMatrix<f64>,
    /// Per uncued item of the block: slope of its logit, curvature between it and the guess.
    slopes: Vec<f64>,
    crosses: Vec<f64>,
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
        radius: f64,
    ) -> Self {
        let (widest, size) = (design.observations.max_set_size(), design.coefficients());
        Self {
            design,
            emissions,
            mean,
            covariance,
            radius,
            sum: Expectation {
                log_likelihood: 0.0,
                gradient: DVector::zeros(size),
                curvature: DMatrix::zeros(size, size),
                responsibilities: Vec::new(),
                predictive: 0.0,
                weights: [0.0; 3],
                beyond: 0.0,
            },
            features: DMatrix::zeros(design.width, 0),
            product: DMatrix::zeros(design.width, 0),
            weighted: DMatrix::zeros(design.width, 0),
            slopes: Vec::new(),
            crosses: Vec::new(),
            factor: vec![0.0; widest * widest],
            centre: vec![0.0; widest],
            logits: vec![f64::NEG_INFINITY; widest + 1],
            weights: vec![0.0; widest + 1],
            responsibilities: vec![0.0; widest + 1],
            mean_weights: vec![0.0; widest + 1],
            mean_responsibilities: vec![0.0; widest + 1],
            curvature: vec![0.0; widest * widest],
        }
    }

    fn sum(mut self, trials: Range<usize>) -> Expectation {
        let mut start = trials.start;
        while start < trials.end {
            let block = self.design.block(start, trials.end);
            start = block.end;
            self.block(block);
        }
        // Rounding may differ between the halves of the products.
        self.sum.curvature.fill_upper_triangle_with_lower_triangle();
        self.sum
    }

    fn block(&mut self, trials: Range<usize>) {
        let (width, guesses) = (self.design.width, self.design.guesses);
        let count = self.design.fill(trials.clone(), &mut self.features);
        if self.product.ncols() < count {
            self.product = DMatrix::zeros(width, count);
            self.weighted = DMatrix::zeros(width, count);
        }
        if count > 0 {
            let covariance = self.covariance.view((guesses, guesses), (width, width));
            self.product.columns_mut(0, count).gemm(1.0, &covariance, &self.features.columns(0, count), 0.0);
        }
        self.slopes.clear();
        self.crosses.clear();
        let mut first = 0;
        for trial in trials {
            self.distribution(trial, first);
            self.integrate(trial);
            self.accumulate(trial, first);
            first += self.design.observations.set_size(trial) - 1;
        }
        if count > 0 {
            let features = self.features.columns(0, count);
            let slopes = DVector::from_column_slice(&self.slopes);
            self.sum.gradient.rows_mut(guesses, width).gemv(1.0, &features, &slopes, 1.0);
            if guesses > 0 {
                let crosses = DVector::from_column_slice(&self.crosses);
                let mut column = self.sum.curvature.view_mut((1, 0), (width, 1));
                column.column_mut(0).gemv(1.0, &features, &crosses, 1.0);
            }
            let weighted = self.weighted.columns(0, count).transpose();
            let mut curvature = self.sum.curvature.view_mut((guesses, guesses), (width, width));
            curvature.gemm(1.0, &features, &weighted, 1.0);
        }
    }

    /// Column of an uncued item of the block.
    fn column(matrix: &DMatrix<f64>, item: usize) -> &[f64] {
        let width = matrix.nrows();
        &matrix.as_slice()[item * width..(item + 1) * width]
    }

    /// Mean and Cholesky factor of a trial's free logits (guess, then the uncued items); its uncued items begin at
    /// `first` in the block.
    fn distribution(&mut self, trial: usize, first: usize) {
        let guesses = self.design.guesses;
        let others = self.design.observations.set_size(trial) - 1;
        let free = guesses + others;
        let (mean, covariance) = (self.mean.as_slice(), self.covariance.as_slice());
        if guesses > 0 {
            self.centre[0] = mean[0];
            self.factor[0] = covariance[0];
        }
        for item in 0..others {
            let row = Self::column(&self.features, first + item);
            let at = guesses + item;
            self.centre[at] = dot(row, &mean[guesses..]);
            if guesses > 0 {
                self.factor[at * free] = dot(row, &covariance[1..mean.len()]);
            }
            let product = Self::column(&self.product, first + item);
            for other in 0..=item {
                self.factor[at * free + guesses + other] =
                    dot(product, Self::column(&self.features, first + other));
            }
        }
        cholesky_in_place(&mut self.factor, free);
    }

    /// Expectations over the nodes of a trial.
    fn integrate(&mut self, trial: usize) {
        let design = self.design;
        let components = design.observations.set_size(trial) + 1;
        let free = components - 2 + design.guesses;
        let row = self.emissions.row(trial);
        let mut value = 0.0;
        self.mean_weights[..components].fill(0.0);
        self.mean_responsibilities[..components].fill(0.0);
        self.curvature[..free * free].fill(0.0);
        self.logits[1] = 0.0;
        for (node, omega) in design.nodes[free].iter() {
            for item in 0..free {
                let shift = dot(&self.factor[item * free..item * free + item + 1], &node[..=item]);
                self.logits[design.component(item)] = self.centre[item] + shift;
            }
            let (pi, rho) = (&mut self.weights[..components], &mut self.responsibilities[..components]);
            value += omega * trial_log_likelihood(&self.logits[..components], row, pi, rho);
            for index in 0..components {
                self.mean_weights[index] += omega * pi[index];
                self.mean_responsibilities[index] += omega * rho[index];
            }
            for item in 0..free {
                let at = design.component(item);
                let (p, r) = (omega * pi[at], omega * rho[at]);
                for other in 0..=item {
                    let other_at = design.component(other);
                    self.curvature[item * free + other] += r * rho[other_at] - p * pi[other_at];
                }
            }
        }
        for item in 0..free {
            let at = design.component(item);
            self.curvature[item * free + item] += self.mean_weights[at] - self.mean_responsibilities[at];
        }
        self.sum.log_likelihood += value;
    }

    /// Adds a trial's expectations to the sums, those of its uncued items to the block.
    fn accumulate(&mut self, trial: usize, first: usize) {
        let (guesses, width) = (self.design.guesses, self.design.width);
        let observations = self.design.observations;
        let others = observations.set_size(trial) - 1;
        let free = guesses + others;
        let (pi, rho) = (&self.mean_weights, &self.mean_responsibilities);
        let row = self.emissions.row(trial);
        let density: f64 = pi.iter().zip(row.relative).map(|(pi, relative)| pi * relative).sum();
        self.sum.predictive += density.ln() + row.peak;
        self.sum.weights[0] += pi[0];
        self.sum.weights[1] += pi[1];
        for (item, pi) in observations.items(trial).skip(1).zip(&pi[2..]) {
            self.sum.weights[2] += pi;
            if observations.report_offsets()[item].abs() >= self.radius {
                self.sum.beyond += pi;
            }
        }
        self.sum.responsibilities.extend_from_slice(&rho[1..others + 2]);
        if guesses > 0 {
            self.sum.gradient[0] += rho[0] - pi[0];
            self.sum.curvature[(0, 0)] += self.curvature[0];
        }
        for item in 0..others {
            let at = guesses + item;
            self.slopes.push(rho[item + 2] - pi[item + 2]);
            self.crosses.push(if guesses > 0 { self.curvature[at * free] } else { 0.0 });
            let column =
                &mut self.weighted.as_mut_slice()[(first + item) * width..(first + item + 1) * width];
            column.fill(0.0);
            for other in 0..others {
                let (low, high) = (at.min(guesses + other), at.max(guesses + other));
                let weight = self.curvature[high * free + low];
                for (value, feature) in column.iter_mut().zip(Self::column(&self.features, first + other)) {
                    *value += weight * feature;
                }
            }
        }
    }
}
