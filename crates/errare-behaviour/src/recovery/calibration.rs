//! Simulation-based calibration of BNS (Talts et al. 2018, arXiv 1804.06788): a truth drawn from the prior has a
//! uniform rank among draws from the posterior of its own data.
//!
//! Hyperparameters and κ are known to both, as [`SwapPrior`] has them: what is judged is the inference of the
//! coefficients. A posterior that is
//! too narrow piles ranks up at both ends, one that is too wide in the middle.

use std::f64::consts::PI;

use errare_core::random::{Purpose, key, stream};
use errare_core::von_mises::VonMises;
use rayon::prelude::*;

use super::Done;
use super::uniformity::{chi_square_uniform, kolmogorov_smirnov_uniform};
use crate::bns::{SwapPosterior, SwapPrior};
use crate::{
    Display, DisplayGenerator, Emission, Observations, Response, ResponseModel, Result, SwapDependence,
    surrogate,
};

/// Posterior draws that a truth is ranked among: 99 ranks in 11 bins of 9.
const DRAWS: usize = 98;
const BINS: usize = 11;
/// Probe and report distances (radians) at which the swap function is ranked.
const PLACES: [(f64, f64); 3] = [(0.25 * PI, 0.5 * PI), (0.5 * PI, 0.75 * PI), (0.75 * PI, 0.25 * PI)];

/// What to simulate for a calibration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationDesign {
    /// What the swap function depends on.
    pub dependence: SwapDependence,
    /// The displays.
    pub displays: DisplayGenerator,
    /// Trials of a data set.
    pub trials: u64,
    /// Data sets.
    pub sets: u64,
    /// Concentration κ (1/rad²) of the responses.
    pub kappa: f64,
    /// Seed of everything random.
    pub seed: u64,
}

/// The outcome of a calibration.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Calibration {
    /// What the swap function depends on.
    pub dependence: SwapDependence,
    /// Data sets.
    pub sets: u64,
    /// Trials of a data set.
    pub trials: u64,
    /// Posterior draws that each truth was ranked among.
    pub draws: usize,
    /// Each quantity that was ranked.
    pub quantities: Vec<Ranks>,
}

/// Ranks of one quantity.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Ranks {
    /// What was ranked.
    pub name: String,
    /// Number of posterior draws below the truth, for every data set.
    pub ranks: Vec<usize>,
    /// The same counted in equal bins.
    pub counts: Vec<usize>,
    /// p-value of the χ² test of uniform counts.
    pub chi_square_p: f64,
    /// p-value of the Kolmogorov–Smirnov test of uniform ranks.
    pub kolmogorov_smirnov_p: f64,
}

impl Calibration {
    /// The smallest p-value times the number of tests, at most 1 (Bonferroni).
    #[must_use]
    pub fn adjusted_p(&self) -> f64 {
        let all = self.quantities.iter().flat_map(|ranks| [ranks.chi_square_p, ranks.kolmogorov_smirnov_p]);
        let tests = 2.0 * self.quantities.len() as f64;
        (tests * all.fold(1.0, f64::min)).min(1.0)
    }
}

/// Coefficients drawn from the prior, as a distribution of responses.
#[derive(Debug)]
struct Drawn {
    posterior: SwapPosterior,
    emission: VonMises,
}

impl ResponseModel for Drawn {
    fn weights(&self, display: &Display) -> Vec<f64> {
        self.posterior.weights_at(&self.posterior.mean, display)
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

/// The quantities that are ranked, at given coefficients: logits against the cued item.
fn quantities(posterior: &SwapPosterior, coefficients: &[f64]) -> Vec<f64> {
    let logits = |probe: f64, report: f64| {
        let display = Display { probe: vec![0.0, probe], report: vec![0.0, report], cued_slot: 0 };
        let weights = posterior.weights_at(coefficients, &display);
        [(weights[0] / weights[1]).ln(), (weights[2] / weights[1]).ln()]
    };
    let guess = logits(PLACES[0].0, PLACES[0].1)[0];
    std::iter::once(guess).chain(PLACES.iter().map(|&(probe, report)| logits(probe, report)[1])).collect()
}

fn names() -> Vec<String> {
    let at =
        |&(probe, report): &(f64, f64)| format!("swap logit at probe {probe:.2}, report {report:.2} rad");
    std::iter::once("guess logit".to_owned()).chain(PLACES.iter().map(at)).collect()
}

/// Draws truths from the prior, simulates their data and ranks them in the posteriors.
///
/// # Errors
/// When κ is out of range.
pub fn calibrate(design: &CalibrationDesign, done: Done<'_>) -> Result<Calibration> {
    let prior = SwapPrior::new(design.dependence);
    let emission = VonMises::new(design.kappa)?;
    let ranks_of = |set: u64| -> Result<Vec<usize>> {
        let seed = key(design.seed, Purpose::Null, &[set]);
        let truth = prior.draw(seed);
        let displays: Vec<Display> = (0..design.trials)
            .map(|trial| design.displays.draw(&mut stream(seed, Purpose::Displays, &[trial])))
            .collect();
        let true_values = quantities(&truth, &truth.mean);
        let model = Drawn { posterior: truth, emission };
        let responses: Vec<Response> = surrogate(&model, &displays, seed);
        let trials = displays.iter().zip(responses.iter().map(|response| response.angle));
        let posterior = prior.posterior(&Observations::new(trials)?, design.kappa)?;
        let mut ranks = vec![0; true_values.len()];
        for draw in 0..DRAWS {
            let coefficients = posterior.draw(key(seed, Purpose::Posterior, &[draw as u64]));
            for (rank, (value, truth)) in
                ranks.iter_mut().zip(quantities(&posterior, &coefficients).iter().zip(&true_values))
            {
                *rank += usize::from(value < truth);
            }
        }
        done();
        Ok(ranks)
    };
    let sets: Vec<Vec<usize>> = (0..design.sets).into_par_iter().map(ranks_of).collect::<Result<_>>()?;
    let quantities = names()
        .into_iter()
        .enumerate()
        .map(|(index, name)| ranks(name, sets.iter().map(|set| set[index]).collect()))
        .collect();
    Ok(Calibration {
        dependence: design.dependence,
        sets: design.sets,
        trials: design.trials,
        draws: DRAWS,
        quantities,
    })
}

fn ranks(name: String, ranks: Vec<usize>) -> Ranks {
    let mut counts = vec![0; BINS];
    ranks.iter().for_each(|rank| counts[rank * BINS / (DRAWS + 1)] += 1);
    let uniform: Vec<f64> = ranks.iter().map(|&rank| (rank as f64 + 0.5) / (DRAWS + 1) as f64).collect();
    Ranks {
        name,
        chi_square_p: chi_square_uniform(&counts),
        kolmogorov_smirnov_p: kolmogorov_smirnov_uniform(&uniform),
        ranks,
        counts,
    }
}
