//! BNS: the Bayesian non-parametric mixture model of swap errors (Radmard, Bays & Lengyel, arXiv 2505.01178).
//!
//! The logit of reporting an uncued item against the cued one is a smooth even function f of the item's offset
//! from the cued item, with a Gaussian-process prior; the cued item is its own component and the gauge
//! (logit 0), guesses have a logit of their own. f is written in the Fourier basis that diagonalises its kernel
//! (`spectrum`, `basis`), so that the posterior is a Gaussian over a dozen coefficients. It is found by
//! natural-gradient variational inference with a line search on a deterministic objective (`design`,
//! `nodes`, `expectation`, `inference`) in turn with the M step of the emission (`emission`), its hyperparameters by empirical
//! Bayes (`estimate`, `bfgs`), and the evidence by importance sampling (`evidence`). `participants` fits several people together, with an
//! emission each or around a population (`arrow`). `posterior` is what a fit keeps, and `nuts` holds it against that sampler
//! (where it is built).

mod arrow;
mod basis;
mod calibration;
mod dense;
mod design;
mod emission;
mod estimate;
mod evidence;
mod expectation;
mod inference;
mod nodes;
mod nuts;
mod participants;
mod posterior;
mod spectrum;
#[cfg(test)]
mod tests;

pub(crate) use basis::MIN_TAU;
pub use basis::SwapDependence;
pub use calibration::SwapPrior;
pub use emission::EmissionFamily;
pub use estimate::{BnsEstimate, BnsOptions, fit_bns};
pub use nuts::{CoefficientCheck, GoldStandard, NutsOptions, check_against_nuts, nuts_is_built};
pub(crate) use participants::{Sharing, fit_participants};
pub use posterior::{SwapCurvePoint, SwapPosterior, SwapSurfacePoint};
pub use spectrum::wendland_spectrum;
