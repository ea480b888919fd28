//! A fit as a distribution of responses to displays of any set size.

use std::sync::Arc;

use super::Fit;
use crate::bns::SwapPosterior;
use crate::data::MAX_SET_SIZE;
use crate::emission::EmissionParameters;
use crate::mixture::MixtureWeights;
use crate::parametric::ClassicalModel;
use crate::{Display, Emission, Error, ResponseModel, Result};

/// A fitted model that predicts, can be drawn from and trained on.
///
/// Displays may have any set size. A three-component fit to displays of N items keeps the odds of each uncued
/// item against the cued one, p_N/(N − 1) : p_T; a fit to mixed set sizes keeps the total p_N. Other classical models
/// with swaps do the same or say what happens in their parameters, and BNS keeps its swap function.
#[derive(Debug, Clone)]
pub struct FittedModel {
    parameters: EmissionParameters,
    /// The emission in displays of 1, 2, … items.
    emissions: Vec<Arc<dyn Emission>>,
    weights: Weights,
}

impl PartialEq for FittedModel {
    fn eq(&self, other: &Self) -> bool {
        self.parameters == other.parameters && self.weights == other.weights
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Weights {
    Mixture {
        fitted: MixtureWeights,
        set_size: Option<usize>,
    },
    /// The weights of a classical model at its estimates.
    Classical {
        model: ClassicalModel,
        set_size: Option<usize>,
        values: Vec<f64>,
    },
    /// The posterior mean of the weights.
    Predictive(SwapPosterior),
    /// The weights of one draw of the coefficients.
    Draw(SwapPosterior, Vec<f64>),
}

impl FittedModel {
    /// One coherent draw from the posterior of a BNS fit, the same for the same seed: every display is answered
    /// with the same swap function. A classical model has no posterior and stays at its estimate.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Self {
        let weights = match &self.weights {
            Weights::Predictive(posterior) | Weights::Draw(posterior, _) => {
                Weights::Draw(posterior.clone(), posterior.draw(seed))
            }
            classical @ (Weights::Mixture { .. } | Weights::Classical { .. }) => classical.clone(),
        };
        Self { parameters: self.parameters, emissions: self.emissions.clone(), weights }
    }
}

impl Fit {
    /// The response distribution of the fit: of BNS the predictive mixture, whose weights are posterior means
    /// at the display's own probe distances.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] or [`Error::BrokenFit`] when the fit was read from a file that was edited.
    pub fn model(&self) -> Result<FittedModel> {
        let emissions =
            (1..=MAX_SET_SIZE).map(|set_size| self.emission.emission(set_size)).collect::<Result<_>>()?;
        let bad = |problem| Error::BrokenFit { label: self.label(), problem };
        let weights = match (self.model, &self.bns) {
            (crate::ModelName::Bns(dependence), Some(bns)) => {
                if dependence != bns.posterior.dependence || !bns.posterior.is_consistent() {
                    return Err(bad("the posterior's parts disagree"));
                }
                Weights::Predictive(bns.posterior.clone())
            }
            (crate::ModelName::Bns(_), None) => return Err(bad("its posterior is missing or unreadable")),
            (crate::ModelName::Classical(model), _) => {
                let expected = model.build(self.set_size, MAX_SET_SIZE).parameters();
                let names = || self.parameters.iter().map(|estimate| estimate.name.as_str());
                let values: Vec<f64> = self.parameters.iter().map(|estimate| estimate.value).collect();
                if !names().eq(expected.iter().map(|parameter| parameter.name))
                    || !expected.iter().zip(&values).all(|(parameter, value)| parameter.range.holds(*value))
                {
                    return Err(bad("its parameters are not those of the model"));
                }
                Weights::Classical { model, set_size: self.set_size, values }
            }
            (crate::ModelName::TwoComponent | crate::ModelName::ThreeComponent, _) => {
                let MixtureWeights { target, nontarget, uniform } = self.weights;
                let valid = [target, nontarget.unwrap_or(0.0), uniform]
                    .iter()
                    .all(|weight| (0.0..=1.0 + 1e-9).contains(weight));
                if !valid || target + uniform <= 0.0 {
                    return Err(bad("its weights are no probabilities"));
                }
                Weights::Mixture { fitted: self.weights, set_size: self.set_size }
            }
        };
        Ok(FittedModel { parameters: self.emission, emissions, weights })
    }
}

impl ResponseModel for FittedModel {
    fn weights(&self, display: &Display) -> Vec<f64> {
        match &self.weights {
            Weights::Mixture { fitted, set_size } => mixture_weights(fitted, *set_size, display.set_size()),
            Weights::Classical { model, set_size, values } => model.weights(values, *set_size, display),
            Weights::Predictive(posterior) => posterior.mean_weights(display),
            Weights::Draw(posterior, coefficients) => posterior.weights_at(coefficients, display),
        }
    }

