//! What is simulated: a fit, or a model whose parameters are given.

use errare_core::random::{Purpose, key, stream};
use errare_core::von_mises::VonMises;
use rayon::prelude::*;

use crate::fit::FittedModel;
use crate::{
    Display, DisplayGenerator, Emission, Error, Fit, ModelName, Observations, Response, ResponseModel,
    Result, SwapFunction, surrogate,
};

/// A distribution of responses to simulate, and the model that ought to recover it.
#[derive(Debug, Clone)]
pub struct Truth {
    label: String,
    model: ModelName,
    displays: DisplayGenerator,
    source: Origin,
}

#[derive(Debug, Clone)]
enum Origin {
    Fit { fitted: FittedModel, parameters: Vec<(String, f64)> },
    Given(GivenTruth),
}

/// A swap function set by hand with von Mises errors and guesses.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenTruth {
    swap: SwapFunction,
    uniform: f64,
    emission: VonMises,
}

impl GivenTruth {
    /// Swaps by `swap` among the responses that are no guesses, guesses with probability `uniform`, errors of
    /// concentration `kappa` (1/rad²).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when `uniform` is no probability, κ is negative, or as [`SwapFunction::validate`].
    pub fn new(swap: SwapFunction, uniform: f64, kappa: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&uniform) {
            return Err(Error::OutOfRange {
                name: "uniform",
                value: uniform,
                expected: "a probability, 0 to 1",
            });
        }
        swap.validate()?;
        Ok(Self { swap, uniform, emission: VonMises::new(kappa)? })
    }

    /// Names and values of the parameters that fits may share.
    fn parameters(&self, set_size: usize) -> Vec<(String, f64)> {
        let mut all = vec![("kappa".to_owned(), self.emission.kappa()), ("uniform".to_owned(), self.uniform)];
        let swaps = match self.swap {
            SwapFunction::Flat { swap_probability } => Some(swap_probability),
            SwapFunction::None => Some(0.0),
            _ => None,
        };
        if let (Some(swaps), true) = (swaps, set_size > 1) {
            all.push(("nontarget".to_owned(), (1.0 - self.uniform) * swaps));
        }
        all
    }
}

impl ResponseModel for GivenTruth {
    fn weights(&self, display: &Display) -> Vec<f64> {
        let mut weights = self.swap.weights(display);
        weights.iter_mut().for_each(|weight| *weight *= 1.0 - self.uniform);
        weights[0] += self.uniform;
        weights
    }

    fn emission(&self, _: &Display) -> Option<&dyn Emission> {
        Some(&self.emission)
    }
}

/// One simulated data set.
pub(super) struct DataSet {
    pub(super) observations: Observations,
    /// True weights of the cued item, of all others, of guesses, averaged over trials.
    pub(super) weights: [f64; 3],
    /// The distribution that it was drawn from.
    pub(super) model: Box<dyn ResponseModel>,
}

impl Truth {
    /// The responses of a fit to displays of its set size with the smallest `separation` (radians) between items, or
    /// the standard one. A BNS fit answers each data set with a posterior draw of its own.
    ///
    /// # Errors
    /// When the fit is broken, has no one set size, or its displays are impossible.
    pub fn from_fit(fit: &Fit, label: impl Into<String>, separation: Option<f64>) -> Result<Self> {
        let set_size = fit.set_size.ok_or_else(|| Error::BrokenFit {
            label: fit.label(),
            problem: "a truth needs one set size, and this fit mixes them",
        })?;
        let hyperparameter =
            |name: &str| fit.bns.as_ref().is_some_and(|bns| bns.hyperparameters.contains_key(name));
        let parameters = fit.parameters.iter().filter(|estimate| !hyperparameter(&estimate.name));
        let parameters = parameters.map(|estimate| (estimate.name.clone(), estimate.value)).collect();
        let source = Origin::Fit { fitted: fit.model()?, parameters };
        Ok(Self { label: label.into(), model: fit.model, displays: displays(set_size, separation)?, source })
    }

    /// A truth set by hand; `model` is the one that ought to recover it.
    ///
    /// # Errors
    /// When the displays are impossible.
    pub fn given(
        label: impl Into<String>,
        model: ModelName,
        truth: GivenTruth,
        set_size: usize,
        separation: Option<f64>,
    ) -> Result<Self> {
        let displays = displays(set_size, separation)?;
        Ok(Self { label: label.into(), model, displays, source: Origin::Given(truth) })
    }

    /// Its name in tables.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The model that ought to recover it.
    #[must_use]
    pub fn model(&self) -> ModelName {
        self.model
    }

    /// Items of its displays.
    #[must_use]
    pub fn set_size(&self) -> usize {
        self.displays.set_size()
    }

    /// The true parameters by name.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, f64)> {
        match &self.source {
            Origin::Fit { parameters, .. } => parameters.clone(),
            Origin::Given(given) => given.parameters(self.set_size()),
        }
    }

    /// The distribution behind data set number `set` of the truth at position `index`.
    fn response_model(&self, index: usize, set: u64, seed: u64) -> Box<dyn ResponseModel> {
        match &self.source {
            Origin::Fit { fitted, .. } => {
                Box::new(fitted.draw(key(seed, Purpose::Posterior, &[index as u64, set])))
            }
            Origin::Given(given) => Box::new(given.clone()),
        }
    }

    /// Data set number `set` of the truth at position `index`.
    pub(super) fn simulate(&self, index: usize, set: u64, trials: u64, seed: u64) -> Result<DataSet> {
        let model = self.response_model(index, set, seed);
        let seed = key(seed, Purpose::Surrogate, &[index as u64, set]);
        let displays: Vec<Display> = (0..trials)
            .into_par_iter()
            .map(|trial| self.displays.draw(&mut stream(seed, Purpose::Displays, &[trial])))
            .collect();
        let responses: Vec<Response> = surrogate(model.as_ref(), &displays, seed);
        let mut weights = [0.0; 3];
        for display in &displays {
            let all = model.weights(display);
            weights[0] += all[1] / trials as f64;
            weights[1] += all[2..].iter().sum::<f64>() / trials as f64;
            weights[2] += all[0] / trials as f64;
        }
        let trials = displays.iter().zip(responses.iter().map(|response| response.angle));
        Ok(DataSet { observations: Observations::new(trials)?, weights, model })
    }
}

fn displays(set_size: usize, separation: Option<f64>) -> Result<DisplayGenerator> {
    match separation {
        Some(separation) => DisplayGenerator::new(set_size, separation, separation),
        None => DisplayGenerator::standard(set_size),
    }
}

/// Probability of a swap between two items at a probe distance (radians), among responses that are no guesses.
pub(super) fn swap_probability(model: &dyn ResponseModel, distance: f64) -> f64 {
    let display = Display { probe: vec![0.0, distance], report: vec![0.0, 2.0], cued_slot: 0 };
    let weights = model.weights(&display);
    weights[2] / (weights[1] + weights[2])
}
