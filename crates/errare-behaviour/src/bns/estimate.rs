//! A BNS fit from trials to posterior.

use std::collections::BTreeMap;

use nalgebra::DVector;

use super::basis::{SwapBasis, SwapDependence};
use super::bfgs::{Stop, maximise};
use super::evidence::evidence;
use super::expectation::Design;
use super::inference::{Gaussian, Optimum, Prior, log_scale_slopes, optimise, scaled};
use super::posterior::{SwapCurvePoint, SwapPosterior};
use crate::mixture::{MixtureEstimate, MixtureWeights, fit_mixture};
use crate::{Observations, Result};

/// Points of the swap curve on [0, π].
const CURVE: usize = 101;
/// Weights of the starting mixture are kept this far from 0.
const START_FLOOR: f64 = 1e-3;
/// A few thousandths of a nat do not change a conclusion.
const STOP: Stop = Stop { gain: 2e-3, steps: 40 };
/// The data narrow a hyperparameter to about this part of its prior's standard deviation.
const SPREAD: f64 = 0.5;

/// A fitted BNS model.
#[derive(Debug, Clone, PartialEq)]
pub struct BnsEstimate {
    /// Posterior means of the weights, averaged over the trials.
    pub weights: MixtureWeights,
    /// Concentration κ of the von Mises emission.
    pub kappa: f64,
    /// Log likelihood of the predictive mixture, whose weights are posterior means (nats).
    pub log_likelihood: f64,
    /// Evidence lower bound at the fitted κ and hyperparameters (nats).
    pub elbo: f64,
    /// Log evidence at the fitted κ and hyperparameters, by importance sampling (nats).
    pub log_evidence: f64,
    /// Effective sample size of the importance sampling …
    pub ess: f64,
    /// … out of so many draws.
    pub evidence_draws: usize,
    /// Number of coefficients that the data, not the prior, determine: Σ (1 − posterior/prior variance).
    pub effective_coefficients: f64,
    /// Prior scale of the swap function (logits) and inverse length of each feature it depends on.
    pub hyperparameters: BTreeMap<String, f64>,
    /// Whether the search for the posterior ended before its limit of steps.
    pub converged: bool,
    /// Posterior of the coefficients.
    pub posterior: SwapPosterior,
    /// Probability of a swap over probe distance in a comparison of two items; empty without uncued items.
    pub swap_curve: Vec<SwapCurvePoint>,
}

/// The search over hyperparameters in one basis.
pub(super) struct Search<'a> {
    pub(super) basis: &'a dyn SwapBasis,
    pub(super) design: Design<'a>,
}

impl Search<'_> {
    pub(super) fn prior(&self, x: &[f64]) -> Prior {
        Prior::new(self.design.coefficients(), &self.basis.scales(x))
    }

    /// Best ELBO over q and κ plus the log prior of the hyperparameters, with its gradient.
    pub(super) fn objective(&self, x: &[f64], q: Gaussian, kappa: f64) -> Result<(f64, Vec<f64>, Optimum)> {
        let scales = self.basis.scales(x);
        let prior = Prior::new(self.design.coefficients(), &scales);
        let optimum = optimise(&self.design, &prior, q, kappa)?;
        let slopes = log_scale_slopes(&optimum.point, &prior);
        let (mut value, mut gradient) = (optimum.point.elbo, Vec::with_capacity(x.len()));
        for ((x, hyper), log_slopes) in x.iter().zip(self.basis.hyperpriors()).zip(&scales.log_slopes) {
            let deviation = (x - hyper.mean) / hyper.sd;
            value -= 0.5 * deviation * deviation;
            let likelihood: f64 = slopes.iter().zip(log_slopes).map(|(slope, log)| slope * log).sum();
            gradient.push(likelihood - deviation / hyper.sd);
        }
        Ok((value, gradient, optimum))
    }
}

