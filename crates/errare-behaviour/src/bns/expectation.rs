//! Expectations of the likelihood and its derivatives under a Gaussian over the coefficients.
//!
//! Coefficients are `[guess, level, features…]`, without a guess in models that have none and `[guess]` alone where every
//! display has one item: the logit of a guess is the first one, that of an uncued item is level + Σ coefficient · φ. Per
//! trial only the normal distribution of its own logits matters, of as many dimensions as there are free logits.
//!
//! Features are computed where they are used, a block of trials at a time: they are cheap (cosines by recurrence), and a
//! million trials have gigabytes of them. What costs is two matrix products a block: features × covariance, and the
//! curvature.

use std::ops::Range;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};

use super::basis::{SwapBasis, SwapDependence};
use super::nodes::Nodes;
use crate::likelihood::{LogEmissions, sum_over_chunks, trial_log_likelihood, trial_value};
use crate::{Error, Observations, Result};

/// Uncued items a block: the features of a block stay in the cache.
const BLOCK: usize = 256;

/// The trials and how their logits come from coefficients.
#[derive(Debug)]
pub(super) struct Design<'a> {
    pub(super) observations: &'a Observations,
    basis: &'a dyn SwapBasis,
    /// Whether there are guesses: 1 or 0 leading coefficients and free logits.
    guesses: usize,
    /// Length of `[1, φ…]` of an uncued item; 0 where every display has one item.
    width: usize,
    /// By the number of free logits.
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

impl<'a> Design<'a> {
    /// # Errors
    /// [`Error::MissingProbe`] when the dependence needs probe offsets and there are none.
    pub(super) fn new(
        observations: &'a Observations,
        basis: &'a dyn SwapBasis,
        dependence: SwapDependence,
        uniform: bool,
    ) -> Result<Self> {
        let swaps = observations.max_set_size() > 1;
        if dependence.needs_probe() && swaps && observations.probe_offsets().is_none() {
            return Err(Error::MissingProbe);
        }
        Ok(Self::with_width(observations, basis, uniform, swaps))
    }

    /// The design with or without coefficients of a swap function.
    pub(super) fn with_width(
        observations: &'a Observations,
        basis: &'a dyn SwapBasis,
        uniform: bool,
        swaps: bool,
    ) -> Self {
        let guesses = usize::from(uniform);
        let width = if swaps { 1 + basis.features() } else { 0 };
        let nodes = (0..observations.max_set_size() + guesses).map(Nodes::of).collect();
        Self { observations, basis, guesses, width, nodes }
    }

    /// Number of coefficients.
    pub(super) fn coefficients(&self) -> usize {
        self.guesses + self.width
    }

    /// Index of the guess logit.
    pub(super) fn guess(&self) -> Option<usize> {
        (self.guesses > 0).then_some(0)
    }

    /// Index of the level of the swap function.
    pub(super) fn level(&self) -> Option<usize> {
        (self.width > 0).then_some(self.guesses)
    }

    /// Index of the coefficient of the first feature.
    pub(super) fn first_feature(&self) -> usize {
        self.coefficients().min(self.guesses + 1)
    }

    /// guess, level, or the number of the feature.
    #[cfg(feature = "nuts")]
    pub(super) fn coefficient_name(&self, index: usize) -> String {
        match index {
            _ if Some(index) == self.guess() => "guess".to_owned(),
            _ if Some(index) == self.level() => "level".to_owned(),
            _ => format!("feature {}", index - self.first_feature() + 1),
        }
    }

    /// The component of a free logit: the cued item, component 1, has none.
    #[inline]
    fn component(&self, free: usize) -> usize {
        if free < self.guesses { 0 } else { free + 2 - self.guesses }
    }

    /// Trials from `start` that fill a block, within `end`.
    fn block(&self, start: usize, end: usize) -> Range<usize> {
        let mut items = 0;
        let mut stop = start;
        while stop < end {
            items += self.observations.set_size(stop) - 1;
            if items > BLOCK && stop > start {
                break;
            }
            stop += 1;
        }
        start..stop
    }

    /// Fills a column `[1, φ…]` for every uncued item of the trials; returns how many there are.
    pub(super) fn fill(&self, trials: Range<usize>, features: &mut DMatrix<f64>) -> usize {
        if self.width == 0 {
            return 0;
        }
        let all = self.observations;
        let items: Vec<usize> = trials.flat_map(|trial| all.items(trial).skip(1)).collect();
        if features.ncols() < items.len() {
            *features = DMatrix::zeros(self.width, items.len());
        }
        for (&item, column) in items.iter().zip(features.as_mut_slice().chunks_exact_mut(self.width)) {
            column[0] = 1.0;
            let probe = all.probe_offsets().map_or(f64::NAN, |offsets| offsets[item]);
            self.basis.fill(probe, all.report_offsets()[item], &mut column[1..]);
        }
        items.len()
    }

    /// Log likelihood of all trials at each of several columns of coefficients.
    pub(super) fn log_likelihoods(&self, emissions: &LogEmissions, coefficients: &DMatrix<f64>) -> Vec<f64> {
        let draws = coefficients.ncols();
        let values = coefficients.rows(self.guesses, self.width).transpose();
        let widest = self.observations.max_set_size() + 1;
        let sums = sum_over_chunks(
            self.observations.len(),
            |trials| {
                let mut sums = vec![0.0; draws];
                let mut features = DMatrix::zeros(self.width, 0);
                let mut swaps = DMatrix::zeros(draws, 0);
                let (mut logits, mut scratch) = (vec![f64::NEG_INFINITY; widest], vec![0.0; 2 * widest]);
                logits[1] = 0.0;
                let mut start = trials.start;
                while start < trials.end {
                    let block = self.block(start, trials.end);
                    let count = self.fill(block.clone(), &mut features);
                    if swaps.ncols() < count {
                        swaps = DMatrix::zeros(draws, count);
                    }
                    if count > 0 {
                        swaps.columns_mut(0, count).gemm(1.0, &values, &features.columns(0, count), 0.0);
                    }
                    let mut first = 0;
                    for trial in block.clone() {
                        let row = emissions.row(trial);
                        let components = row.log.len();
                        for (draw, sum) in sums.iter_mut().enumerate() {
                            if self.guesses > 0 {
                                logits[0] = coefficients[(0, draw)];
                            }
                            for (item, logit) in logits[2..components].iter_mut().enumerate() {
                                *logit = swaps[(draw, first + item)];
                            }
                            *sum += trial_value(&logits[..components], row, &mut scratch);
                        }
                        first += components - 2;
                    }
                    start = block.end;
                }
                sums
            },
            |sums, part| sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += value),
        );
        sums.expect("observations hold at least one trial")
    }

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

/// Four partial sums, so that the additions do not wait for each other.
#[inline]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    let (left, right) = (a[..length].chunks_exact(4), b[..length].chunks_exact(4));
    let mut tail = 0.0;
    for (a, b) in left.remainder().iter().zip(right.remainder()) {
        tail += a * b;
    }
    let mut sums = [0.0; 4];
    for (a, b) in left.zip(right) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums[0] + sums[1] + (sums[2] + sums[3]) + tail
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
