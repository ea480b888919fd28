//! The variational posterior of BNS held against the No-U-Turn Sampler.
//!
//! What is compared (`check`) is known to every build; the sampler itself (`sampler`, on the log density in `density`, judged
//! by `diagnostics`) is in those with the feature `nuts` only, as nuts-rs, the sampler of PyMC, brings a linear-algebra
//! library with it.

mod check;
#[cfg(feature = "nuts")]
mod density;
#[cfg(feature = "nuts")]
mod diagnostics;
#[cfg(feature = "nuts")]
mod sampler;

pub use check::{CoefficientCheck, GoldStandard, NutsOptions};

#[cfg(feature = "nuts")]
use sampler::sample;

use super::{BnsOptions, SwapDependence};
use crate::{Observations, Result};

/// Whether this build can sample: it has the feature `nuts`.
#[must_use]
pub const fn nuts_is_built() -> bool {
    cfg!(feature = "nuts")
}

/// Fits BNS and samples the same posterior, of the coefficients at the fitted emission and hyperparameters, by NUTS.
///
/// # Errors
/// Those of [`fit_bns`](super::fit_bns); [`Error::NotBuilt`](crate::Error::NotBuilt) without the feature `nuts`, and
/// [`Error::Sampler`](crate::Error::Sampler) when a chain fails.
pub fn check_against_nuts(
    observations: &Observations,
    dependence: SwapDependence,
    options: &BnsOptions,
    nuts: NutsOptions,
) -> Result<GoldStandard> {
    sample(observations, dependence, options, nuts)
}

#[cfg(not(feature = "nuts"))]
fn sample(_: &Observations, _: SwapDependence, _: &BnsOptions, _: NutsOptions) -> Result<GoldStandard> {
    Err(crate::Error::NotBuilt { what: "NUTS", feature: "nuts" })
}
