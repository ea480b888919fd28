//! BNS against finite differences, other algorithms, simulated truth, and human data.

mod acceptance;
mod derivatives;
mod fits;
mod variants;

use std::f64::consts::PI;

use approx::assert_abs_diff_eq;
use errare_core::random::{Purpose, stream};
use errare_core::von_mises::VonMises;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::StandardNormal;

use super::design::Design;
use super::estimate::Search;
use super::inference::{Gaussian, Prior, evaluate, log_scale_slopes, optimise};
use super::*;
use crate::likelihood::LogEmissions;
use crate::likelihood::testing::{human, observations, simulated};
use crate::{
    Display, DisplayGenerator, Emission, EmissionParameters, Observations, ResponseModel, SwapFunction,
    fit_mixture,
};

/// A swap function with a von Mises emission and guesses.
#[derive(Debug)]
struct Truth {
    swap: SwapFunction,
    guess: f64,
    emission: VonMises,
}

impl ResponseModel for Truth {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = self.swap.weights(display);
        weights.iter_mut().for_each(|weight| *weight *= 1.0 - self.guess);
        weights[0] += self.guess;
        weights
    }
    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

const GRADED: SwapFunction = SwapFunction::Distance { width: 1.5, offset: -0.5 };

fn data(swap: SwapFunction, guess: f64, set_size: usize, trials: u64, seed: u64) -> Observations {
    let truth = Truth { swap, guess, emission: VonMises::new(12.0).unwrap() };
    observations(&simulated(&truth, &DisplayGenerator::standard(set_size).unwrap(), trials, seed))
}

/// Trials, basis and prior at given hyperparameters.
fn problem<'a>(
    observations: &'a Observations,
    basis: &'a dyn super::basis::SwapBasis,
    x: &[f64],
) -> (Search<'a>, Prior) {
    problem_of(observations, basis, x, &BnsOptions::default())
}

fn problem_of<'a>(
    observations: &'a Observations,
    basis: &'a dyn super::basis::SwapBasis,
    x: &[f64],
    options: &BnsOptions,
) -> (Search<'a>, Prior) {
    let search = Search::new(
        observations,
        basis,
        SwapDependence::Probe,
        options,
        &super::estimate::whole(observations),
    )
    .unwrap();
    let prior = search.prior(x);
    (search, prior)
}

fn fitted(observations: &Observations, dependence: SwapDependence) -> BnsEstimate {
    fit_bns(observations, dependence, &BnsOptions::default()).unwrap()
}

fn kappa(fit: &BnsEstimate) -> f64 {
    fit.emission.kappa().unwrap()
}

/// Expectations over all trials.
fn expectation(
    design: &Design<'_>,
    emissions: &LogEmissions,
    mean: &DVector<f64>,
    covariance: &DMatrix<f64>,
) -> super::expectation::Expectation {
    design.expectation(0..design.observations.len(), emissions, mean, covariance, f64::INFINITY)
}

/// A Gaussian that is neither the prior nor an optimum.
fn arbitrary(size: usize, spread: f64) -> (DVector<f64>, DMatrix<f64>) {
    let mut stream = stream(1, Purpose::Starts, &[size as u64]);
    let mut normal = || stream.sample::<f64, _>(StandardNormal);
    let mean = DVector::from_fn(size, |index, _| if index < 2 { -1.0 } else { 0.3 * normal() });
    let factor = DMatrix::from_fn(size, size, |_, _| spread * normal() / (size as f64).sqrt());
    (mean, &factor * factor.transpose() + 0.01 * DMatrix::identity(size, size))
}

/// Swaps by both distances, by one, or by none.
#[derive(Debug)]
struct Generator {
    guess: f64,
    by_probe: f64,
    by_report: f64,
    level: f64,
    emission: VonMises,
}

impl ResponseModel for Generator {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = vec![self.guess, 1.0];
        weights.extend((1..display.set_size()).map(|item| {
            let (probe, report) = (display.probe_offset(item).unwrap(), display.report_offset(item));
            (self.level + self.by_probe * probe.cos() - self.by_report * (2.0 * report).cos()).exp()
        }));
        let total: f64 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }
    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

/// κ = 12 and about a third of swaps at set size 4.
fn generator(by_probe: f64, by_report: f64, level: f64) -> Generator {
    Generator { guess: 0.05, by_probe, by_report, level, emission: VonMises::new(12.0).unwrap() }
}