/// q at the weights of a fitted mixture.
fn start(
    mixture: &MixtureEstimate,
    observations: &Observations,
    coefficients: usize,
    prior: &Prior,
) -> Gaussian {
    let weight = |value: f64| value.max(START_FLOOR);
    let target = weight(mixture.weights.target);
    let mut mean = DVector::zeros(coefficients);
    let whiten = |logit: f64, index: usize| (logit - prior.mean[index]) / prior.sd[index];
    mean[0] = whiten((weight(mixture.weights.uniform) / target).ln(), 0);
    if coefficients > 1 {
        let others = observations.max_set_size() as f64 - 1.0;
        let nontarget = weight(mixture.weights.nontarget.unwrap_or(0.0)) / others;
        mean[1] = whiten((nontarget / target).ln(), 1);
    }
    Gaussian::unit(mean)
}

/// Fits BNS. Every number but the evidence is deterministic; `seed` is that of the importance sampling.
///
/// Set sizes may be mixed: they then share the swap function, the guess logit and κ. Displays of one item have
/// guesses and correct reports only.
///
/// # Errors
/// [`Error::MissingProbe`](crate::Error::MissingProbe) when the swap function depends on probe features that
/// the displays lack.
pub fn fit_bns(observations: &Observations, dependence: SwapDependence, seed: u64) -> Result<BnsEstimate> {
    let mixture = fit_mixture(observations, true)?;
    // A single item leaves nothing to swap with, hence no swap function.
    let swaps = observations.max_set_size() > 1;
    let mut basis = if swaps { dependence } else { SwapDependence::None }.basis();
    let mut x: Vec<f64> = basis.hyperpriors().iter().map(|hyper| hyper.start).collect();
    let mut coarser: Option<Optimum> = None;
    loop {
        let search =
            Search { basis: basis.as_ref(), design: Design::new(observations, basis.as_ref(), dependence)? };
        let coefficients = search.design.coefficients();
        let spread: Vec<f64> = basis.hyperpriors().iter().map(|hyper| SPREAD * hyper.sd).collect();
        let (end, optimum) = maximise(x, &spread, STOP, |x, before: Option<&Optimum>| {
            let (q, kappa) = match before.or(coarser.as_ref()) {
                Some(optimum) => (optimum.point.q.extended(coefficients), optimum.point.kappa),
                None => (start(&mixture, observations, coefficients, &search.prior(x)), mixture.kappa),
            };
            search.objective(x, q, kappa)
        })?;
        x = end;
        let Some(finer) = basis.refined(&x) else {
            return finish(observations, dependence, &search, &x, &optimum, seed);
        };
        (basis, coarser) = (finer, Some(optimum));
    }
}

fn finish(
    observations: &Observations,
    dependence: SwapDependence,
    search: &Search<'_>,
    x: &[f64],
    optimum: &Optimum,
    seed: u64,
) -> Result<BnsEstimate> {
    let (point, prior) = (&optimum.point, &search.prior(x));
    let evidence = evidence(&search.design, prior, point, seed)?;
    let mean = &prior.mean + prior.sd.component_mul(&point.q.mean);
    let factor =
        scaled(&point.q.covariance, &prior.sd).cholesky().expect("a scaled inverse of a precision").unpack();
    let posterior = SwapPosterior::new(dependence, search.basis.modes(), &mean, &factor);
    let trials = observations.len() as f64;
    let [uniform, target, nontarget] = point.expectation.weights.map(|sum| sum / trials);
    let swaps = posterior.has_swaps();
    Ok(BnsEstimate {
        weights: MixtureWeights { target, nontarget: swaps.then_some(nontarget), uniform },
        kappa: point.kappa,
        log_likelihood: point.expectation.predictive,
        elbo: point.elbo,
        log_evidence: evidence.log,
        ess: evidence.effective,
        evidence_draws: evidence.draws,
        converged: optimum.converged(),
        effective_coefficients: point.q.mean.len() as f64 - point.q.covariance.trace(),
        hyperparameters: search.basis.named(x),
        swap_curve: posterior.swap_curve(CURVE, observations.probe_range()),
        posterior,
    })
}
