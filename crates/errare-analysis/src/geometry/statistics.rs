//! Sums over trials from which every measure of alignment follows, so that no trajectory is kept.

use std::f64::consts::TAU;

use errare_core::angle::wrap;

use crate::distance::error_bin;
use crate::{Error, Result};

/// Trials are summed in this many folds by sample number, for jackknife intervals and split halves.
pub const FOLDS: usize = 8;

/// What is known of a trial once it has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrialLabels {
    /// The slot of the cued item.
    pub slot: usize,
    /// The reported angle (radians): the colour label of the trial.
    pub response: f64,
    /// Whether the response was a swap; swaps enter the pooled covariance, but no ring.
    pub swap: bool,
    /// Number of the sample among those of its condition; it decides the fold.
    pub sample: usize,
}

/// Streaming sums of states, by time step, slot of the cued item and reported colour.
///
/// Per step, fold and slot: count, mean and second moments of all trials; per colour bin besides: count,
/// sum of states and mean direction of the report over trials without swap.
#[derive(Debug, Clone, PartialEq)]
pub struct RingStatistics {
    steps: usize,
    neurons: usize,
    slots: usize,
    bins: usize,
    /// [step][fold][slot][count, Σz, upper triangle of Σzzᵀ].
    moments: Vec<f64>,
    /// [step][fold][slot][bin][count, Σcos, Σsin, Σz].
    rings: Vec<f64>,
}

impl RingStatistics {
    /// Empty sums for `steps` time steps of `neurons` states, `slots` cued slots and `bins` colours.
    ///
    /// # Errors
    /// When any of them is 0, or there are fewer than 3 bins (which span no plane).
    pub fn new(steps: usize, neurons: usize, slots: usize, bins: usize) -> Result<Self> {
        for (name, value, least) in
            [("steps", steps, 1), ("neurons", neurons, 1), ("slots", slots, 1), ("colour bins", bins, 3)]
        {
            if value < least {
                return Err(Error::OutOfRange {
                    name,
                    value: value as f64,
                    expected: if least == 3 { "at least 3" } else { "at least 1" },
                });
            }
        }
        let mut empty = Self { steps, neurons, slots, bins, moments: Vec::new(), rings: Vec::new() };
        empty.moments = vec![0.0; steps * FOLDS * slots * empty.moment_width()];
        empty.rings = vec![0.0; steps * FOLDS * slots * bins * empty.ring_width()];
        Ok(empty)
    }

    /// Adds the state of one trial at one step.
    ///
    /// # Panics
    /// When the step or the slot is out of range, or the state has another number of neurons.
    pub fn add<T: Copy + Into<f64>>(&mut self, step: usize, labels: &TrialLabels, state: &[T]) {
        assert!(
            step < self.steps && labels.slot < self.slots,
            "step {step} or slot {} is not kept",
            labels.slot
        );
        assert_eq!(state.len(), self.neurons, "neurons of the state");
        let cell = self.cell(step, labels.sample % FOLDS, labels.slot);
        let width = self.moment_width();
        let moments = &mut self.moments[cell * width..(cell + 1) * width];
        moments[0] += 1.0;
        let (first, mut second) = moments[1..].split_at_mut(self.neurons);
        for (row, &value) in state.iter().enumerate() {
            let value: f64 = value.into();
            first[row] += value;
            let (sums, rest) = second.split_at_mut(self.neurons - row);
            for (sum, &other) in sums.iter_mut().zip(&state[row..]) {
                *sum += value * other.into();
            }
            second = rest;
        }
        if labels.swap {
            return;
        }
        let width = self.ring_width();
        let at = cell * self.bins + error_bin(labels.response, self.bins);
        let ring = &mut self.rings[at * width..(at + 1) * width];
        let (sin, cos) = labels.response.sin_cos();
        ring[0] += 1.0;
        ring[1] += cos;
        ring[2] += sin;
        for (sum, &value) in ring[3..].iter_mut().zip(state) {
            *sum += value.into();
        }
    }

