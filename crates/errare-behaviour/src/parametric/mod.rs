//! The classical models beside the mixtures: each says its parameters, its logits and its emission, in one file.
//!
//! `models` names them; `slots`, `variable_precision`, `interference`, `signal_discrimination` and `confusability` are
//! the models, `shares` the weights that several have in common. `transform` takes parameters to the whole line,
//! `objective` is the likelihood with its gradient, and `estimate` the one maximum-likelihood fitter of all. Stands
//! between `likelihood` and `fit`.

mod confusability;
mod estimate;
mod interference;
mod models;
mod objective;
mod shares;
mod signal_discrimination;
mod slots;
#[cfg(test)]
mod tests;
mod transform;
mod variable_precision;

use std::fmt::Debug;

pub(crate) use estimate::{ParametricEstimate, fit_parametric};
pub use models::ClassicalModel;

use crate::EmissionParameters;

/// A parameter of a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    /// The field's name.
    pub(crate) name: &'static str,
    pub(crate) range: Range,
    /// Values that the search starts from.
    pub(crate) starts: &'static [f64],
    /// Whether the emission depends on it.
    pub(crate) shapes_emission: bool,
}

/// Where a parameter may lie, which also says how it is taken to the whole line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Range {
    /// Positive, between limits: by its logarithm.
    Positive(f64, f64),
    /// Between limits: as it is.
    Real(f64, f64),
    /// A probability; all those of a model and what they leave sum to 1: by the logarithm of its odds against
    /// what they leave.
    Share,
}

impl Range {
    /// Whether a value is one that a fit may have.
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::Positive(_, high) => value > 0.0 && value <= 1.0001 * high,
            Self::Real(low, high) => (low..=high).contains(&value),
            Self::Share => (0.0..1.0).contains(&value),
        }
    }

    /// Its ends.
    #[cfg(test)]
    pub(crate) fn ends(self) -> (f64, f64) {
        match self {
            Self::Positive(low, high) | Self::Real(low, high) => (low, high),
            Self::Share => (0.0, 1.0),
        }
    }
}

/// What the logits of a trial may depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'a> {
    pub(crate) set_size: usize,
    /// Probe offset (radians) of every item from the cued one; `None` without probe features.
    pub(crate) probe_offsets: Option<&'a [f64]>,
}

/// The logits of a trial and their derivatives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logits {
    /// `[uniform, cued item, others…]`; −∞ where a source does not exist.
    pub(crate) values: Vec<f64>,
    /// ∂ logit / ∂ parameter, [parameters × sources].
    slopes: Vec<f64>,
}

impl Logits {
    /// Takes the shape of a trial: no source, no slope.
    fn reset(&mut self, parameters: usize, set_size: usize) {
        self.values.clear();
        self.values.resize(set_size + 1, f64::NEG_INFINITY);
        self.slopes.clear();
        self.slopes.resize(parameters * (set_size + 1), 0.0);
    }

    /// The derivatives of all logits with respect to one parameter.
    fn slopes_of(&mut self, parameter: usize) -> &mut [f64] {
        let sources = self.values.len();
        &mut self.slopes[parameter * sources..(parameter + 1) * sources]
    }
}

/// A model of which every number follows from a few parameters.
pub(crate) trait ParametricModel: Debug + Send + Sync {
    /// Its parameters, in the order in which values are given.
    fn parameters(&self) -> Vec<Parameter>;

    /// Fills the logits of a trial (which have been reset) and their derivatives.
    fn logits(&self, at: &[f64], items: Items<'_>, logits: &mut Logits);

    /// Values of the parameters in each stretch between kinks of the likelihood, which a search that ended at `at` does not
    /// cross.
    fn stretches(&self, _at: &[f64]) -> Vec<Vec<Vec<f64>>> {
        Vec::new()
    }

    /// The emission.
    fn emission(&self, at: &[f64]) -> EmissionParameters;
}
