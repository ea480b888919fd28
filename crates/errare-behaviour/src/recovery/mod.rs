//! What a fit can be trusted with: parameters, models and posteriors recovered from simulated trials.
//!
//! `truth` says what is simulated, `parameters` fits it with its own model, `models` with several and asks which wins,
//! `calibration` draws the truth from the prior of BNS and asks where it lies in the posterior, `posteriors` holds the
//! posterior against NUTS. What must be met is stated before anything is simulated and judged afterwards (`gates`). Models are
//! known by [`ModelName`] and [`Fit`](crate::Fit) only, so that a new one needs no edit here.
//!
//! Every data set has random streams of its own, keyed by the position of its truth and its number: results depend neither
//! on threads nor on what else is asked of the same truths.

mod calibration;
mod gates;
mod models;
mod parameters;
mod posteriors;
#[cfg(test)]
mod tests;
mod truth;
mod uniformity;

pub use calibration::{Calibration, CalibrationDesign, Ranks, calibrate};
pub use gates::{Gate, Gates};
pub use models::{ModelRecovery, ModelRow, Outcome, recover_models};
pub use parameters::{
    CurveRecovery, CurveRecoveryPoint, ParameterRecovery, ParameterSummary, recover_parameters,
};
pub use posteriors::{PosteriorRecovery, recover_posteriors};
pub use truth::{GivenTruth, Truth};
pub use uniformity::{chi_square_uniform, kolmogorov_smirnov_uniform};

use crate::ModelName;

/// How much to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveryDesign {
    /// Trials of a data set.
    pub trials: u64,
    /// Data sets of each truth.
    pub sets: u64,
    /// Seed of everything random.
    pub seed: u64,
}

/// Called, from any thread, each time a data set is done.
pub type Done<'a> = &'a (dyn Fn() + Sync);

/// Number of data sets that a run fits, by what is asked for.
#[must_use]
pub fn recovery_fits(truths: usize, models: &[ModelName], design: RecoveryDesign) -> u64 {
    let sets = truths as u64 * design.sets;
    if models.len() > 1 { 2 * sets } else { sets }
}