    /// Adds the sums of `other`. Sums of chunks of trials must be merged in a fixed order for the same bytes.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        for (what, left, right) in [
            ("time steps of ring statistics", self.steps, other.steps),
            ("neurons of ring statistics", self.neurons, other.neurons),
            ("slots of ring statistics", self.slots, other.slots),
            ("colour bins of ring statistics", self.bins, other.bins),
        ] {
            if left != right {
                return Err(Error::SizeMismatch { what, left, right });
            }
        }
        self.moments.iter_mut().zip(&other.moments).for_each(|(sum, more)| *sum += more);
        self.rings.iter_mut().zip(&other.rings).for_each(|(sum, more)| *sum += more);
        Ok(())
    }

    /// Time steps.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Neurons.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// Slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Colour bins.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// Trials of a slot, swaps included, at the first step.
    #[must_use]
    pub fn trials(&self, slot: usize) -> usize {
        let width = self.moment_width();
        (0..FOLDS).map(|fold| self.moments[self.cell(0, fold, slot) * width]).sum::<f64>() as usize
    }

    /// Mean states of a ring over trials without swap, as (mean reported angle in radians, mean state in
    /// neurons); `None` for a bin without trials. This is what a three-dimensional picture shows.
    #[must_use]
    pub fn ring(&self, step: usize, slot: usize) -> Vec<Option<(f64, Vec<f64>)>> {
        (0..self.bins)
            .map(|bin| {
                let sums = self.ring_sums(step, slot, bin, |_| true);
                let mean = sums[3..].iter().map(|sum| sum / sums[0]).collect();
                (sums[0] > 0.0).then(|| (wrap(sums[2].atan2(sums[1]).rem_euclid(TAU)), mean))
            })
            .collect()
    }

    /// [count, Σz, upper triangle of Σzzᵀ] over the folds that are wanted.
    pub(crate) fn moment_sums(&self, step: usize, slot: usize, folds: impl Fn(usize) -> bool) -> Vec<f64> {
        let width = self.moment_width();
        self.summed(&self.moments, width, folds, |fold| self.cell(step, fold, slot))
    }

    /// [count, Σcos, Σsin, Σz] over the folds that are wanted.
    pub(crate) fn ring_sums(
        &self,
        step: usize,
        slot: usize,
        bin: usize,
        folds: impl Fn(usize) -> bool,
    ) -> Vec<f64> {
        let width = self.ring_width();
        self.summed(&self.rings, width, folds, |fold| self.cell(step, fold, slot) * self.bins + bin)
    }

    fn summed(
        &self,
        sums: &[f64],
        width: usize,
        folds: impl Fn(usize) -> bool,
        row: impl Fn(usize) -> usize,
    ) -> Vec<f64> {
        let mut total = vec![0.0; width];
        for fold in (0..FOLDS).filter(|&fold| folds(fold)) {
            let at = row(fold) * width;
            total.iter_mut().zip(&sums[at..at + width]).for_each(|(total, sum)| *total += sum);
        }
        total
    }

    fn cell(&self, step: usize, fold: usize, slot: usize) -> usize {
        (step * FOLDS + fold) * self.slots + slot
    }

    fn moment_width(&self) -> usize {
        1 + self.neurons + self.neurons * (self.neurons + 1) / 2
    }

    fn ring_width(&self) -> usize {
        3 + self.neurons
    }
}

#[cfg(test)]
mod tests {
    use errare_core::random::{Purpose, stream};
    use rand::RngExt;

    use super::*;

    fn filled(trials: std::ops::Range<u64>) -> RingStatistics {
        let mut statistics = RingStatistics::new(2, 3, 2, 4).unwrap();
        for trial in trials {
            let mut stream = stream(1, Purpose::Simulation, &[trial]);
            let labels = TrialLabels {
                slot: stream.random_range(0..2),
                response: stream.random_range(-3.0..3.0),
                swap: stream.random_bool(0.2),
                sample: trial as usize,
            };
            for step in 0..2 {
                let state: [f32; 3] = std::array::from_fn(|_| stream.random());
                statistics.add(step, &labels, &state);
            }
        }
        statistics
    }

    #[test]
    fn merged_chunks_equal_the_whole() {
        let whole = filled(0..100);
        let mut merged = filled(0..60);
        merged.merge(&filled(60..100)).unwrap();
        assert_eq!(whole.trials(0) + whole.trials(1), 100);
        for (a, b) in whole.moments.iter().zip(&merged.moments).chain(whole.rings.iter().zip(&merged.rings)) {
            assert!((a - b).abs() < 1e-12);
        }
        let mut other = RingStatistics::new(2, 4, 2, 4).unwrap();
        assert!(other.merge(&whole).unwrap_err().to_string().contains("neurons"));
    }

    #[test]
    fn a_ring_holds_the_mean_states_of_its_colours() {
        let mut statistics = RingStatistics::new(1, 2, 1, 4).unwrap();
        let labels = |response, swap| TrialLabels { slot: 0, response, swap, sample: 0 };
        statistics.add(0, &labels(0.1, false), &[1.0, 2.0]);
        statistics.add(0, &labels(0.3, false), &[3.0, 2.0]);
        statistics.add(0, &labels(0.2, true), &[90.0, 90.0]);
        let ring = statistics.ring(0, 0);
        let (angle, state) = ring[2].as_ref().unwrap();
        assert!((angle - 0.2).abs() < 1e-12);
        assert_eq!(state, &[2.0, 2.0]);
        assert!(ring[0].is_none() && ring[1].is_none() && ring[3].is_none());
        assert_eq!(statistics.trials(0), 3);
    }

    #[test]
    fn two_bins_span_no_plane() {
        assert!(RingStatistics::new(1, 4, 2, 2).unwrap_err().to_string().contains("colour bins is 2"));
    }
}
