//! Log emissions of every response under every component, in the two forms the likelihood needs.

use std::f64::consts::TAU;

use errare_core::von_mises::VonMises;
use rayon::prelude::*;

use crate::{Emission, Observations};

/// Trials that one thread fills at a time.
const PART: usize = 1024;

/// ln E(εₙ) of every component of every trial (component 0: −ln 2π), [trials × (items + 1)], with the
/// densities relative to the row's largest one, which spare the inner loops half of their exponentials.
#[derive(Debug, Clone)]
pub struct LogEmissions {
    starts: Vec<usize>,
    log: Vec<f64>,
    relative: Vec<f64>,
    peak: Vec<f64>,
}

/// The emissions of one trial.
#[derive(Debug, Clone, Copy)]
pub struct EmissionRow<'a> {
    /// ln E of each component, length set size + 1.
    pub log: &'a [f64],
    /// E / max E of each component.
    pub relative: &'a [f64],
    /// ln max E.
    pub peak: f64,
}

impl LogEmissions {
    /// Log densities of any emission.
    #[must_use]
    pub fn new(observations: &Observations, emission: &dyn Emission) -> Self {
        Self::by_item(observations, |_, item| emission.log_density(observations.errors()[item]))
    }

    /// Log densities of a von Mises emission, without a cosine per item.
    #[must_use]
    pub fn von_mises(observations: &Observations, emission: &VonMises) -> Self {
        let offset = emission.log_density(0.0);
        let cosines = observations.cosines();
        Self::by_item(observations, |_, item| emission.kappa() * (cosines[item] - 1.0) + offset)
    }

    /// Log densities by trial and item.
    pub(crate) fn by_item(
        observations: &Observations,
        log_density: impl Fn(usize, usize) -> f64 + Sync,
    ) -> Self {
        let trials = observations.len();
        let starts: Vec<usize> =
            (0..=trials).map(|trial| if trial == trials { observations.errors().len() } else { observations.items(trial).start } + trial).collect();
        let entries = starts[trials];
        let mut all =
            Self { starts, log: vec![0.0; entries], relative: vec![0.0; entries], peak: vec![0.0; trials] };
        let (mut log, mut relative) = (all.log.as_mut_slice(), all.relative.as_mut_slice());
        let mut parts = Vec::with_capacity(trials.div_ceil(PART));
        for (part, peak) in all.peak.chunks_mut(PART).enumerate() {
            let first = part * PART;
            let length = all.starts[first + peak.len()] - all.starts[first];
            let (own_log, own_relative);
            (own_log, log) = log.split_at_mut(length);
            (own_relative, relative) = relative.split_at_mut(length);
            parts.push((first, own_log, own_relative, peak));
        }
        parts.into_par_iter().for_each(|(first, log, relative, peaks)| {
            let mut start = 0;
            for (trial, peak) in (first..).zip(peaks) {
                let items = observations.items(trial);
                let range = start..start + items.len() + 1;
                let row = &mut log[range.clone()];
                row[0] = -TAU.ln();
                row[1..].iter_mut().zip(items).for_each(|(value, item)| *value = log_density(trial, item));
                *peak = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let densities = relative[range.clone()].iter_mut();
                densities.zip(row).for_each(|(density, value)| *density = (*value - *peak).exp());
                start = range.end;
            }
        });
        all
    }

    /// Number of trials.
    #[must_use]
    pub fn len(&self) -> usize {
        self.peak.len()
    }

    /// Whether there is no trial.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.peak.is_empty()
    }

    /// The emissions of one trial.
    #[must_use]
    pub fn row(&self, trial: usize) -> EmissionRow<'_> {
        let range = self.range(trial);
        EmissionRow { log: &self.log[range.clone()], relative: &self.relative[range], peak: self.peak[trial] }
    }

    /// Where a trial's components stand in an array of logits or responsibilities.
    #[must_use]
    pub fn range(&self, trial: usize) -> std::ops::Range<usize> {
        self.starts[trial]..self.starts[trial + 1]
    }

    /// Number of entries over all trials: the sum of set size + 1.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.log.len()
    }
}
