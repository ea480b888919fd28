//! The verdict: is the network faithful to its target?

use indexmap::IndexMap;

/// A value that must not exceed a limit.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Criterion {
    /// The value.
    pub value: f64,
    /// The largest value that meets the criterion.
    pub limit: f64,
    /// Whether it is met.
    pub met: bool,
}

/// Criteria by name.
pub type Criteria = IndexMap<String, Criterion>;

impl Criterion {
    /// Holds a value against a limit; a value that is no number does not meet it.
    #[must_use]
    pub fn at_most(value: f64, limit: f64) -> Self {
        Self { value, limit, met: value <= limit }
    }
}

/// Largest RMSE of the swap curve, for two items and for more.
pub(crate) const SWAP_CURVE_RMSE: [f64; 2] = [0.02, 0.03];
/// Largest RMSE of the swap curve relative to that of the best constant rate.
pub(crate) const RELATIVE_TO_CONSTANT: f64 = 0.5;
/// A constant rate off by less than this (RMSE of a probability) leaves no dependence on distance to be learnt.
pub(crate) const NEGLIGIBLE_DEPENDENCE: f64 = 1e-3;
/// Largest error of the total swap rate: relative to the oracle's, or absolute, whichever is more.
pub(crate) const SWAP_RATE: (f64, f64) = (0.1, 0.01);
/// Largest median error relative to the oracle's.
pub(crate) const MEDIAN_ERROR: f64 = 1.15;
/// Largest energy distance relative to its floor.
pub(crate) const ENERGY_FLOORS: f64 = 3.0;
/// Largest excess of misplaced responses over the oracle's.
pub(crate) const MISPLACED: f64 = 0.01;
/// Largest mean excess of the loss over its floor, relative to the floor.
pub(crate) const LOSS_EXCESS: f64 = 0.15;
