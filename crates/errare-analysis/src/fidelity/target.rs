//! The target that a network is judged against.

use errare_behaviour::{Display, ResponseModel};

use crate::mixture::{
    DistanceBins, MixtureTarget, SWAP_CURVE_BINS, expected_swap_rates, response_standard_deviation,
};
use crate::{Error, Result};

/// The target distribution, as far as the comparison needs to know it.
#[derive(Debug, Clone, PartialEq)]
pub struct FidelityTarget {
    /// Precision and guesses that stay fixed while swaps are estimated.
    pub mixture: MixtureTarget,
    /// Bins of probe distance of the swap curve.
    pub bins: DistanceBins,
    /// Radius of the ring of responses, in the unit of the read-out.
    pub ring_radius: f64,
    /// Standard deviation of the isotropic read-out noise of the target, in the same unit.
    pub readout_sd: f64,
    /// Circular standard deviation (radians) of responses about an item, read-out noise included.
    pub response_sd: f64,
    /// Nominal swap rate of each bin; `None` for a bin without uncued items.
    pub expected_rates: Vec<Option<f64>>,
}

impl FidelityTarget {
    /// The target of a network trained on `model`: responses at `ring_radius` with isotropic noise
    /// `readout_sd`. The swap curve has 8 equal bins on [`probe_separation`, π] (radians); with `None`, for
    /// displays without probe features, only the total rate is estimated.
    ///
    /// # Errors
    /// When the radius or the noise is not above 0, the separation not in [0, π], or the model impossible.
    pub fn of_model(
        model: &dyn ResponseModel,
        displays: &[Display],
        probe_separation: Option<f64>,
        ring_radius: f64,
        readout_sd: f64,
    ) -> Result<Self> {
        for (name, value) in [("ring radius", ring_radius), ("read-out noise", readout_sd)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::OutOfRange { name, value, expected: "finite and above 0" });
            }
        }
        let bins = match probe_separation {
            Some(separation) => DistanceBins::uniform(separation, SWAP_CURVE_BINS)?,
            None => DistanceBins::single(),
        };
        let angular = readout_sd / ring_radius;
        Ok(Self {
            mixture: MixtureTarget::of_model(model, displays, angular)?,
            expected_rates: expected_swap_rates(model, displays, &bins)?,
            response_sd: response_standard_deviation(model, displays, angular),
            bins,
            ring_radius,
            readout_sd,
        })
    }
}
