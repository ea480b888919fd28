//! Fitting by name, and fits as they are kept: one entry for every behaviour model.
//!
//! `name` says which models there are, `parameters` what a fit tells of them, `model` turns a fit into a response
//! distribution, `across` averages participants, `directory` keeps fits. Stands between the models (`mixture`, `parametric`, `bns`) and those who
//! use any of them (`surrogate`, `comparison`, `check`, `recovery`).

mod across;
mod directory;
mod model;
mod name;
mod parameters;
mod participants;

use std::collections::BTreeMap;

pub use across::{ParticipantMean, ParticipantMeans, participant_means};
pub use directory::{FitSelection, Fits};
pub use model::FittedModel;
pub use name::ModelName;
pub use parameters::Estimate;
pub use participants::{Participants, Shrinkage, fit_participants, shrinkage};

use crate::bns::{
    BnsEstimate, BnsOptions, EmissionFamily, SwapCurvePoint, SwapPosterior, SwapSurfacePoint, fit_bns,
};
use crate::emission::EmissionParameters;
use crate::mixture::{MixtureEstimate, MixtureWeights, StandardErrors, fit_mixture};
use crate::parametric::{ParametricEstimate, fit_parametric};
use crate::{Observations, Result};

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Seed of what is random in a fit: the draws behind the evidence of BNS.
    pub seed: u64,
    /// Family of the emission of BNS; every other model has its own.
    pub emission: EmissionFamily,
    /// Whether BNS has uniform guesses; `None` for what is usual with the emission.
    pub uniform: Option<bool>,
    /// Report distance (radians) below which BNS does not tell swaps from correct reports; `None` for 2/√κ.
    pub exclude_report_radius: Option<f64>,
}

impl Default for FitOptions {
    fn default() -> Self {
        let BnsOptions { seed, emission, uniform, exclude_report_radius } = BnsOptions::default();
        Self { seed, emission, uniform, exclude_report_radius }
    }
}

impl FitOptions {
    /// What BNS takes of the options.
    pub(crate) fn bns(&self) -> BnsOptions {
        let Self { seed, emission, uniform, exclude_report_radius } = *self;
        BnsOptions { seed, emission, uniform, exclude_report_radius }
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
    /// Weights of the sources, averaged over trials; of BNS posterior means.
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
    /// Whether the model has uniform guesses.
    pub uniform: bool,
    /// Probability of a swap in a comparison of two items, over report distance when that is all the swap function
    /// depends on, else over probe distance; empty without uncued items.
    pub swap_curve: Vec<SwapCurvePoint>,
    /// The same over both distances, for dependences on both.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swap_surface: Vec<SwapSurfacePoint>,
    /// Report distance (radians) below which swaps are not told from correct reports.
    pub exclusion_radius: f64,
    /// Mean weight, a trial, of the uncued items beyond that radius; `None` without uncued items.
    pub swap_mass: Option<f64>,
    /// Log evidence at the fitted emission and hyperparameters (nats).
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
    /// Whether the search for the posterior ended because nothing was left to gain; in a hierarchy, whether the population of
    /// emissions had settled too.
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
    let (parameters, emission, log_likelihood, weights, standard_errors) = match model {
        ModelName::TwoComponent | ModelName::ThreeComponent => {
            let estimate = fit_mixture(observations, model == ModelName::ThreeComponent)?;
            let MixtureEstimate { kappa, log_likelihood, weights, standard_errors } = estimate;
            let emission = EmissionParameters::VonMises { kappa };
            (mixture_parameters(model, &estimate), emission, log_likelihood, weights, standard_errors)
        }
        ModelName::Classical(name) => {
            let estimate = fit_parametric(observations, name)?;
            let ParametricEstimate { parameters, emission, log_likelihood, weights } = estimate;
            (parameters, emission, log_likelihood, weights, None)
        }
        ModelName::Bns(dependence) => {
            let estimate = fit_bns(observations, dependence, &options.bns())?;
            return Ok(bns_fit(model, estimate, observations));
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
        emission,
        weights,
        standard_errors,
        bns: None,
    })
}

/// A BNS estimate as a fit.
fn bns_fit(model: ModelName, estimate: BnsEstimate, observations: &Observations) -> Fit {
    let emission = estimate.emission.named().into_iter();
    let hyperparameters = estimate.hyperparameters.iter().map(|(name, &value)| (name.as_str(), value));
    let parameters =
        emission.chain(hyperparameters).map(|(name, value)| Estimate::new(name, value, None)).collect();
    Fit {
        model,
        participant: None,
        condition: None,
        set_size: observations.common_set_size(),
        trials: observations.len(),
        log_likelihood: estimate.log_likelihood,
        parameters,
        emission: estimate.emission,
        weights: estimate.weights,
        standard_errors: None,
        bns: Some(BnsFit {
            uniform: estimate.uniform,
            effective_coefficients: estimate.effective_coefficients,
            swap_curve: estimate.swap_curve,
            swap_surface: estimate.swap_surface,
            exclusion_radius: estimate.exclusion_radius,
            swap_mass: estimate.swap_mass,
            log_evidence: estimate.log_evidence,
            elbo: estimate.elbo,
            ess: estimate.ess,
            evidence_draws: estimate.evidence_draws,
            converged: estimate.converged,
            hyperparameters: estimate.hyperparameters,
            posterior: estimate.posterior,
        }),
    }
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
