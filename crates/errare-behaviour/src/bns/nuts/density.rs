//! ln p(y, w) of whitened coefficients w, and its gradient.

use std::collections::HashMap;

use nalgebra::{DMatrix, DVector};
use nuts_rs::{CpuLogpFunc, CpuMathError, HasDims, LogpError};

use super::super::design::Design;
use super::super::inference::Prior;
use crate::likelihood::{LogEmissions, trial_log_likelihood};

/// The log joint density, with the features of all trials at hand: fits that are sampled are small.
#[derive(Debug, Clone)]
pub(super) struct Density<'a> {
    design: &'a Design<'a>,
    emissions: &'a LogEmissions,
    prior: &'a Prior,
    /// A column `[1, φ…]` for every uncued item.
    features: DMatrix<f64>,
}

impl<'a> Density<'a> {
    pub(super) fn new(design: &'a Design<'a>, emissions: &'a LogEmissions, prior: &'a Prior) -> Self {
        let mut features = DMatrix::zeros(0, 0);
        design.fill(0..design.observations.len(), &mut features);
        Self { design, emissions, prior, features }
    }

    /// The density at `w`, up to a constant; fills its gradient.
    pub(super) fn evaluate(&self, w: &[f64], gradient: &mut [f64]) -> f64 {
        let w = DVector::from_column_slice(w);
        let coefficients = &self.prior.mean + self.prior.sd.component_mul(&w);
        let guesses = usize::from(self.design.guess().is_some());
        let swaps = self.features.tr_mul(&coefficients.rows(guesses, self.features.nrows()));
        let mut slopes = DVector::zeros(swaps.len());
        let (mut value, mut guess_slope, mut first) = (0.0, 0.0, 0);
        let widest = self.design.observations.max_set_size() + 1;
        let mut logits = vec![f64::NEG_INFINITY; widest];
        let (mut weights, mut responsibilities) = (vec![0.0; widest], vec![0.0; widest]);
        logits[1] = 0.0;
        for trial in 0..self.emissions.len() {
            let row = self.emissions.row(trial);
            let components = row.log.len();
            if guesses > 0 {
                logits[0] = coefficients[0];
            }
            let others = components - 2;
            logits[2..components].copy_from_slice(&swaps.as_slice()[first..first + others]);
            let (weights, responsibilities) =
                (&mut weights[..components], &mut responsibilities[..components]);
            value += trial_log_likelihood(&logits[..components], row, weights, responsibilities);
            guess_slope += responsibilities[0] - weights[0];
            for item in 0..others {
                slopes[first + item] = responsibilities[2 + item] - weights[2 + item];
            }
            first += others;
        }
        let mut by_coefficient = DVector::zeros(w.len());
        if guesses > 0 {
            by_coefficient[0] = guess_slope;
        }
        by_coefficient.rows_mut(guesses, self.features.nrows()).copy_from(&(&self.features * slopes));
        let by_w = self.prior.sd.component_mul(&by_coefficient) - &w;
        gradient.copy_from_slice(by_w.as_slice());
        value - 0.5 * w.norm_squared()
    }
}

/// The density is finite wherever the coefficients are; elsewhere a trajectory has diverged.
#[derive(Debug, thiserror::Error)]
#[error("the log density is not finite")]
pub(super) struct NotFinite;

impl LogpError for NotFinite {
    fn is_recoverable(&self) -> bool {
        true
    }
}

impl HasDims for Density<'_> {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.design.coefficients() as u64)])
    }
}

impl CpuLogpFunc for Density<'_> {
    type LogpError = NotFinite;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.design.coefficients()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, NotFinite> {
        let value = self.evaluate(position, gradient);
        if value.is_finite() { Ok(value) } else { Err(NotFinite) }
    }

    fn expand_vector<R: rand::Rng + ?Sized>(
        &mut self,
        _: &mut R,
        position: &[f64],
    ) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::super::super::estimate::{BnsOptions, Search, first_start, whole};
    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{DisplayGenerator, SwapDependence, SwapFunction};

    #[test]
    fn the_gradient_is_that_of_the_density() {
        let graded = SwapFunction::Distance { width: 0.8, offset: 0.0 };
        let mut trials = simulated(&graded, &DisplayGenerator::standard(3).unwrap(), 60, 1);
        trials.extend(simulated(&graded, &DisplayGenerator::standard(1).unwrap(), 10, 2));
        let observations = observations(&trials);
        for (dependence, uniform) in [(SwapDependence::Both, true), (SwapDependence::Probe, false)] {
            let options = BnsOptions { uniform: Some(uniform), ..Default::default() };
            let start = first_start(&observations, dependence);
            let all = whole(&observations);
            let search =
                Search::new(&observations, start.basis.as_ref(), dependence, &options, &all).unwrap();
            let prior = search.prior(&start.x);
            let emissions = search.problem.log_emissions(&[search.problem.family.start(9.0)]);
            let density = Density::new(&search.problem.design, &emissions, &prior);
            let size = search.problem.design.coefficients();
            let w: Vec<f64> = (0..size).map(|index| 0.3 * (index as f64).cos()).collect();
            let mut gradient = vec![0.0; size];
            density.evaluate(&w, &mut gradient);
            let mut scratch = vec![0.0; size];
            for index in 0..size {
                let mut at = |by: f64| {
                    let mut w = w.clone();
                    w[index] += by;
                    density.evaluate(&w, &mut scratch)
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                assert_abs_diff_eq!(gradient[index], slope, epsilon = 1e-6 * slope.abs().max(1.0));
            }
        }
    }
}
