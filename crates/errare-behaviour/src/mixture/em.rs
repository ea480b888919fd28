//! Expectation maximisation from a grid of starts.
//!
//! κ is updated from the resultant length of the errors weighted by their responsibilities, as in the toolbox of
//! Bays, Catalao & Husain (2009), which leaves a constant bias out of the spread. The maximum of the likelihood
//! would take the cosine sum: κ then is smaller by a part of about 1/trials.

use errare_core::special::bessel_ratio_inverse;
use errare_core::von_mises::VonMises;
use rayon::prelude::*;

use super::information::standard_errors;
use crate::likelihood::{LogEmissions, posterior};
use crate::{Observations, Result};

/// Starting values of κ, p_N and p_U.
const START_KAPPA: [f64; 3] = [1.0, 10.0, 100.0];
const START_WEIGHT: [f64; 3] = [0.01, 0.1, 0.4];
/// Every start runs until a step gains less than this (nats) …
const SCREENING: f64 = 1e-2;
/// … and the best this many of them until a step gains less than `TOLERANCE` (nats).
const FINALISTS: usize = 3;
const TOLERANCE: f64 = 1e-8;
const MAX_ITERATIONS: usize = 10_000;

/// Probabilities of the sources of a response; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MixtureWeights {
    /// The cued item.
    pub target: f64,
    /// Any of the other items together; `None` where there is no other item.
    pub nontarget: Option<f64>,
    /// A uniform guess.
    pub uniform: f64,
}

/// Asymptotic standard errors, from the observed information.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct StandardErrors {
    /// Of the concentration κ.
    pub kappa: f64,
    /// Of the weight of the cued item.
    pub target: f64,
    /// Of the weight of the other items; `None` when it is not estimated.
    pub nontarget: Option<f64>,
    /// Of the weight of guesses.
    pub uniform: f64,
}

/// A fitted two- or three-component mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MixtureEstimate {
    /// Weights; with mixed set sizes those of the displays of several items.
    pub weights: MixtureWeights,
    /// Concentration κ of the von Mises emission.
    pub kappa: f64,
    /// Maximised log likelihood (nats, over all trials).
    pub log_likelihood: f64,
    /// Standard errors; `None` when a parameter lies on the edge of its range.
    pub standard_errors: Option<StandardErrors>,
}

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
    /// Σ responsibility × cos ε, and × sin ε, over items.
    pub(super) cosine: f64,
    pub(super) sine: f64,
}

pub(super) fn expectations(observations: &Observations, at: Parameters) -> Result<Expectations> {
    let emissions = LogEmissions::von_mises(observations, &VonMises::new(at.kappa)?);
    let widest = observations.max_set_size() + 1;
    let (mut weights, mut responsibilities) = (vec![0.0; widest], vec![0.0; widest]);
    let mut filled = 0;
    let mut sums = Expectations::default();
    for trial in 0..observations.len() {
        let components = observations.set_size(trial) + 1;
        if filled != components {
            at.fill(&mut weights[..components]);
            filled = components;
        }
        let rho = &mut responsibilities[..components];
        sums.log_likelihood += posterior(&weights[..components], emissions.row(trial), rho);
        sums.guess += rho[0];
        sums.target += rho[1];
        sums.swap += rho[2..].iter().sum::<f64>();
        sums.multiple += f64::from(components > 2);
        for (item, rho) in observations.items(trial).zip(&rho[1..]) {
            sums.cosine += rho * observations.cosines()[item];
            sums.sine += rho * observations.sines()[item];
        }
    }
    Ok(sums)
}

/// Runs from `start` until a step gains less than `tolerance`; returns the last parameters evaluated.
fn run(observations: &Observations, start: Parameters, tolerance: f64) -> Result<(Parameters, f64)> {
    let mut at = start;
    let mut sums = expectations(observations, at)?;
    for _ in 0..MAX_ITERATIONS {
        let next = Parameters {
            swap: if start.swap > 0.0 { sums.swap / sums.multiple } else { 0.0 },
            guess: sums.guess / (sums.guess + sums.target),
            kappa: bessel_ratio_inverse(sums.cosine.hypot(sums.sine) / (sums.target + sums.swap)),
        };
        let updated = expectations(observations, next)?;
        let gain = updated.log_likelihood - sums.log_likelihood;
        (at, sums) = (next, updated);
        if gain.abs() < tolerance {
            break;
        }
    }
    Ok((at, sums.log_likelihood))
}

/// Fits the two-component (`with_swaps` false) or three-component mixture by maximum likelihood.
///
/// κ is limited to [`errare_core::special::MAX_KAPPA`], which is where responses without any error end.
/// Displays of one item have no swaps whatever `with_swaps` says.
///
/// # Errors
/// Only when an update leaves the domain of the von Mises distribution, which finite errors cannot cause.
pub fn fit_mixture(observations: &Observations, with_swaps: bool) -> Result<MixtureEstimate> {
    let multiple = observations.max_set_size() > 1;
    let with_swaps = with_swaps && multiple;
    let swaps: &[f64] = if with_swaps { &START_WEIGHT } else { &[0.0] };
    let mut starts = Vec::new();
    for kappa in START_KAPPA {
        for &swap in swaps {
            for uniform in START_WEIGHT {
                starts.push(Parameters { swap, guess: uniform / (1.0 - swap), kappa });
            }
        }
    }
    let run_all = |starts: Vec<Parameters>, tolerance| -> Result<Vec<(Parameters, f64)>> {
        let mut ends: Vec<_> =
            starts.into_par_iter().map(|start| run(observations, start, tolerance)).collect::<Result<_>>()?;
        ends.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(ends)
    };
    let screened = run_all(starts, SCREENING)?;
    let finalists = screened.into_iter().take(FINALISTS).map(|(end, _)| end).collect();
    let (best, log_likelihood) = run_all(finalists, TOLERANCE)?[0];
    Ok(MixtureEstimate {
        weights: MixtureWeights {
            target: (1.0 - best.swap) * (1.0 - best.guess),
            nontarget: multiple.then_some(best.swap),
            uniform: (1.0 - best.swap) * best.guess,
        },
        kappa: best.kappa,
        log_likelihood,
        standard_errors: standard_errors(observations, best, with_swaps)?,
    })
}
