//! Log emissions of every response under every component, in the two forms the likelihood needs.

use std::f64::consts::TAU;

use errare_core::von_mises::VonMises;

use crate::{Emission, Observations};

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
        Self::fill(observations, |item| emission.log_density(observations.errors()[item]))
    }

    /// Log densities of a von Mises emission, without a cosine per item.
    #[must_use]
    pub fn von_mises(observations: &Observations, emission: &VonMises) -> Self {
        let offset = emission.log_density(0.0);
        let cosines = observations.cosines();
        Self::fill(observations, |item| emission.kappa() * (cosines[item] - 1.0) + offset)
    }

    fn fill(observations: &Observations, log_density: impl Fn(usize) -> f64) -> Self {
        let trials = observations.len();
        let entries = observations.errors().len() + trials;
        let mut all = Self {
            starts: Vec::with_capacity(trials + 1),
            log: Vec::with_capacity(entries),
            relative: Vec::with_capacity(entries),
            peak: Vec::with_capacity(trials),
        };
        all.starts.push(0);
        for trial in 0..trials {
            let first = all.log.len();
            all.log.push(-TAU.ln());
            all.log.extend(observations.items(trial).map(&log_density));
            let peak = all.log[first..].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            all.relative.extend(all.log[first..].iter().map(|value| (value - peak).exp()));
            all.peak.push(peak);
            all.starts.push(all.log.len());
        }
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
