//! The E step: responsibilities under given parameters, summed over trials.

use std::f64::consts::TAU;

use errare_core::von_mises::VonMises;

use crate::likelihood::{EmissionRow, posterior};
use crate::{Observations, Result};

/// Below this a density has lost its digits.
const UNDERFLOW: f64 = 1e-280;

/// Parameters as the algorithm holds them: a single item leaves no swaps, so that guesses are counted among
/// the responses that are none, and every set size shares both probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Parameters {
    /// P(swap) in displays of several items.
    pub(super) swap: f64,
    /// P(guess | no swap).
    pub(super) guess: f64,
    /// Concentration κ.
    pub(super) kappa: f64,
}

impl Parameters {
    /// Weights `[uniform, cued item, others…]` in a display of `set_size` items.
    fn fill(&self, row: &mut [f64]) {
        let others = row.len() - 2;
        let swap = if others == 0 { 0.0 } else { self.swap };
        row[0] = (1.0 - swap) * self.guess;
        row[1] = (1.0 - swap) * (1.0 - self.guess);
        row[2..].fill(swap / others.max(1) as f64);
    }
}

/// Sums over all trials that one E step leaves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Expectations {
    pub(super) log_likelihood: f64,
    /// Trials with several items.
    pub(super) multiple: f64,
    /// Σ responsibility of the uncued items, of guesses, of the cued item.
    pub(super) swap: f64,
    pub(super) guess: f64,
    pub(super) target: f64,
    /// Σ responsibility × cos ε over items.
    pub(super) cosine: f64,
}

/// One E step over all trials, without an allocation.
///
/// The mixture likelihood of `likelihood`, in linear space, for one special case: one exponential an item, and trials
/// whose every density underflows are left to the general one.
pub(super) fn expectations(observations: &Observations, at: Parameters) -> Result<Expectations> {
    let emission = VonMises::new(at.kappa)?;
    let peak = emission.log_density(0.0).exp();
    let cosines = observations.cosines();
    let mut sums = Expectations::default();
    // Logarithms of products of trials, which are few.
    let mut product = 1.0f64;
    for trial in 0..observations.len() {
        let items = observations.items(trial);
        let others = items.len() - 1;
        let swap = if others == 0 { 0.0 } else { at.swap };
        let each = swap / others.max(1) as f64 * peak;
        let density = |item: usize| (at.kappa * (cosines[item] - 1.0)).exp();
        let guess = (1.0 - swap) * at.guess / TAU;
        let target = (1.0 - swap) * (1.0 - at.guess) * peak * density(items.start);
        let (mut others_sum, mut cosine) = (0.0, 0.0);
        for item in items.start + 1..items.end {
            let joint = each * density(item);
            others_sum += joint;
            cosine += joint * cosines[item];
        }
        let total = guess + target + others_sum;
        if total < UNDERFLOW {
            sums.add_underflown(observations, trial, at, &emission);
            continue;
        }
        product *= total;
        if !(1e-150..1e150).contains(&product) {
            sums.log_likelihood += product.ln();
            product = 1.0;
        }
        let scale = 1.0 / total;
        sums.guess += guess * scale;
        sums.target += target * scale;
        sums.swap += others_sum * scale;
        sums.multiple += f64::from(others > 0);
        sums.cosine += (cosine + target * cosines[items.start]) * scale;
    }
    sums.log_likelihood += product.ln();
    Ok(sums)
}

impl Expectations {
    /// Adds a trial whose densities are too small for linear space.
    fn add_underflown(
        &mut self,
        observations: &Observations,
        trial: usize,
        at: Parameters,
        emission: &VonMises,
    ) {
        let items = observations.items(trial);
        let mut log = vec![-TAU.ln()];
        log.extend(items.clone().map(|item| emission.log_density(observations.errors()[item])));
        let peak = log.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let relative: Vec<f64> = log.iter().map(|log| (log - peak).exp()).collect();
        let (mut weights, mut rho) = (vec![0.0; log.len()], vec![0.0; log.len()]);
        at.fill(&mut weights);
        let row = EmissionRow { log: &log, relative: &relative, peak };
        self.log_likelihood += posterior(&weights, row, &mut rho);
        self.guess += rho[0];
        self.target += rho[1];
        self.swap += rho[2..].iter().sum::<f64>();
        self.multiple += f64::from(rho.len() > 2);
        for (item, rho) in items.zip(&rho[1..]) {
            self.cosine += rho * observations.cosines()[item];
        }
    }
}