    fn emission(&self, display: &Display) -> Option<&dyn Emission> {
        let index = display.set_size().clamp(1, self.emissions.len()) - 1;
        Some(self.emissions[index].as_ref())
    }
}

fn mixture_weights(fitted: &MixtureWeights, fitted_size: Option<usize>, set_size: usize) -> Vec<f64> {
    let others = fitted_size.unwrap_or(set_size).max(2) - 1;
    let mut weights = vec![fitted.uniform, fitted.target];
    weights.resize(set_size + 1, fitted.nontarget.unwrap_or(0.0) / others as f64);
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    weights
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use errare_core::random::{Purpose, stream};

    use super::*;
    use crate::likelihood::testing::{observations, simulated};
    use crate::{DisplayGenerator, FitOptions, ModelName, SwapDependence, SwapFunction, fit};

    fn fitted(model: ModelName, set_size: usize) -> Fit {
        let swap = SwapFunction::Distance { width: 1.5, offset: -1.0 };
        let trials = simulated(&swap, &DisplayGenerator::standard(set_size).unwrap(), 300, 3);
        fit(&observations(&trials), model, &FitOptions::default()).unwrap()
    }

    fn display(set_size: usize) -> Display {
        DisplayGenerator::standard(set_size).unwrap().draw(&mut stream(9, Purpose::Displays, &[]))
    }

    #[test]
    fn odds_between_items_carry_over_to_other_set_sizes() {
        let fit = fitted(ModelName::ThreeComponent, 3);
        let model = fit.model().unwrap();
        let at_home = model.weights(&display(3));
        assert_abs_diff_eq!(at_home[1], fit.weights.target, epsilon = 1e-12);
        let away = model.weights(&display(6));
        assert_eq!(away.len(), 7);
        assert_abs_diff_eq!(away.iter().sum::<f64>(), 1.0, epsilon = 1e-12);
        assert_abs_diff_eq!(away[6] / away[1], at_home[2] / at_home[1], epsilon = 1e-12);
        assert_abs_diff_eq!(away[0] / away[1], at_home[0] / at_home[1], epsilon = 1e-12);
        assert_eq!(model.weights(&display(1)).len(), 2);
    }

    #[test]
    fn the_predictive_weights_are_the_mean_of_those_of_draws() {
        let model = fitted(ModelName::Bns(SwapDependence::Probe), 3).model().unwrap();
        for set_size in [1, 2, 5] {
            let display = display(set_size);
            let draws = 4000;
            let mut mean = vec![0.0; set_size + 1];
            for seed in 0..draws {
                let weights = model.draw(seed).weights(&display);
                mean.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum += weight / draws as f64);
            }
            for (exact, sampled) in model.weights(&display).iter().zip(&mean) {
                assert_abs_diff_eq!(exact, sampled, epsilon = 4e-3);
            }
        }
        assert_eq!(model.draw(5), model.draw(5).draw(5));
        assert_ne!(model.draw(5), model.draw(6));
    }

    #[test]
    fn without_probe_features_the_average_over_the_circle_counts() {
        let model = fitted(ModelName::Bns(SwapDependence::Probe), 2).model().unwrap();
        let unknown = Display { probe: vec![], report: vec![0.0, 1.0], cued_slot: 0 };
        let weights = model.weights(&unknown);
        assert_abs_diff_eq!(weights.iter().sum::<f64>(), 1.0, epsilon = 1e-9);
        assert!(weights[2] > 0.0);
    }

    #[test]
    fn edited_fits_are_refused() {
        let mut broken = fitted(ModelName::Bns(SwapDependence::Probe), 2);
        broken.bns.as_mut().unwrap().posterior.mean.pop();
        assert!(broken.model().unwrap_err().to_string().contains("set size 2"));
        // As many coefficients as 32 modes have: more modes were taken for these, and the weights panicked.
        let mut broken = fitted(ModelName::Bns(SwapDependence::Both), 2);
        let count = 2 + 33 * 33;
        let posterior = &mut broken.bns.as_mut().unwrap().posterior;
        posterior.mean = vec![0.0; count];
        posterior.covariance_cholesky = (0..count).map(|row| vec![0.0; row + 1]).collect();
        posterior.modes = 32;
        assert_eq!(broken.model().unwrap().weights(&display(2)).len(), 3);
        broken.bns.as_mut().unwrap().posterior.modes = 40;
        assert!(broken.model().is_err());
        let mut broken = fitted(ModelName::ThreeComponent, 2);
        broken.emission = EmissionParameters::VonMises { kappa: -1.0 };
        assert!(broken.model().is_err());
        broken.emission = EmissionParameters::VonMises { kappa: 1.0 };
        broken.weights.target = f64::NAN;
        assert!(broken.model().is_err());
    }
}
