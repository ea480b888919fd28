//! The mixture likelihood, written once for every model: logits and log emissions in, log likelihood,
//! responsibilities and derivatives out.
//!
//! Component 0 is the uniform guess, component 1 the cued item, component n + 1 item n. Set sizes may be
//! mixed, so that [trials × (items + 1)] is stored as rows of different length. Stands between the trials and
//! the models (`mixture`, `bns`), which only say where logits come from.

mod emissions;
mod kernel;
mod observations;
#[cfg(test)]
pub(crate) mod testing;

pub use emissions::{EmissionRow, LogEmissions};
pub use kernel::{MixtureEvaluation, mixture_likelihood, negative_hessian, softmax, trial_log_likelihood};
pub use observations::Observations;

pub(crate) use kernel::{posterior, sum_over_chunks, trial_value};
