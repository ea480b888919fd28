//! Fitting by name, and fits as they are kept: one entry for every behaviour model.
//!
//! `name` says which models there are, `parameters` what a fit tells of them, `model` turns a fit into a response
//! distribution, `directory` keeps fits. Stands between the models (`mixture`, `parametric`, `bns`) and those who
//! use any of them (`surrogate`, `comparison`, `check`, `recovery`).

mod directory;
mod model;
mod name;
mod parameters;

use std::collections::BTreeMap;

pub use directory::{FitSelection, Fits};
pub use model::FittedModel;
pub use name::ModelName;
pub use parameters::{EmissionParameters, Estimate};

use crate::bns::{SwapCurvePoint, SwapPosterior, fit_bns};
use crate::mixture::{MixtureEstimate, MixtureWeights, StandardErrors, fit_mixture};
use crate::{Observations, Result};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitOptions {
    /// Seed of what is random in a fit: the draws behind the evidence of BNS.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { seed: 1 }
    }
}

/// A behaviour model fitted to one group of trials.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Fit {
    /// The model.
    pub model: ModelName,
    /// The participant of all trials, where they were grouped by participant; for the caller to fill in.
    #[serde(default)]
    pub participant: Option<String>,
    /// The condition of all trials, where they were grouped by condition; for the caller to fill in.
    #[serde(default)]
    pub condition: Option<String>,
    /// The set size of all trials; `None` when they are mixed.
    pub set_size: Option<usize>,
    /// Number of trials.
    pub trials: usize,
    /// Log likelihood (nats); of BNS that of the predictive mixture.
    pub log_likelihood: f64,
    /// What was estimated by maximum likelihood (or, for BNS, by maximum evidence), in the model's order.
    pub parameters: Vec<Estimate>,
    /// The emission.
    pub emission: EmissionParameters,
    /// Weights of the sources; of BNS posterior means, averaged over trials.
    pub weights: MixtureWeights,
    /// Asymptotic standard errors of the classical mixtures; `None` on the edge of the parameters' range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_errors: Option<StandardErrors>,
    /// What only BNS has; its fields stand beside the others in a file.
    #[serde(flatten)]
    pub bns: Option<BnsFit>,
}

/// The part of a fit that only BNS has.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BnsFit {
    /// Probability of a swap over probe distance in a comparison of two items; empty without uncued items.
    pub swap_curve: Vec<SwapCurvePoint>,
    /// Log evidence at the fitted κ and hyperparameters (nats).
    pub log_evidence: f64,
    /// Evidence lower bound (nats).
    pub elbo: f64,
    /// Effective sample size behind the evidence …
    pub ess: f64,
    /// … out of so many draws.
    pub evidence_draws: usize,
    /// Number of coefficients that the data, not the prior, determine: Σ (1 − posterior/prior variance).
    pub effective_coefficients: f64,
    /// Prior scale of the swap function (logits) and inverse length of each feature.
    pub hyperparameters: BTreeMap<String, f64>,
    /// Whether the search for the posterior ended before its limit of steps.
    pub converged: bool,
    /// Posterior of the coefficients of the logits.
    pub posterior: SwapPosterior,
}

/// Fits a model to trials.
///
/// ```
/// use errare_behaviour::{DisplayGenerator, FitOptions, Observations, SwapFunction, fit, surrogate};
/// use errare_core::random::{Purpose, stream};
///
/// let generator = DisplayGenerator::standard(4)?;
/// let displays: Vec<_> =
///     (0..500).map(|trial| generator.draw(&mut stream(1, Purpose::Displays, &[trial]))).collect();
/// let truth = SwapFunction::Flat { swap_probability: 0.3 };
/// let responses = surrogate(&truth, &displays, 1);
/// let trials = displays.iter().zip(responses.iter().map(|response| response.angle));
/// let fitted = fit(&Observations::new(trials)?, "three-component".parse()?, &FitOptions::default())?;
/// assert!((fitted.weights.nontarget.unwrap() - 0.3).abs() < 0.07);
/// # Ok::<(), errare_behaviour::Error>(())
/// ```
///
/// # Errors
/// [`Error::MissingProbe`](crate::Error::MissingProbe) when the model needs probe features that the displays lack.
pub fn fit(observations: &Observations, model: ModelName, options: &FitOptions) -> Result<Fit> {
    let (parameters, kappa, log_likelihood, weights, standard_errors, bns) = match model {
        ModelName::TwoComponent | ModelName::ThreeComponent => {
            let estimate = fit_mixture(observations, model == ModelName::ThreeComponent)?;
            let MixtureEstimate { kappa, log_likelihood, weights, standard_errors } = estimate;
            (mixture_parameters(model, &estimate), kappa, log_likelihood, weights, standard_errors, None)
        }
        ModelName::Bns(dependence) => {
            let estimate = fit_bns(observations, dependence, options.seed)?;
            let mut parameters = vec![Estimate::new("kappa", estimate.kappa, None)];
            let hyperparameters = estimate.hyperparameters.iter();
            parameters.extend(hyperparameters.map(|(name, &value)| Estimate::new(name, value, None)));
            let bns = BnsFit {
                effective_coefficients: estimate.effective_coefficients,
                swap_curve: estimate.swap_curve,
                log_evidence: estimate.log_evidence,
                elbo: estimate.elbo,
                ess: estimate.ess,
                evidence_draws: estimate.evidence_draws,
                converged: estimate.converged,
                hyperparameters: estimate.hyperparameters,
                posterior: estimate.posterior,
            };
            (parameters, estimate.kappa, estimate.log_likelihood, estimate.weights, None, Some(bns))
        }
    };
    Ok(Fit {
        model,
        participant: None,
        condition: None,
        set_size: observations.common_set_size(),
        trials: observations.len(),
        log_likelihood,
        parameters,
        emission: EmissionParameters::VonMises { kappa },
        weights,
        standard_errors,
        bns,
    })
}

/// The free parameters of a mixture: the weight of the cued item is what the others leave.
fn mixture_parameters(model: ModelName, estimate: &MixtureEstimate) -> Vec<Estimate> {
    let errors = estimate.standard_errors;
    let mut parameters = vec![Estimate::new("kappa", estimate.kappa, errors.map(|errors| errors.kappa))];
    if let (ModelName::ThreeComponent, Some(nontarget)) = (model, estimate.weights.nontarget) {
        parameters.push(Estimate::new("nontarget", nontarget, errors.and_then(|errors| errors.nontarget)));
    }
    parameters.push(Estimate::new("uniform", estimate.weights.uniform, errors.map(|errors| errors.uniform)));
    parameters
}

impl Fit {
    /// The group of trials in words, such as `participant 3, set size 4`.
    #[must_use]
    pub fn label(&self) -> String {
        let participant = self.participant.as_ref().map(|name| format!("participant {name}"));
        let condition = self.condition.as_ref().map(|name| format!("condition {name}"));
        let set_size = self.set_size.map_or("all set sizes".to_owned(), |n| format!("set size {n}"));
        participant.into_iter().chain(condition).chain([set_size]).collect::<Vec<_>>().join(", ")
    }
}
