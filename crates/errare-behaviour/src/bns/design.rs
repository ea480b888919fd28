//! The trials of a fit, and how the logits of their items come from coefficients.
//!
//! Coefficients are `[guess, level, features…]`, without a guess in models that have none and `[guess]` alone where every
//! display has one item: the logit of a guess is the first one, that of an uncued item is level + Σ coefficient · φ.
//!
//! Features are computed where they are used, a block of trials at a time: they are cheap (cosines by recurrence), and a
//! million trials have gigabytes of them.

use std::ops::Range;
use std::sync::Arc;

use nalgebra::DMatrix;

use super::basis::{SwapBasis, SwapDependence};
use super::nodes::Nodes;
use crate::likelihood::{LogEmissions, sum_over_chunks, trial_value};
use crate::{Error, Observations, Result};

/// Uncued items a block: the features of a block stay in the cache.
const BLOCK: usize = 256;

/// The trials and how their logits come from coefficients.
#[derive(Debug)]
pub(super) struct Design<'a> {
    pub(super) observations: &'a Observations,
    basis: &'a dyn SwapBasis,
    /// Whether there are guesses: 1 or 0 leading coefficients and free logits.
    pub(super) guesses: usize,
    /// Length of `[1, φ…]` of an uncued item; 0 where every display has one item.
    pub(super) width: usize,
    /// By the number of free logits.
    pub(super) nodes: Vec<Arc<Nodes>>,
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
    pub(super) fn component(&self, free: usize) -> usize {
        if free < self.guesses { 0 } else { free + 2 - self.guesses }
    }

    /// Trials from `start` that fill a block, within `end`.
    pub(super) fn block(&self, start: usize, end: usize) -> Range<usize> {
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
}
